"""How strong something nobody measured would have to be to account for the gap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from chainbert.convergence.balance import BINS, NAN, Levels, filled, levels_of
from chainbert.convergence.confounders import aligned
from chainbert.convergence.gap import Bools, Floats, distances
from chainbert.convergence.rows import Rows
from chainbert.convergence.tables import rounded

HIDDEN_COLUMNS = (
    *("city", "covariate", "level", "gap", "effect", "imbalance", "explained", "imbalance_needed"),
    *("n", "n_reference", "status"),
)


def hidden_confounder(
    vectors: ArrayLike,
    city: ArrayLike,
    year: ArrayLike,
    covariates: pd.DataFrame | Mapping[str, ArrayLike],
    *,
    reference: str,
    firm: ArrayLike | None = None,
    periods: Sequence[tuple[int, int]] | None = None,
    smallest_cell: int = 5,
    bins: int = BINS,
) -> pd.DataFrame:
    """The imbalance a yes/no trait needs to account for a city's gap, if it goes with texts as a measured one does.

    If a trait is all that differs, the cities are mixtures of the same two kinds of firms, and the energy distance
    between them is exactly imbalance² · (energy distance of the kinds): it is a quadratic form in the difference of the
    distributions. So ``imbalance_needed`` = √(gap / effect), where effect is the energy distance, within a city and
    period, of the firms at the covariate's level that differs most between the cities and the rest of them. Above 1 no
    such trait accounts for the gap, and the number is NaN with a status that says so.

    One row a city and covariate: gap (nothing held fixed) and effect, both over the mean distance within the cities,
    means over the periods weighted by n·m/(n + m); imbalance, the level's share in the city less that in the reference;
    explained, imbalance² · effect / gap with imbalance² free of its sampling bias: near 1 the covariate alone would do.
    Arguments and errors as in held_fixed.
    """
    rows, source = aligned(vectors, city, year, reference=reference, firm=firm, periods=periods)
    table = filled(covariates, len(np.asarray(city, dtype=object)))
    records = []
    for code in (one for one in range(len(rows.cities)) if one != rows.reference):
        for name in table.columns:
            levels = levels_of(table[name].iloc[source], bins)
            records.append(
                {"city": rows.cities[code], "covariate": str(name), **_needed(rows, levels, code, smallest_cell)}
            )
    return rounded(records, HIDDEN_COLUMNS)


def _needed(rows: Rows, levels: Levels, city: int, smallest_cell: int) -> dict[str, Any]:
    home, other = rows.city == city, rows.city == rows.reference
    record: dict[str, Any] = dict.fromkeys(HIDDEN_COLUMNS[3:8], NAN)
    record |= {"level": "", "n": int(home.sum()), "n_reference": int(other.sum())}
    size = len(levels.names)
    shares = [np.bincount(levels.code[side], minlength=size) / max(1, side.sum()) for side in (home, other)]
    level = int(np.abs(shares[0] - shares[1]).argmax())
    found = [
        _parts(rows, home & here, other & here, levels.code == level)
        for here in (rows.period == one for one in range(len(rows.labels)))
        if min((home & here).sum(), (other & here).sum()) >= smallest_cell
    ]
    if not found:
        return record | {"status": f"not estimable: no period has {smallest_cell} firms of both cities"}
    weight, energy, squared, imbalance, within, kinds, pairs = np.array(found).T
    weight = weight / weight.sum()
    spread = float(weight @ within)
    gap = float(weight @ energy) / spread if spread > 0 else NAN
    record |= {"level": levels.names[level], "gap": gap, "imbalance": float(weight @ imbalance)}
    if not pairs.sum() > 0:
        return record | {"status": "not estimable: no city has two firms at this level and two at others"}
    effect = float(kinds.sum() / pairs.sum()) / spread
    record["effect"] = effect
    if not gap > 0 or not effect > 0:
        return record | {"status": f"not estimable: no {'gap' if not gap > 0 else 'effect'} above 0"}
    record["explained"] = float(weight @ squared) * effect / gap
    if gap > effect:
        return record | {"status": f"no trait with this effect accounts for the gap: at most {effect / gap:.0%} of it"}
    return record | {"imbalance_needed": float(np.sqrt(gap / effect)), "status": ""}


def _parts(rows: Rows, home: Bools, other: Bools, at_level: Bools) -> tuple[float, ...]:
    """Of one period: weight, energy between the cities, imbalance² and imbalance, distance within; energy of kinds."""
    n, m = int(home.sum()), int(other.sum())
    energy, within = _energy(rows.vectors[home], rows.vectors[other])
    p, q = float(at_level[home].mean()), float(at_level[other].mean())
    chance = p * (1 - p) / (n - 1) + q * (1 - q) / (m - 1)
    total = pairs = 0.0
    for side in (home, other):
        sizes = int((side & at_level).sum()), int((side & ~at_level).sum())
        if min(sizes) >= 2:
            weight = sizes[0] * sizes[1] / sum(sizes)
            total += weight * _energy(rows.vectors[side & at_level], rows.vectors[side & ~at_level])[0]
            pairs += weight
    return n * m / (n + m), energy, (p - q) ** 2 - chance, p - q, within, total, pairs


def _energy(home: Floats, other: Floats) -> tuple[float, float]:
    """U-statistic energy distance, not divided by anything, and the mean distance within both sets."""
    n, m = len(home), len(other)
    matrix = distances(np.concatenate([home, other]))
    inside = matrix[:n, :n].sum() / (n * (n - 1)), matrix[n:, n:].sum() / (m * (m - 1))
    return float(2 * matrix[:n, n:].mean() - sum(inside)), float(sum(inside) / 2)
