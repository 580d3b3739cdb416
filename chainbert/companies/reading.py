"""A company table of any shape → a ``CompanySet``."""

from __future__ import annotations

import datetime
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from chainbert.companies.cities import city_name
from chainbert.companies.companyset import CompanySet
from chainbert.companies.fields import (
    EARLIEST_YEAR,
    cell_text,
    investors_of,
    is_nothing,
    is_storable,
    storable,
    website_of,
    year_of,
)
from chainbert.companies.formats import read_rows
from chainbert.companies.languages import detect_language, language_code
from chainbert.companies.merging import merge_rows
from chainbert.companies.rows import RawRows
from chainbert.companies.shapes import Plan, plan_columns
from chainbert.errors import DataError
from chainbert.files import file_hash

_OURS = ("key", "status")
_WORD = re.compile(r"[^\W_]")
_SHOWN_PLACES = 5


def read_companies(
    path: str | Path, mapping: Mapping[str, str] | None = None, *, cities: Iterable[str] | None = None
) -> CompanySet:
    """Read companies from csv, tsv, xlsx, json, jsonl or parquet.

    Known exports (Crunchbase, IT桔子 of 2017, 2018 and 2023, FinanceDatabase) and our own column names are recognised.
    ``mapping`` names the file's column for one of ours (``{"text": "简介"}``), or a value for all rows
    (``{"observed": "=2018"}``); ``province`` may be mapped too and is read together with ``city``. With ``cities``
    (names in either language) rows of other cities stay, with the status ``city outside the study``.

    No row is dropped: what cannot be used carries its reason in ``status``. Raises DataError for a file that cannot
    be read, lacks the columns needed or has no usable row, and ConfigError for a mapping that does not fit the file.
    """
    path = Path(path)
    raw = read_rows(path)
    plan = plan_columns(list(raw.columns), mapping, str(path))
    notes = _Notes(raw)
    table = _columns(raw, plan, notes)
    places = [f"{raw.unit} {place}" for place in raw.places]
    status = [_unusable(*row) for row in zip(table["id"], table["text"], strict=True)]
    merged = merge_rows(
        list(zip(table["id"], table["observed"], strict=True)), table["text"], _contents(table), status, places
    )
    kept = {name: [column[row] for row in merged.kept] for name, column in table.items()}
    wanted = {city_name(city) for city in cities or ()}
    reasons = _outside(merged.status, kept["city"], wanted)
    frame = _frame({"key": merged.keys, **kept, "status": reasons})
    companies = CompanySet(frame, str(path), plan.shape, file_hash(path), merged.duplicates, notes.counted())
    if companies.usable.empty:
        raise DataError(_nothing_usable(companies, wanted))
    return companies


def _columns(raw: RawRows, plan: Plan, notes: _Notes) -> dict[str, list[Any]]:
    """Our columns, then the file's others, one value a row."""
    texts = {name: _cells(column, notes) for name, column in raw.columns.items()}
    size = len(raw.places)

    def column(target: str) -> list[str]:
        if target in plan.constants:
            return [plan.constants[target]] * size
        sources = [texts[name] for name in plan.sources.get(target, ())]
        if not sources:
            return [""] * size
        if target == "text" and plan.joined:
            return [_joined(parts) for parts in zip(*sources, strict=True)]
        return [next((part for part in parts if part), "") for parts in zip(*sources, strict=True)]

    latest = datetime.datetime.now(tz=datetime.UTC).year + 1
    years = {target: _years(target, column(target), latest, notes) for target in ("founded", "observed")}
    names, text = column("name"), column("text")
    ours: dict[str, list[Any]] = {
        "id": [company or _name_key(name) for company, name in zip(column("id"), names, strict=True)],
        "name": names,
        "city": [city_name(*where) for where in zip(column("city"), column("province"), strict=True)],
        **years,
        "text": text,
        "language": [
            language_code(given) or detect_language(words)
            for given, words in zip(column("language"), text, strict=True)
        ],
        "website": _each(website_of, column("website")),
        "investors": _investors(raw, plan),
        "industry": _each(_first_of if plan.listed_industry else _industry, column("industry")),
    }
    return ours | {_free_name(name, ours): texts[name] for name in plan.rest}


def _cells(column: Sequence[Any], notes: _Notes) -> list[str]:
    cells = [cell_text(value) for value in column]
    for row, cell in enumerate(cells):
        if (clean := storable(cell)) != cell:
            cells[row] = clean
            if not is_storable(cell):
                notes.add("NUL characters or lone surrogates, removed", row)
    return cells


