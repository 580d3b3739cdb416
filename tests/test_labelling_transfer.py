"""The gate: its level on companies of the kind it knows, its power on others, and single companies."""

from __future__ import annotations

import numpy as np
import pytest

from chainbert.labelling.transfer import BEYOND, FEWEST_COMPANIES, UNLIKE_SHARE, Gate

DIMENSION = 40
RAMP = np.linspace(0.3, 0.02, DIMENSION)


def companies(rng, n, *, shift=0.0, turned=False):
    """Unit rows around one mean a language, spread more in some directions than in others."""
    language = np.arange(n) % 2
    middle = np.zeros((2, DIMENSION))
    middle[0, 0], middle[1, 1] = 1.0, 1.0
    rows = middle[language] + rng.normal(size=(n, DIMENSION)) * (RAMP[::-1] if turned else RAMP)
    rows[:, -1] += shift
    return rows / np.linalg.norm(rows, axis=1, keepdims=True), language


@pytest.fixture(scope="module")
def gate():
    vectors, language = companies(np.random.default_rng(0), 1500)
    return Gate.of(vectors, language, 2, np.arange(1500) % 5 == 0)


def test_a_known_company_is_at_distance_one(gate):
    distance = gate.distance(*companies(np.random.default_rng(1), 4000))
    assert (distance**2).mean() == pytest.approx(1, abs=0.1)


def test_level_a_new_set_of_the_same_kind_passes_but_for_about_a_hundredth(gate):
    shares = []
    for seed in range(200):
        near, share = gate.holds(*companies(np.random.default_rng([2, seed]), 50))
        shares.append(share)
        assert near.any()  # the set as a whole never fires
    assert np.mean(shares) == pytest.approx(BEYOND, abs=0.012)


@pytest.mark.parametrize("other", [{"shift": 0.6}, {"turned": True}])
def test_power_another_kind_of_set_fires_every_time_and_for_all_its_companies(gate, other):
    for seed in range(50):
        near, share = gate.holds(*companies(np.random.default_rng([3, seed]), 50, **other))
        assert share > UNLIKE_SHARE
        assert not near.any()


def test_a_foreign_fifth_is_marked_alone_and_more_mark_the_whole_set(gate):
    own, spoken = companies(np.random.default_rng(4), 100)
    strange, foreign = companies(np.random.default_rng(5), 100, shift=2.0)
    for share, whole in ((0.1, False), (0.4, True)):
        count = int(100 * share)
        vectors = np.vstack([own[count:], strange[:count]])
        near, found = gate.holds(vectors, np.append(spoken[count:], foreign[:count]))
        assert found == pytest.approx(share, abs=0.05)
        assert not near[-count:].any()
        assert near[:-count].any() == (not whole)


def test_a_few_companies_are_judged_one_by_one(gate):
    strange, language = companies(np.random.default_rng(6), FEWEST_COMPANIES - 1, shift=2.0)
    strange[0] = companies(np.random.default_rng(7), 1)[0][0]
    near, share = gate.holds(strange, language)
    assert near.tolist() == [True] + [False] * (FEWEST_COMPANIES - 2)
    assert share == pytest.approx(1 - 1 / (FEWEST_COMPANIES - 1))
    assert gate.holds(strange[:1], language[:1])[0].tolist() == [True]


def test_a_company_in_a_language_it_does_not_know_is_beyond(gate):
    vectors, _ = companies(np.random.default_rng(8), 1)
    assert np.isinf(gate.distance(vectors, np.array([-1])))
    assert gate.holds(vectors, np.array([-1]))[0].tolist() == [False]


def test_no_company_at_all(gate):
    near, share = gate.holds(np.zeros((0, DIMENSION)), np.zeros(0, int))
    assert (len(near), share) == (0, 0.0)


def test_the_threshold_comes_from_companies_that_had_no_part_in_the_directions():
    vectors, language = companies(np.random.default_rng(9), 60)
    judged = np.arange(60) % 3 == 0
    gate = Gate.of(vectors, language, 2, judged)
    distance = gate.distance(vectors[judged], language[judged])
    assert (distance <= gate.threshold).mean() >= 1 - BEYOND - 1 / judged.sum()
    # Few companies fill every direction they span: measured on themselves, all would look near.
    assert gate.threshold > gate.distance(vectors[~judged], language[~judged]).max()


@pytest.mark.parametrize("judged_too", [False, True])
def test_a_language_that_no_known_company_is_in_is_beyond(judged_too):
    vectors, language = companies(np.random.default_rng(10), 200)
    judged = np.arange(200) % 10 < 2
    known = (language == 0) | (judged & judged_too)
    gate = Gate.of(vectors[known], language[known], 2, judged[known])
    assert np.isfinite(gate.threshold)
    near, _ = gate.holds(vectors[:10], np.array([0, 1] * 5))
    assert near[::2].all()
    assert not near[1::2].any()
