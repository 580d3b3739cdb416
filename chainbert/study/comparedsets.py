"""The company sets of a comparison: read, checked against each other, embedded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import pandas as pd

from chainbert.companies import CompanySet, read_companies
from chainbert.convergence import MOST_CITIES
from chainbert.embedding import load_encoder
from chainbert.errors import ConfigError
from chainbert.progress import Progress
from chainbert.study.embedded import EmbeddedSet, holds_vectors, read_vectors
from chainbert.study.single import embed_companies
from chainbert.yamlfile import did_you_mean

SMALLEST_CELL = 5
_LISTED = 8


@dataclass(frozen=True, slots=True)
class ComparedSet:
    """One set: a table still to be embedded, or vectors."""

    path: str
    label: str
    """Its years: 2018, or 2016–2018."""
    rows: pd.DataFrame
    """One row a company and year."""
    source: CompanySet | EmbeddedSet

    def embedded(self, encoder_name: str, progress: Progress) -> EmbeddedSet:
        """With the vectors of the file, or those that the encoder gives, city names masked."""
        if isinstance(self.source, EmbeddedSet):
            return self.source
        found = embed_companies(self.source, encoder_name, mask_cities=True, progress=progress)
        return EmbeddedSet(self.rows, found.of(self.rows["key"]), load_encoder(encoder_name).fingerprint, masked=True)

    def facts(self) -> dict[str, Any]:
        """What it is, as plain data."""
        facts = {
            "path": self.path,
            "label": self.label,
            "rows": len(self.rows),
            "firms": int(self.rows["id"].nunique()),
        }
        if isinstance(self.source, EmbeddedSet):
            return {**facts, "shape": "vectors", "left_out": {}, "notes": {}}
        kept = self.source
        return {**facts, "shape": kept.shape, "left_out": kept.exclusions, "notes": dict(kept.notes)}


def read_sets(
    paths: Sequence[Path], columns: Sequence[Mapping[str, str] | None], observed: Sequence[int], encoder_name: str
) -> list[ComparedSet]:
    """Read two or more sets of different years, in the order of time.

    Raises ConfigError for fewer than two, for years that are not known, that two sets share or that are not given once
    for each set, and for an encoder that cannot be had; DataError for a file that cannot be used.
    """
    if len(paths) < 2:
        raise ConfigError(f"{len(paths)} company set given; two or more, of different years, were expected")
    if observed and len(observed) != len(paths):
        raise ConfigError(f"--observed given {len(observed)} times for {len(paths)} tables; give it once for each")
    if not all(map(holds_vectors, paths)):
        load_encoder(encoder_name)  # says what is wrong with it before tables are read
    sets = [
        _read(path, mapping, observed[place] if observed else None)
        for place, (path, mapping) in enumerate(zip(paths, columns, strict=True))
    ]
    for first, second in combinations(sets, 2):
        if shared := sorted(set(first.rows["observed"]) & set(second.rows["observed"])):
            raise ConfigError(
                f"{first.path} and {second.path}: both have rows observed in {', '.join(map(str, shared))}; "
                "sets of different years were expected: give --observed YEAR for each, in order"
            )
    return sorted(sets, key=lambda one: (one.rows["observed"].min(), one.rows["observed"].max()))


def _read(path: Path, columns: Mapping[str, str] | None, year: int | None) -> ComparedSet:
    source: CompanySet | EmbeddedSet
    if holds_vectors(path):
        source = read_vectors(path, year)
        rows = source.rows
    else:
        # A year on the command line is meant for this very table, whatever columns it has.
        given = {**(columns or {}), **({"observed": f"={year}"} if year is not None else {})}
        source = read_companies(path, given or None)
        rows = source.usable
    if missing := int(rows["observed"].isna().sum()):
        raise ConfigError(
            f"{path}: {missing:,} of {len(rows):,} usable rows do not say the year they were observed "
            "in; give --observed YEAR for each table, in order (1800 to next year)"
        )
    first, last = int(rows["observed"].min()), int(rows["observed"].max())
    return ComparedSet(str(path), str(first) if first == last else f"{first}–{last}", rows, source)


def choose_cities(sets: Sequence[ComparedSet], reference: str, wanted: Sequence[str]) -> tuple[str, ...]:
    """The cities that are compared with the reference: those wanted, or those with enough firms in every set.

    Without wish they are those with ``SMALLEST_CELL`` firms in every set, the larger first; where no city has, all, the
    larger first. At most 19; places that are no city (country or province) only where wanted.
    Raises ConfigError for a set without the reference and for a city that is in no set.
    """
    counts = [Counter(one.rows.drop_duplicates("id", keep="last")["city"]) for one in sets]
    for one, found in zip(sets, counts, strict=True):
        if not found[reference]:
            raise ConfigError(
                f"{one.path}: no usable row is of {reference}, the reference city; found {_most(found)}. "
                "Choose one that every set has with --reference CITY, or leave this set out"
            )
    total = sum(counts, Counter())
    if unknown := [city for city in wanted if not total[city]]:
        raise ConfigError(
            f"--city {unknown[0]}: no set has a row of it.{did_you_mean(unknown[0], total)} Found: {_most(total)}"
        )
    if wanted:
        cities = [city for city in dict.fromkeys(wanted) if city != reference]
        if len(cities) >= MOST_CITIES:
            raise ConfigError(f"--city given for {len(cities)} cities; at most {MOST_CITIES - 1} can be compared")
        return tuple(cities)
    named = [city for city in total if city and city != reference and " · " not in city]
    enough = [city for city in named if all(found[city] >= SMALLEST_CELL for found in counts)]
    return tuple(sorted(enough or named, key=lambda city: (-total[city], city))[: MOST_CITIES - 1])


def _most(counts: Counter[str]) -> str:
    known = [(city, count) for city, count in counts.most_common() if city]
    return ", ".join(f"{city} {count:,}" for city, count in known[:_LISTED]) or "no city at all"
