"""Whether training texts are varied enough to teach more than their own frames."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

GRAM = 5


@dataclass(frozen=True, slots=True)
class Variety:
    """What ``variety_of`` found."""

    sentences: dict[str, int]
    """Language → sentences."""
    companies: int
    industries: int
    """Distinct entries of the column ``industry``."""
    says: dict[str, int]
    """``axis.indicator`` → sentences that speak for it; ``(nothing)`` for those that speak for none."""
    alike: dict[str, float]
    """``axis.indicator`` → share of its pairs of sentences in which one shares more than half of its character
    5-grams with the other, in [0, 1]."""


def variety_of(table: pd.DataFrame) -> Variety:
    """Count sentences, industries and near-repeats of training texts (columns language, company, text, says)."""
    says: dict[str, list[int]] = defaultdict(list)
    for row, codes in enumerate(table["says"]):
        for code in codes:
            says[code].append(row)
    silent = sum(len(codes) == 0 for codes in table["says"])
    grams = _grams(table["text"].tolist())
    return Variety(
        {str(name): int(count) for name, count in table["language"].value_counts().sort_index().items()},
        int(table["company"].nunique()),
        int(table["industry"].str.casefold().nunique()) if "industry" in table else 0,
        {**{code: len(rows) for code, rows in sorted(says.items())}, "(nothing)": silent},
        {code: _alike(grams[rows]) for code, rows in sorted(says.items())},
    )


def _grams(texts: list[str]) -> sparse.csr_matrix:
    """(m, grams) 1 where a text has the character 5-gram; a shorter text is one gram."""
    known: dict[str, int] = {}
    rows, columns = [], []
    for row, text in enumerate(texts):
        own = {text[start : start + GRAM] for start in range(max(1, len(text) - GRAM + 1))}
        for gram in own:
            rows.append(row)
            columns.append(known.setdefault(gram, len(known)))
    return sparse.csr_matrix((np.ones(len(rows), np.int32), (rows, columns)), shape=(len(texts), len(known)))


def _alike(grams: sparse.csr_matrix) -> float:
    pairs = math.comb(grams.shape[0], 2)
    if not pairs:
        return 0.0
    sizes = np.asarray(grams.sum(axis=1)).ravel()
    shared = sparse.triu(grams @ grams.T, k=1).tocoo()
    near = shared.data > np.minimum(sizes[shared.row], sizes[shared.col]) / 2
    return float(near.sum() / pairs)
