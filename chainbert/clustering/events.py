"""Clusters through time: which are born, die, merge, split, grow or shrink from one period to a later one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import sparse, stats
from scipy.optimize import linear_sum_assignment
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # ships no types

from chainbert.clustering.clusters import NOISE
from chainbert.clustering.composition import one_row_a_period, whole_labels
from chainbert.clustering.mixing import SMALLEST_CELL, Floats, Ints, Panel, check_panel, records, unit_rows
from chainbert.errors import ConfigError, DataError

FLOOR = 0.02
SUPPORT = 0.75
# MONIC's thresholds (Spiliopoulou et al. 2006).
SURVIVE = 0.7
SPLIT = 0.3
# A new cluster is a part of an old one where most of its firms come from there.
_MOSTLY = 0.5
NOT_SUPPORTED = "not supported"
_BATCH_CELLS = 4_000_000
_TINY = 1e-12
EVENT_COLUMNS = (
    *("cluster", "year_from", "year_to", "event", "into", "support", "n_from", "n_to", "share_from", "share_to"),
    "status",
)


@dataclass(frozen=True, slots=True, eq=False)
class Events:
    """What happened to the clusters between periods."""

    table: pd.DataFrame
    """cluster, year_from, year_to (periods' names), event (birth, death, merge, split, survival, growth, shrinkage),
    into (the other cluster of a merge, split or survival, else missing), support in [0, 1] (share of firm bootstraps
    with the same event), n_from, n_to (firms), share_from, share_to (of the period's firms, noise included), status: ""
    from ``support`` on, "not supported" below, or "not estimable: reason"."""

    def to_json(self) -> dict[str, Any]:
        """Plain records."""
        return {"cluster_events": records(self.table)}


def track_clusters(
    labels: ArrayLike,
    period: ArrayLike,
    *,
    firm: ArrayLike | None = None,
    floor: float = FLOOR,
    support: float = SUPPORT,
    draws: int = 999,
    rng: np.random.Generator,
) -> Events:
    """Events of clusters that were found once on the rows of all periods: what their shares of each period do.

    labels (n,) whole numbers, noise −1; period (n,) names, blank: left out; firm (n,), one row a firm and period. From
    each period to the next, and from the first to the last: birth = a share from below ``floor`` to it or above, death
    the reverse, growth and shrinkage = any other change, survival = no change, at or above the floor in both. A change
    counts where it is larger than 95 % of the largest errors over all clusters and pairs of periods (studentised
    bootstrap over firms, each with all its rows); ``support`` is the share of bootstraps in which it counts again, so
    that where nothing changes fewer than 5 % of studies have a supported change at all. Shares are of all firms given:
    where cities grow unequally, give one city at a time.
    Raises DataError for other labels, columns of another length, a firm twice in a period, fewer than two periods;
    ConfigError for a floor or support outside (0, 1).
    """
    _check_shares(floor=floor, support=support)
    numbers = whole_labels(labels)
    panel = _panel([str(one) for one in numbers], period, firm)
    label = numbers[panel.order]
    names = np.unique(label[label != NOISE])
    dated = panel.period >= 0
    code = np.where(label == NOISE, len(names), np.searchsorted(names, label))
    shape = (len(panel.periods), len(names) + 1)
    counts = _Counts.of(panel.firm[dated], (panel.period[dated], code[dated]), shape)
    whole = counts.drawn(np.ones((1, counts.firms)))
    drawn = np.concatenate([counts.drawn(weights) for weights in _bootstraps(counts.firms, draws, rng)])
    totals = whole[0].sum(axis=1)
    shares, again = (part[:, :, :-1] / np.maximum(part.sum(axis=2, keepdims=True), 1) for part in (whole, drawn))
    pairs = [(place, place + 1) for place in range(len(totals) - 1)]
    pairs += [(0, len(totals) - 1)] if len(totals) > 2 else []
    usable = [pair for pair in pairs if min(totals[list(pair)]) >= SMALLEST_CELL]
    critical = _critical(whole[0][:, :-1], totals, shares[0], again, usable)
    table = []
    for first, last in pairs:
        place = {"year_from": panel.periods[first], "year_to": panel.periods[last]}
        if (first, last) not in usable:
            small = first if totals[first] < SMALLEST_CELL else last
            status = f"not estimable: {totals[small]:g} firms in {panel.periods[small]}, {SMALLEST_CELL} needed"
            table += [{"cluster": int(name), **place, "event": "", "status": status} for name in names]
            continue
        limit = critical[usable.index((first, last))]
        before, after, drawn_before, drawn_after = shares[0, first], shares[0, last], again[:, first], again[:, last]
        kind = _kind(before, after, limit, floor)
        same = _support(kind, drawn_before, drawn_after, limit, floor)
        for index, name in enumerate(names):
            if kind[index]:
                found = _numbers(whole[0, first, index], whole[0, last, index], totals[first], totals[last])
                event = {"cluster": int(name), **place, "event": str(kind[index]), "support": float(same[index])}
                table.append({**event, **found, "status": "" if same[index] >= support else NOT_SUPPORTED})
    return Events(_table(table))


def _check_shares(**given: float) -> None:
    for name, value in given.items():
        if not 0 < value < 1:
            raise ConfigError(f"{name} is {value:g}; a share between 0 and 1 is expected")


def _panel(contents: list[str], period: ArrayLike, firm: ArrayLike | None) -> Panel:
    panel = check_panel(contents, np.full(len(contents), "all"), period, firm, None)
    one_row_a_period(panel)
    if len(panel.periods) < 2:
        raise DataError(f"{len(panel.periods)} period(s) found; events lie between two periods at least")
    return panel


@dataclass(frozen=True, slots=True, eq=False)
class _Counts:
    """Rows by firm and cell, sparse: a firm is in few cells."""

    cells: sparse.csr_array
    """(cells, firms)."""
    shape: tuple[int, int]

    @staticmethod
    def of(firm: Ints, cell: tuple[Ints, Ints], shape: tuple[int, int], firms: int | None = None) -> _Counts:
        """One count a row; firm (n,) codes, or any numbers where ``firms`` is not given."""
        if firms is None:
            known, firm = np.unique(firm, return_inverse=True)
            firms = len(known)
        flat = np.ravel_multi_index(cell, shape)
        ones = np.ones(len(firm))
        return _Counts(sparse.csr_array((ones, (flat, firm)), shape=(shape[0] * shape[1], firms)), shape)

    @property
    def firms(self) -> int:
        return int(self.cells.shape[1])

    def drawn(self, weights: Floats) -> Floats:
        """Counts where firms weigh (b, firms), (b, *shape)."""
        return np.asarray((self.cells @ weights.T).T.reshape(len(weights), *self.shape))


def _bootstraps(firms: int, draws: int, rng: np.random.Generator, cells: int = 1) -> Iterator[Floats]:
    """How often each firm is drawn, (draws of a batch, firms); ``cells`` numbers follow from each draw."""
    step = max(1, _BATCH_CELLS // max(firms, cells))
    for start in range(0, draws, step):
        count = min(step, draws - start)
        drawn = rng.integers(firms, size=(count, firms)) + np.arange(count)[:, None] * firms
        yield np.bincount(drawn.ravel(), minlength=count * firms).reshape(count, firms).astype(np.float64)


def _critical(counts: Floats, totals: Floats, shares: Floats, again: Floats, pairs: list[tuple[int, int]]) -> Floats:
    """(pairs, clusters) change of share that 95 % of studies without any change stay below in all places at once."""
    if not pairs or not counts.shape[1]:
        return np.zeros((len(pairs), counts.shape[1]))
    n = np.maximum(totals, 1)[:, None]
    smooth = (counts + 1) / (n + 2)
    # A share near 0 has next to no error by itself (Agresti & Coull 1998).
    missing = np.maximum(0.0, smooth * (1 - smooth) / (n + 2) - shares * (1 - shares) / n)
    first, last = np.array(pairs).T
    errors = (again[:, last] - again[:, first]) - (shares[last] - shares[first])
    error = np.sqrt((errors**2).mean(axis=0) + missing[first] + missing[last])
    largest = np.abs(errors / error).max(axis=(1, 2))
    return np.asarray(np.quantile(largest, 0.95) * error)


def _kind(before: Floats, after: Floats, limit: Floats, floor: float) -> NDArray[np.str_]:
    """The event of each cluster; "" where it is below the floor in both periods without a change."""
    change = after - before
    return np.select(
        [
            (before < floor) & (after >= floor),
            (before >= floor) & (after < floor),
            change > limit,
            change < -limit,
            before >= floor,
        ],
        ["birth", "death", "growth", "shrinkage", "survival"],
        "",
    )


def _support(kind: NDArray[np.str_], before: Floats, after: Floats, limit: Floats, floor: float) -> Floats:
    """(clusters,) share of bootstraps (b, clusters) with the same event, its change beyond the limit."""
    up, down = after - before > limit, before - after > limit
    old, new = before >= floor, after >= floor
    kinds = {"birth": up & ~old & new, "death": down & old & ~new, "growth": up, "shrinkage": down}
    same = np.select([kind == name for name in kinds], list(kinds.values()), old & new)
    return np.asarray(same.mean(axis=0))


def _numbers(n_from: float, n_to: float, total_from: float, total_to: float) -> dict[str, Any]:
    shares = {"share_from": float(n_from / total_from), "share_to": float(n_to / total_to)}
    return {"n_from": int(n_from), "n_to": int(n_to), **shares}


def _table(found: list[dict[str, Any]]) -> pd.DataFrame:
    table = pd.DataFrame(found, columns=list(EVENT_COLUMNS))
    whole = dict.fromkeys(("cluster", "into", "n_from", "n_to"), "Int64")
    return table.astype({**whole, "support": float, "share_from": float, "share_to": float}).round(12)


def match_clusterings(
    labels: ArrayLike,
    vectors: ArrayLike,
    period: ArrayLike,
    *,
    firm: ArrayLike | None = None,
    survive: float = SURVIVE,
    split: float = SPLIT,
    support: float = SUPPORT,
    draws: int = 999,
    rng: np.random.Generator,
) -> Events:
    """Events between clusterings that were made apart, one a period, from each period to the next.

    labels (n,) of the row's own period (equal numbers in two periods mean nothing), noise −1; vectors (n, d) unit
    rows; period and firm as in track_clusters. Each firm says where its cluster went: into the one that it is in
    itself, where it is still there; else into the one whose centre it is nearest to (cosine, each period about its own
    mean), if it is as near as that cluster's own firms are; else nowhere. The firms of the later period say in the same
    way where theirs came from. So shared firms and centres are matched by one rule, in panels and in cohorts that share
    no firm. A cluster goes on in another where a share ``survive`` of it goes there and a share ``split`` of it is
    still seen there. It alone: survival; with others: merge; nowhere, but in parts of at least ``split`` each and
    ``survive`` together, each mostly from it: split; no successor: death; no predecessor: birth (after MONIC,
    Spiliopoulou et al. 2006). What is none of these is listed as the survival that fits best (Hungarian method), with
    the support which that has. Support is the share of firm bootstraps with the same event; births and deaths must also
    differ from the share of the other period's firms that speak for the cluster (Bonferroni over all of them).
    Clusterings are held: support covers the choice of firms, not that a clustering of other firms may cut elsewhere.
    Raises as track_clusters, and DataError for vectors that are not unit rows.
    """
    _check_shares(survive=survive, split=split, support=support)
    numbers, matrix = whole_labels(labels), unit_rows(vectors)
    if len(numbers) != len(matrix):
        raise DataError(f"{len(numbers):,} labels for {len(matrix):,} vectors found; one a row is expected")
    contents = [f"{one}:{row.tobytes().hex()}" for one, row in zip(numbers, matrix, strict=True)]
    panel = _panel(contents, period, firm)
    label, matrix = numbers[panel.order], matrix[panel.order]
    parts = []
    for index in range(len(panel.periods)):
        rows = np.flatnonzero(panel.period == index)
        parts.append(_part(panel.periods[index], label[rows], matrix[rows], panel.firm[rows]))
    table = []
    # A birth or a death is one of as many as there are clusters at either side (Bonferroni).
    looks = max(1, sum(len(before.labels) + len(after.labels) for before, after in pairwise(parts)))
    limits = _Limits(survive, split, support, float(stats.norm.isf(0.05 / looks)))
    with threadpool_limits(limits=1):
        for before, after in pairwise(parts):
            table += _between(before, after, limits, draws, rng)
    return Events(_table(table))


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """One period's firms and their clusters."""

    name: str
    labels: Ints
    """(k,) the caller's numbers."""
    code: Ints
    """(n,) index into labels, k for noise."""
    firm: Ints
    vectors: Floats
    """(n, d) unit rows about the period's mean."""
    centres: Floats
    """(k, d) unit rows."""
    least: Floats
    """(k,) smallest cosine to the centre that a firm of the cluster has as a rule."""

    def nearest(self, vectors: Floats) -> Ints:
        """(m,) the cluster whose centre each row is nearest to, k where it is too far for one of its firms."""
        likeness = (vectors @ self.centres.T).round(9)
        best = likeness.argmax(axis=1)
        return np.where(likeness[np.arange(len(best)), best] >= self.least[best], best, len(self.labels))


def _part(name: str, label: Ints, vectors: Floats, firm: Ints) -> _Part:
    centred = vectors - vectors.mean(axis=0)
    centred /= np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-9)
    labels = np.unique(label[label != NOISE])
    centres = np.zeros((len(labels), vectors.shape[1]))
    least, spread, sizes = (np.zeros(len(labels)) for _ in range(3))
    for index, one in enumerate(labels):
        own = centred[label == one]
        total = own.sum(axis=0)
        centres[index] = total / max(np.linalg.norm(total), 1e-9)
        # Without the firm itself: a firm pulls the centre of its cluster towards it.
        others = total - own
        likeness = (own * others).sum(axis=1) / np.maximum(np.linalg.norm(others, axis=1), 1e-9)
        least[index], spread[index] = likeness.mean(), likeness.var() * len(own)
        sizes[index] = len(own)
    # One spread for all: few firms have none of their own. Their mean is as unsure as they are few.
    least -= 2 * np.sqrt(spread.sum() / max(1, sizes.sum())) * (1 + 1 / np.sqrt(np.maximum(sizes, 1)))
    code = np.searchsorted(labels, label) + (label == NOISE) * len(labels)
    return _Part(name, labels, code, firm, centred, centres, least)


def _votes(home: _Part, away: _Part) -> Ints:
    """(n,) the cluster of the other period that each row of this one speaks for; k for none."""
    votes = away.nearest(home.vectors)
    _, here, there = np.intersect1d(home.firm, away.firm, assume_unique=True, return_indices=True)
    votes[here] = away.code[there]
    return votes


@dataclass(frozen=True, slots=True)
class _Limits:
    survive: float
    split: float
    support: float
    z: float
    """How many errors a birth's or death's change of share must have."""


def _between(
    before: _Part, after: _Part, limits: _Limits, draws: int, rng: np.random.Generator
) -> list[dict[str, Any]]:
    place = {"year_from": before.name, "year_to": after.name}
    for part in (before, after):
        if not len(part.labels):
            return [{**place, "event": "", "status": f"not estimable: no clusters in {part.name}"}]
    k, m = len(before.labels), len(after.labels)
    firms, code = np.unique(np.concatenate([before.firm, after.firm]), return_inverse=True)
    old, new = np.split(code, [len(before.firm)])
    forward = _Counts.of(old, (before.code, _votes(before, after)), (k + 1, m + 1), len(firms))
    backward = _Counts.of(new, (after.code, _votes(after, before)), (m + 1, k + 1), len(firms))
    every = np.ones((1, len(firms)))
    whole = _transitions(forward.drawn(every), backward.drawn(every), limits)
    least = {name: limits.z * _error(*whole.shares(name), len(old), len(new)) for name in ("birth", "death")}
    again = {name: np.zeros(found.shape[1:]) for name, found in whole.kinds.items()}
    for weights in _bootstraps(len(firms), draws, rng, (k + 1) * (m + 1)):
        drawn = _transitions(forward.drawn(weights), backward.drawn(weights), limits)
        for name, found in drawn.kinds.items():
            if name in least:
                share, like = drawn.shares(name)
                found = found & (share - like > least[name])
            again[name] += found.sum(axis=0) / draws
    sizes = np.bincount(before.code, minlength=k + 1), np.bincount(after.code, minlength=m + 1)
    table = []
    for event, one, other in whole.listed():
        born = event == "birth"
        n_from = 0 if born else sizes[0][one]
        n_to = sizes[1][one] if born else 0 if other is None else sizes[1][other]
        value = float(again[event][one if other is None else (one, other)])
        record = {"cluster": int((after if born else before).labels[one]), **place, "event": event, "support": value}
        record["into"] = None if other is None else int(after.labels[other])
        record |= _numbers(n_from, n_to, len(old), len(new))
        table.append(record | {"status": "" if value >= limits.support else NOT_SUPPORTED})
    return table


def _error(share: Floats, other: Floats, n: int, m: int) -> Floats:
    """(clusters,) error of the difference of two shares (1, clusters) of n and m firms together, were there none."""
    both = ((share + other)[0] * (n + m) / 2 + 1) / (n + m + 2)
    return np.asarray(np.sqrt(both * (1 - both) * (1 / n + 1 / m)))


@dataclass(frozen=True, slots=True, eq=False)
class _Transitions:
    """What each draw has."""

    kinds: dict[str, NDArray[np.bool_]]
    """survival, merge, split (b, k, m) from cluster to cluster; death (b, k); birth (b, m)."""
    before: Floats
    """(b, k) share of each old cluster, and ``still``, the share of the later firms that speak for it."""
    still: Floats
    after: Floats
    """(b, m) share of each new cluster, and ``already``, the share of the earlier firms that speak for it."""
    already: Floats
    likeness: Floats
    """(b, k, m)."""

    def shares(self, event: str) -> tuple[Floats, Floats]:
        """A cluster's share in the period that has it, and that of the like of it in the other."""
        return (self.after, self.already) if event == "birth" else (self.before, self.still)

    def listed(self) -> Iterator[tuple[str, int, int | None]]:
        """Event, cluster, and cluster of the later period where there is one, of the first draw."""
        pairs = dict(np.transpose(linear_sum_assignment(-self.likeness[0])).tolist())
        for one in range(self.before.shape[1]):
            ends = [
                (name, one, int(into))
                for name in ("merge", "split", "survival")
                for into in np.flatnonzero(self.kinds[name][0, one])
            ]
            if ends:
                yield from ends
            elif self.kinds["death"][0, one]:
                yield "death", one, None
            elif one in pairs:
                yield "survival", one, pairs[one]
        yield from (("birth", int(one), None) for one in np.flatnonzero(self.kinds["birth"][0]))


def _transitions(forward: Floats, backward: Floats, limits: _Limits) -> _Transitions:
    """Events of each draw from where firms go (b, k + 1, m + 1) and come from (b, m + 1, k + 1); noise is last."""
    earlier, later = (np.maximum(part.sum(axis=(1, 2)), 1)[:, None] for part in (forward, backward))
    before, after = forward.sum(axis=2)[:, :-1] / earlier, backward.sum(axis=2)[:, :-1] / later
    # Shares of all firms of the period that go from cluster to cluster, or come from it; (b, k, m) both.
    gone = forward[:, :-1, :-1] / earlier[:, :, None]
    come = np.swapaxes(backward[:, :-1, :-1], 1, 2) / later[:, :, None]
    goes = gone / np.maximum(before, _TINY)[:, :, None]
    comes = come / np.maximum(after, _TINY)[:, None, :]
    seen = come / np.maximum(before, _TINY)[:, :, None]
    on = (goes >= limits.survive) & (seen >= limits.split)
    several = on.sum(axis=1, keepdims=True) > 1
    parts = (goes >= limits.split) & (comes >= _MOSTLY) & ~on.any(axis=2, keepdims=True)
    enough = (goes * parts).sum(axis=2, keepdims=True) >= limits.survive
    kinds = {
        "survival": on & ~several,
        "merge": on & several,
        "split": parts & enough & (parts.sum(axis=2, keepdims=True) > 1),
        "birth": ~on.any(axis=1) & (goes.max(axis=1) < limits.split) & (comes.max(axis=1) < _MOSTLY),
        "death": ~((goes >= limits.split) & (seen >= limits.split)).any(axis=2),
    }
    already, still = forward[:, :, :-1].sum(axis=1) / earlier, backward[:, :, :-1].sum(axis=1) / later
    return _Transitions(kinds, before, still, after, already, goes + comes)
