"""What is fitted in the space that training made: axis weights, calibration, gate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from chainbert.labelling.calibration import fit_calibration
from chainbert.labelling.codebook import Axis, Language
from chainbert.labelling.knownaxis import KnownAxis, anchors_of, meaning_of, wording_of
from chainbert.labelling.pooling import pool_sentences
from chainbert.labelling.scoring import Reference, Sentences, fit_axis, lesson_of
from chainbert.labelling.training.parts import is_natural
from chainbert.labelling.training.texts import TrainingTexts
from chainbert.labelling.transfer import Gate

Phrase = tuple[Language, str]
ENOUGH_NATURAL = 100


@dataclass(frozen=True, slots=True)
class Fitted:
    """A labeller's numbers in its space."""

    reference: Reference
    axes: dict[str, KnownAxis]
    gate: Gate

    def arrays(self) -> dict[str, np.ndarray]:
        """Everything as named arrays, as ``Trained.of`` reads them."""
        found = {
            "reference.centre": self.reference.centre,
            "reference.scale": np.array([self.reference.scale]),
            "gate.centre": self.gate.centre,
            "gate.components": self.gate.components,
            "gate.spread": self.gate.spread,
            "gate.threshold": np.array([self.gate.threshold]),
        }
        return found | axis_arrays(self.axes)

    def facts(self) -> dict[str, dict[str, str]]:
        """What the manifest says of each axis."""
        return axis_facts(self.axes)


def axis_facts(axes: Mapping[str, KnownAxis]) -> dict[str, dict[str, str]]:
    """Kind, meaning and wording of each axis."""
    return {name: {"kind": axis.kind, "meaning": axis.meaning, "wording": axis.wording} for name, axis in axes.items()}


def axis_arrays(axes: Mapping[str, KnownAxis], prefix: str = "") -> dict[str, np.ndarray]:
    """The numbers of each axis by name."""
    return {
        f"{prefix}{name}.{part}": array
        for name, axis in axes.items()
        for part, array in (
            ("weights", axis.weights),
            ("anchors", axis.anchors),
            ("slope", axis.calibration.slope),
            ("intercept", axis.calibration.intercept),
            ("threshold", axis.calibration.threshold),
        )
    }


@dataclass(frozen=True, slots=True)
class Bundle:
    """The kept-out companies as a labeller meets them: sentences with the row of their company."""

    sentences: Sentences
    owner: np.ndarray
    """(m,) int in [0, n)."""
    language: np.ndarray
    """(n,) int: place among the languages."""
    answers: dict[str, np.ndarray]
    """Axis → (n, k): 1 where any of its sentences speaks for the indicator; a single choice as the company's own."""

    @property
    def lengths(self) -> np.ndarray:
        """(m,) characters."""
        return np.array([len(text) for text in self.sentences.texts])


def fit_all(
    texts: TrainingTexts,
    axes: Sequence[Axis],
    vectors: np.ndarray,
    phrases: Mapping[Phrase, np.ndarray],
    descriptions: Mapping[str, np.ndarray],
    out: np.ndarray,
    languages: tuple[Language, ...],
    expected: Mapping[str, float],
    surprise: float,
) -> Fitted:
    """Weights of every axis from the training part and the codebook's own sentences; calibration on the part kept out.

    ``vectors`` (m, d), ``phrases`` and ``descriptions`` are in the labeller's space; ``out`` (m,) bool.
    ``expected`` (``axis.indicator`` → share) is what share of real companies is expected to say an indicator: the
    kept-out companies are weighed to it, as texts written to teach hold more hard cases than a company table does.
    ``surprise`` as in ``fit_axis``.
    """
    table = texts.table
    language = table["language"].to_numpy(dtype=object)
    reference = Reference.of_rows(vectors[~out], language[~out], languages)
    spoken = Sentences(list(table["text"]), language, vectors)
    judged = calibrated_on(table, out)
    kept = bundle(texts, axes, spoken, judged, languages)
    fitted = {}
    for axis in axes:
        answers = texts.answers(axis)
        lesson = lesson_of(axis)
        rows = np.flatnonzero(~out & ~np.isnan(answers).all(axis=1))
        taught = Sentences(
            [*(spoken.texts[row] for row in rows), *(text for _, text in lesson.phrases)],
            np.concatenate([language[rows], np.array([spoke for spoke, _ in lesson.phrases], dtype=object)]),
            np.concatenate([vectors[rows], np.stack([phrases[phrase] for phrase in lesson.phrases])]),
        )
        told = np.concatenate([answers[rows], lesson.answers])
        model = fit_axis(axis, taught, told, reference, surprise=surprise)
        pooled = pool_sentences(axis, model.probabilities(kept.sentences), kept.owner, kept.lengths, len(kept.language))
        known = kept.answers[axis.id]
        weights = _to_expected(axis, known, expected)
        calibration = fit_calibration(axis, pooled.probabilities, known, kept.language, weights, len(languages))
        fitted[axis.id] = KnownAxis(
            axis.kind, meaning_of(axis), wording_of(axis), model.weights, calibration, anchors_of(axis, descriptions)
        )
    return Fitted(reference, fitted, _gate(table, vectors, out, languages))


