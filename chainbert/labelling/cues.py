"""Which cues of a codebook a sentence has: the dictionary part of labelling."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from chainbert.labelling.codebook import Cues, Indicator


def cue_flags(texts: Sequence[str], languages: np.ndarray, indicators: Sequence[Indicator]) -> np.ndarray:
    """1.0 where a sentence has an indicator's cue, (n, k) float64.

    ``languages`` (n,) is zh, en or other; a sentence is searched for the cues of its own language, one in
    another language for all of them. Time is linear in the length of the texts (RE2).
    """
    flags = np.zeros((len(texts), len(indicators)))
    for column, indicator in enumerate(indicators):
        foreign = ~np.isin(languages, list(indicator.cues))
        for language, cues in indicator.cues.items():
            rows = np.flatnonzero((languages == language) | foreign).tolist()
            found = _search([texts[row] for row in rows], cues)
            flags[rows, column] = np.maximum(flags[rows, column], found)
    return flags


def _search(texts: list[str], cues: Cues) -> np.ndarray:
    column = pa.array(texts, type=pa.string())
    if cues.unless:
        column = pc.replace_substring_regex(column, _any_of(cues.unless), " ")
    return np.asarray(pc.match_substring_regex(column, _any_of(cues.match)).to_numpy(zero_copy_only=False))


def _any_of(patterns: Sequence[str]) -> str:
    return "(?i)" + "|".join(f"(?:{pattern})" for pattern in patterns)
