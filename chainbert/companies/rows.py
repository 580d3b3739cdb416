"""The rows of a file before anything is known about their meaning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chainbert.companies.decoding import decode
from chainbert.errors import DataError


@dataclass(frozen=True, slots=True)
class RawRows:
    """The cells of a file by column, as the file has them."""

    columns: dict[str, list[Any]]
    """Column name → one value a row; columns are in file order and equally long."""
    places: list[int]
    """Where each row begins: its line in csv, tsv and jsonl, its row in xlsx, else its number from 1."""
    unit: str
    """What ``places`` count: ``line``, ``row`` or ``item``."""
    notes: dict[str, int] = field(default_factory=dict)
    """What was odd about the file → how often."""


def text_of(path: Path) -> str:
    """A text file's characters. Raises DataError for blank files and unreadable bytes."""
    text, _ = decode(path.read_bytes(), str(path))
    if not text.strip():
        raise DataError(f"{path}: the file has only blank lines; a table of companies was expected")
    return text


def header_names(record: Sequence[Any], notes: dict[str, int]) -> list[str]:
    """Column names, stripped; an empty one is called by its number, a repeated one gets a number."""
    names: list[str] = []
    for number, cell in enumerate(record, start=1):
        name = plain = " ".join(str(cell if cell is not None else "").split()) or f"column {number}"
        count = 1
        while name in names:
            count += 1
            name = f"{plain} ({count})"
        if count > 1:
            notes[f"column '{plain}' stands more than once in the header; a later one is called '{name}'"] = 1
        names.append(name)
    return names


def by_column(header: Sequence[str], records: list[Any]) -> dict[str, list[Any]]:
    """Records (each as long as the header) turned into columns."""
    cells = [list(column) for column in zip(*records, strict=True)] if records else [[] for _ in header]
    columns = dict(zip(header, cells, strict=True))
    # Spreadsheets export the empty columns beside a table; only those without a name and without content go.
    return {name: column for name, column in columns.items() if not name.startswith("column ") or any(column)}
