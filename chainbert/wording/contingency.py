"""Keyness of terms from 2 × 2 tables of word counts: chi-squared, likelihood ratio, mutual information, exact test.

The numbers are those of R's quanteda.textstats (``textstat_keyness``), its sign rule, corrections and special cases
included. They take every word for an independent draw; texts are none, so their p-values are far too small for terms
that come in bursts. ``documentlevel`` has the test that asks the firms.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt
from scipy import optimize, special, stats

from chainbert.errors import DataError

Floats: TypeAlias = npt.NDArray[np.float64]
Correction: TypeAlias = Literal["default", "yates", "williams", "none"]

# Quanteda adds it inside its logarithms, where a cell may be empty.
EPSILON = 1e-9
LOWEST_EXPECTED = 5.0
# Probabilities that differ by less are one to R's fisher.test.
SAME_PROBABILITY = 1 + 1e-7


@dataclass(frozen=True, slots=True)
class Contingency:
    """One 2 × 2 table a term: its uses in target and reference beside all other words there."""

    target: Floats
    """(terms,) uses in the target."""
    reference: Floats
    """(terms,) uses in the reference."""
    target_words: Floats
    """(terms,) all words of the target, the term's own among them: ≥ ``target``."""
    reference_words: Floats
    """(terms,) all words of the reference: ≥ ``reference``."""

    @property
    def words(self) -> Floats:
        """(terms,) all words."""
        return self.target_words + self.reference_words

    @property
    def expected(self) -> Floats:
        """(terms,) uses in the target if both used the term at one rate."""
        return (self.target + self.reference) * self.target_words / self.words

    @property
    def sign(self) -> Floats:
        """(terms,) 1 where the target uses the term more than expected, −1 otherwise (also where it is equal)."""
        return np.where(self.target > self.expected, 1.0, -1.0)


def chi2(table: Contingency, correction: Correction = "default") -> Floats:
    """(terms,) Pearson's chi-squared with one degree of freedom, negative where the target uses the term less.

    "default" and "yates": ½ is taken off the distance to the expected count (Yates 1934) only where some expected
    count is below 5 and the distance is at least ½; "williams": divided by Williams' (1976) q, as in the value
    published with Quanteda's tests (its present code multiplies by q, which would make the statistic larger); "none".
    0 where the term is every word. Raises DataError for another correction.
    """
    a, b, c, d = _cells(table)
    margins = (a + b) * (c + d) * (a + c) * (b + d)
    distance = np.abs(a * d - b * c) - table.words * _half(table, correction)
    value = np.divide(table.words * distance**2, margins, out=np.zeros_like(a), where=margins > 0)
    return value * table.sign / (_williams(table) if correction == "williams" else 1.0)


def g2(table: Contingency, correction: Correction = "default") -> Floats:
    """(terms,) likelihood ratio with one degree of freedom (Dunning 1993), negative where the target uses it less.

    "default" and "yates": the four counts are moved by ½ towards the expected ones under the rule of ``chi2``
    (Quanteda's manual names Williams' correction as the default, its code and the examples in its manual have Yates');
    "williams": divided by Williams' (1976) q, which is 1 where a cell is empty; "none". Raises DataError for another
    correction.
    """
    a, b, c, d = _cells(table)
    shift = _half(table, correction) * np.where(a * d > b * c, 1.0, -1.0)
    words = table.words
    value = (
        _information(a - shift, (a + b) * (a + c) / words)
        + _information(b + shift, (a + b) * (b + d) / words)
        + _information(c + shift, (a + c) * (c + d) / words)
        + _information(d - shift, (b + d) * (c + d) / words)
    )
    return 2 * value * table.sign / (_williams(table) if correction == "williams" else 1.0)


def pmi(table: Contingency) -> Floats:
    """(terms,) pointwise mutual information ln(uses in the target / expected uses); −20.7 where it has none.

    0 where none could be expected: the texts that use the term are all the reference's.
    """
    expected = table.expected
    ratio = np.divide(table.target, expected, out=np.ones_like(expected), where=expected > 0)
    return np.asarray(np.log(ratio + EPSILON))


def chi2_p(statistic: Floats) -> Floats:
    """P-values of signed statistics with one degree of freedom, in [0, 1]."""
    return np.asarray(stats.chi2.sf(np.abs(statistic), 1))


def exact(table: Contingency) -> tuple[Floats, Floats]:
    """(terms,) odds ratio and two-sided p of Fisher's exact test.

    The odds ratio is the conditional maximum likelihood estimate, 0 or infinite where the count is the least or the
    largest that the margins allow (the one R's fisher.test gives, which stops its search at 1e-4); p adds up all
    tables that are no likelier than the one found. NaN and 1 where the margins allow one table only.
    """
    cells = np.rint(np.column_stack([table.target, table.reference, table.target_words, table.reference_words]))
    # Rare terms share their tables; there are far fewer of these than terms.
    found, place = np.unique(cells.astype(np.int64), axis=0, return_inverse=True)
    values = np.array([_fisher(*(int(cell) for cell in row)) for row in found]).reshape(-1, 2)[place.ravel()]
    return values[:, 0], values[:, 1]


def _fisher(target: int, reference: int, target_words: int, reference_words: int) -> tuple[float, float]:
    uses = target + reference
    least, most = max(0, uses - reference_words), min(uses, target_words)
    counts = np.arange(least, most + 1)
    weights = _log_choose(target_words, counts) + _log_choose(reference_words, uses - counts)
    density = special.softmax(weights)
    p = min(1.0, float(density[density <= density[target - least] * SAME_PROBABILITY].sum()))
    if least == most:
        return float("nan"), 1.0
    if target == least:
        return 0.0, p
    if target == most:
        return float("inf"), p
    log_odds = optimize.brentq(lambda log: float(special.softmax(weights + log * counts) @ counts) - target, -60, 60)
    return float(np.exp(log_odds)), p


def _log_choose(total: int, chosen: npt.NDArray[np.int64]) -> Floats:
    return np.asarray(special.gammaln(total + 1) - special.gammaln(chosen + 1) - special.gammaln(total - chosen + 1))


def _cells(table: Contingency) -> tuple[Floats, Floats, Floats, Floats]:
    return (
        table.target,
        table.reference,
        table.target_words - table.target,
        table.reference_words - table.reference,
    )


def _half(table: Contingency, correction: Correction) -> Floats:
    """(terms,) Yates' ½ where it applies, 0 elsewhere."""
    if correction not in get_args(Correction):
        raise DataError(f"correction {correction!r} found; expected one of {', '.join(get_args(Correction))}")
    a, b, c, d = _cells(table)
    words = table.words
    lowest = np.minimum(a + b, c + d) * np.minimum(a + c, b + d) / words
    applies = (np.abs(a * d - b * c) >= words / 2) & (lowest < LOWEST_EXPECTED)
    return np.where(applies & (correction in ("default", "yates")), 0.5, 0.0)


def _williams(table: Contingency) -> Floats:
    """(terms,) Williams' q ≥ 1; 1 where a cell is empty."""
    a, b, c, d = _cells(table)
    words, full = table.words, a * b * c * d > 0
    rows, others, own, reference = (np.maximum(margin, 1) for margin in (a + b, c + d, a + c, b + d))
    excess = (words / rows + words / others - 1) * (words / own + words / reference - 1) / (6 * words)
    return np.where(full, 1 + excess, 1.0)


def _information(count: Floats, expected: Floats) -> Floats:
    ratio = np.divide(count, expected, out=np.zeros_like(count), where=expected > 0)
    return np.asarray(count * np.log(ratio + EPSILON))
