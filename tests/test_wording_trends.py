"""Terms by city and year."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse, stats
from test_wording_keyness import matrix_of

from chainbert.errors import DataError
from chainbert.wording.matrix import TermMatrix
from chainbert.wording.trends import term_trends

TEXTS = ["aab", "b", "ab", "", "abbb"]
CITY = np.array(["Beijing", "Beijing", "Beijing", "Shanghai", "Beijing"])
YEAR = np.array([2020, 2020, 2020, 2020, 2021])


def test_shares_and_rates_by_hand():
    found = term_trends(matrix_of(TEXTS), CITY, YEAR, ["b", "a"], firm=np.array(["f", "g", "f", "h", "f"]))
    assert found.columns.tolist() == [
        *("term", "city", "period", "n", "firms", "share", "low", "high", "per_thousand"),
    ]
    assert found["term"].tolist() == ["b"] * 3 + ["a"] * 3
    row = found[(found["term"] == "a") & (found["period"] == 2020) & (found["city"] == "Beijing")].iloc[0]
    assert row[["n", "firms", "share"]].tolist() == [2, 1, 0.5]
    assert row["per_thousand"] == pytest.approx(1000 * 3 / 6)
    low, high = stats.binomtest(1, 2).proportion_ci(method="wilson")
    assert (row["low"], row["high"]) == pytest.approx((low, high))


def test_texts_without_words_are_firms_that_do_not_use_the_term():
    row = term_trends(matrix_of(TEXTS), CITY, YEAR, ["a"]).query("city == 'Shanghai'").iloc[0]
    assert row[["n", "firms", "share", "low"]].tolist() == [1, 0, 0, 0]
    assert np.isnan(row["per_thousand"])


def test_a_term_that_no_text_uses_and_one_asked_for_twice():
    found = term_trends(matrix_of(TEXTS), CITY, YEAR, ["z", "a", "z"])
    assert found["term"].unique().tolist() == ["z", "a"]
    assert len(found) == 6
    assert (found.query("term == 'z'")["share"] == 0).all()


def test_no_terms_and_no_texts():
    assert term_trends(matrix_of(TEXTS), CITY, YEAR, []).empty
    empty = TermMatrix(sparse.csr_array((0, 1), dtype=np.int32), np.array(["a"], dtype=object))
    assert term_trends(empty, np.array([], dtype=object), np.array([], dtype=object), ["a"]).empty


@pytest.mark.parametrize(
    ("city", "message"),
    [
        (np.array(["Beijing"]), r"5 texts, 1 values of city \(0 missing\)"),
        (np.array(["Beijing", None, None, "a", "b"], dtype=object), r"5 texts, 5 values of city \(2 missing\)"),
    ],
)
def test_what_does_not_fit_is_refused(city, message):
    with pytest.raises(DataError, match=message):
        term_trends(matrix_of(TEXTS), city, YEAR, ["a"])


@settings(max_examples=40)
@given(st.lists(st.text("ab链", max_size=6), min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(texts, random):
    size = len(texts)
    city, year, firm = (np.array([random.randint(0, 2) for _ in texts]) for _ in range(3))
    order = np.array(random.sample(range(size), size))
    matrix = matrix_of(texts)
    moved = TermMatrix(sparse.csr_array(matrix.counts[order]), matrix.terms)
    straight = term_trends(matrix, city, year, ["a", "链"], firm=firm)
    pd.testing.assert_frame_equal(straight, term_trends(moved, city[order], year[order], ["a", "链"], firm=firm[order]))
    assert ((straight["low"] <= straight["share"]) & (straight["share"] <= straight["high"])).all()
    assert straight["n"].sum() == 2 * len({*zip(city, year, firm, strict=True)})
