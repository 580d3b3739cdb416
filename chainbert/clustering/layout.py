"""Unit vectors → a graph of neighbours → layouts of few dimensions (UMAP), the same on every run.

UMAP's optimiser is chaotic: a change of 1e-8 in one vector moves every point. Two vectors of one text computed in
different batches differ by about 1e-7, so the graph's weights and the starting places are rounded to a coarse
grid; what the optimiser sees is then equal bit by bit.
"""

from __future__ import annotations

import warnings
from types import ModuleType
from typing import TypeAlias, cast

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.linalg import eigh
from scipy.sparse.csgraph import connected_components

Floats: TypeAlias = npt.NDArray[np.floating]

# Weights in [0, 1] in eighths, starting places in [-10, 10] in halves: 230 and 1,475 real rows moved by 1e-7
# gave the identical result, finer grids did not.
_WEIGHT_STEPS = 8
_PLACE_STEPS = 2
_START_RANGE = 10.0
# Distances held at a time: 130 MB, whatever the number of rows.
_BLOCK_CELLS = 2**24
# A dense eigendecomposition of 4,000 rows takes about 10 s; above that UMAP starts from principal components.
_MOST_SPECTRAL = 4000


def _umap() -> ModuleType:
    with warnings.catch_warnings():
        # umap announces at import that it has no Tensorflow; nothing here would use it.
        warnings.filterwarnings("ignore", "Tensorflow not installed", ImportWarning)
        import umap.umap_  # noqa: PLC0415 - umap and numba take seconds to import
    return cast(ModuleType, umap.umap_)


def neighbour_graph(vectors: Floats, n_neighbors: int) -> sparse.csr_matrix:
    """UMAP's fuzzy graph of unit rows: (n, n) symmetric, weights k/8 in (0, 1].

    vectors (n, d) float64 unit rows; 2 ≤ n_neighbors ≤ n, the row itself included. Neighbours are exact: below
    some 50,000 rows that is faster than compiling an approximate search.
    """
    indices, distances = _nearest(vectors, n_neighbors)
    graph, _, _ = _umap().fuzzy_simplicial_set(
        vectors, n_neighbors, np.random.RandomState(0), "cosine", knn_indices=indices, knn_dists=distances
    )
    graph.data = (np.round(graph.data * _WEIGHT_STEPS) / _WEIGHT_STEPS).astype(np.float32)
    graph.eliminate_zeros()
    return sparse.csr_matrix(graph)


def _nearest(vectors: Floats, k: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    """(n, k) rows nearest by cosine distance, and their distances; each row is its own first neighbour."""
    indices = np.empty((len(vectors), k), dtype=np.int32)
    distances = np.empty((len(vectors), k), dtype=np.float32)
    step = max(1, _BLOCK_CELLS // len(vectors))
    for start in range(0, len(vectors), step):
        block = slice(start, min(start + step, len(vectors)))
        apart = np.clip(1.0 - vectors[block] @ vectors.T, 0.0, None)
        apart[np.arange(len(apart)), np.arange(block.start, block.stop)] = -1.0
        near = np.argpartition(apart, k - 1, axis=1)[:, :k]
        order = np.argsort(np.take_along_axis(apart, near, 1), axis=1, kind="stable")
        indices[block] = np.take_along_axis(near, order, 1)
        distances[block] = np.maximum(np.take_along_axis(apart, indices[block], 1), 0.0)
    return indices, distances


def lay_out(
    vectors: Floats,
    graph: sparse.csr_matrix,
    start: npt.NDArray[np.float32],
    min_dist: float,
    seed: np.uint32,
    epochs: int | None = None,
) -> npt.NDArray[np.float64]:
    """UMAP's layout of the graph, from the starting places: (n, dimensions of ``start``).

    ``epochs`` None: as many as UMAP takes for this number of rows (500 up to 10,000 rows, then 200).
    """
    umap_ = _umap()
    a, b = umap_.find_ab_params(1.0, min_dist)
    layout = umap_.simplicial_set_embedding(
        data=vectors,
        graph=graph.copy(),
        n_components=start.shape[1],
        initial_alpha=1.0,
        a=a,
        b=b,
        gamma=1.0,
        negative_sample_rate=5,
        n_epochs=epochs,
        init=start.copy(),
        random_state=np.random.RandomState(seed),
        metric="cosine",
        metric_kwds={},
        densmap=False,
        densmap_kwds={},
        output_dens=False,
        parallel=False,
    )[0]
    return np.asarray(layout, dtype=np.float64)


def starting_places(vectors: Floats, graph: sparse.csr_matrix, dimensions: int) -> npt.NDArray[np.float32]:
    """(n, dimensions) on a coarse grid, told apart by a small fixed shift (UMAP wants no two rows in one place)."""
    pieces, _ = connected_components(graph, directed=False)
    spectral = pieces == 1 and dimensions + 1 < len(vectors) <= _MOST_SPECTRAL
    places = _spectral(graph, dimensions) if spectral else principal_components(vectors, dimensions)
    places = places * (_START_RANGE / np.maximum(np.abs(places).max(axis=0), 1e-12))
    grid = np.round(places * _PLACE_STEPS) / _PLACE_STEPS
    shift = np.random.default_rng(0).normal(scale=1e-3, size=grid.shape)
    return np.asarray(grid + shift, dtype=np.float32)


def _spectral(graph: sparse.csr_matrix, dimensions: int) -> npt.NDArray[np.float64]:
    """Eigenvectors of the normalised Laplacian after the constant one (UMAP's own start, by a dense solver)."""
    root = np.sqrt(np.asarray(graph.sum(axis=1), dtype=np.float64).ravel())
    laplacian = np.eye(graph.shape[0]) - graph.toarray() / root[:, None] / root[None, :]
    _, vectors = eigh(laplacian, subset_by_index=[1, dimensions])
    return _signed(vectors)


def principal_components(vectors: Floats, dimensions: int) -> npt.NDArray[np.float64]:
    """(n, dimensions) scores on the first principal components; columns beyond the data's rank are 0."""
    centred = np.asarray(vectors, dtype=np.float64) - np.mean(vectors, axis=0, dtype=np.float64)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    scores = _signed(left) * sizes
    missing = max(dimensions - scores.shape[1], 0)
    return np.pad(scores, ((0, 0), (0, missing)))[:, :dimensions]


def _signed(columns: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The columns with their largest entry positive: an eigenvector's sign is arbitrary."""
    largest = np.abs(columns).round(9).argmax(axis=0)
    signs = np.sign(columns[largest, np.arange(columns.shape[1])])
    return columns * np.where(signs == 0, 1.0, signs)
