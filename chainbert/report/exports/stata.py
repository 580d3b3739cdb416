"""Tables as Stata files (.dta, format 118): long Chinese texts whole, variables with Chinese labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pandas.io.stata import StataWriterUTF8  # type: ignore[attr-defined]  # the stubs lack it

from chainbert.files import atomic_path
from chainbert.report.exports.cells import Notes, type_of
from chainbert.report.exports.datadictionary import Table
from chainbert.report.language import say

LONGEST_FIXED = 2_045
"""Bytes of a text of fixed width; a longer one is a strL. Characters would not do: a Chinese one has three bytes."""
NARROW = 128
"""Bytes up to which a text is of fixed width however short the others are: keys and names can be merged on."""
LABEL = 80
"""Characters of a label of a variable or of the data."""
# Stata's largest double and largest long; above them are its missing values.
_LARGEST, _LARGEST_LONG = 8.988465674311579e307, 2_147_483_620
_EXACT = 2**53
_MISSING_CODE = 2_147_483_622  # .a, as a value label knows it
_EPOCH = datetime(2000, 1, 1)  # the same run gives the same bytes
_FLAG = ((0, "no", "否"), (1, "yes", "是"))


class _Writer(StataWriterUTF8):  # type: ignore[misc]  # the stubs lack its base
    """pandas' writer, with .a in place of . where a labelled value is missing: only .a to .z can have a label."""

    def label_missing(self, variables: Sequence[str]) -> None:
        for variable in variables:
            codes = self.data[variable]
            # . is the first code above the type's values, .a the next.
            first = {"int8": 101, "int16": 32_741, "int32": 2_147_483_621}[codes.dtype.name]
            self.data[variable] = codes.where(codes != first, first + 1).astype(codes.dtype)


def write_dta(table: Table, path: Path, names: Mapping[str, str], *, run_hash: str, notes: Notes) -> None:
    """Write a table, whole or not at all. names: column → variable, from ``stata_names``.

    Flags are 0 and 1, and a column of few known values is numbered from 1; both have value labels, and a missing one
    is .a, "missing". Other missing numbers are ., missing texts are empty. A column with a text above 2,045 bytes is
    strL, as is one that would be blanks for the most part.
    The data's label has the run's hash, each variable's the meaning in Chinese.
    """
    place = f"stata/{path.name}"
    columns: dict[str, pd.Series[Any]] = {}
    labels: dict[str, dict[float, str]] = {}
    for column, variable in names.items():
        cells, values = table.frame[column], table.meanings[column].values
        known = {one for one, _ in values} | {""}
        if type_of(cells) == "flag":
            columns[variable] = cells.astype("Int8")
            labels[variable] = {code: f"{en} {zh}" for code, en, zh in _FLAG}
        elif values and len(values) <= 100 and set(cells.dropna()) <= known:
            codes = {value: number for number, (value, _) in enumerate(values, start=1)}
            columns[variable] = cells.map(codes).astype("Int8")
            labels[variable] = {codes[value]: value if zh == value else f"{value} {zh}" for value, zh in values}
        else:
            columns[variable] = _plain(cells, f"{place}: {variable}", notes)
    frame = pd.DataFrame(columns, columns=list(names.values()))
    for found in labels.values():
        found[_MISSING_CODE] = "missing 缺失"
    with atomic_path(path) as temporary:
        writer = _Writer(
            str(temporary),
            frame,
            write_index=False,
            time_stamp=_EPOCH,
            data_label=_short(f"chainbert run {run_hash}"),
            variable_labels={names[one]: _short(_label(table, one)) for one in names},
            value_labels={variable: found for variable, found in labels.items() if found},
            convert_strl=[variable for variable in frame if _is_long(frame[variable])],
            convert_dates={one: "tc" for one in frame if frame[one].dtype.kind == "M"},
            byteorder="<",
            version=118,
        )
        writer.label_missing(list(labels) if len(frame) else [])
        writer.write_file()


def _label(table: Table, column: str) -> str:
    means = table.meanings[column]
    return means.zh or means.en or column


def _short(text: str) -> str:
    return text if len(text) <= LABEL else text[: LABEL - 1] + "…"


def _plain(cells: pd.Series[Any], place: str, notes: Notes) -> pd.Series[Any]:
    kind = type_of(cells)
    if kind == "text":
        return cells.map(lambda one: one or "", na_action=None).astype(object)
    if kind == "integer":
        return _whole(cells)
    if kind == "number":
        outside = ~np.isnan(cells.to_numpy()) & ~(np.abs(cells.to_numpy()) < _LARGEST)
        if outside.any():
            said = say("{n} numbers are beyond what Stata holds and are missing there", n=int(outside.sum()))
            notes.add(say("changed"), place, said)
        return cells.mask(outside)
    return cells


def _whole(cells: pd.Series[Any]) -> pd.Series[Any]:
    """Nullable integers that Stata holds; else doubles, and texts where a double would not be exact."""
    known = cells.dropna()
    largest = int(known.abs().max()) if len(known) else 0
    if largest <= _LARGEST_LONG:
        return cells.astype("Int32")
    if largest <= _EXACT:
        return cells.astype("Float64").astype("float64")
    return pd.Series(["" if pd.isna(one) else str(one) for one in cells], dtype=object)


def _is_long(cells: pd.Series[Any]) -> bool:
    """Texts that a fixed width cannot hold, or would fill with blanks: every row is as wide as the longest text."""
    if cells.dtype != object or not len(cells):
        return False
    sizes = [len(one.encode()) for one in cells]
    return max(sizes) > LONGEST_FIXED or (max(sizes) > NARROW and len(sizes) * max(sizes) > 2 * sum(sizes))
