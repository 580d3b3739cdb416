"""The cells of Table 1: firms counted once a city, their answers to a question, whether the cities differ."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import random_table

from chainbert.report.language import LANGUAGES, say, speaking, spoken
from chainbert.report.runfiles import NO_CITY, RunFiles
from chainbert.wilson import wilson

# A share of fewer firms than this is given as a number of firms, without an interval.
SMALLEST = 5
ALL = "All cities"
# Cells of random tables held at a time, 8 bytes each.
_BATCH = 4_000_000

Text: TypeAlias = dict[str, str]
"""Language → the same words in it."""
Choice: TypeAlias = Callable[["pd.Series[int]"], list[str]]


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a cell: how many of the city's firms, and which."""

    label: str
    yes: int
    n: int
    """Firms that were asked; ``yes`` of them answered so."""
    share: float | None
    """In [0, 1]; None where the entry is a number of firms."""
    low: float | None
    high: float | None
    """95 % interval; None where n < 5."""
    keys: tuple[str, ...]
    """Keys of companies.parquet, sorted."""
    terms: tuple[str, ...] = ()
    codes: int | None = None
    """Hand codes that share and interval come from, together with all labels; None where labels were counted.

    Such a share is not ``yes`` of ``n``: that is what the labeller said, whose firms the keys are."""

    @property
    def corrected(self) -> bool:
        """Whether share and interval are corrected by hand codes."""
        return self.codes is not None


@dataclass(frozen=True, slots=True)
class Row:
    """One characteristic in all cities."""

    id: str
    titles: Text
    notes: tuple[Text, ...]
    cells: dict[str, tuple[Entry, ...]]
    """Column → its entries; a column without entries has ()."""
    names: dict[str, Text]
    """Label → how it is printed."""
    empty: Text
    """What a cell without entries means."""
    status: Text | None = None
    """Why the whole row is empty; None where it is not."""
    p: float | None = None
    """Of no difference between the cities; None where there is nothing to compare."""
    p_holm: float | None = None

    @property
    def corrected(self) -> bool:
        """Whether some of its shares are corrected by hand codes."""
        return any(entry.corrected for cell in self.cells.values() for entry in cell)

    @property
    def title(self) -> str:
        """The row's name in the language that is spoken."""
        return self.titles[spoken()]

    @property
    def note(self) -> str:
        """How to read the row; why it is empty, where it is."""
        notes = (self.status,) if self.status else self.notes
        return ("" if spoken() == "zh" else " ").join(note[spoken()] for note in notes)

    def name(self, label: str) -> str:
        """A label as it is printed, in the language that is spoken."""
        return self.names[label][spoken()] if label in self.names else label


@dataclass(frozen=True, slots=True)
class Firms:
    """Which row of the company table stands for each firm of a column."""

    cities: tuple[str, ...]
    keys: dict[str, list[str]]
    """Column → keys of its firms' latest rows, sorted; the last column is all cities where there are several."""
    years: dict[str, list[str]]
    """Column → keys of all usable rows, sorted."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What rows of the company table answer to one question."""

    said: pd.DataFrame
    """Bool, a row a key that was asked, a column a label."""
    exclusive: bool
    """Whether each answers with exactly one label."""


def in_both(message: str, /, **values: object) -> Text:
    """A message in every language; values that are texts themselves are put in each in its own."""
    found = {}
    for language in LANGUAGES:
        with speaking(language):
            here = {name: value[language] if isinstance(value, dict) else value for name, value in values.items()}
            found[language] = say(message, **here)
    return found


def firms_of(files: RunFiles, cities: Sequence[str]) -> Firms:
    """A firm seen in several years stands once in a city, with its latest row; in all cities once."""
    table = files.usable[["key", "id", "city", "observed"]].copy()
    known = table["id"].fillna("").astype(str)
    table["firm"] = known.where(known != "", table["key"])
    table["observed"] = table["observed"].astype("Float64").fillna(-np.inf)
    table = table.sort_values(["observed", "key"], kind="stable")
    latest = table.drop_duplicates(["city", "firm"], keep="last")
    keys = {city: sorted(latest.loc[latest["city"] == city, "key"]) for city in cities}
    years = {city: sorted(table.loc[table["city"] == city, "key"]) for city in cities}
    if len(cities) > 1:
        keys[ALL] = sorted(table.drop_duplicates("firm", keep="last")["key"])
        years[ALL] = sorted(table["key"])
    return Firms(tuple(cities), keys, years)


