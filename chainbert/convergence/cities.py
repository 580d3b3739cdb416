"""One city against the reference: its gap in every period, their trend, and who moved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from chainbert.convergence.cells import Cell, cells_of
from chainbert.convergence.direction import Direction, direction
from chainbert.convergence.gap import Floats, block_sums, stratified_gap
from chainbert.convergence.jackknife import Influence, firm_covariance, interval, leave_one_out
from chainbert.convergence.permutation import permutation_test
from chainbert.convergence.rows import Rows
from chainbert.convergence.trend import Trend, trend

NAN = float("nan")


@dataclass(frozen=True, slots=True)
class CityResult:
    """What is measured of one city; no trend with fewer than two estimable periods."""

    gaps: list[dict[str, Any]]
    trend: Trend | None
    direction: Direction | None
    periods: list[int]
    """Estimable ones."""


def measure_city(
    rows: Rows, city: int, centre: Floats, draws: int, rng: np.random.Generator, margin: float, smallest_cell: int
) -> CityResult:
    """Measure one city. centre (n, d) are the rows centred by period; the rest as in measure_convergence."""
    records, influences, gaps, sizes, usable = [], [], [], [], []
    centred_cells = cells_of(rows, city, smallest_cell, centre)
    for cell, other in zip(cells_of(rows, city, smallest_cell, rows.vectors), centred_cells, strict=True):
        record = _empty(rows, city, cell)
        records.append(record)
        if not cell.estimable:
            continue
        influence = leave_one_out(cell.blocks)
        value = float(stratified_gap(block_sums(cell.blocks)))
        n, m = cell.used()
        own = interval(value, firm_covariance([influence], rows.firm).error(np.ones(1)), min(n, m) - 1)
        chance = permutation_test(cell.blocks, draws, rng)
        low, high = (chance.low, chance.high) if chance.near_zero else (own.low, own.high)
        record |= {"gap": value, "low": low, "high": high, "p": chance.p}
        record["gap_centred"] = float(stratified_gap(block_sums(other.blocks))) if other.estimable else NAN
        influences.append(influence)
        gaps.append(value)
        sizes.append(n * m / (n + m))
        usable.append(cell.period)
    if len(usable) < 2:
        return CityResult(records, None, None, usable)
    line = trend(
        np.array(gaps),
        firm_covariance(influences, rows.firm),
        rows.midpoints[usable],
        np.array(sizes),
        margin,
        _freedom(rows, influences),
    )
    return CityResult(records, line, direction(rows, city, usable), usable)


def city_trend(rows: Rows, city: int, *, smallest_cell: int = 5, margin: float = 0.25) -> Trend | None:
    """The verdict's trend of one city alone, without intervals of its gaps, permutations or direction.

    What simulations, placebos and specification curves repeat many times. None with fewer than two estimable periods.
    """
    influences, gaps, sizes, usable = [], [], [], []
    for cell in cells_of(rows, city, smallest_cell, rows.vectors):
        if not cell.estimable:
            continue
        n, m = cell.used()
        influences.append(leave_one_out(cell.blocks))
        gaps.append(float(stratified_gap(block_sums(cell.blocks))))
        sizes.append(n * m / (n + m))
        usable.append(cell.period)
    if len(usable) < 2:
        return None
    return trend(
        np.array(gaps),
        firm_covariance(influences, rows.firm),
        rows.midpoints[usable],
        np.array(sizes),
        margin,
        _freedom(rows, influences),
    )


def _freedom(rows: Rows, influences: list[Influence]) -> int:
    """Degrees of freedom of a slope: those of the city with fewer firms, panel firms counted once."""
    freedoms = []
    for side in (True, False):
        used = np.concatenate([one.firms[one.home == side] for one in influences])
        freedoms.append(min(len(np.unique(rows.firm[used])) - 1, len(used) - len(influences)))
    return max(1, min(freedoms))


def _empty(rows: Rows, city: int, cell: Cell) -> dict[str, Any]:
    return {
        "city": rows.cities[city],
        "year": rows.labels[cell.period],
        "midpoint": float(rows.midpoints[cell.period]),
        **dict.fromkeys(("gap", "low", "high", "p", "gap_centred"), NAN),
        "n": cell.n,
        "n_reference": cell.n_reference,
        "left_out": cell.left_out,
        "gap_error": 0.0 if cell.estimable else NAN,
        "status": cell.status,
    }
