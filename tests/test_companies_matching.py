import numpy as np
import openpyxl
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainbert.companies.domains import own_domain, registrable_domain
from chainbert.companies.matching import PAIR_COLUMNS, match_firms
from chainbert.companies.matchnames import CORE, PART, SHORT, WHOLE, likeness, name_keys, same_digits
from chainbert.companies.matchreview import read_decisions, write_review
from chainbert.errors import ConfigError, DataError

LABELS = ["2017", "2020"]


def firms(*rows, year=2017, **columns):
    """Rows are (id, name) and changes as a dictionary."""
    table = [
        {"id": one[0], "name": one[1], "city": "Beijing", "founded": 2012, "observed": year, "website": ""}
        | (one[2] if len(one) > 2 else {})
        for one in rows
    ]
    return pd.DataFrame(table).astype({"founded": "Int64", "observed": "Int64"}).assign(**columns)


def site(address, **more):
    return {"website": address} | more


def matched(first, second, decisions=None):
    found = match_firms([first, second], LABELS, decisions)
    assert list(found.pairs.columns) == list(PAIR_COLUMNS)
    return found


def pairs(table):
    return list(zip(table["id_a"], table["id_b"], table["rule"], strict=True))


@pytest.mark.parametrize(
    ("website", "domain"),
    [
        ("http://www.shop.spruce-chain.com.cn/about?x=1", "spruce-chain.com.cn"),
        ("https://spruce-chain.com:8080", "spruce-chain.com"),
        ("http://spruce.bj.cn", "spruce.bj.cn"),
        ("http://a.b.spruce.co.uk", "spruce.co.uk"),
        ("http://spruce.io", "spruce.io"),
        ("http://me.co", "me.co"),
        ("http://com.cn", "com.cn"),
        ("http://10.0.0.1/x", ""),
        ("http://localhost", ""),
        ("", ""),
    ],
)
def test_the_registered_part_of_an_address(website, domain):
    assert registrable_domain(website) == domain


@pytest.mark.parametrize("website", ["http://weibo.com/u/1", "https://spruce.github.io", "http://itunes.apple.com/app"])
def test_a_page_with_a_host_of_many_is_no_domain_of_its_own(website):
    assert registrable_domain(website) != ""
    assert own_domain(website) == ""


@pytest.mark.parametrize(
    ("name", "key", "weight"),
    [
        ("云杉链", "云杉链", WHOLE),
        ("雲杉鏈", "云杉链", WHOLE),
        ("ＳＰＲＵＣＥ　Chain", "sprucechain", WHOLE),
        ("Spruce Chain Co., Ltd.", "sprucechain", WHOLE),
        ("Spruce Chain Inc", "sprucechain", WHOLE),
        ("云杉链股份有限公司", "云杉链", WHOLE),
        ("深圳市云杉链网络科技有限公司", "云杉链", CORE),
        ("云杉链(深圳)科技有限公司", "云杉链", CORE),
        ("云杉科技", "云杉", SHORT),
        ("Beijing Spruce Technology Ltd", "spruce", CORE),
        ("SpruceNet云杉链", "云杉链", PART),
        ("云杉链（小杉记账）", "小杉记账", PART),
        ("云杉链-小杉记账", "小杉记账", PART),
        ("云杉链/SpruceNet", "sprucenet", PART),
    ],
)
def test_spellings_of_a_name(name, key, weight):
    assert name_keys([name]).written[key] == weight


@pytest.mark.parametrize("name", ["", "--", "A", "科技", "网络科技有限公司", "2018", "北京"])
def test_what_names_nobody_gives_no_core(name):
    assert not {"科技", "网络", "北京", "2018"} & {
        key for key, weight in name_keys([name]).written.items() if weight < 1
    }
    assert "科技" not in name_keys([name]).written


def test_a_registered_name_of_another_place_is_another_firm():
    here, there = (set(name_keys([f"{place}云杉链科技有限公司"]).written.items()) for place in ("浙江", "深圳"))
    assert {weight for _, weight in here & there} == {CORE}
    bracketed = name_keys(["云杉链科技（深圳）有限公司"]).written
    assert bracketed["深圳云杉链科技"] == WHOLE
    assert "云杉链科技" not in bracketed


def test_pinyin_is_met_by_latin_names_only():
    chinese = name_keys(["云杉链网"])
    assert set(chinese.pinyin) == {"yunshanlianwang"}
    assert likeness(chinese, name_keys(["Yunshan Lianwang"])) == 1
    assert likeness(name_keys(["云杉"]), name_keys(["韵珊"])) < 0.5


