"""The space in which companies are compared: their directions as seen from their language, its loud axes turned down.

Sentence encoders spend most of their variance on a few directions (tone, length, language) that say little of what
a firm does; k-means and nearest neighbours see hardly anything else. Centring by language and damping the leading
principal components (Mu & Viswanath 2018, arXiv 1702.01417, take them out altogether) gives the others a say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import sparse

from chainbert.clustering.config import FEWEST_TEXTS, ClusteringConfig
from chainbert.errors import DataError

Floats: TypeAlias = npt.NDArray[np.floating]
Rows: TypeAlias = npt.NDArray[np.float64]
Names: TypeAlias = npt.NDArray[np.str_]

_NO_LENGTH = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """How one encoder's unit rows become points."""

    overall: Rows
    """(d,) mean of all rows; zeros without centring."""
    means: dict[str, Rows]
    """Language → (d,) mean of its rows, where it has rows enough."""
    basis: Rows
    """(d, p) principal directions, each over the power of its spread."""

    def centred(self, units: Rows, spoken: Names) -> Rows:
        """The rows' directions as seen from the mean of their language; a row that is the mean stays zero."""
        points = units - self.overall
        for name, mean in self.means.items():
            own = spoken == name
            points[own] = units[own] - mean
        return unit_rows(points)

    def placed(self, units: Rows, spoken: Names) -> tuple[Rows, Rows]:
        """(n, p) unit points, and (n,) the share in [0, 1] of each row's length that lies in their directions."""
        centred = self.centred(units, spoken)
        directions = self.basis / np.maximum(np.linalg.norm(self.basis, axis=0), _NO_LENGTH)
        return unit_rows(centred @ self.basis), np.linalg.norm(centred @ directions, axis=1)


@dataclass(frozen=True, slots=True, eq=False)
class Space:
    """One view for each encoder; a point is its views' points side by side, each with an equal say."""

    views: tuple[View, ...]

    def placed(self, units: Sequence[Rows], spoken: Names) -> tuple[Rows, Rows]:
        """(n, p) unit points, and (n,) the share of the rows' length that the space holds, the views' mean."""
        found = [view.placed(rows, spoken) for view, rows in zip(self.views, units, strict=True)]
        return unit_rows(np.hstack([points for points, _ in found])), np.mean([kept for _, kept in found], axis=0)


def fit_space(units: Sequence[Rows], spoken: Names, config: ClusteringConfig) -> Space:
    """The space of these rows: ``units`` (n, d_v) unit rows of each view, ``spoken`` (n,) their languages.

    Fewer rows of a language than are searched at all have no mean worth the name: theirs is that of all rows.
    """
    return Space(tuple(_view(rows, spoken, config) for rows in units))


def _view(units: Rows, spoken: Names, config: ClusteringConfig) -> View:
    if config.language_centring:
        many = [name for name in np.unique(spoken) if (spoken == name).sum() >= FEWEST_TEXTS]
        means = {str(name): units[spoken == name].mean(axis=0) for name in many}
        overall = units.mean(axis=0)
    else:
        means, overall = {}, np.zeros(units.shape[1])
    whole = View(overall, means, np.empty((units.shape[1], 0)))
    centred = whole.centred(units, spoken)
    spreads, directions = np.linalg.eigh(centred.T @ centred)
    spreads, directions = np.sqrt(np.maximum(spreads[::-1], 0)), directions[:, ::-1]
    count = min(config.components, max(int((spreads > _NO_LENGTH * spreads[0]).sum()), 1))
    damped = np.maximum(spreads[:count] / max(spreads[0], _NO_LENGTH), _NO_LENGTH) ** config.damping
    return View(overall, means, directions[:, :count] / damped)


def unit_rows(rows: Floats) -> Rows:
    """The rows at length 1; rows without a length are zero."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.where(lengths > _NO_LENGTH, rows / np.maximum(lengths, _NO_LENGTH), 0.0)


def pooled_by_length(vectors: Floats, owner: npt.NDArray[np.int64], lengths: npt.NDArray[np.integer], n: int) -> Rows:
    """(n, d) unit rows: each owner's mean sentence vector, a sentence of twice the characters counting twice.

    vectors (m, d) unit rows, owner (m,) in [0, n), lengths (m,) > 0. A short sentence ("Headquartered in Shanghai.")
    says as little of the business as it is long. Raises DataError for other shapes or an owner without a sentence.
    """
    if vectors.ndim != 2 or not len(vectors) == len(owner) == len(lengths):
        raise DataError(
            f"vectors {vectors.shape}, {len(owner):,} owners and {len(lengths):,} lengths found; one each a sentence "
            "is expected"
        )
    weights = np.asarray(lengths, dtype=np.float64)
    totals = np.bincount(owner, weights, minlength=n)
    if len(totals) > n or not (totals > 0).all():
        raise DataError(f"{int((totals[:n] <= 0).sum()):,} of {n:,} owners have no text; each needs at least one")
    members = sparse.csr_array((weights, (owner, np.arange(len(owner)))), shape=(n, len(owner)))
    return unit_rows(members @ np.asarray(vectors, dtype=np.float64))


def check_vectors(vectors: Floats, language: npt.NDArray[np.str_] | None, views: Sequence[Floats] = ()) -> None:
    """Raise DataError for no rows, another shape, NaN, infinite or zero rows, languages or views of another length."""
    for rows in (vectors, *views):
        _check(rows)
        if len(rows) != len(vectors):
            raise DataError(f"a view of {len(rows):,} rows for {len(vectors):,} vectors found; the same are expected")
    if language is not None and len(language) != len(vectors):
        raise DataError(f"{len(language):,} languages for {len(vectors):,} vectors found; one a row is expected")


def _check(vectors: Floats) -> None:
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
