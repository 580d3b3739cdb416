"""The door and the permutations that the tests on clusters share: checked columns, and which firms may trade cities."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from chainbert.clustering.consensus import NOISE
from chainbert.clustering.describe import ALL_PERIODS
from chainbert.errors import DataError
from chainbert.files import content_hash

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]

ALL_CITIES = "all"
SMALLEST_CELL = 5
TIE = 1e-12
# Numbers held at a time; the draws of a permutation are made in batches of this size.
BATCH_CELLS = 4_000_000
_UNIT_TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """Checked columns, sorted by content hash: everything random after it sees one order."""

    order: Ints
    """(n,) the given row of each sorted row."""
    city: Ints
    """(n,) index into cities."""
    period: Ints
    """(n,) index into periods, −1 where a row has none."""
    firm: Ints
    """(n,) codes from 0; rows of one firm share theirs."""
    stratum: Ints
    cities: tuple[str, ...]
    periods: tuple[str, ...]
    """Ascending in time."""

    def windows(self) -> Iterator[tuple[str, Ints]]:
        """Each period's name and rows; first "all" with every row."""
        yield ALL_PERIODS, np.arange(len(self.order))
        for index, name in enumerate(self.periods):
            yield name, np.flatnonzero(self.period == index)


@dataclass(frozen=True, slots=True, eq=False)
class Exchange:
    """Which firms may trade their cities: those with rows in the same periods and strata, each firm as a whole."""

    blocks: tuple[Ints, ...]
    """(firms, rows a firm) row numbers each."""

    def draw(self, city: Ints, draws: int, rng: np.random.Generator) -> Iterator[Ints]:
        """Permuted cities, (draws of a batch, n); every city keeps its size in each period and stratum."""
        step = max(1, BATCH_CELLS // len(city))
        for start in range(0, draws, step):
            count = min(step, draws - start)
            permuted = np.empty((count, len(city)), dtype=np.int64)
            for block in self.blocks:
                places = rng.permuted(np.tile(np.arange(len(block)), (count, 1)), axis=1)
                permuted[:, block] = city[block][places]
            yield permuted

    def slots(self, size: int) -> tuple[Ints, Ints, Ints]:
        """(n,) each: the row's place among its firm's rows (numbered over all blocks), its block, its firm."""
        slot, number, unit = (np.empty(size, dtype=np.int64) for _ in range(3))
        next_slot = next_unit = 0
        for index, block in enumerate(self.blocks):
            slot[block] = next_slot + np.arange(block.shape[1])
            unit[block] = next_unit + np.arange(len(block))[:, None]
            number[block] = index
            next_slot, next_unit = next_slot + block.shape[1], next_unit + len(block)
        return slot, number, unit

    def movable(self, city: Ints) -> NDArray[np.bool_]:
        """(n,) whether another city could come to the row."""
        found = np.zeros(len(city), dtype=bool)
        for block in self.blocks:
            found[block] = (city[block] != city[block[0]]).any(axis=0)
        return found


def check_panel(
    contents: list[str], city: ArrayLike, period: ArrayLike | None, firm: ArrayLike | None, strata: ArrayLike | None
) -> Panel:
    """Check the columns of n rows; ``contents`` (n) says what else is in each row, for the order.

    Arguments and errors as in measure_mixing.
    """
    size = len(contents)
    names = _texts(city, size, "city")
    when = [""] * size if period is None else _texts(period, size, "period", blank=True)
    firms = [""] * size if firm is None else _texts(firm, size, "firm")
    layers = [""] * size
    if strata is not None:
        table = pd.DataFrame(_sized(strata, size, "strata"))
        # The length of each part keeps ("ab", "c") apart from ("a", "bc").
        layers = ["".join(f"{len(_text(one))}:{_text(one)}" for one in row) for row in table.itertuples(index=False)]
    hashes = [content_hash(*row) for row in zip(names, when, firms, layers, contents, strict=True)]
    order = np.argsort(np.array(hashes), kind="stable").astype(np.int64)
    periods = tuple(sorted(set(when) - {""}, key=_moment))
    cities, codes = np.unique(np.array(names)[order], return_inverse=True)
    return Panel(
        order=order,
        city=codes.astype(np.int64),
        period=np.array([periods.index(when[row]) if when[row] else -1 for row in order], dtype=np.int64),
        firm=np.arange(size) if firm is None else _codes(firms, order),
        stratum=_codes(layers, order),
        cities=tuple(map(str, cities)),
        periods=periods,
    )


def exchange(panel: Panel, rows: Ints) -> Exchange:
    """The blocks of firms that may trade cities among the given rows; row numbers are places in ``rows``."""
    firm, code = panel.firm[rows], panel.period[rows] * (int(panel.stratum.max()) + 1) + panel.stratum[rows]
    ranked = np.lexsort((code, firm))
    starts = np.flatnonzero(np.diff(firm[ranked], prepend=-1))
    blocks: dict[bytes, list[Ints]] = {}
    for own in np.split(ranked, starts[1:]):
        blocks.setdefault(code[own].tobytes(), []).append(own)
    return Exchange(tuple(np.stack(blocks[key]) for key in sorted(blocks)))


def unit_rows(vectors: ArrayLike) -> Floats:
    """Vectors (n, d) as float64 rows of length 1. Raises DataError where one is not, within 0.001."""
    matrix = np.asarray(vectors)
    if matrix.ndim != 2 or not np.issubdtype(matrix.dtype, np.number) or not matrix.size:
        raise DataError(f"vectors of shape {matrix.shape} found; a filled matrix (rows, dimensions) is expected")
    matrix = matrix.astype(np.float64)
    lengths = np.linalg.norm(matrix, axis=1)
    wrong = np.flatnonzero(~(np.abs(lengths - 1) <= _UNIT_TOLERANCE))
    if len(wrong):
        raise DataError(
            f"row {wrong[0]} of the vectors has length {lengths[wrong[0]]:.4g} ({len(wrong):,} such rows); "
            "unit rows are expected: divide each by its length, leave out what has no text"
        )
    return np.asarray(matrix / lengths[:, None])


def whole_labels(labels: ArrayLike) -> Ints:
    """Cluster labels as whole numbers (n,). Raises DataError for others."""
    given = pd.to_numeric(pd.Series(np.asarray(labels, dtype=object)), errors="coerce").to_numpy(dtype=np.float64)
    wrong = np.flatnonzero(~(given >= NOISE) | (given != np.round(given)))
    if len(wrong):
        raise DataError(
            f"row {wrong[0]} of the cluster labels is {np.asarray(labels, dtype=object)[wrong[0]]!r} "
            f"({len(wrong):,} such rows); whole numbers from 0 on, or {NOISE} for noise, are expected"
        )
    return given.astype(np.int64)


def one_row_a_period(panel: Panel) -> None:
    """Raise DataError where a firm has two rows in one period."""
    table = pd.DataFrame({"firm": panel.firm, "period": panel.period})
    twice = np.flatnonzero(table.duplicated(keep=False) & (table["period"] >= 0 if panel.periods else True))
    if len(twice):
        first = twice[0]
        name = panel.periods[panel.period[first]] if panel.periods else "the only period"
        rows = sorted(panel.order[twice[(table.iloc[twice] == table.iloc[first]).all(axis=1)]].tolist())
        raise DataError(
            f"one firm has {len(rows)} rows in {name} (rows {rows[:4]}); {len(twice):,} such rows. One row a firm and "
            "period is expected: keep the latest"
        )


def holm(p: Floats) -> Floats:
    """P-values adjusted for all of their family (Holm 1979); NaN stays NaN and is in no family."""
    adjusted = np.full(len(p), np.nan)
    known = np.flatnonzero(~np.isnan(p))
    ranked = known[np.argsort(p[known], kind="stable")]
    steps = p[ranked] * np.arange(len(ranked), 0, -1)
    adjusted[ranked] = np.minimum(1.0, np.maximum.accumulate(steps)) if len(ranked) else steps
    return adjusted


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as dictionaries of plain values; NaN as None."""
    found: list[dict[str, Any]] = json.loads(table.to_json(orient="records", double_precision=12, force_ascii=False))
    return found


def _sized(values: ArrayLike, size: int, name: str) -> NDArray[np.object_]:
    array = np.asarray(values, dtype=object)
    if array.ndim == 0 or len(array) != size:
        found = "a single value" if array.ndim == 0 else f"{len(array):,} values"
        raise DataError(f"{name} has {found} for {size:,} rows; one value a row was expected")
    return array


def _text(value: object) -> str:
    if value is None or value is pd.NA or value != value:
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value).strip()


def _texts(values: ArrayLike, size: int, name: str, blank: bool = False) -> list[str]:
    texts = [_text(value) for value in _sized(values, size, name)]
    missing = [row for row, text in enumerate(texts) if not text]
    if missing and not blank:
        raise DataError(f"row {missing[0]} has no {name} ({len(missing):,} such rows); leave these rows out")
    return texts


def _moment(name: str) -> tuple[float, str]:
    number = re.search(r"\d+", name)
    return (float(number[0]) if number else np.inf), name


def _codes(texts: list[str], order: Ints) -> Ints:
    return np.unique(np.array(texts)[order], return_inverse=True)[1].astype(np.int64)