def test_phase_1_is_not_phase_2():
    assert not same_digits("spruce1", "spruce2")
    first, second = firms(("a", "Spruce Harbor 1")), firms(("b", "Spruce Harbor 2"), year=2020)
    assert matched(first, second).pairs.empty


def test_the_rules_by_their_order():
    first = firms(
        ("7", "云杉链", site("http://spruce-chain.cn")),
        ("8", "Harbor Ledger", site("http://harborledger.com")),
        ("9", "竹海存证"),
    )
    second = firms(
        ("7", "云杉链", site("http://spruce-chain.cn")),
        ("x", "港湾账本", site("https://www.harborledger.com/en")),
        ("y", "竹海存証有限公司"),
        year=2020,
    )
    found = matched(first, second)
    assert sorted(pairs(found.accepted)) == [("7", "7", "id"), ("8", "x", "domain"), ("9", "y", "name")]
    assert found.shared(0, 1) == {"2017:7", "2017:8", "2017:9"}
    assert found.codes(1, second["id"]) == ["2017:7", "2017:8", "2017:9"]


def test_running_numbers_of_two_databases_are_no_ids():
    first = firms(*((str(n), f"Spruce{chr(97 + n % 26)}{chr(97 + n // 26)}x") for n in range(60)))
    second = firms(*((str(n), f"竹海{chr(0x4E00 + 40 * n)}{chr(0x5E00 + 40 * n)}") for n in range(60)), year=2020)
    found = matched(first, second)
    assert found.pairs.empty
    assert "60 ids are in both, 0 of them with a name or domain that agrees" in found.notes[0]


def test_an_id_without_name_or_domain_is_for_a_reader():
    renamed = firms(*((str(n), f"云杉{'甲乙丙丁戊己庚辛'[n]}店") for n in range(8)))
    second = renamed.assign(observed=2020)
    second.loc[0, "name"] = "Moonlit Orchard"
    found = matched(renamed, second)
    assert pairs(found.review) == [("0", "0", "id")]
    assert "names differ" in found.review["why"][0]
    assert len(found.accepted) == 7


def test_a_long_mixed_id_does_not_coincide():
    key = "5f2d1c7e-0a4b-4c9f-8e21-1b7d3c9a5e60"
    found = matched(firms((key, "云杉链")), firms((key, "Moonlit Orchard"), year=2020))
    assert pairs(found.accepted) == [(key, key, "id")]


def test_ids_made_of_names_are_names():
    found = matched(firms(("spruce chain", "Spruce Chain")), firms(("spruce chain", "Spruce  CHAIN"), year=2020))
    assert pairs(found.accepted) == [("spruce chain", "spruce chain", "name")]


def test_a_domain_of_three_firms_matches_nobody():
    address = site("http://incubator-of-many.cn")
    first = firms(("a", "云杉链", address), ("b", "竹海存证", address), ("c", "港湾账本", address))
    second = firms(("x", "Moonlit Orchard", address), year=2020)
    found = matched(first, second)
    assert found.pairs.empty
    assert found.notes[0] == "2017: a domain of three or more firms is no match: incubator-of-many.cn (3 firms)"


def test_a_domain_of_other_names_needs_the_city_and_the_founding_year():
    first = firms(("a", "云杉链", site("http://shared-by-two.cn")))
    agrees = firms(("x", "Moonlit Orchard", site("http://shared-by-two.cn")), year=2020)
    assert pairs(matched(first, agrees).accepted) == [("a", "x", "domain")]
    elsewhere = agrees.assign(city="Shanghai", founded=pd.array([2018], dtype="Int64"))
    found = matched(first, elsewhere)
    assert found.accepted.empty
    assert found.review["why"][0] == "one domain; names differ; two cities; founded 6 years apart"


def test_other_names_of_the_firm_are_used():
    first = firms(("a", "云杉链"), 工商名称=["杭州小杉信息科技有限公司"])
    second = firms(("x", "月下果园"), year=2020, 注册名=["杭州小杉信息科技有限公司"])
    assert pairs(matched(first, second).accepted) == [("a", "x", "name")]
    assert matched(first.drop(columns="工商名称"), second).pairs.empty


def test_the_same_name_with_everything_else_against_it_is_for_a_reader():
    first = firms(("a", "Spruce Chain", site("http://sprucechain.com")))
    other = site("http://moonlit.cn", city="Shanghai", founded=2019)
    found = matched(first, firms(("x", "Spruce Chain", other), year=2020))
    assert found.accepted.empty
    assert found.review["score"][0] == pytest.approx(0.80)
    assert found.review["why"][0] == "names 1.00; two cities; founded 7 years apart; two domains"


