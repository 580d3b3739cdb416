"""What a change of the gap is made of: firms that stay, come, go or move city; the mix of clusters or their insides."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise, permutations
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from chainbert.convergence.cells import Cell, cells_of
from chainbert.convergence.gap import Block, Bools, Floats, Ints, block_sums, stratified_gap
from chainbert.convergence.jackknife import Interval, firm_covariance, interval, leave_one_out
from chainbert.convergence.rows import Rows, sized
from chainbert.convergence.shift_share import shift_share
from chainbert.convergence.turnover import SURVIVORS_ONLY

NAN = float("nan")
# Below, what a group of firms contributed is a sum over these firms, not an estimate for others like them.
SMALLEST_GROUP = 5
STAYERS, ENTRANTS, LEAVERS, MOVED, TOTAL = PARTS = ("stayers", "entrants", "leavers", "moved", "total")
CLUSTER_PARTS = ("shift between clusters", "change within clusters")
DECOMPOSITION_COLUMNS = ("city", "from", "to", "part", "change", "low", "high", "n", "status", "note")
NOTES = {
    STAYERS: "survivors only: firms in both periods that keep their city",
    LEAVERS: "in the set in the first period, not in the last",
    ENTRANTS: "in the set in the last period, not in the first",
    MOVED: "in both periods, in another city",
}


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two periods of one city, and to which part each compared firm belongs."""

    cells: tuple[Cell, Cell]
    group: tuple[Ints, Ints]
    """Per period, (n,) index into PARTS for the rows of its cell, −1 elsewhere."""

    def blocks(self, period: int, parts: frozenset[str]) -> tuple[Block, ...]:
        """Strata of one period with the firms of these parts only; those without two firms of each city drop out."""
        codes = [PARTS.index(part) for part in parts]
        chosen = (_kept(block, np.isin(self.group[period][block.rows], codes)) for block in self.cells[period].blocks)
        return tuple(block for block in chosen if min(block.home.sum(), (~block.home).sum()) >= 2)

    def members(self, part: str) -> Iterator[Ints]:
        """Row numbers of a part, per period; of all compared firms for the total."""
        for group in self.group:
            yield np.flatnonzero(group >= 0 if part == TOTAL else group == PARTS.index(part))


def decompose(
    rows: Rows,
    city: int,
    *,
    clusters: ArrayLike | None = None,
    smallest_cell: int = 5,
    time: Literal["observed", "founded"] = "observed",
) -> list[dict[str, Any]]:
    """Split the change of a city's gap between successive estimable periods, and between the first and the last.

    By firms, as Melitz & Polanec (2015) split productivity: ``stayers`` is how the gap among the firms that are in
    both periods in one city changed; ``leavers`` is what taking the leavers out of the first period did to its gap,
    ``entrants`` what putting them into the last did; ``moved`` is both for firms of either city that are in another
    city of the set in the other period. Where a period has two such groups, each is taken as the mean over both orders
    (Shapley 1953), so that no order is favoured. Firms of the reference count as those of the city do. The four sum to
    ``total``, the change of the published gap, exactly. A firm that goes to a city outside the rows is a leaver.

    With clusters, (n,) labels aligned with the rows (−1, noise, is a class of its own), the same total is split into
    ``shift between clusters`` and ``change within clusters`` (see shift_share).

    Intervals are 95 %, by a jackknife over firms. A part of fewer than 5 firms has its exact contribution and no
    interval. With fewer than ``smallest_cell`` stayers of either city the four parts are not estimable; with
    ``time="founded"`` never, for a firm is in one cohort only. Where leaving depends on this year's chance wording
    rather than on what the firm lastingly is, stayers drift back next year (regression to the mean, Galton 1886);
    no split by firms can tell that from a change.

    Returns records with DECOMPOSITION_COLUMNS: from and to are names of periods, change, low and high in units of the
    gap (< 0: nearer), n the part's firms of both cities, NaN numbers where ``status`` says why; every figure that
    rests on firms that exist today only is marked in ``note``. Raises DataError for clusters that are not one a row.
    """
    labels = None if clusters is None else sized(clusters, len(rows.city), "clusters").astype(str)
    usable = [cell for cell in cells_of(rows, city, smallest_cell, rows.vectors) if cell.estimable]
    if len(usable) < 2:
        found = f"{len(usable) or 'no'} period{'' if len(usable) == 1 else 's'} with a gap"
        ends, status = (0, len(rows.labels) - 1), f"not estimable: {found}, a change needs two"
        names = PARTS if labels is None else (*PARTS, *CLUSTER_PARTS)
        return [_record(rows, city, ends, time, part, 0, status) for part in names]
    pairs = list(pairwise(usable)) + ([(usable[0], usable[-1])] if len(usable) > 2 else [])
    records = []
    for first, last in pairs:
        ends, pair = (first.period, last.period), _pair(rows, (first, last))
        counts = {part: _firms(rows, pair, part) for part in PARTS}
        status = _too_few_stayers(rows, city, pair, smallest_cell, time)
        found_parts = _by_firms(rows, city, pair, () if status else PARTS[:-1])
        for part in PARTS:
            reason = "" if part == TOTAL else status
            records.append(_record(rows, city, ends, time, part, counts[part], reason, found_parts.get(part)))
        if labels is not None:
            both = shift_share(pair.cells, rows, labels, _freedom(rows, city, pair, TOTAL))
            for part, value in zip(CLUSTER_PARTS, both, strict=True):
                records.append(_record(rows, city, ends, time, part, counts[TOTAL], "", value))
    return records


