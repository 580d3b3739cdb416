"""Comparing company sets of several years, from the files to the sentences; all firms are invented."""

import json
import signal
import sys

import numpy as np
import pandas as pd
import pytest
from encoders import HashEncoder

from chainbert.cli import main
from chainbert.cli.comparison import comparison_lines
from chainbert.companies import read_companies
from chainbert.errors import ConfigError, DataError
from chainbert.study import CompareSettings, compare_sets, embed_companies, write_vectors
from chainbert.study.embedded import read_vectors

KINDS = ("冷链仓储", "电子证照", "版权存证", "跨境支付", "钱包软件", "积分兑换", "溯源标签", "合约审计")
SETTINGS = CompareSettings(encoder="test:hash", draws=99)


@pytest.fixture(autouse=True)
def encoders(monkeypatch, tmp_path):
    """Hashing encoders by the name ``test:hash`` or ``test:other:DIMENSION``; every store is the test's own."""
    monkeypatch.setenv("CHAINBERT_CACHE", str(tmp_path / "cache"))

    def load(name):
        return HashEncoder(int(name.rpartition(":")[2]) if name.count(":") == 2 else 16, name=name)

    for room in ("chainbert.study.single", "chainbert.study.comparedsets", "chainbert.embedding"):
        monkeypatch.setattr(f"{room}.load_encoder", load)


def company(number, city):
    kind = KINDS[number % len(KINDS)]
    return {
        "id": f"f{number}",
        "name": f"云杉{chr(0x4E00 + 37 * number)}{chr(0x5E00 + 29 * number)}",
        "city": city,
        "founded": 2008 + number % 7,
        "text": f"为第{number}类企业客户提供{kind}服务。产品在{number % 5 + 2}个城市使用。",
        "website": f"http://spruce{number}.cn",
        "investors": "竹海资本",
        "industry": kind,
    }


def table(numbers, cities=("北京", "上海")):
    return pd.DataFrame([company(number, cities[number % len(cities)]) for number in numbers])


def write(tmp_path, rows, name):
    path = tmp_path / name
    rows.to_csv(path, index=False)
    return path


@pytest.fixture
def strangers(tmp_path):
    """Two sets of 24 firms with two firms in common."""
    return [write(tmp_path, table(range(24)), "a.csv"), write(tmp_path, table(range(22, 46)), "b.csv")]


def compared(paths, *, years=(2017, 2021), columns=None, settings=SETTINGS, matches=None):
    return compare_sets(paths, columns or [None] * len(paths), years, settings, matches=matches)


def test_two_sets_with_few_firms_in_common(strangers):
    found = compared(strangers)
    assert [one["label"] for one in found.sets] == ["2017", "2021"]
    assert found.cities == ("Shanghai",)
    assert found.panel.status == (
        "a panel is not estimable: 2 firms are in both sets; "
        "5 firms of a city and 5 of Beijing in every set were needed"
    )
    assert found.panel_convergence is None
    assert found.convergence.firms == 46
    assert found.convergence.rows == 48
    assert found.convergence.gaps[["city", "year"]].to_numpy().tolist() == [["Shanghai", "2017"], ["Shanghai", "2021"]]
    assert found.space.alignments == []


def test_a_panel_is_measured_where_there_is_one(tmp_path):
    paths = [write(tmp_path, table(range(start, start + 30)), f"{start}.csv") for start in (0, 10)]
    found = compared(paths)
    assert found.panel.status == ""
    assert found.panel.estimable == ("Shanghai",)
    assert found.panel.shared.to_dict("records") == [{"set_a": "2017", "set_b": "2021", "firms": 20, "same_name": 20}]
    assert found.panel_convergence is not None
    assert found.panel_convergence.firms == 20
    assert found.panel_convergence.rows == 40
    assert (found.panel_convergence.gaps["n"] == 10).all()


def test_three_sets_each_in_its_shape(tmp_path):
    first = table(range(20)).rename(
        columns={"id": "com_id", "name": "com_name", "text": "com_des", "city": "com_city", "website": "com_url"}
    )
    second = table(range(18, 40)).rename(columns={"name": "公司名称", "text": "公司简介", "city": "地点"})
    third = table(range(36, 60)).rename(columns={"name": "Firma", "text": "Text", "city": "Ort"})
    paths = [write(tmp_path, one, f"{place}.csv") for place, one in enumerate((first, second, third))]
    mapping = {"name": "Firma", "text": "Text", "city": "Ort"}
    found = compared(paths, years=(2017, 2018, 2023), columns=[None, None, mapping])
    assert [one["shape"] for one in found.sets] == ["itjuzi-2017", "itjuzi-2018", "mapped"]
    assert found.panel.shared["firms"].tolist() == [2, 0, 4]
    assert "2, 0 and 4 firms are in two sets, none in all three" in found.panel.status