def test_pinyin_and_likeness_are_for_a_reader():
    first = firms(("a", "云杉链网", {"city": ""}), ("b", "Spruce Harbor Ledger", {"city": ""}))
    second = firms(("x", "Yunshan Lianwang", {"city": ""}), ("y", "Spruce Harbour Ledger", {"city": ""}), year=2020)
    found = matched(first, second)
    assert {one[:2] for one in pairs(found.pairs)} == {("a", "x"), ("b", "y")}
    assert found.review["score"].between(0.75, 0.95).all()


def test_two_firms_that_fit_equally_well_are_for_a_reader():
    twice = firms(("a", "云杉链"), ("b", "云杉链"))
    found = matched(twice, firms(("x", "云杉链"), year=2020))
    assert found.accepted.empty
    assert set(zip(found.review["id_a"], found.review["id_b"], strict=True)) == {("a", "x"), ("b", "x")}
    assert found.review["why"].str.contains("2 firms fit equally well").all()
    assert "2017: 1 firms have the name of another of the same set" in found.notes


def test_more_evidence_wins_against_a_rival():
    first = firms(("a", "云杉链", site("http://spruce-chain.cn")), ("b", "云杉链"))
    second = firms(("x", "云杉链", site("http://spruce-chain.cn")), year=2020)
    assert pairs(matched(first, second).pairs) == [("a", "x", "domain")]


def test_a_name_that_three_firms_have_tells_nobody_apart():
    first = firms(("a", "云杉链"), ("b", "云杉链"), ("c", "云杉链"))
    assert matched(first, firms(("x", "云杉链"), year=2020)).pairs.empty


def test_a_match_never_makes_two_firms_of_a_set_one():
    first = firms(("a", "云杉链", site("http://spruce-chain.cn")), ("b", "竹海存证", {"founded": 2012}))
    second = firms(("x", "云杉链", site("http://spruce-chain.cn")), year=2019)
    third = firms(("p", "云杉链（竹海存证）", {"founded": 2012}), year=2020)
    found = match_firms([first, second, third], ["2017", "2019", "2020"])
    for place, table in enumerate((first, second, third)):
        codes = found.codes(place, table["id"])
        assert len(set(codes)) == len(codes)


def test_codes_join_over_three_sets():
    years = (2017, 2019, 2020)
    tables = [firms((f"n{year}", "云杉链"), (f"m{year}", f"竹海{year}号店"), year=year) for year in years]
    found = match_firms(tables, list(map(str, years)))
    assert found.shared(0, 1, 2) == {"2017:n2017"}


def test_no_website_is_told():
    found = matched(firms(("a", "云杉链")), firms(("x", "竹海存证"), year=2020))
    assert "2017: no website is known, so nothing is matched by domain" in found.notes


def test_labels_must_differ():
    with pytest.raises(ConfigError, match="sets are called 2017, 2017; one name of its own for each of 2"):
        match_firms([firms(("a", "x1x")), firms(("b", "y1y"))], ["2017", "2017"])


