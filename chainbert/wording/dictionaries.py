"""Dictionary analysis: which categories of words and phrases a text has, how often, and where."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from chainbert.errors import DataError
from chainbert.wording.dictionaryfile import CategorySection, DictionaryFile, Entry, read_dictionary
from chainbert.wording.folding import blocks
from chainbert.wording.phrases import Phrase, phrase
from chainbert.wording.scan import Scanner
from chainbert.wording.tokenizer import Tokenizer
from chainbert.wording.wordcut import Cutter, WordCut

MATCHES = ["row", "category", "entry", "start", "end"]
Levels = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Category:
    """A category with what counts towards it: its own entries and those of the categories inside it."""

    id: str
    """Its id after those of the categories around it: ``service.finance``."""
    names: dict[str, str]
    """zh and en; the id where the file gives none."""
    description: dict[str, str]
    entries: tuple[Entry, ...]
    exclude: tuple[Entry, ...]


@dataclass(frozen=True)
class Dictionary:
    """Categories of words and phrases in two languages."""

    id: str
    version: str
    """12 hex digits that change with what the dictionary says."""
    categories: tuple[Category, ...]

    @classmethod
    def load(cls, name_or_path: str | Path) -> Dictionary:
        """Read a dictionary file, or a shipped one by its name (``themes``).

        Raises ConfigError listing every fault as ``file:line:column``.
        """
        return cls.of(read_dictionary(name_or_path))

    @classmethod
    def of(cls, file: DictionaryFile) -> Dictionary:
        """From a file's contents; levels become categories of their own, each before those inside it."""
        return cls(file.id, file.version, tuple(_levels(file.categories, (), ())))

    def count(
        self, texts: Sequence[str], languages: Sequence[str] | None = None, tokenizer: Tokenizer | Cutter | None = None
    ) -> DictionaryHits:
        """Every place where a text has an entry.

        Entries of both languages are looked for in every text: Chinese ones write "BaaS". Letter case, traditional
        or simplified, full or half width do not count; wildcards are those of ``phrase``. English entries match
        whole words, with plurals only where a wildcard says so. Chinese ones match wherever their characters
        stand, except where they begin inside a word and end beyond it: 资产 is not in 投资产品. Words are cut with
        the lexicon, the dictionary's own entries and the words of ``tokenizer``, or by it where it is anything else
        with a ``cut``; texts whose language is "other" (Japanese, say) are not cut. In a category the leftmost match
        counts, of those that start together the longest, and matches do not overlap; each category is counted
        for itself, so that a word may count in several.

        Raises DataError where the lengths differ or a row holds no text.
        """
        if languages is not None and len(languages) != len(texts):
            raise DataError(f"{len(texts)} texts and {len(languages)} languages given; one language a text expected")
        uncut = frozenset() if languages is None else frozenset(np.flatnonzero(np.asarray(languages) == "other"))
        cut = WordCut(tokenizer, tuple(given for given in self._phrases))
        found: list[tuple[int, int, int, int, int]] = []
        for block in blocks(texts):
            by_row: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
            for row, start, end, number in self._scanner.scan(block):
                if block.first + row in uncut or not cut.straddles(block.text, start, end):
                    by_row[row].append((start - block.starts[row], end - block.starts[row], number))
            for row in sorted(by_row):
                found += ((block.first + row, *match) for match in self._resolved(by_row[row]))
        return self._hits(found, len(texts))

    @cached_property
    def _phrases(self) -> dict[str, Phrase]:
        """The distinct phrases, compiled, in the order of their characters."""
        everything = (entry for one in self.categories for entry in (*one.entries, *one.exclude))
        return {given: phrase(given) for given in sorted({word for entry in everything for word in entry.phrases})}

    @cached_property
    def _scanner(self) -> Scanner:
        return Scanner(tuple(self._phrases.values()))

    @cached_property
    def _uses(self) -> list[list[tuple[int, int]]]:
        """For every phrase the categories it is in, with the place of its entry there; −1 where it is excluded."""
        number = {given: place for place, given in enumerate(self._phrases)}
        uses: list[list[tuple[int, int]]] = [[] for _ in number]
        for place, category in enumerate(self.categories):
            for index, entry in enumerate(category.entries):
                for word in entry.phrases:
                    uses[number[word]].append((place, index))
            for entry in category.exclude:
                for word in entry.phrases:
                    uses[number[word]].append((place, -1))
        return uses

    def _resolved(self, matches: list[tuple[int, int, int]]) -> Iterator[tuple[int, int, int, int]]:
        """Category, entry, start and end of what counts among a text's (start, end, phrase)."""
        by_category: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
        excluded: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for start, end, number in matches:
            for category, entry in self._uses[number]:
                if entry < 0:
                    excluded[category].append((start, end))
                else:
                    by_category[category].append((start, -end, entry))
        for category in sorted(by_category):
            free = 0
            for start, minus_end, entry in sorted(by_category[category]):
                within = any(left <= start and -minus_end <= right for left, right in excluded[category])
                if start >= free and not within:
                    free = -minus_end
                    yield category, entry, start, free

    def _hits(self, found: list[tuple[int, int, int, int, int]], n: int) -> DictionaryHits:
        rows, category, entry, start, end = np.array(found, dtype=np.int64).reshape(-1, 5).T
        counts = np.zeros((n, len(self.categories)), dtype=np.int32)
        np.add.at(counts, (rows, category), 1)
        ids = np.array([one.id for one in self.categories], dtype=object)
        labels = [np.array([one.label for one in category.entries], dtype=object) for category in self.categories]
        named = [labels[place][index] for place, index in zip(category.tolist(), entry.tolist(), strict=True)]
        columns = (rows, ids[category], np.array(named, dtype=object), start, end)
        matches = pd.DataFrame(dict(zip(MATCHES, columns, strict=True))).astype({"category": "str", "entry": "str"})
        order = matches.sort_values(["row", "start", "end", "category"], kind="stable", ignore_index=True)
        return DictionaryHits(self, counts, order)


