"""Table 1: the cities' firms by application, customers, market, focus and investors, from a run's files alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from chainbert.convergence.trend import holm
from chainbert.errors import ConfigError, DataError
from chainbert.files import atomic_path, write_text
from chainbert.labelling.codebook import Codebook
from chainbert.report.findings import city_order
from chainbert.report.language import say, speaking, spoken
from chainbert.report.published import Published, read_published
from chainbert.report.runfiles import RunFiles, read_run
from chainbert.report.tableonecells import Entry, Row, Text, compare_cities, firms_of
from chainbert.report.tableonecorrected import correct_rows, read_corrected
from chainbert.report.tableoneprint import html, latex
from chainbert.report.tableonerows import (
    Measured,
    axis_row,
    business_row,
    cluster_row,
    feature_row,
    investor_row,
    number_row,
    theme_row,
)
from chainbert.report.tableonesources import TITLES, Sources, shipped_codebook
from chainbert.report.tableonewords import Line, lines, table_notes, wide

SCHEMA = 2
# Columns that a page has room for.
PRINTED = 6
FRAME = (
    *("row", "label", "city", "yes", "n", "codes", "share", "low", "high", "p", "p_holm"),
    *("name", "terms", "corrected", "status"),
)


@dataclass(frozen=True, slots=True)
class TableOne:
    """Table 1 of a run."""

    cities: tuple[str, ...]
    """The reference first, then by number of firms."""
    columns: tuple[str, ...]
    """The cities, and all together where there are several."""
    rows: tuple[Row, ...]
    notes: tuple[Text, ...]
    """What holds for the whole table."""

    def row(self, name: str) -> Row:
        """The row of that id. Raises DataError with the known ones."""
        known = {row.id: row for row in self.rows}
        if name not in known:
            raise DataError(f"{name!r} is no row of Table 1; known: {', '.join(known)}")
        return known[name]

    @property
    def note(self) -> str:
        """The table's notes in the language that is spoken."""
        return ("" if spoken() == "zh" else " ").join(note[spoken()] for note in self.notes)

    def to_frame(self) -> pd.DataFrame:
        """One row an entry, columns as in ``FRAME``.

        row and label are ids; yes of n firms, or, where ``corrected``, the hand codes behind the share (codes);
        share, low, high in [0, 1]; p and p_holm are the row's; name is the label as printed in the language that is
        spoken; status says why a cell has no entry ("" otherwise).
        """
        lines: list[dict[str, object]] = []
        for row in self.rows:
            for column in self.columns:
                shared: dict[str, object] = {"row": row.id, "city": column, "p": row.p, "p_holm": row.p_holm}
                for one in row.cells[column]:
                    told = {"name": row.name(one.label), "terms": " ".join(one.terms), "corrected": one.corrected}
                    lines.append(shared | _numbers(one) | told | {"status": ""})
                if not row.cells[column]:
                    lines.append(shared | {"label": "", "status": (row.status or row.empty)[spoken()]})
        frame = pd.DataFrame(lines, columns=list(FRAME))
        frame[["label", "name", "terms", "status"]] = frame[["label", "name", "terms", "status"]].fillna("")
        numbers = dict.fromkeys(("share", "low", "high", "p", "p_holm"), "float64")
        frame["corrected"] = frame["corrected"].eq(other=True)
        return frame.astype({**numbers, **dict.fromkeys(("yes", "n", "codes"), "Int64")})

    def lines(self, published: Published | None = None, cities: Sequence[str] | None = None) -> list[Line]:
        """The printed rows in the language that is spoken: texts with the keys of the firms behind each.

        ``published`` stands beside ours, row by row.
        """
        return lines(self.rows, self._shown(cities), published)

    def to_wide(self, cities: Sequence[str] | None = None) -> pd.DataFrame:
        """As printed in a paper: a row a characteristic, a column a city, text in the cells; p (Holm) where tested."""
        return wide(self.lines(cities=cities), self._shown(cities))

    def to_latex(
        self,
        cities: Sequence[str] | None = None,
        *,
        published: Published | None = None,
        standalone: bool = True,
    ) -> str:
        """A booktabs table for XeLaTeX, as a document of its own or, not ``standalone``, to be included.

        Of more than six columns the first cities and all together are printed, unless ``cities`` says which.
        """
        note = self._note_with(published)
        if cities is None and len(self.columns) > PRINTED:
            cities = (*self.cities[: PRINTED - 1], self.columns[-1])
            note = f"{note} {say('The other cities stand in table1.csv.')}"
        return latex(self.lines(published, cities), self._shown(cities), note, standalone=standalone)

    def to_html(self, published: Published | None = None) -> str:
        """A plain table for a notebook, ``published`` beneath each row."""
        return html(self.lines(published), self.columns, self._note_with(published))

    def _repr_html_(self) -> str:
        return self.to_html()

    def _note_with(self, published: Published | None) -> str:
        return f"{self.note} {published.said_in(spoken())}".strip() if published else self.note

    def _shown(self, cities: Sequence[str] | None) -> tuple[str, ...]:
        if unknown := [city for city in cities or () if city not in self.columns]:
            raise ConfigError(f"{', '.join(unknown)}: no column of Table 1; known: {', '.join(self.columns)}")
        return self.columns if cities is None else tuple(cities)

    def to_json(self) -> dict[str, Any]:
        """Everything in both languages; entries have the places of their firms in ``keys``."""
        content = asdict(self)
        entries = [entry for row in content["rows"] for cell in row["cells"].values() for entry in cell]
        keys = sorted({key for entry in entries for key in entry["keys"]})
        place = {key: number for number, key in enumerate(keys)}
        for entry in entries:
            entry["keys"] = [place[key] for key in entry["keys"]]
        return {"schema": SCHEMA, "keys": keys, **content}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> TableOne:
        """What ``to_json`` gave. Raises DataError for anything else."""
        try:
            if content["schema"] != SCHEMA:
                raise DataError(f"Table 1: schema {content['schema']!r} found, {SCHEMA} expected; run the study again.")
            rows = tuple(_row(row, content["keys"]) for row in content["rows"])
            return cls(tuple(content["cities"]), tuple(content["columns"]), rows, tuple(content["notes"]))
        except (KeyError, TypeError, IndexError) as error:
            raise DataError(f"Table 1: {error} is missing or wrong; run the study again.") from error

    def save(self, folder: Path) -> list[Path]:
        """Write table1.csv (``to_frame``) and table1.json (``to_json``) into a folder; gives their paths."""
        paths = [folder / "table1.csv", folder / "table1.json"]
        with atomic_path(paths[0]) as temporary:
            self.to_frame().to_csv(temporary, index=False, float_format="%.6f", lineterminator="\n")
        write_text(paths[1], json.dumps(self.to_json(), ensure_ascii=False, separators=(",", ":")) + "\n")
        return paths


