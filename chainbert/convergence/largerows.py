"""The door for sets too large to hold in float64: rows.check_rows for float32 rows, memory-mapped ones too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from chainbert.convergence.gap import Floats, Ints
from chainbert.convergence.large import CHUNK
from chainbert.convergence.periods import bin_years, latest_rows, year_numbers
from chainbert.convergence.rows import (
    UNIT_TOLERANCE,
    Rows,
    check_rows,
    filled_texts,
    known_cities,
    one_city_a_year,
    sized,
)
from chainbert.convergence.tiles import Reals
from chainbert.errors import DataError

DOUBLE_UP_TO = 100_000
"""Rows that are held in float64."""


def large_rows(
    vectors: ArrayLike,
    city: ArrayLike,
    year: ArrayLike,
    *,
    reference: str,
    firm: ArrayLike | None = None,
    strata: ArrayLike | None = None,
    periods: Sequence[tuple[int, int]] | None = None,
    double_up_to: int = DOUBLE_UP_TO,
) -> Rows:
    """Rows as check_rows makes them, their vectors in float32 where there are more than double_up_to.

    vectors (n, d), float32, may be memory-mapped: it is read chunk by chunk and copied once, into the rows' own order
    (1.5 GB for a million rows of 384). Arguments and errors as in measure_convergence.
    """
    given = np.asanyarray(vectors)
    if len(given.shape) != 2 or len(given) <= double_up_to:
        return check_rows(given, city, year, reference=reference, firm=firm, strata=strata, periods=periods)
    _check_unit(given)
    columns = _columns(len(given), city, firm, strata)
    cities = known_cities(columns["city"], reference)
    binned = bin_years(sized(year, len(given), "year"), periods)
    columns["year"], columns["period"] = year_numbers(year), binned.code
    if firm is not None:
        one_city_a_year(columns)
    order = _own_order(given, columns[["city", "firm", "stratum", "year"]])
    if firm is None:
        columns.loc[order, "firm"] = np.arange(len(order)).astype(str)
    inside = order[binned.code[order] >= 0]
    if not len(inside):
        raise DataError(f"no row lies in one of the periods {', '.join(binned.labels)}")
    kept = columns.loc[inside]
    chosen = inside[latest_rows(kept["firm"], kept["year"], kept["period"])]
    kept = columns.loc[chosen]
    return Rows(
        vectors=_sorted_rows(given, chosen),
        city=np.searchsorted(cities, kept["city"].to_numpy(dtype=str)).astype(np.int64),
        period=kept["period"].to_numpy(dtype=np.int64),
        firm=pd.factorize(kept["firm"], sort=True)[0].astype(np.int64),
        stratum=pd.factorize(kept["stratum"], sort=True)[0].astype(np.int64),
        cities=cities,
        reference=cities.index(reference),
        labels=binned.labels,
        midpoints=binned.midpoints,
        outside=len(order) - len(inside),
        replaced=len(inside) - len(chosen),
        source=chosen,
    )


def _check_unit(matrix: Reals) -> None:
    """The checks of rows.check_rows on every row, without a copy of all: the first chunk with a fault speaks."""
    if not np.issubdtype(matrix.dtype, np.floating):
        raise DataError(f"vectors must be a filled matrix of numbers (n, d); found {matrix.dtype}")
    for start in range(0, len(matrix), CHUNK):
        lengths = np.linalg.norm(matrix[start : start + CHUNK].astype(np.float64), axis=1)
        wrong = ~(np.abs(lengths - 1) <= UNIT_TOLERANCE)
        if wrong.any():
            first = int(np.flatnonzero(wrong)[0])
            raise DataError(
                f"row {start + first} of the vectors is not of unit length ({lengths[first]:.4g}); "
                "unit rows without gaps were expected: divide each by its length, leave out what has no text"
            )


def _columns(size: int, city: ArrayLike, firm: ArrayLike | None, strata: ArrayLike | None) -> pd.DataFrame:
    columns = pd.DataFrame({"city": filled_texts(city, size, "city")})
    columns["firm"] = "" if firm is None else filled_texts(firm, size, "firm")
    columns["stratum"] = ""
    if strata is not None:
        table = pd.DataFrame(sized(strata, size, "strata")).fillna("").astype(str)
        # The length of each part keeps ("ab", "c") apart from ("a", "bc").
        for part in table.columns:
            columns["stratum"] += table[part].str.len().astype(str) + ":" + table[part]
    return columns


def _own_order(matrix: Reals, columns: pd.DataFrame) -> Ints:
    """Row numbers sorted by a hash of what is in the row (64 bits, multilinear in the vector's bits)."""
    keys = pd.util.hash_pandas_object(columns, index=False).to_numpy().astype(np.uint64)
    single = 2 if matrix.dtype == np.float64 else 1
    weights = np.random.default_rng(0).integers(2**63, size=matrix.shape[1] * single, dtype=np.uint64) * 2 + 1
    for start in range(0, len(matrix), CHUNK):
        part = np.ascontiguousarray(matrix[start : start + CHUNK], np.float64 if single == 2 else np.float32)
        keys[start : start + CHUNK] += part.view(np.uint32).astype(np.uint64) @ weights
    return np.argsort(keys, kind="stable").astype(np.int64)


def _sorted_rows(matrix: Reals, chosen: Ints) -> Floats:
    """The chosen rows, of exact unit length, in float32 chunk by chunk."""
    result = np.empty((len(chosen), matrix.shape[1]), dtype=np.float32)
    for start in range(0, len(chosen), CHUNK):
        part = np.asarray(matrix[chosen[start : start + CHUNK]], np.float32)
        result[start : start + CHUNK] = part / np.sqrt(np.einsum("ij,ij->i", part, part))[:, None]
    # Rows speak of float64; what reads these takes both.
    return cast(Floats, result)
