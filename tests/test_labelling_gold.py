"""Hand codes from files: every format, several coders, and every fault with its place."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from labelling_sets import SMALL

from chainbert.companies import demo_companies, read_companies
from chainbert.errors import DataError
from chainbert.labelling import Codebook, read_gold

ROWS = [
    {"id": "007", "observed": 2018, "customer": "state", "goods": "steel", "comment": "plain, clear"},
    {"id": "007", "observed": 2022, "customer": "mixed", "goods": "software", "comment": ""},
    {"id": "b", "observed": None, "customer": "", "goods": "steel", "comment": "未编码"},
]


@pytest.fixture(scope="module")
def codebook(tmp_path_factory):
    path = tmp_path_factory.mktemp("codebook") / "small.yaml"
    path.write_text(SMALL, encoding="utf-8")
    return Codebook.load(path)


def write(path, rows):
    """Rows as a file of the kind its ending says."""
    table = pd.DataFrame(rows)
    if path.suffix not in {".jsonl", ".json"} and "observed" in table:
        table["observed"] = table["observed"].astype("Int64")
    if path.suffix == ".jsonl":
        path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    elif path.suffix == ".json":
        path.write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
    elif path.suffix == ".xlsx":
        table.to_excel(path, index=False)
    elif path.suffix == ".parquet":
        table.to_parquet(path)
    else:
        table.to_csv(path, index=False, sep="\t" if path.suffix == ".tsv" else ",")
    return path


def gold_of(tmp_path, codebook, rows, name="gold.jsonl"):
    return read_gold(write(tmp_path / name, rows), codebook)


def says(gold, codebook, axis, indicator):
    return gold.says(codebook.axis(axis), indicator).tolist()


# One coding


@pytest.mark.parametrize("ending", ["jsonl", "json", "csv", "tsv", "xlsx", "parquet"])
def test_each_format_says_the_same(tmp_path, codebook, ending):
    table = gold_of(tmp_path, codebook, ROWS, f"gold.{ending}").table
    assert table["id"].tolist() == ["007", "007", "b"]
    assert table["observed"].tolist() == [2018, 2022, pd.NA]
    assert table["customer"].tolist() == ["state", "mixed", ""]
    assert table["goods"].tolist() == ["steel", "software", "steel"]
    assert table["comment"].tolist() == ["plain, clear", "", "未编码"]


def test_gb18030_is_read_as_companies_are(tmp_path, codebook):
    path = tmp_path / "gold.csv"
    path.write_bytes("id,customer,comment\na,state,为政府部门服务的公司\n".encode("gb18030"))
    assert read_gold(path, codebook).table["comment"].tolist() == ["为政府部门服务的公司"]


def test_mixed_says_every_indicator_and_empty_says_none(tmp_path, codebook):
    gold = gold_of(tmp_path, codebook, ROWS)
    np.testing.assert_array_equal(says(gold, codebook, "customer", "state"), [1, 1, np.nan])
    np.testing.assert_array_equal(says(gold, codebook, "customer", "private"), [0, 1, np.nan])
    assert says(gold, codebook, "goods", "steel") == [1, 0, 1]
    assert gold.coders == {}


@pytest.mark.parametrize(("yes", "no"), [("yes", "no"), ("1", "0"), ("TRUE", "false"), ("是", "否"), (True, False)])
def test_indicators_coded_one_by_one_make_the_value(tmp_path, codebook, yes, no):
    columns = ("id", "customer.state", "customer.private", "goods.steel", "goods.software")
    told = [("a", yes, no, yes, no), ("b", yes, yes, no, yes), ("c", no, no, yes, ""), ("d", no, "", "", "")]
    gold = gold_of(tmp_path, codebook, [dict(zip(columns, row, strict=True)) for row in told])
    assert gold.table["customer"].tolist() == ["state", "mixed", "unclear", ""]
    assert gold.table["goods"].tolist() == ["steel", "software", "steel", ""]
    np.testing.assert_array_equal(says(gold, codebook, "customer", "state"), [1, 1, 0, 0])
    np.testing.assert_array_equal(says(gold, codebook, "customer", "private"), [0, 1, 0, np.nan])


def test_letter_case_width_and_blanks_of_values_and_columns_do_not_count(tmp_path, codebook):
    gold = gold_of(tmp_path, codebook, [{" ID ": "a", "Customer": " Ｓtate "}])
    assert gold.table.loc[0, ["id", "customer"]].tolist() == ["a", "state"]


def test_the_id_may_have_the_names_of_company_tables(tmp_path, codebook):
    for column in ("uuid", "com_id", "symbol"):
        assert gold_of(tmp_path, codebook, [{column: "x", "customer": "state"}]).table["id"].tolist() == ["x"]


def test_without_an_id_the_name_is_one_as_for_companies(tmp_path, codebook):
    row = {"name": "Ａcme  Tools", "text": "It sells tools to merchants.", "customer": "private"}
    path = write(tmp_path / "gold.jsonl", [row])
    assert read_gold(path, codebook).table["id"].tolist() == read_companies(path).table["id"].tolist()


def test_a_sheet_names_its_row_whatever_a_spreadsheet_made_of_the_id(tmp_path, codebook):
    rows = [
        {"id": one, "observed": 2018, "company_row": f"k:{own}|2018", "customer": "state"}
        for one, own in (("1", "001"), ("1", "1"))
    ]
    assert gold_of(tmp_path, codebook, rows, "gold.csv").table["id"].tolist() == ["001", "1"]


def test_the_same_codes_twice_count_once(tmp_path, codebook):
    gold = gold_of(tmp_path, codebook, [ROWS[0], ROWS[1], {**ROWS[0], "comment": "again"}])
    assert gold.table["id"].tolist() == ["007", "007"]
    assert gold.table["comment"].tolist() == ["plain, clear", ""]


def test_what_the_codebook_does_not_know_is_kept_and_not_read(tmp_path, codebook):
    gold = gold_of(tmp_path, codebook, [{"id": "a", "customer": "state", "mood": "happy", "market": "moon"}])
    assert gold.table.loc[0, ["mood", "market"]].tolist() == ["happy", "moon"]


def test_the_demo_s_codes_are_a_gold_file():
    gold = read_gold(demo_companies().with_name("gold.jsonl"), Codebook.load("company-axes"))
    assert len(gold.table) == 197
    assert (gold.table[["customer", "market", "application"]] != "").all(axis=None)
    assert len(gold.sha256) == 64


cells = st.sampled_from(["state", "private", "mixed", "unclear", ""])


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(cells, st.sampled_from(["software", "steel", ""])), min_size=1, max_size=6))
def test_what_is_written_is_what_is_read(tmp_path_factory, codebook, codes):
    if not any(map(any, codes)):
        codes = [("state", "steel"), *codes]
    folder = tmp_path_factory.mktemp("gold")
    rows = [{"id": f"c{place}", "customer": one, "goods": two} for place, (one, two) in enumerate(codes)]
    for ending in ("jsonl", "csv"):
        table = gold_of(folder, codebook, rows, f"gold.{ending}").table
        assert list(zip(table["customer"], table["goods"], strict=True)) == codes


# Several codings


def two(first, second):
    return {"coder_a": {"customer": first, "goods": "steel"}, "coder_b": {"customer": second, "goods": "steel"}}


TWO = [("state", "state"), ("state", "private"), ("mixed", ""), ("", "")]


def nested(tmp_path):
    return write(tmp_path / "gold.jsonl", [{"id": f"c{place}", **two(*pair)} for place, pair in enumerate(TWO)])


def wide(tmp_path):
    columns = ("id", "customer.coder_a", "goods.coder_a", "customer.coder_b", "goods.coder_b")
    rows = [(f"c{place}", first, "steel", second, "steel") for place, (first, second) in enumerate(TWO)]
    return write(tmp_path / "gold.csv", [dict(zip(columns, row, strict=True)) for row in rows])


def long(tmp_path):
    rows = [
        {"id": f"c{place}", "coder": coder, "customer": code, "goods": "steel"}
        for place, pair in enumerate(TWO)
        for coder, code in zip(("coder_a", "coder_b"), pair, strict=True)
    ]
    return write(tmp_path / "gold.xlsx", rows)


@pytest.mark.parametrize("form", [nested, wide, long])
def test_two_coders_in_three_forms(tmp_path, codebook, form):
    gold = read_gold(form(tmp_path), codebook)
    assert gold.table["customer"].tolist() == ["state", "", "mixed", ""]
    assert gold.table["goods"].tolist() == ["steel"] * 4
    assert list(gold.coders) == ["coder_a", "coder_b"]
    assert gold.coders["coder_a"]["customer"].tolist() == ["state", "state", "mixed", ""]
    assert gold.coders["coder_b"]["customer"].tolist() == ["state", "private", "", ""]
    assert gold.coders["coder_b"]["id"].tolist() == gold.table["id"].tolist()


@pytest.mark.parametrize("final", ["", "final", " Final "])
def test_adjudicated_codes_go_before_what_coders_agree_on(tmp_path, codebook, final):
    rows = [
        {"id": "a", "coder": coder, "customer": code, "comment": coder}
        for coder, code in (("x", "state"), ("y", "private"), (final, "mixed"))
    ]
    rows += [{"id": "b", "coder": coder, "customer": "unclear", "comment": ""} for coder in ("x", "y")]
    gold = gold_of(tmp_path, codebook, rows, "gold.csv")
    assert gold.table["customer"].tolist() == ["mixed", "unclear"]
    assert gold.table["comment"].tolist() == [final.strip(), ""]
    assert list(gold.coders) == ["x", "y"]


def test_one_coder_s_name_makes_no_second_coding(tmp_path, codebook):
    gold = gold_of(tmp_path, codebook, [{"id": "a", "coder": "x", "customer": "state"}])
    assert gold.table["customer"].tolist() == ["state"]
    assert gold.coders == {}


def test_final_columns_stand_beside_the_coders(tmp_path, codebook):
    gold = gold_of(tmp_path, codebook, [{"id": "a", "customer": "private", **two("state", "private")}])
    assert gold.table["customer"].tolist() == ["private"]
    assert gold.coders["coder_a"]["customer"].tolist() == ["state"]
    assert "coder_a" not in gold.table


# Faults


def test_every_fault_is_told_at_once_with_its_line(tmp_path, codebook):
    rows = [
        {"id": "a", "customer": "stat", "goods": "steel"},
        {"id": "", "customer": "state", "goods": "钢铁"},
        {"id": "c", "customer": "state", "goods": "steel", "observed": "soon"},
        {"id": "d", "customer.state": "perhaps"},
        {"id": "e", "customer.state": "0.73"},
    ]
    with pytest.raises(DataError) as caught:
        gold_of(tmp_path, codebook, rows)
    path = tmp_path / "gold.jsonl"
    lines = str(caught.value).splitlines()
    expected = [
        f"{path}:1: customer is 'stat', which is no value of this axis. Did you mean 'state'?",
        f"{path}:2: 'id' is empty; the id of the company, as in the company table, was expected",
        f"{path}:2: goods is '钢铁', which is no value of this axis. Write 'steel'.",
        f"{path}:4: customer.state is 'perhaps'; yes, no or an empty cell was expected",
        f"{path}:5: customer.state is '0.73'; yes, no or an empty cell was expected "
        "(a probability is a label, not a hand code)",
    ]
    assert set(expected) <= set(lines)
    assert any(line.startswith(f"{path}:3: observed is 'soon'; a year from 1800 to ") for line in lines)
    assert len(lines) == 6


def test_excel_faults_are_told_by_row(tmp_path, codebook):
    with pytest.raises(DataError, match=r"gold\.xlsx: row 3: customer is 'sate', .* Did you mean 'state'\?"):
        gold_of(tmp_path, codebook, [{"id": "a", "customer": "state"}, {"id": "b", "customer": "sate"}], "gold.xlsx")


def test_many_faults_are_cut_off_and_counted(tmp_path, codebook):
    rows = [{"id": str(place), "customer": "x"} for place in range(60)]
    with pytest.raises(DataError, match=r"and 10 more faults$"):
        gold_of(tmp_path, codebook, rows)


def test_one_company_and_year_with_other_codes_is_refused(tmp_path, codebook):
    rows = [{"id": "a", "customer": "state"}, {"id": "b", "customer": "state"}, {"id": "a", "customer": "private"}]
    message = (
        r"gold\.jsonl:3: the same company and year as in line 1, with another code: customer is 'private' here and "
        r"'state' there; keep one, or name the coders in a column 'coder'"
    )
    with pytest.raises(DataError, match=message):
        gold_of(tmp_path, codebook, rows)


def test_one_coder_contradicting_himself_is_refused_by_name(tmp_path, codebook):
    rows = [{"id": "a", "coder": "x", "customer": code} for code in ("state", "private")]
    with pytest.raises(DataError, match=r"the same company and year by x as in line 2"):
        gold_of(tmp_path, codebook, rows, "gold.csv")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            {"customer": "private", "customer.state": "yes"},
            r"customer is 'private', but customer\.state is yes; the two",
        ),
        ({"customer": "mixed", "customer.state": "no"}, r"customer is 'mixed', but customer\.state is no"),
        ({"customer": "state", "customer.state": "no"}, r"customer is 'state', but customer\.state is no"),
        (
            {"customer": "unclear", "customer.state": "yes", "customer.private": "no"},
            r"customer is 'unclear', but customer\.state is yes, customer\.private is no",
        ),
        ({"goods.steel": "yes", "goods.software": "yes"}, r"goods is a single choice: exactly one yes was expected"),
        ({"goods.steel": "no", "goods.software": "no"}, r"goods is a single choice: exactly one yes was expected"),
        ({"goods": "steel", "goods.steel": "no"}, r"goods\.steel is no and goods is 'steel'; goods is a single choice"),
    ],
)
def test_an_indicator_against_its_axis_is_refused(tmp_path, codebook, row, message):
    with pytest.raises(DataError, match=message):
        gold_of(tmp_path, codebook, [{"id": "a", **row}])


@pytest.mark.parametrize("value", ["mixed", "state"])
def test_one_yes_of_two_can_still_be_mixed(tmp_path, codebook, value):
    gold = gold_of(tmp_path, codebook, [{"id": "a", "customer": value, "customer.state": "yes"}])
    assert gold.table["customer"].tolist() == [value]


def test_a_file_without_any_axis_is_refused_with_what_it_has(tmp_path, codebook):
    message = r"no column of codebook small found: 'customer', 'goods' \(a value\), .* Found: id, market\. Is this"
    with pytest.raises(DataError, match=message):
        gold_of(tmp_path, codebook, [{"id": "a", "market": "global"}])


def test_an_empty_sheet_is_refused(tmp_path, codebook):
    with pytest.raises(DataError, match=r"not a single code is filled in; values in the columns 'customer', 'goods'"):
        gold_of(tmp_path, codebook, [{"id": "a", "customer": "", "goods": None}], "gold.xlsx")


def test_a_missing_file_is_told_as_for_companies(tmp_path, codebook):
    with pytest.raises(DataError, match=r"none\.csv: no such file"):
        read_gold(tmp_path / "none.csv", codebook)
