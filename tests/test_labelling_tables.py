"""Written labels: the columns, the formats, and what is missing."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from encoders import HashEncoder
from labelling_sets import SMALL, company_set

from chainbert.errors import ConfigError
from chainbert.labelling import Codebook, Labeller, write_labels
from chainbert.labelling.pooling import Pooled
from chainbert.labelling.tables import AxisLabels

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
    "training",
]


@pytest.fixture
def labels(tmp_path):
    path = tmp_path / "small.yaml"
    path.write_text(SMALL, encoding="utf-8")
    rows = [("007", 'It serves the government, "mostly",\nsince then. 为政府部门建平台。'), ("b", "")]
    return Labeller.load("zero-shot", encoder=HashEncoder()).label(company_set(tmp_path, rows), Codebook.load(path))


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


def test_not_transferable_goes_before_abstained_keeps_the_value_and_its_evidence(tmp_path):
    path = tmp_path / "small.yaml"
    path.write_text(SMALL, encoding="utf-8")
    axis = Codebook.load(path).axis("customer")
    said = np.array([[0.9, 0.1], [0.55, 0.1], [0.9, 0.1], [0.55, 0.1], [np.nan, np.nan]])
    best = np.array([[0, 0], [1, 1], [2, 2], [3, 3], [-1, -1]])
    labels = AxisLabels.of(axis, Pooled(said, best), 0.1, np.array([True, True, False, False, False]))
    assert labels.status.tolist() == ["labelled", "abstained", "not transferable", "not transferable", "unusable"]
    assert labels.values.tolist() == ["state"] * 4 + [""]
    assert labels.evidence[:, 0].tolist() == [0, 1, 2, 3, -1]


def test_an_indicator_is_yes_from_its_own_threshold_on(tmp_path):
    path = tmp_path / "small.yaml"
    path.write_text(SMALL, encoding="utf-8")
    axis = Codebook.load(path).axis("customer")
    said = np.array([[0.7, 0.3], [0.9, 0.1], [0.1, 0.45]])
    pooled = Pooled(said, np.arange(3)[:, None].repeat(2, axis=1), np.array([[0.8, 0.2]] * 2 + [[0.8, 0.5]]))
    labels = AxisLabels.of(axis, pooled, 0.06)
    assert labels.values.tolist() == ["private", "state", "unclear"]
    assert labels.status.tolist() == ["labelled", "labelled", "abstained"]
    assert (labels.evidence >= 0).tolist() == [[False, True], [True, False], [False, False]]
