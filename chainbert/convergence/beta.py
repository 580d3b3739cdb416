"""Beta-convergence: do cities far from the others' mean come nearer; noisy first positions must not make it so."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
from scipy import stats

from chainbert.convergence.citypanel import CityPanel, around_mean
from chainbert.convergence.gap import Floats
from chainbert.convergence.jackknife import interval
from chainbert.convergence.positions import variance
from chainbert.convergence.trend import line_weights

NAN = float("nan")
FEWEST_CITIES = 3
BETA_COLUMNS = ("cities", "beta", "low", "high", "p", "closed", "periods", "status")


def beta_record(panel: CityPanel, whole: bool) -> dict[str, Any]:
    """Beta of all cities, a record of BETA_COLUMNS. whole: divide positions by their period's spread."""
    usable = panel.usable
    record: dict[str, Any] = {"cities": len(panel.cities), **dict.fromkeys(BETA_COLUMNS[1:6], NAN)}
    record |= {"periods": len(usable), "status": ""}
    if len(panel.cities) < FEWEST_CITIES:
        return record | {"status": f"not estimable: {len(panel.cities)} cities, a regression over cities needs three"}
    found = _regression(panel, whole)
    if found is None:
        return record | {"status": "not estimable: no two periods with every city in a shared stratum"}
    change, level, since_first = found
    above, below = panel.value(change), panel.value(level)
    errors = variance(panel.where, change), variance(panel.where, change, level), variance(panel.where, level)
    freedom = panel.freedom_of()
    square = float(stats.t.ppf(0.975, freedom)) ** 2
    bounded = below**2 - square * errors[2]
    if below <= 0 or bounded <= 0:
        return record | {"status": "not estimable: the cities are not seen to differ"}
    centre = above * below - square * errors[1]
    width = float(np.sqrt(max(centre**2 - bounded * (above**2 - square * errors[0]), 0.0)))
    ratio = above / below + errors[1] / below**2 - above * errors[2] / below**3
    spread = (errors[0] - 2 * ratio * errors[1] + ratio**2 * errors[2]) / below**2
    # A bent function of an unbiased ratio is biased by half its second derivative times the variance; that correction,
    # taken at the estimate, is itself bent (its own factor below).
    bend = since_first / max(1 - ratio * since_first, 0.1) ** 3
    bent = bend * spread / (1 + 6 * since_first**2 * spread)
    value = _on_first(ratio, since_first) - bent
    window = float(panel.midpoints[usable[-1]] - panel.midpoints[usable[0]])
    return record | {
        "beta": value,
        "low": _on_first((centre - width) / bounded, since_first),
        "high": _on_first((centre + width) / bounded, since_first),
        "p": interval(above, float(np.sqrt(errors[0])), freedom).p,
        "closed": -value * window,
    }


def _on_first(ratio: float, since_first: float) -> float:
    """Change per unit of the first distance, from that per unit of the distance ``since_first`` years later."""
    left = 1 - ratio * since_first
    return ratio / left if left > 0 else float("inf")


def _regression(panel: CityPanel, whole: bool) -> tuple[Floats, Floats, float] | None:
    """Weights of Σ mean position · change a year and of Σ mean position · mean position; years from first to mean."""
    scale = {period: _spread(panel, period) if whole else 1.0 for period in panel.usable}
    change: dict[tuple[int, int, int], float] = {}
    level: dict[tuple[int, int, int], float] = {}
    years, total = 0.0, 0.0
    for stratum, weight in enumerate(panel.weights):
        used = [period for period in panel.usable if panel.filled[stratum, period]]
        if len(used) < 2:
            continue
        times, sizes = panel.midpoints[used], panel.sizes[used]
        means, steps = sizes / sizes.sum(), line_weights(times, sizes)
        years += float(weight * (means @ times - panel.midpoints[panel.usable[0]]))
        total += float(weight)
        for (first, mean), (second, other, step) in product(
            zip(used, means, strict=True), zip(used, means, steps, strict=True)
        ):
            factor = float(weight * mean) / (scale[first] * scale[second])
            change[stratum, first, second] = factor * float(step)
            level[stratum, first, second] = factor * float(other)
    if not total:
        return None
    kernel = around_mean(len(panel.cities))
    return panel.weigh(kernel, change), panel.weigh(kernel, level), years / total


def _spread(panel: CityPanel, period: int) -> float:
    """Root of the variance inside the cities: wording that all take up draws unit rows together, and cities with them.

    Its own error is a twentieth of a position's or less and is not counted.
    """
    count = len(panel.cities)
    return float(np.sqrt(max(1 + panel.value(panel.by_period(-np.eye(count) / count, period)), 1e-12)))
