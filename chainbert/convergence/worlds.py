"""Worlds of known truth made of a set's own vectors: years or cities exchanged, and adoption planted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from chainbert.convergence.gap import Bools, Floats, Ints
from chainbert.convergence.rows import Rows


@dataclass(frozen=True, slots=True)
class Units:
    """What changes places as a whole: a firm within one city and stratum, with all its years."""

    rows: Ints
    """(n,) row numbers, those of one unit side by side."""
    start: Ints
    """(U,) where a unit's rows begin."""
    count: Ints
    """(U,) how many there are."""
    of: Ints
    """(n,) unit of each row of the set."""
    rank: Ints
    """(n,) 0, 1, … among the rows of its unit."""
    group: Ints
    """(U,) city and stratum as one code."""


def units_of(rows: Rows) -> Units:
    """Group the rows by firm, city and stratum."""
    group = rows.city * (int(rows.stratum.max()) + 1) + rows.stratum
    codes = np.unique(group * (int(rows.firm.max()) + 1) + rows.firm, return_inverse=True)[1].astype(np.int64)
    count = np.bincount(codes)
    order = np.argsort(codes, kind="stable").astype(np.int64)
    start = np.cumsum(count) - count
    rank = np.empty(len(codes), dtype=np.int64)
    rank[order] = np.arange(len(codes)) - np.repeat(start, count)
    return Units(order, start, count, codes, rank, group[order[start]])


