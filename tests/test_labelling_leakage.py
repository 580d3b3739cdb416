"""Twelve planted leaks, none passes silently; unrelated companies of one trade do."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainbert.companies import demo_companies
from chainbert.errors import ConfigError, DataError
from chainbert.labelling import Codebook
from chainbert.labelling.leakage import find_leaks, grouped_folds, linked_companies, refuse_leaks
from chainbert.labelling.likeness import folded_id, folded_name, near_duplicates, registered_domain

TEXT = (
    "瓷枢物流科技位于上海，为冷链仓库提供温度记录与批次追溯。客户是药品批发商和连锁药房，"
    "每批货物的温度曲线写入联盟链，收货方扫码即可核对，已接入四十余座冷库。"
)
ENGLISH = (
    "Brinewick Ledger is based in Shanghai and records the temperature of medicines on their way. Its customers are "
    "wholesalers and pharmacy chains, which check each batch by scanning a code. Some forty cold stores take part."
)
FIRM = {"id": "A-17", "name": "瓷枢物流科技有限公司", "website": "http://cishu.example", "text": TEXT, "observed": 2018}
OTHERS = [
    {
        "id": "B-1",
        "name": "山梨纺织",
        "website": "https://shanli.example",
        "text": "山梨纺织做医用纱布，卖给医院。",
        "observed": 2018,
    },
    {
        "id": "B-2",
        "name": "Kestrel Boats",
        "website": "https://kestrel.example",
        "text": "Kestrel builds boats.",
        "observed": 2018,
    },
]
NEW = {
    "id": "T-1",
    "name": "另一家",
    "website": "https://other.example",
    "text": "完全不同的文字，讲的是别的生意。",
    "observed": 2018,
}


def train():
    return pd.DataFrame([*OTHERS, FIRM])


def kinds(test_row, train_table=None, **given):
    """Kinds of leaks of one test row, which must all point to the planted firm."""
    table = pd.DataFrame([{**NEW, **test_row}])
    leaks = find_leaks(train() if train_table is None else train_table, table, **given)
    assert set(leaks["test_row"]) <= {0, -1}
    return set(leaks["kind"])


PLANTED = {
    "the same id": ({"id": "A-17"}, "same id"),
    "the id with blanks, case and width": ({"id": " ａ- 17 "}, "same id"),
    "the name with another suffix": ({"name": "瓷枢物流科技股份有限公司"}, "same name"),
    "the name in traditional characters": ({"name": "瓷樞物流科技（上海）有限公司"}, "same name"),
    "the name in full width": ({"name": "Ｋｅｓｔｒｅｌ　Ｂｏａｔｓ， Inc."}, "same name"),
    "the website written otherwise": ({"website": "https://www.cishu.example/about?x=1"}, "same website"),
    "the same text": ({"text": TEXT}, "same text"),
    "the text with a sentence added": (
        {"text": TEXT + "公司去年完成了新一轮融资，并在另外两地设立办事处。"},
        "near-duplicate text",
    ),
    "the text with another city and other marks": (
        {"text": TEXT.replace("上海", "深圳").replace("，", ", ").replace("四十余", "六十多")},
        "near-duplicate text",
    ),
    "another year of the firm, translated": (
        {
            "id": "A-17-2022",
            "name": "Brinewick Ledger",
            "website": "www.cishu.example",
            "text": ENGLISH,
            "observed": 2022,
        },
        "same website, another year",
    ),
}


@pytest.mark.parametrize("planted", PLANTED)
def test_a_planted_leak_is_found_and_refused(planted):
    row, kind = PLANTED[planted]
    assert kinds(row) == {kind}
    with pytest.raises(DataError, match=rf"1 of 2 test rows are known from the training side.*\n  {kind}: 1 \("):
        refuse_leaks(train(), pd.DataFrame([{**NEW, **row}, {**NEW, "id": "T-2"}]))


def test_a_duplicate_inside_hand_codes_stays_on_one_side():
    codes = pd.DataFrame(
        [*OTHERS, FIRM, NEW, {**NEW, "id": "T-3", "name": "瓷枢物流科技", "text": ENGLISH, "website": ""}]
    )
    for seed in range(20):
        folds = grouped_folds(codes, 2, np.random.default_rng(seed))
        assert folds[2] == folds[4]
        refuse_leaks(codes[folds == 0], codes[folds == 1])


@pytest.mark.parametrize(
    "header",
    ["标签:国家", "标签：国家\n", "label: state", "Label = private", "[label: state]", "#标注: 民间", "gold label: 1"],
)
@pytest.mark.parametrize("side", ["train", "test"])
def test_a_label_in_the_header_of_a_text_is_found_on_either_side(header, side):
    told = pd.DataFrame([{**NEW, "text": f"{header}\n{NEW['text']}"}])
    leaks = find_leaks(told, train()) if side == "train" else find_leaks(train(), told)
    assert leaks["kind"].tolist() == ["label in the text"]
    assert leaks.loc[0, ["train_row", "test_row"]].tolist() == ([0, -1] if side == "train" else [-1, 0])
    with pytest.raises(DataError, match=r"or tell their label:\n  label in the text: 1 \('"):
        refuse_leaks(*((told, train()) if side == "train" else (train(), told)))


def test_a_codebook_adds_its_own_names_and_ordinary_lines_stay():
    codebook = Codebook.load("company-axes")
    for header in ("customer: state", "客户：国家", "Market: domestic.", "customer: state market: global"):
        text = f"{header}\nThe firm has ten employees and sells boats."
        assert kinds({"text": text}, codebook=codebook) == {"label in the text"}
        assert kinds({"text": text}) == set()
    for line in (
        "客户：国家电网及各省公司",
        "market: domestic appliances",
        "Our label: none",
        "The label: state of the art",
    ):
        assert kinds({"text": f"{line}\nThe firm sells boats."}, codebook=codebook) == set()


# Unrelated companies


def test_unrelated_companies_of_one_trade_are_not_flagged():
    trade = pd.DataFrame(
        {
            "id": ["x1", "x2", "x3", "x4"],
            "name": [
                "北京冷链科技有限公司",
                "上海冷链科技有限公司",
                "Cold Chain Technology Co., Ltd.",
                "Cold Chain Systems Inc.",
            ],
            "website": [
                "https://weibo.com/lenglian",
                "https://weibo.com/other",
                "https://a.github.io",
                "https://b.github.io",
            ],
            "text": [
                "北京冷链科技有限公司是一家冷链物流服务商，为药品企业提供温度监控和运输服务，成立于2015年，总部位于北京。",
                "上海冷链科技是冷链仓储运营商，为生鲜电商建设前置仓，提供分拣与配送，总部位于上海。",
                "The company offers cold logistics in China. It was founded in 2015 and is based in Beijing, China.",
                "The company makes cooled trucks in China. It was founded in 2009 and is based in Shanghai, China.",
            ],
        }
    )
    for row in range(4):
        assert find_leaks(trade.drop(index=row), trade.loc[[row]]).empty
    assert len(set(linked_companies(trade))) == 4


def test_the_demo_s_firms_are_only_linked_across_their_years():
    table = pd.read_json(demo_companies(), lines=True)
    groups = linked_companies(table)
    assert pd.Series(groups).groupby(table["id"]).nunique().eq(1).all()
    assert len(set(groups)) == table["id"].nunique()


def test_what_says_nothing_links_nobody():
    empty = {"id": "", "name": "--", "website": "n/a", "text": "", "observed": None}
    assert kinds(empty, pd.DataFrame([empty, OTHERS[0]])) == set()
    assert len(set(linked_companies(pd.DataFrame([empty] * 3)))) == 3


def test_missing_columns_and_cells_are_not_compared():
    leaks = find_leaks(pd.DataFrame({"text": [TEXT, None]}), pd.DataFrame({"text": [None, TEXT], "id": ["a", "b"]}))
    assert leaks[["kind", "train_row", "test_row"]].to_numpy().tolist() == [["same text", 0, 1]]
    assert find_leaks(pd.DataFrame({"id": ["a"]}), pd.DataFrame({"name": ["a"]})).empty


def test_register_codes_are_compared():
    table = pd.DataFrame({"id": ["x"], "统一社会信用代码": ["91310000MA1K00000X"]})
    other = pd.DataFrame({"id": ["y"], "unified_social_credit_code": [" 91310000ma1k00000x"]})
    assert find_leaks(table, other)["kind"].tolist() == ["same register code"]


def test_the_same_year_goes_before_another_one():
    years = pd.DataFrame([{**FIRM, "observed": year, "text": "", "name": "", "website": ""} for year in (2015, 2018)])
    leaks = find_leaks(years, pd.DataFrame([{**NEW, "id": "A-17", "observed": 2018}]))
    assert leaks[["kind", "train_row"]].to_numpy().tolist() == [["same id", 1]]


# Vectors


def test_near_vectors_are_leaks_and_others_are_not():
    rng = np.random.default_rng(0)
    first = rng.normal(size=(3, 50))
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    second = first[2:] + 0.02 * rng.normal(size=(1, 50))
    second /= np.linalg.norm(second)
    assert kinds({}, vectors=(first, second)) == {"near-duplicate vector"}
    assert kinds({}, vectors=(first, -second)) == set()
    table = pd.DataFrame([*OTHERS, {**NEW, "text": "又一段文字，同样讲别的。", "name": "第四家"}])
    assert len(set(linked_companies(table, np.vstack([first[:2], first[:1]])))) == 2
    with pytest.raises(DataError, match=r"3 and 2 vectors found for 3 and 1 rows; one each was expected"):
        kinds({}, vectors=(first, first[:2]))


# Folds


def test_a_chain_of_links_is_one_group():
    """a and b share a website, b and c a name, c and d a text."""
    chain = pd.DataFrame(
        [
            {"id": "a", "name": "Aa One", "website": "x.example", "text": ""},
            {"id": "b", "name": "Bb Two", "website": "www.x.example", "text": ""},
            {"id": "c", "name": "bb two ltd", "website": "", "text": TEXT},
            {"id": "d", "name": "Dd Four", "website": "", "text": TEXT + "完。"},
            {"id": "e", "name": "Ee Five", "website": "", "text": ENGLISH},
        ]
    )
    groups = linked_companies(chain)
    assert len(set(groups[:4])) == 1
    assert groups[4] != groups[0]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 12), min_size=12, max_size=40), st.integers(2, 4), st.integers(0, 5))
def test_folds_never_split_a_company_and_ignore_the_order_of_rows(ids, k, seed):
    table = pd.DataFrame({"id": [f"c{one}" for one in ids], "observed": range(len(ids))})
    if len(set(ids)) < k:
        return
    folds = grouped_folds(table, k, np.random.default_rng(seed))
    assert pd.Series(folds).groupby(table["id"]).nunique().eq(1).all()
    assert set(folds) == set(range(k))
    order = np.random.default_rng(seed + 1).permutation(len(table))
    again = grouped_folds(table.iloc[order], k, np.random.default_rng(seed))
    assert np.array_equal(again, folds[order])


def test_folds_are_as_equal_as_companies_allow():
    table = pd.DataFrame({"id": [f"c{place // 2}" for place in range(200)]})
    assert set(np.bincount(grouped_folds(table, 5, np.random.default_rng(0)))) == {40}


def test_too_few_companies_or_folds_are_refused():
    table = pd.DataFrame({"id": ["a", "a", "b"]})
    with pytest.raises(DataError, match=r"3 rows are 2 companies that have nothing in common; 3 folds need 3"):
        grouped_folds(table, 3, np.random.default_rng(0))
    with pytest.raises(ConfigError, match=r"k = 1 found; at least 2 folds were expected"):
        grouped_folds(table, 1, np.random.default_rng(0))


# Folding


@pytest.mark.parametrize(
    ("website", "domain"),
    [
        ("https://www.cishu.com.cn/about", "cishu.com.cn"),
        ("HTTP://Shop.Cishu.com:8080?x=1", "cishu.com"),
        ("cishu.bj.cn", "cishu.bj.cn"),
        ("a.co.uk", "a.co.uk"),
        ("co.uk", "co.uk"),
        ("https://firm.github.io/site", "firm.github.io"),
        ("https://github.io", ""),
        ("https://weibo.com/firm", ""),
        ("https://www.itjuzi.com/company/1", ""),
        ("https://mp.weixin.qq.com/s/1", ""),
        ("--", ""),
        ("", ""),
    ],
)
def test_registered_domains(website, domain):
    assert registered_domain(website) == domain


@pytest.mark.parametrize(
    ("name", "folded"),
    [
        ("Acme Tools Co., Ltd.", "acmetools"),
        ("ACME TOOLS, INC", "acmetools"),
        ("Ａcme Tools", "acmetools"),
        ("瓷枢科技（上海）有限责任公司", "瓷枢科技"),
        ("瓷樞科技集團有限公司", "瓷枢科技"),
        ("Incoming", "incoming"),
        ("Ltd.", "ltd"),
        ("（北京）", "北京"),
        ("--", ""),
        ("X", ""),
    ],
)
def test_folded_names(name, folded):
    assert folded_name(name) == folded


def test_nothing_has_no_id():
    assert (folded_id("n/a"), folded_id(" A b "), folded_id("007")) == ("", "ab", "007")


words = st.text(alphabet="abcdefghij", min_size=40, max_size=80)


@settings(max_examples=40, deadline=None)
@given(words, words)
def test_near_duplicates_are_measured_the_same_either_way_round(one, other):
    forth = [(jaccard, contained) for _, _, jaccard, contained in near_duplicates([one, one + "xyzxy"], [other, one])]
    back = [(jaccard, contained) for _, _, jaccard, contained in near_duplicates([other, one], [one, one + "xyzxy"])]
    assert sorted(forth) == sorted(back)
    grams = {one[place : place + 5] for place in range(len(one) - 4)}
    if len(grams) >= 20:
        assert any(jaccard == 1 for jaccard, _ in forth)


def test_boilerplate_that_everyone_has_finds_nobody_and_hides_nobody():
    """A near copy is found in a file where every text is mostly the same boilerplate."""
    rng = np.random.default_rng(1)
    common = "thecompanyisalimitedcompanyunderchineselawanditsregisteredofficeis"
    own = ["".join(rng.choice(list("abcdefghijklmnop"), 150)) for _ in range(300)]
    texts = [common + text for text in own]
    assert not [pair for pair in near_duplicates(texts, texts) if pair[0] < pair[1]]
    copy = common + own[7][:75] + "z" + own[7][75:]
    assert [pair[:2] for pair in near_duplicates(texts, [copy])] == [(7, 0)]


def test_many_copies_of_one_text_are_all_found():
    rng = np.random.default_rng(2)
    base = "".join(rng.choice(list("abcdefghijklmnop"), 120))
    copies = [base[:60] + chr(0x4E00 + place) + base[60:] for place in range(120)]
    others = ["".join(rng.choice(list("abcdefghijklmnop"), 120)) for _ in range(50)]
    assert {pair[1] for pair in near_duplicates([base, *others], copies)} == set(range(120))
