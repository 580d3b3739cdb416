"""Baselines that learn from the hand codes: logistic regression on company vectors, each company by other folds."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import LogisticRegression

from chainbert.embedding import EmbeddingStore, Encoder, embed_texts, pool_rows
from chainbert.labelling.codebook import Axis, Codebook
from chainbert.labelling.config import LabellingConfig
from chainbert.labelling.cues import cue_flags
from chainbert.labelling.evaluation.coded import Coded
from chainbert.labelling.evaluation.config import BaselineKind
from chainbert.labelling.leakage import grouped_folds
from chainbert.labelling.pooling import Pooled
from chainbert.labelling.spoken import Spoken
from chainbert.labelling.tables import AxisLabels, Labels, label_table
from chainbert.progress import Progress, silent

NAMES: dict[BaselineKind, str] = {"vectors": "vectors + LR", "vectors-and-cues": "vectors + cues + LR"}
# scikit-learn's C, each the best or nearly of seven from 3 to 3,000, plain and balanced, in five-fold runs on
# development codes; standardised vectors were no better, and drowned the cues.
STRENGTH: dict[BaselineKind, float] = {"vectors": 300.0, "vectors-and-cues": 30.0}


def label_by_folds(
    kind: BaselineKind,
    coded: Coded,
    codebook: Codebook,
    encoder: Encoder,
    store: EmbeddingStore | None,
    *,
    folds: int,
    rng: np.random.Generator,
    progress: Progress = silent,
) -> Labels:
    """Label each coded company by a regression on the codes of the other folds: what hand codes alone would give.

    Features are the mean sentence vector and for ``vectors-and-cues`` which cues of the codebook any
    sentence has. One binary regression an indicator, one multinomial a single choice. Folds never part linked
    companies (``grouped_folds``); every row's ``training`` is "cross-fitted". There is no evidence.
    """
    spoken = Spoken.of(coded.companies)
    n = len(spoken.companies)
    present = np.zeros(n, bool)
    present[spoken.owner] = True
    features, truncated = company_features(kind, spoken, present, codebook, encoder, store, progress)
    fold = grouped_folds(spoken.companies, folds, rng)
    answered = []
    for done, axis in enumerate(codebook.axes):
        progress("cross-validating", done, len(codebook.axes))
        probabilities = np.full((n, len(axis.indicators)), np.nan)
        answers = company_answers(coded, axis)
        for part in range(folds):
            train, test = present & (fold != part), present & (fold == part)
            probabilities[test] = fitted_probabilities(axis, features, answers, train, test, STRENGTH[kind])
        answered.append(probabilities)
    progress("cross-validating", len(codebook.axes), len(codebook.axes))
    fingerprint = f"{encoder.fingerprint} {kind} C={STRENGTH[kind]} folds={folds}"
    return labels_of(NAMES[kind], fingerprint, spoken, codebook, answered, folds, truncated)


def labels_of(
    name: str,
    fingerprint: str,
    spoken: Spoken,
    codebook: Codebook,
    answered: list[np.ndarray],
    folds: int,
    truncated: int = 0,
) -> Labels:
    """Cross-validated probabilities as labels; ``answered``: (n, k) an axis, nan for companies without sentences."""
    first = np.full(len(spoken.companies), -1)
    first[spoken.owner[::-1]] = np.arange(len(spoken.owner))[::-1]
    band = LabellingConfig().abstain_band
    axes = [
        # Which sentence decided is not known; the first one only tells that there are any.
        AxisLabels.of(axis, Pooled(said, np.repeat(first[:, None], said.shape[1], axis=1)), band)
        for axis, said in zip(codebook.axes, answered, strict=True)
    ]
    training = np.where(first >= 0, "cross-fitted", "").astype(object)
    table = label_table(spoken, axes, codebook.version, training)
    shown = [column for column in table if not str(column).endswith((".evidence", ".start", ".end"))]
    note = f"{name} learnt from these codes: each company by those of the other {folds - 1} of {folds} folds."
    return Labels(table[shown], codebook, name, fingerprint, band, len(spoken.table), truncated, (note,))


def company_features(
    kind: BaselineKind,
    spoken: Spoken,
    present: np.ndarray,
    codebook: Codebook,
    encoder: Encoder,
    store: EmbeddingStore | None,
    progress: Progress = silent,
) -> tuple[np.ndarray, int]:
    """(n, d) or (n, d + cues) float64, zeros where ``present`` (n,) bool is not; and the number of cut sentences."""
    embedded = embed_texts(encoder, spoken.texts, store, progress)
    number = np.cumsum(present) - 1
    features = np.zeros((len(present), embedded.vectors.shape[1]))
    features[present] = pool_rows(embedded.vectors, number[spoken.owner], int(present.sum()))
    if kind == "vectors-and-cues":
        indicators = [one for axis in codebook.axes for one in axis.indicators]
        flags = np.zeros((len(present), len(indicators)))
        np.maximum.at(flags, spoken.owner, cue_flags(spoken.texts, spoken.languages, indicators))
        features = np.hstack([features, flags])
    return features, embedded.truncated


def company_answers(coded: Coded, axis: Axis) -> np.ndarray:
    """(m, k) float64 of company rows: 1 yes, 0 no, nan not coded; the first code where a company has several."""
    answers = np.full((len(coded.companies.table), len(axis.indicators)), np.nan)
    said = np.stack([coded.gold.says(axis, one.id) for one in axis.indicators], axis=1)
    answers[coded.rows[::-1]] = said[::-1]
    return answers


def fitted_probabilities(
    axis: Axis, features: np.ndarray, answers: np.ndarray, train: np.ndarray, test: np.ndarray, strength: float
) -> np.ndarray:
    """(rows of ``test``, k) in [0, 1], learnt from the coded rows of ``train``; the share where all codes are one."""
    found = np.zeros((int(test.sum()), len(axis.indicators)))
    coded = train & ~np.isnan(answers).any(axis=1)
    if axis.kind == "single":
        said = answers[coded].argmax(axis=1)
        if len(set(said.tolist())) < 2:
            found[:, said[0] if len(said) else 0] = 1.0
            return found
        model = _fit(features[coded], said, strength)
        found[:, model.classes_] = model.predict_proba(features[test])
        return found
    for column in range(len(axis.indicators)):
        coded = train & ~np.isnan(answers[:, column])
        told = answers[coded, column]
        if len(set(told.tolist())) < 2:
            found[:, column] = told.mean() if len(told) else 0.5
            continue
        found[:, column] = _fit(features[coded], told, strength).predict_proba(features[test])[:, 1]
    return found


def _fit(features: np.ndarray, answers: np.ndarray, strength: float) -> LogisticRegression:
    return LogisticRegression(C=strength, max_iter=5000).fit(features, answers)
