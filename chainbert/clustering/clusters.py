"""Vectors → clusters: many UMAP layouts, HDBSCAN on each, and what they agree on; the same for any row order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # ships no types

from chainbert.clustering.assign import Members, remember, without_strangers
from chainbert.clustering.config import FEWEST_TEXTS, ClusteringConfig
from chainbert.clustering.consensus import NOISE, STABLE_FROM, Agreement, Layout, agree, draw_layouts
from chainbert.clustering.layout import lay_out, neighbour_graph, principal_components, starting_places
from chainbert.clustering.space import Space, check_vectors, fit_space, unit_rows
from chainbert.notebook import shown

Floats: TypeAlias = npt.NDArray[np.floating]
Labels: TypeAlias = npt.NDArray[np.int64]
Rows: TypeAlias = npt.NDArray[np.float64]

# How often two texts are together is a table of all pairs; above this number of texts a sample is clustered and
# the others are assigned to its clusters.
_MOST_PAIRED = 3000


@dataclass(frozen=True, slots=True, eq=False)
class Clustering:
    """Which rows belong together, and how surely. Positions in a map carry no test (DESIGN, decision 6)."""

    labels: Labels
    """(n,) clusters numbered 0, 1, … by size, the largest first; noise is -1."""
    strength: npt.NDArray[np.float64]
    """(n,) in [0, 1]: how often a row is with the others of its cluster, over all layouts; 0 for noise."""
    map: npt.NDArray[np.float64]
    """(n, 2) places for looking at."""
    noise_share: float
    """Share of rows that are noise, in [0, 1]."""
    medoids: dict[int, list[int]]
    """Cluster → rows nearest to its mean direction in the unreduced space, nearest first; all rows of one text."""
    note: str
    """Why there are no clusters to speak of; "" where clusters were found."""
    stability: dict[int, float] = field(default_factory=dict)
    """Cluster → mean Jaccard similarity in [0, 1] to itself in subsamples (Hennig 2007); NaN with one layout."""
    stable: dict[int, bool] = field(default_factory=dict)
    """Cluster → whether its stability is .75 or more; others may come or go with a few rows."""
    members: Members | None = None
    """What ``assign`` needs to place new rows; None where nothing was searched."""

    def _repr_html_(self) -> str:
        table = pd.Series(self.labels).value_counts().sort_index().rename_axis("cluster").reset_index(name="rows")
        table["stability"] = table["cluster"].map(self.stability)
        facts = {"rows": len(self.labels), "clusters": len(self.medoids), "noise": f"{self.noise_share:.0%}"}
        return shown("Clusters", facts, [("Clusters; -1 is noise", table)], [self.note] if self.note else [])


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """The distinct rows to search."""

    units: list[Rows]
    """(n, d) unit rows of each view."""
    spoken: npt.NDArray[np.str_]
    """(n,) their languages."""
    inverse: npt.NDArray[np.intp]
    """(rows given,) each given row's place among them."""
    space: Space
    points: Rows
    """(n, p) unit rows: the distinct rows in their space."""


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    agreement: Agreement
    map: Rows
    note: str = ""
    members: Members | None = None


def cluster(
    vectors: Floats,
    config: ClusteringConfig,
    rng: np.random.Generator,
    language: npt.NDArray[np.str_] | None = None,
    *,
    views: Sequence[Floats] = (),
) -> Clustering:
    """Group the rows of ``vectors`` (n, d) finite, not zero, of any length: only their direction counts.

    ``language`` (n,) names each row's language; with ``config.language_centring`` each language's mean direction
    is taken out (without languages, the mean of all), because the languages lie apart more than meanings do.
    ``views``: the same rows as other encoders see them, (n, d_v) each; every view has an equal say.
    Rows with identical vectors count once in the search and share label, strength and place. Below 15 distinct
    rows all are noise; identical rows are one cluster; ``note`` says so. Above 3,000 distinct rows as many, drawn by
    ``rng``, are clustered and the others assigned to their clusters. UMAP: McInnes et al. 2018,
    arXiv 1802.03426; HDBSCAN: Campello et al. 2013, https://doi.org/10.1007/978-3-642-37456-2_14; the agreement of
    many layouts: see ``consensus``.
    Raises DataError for no rows, another shape, NaN, infinite or zero rows, languages or views of another length.
    """
    # Matrix products differ in the last bits between numbers of threads.
    with threadpool_limits(limits=1):
        ready = prepare(vectors, config, language, views)
        found = _few(ready) or _search(ready, config, rng)
        names = _names(found.agreement.labels, np.bincount(ready.inverse))
        labels = names[found.agreement.labels]
        centred = ready.space.views[0].centred(ready.units[0], ready.spoken)
        medoids = _medoids(centred, labels, ready.inverse, config.medoids)
    stability = {int(names[old]): value for old, value in found.agreement.stability.items()}
    return Clustering(
        labels=labels[ready.inverse],
        strength=found.agreement.strength[ready.inverse],
        map=found.map[ready.inverse],
        noise_share=float(np.mean(labels[ready.inverse] == NOISE)),
        medoids=medoids,
        note=found.note,
        stability=dict(sorted(stability.items())),
        stable={number: value >= STABLE_FROM for number, value in sorted(stability.items())},
        members=found.members and found.members.renamed(names),
    )


