"""The interval of a share."""

from __future__ import annotations

import numpy as np

Z = 1.959963984540054
"""Quantile of the standard normal distribution for 95 %, two-sided."""


def wilson(yes: np.ndarray, n: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """95 % interval of a share, elementwise, within [0, 1] (Wilson 1927); n ≥ 1, 0 ≤ yes ≤ n."""
    share = yes / n
    middle = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z / (1 + Z**2 / n) * np.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))
    # Exactly 0 and 1 at the ends, where rounding leaves 1e-17.
    return np.where(yes == 0, 0.0, middle - half), np.where(yes == n, 1.0, middle + half)
