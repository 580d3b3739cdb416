"""The words of one company table, for the command ``terms``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from chainbert.companies import CompanySet
from chainbert.convergence import latest_rows
from chainbert.errors import ConfigError
from chainbert.notebook import shown
from chainbert.study.tables import write_csv
from chainbert.study.worded import Words, kept_terms, words_of
from chainbert.wording import Concordance, Dictionary, WordingConfig, concordance, dictionary_shares
from chainbert.yamlfile import did_you_mean

CLOUD_FORMATS = (".svg", ".png", ".pdf")
# Columns of a company table whose values are no groups of companies.
NO_GROUPS = ("key", "id", "name", "text", "website", "investors", "status")
# Each is compared with all others, which takes a test of its own.
MOST_GROUPS = 100


@dataclass(frozen=True, slots=True)
class Terms:
    """What the groups of a company table say."""

    by: str
    words: Words
    themes: pd.DataFrame
    """A row a category and group, see ``dictionary_shares``, without periods; ``group`` in place of ``city``."""
    left_out: int
    """Firms whose latest text has no group."""

    def _repr_html_(self) -> str:
        tables = [("Terms that are a group's own, by z", self.top(12)), ("Themes", self.themes)]
        return shown(f"Words by {self.by}", {"without one": self.left_out}, tables, self.words.notes)

    def top(self, n: int) -> pd.DataFrame:
        """The ``n`` terms that are most a group's own, by z: group, term, firms, firms_reference, log_odds, z, p, q."""
        columns = ["group", "term", "firms", "firms_reference", "log_odds", "z", "p", "q"]
        return self.words.own.groupby("group", sort=True).head(n)[columns].reset_index(drop=True)

    def write(self, folder: Path, most: int) -> list[Path]:
        """keyness.csv, frequencies.csv, collocations.csv, dictionary.csv and the cloud as svg, png and pdf."""
        tables = {
            "keyness": kept_terms(self.words.keyness, most),
            "frequencies": self.words.frequencies,
            "collocations": self.words.collocations,
            "dictionary": self.themes,
        }
        for name, table in tables.items():
            # A column of the user's may be called as one of the table's.
            named = table if self.by in table else table.rename(columns={"group": self.by})
            write_csv(named, folder / f"{name}.csv")
        clouds = [self.words.cloud.save(folder / f"cloud{ending}") for ending in CLOUD_FORMATS]
        return [*(folder / f"{name}.csv" for name in tables), *clouds]


def compare_terms(
    companies: CompanySet,
    config: WordingConfig,
    *,
    by: str = "city",
    reference: str = "",
    words: Path | None = None,
    rng: np.random.Generator,
) -> Terms:
    """Each value of a column against all others, in words and in themes; a firm counts once, by its latest row.

    ``words`` is the file that ``config.words`` names, where it names one. Raises ConfigError for a column that the
    table lacks, that has no value at all or more than ``MOST_GROUPS``, and for an unknown dictionary; DataError for
    words that no text can be cut into.
    """
    tokenizer, dictionary = config.tokenizer(words), Dictionary.load(config.dictionary)
    rows = companies.usable
    rows = rows[latest_rows(rows["id"], rows["observed"].fillna(0))]
    group = _groups(rows, by, companies.source)
    inside, names = rows[group != ""], group[group != ""].tolist()
    found = words_of(inside, names, config, tokenizer, reference, rng)
    hits = dictionary.count(inside["text"].tolist(), inside["language"].tolist())
    themes = dictionary_shares(hits, names, [""] * len(names), inside["id"].tolist()).drop(columns="period")
    return Terms(by, found, themes.rename(columns={"city": "group"}), len(rows) - len(inside))


def _groups(rows: pd.DataFrame, by: str, source: str) -> pd.Series[str]:
    """The group of each row, "" where it has none."""
    known = [name for name in rows.columns if name not in NO_GROUPS]
    if by not in known:
        listed = ", ".join(known)
        raise ConfigError(f"--by {by}: {source} has no such column to compare ({listed}).{did_you_mean(by, known)}")
    group = rows[by].astype("string").fillna("").str.strip()
    sizes = group[group != ""].value_counts()
    if sizes.empty:
        raise ConfigError(f"--by {by}: none of {len(rows):,} usable firms of {source} has a value in this column")
    if len(sizes) > MOST_GROUPS:
        raise ConfigError(
            f"--by {by}: {len(sizes):,} values found in this column of {source}, at most {MOST_GROUPS} can be compared "
            f"({', '.join(sizes.index[:3])}, …); name a column with fewer"
        )
    return group.astype(object)


def find_places(companies: CompanySet, pattern: str, out: Path | None = None) -> tuple[Concordance, pd.DataFrame]:
    """Every place of a word or phrase in the usable texts, and the same with each company's id.

    Columns id, observed, start, end, left, keyword, right. ``out`` is a folder for ``concordance.csv``. Raises
    DataError for a pattern that cannot be looked for.
    """
    rows = companies.usable
    found = concordance(rows["text"].tolist(), pattern)
    of = rows.iloc[found.table["row"]][["id", "observed"]].reset_index(drop=True)
    lines = pd.concat([of, found.table.drop(columns="row")], axis=1)
    if out:
        write_csv(lines, out / "concordance.csv")
    return found, lines