def _each(convert: Callable[[str], Any], cells: Sequence[str]) -> list[Any]:
    known = {cell: convert(cell) for cell in set(cells)}
    return [known[cell] for cell in cells]


def _years(target: str, cells: Sequence[str], latest: int, notes: _Notes) -> list[int | None]:
    years = _each(lambda cell: year_of(cell, latest), cells)
    for row, (cell, year) in enumerate(zip(cells, years, strict=True)):
        if year is None and not is_nothing(cell):
            notes.add(f"'{target}' is not a year from {EARLIEST_YEAR} to {latest}, left missing", row, cell)
    return years


def _investors(raw: RawRows, plan: Plan) -> list[list[str]]:
    if "investors" in plan.constants:
        return [investors_of(plan.constants["investors"]) for _ in raw.places]
    names = plan.sources.get("investors", ())
    return [investors_of(value) for value in raw.columns[names[0]]] if names else [[] for _ in raw.places]


def _joined(parts: Sequence[str]) -> str:
    """Short description before the long one, unless one says the other."""
    short, long = (*parts, "")[:2]
    if not short or not long or short.rstrip(".。 ") in long:
        return long or short
    return short if long.rstrip(".。 ") in short else f"{short}\n{long}"


def _industry(text: str) -> str:
    return "" if is_nothing(text) else text


def _first_of(industries: str) -> str:
    """The leading one of an export's list: 先进制造/集成电路/硬件 → 先进制造."""
    return _industry(re.split(r"[/,，、;；|]", industries.lstrip('["'), maxsplit=1)[0].strip(' "]'))


def _name_key(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def _free_name(name: str, ours: Mapping[str, object]) -> str:
    """The name of a kept column; one that means something else here is marked as the file's."""
    return f"{name} (file)" if name in ours or name in _OURS else name


def _unusable(company: str, text: str) -> str:
    if not company:
        return "no id and no name"
    if is_nothing(text):
        return "no text"
    return "" if _WORD.search(text) else "no words in the text"


def _contents(table: Mapping[str, Sequence[Any]]) -> list[tuple[Any, ...]]:
    hashable = [list(map(tuple, column)) if name == "investors" else column for name, column in table.items()]
    return list(zip(*hashable, strict=True))


def _outside(status: Sequence[str], cities: Sequence[str], wanted: set[str]) -> list[str]:
    if not wanted:
        return list(status)
    return [
        reason or ("" if city in wanted else "city outside the study")
        for reason, city in zip(status, cities, strict=True)
    ]


def _frame(columns: Mapping[str, list[Any]]) -> pd.DataFrame:
    kinds = {"founded": "Int64", "observed": "Int64", "investors": "object"}
    return pd.DataFrame({name: pd.Series(values, dtype=kinds.get(name, "str")) for name, values in columns.items()})


def _nothing_usable(companies: CompanySet, wanted: set[str]) -> str:
    reasons = "; ".join(f"{reason}: {count}" for reason, count in companies.exclusions.items())
    found = companies.table["city"].value_counts().head(8)
    hint = ""
    if wanted:
        listed = ", ".join(f"{city or '(none)'} {count}" for city, count in found.items())
        hint = f" Asked for: {', '.join(sorted(wanted))}; the file's cities: {listed}."
    noted = "".join(f" Noted: {count:,} × {note}." for note, count in companies.notes.items())
    return f"{companies.source}: none of {len(companies.table):,} rows can be used ({reasons}).{hint}{noted}"


class _Notes:
    """Counts what was odd by reason, with the first places and values."""

    def __init__(self, raw: RawRows) -> None:
        self._file = raw.notes
        self._unit = raw.unit
        self._places = raw.places
        self._rows: dict[str, dict[int, str]] = {}

    def add(self, reason: str, row: int, value: str = "") -> None:
        self._rows.setdefault(reason, {})[row] = value

    def counted(self) -> dict[str, int]:
        counts = dict(self._file)
        for reason, rows in self._rows.items():
            shown = [f"{self._places[row]}" + (f" {value[:20]!r}" if value else "") for row, value in rows.items()]
            more = ", …" if len(shown) > _SHOWN_PLACES else ""
            counts[f"{reason} ({self._unit} {', '.join(shown[:_SHOWN_PLACES])}{more})"] = len(rows)
        return counts
