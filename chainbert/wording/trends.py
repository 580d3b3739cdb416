"""How many firms of a city use a term, year by year."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from chainbert.errors import DataError
from chainbert.wilson import wilson
from chainbert.wording.contingency import Floats
from chainbert.wording.matrix import TermMatrix

Labels: TypeAlias = npt.NDArray[np.generic]


def term_trends(
    matrix: TermMatrix, city: Labels, period: Labels, terms: Sequence[str], firm: Labels | None = None
) -> pd.DataFrame:
    """Each term's use in every city and period that has texts, ordered by term, city and period.

    ``city``, ``period`` and ``firm`` (n,) label the rows of the matrix (``firm`` by default: every row another
    firm's); a firm with several rows in one city and period counts once, and uses a term if one of them does. Columns
    term (in the order asked for, each once), city, period, n (firms), firms (using it), share = firms / n, its 95 %
    interval low, high (Wilson 1927), per_thousand (uses per thousand words of the matrix's rows; NaN where there are
    none). A term that no text uses has shares of 0. Raises DataError where lengths differ or a label is missing.
    """
    size = matrix.counts.shape[0]
    firm = np.arange(size) if firm is None else firm
    for name, labels in (("city", city), ("period", period), ("firm", firm)):
        if len(labels) != size or pd.isna(labels).any():
            raise DataError(
                f"{size} texts, {len(labels)} values of {name} ({int(pd.isna(labels).sum())} missing) found; expected"
                " one a text and none missing"
            )
    wanted = list(dict.fromkeys(terms))
    cells = pd.DataFrame({"city": city, "period": period})
    of_row = cells.groupby(["city", "period"], sort=True).ngroup().to_numpy(dtype=np.int64)
    names = cells.drop_duplicates().sort_values(["city", "period"])
    uses = _columns(matrix, wanted)
    pairs, of_pair = np.unique(
        np.column_stack([of_row, pd.factorize(pd.Series(firm), sort=False)[0]]), axis=0, return_inverse=True
    )
    using = sparse.csr_array(_sums(of_pair.ravel(), len(pairs)) @ uses)
    using.data[:] = 1
    n = np.bincount(pairs[:, 0], minlength=len(names)).astype(float)
    firms = (_sums(pairs[:, 0], len(names)) @ using).toarray().T
    rate = _rates(matrix, uses, of_row, len(names))
    share = firms / n
    low, high = wilson(firms, np.broadcast_to(n, firms.shape))
    return pd.DataFrame(
        {
            "term": np.repeat(np.array(wanted, dtype=object), len(names)),
            "city": np.tile(names["city"], len(wanted)),
            "period": np.tile(names["period"], len(wanted)),
            "n": np.tile(n.astype(np.int64), len(wanted)),
            "firms": firms.ravel().astype(np.int64),
            "share": share.ravel(),
            "low": low.ravel(),
            "high": high.ravel(),
            "per_thousand": rate.ravel(),
        }
    ).astype({"term": "str"})


def _columns(matrix: TermMatrix, wanted: list[str]) -> sparse.csr_array:
    """(n, wanted) uses; empty columns for terms that the matrix lacks."""
    place = {term: column for column, term in enumerate(matrix.terms)}
    known = [(place[term], index) for index, term in enumerate(wanted) if term in place]
    picked = sparse.csr_array(
        (np.ones(len(known)), ([source for source, _ in known], [index for _, index in known])),
        shape=(matrix.counts.shape[1], len(wanted)),
    )
    return sparse.csr_array(matrix.counts @ picked)


def _rates(matrix: TermMatrix, uses: sparse.csr_array, of_row: npt.NDArray[np.integer], cells: int) -> Floats:
    """(wanted, cells) uses per thousand words."""
    cell = _sums(of_row, cells)
    words = cell @ np.asarray(matrix.counts.sum(axis=1), dtype=np.float64)
    counts = (cell @ uses).toarray().T
    return np.asarray(np.divide(1000 * counts, words, out=np.full_like(counts, np.nan), where=words > 0))


def _sums(places: npt.NDArray[np.integer], size: int) -> sparse.csr_array:
    return sparse.csr_array((np.ones(len(places)), (places, np.arange(len(places)))), (size, len(places)))
