"""The rows of one period as counts by city and cluster, and the intervals that are put around their shares."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from chainbert.clustering.panel import Exchange, Floats, Ints

LEVEL = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """The rows of one period, or all."""

    year: str
    cluster: Ints
    """(n,) index into the clusters, noise last."""
    city: Ints
    firm: Ints
    trade: Exchange

    def counts(self, city: Ints, cities: int, clusters: int) -> Floats:
        """Rows by city and cluster; city (b, n) → (b, cities, clusters)."""
        cells = np.arange(len(city))[:, None] * cities + city
        flat = np.bincount((cells * clusters + self.cluster).ravel(), minlength=len(city) * cities * clusters)
        return flat.reshape(len(city), cities, clusters).astype(np.float64)

    def drawn(self, cities: int, clusters: int, draws: int, rng: np.random.Generator) -> Floats:
        """The counts under exchange, (draws, cities, clusters)."""
        return np.concatenate(
            [self.counts(permuted, cities, clusters) for permuted in self.trade.draw(self.city, draws, rng)]
        )


def wilson(share: Floats, n: Floats, level: float = LEVEL) -> tuple[Floats, Floats]:
    """Interval of shares in [0, 1] of n > 0 firms, elementwise (Wilson 1927)."""
    z = float(stats.norm.isf(level / 2))
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return np.where(share <= 0, 0.0, middle - half), np.where(share >= 1, 1.0, middle + half)


def effective_firms(firm: Ints) -> float:
    """Firms that n rows are worth where a firm's rows say the same (Kish 1965)."""
    rows = np.unique(firm, return_counts=True)[1]
    return float(rows.sum() ** 2 / (rows**2).sum())


def half_width(without: Floats, group: Ints) -> float:
    """Half width of the 95 % interval from leave-one-firm-out values (b,); each group is a sample of its own."""
    variance, freedom = 0.0, np.inf
    for one in np.unique(group):
        own = without[group == one]
        variance += (len(own) - 1) / len(own) * float(((own - own.mean()) ** 2).sum())
        freedom = min(freedom, len(own) - 1)
    return float(stats.t.ppf(0.975, max(freedom, 1)) * np.sqrt(variance))
