"""Tables of clusters: terms, medoids, sizes by city and period."""

import numpy as np
import pandas as pd
import pytest

from chainbert.clustering import NOISE, Clustering, describe_clusters
from chainbert.errors import DataError

TEXTS = [
    ("区块链钱包，服务交易所", "zh", "Beijing"),
    ("面向交易所的区块链节点", "zh", "Beijing"),
    ("A blockchain wallet for exchanges", "en", "Shanghai"),
    ("Online courses for schools", "en", "Beijing"),
    ("Courses and tutoring for schools", "en", "Shenzhen"),
    ("烘焙", "zh", ""),
]


@pytest.fixture
def rows():
    return pd.DataFrame(
        {
            "key": [f"k{row}" for row in range(len(TEXTS))],
            "id": ["a", "b", "c", "d", "e", "f"],
            "observed": pd.array([2018, 2018, 2022, 2018, 2022, None], dtype="Int64"),
            "name": ["链甲", "链乙", "Wallet Ltd", "Course One", "Course Two", "糕点"],
            "city": [city for _, _, city in TEXTS],
            "text": [text for text, _, _ in TEXTS],
            "language": [language for _, language, _ in TEXTS],
        },
        index=[3, 1, 4, 15, 9, 2],
    )


@pytest.fixture
def clustering():
    labels = np.array([0, 0, 0, 1, 1, NOISE])
    strength = np.array([1, 0.5, 0.8, 1, 1, 0.0])
    places = np.arange(12.0).reshape(6, 2)
    return Clustering(labels, strength, places, 1 / 6, {0: [1, 0, 2], 1: [4]}, "")


@pytest.fixture
def period(rows):
    return pd.Series(["2018", "2018", "2022", "2018", "2022", ""], index=rows.index)


def test_members_are_the_rows_in_their_order(clustering, rows, period):
    members = describe_clusters(clustering, rows, period).members
    assert members.columns.tolist() == ["key", "id", "observed", "cluster", "strength", "x", "y", "medoid"]
    assert members["key"].tolist() == rows["key"].tolist()
    assert members["medoid"].tolist() == [True, True, True, False, True, False]
    assert members.loc[1, ["cluster", "x", "y"]].tolist() == [0, 2.0, 3.0]


def test_clusters_have_their_terms_size_and_medoids(clustering, rows, period):
    clusters = describe_clusters(clustering, rows, period).clusters
    assert clusters["cluster"].tolist() == [0, 1, NOISE]
    assert clusters["size"].tolist() == [3, 2, 1]
    assert clusters["name"].tolist() == ["交易所 · 区块链", "courses · schools", "noise"]
    assert clusters["medoids"].tolist() == ["链乙 · 链甲 · Wallet Ltd", "Course Two", ""]


def test_a_firm_that_is_a_medoid_twice_is_named_once(clustering, rows, period):
    rows["name"] = ["链甲", "链甲", "Wallet Ltd", "Course One", "Course Two", "糕点"]
    assert describe_clusters(clustering, rows, period).clusters.loc[0, "medoids"] == "链甲 · Wallet Ltd"


def test_a_cluster_without_common_terms_has_a_name(clustering, rows, period):
    rows["text"] = [f"词{number}" if number else "甲" for number in range(6)]
    assert describe_clusters(clustering, rows.assign(text=""), period).clusters.loc[0, "name"] == "cluster 0"


def test_terms_count_firms(clustering, rows, period):
    terms = describe_clusters(clustering, rows, period).terms
    assert terms.columns.tolist() == ["cluster", "rank", "term", "weight", "firms"]
    assert terms.loc[terms["term"] == "区块链", "firms"].tolist() == [2]
    same_firm = describe_clusters(clustering, rows.assign(id="one"), period).terms
    assert same_firm.empty


def test_shares_are_of_a_citys_rows(clustering, rows, period):
    shares = describe_clusters(clustering, rows, period).shares
    assert shares.columns.tolist() == ["cluster", "city", "period", "n", "total", "share"]
    beijing = shares[(shares["city"] == "Beijing") & (shares["cluster"] == 0)]
    assert beijing[["period", "n", "total"]].values.tolist() == [["all", 2, 3], ["2018", 2, 3]]
    assert beijing["share"].tolist() == [2 / 3, 2 / 3]


def test_shares_of_every_city_and_period_sum_to_one_with_noise(clustering, rows, period):
    shares = describe_clusters(clustering, rows, period).shares
    assert shares.groupby(["city", "period"])["share"].sum().to_numpy() == pytest.approx(1.0)
    assert shares.groupby(["city", "period"])["n"].sum().tolist() == [3, 3, 1, 1, 1, 1]
    assert set(shares["cluster"]) == {0, 1, NOISE}
    assert "" not in set(shares["city"])


def test_one_period_for_all_is_not_said_twice(clustering, rows):
    shares = describe_clusters(clustering, rows, pd.Series("all", index=rows.index)).shares
    assert not shares.duplicated(["cluster", "city", "period"]).any()
    assert set(shares["period"]) == {"all"}


def test_rows_without_a_city_still_give_a_table(clustering, rows, period):
    shares = describe_clusters(clustering, rows.assign(city=""), period).shares
    assert shares.empty
    assert shares.columns.tolist() == ["cluster", "city", "period", "n", "total", "share"]


def test_lengths_must_agree(clustering, rows, period):
    with pytest.raises(DataError, match=r"6 labels, 5 companies and 6 periods found"):
        describe_clusters(clustering, rows.iloc[:5], period)
