"""A small linear model for each axis, learnt from sentences: the codebook's own, and training texts where there are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve
from scipy.optimize import minimize
from scipy.special import expit, log_softmax, softmax

from chainbert.labelling.codebook import Axis, Codebook, Language, Phrases
from chainbert.labelling.cues import cue_flags

# Root mean square length of the centred, scaled vectors; at this size words and vectors both get a say.
VECTOR_LENGTH = 4.0
PENALTY = 1.0
# Intercepts are all but free: a language whose vectors lie apart must not be read as an answer.
INTERCEPT_PENALTY = 1e-3
NEVER = 1e9
MOST_STEPS, SMALLEST_STEP, TOLERANCE = 100, 1e-6, 1e-12
ROWS_AT_ONCE = 4096


@dataclass(frozen=True, slots=True)
class Sentences:
    """Sentences with their vectors: what a model is learnt from and what it scores."""

    texts: list[str]
    languages: np.ndarray
    """(n,) str: zh, en or other."""
    vectors: np.ndarray
    """(n, d) float32 unit rows."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """A codebook's sentences for one axis: which speak for which indicator."""

    phrases: tuple[tuple[Language, str], ...]
    answers: np.ndarray
    """(m, k): 1 speaks for the indicator, 0 does not, nan the codebook does not say."""


@dataclass(frozen=True, slots=True)
class Reference:
    """What vectors are measured against: the codebook's own sentences, never the companies at hand.

    So a company's label does not depend on its neighbours, and encoders whose cosines all lie close together
    are read like those whose cosines spread.
    """

    languages: tuple[Language, ...]
    centre: np.ndarray
    """(languages, d) float64: mean vector of the sentences in each language."""
    scale: float
    """Brings the centred vectors to the length VECTOR_LENGTH."""

    @classmethod
    def of(cls, codebook: Codebook, vectors: dict[tuple[Language, str], np.ndarray]) -> Reference:
        """The reference of a codebook's sentence vectors (each (d,))."""
        ordered = sorted(vectors.items())
        spoken = np.array([language for (language, _), _ in ordered], dtype=object)
        return cls.of_rows(np.stack([vector for _, vector in ordered]), spoken, codebook.languages)

    @classmethod
    def of_rows(cls, vectors: np.ndarray, spoken: np.ndarray, languages: tuple[Language, ...]) -> Reference:
        """The reference of sentence vectors (m, d) in the languages ``spoken`` (m,)."""
        centres, squares = [], 0.0
        for language in languages:
            own = vectors[spoken == language]
            # A language that no sentence is in is read from where all of them lie.
            centre = (own if len(own) else vectors).mean(axis=0, dtype=float)
            centres.append(centre)
            squares += float(((own - centre) ** 2).sum())
        spread = np.sqrt(squares / len(vectors))
        return cls(languages, np.stack(centres), VECTOR_LENGTH / spread if spread > 0 else 1.0)


@dataclass(frozen=True, slots=True)
class AxisModel:
    """Weights of an axis: features of a sentence → one logit for each indicator."""

    axis: Axis
    reference: Reference
    weights: np.ndarray
    """(d + k + languages, k)."""

    def probabilities(self, sentences: Sentences) -> np.ndarray:
        """What each sentence says by itself, (n, k) float64 in [0, 1]; rows of a single choice sum to 1.

        A row's result is the same to the last bit whatever the other rows are.
        """
        parts = [
            _row_products(features, self.weights) for features in _feature_blocks(sentences, self.axis, self.reference)
        ]
        logits = np.concatenate(parts) if parts else np.zeros((0, len(self.axis.indicators)))
        return sentence_probabilities(self.axis, logits)


def sentence_probabilities(axis: Axis, logits: np.ndarray) -> np.ndarray:
    """What sentences say by themselves, (n, k) in [0, 1], from their logits (n, k)."""
    return np.asarray(softmax(logits, axis=1) if axis.kind == "single" else expit(logits))


