"""Which clusters a city's firms are in, with noise as a class: shares, noise tested, difference from the reference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from chainbert.clustering.consensus import NOISE
from chainbert.clustering.differences import DIFFERENCE_COLUMNS, DISTANCE_COLUMNS, difference_records
from chainbert.clustering.entropies import ENTROPY_COLUMNS, entropy_records
from chainbert.clustering.noise import NOISE_COLUMNS, noise_records
from chainbert.clustering.panel import check_panel, exchange, one_row_a_period, records, whole_labels
from chainbert.clustering.window import Window, effective_firms, wilson
from chainbert.errors import ConfigError
from chainbert.yamlfile import did_you_mean

SHARE_COLUMNS = ("cluster", "city", "year", "n", "total", "share", "low", "high")


@dataclass(frozen=True, slots=True, eq=False)
class Composition:
    """Cluster shares by city and period. Noise is cluster −1 everywhere; the year "all" holds every row."""

    reference: str
    shares: pd.DataFrame
    """cluster, city, year, n, total, share with its own 95 % interval low, high (Wilson 1927; a firm with m rows of the
    m in "all" counts once: effective number of firms, Kish 1965)."""
    noise: pd.DataFrame
    """year, city, n (noise), total, share, share_elsewhere, low, high, p (permutation, two-sided), p_holm over the
    year's cities, warning: where p_holm ≤ .05, or p ≤ .05 and the city is at least twice as noisy as the others; ""
    elsewhere. City "all": whether the cities differ at all."""
    entropies: pd.DataFrame
    """year, city, total, clusters (seen), plugin and corrected entropy in nats (Miller 1955), low, high (firm
    jackknife), status."""
    distances: pd.DataFrame
    """year, city, divergence from the reference (Jensen–Shannon, in [0, 1] bits), expected (its mean where cities are
    exchanged), adjusted = (divergence − expected) / (1 − expected): 0 in expectation where cities do not differ for any
    sizes, 1 where they share no cluster; low, high (firm jackknife; near 0 only p tells), p, p_holm, status."""
    differences: pd.DataFrame
    """cluster, city, year, share, share_reference, difference with its simultaneous 95 % interval low, high (Newcombe
    1998, Bonferroni over the year's cities and clusters), p (permutation), p_holm over the same, status."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader must know before the shares."""
        return tuple(text for text in self.noise["warning"] if text)

    def to_json(self) -> dict[str, Any]:
        """Plain records."""
        names = ("shares", "noise", "entropies", "distances", "differences")
        return {"reference": self.reference, **{f"cluster_{name}": records(getattr(self, name)) for name in names}}


def measure_composition(
    labels: ArrayLike,
    city: ArrayLike,
    period: ArrayLike | None = None,
    *,
    reference: str,
    firm: ArrayLike | None = None,
    strata: ArrayLike | None = None,
    draws: int = 999,
    rng: np.random.Generator,
) -> Composition:
    """Shares of clusters by city and period, and whether a city's differ from the reference's beyond chance.

    labels (n,) whole numbers, noise −1, of one clustering of all rows; city; period (names, blank: in "all" only); firm
    (n,), one row a firm and period; strata (n,) or (n, m). The clusters must have been found without the cities; then
    exchanging cities is a valid test. H0 of every p: cities are exchangeable among firms of the same periods and
    strata; a firm trades with all its rows; (1 + #) / (1 + draws), Phipson & Smyth 2010. Distances and differences
    exchange the city and the reference only, so that a third city cannot make the finding. A city with fewer than 5
    rows, or 5 in a stratum that the reference is in too, is not estimable there. The divergence sees changes that leave
    mean and spread of the vectors alike, which energy distance does not.
    Raises DataError for other labels, columns of another length, rows without city, a firm twice in a period;
    ConfigError for a reference that is not in the data.
    """
    numbers = whole_labels(labels)
    panel = check_panel([str(one) for one in numbers], city, period, firm, strata)
    if reference not in panel.cities:
        known = did_you_mean(reference, panel.cities)
        raise ConfigError(f"the reference city '{reference}' is not in the data.{known}")
    one_row_a_period(panel)
    names = sorted({int(one) for one in numbers} | {NOISE}, key=lambda one: (one == NOISE, one))
    code = np.array([names.index(int(one)) for one in numbers[panel.order]], dtype=np.int64)
    parts: dict[str, list[dict[str, Any]]] = {"shares": [], "noise": [], "entropies": [], "distances": []}
    parts["differences"] = []
    for year, rows in panel.windows():
        window = Window(year, code[rows], panel.city[rows], panel.firm[rows], exchange(panel, rows))
        parts["shares"] += _shares(window, panel.cities, names)
        parts["entropies"] += entropy_records(window, panel.cities, len(names))
        parts["noise"] += noise_records(window, panel.cities, len(names), draws, rng)
        distances, differences = difference_records(window, panel, rows, reference, names, draws, rng)
        parts["distances"] += distances
        parts["differences"] += differences
    columns = (SHARE_COLUMNS, NOISE_COLUMNS, ENTROPY_COLUMNS, DISTANCE_COLUMNS, DIFFERENCE_COLUMNS)
    tables = [
        pd.DataFrame(part, columns=list(own)).round(12) for part, own in zip(parts.values(), columns, strict=True)
    ]
    return Composition(reference, *tables)


def _shares(window: Window, cities: tuple[str, ...], names: list[int]) -> list[dict[str, Any]]:
    counts = window.counts(window.city[None, :], len(cities), len(names))[0]
    table = []
    for place in np.unique(window.city):
        total = counts[place].sum()
        share = counts[place] / total
        low, high = wilson(share, np.full(len(names), effective_firms(window.firm[window.city == place])))
        for index, name in enumerate(names):
            found = {"share": float(share[index]), "low": float(low[index]), "high": float(high[index])}
            whole = {"cluster": name, "city": cities[place], "year": window.year, "n": int(counts[place, index])}
            table.append({**whole, "total": int(total), **found})
    return table
