"""Clusterings that were made apart, one a period: which clusters go on, merge, split, die or are born between them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # ships no types

from chainbert.clustering.consensus import NOISE
from chainbert.clustering.events import (
    NOT_SUPPORTED,
    SUPPORT,
    Events,
    check_thresholds,
    event_table,
    panel_of_periods,
    sizes_of,
)
from chainbert.clustering.firmcounts import FirmCounts, firm_bootstraps
from chainbert.clustering.panel import Floats, Ints, unit_rows, whole_labels
from chainbert.clustering.transitions import SPLIT, SURVIVE, Limits, transitions
from chainbert.errors import DataError


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
    check_thresholds(survive=survive, split=split, support=support)
    numbers, matrix = whole_labels(labels), unit_rows(vectors)
    if len(numbers) != len(matrix):
        raise DataError(f"{len(numbers):,} labels for {len(matrix):,} vectors found; one a row is expected")
    contents = [f"{one}:{row.tobytes().hex()}" for one, row in zip(numbers, matrix, strict=True)]
    panel = panel_of_periods(contents, period, firm)
    label, matrix = numbers[panel.order], matrix[panel.order]
    parts = []
    for index in range(len(panel.periods)):
        rows = np.flatnonzero(panel.period == index)
        parts.append(_part(panel.periods[index], label[rows], matrix[rows], panel.firm[rows]))
    table = []
    # A birth or a death is one of as many as there are clusters at either side (Bonferroni).
    looks = max(1, sum(len(before.labels) + len(after.labels) for before, after in pairwise(parts)))
    limits = Limits(survive, split, support, float(stats.norm.isf(0.05 / looks)))
    with threadpool_limits(limits=1):
        for before, after in pairwise(parts):
            table += _between(before, after, limits, draws, rng)
    return Events(event_table(table))


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


def _between(before: _Part, after: _Part, limits: Limits, draws: int, rng: np.random.Generator) -> list[dict[str, Any]]:
    place = {"year_from": before.name, "year_to": after.name}
    for part in (before, after):
        if not len(part.labels):
            return [{**place, "event": "", "status": f"not estimable: no clusters in {part.name}"}]
    k, m = len(before.labels), len(after.labels)
    firms, code = np.unique(np.concatenate([before.firm, after.firm]), return_inverse=True)
    old, new = np.split(code, [len(before.firm)])
    forward = FirmCounts.of(old, (before.code, _votes(before, after)), (k + 1, m + 1), len(firms))
    backward = FirmCounts.of(new, (after.code, _votes(after, before)), (m + 1, k + 1), len(firms))
    every = np.ones((1, len(firms)))
    whole = transitions(forward.drawn(every), backward.drawn(every), limits)
    least = {name: limits.z * _error(*whole.shares(name), len(old), len(new)) for name in ("birth", "death")}
    again = {name: np.zeros(found.shape[1:]) for name, found in whole.kinds.items()}
    for weights in firm_bootstraps(len(firms), draws, rng, (k + 1) * (m + 1)):
        drawn = transitions(forward.drawn(weights), backward.drawn(weights), limits)
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
        record |= sizes_of(n_from, n_to, len(old), len(new))
        table.append(record | {"status": "" if value >= limits.support else NOT_SUPPORTED})
    return table


def _error(share: Floats, other: Floats, n: int, m: int) -> Floats:
    """(clusters,) error of the difference of two shares (1, clusters) of n and m firms together, were there none."""
    both = ((share + other)[0] * (n + m) / 2 + 1) / (n + m + 2)
    return np.asarray(np.sqrt(both * (1 - both) * (1 / n + 1 / m)))
