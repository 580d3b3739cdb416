"""Dictionary analysis: phrases, files, counts and shares."""

import random
import re
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainbert.errors import ConfigError, DataError
from chainbert.wording.dictionaries import Dictionary
from chainbert.wording.dictionaryfile import DictionaryFile
from chainbert.wording.dictionaryshares import COLUMNS, dictionary_shares
from chainbert.wording.folding import blocks, folded
from chainbert.wording.phrases import occurrences, phrase
from chainbert.wording.tokenizer import Tokenizer

SMALL = """
id: small
categories:
  - id: cloud
    names: {zh: 云, en: Cloud}
    entries:
      - {zh: 云计算, en: [cloud computing, cloud]}
      - 5G
  - id: money
    entries:
      - {zh: [银行, 资产], en: [bank*, token*]}
      - {zh: 云计算银行}
    exclude:
      - {en: token ring}
      - {zh: 银行家}
"""


def of(tmp_path, text, name="d.yaml"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return Dictionary.load(path)


def found(dictionary, text):
    matches = dictionary.count([text]).matches
    return [(one.category, text[one.start : one.end]) for one in matches.itertuples()]


def spans(given, text, **settings):
    return [(start, end) for block in blocks([text]) for _, start, end in occurrences(block, phrase(given, **settings))]


def words(given, text):
    return [text[start:end] for start, end in spans(given, text)]


@pytest.mark.parametrize(
    ("given", "text", "expected"),
    [
        ("cloud computing", "Cloud computing, CLOUD\nCOMPUTING and cloud-computing", 3),
        ("cloud computing", "cloud computings uncloud computing cloudcomputing", 0),
        ("bank*", "bank Banking banks embank data-bank", ["bank", "Banking", "banks", "bank"]),
        ("*chain", "blockchain chain chains sidechain-based", ["blockchain", "chain", "sidechain"]),
        ("block*chain", "blockchain block-chain blockonchain", ["blockchain", "blockonchain"]),
        ("a * chain", "a public chain, a chain", ["a public chain"]),
        ("wom?n", "women woman womn wooman", ["women", "woman"]),
        ("??coin", "bitcoin mycoin acoin", ["mycoin"]),
        ("云计算", "雲計算与云计算", ["雲計算", "云计算"]),
        ("智慧*平台", "智慧平台、智慧城市平台、智慧，平台、智慧一二三四五六七平台", ["智慧平台", "智慧城市平台"]),
        ("云*", "云计算", ["云"]),
        ("BaaS 平台", "baas平台 ＢＡＡＳ 平台", ["baas平台", "ＢＡＡＳ 平台"]),
        ("saas", "提供SaaS服务，SaaS化，aSaaS", ["SaaS", "SaaS"]),
        ("c++", "C++, c++11", ["C++", "c++"]),
        ("банк*", "Банки и банк", ["Банки", "банк"]),
        ("café", "CAFÉ cafés", ["CAFÉ"]),
        ("china's", "China’s customs", ["China’s"]),
    ],
)
def test_what_a_phrase_finds(given, text, expected):
    assert len(words(given, text)) == expected if isinstance(expected, int) else words(given, text) == expected


@pytest.mark.parametrize("given", ["*", "* ?", "??", "——", "。"])
def test_a_phrase_of_wildcards_only_is_refused(given):
    with pytest.raises(ValueError, match="no letter or character to look for"):
        phrase(given)


@given(st.text(max_size=60))
def test_folding_keeps_every_offset(text):
    assert len(folded(text)) == len(text)
    assert folded(folded(text)) == folded(text)
    assert len(folded(text, keep_case=True)) == len(text)


def test_folding_is_the_same_for_every_way_of_writing():
    assert folded("區塊鏈ＡＢＣ‐x’s") == "区块链abc-x's"
    assert folded("ABC", keep_case=True) == "ABC"


LETTERS = st.text(alphabet="ab -链云", max_size=30)


@given(LETTERS, st.sampled_from(["ab", "a", "ab ab", "链", "链云", "a链", "ab链云"]))
def test_a_phrase_finds_what_a_regular_expression_would(text, given):
    def pattern(gap):
        return re.sub(" ", gap, given)

    before, after = (r"(?<![ab])" if given[0] in "ab" else ""), (r"(?![ab])" if given[-1] in "ab" else "")
    expected = [match.span() for match in re.finditer(before + pattern(r"[ \\-]{1,3}") + after, text)]
    assert spans(given, text) == expected


@settings(max_examples=50)
@given(
    st.lists(LETTERS, max_size=4),
    st.lists(st.sampled_from(["ab", "aba", "链云", "云", "ab ab", "*b", "a*"]), min_size=1),
)
def test_the_scanner_finds_what_each_phrase_finds_alone(texts, phrases):
    section = {
        "id": "x",
        "categories": [{"id": "c", "entries": [{"both": [one]}]} for one in dict.fromkeys(phrases)][:1],
    }
    dictionary = Dictionary.of(DictionaryFile.model_validate(section))
    matches = dictionary.count(texts, ["other"] * len(texts)).matches
    got = [(row, start, end) for row, start, end in matches[["row", "start", "end"]].itertuples(index=False)]
    assert got == [(row, *span) for row, text in enumerate(texts) for span in spans(phrases[0], text)]


def test_both_languages_are_one_row_and_a_word_may_count_in_several_categories(tmp_path):
    dictionary = of(tmp_path, SMALL)
    hits = dictionary.count(["雲計算和 Cloud Computing", "云计算银行 5g"])
    assert hits.counts.tolist() == [[2, 0], [2, 1]]
    assert set(hits.matches["entry"]) == {"云计算 / cloud computing", "云计算银行", "5G"}
    assert dictionary.categories[1].names == {"zh": "money", "en": "money"}


def test_the_longest_match_counts_once(tmp_path):
    assert found(of(tmp_path, SMALL), "cloud computing in a cloud") == [
        ("cloud", "cloud computing"),
        ("cloud", "cloud"),
    ]
    assert [word for category, word in found(of(tmp_path, SMALL), "云计算银行") if category == "money"] == [
        "云计算银行"
    ]


def test_what_is_excluded_does_not_count(tmp_path):
    assert found(of(tmp_path, SMALL), "A Token  Ring; tokens; 银行家 银行") == [("money", "tokens"), ("money", "银行")]


@pytest.mark.parametrize(
    ("text", "expected"), [("投资产品", []), ("数字资产", ["资产"]), ("固定资产投资", ["资产"]), ("资产", ["资产"])]
)
def test_a_chinese_entry_does_not_run_over_the_edge_of_a_word(tmp_path, text, expected):
    assert [word for _, word in found(of(tmp_path, SMALL), text)] == expected


def test_words_are_those_of_the_tokenizer_given_and_other_languages_are_not_cut(tmp_path):
    class Whole:
        def cut(self, text):
            return [text]

    dictionary = of(tmp_path, SMALL)
    assert len(dictionary.count(["投资产品"], tokenizer=Whole()).matches) == 1
    user = Tokenizer(words=["中资产"])
    assert len(dictionary.count(["其中资产品种"], tokenizer=user).matches) == 1
    assert len(dictionary.count(["投资产品"], tokenizer=user).matches) == 0
    assert len(dictionary.count(["投资产品"], ["other"]).matches) == 1
    assert len(dictionary.count(["投资产品"], ["zh"]).matches) == 0


def test_levels_count_towards_what_is_around_them(tmp_path):
    dictionary = of(
        tmp_path,
        "id: n\ncategories:\n  - id: service\n    entries: [repair]\n    exclude: [bank holiday]\n    categories:\n"
        "      - {id: finance, entries: [bank, bank card]}\n      - {id: other, entries: [card]}\n",
    )
    assert [category.id for category in dictionary.categories] == ["service", "service.finance", "service.other"]
    hits = dictionary.count(["repair bank card, a bank holiday"])
    assert hits.counts.tolist() == [[2, 1, 1]]


def test_what_a_level_excludes_counts_neither_inside_nor_around_it(tmp_path):
    dictionary = of(
        tmp_path,
        "id: n\ncategories:\n  - id: service\n    categories:\n"
        "      - {id: finance, entries: [bank], exclude: [bank holiday]}\n      - {id: other, entries: [card]}\n",
    )
    assert dictionary.count(["a bank holiday, a bank", "a bank holiday"]).counts.tolist() == [[1, 1, 0], [0, 0, 0]]


def test_offsets_are_those_of_the_text_as_given_and_rows_do_not_meet(tmp_path):
    texts = ["", "🙂 İ雲計算", "\0cloud", "bank", "er cloud " * 3, "银", "行"]
    matches = of(tmp_path, SMALL).count(texts).matches
    shown = [texts[one.row][one.start : one.end] for one in matches.itertuples()]
    assert shown == ["雲計算", "cloud", "bank", "cloud", "cloud", "cloud"]


def test_the_order_of_rows_changes_nothing(tmp_path):
    dictionary = of(tmp_path, SMALL)
    texts = ["云计算 bank", "token ring", "cloud 银行资产", ""] * 5
    order = list(range(len(texts)))
    random.Random(1).shuffle(order)
    assert np.array_equal(dictionary.count(texts).counts[order], dictionary.count([texts[i] for i in order]).counts)


def test_no_texts(tmp_path):
    hits = of(tmp_path, SMALL).count([])
    assert hits.counts.shape == (0, 2)
    assert hits.matches.columns.tolist() == ["row", "category", "entry", "start", "end"]
    assert dictionary_shares(hits, [], []).empty
    assert hits.by_firm([]).empty


def test_bad_texts_are_named(tmp_path):
    with pytest.raises(DataError, match="row 1: float nan found, text expected"):
        of(tmp_path, SMALL).count(["a", float("nan")])
    with pytest.raises(DataError, match="1 texts and 2 languages given"):
        of(tmp_path, SMALL).count(["a"], ["zh", "en"])


def test_faults_of_a_file_are_all_said_with_their_place(tmp_path):
    text = (
        "id: x\ncategories:\n  - id: a\n    entrys: [b]\n    entries:\n      - {zh: '*'}\n      - {dutch: bank}\n"
        "  - {id: A, entries: [c]}\n"
    )
    with pytest.raises(ConfigError) as caught:
        of(tmp_path, text)
    told = str(caught.value)
    assert re.search(r"d\.yaml:4:5: unknown key 'categories\.0\.entrys'\. Did you mean 'entries'\?", told)
    assert re.search(r"d\.yaml:6:\d+: categories\.0\.entries\.0\.zh\.0: '\*' has no letter", told)
    assert re.search(r"d\.yaml:7:\d+: unknown key 'categories\.0\.entries\.1\.dutch'", told)
    assert re.search(r"d\.yaml:8:\d+: categories\.1\.id = 'A'", told)


def test_entries_that_meet_are_faults(tmp_path):
    text = "id: x\ncategories:\n  - id: a\n    entries: [云计算, {en: cloud}]\n    exclude: [雲計算]\n  - id: a\n"
    with pytest.raises(ConfigError) as caught:
        of(tmp_path, text)
    told = str(caught.value)
    assert re.search(r"d\.yaml:5:15: '雲計算' was already given at .*d\.yaml:4:15; keep one", told)
    assert re.search(r"d\.yaml:6:5: category 'a' was already given at .*d\.yaml:3:5", told)
    assert "category 'a' has neither entries nor categories" in told


def test_an_unknown_name_is_answered_with_the_shipped_ones():
    with pytest.raises(ConfigError, match=r"nor a shipped dictionary\. Did you mean 'themes'"):
        Dictionary.load("theme")


def test_the_version_is_of_what_the_dictionary_says(tmp_path):
    version = of(tmp_path, SMALL).version
    assert of(tmp_path, "# a comment\n" + SMALL, "e.yaml").version == version
    assert of(tmp_path, SMALL.replace("5G", "6G"), "f.yaml").version != version


def test_shares_by_city_and_period(tmp_path):
    hits = of(tmp_path, SMALL).count(["cloud bank", "cloud cloud", "nothing", "5g", "bank"])
    city = ["Beijing", "Beijing", "Beijing", "Shanghai", ""]
    period = ["2015", "2019", "2019", "", "2015"]
    table = dictionary_shares(hits, city, period)
    assert table.columns.tolist() == COLUMNS
    cloud = table[table["category"] == "cloud"].set_index(["city", "period"])
    assert cloud["n"].to_dict() == {
        ("Beijing", "2015"): 1, ("Beijing", "2019"): 2, ("Beijing", "all"): 3, ("Shanghai", "all"): 1,
    }  # fmt: skip
    assert cloud.loc[("Beijing", "all"), ["yes", "mentions"]].tolist() == [2, 3]
    assert cloud.loc[("Beijing", "2019"), "share"] == 0.5
    assert cloud.loc[("Beijing", "all"), "low"] == pytest.approx(0.2077, abs=1e-4)
    assert cloud.loc[("Beijing", "all"), "high"] == pytest.approx(0.9385, abs=1e-4)
    assert cloud["name_zh"].unique().tolist() == ["云"]


def test_a_firm_seen_twice_counts_once_and_uses_what_any_of_its_texts_does(tmp_path):
    hits = of(tmp_path, SMALL).count(["cloud", "bank", "bank"])
    table = dictionary_shares(hits, ["B"] * 3, ["1", "2", "2"], firm=["x", "x", "y"]).set_index(["category", "period"])
    assert table.loc[("cloud", "all"), ["n", "yes", "mentions"]].tolist() == [2, 1, 1]
    assert table.loc[("money", "2"), ["n", "yes"]].tolist() == [2, 2]


def test_shares_want_a_city_and_a_period_for_every_text(tmp_path):
    hits = of(tmp_path, SMALL).count(["cloud"])
    with pytest.raises(DataError, match="1 texts were counted, 2 cities, 1 periods given"):
        dictionary_shares(hits, ["a", "b"], ["c"])
    with pytest.raises(DataError, match="3 companies given"):
        dictionary_shares(hits, ["a"], ["c"], ["1", "2", "3"])


def test_the_first_match_of_each_category_by_firm(tmp_path):
    table = of(tmp_path, SMALL).count(["a bank, cloud, bank", "x"]).by_firm(["k1", "k2"])
    assert table.values.tolist() == [
        ["k1", "money", 2, "银行 / bank*", 2, 6],
        ["k1", "cloud", 1, "云计算 / cloud computing", 8, 13],
    ]
    with pytest.raises(DataError, match="1 values of `keys` given"):
        of(tmp_path, SMALL).count(["a", "b"]).by_firm(["k1"])


def test_entries_are_ranked_within_their_category(tmp_path):
    hits = of(tmp_path, SMALL).count(["5g cloud cloud", "cloud"])
    assert hits.entries.values.tolist() == [["cloud", "云计算 / cloud computing", 3, 2], ["cloud", "5G", 1, 1]]
    assert "cloud computing" in hits._repr_html_()


THEMES = Dictionary.load("themes")


def test_the_shipped_themes_are_complete():
    assert [category.id for category in THEMES.categories] == [
        "state-project", "public-project", "policy", "financial-service", "international-market", "domestic-market",
        "platform", "commercial-project", "hardware",
    ]  # fmt: skip
    for category in THEMES.categories:
        assert set(category.names) == set(category.description) == {"zh", "en"}
        assert 25 <= len(category.entries) <= 60
        assert sum(bool(entry.zh) and bool(entry.en) for entry in category.entries) >= 0.9 * len(category.entries)


@pytest.mark.parametrize(
    ("text", "themes"),
    [
        ("为法院和公安局提供存证平台。", {"state-project"}),
        ("It sells sealed lockers to police and prosecutors.", {"state-project", "hardware"}),
        ("一家底层公链，支持智能合约与跨链。", {"platform"}),
        ("面向东南亚用户的跨境支付钱包。", {"international-market", "financial-service"}),
        ("Its consortium chain lets banks share a ledger of warehouse receipts.", {"platform", "financial-service"}),
        ("响应乡村振兴战略，入选试点。", {"policy"}),
        ("研发芯片和矿机。", {"hardware"}),
        ("为国内餐饮商户提供SaaS。", {"domestic-market", "commercial-project"}),
        ("Turnstiles for token ring networks; the company is headquartered in China.", set()),
        ("公司自研平台，团队来自知名高校，专注服务客户。", set()),
        ("投资产品、办公链接、聊天机器人", set()),
        ("智慧城市与污水处理", {"public-project"}),
    ],
)
def test_what_the_themes_read_in_a_sentence(text, themes):
    assert {category for category, _ in found(THEMES, text)} == themes


def test_a_text_of_two_megabytes_takes_seconds():
    begun = time.perf_counter()
    hits = THEMES.count(["银行资产" * 50_000, "bank " * 40_000, "无" * 1_000_000, "x" * 2_000_000])
    assert hits.counts.sum() > 80_000
    assert time.perf_counter() - begun < 20
