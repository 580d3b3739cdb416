"""The tables of a run folder, as they are exported."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from chainbert.errors import DataError
from chainbert.labelling import Codebook
from chainbert.report.exports.cells import Notes, Type, clean, typed
from chainbert.report.exports.companytable import company_table, evidence_table, exclusions
from chainbert.report.exports.datadictionary import Table, declared_types, described, known_tables, meaning
from chainbert.report.language import say
from chainbert.report.tableone import TableOne
from chainbert.report.tableonesources import shipped_codebook

LISTS = ("convergence.json", "specifications.json", "clusters.json")
"""Files whose lists of records are tables."""
HAND_CODES = "hand_codes.json"
"""Of it only the lists that are written down are."""


def run_tables(
    folder: Path, notes: Notes, *, periods: Mapping[str, str] | None = None, codebook: Codebook | None = None
) -> list[Table]:
    """Every table of a run, the wide one of companies first; what the run does not have is named in ``notes``.

    periods: key of a company and year → the period it is counted in; None takes them from convergence.json.
    codebook: gives labels their names. Raises DataError where companies.parquet is missing or a file is damaged.
    """
    if not (folder / "companies.parquet").is_file():
        raise DataError(
            f"{folder / 'companies.parquet'}: is missing; a run folder written by `chainbert run` was expected. "
            "Run the study again."
        )
    read = RunReader(folder)
    wide = company_table(read.table, read.json("convergence.json"), periods, codebook, notes)
    tables = [wide]
    if (labels := read.table("labels.parquet")) is not None:
        tables.append(evidence_table(labels, notes))
    sources = dict(read.listed())
    for name, about in known_tables().items():
        place = about.get("from")
        if place is None:
            continue
        found = sources.pop(place, None) if ".json/" in place else read.table(place)
        if found is None:
            notes.add(
                say("not in this run"), place, say("the run has no such results: there is no table {name}", name=name)
            )
            continue
        tables.append(_described(name, found, notes))
    # A list that is not written down yet is exported all the same; its columns are marked as not described.
    tables += [_described(place.split("/", 1)[1].replace("/", "_"), found, notes) for place, found in sources.items()]
    if (verdict := verdict_frame(read.json("convergence.json"))) is not None:
        tables.append(_described("verdict", verdict, notes))
    if table_one := read_table_one(folder):
        tables.append(_printed(table_one, notes))
    tables.append(_described("exclusions", exclusions(wide.frame, read.json("convergence.json")), notes))
    order = {name: place for place, name in enumerate(known_tables())}
    return sorted(tables, key=lambda table: order.get(table.name, len(order)))


def _described(name: str, frame: pd.DataFrame, notes: Notes) -> Table:
    return described(name, typed(frame, declared_types(name), name, notes))


def read_table_one(folder: Path) -> TableOne | None:
    """Table 1 with everything it prints; None where the run has none. Raises DataError where it is damaged."""
    content = RunReader(folder).json("tables/table1.json")
    return TableOne.from_json(content) if content else None


def made_by(folder: Path) -> Codebook | None:
    """The shipped codebook that made the run's labels; None where it was another one, or there are no labels."""
    labels = RunReader(folder).table("labels.parquet")
    return None if labels is None else shipped_codebook(labels)


def _printed(table: TableOne, notes: Notes) -> Table:
    """The table as a paper prints it, in the language that is spoken."""
    frame = table.to_wide().rename_axis("characteristic").reset_index()
    cities = {str(one): meaning("What the table prints for {city}", city=str(one)) for one in frame.columns[1:]}
    cities.pop("p", None)
    types: dict[str, Type] = dict.fromkeys(map(str, frame.columns), "text")
    return described("table1_printed", typed(frame, types, "table1_printed", notes), cities)


def verdict_frame(found: Mapping[str, Any]) -> pd.DataFrame | None:
    """The verdicts with their sentences, a row a city; None where the run compared none."""
    verdicts = found.get("verdict")
    if not isinstance(verdicts, dict):
        return None
    said, agreed = found.get("sentences") or {}, found.get("agreement") or {}
    rows = [
        (city, found.get("reference"), word, said.get(city, ""), agreed.get(city, ""))
        for city, word in verdicts.items()
    ]
    return pd.DataFrame(rows, columns=["city", "reference", "verdict", "sentence", "agreement"], dtype=object)


class RunReader:
    """Reads the files of one run folder, each once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[str, Any] = {}

    def table(self, name: str) -> pd.DataFrame | None:
        """A csv or parquet file; None where the run has none. Raises DataError where it is damaged."""
        reader = pd.read_parquet if name.endswith(".parquet") else _csv
        found: pd.DataFrame | None = self._once(name, reader)
        return found

    def json(self, name: str) -> dict[str, Any]:
        """A json file's object; {} where the run has none. Raises DataError where it is damaged."""
        return self._once(name, _json) or {}

    def listed(self) -> Iterator[tuple[str, pd.DataFrame]]:
        """``file.json/list`` and its records as a table; a list inside the records is a table of its own."""
        written_down = {one.get("from") for one in known_tables().values()}
        for name in (*LISTS, HAND_CODES):
            for part, rows in self.json(name).items():
                # A list without rows may still be one of records.
                known = f"{name}/{part}" in written_down or (bool(rows) and name != HAND_CODES)
                if known and isinstance(rows, list) and all(isinstance(row, dict) for row in rows):
                    yield from _split(f"{name}/{part}", rows)

    def _once(self, name: str, reader: Callable[[Path], Any]) -> Any:  # noqa: ANN401  # whatever the reader gives
        if name not in self._read:
            path = self._folder / name
            try:
                self._read[name] = reader(path) if path.is_file() else None
            except (OSError, ValueError, pa.ArrowException, pd.errors.ParserError) as error:
                raise DataError(f"{path}: cannot be read ({error}). Delete it and run the study again.") from error
        return self._read[name]


def _csv(path: Path) -> pd.DataFrame:
    try:
        # A term or a company may be called "NA" or "null".
        return pd.read_csv(path, dtype=str, keep_default_na=False)
    except pd.errors.EmptyDataError:
        return pd.DataFrame()


def _json(path: Path) -> dict[str, Any]:
    content = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        raise ValueError(f"found a {type(content).__name__}, expected an object")  # noqa: TRY004  # becomes a DataError
    return {str(name): _cleaned(value) for name, value in content.items()}


def _cleaned(value: Any) -> Any:  # noqa: ANN401  # whatever json holds
    """The same with every text valid Unicode: json can spell half a surrogate pair, no table can hold it."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [_cleaned(one) for one in value]
    return {clean(name): _cleaned(one) for name, one in value.items()} if isinstance(value, dict) else value


def _split(place: str, rows: list[dict[str, Any]]) -> Iterator[tuple[str, pd.DataFrame]]:
    nested: dict[str, list[dict[str, Any]]] = {}
    plain = []
    for row in rows:
        inner = {name: value for name, value in row.items() if _is_records(value)}
        plain.append({name: value for name, value in row.items() if name not in inner})
        for name, value in inner.items():
            nested.setdefault(name, []).extend(value)
    columns = list(dict.fromkeys(name for row in plain for name in row))
    yield place, pd.DataFrame(plain, columns=columns)
    for name, inside in nested.items():
        yield f"{place}/{name}", pd.DataFrame(inside)


def _is_records(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, dict) for one in value)
