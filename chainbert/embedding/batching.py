"""Which texts go through the model together: batches of like length under a token budget."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

# Measured on 2 cores with multilingual-e5-small: activations of about a thousand tokens stay in the CPU's cache.
TOKEN_BUDGET = 1024


def plan_batches(lengths: NDArray[np.int64], budget: int) -> list[NDArray[np.int64]]:
    """Positions of the texts, batch by batch, the longest first; each text is in exactly one batch.

    lengths (n,) tokens. Rows × longest length of a batch ≤ ``budget`` tokens, except a single text that is longer.
    """
    order = np.argsort(-lengths, kind="stable")
    batches, start = [], 0
    while start < len(order):
        rows = max(1, budget // max(1, int(lengths[order[start]])))
        batches.append(order[start : start + rows])
        start += rows
    return batches


def unique_texts(texts: Sequence[str]) -> tuple[list[str], NDArray[np.int64]]:
    """The distinct texts in order of first appearance, and for each given text (n,) the position of its own."""
    positions: dict[str, int] = {}
    inverse = [positions.setdefault(text, len(positions)) for text in texts]
    return list(positions), np.array(inverse, np.int64)
