"""How good a labeller is on texts that had no part in its weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.metrics import f1_score

from chainbert.labelling.codebook import Axis, Language
from chainbert.labelling.knownaxis import KnownAxis
from chainbert.labelling.pooling import pool_sentences
from chainbert.labelling.scoring import AxisModel, Reference
from chainbert.labelling.training.fit import Bundle

Metrics = dict[str, dict[str, Any]]


def measure(
    axes: Sequence[Axis],
    known: Mapping[str, KnownAxis],
    reference: Reference,
    bundle: Bundle,
    languages: tuple[Language, ...],
) -> Metrics:
    """Per ``axis.indicator``: n companies, yes, and the macro-F1 of yes and no, overall and by language.

    A single choice has one entry under the axis's name: the macro-F1 over its values. None where only one answer
    occurs.
    """
    found: Metrics = {}
    for axis in axes:
        said = AxisModel(axis, reference, known[axis.id].weights).probabilities(bundle.sentences)
        pooled = pool_sentences(axis, said, bundle.owner, bundle.lengths, len(bundle.language)).probabilities
        probabilities = known[axis.id].calibration.apply(axis, pooled, bundle.language)
        found |= score_axis(
            axis,
            probabilities,
            known[axis.id].calibration.threshold,
            bundle.answers[axis.id],
            bundle.language,
            languages,
        )
    return found


def score_axis(
    axis: Axis,
    probabilities: np.ndarray,
    thresholds: np.ndarray | float,
    answers: np.ndarray,
    language: np.ndarray,
    languages: tuple[Language, ...],
) -> Metrics:
    """The entries of one axis: probabilities, answers (n, k), nan where not coded; language (n,) int.

    ``thresholds`` are one for all, (k,) or (n, k).
    """
    thresholds = np.broadcast_to(thresholds, probabilities.shape)
    if axis.kind == "single":
        rows = ~np.isnan(answers).any(axis=1)
        truth, guess = answers[rows].argmax(axis=1), probabilities[rows].argmax(axis=1)
        return {axis.id: _entry(truth, guess, language[rows], languages)}
    found = {}
    for column, indicator in enumerate(axis.indicators):
        rows = ~np.isnan(answers[:, column])
        truth, guess = (
            answers[rows, column].astype(int),
            (probabilities[rows, column] >= thresholds[rows, column]).astype(int),
        )
        entry = _entry(truth, guess, language[rows], languages)
        found[f"{axis.id}.{indicator.id}"] = {"yes": int(truth.sum()), **entry}
    return found


def _entry(
    truth: np.ndarray, guess: np.ndarray, language: np.ndarray, languages: tuple[Language, ...]
) -> dict[str, Any]:
    by_language: dict[str, float | None] = {
        name: _macro_f1(truth[language == place], guess[language == place]) for place, name in enumerate(languages)
    }
    return {"n": len(truth), "macro_f1": _macro_f1(truth, guess), **by_language}


def _macro_f1(truth: np.ndarray, guess: np.ndarray) -> float | None:
    if len(np.unique(truth)) < 2:
        return None
    return round(float(f1_score(truth, guess, average="macro")), 4)


def mean_of(metrics: Metrics, key: str = "macro_f1") -> float | None:
    """The mean over everything that has a number; None where nothing has."""
    values = [entry[key] for entry in metrics.values() if entry.get(key) is not None]
    return round(float(np.mean(values)), 4) if values else None


def metric_lines(title: str, metrics: Metrics) -> list[str]:
    """A table in words, a line each, as training prints it."""
    lines = [f"{title:32} {'n':>6} {'macro-F1':>9} {'zh':>6} {'en':>6}"]
    for name, entry in metrics.items():
        numbers = " ".join(f"{_shown(entry[key]):>{width}}" for key, width in (("macro_f1", 9), ("zh", 6), ("en", 6)))
        lines.append(f"{name:32} {entry['n']:>6,} {numbers}")
    numbers = " ".join(
        f"{_shown(mean_of(metrics, key)):>{width}}" for key, width in (("macro_f1", 9), ("zh", 6), ("en", 6))
    )
    return [*lines, f"{'mean':32} {'':>6} {numbers}"]


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
