"""Which companies train the weights, and which are kept out for calibration."""

from __future__ import annotations

import numpy as np
import pandas as pd

from chainbert.files import content_hash
from chainbert.labelling.leakage import linked_companies
from chainbert.labelling.training.texts import TrainingTexts


def kept_out(texts: TrainingTexts, share: float, seed: int) -> np.ndarray:
    """(m,) bool: the sentences of the companies kept out of the weights, about ``share`` of the companies.

    Companies with nearly the same text, or one name, stay on one side together. Which side a group is on depends on
    its own content and the seed, never on the other companies.
    """
    table = texts.table
    companies = companies_of(table)
    group = linked_companies(companies)
    first = companies.groupby(group)["id"].transform("min")
    place = [int(content_hash(str(seed), name)[:8], 16) / 16**8 for name in first]
    out = dict(zip(companies["id"], np.array(place) < share, strict=True))
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
