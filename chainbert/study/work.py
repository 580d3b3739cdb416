"""What each stage does: read its inputs, call one room, write its files into the run folder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from chainbert.companies import CompanySet, city_name, read_companies, sentences_of
from chainbert.convergence import MOST_CITIES, ConvergenceConfig
from chainbert.embedding import EmbeddingStore, Encoder, load_encoder
from chainbert.errors import ConfigError, DataError
from chainbert.files import content_hash, write_text
from chainbert.labelling import Codebook, Labeller, count_shares
from chainbert.labelling.gold import read_gold
from chainbert.progress import Progress
from chainbert.study.audited import audit
from chainbert.study.config import StudyConfig
from chainbert.study.converging import converge, specifications
from chainbert.study.covariates import covariates_of
from chainbert.study.grouping import group
from chainbert.study.periods import Placed, place_rows
from chainbert.study.tables import write_csv, write_table
from chainbert.study.vectors import CompanyVectors, company_vectors
from chainbert.study.worded import find_investors, find_words
from chainbert.wording import Dictionary, Tokenizer
from chainbert.yamlfile import did_you_mean


@dataclass
class Work:
    """One run's settings and opened resources; tables are read from the run folder when first needed."""

    study: StudyConfig
    source: Path
    folder: Path
    encoder: Encoder
    store: EmbeddingStore
    codebook: Codebook
    labeller: Labeller
    hand_codes: Path | None
    """Hand codes of these companies; None where the study has none."""
    tokenizer: Tokenizer
    dictionary: Dictionary
    progress: Progress

    def companies(self) -> dict[str, Any]:
        """``companies.parquet`` and ``sentences.parquet``."""
        section = self.study.companies
        companies = read_companies(self.source, section.columns or None, cities=section.cities or None)
        if section.sample:
            companies = companies.sample(section.sample)
        sentences = sentences_of(companies)
        write_table(companies.table, self.folder / "companies.parquet")
        write_table(sentences, self.folder / "sentences.parquet")
        usable = companies.usable
        return {
            "sha256": companies.sha256,
            "rows": len(companies.table),
            "usable": len(usable),
            "firms": int(usable["id"].nunique()),
            "sentences": len(sentences),
            "shape": companies.shape,
            "duplicates": companies.duplicates,
            "exclusions": companies.exclusions,
            "notes": dict(companies.notes),
            "cities": usable["city"].value_counts().to_dict(),
            "languages": usable["language"].value_counts().to_dict(),
        }

    def check_companies(self) -> None:
        """Say what the comparison lacks before anything is embedded, not after.

        Raises DataError where no row has a place in time or a column of the strata is missing, and ConfigError where
        the reference city is not among the companies.
        """
        config, left_out = self.study.convergence, self.placed.left_out
        if not len(self.placed.rows):
            reasons = "; ".join(f"{reason}: {count:,}" for reason, count in left_out.items())
            other = "observed" if config.time == "founded" else "founded"
            raise DataError(
                f"{self.source}: none of {len(self.usable):,} usable rows can be compared over time ({reasons}); name "
                f"the column of the year (companies: columns: {{{config.time}: COLUMN}}), change convergence.periods, "
                f"or compare by the other year (convergence.time: {other})"
            )
        for setting, names in _held(config).items():
            covariates_of(self.members, self.sentences, names, str(self.source), setting)
        found = self.members["city"].value_counts()
        if len(found) > MOST_CITIES:
            raise DataError(
                f"{self.source}: {len(found)} cities found, at most {MOST_CITIES} can be compared; choose the study's "
                f"cities, as in companies: cities: [{', '.join(found.index[:3])}]"
            )
        if self.reference not in found.index:
            listed = ", ".join(f"{city} {count:,}" for city, count in found.head(8).items())
            raise ConfigError(
                f"convergence.reference = {config.reference!r}: no row of {self.source} that can be compared is of "
                f"this city; found: {listed}"
            )
        for city in map(city_name, config.placebo_pair or ()):
            if city not in found.index:
                raise ConfigError(
                    f"convergence.placebo_pair: no row of {self.source} that can be compared is of {city}."
                    f"{did_you_mean(city, list(found.index))}"
                )
        for name in config.specifications.encoders if config.specifications else ():
            load_encoder(name)
        self._check_hand_codes()

    def _check_hand_codes(self) -> None:
        if self.hand_codes is None:
            return
        coded = read_gold(self.hand_codes, self.codebook).table["id"].astype(str)
        missing = coded[~coded.isin(set(self.usable["id"].astype(str)))].tolist()
        if missing:
            shown = ", ".join(missing[:5]) + (", …" if len(missing) > 5 else "")
            raise ConfigError(
                f"labelling.hand_codes: {len(missing):,} of {len(coded):,} companies coded in {self.hand_codes} are "
                f"not among the usable ones of {self.source} ({shown}); name the codes of these companies, or none "
                "(--set labelling.hand_codes=)"
            )

    def embedding(self) -> dict[str, Any]:
        """``vectors.parquet``: one unit row a company and year."""
        masked = self.study.companies.mask_cities
        found = company_vectors(self.sentences, self.encoder, self.store, masked=masked, progress=self.progress)
        write_table(pd.DataFrame({"key": found.keys, "vector": list(found.vectors)}), self.folder / "vectors.parquet")
        return {"texts": found.texts, "computed": found.computed, "truncated": found.truncated}

    def labelling(self) -> dict[str, Any]:
        """``labels.parquet`` and ``shares.csv``."""
        labels = self.labeller.label(self.company_set, self.codebook, store=self.store, progress=self.progress)
        write_table(labels.table, self.folder / "labels.parquet")
        shares = count_shares(labels.table, self.members, self.placed.period, self.codebook)
        write_csv(shares, self.folder / "shares.csv")
        statuses = {axis.id: labels.table[f"{axis.id}.status"].value_counts().to_dict() for axis in self.codebook.axes}
        return {
            "labeller": labels.labeller,
            "fingerprint": labels.encoder_fingerprint,
            "status": statuses,
            "notes": list(labels.notes),
        }

    def clustering(self) -> dict[str, Any]:
        """``clusters.parquet``, ``clusters.json``, ``terms.csv``, and tables of the clusters and their shares."""
        return group(self)

    def convergence(self) -> dict[str, Any]:
        """``convergence.json``: the gap by period, its trend, who moved, the verdict; the same for label shares."""
        found = converge(self)
        self.write_json("convergence.json", found)
        return {"verdict": found["verdict"], "rows": len(self.members), "left_out": self.placed.left_out}

    def specifications(self) -> dict[str, Any]:
        """``specifications.json``: the slope under every other choice that could have been made."""
        found = specifications(self)
        self.write_json("specifications.json", found)
        return {"specifications": len(found.get("specifications", []))}

    def wording(self) -> dict[str, Any]:
        """Terms, keyness, dictionary counts and the comparison cloud."""
        return find_words(self)

    def investors(self) -> dict[str, Any]:
        """``investors.parquet``: where each named investor comes from, told by its name."""
        return find_investors(self)

    def audit(self) -> dict[str, Any]:
        """``hand_codes.json``: what hand codes say of the labels."""
        return audit(self)

    def write_json(self, name: str, found: dict[str, Any]) -> None:
        """Write one of the run folder's json files."""
        write_text(self.folder / name, json.dumps(found, ensure_ascii=False, indent=1, allow_nan=False))

    def rng(self, stage: str) -> np.random.Generator:
        """A generator of the stage's own, so that one stage's draws do not shift another's."""
        return np.random.default_rng([self.study.seed, int(content_hash(stage)[:8], 16)])

    @property
    def reference(self) -> str:
        """The reference city by the name that the company table has for it (北京 → Beijing)."""
        return city_name(self.study.convergence.reference)

    @cached_property
    def table(self) -> pd.DataFrame:
        """The company table with its unusable rows."""
        return pd.read_parquet(self.folder / "companies.parquet")

    @cached_property
    def company_set(self) -> CompanySet:
        """The company table as labelling wants it."""
        return CompanySet(self.table, source=str(self.source), shape="", sha256="")

    @cached_property
    def usable(self) -> pd.DataFrame:
        """Usable rows."""
        return self.table[self.table["status"] == ""]

    @cached_property
    def sentences(self) -> pd.DataFrame:
        """Sentences of the usable rows."""
        return pd.read_parquet(self.folder / "sentences.parquet")

    @cached_property
    def labels(self) -> pd.DataFrame:
        """The label table as the labelling stage wrote it."""
        return pd.read_parquet(self.folder / "labels.parquet")

    @cached_property
    def placed(self) -> Placed:
        """Who belongs to which period."""
        return place_rows(self.usable, self.study.convergence)

    @cached_property
    def members(self) -> pd.DataFrame:
        """The rows that have a place in time, aligned with ``placed``."""
        return self.table.loc[self.placed.rows]

    @cached_property
    def vectors(self) -> CompanyVectors:
        """Company vectors as the embedding stage wrote them."""
        stored = pd.read_parquet(self.folder / "vectors.parquet")
        rows = np.stack(stored["vector"].to_list()).astype(np.float32)
        return CompanyVectors(stored["key"].to_numpy(dtype=object), rows, 0, 0, 0)


def _held(config: ConvergenceConfig) -> dict[str, list[str]]:
    """Setting → the columns it holds fixed."""
    choices = config.specifications
    return {
        "convergence.strata": list(config.strata),
        "convergence.held_fixed": list(config.held_fixed),
        "convergence.specifications.strata": [name for names in choices.strata for name in names] if choices else [],
    }
