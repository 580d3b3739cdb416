import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainbert.convergence import gap
from chainbert.convergence.gap import Block, block_sums, centred, distances, stratified_gap
from chainbert.errors import DataError

sizes = st.tuples(st.integers(2, 12), st.integers(2, 12), st.integers(0, 10_000))


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def two_sets(n, m, seed, dimension=6):
    rng = np.random.default_rng(seed)
    return unit(rng.standard_normal((n, dimension))), unit(rng.standard_normal((m, dimension)) + 0.5)


def on_circle(*degrees):
    angles = np.radians(degrees)
    return np.column_stack([np.cos(angles), np.sin(angles)])


def test_three_against_three_by_hand():
    # Six points of a regular hexagon: within (1 + 1 + √3)/3, between (8 + 4√3)/9, so the gap is 2/3.
    assert gap(on_circle(0, 60, 120), on_circle(180, 240, 300)) == pytest.approx(2 / 3, abs=1e-12)


@given(sizes)
def test_gap_is_the_formula_over_all_pairs(case):
    home, reference = two_sets(*case)
    between = np.mean([np.linalg.norm(a - b) for a in home for b in reference])
    within = [
        np.mean([np.linalg.norm(a - b) for a, b in itertools.permutations(rows, 2)]) for rows in (home, reference)
    ]
    assert gap(home, reference) == pytest.approx((2 * between - sum(within)) / (sum(within) / 2), abs=1e-10)


@given(sizes)
def test_gap_does_not_depend_on_the_order_of_rows_or_sets(case):
    home, reference = two_sets(*case)
    value = gap(home, reference)
    assert gap(home[::-1], np.roll(reference, 1, axis=0)) == pytest.approx(value, abs=1e-12)
    assert gap(reference, home) == pytest.approx(value, abs=1e-12)


@given(sizes)
def test_rotating_all_rows_changes_nothing(case):
    home, reference = two_sets(*case)
    rotation = np.linalg.qr(np.random.default_rng(case[2] + 1).standard_normal((6, 6)))[0]
    assert gap(home @ rotation, reference @ rotation) == pytest.approx(gap(home, reference), abs=1e-10)


@given(sizes, st.floats(0, 3))
def test_wording_that_all_firms_take_up_changes_nothing(case, strength):
    home, reference = two_sets(*case)
    with_wording = [unit(np.column_stack([rows, np.full(len(rows), strength)])) for rows in (home, reference)]
    assert gap(*with_wording) == pytest.approx(gap(home, reference), abs=1e-9)


@pytest.mark.parametrize(("n", "m"), [(3, 3), (5, 40), (40, 40), (110, 34)])
def test_one_distribution_has_no_gap_on_average_whatever_the_sizes(n, m):
    rng = np.random.default_rng(n + m)
    found = [gap(unit(rng.standard_normal((n, 20))), unit(rng.standard_normal((m, 20)))) for _ in range(200)]
    assert abs(np.mean(found)) < 3.5 * np.std(found) / np.sqrt(len(found))


def test_a_set_of_one_row_has_no_gap():
    with pytest.raises(DataError, match="two rows in each set, found 1 and 3"):
        gap(on_circle(0), on_circle(1, 2, 3))


def test_rows_that_are_all_equal_have_no_gap():
    with pytest.raises(DataError, match="all rows of both sets are equal"):
        gap(on_circle(5, 5, 5), on_circle(5, 5))


def test_strata_are_averaged_by_weight_and_small_ones_drop_out():
    rng = np.random.default_rng(3)
    rows = unit(rng.standard_normal((30, 5)))
    big = Block(distances(rows[:20]), np.arange(20) < 8, np.arange(20), 3.0)
    lonely = Block(distances(rows[20:]), np.arange(10) < 1, np.arange(20, 30), 5.0)
    alone = float(stratified_gap(block_sums((big,))))
    assert float(stratified_gap(block_sums((big, lonely)))) == pytest.approx(alone, abs=1e-12)
    assert np.isnan(stratified_gap(block_sums((lonely,))))


def test_a_language_direction_is_no_gap_within_strata():
    rng = np.random.default_rng(4)
    rows = unit(rng.standard_normal((80, 30)))
    home, english = np.arange(80) < 40, np.isin(np.arange(80), np.r_[0:30, 40:50])
    spoken = unit(np.column_stack([rows, np.where(english, 3.0, -3.0)]))
    blocks = tuple(
        Block(distances(spoken[chosen]), home[chosen], np.flatnonzero(chosen)) for chosen in (english, ~english)
    )
    assert gap(spoken[home], spoken[~home]) > 0.3
    assert abs(float(stratified_gap(block_sums(blocks)))) < 0.05


def test_distances_are_symmetric_with_an_exact_zero_diagonal():
    rows = unit(np.random.default_rng(5).standard_normal((40, 384)).astype(np.float32).astype(np.float64))
    found = distances(rows)
    assert np.array_equal(found, found.T)
    assert not found.diagonal().any()
    assert found[0, 1] == pytest.approx(np.linalg.norm(rows[0] - rows[1]), abs=1e-12)


def test_centring_weighs_cities_equally_and_keeps_unit_length():
    rows = on_circle(0, 0, 0, 0, 90, 90)
    found = centred(rows, np.array([0, 0, 0, 0, 1, 1]))
    assert np.allclose(found[0], -found[4])
    assert np.allclose(np.linalg.norm(found, axis=1), 1)


def test_a_row_at_the_centre_becomes_zero_not_nan():
    found = centred(on_circle(20, 20, 20, 20), np.array([0, 0, 1, 1]))
    assert not found.any()


@settings(max_examples=20)
@given(sizes)
def test_a_city_of_one_row_does_not_place_the_centre(case):
    rows = np.concatenate([*two_sets(*case), on_circle(10) @ np.eye(2, 6)])
    city = np.repeat([0, 1, 2], [case[0], case[1], 1])
    centre = (rows[city == 0].mean(axis=0) + rows[city == 1].mean(axis=0)) / 2
    assert np.allclose(centred(rows, city), unit(rows - centre))
