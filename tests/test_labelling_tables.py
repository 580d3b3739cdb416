"""Written labels: the columns, the formats, and what is missing."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from encoders import HashEncoder
from labelling_sets import SMALL, company_set

from chainbert.errors import ConfigError
from chainbert.labelling import Codebook, Labeller, write_labels

COLUMNS = [
    "id",
    "observed",
    "customer",
    "customer.state",
    "customer.state.evidence",
    "customer.private",
    "customer.private.evidence",
    "customer.status",
    "goods",
    "goods.software",
    "goods.software.evidence",
    "goods.steel",
    "goods.steel.evidence",
    "goods.status",
    "codebook",
]


@pytest.fixture
def labels(tmp_path):
    path = tmp_path / "small.yaml"
    path.write_text(SMALL, encoding="utf-8")
    rows = [("007", 'It serves the government, "mostly",\nsince then. 为政府部门建平台。'), ("b", "")]
    return Labeller.load(encoder=HashEncoder()).label(company_set(tmp_path, rows), Codebook.load(path))


def read(path):
    if path.suffix == ".csv":
        return pd.read_csv(path, dtype={"id": str})
    return pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_json(path, lines=True, dtype={"id": str})


@pytest.mark.parametrize("ending", [".csv", ".parquet", ".jsonl"])
def test_each_format_reads_back_as_it_was(labels, tmp_path, ending):
    write_labels(labels, tmp_path / f"out{ending}")
    table = read(tmp_path / f"out{ending}")
    assert list(table) == COLUMNS
    assert table["id"].tolist() == ["007", "b"]
    assert table["observed"].isna().all()
    assert table["customer.state"][0] == pytest.approx(labels.table["customer.state"][0], abs=1e-6)
    assert table["customer.state.evidence"][0] == labels.table["customer.state.evidence"][0]
    assert table["customer.status"].tolist() == ["labelled", "unusable"]


def test_missing_is_null_in_jsonl_and_chinese_stays_readable(labels, tmp_path):
    write_labels(labels, tmp_path / "out.jsonl")
    lines = (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()
    first, second = (json.loads(line) for line in lines)
    assert first["observed"] is None
    assert second["customer.state"] is None
    assert "政府" in lines[0]


def test_another_ending_is_refused_before_anything_is_written(labels, tmp_path):
    with pytest.raises(ConfigError, match=r"out\.xls: labels are written as \.csv, .* ending; found '\.xls'"):
        write_labels(labels, tmp_path / "out.xls")
    assert not (tmp_path / "out.xls").exists()
