"""Shares corrected by hand codes (``chainbert shares``) in place of counted labels, where the run folder has them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pyarrow as pa

from chainbert.errors import DataError
from chainbert.report.runfiles import RunFiles, records
from chainbert.report.tableonecells import ALL, Entry, Row

# Where ``chainbert shares … --by city --out`` puts them so that they are found.
NAMES = tuple(
    f"{folder}corrected_shares{ending}" for folder in ("", "tables/") for ending in (".csv", ".parquet", ".json")
)
EVERYWHERE = "all"
_NEEDED = ("axis", "indicator", "kind", "n", "share", "low", "high")


class Share(NamedTuple):
    """A corrected share with its 95 % interval, and the hand codes behind it."""

    share: float
    low: float
    high: float
    codes: int


@dataclass(frozen=True, slots=True)
class Corrected:
    """Corrected shares of values by city, of companies and years."""

    file: str
    shares: dict[tuple[str, str, str], Share]
    """(axis, value, column of Table 1) → its share."""


def read_corrected(files: RunFiles, folder: Path) -> Corrected | None:
    """The corrected shares of a run: of its own hand codes, else of ``corrected_shares.csv`` (parquet, json) beside it.

    None where there are neither. Raises DataError where the file is damaged or is not what ``chainbert shares`` writes.
    """
    if rows := files.hand_codes.get("shares"):
        return Corrected("hand_codes.json", _by_city(pd.DataFrame(rows), folder / "hand_codes.json"))
    path = next((folder / name for name in NAMES if (folder / name).is_file()), None)
    return None if path is None else Corrected(path.relative_to(folder).as_posix(), _by_city(_read(path), path))


def _by_city(table: pd.DataFrame, path: Path) -> dict[tuple[str, str, str], Share]:
    if missing := [name for name in _NEEDED if name not in table]:
        found = f"{path}: column {', '.join(missing)} is missing"
        raise DataError(f"{found}; a table of `chainbert shares --by city` was expected.")
    columns = list(table.columns)
    by = columns[columns.index("kind") + 1 : columns.index("n")]
    table = table[(table["kind"] == "value") & table[["share", "low", "high"]].notna().all(axis=1)]
    for name in by:
        if name != "city":
            table = table[table[name].astype(str) == EVERYWHERE]
    shares = {}
    for row in records(table):
        city = str(row.get("city", EVERYWHERE))
        place = str(row["axis"]), str(row["indicator"]), ALL if city == EVERYWHERE else city
        shares[place] = Share(float(row["share"]), float(row["low"]), float(row["high"]), int(row["n"]))
    return shares


def _read(path: Path) -> pd.DataFrame:
    try:
        if path.suffix == ".parquet":
            return pd.read_parquet(path)
        if path.suffix == ".json":
            return pd.DataFrame(json.loads(path.read_text(encoding="utf-8"))["shares"])
        words = dict.fromkeys(("axis", "indicator", "kind", "city"), str)
        return pd.read_csv(
            path, dtype=words, keep_default_na=False, na_values={one: [""] for one in ("share", "low", "high")}
        )
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowInvalid) as error:
        raise DataError(f"{path}: cannot be read ({error}). Write it again with `chainbert shares`.") from error


def correct_rows(rows: Iterable[Row], corrected: Corrected) -> list[Row]:
    """The rows with corrected shares in place of counted ones."""
    return [_corrected(row, corrected) for row in rows]


def _corrected(row: Row, corrected: Corrected) -> Row:
    def better(column: str, entry: Entry) -> Entry:
        found = corrected.shares.get((row.id, entry.label, column))
        if found is None:
            return entry
        return replace(entry, **found._asdict())

    cells = {column: tuple(better(column, entry) for entry in cell) for column, cell in row.cells.items()}
    return replace(row, cells=cells)
