"""New rows go to the old clusters they belong to; strangers are noise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainbert.clustering import NOISE, ClusteringConfig, cluster
from chainbert.clustering.assign import assign
from chainbert.errors import DataError

CONFIG = ClusteringConfig(layouts=3)


def blobs(sizes=(60, 50, 40, 30), spread=0.6, dimensions=48, seed=5):
    """Unit rows around random centres, and whose they are."""
    rng = np.random.default_rng(seed)
    owner = np.repeat(np.arange(len(sizes)), sizes)
    rows = rng.normal(size=(len(sizes), dimensions))[owner] + spread * rng.normal(size=(len(owner), dimensions))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True), owner


VECTORS, OWNER = blobs()
HELD = np.arange(len(VECTORS)) % 5 == 0


@pytest.fixture(scope="module")
def old():
    return cluster(VECTORS[~HELD], CONFIG, np.random.default_rng(0))


def test_held_out_members_come_back_to_their_cluster(old):
    labels, strength = assign(VECTORS[HELD], old)
    name = {owner: np.bincount(old.labels[OWNER[~HELD] == owner] + 1).argmax() - 1 for owner in range(4)}
    assert np.mean(labels == [name[owner] for owner in OWNER[HELD]]) >= 0.9
    assert (strength[labels != NOISE] > 0.5).all()
    assert (strength[labels == NOISE] == 0).all()


def test_strangers_are_noise(old):
    strangers = np.random.default_rng(1).normal(size=(200, 48))
    assert np.mean(assign(strangers, old)[0] == NOISE) >= 0.95


def test_a_group_of_its_own_is_noise(old):
    centre = np.random.default_rng(11).normal(size=48)
    others = centre + 0.6 * np.random.default_rng(12).normal(size=(60, 48))
    assert np.mean(assign(others, old)[0] == NOISE) >= 0.9


def test_old_rows_keep_their_cluster(old):
    labels, _ = assign(VECTORS[~HELD], old)
    assert np.mean(labels == old.labels) >= 0.95


def test_only_the_direction_of_a_new_row_counts(old):
    assert assign(VECTORS[HELD] * 7.5, old)[0].tolist() == assign(VECTORS[HELD], old)[0].tolist()


@settings(max_examples=20, deadline=None)
@given(order=st.permutations(range(int(HELD.sum()))))
def test_each_new_row_is_placed_by_itself(old, order):
    order = np.array(order)
    together, shuffled = assign(VECTORS[HELD], old), assign(VECTORS[HELD][order], old)
    assert shuffled[0].tolist() == together[0][order].tolist()
    assert shuffled[1].tolist() == together[1][order].tolist()


def test_a_language_is_seen_from_its_own_mean():
    apart = np.zeros(48)
    apart[0] = 3.0
    language = np.array(["zh", "en"])[np.arange(len(VECTORS)) % 2]
    spoken = VECTORS + np.where((language == "zh")[:, None], apart, -apart)
    old = cluster(spoken[~HELD], CONFIG, np.random.default_rng(0), language=language[~HELD])
    right, _ = assign(spoken[HELD], old, language[HELD])
    swapped, _ = assign(spoken[HELD], old, np.where(language == "zh", "en", "zh")[HELD])
    assert np.mean(right != NOISE) >= 0.9
    assert np.mean(swapped == NOISE) >= 0.9


def test_above_the_largest_table_of_pairs_the_rest_is_assigned(monkeypatch):
    monkeypatch.setattr("chainbert.clustering.clusters._MOST_PAIRED", 130)
    found = cluster(VECTORS, CONFIG, np.random.default_rng(0))
    name = {owner: np.bincount(found.labels[owner == OWNER] + 1).argmax() - 1 for owner in range(4)}
    assert len(set(name.values())) == 4
    assert np.mean(found.labels == [name[owner] for owner in OWNER]) >= 0.9
    assert np.isfinite(found.map).all()


@pytest.mark.parametrize(
    ("new", "message"),
    [
        (np.ones((3, 7)), r"rows of \[7\] dimensions found; the clustering's have \[48\]"),
        (np.zeros((2, 48)), r"only zeros found in 2 of 2 vectors"),
        (np.ones(48), r"shape \(48,\) found"),
    ],
)
def test_rows_that_cannot_be_assigned_are_refused(old, new, message):
    with pytest.raises(DataError, match=message):
        assign(new, old)


def test_a_clustering_without_a_search_takes_no_rows():
    few = cluster(VECTORS[:5], CONFIG, np.random.default_rng(0))
    with pytest.raises(DataError, match="no clusters to assign rows to: 5 distinct rows"):
        assign(VECTORS[:2], few)
