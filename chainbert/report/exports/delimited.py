"""Comma-separated tables in two flavours: one that Excel opens by a double click, one for R and everything else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from chainbert.files import atomic_path
from chainbert.report.exports.cells import Notes, type_of
from chainbert.report.exports.excelcells import LONGEST, fitting, starts_formula
from chainbert.report.language import say

Flavour = Literal["excel", "r"]
_INFINITE = {float("inf"): "Inf", float("-inf"): "-Inf"}


def write_csv(frame: pd.DataFrame, path: Path, flavour: Flavour, notes: Notes) -> None:
    """Write a table of typed columns, whole or not at all.

    Both: texts stand in double quotes, a missing value is empty without quotes, numbers have all their digits (Inf,
    -Inf), flags are TRUE and FALSE, dates as 2026-11-24. r: UTF-8 without a mark, lines end in LF. excel: UTF-8 with
    a byte order mark, lines end in CRLF; a text that Excel would run as a formula has ' before it, and one longer than
    a cell of Excel holds is cut; ``notes`` names the cells.
    """
    excel = flavour == "excel"
    place = f"csv-{flavour}/{path.name}"
    columns = [_cells(frame[name], excel, place, notes) for name in frame]
    head = [_quoted(_safe(str(name)) if excel else str(name)) for name in frame]
    end = "\r\n" if excel else "\n"
    with (
        atomic_path(path) as temporary,
        temporary.open("w", encoding="utf-8-sig" if excel else "utf-8", newline="") as file,
    ):
        file.write(",".join(head) + end)
        file.writelines(",".join(row) + end for row in zip(*columns, strict=True))


def _cells(column: pd.Series[Any], excel: bool, place: str, notes: Notes) -> list[str]:
    kind = type_of(column)
    if kind == "text":
        texts = _excel_texts(column, place, notes) if excel else list(column)
        return ["" if one is None else _quoted(one) for one in texts]
    written: dict[str, Callable[[Any], str]] = {
        "flag": lambda one: "TRUE" if one else "FALSE",
        "integer": lambda one: str(int(one)),
        "number": lambda one: _INFINITE.get(one) or repr(float(one)),
        "date": date_text,
    }
    absent = column.isna().to_numpy()
    return ["" if gone else written[kind](one) for one, gone in zip(column, absent, strict=True)]


def _excel_texts(column: pd.Series[Any], place: str, notes: Notes) -> Sequence[str | None]:
    name, found = str(column.name), list(column)
    cut, guarded = [], 0
    for row, text in enumerate(found):
        if text is None:
            continue
        safe = _safe(text)
        guarded += safe is not text
        found[row] = fitting(safe)
        if len(found[row]) < len(safe):
            cut.append(say("row {row}, column {column}", row=row + 1, column=name))
    said = say(
        "cut to {limit} characters, the most a cell of Excel holds; the whole text is in csv-r, parquet and stata",
        limit=f"{LONGEST:,}",
    )
    notes.add_places(say("cut"), place, cut, said)
    if guarded:
        where = f"{place}: {say('column {column}', column=name)}"
        notes.add(
            say("made harmless"), where, say("{n} texts that Excel would run as formulas have ' before them", n=guarded)
        )
    return found


def _safe(text: str) -> str:
    return f"'{text}" if starts_formula(text) else text


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def date_text(value: pd.Timestamp) -> str:
    """A date, with its time where it has one."""
    stamp = np.datetime_as_string(np.datetime64(value, "us"), unit="auto")
    return str(stamp)
