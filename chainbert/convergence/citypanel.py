"""All cities side by side: which periods and strata can place every one of them, and what each weighs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chainbert.convergence.gap import Bools, Floats, Ints
from chainbert.convergence.positions import Positions, positions
from chainbert.convergence.rows import Rows
from chainbert.convergence.shares import Labelled

# A mean product inside a city without one firm needs two others.
SMALLEST_GROUP = 3


@dataclass(frozen=True, slots=True)
class CityPanel:
    """Cities in periods and strata: their positions, and what can be compared."""

    where: Positions
    cities: tuple[str, ...]
    labels: tuple[str, ...]
    midpoints: Floats
    filled: Bools
    """(S, T) strata with three firms of every city."""
    weights: Floats
    """(S,) the same in every period, so that a language mix that changes does not look like movement."""
    sizes: Floats
    """(T,) harmonic mean of the cities' firms."""
    counts: Ints
    """(T, k) firms in the set."""
    statuses: tuple[str, ...]
    """(T,)."""
    freedom: tuple[int, ...]
    """(k,)."""

    @property
    def usable(self) -> list[int]:
        """Periods in which every city can be placed."""
        return [place for place, status in enumerate(self.statuses) if not status]

    def groups(self, stratum: int, period: int) -> Ints:
        """(k,) the groups of all cities."""
        return (stratum * len(self.labels) + period) * len(self.cities) + np.arange(len(self.cities))

    def weigh(self, kernel: Floats, pairs: dict[tuple[int, int, int], float]) -> Floats:
        """(G, G) weights of Σ factor · Σ kernel ∘ products between two periods; pairs: (stratum, t, u) → factor."""
        table = np.zeros((len(self.where.sizes), len(self.where.sizes)))
        for (stratum, first, second), factor in pairs.items():
            table[np.ix_(self.groups(stratum, first), self.groups(stratum, second))] += factor * kernel
        return (table + table.T) / 2

    def by_period(self, kernel: Floats, period: int) -> Floats:
        """(G, G) the same for one period, averaged over its strata."""
        strata = np.flatnonzero(self.filled[:, period])
        total = float(self.weights[strata].sum())
        return self.weigh(kernel, {(int(one), period, period): float(self.weights[one]) / total for one in strata})

    def value(self, weights: Floats) -> float:
        """Σ weights · products."""
        return float((weights[weights != 0] * self.where.products[weights != 0]).sum())

    def freedom_of(self, city: str = "") -> int:
        """Degrees of freedom of a city; "": those of the smallest."""
        return self.freedom[self.cities.index(city)] if city else min(self.freedom)


def around_mean(count: int) -> Floats:
    """(k, k) kernel of Σ over cities of the product of two deviations from the cities' mean, over their number."""
    return np.eye(count) / count - 1 / count**2


def city_panel(rows: Rows | Labelled, values: Floats, stratum: Ints, smallest_cell: int) -> CityPanel:
    """Values (n, d), stratum (n,) codes from 0; a period counts where every city has smallest_cell firms in it."""
    strata, periods, cities = int(stratum.max()) + 1, len(rows.labels), len(rows.cities)
    sizes = np.zeros((strata, periods, cities))
    np.add.at(sizes, (stratum, rows.period, rows.city), 1.0)
    filled = np.asarray((sizes >= SMALLEST_GROUP).all(axis=2), dtype=np.bool_)
    harmonic = np.where(filled, cities / (1 / np.maximum(sizes, 1)).sum(axis=2), 0.0)
    counts = sizes.sum(axis=0).astype(np.int64)
    statuses = [_status(rows, counts[one], bool(filled[:, one].any()), smallest_cell) for one in range(periods)]
    usable = [place for place, status in enumerate(statuses) if not status]
    group = (stratum * periods + rows.period) * cities + rows.city
    freedom = []
    for city in range(cities):
        here = (rows.city == city) & np.isin(rows.period, usable)
        freedom.append(max(1, min(len(np.unique(rows.firm[here])) - 1, int(here.sum()) - len(usable))))
    return CityPanel(
        where=positions(values, group, rows.firm, sizes.size),
        cities=rows.cities,
        labels=rows.labels,
        midpoints=rows.midpoints,
        filled=filled,
        weights=harmonic.sum(axis=1),
        sizes=harmonic.sum(axis=0),
        counts=counts,
        statuses=tuple(statuses),
        freedom=tuple(freedom),
    )


def _status(rows: Rows | Labelled, counts: Ints, shared: bool, smallest_cell: int) -> str:
    few = int(np.argmin(counts))
    if counts[few] < smallest_cell:
        firms = "1 firm" if counts[few] == 1 else f"{counts[few] or 'no'} firms"
        return f"not estimable: {firms} of {rows.cities[few]}"
    return "" if shared else "not estimable: no stratum has three firms of every city"
