"""What Table 1 is computed from: the run's labels, clusters, dictionary and investors as answers of its firms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from chainbert.errors import DataError
from chainbert.files import shipped
from chainbert.labelling.codebook import MIXED, UNCLEAR, Codebook
from chainbert.labelling.investors import NO_INVESTOR
from chainbert.report.companyrows import Axis, axes_of
from chainbert.report.runfiles import NO_CITY, RunFiles, records
from chainbert.report.tableonecells import Answers, Firms, Text, dummies, in_both
from chainbert.report.tables import plain

# The study's own axes bear the names of the study's table, in its order.
TITLES = {"application": "Application", "customer": "Customer base", "market": "Market"}
ORIGINS = {"state": "state investors", "global": "global investors", "domestic": "domestic investors"}
UNPLACED = "unplaced"
DICTIONARY, MENTIONS, INVESTORS = "dictionary.csv", "dictionary_firms.parquet", "investors.parquet"


@dataclass(frozen=True, slots=True)
class Sources:
    """A finished run as Table 1 reads it."""

    files: RunFiles
    folder: Path
    firms: Firms
    codebook: Codebook | None

    @property
    def axes(self) -> list[Axis]:
        """The study's axes in the order of its table, then others in the label table's."""
        order = {axis: place for place, axis in enumerate(TITLES)}
        return sorted(axes_of(self.files.labels), key=lambda axis: order.get(axis.id, len(order)))

    @property
    def usable(self) -> list[str]:
        """Keys of the rows with a usable text, sorted."""
        return sorted(self.files.usable["key"])

    def single(self, axis: Axis) -> bool:
        """Whether the axis is one choice; without a codebook, whether no value is ``mixed`` or ``unclear``."""
        for known in self.codebook.axes if self.codebook else ():
            if known.id == axis.id:
                return known.kind == "single"
        return not self.files.labels[axis.id].isin([MIXED, UNCLEAR]).any()

    def values(self, axis: Axis) -> Answers:
        """The axis's value of every labelled row."""
        table = self.files.labels.loc[self.files.labels["key"].isin(self.usable), ["key", axis.id]]
        table = table[table[axis.id].fillna("") != ""]
        own = axis.indicators if self.single(axis) else (*axis.indicators, MIXED, UNCLEAR)
        return dummies(dict(zip(table["key"], table[axis.id], strict=True)), own)

    def axis_name(self, axis: Axis) -> Text:
        """The axis as the study's table or the codebook calls it."""
        if axis.id in TITLES:
            return in_both(TITLES[axis.id])
        known = [one.names for one in self.codebook.axes if one.id == axis.id] if self.codebook else []
        return named(
            plain(axis.id).capitalize(), {str(language): name for one in known for language, name in one.items()}
        )

    def value_names(self, axis: Axis, values: Answers) -> dict[str, Text]:
        """The axis's values as the codebook calls them."""
        known = {
            indicator.id: {str(language): name for language, name in indicator.names.items()}
            for one in (self.codebook.axes if self.codebook else ())
            if one.id == axis.id
            for indicator in one.indicators
        }
        return {value: named(plain(value), known.get(value, {})) for value in values.said.columns}

    def themes(self) -> Answers | None:
        """Which usable row uses which theme of the dictionary; None where the run has no dictionary."""
        mentions = read_table(self.folder / MENTIONS, ("key", "category", "hits"))
        if mentions is None:
            return None
        # The dictionary is counted over texts with a city.
        placed = self.files.usable["city"] != NO_CITY
        keys = pd.Index(sorted(self.files.usable.loc[placed, "key"]))
        mentions = mentions[mentions["key"].isin(keys) & (mentions["hits"] > 0)]
        themes = pd.Index([*dict.fromkeys([*self._stated_themes(), *sorted(mentions["category"].astype(str))])])
        said = np.zeros((len(keys), len(themes)), dtype=bool)
        said[keys.get_indexer(pd.Index(mentions["key"])), themes.get_indexer(pd.Index(mentions["category"]))] = True
        return Answers(pd.DataFrame(said, index=keys, columns=themes), exclusive=False)

    def theme_names(self, themes: Answers) -> dict[str, Text]:
        """The themes as the dictionary calls them."""
        stated = self._stated_themes()
        return {theme: named(plain(theme), stated.get(theme, {})) for theme in themes.said.columns}

    def _stated_themes(self) -> dict[str, dict[str, str]]:
        table = read_table(self.folder / DICTIONARY, ("category", "name_zh", "name_en"))
        rows = [] if table is None else records(table)
        return {str(row["category"]): {"en": str(row["name_en"]), "zh": str(row["name_zh"])} for row in rows}

    def clusters(self) -> dict[str, int]:
        """Key of every clustered row → its cluster; −1 is in none."""
        placed = self.files.clusters.dropna(subset=["cluster"])
        placed = placed[placed["key"].isin(self.usable)]
        return {str(row["key"]): int(row["cluster"]) for row in records(placed)}

    def cluster_terms(self) -> dict[int, list[str]]:
        """Cluster → its terms, the strongest first."""
        terms: dict[int, list[str]] = {}
        for row in records(self.files.terms.dropna(subset=["cluster"]).sort_values("rank", kind="stable")):
            terms.setdefault(int(row["cluster"]), []).append(str(row["term"]))
        return terms

    def origins(self) -> Answers | None:
        """Origins of the investors of every usable row that names one; None where the run did not label investors.

        ``未透露`` and a round's adviser name no investor.
        """
        table = read_table(self.folder / INVESTORS, ("key", "investor", "origin", "rule"))
        if table is None:
            return None
        named = (table["investor"].fillna("") != "") & ~table["rule"].isin(NO_INVESTOR)
        table = table[table["key"].isin(self.usable) & named]
        keys = pd.Index(sorted(set(table["key"])))
        said = pd.DataFrame(
            {name: keys.isin(table.loc[table["origin"] == name, "key"]) for name in ORIGINS}, index=keys
        )
        return Answers(said.assign(**{UNPLACED: ~said.any(axis=1)}), exclusive=False)


