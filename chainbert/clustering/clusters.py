"""Vectors → clusters: UMAP, then HDBSCAN; the same for any row order and thread count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # ships no types

from chainbert.clustering.config import ClusteringConfig
from chainbert.clustering.layout import lay_out, neighbour_graph, principal_components
from chainbert.errors import DataError

Floats: TypeAlias = npt.NDArray[np.floating]
Labels: TypeAlias = npt.NDArray[np.int64]

NOISE = -1
FEWEST_TEXTS = 15
_NO_LENGTH = 1e-9
# A big cluster is divided only where its parts keep most of it: a single dense crowd would dissolve into noise.
_MOST_LOST = 1 / 3


@dataclass(frozen=True, slots=True, eq=False)
class Clustering:
    """Which rows belong together, and how surely. Positions in a map carry no test (DESIGN, decision 6)."""

    labels: Labels
    """(n,) clusters numbered 0, 1, … by size, the largest first; noise is -1."""
    strength: npt.NDArray[np.float64]
    """(n,) in [0, 1]: how central a row is in its cluster; 0 for noise."""
    map: npt.NDArray[np.float64]
    """(n, 2) places for looking at."""
    noise_share: float
    """Share of rows that are noise, in [0, 1]."""
    medoids: dict[int, list[int]]
    """Cluster → rows nearest to its mean direction in the unreduced space, nearest first; all rows of one text."""
    note: str
    """Why there are no clusters to speak of; "" where clusters were found."""


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    labels: Labels
    strength: npt.NDArray[np.float64]
    map: npt.NDArray[np.float64]
    note: str = ""


def cluster(
    vectors: Floats,
    config: ClusteringConfig,
    rng: np.random.Generator,
    language: npt.NDArray[np.str_] | None = None,
) -> Clustering:
    """Group the rows of ``vectors`` (n, d) finite, not zero, of any length: only their direction counts.

    ``language`` (n,) names each row's language; with ``config.language_centring`` each language's mean direction
    is taken out (without languages, the mean of all), because the languages lie apart more than meanings do.
    Rows with identical vectors count once in the search and share label, strength and place. Below 15 distinct
    rows all are noise; identical rows are one cluster; ``note`` says so. UMAP: McInnes et al. 2018,
    arXiv 1802.03426; HDBSCAN: Campello et al. 2013, https://doi.org/10.1007/978-3-642-37456-2_14.
    Raises DataError for no rows, another shape, NaN, infinite or zero rows, languages of another length.
    """
    _check(vectors, language)
    seeds = rng.integers(2**32, size=config.layouts + 1, dtype=np.uint32)
    # Matrix products differ in the last bits between numbers of threads.
    with threadpool_limits(limits=1):
        rows, spoken, inverse = _distinct(vectors, language)
        points = _centred(rows, spoken) if config.language_centring else rows
        found = _few(points, len(inverse)) or _search(points, config, seeds)
        labels = _numbered(found.labels, np.bincount(inverse))
        medoids = _medoids(points, labels, inverse, config.medoids)
    return Clustering(
        labels=labels[inverse],
        strength=found.strength[inverse],
        map=found.map[inverse],
        noise_share=float(np.mean(labels[inverse] == NOISE)),
        medoids=medoids,
        note=found.note,
    )


def _check(vectors: Floats, language: npt.NDArray[np.str_] | None) -> None:
    if vectors.ndim != 2 or 0 in vectors.shape:
        raise DataError(f"vectors of shape {vectors.shape} found; (rows, dimensions) with at least one row is expected")
    for what, bad in (
        ("NaN or infinite values", ~np.isfinite(vectors).all(axis=1)),
        ("only zeros", ~np.asarray(vectors, dtype=bool).any(axis=1)),
    ):
        if bad.any():
            places = ", ".join(str(row) for row in np.flatnonzero(bad)[:5])
            raise DataError(
                f"{what} found in {bad.sum():,} of {len(vectors):,} vectors (row {places}); leave these rows out"
            )
    if language is not None and len(language) != len(vectors):
        raise DataError(f"{len(language):,} languages for {len(vectors):,} vectors found; one a row is expected")


def _distinct(
    vectors: Floats, language: npt.NDArray[np.str_] | None
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.str_], npt.NDArray[np.intp]]:
    """Distinct unit rows in an order of their own, their languages, and each given row's place among them."""
    units = np.ascontiguousarray(vectors, dtype=np.float64)
    units = units / np.linalg.norm(units, axis=1, keepdims=True)
    spoken = np.full(len(units), "") if language is None else np.asarray(language, dtype=str)
    # Signs come first in the order: noise of 1e-7 in recomputed vectors swaps values often, signs hardly ever.
    order = np.lexsort([spoken, *units.T[::-1], *(units < 0).T[::-1]])
    ordered = units[order]
    fresh = np.concatenate([[True], (ordered[1:] != ordered[:-1]).any(axis=1)])
    inverse = np.empty(len(units), dtype=np.intp)
    inverse[order] = np.cumsum(fresh) - 1
    return ordered[fresh], spoken[order][fresh], inverse


