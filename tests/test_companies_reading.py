import csv
import datetime
import json

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainbert.companies import CompaniesConfig, demo_companies, read_companies, sentences_of
from chainbert.errors import ConfigError, DataError
from chainbert.files import content_hash, file_hash

FIRM = {
    "id": "a1",
    "name": "甲乙科技",
    "city": "北京",
    "founded": "2016",
    "observed": "2018",
    "text": "做云服务。卖给政府。",
}


def lines(path, *rows):
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def firms(tmp_path):
    def write(*rows):
        return lines(tmp_path / "firms.jsonl", *rows)

    return write


def test_a_table_in_our_names(firms):
    path = firms(
        FIRM
        | {"lang": "zh-CN", "investors": ["甲资本"], "homepage_url": "www.foo.cn", "industry": "软件", "tags": ["云"]}
    )
    companies = read_companies(path)
    assert list(companies.table.columns) == (
        "key id name city founded observed text language website investors industry tags status".split()  # noqa: SIM905 - as read
    )
    row = companies.table.iloc[0].to_dict()
    assert row == {
        "key": content_hash("a1", "2018"),
        "id": "a1",
        "name": "甲乙科技",
        "city": "Beijing",
        "founded": 2016,
        "observed": 2018,
        "text": "做云服务。卖给政府。",
        "language": "zh",
        "website": "http://www.foo.cn",
        "investors": ["甲资本"],
        "industry": "软件",
        "tags": '["云"]',
        "status": "",
    }
    assert (companies.shape, companies.source, companies.sha256) == ("chainbert", str(path), file_hash(path))
    assert (companies.duplicates, companies.exclusions, companies.notes) == (0, {}, {})


SHAPED = [
    (
        "crunchbase",
        {
            "uuid": "u1",
            "name": "Foo",
            "homepage_url": "https://foo.io",
            "short_description": "Foo makes pumps.",
            "description": "It sells them in Asia.",
            "city": "Beijing",
            "region": "Beijing",
            "founded_on": "2016-05-01",
            "investors": "Bar Fund, Baz Capital",
            "category_list": "Hardware,Energy",
            "status": "operating",
        },
        (
            "u1",
            "Foo",
            "Beijing",
            2016,
            "Foo makes pumps.\nIt sells them in Asia.",
            ["Bar Fund", "Baz Capital"],
            "Hardware",
        ),
    ),
    (
        "itjuzi-2017",
        {
            "com_id": 100,
            "com_name": "甲乙",
            "com_prov": "上海",
            "com_city": "浦东新区",
            "com_born_year": 2013,
            "com_des": "做平台。",
            "com_url": "http://foo.cn",
            "invst_firms": "甲资本 , 乙基金 , ",
            "scope": "硬件",
            "invse_detail_money": "--",
        },
        ("100", "甲乙", "Shanghai", 2013, "做平台。", ["甲资本", "乙基金"], "硬件"),
    ),
    (
        "itjuzi-2018",
        {
            "公司名称": "甲乙 Foo",
            "地点": "北京-朝阳区",
            "成立时间": "2012-06",
            "公司简介": "做平台。",
            "公司网址": "",
            "行业": "硬件",
            "rounds": [{"投资方": "甲资本,乙基金"}, {"投资方": "-"}],
        },
        ("甲乙 foo", "甲乙 Foo", "Beijing", 2012, "做平台。", ["甲资本", "乙基金"], "硬件"),
    ),
    (
        "itjuzi-2023",
        {
            "项目名称": "甲乙",
            "项目简介": "做平台。",
            "赛道关键词": "先进制造/芯片",
            "成立时间": "2017-05",
            "投资机构": "e/m/p/t/y",
            "创业者城市": "广东 · 深圳",
            "公司官网": "https://www.itjuzi.com/company/1",
            "融资额": "empty",
        },
        ("甲乙", "甲乙", "Shenzhen", 2017, "做平台。", [], "先进制造"),
    ),
    (
        "financedatabase",
        {
            "symbol": "0001.SZ",
            "name": "Foo Ltd",
            "summary": "It banks.",
            "state": "Guangdong",
            "city": "Shenzhen",
            "industry": "Banks, Regional",
        },
        ("0001.SZ", "Foo Ltd", "Shenzhen", None, "It banks.", [], "Banks, Regional"),
    ),
]


@pytest.mark.parametrize(("shape", "row", "expected"), SHAPED)
def test_exports_are_recognised_by_their_columns(firms, shape, row, expected):
    companies = read_companies(firms(row))
    found = companies.table.iloc[0]
    assert companies.shape == shape
    year = None if found["founded"] is pd.NA else found["founded"]
    assert (
        found["id"],
        found["name"],
        found["city"],
        year,
        found["text"],
        found["investors"],
        found["industry"],
    ) == expected
    assert not pd.isna(companies.table.drop(columns=["founded", "observed", "investors"])).any().any()