def shipped_codebook(labels: pd.DataFrame) -> Codebook | None:
    """The shipped codebook that made the labels, by its version; None where it was another one."""
    versions = set(labels["codebook"].dropna()) if "codebook" in labels else set()
    return next((book for book in _shipped_codebooks() if book.version in versions), None)


@cache
def _shipped_codebooks() -> tuple[Codebook, ...]:
    return tuple(Codebook.load(path) for path in sorted(shipped("configs", "codebooks").glob("*.yaml")))


def named(english: str, names: Mapping[str, str]) -> Text:
    """How a label is printed: by the names of its file, else by its id; in English in lower case like the id."""
    given = names.get("en") or english
    words = in_both(english if given.casefold() == english.casefold() else given)
    return words | {language: name for language, name in names.items() if name and language != "en"}


def crossed(pattern: str, first: Mapping[str, Text], second: Mapping[str, Text]) -> dict[str, Text]:
    """Names of the combinations of two sets of labels; their id is the English pattern filled with the labels."""
    return {
        pattern.format(first=one, second=other): in_both(pattern, first=name, second=its)
        for one, name in first.items()
        for other, its in second.items()
    }


def read_table(path: Path, needed: Sequence[str]) -> pd.DataFrame | None:
    """A table of the run folder; None where the run did not write it.

    Raises DataError where it is damaged or lacks one of the columns ``needed``.
    """
    if not path.is_file():
        return None
    try:
        if path.suffix == ".parquet":
            table = pd.read_parquet(path)
        else:
            table = pd.read_csv(path, dtype=dict.fromkeys(needed, str), keep_default_na=False)
    except (OSError, ValueError, pa.ArrowInvalid) as error:
        raise DataError(f"{path}: cannot be read ({error}). Delete it and run the study again.") from error
    if missing := [name for name in needed if name not in table]:
        found = ", ".join(map(str, table.columns)) or "none"
        raise DataError(f"{path}: column {', '.join(missing)} is missing; found {found}. Run the study again.")
    return table
