"""Keywords in context."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from chainbert.errors import DataError
from chainbert.wording.concordance import Concordancer, concordance
from chainbert.wording.surroundings import cuts

TEXTS = [
    "The bank's clients are Banks abroad.",
    "",
    "公司为银行提供區塊鏈服务，也为各家銀行提供培训。",
    "A ledger for data-bank users; 微信 (WeChat) bank.",
]


def places(texts, pattern, **settings):
    return concordance(texts, pattern, **settings).table[["row", "start", "end"]].values.tolist()


def test_places_by_row_and_start():
    assert places(TEXTS, "bank*") == [[0, 4, 8], [0, 23, 28], [3, 18, 22], [3, 42, 46]]
    assert places(TEXTS, "银行") == [[2, 3, 5], [2, 17, 19]]
    assert places(TEXTS, "区块链") == [[2, 7, 10]]


@given(
    st.lists(st.text(alphabet="ab 银行。\n👍🏽é", max_size=40), max_size=5),
    st.integers(0, 6),
    st.sampled_from(["auto", "words", "characters"]),
)
def test_parts_adjoin_and_are_the_text(texts, window, unit):
    table = concordance(texts, "银行", window=window, unit=unit).table
    assert len(table) == sum(text.count("银行") for text in texts)
    for row, start, end, left, keyword, right in table.itertuples(index=False):
        assert (keyword, texts[row][start:end]) == ("银行", "银行")
        assert texts[row][:start].endswith(left)
        assert texts[row][end:].startswith(right)
        assert unit != "characters" or max(len(left), len(right)) <= window


@given(st.lists(st.text(alphabet="abAB银 ", max_size=20), max_size=6), st.sampled_from(["ab", "a", "银", "b 银"]))
def test_a_fixed_pattern_finds_what_find_does(texts, pattern):
    expected = [
        [row, *m.span()] for row, text in enumerate(texts) for m in re.finditer(re.escape(pattern), text.lower())
    ]
    assert places(texts, pattern, kind="fixed") == expected
    assert places(texts, re.escape(pattern), kind="regex") == expected


def test_windows_are_words_in_english_and_characters_in_chinese():
    english = concordance(["one two three four bank five six seven"], "bank", window=2).table.iloc[0]
    assert (english["left"], english["right"]) == ("three four ", " five six")
    chinese = concordance(["一二三四五银行六七八九"], "银行", window=2).table.iloc[0]
    assert (chinese["left"], chinese["right"]) == ("四五", "六七")
    forced = concordance(["one two bank three"], "bank", window=2, unit="characters").table.iloc[0]
    assert (forced["left"], forced["right"]) == ("o ", " t")
    mixed = concordance(["provides services on 微信 to many merchants abroad"], "微信", window=1).table.iloc[0]
    assert (mixed["left"], mixed["right"]) == ("on ", " to")


def test_matches_do_not_overlap():
    table = concordance(["一行行行", "bank-bank-bank"], "?行").table
    assert table[["row", "start", "end"]].values.tolist() == [[0, 0, 2], [0, 2, 4]]
    assert concordance(["bank bank bank"], "bank bank").table["start"].tolist() == [0]


def test_a_regular_expression_sees_one_text_only():
    assert places(["ab", "ab"], "^ab$", kind="regex") == [[0, 0, 2], [1, 0, 2]]
    assert places(["a", "b"], r"a[^x]*b", kind="regex") == []
    assert places(["繁體"], "[繁简]体", kind="regex") == [[0, 0, 2]]
    assert places(["12家银行"], r"\d+家\W?银行", kind="regex") == [[0, 0, 5]]
    assert places(["abc"], "x*", kind="regex") == []


def test_letter_case_counts_on_demand():
    assert places(["Bank bank BANK"], "Bank", keep_case=True) == [[0, 0, 4]]
    assert places(["Bank bank"], "B.nk", kind="regex", keep_case=True) == [[0, 0, 4]]
    assert Concordancer(["Bank bank"], keep_case=True).find("bank").table["start"].tolist() == [5]


def test_made_ready_texts_give_the_same():
    ready = Concordancer(TEXTS)
    for pattern, kind in (("bank*", "phrase"), ("银行", "fixed"), ("b.n", "regex")):
        assert ready.find(pattern, kind=kind).table.equals(concordance(TEXTS, pattern, kind=kind).table)


def test_the_first_places_only():
    found = concordance(["a a a"] * 3, "a", limit=4)
    assert found.table["row"].tolist() == [0, 0, 0, 1]
    assert found.texts == 2


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"pattern": "*"}, "nothing to look for: '\\*' has no letter"),
        ({"pattern": "(", "kind": "regex"}, "'\\(' is no regular expression: .* at character 1"),
        ({"pattern": "", "kind": "fixed"}, "an empty pattern was given"),
        ({"pattern": "a", "kind": "glob"}, "kind 'glob' found; expected phrase, regex or fixed"),
        ({"pattern": "a", "window": -1}, "a window of -1 was asked for"),
    ],
)
def test_what_cannot_be_looked_for_is_said(settings, message):
    with pytest.raises(DataError, match=message):
        concordance(["a"], **settings)


def test_a_row_without_text_is_named():
    with pytest.raises(DataError, match="row 1: NoneType None found, text expected"):
        concordance(["a", None], "a")


FAMILY, FLAG, ACCENT = "👨‍👩‍👧", "🇨🇳", "e\u0301"


@pytest.mark.parametrize("cluster", [FAMILY, FLAG, ACCENT, "👍🏽", "❤️"])
@pytest.mark.parametrize("window", [1, 2, 3, 4])
def test_no_character_is_cut_in_two(cluster, window):
    row = concordance([f"{cluster}银行{cluster}"], "银行", window=window, unit="characters").table.iloc[0]
    assert row["left"] in ("", cluster)
    assert row["right"] in ("", cluster)


def test_flags_are_pairs():
    assert [cuts("🇨🇳🇯🇵", place) for place in range(5)] == [False, True, False, True, False]


def test_lines_are_aligned_in_both_scripts():
    lines = concordance([*TEXTS, "銀行\nbank 银行"], "银行", window=6, unit="characters").to_text(width=60).splitlines()
    assert len({cell_len(re.split("[银銀]行", line, maxsplit=1)[0]) for line in lines[:2]}) == 1
    assert max(map(cell_len, lines)) <= 60
    assert "\n" not in lines[-1]


def test_lines_that_are_not_shown_are_counted():
    found = concordance(["a"] * 5, "a")
    assert found.to_text(lines=2).splitlines()[-1] == "… and 3 more"
    assert concordance([], "a").to_text() == "nothing found"
    assert "0 places in 0 of 0 texts" in concordance([], "a")._repr_html_()


def test_right_to_left_words_and_commands_do_not_turn_a_line():
    text = concordance(["שלום עולם bank \x1b[31m\u202eمرحبا \ud800"], "bank").to_text()
    assert "\u2068" in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    text.encode()


def test_markup_is_shown_and_not_obeyed():
    html = concordance(["<script>alert(1)</script> bank <b>"], "bank")._repr_html_()
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert "1 places in 1 of 1 texts" in html


def test_a_text_of_two_megabytes():
    assert len(concordance(["银" * 2_000_000 + "行"], "银行").table) == 1
    assert len(concordance(["x" * 2_000_000 + " bank"], "bank").table) == 1
