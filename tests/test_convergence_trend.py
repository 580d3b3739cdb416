import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from chainbert.convergence.jackknife import Covariance
from chainbert.convergence.trend import holm, line_weights, power_at, trend

TIMES = np.array([2014.5, 2018.0, 2021.0])


def measured(gaps, error, times=TIMES, margin=0.25):
    size = len(gaps)
    covariance = Covariance(np.eye(size) * error**2, np.zeros((size, size)))
    return trend(np.array(gaps), covariance, times, np.ones(size), margin, 30)


@given(st.lists(st.floats(1, 200), min_size=3, max_size=3), st.floats(-1, 1), st.floats(-1, 1))
def test_a_straight_line_gives_its_slope_whatever_the_sizes(sizes, start, slope):
    weights = line_weights(TIMES, np.array(sizes))
    assert weights @ (start + slope * TIMES) == pytest.approx(slope, abs=1e-7)


def test_two_periods_give_the_difference():
    assert line_weights(np.array([0.0, 4.0]), np.array([9.0, 1.0])) == pytest.approx([-0.25, 0.25])


def test_slope_and_error_are_those_of_least_squares():
    found = measured([0.10, 0.07, 0.02], 0.01)
    expected = np.polyfit(TIMES, [0.10, 0.07, 0.02], 1)[0]
    spread = np.sqrt(((TIMES - TIMES.mean()) ** 2).sum())
    assert found.slope.value == pytest.approx(expected)
    assert found.slope.error == pytest.approx(0.01 / spread)


def test_margin_is_the_slope_that_closes_a_share_of_the_first_gap():
    assert measured([0.10, 0.10, 0.10], 0.01).margin == pytest.approx(0.25 * 0.10 / 6.5)


def test_a_flat_and_exact_line_is_equivalent_a_steep_or_vague_one_is_not():
    assert measured([0.10, 0.10, 0.10], 0.001).p_equivalent < 0.001
    assert measured([0.10, 0.08, 0.05], 0.001).p_equivalent > 0.999
    assert measured([0.10, 0.10, 0.10], 0.05).p_equivalent > 0.05


def test_equivalence_is_tested_on_contrasts_with_the_first_gap():
    found = measured([0.10, 0.10, 0.11], 0.004)
    line, share = line_weights(TIMES, np.ones(3)), np.array([0.25 / 6.5, 0, 0])
    tested = []
    for sign in (1, -1):
        contrast = sign * line + share
        tested.append(stats.t.sf(contrast @ [0.10, 0.10, 0.11] / (0.004 * np.linalg.norm(contrast)), 30))
    assert found.p_equivalent == pytest.approx(max(tested))


def test_without_a_first_gap_there_is_no_margin():
    found = measured([-0.01, 0.02, 0.01], 0.01)
    assert np.isnan([found.margin, found.p_equivalent, found.power]).all()
    assert np.isfinite(found.minimum_detectable)


def test_the_minimum_detectable_slope_has_eighty_percent_power():
    found = measured([0.10, 0.09, 0.10], 0.01)
    assert power_at(found.minimum_detectable, found.slope.error, 30) == pytest.approx(0.80, abs=1e-3)


def test_power_of_no_effect_is_the_level():
    assert power_at(0.0, 1.0, 25) == pytest.approx(0.05)
    assert np.isnan(power_at(1.0, np.nan, 25))
    assert power_at(1.0, 0.0, 25) == 1


def test_holm_by_hand():
    assert holm(np.array([0.01, 0.04, 0.03])) == pytest.approx([0.03, 0.06, 0.06])


def test_holm_does_not_count_what_cannot_be_estimated():
    found = holm(np.array([0.01, np.nan, 0.03]))
    assert found[[0, 2]] == pytest.approx([0.02, 0.03])
    assert np.isnan(found[1])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_keeps_order_and_never_lowers_p(values):
    p = np.array(values)
    adjusted = holm(p)
    assert (adjusted >= p).all()
    assert (adjusted <= 1).all()
    assert (np.diff(adjusted[np.argsort(p, kind="stable")]) >= 0).all()