def calibrated_on(table: pd.DataFrame, out: np.ndarray) -> np.ndarray:
    """(m,) bool: the rows calibration is fitted to: of those kept out, the natural ones where they are enough."""
    natural = out & is_natural(table)
    return natural if table.loc[natural, "company"].nunique() >= ENOUGH_NATURAL else out


def bundle(
    texts: TrainingTexts, axes: Sequence[Axis], spoken: Sentences, chosen: np.ndarray, languages: tuple[Language, ...]
) -> Bundle:
    """The companies of the rows ``chosen`` (m,) bool, in order of their ids."""
    table = texts.table[chosen]
    names, owner = np.unique(table["company"].to_numpy(dtype=str), return_inverse=True)
    rows = np.flatnonzero(chosen)
    sentences = Sentences([spoken.texts[row] for row in rows], spoken.languages[rows], spoken.vectors[rows])
    first = np.zeros(len(names), int)
    first[owner[::-1]] = np.arange(len(owner))[::-1]
    language = np.array([languages.index(sentences.languages[row]) for row in first])
    answers = {}
    for axis in axes:
        said = texts.answers(axis)[chosen]
        found = np.full((len(names), said.shape[1]), -1.0)
        np.maximum.at(found, owner, np.nan_to_num(said, nan=-1.0))
        if axis.kind == "single":
            found = _own_choice(axis, table.iloc[first], found)
        answers[axis.id] = np.where(found < 0, np.nan, found)
    return Bundle(sentences, owner, language, answers)


def _own_choice(axis: Axis, companies: pd.DataFrame, found: np.ndarray) -> np.ndarray:
    """What each company's own column says, where the texts have one named after the axis; else one value or none."""
    if axis.id in companies:
        own = companies[axis.id].to_numpy(dtype=object)
        said = np.array([[float(value == one.id) for one in axis.indicators] for value in own])
        return np.where(said.any(axis=1, keepdims=True), said, -1.0)
    several = (found > 0).sum(axis=1) > 1
    return np.where(several[:, None], -1.0, found)


def _to_expected(axis: Axis, answers: np.ndarray, expected: Mapping[str, float]) -> np.ndarray:
    """(n, k) weights with mean 1 that bring the share of each answer to what is expected."""
    weights = np.ones_like(answers)
    for column, indicator in enumerate(axis.indicators):
        wanted = expected.get(f"{axis.id}.{indicator.id}")
        given = answers[~np.isnan(answers[:, column]), column]
        share = float(given.mean()) if len(given) else 0.0
        if wanted is not None and 0 < share < 1:
            weights[:, column] = np.where(answers[:, column] == 1, wanted / share, (1 - wanted) / (1 - share))
    return weights


def _gate(table: pd.DataFrame, vectors: np.ndarray, out: np.ndarray, languages: tuple[Language, ...]) -> Gate:
    names, owner = np.unique(table["company"].to_numpy(dtype=str), return_inverse=True)
    sums = np.zeros((len(names), vectors.shape[1]))
    np.add.at(sums, owner, vectors)
    rows = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12)
    language, judged = np.zeros(len(names), int), np.zeros(len(names), bool)
    language[owner] = [languages.index(one) for one in table["language"]]
    judged[owner] = out
    return Gate.of(rows, language, len(languages), judged)
