"""How many companies of a city and period use each category of a dictionary."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import numpy.typing as npt
import pandas as pd

from chainbert.errors import DataError
from chainbert.wilson import wilson
from chainbert.wording.dictionaries import DictionaryHits

ALL_PERIODS = "all"
COLUMNS = [
    "category", "name_zh", "name_en", "city", "period", "n", "yes", "share", "low", "high", "mentions",
]  # fmt: skip


def dictionary_shares(
    hits: DictionaryHits,
    city: Sequence[str] | npt.NDArray[np.object_],
    period: Sequence[str] | npt.NDArray[np.object_],
    firm: Sequence[str] | npt.NDArray[np.object_] | None = None,
) -> pd.DataFrame:
    """The share of a city's companies whose text has a category, in each period and in ``all``.

    ``city``, ``period`` and ``firm`` (n,) tell of each text where its company is, when it was seen ("" counts in
    ``all`` only) and which company it is (default: every text another's). A company seen several times in a cell
    counts once, and uses a category if any of its texts does. Rows with city "" are left out.

    One row a category, city and period that has companies, in the order of the dictionary, then by city and
    period: category, name_zh, name_en, city, period, n ≥ 1 companies, yes in [0, n], share, low and high in [0, 1]
    (95 %, Wilson 1927), mentions ≥ yes. The intervals cover which companies were seen, not whether a word means
    what its category says. Raises DataError where the lengths differ.
    """
    rows = pd.DataFrame({"city": city, "period": period}, dtype="object") if _fits(hits, city, period) else None
    if rows is None or (firm is not None and len(firm) != len(rows)):
        sizes = f"{len(city)} cities, {len(period)} periods" + ("" if firm is None else f", {len(firm)} companies")
        raise DataError(f"{len(hits.counts)} texts were counted, {sizes} given; one of each a text expected")
    rows["firm"] = np.arange(len(rows)) if firm is None else pd.factorize(np.asarray(firm, dtype=object), sort=True)[0]
    rows = rows[rows["city"] != ""]
    places = pd.concat([rows.assign(period=ALL_PERIODS), rows[rows["period"] != ""]])
    cells = [
        (name, *_cell(hits.counts[group.index.to_numpy()], group["firm"].to_numpy()))
        for name, group in places.groupby(["city", "period"], sort=True)
    ]
    table = [
        (one.id, one.names["zh"], one.names["en"], *cell[0], cell[1], int(cell[2][column]), int(cell[3][column]))
        for (column, one), cell in product(enumerate(hits.dictionary.categories), cells)
    ]
    counted = pd.DataFrame(table, columns=[*COLUMNS[:7], "mentions"])
    counted = counted.astype({"n": int, "yes": int, "mentions": int})
    low, high = wilson(counted["yes"].to_numpy(), counted["n"].to_numpy())
    return counted.assign(share=counted["yes"] / counted["n"], low=low, high=high)[COLUMNS]


def _fits(hits: DictionaryHits, *columns: Sequence[str] | npt.NDArray[np.object_]) -> bool:
    return all(len(column) == len(hits.counts) for column in columns)


def _cell(
    counts: npt.NDArray[np.int32], firm: npt.NDArray[np.int64]
) -> tuple[int, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Companies, and per category how many use it and how often all of them do."""
    companies, owner = np.unique(firm, return_inverse=True)
    uses = np.zeros((len(companies), counts.shape[1]), dtype=bool)
    np.logical_or.at(uses, owner, counts > 0)
    return len(companies), uses.sum(axis=0), counts.sum(axis=0, dtype=np.int64)
