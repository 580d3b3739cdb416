"""The coded companies with their texts: which row of the company table each code speaks of."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from chainbert.companies import CompanySet, read_companies
from chainbert.errors import ConfigError, DataError
from chainbert.files import content_hash
from chainbert.labelling.gold import Gold

_SHOWN = 5
_READ = ("id", "observed", "name", "text", "language", "status")


@dataclass(frozen=True, slots=True)
class Coded:
    """Hand codes of n companies, and the m ≤ n company rows they speak of."""

    gold: Gold
    """The coded rows that have a company."""
    companies: CompanySet
    """The rows that are spoken of, each once, numbered from 0."""
    rows: np.ndarray
    """(n,) int in [0, m): the company row of each coded row."""
    missing: tuple[str, ...]
    """Coded companies (``id``, or ``id of year``) that the table lacks."""

    @property
    def languages(self) -> np.ndarray:
        """(n,) str: zh, en or other, of each coded row."""
        return np.asarray(self.companies.table["language"].to_numpy(dtype=object)[self.rows])

    @property
    def digest(self) -> str:
        """Hash of everything a labeller reads of the companies."""
        rows = self.companies.table[list(_READ)].itertuples(index=False)
        return content_hash(*(str(cell) for row in rows for cell in row))

    def note(self) -> str:
        """A sentence on what is missing; empty where nothing is."""
        if not self.missing:
            return ""
        shown = ", ".join(self.missing[:_SHOWN]) + (", …" if len(self.missing) > _SHOWN else "")
        total = len(self.missing) + len(self.gold.table)
        return (
            f"{len(self.missing):,} of {total:,} coded companies are not in {self.companies.source} and were left "
            f"out: {shown}."
        )


def read_texts(path: Path, gold: Path) -> CompanySet:
    """The company table; where it is the gold file itself and has no texts, ConfigError says to name the table."""
    try:
        return read_companies(path)
    except DataError as error:
        if path != gold:
            raise
        raise ConfigError(
            f"{gold}: cannot serve as the company table ({error}). Name the table with the texts of the coded "
            "companies: companies: FILE, or --set companies=FILE"
        ) from error


def match_companies(gold: Gold, companies: CompanySet) -> Coded:
    """Find the company row of each coded row, by id and year; codes without a year speak of the last one.

    Coded companies that the table lacks are left out and named. Raises DataError where none is there.
    """
    table = companies.table
    exact: dict[tuple[str, int], int] = {}
    last: dict[str, tuple[int, int]] = {}
    # Usable rows later, so that they win where an id has both.
    order = np.argsort((table["status"] == "").to_numpy(), kind="stable")
    identity = _identity(table)
    for place in order.tolist():
        company, year = identity[place]
        exact[company, year] = place
        usable = table["status"].iat[place] == ""
        known = last.get(company)
        if known is None or (usable and (table["status"].iat[known[1]] != "" or year >= known[0])):
            last[company] = (year, place)
    places = []
    for company, year in _identity(gold.table):
        found = exact.get((company, year), -1)
        if found < 0 and company in last and (year == 0 or last[company][0] == 0):
            found = last[company][1]
        places.append(found)
    chosen = np.asarray(places, dtype=np.int64)
    there = chosen >= 0
    missing = tuple(
        f"{company} of {year}" if year else company
        for (company, year), found in zip(_identity(gold.table), there, strict=True)
        if not found
    )
    if not there.any():
        raise DataError(
            f"{gold.path}: none of {len(chosen):,} coded companies is in {companies.source}: "
            f"{', '.join(missing[:_SHOWN])}{', …' if len(missing) > _SHOWN else ''}; ids and years must be written "
            "alike in both"
        )
    spoken, rows = np.unique(chosen[there], return_inverse=True)
    return Coded(
        replace(
            gold,
            table=gold.table[there].reset_index(drop=True),
            coders={name: codes[there].reset_index(drop=True) for name, codes in gold.coders.items()},
        ),
        replace(companies, table=table.iloc[spoken].reset_index(drop=True)),
        rows,
        missing,
    )


def _identity(table: pd.DataFrame) -> list[tuple[str, int]]:
    """Id and year of each row; 0 is no year."""
    years = table["observed"].astype("Int64").fillna(0).astype(int)
    return list(zip(table["id"].astype(str), years.tolist(), strict=True))
