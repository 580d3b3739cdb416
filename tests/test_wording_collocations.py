"""Frequencies and collocations."""

from collections import Counter
from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainbert.errors import DataError
from chainbert.wording.collocations import collocations, frequencies
from chainbert.wording.matrix import TermSequence, count
from chainbert.wording.vocabulary import BREAK, LEFT_OUT


def sequence(*texts):
    """Texts of terms between blanks; _ is a word that was left out, . a sign."""
    words = [text.split() for text in texts]
    terms = sorted({word for text in words for word in text} - {"_", "."})
    place = {**{term: at for at, term in enumerate(terms)}, "_": LEFT_OUT, ".": BREAK}
    ids = np.array([place[word] for text in words for word in text], dtype=np.int32)
    return TermSequence(ids, np.array(list(map(len, words)), dtype=np.int32), np.array(terms, dtype=object))


# The examples and their printed values in quanteda.textstats' documentation and tests of textstat_collocations.
EUROPEAN = "The new European Union is not the old European Union ."
NESTED = (
    ". . . . a b c . . a b c . . . c d e",
    "a b . . a b . . a b . . a b . a b",
    "b c d . . b c . b c . . . b c",
)
PUBLISHED = [
    ((NESTED), (2, 3), "a b", 7, 2, 5.652489, 2.745546),
    ((NESTED), (2, 3), "b c", 6, 3, 5.609472, 2.721287),
    ((NESTED), (2, 3), "c d", 2, 2, 4.976734, 2.354187),
    ((NESTED), (2, 3), "a b c", 2, 0, 0.0, 0.0),
    ((EUROPEAN,), (2,), "European Union", 2, 0, 4.317488, 2.027787),
    (("a b c a b d e b d a b",), (2,), "a b", 3, 0, 3.412247, 1.936083),
    (("a b c a b d e b d a b",), (2,), "b d", 2, 0, 3.218876, 1.799406),
    (("i like good ice cream .", "me too . i like good ice cream .", ""), (2,), "i like", 2, 0, 4.317488, 2.027787),
]


@pytest.mark.parametrize(("texts", "sizes", "term", "n", "nested", "strength", "z"), PUBLISHED)
def test_numbers_are_those_published_for_quanteda(texts, sizes, term, n, nested, strength, z):
    row = collocations(sequence(*texts), sizes=sizes).set_index("term").loc[term]
    assert (row["n"], row["nested"]) == (n, nested)
    assert row["lambda"] == pytest.approx(strength, abs=1e-6)
    assert row["z"] == pytest.approx(z, abs=1e-6)


def test_the_published_table_has_these_rows_in_this_order():
    assert collocations(sequence(*NESTED), sizes=(2, 3))["term"].tolist() == ["a b", "b c", "c d", "a b c"]
    every = collocations(sequence(EUROPEAN), fewest=1)
    assert every["term"].tolist()[0] == "European Union"
    assert set(every["term"][-2:]) == {"new European", "old European"}
    assert every["z"].tolist()[-1] == pytest.approx(1.454456, abs=1e-6)


@pytest.mark.parametrize(
    ("texts", "sizes", "expected"),
    [
        (
            ("_ _ a b c _ _ a b c d", "a b . a b _ a b"),
            (2, 3),
            {"a b": (5, 2), "b c": (2, 2), "c d": (1, 1), "a b c": (2, 0), "b c d": (1, 0)},
        ),
        ((". . a b c d . . a b c . .",), (2, 3, 4), {"a b": (2, 2), "b c": (2, 2), "c d": (1, 1), "a b c d": (1, 0)}),
    ],
)
def test_uses_inside_longer_runs_are_told(texts, sizes, expected):
    table = collocations(sequence(*texts), sizes=sizes, fewest=1).set_index("term")
    assert {term: (table.loc[term, "n"], table.loc[term, "nested"]) for term in expected} == expected


WORDS = st.sampled_from(["a", "b", "c", "_", "."])
TEXTS = st.lists(st.lists(WORDS, max_size=12).map(" ".join), min_size=1, max_size=5)


@settings(max_examples=120, deadline=None)
@given(TEXTS, st.integers(2, 4))
def test_lambda_and_z_are_those_of_the_counted_table(texts, size):
    windows = []
    for text in texts:
        words = text.split()
        windows += [tuple(words[at : at + size]) for at in range(len(words) - size + 1)]
    windows = [window for window in windows if "." not in window]
    found = collocations(sequence(*texts), sizes=(size,), fewest=1)
    runs = Counter(window for window in windows if "_" not in window)
    assert dict(zip(found["term"], found["n"], strict=True)) == {" ".join(run): n for run, n in runs.items()}
    for row in found.itertuples():
        run = row.term.split()
        agreement = Counter(tuple(one == other for one, other in zip(window, run, strict=True)) for window in windows)
        cells = [(sum(cell), agreement[cell] + 0.5) for cell in product([False, True], repeat=size)]
        strength = sum((-1) ** (size - agreeing) * np.log(n) for agreeing, n in cells)
        assert row[found.columns.get_loc("lambda") + 1] == pytest.approx(strength, abs=1e-9)
        assert row.z == pytest.approx(strength / np.sqrt(sum(1 / n for _, n in cells)), abs=1e-9)


