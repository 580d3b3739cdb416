"""The axis models: what they learn from a codebook, and that rows do not see each other."""

from __future__ import annotations

import numpy as np
import pytest
from encoders import HashEncoder
from hypothesis import given, settings
from hypothesis import strategies as st
from labelling_sets import SMALL
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from chainbert.labelling import Codebook
from chainbert.labelling.scoring import (
    Reference,
    Sentences,
    _balance,
    _fit_logistic,
    _fit_softmax,
    fit_axis,
    learn_axis,
    lesson_of,
    refit_logistic,
)


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    path = tmp_path_factory.mktemp("book") / "small.yaml"
    path.write_text(SMALL, encoding="utf-8")
    return Codebook.load(path)


def learn(book, axis):
    encoder = HashEncoder()
    phrases = sorted({phrase for one in book.axes for phrase in lesson_of(one).phrases})
    vectors = dict(zip(phrases, encoder.encode([text for _, text in phrases]), strict=True))
    return learn_axis(axis, vectors, Reference.of(book, vectors))


def sentences(*pairs):
    texts = [text for text, _ in pairs]
    return Sentences(texts, np.array([language for _, language in pairs], dtype=object), HashEncoder().encode(texts))


def test_a_lesson_answers_for_each_indicator_or_leaves_it_open(book):
    lesson = lesson_of(book.axis("customer"))
    answers = dict(zip([text for _, text in lesson.phrases], lesson.answers.tolist(), strict=True))
    assert answers["It serves the government."] == [1, 0]
    assert answers["It serves merchants."] == [0, 1]
    assert answers["It serves the government and consumers."] == [1, 1]
    assert answers["It holds patents."] == [0, 0]
    assert answers["It follows government policy."][0] == 0
    assert np.isnan(answers["It follows government policy."][1])


def test_a_single_choice_learns_from_examples_only(book):
    lesson = lesson_of(book.axis("goods"))
    assert lesson.answers.tolist() == [[0, 1], [1, 0], [1, 0], [0, 1]]
    assert [language for language, _ in lesson.phrases] == ["en", "en", "zh", "zh"]


def test_the_order_of_examples_in_the_file_does_not_matter(book):
    axis = book.axis("customer")
    first = axis.indicators[0]
    turned_words = {key: value[::-1] for key, value in reversed(first.examples.items())}
    turned = first.model_copy(update={"examples": turned_words})
    other = axis.model_copy(update={"indicators": (turned, axis.indicators[1])})
    assert np.array_equal(learn(book, axis).weights, learn(book, other).weights)


def test_own_examples_come_out_right(book):
    for axis in book.axes:
        lesson, model = lesson_of(axis), learn(book, axis)
        said = model.probabilities(sentences(*[(text, language) for language, text in lesson.phrases]))
        known = ~np.isnan(lesson.answers)
        assert ((said >= 0.5) == (lesson.answers == 1))[known].all()


def test_an_indicator_does_not_hear_the_other_ones_cues(book):
    model = learn(book, book.axis("customer"))
    cues = model.weights[HashEncoder().dimension : -len(book.languages)]
    assert np.abs(cues - np.diag(np.diag(cues))).max() < 1e-6
    assert (np.diag(cues) > 0.5).all()


TEXTS = st.text(alphabet="government policy 政府消费者软件钢铁。", max_size=12)


@settings(max_examples=25, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=9), st.data())
def test_a_sentence_is_scored_alone_to_the_last_bit(book, texts, data):
    axis = data.draw(st.sampled_from(book.axes))
    model = learn(book, axis)
    pairs = [(text, "zh" if index % 2 else "en") for index, text in enumerate(texts)]
    together = model.probabilities(sentences(*pairs))
    alone = np.concatenate([model.probabilities(sentences(pair)) for pair in pairs])
    assert np.array_equal(together, alone)


