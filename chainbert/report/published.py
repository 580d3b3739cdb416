"""A table that somebody published, to stand beside ours: its cells as printed there, each with its source."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from chainbert.companies.cities import city_name
from chainbert.errors import ConfigError, Fault
from chainbert.files import shipped
from chainbert.labelling.codebook import Names, Phrase
from chainbert.yamlfile import Section, did_you_mean, given_or_shipped, load


class PublishedRow(Section):
    """One row of a published table."""

    row: Phrase
    """The row of ours that it stands beside (``application``, ``number of firms`` …)."""
    title: Phrase
    """Its name there."""
    cells: dict[str, Phrase] = Field(default_factory=dict)
    """City → the cell as printed there; a city whose cell is not known is left out."""
    source: Phrase | None = None
    """Where the cells were read; must be given where there are cells."""
    note: Names = Field(default_factory=dict)
    """Why cells are missing, or what else to know; by language."""

    def note_in(self, language: str) -> str:
        """The note in a language, in English where it has no other; "" where there is none."""
        return _in(self.note, language)


class Published(Section):
    """A published table and where it stands."""

    id: Phrase
    title: Names
    citation: Phrase
    """As in a list of references."""
    url: Phrase
    note: Names = Field(default_factory=dict)
    cities: tuple[Phrase, ...] = Field(min_length=1)
    rows: tuple[PublishedRow, ...] = Field(min_length=1)

    def said_in(self, language: str) -> str:
        """Title, note and citation in a language, in English where there is no other."""
        parts = (_in(self.title, language), _in(self.note, language), self.citation, self.url)
        return ("。" if language == "zh" else ". ").join(part.rstrip(".。") for part in parts if part)


def read_published(name_or_path: str | Path) -> Published:
    """A published table from a file, or a shipped one by name (``hai-klingler-vidra-2022``).

    Cities may be written in either script. Raises ConfigError listing every fault as ``file:line:column``.
    """
    path = published_path(name_or_path)
    loaded = load(Published, path)
    table = loaded.value
    cities = [city_name(city) for city in table.cities]
    faults = []
    for place, row in enumerate(table.rows):
        for city in row.cells:
            if city_name(city) not in cities:
                where = loaded.origins.get(f"rows.{place}.cells.{city}", f"{path}:1:1")
                faults.append(Fault(where, f"city {city!r} is none of the table's.{did_you_mean(city, table.cities)}"))
        if row.cells and not row.source:
            where = loaded.origins.get(f"rows.{place}", f"{path}:1:1")
            faults.append(Fault(where, f"row {row.row!r} has cells and no source; say where they were read"))
        if row.row in [one.row for one in table.rows[:place]]:
            where = loaded.origins.get(f"rows.{place}.row", f"{path}:1:1")
            faults.append(Fault(where, f"row {row.row!r} is there twice; one row a characteristic was expected"))
    if faults:
        raise ConfigError.of(faults)
    rows = tuple(row.model_copy(update={"cells": _by_city(row.cells)}) for row in table.rows)
    return table.model_copy(update={"cities": tuple(cities), "rows": rows})


def published_path(name_or_path: str | Path) -> Path:
    """The file itself, or the shipped table of that name; raises ConfigError where it is neither."""
    return given_or_shipped(name_or_path, shipped("configs", "tables"), "a file nor a shipped published table")


def row_of(published: Published | None, row: str) -> PublishedRow | None:
    """The published row that stands beside one of ours; None where there is none."""
    return next((one for one in published.rows if one.row == row), None) if published else None


def _in(names: Names, language: str) -> str:
    known = {str(key): name for key, name in names.items()}
    return known.get(language) or known.get("en", "")


def _by_city(cells: dict[str, str]) -> dict[str, str]:
    return {city_name(city): text for city, text in cells.items()}
