"""The set of companies that everything else is about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import pandas as pd

from chainbert.companies.languages import detect_language
from chainbert.companies.masking import mask_cities
from chainbert.companies.merging import reason_kind
from chainbert.companies.sentences import split_sentences
from chainbert.files import content_hash
from chainbert.notebook import shown

SENTENCE_COLUMNS = ("key", "id", "observed", "part", "position", "start", "end", "text", "masked", "language")


@dataclass(frozen=True, eq=False)
class CompanySet:
    """Companies as read from one table: every row of the file, usable or with its reason."""

    table: pd.DataFrame
    """One row a company and year in file order: ``key, id, name, city, founded, observed, text, language, website,
    investors, industry``, the file's other columns as text, ``status``. Text is "" where missing, never NaN;
    ``founded`` and ``observed`` are nullable Int64 years; ``investors`` are lists of names. ``key`` is unique."""
    source: str
    """The path that was read."""
    shape: str
    """The export shape that was recognised, ``chainbert`` for our own names, or ``mapped``."""
    sha256: str
    """Of the file's bytes."""
    duplicates: int = 0
    """Rows that were equal to an earlier one in every column and were merged into it."""
    notes: Mapping[str, int] = field(default_factory=dict)
    """What was odd or repaired, with the first few places → in how many rows."""

    def _repr_html_(self) -> str:
        cities = self.usable["city"].value_counts().rename_axis("city").reset_index(name="rows")
        facts = {"rows": len(self.table), "usable": len(self.usable), "shape": self.shape}
        return shown(f"Companies of {self.source}", facts, [("Cities", cities)], self.exclusions)

    @property
    def usable(self) -> pd.DataFrame:
        """The rows without a reason against them, renumbered from 0."""
        return self.table[self.table["status"] == ""].reset_index(drop=True)

    @property
    def exclusions(self) -> dict[str, int]:
        """Reason → number of rows, the most frequent first."""
        reasons = Counter(reason_kind(status) for status in self.table["status"] if status)
        return dict(reasons.most_common())

    @cached_property
    def sentences(self) -> pd.DataFrame:
        """As ``sentences_of``; split once, however many codebooks and encoders read them."""
        return _split_all(self.usable)

    def sample(self, firms: int) -> CompanySet:
        """All rows of at most so many usable firms, chosen by the hash of their id: the same ones in any row order."""
        chosen = sorted(self.usable["id"].unique(), key=content_hash)[:firms]
        return replace(self, table=self.table[self.table["id"].isin(chosen)].reset_index(drop=True))


def sentences_of(companies: CompanySet) -> pd.DataFrame:
    """The sentences of the usable rows' texts, and each company's name as one more.

    One row a sentence, in the order of the table: ``key, id, observed``; ``part`` is ``text`` or ``name``;
    ``position`` counts from 0 within the company, the name last; ``text`` is exactly the stored text's (or name's)
    ``[start:end]``; ``masked`` has city names replaced; ``language`` is zh, en or other for each sentence.
    """
    # A copy that is made when it is written to.
    return companies.sentences.copy(deep=False)


def _split_all(usable: pd.DataFrame) -> pd.DataFrame:
    columns: dict[str, list[object]] = {name: [] for name in SENTENCE_COLUMNS}
    identity = zip(usable["key"], usable["id"], usable["observed"], strict=True)
    for who, name, text in zip(identity, usable["name"], usable["text"], strict=True):
        pieces = [("text", start, end, text[start:end]) for start, end in split_sentences(text)]
        if name:
            pieces.append(("name", 0, len(name), name))
        for position, (part, start, end, words) in enumerate(pieces):
            row = (
                *who,
                part,
                position,
                start,
                end,
                words,
                mask_cities(words),
                detect_language(words, prose=part == "text"),
            )
            for column, value in zip(SENTENCE_COLUMNS, row, strict=True):
                columns[column].append(value)
    kinds = {"observed": "Int64", "position": "int64", "start": "int64", "end": "int64"}
    return pd.DataFrame({name: pd.Series(values, dtype=kinds.get(name, "str")) for name, values in columns.items()})


def demo_companies() -> Path:
    """The invented companies that come with chainbert."""
    return Path(__file__).parent.parent / "demo" / "companies.jsonl"
