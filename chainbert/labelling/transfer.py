"""Whether a calibration holds for companies at hand: how unlike those it was fitted on they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

COMPONENTS = 32
# Share of the companies calibrated on that lie beyond the threshold.
BEYOND = 0.01
# A set with more of its companies beyond the threshold is another kind of set, and so is each company in it.
UNLIKE_SHARE = 0.2
FEWEST_COMPANIES = 20


@dataclass(frozen=True, slots=True)
class Gate:
    """Distances of companies, as the mean of their sentence vectors, to those a calibration was fitted on.

    A Mahalanobis distance within the directions in which the known companies vary most, and how far a company
    lies outside of them; both over their mean among the known.
    """

    centre: np.ndarray
    """(languages, d); nan for a language that no known company is in."""
    components: np.ndarray
    """(r, d) orthonormal rows."""
    spread: np.ndarray
    """(r + 1,): standard deviation along each, and the root mean square of what they leave over."""
    threshold: float

    @classmethod
    def of(cls, vectors: np.ndarray, language: np.ndarray, languages: int, judged: np.ndarray) -> Gate:
        """The gate of known companies (n, d).

        The threshold comes from ``judged`` (n,) bool, which had no part in the directions.
        """
        centre = np.full((languages, vectors.shape[1]), np.nan)
        for one in np.unique(language[~judged]):
            centre[one] = vectors[~judged & (language == one)].mean(axis=0)
        rest = vectors[~judged] - centre[language[~judged]]
        _, singular, directions = np.linalg.svd(rest, full_matrices=False)
        size = min(COMPONENTS, len(singular) - 1)
        left = rest - rest @ directions[:size].T @ directions[:size]
        spread = np.append(singular[:size] / np.sqrt(len(rest)), np.sqrt((left**2).sum(axis=1).mean()))
        gate = cls(centre, directions[:size], np.maximum(spread, 1e-9), 0.0)
        distance = gate.distance(vectors[judged], language[judged])
        threshold = float(np.quantile(distance[np.isfinite(distance)], 1 - BEYOND))
        return cls(gate.centre, gate.components, gate.spread, threshold)

    def distance(self, vectors: np.ndarray, language: np.ndarray) -> np.ndarray:
        """(n,) ≥ 0, about 1 for a known company; infinite in a language (−1: another) that none of them is in."""
        rest = vectors - self.centre[language]
        along = rest @ self.components.T
        outside = np.sqrt(np.maximum((rest**2).sum(axis=1) - (along**2).sum(axis=1), 0))
        within = ((along / self.spread[:-1]) ** 2).mean(axis=1)
        found = np.sqrt((within + (outside / self.spread[-1]) ** 2) / 2)
        return np.asarray(np.where((language >= 0) & ~np.isnan(found), found, np.inf))

    def holds(self, vectors: np.ndarray, language: np.ndarray) -> tuple[np.ndarray, float]:
        """(n,) bool: whether the calibration holds for each company; and the share of the set beyond the threshold.

        Where a set of 20 or more has over 20 % beyond it, it holds for none of them.
        """
        near = self.distance(vectors, language) <= self.threshold
        share = float(1 - near.mean()) if len(near) else 0.0
        if len(near) >= FEWEST_COMPANIES and share > UNLIKE_SHARE:
            return np.zeros(len(near), bool), share
        return near, share
