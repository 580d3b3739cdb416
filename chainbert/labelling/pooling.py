"""From what sentences say to what a company says, with the sentence that decides."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chainbert.labelling.codebook import Axis


@dataclass(frozen=True, slots=True)
class Pooled:
    """An axis of n companies."""

    probabilities: np.ndarray
    """(n, k) in [0, 1]; nan for a company without sentences."""
    best: np.ndarray
    """(n, k) int: row of the sentence that speaks most for each indicator
    (single choice: adds most to its mean); -1 for a company without sentences."""
    thresholds: np.ndarray | float = 0.5
    """(n, k) or one for all: from which probability an indicator is yes."""


def pool_sentences(axis: Axis, said: np.ndarray, owner: np.ndarray, lengths: np.ndarray, companies: int) -> Pooled:
    """A company's probabilities from its sentences' (m, k); ``owner`` (m,) int is in [0, companies).

    Indicators: the highest of its sentences, so that one clear sentence decides however long the text is.
    Single choice: the mean of its sentences weighted by the root of their length in characters, because the
    codebook asks what the text spends most words on, and one long list should not outweigh all else.
    """
    weights = np.sqrt(np.maximum(lengths, 1)) if axis.kind == "single" else np.ones(len(owner))
    spoken = weights[:, None] * said
    size = said.shape[1]
    best = np.full((companies, size), -1)
    probabilities = np.full((companies, size), np.nan)
    for column in range(size):
        # Least first, so that the last one written is the best; among equals the earliest sentence.
        order = np.lexsort((-np.arange(len(owner)), spoken[:, column]))
        best[owner[order], column] = order
    present = best[:, 0] >= 0
    if axis.kind == "single":
        total = np.bincount(owner, weights, companies)[present]
        for column in range(size):
            probabilities[present, column] = np.bincount(owner, spoken[:, column], companies)[present] / total
    else:
        probabilities[present] = np.take_along_axis(said, best[present], axis=0)
    return Pooled(probabilities, best)