def permuted_sources(units: Units, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Which row's text, and which unit's, each row of the set gets when units change places: (n,), (n,).

    Within city and stratum the years of one unit go to another, which fills them with its own texts in random order;
    a unit with fewer texts than years repeats them (texts of two years are never compared). No text comes twice
    into one cell: draws with replacement would put distances of 0 inside a city and so make up a gap.
    """
    source = np.empty_like(units.group)
    source[np.argsort(units.group, kind="stable")] = np.lexsort((rng.random(len(source)), units.group))
    shuffled = units.rows[np.lexsort((rng.random(len(units.of)), units.of[units.rows]))]
    giver = source[units.of]
    return shuffled[units.start[giver] + units.rank % units.count[giver]], giver


def permuted_years(rows: Rows, units: Units, rng: np.random.Generator) -> Rows:
    """A world in which nothing changes over the years: see ``permuted_sources``. Each unit is a firm."""
    text, unit = permuted_sources(units, rng)
    return replace(rows, vectors=rows.vectors[text], firm=unit)


def plant(
    rows: Rows, units: Units, city: int, share: float, done: Floats, rng: np.random.Generator
) -> tuple[Rows, float]:
    """Let home units adopt: each with chance share · done of its period, for good; and the share that could.

    rows: a world of ``permuted_years``; done (T,) in [0, 1] by period. An adopter takes the texts of a reference unit
    of its stratum, and its firm code, so that the error knows of the copy. A text must not meet its copy, at a
    distance of 0: units that are not in the reference in these periods are taken first, otherwise the original leaves
    the reference there, as long as more than half of its cell stays. No unit is taken twice in one period.
    """
    state = _Adoption(rows)
    ready, order, luck = rng.random(len(units.group)), rng.random(len(units.group)), rng.random(len(units.group))
    wanted = (rows.city == city) & (ready[units.of] < share * done[rows.period])
    adopters = np.unique(units.of[wanted])
    for unit in adopters[np.argsort(order[adopters])]:
        members = units.rows[units.start[unit] : units.start[unit] + units.count[unit]]
        # Luck turned round by the adopter's own: each sees the reference's units in another random order.
        state.adopt(members[wanted[members]], (luck + luck[unit]) % 1)
    whole = share * (state.adopted / wanted.sum()) if wanted.any() else share
    return state.world(), float(whole)


class _Adoption:
    """The texts of a world while adopters take theirs."""

    def __init__(self, rows: Rows) -> None:
        self.rows, self.adopted = rows, 0
        self.text = np.arange(len(rows.city))
        self.stays = np.ones(len(rows.city), dtype=bool)
        self.givers = np.unique(rows.firm[rows.city == rows.reference])
        shape = (int(rows.firm.max()) + 1, len(rows.labels))
        self.present, self.taken = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
        self.place = np.full(shape, -1)
        chosen = np.flatnonzero(rows.city == rows.reference)
        self.present[rows.firm[chosen], rows.period[chosen]] = True
        self.place[rows.firm[chosen], rows.period[chosen]] = chosen
        self.stratum = np.full(shape[0], -1)
        self.stratum[rows.firm[chosen]] = rows.stratum[chosen]
        self.spare = np.zeros((len(rows.labels), int(rows.stratum.max()) + 1), dtype=np.int64)
        np.add.at(self.spare, (rows.period[chosen], rows.stratum[chosen]), 1)
        self.spare = (self.spare - 1) // 2

    def adopt(self, members: Ints, luck: Floats) -> None:
        """Give the rows of one home unit the texts of one giver, if there is one left."""
        periods, stratum = self.rows.period[members], int(self.rows.stratum[members[0]])
        right = (self.stratum[self.givers] == stratum) & ~self.taken[np.ix_(self.givers, periods)].any(axis=1)
        meets = self.present[np.ix_(self.givers, periods)]
        allowed = right & ~(meets & (self.spare[periods, stratum] <= 0)).any(axis=1)
        if not allowed.any():
            return
        cost = np.where(allowed, meets.sum(axis=1) + luck[self.givers], np.inf)
        giver = self.givers[np.argmin(cost)]
        texts = self.place[giver][self.place[giver] >= 0]
        self.text[members] = texts[np.arange(len(members)) % len(texts)]
        leaving = periods[self.present[giver, periods]]
        self.stays[self.place[giver, leaving]] = False
        self.spare[leaving, stratum] -= 1
        self.present[giver, leaving] = False
        self.taken[giver, periods] = True
        self.adopted += len(members)

    def world(self) -> Rows:
        """The rows with their new texts, without the originals that left."""
        changed = replace(self.rows, vectors=self.rows.vectors[self.text], firm=self.rows.firm[self.text])
        return take(changed, self.stays)


def difference(rows: Rows, city: int, spread_of: Sequence[int] | None = None) -> Floats:
    """(T, strata, d) by how much a city's mean differs from the reference's, in every period's own spread.

    The mean over the periods of their differences in units of their spread, so that wording which all cities take up,
    and which draws all rows together, does not count; 0 in a stratum where never both cities are. spread_of: the cities
    whose spread that is; None: all of the rows.
    """
    periods, strata = len(rows.labels), int(rows.stratum.max()) + 1
    counted = np.isin(rows.city, range(len(rows.cities)) if spread_of is None else spread_of)
    spread = np.array([_spread(rows, counted & (rows.period == period)) for period in range(periods)])
    total, weights = np.zeros((strata, rows.vectors.shape[1])), np.zeros(strata)
    for period, stratum in product(range(periods), range(strata)):
        here = (rows.period == period) & (rows.stratum == stratum)
        home, other = here & (rows.city == city), here & (rows.city == rows.reference)
        n, m = int(home.sum()), int(other.sum())
        if n and m and spread[period]:
            weight = n * m / (n + m)
            way = rows.vectors[home].mean(axis=0) - rows.vectors[other].mean(axis=0)
            total[stratum] += weight * way / spread[period]
            weights[stratum] += weight
    standard = total / np.where(weights > 0, weights, 1.0)[:, None]
    return np.asarray(spread[:, None, None] * standard[None])


def _spread(rows: Rows, here: Bools) -> float:
    """Root of the mean squared distance of some rows from the mean of their city and stratum; 0 without any."""
    squares, freedom = 0.0, 0
    for one, stratum in sorted(set(zip(rows.city[here].tolist(), rows.stratum[here].tolist(), strict=True))):
        group = rows.vectors[here & (rows.city == one) & (rows.stratum == stratum)]
        squares += float(((group - group.mean(axis=0)) ** 2).sum())
        freedom += len(group) - 1
    return float(np.sqrt(squares / freedom)) if freedom else 0.0


def permuted_cities(rows: Rows, apart: Floats, city: int, rng: np.random.Generator) -> Rows:
    """City labels exchanged between firms that share their first period and their stratum there.

    A firm that changes its city is moved by ``apart`` (T, strata, d), the cities' constant difference. Without it the
    placebo cities have no gap, where slopes over their errors are too small: 12 % of sets without change stood out.
    """
    first, firm = _first_rows(rows)
    label, strata = rows.city[first], int(rows.stratum.max()) + 1
    group = rows.period[first] * strata + rows.stratum[first]
    changed = np.empty_like(label)
    changed[np.argsort(group, kind="stable")] = label[np.lexsort((rng.random(len(first)), group))]
    new = changed[firm]
    step = (new == city).astype(np.float64) - (rows.city == city)
    return replace(rows, city=new, vectors=_moved(rows.vectors, step, apart[rows.period, rows.stratum]))


def reference_halves(rows: Rows, apart: Floats, city: int, rng: np.random.Generator) -> Rows:
    """The reference's firms, half of them called firms of the city and moved by ``apart``: see ``permuted_cities``.

    ``apart`` is in the reference's own spread. In that of both cities a city that comes nearer, and so has another
    spread, would draw the halves together or apart, and a sound slope would not pass. Firms are halved within their
    first period and stratum, so that every cell is.
    """
    own = take(rows, rows.city == rows.reference)
    first, firm = _first_rows(own)
    mixed = np.lexsort((rng.random(len(first)), own.stratum[first], own.period[first]))
    home = np.zeros(len(first), dtype=bool)
    # Every second firm of that order, from a random start.
    home[mixed[int(rng.integers(2)) :: 2]] = True
    step = home[firm].astype(np.float64)
    return replace(
        own,
        city=np.where(home[firm], city, own.city),
        vectors=_moved(own.vectors, step, apart[own.period, own.stratum]),
    )


def pair_rows(rows: Rows, city: int, reference: int) -> Rows:
    """The rows of two cities alone, with the given reference; codes stay as they are."""
    return take(replace(rows, reference=reference), (rows.city == city) | (rows.city == reference))


def take(rows: Rows, chosen: Bools) -> Rows:
    """Some of the rows."""
    columns = {name: getattr(rows, name)[chosen] for name in ("vectors", "city", "period", "firm", "stratum", "source")}
    return replace(rows, **columns)


def _moved(vectors: Floats, step: Floats, way: Floats) -> Floats:
    moved = vectors + step[:, None] * way
    return np.asarray(moved / np.linalg.norm(moved, axis=1, keepdims=True))


def _first_rows(rows: Rows) -> tuple[Ints, Ints]:
    """Each firm's earliest row, (F,), and the firm of each row as an index into them, (n,)."""
    order = np.lexsort((rows.period, rows.firm))
    _, place = np.unique(rows.firm[order], return_index=True)
    return order[place].astype(np.int64), np.searchsorted(rows.firm[order][place], rows.firm).astype(np.int64)
