"""``chainbert sample`` and ``chainbert shares`` as a user calls them."""

import json
import os
import subprocess
import sys

import numpy as np
import openpyxl
import pandas as pd
import pytest
from audit_sets import audited, small_codebook


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("audit")
    company = audited(small_codebook(folder), 600, np.random.default_rng(0))
    company.labels.to_csv(folder / "labels.csv", index=False)
    company.companies.drop(columns="status").to_csv(folder / "companies.csv", index=False)
    return folder, company


@pytest.fixture
def chainbert(made):
    folder, _ = made

    def call(*arguments, code=0):
        done = subprocess.run(
            [sys.executable, "-m", "chainbert", *map(str, arguments)],
            capture_output=True,
            text=True,
            env=os.environ | {"CHAINBERT_CACHE": str(folder / "cache")},
            cwd=folder,
            check=False,
        )
        assert done.returncode == code, done.stderr
        return done

    return call


@pytest.fixture(scope="module")
def sheet(made):
    """A sheet drawn by the command and filled in as a coder would."""
    folder, company = made
    command = [sys.executable, "-m", "chainbert", "sample", "companies.csv", "--labels", "labels.csv", "--n", "150"]
    command += ["--out", "sheet.xlsx", "--codebook", "small.yaml"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
    assert done.returncode == 0, done.stderr
    book = openpyxl.load_workbook(folder / "sheet.xlsx")
    codes = book["codes"]
    place = {cell.value: number for number, cell in enumerate(codes[1], start=1)}
    truth = company.truth.set_index("id")
    for number in range(2, codes.max_row + 1):
        said = truth.loc[codes.cell(number, place["id"]).value]
        for axis in ("customer", "goods"):
            codes.cell(number, place[axis], said[axis])
        codes.cell(number, place["coder"], "A")
    book.save(folder / "filled.xlsx")
    return done


def test_sample_says_what_it_drew_and_what_it_will_give(sheet, made):
    folder, _ = made
    assert sheet.stdout == ""
    assert "sheet.xlsx: 150 of 600 companies and years in" in sheet.stderr
    assert "± 5 points on a share near a half: 235 codes alone, 132 with labels" in sheet.stderr
    assert len(pd.read_excel(folder / "sheet.xlsx", dtype={"id": str})) == 150


@pytest.mark.usefixtures("sheet")
def test_shares_of_the_filled_sheet_are_near_the_truth(chainbert, made):
    _, company = made
    command = ("shares", "labels.csv", "--gold", "filled.xlsx", "--companies", "companies.csv", "--codebook")
    done = chainbert(*command, "small.yaml", "--by", "city,year", "--json")
    found = json.loads(done.stdout)
    assert (found["design"], found["n"], found["N"]) == ("stratified", 150, 600)
    steel = next(one for one in found["shares"] if one["indicator"] == "steel" and one["city"] == one["year"] == "all")
    assert steel["low"] <= (company.truth["goods"] == "steel").mean() <= steel["high"]
    assert "prediction-powered" in done.stderr


@pytest.mark.usefixtures("sheet")
def test_shares_go_to_stdout_as_csv_or_to_a_file(chainbert, made):
    folder, _ = made
    command = ("shares", "labels.csv", "--gold", "filled.xlsx", "--codebook", "small.yaml")
    printed = chainbert(*command).stdout
    assert chainbert(*command, "--out", "shares.csv").stdout == ""
    assert (folder / "shares.csv").read_text(encoding="utf-8") == printed
    assert printed.startswith("axis,indicator,kind,n,N,naive,")


@pytest.mark.usefixtures("sheet")
def test_other_labels_of_the_same_companies_are_said(chainbert, made):
    folder, company = made
    company.labels.assign(goods="steel").to_csv(folder / "again.csv", index=False)
    done = chainbert("shares", "again.csv", "--gold", "filled.xlsx", "--codebook", "small.yaml")
    assert "the sheet was drawn by other labels" in done.stderr


@pytest.mark.usefixtures("sheet")
def test_a_sheet_that_trained_the_labeller_is_exit_3(chainbert, made):
    folder, company = made
    labels = pd.concat([company.labels.assign(training="trained")[:300], company.labels[300:]])
    labels.to_csv(folder / "trained.csv", index=False)
    done = chainbert("shares", "trained.csv", "--gold", "filled.xlsx", "--codebook", "small.yaml", code=3)
    assert "coded companies trained this labeller" in done.stderr


@pytest.mark.usefixtures("sheet")
def test_an_empty_sheet_is_exit_3(chainbert):
    done = chainbert("shares", "labels.csv", "--gold", "sheet.xlsx", "--codebook", "small.yaml", code=3)
    assert done.stderr.startswith("error: ")
    assert "cod" in done.stderr


def test_wrong_arguments_are_exit_2(chainbert):
    sample = ("sample", "companies.csv", "--labels", "labels.csv", "--codebook", "small.yaml")
    assert "by the ending" in chainbert(*sample, "--out", "sheet.doc", code=2).stderr
    assert "no column 'town'" in chainbert(*sample, "--out", "s.csv", "--by", "town", code=2).stderr
    shares = ("shares", "labels.csv", "--gold", "x.csv", "--codebook", "small.yaml")
    assert "set or population" in chainbert(*shares, "--target", "all", code=2).stderr
