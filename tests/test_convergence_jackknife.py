import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainbert.convergence.gap import Block, block_sums, distances, stratified_gap
from chainbert.convergence.jackknife import deviations, firm_covariance, interval, leave_one_out


def cell(rng, sizes, dimension=8, shift=0.4, weights=None):
    """Blocks of a cell; sizes = ((n, m), …) by stratum."""
    blocks, start = [], 0
    for index, (n, m) in enumerate(sizes):
        home = rng.permutation(np.arange(n + m) < n)
        rows = rng.standard_normal((n + m, dimension)) + shift * home[:, None]
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        weight = n * m / (n + m) if weights is None else weights[index]
        blocks.append(Block(distances(rows), home, np.arange(start, start + n + m), weight))
        start += n + m
    return tuple(blocks)


def measured_without(blocks, which, place):
    """The gap when a firm is really taken out of its stratum."""
    kept = []
    for index, block in enumerate(blocks):
        stay = np.ones(len(block.home), dtype=bool)
        if index == which:
            stay[place] = False
        kept.append(Block(block.distances[np.ix_(stay, stay)], block.home[stay], block.rows[stay], block.weight))
    return float(stratified_gap(block_sums(tuple(kept))))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(2, 7), st.integers(2, 7)), min_size=1, max_size=3), st.integers(0, 9999))
def test_deletions_equal_measuring_anew(sizes, seed):
    blocks = cell(np.random.default_rng(seed), [(3, 3), *sizes])
    found = leave_one_out(blocks).without
    expected = [measured_without(blocks, which, i) for which, b in enumerate(blocks) for i in range(len(b.home))]
    assert np.allclose(found, expected, atol=1e-10, rtol=0)


def test_a_slope_without_a_firm_of_several_periods_equals_measuring_anew():
    rng = np.random.default_rng(8)
    periods = [cell(rng, [(6, 8)]) for _ in range(3)]
    line = np.array([-0.5, 0.0, 0.5])
    influences = [leave_one_out(blocks) for blocks in periods]
    gaps = np.array([float(stratified_gap(block_sums(blocks))) for blocks in periods])
    for place in range(14):
        anew = line @ [measured_without(blocks, 0, place) for blocks in periods]
        change = sum(w * (one.without[place] - g) for w, one, g in zip(line, influences, gaps, strict=True))
        assert line @ gaps + change == pytest.approx(anew, abs=1e-12)


def test_deviations_of_a_mean_give_its_textbook_variance():
    # A statistic that is a mean of home has deletions (Σ − x)/(n − 1).
    influence = leave_one_out(cell(np.random.default_rng(1), [(6, 5)]))
    x = np.where(influence.home, np.arange(11.0) ** 2, 3.0)
    home = x[influence.home]
    without = np.where(influence.home, (home.sum() - x) / (len(home) - 1), home.mean())
    made_up = type(influence)(influence.firms, influence.home, without, ())
    assert (deviations(made_up) ** 2).sum() == pytest.approx(home.var(ddof=1) / len(home))


def test_the_error_is_that_of_repeated_samples():
    rng = np.random.default_rng(2)
    values, errors = [], []
    for _ in range(400):
        blocks = cell(rng, [(14, 20)], dimension=20, shift=0.35)
        values.append(float(stratified_gap(block_sums(blocks))))
        errors.append(firm_covariance([leave_one_out(blocks)], np.arange(34)).error(np.ones(1)))
    assert np.mean(np.square(errors)) / np.var(values) == pytest.approx(1.0, abs=0.2)


def test_the_error_holds_where_there_is_no_gap_and_only_pairs_matter():
    rng = np.random.default_rng(3)
    values, errors, plain = [], [], []
    for _ in range(400):
        blocks = cell(rng, [(14, 20)], dimension=20, shift=0.0)
        values.append(float(stratified_gap(block_sums(blocks))))
        covariance = firm_covariance([leave_one_out(blocks)], np.arange(34))
        errors.append(covariance.error(np.ones(1)))
        plain.append(covariance.jackknife[0, 0])
    assert 0.9 < np.mean(np.square(errors)) / np.var(values) < 1.7
    # What is taken off is needed: the jackknife alone says twice the variance.
    assert np.mean(plain) / np.var(values) > 1.7


def test_periods_that_share_firms_share_error():
    blocks = cell(np.random.default_rng(4), [(8, 9)])
    influence = leave_one_out(blocks)
    same = firm_covariance([influence, influence], np.arange(17))
    other = firm_covariance([influence, type(influence)(influence.firms + 17, *_rest(influence))], np.arange(34))
    difference = np.array([-1.0, 1.0])
    assert same.error(difference) == pytest.approx(0.0, abs=1e-8)
    assert other.error(difference) == pytest.approx(np.sqrt(2) * other.error(np.array([1.0, 0.0])))


def _rest(influence):
    moved = tuple((rows + 17, parts) for rows, parts in influence.pairs)
    return influence.home, influence.without, moved


def test_interval_is_students():
    found = interval(1.0, 0.5, 10)
    assert (found.low, found.high) == pytest.approx((1 - 2.228139 * 0.5, 1 + 2.228139 * 0.5), abs=1e-6)
    assert found.p == pytest.approx(0.0733880, abs=1e-6)


@pytest.mark.parametrize("error", [0.0, np.nan, np.inf])
def test_an_interval_without_an_error_is_not_a_number(error):
    found = interval(1.0, error, 10)
    assert np.isnan([found.low, found.high, found.p]).all()
