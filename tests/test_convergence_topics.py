import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from chainbert.convergence import measure_share_trends
from chainbert.convergence.topics import bh, measure_topic_trends
from chainbert.errors import ConfigError, DataError

CITIES = {"Beijing": 110, "Guangzhou": 40, "Shanghai": 53, "Shenzhen": 34}
TOPICS = 10


def study(rng, move=0.0, sizes=CITIES, years=6):
    """Ten topics of unequal size; by the last year ``move`` of Shenzhen's firms have gone to topic 1."""
    clusters, city, year = [], [], []
    for name, size in sizes.items():
        for t in range(years):
            gone = move * t / (years - 1) if name == "Shenzhen" else 0.0
            shares = (1 - gone) * np.arange(1, TOPICS + 1) / 55
            shares[1] += gone
            clusters.append(rng.choice(TOPICS, size=size, p=shares / shares.sum()))
            city += [name] * size
            year += [2013 + t] * size
    return np.concatenate(clusters), np.array(city), np.array(year)


p_values = st.lists(st.floats(0, 1), min_size=1, max_size=30).map(np.array)


@given(p_values)
def test_bh_is_scipys(p):
    assert np.allclose(bh(p), stats.false_discovery_control(p), atol=1e-12, rtol=0)


@given(p_values, st.integers(0, 30))
def test_what_cannot_be_estimated_does_not_count(p, place):
    with_gap = np.insert(p, min(place, len(p)), np.nan)
    found = bh(with_gap)
    assert np.isnan(found).tolist() == np.isnan(with_gap).tolist()
    assert np.array_equal(found[~np.isnan(found)], bh(p))


@given(p_values)
def test_q_is_between_p_and_bonferroni_and_keeps_the_order(p):
    q = bh(p)
    assert (q >= p - 1e-15).all()
    assert (q <= np.minimum(1, p * len(p)) + 1e-15).all()
    assert (np.diff(q[np.argsort(p, kind="stable")]) >= 0).all()


def test_each_topic_is_a_label():
    arrays = study(np.random.default_rng(0), sizes={"Beijing": 20, "Shenzhen": 15}, years=3)
    found = measure_topic_trends(*arrays, reference="Beijing")
    alone = measure_share_trends((arrays[0] == 7).astype(float), *arrays[1:], reference="Beijing")
    names = ["city", "slope", "low", "high", "p", "p_equivalent", "periods"]
    topic = found.slopes[found.slopes["topic"] == "7"].reset_index(drop=True)
    assert topic[names].equals(alone.slopes[names])
    assert found.tests == TOPICS
    sums = found.shares.groupby(["city", "year"])[["share", "difference"]].sum()
    assert sums["share"].tolist() == pytest.approx([1.0] * 3)
    assert sums["difference"].tolist() == pytest.approx([0.0] * 3, abs=1e-10)


def test_names_are_sorted_as_numbers_and_missing_topics_are_counted():
    clusters = [10, 2, -1, None, 10, 2, -1, "cloud"] * 2
    found = measure_topic_trends(clusters, list("BBBBSSSS") * 2, [1] * 8 + [2] * 8, reference="B")
    assert found.slopes["topic"].tolist() == ["-1", "2", "10", "cloud"]
    assert found.without_topic == 2


def test_the_planted_topic_is_found():
    rng = np.random.default_rng(1)
    hits = []
    for _ in range(8):
        slopes = measure_topic_trends(*study(rng, move=0.5, sizes={"Beijing": 110, "Shenzhen": 60}, years=4),
                                      reference="Beijing").slopes  # fmt: skip
        planted = slopes[(slopes["topic"] == "1")].iloc[0]
        hits.append(planted["q"] < 0.05 and planted["verdict"] == "diverging" and planted["mover"] == "home moved away")
    assert sum(hits) >= 6


def test_order_does_not_matter_and_json_is_plain():
    arrays = study(np.random.default_rng(2), sizes={"Beijing": 12, "Shenzhen": 9}, years=2)
    order = np.random.default_rng(3).permutation(len(arrays[0]))
    found = measure_topic_trends(*arrays, reference="Beijing").to_json()
    assert measure_topic_trends(*(one[order] for one in arrays), reference="Beijing").to_json() == found
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_bad_input():
    with pytest.raises(DataError, match="none of the 2 rows has a topic"):
        measure_topic_trends([None, np.nan], ["B", "S"], [1, 1], reference="B")
    with pytest.raises(ConfigError, match=r"margin is 1\.5; a share between 0 and 1"):
        measure_topic_trends([1, 2], ["B", "S"], [1, 1], reference="B", margin=1.5)
    with pytest.raises(DataError, match="city has 1 values for 2 rows"):
        measure_topic_trends([1, 2], ["B"], [1, 1], reference="B")


@pytest.mark.slow
def test_false_findings_among_many_topics():
    # Three pairs, ten topics, six years, nothing planted: any rejection is a false discovery.
    rng = np.random.default_rng(3)
    any_q, any_holm = [], []
    for _ in range(100):
        slopes = measure_topic_trends(*study(rng), reference="Beijing").slopes
        any_q.append((slopes["q"] < 0.10).any())
        any_holm.append((slopes["p_holm"] < 0.05).any())
    assert np.mean(any_q) <= 0.10
    assert np.mean(any_holm) <= 0.05


@pytest.mark.slow
def test_false_findings_beside_a_planted_topic():
    rng = np.random.default_rng(4)
    found, false = [], []
    for _ in range(40):
        slopes = measure_topic_trends(*study(rng, move=0.4), reference="Beijing").slopes
        seen = slopes[slopes["q"] < 0.10]
        found.append(((seen["topic"] == "1") & (seen["city"] == "Shenzhen")).any())
        # Shenzhen's other topics do lose firms to the planted one.
        false.append((seen["city"] != "Shenzhen").sum() / max(1, len(seen)))
    assert np.mean(found) >= 0.80
    assert np.mean(false) <= 0.10