def table_one(
    files: RunFiles,
    folder: Path,
    *,
    rng: np.random.Generator | None = None,
    draws: int = 4_999,
    codebook: Codebook | None = None,
) -> TableOne:
    """Table 1 of a finished run.

    ``folder`` is where dictionary.csv, dictionary_firms.parquet, investors.parquet and corrected_shares.csv are read
    from; a row whose file is missing says so. ``codebook`` names axes and values; default: the shipped one that the
    labels carry the version of, if any. ``rng`` draws the tests of no difference between cities (none without it).
    Firms count once a city, by their latest text. Raises DataError where a file is damaged; ConfigError for
    draws < 1.
    """
    if draws < 1:
        raise ConfigError(f"draws = {draws} found; at least 1 was expected")
    firms = firms_of(files, city_order(files))
    at = Sources(files, folder, firms, codebook or shipped_codebook(files.labels))
    measured = _measured(at)
    corrected = read_corrected(files, folder)
    rows = [one.row for one in measured]
    if rng is not None:
        rows = _tested(measured, at, draws, rng)
    if corrected:
        rows = correct_rows(rows, corrected)
    notes = table_notes(rows, draws if rng is not None else None, corrected.file if corrected else "")
    return TableOne(firms.cities, tuple(firms.keys), tuple(rows), tuple(notes))


def write_table_one(
    folder: Path,
    *,
    rng: np.random.Generator,
    language: str = "en",
    published: Path | str | None = None,
    codebook: Codebook | None = None,
) -> TableOne:
    """Write tables/table1.csv, table1.json (with the firms behind every entry) and table1.tex of a run folder.

    ``language``, "en" or "zh", is that of the names in the csv and of the LaTeX table; the json has both.
    ``published``, a file or a shipped table's name, stands beside ours in the LaTeX table. Raises DataError where a
    file of the folder is missing or damaged, ConfigError where the published table is faulty.
    """
    beside = read_published(published) if published else None
    table = table_one(read_run(folder), folder, rng=rng, codebook=codebook)
    with speaking(language):
        table.save(folder / "tables")
        write_text(folder / "tables" / "table1.tex", table.to_latex(published=beside))
    return table


def _measured(at: Sources) -> list[Measured]:
    own = [axis_row(at, axis) for axis in at.axes if axis.id in TITLES]
    others = [axis_row(at, axis) for axis in at.axes if axis.id not in TITLES]
    parts = (theme_row, cluster_row, feature_row, business_row, investor_row)
    return [*own, number_row(at), *(part(at) for part in parts), *others]


def _tested(measured: list[Measured], at: Sources, draws: int, rng: np.random.Generator) -> list[Row]:
    p = [None if one.answers is None else compare_cities(one.answers, at.firms, draws, rng) for one in measured]
    adjusted = holm(np.array([np.nan if one is None else one for one in p], dtype=np.float64))
    return [
        replace(one.row, p=plain, p_holm=None if plain is None else float(holms))
        for one, plain, holms in zip(measured, p, adjusted, strict=True)
    ]


def _numbers(one: Entry) -> dict[str, object]:
    found = {name: getattr(one, name) for name in ("label", "yes", "n", "codes", "share", "low", "high")}
    # What was counted would contradict a corrected share beside it.
    return found | {"yes": None, "n": None} if one.corrected else found


def _row(content: dict[str, Any], keys: Sequence[str]) -> Row:
    def entry(one: dict[str, Any]) -> Entry:
        return Entry(**(one | {"keys": tuple(keys[place] for place in one["keys"]), "terms": tuple(one["terms"])}))

    cells = {column: tuple(map(entry, cell)) for column, cell in content["cells"].items()}
    return Row(**(content | {"cells": cells, "notes": tuple(content["notes"])}))
