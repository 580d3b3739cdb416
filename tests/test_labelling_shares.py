"""Counts of predicted labels by city and period."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from labelling_sets import SMALL
from scipy.stats import binomtest

from chainbert.labelling import Codebook, count_shares
from chainbert.wilson import wilson

LABELS = pd.DataFrame(
    {
        "key": ["k1", "k2", "k3", "k4", "k5"],
        "customer": ["state", "mixed", "unclear", "", "private"],
        "customer.state": [0.9, 0.5, 0.1, np.nan, 0.2],
        "customer.private": [0.1, 0.8, 0.4, np.nan, 0.7],
        "customer.status": ["labelled", "abstained", "labelled", "unusable", "labelled"],
        "goods": ["steel", "steel", "software", "", "steel"],
    }
)
COMPANIES = pd.DataFrame(
    {
        "key": ["k1", "k2", "k3", "k4", "k5"],
        "city": ["Beijing", "Beijing", "Beijing", "Beijing", "Shanghai"],
    }
)
PERIODS = ["2013–2016", "2017–2019", "2017–2019", "2017–2019", ""]


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    path = tmp_path_factory.mktemp("book") / "small.yaml"
    path.write_text(SMALL, encoding="utf-8")
    return Codebook.load(path)


def share(table, **wanted):
    found = table[(table[list(wanted)] == pd.Series(wanted)).all(axis=1)]
    assert len(found) == 1
    return found.iloc[0]


def test_columns_and_rows(book):
    table = count_shares(LABELS, COMPANIES, PERIODS, book)
    assert list(table) == ["axis", "indicator", "kind", "city", "period", "n", "yes", "share", "low", "high"]
    # 2 indicators, 4 + 2 values; Beijing in three periods, Shanghai in "all" only.
    assert len(table) == 8 * 4


def test_an_indicator_and_a_value_are_different_counts(book):
    table = count_shares(LABELS, COMPANIES, PERIODS, book)
    state = share(table, axis="customer", indicator="state", kind="indicator", city="Beijing", period="all")
    assert (state["n"], state["yes"], state["share"]) == (3, 2, pytest.approx(2 / 3))
    value = share(table, axis="customer", indicator="state", kind="value", city="Beijing", period="all")
    assert (value["n"], value["yes"]) == (3, 1)
    steel = share(table, axis="goods", indicator="steel", kind="value", city="Beijing", period="2017–2019")
    assert (steel["n"], steel["yes"]) == (2, 1)


def test_values_of_an_axis_sum_to_one_and_intervals_hold_their_share(book):
    table = count_shares(LABELS, COMPANIES, PERIODS, book)
    values = table[table["kind"] == "value"].groupby(["axis", "city", "period"])
    assert values["share"].sum().to_numpy() == pytest.approx(1)
    assert ((table["low"] <= table["share"]) & (table["share"] <= table["high"])).all()


def test_a_part_of_the_companies_in_another_order(book):
    part = COMPANIES.iloc[[2, 0]]
    table = count_shares(LABELS, part, ["", "2013–2016"], book)
    assert share(table, axis="customer", indicator="state", kind="indicator", period="all")["yes"] == 1
    assert share(table, axis="customer", indicator="state", kind="indicator", period="2013–2016")["n"] == 1


def test_nothing_to_count(book):
    table = count_shares(LABELS, COMPANIES.iloc[[3]], ["all"], book)
    assert table.empty
    assert list(table)[-3:] == ["share", "low", "high"]


@given(st.integers(1, 400), st.data())
def test_the_interval_is_wilsons(n, data):
    yes = data.draw(st.integers(0, n))
    low, high = wilson(np.array([yes]), np.array([n]))
    expected = binomtest(yes, n).proportion_ci(0.95, method="wilson")
    assert (low[0], high[0]) == pytest.approx((expected.low, expected.high), abs=1e-9)
