import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ortho_group

from chainbert.embedding.alignment import align, firms_needed
from chainbert.errors import DataError


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def pair(n, d, wide, noise, seed=0):
    """The same n firms as two encoders see them: (n, d), and rotated into (n, wide) with noise."""
    rng = np.random.default_rng(seed)
    source = unit(rng.standard_normal((n, d)))
    turned = np.pad(source, ((0, 0), (0, wide - d))) @ ortho_group.rvs(wide, random_state=seed)
    return source, unit(turned + noise * rng.standard_normal((n, wide)) / np.sqrt(wide))


@pytest.mark.parametrize("wide", [8, 12])
def test_a_rotation_is_found_exactly(wide):
    source, target = pair(60, 8, wide, 0.0)
    found = align(source, target, np.random.default_rng(0))
    np.testing.assert_allclose(found.apply(source), target, atol=1e-12)
    assert found.error == pytest.approx(0, abs=1e-12)
    assert found.nearest == 1
    assert (found.firms, found.folds) == (60, 5)
    assert found.baseline == pytest.approx(1, abs=0.1)


def test_new_firms_come_out_where_they_belong():
    source, target = pair(200, 10, 10, 0.2)
    found = align(source[:100], target[:100], np.random.default_rng(0))
    own = 1 - (found.apply(source[100:]) * target[100:]).sum(axis=1).mean()
    assert found.error == pytest.approx(own, abs=0.02)


def test_the_error_is_of_held_out_firms():
    """With little more data than directions a map fits its own firms far better than new ones; the error says which."""
    source, target = pair(50, 24, 24, 0.6, seed=3)
    found = align(source, target, np.random.default_rng(0))
    seen = 1 - (found.apply(source) * target).sum(axis=1).mean()
    assert found.error > 1.3 * seen


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.integers(3, 9), st.integers(0, 4))
def test_lengths_and_angles_are_kept(seed, d, more):
    source, target = pair(4 * (d + more), d, d + more, 0.1, seed)
    found = align(source, target, np.random.default_rng(seed))
    np.testing.assert_allclose(found.rotation @ found.rotation.T, np.eye(d), atol=1e-10)
    mapped = found.apply(source)
    np.testing.assert_allclose(mapped @ mapped.T, source @ source.T, atol=1e-10)


def test_the_same_generator_gives_the_same_bits():
    source, target = pair(40, 6, 6, 0.3)
    one, other = (align(source, target, np.random.default_rng(5)) for _ in range(2))
    assert one.error == other.error
    assert np.array_equal(one.rotation, other.rotation)


def test_too_few_shared_firms():
    source, target = pair(23, 12, 12, 0.1)
    assert firms_needed(8, 12) == 24
    with pytest.raises(DataError, match=r"23 shared firms are too few .* 12 and 12 dimensions; 24 are needed, 2 a dim"):
        align(source, target, np.random.default_rng(0))


def test_unrelated_vectors_are_refused():
    rng = np.random.default_rng(0)
    source, target = (unit(rng.standard_normal((60, 8))) for _ in range(2))
    with pytest.raises(DataError, match=r"cannot be aligned: a held-out firm lies [01]\.\d+ from itself and"):
        align(source, target, rng)


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        (np.eye(4), np.eye(4)[:3], r"source \(4, 4\) and target \(3, 4\) found; one row a shared firm"),
        (np.eye(4), unit(np.ones((4, 3))), r"source \(4, 4\) and target \(4, 3\) found; .* no more dimensions than"),
        (2 * np.eye(4), np.eye(4), r"source has shape \(4, 4\); unit rows"),
        (np.eye(4), np.full((4, 4), np.nan), r"target has shape \(4, 4\); unit rows"),
        (np.ones(4), np.eye(4), r"source has shape \(4,\); unit rows"),
    ],
)
def test_what_is_no_pair_of_unit_rows(source, target, message):
    with pytest.raises(DataError, match=message):
        align(source, target, np.random.default_rng(0))
