import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainbert.convergence.gap import Block, distances
from chainbert.convergence.location import dispersion_test, location_test, permuted_labels, tail_p


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def blocks_of(home, strata=None):
    """Blocks of a cell; the tests take no distances."""
    strata = np.zeros(len(home), dtype=int) if strata is None else strata
    found = []
    for one in np.unique(strata):
        rows = np.flatnonzero(strata == one)
        n, m = home[rows].sum(), (~home[rows]).sum()
        found.append(Block(np.zeros((len(rows), len(rows))), home[rows], rows, n * m / (n + m)))
    return tuple(found)


def plain_texts(n, m, spread, rng, dimension=384):
    """One origin, no direction in common."""
    home = np.arange(n + m) < n
    return rng.standard_normal((n + m, dimension)) * np.where(home, spread, 1.0)[:, None], home


def encoder_texts(n, m, spread, rng, dimension=384):
    """Unit rows about a common direction with a falling spectrum and heavy tails, as sentence encoders give them."""
    home = np.arange(n + m) < n
    scale = np.arange(1, dimension + 1) ** -0.35
    noise = rng.standard_normal((n + m, dimension)) * scale / np.linalg.norm(scale)
    noise *= (np.where(home, spread, 1.0) / np.sqrt(rng.chisquare(6, n + m) / 6))[:, None]
    return unit(1.5 * rng.standard_normal(dimension) / np.sqrt(dimension) + noise), home


def theme_texts(n, m, spread, rng, dimension=384):
    """Unit rows of eight themes in even shares."""
    home = np.arange(n + m) < n
    themes = rng.standard_normal((8, dimension)) / np.sqrt(dimension)
    noise = 1.5 * rng.standard_normal((n + m, dimension)) / np.sqrt(dimension)
    return unit(themes[rng.integers(8, size=n + m)] + np.where(home, spread, 1.0)[:, None] * noise), home


KINDS = {"plain": plain_texts, "encoder": encoder_texts, "themes": theme_texts}


def rejections(draw, count, seed=0, draws=99, strata=False):
    """(location, dispersion) shares of p ≤ .05."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        rows, home = draw(rng)
        blocks = blocks_of(home, np.arange(len(home)) % 2 if strata else None)
        labels = permuted_labels(blocks, draws, rng)
        found.append([test(blocks, rows, labels).p <= 0.05 for test in (location_test, dispersion_test)])
    return np.mean(found, axis=0)


@pytest.mark.parametrize("kind", KINDS)
def test_spread_is_not_location(kind):
    location, dispersion = rejections(lambda rng: KINDS[kind](34, 110, 1.5, rng), 150)
    assert location <= 0.1
    assert dispersion >= 0.8


def test_location_is_not_spread():
    def shifted(rng):
        rows, home = plain_texts(15, 40, 1.0, rng, 30)
        return rows + 0.5 * home[:, None], home

    location, dispersion = rejections(shifted, 200, strata=True)
    assert location >= 0.9
    assert 0.015 <= dispersion <= 0.095


@pytest.mark.slow
@pytest.mark.parametrize("n", [20, 34])
@pytest.mark.parametrize("kind", KINDS)
def test_levels(kind, n):
    # 3 to 7 % are meant; 500 studies leave ± 2 %.
    unequal = rejections(lambda rng: KINDS[kind](n, 110, 1.5, rng), 500)
    equal = rejections(lambda rng: KINDS[kind](n, 110, 1.0, rng), 500, seed=1)
    assert 0.02 <= unequal[0] <= 0.09
    assert 0.02 <= equal[0] <= 0.09
    assert 0.02 <= equal[1] <= 0.09


def test_language_mix_is_neither_within_strata():
    def two_languages(rng):
        home = np.arange(90) < 30
        english = rng.random(90) < np.where(home, 0.6, 0.3)
        return (
            unit(rng.standard_normal((90, 24)) / 5 + np.where(english, 1, -1)[:, None] * np.eye(24)[0]),
            home,
            english,
        )

    rng = np.random.default_rng(0)
    found = []
    for _ in range(200):
        rows, home, english = two_languages(rng)
        blocks = blocks_of(home, english.astype(int))
        labels = permuted_labels(blocks, 99, rng)
        found.append([test(blocks, rows, labels).p <= 0.05 for test in (location_test, dispersion_test)])
    assert np.all((np.mean(found, axis=0) >= 0.01) & (np.mean(found, axis=0) <= 0.1))


def brute_location(rows, home):
    """Chen & Qin's distance of the means after both have one length, by loops; and its standard error."""
    gram = rows @ rows.T

    def mean_product(a, b):
        return np.mean([gram[i, j] for i in a for j in b if i != j])

    def covariance(side):
        return np.cov(rows[side].T)

    city, reference = np.flatnonzero(home), np.flatnonzero(~home)
    lengths = [mean_product(side, side) for side in (city, reference)]
    ratio = np.sqrt(lengths[1] / lengths[0])
    value = ratio * lengths[0] + lengths[1] / ratio - 2 * mean_product(city, reference)
    spread = np.mean([np.trace(covariance(side)) for side in (home, ~home)])
    return value / spread