@settings(max_examples=50, deadline=None)
@given(TEXTS, st.randoms(use_true_random=False))
def test_the_order_of_the_texts_changes_nothing(texts, random):
    shuffled = random.sample(texts, len(texts))
    pd.testing.assert_frame_equal(
        collocations(sequence(*texts), sizes=(2, 3), fewest=1),
        collocations(sequence(*shuffled), sizes=(2, 3), fewest=1),
    )


def test_words_drawn_alone_are_no_collocations_and_a_planted_pair_is_the_strongest():
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(list("abcdefghijklmnopqrst"), 80)) for _ in range(200)]
    alone = collocations(sequence(*texts))
    assert len(alone) == 400
    assert alone["z"].mean() == pytest.approx(0, abs=0.1)
    assert 0.02 <= (alone["z"].abs() > 1.96).mean() <= 0.08
    planted = [f"{text} smart contract" if place % 4 == 0 else text for place, text in enumerate(texts)]
    table = collocations(sequence(*planted))
    assert table.loc[0, "term"] == "smart contract"
    assert table.loc[0, "z"] > 5


def test_firms_are_counted_once_and_may_be_too_few():
    texts = sequence("a b", "a b", "a b . c d", "c d")
    table = collocations(texts, firm=np.array(["x", "x", "y", "y"])).set_index("term")
    assert table.loc["a b", ["n", "texts", "firms"]].tolist() == [3, 3, 2]
    assert table.loc["c d", ["n", "texts", "firms"]].tolist() == [2, 2, 1]
    few = collocations(texts, firm=np.array(["x", "x", "y", "y"]), fewest_firms=2)
    assert few["term"].tolist() == ["a b"]


def test_no_runs_give_an_empty_table_with_its_columns():
    for texts in ((), ("",), ("a",), ("a . b",)):
        table = collocations(sequence(*texts), sizes=(2, 3))
        assert table.columns.tolist() == ["term", "size", "n", "nested", "texts", "firms", "lambda", "z"]
        assert table.empty


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sizes": (1, 2)}, r"sizes = \[1, 2\] found; one or more numbers of words from 2 to 5"),
        ({"sizes": ()}, r"sizes = \[\] found"),
        ({"fewest": 0}, r"fewest = 0, fewest_firms = 1 and smoothing = 0.5 found"),
        ({"smoothing": -1}, r"smoothing = -1 found"),
        ({"firm": np.array(["x"])}, r"2 texts and 1 labels of a firm found; one a text"),
    ],
)
def test_arguments_that_cannot_be_are_refused(arguments, message):
    with pytest.raises(DataError, match=message):
        collocations(sequence("a b", "a b"), **arguments)


MATRIX = count(sequence("b a b", "a", "a c", ""))


def test_frequencies_tell_uses_texts_firms_and_ranks():
    table = frequencies(MATRIX, firm=np.array(["x", "x", "y", "z"]))
    assert table.to_dict("list") == {
        "term": ["a", "b", "c"],
        "n": [3, 2, 1],
        "texts": [3, 1, 1],
        "firms": [2, 1, 1],
        "rank": [1, 2, 3],
    }


def test_terms_with_as_many_uses_share_a_rank_and_stand_in_the_order_of_their_characters():
    table = frequencies(count(sequence("链 云 b b")))
    assert table["term"].tolist() == ["b", "云", "链"]
    assert table["rank"].tolist() == [1, 2, 2]


def test_frequencies_of_groups_are_ranked_apart():
    table = frequencies(MATRIX, group=np.array(["Shenzhen", "Beijing", "Shenzhen", "Wuhan"]))
    assert table.columns.tolist() == ["group", "term", "n", "texts", "firms", "rank"]
    assert list(table[["group", "term", "n", "rank"]].itertuples(index=False, name=None)) == [
        ("Beijing", "a", 1, 1),
        ("Shenzhen", "a", 2, 1),
        ("Shenzhen", "b", 2, 1),
        ("Shenzhen", "c", 1, 3),
    ]


@settings(max_examples=50, deadline=None)
@given(TEXTS, st.data())
def test_groups_add_up(texts, data):
    matrix = count(sequence(*texts))
    group = np.array(data.draw(st.lists(st.sampled_from("xyz"), min_size=len(texts), max_size=len(texts))))
    together, apart = frequencies(matrix), frequencies(matrix, group=group)
    added = apart.groupby("term")[["n", "texts", "firms"]].sum()
    pd.testing.assert_frame_equal(
        together.set_index("term")[["n", "texts", "firms"]].sort_index(), added.sort_index(), check_dtype=False
    )


def test_labels_of_another_length_are_refused():
    with pytest.raises(DataError, match=r"4 texts and 1 labels of a group found; one a text is expected"):
        frequencies(MATRIX, group=np.array(["x"]))


def test_no_texts_have_no_frequencies():
    empty = count(sequence())
    assert frequencies(empty).empty
    assert frequencies(empty, group=np.array([], dtype=str)).columns.tolist()[0] == "group"
