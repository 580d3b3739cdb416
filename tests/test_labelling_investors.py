"""Investors' origins by their names. The names outside the list are invented."""

import random

import numpy as np
import pytest

from chainbert.errors import DataError
from chainbert.labelling.investornames import ORIGINS, institutions, listed_origin
from chainbert.labelling.investors import label_investors


def origin(name, **settings):
    table = label_investors([[name]], **settings)
    return table["origin"].item(), table["rule"].item()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("腾讯", "domestic"),
        ("騰訊", "domestic"),
        ("Tencent Holdings Ltd", "domestic"),
        ("腾讯产业基金", "domestic"),
        ("GGV纪源资本", "global"),
        ("红杉资本中国 (Sequoia China)", "global"),
        ("sequoia capital", "global"),
        ("斯道资本(富达亚洲)", "global"),
        ("国投创业", "state"),
        ("深圳力合创投", "state"),
        ("京东方", "state"),
        # 策源 is listed too, and domestic: the longer name decides.
        ("策源资本基金", "state"),
        ("京东科技", "domestic"),
        ("Temasek淡马锡", "global"),
        ("国家集成电路产业投资基金二期", "state"),
        ("DCM Ventures（领投）", "global"),
    ],
)
def test_listed_institutions_by_any_of_their_names(name, expected):
    assert origin(name) == (expected, "listed")


@pytest.mark.parametrize("name", ["腾讯录豆资本", "Indexed Lantern", "东风破创投", "中信息创投"])
def test_the_beginning_of_a_name_is_no_arm_of_a_house(name):
    assert listed_origin(name) == ""


@pytest.mark.parametrize(
    ("name", "expected", "rule"),
    [
        ("砚溪引导基金", "state", "word: 引导基金"),
        ("苓仓国有资本运营", "state", "word: 国有"),
        ("甘肃产业投资基金", "state", "place: 甘肃 产业投资基金"),
        ("绍兴国投", "state", "place: 绍兴 国投"),
        ("皖砚能源产业基金", "state", "place: 皖 产业基金"),
        ("砚溪体育产业基金", "domestic", "default: Chinese name"),
        ("Northern State Street Partners", "", "unknown"),
        ("苓仓国投资", "domestic", "default: Chinese name"),
        ("砚溪市科创集团", "state", "place: 砚溪市科创集团"),
        ("Yanping Municipal Guidance Fund", "state", "word: municipal"),
        ("美国砚溪资本", "global", "word: 美国"),
        ("挪威政府砚溪基金", "global", "word: 挪威"),
        ("剑桥大学砚溪实验室", "global", "word: 剑桥"),
        ("Yanxi Ministry of Ledgers", "", "unknown"),
        ("Upper Heron University", "", "unknown"),
        ("Shaoxing Heron University", "state", "word: university"),
        ("砚溪新区块链基金", "domestic", "default: Chinese name"),
        ("砚溪新区基金", "state", "word: 新区"),
        ("砚溪人民币基金", "domestic", "default: Chinese name"),
        ("Heron Point GmbH", "global", "word: gmbh"),
        ("Singapore Heron Partners", "global", "word: singapore"),
        ("砚溪资本", "domestic", "default: Chinese name"),
        ("绍兴砚溪投资", "domestic", "default: Chinese name"),
        ("砚溪资本Yanxi Capital", "domestic", "default: Chinese name"),
        ("Hangzhou Heron Partners", "domestic", "place: hangzhou"),
        ("Heron Point Ventures", "", "unknown"),
        ("砚溪资本（财务顾问）", "", "adviser"),
        ("天使投资人", "", "nobody"),
        ("某知名投资机构", "", "nobody"),
        ("Undisclosed Investors", "", "nobody"),
    ],
)
def test_words_and_places_tell_an_origin(name, expected, rule):
    assert origin(name) == (expected, rule)


def test_latin_names_of_a_chinese_source_can_be_given_an_origin():
    assert origin("Heron Point Ventures", latin="global") == ("global", "default: Latin name")
    assert origin("天使投资人", latin="global") == ("", "nobody")
    with pytest.raises(DataError, match="latin = 'abroad' found; expected one of state, global, domestic"):
        label_investors([], latin="abroad")


def test_names_in_one_text_are_split():
    table = label_investors(["腾讯、砚溪资本; Heron Point Ventures", ["红杉中国/未透露", "腾讯"], [], "投资方未透露"])
    assert table[["row", "investor"]].values.tolist() == [
        [0, "腾讯"],
        [0, "砚溪资本"],
        [0, "Heron Point Ventures"],
        [1, "红杉中国"],
        [1, "腾讯"],
    ]


def test_no_companies():
    table = label_investors([])
    assert table.columns.tolist() == ["row", "investor", "origin", "rule"]
    assert table.empty


def test_a_name_has_one_origin_whatever_stands_beside_it():
    names = ["腾讯", "砚溪资本", "美国砚溪资本", "Heron Point Ventures", "绍兴国投"]
    alone = {name: origin(name) for name in names}
    random.Random(3).shuffle(names)
    table = label_investors([names, list(reversed(names))])
    assert {(row.investor, (row.origin, row.rule)) for row in table.itertuples()} == set(alone.items())


def test_a_listed_name_is_no_arm_of_one_of_another_origin():
    arms = {
        name
        for one in institutions()
        for name in one.names
        for arm in ("资本", "投资", "创投", "基金", "集团", "控股")
        if name.endswith(arm) and listed_origin(name.removesuffix(arm)) not in ("", one.origin)
    }
    # Two houses of that name; and 银泰 is another house than Ventech's 银泰资本.
    assert arms == {"策源资本", "Ventech银泰资本", "Ventech China银泰资本"}


def test_the_list_is_whole():
    listed = institutions()
    assert len(listed) > 1000
    assert np.unique([one.origin for one in listed]).tolist() == sorted(ORIGINS)
    for institution in listed:
        for name in institution.names:
            assert name == name.strip()
            assert listed_origin(name) == institution.origin, name


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", "=SUM(A1)", "🙂", "\ud800", "a" * 100_000, "(((((", "שלום"]
)
def test_odd_names_are_no_trouble(name):
    assert set(label_investors([[name]])["origin"]) <= {""}
