"""Many layouts, each of a part of the rows → one answer: who belongs together in most of them, and how surely.

One UMAP layout is one draw: another seed, or a few rows less, gives other clusters. What is published is what the
draws agree on (evidence accumulation: Fred & Jain 2005, https://doi.org/10.1109/TPAMI.2005.113; consensus
clustering: Monti et al. 2003, https://doi.org/10.1023/A:1023949509487).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from chainbert.clustering.config import ClusteringConfig
from chainbert.clustering.layout import lay_out, neighbour_graph, starting_places

Labels: TypeAlias = npt.NDArray[np.int64]
Rows: TypeAlias = npt.NDArray[np.float64]
Together: TypeAlias = npt.NDArray[np.floating]

NOISE = -1
STABLE_FROM = 0.75
SAMPLE_DRAWS = 5
"""Layouts of one subsample."""

_PARTS = 10
"""Subsamples are the rows without one of these many parts, each part left out in turn."""

# Groups are joined while their rows are together more often than not; a row stays with the group whose rows it is
# with most often, if that is at least the second share of the time.
_JOINED = 0.50
_KEPT = 0.30
_MOST_MOVES = 20
# HDBSCAN cuts every layout at these multiples of the smallest cluster and of the neighbours that make it dense: a
# group that only one resolution sees weighs little, and no layout flips from all to nothing.
_SIZES = (0.6, 1.0, 1.5)
_DENSITIES = (0.6, 1.0)
# A big cluster is divided only where its parts keep most of it: a single dense crowd would dissolve into noise.
_MOST_LOST = 1 / 3


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """One draw."""

    rows: npt.NDArray[np.intp]
    """(m,) which rows it holds, ascending."""
    places: Rows
    """(m, dimensions) where UMAP put them."""
    sample: int
    """Which subsample that is."""


@dataclass(frozen=True, slots=True, eq=False)
class Agreement:
    """What the layouts agree on."""

    labels: Labels
    """(n,) clusters from 0 on, in no order; noise is -1."""
    strength: Rows
    """(n,) in [0, 1]: how often a row shares a cluster with the others of its own; 0 for noise."""
    stability: dict[int, float]
    """Cluster → mean Jaccard similarity in [0, 1] to its like in the subsamples' own answers."""


def draw_layouts(points: Rows, config: ClusteringConfig, seeds: npt.NDArray[np.uint32]) -> list[Layout]:
    """One layout of unit rows (n, d) per seed but the last, which draws the subsamples: nine tenths, five times each.

    Below ten layouts all rows are in each.
    """
    near = min(config.n_neighbors, len(points))
    start = starting_places(points, neighbour_graph(points, near), min(config.n_components, len(points) - 4))
    whole = np.arange(len(points))
    if len(seeds) - 1 < 2 * SAMPLE_DRAWS:
        samples = [whole] * (len(seeds) - 1)
        draws = [seeds[number : number + 1] for number in range(len(seeds) - 1)]
    else:
        draws = [seeds[:-1][first : first + SAMPLE_DRAWS] for first in range(0, len(seeds) - 1, SAMPLE_DRAWS)]
        samples = _subsamples(len(points), len(draws), np.random.default_rng(seeds[-1]))
    return [
        Layout(rows, places, sample)
        for sample, (rows, own) in enumerate(zip(samples, draws, strict=True))
        for places in _laid_out(points[rows], start[rows], config, own)
    ]


def _subsamples(rows: int, count: int, rng: np.random.Generator) -> list[npt.NDArray[np.intp]]:
    samples: list[npt.NDArray[np.intp]] = []
    while len(samples) < count:
        part = rng.permutation(rows) % _PARTS
        samples += [np.flatnonzero(part != left_out) for left_out in range(_PARTS)]
    return samples[:count]


def _laid_out(
    points: Rows, start: npt.NDArray[np.float32], config: ClusteringConfig, seeds: npt.NDArray[np.uint32]
) -> Iterator[Rows]:
    graph = neighbour_graph(points, min(config.n_neighbors, len(points)))
    for seed in seeds:
        yield lay_out(points, graph, start, config.min_dist, seed, config.epochs)


def agree(layouts: Sequence[Layout], rows: int, smallest: int, config: ClusteringConfig) -> Agreement:
    """Clusters of at least ``smallest`` of ``rows`` rows on which the layouts agree.

    Stability as Hennig (2007, https://doi.org/10.1016/j.csda.2006.11.025): the layouts of one subsample agree on an
    answer of their own; a cluster's mean Jaccard similarity to the most alike cluster of each answer, counted on the
    subsample's rows. An answer rests on five layouts only, so that the figure errs to the low side. One subsample
    alone has no stability: NaN.
    """
    together, drawn = np.zeros((rows, rows), dtype=np.float32), np.zeros((rows, rows), dtype=np.float32)
    answers = []
    for sample in sorted({layout.sample for layout in layouts}):
        same = [layout for layout in layouts if layout.sample == sample]
        held = same[0].rows
        cuts = [labels for layout in same for labels in _resolutions(layout.places, smallest, config)]
        shared = sum((_shared(labels) for labels in cuts), np.zeros((len(held), len(held)), dtype=np.float32))
        together[np.ix_(held, held)] += shared
        drawn[np.ix_(held, held)] += len(cuts)
        answers.append((held, _settled(shared / len(cuts), max(2, round(smallest * len(held) / rows)))[0]))
    labels, strength = _settled(together / np.maximum(drawn, 1), smallest)
    return Agreement(labels, strength, _stability(labels, answers))


