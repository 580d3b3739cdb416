"""Which companies train the weights, and which are kept out for calibration."""

from __future__ import annotations

import numpy as np
import pandas as pd

from chainbert.files import content_hash
from chainbert.labelling.leakage import linked_companies
from chainbert.labelling.training.texts import TrainingTexts


def is_natural(table: pd.DataFrame) -> np.ndarray:
    """(m,) bool: rows of companies written as they occur, not to teach hard cases (column ``natural``)."""
    if "natural" not in table:
        return np.zeros(len(table), bool)
    return table["natural"].fillna(value=False).to_numpy(dtype=bool)


def kept_out(texts: TrainingTexts, share: float, natural_share: float, seed: int) -> np.ndarray:
    """(m,) bool: the sentences of the companies kept out of the weights.

    They are about ``share`` of the companies, and ``natural_share`` of the natural ones, which calibration needs.
    Companies with nearly the same text, or one name, stay on one side together. Which side a group is on depends on
    its own content and the seed, never on the other companies.
    """
    table = texts.table
    companies = companies_of(table)
    group = linked_companies(companies)
    first = companies.groupby(group)["id"].transform("min")
    place = [int(content_hash(str(seed), name)[:8], 16) / 16**8 for name in first]
    natural = pd.Series(is_natural(table)).groupby(table["company"].to_numpy()).any().loc[companies["id"]]
    wanted = pd.Series(np.where(natural, natural_share, share)).groupby(group).transform("max")
    out = dict(zip(companies["id"], np.array(place) < wanted, strict=True))
    return table["company"].map(out).to_numpy(dtype=bool)


def companies_of(table: pd.DataFrame) -> pd.DataFrame:
    """id, name, text: the sentences of each company as one row, in the order of their companies' ids."""
    is_name = table["part"] == "name" if "part" in table else pd.Series(False, index=table.index)
    names = table[is_name].groupby("company")["text"].first()
    texts = table[~is_name].groupby("company")["text"].agg("\n".join)
    ids = sorted(table["company"].unique())
    return pd.DataFrame(
        {
            "id": ids,
            "name": [str(names.get(company, "")) for company in ids],
            "text": [str(texts.get(company, "")) for company in ids],
        }
    )