def prepare(
    vectors: Floats,
    config: ClusteringConfig,
    language: npt.NDArray[np.str_] | None,
    views: Sequence[Floats] = (),
) -> Prepared:
    """The distinct rows in an order of their own, and their space. Raises DataError as ``cluster`` does."""
    check_vectors(vectors, language, views)
    units, spoken, inverse = _distinct([vectors, *views], language)
    space = fit_space(units, spoken, config)
    return Prepared(units, spoken, inverse, space, space.placed(units, spoken)[0])


def _distinct(
    views: Sequence[Floats], language: npt.NDArray[np.str_] | None
) -> tuple[list[Rows], npt.NDArray[np.str_], npt.NDArray[np.intp]]:
    """Distinct unit rows of each view, their languages, and each given row's place among them."""
    units = [unit_rows(np.asarray(rows, dtype=np.float64)) for rows in views]
    spoken = np.full(len(units[0]), "") if language is None else np.asarray(language, dtype=str)
    joined = np.hstack(units)
    # Signs come first in the order: noise of 1e-7 in recomputed vectors swaps values often, signs hardly ever.
    order = np.lexsort([spoken, *joined.T[::-1], *(joined < 0).T[::-1]])
    ordered = joined[order]
    fresh = np.concatenate([[True], (ordered[1:] != ordered[:-1]).any(axis=1)])
    inverse = np.empty(len(joined), dtype=np.intp)
    inverse[order] = np.cumsum(fresh) - 1
    kept = order[fresh]
    return [rows[kept] for rows in units], spoken[kept], inverse


def _few(ready: Prepared) -> _Found | None:
    """The answer for too few distinct rows to search; None where there are enough."""
    texts, rows = len(ready.points), len(ready.inverse)
    if texts >= FEWEST_TEXTS:
        return None
    alike = texts == 1 and rows > 1
    if alike:
        note = f"all {rows:,} rows are identical: one cluster"
    else:
        note = f"{texts} distinct rows; clusters are looked for from {FEWEST_TEXTS} on, so all rows are noise"
    labels = np.full(texts, 0 if alike else NOISE, dtype=np.int64)
    agreement = Agreement(labels, np.full(texts, float(alike)), {0: 1.0} if alike else {})
    return _Found(agreement, principal_components(ready.points, 2), note)


def _search(ready: Prepared, config: ClusteringConfig, rng: np.random.Generator) -> _Found:
    texts = len(ready.points)
    sample, seeds = draw_sample(texts, config, rng)
    points = ready.points[sample]
    smallest = config.smallest(len(points))
    agreement = find_groups(points, draw_layouts(points, config, seeds[1:]), smallest, config)
    graph = neighbour_graph(points, min(config.n_neighbors, len(points)))
    map_ = lay_out(points, graph, starting_places(points, graph, 2), config.map_min_dist, seeds[0])
    units = [rows[sample] for rows in ready.units]
    members = remember(ready.space, units, ready.spoken[sample], agreement.labels, config)
    note = "" if agreement.labels.max() >= 0 else f"no {smallest} texts lie closer together than the rest"
    if len(sample) < texts:
        labels, strength = members.nearest(ready.units, ready.spoken)
        map_ = members.between(ready.points, map_)
        labels[sample], strength[sample] = agreement.labels, agreement.strength
        agreement = Agreement(labels, strength, agreement.stability)
    return _Found(agreement, map_, note, members)


def draw_sample(
    texts: int, config: ClusteringConfig, rng: np.random.Generator
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.uint32]]:
    """Which texts are clustered, ascending, and the seeds: the map's, the layouts', the subsamples'."""
    sample = np.sort(rng.permutation(texts)[:_MOST_PAIRED])
    return sample, rng.integers(2**32, size=config.draws(len(sample)) + 2, dtype=np.uint32)


def find_groups(points: Rows, layouts: Sequence[Layout], smallest: int, config: ClusteringConfig) -> Agreement:
    """What the layouts of the points (n, p) agree on, rows far out of their cluster left out."""
    agreement = agree(layouts, len(points), smallest, config)
    labels = without_strangers(points, agreement.labels)
    return replace(agreement, labels=labels, strength=np.where(labels >= 0, agreement.strength, 0.0))


def _names(labels: Labels, rows: npt.NDArray[np.intp]) -> Labels:
    """Found number → published number, by the clusters' number of rows, ties by the place of their first text.

    Its last entry is noise, so that it can be indexed with -1.
    """
    numbers = np.arange(labels.max(initial=NOISE) + 1)
    sizes = np.array([rows[labels == number].sum() for number in numbers])
    firsts = np.array([np.flatnonzero(labels == number)[0] for number in numbers])
    names = np.full(len(numbers) + 1, NOISE, dtype=np.int64)
    names[np.lexsort([firsts, -sizes])] = numbers
    return names


def _medoids(points: Rows, labels: Labels, inverse: npt.NDArray[np.intp], count: int) -> dict[int, list[int]]:
    medoids = {}
    for number in range(int(labels.max(initial=NOISE)) + 1):
        own = np.flatnonzero(labels == number)
        nearness = points[own] @ points[own].mean(axis=0)
        nearest = own[np.argsort(-nearness.round(9), kind="stable")[:count]]
        medoids[number] = [int(row) for text in nearest for row in np.flatnonzero(inverse == text)]
    return medoids
