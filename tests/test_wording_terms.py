"""Class-based TF-IDF."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainbert.errors import DataError
from chainbert.wording import class_terms

ROWS = [["chain", "bank"], ["chain", "chain"], ["game", "bank"], ["game", "game", "play"], ["chain"]]
LABELS = np.array([0, 0, 1, 1, -1])


def by_term(table, cluster):
    return table[table["cluster"] == cluster].set_index("term")


def test_weights_by_hand():
    table = class_terms(ROWS, LABELS, top=9, fewest_firms=1)
    mean_words = (4 + 5 + 1) / 3
    chain = by_term(table, 0).loc["chain"]
    assert chain["weight"] == pytest.approx(3 / 4 * math.log(1 + mean_words / 4))
    bank = by_term(table, 0).loc["bank"]
    assert bank["weight"] == pytest.approx(1 / 4 * math.log(1 + mean_words / 2))
    assert by_term(table, 1).loc["game"].tolist() == [1, 1, pytest.approx(3 / 5 * math.log(1 + mean_words / 3)), 2]
    assert by_term(table, -1).index.tolist() == ["chain"]


def test_terms_of_a_single_firm_are_left_out():
    table = class_terms(ROWS, LABELS, top=9)
    assert table[["cluster", "rank", "term", "firms"]].values.tolist() == [[0, 1, "chain", 2], [1, 1, "game", 2]]


def test_a_firm_seen_twice_counts_once():
    table = class_terms(ROWS, LABELS, top=9, fewest_firms=1, firm=np.array(["a", "a", "b", "c", "d"]))
    assert by_term(table, 0).loc["chain", "firms"] == 1
    assert by_term(table, 1).loc["game", "firms"] == 2


def test_ties_stand_in_the_order_of_characters():
    table = class_terms([["b", "a", "c"], ["b", "a", "c"]], np.array([0, 0]), top=2)
    assert table["term"].tolist() == ["a", "b"]


def test_rows_without_words_give_no_terms():
    table = class_terms([[], []], np.array([0, 1]), top=3)
    assert table.empty
    assert table.columns.tolist() == ["cluster", "rank", "term", "weight", "firms"]


def test_a_class_without_words_is_no_trouble():
    assert class_terms([["a"], ["a"], []], np.array([0, 0, 1]), top=3)["cluster"].tolist() == [0]


@pytest.mark.parametrize(
    ("labels", "top", "firm", "message"),
    [
        (np.array([0]), 3, None, r"2 token lists, 1 labels found"),
        (np.array([0, 0]), 3, np.array(["a"]), r"2 token lists, 2 labels and 1 firms found"),
        (np.array([0, 0]), 0, None, r"top = 0 and fewest_firms = 2 found"),
    ],
)
def test_what_does_not_fit_is_refused(labels, top, firm, message):
    with pytest.raises(DataError, match=message):
        class_terms([["a"], ["b"]], labels, top, firm=firm)


CORPUS = st.lists(st.lists(st.sampled_from(["链", "银行", "game", "cloud"]), max_size=6), min_size=1, max_size=12)


@settings(max_examples=50, deadline=None)
@given(CORPUS, st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(rows, random):
    labels = np.array([random.randint(-1, 2) for _ in rows])
    order = list(range(len(rows)))
    random.shuffle(order)
    shuffled = class_terms([rows[place] for place in order], labels[order], top=3)
    straight = class_terms(rows, labels, top=3)
    assert shuffled["term"].tolist() == straight["term"].tolist()
    assert shuffled["weight"].to_numpy() == pytest.approx(straight["weight"].to_numpy())


@settings(max_examples=50, deadline=None)
@given(CORPUS)
def test_writing_every_text_twice_keeps_the_shares_of_words(rows):
    labels = np.arange(len(rows)) % 2
    once = class_terms(rows, labels, top=9, fewest_firms=1)
    twice = class_terms([row * 2 for row in rows], labels, top=9, fewest_firms=1)
    assert twice["weight"].to_numpy() == pytest.approx(once["weight"].to_numpy())
    assert (once["weight"] >= 0).all()