def test_what_is_not_ours_is_kept(firms):
    assert read_companies(firms(SHAPED[0][1])).table["status (file)"][0] == "operating"
    assert read_companies(firms(SHAPED[3][1])).table.loc[0, ["赛道关键词", "融资额"]].tolist() == [
        "先进制造/芯片",
        "empty",
    ]
    assert json.loads(read_companies(firms(SHAPED[2][1])).table["rounds"][0])[1] == {"投资方": "-"}
    kept = read_companies(firms(FIRM | {"description": "另一段。"})).table.iloc[0]
    assert (kept["text"], kept["description"]) == (FIRM["text"], "另一段。")


@pytest.mark.parametrize(
    ("short", "long", "text"),
    [
        ("Makes pumps.", "Foo makes pumps. Makes pumps.", "Foo makes pumps. Makes pumps."),
        ("", "Long.", "Long."),
        ("Short.", "", "Short."),
        ("Makes pumps", "Sells them.", "Makes pumps\nSells them."),
    ],
)
def test_descriptions_are_joined_without_repetition(firms, short, long, text):
    row = {"uuid": "1", "name": "Foo", "short_description": short, "description": long}
    assert read_companies(firms(row)).table["text"][0] == text


def test_a_mapping_names_columns_and_constants(firms):
    path = firms({"Firma": "Foo", "Zweck": "It makes pumps.", "Land": "Guangdong", "Ort": "Shenzhen"})
    companies = read_companies(
        path, {"name": "firma", "text": "Zweck", "city": "Ort", "province": "Land", "observed": "=2018"}
    )
    row = companies.table.iloc[0]
    assert (row["id"], row["name"], row["city"], row["observed"], companies.shape) == (
        "foo",
        "Foo",
        "Shenzhen",
        2018,
        "mapped",
    )
    assert list(companies.table.columns)[-2:] == ["industry", "status"]


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"text": "descripton"}, r"has no column 'descripton'\. Did you mean 'description'\?.*text: '=VALUE'"),
        ({"txt": "description"}, r"'txt' is not a column of chainbert\. Did you mean 'text'\?"),
    ],
)
def test_a_mapping_that_does_not_fit(firms, mapping, message):
    with pytest.raises(ConfigError, match=message):
        read_companies(firms({"name": "Foo", "description": "It makes pumps."}), mapping)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (
            "firm,about",
            r"no column for 'text' .* and none for 'id' or 'name'\. Found: firm, about\..*--columns text=COLUMN",
        ),
        ("name,about", r"no column for 'text' \(also called description, summary or short_description\)"),
        ("text,city", r"no column for 'id' or 'name'\. Found: text, city"),
        ("id:name:text", r"Found: id:name:text; only one column was found: is the separator one of comma, tab"),
    ],
)
def test_unknown_columns_say_which_are_needed(tmp_path, header, message):
    path = tmp_path / "x.csv"
    path.write_text(f"{header}\n{header}\n", encoding="utf-8")
    with pytest.raises(DataError, match=message):
        read_companies(path)


def test_unusable_rows_stay_with_their_reason(firms):
    companies = read_companies(
        firms(
            FIRM,
            FIRM,
            FIRM | {"text": "另一段文字。"},
            FIRM | {"website": "http://foo.cn"},
            FIRM | {"observed": "2022"},
            {"id": "b", "text": "--"},
            {"id": "c", "text": "！？🙂"},
            {"id": "", "name": "", "text": "无名。"},
            {"id": "d", "city": "Lyon", "text": "Pumps."},
        ),
        cities=["北京"],
    )
    assert companies.duplicates == 1
    assert companies.table["status"].tolist() == [
        "same company, year and text as line 4, other columns differ",
        "another text for the same company and year as line 4",
        "",  # of one company and year the row that says most is used
        "",
        "no text",
        "no words in the text",
        "no id and no name",
        "city outside the study",
    ]
    assert companies.table["key"].is_unique
    assert companies.usable["observed"].tolist() == [2018, 2022]
    assert companies.exclusions == {
        "another text for the same company and year as another row": 1,
        "same company, year and text as another row, other columns differ": 1,
        "no text": 1,
        "no words in the text": 1,
        "no id and no name": 1,
        "city outside the study": 1,
    }


def test_a_table_without_usable_rows_is_refused(firms):
    with pytest.raises(DataError, match=r"none of 1 rows can be used \(no text: 1\)"):
        read_companies(firms({"id": "1", "text": ""}))
    with pytest.raises(DataError, match=r"Asked for: Shenzhen; the file's cities: Beijing 1\."):
        read_companies(firms(FIRM), cities=["深圳"])


def test_years_that_are_none_are_missing_and_noted(firms):
    latest = datetime.datetime.now(tz=datetime.UTC).year + 1
    companies = read_companies(
        firms(*(FIRM | {"id": str(n), "founded": y} for n, y in enumerate([99999, 2016.0, "--", "soon"])))
    )
    assert companies.table["founded"].tolist() == [pd.NA, 2016, pd.NA, pd.NA]
    assert str(companies.table["founded"].dtype) == "Int64"
    assert companies.notes == {
        f"'founded' is not a year from 1800 to {latest}, left missing (line 1 '99999', 4 'soon')": 2
    }


