"""Does the gap shrink: slope over the periods with firm-clustered error, equivalence, power."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from chainbert.convergence.gap import Floats
from chainbert.convergence.jackknife import Covariance, Interval, interval

POWER = 0.80
LEVEL = 0.05


@dataclass(frozen=True, slots=True)
class Trend:
    """The slope of one city's gap to the reference, a year."""

    slope: Interval
    p_equivalent: float
    """H0: the slope closes or opens at least the margin."""
    margin: float
    """Slope (a year, > 0) that closes the margin's share of the first gap over the window; NaN without a first gap."""
    minimum_detectable: float
    """Smallest |slope| found with 80 % power at the 5 % level."""
    power: float
    """Chance to find a slope as large as the margin."""


def line_weights(times: Floats, sizes: Floats) -> Floats:
    """(T,) weights a with slope = a · gaps: least squares over times (T,), weighted by sizes (T,) > 0.

    Sizes are counts, never estimated variances: those are small where a gap happens to be small, which would
    bend the line.
    """
    centre = times - np.average(times, weights=sizes)
    weights: Floats = sizes * centre / (sizes * centre**2).sum()
    return weights


def trend(gaps: Floats, covariance: Covariance, times: Floats, sizes: Floats, margin: float, freedom: float) -> Trend:
    """Slope, equivalence and power of gaps (T,) with their covariance at times (T,) in years, T ≥ 2 and ascending.

    margin in (0, 1): share of the first gap. The margin is itself estimated, so both one-sided tests are run on the
    contrasts slope ± margin·first gap/window, whose errors come from the same covariance (Fieller 1954;
    two one-sided tests, Schuirmann 1987).
    """
    line = line_weights(times, sizes)
    slope = interval(float(line @ gaps), covariance.error(line), freedom)
    share = np.zeros(len(gaps))
    share[0] = margin / (times[-1] - times[0])
    bound = float(share @ gaps)
    detectable = (stats.t.ppf(1 - LEVEL / 2, freedom) + stats.t.ppf(POWER, freedom)) * slope.error
    if bound <= 0:
        return Trend(slope, float("nan"), float("nan"), float(detectable), float("nan"))
    above = interval(float((line + share) @ gaps), covariance.error(line + share), freedom)
    below = interval(float((line - share) @ gaps), covariance.error(line - share), freedom)
    p_equivalent = max(_one_sided(above, freedom), _one_sided(below, freedom, sign=-1))
    return Trend(slope, p_equivalent, bound, float(detectable), power_at(bound, slope.error, freedom))


def _one_sided(contrast: Interval, freedom: float, sign: int = 1) -> float:
    """P against H0: sign · contrast ≤ 0."""
    if not contrast.error > 0:
        return float("nan")
    return float(stats.t.sf(sign * contrast.value / contrast.error, freedom))


def power_at(size: float, error: float, freedom: float) -> float:
    """Chance that a two-sided 5 % test finds an effect of ``size`` when its standard error is ``error``."""
    if not np.isfinite(error):
        return float("nan")
    if error == 0:
        return 1.0
    critical = stats.t.ppf(1 - LEVEL / 2, freedom)
    return float(stats.t.sf(critical - size / error, freedom) + stats.t.cdf(-critical - size / error, freedom))


def holm(p_values: Floats) -> Floats:
    """Holm's (1979) adjusted p-values, (k,) → (k,); NaN (not estimable) stays NaN and does not count."""
    adjusted = np.full(len(p_values), np.nan)
    known = np.flatnonzero(~np.isnan(p_values))
    order = known[np.argsort(p_values[known], kind="stable")]
    steps = (len(known) - np.arange(len(known))) * p_values[order]
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(steps))
    return adjusted
