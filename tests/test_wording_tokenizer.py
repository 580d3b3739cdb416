"""Many texts cut at once are what they are one by one."""

import re
import subprocess
import sys
import unicodedata
from collections import Counter

import numpy as np
import pytest
import rjieba
from hypothesis import given, settings
from hypothesis import strategies as st

from chainbert.companies import mask_cities
from chainbert.companies.cities import known_cities
from chainbert.companies.decoding import simplified
from chainbert.errors import DataError
from chainbert.wording.tokenizer import Tokenizer
from chainbert.wording.vocabulary import BREAK, LEFT_OUT, shipped_stop_words, shipped_words
from chainbert.wording.words import tokens

HAN = r"\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
LETTER = rf"[^\W_{HAN}]"
RUN = re.compile(rf"([{HAN}]+)|({LETTER}+(?:[-&+'’]{LETTER}+)*\+*)")
COUNT = re.compile(
    "[第每]?[零〇一二两三四五六七八九十百千万亿几半]+[余多]?"
    "[个家条份张次年月日天位只本枚套台笔件处间支块下遍步成分元倍股类项种层级款万亿]*"
)
CUTTER = rjieba.Jieba()
for _word in shipped_words():
    CUTTER.add_word(_word, None, None)


def one_by_one(text, language):
    """The plain way, a run of one script at a time: what the tokenizer must equal."""
    readable = mask_cities(simplified(unicodedata.normalize("NFKC", re.sub("[\ud800-\udfff]", " ", text))))
    stops = shipped_stop_words()
    found = []
    for han, latin in RUN.findall(readable):
        if han:
            found += [w for w in CUTTER.cut(han) if len(w) > 1 and w not in stops and not COUNT.fullmatch(w)]
            continue
        word = latin.lower().replace("’", "'")
        bare = word.removesuffix("'s").replace("'", "")
        stopped = language != "other" and (word in stops or bare in stops)
        if any(map(str.isalpha, word)) and len(bare) > 1 and not stopped:
            found.append(bare)
    return found


HOME = [city for city in known_cities() if city.province]
CHINESE = [name for city in HOME for name in (city.province, *city.chinese, *(zh for zh, _ in city.districts)) if name]
LATIN = [name for city in HOME for name in (*city.latin, *(en for _, en in city.districts)) if name]
WORD_LINES = """
区块链 區塊鏈 雲計算 人工智慧 銀行 票据 以上海外 构成都 東西安全 长春藤 之前海 省 市 市场 区 特别行政区
三个 一千万元 的 本市 公司 〇 二〇一八 㐀 鿿 𠀀 ２０１８ ① ㎡ … _ _a 3.5 ＡＩ ５Ｇ ﬁntech Kiev ſtock İstanbul
SaaS r&d C++ people's People’s e-commerce Proof-of-Stake the The a An an of city City District Municipality based
🚀 👩‍👩‍👧 שלום بلوكشين ブロックチェーン 블록체인 é e\u0301 \u0301
"""
WORDS = WORD_LINES.split()
SIGNS = [
    "",
    "",
    " ",
    "  ",
    " " * 60,
    "\n",
    "\t",
    "\u3000",
    "\xa0",
    "\u2028",
    ",",
    "，",
    "。",
    "、",
    "-",
    "·",
    "•",
    ".",
    "'",
    "’",
    "&",
    "+",
]
SIGNS += ["\x00", "\x01", "\x1c", "\ud800", "\udfff", "�", "\u200b", "\ufeff"]
PIECES = st.one_of(
    st.sampled_from(WORDS),
    st.sampled_from(CHINESE),
    st.sampled_from(LATIN),
    st.sampled_from(SIGNS),
    st.text(max_size=3),
)
TEXTS = st.lists(PIECES, max_size=14).map("".join)
LANGUAGES = st.sampled_from(["zh", "en", "other"])
TOKENIZER = Tokenizer()


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(TEXTS, LANGUAGES), max_size=6))
def test_texts_together_have_the_words_they_have_alone(rows):
    texts, languages = [text for text, _ in rows], [language for _, language in rows]
    matrix = TOKENIZER.matrix(texts, languages)
    expected = [one_by_one(text, language) for text, language in rows]
    assert [tokens(text, language) for text, language in rows] == expected
    assert matrix.terms.tolist() == sorted({term for words in expected for term in words})
    assert matrix.counts.shape == (len(rows), len(matrix.terms))
    assert matrix.counts.dtype == np.int32
    for row, words in enumerate(expected):
        assert counted(matrix, row) == Counter(words)
    assert matrix.counts.has_canonical_format
    assert (matrix.counts.data > 0).all()


