"""Every city's gaps and trend for sets of any size: all pairs up to EXACT_UP_TO, from there on estimated."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chainbert.convergence.cells import NO_DIFFERENCE, Cell, plan_cell, stratum_weights
from chainbert.convergence.gap import NO_SPREAD, Floats, Ints
from chainbert.convergence.jackknife import Covariance, Influence, firm_covariance, interval
from chainbert.convergence.large import (
    BLOCK,
    CHUNK,
    EXACT_UP_TO,
    Moments,
    Take,
    between,
    check_block,
    moments_of,
    taker,
    within,
)
from chainbert.convergence.nullshape import null_shape
from chainbert.convergence.panelpairs import MOST_SHARED, pair_covariance
from chainbert.convergence.rows import Rows
from chainbert.convergence.summed import (
    SummedBlock,
    large_influence,
    own_error,
    pair_variance,
    summed_block,
    summed_gap,
)
from chainbert.convergence.tiles import PairSums, Reals, between_sums, within_sums
from chainbert.convergence.trend import Trend, trend

NAN = float("nan")


@dataclass(frozen=True, slots=True)
class LargeCity:
    """One city against the reference."""

    gaps: list[dict[str, Any]]
    """One record a period: the columns of Convergence.gaps, the gap's standard error, gap_error (standard error of the
    gap as an estimate of that of all pairs; 0 where all were measured) and estimated."""
    trend: Trend | None
    """None with fewer than two estimable periods."""
    periods: list[int]
    """Estimable ones."""


@dataclass(frozen=True, slots=True)
class _Side:
    """One city in one period and stratum."""

    places: Ints
    moments: Moments
    sums: PairSums


@dataclass(frozen=True, slots=True)
class _Measure:
    """How distances are taken in one period; sides are kept, for the reference has the same for every city."""

    rows: Rows
    take: Take
    exact: bool
    block: int
    key: tuple[int, ...]
    by_firm: bool
    """Whether each firm's part is asked for."""
    sides: dict[tuple[int, int], _Side] = field(default_factory=dict)

    def side(self, city: int, stratum: int, places: Ints) -> _Side:
        """Distances within one city."""
        if (city, stratum) not in self.sides:
            moments = moments_of(self.take, places)
            stream = np.random.default_rng([*self.key, stratum, *self.rows.cities[city].encode()])
            sums = (
                within_sums(self.take(places))
                if self.exact
                else within(self.take, places, moments, self.block, stream, by_firm=self.by_firm)
            )
            self.sides[city, stratum] = _Side(places, moments, sums)
        return self.sides[city, stratum]

    def stratum(self, city: int, stratum: int, members: Ints, weight: float) -> tuple[SummedBlock, _Side, _Side]:
        """One stratum of a cell."""
        at_home = self.rows.city[members] == city
        home = self.side(city, stratum, members[at_home])
        reference = self.side(self.rows.reference, stratum, members[~at_home])
        if self.exact:
            across = between_sums(self.take(home.places), self.take(reference.places))
        else:
            stream = np.random.default_rng([*self.key, stratum, 1, *self.rows.cities[city].encode()])
            moments, places = (home.moments, reference.moments), (home.places, reference.places)
            across = between((self.take, self.take), places, moments, self.block, stream, by_firm=self.by_firm)
        rows = np.concatenate([home.places, reference.places])
        return summed_block(home.sums, reference.sums, across, rows, weight), home, reference


@dataclass(frozen=True, slots=True)
class _Measured:
    """One cell; no influence where it cannot be estimated."""

    period: int
    value: float
    record: dict[str, Any]
    blocks: tuple[SummedBlock, ...]
    influence: Influence | None


def large_trends(
    rows: Rows,
    *,
    rng: np.random.Generator,
    margin: float = 0.25,
    smallest_cell: int = 5,
    block: int = BLOCK,
    exact_up_to: int = EXACT_UP_TO,
) -> dict[str, LargeCity]:
    """Gaps, their intervals and the trend of every city but the reference, in memory linear in the number of rows.

    rows from check_rows or, for float32 vectors, large_rows. Where all cells together have at most exact_up_to² pairs
    every pair is measured, as measure_convergence does; else every cell is estimated as in large.large_gap, each gap
    with its own error. The slope's error is the firm-clustered jackknife of jackknife.firm_covariance; where gaps are
    estimated, the part of pairs that are in two periods is taken from at most 2,000 firms in common. p and intervals
    near 0 are those of nullshape.null_shape, without draws.
    Raises ConfigError for a block below 100 firms.
    """
    check_block(block)
    seed = int(rng.integers(2**63))
    others = [code for code in range(len(rows.cities)) if code != rows.reference]
    times = range(len(rows.labels))
    plans = {code: [plan_cell(rows, code, period, smallest_cell) for period in times] for code in others}
    members = [one for plan in plans.values() for _, strata in plan for _, one in strata]
    exact = sum(len(one) ** 2 for one in members) <= exact_up_to**2
    weights = {code: stratum_weights(rows, code) for code in others}
    cells: dict[int, list[_Measured]] = {code: [] for code in others}
    for period in times:
        takes = taker(rows.vectors, exact), _centred(rows, period, exact)
        raw, centred = (
            _Measure(rows, take, exact, block, (seed, period, kind), kind == 0) for kind, take in enumerate(takes)
        )
        for code in others:
            cells[code].append(_measured(raw, centred, code, *plans[code][period], weights[code]))
    return {rows.cities[code]: _city(rows, cells[code], margin, exact, seed) for code in others}


