"""What companies say: their sentences in reading order, each with the row of its company."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from chainbert.companies import CompanySet, sentences_of


@dataclass(frozen=True, slots=True)
class Spoken:
    """The m sentences of n companies, names included."""

    table: pd.DataFrame
    """(m) rows as of ``sentences_of``; a company's text before its name, so that of two equal sentences the text's
    is the evidence."""
    owner: np.ndarray
    """(m,) int in [0, n): the row of the company."""
    companies: pd.DataFrame
    """(n) rows: the company table."""

    @classmethod
    def of(cls, companies: CompanySet) -> Spoken:
        """The sentences of every usable row."""
        sentences = sentences_of(companies)
        order = np.lexsort((sentences["position"], sentences["part"] == "name"))
        table = sentences.iloc[order].reset_index(drop=True)
        usable = np.flatnonzero(companies.table["status"] == "")
        rows = pd.Series(usable, index=companies.table["key"].iloc[usable])
        return cls(table, rows.loc[table["key"]].to_numpy(), companies.table)

    @property
    def texts(self) -> list[str]:
        """The m sentences."""
        return list(self.table["text"])

    @property
    def languages(self) -> np.ndarray:
        """(m,) str: zh, en or other."""
        return self.table["language"].to_numpy(dtype=object)

    @property
    def lengths(self) -> np.ndarray:
        """(m,) int: characters."""
        return self.table["text"].str.len().to_numpy()