def test_a_language_the_codebook_lacks_stands_between_its_languages(book):
    model = learn(book, book.axis("customer"))
    rows = [("government", "zh"), ("government", "other"), ("government", "en")]
    zh, other, en = model.probabilities(sentences(*rows))[:, 0]
    # It is searched for the cues of all languages, as an English sentence is for the English ones.
    assert zh < other < en


def test_no_sentences_no_rows(book):
    for axis in book.axes:
        model = learn(book, axis)
        empty = Sentences([], np.array([], dtype=object), np.zeros((0, 64), np.float32))
        assert model.probabilities(empty).shape == (0, 2)


def test_balance_gives_both_answers_of_a_language_the_same_weight():
    classes = np.array([1, 0, 0, 0, 1, 0])
    languages = np.array(["zh", "zh", "zh", "zh", "en", "en"])
    weights = _balance(classes, languages)
    assert weights.tolist() == [2, 2 / 3, 2 / 3, 2 / 3, 1, 1]
    assert weights.sum() == pytest.approx(len(classes))


def test_the_fits_are_the_known_optimum():
    rng = np.random.default_rng(7)
    X = rng.normal(size=(60, 3))
    y = (rng.random(60) < expit(X @ [1.5, -1.0, 0.3])).astype(float)
    languages = np.array(["zh", "en"] * 30)
    weights = _balance(y, languages)
    expected = LogisticRegression(C=1.0, fit_intercept=False, tol=1e-10).fit(X, y, sample_weight=weights).coef_[0]
    penalty = np.ones(3)
    assert _fit_logistic(X, y, weights, penalty) == pytest.approx(expected, abs=1e-4)
    # Softmax over two values is the logistic fit with the weights shared between them: twice the penalty.
    both = _fit_softmax(X, np.stack([1 - y, y], axis=1), weights, penalty * 2)
    assert both[:, 1] - both[:, 0] == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("hold", [0.5, 20.0])
def test_a_refit_is_the_optimum_of_a_ridge_around_its_start(hold):
    rng = np.random.default_rng(3)
    X, start = rng.normal(size=(80, 4)), np.array([1.0, -2.0, 0.5, 0.0])
    y = (rng.random(80) < expit(X @ [0.0, 1.0, 1.0, -1.0])).astype(float)
    found = refit_logistic(X, y, start, hold)
    slope = X.T @ (expit(X @ found) - y) + hold * (found - start)
    assert np.abs(slope).max() < 1e-2
    assert np.linalg.norm(found - start) > 0.1


def test_a_refit_held_hard_stays_where_it_starts_and_comes_nearer_the_harder():
    rng = np.random.default_rng(4)
    X, start = rng.normal(size=(60, 3)), np.array([1.0, 1.0, -1.0])
    y = (rng.random(60) < 0.5).astype(float)
    moved = [np.linalg.norm(refit_logistic(X, y, start, hold) - start) for hold in (0.1, 1, 10, 1e6)]
    assert moved == sorted(moved, reverse=True)
    assert moved[-1] < 1e-4


def test_a_sentence_that_its_cue_gets_wrong_counts_less_where_surprise_is_low(book):
    axis, languages = book.axis("customer"), book.languages
    pairs = [
        ("The government pays.", "en"),
        ("The police pays.", "en"),
        ("A lamp of the government style.", "en"),
        ("A lamp.", "en"),
    ]
    told = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 0.0], [0.0, 0.0]])
    known = sentences(*pairs)
    reference = Reference.of_rows(known.vectors, known.languages, languages)
    said = [
        fit_axis(axis, known, told, reference, surprise=surprise).probabilities(known)[:, 0] for surprise in (1.0, 0.01)
    ]
    assert said[1][2] > said[0][2] + 0.1


def test_a_reference_without_a_language_reads_it_from_where_all_lie():
    vectors = np.random.default_rng(5).normal(size=(6, 4))
    found = Reference.of_rows(vectors, np.array(["en"] * 6, dtype=object), ("zh", "en"))
    assert found.centre[0] == pytest.approx(vectors.mean(axis=0))
    assert found.centre[1] == pytest.approx(vectors.mean(axis=0))