def _centred(rows: Rows, period: int, double: bool) -> Take:
    """Rows of one period less their stratum's centre, as cells.centred_rows."""
    take = taker(rows.vectors, double)
    centres = np.zeros((int(rows.stratum.max()) + 1, rows.vectors.shape[1]))
    here = np.flatnonzero(rows.period == period)
    for stratum in np.unique(rows.stratum[here]):
        chosen = here[rows.stratum[here] == stratum]
        codes, counts = np.unique(rows.city[chosen], return_counts=True)
        codes = codes[counts >= min(2, counts.max())]
        centres[stratum] = np.mean([_mean(take, chosen[rows.city[chosen] == one]) for one in codes], axis=0)

    def take_centred(places: Ints) -> Reals:
        found = take(places)
        found -= centres[rows.stratum[places]].astype(found.dtype)
        length = np.sqrt(np.einsum("ij,ij->i", found, found))[:, None]
        found *= length > NO_SPREAD
        found /= np.maximum(length, NO_SPREAD)
        return found

    return take_centred


def _mean(take: Take, places: Ints) -> Floats:
    parts = [
        take(places[start : start + CHUNK]).sum(axis=0, dtype=np.float64) for start in range(0, len(places), CHUNK)
    ]
    return np.asarray(np.sum(parts, axis=0) / len(places))


def _measured(
    raw: _Measure, centred: _Measure, city: int, cell: Cell, strata: list[tuple[int, Ints]], weights: Floats
) -> _Measured:
    found = [raw.stratum(city, stratum, members, float(weights[stratum])) for stratum, members in strata]
    blocks = tuple(block for block, _, _ in found)
    value = summed_gap(blocks) if blocks else NAN
    status = cell.status or (NO_DIFFERENCE if np.isnan(value) else "")
    rows = raw.rows
    record = {
        "city": rows.cities[city],
        "year": rows.labels[cell.period],
        "midpoint": float(rows.midpoints[cell.period]),
        **dict.fromkeys(("gap", "low", "high", "p", "gap_centred", "error", "gap_error"), NAN),
        "n": cell.n,
        "n_reference": cell.n_reference,
        "left_out": cell.left_out,
        "estimated": not raw.exact,
        "status": status,
    }
    if status:
        return _Measured(cell.period, value, record, (), None)
    influence = large_influence(blocks)
    jackknife = firm_covariance([influence], rows.firm).jackknife
    error = Covariance(jackknife, np.array([[pair_variance(blocks)]])).error(np.ones(1))
    own = interval(value, error, min(influence.home.sum(), (~influence.home).sum()) - 1)
    others = tuple(centred.stratum(city, stratum, members, float(weights[stratum]))[0] for stratum, members in strata)
    chance = null_shape(blocks, [(home.moments, reference.moments) for _, home, reference in found])
    low, high = (chance.low, chance.high) if chance.near_zero else (own.low, own.high)
    record |= {"gap": value, "low": low, "high": high, "p": chance.p}
    record |= {"gap_centred": summed_gap(others), "error": error, "gap_error": own_error(blocks)}
    return _Measured(cell.period, value, record, blocks, influence)


def _city(rows: Rows, cells: list[_Measured], margin: float, exact: bool, seed: int) -> LargeCity:
    records = [one.record for one in cells]
    known = [(one, one.influence) for one in cells if one.influence is not None]
    usable = [one.period for one, _ in known]
    if len(known) < 2:
        return LargeCity(records, None, usable)
    influences = [influence for _, influence in known]
    blocks = [one.blocks for one, _ in known]
    most = None if exact else MOST_SHARED
    pairs = pair_covariance(
        blocks, rows.firm, taker(rows.vectors, True), np.random.default_rng([seed, len(cells)]), most
    )
    pairs += np.diag([pair_variance(one) for one in blocks])
    covariance = Covariance(firm_covariance(influences, rows.firm).jackknife, pairs)
    sizes = [one.home.sum() * (~one.home).sum() / len(one.home) for one in influences]
    values = np.array([one.value for one, _ in known])
    line = trend(values, covariance, rows.midpoints[usable], np.array(sizes), margin, _freedom(rows, influences))
    return LargeCity(records, line, usable)


def _freedom(rows: Rows, influences: list[Influence]) -> int:
    """Degrees of freedom of a slope: those of the city with fewer firms, panel firms counted once."""
    freedoms = []
    for side in (True, False):
        used = np.concatenate([one.firms[one.home == side] for one in influences])
        freedoms.append(min(len(np.unique(rows.firm[used])) - 1, len(used) - len(influences)))
    return max(1, min(freedoms))