def _centred(rows: npt.NDArray[np.float64], spoken: npt.NDArray[np.str_]) -> npt.NDArray[np.float64]:
    """The rows' directions as seen from the mean of their language; a row that is the mean stays zero.

    Fewer rows of a language than are searched at all have no mean worth the name: theirs is that of all rows.
    """
    overall = rows.mean(axis=0)
    points = rows - overall
    for name in np.unique(spoken):
        own = spoken == name
        if own.sum() >= FEWEST_TEXTS:
            points[own] = rows[own] - rows[own].mean(axis=0)
    lengths = np.linalg.norm(points, axis=1, keepdims=True)
    return np.where(lengths > _NO_LENGTH, points / np.maximum(lengths, _NO_LENGTH), 0.0)


def _few(points: npt.NDArray[np.float64], rows: int) -> _Found | None:
    """The answer for too few distinct rows to search; None where there are enough."""
    if len(points) >= FEWEST_TEXTS:
        return None
    alike = len(points) == 1 and rows > 1
    if alike:
        note = f"all {rows:,} rows are identical: one cluster"
    else:
        note = f"{len(points)} distinct rows; clusters are looked for from {FEWEST_TEXTS} on, so all rows are noise"
    labels = np.full(len(points), 0 if alike else NOISE, dtype=np.int64)
    return _Found(labels, np.full(len(points), float(alike)), principal_components(points, 2), note)


def _search(points: npt.NDArray[np.float64], config: ClusteringConfig, seeds: npt.NDArray[np.uint32]) -> _Found:
    graph = neighbour_graph(points, min(config.n_neighbors, len(points)))
    dimensions = min(config.n_components, len(points) - 2)
    layouts = lay_out(points, graph, dimensions, config.min_dist, seeds[:-1])
    labels, strength = _dense(layouts, config)
    note = "" if labels.max() >= 0 else f"no {config.smallest(len(points))} texts lie closer together than the rest"
    return _Found(labels, strength, lay_out(points, graph, 2, config.map_min_dist, seeds[-1:]), note)


def _dense(layouts: npt.NDArray[np.float64], config: ClusteringConfig) -> tuple[Labels, npt.NDArray[np.float64]]:
    """HDBSCAN's labels and strengths, with clusters above the largest share divided where they fall into parts."""
    largest = int(config.largest_share * len(layouts))
    labels, strength = _hdbscan(layouts, config)
    sizes = np.bincount(labels[labels >= 0])
    if not (sizes > largest).any():
        return labels, strength
    finer, finer_strength = _hdbscan(layouts, config, largest)
    finer = np.where(finer >= 0, finer + len(sizes), NOISE)
    for big in np.flatnonzero(sizes > largest):
        own = labels == big
        parts = finer[own]
        if len(np.unique(parts[parts >= 0])) >= 2 and np.mean(parts == NOISE) <= _MOST_LOST:
            labels[own], strength[own] = parts, finer_strength[own]
    return labels, strength


def _hdbscan(
    layouts: npt.NDArray[np.float64], config: ClusteringConfig, largest: int = 0
) -> tuple[Labels, npt.NDArray[np.float64]]:
    from hdbscan import HDBSCAN  # noqa: PLC0415 - a second to import

    search = HDBSCAN(
        min_cluster_size=config.smallest(len(layouts)),
        min_samples=min(config.min_samples, len(layouts) - 1),
        max_cluster_size=largest,
        approx_min_span_tree=False,
        core_dist_n_jobs=1,
    )
    search.fit(layouts)
    return np.asarray(search.labels_, dtype=np.int64), np.asarray(search.probabilities_, dtype=np.float64)


def _numbered(labels: Labels, rows: npt.NDArray[np.intp]) -> Labels:
    """Clusters 0, 1, … by their number of rows, ties by the place of their first text."""
    names = np.unique(labels[labels >= 0])
    sizes = np.array([rows[labels == name].sum() for name in names])
    firsts = np.array([np.flatnonzero(labels == name)[0] for name in names])
    numbered = np.full_like(labels, NOISE)
    for number, place in enumerate(np.lexsort([firsts, -sizes])):
        numbered[labels == names[place]] = number
    return numbered


def _medoids(
    points: npt.NDArray[np.float64], labels: Labels, inverse: npt.NDArray[np.intp], count: int
) -> dict[int, list[int]]:
    medoids = {}
    for number in range(int(labels.max(initial=NOISE)) + 1):
        own = np.flatnonzero(labels == number)
        nearness = points[own] @ points[own].mean(axis=0)
        nearest = own[np.argsort(-nearness.round(9), kind="stable")[:count]]
        medoids[number] = [int(row) for text in nearest for row in np.flatnonzero(inverse == text)]
    return medoids