def dummies(values: Mapping[str, str], labels: Sequence[str]) -> Answers:
    """One label a key as answers; ``labels`` come first, in their order, others by their characters."""
    chosen = pd.Series(dict(values), dtype=object)
    columns = [*labels, *sorted(set(chosen) - set(labels))]
    array = np.array([chosen.to_numpy() == label for label in columns], dtype=bool).reshape(len(columns), -1)
    return Answers(pd.DataFrame(array.T, index=chosen.index, columns=columns), exclusive=True)


def every(counts: pd.Series[int]) -> list[str]:
    """All labels in their own order, so that cities are read line by line."""
    return [str(label) for label in counts.index]


def leading(most: int, besides: Sequence[str] = ()) -> Choice:
    """At most ``most`` labels, those that most firms have first; in their own order where equal."""

    def choose(counts: pd.Series[int]) -> list[str]:
        ordered = counts[counts > 0].sort_values(ascending=False, kind="stable")
        return [str(label) for label in ordered.index if label not in besides][:most]

    return choose


def count_cells(answers: Answers, firms: Firms, choose: Choice) -> dict[str, tuple[Entry, ...]]:
    """The chosen labels of each column with the firms behind them."""
    cells = {}
    for column, keys in firms.keys.items():
        asked = answers.said.loc[[key for key in keys if key in answers.said.index]]
        chosen = choose(asked.sum()) if len(asked) else []
        cells[column] = tuple(entry(label, list(asked.index[asked[label]]), len(asked)) for label in chosen)
    return cells


def entry(label: str, keys: Sequence[str], n: int, terms: Sequence[str] = ()) -> Entry:
    """A share of n ≥ 1 firms with its interval (Wilson 1927), none below 5 firms."""
    low = high = None
    if n >= SMALLEST:
        low, high = (float(end[0]) for end in wilson(np.array([len(keys)]), np.array([n])))
    return Entry(label, len(keys), n, len(keys) / n, low, high, tuple(map(str, keys)), tuple(terms))


def compare_cities(answers: Answers, firms: Firms, draws: int, rng: np.random.Generator) -> float | None:
    """``difference_p`` over the firms of the cities; None where fewer than two cities have a firm that was asked.

    Companies without a city take no part.
    """
    places = [
        (code, key)
        for code, city in enumerate(firms.cities)
        if city != NO_CITY
        for key in firms.keys[city]
        if key in answers.said.index
    ]
    said = answers.said.loc[[key for _, key in places]].to_numpy(dtype=bool)
    return difference_p(said, np.array([code for code, _ in places], dtype=int), answers.exclusive, draws, rng)


def difference_p(
    said: npt.NDArray[np.bool_],
    city: npt.NDArray[np.integer],
    exclusive: bool,
    draws: int,
    rng: np.random.Generator,
) -> float | None:
    """Permutation p of the hypothesis that the cities of firms are exchangeable, whatever the firms answer.

    said (n, labels) bool; city (n,) codes; draws ≥ 1. The statistic is Pearson's χ² of labels × cities; where a firm
    may have several labels (not ``exclusive``), the sum of the χ² of every label's yes / no table (Agresti & Liu 1999),
    with whole firms permuted, so that labels that go together stay together. Tables with the margins found are drawn
    instead of permuting firms, which is the same (Patefield 1981). p = (1 + draws at least as large) / (1 + draws)
    in (0, 1]; None where there is one city, or no label that some firms have and others have not.
    """
    columns = np.unique(city)
    varying = said.any(axis=0) & ~said.all(axis=0) if len(said) else np.zeros(said.shape[1], dtype=bool)
    if len(columns) < 2 or not varying.any():
        return None
    patterns, of_firm = np.unique(said[:, varying], axis=0, return_inverse=True)
    if len(patterns) < 2:
        return None
    found = np.zeros((len(patterns), len(columns)), dtype=np.int64)
    np.add.at(found, (of_firm.ravel(), np.searchsorted(columns, city)), 1)
    share = said[:, varying].mean(axis=0)
    expected = share[:, None] * found.sum(axis=0)[None, :]
    scale = expected * (1 if exclusive else 1 - share[:, None])

    def statistic(tables: npt.NDArray[np.integer]) -> npt.NDArray[np.float64]:
        counts = patterns.T.astype(np.float64) @ tables.astype(np.float64)
        return np.asarray(((counts - expected) ** 2 / scale).sum(axis=(1, 2)))

    observed = statistic(found[None])[0]
    above, left, batch = 0, draws, max(1, _BATCH // found.size)
    margins = found.sum(axis=1), found.sum(axis=0)
    while left > 0:
        tables = random_table.rvs(*margins, size=min(batch, left), random_state=rng)
        # Equal tables may differ in the last digits of their sums.
        above += int((statistic(np.asarray(tables)) >= observed * (1 - 1e-9)).sum())
        left -= batch
    return (1 + above) / (1 + draws)