def lesson_of(axis: Axis) -> Lesson:
    """The sentences of an axis with their answers, in an order that does not depend on the file's.

    Indicators: an example answers 1 for its own and 0 for the others, a ``mixed`` sentence 1 for all, a
    ``neutral`` one 0 for all; a counter-example answers 0 for its own and nothing for the others. Single
    choice: examples only, as a counter-example does not say which other value is right.
    """
    size = len(axis.indicators)
    answers: dict[tuple[Language, str], np.ndarray] = {}

    def note(phrases: Phrases, row: np.ndarray) -> None:
        for language, texts in phrases.items():
            for text in texts:
                known = answers.setdefault((language, text), np.full(size, np.nan))
                known[np.isnan(known)] = row[np.isnan(known)]

    for index, indicator in enumerate(axis.indicators):
        note(indicator.examples, np.eye(size)[index])
    if axis.kind == "indicators":
        note(axis.mixed, np.ones(size))
        note(axis.neutral, np.zeros(size))
        for index, indicator in enumerate(axis.indicators):
            note(indicator.counter_examples, np.where(np.eye(size)[index] == 1, 0, np.nan))
    ordered = tuple(sorted(answers))
    return Lesson(ordered, np.stack([answers[phrase] for phrase in ordered]))


def learn_axis(axis: Axis, vectors: dict[tuple[Language, str], np.ndarray], reference: Reference) -> AxisModel:
    """Fit an axis's weights to its lesson alone."""
    lesson = lesson_of(axis)
    sentences = Sentences(
        [text for _, text in lesson.phrases],
        np.array([language for language, _ in lesson.phrases], dtype=object),
        np.stack([vectors[phrase] for phrase in lesson.phrases]),
    )
    return fit_axis(axis, sentences, lesson.answers, reference)


def fit_axis(
    axis: Axis,
    sentences: Sentences,
    answers: np.ndarray,
    reference: Reference,
    *,
    weight: np.ndarray | None = None,
    surprise: float = 1.0,
) -> AxisModel:
    """Fit an axis's weights to m sentences with answers (m, k): logistic for indicators, softmax for a single choice.

    Ridge-penalised, each language with its own intercept; within each language both answers (all values)
    weigh the same, so that the number of examples says nothing about shares. ``weight`` (m,) is what each sentence
    counts, 1 if left out; ``surprise`` > 0 is what a sentence counts whose answer its cue would get wrong, beside 1
    for any other: texts written to teach hold more of those than a company table does.
    """
    features = axis_features(sentences, axis, reference)
    each = np.ones(len(answers)) if weight is None else weight
    penalty = np.full(features.shape[1], PENALTY)
    penalty[-len(reference.languages) :] = INTERCEPT_PENALTY
    first = sentences.vectors.shape[1]
    flags = features[:, first : first + len(axis.indicators)]
    if axis.kind == "single":
        given = ~np.isnan(answers).any(axis=1)
        said = answers[given].argmax(axis=1)
        heard = flags[given]
        surprised = (heard.max(axis=1) > 0) & (heard[np.arange(len(said)), said] == 0)
        counts = _balance(said, sentences.languages[given]) * np.where(surprised, surprise, 1.0) * each[given]
        return AxisModel(axis, reference, _fit_softmax(features[given], answers[given], counts, penalty))
    columns = []
    for index, told in enumerate(answers.T):
        given = ~np.isnan(told)
        # An indicator hears its own cues only: those of another say nothing, since both may be true.
        own = penalty.copy()
        own[np.delete(np.arange(first, first + len(axis.indicators)), index)] = NEVER
        has_cues = bool(axis.indicators[index].cues)
        surprised = has_cues & (flags[given, index] != told[given])
        counts = _balance(told[given], sentences.languages[given]) * np.where(surprised, surprise, 1.0) * each[given]
        columns.append(_fit_logistic(features[given], told[given], counts, own))
    return AxisModel(axis, reference, np.stack(columns, axis=1))


def axis_features(sentences: Sentences, axis: Axis, reference: Reference) -> np.ndarray:
    """What a model of the axis sees of each sentence: (m, d + k + languages) float64."""
    return np.concatenate(list(_feature_blocks(sentences, axis, reference)))


def refit_logistic(features: np.ndarray, answers: np.ndarray, start: np.ndarray, hold: float) -> np.ndarray:
    """Weights (F,) of a logistic regression on answers (m,) in {0, 1}, held at ``start`` (F,) by a ridge penalty."""
    penalty = np.full(features.shape[1], hold)
    moved = _fit_logistic(features, answers, np.ones(len(answers)), penalty, features @ start)
    return np.asarray(start + moved)


