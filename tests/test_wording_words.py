"""Words of a text in either script."""

import subprocess
import sys

import opencc
import pytest
import rjieba
from hypothesis import given, settings
from hypothesis import strategies as st

from chainbert.errors import DataError
from chainbert.wording import tokens


def test_chinese_is_cut_into_the_lexicons_words():
    text = "基于机器学习与云计算，面向银行的供应链金融和数字货币平台"
    assert tokens(text, "zh") == ["机器学习", "云计算", "银行", "供应链金融", "数字货币", "平台"]


def test_traditional_characters_give_the_words_of_simplified_ones():
    traditional = "為政務部門搭建區塊鏈存證平臺，支持數據溯源與智能合約"
    simplified = "为政务部门搭建区块链存证平台，支持数据溯源与智能合约"
    assert tokens(traditional, "zh") == tokens(simplified, "zh")
    assert {"区块链", "存证", "智能合约"} <= set(tokens(traditional, "zh"))


def test_a_chinese_text_keeps_its_english_words():
    assert tokens("我们的SaaS系统支持5G和Cross-Chain协议", "zh") == [
        "saas",
        "系统",
        "支持",
        "5g",
        "cross-chain",
        "协议",
    ]


def test_an_english_text_keeps_its_chinese_words():
    assert tokens("Wallets (数字钱包) for farmers", "en") == ["wallets", "数字钱包", "farmers"]


def test_full_width_letters_are_letters():
    assert tokens("ＡＩ芯片", "zh") == ["ai", "芯片"]


def test_english_words_are_lower_case_with_their_hyphens_and_without_numbers():
    text = "Acme's Proof-of-Stake R&D since 2016: 40 nodes, 3.5 million users, a C++ wallet"
    assert tokens(text, "en") == ["acme", "proof-of-stake", "r&d", "nodes", "users", "c++", "wallet"]


def test_chinese_numbers_and_single_characters_are_no_words():
    assert tokens("三个银行和十一家法院，共一千万元；一带一路", "zh") == ["银行", "法院", "一带一路"]


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("公司成立于2016年，总部位于北京市海淀区。", "zh"),
        ("The company was founded in 2016 and is headquartered in Shenzhen.", "en"),
        ("上海的有限公司", "zh"),
        ("A Beijing-based company", "en"),
        ("", "zh"),
        ("2018 — 56 % !?", "en"),
        ("🚀🚀", "other"),
    ],
)
def test_boilerplate_cities_and_signs_are_no_words(text, language):
    assert tokens(text, language) == []


def test_in_other_languages_words_that_look_like_english_stop_words_stay():
    assert tokens("Die Plattform an der Börse", "other") == ["die", "plattform", "an", "der", "börse"]


def test_an_unknown_language_is_refused():
    with pytest.raises(DataError, match=r"language 'fr' found; expected one of zh, en, other"):
        tokens("Bonjour", "fr")


def test_hostile_texts_are_read():
    assert tokens("钱包\x00\ud800" + "e" * 50_000, "zh") == ["钱包", "e" * 50_000]


def test_the_process_wide_segmenter_is_left_alone():
    before = rjieba.cut("机器学习")
    tokens("机器学习", "zh")
    assert rjieba.cut("机器学习") == before != ["机器学习"]


def test_importing_reads_no_dictionary():
    code = "import chainbert.wording.words as t; print(t._segmenter.cache_info().currsize)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "0\n"


ANY_TEXT = st.text(alphabet=st.sampled_from("区塊鏈数据雲計算的公司 aAbZ-3&'，。\n\u0000é🚀"), max_size=60)


@settings(max_examples=60, deadline=None)
@given(ANY_TEXT, st.sampled_from(["zh", "en", "other"]))
def test_every_word_has_a_letter_and_is_lower_case_and_simplified(text, language):
    to_simplified = opencc.OpenCC("t2s")
    for word in tokens(text, language):
        assert word == word.lower() == to_simplified.convert(word)
        assert any(letter.isalpha() for letter in word)


@settings(max_examples=60, deadline=None)
@given(ANY_TEXT, ANY_TEXT)
def test_sentences_are_read_one_by_one(one, other):
    assert tokens(f"{one}\n{other}", "zh") == tokens(one, "zh") + tokens(other, "zh")
