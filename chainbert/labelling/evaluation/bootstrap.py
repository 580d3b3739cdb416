"""Resampled companies as weights, so that every statistic of one study is read off the same resamples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from chainbert.errors import ConfigError

LEVEL = 0.95
FEWEST_DEFINED = 0.95
"""Share of resamples in which a statistic must be defined for an interval to be given."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A statistic with its 95 % interval; None where it is not defined, with the reason."""

    value: float | None
    low: float | None = None
    high: float | None = None
    reason: str = ""

    def to_json(self) -> dict[str, float | str | None]:
        """``value, low, high``, and ``reason`` where there is one."""
        numbers: dict[str, float | str | None] = {"value": self.value, "low": self.low, "high": self.high}
        return numbers | ({"reason": self.reason} if self.reason else {})


def resample(companies: Sequence[str], draws: int, rng: np.random.Generator) -> np.ndarray:
    """How often each row counts in each resample, (draws + 1, n) float64; the first row is the sample itself, all 1.

    Companies are drawn with replacement, all rows (years) of one together. Raises ConfigError for fewer than 1 draw.
    """
    if draws < 1:
        raise ConfigError(f"draws = {draws} found; at least 1 resample was expected, 2000 for an interval")
    names, members = np.unique(np.asarray(companies, dtype=object).astype(str), return_inverse=True)
    count = len(names)
    drawn = rng.multinomial(count, np.full(count, 1 / count), size=draws) if count else np.zeros((draws, 0))
    return np.vstack([np.ones(len(members)), drawn[:, members]])


def leave_one_out(companies: Sequence[str]) -> np.ndarray:
    """The sample without each company in turn, (companies, n) float64 weights of 0 and 1."""
    names, members = np.unique(np.asarray(companies, dtype=object).astype(str), return_inverse=True)
    return np.asarray(members[None, :] != np.arange(len(names))[:, None], dtype=np.float64)


def estimate(values: np.ndarray, reason: str = "not defined here", without: np.ndarray | None = None) -> Estimate:
    """The value in the sample (first) and its interval from resamples (rest), (draws + 1,) with nan for undefined.

    Percentiles; with ``without``, the statistic without each company in turn, bias-corrected and accelerated ones
    (BCa, Efron 1987), which cover better near the end of a scale. Resamples in which the statistic is not defined
    are left out; where they are more than 5 %, no interval is given.
    """
    if not np.isfinite(values[0]):
        return Estimate(None, reason=reason)
    drawn = values[1:][np.isfinite(values[1:])]
    share = len(drawn) / len(values[1:])
    if share < FEWEST_DEFINED:
        return Estimate(float(values[0]), reason=f"no interval: {reason} in {1 - share:.0%} of the resamples")
    tails = np.array([(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    if without is not None:
        tails = _accelerated(tails, float(values[0]), drawn, without[np.isfinite(without)])
    low, high = np.quantile(drawn, tails)
    return Estimate(float(values[0]), float(low), float(high))


def _accelerated(tails: np.ndarray, value: float, drawn: np.ndarray, without: np.ndarray) -> np.ndarray:
    below = ((drawn < value).mean() + (drawn <= value).mean()) / 2
    edge = 1 / (2 * len(drawn))
    bias = norm.ppf(np.clip(below, edge, 1 - edge))
    pulls = without.mean() - without if len(without) else np.zeros(1)
    spread = (pulls**2).sum()
    acceleration = (pulls**3).sum() / (6 * spread**1.5) if spread > 0 else 0.0
    moved = bias + norm.ppf(tails)
    return np.asarray(norm.cdf(bias + moved / np.maximum(1 - acceleration * moved, 1e-3)))


def recentred(values: np.ndarray) -> np.ndarray:
    """(draws + 1,) with the resamples moved by their bias and cut off at 0.

    For what is above 0 by chance alone, and more so in resamples than in the sample (calibration error).
    """
    bias = values[1:].mean() - values[0]
    return np.append(values[:1], np.maximum(values[1:] - bias, 0.0))


def p_value(differences: np.ndarray) -> float | None:
    """Two-sided bootstrap p of "no difference" from (draws + 1,) differences, the sample's first; in [0, 1].

    Twice the smaller share of resamples on either side of 0, each side with one more (Davison & Hinkley 1997, 4.2).
    """
    drawn = differences[1:][np.isfinite(differences[1:])]
    if not np.isfinite(differences[0]) or not len(drawn):
        return None
    side = min(int((drawn <= 0).sum()), int((drawn >= 0).sum()))
    return float(min(1.0, 2 * (1 + side) / (1 + len(drawn))))
