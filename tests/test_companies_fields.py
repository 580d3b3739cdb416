import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainbert.companies.fields import cell_text, investors_of, storable, website_of, year_of


@pytest.mark.parametrize(
    ("text", "year"),
    [
        ("2016", 2016),
        ("2016年", 2016),
        ("2016年5月", 2016),
        ("2016-05", 2016),
        ("2016-05-01", 2016),
        ("2016/5", 2016),
        ("05/2016", 2016),
        ("20160501", 2016),
        ("２０１６年", 2016),
        ("二〇一六年", 2016),
        ("May 2016", 2016),
        ("2016.0", 2016),
        ("99999", None),
        ("1799", None),
        ("2099", None),
        ("2016-2018", None),
        ("soon", None),
        ("", None),
    ],
)
def test_years(text, year):
    assert year_of(text, latest=2027) == year


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("甲资本、乙基金，丙创投", ["甲资本", "乙基金", "丙创投"]),
        ("甲资本/乙基金", ["甲资本", "乙基金"]),
        ("甲资本 , 乙基金 , ", ["甲资本", "乙基金"]),
        ("甲网络（乙、丙）、丁资本", ["甲网络（乙、丙）", "丁资本"]),
        ("甲资本（领投）/乙基金", ["甲资本", "乙基金"]),
        ("Foo Capital, Ltd., Bar A/S", ["Foo Capital, Ltd.", "Bar A/S"]),
        ("e/m/p/t/y", []),
        ("未透露", []),
        ("--", []),
        (None, []),
        (["甲资本", "-", "甲资本"], ["甲资本"]),
        ([{"轮次": "A轮", "投资方": "甲资本,乙基金"}, {"投资方": "-"}], ["甲资本", "乙基金"]),
        ('["甲资本", "乙基金"]', ["甲资本", "乙基金"]),
    ],
)
def test_investors(value, names):
    assert investors_of(value) == names


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("www.Foo-Bar.COM/", "http://www.foo-bar.com"),
        ("HTTPS://foo.cn/About?x=1#top", "https://foo.cn/About?x=1"),
        ("http：//foo.cn", "http://foo.cn"),
        ("http:///foo.cn", "http://foo.cn"),
        ("例子.中国", "http://例子.中国"),
        ("https://www.itjuzi.com/company/1", ""),
        ("--", ""),
        ("not a site", ""),
        ("http://[broken", ""),
    ],
)
def test_websites(text, address):
    assert website_of(text) == address


def test_cells_of_every_file_format():
    cells = [None, float("nan"), 3.0, 3.5, True, " x ", datetime.datetime(2016, 5, 1), ["a"], {"k": "值"}]
    assert [cell_text(cell) for cell in cells] == [
        "",
        "",
        "3",
        "3.5",
        "true",
        "x",
        "2016-05-01",
        '["a"]',
        '{"k": "值"}',
    ]


@given(st.text(st.characters(codec=None)))
@settings(deadline=None)
def test_stored_text_can_be_written_and_stays(text):
    clean = storable(text)
    clean.encode("utf-8")
    assert "\0" not in clean
    assert storable(clean) == clean


@given(st.text())
@settings(deadline=None)
def test_a_normal_website_stays(text):
    once = website_of(text)
    assert website_of(once) == once