def _resolutions(places: Rows, smallest: int, config: ClusteringConfig) -> Iterator[Labels]:
    for size, density in product(_SIZES, _DENSITIES):
        least, samples = max(2, round(size * smallest)), max(1, round(density * config.min_samples))
        yield _dense(places, least, min(samples, len(places) - 1), config.largest_share)


def _dense(places: Rows, least: int, samples: int, largest_share: float) -> Labels:
    """HDBSCAN's labels, with clusters above the largest share divided where they fall into parts."""
    largest = int(largest_share * len(places))
    labels = _hdbscan(places, least, samples)
    sizes = np.bincount(labels[labels >= 0])
    if not (sizes > largest).any():
        return labels
    finer = _hdbscan(places, least, samples, largest)
    finer = np.where(finer >= 0, finer + len(sizes), NOISE)
    for big in np.flatnonzero(sizes > largest):
        own = labels == big
        parts = finer[own]
        if len(np.unique(parts[parts >= 0])) >= 2 and np.mean(parts == NOISE) <= _MOST_LOST:
            labels[own] = parts
    return labels


def _hdbscan(places: Rows, least: int, samples: int, largest: int = 0) -> Labels:
    from hdbscan import HDBSCAN  # noqa: PLC0415 - a second to import

    search = HDBSCAN(
        min_cluster_size=least,
        min_samples=samples,
        max_cluster_size=largest,
        approx_min_span_tree=False,
        core_dist_n_jobs=1,
    )
    return np.asarray(search.fit(places).labels_, dtype=np.int64)


def _members(labels: Labels) -> npt.NDArray[np.float32]:
    """(n, clusters) 1 where a row is of a cluster, else 0."""
    return np.asarray(labels[:, None] == np.arange(labels.max(initial=NOISE) + 1), dtype=np.float32)


def _shared(labels: Labels) -> Together:
    """(m, m) 1 where two rows are of one cluster, else 0."""
    members = _members(labels)
    return members @ members.T


def _settled(together: Together, smallest: int) -> tuple[Labels, Rows]:
    """Labels and strengths from how often rows are together, (n, n) in [0, 1].

    Average linkage gives the groups; then each row goes where it is most often, until none moves.
    """
    apart = 1.0 - together.astype(np.float64)
    np.fill_diagonal(apart, 0.0)
    groups = fcluster(linkage(squareform(apart, checks=False), "average"), 1.0 - _JOINED, "distance")
    labels = _large(np.asarray(groups, dtype=np.int64) - 1, smallest)
    others = together.astype(np.float64)
    np.fill_diagonal(others, 0.0)
    for _ in range(_MOST_MOVES):
        moved, strength = _nearest_group(others, labels, smallest)
        if (moved == labels).all():
            break
        labels = moved
    return moved, np.where(moved >= 0, strength, 0.0)


def _nearest_group(others: Rows, labels: Labels, smallest: int) -> tuple[Labels, Rows]:
    members = _members(labels).astype(np.float64)
    if not members.shape[1]:
        return labels, np.zeros(len(labels))
    # Sums of shares differ in their last bits; ties go to the first group.
    often = ((others @ members) / np.maximum(members.sum(axis=0) - members, 1.0)).round(9)
    best = often.max(axis=1)
    moved = np.where(best >= _KEPT, often.argmax(axis=1), NOISE).astype(np.int64)
    return _large(moved, smallest), np.minimum(best, 1.0)


def _large(labels: Labels, smallest: int) -> Labels:
    """The groups of at least ``smallest`` rows, numbered anew; the others are noise."""
    sizes = np.bincount(labels[labels >= 0], minlength=1)
    numbers = np.full(len(sizes) + 1, NOISE, dtype=np.int64)
    large = np.flatnonzero(sizes >= smallest)
    numbers[large] = np.arange(len(large))
    return numbers[labels]


def _stability(labels: Labels, answers: Sequence[tuple[npt.NDArray[np.intp], Labels]]) -> dict[int, float]:
    if len(answers) < 2:
        return dict.fromkeys(range(int(labels.max(initial=NOISE)) + 1), float("nan"))
    alike = [_jaccard(_members(labels[held]), _members(answer)) for held, answer in answers]
    # A cluster may lack rows in an answer that holds none of its texts; its smallest size forbids it in practice.
    clusters = range(int(labels.max(initial=NOISE)) + 1)
    return {cluster: float(np.mean([each[cluster] for each in alike])) for cluster in clusters}


def _jaccard(ours: npt.NDArray[np.float32], theirs: npt.NDArray[np.float32]) -> Rows:
    """(clusters,) the similarity of each of our clusters to the most alike of theirs; 0 where there is none."""
    common = (ours.T @ theirs).astype(np.float64)
    union = ours.sum(axis=0)[:, None] + theirs.sum(axis=0) - common
    return np.asarray((common / np.maximum(union, 1)).max(axis=1, initial=0.0))
