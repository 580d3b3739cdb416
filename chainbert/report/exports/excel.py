"""One workbook with the tables a reader asks for first, the data dictionary and the notes."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from chainbert.files import atomic_path
from chainbert.report.exports.cells import Notes, type_of
from chainbert.report.exports.datadictionary import Table
from chainbert.report.exports.delimited import date_text
from chainbert.report.exports.excelcells import LONGEST, fitting, starts_formula
from chainbert.report.language import say

MOST_ROWS, MOST_COLUMNS = 1_048_575, 16_384
WIDEST, NARROWEST = 60, 8
SAMPLED = 200
"""Rows that a column's width is measured on."""
NOTES = "notes"
# What XML 1.0 cannot carry; a carriage return would come back as a line feed anyway.
_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")
_LINE_END = re.compile("\r\n?")
_WIDE = re.compile("[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60]")
# The same run gives the same bytes, whenever it is exported.
_EPOCH = datetime(2000, 1, 1)  # Excel's times have no zone
_FIRST_DAY = datetime(1900, 3, 1)  # before it Excel's calendar has a day that never was


def write_workbook(tables: Sequence[Table], path: Path, *, title: str, run_hash: str, notes: Notes) -> None:
    """Write each table to a sheet of its name, the notes last; whole or not at all.

    A text is a text whatever it begins with: no cell is a formula or a link. Numbers have 16 digits. Control characters
    are taken out and a text longer than 32,767 characters is cut; the notes name row and column. The run's hash is in
    the document's properties.
    """
    with atomic_path(path) as temporary:
        options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
        book = xlsxwriter.Workbook(str(temporary), options)
        book.set_properties(
            {"title": title, "subject": f"chainbert run {run_hash}", "keywords": run_hash, "created": _EPOCH}
        )
        book.set_custom_property("chainbert run", run_hash)
        styles = Styles(book)
        for table in tables:
            Sheet(book.add_worksheet(table.name[:31]), table.frame, f"{path.name}, {table.name}", styles, notes).write()
        said = notes.table()
        Sheet(book.add_worksheet(NOTES), said, f"{path.name}, {NOTES}", styles, Notes()).write()
        book.close()


class Styles:
    """The formats of one workbook."""

    def __init__(self, book: xlsxwriter.Workbook) -> None:
        self.head = book.add_format({"bold": True, "bottom": 1, "quote_prefix": True})
        self.plain = book.add_format({})
        # Keeps a text a text when somebody edits the cell.
        self.guarded = book.add_format({"quote_prefix": True})
        self.date = book.add_format({"num_format": "yyyy-mm-dd"})
        self.number = book.add_format({"num_format": "0.000"})


class Sheet:
    """One sheet that is being written."""

    def __init__(self, sheet: Worksheet, frame: pd.DataFrame, place: str, styles: Styles, notes: Notes) -> None:
        self._sheet, self._place, self._styles, self._notes = sheet, place, styles, notes
        self._frame = self._fitting(frame)
        self._cut: list[str] = []
        self._stripped: dict[str, int] = {}

    def write(self) -> None:
        """Write head and cells; freeze the head, filter, set widths."""
        rows, columns = self._frame.shape
        for column, name in enumerate(map(str, self._frame.columns)):
            self._sheet.write_string(0, column, self._said(name, 0, name), self._styles.head)
            self._column(column, name, self._frame[name])
        self._sheet.freeze_panes(1, 0)
        if columns:
            self._sheet.autofilter(0, 0, rows, columns - 1)
            self._sheet.ignore_errors({"number_stored_as_text": f"A1:XFD{rows + 1}"})
        said = say(
            "cut to {limit} characters, the most a cell of Excel holds; the whole text is in csv-r, parquet and stata",
            limit=f"{LONGEST:,}",
        )
        self._notes.add_places(say("cut"), self._place, self._cut, said)
        for name, count in self._stripped.items():
            where = f"{self._place}: {say('column {column}', column=name)}"
            self._notes.add(say("changed"), where, say("control characters were taken out of {n} texts", n=count))

    def _fitting(self, frame: pd.DataFrame) -> pd.DataFrame:
        if frame.shape[0] > MOST_ROWS or frame.shape[1] > MOST_COLUMNS:
            said = say(
                "a sheet holds {rows} rows and {columns} columns; the others are in csv-r, parquet and stata",
                rows=f"{MOST_ROWS:,}",
                columns=f"{MOST_COLUMNS:,}",
            )
            self._notes.add(say("cut"), self._place, said)
        return frame.iloc[:MOST_ROWS, :MOST_COLUMNS]

    def _column(self, place: int, name: str, cells: pd.Series[Any]) -> None:
        kind, width = type_of(cells), _width(name)
        absent = cells.isna().to_numpy()
        for row, (value, gone) in enumerate(zip(cells, absent, strict=True), start=1):
            if gone or value == "":
                continue
            said = self._cell(row, place, name, value, kind)
            if row <= SAMPLED:
                width = max(width, _width(said))
        self._sheet.set_column(place, place, min(max(width + 2, NARROWEST), WIDEST))

    def _cell(self, row: int, place: int, name: str, value: Any, kind: str) -> str:  # noqa: ANN401  # any cell
        """Write one value, and give what its width is measured on."""
        if kind == "text":
            text = self._said(value, row, name)
            if text:
                self._sheet.write_string(row, place, text, self._styles.guarded if starts_formula(text) else None)
            return text
        if kind == "date":
            if value >= _FIRST_DAY:
                self._sheet.write_datetime(row, place, value.to_pydatetime(warn=False), self._styles.date)
            else:
                self._sheet.write_string(row, place, date_text(value))
            return date_text(value)
        if kind == "flag":
            self._sheet.write_boolean(row, place, bool(value))
            return "FALSE"
        if isinstance(value, float) and not math.isfinite(value):
            self._sheet.write_string(row, place, "Inf" if value > 0 else "-Inf")
        elif abs(value) > 2**53:
            self._sheet.write_string(row, place, str(value))
        else:
            self._sheet.write_number(row, place, value, self._number_style(value))
        return f"{value:.3f}" if kind == "number" else str(value)

    def _number_style(self, value: float) -> Format | None:
        return self._styles.number if isinstance(value, float) and 0.001 <= abs(value) < 1e6 else None

    def _said(self, text: str, row: int, name: str) -> str:
        fit = _UNFIT.sub("", _LINE_END.sub("\n", text)) if _UNFIT.search(text) or "\r" in text else text
        if fit is not text and _UNFIT.search(text):
            self._stripped[name] = self._stripped.get(name, 0) + 1
        short = fitting(fit)
        if len(short) < len(fit):
            self._cut.append(say("row {row}, column {column}", row=row + 1, column=name[:200]))
        return short


def _width(text: str) -> int:
    """Columns of the longest line's beginning; a Chinese character takes two."""
    line = text[:WIDEST].split("\n", 1)[0]
    return len(line) + len(_WIDE.findall(line))