@dataclass(frozen=True, slots=True)
class DictionaryHits:
    """What a dictionary found in n texts."""

    dictionary: Dictionary
    counts: npt.NDArray[np.int32]
    """(n, categories) matches, in the order of the dictionary's categories."""
    matches: pd.DataFrame
    """One match a row: row, category (id), entry (its label, ``云计算 / cloud computing``), start, end (offsets into
    the text as given); by row, start, end and category."""

    @property
    def entries(self) -> pd.DataFrame:
        """How often each entry matched: category, entry, mentions, texts; by category, the most frequent first.

        For reading before the shares are believed: an entry with most of its category's mentions decides it.
        """
        grouped = self.matches.groupby(["category", "entry"], sort=True)["row"].agg(["size", "nunique"]).reset_index()
        table = grouped.set_axis(["category", "entry", "mentions", "texts"], axis=1)
        by = ["category", "mentions", "entry"]
        return table.sort_values(by, ascending=[True, False, True], ignore_index=True)

    def by_firm(self, keys: Sequence[str]) -> pd.DataFrame:
        """A row a text and category found in it: key, category, hits, and entry, start, end of the first match.

        ``keys`` (n,) names the texts. Raises DataError where their number differs.
        """
        _same_length(len(self.counts), keys=keys)
        first = self.matches.drop_duplicates(["row", "category"]).reset_index(drop=True)
        place = {category.id: column for column, category in enumerate(self.dictionary.categories)}
        hits = self.counts[first["row"].to_numpy(), first["category"].map(place).to_numpy(dtype=int)]
        named = np.asarray(keys, dtype=object)[first["row"].to_numpy()]
        return first.assign(key=named, hits=hits)[["key", "category", "hits", "entry", "start", "end"]]

    def _repr_html_(self) -> str:
        return self.entries.to_html(index=False)


def _same_length(n: int, **columns: Sequence[str] | npt.NDArray[np.generic]) -> None:
    for name, column in columns.items():
        if len(column) != n:
            raise DataError(f"{n} texts were counted and {len(column)} values of `{name}` given; one a text expected")


def _levels(categories: Sequence[CategorySection], around: Levels, excluded: tuple[Entry, ...]) -> Iterator[Category]:
    for section in categories:
        levels = (*around, section.id)
        given = section.names or {}
        names = {language: given.get(language, ".".join(levels)) for language in ("zh", "en")}
        exclude = (*excluded, *section.exclude)
        inside = tuple(_levels(section.categories, levels, exclude))
        # What an inner category excludes is excluded here too, or a level would count more than what is inside it.
        yield Category(
            ".".join(levels),
            names,
            dict[str, str](section.description.items()),
            tuple(dict.fromkeys((*section.entries, *(entry for one in inside for entry in one.entries)))),
            tuple(dict.fromkeys((*exclude, *(entry for one in inside for entry in one.exclude)))),
        )
        yield from inside