@settings(max_examples=50, deadline=None)
@given(st.lists(TEXTS, max_size=5), st.randoms(use_true_random=False))
def test_the_order_of_the_texts_changes_the_order_of_the_rows_only(texts, random):
    order = list(range(len(texts)))
    random.shuffle(order)
    one = TOKENIZER.matrix(texts, ["zh"] * len(texts), ngrams=2)
    other = TOKENIZER.matrix([texts[place] for place in order], ["zh"] * len(texts), ngrams=2)
    assert one.terms.tolist() == other.terms.tolist()
    assert (one.counts[order] != other.counts).nnz == 0


@settings(max_examples=50, deadline=None)
@given(st.lists(TEXTS, max_size=5), st.integers(1, 3))
def test_runs_are_those_of_neighbouring_terms(texts, longest):
    sequence = TOKENIZER.sequence(texts, ["en"] * len(texts))
    matrix = TOKENIZER.matrix(texts, ["en"] * len(texts), ngrams=longest)
    starts = np.cumsum([0, *sequence.lengths])
    for row in range(len(texts)):
        ids = sequence.ids[starts[row] : starts[row + 1]].tolist()
        windows = [ids[at : at + size] for size in range(1, longest + 1) for at in range(len(ids) - size + 1)]
        runs = Counter(" ".join(sequence.terms[one] for one in window) for window in windows if min(window) >= 0)
        assert counted(matrix, row) == runs


def counted(matrix, row):
    one = matrix.counts[[row]]
    return {matrix.terms[place]: int(n) for place, n in zip(one.indices, one.data, strict=True)}


def named(sequence):
    names = {LEFT_OUT: "_", BREAK: "|"}
    return [names[one] if one < 0 else sequence.terms[one] for one in sequence.ids.tolist()]


def test_what_was_left_out_and_signs_keep_terms_apart():
    text = "银行的票据，区块链 钱包AI芯片;smart contracts, the token of 2018 users"
    sequence = Tokenizer().sequence([text, ""], ["zh", "zh"])
    expected = "银行 _ 票据 | 区块链 钱包 ai 芯片 | smart contracts | _ token _ _ users"
    assert " ".join(named(sequence)) == expected
    assert sequence.lengths.tolist() == [len(sequence.ids), 0]
    assert counted(Tokenizer().matrix([text], ["zh"], ngrams=2), 0).keys() >= {
        "ai 芯片",
        "区块链 钱包",
        "smart contracts",
    }


def test_processes_share_the_work_with_the_same_result():
    texts = [f"第{n}家银行的區塊鏈平台，wallets of bank{n % 97} in Shenzhen深圳市" for n in range(6_000)]
    languages = ["zh", "en", "other"] * 2_000
    one = Tokenizer(["票据池"], ["平台"]).matrix(texts, languages)
    two = Tokenizer(["票据池"], ["平台"]).matrix(texts, languages, workers=2)
    assert one.terms.tolist() == two.terms.tolist()
    assert (one.counts != two.counts).nnz == 0


def test_words_of_ones_own_stay_whole_and_are_never_dropped():
    text = "公司的灵链仓系統平台，Company wallets"
    assert tokens(text, "zh") == ["灵链", "系统", "平台", "wallets"]
    own = Tokenizer(words=["靈鏈倉", "公司", "Company"])
    assert own.tokens(text, "zh") == ["公司", "灵链仓", "系统", "平台", "company", "wallets"]
    assert own.tokens("Die Company", "other") == ["die", "company"]


def test_stop_words_of_ones_own_are_dropped_even_from_the_words():
    own = Tokenizer(words=["灵链仓"], stop_words=["靈鏈倉", "平台", "Wallets"])
    assert own.tokens("公司的灵链仓系统平台，wallets for banks", "zh") == ["系统", "banks"]


