import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainbert.companies import split_sentences
from chainbert.companies.sentences import LONGEST

PROSE = st.text(
    alphabet=st.one_of(
        st.sampled_from("。！？；…，、“”（）.!?;,:'\"() \n\t\r\u3000AbcLtdUS0123公司平台服务…"),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=400,
)


def pieces(text):
    return [text[start:end] for start, end in split_sentences(text)]


def assert_tiled(text):
    position = 0
    for start, end in split_sentences(text):
        assert start >= position
        assert text[position:start].strip() == ""
        assert text[start:end] == text[start:end].strip() != ""
        assert end - start <= LONGEST
        position = end
    assert text[position:].strip() == ""


@given(st.one_of(PROSE, PROSE.map(lambda text: text * 40)))
@settings(deadline=None)
def test_sentences_tile_the_text(text):
    assert_tiled(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("甲公司做平台。乙公司做芯片！真的？", ["甲公司做平台。", "乙公司做芯片！", "真的？"]),
        ("他说：“我们做芯片。”随后上市；如今盈利……", ["他说：“我们做芯片。”", "随后上市；", "如今盈利……"]),
        ("第一行\n第二行\r\n第三行", ["第一行", "第二行", "第三行"]),
        ("主要产品：1.传感器2.芯片，售价3.5元", ["主要产品：1.传感器2.芯片，售价3.5元"]),
        ("公司做平台.公司做芯片.", ["公司做平台.", "公司做芯片."]),
        ("我们做SaaS. We sell it abroad.", ["我们做SaaS.", "We sell it abroad."]),
        ("Foo Co., Ltd. sells pumps. It grew.", ["Foo Co., Ltd. sells pumps.", "It grew."]),
        (
            "It was once Bar Co., Ltd. Foo Inc. Class H trades.",
            ["It was once Bar Co., Ltd.", "Foo Inc. Class H trades."],
        ),
        ("Sold in the U.S. The rest stays.", ["Sold in the U.S.", "The rest stays."]),
        ("Sold in the U.S. Midwest, e.g. Ohio.", ["Sold in the U.S. Midwest, e.g. Ohio."]),
        ("No. 3 in pumps, up 3.5 percent.", ["No. 3 in pumps, up 3.5 percent."]),
        ("Founded by A. B. Smith and Dr. Li. They met.", ["Founded by A. B. Smith and Dr. Li.", "They met."]),
        ('"We ship." Then it did! See a.b?c=d. Done', ['"We ship."', "Then it did!", "See a.b?c=d.", "Done"]),
        ("Wait... not yet. Then... Yes", ["Wait... not yet.", "Then...", "Yes"]),
        ("。", ["。"]),
        ("", []),
    ],
)
def test_sentences_of_both_languages(text, expected):
    assert pieces(text) == expected


def test_long_sentence_is_cut_at_commas_into_like_lengths():
    text = "本平台提供服务，" * 100
    lengths = [len(piece) for piece in pieces(text)]
    assert sum(lengths) == len(text)
    assert all(piece.endswith("，") for piece in pieces(text))
    assert max(lengths) <= LONGEST
    assert min(lengths) > LONGEST // 3


@pytest.mark.parametrize("unit", ["word, ", "平台服务", "A.", " ", "。", "- \n", '."', "…”"])
def test_monotonous_texts_of_megabytes_are_tiled(unit):
    assert_tiled(unit * (1_000_000 // len(unit)))
