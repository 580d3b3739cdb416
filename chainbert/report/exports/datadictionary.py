"""What every exported column means: the tables of a run with their columns described, and the data dictionary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, cast

import pandas as pd
from ruamel.yaml import YAML

from chainbert.report.exports.cells import Type, missing, type_of
from chainbert.report.language import say, speaking, spoken

DICTIONARY = "codebook"
_FILE = Path(__file__).parent / "columns.yaml"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a column is, in both languages."""

    en: str
    zh: str
    unit: str = ""
    range: str = ""
    values: tuple[tuple[str, str], ...] = ()
    """(value, its name) of a column that holds one of few values, in their order."""
    known: bool = True
    """False where nobody wrote down what the column means."""

    @property
    def here(self) -> str:
        """The meaning in the language that is spoken."""
        return self.zh if spoken() == "zh" else self.en


@dataclass(frozen=True, slots=True)
class Table:
    """One exported table: its cells are as ``cells.typed`` makes them, and each column has its meaning."""

    name: str
    frame: pd.DataFrame
    title: str
    """English message."""
    stage: str
    sheet: bool
    """Whether it is in the workbook too."""
    meanings: Mapping[str, Meaning] = field(default_factory=dict)

    @property
    def here(self) -> str:
        """The title in the language that is spoken."""
        return say(self.title)


def meaning(message: str, unit: str = "", allowed: str = "", /, **values: object) -> Meaning:
    """A meaning from an English message whose Chinese is in the catalogue; ``values`` fill its places.

    A value that is itself a pair (English, Chinese) is said in the language of the meaning.
    """
    said = []
    for place, language in enumerate(("en", "zh")):
        filled = {name: value[place] if isinstance(value, tuple) else value for name, value in values.items()}
        with speaking(language):
            said.append(say(message, **filled))
    return Meaning(said[0], said[1], unit, allowed)


@cache
def _written() -> dict[str, Any]:
    return cast("dict[str, Any]", YAML(typ="safe", pure=True).load(_FILE.read_text(encoding="utf-8")))


def known_tables() -> dict[str, dict[str, Any]]:
    """Name of each table → title, stage, from (its place in the run folder), sheet, columns; in their order."""
    return dict(_written()["tables"])


def declared_types(name: str) -> dict[str, Type]:
    """Column → type, as written down for a table."""
    return {column: one[0] for column, one in _columns(name).items()}


def described(name: str, frame: pd.DataFrame, more: Mapping[str, Meaning] | None = None) -> Table:
    """A table with the meanings that are written down for it; ``more`` has those of columns named by the data."""
    about = known_tables().get(name, {"title": name, "stage": ""})
    columns, own = _columns(name), more or {}
    meanings = {}
    for column in map(str, frame.columns):
        if column in own:
            meanings[column] = own[column]
        elif column in columns:
            _, unit, says, *allowed = columns[column]
            ranges: dict[str, str] = _written()["ranges"]
            meanings[column] = meaning(says, unit, "".join(allowed) or ranges.get(unit, ""))
        else:
            meanings[column] = Meaning("", "", known=False)
    return Table(name, frame, about["title"], about["stage"], bool(about.get("sheet")), meanings)


def _columns(name: str) -> dict[str, list[Any]]:
    own = known_tables().get(name, {}).get("columns", {})
    return {**_written()["columns"], **own}


def dictionary_frame(
    tables: Sequence[Table], stata: Mapping[str, Mapping[str, str]], run_hash: str, *, rows: Mapping[str, int]
) -> pd.DataFrame:
    """One row a table and column, in the columns of the table ``codebook``.

    stata: table → column → name of the variable. rows: tables whose rows are not counted yet → how many there will be.
    """
    records = []
    for table in tables:
        count = rows.get(table.name, len(table.frame))
        for column in map(str, table.frame.columns):
            means, cells = table.meanings[column], table.frame[column]
            kind = type_of(cells)
            records.append(
                {
                    "run": run_hash,
                    "file": table.name,
                    "column": column,
                    "stata": stata.get(table.name, {}).get(column, ""),
                    "meaning_en": means.en,
                    "meaning_zh": means.zh,
                    "type": kind,
                    "unit": say(means.unit) if means.unit else "",
                    "range": ", ".join(value for value, _ in means.values) or means.range,
                    "missing": _missing_code(kind),
                    "stage": say(table.stage) if table.stage else "",
                    "n": count,
                    "n_missing": missing(cells),
                    "described": means.known,
                }
            )
    return pd.DataFrame(records, columns=list(known_tables()[DICTIONARY]["columns"]))


def _missing_code(kind: Type) -> str:
    if kind == "flag":
        return say("empty; in Stata .a")
    return say("empty; in Stata an empty text") if kind == "text" else say("empty; in Stata .")


def undescribed(dictionary: pd.DataFrame) -> list[str]:
    """``file.column`` of every column whose meaning is not known."""
    unknown = dictionary[~dictionary["described"].astype(bool)]
    return [f"{file}.{column}" for file, column in zip(unknown["file"], unknown["column"], strict=True)]
