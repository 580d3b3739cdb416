"""Hand codes of companies bend a labeller's weights, as far as they say enough."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from chainbert.labelling.calibration import Calibration, fit_calibration
from chainbert.labelling.codebook import Axis
from chainbert.labelling.knownaxis import KnownAxis, meaning_of, wording_of
from chainbert.labelling.pooling import pool_sentences
from chainbert.labelling.scoring import AxisModel, Sentences, axis_features, refit_logistic, sentence_probabilities

# Rounds of choosing each company's deciding sentence and fitting to it; labels stop changing after two or three.
ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Coded:
    """n hand-coded companies as their sentences."""

    sentences: Sentences
    owner: np.ndarray
    """(m,) int in [0, n)."""
    lengths: np.ndarray
    """(m,) characters."""
    language: np.ndarray
    """(n,) int: place among the labeller's languages, −1 for another."""
    answers: Mapping[str, np.ndarray]
    """Axis → (n, k): 1 yes, 0 no, nan not coded."""
    fold: np.ndarray
    """(n,) int: companies of one fold share nothing with those of another."""


def adapt_axis(
    start: AxisModel,
    before: Calibration | None,
    anchors: np.ndarray,
    coded: Coded,
    rows: np.ndarray,
    hold: float,
) -> KnownAxis:
    """Weights near those of ``start`` that fit the hand codes of the companies ``rows`` (n,) bool.

    They are calibrated out of fold; an indicator that nobody coded keeps the calibration it had ``before``.

    A company says what its strongest sentence says, so each round fits to the sentence that is strongest now
    (Andrews et al. 2003, multiple-instance learning). ``hold`` is how strongly weights stay at their start. A single
    choice is calibrated only: hand codes do not say which sentences speak for a value.
    """
    axis, reference = start.axis, start.reference
    features = axis_features(coded.sentences, axis, reference)
    answers = coded.answers[axis.id]
    languages = len(reference.languages)
    weights = _fitted(axis, start.weights, features, coded, answers, rows, hold)
    scores = np.full(answers.shape, np.nan)
    for fold in np.unique(coded.fold[rows]):
        seen, judged = rows & (coded.fold != fold), rows & (coded.fold == fold)
        part = _fitted(axis, start.weights, features, coded, answers, seen, hold)
        scores[judged] = _pooled(axis, features @ part, coded)[judged]
    known = rows & (coded.language >= 0)
    calibration = fit_calibration(
        axis, scores[known], answers[known], coded.language[known], np.ones(answers[known].shape), languages
    )
    uncoded = np.isnan(answers[rows]).all(axis=0)
    if before is not None and axis.kind == "indicators":
        calibration = calibration.with_columns_of(before, uncoded)
    return KnownAxis(axis.kind, meaning_of(axis), wording_of(axis), weights, calibration, anchors)


def _fitted(
    axis: Axis,
    start: np.ndarray,
    features: np.ndarray,
    coded: Coded,
    answers: np.ndarray,
    rows: np.ndarray,
    hold: float,
) -> np.ndarray:
    if axis.kind == "single":
        return start
    weights = start.copy()
    for column in range(answers.shape[1]):
        used = np.flatnonzero(
            rows & ~np.isnan(answers[:, column]) & (np.bincount(coded.owner, minlength=len(rows)) > 0)
        )
        # Codes that all say the same teach nothing but the share.
        if len(np.unique(answers[used, column])) < 2:
            continue
        before = np.zeros(0, int)
        for _ in range(ROUNDS):
            best = _strongest(features @ weights[:, column], coded.owner, len(rows))[used]
            if np.array_equal(best, before):
                break
            before = best
            weights[:, column] = refit_logistic(features[best], answers[used, column], start[:, column], hold)
    return weights


def _strongest(logits: np.ndarray, owner: np.ndarray, n: int) -> np.ndarray:
    """(n,) int: the row of each company's strongest sentence; the first among equals."""
    best = np.full(n, -1)
    order = np.lexsort((-np.arange(len(owner)), logits))
    best[owner[order]] = order
    return best


def _pooled(axis: Axis, logits: np.ndarray, coded: Coded) -> np.ndarray:
    said = sentence_probabilities(axis, logits)
    return pool_sentences(axis, said, coded.owner, coded.lengths, len(coded.language)).probabilities
