"""Exports: what every program reads is what the run found, and what had to be changed is said."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from runfolder import invented_companies, labels_of, write_checked_run, write_run

from chainbert.clustering.differences import DIFFERENCE_COLUMNS, DISTANCE_COLUMNS
from chainbert.clustering.entropies import ENTROPY_COLUMNS
from chainbert.clustering.noise import NOISE_COLUMNS
from chainbert.convergence.balance import BALANCE_COLUMNS
from chainbert.convergence.beta import BETA_COLUMNS
from chainbert.convergence.confounders import HELD_COLUMNS
from chainbert.convergence.decomposition import DECOMPOSITION_COLUMNS
from chainbert.convergence.economics import DISPERSION_COLUMNS
from chainbert.convergence.hidden import HIDDEN_COLUMNS
from chainbert.convergence.placebos import COLUMNS as PLACEBO_COLUMNS
from chainbert.convergence.placebos import DRAW_COLUMNS
from chainbert.convergence.records import DIRECTION_COLUMNS, GAP_COLUMNS, TREND_COLUMNS
from chainbert.convergence.shares import SHARE_COLUMNS, SLOPE_COLUMNS
from chainbert.convergence.specifications import COLUMNS as SPECIFICATION_COLUMNS
from chainbert.convergence.specifications import SUMMARY_COLUMNS
from chainbert.convergence.topics import TOPIC_SHARE_COLUMNS, TOPIC_SLOPE_COLUMNS
from chainbert.convergence.turnover import COUNT_COLUMNS, TURNOVER_COLUMNS
from chainbert.errors import ConfigError, DataError
from chainbert.labelling import Codebook
from chainbert.report.exports import FORMATS, ExportsConfig, export_run, undescribed
from chainbert.report.exports.cells import Notes, clean, typed, unique_names
from chainbert.report.exports.datadictionary import declared_types, described, known_tables
from chainbert.report.exports.delimited import write_csv
from chainbert.report.exports.excel import write_workbook
from chainbert.report.exports.excelcells import LONGEST, fitting, starts_formula
from chainbert.report.exports.parquettables import write_parquet
from chainbert.report.language import speaking
from chainbert.report.language.speech import catalogue
from chainbert.report.tableone import FRAME
from chainbert.wording.dictionaryshares import COLUMNS as DICTIONARY_COLUMNS

HASH = "7c0bf9b48b1166e1"
FORMULAS = ("=1+1", "+1-2", "-cmd|'/c calc'!A1", "@SUM(A1)", "\t=1", "\r=2", "＝1", " =3", '=HYPERLINK("x")')
# Chinese of 5,000 characters: 15,000 bytes in UTF-8.
LONG = "区块链存证与供应链金融，服务公立医院。" * 264


def table_of(frame: pd.DataFrame, name: str = "rows", notes: Notes | None = None):
    return described(name, typed(frame, {}, name, notes or Notes()))


def write_words(folder: Path) -> None:
    """Files of the wording stages, invented, for the companies of the run folder."""
    companies = pd.read_parquet(folder / "companies.parquet")
    keys = companies.loc[companies["status"] == "", "key"].tolist()
    term = {"term": ["NA", "链"], "firms": [7, 5]}
    pd.DataFrame(
        {"group": ["Beijing", "Beijing"], **term, "n_target": [9, 8], "n_reference": [1, 0], "firms_reference": [1, 0],
         "chi2": [5.5, 4.1], "chi2_p": [0.02, 0.04], "g2": [6.0, 5.0], "g2_p": [0.01, 0.03], "pmi": [0.5, 0.4],
         "odds_ratio": [9.0, np.inf], "exact_p": [0.02, 0.05], "log_odds": [1.2, 1.1], "z": [2.4, 2.1],
         "p": [0.004, 0.06], "q": [0.04, np.nan]}
    ).to_csv(folder / "keyness.csv", index=False)  # fmt: skip
    cities = ("Beijing", "Shanghai", "Shenzhen")
    pd.DataFrame(
        [("policy", "政策", "policy & law", city, period, 10, 5, 0.5, 0.24, 0.76, 12)
         for city in cities for period in ("all", "2013–2016")],
        columns=DICTIONARY_COLUMNS,
    ).to_csv(folder / "dictionary.csv", index=False)  # fmt: skip
    pd.DataFrame(
        {"key": keys[:2], "category": "policy", "hits": [2, 1], "entry": ["政务*", "archive"], "start": [3, 5],
         "end": [5, 12]}
    ).to_parquet(folder / "dictionary_firms.parquet")  # fmt: skip
    pd.DataFrame(
        {"key": [keys[0], keys[0], keys[1]], "investor": ["甲引导基金", "Out Fund", "乙资本"],
         "origin": ["state", "global", ""], "rule": ["guidance fund", "name", ""]}
    ).to_parquet(folder / "investors.parquet")  # fmt: skip
    cell = {"n": [9], "share": [0.5], "low": [0.2], "high": [0.8], "per_thousand": [3.5]}
    trend = {"term": ["NA"], "city": ["Beijing"], "period": ["2013–2016"], "firms": [4], **cell}
    pd.DataFrame(trend).to_csv(folder / "term_trends.csv", index=False)
    counted = {"term": ["供应 链"], "n": [9], "texts": [5], "firms": [4]}
    pd.DataFrame({**counted, "size": [2], "nested": [0], "lambda": [4.0], "z": [3.1]}).to_csv(
        folder / "collocations.csv", index=False
    )
    pd.DataFrame({"group": ["Beijing"], **counted, "rank": [1]}).to_csv(folder / "frequencies.csv", index=False)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    write_checked_run(folder)
    write_words(folder)
    files = export_run(folder, run_hash=HASH, codebook=Codebook.load("company-axes"))
    return folder / "exports", files


def read_r(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, keep_default_na=False, na_values={})


# What is there


def test_every_format_has_every_table(run):
    folder, files = run
    names = {path.stem for path in (folder / "csv-r").iterdir()}
    assert {
        "companies",
        "evidence",
        "shares",
        "keyness",
        "dictionary",
        "gaps",
        "verdict",
        "clusters",
        "exclusions",
    } <= names
    for other, ending in (("csv-excel", ".csv"), ("parquet", ".parquet"), ("stata", ".dta")):
        assert {path.stem for path in (folder / other).glob(f"*{ending}")} == names
    assert {"codebook.csv", "codebook.json", "notes.csv", "read.R", "read.do", "tables.xlsx"} <= {p.name for p in files}
    assert files == sorted(files)
    assert all(path.is_file() for path in files)
    assert not list(folder.rglob(".*"))


def test_every_column_of_every_file_is_described(run):
    folder, _ = run
    dictionary = pd.read_csv(folder / "codebook.csv", keep_default_na=False)
    assert undescribed(dictionary) == []
    for path in [*(folder / "csv-r").glob("*.csv"), folder / "codebook.csv", folder / "notes.csv"]:
        here = dictionary[dictionary["file"] == path.stem]
        frame = pd.read_csv(path, keep_default_na=False)
        assert list(here["column"]) == list(frame.columns), path.name
        assert set(here["n"]) == {len(frame)}, path.name
    assert (dictionary["meaning_en"] != "").all()
    assert set(dictionary["run"]) == {HASH}


def test_a_column_nobody_described_is_found(tmp_path):
    write_run(tmp_path)
    shares = pd.read_csv(tmp_path / "shares.csv")
    shares.assign(novelty=1.5).to_csv(tmp_path / "shares.csv", index=False)
    export_run(tmp_path, ["csv-r"], run_hash=HASH)
    assert undescribed(pd.read_csv(tmp_path / "exports" / "codebook.csv")) == ["shares.novelty"]


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("gaps", GAP_COLUMNS),
        ("trends", TREND_COLUMNS),
        ("direction", DIRECTION_COLUMNS),
        ("decomposition", DECOMPOSITION_COLUMNS),
        ("balance", BALANCE_COLUMNS),
        ("held_fixed", HELD_COLUMNS),
        ("hidden_confounders", HIDDEN_COLUMNS),
        ("placebos", PLACEBO_COLUMNS),
        ("placebo_draws", DRAW_COLUMNS),
        ("turnover", TURNOVER_COLUMNS),
        ("firm_counts", COUNT_COLUMNS),
        ("specifications", SPECIFICATION_COLUMNS),
        ("specification_summary", SUMMARY_COLUMNS),
        ("label_trends", ("axis", "indicator", *SHARE_COLUMNS)),
        ("label_slopes", ("axis", "indicator", *SLOPE_COLUMNS)),
        ("topic_trends", TOPIC_SHARE_COLUMNS),
        ("topic_slopes", TOPIC_SLOPE_COLUMNS),
        ("sigma", DISPERSION_COLUMNS),
        ("beta", BETA_COLUMNS),
        ("cluster_noise", NOISE_COLUMNS),
        ("cluster_entropies", ENTROPY_COLUMNS),
        ("cluster_distances", DISTANCE_COLUMNS),
        ("cluster_differences", DIFFERENCE_COLUMNS),
        ("dictionary", DICTIONARY_COLUMNS),
        ("table1", FRAME),
    ],
)
def test_columns_that_stages_write_are_described(name, columns):
    assert set(columns) - set(declared_types(name)) == set()


def test_every_meaning_is_said_in_chinese():
    known = catalogue("zh")
    said = [one["title"] for one in known_tables().values()]
    said += [column[2] for one in known_tables().values() for column in one["columns"].values()]
    assert [one for one in said if one not in known] == []


def test_exports_in_chinese(tmp_path):
    write_run(tmp_path)
    with speaking("zh"):
        export_run(tmp_path, ["latex"], run_hash=HASH)
    notes = read_r(tmp_path / "exports" / "notes.csv")
    assert "本次运行未包含" in set(notes["about"])
    assert "各城市与参照城市差距的斜率及结论" in (tmp_path / "exports" / "latex" / "trends.tex").read_text(
        encoding="utf-8"
    )


def test_the_wide_table_joins_what_the_run_knows(run):
    folder, _ = run
    wide = pd.read_parquet(folder / "parquet" / "companies.parquet")
    companies = pd.read_parquet(folder.parent / "companies.parquet")
    assert list(wide["key"]) == list(companies["key"])
    assert list(wide["text"]) == list(companies["text"])
    assert wide.columns[-1] == "text"
    first = wide.iloc[0]
    assert (first["period"], first["dictionary.policy"]) == ("2013–2016", 2)
    assert (first["investors_state"], first["investors_global"], first["investors_domestic"]) == (True, True, False)
    assert pd.isna(wide["investors_state"].iloc[5])
    # Its only investor's origin is not told: nothing is known, neither yes nor no.
    untold = pd.read_parquet(folder.parent / "investors.parquet").query("origin == ''")["key"].item()
    assert wide.set_index("key").loc[untold, ["investors_state", "investors_domestic"]].isna().all()
    assert wide["dictionary.policy"].iloc[5] == 0
    unusable = wide[wide["status"] != ""].iloc[0]
    assert pd.isna(unusable["dictionary.policy"])
    assert pd.isna(unusable["period"])
    labels = labels_of(companies)
    assert list(wide["customer"]) == list(labels["customer"])
    assert list(wide["market.global"]) == list(labels["market.global"])


def test_hand_codes_give_corrected_shares(tmp_path):
    write_run(tmp_path)
    row = {"axis": "customer", "indicator": "state", "kind": "indicator", "city": "Beijing", "n": 40, "N": 90}
    numbers = {f"{name}{end}": 0.25 for name in ("naive", "hand", "ppi") for end in ("", "_low", "_high")}
    last = {"share": 0.3, "low": 0.2, "high": 0.4, "lambda": 0.9, "width_ratio": 0.8, "status": ""}
    shares = [row | numbers | last | {"n_needed": 300, "n_needed_hand": None}]
    found = {"shares": shares, "axes": [{"unknown": 1}]}
    (tmp_path / "hand_codes.json").write_text(json.dumps(found), encoding="utf-8")
    export_run(tmp_path, ["csv-r"], run_hash=HASH)
    back = pd.read_csv(tmp_path / "exports" / "csv-r" / "corrected_shares.csv")
    assert back["share"].tolist() == [0.3]
    assert undescribed(pd.read_csv(tmp_path / "exports" / "codebook.csv")) == []


def test_a_firm_seen_twice_has_its_period_in_the_latest_row(tmp_path):
    companies = invented_companies(np.random.default_rng(7))
    companies.loc[4, ["id", "founded", "observed"]] = [companies["id"].iloc[0], companies["founded"].iloc[0], 2018]
    write_run(tmp_path, companies)
    path = tmp_path / "convergence.json"
    found = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(found | {"periods": ["2013–2016", "2017–2019", "2020–2022"]}), encoding="utf-8")
    export_run(tmp_path, ["csv-r"], run_hash=HASH)
    wide = read_r(tmp_path / "exports" / "csv-r" / "companies.csv").set_index("key")["period"]
    assert (wide[f"{0:032x}"], wide[f"{4:032x}"]) == ("2013–2016", "")
    export_run(tmp_path, ["csv-r"], run_hash=HASH, periods={f"{4:032x}": "early"})
    again = read_r(tmp_path / "exports" / "csv-r" / "companies.csv").set_index("key")["period"]
    assert (again[f"{0:032x}"], again[f"{4:032x}"]) == ("", "early")


def test_own_columns_are_kept_beside_ours(tmp_path):
    companies = invented_companies(np.random.default_rng(7)).assign(cluster="theirs", 注册资本=5.5, period="p")
    write_run(tmp_path, companies)
    export_run(tmp_path, ["csv-r"], run_hash=HASH)
    wide = read_r(tmp_path / "exports" / "csv-r" / "companies.csv")
    assert set(wide["cluster (given)"]) == {"theirs"}
    assert set(wide["period (given)"]) == {"p"}
    assert set(wide["注册资本"]) == {5.5}
    assert "theirs" not in set(wide["cluster"].astype(str))
    assert undescribed(pd.read_csv(tmp_path / "exports" / "codebook.csv")) == []


def test_files_the_run_lacks_are_named(tmp_path):
    write_run(tmp_path)
    (tmp_path / "labels.parquet").unlink()
    (tmp_path / "clusters.parquet").unlink()
    files = export_run(tmp_path, ["csv-r", "latex"], run_hash=HASH)
    notes = read_r(tmp_path / "exports" / "notes.csv")
    missing = set(notes.loc[notes["about"] == "not in this run", "place"])
    assert {"labels.parquet", "keyness.csv", "tables/table1.csv", "investors.parquet"} <= missing
    assert "customer" not in pd.read_csv(tmp_path / "exports" / "csv-r" / "companies.csv").columns
    assert not [path for path in files if path.stem in ("keyness", "evidence")]


# What goes wrong is said


def test_a_folder_without_companies_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"companies\.parquet: is missing; a run folder"):
        export_run(tmp_path, run_hash=HASH)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("labels.parquet", b"PAR1 no"),
        ("convergence.json", b"[1]"),
        ("convergence.json", b"{"),
        ("shares.csv", b'a,b\n"1'),
    ],
)
def test_a_damaged_file_is_named(tmp_path, name, content):
    write_run(tmp_path)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=rf"{name}: cannot be read .*run the study again"):
        export_run(tmp_path, run_hash=HASH)


def test_unknown_formats_and_hashes_are_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"'xslx' is no format.*Did you mean 'xlsx'"):
        export_run(tmp_path, ["xslx"], run_hash=HASH)
    with pytest.raises(ConfigError, match="is no hash of a run"):
        export_run(tmp_path, run_hash="a\n\\input{evil}")
    assert export_run(tmp_path, [], run_hash=HASH) == []
    assert not (tmp_path / "exports").exists()


def test_the_config_knows_the_formats():
    assert ExportsConfig().formats == FORMATS
    with pytest.raises(ValueError, match="csv-excel"):
        ExportsConfig(formats=("doc",))
    with pytest.raises(ValueError, match="pattern"):
        ExportsConfig(folder="../elsewhere")


# The same again


def test_the_same_run_gives_the_same_bytes(run, tmp_path):
    folder, files = run
    again = tmp_path / folder.parent.name
    write_checked_run(again)
    write_words(again)
    others = export_run(again, run_hash=HASH, codebook=Codebook.load("company-axes"))
    assert [path.relative_to(folder) for path in files] == [path.relative_to(again / "exports") for path in others]
    for one, other in zip(files, others, strict=True):
        assert one.read_bytes() == other.read_bytes(), one.name


def test_no_file_tells_the_time(run):
    folder, _ = run
    with zipfile.ZipFile(folder / "tables.xlsx") as book:
        assert {one.date_time for one in book.infolist()} == {(1980, 1, 31, 0, 0, 0)}
        assert b"2000-01-01T00:00:00Z" in book.read("docProps/core.xml")
    assert b"01 Jan 2000" in (folder / "stata" / "companies.dta").read_bytes()[:400]


def test_an_export_removes_what_the_last_one_wrote_and_nothing_else(tmp_path):
    write_run(tmp_path)
    export_run(tmp_path, ["csv-r", "xlsx"], run_hash=HASH)
    mine = tmp_path / "exports" / "csv-r" / "my analysis.R"
    mine.write_text("1 + 1")
    export_run(tmp_path, ["csv-r"], run_hash=HASH)
    assert not (tmp_path / "exports" / "tables.xlsx").exists()
    assert mine.exists()
    (tmp_path / "exports" / "files.json").write_text(json.dumps({"files": ["../companies.parquet", 7]}))
    export_run(tmp_path, ["csv-r"], run_hash=HASH)
    assert (tmp_path / "companies.parquet").exists()


def test_every_format_carries_the_hash(run):
    folder, _ = run
    book = openpyxl.load_workbook(folder / "tables.xlsx")
    assert HASH in book.properties.subject
    assert any(HASH in str(cell.value) for row in book["notes"].iter_rows() for cell in row)
    assert pq.read_schema(folder / "parquet" / "shares.parquet").metadata[b"chainbert.run"].decode() == HASH
    with pd.read_stata(folder / "stata" / "shares.dta", iterator=True) as reader:
        assert reader.data_label == f"chainbert run {HASH}"
    for name in ("latex/shares.tex", "read.R", "read.do", "codebook.json", "notes.csv", "files.json"):
        assert HASH in (folder / name).read_text(encoding="utf-8"), name


def test_progress_counts_the_formats(tmp_path):
    write_run(tmp_path)
    steps: list[tuple[int, int]] = []
    export_run(
        tmp_path, ["csv-r", "parquet"], run_hash=HASH, progress=lambda _, done, total: steps.append((done, total))
    )
    assert steps == [(0, 2), (1, 2), (2, 2)]


# Cells


@pytest.fixture(scope="module")
def long_texts():
    rng = np.random.default_rng(5)
    parts = np.array([*LONG[:19], "𠮷", "🚀", "\n", '"', ",", "\tא", "é"], dtype=object)
    texts = ["链" + "".join(rng.choice(parts, size=4_999)) for _ in range(1_000)]
    flags = pd.array([None, True, False, True] * 250, dtype="boolean")
    return pd.DataFrame(
        {"id": [f"inv-{one:04d}" for one in range(1_000)], "text": texts, "n": pd.array(range(1_000), dtype="Int64"),
         "share": rng.random(1_000), "flag": flags, "category": ["NA", "null", "state", "混合"] * 250}
    )  # fmt: skip


def test_a_thousand_long_chinese_texts_survive_csv(long_texts, tmp_path):
    table = table_of(long_texts)
    for flavour, encoding, begins in (("r", "utf-8", b'"'), ("excel", "utf-8-sig", b'\xef\xbb\xbf"')):
        write_csv(table.frame, tmp_path / "rows.csv", flavour, Notes())
        back = pd.read_csv(tmp_path / "rows.csv", encoding=encoding, keep_default_na=False, na_values={"flag": [""]})
        assert list(back["text"]) == list(long_texts["text"])
        assert list(back["category"]) == list(long_texts["category"])
        assert list(back["share"]) == list(long_texts["share"])
        assert list(back["flag"].dropna()) == list(long_texts["flag"].dropna())
        raw = (tmp_path / "rows.csv").read_bytes()
        # What reads utf-8 may pass over a byte order mark; R makes it a part of the first name.
        assert raw.startswith(begins)
        assert raw.endswith(b"\r\n") == (flavour == "excel")


def test_a_thousand_long_chinese_texts_survive_xlsx(long_texts, tmp_path):
    notes = Notes()
    write_workbook([table_of(long_texts)], tmp_path / "rows.xlsx", title="t", run_hash=HASH, notes=notes)
    book = openpyxl.load_workbook(tmp_path / "rows.xlsx", read_only=True)
    back = list(book["rows"].iter_rows(min_row=2, values_only=True))
    book.close()
    assert [row[1] for row in back] == list(long_texts["text"])
    assert [row[3] for row in back] == pytest.approx(list(long_texts["share"]), rel=1e-15)
    assert [row[4] for row in back] == [None if pd.isna(one) else bool(one) for one in long_texts["flag"]]
    assert [row[5] for row in back] == list(long_texts["category"])
    assert notes.rows == []


def test_a_thousand_long_chinese_texts_survive_parquet(long_texts, tmp_path):
    write_parquet(table_of(long_texts), tmp_path / "rows.parquet", run_hash=HASH)
    back = pd.read_parquet(tmp_path / "rows.parquet")
    assert list(back["text"]) == list(long_texts["text"])
    assert back["flag"].isna().sum() == 250
    assert pq.ParquetFile(tmp_path / "rows.parquet").metadata.row_group(0).column(1).compression == "ZSTD"


def test_no_cell_is_a_formula(tmp_path):
    companies = invented_companies(np.random.default_rng(7))
    names = [*FORMULAS, "<script>alert(1)</script>", "-5", "https://evil.example"]
    companies.loc[range(len(names)), "name"] = names
    companies["=cmd()"] = "x"
    write_run(tmp_path, companies)
    export_run(tmp_path, ["csv-excel", "csv-r", "xlsx"], run_hash=HASH)
    book = openpyxl.load_workbook(tmp_path / "exports" / "tables.xlsx")
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    data = [cell for cell in cells if cell.row > 1]
    assert not [cell.value for cell in cells if cell.data_type == "f" or cell.hyperlink]
    head = [cell.value for cell in book["companies"][1]]
    shown = [row[head.index("name")].value for row in book["companies"].iter_rows(min_row=2)]
    assert shown[: len(names)] == [one.replace("\r", "\n") for one in names]
    # A cell that somebody edits stays a text: Excel hides a ' before it.
    assert all(cell.quotePrefix == (isinstance(cell.value, str) and starts_formula(cell.value)) for cell in data)
    with (tmp_path / "exports" / "csv-excel" / "companies.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    assert "'=cmd()" in rows[0]
    excel = [row[rows[0].index("name")] for row in rows[1:]]
    assert excel[: len(names)] == [f"'{one}" for one in FORMULAS] + names[len(FORMULAS) :]
    assert not [cell for row in rows for cell in row if starts_formula(cell)]
    plain = read_r(tmp_path / "exports" / "csv-r" / "companies.csv")
    assert list(plain["name"])[: len(names)] == names
    notes = read_r(tmp_path / "exports" / "notes.csv")
    assert "9 texts that Excel would run as formulas have ' before them" in set(notes["note"])


def test_what_is_cut_is_said(tmp_path):
    huge = "字" * 2_000_000
    frame = pd.DataFrame({"id": ["a", "b", "c"], "text": ["short", huge, "🚀" * 20_000]})
    notes = Notes()
    table = table_of(frame, notes=notes)
    write_workbook([table], tmp_path / "rows.xlsx", title="t", run_hash=HASH, notes=notes)
    write_csv(table.frame, tmp_path / "rows.csv", "excel", notes)
    write_csv(table.frame, tmp_path / "whole.csv", "r", notes)
    back = [
        row[1] for row in openpyxl.load_workbook(tmp_path / "rows.xlsx")["rows"].iter_rows(min_row=2, values_only=True)
    ]
    assert back == ["short", "字" * LONGEST, "🚀" * (LONGEST // 2)]
    assert list(pd.read_csv(tmp_path / "rows.csv", encoding="utf-8-sig")["text"]) == back
    assert list(pd.read_csv(tmp_path / "whole.csv")["text"]) == list(frame["text"])
    assert [one.place for one in notes.rows] == [
        "rows.xlsx, rows: row 3, column text",
        "rows.xlsx, rows: row 4, column text",
        "csv-excel/rows.csv: row 2, column text",
        "csv-excel/rows.csv: row 3, column text",
    ]
    assert all("32,767" in one.text for one in notes.rows)
    sheet = openpyxl.load_workbook(tmp_path / "rows.xlsx")["notes"]
    assert [cell.value for cell in sheet["B"]][1:] == [one.place for one in notes.rows[:2]]


def test_characters_that_are_no_text_are_replaced_and_said(tmp_path):
    notes = Notes()
    texts = ["x\udfffy", "nul\x00", "bell\x07", "ok", "_x0041_", "a\r\nb", "\ufffe"]
    frame = pd.DataFrame({0: pd.Series(texts, dtype=object)})
    frame.columns = pd.Index(["a\ud800"], dtype=object)
    table = table_of(frame, notes=notes)
    assert list(table.frame["a\ufffd"])[:3] == ["x\ufffdy", "nul", "bell\x07"]
    assert [one.place for one in notes.rows] == ["rows: a\ufffd: row 1", "rows: a\ufffd: row 2"]
    write_workbook([table], tmp_path / "rows.xlsx", title="t", run_hash=HASH, notes=notes)
    sheet = openpyxl.load_workbook(tmp_path / "rows.xlsx")["rows"]
    assert [cell.value for cell in sheet["A"]][1:] == ["x\ufffdy", "nul", "bell", "ok", "_x0041_", "a\nb"]
    assert "control characters were taken out of 2 texts" in {one.text for one in notes.rows}
    write_csv(table.frame, tmp_path / "rows.csv", "r", notes)
    with (tmp_path / "rows.csv").open(encoding="utf-8", newline="") as file:
        assert [row[0] for row in csv.reader(file)][1:] == list(table.frame["a\ufffd"])


def test_columns_of_every_kind(tmp_path):
    frame = pd.DataFrame(
        {
            "day": pd.to_datetime(["2026-11-24", None, "1850-02-03"]),
            "moment": pd.to_datetime(["2026-11-24 05:06:07", None, None]).tz_localize("Asia/Shanghai"),
            "flag": [True, None, False],
            "mixed": [1, "b", None],
            "list": [["甲", "乙"], [], {"a": 1}],
            "none": [None, None, None],
            "big": pd.array([2**60, None, 1], dtype="Int64"),
            "infinite": [np.inf, -np.inf, np.nan],
        }
    )
    table = table_of(pd.concat([frame, frame[["flag"]]], axis=1))
    assert list(table.frame.columns) == [*frame.columns, "flag.2"]
    for flavour in ("r", "excel"):
        write_csv(table.frame, tmp_path / "rows.csv", flavour, Notes())
    write_csv(table.frame, tmp_path / "rows.csv", "r", Notes())
    lines = (tmp_path / "rows.csv").read_text(encoding="utf-8").splitlines()
    assert lines[1:] == [
        f'2026-11-24,2026-11-23T21:06:07,TRUE,"1","甲; 乙",,{2**60},Inf,TRUE',
        ',,,"b","",,,-Inf,',
        '1850-02-03,,FALSE,,"{""a"": 1}",,1,,FALSE',
    ]
    write_workbook([table], tmp_path / "rows.xlsx", title="t", run_hash=HASH, notes=Notes())
    rows = list(openpyxl.load_workbook(tmp_path / "rows.xlsx")["rows"].iter_rows(min_row=2, values_only=True))
    assert rows[0][0] == pd.Timestamp("2026-11-24")
    assert rows[2][0] == "1850-02-03"
    assert (rows[0][6], rows[2][6]) == (str(2**60), 1)
    assert rows[1] == (None, None, None, "b", None, None, None, "-Inf", None)
    write_parquet(table, tmp_path / "rows.parquet", run_hash=HASH)
    assert pd.read_parquet(tmp_path / "rows.parquet")["none"].isna().all()


def test_tables_without_rows_and_with_many_columns(tmp_path):
    empty = table_of(pd.DataFrame({"a": [], "文": []}))
    wide = table_of(pd.DataFrame([range(300)], columns=[f"指标{one}" for one in range(300)]), "wide")
    write_workbook([empty, wide], tmp_path / "rows.xlsx", title="t", run_hash=HASH, notes=Notes())
    book = openpyxl.load_workbook(tmp_path / "rows.xlsx")
    assert [[cell.value for cell in row] for row in book["rows"]] == [["a", "文"]]
    assert book["wide"].max_column == 300
    assert book["wide"].freeze_panes == "A2"
    assert book["wide"].auto_filter.ref == "A1:KN2"
    for table in (empty, wide):
        write_csv(table.frame, tmp_path / "rows.csv", "r", Notes())
        assert list(pd.read_csv(tmp_path / "rows.csv").columns) == list(table.frame.columns)
        write_parquet(table, tmp_path / "rows.parquet", run_hash=HASH)
        assert pd.read_parquet(tmp_path / "rows.parquet").shape == table.frame.shape


def test_more_cuts_than_a_reader_wants_are_counted():
    notes = Notes()
    notes.add_places("cut", "rows.csv", [f"row {one}" for one in range(30)], "cut")
    assert len(notes.rows) == 21
    assert notes.rows[-1].text == "and 10 further cells likewise"


@settings(max_examples=30)
@given(st.lists(st.text(st.characters(exclude_categories=())), min_size=1), st.sampled_from(["r", "excel"]))
def test_any_text_comes_back_from_csv(tmp_path_factory, texts, flavour):
    path = tmp_path_factory.getbasetemp() / f"law-{flavour}.csv"
    write_csv(table_of(pd.DataFrame({"a": pd.Series(texts, dtype=object)})).frame, path, flavour, Notes())
    with io.StringIO(path.read_bytes().decode("utf-8-sig" if flavour == "excel" else "utf-8"), newline="") as file:
        back = [row[0] for row in csv.reader(file)][1:]
    safe = [f"'{one}" if flavour == "excel" and starts_formula(one) else one for one in map(clean, texts)]
    assert back == safe


@given(st.text(), st.integers(0, 12))
def test_a_fitting_beginning_is_the_longest(text, limit):
    found = fitting(text, limit)
    size = len(found.encode("utf-16-le")) // 2
    assert text.startswith(found)
    assert size <= limit
    if found != text:
        assert size + len(text[len(found)].encode("utf-16-le")) // 2 > limit


@given(st.lists(st.sampled_from(["a", "a.2", "", "b", "column"])))
def test_names_become_unique_and_the_first_keeps_its_own(names):
    found = unique_names(names)
    assert len(set(found)) == len(names)
    for name in set(names) - {""}:
        assert found[[one or "column" for one in names].index(name)] == name


def test_a_declared_type_yields_to_the_cells():
    given_cells = pd.DataFrame({"n": ["3", "", "4"], "share": ["0.5", "", "x"], "year": ["2018", "2019", ""]})
    frame = typed(given_cells, {"n": "integer", "share": "number", "year": "text"}, "rows", Notes())
    assert frame["n"].dtype == "Int64"
    assert list(frame["share"]) == ["0.5", "", "x"]
    assert list(frame["year"]) == ["2018", "2019", ""]
