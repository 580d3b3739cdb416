"""Whether probabilities mean what they say: calibration error, what of it is chance, reliability bins."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chainbert.wilson import wilson

BINS = 10


@dataclass(frozen=True, slots=True)
class Bin:
    """The companies whose probability lies in one tenth of [0, 1]."""

    low: float
    high: float
    n: int
    mean_probability: float | None
    share_yes: float | None
    share_low: float | None
    share_high: float | None
    """95 % Wilson interval of the share; None in an empty bin."""


def calibration_error(coded: np.ndarray, probability: np.ndarray, weights: np.ndarray, bins: int = BINS) -> np.ndarray:
    """Expected calibration error, (d,) in [0, 1], for each row of ``weights`` (d, n).

    coded (n,) 0/1, probability (n,) in [0, 1], in equally wide bins: the mean over companies of |share of yes − mean
    probability| in the company's bin (Naeini et al. 2015). At small n it is well above 0 for a perfect labeller, see
    ``calibration_floor``, and in resamples higher still.
    """
    gaps = _in_bins(probability, bins) * (coded - probability)[:, None]
    return np.asarray(np.abs(weights @ gaps).sum(axis=1) / weights.sum(axis=1))


def calibration_floor(probability: np.ndarray, rng: np.random.Generator, draws: int = 1000, bins: int = BINS) -> float:
    """Mean calibration error of a labeller with these probabilities (n,) whose every probability is true."""
    if not len(probability):
        return float("nan")
    inside = _in_bins(probability, bins)
    drawn = rng.random((draws, len(probability))) < probability
    return float(np.abs((drawn - probability) @ inside).sum(axis=1).mean() / len(probability))


def reliability_bins(coded: np.ndarray, probability: np.ndarray, bins: int = BINS) -> tuple[Bin, ...]:
    """How often yes is right where the labeller says so with some probability, one entry a bin; arrays (n,)."""
    inside = _in_bins(probability, bins) > 0
    table = []
    for place in range(bins):
        rows = inside[:, place]
        n, edges = int(rows.sum()), (place / bins, (place + 1) / bins)
        if not n:
            table.append(Bin(*edges, 0, None, None, None, None))
            continue
        yes = coded[rows].sum()
        low, high = wilson(np.array([yes]), np.array([n]))
        table.append(Bin(*edges, n, float(probability[rows].mean()), float(yes / n), float(low[0]), float(high[0])))
    return tuple(table)


def _in_bins(probability: np.ndarray, bins: int) -> np.ndarray:
    """(n, bins) 0/1; 1.0 is in the last bin."""
    place = np.clip((probability * bins).astype(np.int64), 0, bins - 1)
    return np.asarray(place[:, None] == np.arange(bins), dtype=np.float64)