NAMES = st.lists(
    st.sampled_from(
        ["云杉链", "Spruce云杉", "Spruce Chain", "竹海存证科技", "竹海", "Harbor", "Yunshanlian", "港湾账本"]
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=40, deadline=None)
@given(NAMES, NAMES, NAMES, st.integers(0, 1000))
def test_each_firm_has_one_partner_a_set_in_any_order_of_rows(one, two, three, seed):
    rng = np.random.default_rng(seed)
    cities, sites = ["Beijing", "Shanghai", ""], ["", "http://spruce.cn", "http://harbor.cn"]
    tables = [
        firms(*((f"{year}{n}", name, {"city": rng.choice(cities), "website": rng.choice(sites)})
                for n, name in enumerate(names)), year=year)
        for year, names in zip((2017, 2019, 2020), (one, two, three), strict=True)
    ]  # fmt: skip
    labels = ["2017", "2019", "2020"]
    found = match_firms(tables, labels)
    accepted = found.accepted
    assert not accepted.duplicated(["set_a", "id_a", "set_b"]).any()
    assert not accepted.duplicated(["set_b", "id_b", "set_a"]).any()
    assert found.pairs["score"].between(0, 1).all()
    for place, table in enumerate(tables):
        assert len(set(found.codes(place, table["id"]))) == len(table)
    shuffled = match_firms([table.sample(frac=1, random_state=seed) for table in tables], labels)
    pd.testing.assert_frame_equal(shuffled.pairs, found.pairs)
    assert shuffled.firms == found.firms


@pytest.fixture
def unsure():
    first = firms(("01", "Spruce Chain", site("http://sprucechain.com")), ("=b", "云杉"))
    second = firms(
        ("x", "Spruce Chain", site("http://moonlit.cn", city="Shanghai", founded=2019)),
        ("y", "云杉科技", {"city": "Shanghai"}),
        year=2020,
    )
    return first, second


def test_a_review_goes_out_and_comes_back(unsure, tmp_path):
    before = matched(*unsure)
    path = tmp_path / "review.csv"
    write_review(before, path)
    assert path.read_bytes().startswith(b"\xef\xbb\xbfsame_firm,set_a,id_a")
    assert read_decisions(path) == {}
    sheet = pd.read_csv(path, dtype=str, keep_default_na=False)
    sheet["same_firm"] = ["YES" if one == "01" else "否" for one in sheet["id_a"]]
    sheet.to_csv(path, index=False)
    said = read_decisions(path)
    assert said == {("2017", "01", "2020", "x"): True, ("2017", "=b", "2020", "y"): False}
    after = matched(*unsure, said)
    assert pairs(after.accepted) == [("01", "x", "reviewed")]
    assert after.review.empty
    assert after.firms[1]["x"] == "2017:01"
    sheet.to_excel(tmp_path / "review.xlsx", index=False)
    assert openpyxl.load_workbook(tmp_path / "review.xlsx").active.max_row == 3
    assert read_decisions(tmp_path / "review.xlsx") == said


def test_no_takes_an_accepted_pair_back():
    first, second = firms(("a", "云杉链")), firms(("x", "云杉链"), year=2020)
    assert matched(first, second, {("2017", "a", "2020", "x"): False}).pairs.empty


def review(tmp_path, text, header="same_firm,set_a,id_a,set_b,id_b\n"):
    path = tmp_path / "review.csv"
    path.write_text(header + text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("maybe,2017,a,2020,x\n", r"review.csv: line 2: 'maybe' in 'same_firm'; yes or no was expected"),
        ("yes,2017,,2020,x\n", "line 2: set_a, id_a, set_b, id_b are needed"),
        ("yes,2017,a,2020,x\nno,2020,x,2017,a\n", "line 3: both yes and no for 'x' of 2020 and 'a' of 2017"),
        ("ja,2017,a,2020,x\n\nnein,2017,a,2020,x\n", "(?s)line 2: 'ja'.*line 4: 'nein'"),
    ],
)
def test_a_review_file_with_other_words(tmp_path, text, message):
    with pytest.raises(DataError, match=message):
        read_decisions(review(tmp_path, text))


def test_a_review_file_with_other_columns(tmp_path):
    with pytest.raises(DataError, match=r"no column same_firm, id_b; found set_a, id_a, set_b\. A review file as"):
        read_decisions(review(tmp_path, "2017,a,2020\n", "set_a,id_a,set_b\n"))
    with pytest.raises(DataError, match=r"no column same_firm \(matches.csv says what was accepted; review.csv is"):
        read_decisions(review(tmp_path, "2017,a,2020,x,True\n", "set_a,id_a,set_b,id_b,accepted\n"))


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        (("2017", "nobody", "2020", "x"), "set 2017 has no usable firm with the id 'nobody'"),
        (("2016", "a", "2020", "x"), r"'2016' is none of the sets 2017, 2020 \(found with id 'a'\)"),
        (("2017", "a", "2017", "b"), "both firms are of set 2017; a pair of two sets was expected"),
    ],
)
def test_decisions_about_firms_that_are_not_there(pair, message):
    first, second = firms(("a", "云杉链"), ("b", "竹海存证")), firms(("x", "港湾账本"), year=2020)
    with pytest.raises(DataError, match=message):
        matched(first, second, {pair: True})


def test_a_firm_cannot_have_two_partners_in_a_set():
    first, second = firms(("a", "云杉链"), ("b", "竹海存证")), firms(("x", "港湾账本"), year=2020)
    said = {("2017", "a", "2020", "x"): True, ("2017", "b", "2020", "x"): True}
    with pytest.raises(DataError, match="yes to 'b' of 2017 and 'x' of 2020 makes two firms of one set the same"):
        matched(first, second, said)
