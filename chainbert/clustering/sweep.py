"""How the clusters change with the settings: where a small step turns many clusters into few, there is a cliff."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, product

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.metrics import adjusted_rand_score
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # ships no types

from chainbert.clustering.clusters import Prepared, draw_sample, find_groups, prepare
from chainbert.clustering.config import FEWEST_TEXTS, ClusteringConfig
from chainbert.clustering.consensus import NOISE, draw_layouts
from chainbert.errors import ConfigError, DataError

COLUMNS = [
    "min_cluster_size",
    "n_neighbors",
    "seed",
    "clusters",
    "noise_share",
    "largest_share",
    "ari",
    "chosen",
    "cliff",
]
_CLIFF = 0.5


@dataclass(frozen=True, slots=True)
class Grid:
    """The settings to try, each with each; the chosen setting is added where it is not among them."""

    min_cluster_size: tuple[int, ...]
    n_neighbors: tuple[int, ...] = ()
    seeds: tuple[int, ...] = (0, 1)


def settings_sweep(
    vectors: npt.NDArray[np.floating],
    grid: Grid,
    config: ClusteringConfig,
    language: npt.NDArray[np.str_] | None = None,
    *,
    views: Sequence[npt.NDArray[np.floating]] = (),
) -> pd.DataFrame:
    """One row a setting and seed: what ``cluster`` would find, and whether a neighbouring setting finds far less.

    Columns: min_cluster_size, n_neighbors, seed; clusters; noise_share and largest_share (of the distinct rows, in
    [0, 1]); ari: adjusted Rand index to the chosen setting (``config``) at the first seed, noise as a cluster of its
    own; chosen; cliff: the number of clusters, median over seeds, falls or rises by more than half of the larger to
    the next setting up or down in either direction. ``config.layouts`` are drawn once for each n_neighbors and seed:
    ten are enough for a sweep; above 3,000 distinct rows it is done on as many.
    Raises ConfigError for an empty grid, DataError as ``cluster`` does or for fewer than 15 distinct rows.
    """
    if not grid.min_cluster_size or not grid.seeds:
        raise ConfigError(f"{grid} found; at least one min_cluster_size and one seed are expected")
    with threadpool_limits(limits=1):
        ready = prepare(vectors, config, language, views)
        texts = len(ready.points)
        if texts < FEWEST_TEXTS:
            raise DataError(f"{texts} distinct rows found; settings are compared from {FEWEST_TEXTS} on")
        chosen = config.smallest(texts), config.n_neighbors
        sizes = sorted({*grid.min_cluster_size, chosen[0]})
        neighbours = sorted({*grid.n_neighbors, chosen[1]})
        found = _all(ready, config, sizes, neighbours, grid.seeds)
    base = found[*chosen, grid.seeds[0]]
    table = pd.DataFrame(
        [
            [*setting, *_figures(labels), adjusted_rand_score(base, labels), setting[:2] == chosen]
            for setting, labels in found.items()
        ],
        columns=COLUMNS[:-1],
    )
    return table.assign(cliff=find_cliffs(table)).sort_values(COLUMNS[:3], ignore_index=True)


def _all(
    ready: Prepared, config: ClusteringConfig, sizes: list[int], neighbours: list[int], seeds: tuple[int, ...]
) -> dict[tuple[int, int, int], npt.NDArray[np.int64]]:
    found = {}
    sample, _ = draw_sample(len(ready.points), config, np.random.default_rng(seeds[0]))
    points = ready.points[sample]
    for near, seed in product(neighbours, seeds):
        # As cluster draws them, so that the chosen setting's row is what cluster finds.
        _, draws = draw_sample(len(ready.points), config, np.random.default_rng(seed))
        setting = config.model_copy(update={"n_neighbors": near})
        layouts = draw_layouts(points, setting, draws[1:])
        for size in sizes:
            found[size, near, seed] = find_groups(points, layouts, size, setting).labels
    return found


def _figures(labels: npt.NDArray[np.int64]) -> tuple[int, float, float]:
    sizes = np.bincount(labels[labels >= 0], minlength=1)
    return int(labels.max(initial=NOISE)) + 1, float(np.mean(labels == NOISE)), float(sizes.max() / len(labels))


def find_cliffs(table: pd.DataFrame) -> list[bool]:
    """Which rows of a sweep stand at a cliff, by their min_cluster_size, n_neighbors and clusters."""
    counts = table.groupby(["min_cluster_size", "n_neighbors"])["clusters"].median()
    sizes, neighbours = (sorted(set(table[column])) for column in ("min_cluster_size", "n_neighbors"))
    steps = [((one, near), (other, near)) for one, other in pairwise(sizes) for near in neighbours]
    steps += [((size, one), (size, other)) for one, other in pairwise(neighbours) for size in sizes]
    over = set()
    for one, other in steps:
        if abs(counts[one] - counts[other]) > _CLIFF * max(counts[one], counts[other]):
            over |= {one, other}
    return [setting in over for setting in zip(table["min_cluster_size"], table["n_neighbors"], strict=True)]
