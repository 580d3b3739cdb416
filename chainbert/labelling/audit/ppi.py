"""The share of yes in a set of companies, from codes of some and predictions of all: one axis value, one group."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from chainbert.wilson import Z

FEWEST_CODES = 10
"""Below this many codes a correction is a guess about a guess: only hand codes are given."""
LEAST_ERRORS = 0.2
"""A correction in which the coders found no error at all is taken to have so much of one among its n codes: with none,
simulated intervals of labellers that err once in a hundred cover 90 to 94 %, with half of one 97 to 99 %."""
LEAST_ERRORS_UNEQUAL = 0.5
"""The same where weights differ by more than a half: rare values then hide among the companies coded least (with .2,
84 % at 100 codes of a 5 % value)."""
NAN = float("nan")


@dataclass(frozen=True, slots=True)
class Estimate:
    """A share with its 95 % interval, all in [0, 1]; nan where nothing is said."""

    share: float
    low: float
    high: float

    @property
    def width(self) -> float:
        """From low to high."""
        return self.high - self.low


NOTHING = Estimate(NAN, NAN, NAN)


@dataclass(frozen=True, slots=True)
class Corrected:
    """One group's share of yes by hand codes alone, by PPI and by power-tuned PPI."""

    hand: Estimate
    """Hand codes alone, weighted (Hájek 1971); Wilson's interval at the effective number of codes."""
    ppi: Estimate
    """λ = 1 (Angelopoulos et al. 2023)."""
    tuned: Estimate
    """λ chosen for the least variance (PPI++, Angelopoulos, Duchi & Zrnic 2023)."""
    tuning: float
    """λ in [0, 1]; 0 where the interval would be no narrower for it, which gives the hand codes' estimate."""
    unit_variance: float
    """The tuned variance × n / (1 − n / N): what one code of this design leaves, for planning."""
    hand_unit_variance: float
    """The same for hand codes alone."""


@dataclass(frozen=True, slots=True)
class Codes:
    """The coded companies of the whole sample; all arrays (n,)."""

    yes: np.ndarray
    """1 or 0."""
    predicted: np.ndarray
    """The labeller's probability of yes, in [0, 1]."""
    weight: np.ndarray
    """How many companies of the set each stands for: 1 / inclusion probability, ≥ 1."""
    stratum: np.ndarray
    """int from 0."""


def correct_share(
    codes: Codes, member: np.ndarray, predicted: np.ndarray, *, population: bool = False, fewest: int = FEWEST_CODES
) -> Corrected:
    """Estimate the share of yes among the N companies of one group.

    ``member`` (n,) bool: which codes belong to the group; ``predicted`` (N,) in [0, 1] of the group's companies, the
    coded ones included. The target is the share in this very set of N, so that the interval closes as n reaches N;
    with ``population`` it is that of the wider population the set was drawn from, which adds share × (1 − share) / N.

    The estimate is mean(λ f) over the set + weighted mean of y − λ f over the codes. Small samples: residuals are
    divided by 1 − leverage (HC3, the leave-one-out residual; MacKinnon & White 1985) since λ is tuned on the same
    codes, quantiles are of t, and the interval is Wilson's at the effective number of codes
    share × (1 − share) / variance (Korn & Graubard 1998), which keeps it in [0, 1] and its coverage at rare values.
    Fewer than ``fewest`` codes of the group: hand codes alone; none: nan throughout.
    """
    size, n = len(predicted), int(member.sum())
    if n == 0:
        return Corrected(NOTHING, NOTHING, NOTHING, NAN, NAN, NAN)
    if n >= size:
        share = float(codes.yes[member].mean())
        exact = Estimate(share, share, share)
        wider = _wilson(share, size, Z) if population else exact
        return Corrected(wider, wider, wider, 0.0, share * (1 - share), share * (1 - share))
    parts = _parts(codes, member)
    surplus = 1 / size if population else 0.0
    hand, hand_unit = _by_hand(codes, member, parts, size, surplus)
    if n < fewest:
        return Corrected(hand, NOTHING, NOTHING, NAN, NAN, hand_unit)
    tuning = _tuning(parts)
    tuned, variance = _rectified(codes, member, parts, tuning, float(predicted.mean()), surplus, fitted=True)
    unit = variance * n / (1 - n / size)
    if tuning == 0 or tuned.width > hand.width:
        tuned, tuning, unit = hand, 0.0, hand_unit
    plain, _ = _rectified(codes, member, parts, 1.0, float(predicted.mean()), surplus, fitted=False)
    return Corrected(hand, plain, tuned, tuning, unit, hand_unit)


@dataclass(frozen=True, slots=True)
class _Parts:
    """What each code adds to the group's mean of y and f, centred by stratum; (n,) over the whole sample."""

    yes: np.ndarray
    predicted: np.ndarray
    factor: np.ndarray
    """(1 − inclusion probability) × m / (m − 1), m codes of the stratum in the group."""
    freedom: int
    """Codes of the group less its strata."""