def test_characters_that_cannot_be_stored_go_and_are_counted(firms, tmp_path):
    companies = read_companies(firms(FIRM | {"text": "a\0b \ud83d c🙂\r\nd"}))
    assert companies.table["text"][0] == "ab \ufffd c🙂\nd"
    assert companies.notes == {"NUL characters or lone surrogates, removed (line 1)": 1}
    companies.table.to_parquet(tmp_path / "x.parquet")


def test_a_two_megabyte_text_is_a_company_like_any_other(firms):
    companies = read_companies(firms(FIRM | {"text": "本公司在北京做平台，也做云服务；" * 45_000}))
    sentences = sentences_of(companies)
    assert len(companies.table["text"][0].encode()) > 2_000_000
    assert len(sentences) == 45_001


def test_given_languages_are_trusted_only_where_they_are_zh_or_en(firms):
    rows = [FIRM | {"id": code, "lang": code} for code in ("en", "中文", "??", "")]
    assert read_companies(firms(*rows)).table["language"].tolist() == ["en", "zh", "zh", "zh"]


def test_sentences_with_offsets_masks_and_the_name_last(firms):
    companies = read_companies(firms(FIRM | {"text": "总部位于北京。 It sells in Beijing."}, {"id": "x", "text": ""}))
    sentences = sentences_of(companies)
    assert sentences.drop(columns=["key", "id", "observed"]).to_dict("records") == [
        {
            "part": "text",
            "position": 0,
            "start": 0,
            "end": 7,
            "text": "总部位于北京。",
            "masked": "总部位于本市。",
            "language": "zh",
        },
        {
            "part": "text",
            "position": 1,
            "start": 8,
            "end": 28,
            "text": "It sells in Beijing.",
            "masked": "It sells in the city.",
            "language": "en",
        },
        {
            "part": "name",
            "position": 2,
            "start": 0,
            "end": 4,
            "text": "甲乙科技",
            "masked": "甲乙科技",
            "language": "zh",
        },
    ]
    assert sentences["key"].unique().tolist() == [companies.usable["key"][0]]


WORDS = st.lists(
    st.sampled_from(["一家", "公司", "平台", "服务", "北京", "做", "a,b", '"', "\n", "；", "Foo"]), min_size=1
).map("".join)
TABLES = st.lists(
    st.fixed_dictionaries(
        {
            "name": WORDS,
            "text": WORDS,
            "city": st.sampled_from(["北京", "上海", "深圳", ""]),
            "founded": st.sampled_from(["2016年", "", "99999"]),
        }
    ),
    min_size=1,
    max_size=6,
).map(lambda rows: [{"id": f"i{number}", **row, "text": f"公司{row['text']}"} for number, row in enumerate(rows)])


def without_order(companies):
    columns = companies.table.astype({"investors": "str"})
    return {tuple(map(str, row)) for row in columns.itertuples(index=False)}


@given(TABLES, st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=30)
def test_reading_does_not_depend_on_row_order(tmp_path_factory, rows, random):
    folder = tmp_path_factory.mktemp("order")
    shuffled = random.sample(rows, len(rows))
    given = read_companies(lines(folder / "a.jsonl", *rows))
    assert without_order(given) == without_order(read_companies(lines(folder / "b.jsonl", *shuffled)))


@given(TABLES)
@settings(deadline=None, max_examples=30)
def test_the_same_table_in_every_encoding(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("encodings")
    tables = []
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "gb18030"):
        path = folder / f"{encoding}.csv"
        with path.open("w", encoding=encoding, newline="") as handle:
            table = csv.DictWriter(handle, list(rows[0]))
            table.writeheader()
            table.writerows(rows)
        tables.append(read_companies(path).table)
    for table in tables[1:]:
        pd.testing.assert_frame_equal(table, tables[0])


def test_big5_reads_like_utf8(tmp_path):
    table = "id,name,city,text\n1,甲乙科技,臺北,一家為企業提供雲端服務的公司，總部位於臺北。\n"
    for encoding in ("utf-8", "big5"):
        (tmp_path / f"{encoding}.csv").write_bytes(table.encode(encoding))
    read = [read_companies(tmp_path / f"{encoding}.csv").table for encoding in ("utf-8", "big5")]
    pd.testing.assert_frame_equal(*read)
    assert read[0].loc[0, ["city", "language"]].tolist() == ["Taipei", "zh"]


def test_the_demo_companies_can_be_read():
    companies = read_companies(demo_companies())
    assert companies.shape == "chainbert"
    assert set(companies.usable["city"]) == {"Beijing", "Shanghai", "Shenzhen"}


def test_config_names_an_unknown_column():
    assert CompaniesConfig().cities == ()
    with pytest.raises(ValueError, match=r"'txt' is not a column of chainbert\. Did you mean 'text'\?"):
        CompaniesConfig(columns={"txt": "x"})
    with pytest.raises(ValueError, match=r"a city without a name was found"):
        CompaniesConfig(cities=("北京", " "))