def _feature_blocks(sentences: Sentences, axis: Axis, reference: Reference) -> Iterator[np.ndarray]:
    """Centred vector, cues, language: (rows, d + k + languages) float64, a few thousand rows at a time."""
    flags = cue_flags(sentences.texts, sentences.languages, axis.indicators)
    spoken = np.stack([sentences.languages == language for language in reference.languages], axis=1).astype(float)
    # A sentence in none of the codebook's languages stands between them.
    spoken[spoken.sum(axis=1) == 0] = 1 / len(reference.languages)
    for start in range(0, len(spoken), ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        centred = (sentences.vectors[rows] - spoken[rows] @ reference.centre) * reference.scale
        yield np.hstack([centred, flags[rows], spoken[rows]])


def _row_products(features: np.ndarray, weights: np.ndarray) -> np.ndarray:
    # A matrix product would do, but its last bits depend on how many rows there are.
    return np.stack([(features * column).sum(axis=1) for column in weights.T], axis=1)


def _balance(classes: np.ndarray, languages: np.ndarray) -> np.ndarray:
    """Weights (m,) that make the classes equally heavy within each language and keep the language's total."""
    weights = np.ones(len(classes))
    for language in np.unique(languages):
        spoken = languages == language
        present = np.unique(classes[spoken])
        for one in present:
            rows = spoken & (classes == one)
            weights[rows] = spoken.sum() / len(present) / rows.sum()
    return weights


def _fit_logistic(
    features: np.ndarray,
    answers: np.ndarray,
    balance: np.ndarray,
    penalty: np.ndarray,
    offset: np.ndarray | float = 0.0,
) -> np.ndarray:
    """Weights (F,) of a ridge-penalised logistic regression on answers (m,) in {0, 1}.

    ``balance`` (m,) weighs the rows, ``offset`` (m,) is added to their logits. The loss is convex: both ways end at its
    one minimum. Newton's takes a tenth of the time with thousands of rows, L-BFGS with a few hundred.
    """

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        logits = features @ weights + offset
        value = balance @ (np.logaddexp(0, logits) - answers * logits) + 0.5 * penalty @ weights**2
        return float(value), features.T @ (balance * (expit(logits) - answers)) + penalty * weights

    if len(answers) < features.shape[1]:
        return _minimum(loss, features.shape[1])
    weights = np.zeros(features.shape[1])
    now, slope = loss(weights)
    for _ in range(MOST_STEPS):
        said = expit(features @ weights + offset)
        curvature = features.T @ (features * (balance * said * (1 - said))[:, None])
        curvature[np.diag_indices_from(curvature)] += penalty
        step = solve(curvature, slope, assume_a="pos")
        # A full step gains half of this where the loss is a parabola; Armijo's rule asks for a quarter of it.
        gain, size = float(slope @ step), 1.0
        while loss(weights - size * step)[0] > now - 0.25 * size * gain and size > SMALLEST_STEP:
            size /= 2
        weights = weights - size * step
        now, slope = loss(weights)
        if gain < TOLERANCE * (1 + abs(now)):
            break
    return weights


def _fit_softmax(features: np.ndarray, answers: np.ndarray, weight: np.ndarray, penalty: np.ndarray) -> np.ndarray:
    """Weights (F, k) of a ridge-penalised softmax regression on one-hot answers (m, k), weighed by ``weight`` (m,)."""
    balance = weight[:, None]
    shape = (features.shape[1], answers.shape[1])

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        weights = flat.reshape(shape)
        logs = log_softmax(features @ weights, axis=1)
        value = 0.5 * (penalty @ weights**2).sum() - (balance * answers * logs).sum()
        slope = features.T @ (balance * (np.exp(logs) - answers)) + penalty[:, None] * weights
        return float(value), slope.ravel()

    return _minimum(loss, shape[0] * shape[1]).reshape(shape)


def _minimum(loss: Callable[[np.ndarray], tuple[float, np.ndarray]], size: int) -> np.ndarray:
    found = minimize(loss, np.zeros(size), jac=True, method="L-BFGS-B", options={"maxiter": 2000})
    return np.asarray(found.x)