def test_values_are_those_of_the_formula():
    rng = np.random.default_rng(3)
    rows, home = encoder_texts(9, 14, 1.5, rng, 12)
    blocks = blocks_of(home)
    labels = permuted_labels(blocks, 9, rng)
    assert location_test(blocks, rows, labels).value == pytest.approx(brute_location(rows, home), abs=1e-10)
    far = [
        np.linalg.norm(rows[side] - rows[side].mean(axis=0), axis=1).mean() * np.sqrt(side.sum() / (side.sum() - 1))
        for side in (home, ~home)
    ]
    assert dispersion_test(blocks, rows, labels).value == pytest.approx(far[0] / far[1], abs=1e-10)


def test_means_of_different_length_but_one_direction_are_one_location():
    rng = np.random.default_rng(4)
    found = []
    for _ in range(100):
        rows, home = encoder_texts(20, 60, 2.0, rng, 60)
        blocks = blocks_of(home)
        found.append(location_test(blocks, rows, permuted_labels(blocks, 0, rng)).value)
    assert abs(np.mean(found)) < 3.5 * np.std(found) / 10


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 9), st.integers(2, 9), st.integers(0, 9999))
def test_rotation_and_order_change_nothing(n, m, seed):
    rng = np.random.default_rng(seed)
    rows, home = encoder_texts(n, m, 1.2, rng, 6)
    turn = np.linalg.qr(rng.standard_normal((6, 6)))[0]
    blocks = blocks_of(home)
    labels = permuted_labels(blocks, 19, rng)
    for test in (location_test, dispersion_test):
        plain, turned = test(blocks, rows, labels), test(blocks, rows @ turn, labels)
        assert turned.value == pytest.approx(plain.value, abs=1e-9)
        assert 0 < plain.p <= 1


def test_labels_keep_their_sizes_by_stratum_and_start_with_the_data():
    home = np.arange(20) < 8
    blocks = blocks_of(home, np.arange(20) % 3)
    labels = permuted_labels(blocks, 50, np.random.default_rng(0))
    for block, drawn in zip(blocks, labels, strict=True):
        assert np.array_equal(drawn[0], block.home)
        assert np.all(drawn.sum(axis=1) == block.home.sum())


def test_p_counts_the_data_and_ties():
    assert tail_p(np.array([3.0, 1.0, 3.0, 2.0])) == 0.5
    assert tail_p(np.array([9.0, 1.0, 2.0, 3.0])) == 0.25


def test_rows_that_do_not_differ_have_no_test():
    rows = np.tile(unit(np.ones((1, 4))), (10, 1))
    blocks = blocks_of(np.arange(10) < 4)
    labels = permuted_labels(blocks, 9, np.random.default_rng(0))
    assert np.isnan(distances(rows)).sum() == 0
    for test in (location_test, dispersion_test):
        assert np.isnan(test(blocks, rows, labels).p)
        assert np.isnan(test(blocks, rows, labels).value)
