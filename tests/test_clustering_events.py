"""Births, deaths, merges and splits of clusters."""

import json
import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainbert.clustering.events import EVENT_COLUMNS, track_clusters
from chainbert.clustering.matching import match_clusterings
from chainbert.errors import ConfigError, DataError

DIMENSION = 64
STATIC = np.array([0.25, 0.2, 0.15, 0.12, 0.1, 0.08, 0.06, 0.04])
# Many clusters about the floor, where chance alone carries them over it.
NEAR_FLOOR = np.array([0.3, 0.3, 0.275, 0.025, 0.025, 0.025, 0.025, 0.025])
# Cluster 3 dies in 2016, cluster 7 is born.
BEFORE = np.array([0.2, 0.2, 0.15, 0.15, 0.1, 0.1, 0.1, 0])
AFTER = np.array([0.2, 0.2, 0.15, 0, 0.1, 0.1, 0.1, 0.15])
CHANGES = ("birth", "death", "merge", "split", "growth", "shrinkage")


def study(seed, shares=(STATIC,) * 4, firms=150, stay=0.0):
    """Vectors, labels (10 % noise), periods, firms; a share ``stay`` of the firms of the clusters that go on stays."""
    rng = np.random.default_rng(seed)
    width = 1 / np.sqrt(DIMENSION)
    themes = rng.standard_normal((len(STATIC), DIMENSION)) * width
    parts, old = [], None
    for period, mixture in enumerate(shares):
        theme = rng.choice(len(mixture), firms, p=mixture)
        raw = themes[theme] + rng.standard_normal((firms, DIMENSION)) * width
        firm = np.arange(firms) + period * firms
        if old is not None:
            kept = np.flatnonzero((rng.random(firms) < stay) & (mixture[old[1]] > 0))
            raw[: len(kept)], theme[: len(kept)], firm[: len(kept)] = old[0][kept], old[1][kept], old[2][kept]
        old = (raw, theme, firm)
        label = np.where(rng.random(firms) < 0.1, -1, theme)
        vectors = raw / np.linalg.norm(raw, axis=1, keepdims=True)
        parts.append((vectors, label, np.full(firms, 2013 + period), firm))
    return tuple(np.concatenate(part) for part in zip(*parts, strict=True))


def tracked(labels, period, firm=None, *, draws=99, seed=0, **options):
    return track_clusters(labels, period, firm=firm, draws=draws, rng=np.random.default_rng(seed), **options).table


def matched(labels, vectors, period, firm=None, *, draws=99, seed=0, **options):
    rng = np.random.default_rng(seed)
    return match_clusterings(labels, vectors, period, firm=firm, draws=draws, rng=rng, **options).table


def supported(table, *events):
    return table[(table["status"] == "") & table["event"].isin(events or CHANGES)]


def test_a_birth_and_a_death_by_hand():
    labels = [0] * 60 + [1] * 40 + [0] * 60 + [2] * 40
    found = tracked(labels, [2018] * 100 + [2022] * 100)
    assert found.columns.tolist() == list(EVENT_COLUMNS)
    assert found["event"].tolist() == ["survival", "death", "birth"]
    assert found["n_from"].tolist() == [60, 40, 0]
    assert found["n_to"].tolist() == [60, 0, 40]
    assert found["share_to"].tolist() == [0.6, 0, 0.4]
    assert found["support"].tolist() == [1, 1, 1]
    assert found[["year_from", "year_to"]].drop_duplicates().to_numpy().tolist() == [["2018", "2022"]]


def test_growth_and_shrinkage():
    labels = [0] * 150 + [1] * 50 + [0] * 60 + [1] * 140
    assert tracked(labels, [2018] * 200 + [2022] * 200)["event"].tolist() == ["shrinkage", "growth"]


def test_one_firm_more_is_no_birth():
    labels = [0] * 199 + [1] + [0] * 195 + [1] * 5
    found = tracked(labels, [2018] * 200 + [2022] * 200)
    assert found["event"].tolist() == ["survival", "birth"]
    assert found.loc[1, "status"] == "not supported"
    assert found.loc[1, "support"] < 0.75


@pytest.mark.parametrize("shares", [STATIC, NEAR_FLOOR], ids=["static", "near the floor"])
@pytest.mark.parametrize(("firms", "stay"), [(150, 0), (150, 0.8), (50, 0)])
def test_where_nothing_changes_nothing_is_found(shares, firms, stay):
    tracks, matches = [], []
    for seed in range(8):
        vectors, labels, period, firm = study(seed, (shares,) * 4, firms, stay)
        tracks.append(len(supported(tracked(labels, period, firm))))
        matches.append(len(supported(matched(labels, vectors, period, firm))))
    # 8 studies at 5 %: more than 2 with an event come once in 170; the slow test has 120.
    assert np.count_nonzero(tracks) <= 2
    assert np.count_nonzero(matches) <= 2


@pytest.mark.slow
@pytest.mark.parametrize("shares", [STATIC, NEAR_FLOOR], ids=["static", "near the floor"])
def test_level(shares):
    tracks, matches = [], []
    for seed in range(120):
        vectors, labels, period, firm = study(seed, (shares,) * 6, 110, stay=0.5 * (seed % 2))
        tracks.append(len(supported(tracked(labels, period, firm))))
        matches.append(len(supported(matched(labels, vectors, period, firm))))
    assert np.count_nonzero(tracks) <= 6
    assert np.count_nonzero(matches) <= 6