def test_sets_come_in_the_order_of_time(strangers):
    backwards = compared(strangers[::-1], years=(2021, 2017)).to_json()
    assert backwards == compared(strangers).to_json()


def test_rows_in_another_order_give_the_same_numbers(strangers, tmp_path):
    expected = compared(strangers).to_json()
    mixed = [pd.read_csv(path).sample(frac=1, random_state=1) for path in strangers]
    found = compared([write(tmp_path, rows, f"mixed{place}.csv") for place, rows in enumerate(mixed)]).to_json()
    for one in (*expected["sets"], *found["sets"]):
        one.pop("path")
    assert found == expected


def test_a_firm_that_moved_is_one_firm(tmp_path):
    second = table(range(20, 44))
    second.loc[second["id"] == "f20", "city"] = "深圳"
    found = compared([write(tmp_path, table(range(24)), "a.csv"), write(tmp_path, second, "b.csv")])
    moved = found.panel.moved.to_dict("records")
    name = company(20, "")["name"]
    assert moved == [
        {"firm": "2017:f20", "name": name, "set_a": "2017", "city_a": "Beijing", "set_b": "2021", "city_b": "Shenzhen"}
    ]


def test_the_text_says_frames_before_matches_before_findings(tmp_path):
    later = table(range(22, 80)).assign(text=lambda rows: rows["text"] * 4, website="")
    found = compared([write(tmp_path, table(range(24)), "a.csv"), write(tmp_path, later, "b.csv")])
    lines = comparison_lines(found.to_json())
    text = "\n".join(lines)
    order = ["warning: numbers of firms differ: 24 in 2017, 58 in 2021", "warning: texts differ in length",
             "The same firms", "2 firms in both, 2 by the same name", "note: 2021: no website is known",
             "a panel is not estimable", "gap Shanghai 2017", "Shanghai and Beijing: "]  # fmt: skip
    places = [text.index(part) for part in order]
    assert places == sorted(places)


def test_a_review_file_settles_what_was_unsure(strangers, tmp_path):
    before = compared(strangers)
    path = tmp_path / "review.csv"
    path.write_text("same_firm,set_a,id_a,set_b,id_b\nyes,2017,f0,2021,f44\nno,2017,f22,2021,f22\n", encoding="utf-8")
    after = compared(strangers, matches=path)
    assert before.panel.shared["firms"][0] == after.panel.shared["firms"][0] == 2
    assert set(after.matches.accepted["id_b"]) == {"f44", "f23"}
    assert after.convergence.firms == 46
    path.write_text("same_firm,set_a,id_a,set_b,id_b\nyes,2017,f0,2021,f99\n", encoding="utf-8")
    with pytest.raises(DataError, match="set 2021 has no usable firm with the id 'f99'"):
        compared(strangers, matches=path)


def embedded(path, name, tmp_path, year, masked=True):
    companies = read_companies(path, {"observed": f"={year}"})
    out = tmp_path / f"{path.stem}-{name.replace(':', '-')}-{masked}.parquet"
    encoder = HashEncoder(int(name.rpartition(":")[2]) if name.count(":") == 2 else 16, name=name)
    vectors = embed_companies(companies, name, mask_cities=masked)
    write_vectors(companies, vectors, out, encoder=encoder, masked=masked)
    return out


def test_vectors_come_back_with_their_encoder(strangers, tmp_path):
    path = embedded(strangers[0], "test:hash", tmp_path, 2017)
    assert list(pd.read_parquet(path).columns[:3]) == ["id", "observed", "vector"]
    assert "text" not in pd.read_parquet(path)
    found = read_vectors(path)
    assert found.encoder == HashEncoder(16, name="test:hash").fingerprint
    assert found.masked
    assert found.vectors.shape == (24, 16)
    assert found.rows["characters"].min() > 10