def _parts(codes: Codes, member: np.ndarray) -> _Parts:
    strata = int(codes.stratum.max()) + 1
    counts = np.bincount(codes.stratum, minlength=strata)
    here = np.bincount(codes.stratum, member, minlength=strata)
    weight = np.where(member, codes.weight, 0.0)
    share_of = weight / weight.sum()

    def centred(values: np.ndarray) -> np.ndarray:
        part = share_of * (values - share_of @ values)
        means = np.bincount(codes.stratum, part, minlength=strata) / np.maximum(counts, 1)
        return np.asarray(part - means[codes.stratum])

    m = np.maximum(here, 2)
    factor = np.maximum(0.0, 1 - 1 / codes.weight) * (m / (m - 1))[codes.stratum]
    freedom = max(1, int(member.sum()) - int((here > 0).sum()))
    return _Parts(centred(codes.yes), centred(codes.predicted), factor, freedom)


def _tuning(parts: _Parts) -> float:
    """λ of least variance, clipped to [0, 1]."""
    spread = float((parts.factor * parts.predicted**2).sum())
    # Codes that all agree are centred to 0, or to 1e-17: nothing to tune on.
    if spread <= 1e-18 or float((parts.factor * parts.yes**2).sum()) <= 1e-18:
        return 0.0
    return float(np.clip((parts.factor * parts.yes * parts.predicted).sum() / spread, 0.0, 1.0))


def _rectified(
    codes: Codes, member: np.ndarray, parts: _Parts, tuning: float, mean: float, surplus: float, *, fitted: bool
) -> tuple[Estimate, float]:
    weight = np.where(member, codes.weight, 0.0)
    share_of, n = weight / weight.sum(), int(member.sum())
    share = float(share_of @ codes.yes + tuning * (mean - share_of @ codes.predicted))
    residual, freedom = parts.yes - tuning * parts.predicted, parts.freedom
    if fitted:
        spread = parts.factor * parts.predicted**2
        leverage = spread / max(float(spread.sum()), 1e-18)
        residual, freedom = residual / (1 - np.minimum(leverage, 0.5)), max(1, freedom - 1)
    variance = float((parts.factor * residual**2).sum())
    variance = max(variance, _least_variance(codes, share_of))
    # Never surer than a share outside [0, 1] or at its ends would make it.
    inside = float(np.clip(share, 0.5 / n, 1 - 0.5 / n))
    effective = inside * (1 - inside) / variance
    quantile = _t(freedom)
    found = _wilson(inside, 1 / (1 / effective + surplus), quantile)
    share = float(np.clip(share, 0.0, 1.0))
    estimate = Estimate(share, min(found.low, share), max(found.high, share))
    return estimate, variance


def _by_hand(codes: Codes, member: np.ndarray, parts: _Parts, size: int, surplus: float) -> tuple[Estimate, float]:
    """Wilson's interval at n / design effect codes (Korn & Graubard 1998); with equal weights and no strata, n."""
    weight = np.where(member, codes.weight, 0.0)
    share_of, n = weight / weight.sum(), int(member.sum())
    answers = codes.yes[member]
    # Exactly 0 and 1 where all agree, which sums of weights miss by 1e-16.
    share = float(answers[0]) if (answers == answers[0]).all() else float(share_of @ codes.yes)
    typical = float(((share_of**2) * np.maximum(0.0, 1 - 1 / codes.weight)).sum())
    spread = share * (1 - share)
    effective = 1 / typical if typical > 0 else float("inf")  # Kish 1965
    unit = spread
    if 0 < share < 1 and n >= FEWEST_CODES:
        variance = float((parts.factor * parts.yes**2).sum())
        variance = max(variance, _least_variance(codes, share_of))
        effective = spread / variance * n / (n - 1)
        unit = variance * n / (1 - n / size)
    quantile = Z * _t(parts.freedom) / _t(max(1, n - 1))
    found = _wilson(share, 1 / (1 / effective + surplus), quantile)
    return Estimate(share, found.low, found.high), unit


def _least_variance(codes: Codes, share_of: np.ndarray) -> float:
    """Of an error that the codes did not show; it hides where a code stands for the most companies."""
    used = codes.weight[share_of > 0]
    errors = LEAST_ERRORS_UNEQUAL if used.max() > 1.5 * used.min() else LEAST_ERRORS
    return errors * float((share_of**2 * (1 - 1 / codes.weight)).max())


_QUANTILES: dict[int, float] = {}


def _t(freedom: int) -> float:
    if freedom not in _QUANTILES:
        _QUANTILES[freedom] = float(stats.t.ppf(0.975, freedom))
    return _QUANTILES[freedom]


def _wilson(share: float, n: float, quantile: float) -> Estimate:
    middle = (share + quantile**2 / (2 * n)) / (1 + quantile**2 / n)
    half = quantile / (1 + quantile**2 / n) * np.sqrt(share * (1 - share) / n + quantile**2 / (4 * n**2))
    low = 0.0 if share == 0 else float(max(0.0, middle - half))
    high = 1.0 if share == 1 else float(min(1.0, middle + half))
    return Estimate(share, low, high)
