"""The coding sheet, as Excel and as read_gold will read it."""

from __future__ import annotations

import numpy as np
import openpyxl
import pandas as pd
import pytest
from audit_sets import audited, small_codebook

from chainbert.errors import ConfigError
from chainbert.labelling.audit import draw_sample, write_sheet

SHOWN = ["order", "id", "observed", "name", "text", "customer", "goods", "coder", "comment"]
HIDDEN = ["stratum", "stratum_size", "inclusion_probability", "design", "company_row"]
DANGEROUS = ["=1+1", "+86 10", "-SUM(A1)", "@cmd", "\t=1", "007", "1E5", "2018-01-01", "3/4", "TRUE"]


@pytest.fixture
def sample(tmp_path):
    company = audited(small_codebook(tmp_path), 300, np.random.default_rng(0))
    company.companies["text"] = np.resize(DANGEROUS, 300)
    company.companies["name"] = np.resize(["=HYPERLINK(1)", "北京链"], 300)
    return draw_sample(
        company.labels, company.companies, 60, codebook=company.codebook, seed=3, labels_sha256="ab" * 32
    )


@pytest.fixture
def book(sample, tmp_path):
    write_sheet(sample, tmp_path / "sheet.xlsx")
    return openpyxl.load_workbook(tmp_path / "sheet.xlsx")


def rows(sheet):
    header, *rest = sheet.iter_rows(values_only=True)
    return pd.DataFrame(rest, columns=header)


def test_the_sheet_to_code_in_comes_first_and_has_what_coders_need(book, sample):
    assert book.sheetnames == ["codes", "codebook", "values", "design"]
    table = rows(book["codes"])
    assert list(table) == SHOWN + HIDDEN
    assert table["id"].tolist() == sample.table["id"].tolist()
    assert table["observed"].tolist() == sample.table["observed"].tolist()
    assert table["text"].tolist() == sample.table["text"].tolist()
    assert table[["customer", "goods", "coder", "comment"]].isna().all(axis=None)


def test_neither_labels_nor_probabilities_are_in_the_file_unless_asked_for(book, sample, tmp_path):
    assert not any("label of" in str(cell.value) for cell in book["codes"][1])
    write_sheet(sample, tmp_path / "shown.xlsx", show_labels=True)
    shown = rows(openpyxl.load_workbook(tmp_path / "shown.xlsx")["codes"])
    assert shown["label of customer"].tolist() == sample.table["customer"].tolist()


def test_drop_downs_hold_the_values_of_each_axis(book):
    choices = {}
    for choice in book["codes"].data_validations.dataValidation:
        sheet, _, area = choice.formula1.partition("!")
        cells = [cell for (cell,) in book[sheet][area.replace("$", "")]]
        choices[str(choice.sqref)] = [cell.value for cell in cells]
        assert (choice.type, choice.showErrorMessage) == ("list", True)
    assert choices == {
        "F2:F61": ["state", "private", "mixed", "unclear"],
        "G2:G61": ["software", "steel"],
    }


def test_the_codebook_sheet_says_what_counts_in_both_languages(book):
    table = rows(book["codebook"])
    state = table[(table["axis"] == "customer") & (table["value"] == "state")].set_index("language")
    assert state["description"].to_dict() == {"zh": "政府付费", "en": "Government pays"}
    assert table.loc[table["axis"] == "customer", "value"].dropna().unique().tolist() == [
        *("state", "private", "mixed", "unclear")
    ]
    assert table.loc[table["axis"] == "goods", "value"].dropna().unique().tolist() == ["software", "steel"]


def test_no_cell_is_a_formula_or_becomes_one(book):
    kinds = {cell.data_type for sheet in book for row in sheet.iter_rows() for cell in row if cell.value is not None}
    assert kinds == {"s", "n"}
    cells = [row[4] for row in book["codes"].iter_rows(min_row=2)]
    assert all(cell.quotePrefix for cell in cells if cell.value.startswith(("=", "+", "-", "@")))
    assert {cell.number_format for cell in cells} == {"@"}


def test_the_design_is_kept_and_hidden(book, sample):
    assert [book[name].sheet_state for name in book.sheetnames] == ["visible", "visible", "hidden", "hidden"]
    told = rows(book["design"]).set_index("what")["value"]
    assert told["seed"] == "3"
    assert told["frame"] == "300 companies and years"
    assert told["labels sha256"] == "ab" * 32
    assert told["codebook"] == f"small {sample.codebook.version}"
    assert told["strata"] == "city, language, label:customer, label:goods"
    assert {"s01", sample.design.strata["stratum"].iloc[-1]} <= set(told.index)
    hidden = [name for name, shape in book["codes"].column_dimensions.items() if shape.hidden]
    assert [book["codes"][f"{name}1"].value for name in hidden] == HIDDEN


def test_every_row_carries_the_design(book, sample):
    table = rows(book["codes"])
    line = f"audit sample; seed 3; frame 300; drawn 60; codebook small {sample.codebook.version}; labels {'ab' * 8}"
    assert set(table["design"]) == {line}
    assert table["company_row"][0] == f"k:{sample.table['row'][0]}"
    assert (1 / table["inclusion_probability"]).sum() == pytest.approx(300)


def test_csv_has_the_same_columns_and_no_formula(sample, tmp_path):
    write_sheet(sample, tmp_path / "sheet.csv")
    raw = (tmp_path / "sheet.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    table = pd.read_csv(tmp_path / "sheet.csv", dtype=str, keep_default_na=False)
    assert list(table) == SHOWN + HIDDEN
    assert not table.map(lambda cell: cell.startswith(("=", "+", "-", "@", "\t"))).any(axis=None)
    given = sample.table["text"].str.startswith(("=", "+", "-", "@", "\t"))
    assert (table["text"].str.startswith("'") == given).all()
    assert table["id"].tolist() == sample.table["id"].tolist()
    rules = pd.read_csv(tmp_path / "sheet-codebook.csv", keep_default_na=False)
    assert set(rules["language"]) == {"zh", "en"}


def test_control_characters_and_very_long_texts_fit_a_cell(sample, tmp_path):
    sample.table.loc[0, "text"] = "a\x0bb" + "x" * 40_000
    write_sheet(sample, tmp_path / "long.xlsx")
    text = rows(openpyxl.load_workbook(tmp_path / "long.xlsx")["codes"])["text"][0]
    assert (text[:3], len(text), text[-1]) == ("abx", 32_767, "…")


def test_another_ending_is_refused(sample, tmp_path):
    with pytest.raises(ConfigError, match=r"sheet\.xls: sheets are written as \.xlsx, \.csv, .* found '\.xls'"):
        write_sheet(sample, tmp_path / "sheet.xls")
