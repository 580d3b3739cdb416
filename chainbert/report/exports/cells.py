"""Cells as every format can hold them: five types of column, and texts that are valid Unicode."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd

from chainbert.report.language import say

Type = Literal["text", "integer", "number", "flag", "date"]
LONE = re.compile("[\ud800-\udfff]")
_UNFIT = re.compile("[\ud800-\udfff\x00]")
NAMED_PLACES = 20
"""Places that a note names one by one; of more it says how many there are."""


@dataclass(frozen=True, slots=True)
class Note:
    """Something a reader of the exported files has to know."""

    about: str
    place: str
    """File, row and column, as far as they are known."""
    text: str


@dataclass(slots=True)
class Notes:
    """What had to be changed or left out, collected while files are written."""

    rows: list[Note] = field(default_factory=list)

    def add(self, about: str, place: str, text: str) -> None:
        """One more note."""
        self.rows.append(Note(about, place, text))

    def add_places(self, about: str, file: str, places: list[str], text: str) -> None:
        """The same note for several places of a file: the first ones by name, the others counted."""
        for place in places[:NAMED_PLACES]:
            self.add(about, f"{file}: {place}", text)
        if (more := len(places) - NAMED_PLACES) > 0:
            self.add(about, file, say("and {more} further cells likewise", more=more))

    def table(self) -> pd.DataFrame:
        """Columns about, place, note."""
        rows = [(one.about, one.place, one.text) for one in self.rows]
        return pd.DataFrame(rows, columns=["about", "place", "note"], dtype=object)


def typed(frame: pd.DataFrame, declared: Mapping[str, Type], name: str, notes: Notes) -> pd.DataFrame:
    """The table with every column one of: object of str or None, Int64, float64, boolean, datetime64.

    A declared type is taken where every cell that is not empty fits; else the cells decide. Lone surrogates become
    U+FFFD and NULs go, which ``notes`` tells. Names of columns are cleaned alike and made unique.
    """
    names = unique_names([clean(str(one)) for one in frame.columns])
    columns = {}
    for place, title in enumerate(names):
        column = _converted(frame.iloc[:, place].reset_index(drop=True), declared.get(title))
        if column.dtype == object:
            column = _cleaned(column, f"{name}: {title}", notes)
        columns[title] = column
    return pd.DataFrame(columns, columns=names)


def type_of(column: pd.Series[Any]) -> Type:
    """The type of a column that ``typed`` made."""
    kinds: dict[str, Type] = {"b": "flag", "i": "integer", "f": "number", "M": "date"}
    return kinds.get(column.dtype.kind, "text")


def missing(column: pd.Series[Any]) -> int:
    """Cells without a value; an empty text is none."""
    return int(column.isna().sum()) + (int((column == "").sum()) if column.dtype == object else 0)


def clean(text: str) -> str:
    """Text without lone surrogates (U+FFFD instead) and NULs, which no file of ours can carry."""
    return LONE.sub("\ufffd", text).replace("\x00", "") if _UNFIT.search(text) else text


def unique_names(names: Iterable[str]) -> list[str]:
    """Names made different where they are not, the first one kept: a, a.2, a.3; an empty one is ``column``."""
    given = [one or "column" for one in names]
    taken = set(given)
    seen: set[str] = set()
    found = []
    for name in given:
        chosen, number = name, 2
        while chosen in seen or (chosen != name and chosen in taken):
            chosen, number = f"{name}.{number}", number + 1
        seen.add(chosen)
        found.append(chosen)
    return found


def _converted(column: pd.Series[Any], declared: Type | None) -> pd.Series[Any]:
    if declared == "text":
        return _texts(column)
    if declared in ("integer", "number") and not isinstance(column.dtype, pd.DatetimeTZDtype):
        filled = column.replace("", None) if column.dtype.kind == "O" else column
        numbers = pd.to_numeric(filled.astype(object), errors="coerce")
        if numbers.notna().sum() == filled.notna().sum() and not _are_flags(filled):
            return _whole(numbers) if declared == "integer" else numbers.astype("float64")
    if declared == "flag":
        words = column.map({"True": True, "False": False, "": None, True: True, False: False}, na_action="ignore")
        if words.notna().sum() == column.replace("", None).notna().sum():
            return words.astype("boolean")
    return _by_cells(column)


def _by_cells(column: pd.Series[Any]) -> pd.Series[Any]:
    kind = column.dtype.kind
    if isinstance(column.dtype, pd.CategoricalDtype):
        return _by_cells(column.astype(object))
    if kind == "M":
        plain = column.dt.tz_convert("UTC").dt.tz_localize(None) if column.dt.tz is not None else column
        return plain.astype("datetime64[us]")
    if kind == "b" or _are_flags(column):
        return column.astype("boolean")
    if kind in "iu":
        return _whole(column)
    if kind == "f":
        return column.astype("Float64").astype("float64")
    return _texts(column)


def _are_flags(column: pd.Series[Any]) -> bool:
    """Objects that are true, false or missing, and not all missing."""
    return column.dtype == object and pd.api.types.infer_dtype(column, skipna=True) == "boolean"


def _whole(column: pd.Series[Any]) -> pd.Series[Any]:
    """Int64 where all are whole; else what they are."""
    if column.dtype.kind == "u" and len(column) and column.max() > np.iinfo(np.int64).max:
        return _texts(column)
    try:
        return column.astype("Int64")
    except (TypeError, ValueError):
        return column.astype("float64")


def _texts(column: pd.Series[Any]) -> pd.Series[Any]:
    return pd.Series([_text(value) for value in column], dtype=object, index=column.index)


def _text(value: object) -> str | None:
    if isinstance(value, str):
        return str(value)
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, list | tuple | set | dict):
        if isinstance(value, list | tuple) and all(isinstance(one, str) for one in value):
            return "; ".join(value)
        return json.dumps(value, ensure_ascii=False, default=str)
    if value is None or pd.isna(value):  # type: ignore[call-overload]
        return None
    return value.hex() if isinstance(value, bytes) else str(value)


def _cleaned(column: pd.Series[Any], place: str, notes: Notes) -> pd.Series[Any]:
    unfit = [one for one, value in enumerate(column) if value is not None and _UNFIT.search(value)]
    if not unfit:
        return column
    changed = column.copy()
    for one in unfit:
        changed.iloc[one] = clean(column.iloc[one])
    rows = [say("row {row}", row=one + 1) for one in unfit]
    said = say("characters that are no text (half a surrogate pair, NUL) were replaced or removed")
    notes.add_places(say("changed"), place, rows, said)
    return changed
