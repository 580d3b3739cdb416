"""Words of a text in either script."""

import opencc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainbert.errors import ConfigError, DataError
from chainbert.wording import tokens
from chainbert.wording.config import WordingConfig
from chainbert.wording.vocabulary import read_words, shipped_stop_words, shipped_words
from chainbert.yamlfile import Section, load


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


class Study(Section):
    wording: WordingConfig = WordingConfig()


def loaded(tmp_path, text):
    (tmp_path / "study.yaml").write_text(text, encoding="utf-8")
    return load(Study, tmp_path / "study.yaml").value.wording


def test_a_study_file_names_its_words(tmp_path):
    config = loaded(tmp_path, "wording:\n  words: [靈鏈倉]\n  stop_words: [平台]\n  english: lemmas\n")
    assert config.tokenizer().tokens("灵链仓平台 for wallets", "zh") == ["灵链仓", "wallet"]
    assert (config.ngrams, config.fewest_firms, config.draws, config.dictionary, config.cloud_words) == (
        1, 2, 999, "themes", 200,
    )  # fmt: skip


def test_a_study_file_names_a_file_of_words(tmp_path):
    (tmp_path / "own.txt").write_text("\ufeff# our own\n灵链仓 票据池\n\nsmart-lock\n", encoding="utf-8")
    assert read_words(tmp_path / "own.txt") == ("灵链仓", "票据池", "smart-lock")
    config = loaded(tmp_path, "wording:\n  words: own.txt\n")
    assert config.tokenizer(tmp_path / "own.txt").tokens("灵链仓的票据池", "zh") == ["灵链仓", "票据池"]


def test_a_file_of_words_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "own.txt").write_bytes("票据".encode("gb18030"))
    for name in ("none.txt", "own.txt"):
        with pytest.raises(ConfigError, match=rf"{name}: .*; a UTF-8 file of words, one or more a line, is expected"):
            WordingConfig(words=name).tokenizer(tmp_path / name)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("wording:\n  words: [AI芯片]\n", r"study.yaml:2:\d+: wording.words: 'AI芯片' found among the words"),
        ("wording:\n  stop_words: [of the]\n", r"'of the' found among the stop words"),
        ("wording:\n  english: roots\n", r"wording.english = 'roots'"),
        ("wording:\n  draws: 9\n", r"wording.draws = 9"),
    ],
)
def test_words_that_no_text_can_be_cut_into_are_refused_where_they_stand(tmp_path, text, message):
    with pytest.raises(ConfigError, match=message):
        loaded(tmp_path, text)


def test_the_lexicons_words_come_out_whole_and_are_no_stop_words():
    assert not set(shipped_words()) & shipped_stop_words()
    assert len(set(shipped_words())) == len(shipped_words())
    cut = [word for word in shipped_words() if tokens(f"，{word}，", "zh") != [word]]
    assert cut == []


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