def test_embedded_sets_give_what_their_tables_give(strangers, tmp_path):
    expected = compared(strangers).to_json()
    paths = [embedded(path, "test:hash", tmp_path, year) for path, year in zip(strangers, (2017, 2021), strict=True)]
    found = compared(paths, years=()).to_json()
    assert found["convergence"] == expected["convergence"]
    assert found["matches"] == expected["matches"]
    assert found["warnings"] == expected["warnings"]
    mixed = compared([paths[0], strangers[1]]).to_json()
    assert mixed["convergence"] == expected["convergence"]


def test_other_encoders_are_refused_with_too_few_firms(strangers, tmp_path):
    paths = [embedded(strangers[0], "test:hash", tmp_path, 2017), strangers[1]]
    settings = CompareSettings(encoder="test:other:24", draws=99)
    with pytest.raises(
        DataError, match=r"2017 and 2021 were embedded by different encoders .* share 2 firms; 48 are needed"
    ):
        compared(paths, settings=settings)


def rotated(path, seed):
    """The same vectors as another encoder would see them: rotated, with two more dimensions."""
    found = pd.read_parquet(path)
    vectors = np.stack(found["vector"].to_list())
    turn = np.linalg.qr(np.random.default_rng(seed).standard_normal((18, 18)))[0]
    return np.pad(vectors, ((0, 0), (0, 2))) @ turn


def test_other_encoders_are_aligned_and_it_is_said(tmp_path):
    tables = [write(tmp_path, table(range(start, start + 60)), f"{start}.csv") for start in (0, 10)]
    paths = [embedded(path, "test:hash", tmp_path, year) for path, year in zip(tables, (2017, 2021), strict=True)]
    expected = compared(paths, years=())
    companies = read_companies(tables[1], {"observed": "=2021"})
    vectors = embed_companies(companies, "test:hash", mask_cities=True)
    turned = np.asarray(rotated(paths[1], 4), dtype=np.float32)
    other = type(vectors)(vectors.keys, turned, 0, 0, 0)
    write_vectors(companies, other, paths[1], encoder=HashEncoder(18, name="test:other"), masked=True)
    found = compared(paths, years=())
    assert len(found.space.alignments) == 1
    done = found.space.alignments[0]
    assert (done["sets"], done["onto"], done["firms"]) == ("2017", "2021", 50)
    assert done["error"] < 0.01 * done["baseline"]
    gaps = [one.convergence.gaps["gap"].to_numpy() for one in (found, expected)]
    np.testing.assert_allclose(gaps[0], gaps[1], atol=1e-5)
    text = "\n".join(comparison_lines(found.to_json()))
    assert "aligned: 2017 was embedded by another encoder than 2021; it was rotated onto it by 50 shared firms" in text
    assert "each gap is still that of its own encoder" in text


def test_masked_and_unmasked_vectors_are_not_mixed(strangers, tmp_path):
    paths = [embedded(strangers[0], "test:hash", tmp_path, 2017, masked=False), strangers[1]]
    with pytest.raises(ConfigError, match=r"treated differently \(kept in 2017, masked in 2021\)"):
        compared(paths)


def test_vectors_without_what_a_comparison_needs(strangers, tmp_path):
    path = tmp_path / "bare.parquet"
    bare = pd.DataFrame({"id": ["a"], "observed": [2017], "vector": [[1.0, 0.0]]})
    bare.to_parquet(path)
    with pytest.raises(
        DataError, match=r"bare\.parquet: has vectors, but no column name, city, .* embed the company table"
    ):
        compared([path, strangers[1]])
    good = pd.read_parquet(embedded(strangers[0], "test:hash", tmp_path, 2017))
    good.to_parquet(path)
    with pytest.raises(DataError, match="has vectors, but nothing that names its encoder"):
        compared([path, strangers[1]])


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"paths": 1}, ConfigError, "1 company set given; two or more, of different years, were expected"),
        (
            {"years": (2017, 2017)},
            ConfigError,
            "both have rows observed in 2017; sets of different years were expected",
        ),
        ({"years": (2017,)}, ConfigError, "--observed given 1 times for 2 tables; give it once for each"),
        ({"years": ()}, ConfigError, "24 of 24 usable rows do not say the year they were observed in; give --observed"),
        (
            {"settings": CompareSettings("Chengdu", encoder="test:hash")},
            ConfigError,
            "a.csv: no usable row is of Chengdu, the reference city; found Beijing 12, Shanghai 12. Choose one that",
        ),
        (
            {"settings": CompareSettings(cities=("Shangai",), encoder="test:hash")},
            ConfigError,
            "--city Shangai: no set has a row of it. Did you mean 'Shanghai'?",
        ),
    ],
)
def test_sets_that_cannot_be_compared(strangers, change, error, message):
    paths = strangers[: change.pop("paths", 2)]
    years = change.pop("years", (2017, 2021)[: len(paths)])
    with pytest.raises(error, match=message.replace("?", r"\?").replace("(", r"\(")):
        compared(paths, years=years, **change)