def _record(
    rows: Rows,
    city: int,
    ends: tuple[int, int],
    time: str,
    part: str,
    n: int,
    status: str,
    found: Interval | None = None,
) -> dict[str, Any]:
    value = Interval(NAN, NAN, NAN, NAN, NAN) if status or found is None else found
    note = SURVIVORS_ONLY if time == "founded" else NOTES.get(part, "")
    return {
        "city": rows.cities[city],
        "from": rows.labels[ends[0]],
        "to": rows.labels[ends[1]],
        "part": part,
        "change": value.value,
        "low": value.low,
        "high": value.high,
        "n": n,
        "status": status,
        "note": note,
    }


def _pair(rows: Rows, cells: tuple[Cell, Cell]) -> _Pair:
    where = np.full((2, int(rows.firm.max()) + 1), -1, dtype=np.int64)
    for place, cell in enumerate(cells):
        here = rows.period == cell.period
        where[place, rows.firm[here]] = rows.city[here]
    groups = []
    for place, cell in enumerate(cells):
        group = np.full(len(rows.city), -1, dtype=np.int64)
        used = np.concatenate([block.rows for block in cell.blocks])
        other = where[1 - place, rows.firm[used]]
        gone = PARTS.index(ENTRANTS if place else LEAVERS)
        group[used] = np.where(other < 0, gone, PARTS.index(MOVED))
        group[used[other == rows.city[used]]] = PARTS.index(STAYERS)
        groups.append(group)
    return _Pair(cells, (groups[0], groups[1]))


def _kept(block: Block, chosen: Bools) -> Block:
    return Block(block.distances[np.ix_(chosen, chosen)], block.home[chosen], block.rows[chosen], block.weight)


def _too_few_stayers(rows: Rows, city: int, pair: _Pair, smallest_cell: int, time: str) -> str:
    """Why the parts by firms cannot be told apart; empty where they can."""
    cohorts = "no firm is in two periods, the whole change is between firms of different cohorts"
    if time == "founded":
        return f"not estimable: {cohorts}"
    if not any(len(found) for part in (STAYERS, MOVED) for found in pair.members(part)):
        return "not estimable: no firm is in both periods, the whole change is between different firms"
    for one in (city, rows.reference):
        count = min(_used(rows, pair, period, one) for period in (0, 1))
        if count < smallest_cell:
            what = "1 firm stays" if count == 1 else f"{count or 'no'} firms stay"
            return f"not estimable: {what} in {rows.cities[one]} in shared strata, {smallest_cell} are needed"
    stayers = [block_sums(pair.blocks(period, frozenset([STAYERS]))) for period in (0, 1)]
    alike = any(np.isnan(stratified_gap(sums)) for sums in stayers)
    return "not estimable: no two texts of the firms that stay differ" if alike else ""


def _used(rows: Rows, pair: _Pair, period: int, city: int) -> int:
    """Stayers of a city that can be compared in one period."""
    return sum(int((rows.city[block.rows] == city).sum()) for block in pair.blocks(period, frozenset([STAYERS])))


def _by_firms(rows: Rows, city: int, pair: _Pair, parts: tuple[str, ...]) -> dict[str, Interval]:
    """Each part and the total as an exact combination of gaps among some of the firms, with its interval."""
    everyone = [frozenset(PARTS[code] for code in np.unique(group[group >= 0])) for group in pair.group]
    combinations: dict[str, dict[tuple[int, frozenset[str]], float]] = {part: {} for part in parts}
    combinations[TOTAL] = {(0, everyone[0]): -1.0, (1, everyone[1]): 1.0}
    if parts:
        stay = frozenset([STAYERS])
        combinations[STAYERS] = {(0, stay): -1.0, (1, stay): 1.0}
        for period, sign in enumerate((-1.0, 1.0)):
            _add_shapley(combinations, period, sign, everyone[period] - stay)
    keys = list(dict.fromkeys(key for combination in combinations.values() for key in combination))
    influences, gaps = [], []
    for period, firms in keys:
        blocks = pair.blocks(period, firms)
        influences.append(leave_one_out(blocks))
        gaps.append(float(stratified_gap(block_sums(blocks))))
    covariance = firm_covariance(influences, rows.firm)
    result = {}
    for part, combination in combinations.items():
        weights: Floats = np.array([combination.get(key, 0.0) for key in keys])
        value = float(weights @ np.array(gaps))
        few = 0 < _firms(rows, pair, part) < SMALLEST_GROUP
        error = NAN if few else covariance.error(weights)
        found = interval(value, error, _freedom(rows, city, pair, part))
        # A change of 1e-8 is reported as 0 by interval(); the parts have to sum to the total.
        result[part] = Interval(value, found.error, found.low, found.high, found.p)
    return result


def _add_shapley(
    combinations: dict[str, dict[tuple[int, frozenset[str]], float]], period: int, sign: float, groups: frozenset[str]
) -> None:
    """What adding each group to the stayers does to the period's gap, as the mean over all orders of adding."""
    orders = list(permutations(sorted(groups)))
    for order in orders:
        before = frozenset([STAYERS])
        for part in order:
            after = before | {part}
            combination = combinations[part]
            for key, step in (((period, after), sign), ((period, before), -sign)):
                combination[key] = combination.get(key, 0.0) + step / len(orders)
            before = after


def _firms(rows: Rows, pair: _Pair, part: str) -> int:
    return len(np.unique(rows.firm[np.concatenate(list(pair.members(part)))]))


def _freedom(rows: Rows, city: int, pair: _Pair, part: str) -> int:
    """Degrees of freedom: those of the city with fewer firms among what the part compares, or of the part itself."""
    base = np.concatenate(list(pair.members(TOTAL if part == TOTAL else STAYERS)))
    sizes = [len(np.unique(rows.firm[base[rows.city[base] == one]])) for one in (city, rows.reference)]
    return max(1, min([*sizes, *([] if part in (STAYERS, TOTAL) else [_firms(rows, pair, part)])]) - 1)
