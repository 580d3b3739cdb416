"""Agreement of many layouts: planted groups and their stability, no stable group in noise, any seed alike."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from sklearn.metrics import adjusted_rand_score

from chainbert.clustering import NOISE, ClusteringConfig, cluster
from chainbert.clustering.consensus import Layout, agree, draw_layouts
from chainbert.clustering.space import fit_space, pooled_by_length
from chainbert.errors import DataError

QUICK = ClusteringConfig(layouts=20)
SIZES = (60, 40, 30)


def blobs(sizes=SIZES, spread=0.6, dimensions=48, seed=5):
    """Unit rows around random centres, and whose they are."""
    rng = np.random.default_rng(seed)
    owner = np.repeat(np.arange(len(sizes)), sizes)
    rows = rng.normal(size=(len(sizes), dimensions))[owner] + spread * rng.normal(size=(len(owner), dimensions))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True), owner


def run(vectors, config=QUICK, seed=0, **more):
    return cluster(vectors, config, np.random.default_rng(seed), **more)


def lines(owner, seed):
    """One layout in which the groups lie apart on a line: what UMAP would give for an easy set."""
    rng = np.random.default_rng(seed)
    return np.column_stack([10.0 * owner + rng.normal(size=len(owner)), rng.normal(size=len(owner))])


def layouts_of(owners, rows=None):
    held = np.arange(len(owners[0])) if rows is None else rows
    return [Layout(held, lines(owner[held], seed), seed) for seed, owner in enumerate(owners)]


def test_planted_groups_are_found_and_stable():
    vectors, owner = blobs()
    found = run(vectors)
    assert adjusted_rand_score(owner, found.labels) == 1
    assert list(found.stability) == [0, 1, 2]
    assert min(found.stability.values()) >= 0.95
    assert found.stable == {0: True, 1: True, 2: True}
    assert found.strength.min() >= 0.9


def test_rows_without_groups_have_no_stable_cluster():
    vectors = np.random.default_rng(0).normal(size=(120, 48))
    found = run(vectors, ClusteringConfig(layouts=50))
    assert not any(found.stable.values())
    assert all(value < 0.75 for value in found.stability.values())


def test_a_group_that_half_the_layouts_split_is_less_stable_than_one_that_all_see():
    owner = np.repeat([0, 1, 2], [30, 20, 20])
    split = np.where(np.arange(70) < 15, 3, owner)
    found = agree(layouts_of([owner, owner, owner, split, split]), 70, 10, QUICK)
    assert adjusted_rand_score(owner, found.labels) == 1
    big, small = found.labels[0], found.labels[-1]
    assert found.stability[small] == pytest.approx(1, abs=0.06)
    assert found.stability[big] == pytest.approx((3 + 2 * 0.5) / 5, abs=0.06)


def test_what_most_layouts_split_is_two_clusters():
    owner = np.repeat([0, 1, 2], [30, 20, 20])
    split = np.where(np.arange(70) < 15, 3, owner)
    found = agree(layouts_of([owner, split, split, split]), 70, 10, QUICK)
    assert adjusted_rand_score(split, found.labels) == 1


def test_a_row_that_is_everywhere_once_is_noise():
    owner = np.repeat([0, 1, 2, 3], 20)
    wandering = [np.where(np.arange(80) == 0, place, owner) for place in (0, 1, 2, 3)]
    found = agree(layouts_of(wandering), 80, 10, QUICK)
    assert found.labels[0] == NOISE
    assert found.strength[0] == 0
    assert (found.labels[1:] != NOISE).all()


def test_pairs_count_only_in_the_layouts_that_hold_both():
    owner = np.repeat([0, 1], 20)
    halves = [np.flatnonzero(np.arange(40) % 4 != left_out) for left_out in range(4)]
    layouts = [Layout(rows, lines(owner[rows], number), number) for number, rows in enumerate(halves)]
    found = agree(layouts, 40, 8, QUICK)
    assert adjusted_rand_score(owner, found.labels) == 1
    assert found.strength.min() >= 0.95


def test_a_single_layout_has_no_stability():
    found = run(blobs()[0], ClusteringConfig(layouts=1))
    assert all(np.isnan(value) for value in found.stability.values())
    assert not any(found.stable.values())


def test_subsamples_leave_every_row_out_alike():
    vectors, _ = blobs((20, 20))
    config = ClusteringConfig(layouts=50, epochs=10)
    drawn = draw_layouts(vectors, config, np.arange(51, dtype=np.uint32))
    held = np.bincount(np.concatenate([layout.rows for layout in drawn]), minlength=40)
    assert [len(layout.rows) for layout in drawn] == [36] * 50
    assert set(held.tolist()) == {45}


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6))
def test_agreement_does_not_depend_on_the_order_of_the_layouts(seed):
    rng = np.random.default_rng(seed)
    owner = rng.integers(0, 3, size=40)
    layouts = layouts_of([np.where(rng.random(40) < 0.2, rng.integers(0, 3, size=40), owner) for _ in range(4)])
    straight, turned = agree(layouts, 40, 5, QUICK), agree(layouts[::-1], 40, 5, QUICK)
    assert straight.labels.tolist() == turned.labels.tolist()
    assert straight.stability == pytest.approx(turned.stability)


def test_a_second_view_finds_what_the_first_does_not_show():
    first, owner = blobs((40, 40, 40))
    blind = first.copy()
    blind[40:] = np.vstack([first[40:80], first[40:80]]) + 1e-3 * np.random.default_rng(1).normal(size=(80, 48))
    alone = run(blind)
    both = run(blind, views=[first])
    assert adjusted_rand_score(owner, alone.labels) < 0.9
    assert adjusted_rand_score(owner, both.labels) >= 0.95


def spreads(damping, components=6):
    rng = np.random.default_rng(2)
    rows = rng.normal(size=(400, 12)) * np.linspace(4, 1, 12)
    units = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    config = ClusteringConfig(damping=damping, components=components)
    spoken = np.full(400, "")
    space = fit_space([units], spoken, config)
    centred = space.views[0].centred(units, spoken)
    return np.linalg.norm(centred @ space.views[0].basis, axis=0), space.placed([units], spoken)


def test_damping_turns_the_leading_components_down():
    raw, _ = spreads(0.0)
    half, _ = spreads(0.5)
    full, _ = spreads(1.0)
    assert (half / half[0]) == pytest.approx(np.sqrt(raw / raw[0]))
    assert (full / full[0]) == pytest.approx(np.ones(6))


def test_points_are_unit_rows_and_the_share_kept_grows_with_the_components():
    points, few = spreads(0.5, 3)[1]
    assert np.linalg.norm(points, axis=1) == pytest.approx(np.ones(400))
    _, more = spreads(0.5, 8)[1]
    _, whole = spreads(0.5, 12)[1]
    assert (few <= more + 1e-12).all()
    assert whole == pytest.approx(np.ones(400))


def test_a_long_sentence_counts_as_much_as_it_is_long():
    vectors = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    pooled = pooled_by_length(vectors, np.array([0, 0, 1]), np.array([30, 40, 5]), 2)
    assert pooled == pytest.approx(np.array([[0.6, 0.8], [0.0, 1.0]]))


@pytest.mark.parametrize(
    ("owner", "lengths", "message"),
    [([0, 0], [1, 1], "1 of 2 owners have no text"), ([0], [1, 1], "1 owners and 2 lengths found")],
)
def test_sentences_that_cannot_be_pooled_are_refused(owner, lengths, message):
    with pytest.raises(DataError, match=message):
        pooled_by_length(np.eye(2), np.array(owner), np.array(lengths), 2)


@pytest.mark.slow
def test_seeds_agree_on_197_real_digits():
    digits = load_digits()
    chosen = np.random.default_rng(0).permutation(len(digits.data))[:197]
    found = [run(digits.data[chosen], ClusteringConfig(), seed) for seed in range(4)]
    agreement = [adjusted_rand_score(one.labels, other.labels) for one, other in combinations(found, 2)]
    assert np.mean(agreement) >= 0.95
    assert min(agreement) >= 0.90
    assert all(len(one.medoids) >= 4 for one in found)
    assert max(one.noise_share for one in found) <= 0.15
    assert adjusted_rand_score(digits.target[chosen], found[0].labels) >= 0.7
