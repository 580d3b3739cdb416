"""Vectors of two encoders in one space: orthogonal Procrustes on firms that both have embedded."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import orthogonal_procrustes

from chainbert.errors import DataError

FIRMS_A_DIMENSION = 2
"""Shared firms needed for each dimension: with fewer a rotation fits anything, and nothing that was held out."""
FOLDS = 5
UNEXPLAINED = 0.5

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Alignment:
    """A map between two encoders' spaces, and how well it does on firms it has not seen."""

    rotation: Floats
    """(d, D) with orthonormal rows: source rows times it lie in the target's space, lengths and angles kept."""
    firms: int
    """Shared firms it was fitted on."""
    folds: int
    error: float
    """Mean cosine distance of a held-out firm's mapped source row to its own target row, over the folds."""
    baseline: float
    """The same to the target rows of the other held-out firms: what no alignment at all would have."""
    nearest: float
    """Share of held-out firms whose mapped row is nearest to their own target row among the held-out ones."""

    def apply(self, vectors: ArrayLike) -> Floats:
        """(n, d) unit rows of the source encoder → (n, D) unit rows in the target's space."""
        rows: Floats = np.asarray(vectors, dtype=np.float64) @ self.rotation
        return rows


def firms_needed(source: int, target: int) -> int:
    """Shared firms needed to align vectors of these two dimensions."""
    return FIRMS_A_DIMENSION * max(source, target)


def align(source: ArrayLike, target: ArrayLike, rng: np.random.Generator, folds: int = FOLDS) -> Alignment:
    """Fit the orthogonal map that brings source rows closest to the target rows of the same firms.

    source (n, d), target (n, D), d ≤ D: unit rows, one firm a row, the same firms in the same order. The smaller space
    is laid into the larger one (zeros for the dimensions it lacks), so nothing within one encoder's rows changes.
    Firms are dealt into folds at random; each fold is mapped by what the others taught (Schönemann 1966).
    Raises DataError for fewer than ``firms_needed`` firms, rows that are not unit rows of that shape, and an alignment
    whose held-out error is more than half of what unrelated firms have.
    """
    one, other = _checked(source, "source"), _checked(target, "target")
    if len(one) != len(other) or one.shape[1] > other.shape[1]:
        raise DataError(
            f"source {one.shape} and target {other.shape} found; one row a shared firm in both, and a source of "
            "no more dimensions than the target, were expected"
        )
    needed = firms_needed(one.shape[1], other.shape[1])
    if len(one) < needed:
        raise DataError(
            f"{len(one):,} shared firms are too few to align vectors of {one.shape[1]} and {other.shape[1]} "
            f"dimensions; {needed:,} are needed, {FIRMS_A_DIMENSION} a dimension. Embed all sets with one encoder"
        )
    errors, others, nearest = [], [], []
    for held in np.array_split(rng.permutation(len(one)), folds):
        taught = np.setdiff1d(np.arange(len(one)), held)
        cosines = one[held] @ _rotation(one[taught], other[taught]) @ other[held].T
        errors.append(1 - np.diag(cosines))
        others.append((1 - cosines)[~np.eye(len(held), dtype=bool)])
        nearest.append(cosines.argmax(axis=1) == np.arange(len(held)))
    error, baseline = (float(np.concatenate(parts).mean()) for parts in (errors, others))
    if error > UNEXPLAINED * baseline:
        raise DataError(
            f"the encoders cannot be aligned: a held-out firm lies {error:.3f} from itself and {baseline:.3f} from "
            "other firms (cosine distance, cross-validated). Embed all sets with one encoder"
        )
    return Alignment(_rotation(one, other), len(one), folds, error, baseline, float(np.concatenate(nearest).mean()))


def _checked(vectors: ArrayLike, name: str) -> Floats:
    rows = np.asarray(vectors, dtype=np.float64)
    if rows.ndim != 2 or not rows.size or not np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-3):
        raise DataError(f"{name} has shape {rows.shape}; unit rows (n, d) without gaps were expected")
    return rows


def _rotation(source: Floats, target: Floats) -> Floats:
    wide = np.pad(source, ((0, 0), (0, target.shape[1] - source.shape[1])))
    rotation, _ = orthogonal_procrustes(wide, target)
    return np.asarray(rotation[: source.shape[1]])
