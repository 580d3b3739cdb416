"""Stata files: long Chinese texts whole, names that Stata takes, labels that say what a variable is."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandas.io.stata import StataMissingValue, StataReader
from runfolder import write_run

from chainbert.labelling import Codebook
from chainbert.report.exports import export_run
from chainbert.report.exports.cells import Notes, typed
from chainbert.report.exports.datadictionary import Meaning, Table
from chainbert.report.exports.stata import write_dta
from chainbert.report.exports.statanames import stata_names

HASH = "7c0bf9b48b1166e1"


def written(path, frame, meanings=None, notes=None):
    """Write a frame and give (variables by column, path)."""
    cells = typed(frame, {}, "rows", notes or Notes())
    means = {str(name): Meaning(str(name), str(name)) for name in cells.columns} | (meanings or {})
    names = stata_names(list(map(str, cells.columns)))
    write_dta(Table("rows", cells, "Rows", "", False, means), path, names, run_hash=HASH, notes=notes or Notes())
    return names


def long_rows(n: int = 1_000) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    parts = np.array([*"区块链存证与供应链金融，服务", "𠮷", "🚀", "\n", '"', "א", "é"], dtype=object)
    texts = ["".join(rng.choice(parts, size=5_000)) for _ in range(n)]
    # Fewer than 2,045 characters, more than 2,045 bytes.
    middle = ["".join(rng.choice(parts[:14], size=1_000)) for _ in range(n)]
    return pd.DataFrame({"id": [f"链{one:04d}" for one in range(n)], "text": texts, "middle": middle})


def test_a_thousand_long_chinese_texts_survive(tmp_path):
    frame = long_rows()
    written(tmp_path / "rows.dta", frame)
    back = pd.read_stata(tmp_path / "rows.dta")
    for column in frame:
        assert list(back[column]) == list(frame[column]), column


def test_another_reader_reads_the_same(tmp_path):
    pyreadstat = pytest.importorskip("pyreadstat")
    frame = long_rows(60)
    frame["n"] = pd.array([None, *range(59)], dtype="Int64")
    frame["flag"] = pd.array([None, True, False] * 20, dtype="boolean")
    written(tmp_path / "rows.dta", frame)
    back, about = pyreadstat.read_dta(str(tmp_path / "rows.dta"))
    for column in ("id", "text", "middle"):
        assert list(back[column]) == list(frame[column]), column
    assert back["n"].isna().tolist() == frame["n"].isna().tolist()
    assert about.file_label == f"chainbert run {HASH}"
    assert about.column_names_to_labels["text"] == "text"
    assert about.variable_value_labels["flag"] == {0: "no 否", 1: "yes 是", "a": "missing 缺失"}


def test_a_text_of_two_megabytes_survives(tmp_path):
    frame = pd.DataFrame({"text": ["字" * 700_000, "", "x"]})
    written(tmp_path / "rows.dta", frame)
    assert list(pd.read_stata(tmp_path / "rows.dta")["text"]) == list(frame["text"])


@pytest.mark.parametrize("size", [680, 681, 682, 683, 2045, 2046])
def test_around_the_limit_of_a_fixed_width(tmp_path, size):
    frame = pd.DataFrame({"text": ["字" * size] * 3})
    written(tmp_path / "rows.dta", frame)
    assert list(pd.read_stata(tmp_path / "rows.dta")["text"]) == ["字" * size] * 3


def test_flags_and_labels_are_numbers_with_names_for_the_missing_too(tmp_path):
    frame = pd.DataFrame(
        {
            "flag": pd.array([True, False, None], dtype="boolean"),
            "customer": ["mixed", "NA", ""],
            "other": ["mixed", "elsewhere", ""],
        }
    )
    values = (("state", "国家"), ("NA", "无"), ("mixed", "混合"))
    means = {one: Meaning(one, "客户", values=values) for one in ("customer", "other")}
    written(tmp_path / "rows.dta", frame, means)
    with StataReader(tmp_path / "rows.dta", convert_categoricals=False, convert_missing=True) as reader:
        codes = reader.read()
        labels = reader.value_labels()
    assert list(codes["flag"])[:2] == [1, 0]
    assert isinstance(codes["flag"].iloc[2], StataMissingValue)
    assert (str(codes["flag"].iloc[2]), str(codes["customer"].iloc[2])) == (".a", ".a")
    assert list(codes["customer"])[:2] == [3, 2]
    missing = {2_147_483_622: "missing 缺失"}
    assert labels["flag"] == {0: "no 否", 1: "yes 是"} | missing
    assert labels["customer"] == {1: "state 国家", 2: "NA 无", 3: "mixed 混合"} | missing
    # A value that is not among those known stays a text.
    assert list(codes["other"]) == ["mixed", "elsewhere", ""]
    assert list(pd.read_stata(tmp_path / "rows.dta")["customer"].astype(object))[:2] == ["mixed 混合", "NA 无"]


def test_numbers_beyond_stata_are_missing_and_said(tmp_path):
    notes = Notes()
    frame = pd.DataFrame(
        {
            "x": [np.inf, 1e308, 2.5],
            "big": pd.array([2**60, None, 1], dtype="Int64"),
            "large": pd.array([2**40, None, 1], dtype="Int64"),
            "day": pd.to_datetime(["2026-11-24", None, "1850-02-03"]),
            "none": [None, None, None],
        }
    )
    written(tmp_path / "rows.dta", frame, notes=notes)
    back = pd.read_stata(tmp_path / "rows.dta")
    assert back["x"].isna().tolist() == [True, True, False]
    assert [one.text for one in notes.rows] == ["2 numbers are beyond what Stata holds and are missing there"]
    assert list(back["big"]) == [str(2**60), "", "1"]
    assert list(back["large"].dropna()) == [2**40, 1]
    assert list(back["day"].dropna()) == [pd.Timestamp("2026-11-24"), pd.Timestamp("1850-02-03")]
    assert list(back["none"]) == ["", "", ""]


def test_no_rows_and_three_hundred_columns(tmp_path):
    empty = pd.DataFrame({"a": pd.array([], dtype="boolean"), "b": pd.array([], dtype="Int64"), "c": []})
    written(tmp_path / "rows.dta", empty)
    assert pd.read_stata(tmp_path / "rows.dta").shape == (0, 3)
    wide = pd.DataFrame([range(300)], columns=[f"注册资本第{one}" for one in range(300)])
    names = written(tmp_path / "rows.dta", wide)
    back = pd.read_stata(tmp_path / "rows.dta")
    assert list(back.columns) == list(names.values())
    assert list(back.iloc[0]) == list(range(300))
    with StataReader(tmp_path / "rows.dta") as reader:
        assert reader.variable_labels()[names["注册资本第7"]] == "注册资本第7"


def test_labels_are_cut_to_eighty_characters(tmp_path):
    means = {"a": Meaning("long", "很长的说明" * 30), "b": Meaning("", "🚀" * 80)}
    written(tmp_path / "rows.dta", pd.DataFrame({"a": [1], "b": [2]}), means)
    with StataReader(tmp_path / "rows.dta") as reader:
        labels = reader.variable_labels()
    assert labels["a"] == ("很长的说明" * 30)[:79] + "…"
    assert labels["b"] == "🚀" * 80


def test_the_run_s_companies_in_stata(tmp_path):
    write_run(tmp_path)
    export_run(tmp_path, ["stata"], run_hash=HASH, codebook=Codebook.load("company-axes"))
    path = tmp_path / "exports" / "stata" / "companies.dta"
    with StataReader(path, convert_categoricals=False) as reader:
        companies, labels, values = reader.read(), reader.variable_labels(), reader.value_labels()
    given = pd.read_parquet(tmp_path / "companies.parquet")
    assert list(companies["text"]) == list(given["text"])
    assert labels["customer"] == "客户：标签；空表示不可用"
    assert labels["customer_state_evidence"] == "客户·国家：最有力的依据句；空表示未判为“是”"
    assert values["customer"][1] == "state 国家"
    dictionary = pd.read_csv(tmp_path / "exports" / "codebook.csv", keep_default_na=False)
    here = dictionary[dictionary["file"] == "companies"]
    assert list(here["stata"]) == list(companies.columns)
    assert len((tmp_path / "exports" / "read.do").read_text(encoding="utf-8").splitlines()) == 10


def test_names_are_shortened_where_they_are_long():
    names = stata_names(
        ["customer.state", "application.infrastructure.evidence", "注册资本", "if", "end", "2018", "🚀", "A", "a"]
    )
    assert list(names.values()) == [
        *(
            "customer_state",
            "application_infrastruct_evidence",
            "zhu_ce_zi_ben",
            "if_",
            "end_",
            "v_2018",
            "v7",
            "A",
            "a_2",
        )
    ]


@given(st.lists(st.text(max_size=60) | st.sampled_from(["if", "str5", "strL", "x" * 40, "x" * 41, "a_2"]), unique=True))
def test_any_names_become_different_names_that_stata_takes(columns):
    names = stata_names(columns)
    assert list(names) == columns
    assert len({one.casefold() for one in names.values()}) == len(columns)
    for one in names.values():
        assert re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,31}", one)
        assert one not in ("if", "str5", "strL", "end")