@pytest.mark.parametrize(
    ("english", "expected"),
    [
        ("words", ["studies", "traded", "wallets", "smart-contracts", "5g", "r&d", "c++"]),
        ("stems", ["studi", "trade", "wallet", "smart-contract", "5g", "r&d", "c++"]),
        ("lemmas", ["study", "trade", "wallet", "smart-contract", "5g", "r&d", "c++"]),
    ],
)
def test_english_words_may_stand_as_stems_or_lemmas(english, expected):
    text = "Studies traded wallets' smart-contracts 5G R&D C++"
    own = Tokenizer(english=english)
    assert own.tokens(text, "en") == own.tokens(text, "zh") == expected


def test_forms_of_stop_words_are_dropped_and_other_languages_keep_their_words():
    assert Tokenizer(english="lemmas").tokens("the company's subsidiaries", "en") == []
    assert Tokenizer(english="stems").tokens("Wallets die Banken", "other") == ["wallets", "die", "banken"]


@pytest.mark.parametrize(
    "text",
    [
        "区块链" * 700_000,
        "万" * 2_000_000,
        "万" * 2_000_000 + "x",
        "e" * 2_000_000,
        "a-" * 1_000_000,
        "🚀" * 2_000_000,
        "שלום " * 400_000,
        "a" + "\u0301\u0323" * 1_000_000,
        "北京" + " " * 2_000_000 + "海淀区",
        "上海" * 200_000 + "Beijing " * 100_000,
        "\ud800" * 2_000_000,
        "\x00" * 2_000_000,
        "ﷺ" * 100_000,
    ],
    ids=lambda text: repr(text[:4]),
)
def test_a_text_of_two_megabytes_is_read_in_a_moment(text):
    matrix = TOKENIZER.matrix(["钱包", text, "票据"], ["zh"] * 3)
    assert counted(matrix, 0) == {"钱包": 1}
    assert counted(matrix, 2) == {"票据": 1}


def test_long_runs_of_marks_end_with_the_thirtieth():
    (word,) = tokens("q" + "\u0323" * 5_000, "en") or [""]
    assert len(word) <= 31


def test_no_texts_have_no_terms():
    matrix = Tokenizer().matrix([], [])
    assert matrix.counts.shape == (0, 0)
    assert Tokenizer().matrix(["", "。"], ["zh", "zh"], ngrams=3).counts.shape == (2, 0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Tokenizer(english="roots"), r"english = 'roots' found; expected one of words, stems, lemmas"),
        (lambda: Tokenizer(["AI芯片"]), r"'AI芯片' found among the words; 2 or more Chinese characters"),
        (lambda: Tokenizer(["smart contract"]), r"'smart contract' found among the words"),
        (lambda: Tokenizer(["链"]), r"'链' found among the words"),
        (lambda: Tokenizer(stop_words=[" "]), r"' ' found among the stop words"),
        (lambda: Tokenizer().tokens("Bonjour", "fr"), r"language 'fr' found; expected one of zh, en, other"),
        (lambda: Tokenizer().matrix(["a", "b"], ["zh"]), r"2 texts and 1 languages found; one a text"),
        (lambda: Tokenizer().matrix(["a"], ["zh"], workers=0), r"workers = 0 found; at least 1 process"),
        (lambda: Tokenizer().matrix(["a"], ["zh"], ngrams=0), r"ngrams = 0 found; a run of at least 1 term"),
        (lambda: Tokenizer().matrix(["a", None], ["zh"] * 2), r"text 1: None of type NoneType found; a string"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_reason(call, message):
    with pytest.raises(DataError, match=message):
        call()


def test_the_process_wide_segmenter_is_left_alone():
    before = rjieba.cut("灵链仓")
    assert Tokenizer(["灵链仓"]).tokens("灵链仓", "zh") == ["灵链仓"]
    assert rjieba.cut("灵链仓") == before != ["灵链仓"]


def test_making_a_tokenizer_reads_no_dictionary():
    code = (
        "from chainbert.wording.tokenizer import Tokenizer; import chainbert.wording.cutting as c; "
        "Tokenizer(['票据池']); print(c.segmenter.cache_info().currsize, c._kinds.cache_info().currsize)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "0 0\n"
