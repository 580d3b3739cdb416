"""New rows → the clusters of an earlier clustering, or noise where they are unlike all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # ships no types

from chainbert.clustering.config import ClusteringConfig
from chainbert.clustering.space import Names, Rows, Space, check_vectors, fit_space, unit_rows
from chainbert.errors import DataError

if TYPE_CHECKING:
    from chainbert.clustering.clusters import Clustering

Labels: TypeAlias = npt.NDArray[np.int64]

NOISE = -1
NEIGHBOURS = 7
# Of its own members, a cluster takes in this share: each as far from its neighbours as the farthest of these.
_WITHIN = 0.98
_FAR_OUT, _UNLIKE = 3.0, 0.5
_FOLDS = 5
# Similarities held at a time: 130 MB, whatever the number of rows.
_BLOCK_CELLS = 2**24


@dataclass(frozen=True, slots=True, eq=False)
class Members:
    """The clustered rows as new rows are measured against them."""

    space: Space
    points: Rows
    """(n, p) unit rows in that space, noise included."""
    labels: Labels
    """(n,) their clusters."""
    reach: dict[int, float]
    """Cluster → the greatest mean cosine distance to its own 7 nearest members at which a row still belongs."""
    least_kept: float
    """The smallest share in [0, 1] of a row's length that the space may hold: less is about something else."""

    def renamed(self, names: Labels) -> Members:
        """The same with cluster c called ``names[c]``; the last name is that of noise."""
        reach = {int(names[old]): far for old, far in self.reach.items()}
        return replace(self, labels=names[self.labels], reach=dict(sorted(reach.items())))

    def nearest(self, units: Sequence[Rows], spoken: Names) -> tuple[Labels, Rows]:
        """Labels and strengths of unit rows, (m, d) for each view: see ``assign``."""
        points, kept = self.space.placed(units, spoken)
        labels, strength = np.full(len(points), NOISE, dtype=np.int64), np.zeros(len(points))
        for block in _blocks(len(points), len(self.points)):
            labels[block], strength[block] = self._voted(points[block] @ self.points.T)
        foreign = kept < self.least_kept
        labels[foreign], strength[foreign] = NOISE, 0.0
        return labels, strength

    def _voted(self, similar: Rows) -> tuple[Labels, Rows]:
        votes, clusters = self._votes(similar), np.array([*self.reach, NOISE])
        place = votes.argmax(axis=1)
        found, strength = clusters[place], votes.max(axis=1)
        far = np.ones(len(found), dtype=bool)
        for number, reach in self.reach.items():
            own = found == number
            far[own] = _distance(similar[own][:, self.labels == number]) > reach
        return np.where(far, NOISE, found), np.where(far, 0.0, strength)

    def _votes(self, similar: Rows) -> Rows:
        """(m, clusters + noise) the share of each among the nearest members."""
        count = min(NEIGHBOURS, similar.shape[1])
        near = np.argpartition(-similar, count - 1, axis=1)[:, :count]
        labels = self.labels[near]
        return np.column_stack([(labels == number).mean(axis=1) for number in [*self.reach, NOISE]])

    def between(self, points: Rows, places: Rows) -> Rows:
        """(m, 2) map places of points: the mean of their nearest members' places; a member keeps its own."""
        found = np.empty((len(points), places.shape[1]))
        for block in _blocks(len(points), len(self.points)):
            similar = points[block] @ self.points.T
            count = min(NEIGHBOURS, similar.shape[1])
            near = np.argpartition(-similar, count - 1, axis=1)[:, :count]
            found[block] = places[near].mean(axis=1)
            same = similar.max(axis=1) > 1 - 1e-9
            found[block][same] = places[similar[same].argmax(axis=1)]
        return found


