"""The stages of words: what each city says more than the others, and where the investors come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from chainbert.convergence import latest_rows
from chainbert.files import write_text
from chainbert.labelling.investors import label_investors
from chainbert.report.palette import CHARTED, choose_colours
from chainbert.study.tables import write_csv, write_table
from chainbert.wording import (
    Cloud,
    DictionaryHits,
    KeynessSettings,
    TermMatrix,
    Tokenizer,
    WordingConfig,
    collocations,
    comparison_cloud,
    dictionary_shares,
    frequencies,
    keyness_by_group,
    term_trends,
)

if TYPE_CHECKING:
    from chainbert.study.work import Work

Texts: TypeAlias = npt.NDArray[np.object_]

WORD_FILES = (
    "keyness.csv",
    "frequencies.csv",
    "collocations.csv",
    "term_trends.csv",
    "dictionary.csv",
    "dictionary_firms.parquet",
    "cloud.json",
)
# Below this false discovery rate a term is kept however far down the list it stands.
LEVEL = 0.05
KEYNESS = (
    "group", "term", "n_target", "n_reference", "firms", "firms_reference", "chi2", "chi2_p", "g2", "g2_p", "pmi",
    "odds_ratio", "exact_p", "log_odds", "z", "p", "q", "status",
)  # fmt: skip
ONE_GROUP = "Words are not compared: no more than one group has any."


@dataclass(frozen=True, slots=True)
class Words:
    """The words of a set of texts."""

    keyness: pd.DataFrame
    """A row a group and term, see ``keyness_by_group``; a group without words has a row without a term. No rows where
    fewer than two groups have words."""
    frequencies: pd.DataFrame
    collocations: pd.DataFrame
    cloud: Cloud
    notes: tuple[str, ...]
    """What a reader must know."""

    @property
    def own(self) -> pd.DataFrame:
        """The terms that a group says more than the others, by group, the greatest z first."""
        return self.keyness[self.keyness["z"] > 0]


def words_of(
    rows: pd.DataFrame,
    group: Sequence[str],
    config: WordingConfig,
    tokenizer: Tokenizer,
    reference: str,
    rng: np.random.Generator,
) -> Words:
    """Terms, keyness and cloud of texts (columns id, text, language), each of one ``group``.

    Terms are compared among texts of one language: a Chinese term is no city's own because more of its texts are
    Chinese. ``reference`` comes first in the cloud.
    """
    texts, language = rows["text"].tolist(), rows["language"].tolist()
    names, firm = np.asarray(group, dtype=object), rows["id"].to_numpy(dtype=object)
    sequence = tokenizer.sequence(texts, language)
    matrix = tokenizer.matrix(texts, language, ngrams=config.ngrams)
    found = _keyness(matrix, names, firm, np.asarray(language, dtype=object), config, rng)
    untested = found[found["status"] != ""].drop_duplicates("group")
    notes = [f"{name}: {status}" for name, status in zip(untested["group"], untested["status"], strict=True)]
    if found.empty:
        notes.append(ONE_GROUP)
    cloud = _cloud(found, pd.Series(names), reference, config, rng)
    together = collocations(sequence, fewest_firms=config.fewest_firms, firm=firm)
    return Words(found, frequencies(matrix, names, firm), together, cloud, (*notes, *cloud.notes))


def _keyness(
    matrix: TermMatrix, group: Texts, firm: Texts, language: Texts, config: WordingConfig, rng: np.random.Generator
) -> pd.DataFrame:
    """Each group against the others, the terms that enough firms use; no rows where fewer than two have words."""
    has_words = np.asarray(matrix.counts.sum(axis=1)) > 0
    if len(set(group[has_words])) < 2:
        return pd.DataFrame(columns=KEYNESS)
    found = keyness_by_group(
        matrix,
        group,
        firm=firm,
        strata=language,
        draws=config.draws,
        rng=rng,
        settings=KeynessSettings(fewest_firms=max(config.fewest_firms, KeynessSettings().fewest_firms)),
    )
    enough = found["firms"] + found["firms_reference"] >= config.fewest_firms
    return found[enough | (found["term"] == "")].reset_index(drop=True)


def _cloud(
    found: pd.DataFrame, names: pd.Series[Any], reference: str, config: WordingConfig, rng: np.random.Generator
) -> Cloud:
    """The comparison cloud of the cities that have a colour of their own in the figures."""
    sizes = names.value_counts()
    order = sorted(sizes.index, key=lambda one: (one != reference, -sizes[one], one))[:CHARTED]
    # What one firm of the city says alone is mostly its own name or product.
    shared = (found["z"] > 0) & (found["firms"] >= config.fewest_firms)
    own = found[shared.to_numpy(dtype=bool) & found["group"].isin(order)]
    terms = own[["term", "group"]].assign(weight=own["z"])
    return comparison_cloud(terms, colours=choose_colours(order).light, rng=rng, max_words=config.cloud_words)


def find_words(work: Work) -> dict[str, Any]:
    """Every file of ``WORD_FILES``; a firm counts once, by its latest row, except over time."""
    config = work.study.wording
    rows = work.usable[work.usable["city"] != ""]
    latest = rows[latest_rows(rows["id"], rows["observed"].fillna(0))]
    cities = latest["city"].tolist()
    found = words_of(latest, cities, config, work.tokenizer, work.reference, work.rng("wording"))
    kept = kept_terms(found.keyness, config.terms)
    write_csv(kept.rename(columns={"group": "city"}), work.folder / "keyness.csv")
    write_csv(found.frequencies.rename(columns={"group": "city"}), work.folder / "frequencies.csv")
    write_csv(found.collocations, work.folder / "collocations.csv")
    write_text(work.folder / "cloud.json", found.cloud.to_json())
    hits = _count_themes(work, rows)
    followed = kept[kept["z"] > 0]["term"].unique().tolist()
    write_csv(_over_time(work, followed), work.folder / "term_trends.csv")
    return {
        "texts": len(latest),
        "terms": int(found.frequencies["term"].nunique()),
        "own": _holding(kept),
        "cloud": len(found.cloud.words),
        "dictionary": {
            one.id: int(hits.counts[:, place].sum()) for place, one in enumerate(hits.dictionary.categories)
        },
        "notes": list(found.notes),
    }


def kept_terms(keyness: pd.DataFrame, most: int) -> pd.DataFrame:
    """Of each group the ``most`` terms of greatest |z|, and all that hold at a false discovery rate of 5 %.

    A group without words keeps its row, which says so.
    """
    if keyness.empty:
        return keyness
    # Rounding must not choose between terms of one size.
    size = keyness["z"].abs().round(9).groupby(keyness["group"]).rank(method="first", ascending=False)
    return keyness[(size <= most) | (keyness["q"] < LEVEL) | (keyness["term"] == "")].reset_index(drop=True)


def _holding(keyness: pd.DataFrame) -> dict[str, int]:
    """City → how many terms are its own at a false discovery rate of 5 %; only cities whose terms were tested."""
    tested = keyness[keyness["q"].notna()]
    holds = (tested["z"] > 0) & (tested["q"] < LEVEL)
    return {str(city): int(own.sum()) for city, own in holds.groupby(tested["group"])}


def _count_themes(work: Work, rows: pd.DataFrame) -> DictionaryHits:
    """``dictionary.csv`` and ``dictionary_firms.parquet``."""
    hits = work.dictionary.count(rows["text"].tolist(), rows["language"].tolist())
    period = pd.Series("", index=rows.index, dtype=object)
    placed = pd.Series(work.placed.period, index=work.placed.rows)
    placed = placed[placed.index.isin(rows.index)]
    period[placed.index] = placed
    shares = dictionary_shares(hits, rows["city"].tolist(), period.tolist(), rows["id"].tolist())
    write_csv(shares, work.folder / "dictionary.csv")
    write_table(hits.by_firm(rows["key"].tolist()), work.folder / "dictionary_firms.parquet")
    return hits


def _over_time(work: Work, terms: Sequence[str]) -> pd.DataFrame:
    members = work.members.assign(period=work.placed.period)
    members = members[members["city"] != ""]
    ngrams = work.study.wording.ngrams
    matrix = work.tokenizer.matrix(members["text"].tolist(), members["language"].tolist(), ngrams=ngrams)
    city, period = members["city"].to_numpy(dtype=object), members["period"].to_numpy(dtype=object)
    return term_trends(matrix, city, period, terms, members["id"].to_numpy(dtype=object))


def find_investors(work: Work) -> dict[str, Any]:
    """``investors.parquet``: a row a company text and investor."""
    rows = work.usable
    found = label_investors([list(names) for names in rows["investors"]])
    keys = rows["key"].to_numpy(dtype=object)
    table = found.assign(key=keys[found["row"].to_numpy()])[["key", "investor", "origin", "rule"]]
    write_table(table, work.folder / "investors.parquet")
    return {"investors": int(table["investor"].nunique()), "origins": table["origin"].value_counts().to_dict()}