def test_one_set_without_the_reference_is_named(strangers, tmp_path):
    other = write(tmp_path, table(range(30, 50), ("深圳", "上海")), "south.csv")
    with pytest.raises(
        ConfigError, match=r"south\.csv: no usable row is of Beijing, the reference city; found Shenzhen 10"
    ):
        compared([strangers[0], other])


def test_nothing_is_embedded_before_all_is_checked(strangers, tmp_path, monkeypatch):
    monkeypatch.setattr(HashEncoder, "encode", lambda *_, **__: pytest.fail("texts were embedded"))
    path = tmp_path / "review.csv"
    path.write_text("same_firm,set_a,id_a,set_b,id_b\nperhaps,2017,f0,2021,f44\n", encoding="utf-8")
    with pytest.raises(DataError, match="'perhaps' in 'same_firm'"):
        compared(strangers, matches=path)


def test_wanted_cities_only(tmp_path):
    cities = ("北京", "上海", "深圳")
    paths = [write(tmp_path, table(range(start, start + 30), cities), f"{start}.csv") for start in (0, 40)]
    assert compared(paths).cities == ("Shanghai", "Shenzhen")
    found = compared(paths, settings=CompareSettings(cities=("深圳",), encoder="test:hash", draws=99))
    assert found.cities == ("Shenzhen",)
    assert set(found.convergence.gaps["city"]) == {"Shenzhen"}
    assert found.left_out == {"a city that is not compared": 20}


@pytest.fixture
def chainbert(monkeypatch, capsys):
    """The command line in this process: exit code, stdout, stderr."""
    monkeypatch.setattr(signal, "signal", lambda *_: None)  # the test run keeps its own SIGTERM

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["chainbert", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        shown = capsys.readouterr()
        return left.value.code, shown.out, shown.err

    return call


OPTIONS = ("--encoder", "test:hash", "--draws", 99)
YEARS = ("--observed", 2017, "--observed", 2021)


def test_a_folder_with_everything(chainbert, strangers, tmp_path):
    out = tmp_path / "compared"
    code, said, err = chainbert("compare", *strangers, *YEARS, *OPTIONS, "--out", out)
    assert code == 0, err
    assert said.startswith("Sets\n  2017: 24 firms")
    assert {path.name for path in out.iterdir()} == {
        "comparison.json", "matches.csv", "review.csv", "frames.csv", "frame_differences.csv",
    }  # fmt: skip
    assert pd.read_csv(out / "matches.csv")["rule"].tolist() == ["id", "id"]
    whole = json.loads((out / "comparison.json").read_text(encoding="utf-8"))
    code, printed, _ = chainbert("compare", *strangers, *YEARS, *OPTIONS, "--json", "--quiet")
    assert json.loads(printed) == whole
    assert whole["panel"]["status"].startswith("a panel is not estimable: 2 firms")


def test_columns_of_one_table(chainbert, strangers, tmp_path):
    other = write(tmp_path, table(range(30, 50)).rename(columns={"text": "Beschreibung"}), "other.csv")
    paths = (strangers[0], other)
    code, said, err = chainbert("compare", *paths, *YEARS, *OPTIONS, "--columns", "2:text=Beschreibung")
    assert code == 0, err
    assert "2021: 20 firms" in said
    code, _, err = chainbert("compare", *paths, *YEARS, *OPTIONS, "--columns", "3:text=Beschreibung")
    assert code == 2
    assert "a table from 1 to 2 was expected before ':'" in " ".join(err.split())


def test_a_file_in_the_way_of_the_folder(chainbert, strangers):
    code, _, err = chainbert("compare", *strangers, *YEARS, *OPTIONS, "--out", strangers[0])
    assert code == 3
    assert "Something else of that name is in the way" in err