def remember(space: Space, units: Sequence[Rows], spoken: Names, labels: Labels, config: ClusteringConfig) -> Members:
    """What is needed to assign rows later: unit rows (n, d) of each view, their languages and labels (n,).

    Reach is measured on rows that had no part in the space they are placed in (five folds): a row lies closer to
    the others in a space that was fitted to it than any new row ever will.
    """
    apart, kept = np.zeros(len(labels)), np.zeros(len(labels))
    fold = np.arange(len(labels)) % _FOLDS
    for number in range(_FOLDS):
        out = fold == number
        fitted = fit_space([rows[~out] for rows in units], spoken[~out], config)
        points, share = fitted.placed(units, spoken)
        kept[out] = share[out]
        for name in np.unique(labels[out & (labels >= 0)]):
            own = out & (labels == name)
            others = ~out & (labels == name)
            apart[own] = _distance(points[own] @ points[others].T) if others.any() else 1.0
    numbers = range(int(labels.max(initial=NOISE)) + 1)
    reach = {number: float(np.quantile(apart[labels == number], _WITHIN)) for number in numbers}
    return Members(space, space.placed(units, spoken)[0], labels, reach, float(np.quantile(kept, 1 - _WITHIN)))


def without_strangers(points: Rows, labels: Labels) -> Labels:
    """The labels with rows far out of their own cluster as noise.

    UMAP puts a row that is like no other beside whatever is least unlike it. Far out: its nearest members are less
    like it than a cosine of ½, and three times the quartile range beyond the upper quartile of these (Tukey 1977).
    """
    apart, kept = own_distance(points, labels), labels.copy()
    for number in range(int(labels.max(initial=NOISE)) + 1):
        low, high = np.quantile(apart[labels == number], [0.25, 0.75])
        kept[(labels == number) & (apart > max(high + _FAR_OUT * (high - low), _UNLIKE))] = NOISE
    return kept


def own_distance(points: Rows, labels: Labels) -> Rows:
    """(n,) each row's mean cosine distance to the nearest 7 others of its cluster; 0 for noise."""
    apart = np.zeros(len(points))
    for number in range(int(labels.max(initial=NOISE)) + 1):
        own = labels == number
        similar = points[own] @ points[own].T
        np.fill_diagonal(similar, -np.inf)
        apart[own] = _distance(similar).round(9)
    return apart


def assign(
    new_vectors: npt.NDArray[np.floating],
    clustering: Clustering,
    language: npt.NDArray[np.str_] | None = None,
    *,
    views: Sequence[npt.NDArray[np.floating]] = (),
) -> tuple[Labels, Rows]:
    """(m,) the cluster of each new row, or -1, and (m,) in [0, 1] how many of its neighbours agree (0 for noise).

    ``new_vectors`` (m, d) from the encoder that the clustering's came from, ``views`` likewise, ``language`` (m,).
    The old clusters do not change. A row goes with the majority of its 7 nearest rows; it is noise where most of
    these are, where it lies farther from the members than 98 % of them do, or where less of it lies in the space of
    the old rows than 98 % of them have there. Raises DataError for other shapes, NaN or zero rows, or a clustering
    without clusters to assign to.
    """
    members = clustering.members
    if members is None:
        raise DataError(f"the clustering has no clusters to assign rows to: {clustering.note}")
    check_vectors(new_vectors, language, views)
    given = [rows.shape[1] for rows in (new_vectors, *views)]
    expected = [len(view.overall) for view in members.space.views]
    if given != expected:
        raise DataError(
            f"rows of {given} dimensions found; the clustering's have {expected}: the same encoders, please"
        )
    spoken = np.full(len(new_vectors), "") if language is None else np.asarray(language, dtype=str)
    with threadpool_limits(limits=1):
        return members.nearest([unit_rows(rows) for rows in (new_vectors, *views)], spoken)


def _distance(similar: Rows) -> Rows:
    """(m,) mean cosine distance to the nearest of these members, 7 or as many as there are (less one: oneself)."""
    count = max(min(NEIGHBOURS, similar.shape[1] - 1), 1)
    return np.asarray(1.0 - np.partition(similar, -count, axis=1)[:, -count:].mean(axis=1))


def _blocks(rows: int, members: int) -> list[slice]:
    step = max(1, _BLOCK_CELLS // max(members, 1))
    return [slice(start, min(start + step, rows)) for start in range(0, rows, step)]
