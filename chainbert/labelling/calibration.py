"""From scores to probabilities: Platt scaling by language for yes/no, temperature by language for a single choice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, log_softmax, logit, softmax

from chainbert.labelling.codebook import Axis

# Scores are kept off 0 and 1, so that a sure error costs much and not everything.
SMALLEST = 1e-6
# How strongly slopes are held at 1 and intercepts at 0: about what this many companies say.
HOLD = 2.0
# An intercept may move so many logits as easily as a slope moves by one.
SPREAD = 3.0
# A language with fewer codes of either answer shares the intercept of all.
FEWEST = 10
CUTS = np.arange(0.05, 0.951, 0.01)
RESAMPLES = 200
PULL = 50
RESAMPLING_SEED = 1


@dataclass(frozen=True, slots=True)
class Calibration:
    """Of one axis; ``slope`` and ``intercept`` are the identity at 1 and 0."""

    slope: np.ndarray
    """Indicators: (k,), one each. Single choice: (languages,), one each: the inverse temperature."""
    intercept: np.ndarray
    """(languages, k)."""
    threshold: np.ndarray
    """(k,) in (0, 1): from which probability an indicator is yes; .5 throughout on a single choice."""

    @classmethod
    def identity(cls, axis: Axis, languages: int) -> Calibration:
        """The calibration that changes nothing."""
        size = len(axis.indicators)
        return cls(
            np.ones(languages if axis.kind == "single" else size), np.zeros((languages, size)), np.full(size, 0.5)
        )

    def with_columns_of(self, other: Calibration, chosen: np.ndarray) -> Calibration:
        """This calibration of an axis of indicators, with the indicators ``chosen`` (k,) bool as ``other`` has them."""
        return Calibration(
            np.where(chosen, other.slope, self.slope),
            np.where(chosen, other.intercept, self.intercept),
            np.where(chosen, other.threshold, self.threshold),
        )

    def apply(self, axis: Axis, scores: np.ndarray, language: np.ndarray) -> np.ndarray:
        """Probabilities (n, k) in [0, 1] of pooled scores (n, k); ``language`` (n,) int, −1 for another language.

        nan stays nan. A language the labeller does not know stands between those it does.
        """
        known = language >= 0
        shift = np.where(known[:, None], self.intercept[language], self.intercept.mean(axis=0))
        if axis.kind == "single":
            slope = np.where(known, self.slope[language], self.slope.mean())
            return np.asarray(softmax(slope[:, None] * np.log(np.maximum(scores, SMALLEST)) + shift, axis=1))
        return np.asarray(expit(self.slope * _logits(scores) + shift))


def fit_calibration(
    axis: Axis, scores: np.ndarray, answers: np.ndarray, language: np.ndarray, weights: np.ndarray, languages: int
) -> Calibration:
    """The calibration of n companies that had no part in the weights behind ``scores`` (n, k).

    ``answers`` (n, k) in {0, 1}, nan where not coded; ``language`` (n,) int in [0, languages); ``weights`` (n, k)
    of each answer. Slopes are at least 0: a calibration never turns the order of companies around.
    Source: Platt 1999; Guo et al. 2017.
    """
    return (_choice if axis.kind == "single" else _indicators)(scores, answers, language, weights, languages)


def _indicators(
    scores: np.ndarray, answers: np.ndarray, language: np.ndarray, weights: np.ndarray, languages: int
) -> Calibration:
    size = scores.shape[1]
    slopes, intercepts = np.ones(size), np.zeros((languages, size))
    for column in range(size):
        rows = ~np.isnan(answers[:, column]) & ~np.isnan(scores[:, column])
        x, y, weight = _logits(scores[rows, column]), answers[rows, column], weights[rows, column]
        place = _places(y, language[rows], languages)

        found = _minimum(partial(_yes_no_loss, x=x, y=y, weight=weight, place=place), languages)
        slopes[column] = found[0]
        intercepts[:, column] = found[1:][_shared(y, language[rows], languages)]
    shift = intercepts[np.maximum(language, 0)]
    probabilities = expit(slopes * _logits(np.nan_to_num(scores, nan=0.5)) + shift)
    given = ~np.isnan(answers) & ~np.isnan(scores)
    thresholds = [
        best_threshold(probabilities[rows, column], answers[rows, column], weights[rows, column])
        for column, rows in enumerate(given.T)
    ]
    return Calibration(slopes, intercepts, np.array(thresholds))


def best_threshold(probabilities: np.ndarray, answers: np.ndarray, weights: np.ndarray) -> float:
    """From which probability to say yes, so that the macro-F1 of yes and no is highest; in [.05, .95].

    Where nearly all companies say yes, .5 would hardly ever say no, and the macro-F1 that codings are judged by would
    suffer. The best cut of few companies is a matter of luck, so it is the mean of the best cuts of resamples, and
    drawn to .5 as if ``PULL`` companies of the rarer answer had said so; .5 where only one answer occurs.
    """
    rarer = min((answers == 0).sum(), (answers == 1).sum())
    if not rarer:
        return 0.5
    order = np.lexsort((weights, answers, probabilities))  # the order of companies is not to matter
    probabilities, answers, weights = probabilities[order], answers[order], weights[order]
    rng = np.random.default_rng(RESAMPLING_SEED)
    drawn = rng.multinomial(len(answers), np.full(len(answers), 1 / len(answers)), size=RESAMPLES) * weights
    said = (probabilities[:, None] >= CUTS).astype(float)
    right_yes, right_no = drawn @ (said * answers[:, None]), drawn @ ((1 - said) * (1 - answers)[:, None])
    yes, no = (drawn @ answers)[:, None], (drawn @ (1 - answers))[:, None]
    said_yes = drawn @ said
    f_yes = 2 * right_yes / np.maximum(yes + said_yes, 1e-12)
    f_no = 2 * right_no / np.maximum(no + drawn.sum(axis=1)[:, None] - said_yes, 1e-12)
    score = f_yes + f_no
    # All cuts that are as good as the best, so that no tie is broken by the order of the cuts.
    best = score >= score.max(axis=1, keepdims=True) - 1e-12
    found = float(((best * CUTS).sum(axis=1) / best.sum(axis=1)).mean())
    return float(0.5 + (found - 0.5) * rarer / (rarer + PULL))


def _choice(
    scores: np.ndarray, answers: np.ndarray, language: np.ndarray, weights: np.ndarray, languages: int
) -> Calibration:
    rows = ~np.isnan(answers).any(axis=1) & ~np.isnan(scores).any(axis=1)
    logs, y = np.log(np.maximum(scores[rows], SMALLEST)), answers[rows]
    weight = (weights[rows] * y).sum(axis=1)
    slopes = np.ones(languages)
    for one in range(languages):
        spoken = language[rows] == one

        slopes[one] = _minimum(partial(_choice_loss, logs=logs[spoken], y=y[spoken], weight=weight[spoken]), 0)[0]
    return Calibration(slopes, np.zeros((languages, scores.shape[1])), np.full(scores.shape[1], 0.5))


def _yes_no_loss(free: np.ndarray, *, x: np.ndarray, y: np.ndarray, weight: np.ndarray, place: np.ndarray) -> float:
    z = free[0] * x + free[1:][place]
    held = (free[0] - 1) ** 2 + (free[1:] ** 2).sum() / SPREAD**2
    return float(weight @ (np.logaddexp(0, z) - y * z) + HOLD * held)


def _choice_loss(free: np.ndarray, *, logs: np.ndarray, y: np.ndarray, weight: np.ndarray) -> float:
    found = log_softmax(free[0] * logs, axis=1)
    return float(-weight @ (found * y).sum(axis=1) + HOLD * (free[0] - 1) ** 2)


def _shared(y: np.ndarray, language: np.ndarray, languages: int) -> np.ndarray:
    """(languages,) int: whose intercept each language has: its own, or all one where any has too few codes."""
    enough = [min((y[language == one] == value).sum() for value in (0, 1)) >= FEWEST for one in range(languages)]
    return np.array([one if all(enough) else 0 for one in range(languages)])


def _places(y: np.ndarray, language: np.ndarray, languages: int) -> np.ndarray:
    return np.asarray(_shared(y, language, languages)[language])


def _minimum(loss: Callable[[np.ndarray], float], intercepts: int) -> np.ndarray:
    start = np.concatenate([[1.0], np.zeros(intercepts)])
    bounds = [(0.05, 10.0), *[(-8.0, 8.0)] * intercepts]
    return np.asarray(minimize(loss, start, method="L-BFGS-B", bounds=bounds).x)


def _logits(scores: np.ndarray) -> np.ndarray:
    return np.asarray(logit(np.clip(scores, SMALLEST, 1 - SMALLEST)))
