"""Weighted log-odds with an informative Dirichlet prior (Monroe, Colaresi & Quinn 2008)."""

from __future__ import annotations

import numpy as np

from chainbert.errors import DataError
from chainbert.wording.contingency import Contingency, Floats


def log_odds(table: Contingency, prior_words: float) -> tuple[Floats, Floats]:
    """(terms,) log-odds ratio of each term between target and reference, and its z.

    Each group's counts are taken together with ``prior_words`` > 0 words that use every term as often as both groups
    do together; the variance is 1 / (uses + prior uses) of the target plus that of the reference (Monroe, Colaresi &
    Quinn 2008, equations 15, 16, 20, 22, with the expected term shares as the informative prior). 0 for a term that
    both use at one rate and for one that is every word. z says how far the ratio lies beyond the noise of word counts,
    not beyond that of firms.
    Raises DataError where ``prior_words`` is not above 0.
    """
    if not prior_words > 0:
        raise DataError(f"prior_words = {prior_words} found; expected a number of words above 0")
    prior = prior_words * (table.target + table.reference) / table.words
    target, target_variance = _logit(table.target, table.target_words, prior, prior_words)
    reference, reference_variance = _logit(table.reference, table.reference_words, prior, prior_words)
    # A term that is every word has no other words to be compared with.
    difference = np.where(table.target + table.reference < table.words, target - reference, 0.0)
    return difference, difference / np.sqrt(target_variance + reference_variance)


def _logit(uses: Floats, words: Floats, prior: Floats, prior_words: float) -> tuple[Floats, Floats]:
    yes = uses + prior
    no = words + prior_words - yes
    return np.log(yes / np.where(no > 0, no, 1.0)), 1 / yes