@pytest.mark.parametrize(("firms", "stay"), [(197, 0), (300, 0.4)], ids=["cohorts", "snapshots"])
def test_planted_birth_and_death_are_found(firms, stay):
    hits = []
    for seed in range(8):
        vectors, labels, period, firm = study(seed, (BEFORE, BEFORE, BEFORE, AFTER), firms, stay)
        track, match = tracked(labels, period, firm), matched(labels, vectors, period, firm)
        for found, ends in ((track, {("2015", "2016"), ("2013", "2016")}), (match, {("2015", "2016")})):
            events = supported(found, "birth", "death")
            assert set(zip(events["year_from"], events["year_to"], strict=True)) <= ends
            hits.append(set(zip(events["event"], events["cluster"], strict=True)) == {("birth", 7), ("death", 3)})
    assert np.mean(hits) >= 0.9


@pytest.mark.parametrize("stay", [0, 0.8], ids=["cohorts", "snapshots"])
def test_planted_merge_and_split_are_found(stay):
    merges, splits = [], []
    for seed in range(8):
        vectors, labels, period, firm = study(seed, (STATIC,) * 2, 197, stay=stay)
        late = period == 2014
        together = np.where(labels == 2, 3, labels)
        found = supported(matched(np.where(late, together, labels), vectors, period, firm))
        merges.append(
            set(zip(found["event"], found["cluster"], found["into"], strict=True)) == {("merge", 2, 3), ("merge", 3, 3)}
        )
        found = supported(matched(np.where(late, labels, together), vectors, period, firm))
        splits.append(
            set(zip(found["event"], found["cluster"], found["into"], strict=True)) == {("split", 3, 2), ("split", 3, 3)}
        )
    assert np.mean(merges) >= 0.75
    assert np.mean(splits) >= 0.75


def test_numbers_of_two_periods_need_not_agree():
    vectors, labels, period, firm = study(3, (STATIC,) * 2)
    renamed = np.where((period == 2014) & (labels >= 0), 7 - labels, labels)
    found = supported(matched(renamed, vectors, period, firm), "survival")
    assert len(found) >= 6
    assert (found["into"] == 7 - found["cluster"]).all()


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10_000), stay=st.sampled_from([0.0, 0.6]))
def test_order_of_rows_does_not_matter(seed, stay):
    vectors, labels, period, firm = study(seed, (STATIC,) * 3, 40, stay)
    order = np.random.default_rng(seed).permutation(len(labels))
    pd.testing.assert_frame_equal(
        tracked(labels, period, firm, draws=19), tracked(labels[order], period[order], firm[order], draws=19)
    )
    found = matched(labels, vectors, period, firm, draws=19)
    pd.testing.assert_frame_equal(found, matched(labels[order], vectors[order], period[order], firm[order], draws=19))
    assert found["support"].dropna().between(0, 1).all()
    assert set(found["event"]) <= {*CHANGES, "survival", ""}


def test_plain_records():
    vectors, labels, period, _ = study(0, (STATIC,) * 2, 60)
    found = match_clusterings(labels, vectors, period, draws=9, rng=np.random.default_rng(0)).to_json()
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert {type(record["cluster"]) for record in found["cluster_events"]} == {int}


def test_small_and_empty_periods_are_named():
    labels, period = [0] * 30 + [0] * 3 + [0] * 30, [2018] * 30 + [2019] * 3 + [2020] * 30
    found = tracked(labels, period)
    assert found["status"].tolist() == [*["not estimable: 3 firms in 2019, 5 needed"] * 2, ""]
    vectors = study(0, (STATIC,), 63)[0]
    found = matched(np.where(np.array(period) == 2020, -1, labels), vectors, period)
    assert found["status"].tolist()[-1] == "not estimable: no clusters in 2020"
    assert tracked([-1] * 20, [1] * 10 + [2] * 10).empty


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"period": [1, 1, 1, 1]}, DataError, "1 period.s. found; events lie between two periods"),
        ({"firm": list("aabc")}, DataError, "one firm has 2 rows in 1"),
        ({"labels": [0, -3, 1, 1]}, DataError, "row 1 of the cluster labels is -3"),
        ({"floor": 0.0}, ConfigError, "floor is 0; a share between 0 and 1 is expected"),
        ({"support": 1.5}, ConfigError, "support is 1.5; a share"),
    ],
)
def test_bad_input(change, error, message):
    arguments = {"labels": [0, 0, 1, 1], "period": [1, 1, 2, 2]} | change
    with pytest.raises(error, match=message):
        tracked(**arguments)


def test_labels_and_vectors_of_two_lengths():
    with pytest.raises(DataError, match="4 labels for 3 vectors found"):
        matched([0, 0, 1, 1], np.eye(3), [1, 1, 2, 2])


@pytest.mark.slow
@pytest.mark.parametrize(("firms", "seconds"), [(33, 1), (833, 20)])
def test_time(firms, seconds):
    vectors, labels, period, firm = study(0, (STATIC,) * 6, firms)
    for call in (
        lambda: tracked(labels, period, firm, draws=999),
        lambda: matched(labels, vectors, period, firm, draws=999),
    ):
        start = time.perf_counter()
        call()
        assert time.perf_counter() - start <= seconds
