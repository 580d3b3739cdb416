"""Calibration: what it recovers, and what it never does."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit, softmax
from sklearn.metrics import f1_score

from chainbert.labelling import Axis
from chainbert.labelling.calibration import FEWEST, Calibration, best_threshold, fit_calibration


def axis(kind, size=2):
    one = {"names": {}, "description": {}, "examples": {}}
    parts = [{"id": "abc"[number], **one} for number in range(size)]
    return Axis.model_validate({"id": "x", "kind": kind, "names": {}, "description": {}, "indicators": parts})


INDICATORS, ONE, CHOICE = axis("indicators"), axis("indicators", 1), axis("single", 3)


def drawn(rng, n, slope, intercepts):
    """Scores (n, 1), answers (n, 1) and languages (n,) that follow a planted calibration."""
    scores = expit(rng.normal(scale=2.0, size=(n, 1)))
    language = np.arange(n) % len(intercepts)
    true = expit(slope * logit(scores[:, 0]) + np.array(intercepts)[language])
    answers = (rng.random(n) < true).astype(float)[:, None]
    return scores, answers, language


def fit(scores, answers, language, languages=2, of=ONE, weights=None):
    weights = np.ones_like(answers) if weights is None else weights
    return fit_calibration(of, scores, answers, language, weights, languages)


@pytest.mark.parametrize(("slope", "intercepts"), [(1.0, (0.0, 0.0)), (0.4, (1.0, -1.0)), (2.0, (-0.5, 1.5))])
def test_a_planted_slope_and_intercepts_are_recovered(slope, intercepts):
    found = fit(*drawn(np.random.default_rng(1), 20_000, slope, intercepts))
    assert found.slope[0] == pytest.approx(slope, abs=0.08)
    assert found.intercept[:, 0] == pytest.approx(intercepts, abs=0.12)


def test_each_indicator_has_its_own():
    rng = np.random.default_rng(2)
    one, two = drawn(rng, 8000, 0.5, (1.0, 0.0)), drawn(rng, 8000, 2.0, (0.0, -1.0))
    found = fit(np.hstack([one[0], two[0]]), np.hstack([one[1], two[1]]), one[2], of=INDICATORS)
    assert found.slope == pytest.approx([0.5, 2.0], abs=0.15)
    assert found.intercept == pytest.approx(np.array([[1.0, 0.0], [0.0, -1.0]]), abs=0.2)


def test_a_calibrated_labeller_says_as_often_yes_as_it_is_true_in_each_language():
    rng = np.random.default_rng(3)
    scores, answers, language = drawn(rng, 4000, 0.6, (1.5, -1.5))
    said = fit(scores, answers, language).apply(ONE, scores, language)
    for one in (0, 1):
        assert said[language == one].mean() == pytest.approx(answers[language == one].mean(), abs=0.01)


def test_few_codes_hardly_move_it():
    found = fit(np.array([[0.9], [0.3]]), np.array([[0.0], [0.0]]), np.array([0, 1]))
    assert found.slope[0] == pytest.approx(1, abs=0.4)
    assert np.abs(found.intercept).max() < 2


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(-3, 3))
def test_the_order_of_companies_is_never_turned_around(seed, slope):
    # Even where the answers run against the scores.
    scores, answers, language = drawn(np.random.default_rng(seed), 60, slope, (0.0, 1.0))
    found = fit(scores, answers, language)
    grid = np.linspace(0.001, 0.999, 50)[:, None]
    for one in (0, 1, -1):
        assert (np.diff(found.apply(ONE, grid, np.full(50, one))[:, 0]) >= 0).all()


def test_a_language_without_codes_shares_the_intercept_of_the_first():
    scores, answers, _ = drawn(np.random.default_rng(5), 2000, 1.0, (1.0,))
    found = fit(scores, answers, np.zeros(2000, int))
    assert found.intercept[0, 0] == pytest.approx(1.0, abs=0.2)
    assert found.intercept[1, 0] == found.intercept[0, 0]


@pytest.mark.parametrize(("rare", "shared"), [(FEWEST - 1, True), (FEWEST, False)])
def test_a_language_with_too_few_of_either_answer_shares_too(rare, shared):
    scores, answers, _ = drawn(np.random.default_rng(6), 400, 1.0, (0.0,))
    more = np.full((100, 1), 0.5)
    told = np.zeros((100, 1))
    told[:rare] = 1
    language = np.repeat([0, 1], [400, 100])
    found = fit(np.vstack([scores, more]), np.vstack([answers, told]), language)
    assert (found.intercept[0, 0] == found.intercept[1, 0]) == shared


def test_where_even_the_first_language_has_few_codes_it_still_uses_them_all():
    scores, answers, _ = drawn(np.random.default_rng(7), 1000, 1.0, (2.0,))
    found = fit(scores, answers, np.ones(1000, int))
    assert found.intercept[1, 0] == pytest.approx(2.0, abs=0.3)
    assert found.intercept[0, 0] == found.intercept[1, 0]


@pytest.mark.parametrize("of", [INDICATORS, CHOICE])
def test_companies_without_codes_or_sentences_do_not_count(of):
    rng = np.random.default_rng(8)
    size = len(of.indicators)
    scores = rng.dirichlet(np.ones(size), 100)
    answers = np.eye(size)[rng.integers(size, size=100)]
    language = rng.integers(2, size=100)
    expected = fit(scores, answers, language, of=of)
    more = np.vstack([scores, np.full((5, size), np.nan), rng.dirichlet(np.ones(size), 5)])
    told = np.vstack([answers, np.eye(size)[:1].repeat(5, axis=0), np.full((5, size), np.nan)])
    found = fit(more, told, np.append(language, [0] * 10), of=of)
    assert found.slope == pytest.approx(expected.slope)
    assert found.intercept == pytest.approx(expected.intercept)


def test_a_weight_of_two_is_a_company_counted_twice():
    scores, answers, language = drawn(np.random.default_rng(9), 200, 0.7, (0.5, -0.5))
    heavy = fit(scores, answers, language, weights=np.full_like(answers, 2))
    twice = fit(np.vstack([scores] * 2), np.vstack([answers] * 2), np.tile(language, 2))
    assert heavy.slope == pytest.approx(twice.slope, abs=1e-4)
    assert heavy.intercept == pytest.approx(twice.intercept, abs=1e-4)


@pytest.mark.parametrize("sharpness", [0.3, 3.0])
def test_a_planted_temperature_is_recovered_for_each_language(sharpness):
    rng = np.random.default_rng(10)
    scores = rng.dirichlet(np.ones(3) * 0.7, 12_000)
    language = np.arange(12_000) % 2
    true = softmax(np.where(language == 0, sharpness, 1.0)[:, None] * np.log(np.maximum(scores, 1e-6)), axis=1)
    said = (rng.random((12_000, 1)) > true.cumsum(axis=1)).sum(axis=1)
    found = fit(scores, np.eye(3)[np.minimum(said, 2)], language, of=CHOICE)
    assert found.slope == pytest.approx([sharpness, 1.0], rel=0.08)
    assert not found.intercept.any()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000))
def test_a_temperature_never_changes_the_value(seed):
    rng = np.random.default_rng(seed)
    scores = rng.dirichlet(np.ones(3), 40)
    answers = np.eye(3)[rng.integers(3, size=40)]
    language = rng.integers(2, size=40)
    said = fit(scores, answers, language, of=CHOICE).apply(CHOICE, scores, language)
    assert (said.argmax(axis=1) == scores.argmax(axis=1)).all()


numbers = st.floats(0, 1, allow_nan=False)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(numbers, numbers, st.sampled_from([-1, 0, 1])), min_size=1, max_size=8),
    st.floats(0.05, 10),
    st.floats(-8, 8),
)
def test_what_comes_out_is_a_probability(rows, slope, intercept):
    scores = np.array([[row[0], row[1]] for row in rows])
    language = np.array([row[2] for row in rows])
    even = np.full(2, 0.5)
    yes_no = Calibration(np.array([slope, 1.0]), np.array([[intercept, 0.0], [0.0, -intercept]]), even)
    said = yes_no.apply(INDICATORS, scores, language)
    assert ((said >= 0) & (said <= 1)).all()
    choice = Calibration(np.array([slope, 1.0]), np.zeros((2, 2)), even)
    said = choice.apply(axis("single"), scores, language)
    assert said.sum(axis=1) == pytest.approx(np.ones(len(rows)))


@pytest.mark.parametrize("of", [INDICATORS, axis("single")])
def test_nan_stays_nan_and_the_identity_changes_nothing(of):
    scores = np.array([[0.2, 0.8], [np.nan, np.nan]])
    said = Calibration.identity(of, 2).apply(of, scores, np.array([0, 1]))
    assert said[0] == pytest.approx(scores[0])
    assert np.isnan(said[1]).all()


def test_a_language_the_labeller_does_not_know_stands_between_those_it_does():
    found = Calibration(np.array([1.0]), np.array([[-2.0], [1.0]]), np.array([0.5]))
    said = found.apply(ONE, np.full((3, 1), 0.5), np.array([0, 1, -1]))[:, 0]
    assert said == pytest.approx(expit([-2.0, 1.0, -0.5]))


def macro_f1(probabilities, answers, threshold):
    return f1_score(answers, probabilities >= threshold, average="macro")


def test_where_both_answers_are_as_frequent_and_well_told_the_threshold_is_a_half():
    rng = np.random.default_rng(11)
    probabilities = rng.random(4000)
    answers = (rng.random(4000) < probabilities).astype(float)
    assert best_threshold(probabilities, answers, np.ones(4000)) == pytest.approx(0.5, abs=0.06)


def test_where_nearly_all_say_yes_the_threshold_rises_and_new_companies_are_better_told():
    rng = np.random.default_rng(12)

    def sample(n):
        probabilities = expit(rng.normal(2.2, 1.0, size=n))
        return probabilities, (rng.random(n) < probabilities).astype(float)

    threshold = best_threshold(*sample(2000), np.ones(2000))
    assert 0.6 < threshold <= 0.95
    fresh = sample(4000)
    assert macro_f1(*fresh, threshold) > macro_f1(*fresh, 0.5) + 0.02


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 40))
def test_a_threshold_lies_within_bounds_and_the_order_of_companies_does_not_matter(seed, n):
    rng = np.random.default_rng(seed)
    probabilities, answers = rng.random(n).round(1), (rng.random(n) < 0.5).astype(float)
    weights = rng.choice([0.5, 1.0, 2.0], n)
    found = best_threshold(probabilities, answers, weights)
    assert 0.05 <= found <= 0.95
    order = rng.permutation(n)
    assert best_threshold(probabilities[order], answers[order], weights[order]) == found


def test_one_answer_alone_says_nothing_of_a_threshold():
    assert best_threshold(np.array([0.9, 0.8]), np.ones(2), np.ones(2)) == 0.5
    assert best_threshold(np.zeros(0), np.zeros(0), np.zeros(0)) == 0.5


def test_a_single_choice_has_no_threshold():
    rng = np.random.default_rng(13)
    found = fit(rng.dirichlet(np.ones(3), 50), np.eye(3)[rng.integers(3, size=50)], np.zeros(50, int), of=CHOICE)
    assert found.threshold.tolist() == [0.5] * 3
