"""A file → its rows: csv, tsv, xlsx, json, jsonl, parquet; each row knows where in the file it stands."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow
import pyarrow.parquet

from chainbert.companies.delimited import read_delimited
from chainbert.companies.rows import RawRows, by_column, header_names, text_of
from chainbert.errors import DataError


def read_rows(path: Path) -> RawRows:
    """All rows of a table, by the file's ending (csv, tsv, txt, xlsx, json, jsonl, ndjson, parquet).

    Raises DataError for a missing file, a folder, an unknown ending, an empty file, a table without rows, and
    for damage, naming the line or row.
    """
    try:
        rows = _reader(path)(path)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error
    if not rows.places:
        found = f"a header ({', '.join(rows.columns)}) and no rows" if rows.columns else "no rows"
        raise DataError(f"{path}: the table has {found}; one row a company was expected")
    return rows


def _reader(path: Path) -> Callable[[Path], RawRows]:
    if path.is_dir():
        raise DataError(f"{path}: is a folder; a file was expected: {', '.join(sorted(_READERS))}")
    if not path.exists():
        folder = path.parent
        beside = (
            sorted(other.name for other in folder.iterdir() if other.suffix in _READERS)[:8] if folder.is_dir() else []
        )
        hint = f"; the folder has {', '.join(beside)}" if beside else ""
        raise DataError(f"{path}: no such file{hint}")
    if path.stat().st_size == 0:
        raise DataError(f"{path}: the file is empty; a table of companies was expected")
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        old = "; an old Excel file: save it as .xlsx" if path.suffix.lower() == ".xls" else ""
        raise DataError(f"{path}: ending '{path.suffix}' found{old}; expected one of {', '.join(sorted(_READERS))}")
    return reader


# xlsx


def _read_xlsx(path: Path) -> RawRows:
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        raise DataError(f"{path}: not a readable Excel file ({error}); save it again as .xlsx") from error
    try:
        for sheet in book.worksheets:
            rows = [(number, row) for number, row in enumerate(sheet.iter_rows(values_only=True), 1) if _filled(row)]
            if rows:
                notes = {f"only the sheet '{sheet.title}' was read": 1} if len(book.worksheets) > 1 else {}
                header = header_names(rows[0][1], notes)
                records = [row for _, row in rows[1:]]
                _note_formulas(path, sheet.title, notes)
                return RawRows(by_column(header, records), [n for n, _ in rows[1:]], "row", notes)
    finally:
        book.close()
    raise DataError(f"{path}: the workbook is empty; a table of companies was expected")


def _note_formulas(path: Path, title: str, notes: dict[str, int]) -> None:
    """Programs other than Excel may store a formula without its value; such a cell reads as empty."""
    with zipfile.ZipFile(path) as parts:
        sheets = [name for name in parts.namelist() if name.startswith("xl/worksheets/")]
        if not any(b"<f>" in (xml := parts.read(name)) or b"<f " in xml for name in sheets):
            return
    values = openpyxl.load_workbook(path, read_only=True, data_only=True)
    formulas = openpyxl.load_workbook(path, read_only=True)
    try:
        pairs = zip(values[title].iter_rows(), formulas[title].iter_rows(), strict=True)
        empty = [
            f"{cell.column_letter}{cell.row}"
            for known, written in pairs
            for value, cell in zip(known, written, strict=True)
            if cell.data_type == "f" and value.value is None
        ]
    finally:
        values.close()
        formulas.close()
    if empty:
        shown = ", ".join(empty[:3]) + (", …" if len(empty) > 3 else "")
        reason = f"formula without a stored value, read as empty: open the file in Excel and save it ({shown})"
        notes[reason] = len(empty)


def _filled(row: Sequence[Any]) -> bool:
    return any(cell is not None and str(cell).strip() for cell in row)


# json, jsonl, parquet


def _read_json(path: Path) -> RawRows:
    text = text_of(path)
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        if error.msg == "Extra data" and text.lstrip().startswith("{"):
            return _read_lines(path)
        raise DataError(f"{path}:{error.lineno}:{error.colno}: not valid JSON: {error.msg}") from error
    except RecursionError as error:
        raise DataError(f"{path}: the JSON is nested too deeply; a list of objects was expected") from error
    if isinstance(content, dict):
        lists = {name: value for name, value in content.items() if isinstance(value, list)}
        if len(lists) != 1:
            found = ", ".join(f"'{name}'" for name in content) or "nothing"
            raise DataError(
                f"{path}: an object with {found} found; a list of objects, or an object holding one list, was expected"
            )
        content = next(iter(lists.values()))
    return _from_objects(content, list(range(1, len(content) + 1)) if isinstance(content, list) else [], "item", path)


def _read_lines(path: Path) -> RawRows:
    objects, places = [], []
    # Not splitlines(): U+2028 and its kind may stand inside a JSON string.
    for number, line in enumerate(text_of(path).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            objects.append(json.loads(line))
        except (json.JSONDecodeError, RecursionError) as error:
            detail = error.msg if isinstance(error, json.JSONDecodeError) else "nested too deeply"
            if number == 1 and line.lstrip().startswith("["):
                return _read_json(path)
            raise DataError(f"{path}:{number}: not valid JSON: {detail}; one object a line was expected") from error
        places.append(number)
    if len(objects) == 1 and isinstance(objects[0], list):
        return _read_json(path)
    return _from_objects(objects, places, "line", path)


def _from_objects(content: object, places: list[int], unit: str, path: Path) -> RawRows:
    if not isinstance(content, list):
        raise DataError(f"{path}: a {type(content).__name__} found; a list of objects was expected")
    names: dict[str, None] = {}
    for place, item in zip(places, content, strict=True):
        if not isinstance(item, dict):
            raise DataError(f"{path}: {unit} {place}: a {type(item).__name__} found; an object {{…}} was expected")
        names.update(dict.fromkeys(item))
    return RawRows({name: [item.get(name) for item in content] for name in names}, places, unit)


def _read_parquet(path: Path) -> RawRows:
    try:
        table = pyarrow.parquet.read_table(path)
    except pyarrow.ArrowException as error:
        raise DataError(f"{path}: not a readable Parquet file ({error}); export it again") from error
    columns = {name: table.column(name).to_pylist() for name in table.column_names}
    return RawRows(columns, list(range(1, table.num_rows + 1)), "row")


_READERS: dict[str, Callable[[Path], RawRows]] = {
    ".csv": read_delimited,
    ".tsv": read_delimited,
    ".txt": read_delimited,
    ".xlsx": _read_xlsx,
    ".json": _read_json,
    ".jsonl": _read_lines,
    ".ndjson": _read_lines,
    ".parquet": _read_parquet,
}
