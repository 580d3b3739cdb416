"""Which terms set one group of texts apart from all others, and is it more than chance between firms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from chainbert.errors import DataError
from chainbert.wording.contingency import Contingency, Correction, Floats, chi2, chi2_p, exact, g2, pmi
from chainbert.wording.documentlevel import Booleans, Firms, benjamini_hochberg, gather_firms, permutation_p
from chainbert.wording.logodds import log_odds
from chainbert.wording.matrix import TermMatrix

Labels: TypeAlias = npt.NDArray[np.generic]

# Decimals at which two scores are one, so that rounding does not order terms.
SAME = 9


@dataclass(frozen=True, slots=True)
class KeynessSettings:
    """How terms are counted and tested."""

    correction: Correction = "default"
    """Of chi2 and g2, as Quanteda names them."""
    prior_words: float | None = None
    """Words that the prior of the log-odds is worth; None: a hundredth of all words, at least one."""
    fewest_firms: int = 5
    """q is asked of terms that so many firms use, both groups together; ≥ 1."""
    most_draws: int = 99_999
    """Draws of the terms whose p is smallest; ≥ draws."""


@dataclass(frozen=True, slots=True)
class KeynessTable:
    """The terms of one group beside all others, most over-used first."""

    table: pd.DataFrame
    """term, n_target, n_reference (uses), firms, firms_reference (firms using it), chi2, chi2_p, g2, g2_p, pmi,
    odds_ratio, exact_p, log_odds, z, p (firms permuted), q (false discovery rate); by z downwards, then by term."""
    target: str
    firms: int
    """Firms of the target with at least one word."""
    firms_reference: int
    words: int
    words_reference: int
    draws: int
    """Draws of every term; those with the smallest p had up to ``settings.most_draws``."""
    settings: KeynessSettings
    status: str
    """"" where p and q were computed; otherwise why they are missing."""


def keyness(
    matrix: TermMatrix,
    group: Labels,
    *,
    target: object,
    firm: Labels | None = None,
    strata: Labels | None = None,
    draws: int = 999,
    rng: np.random.Generator,
    settings: KeynessSettings = KeynessSettings(),
) -> KeynessTable:
    """Every term that is used, in the texts of ``target`` against those of all other groups.

    ``group``, ``firm`` (whose row it is; default: every row another firm's) and ``strata`` (default: one) are (n,).
    chi2 to exact_p are Quanteda's (``contingency``), log_odds and z Monroe, Colaresi & Quinn's (``logodds``). They
    count words; p and q ask whether firms differ (``documentlevel``): labels of whole firms are permuted among firms
    of one stratum with about as much text. With strata every term is compared within them: its totals are those of the
    strata that use it, in such proportions that the expected count is the sum of the strata's. A term that is written
    in one stratum only is then measured by that stratum's texts alone.

    q is the false discovery rate among the terms that at least ``settings.fewest_firms`` firms use, NaN for the others:
    how many firms use a term at all does not depend on the groups, so leaving rare ones out favours none. Of terms
    with fewer than five firms the test rejects less often than its level says. p and q are NaN, with the reason in
    ``status``, where the target or the others are one firm. Raises DataError for lengths that differ, a missing label,
    an unknown target, one group only, a group without words, and settings out of range.
    """
    group, firm, strata = _rows(matrix, group, firm, strata)
    _check_settings(draws, settings)
    is_target = np.asarray(group == target, dtype=bool)
    _both_sides(matrix, group, target, is_target)
    firms = gather_firms(matrix.counts, is_target, firm, strata)
    status = _status(firms)
    table = _scores(matrix, firms, settings)
    if not status:
        p = permutation_p(firms, draws, rng, settings.most_draws)[table["column"]]
        used_by = (table["firms"] + table["firms_reference"]).to_numpy()
        table["p"], table["q"] = p, benjamini_hochberg(np.where(used_by >= settings.fewest_firms, p, np.nan))
    table = _sorted(table)
    words = firms.words.sum(axis=1)
    return KeynessTable(
        table=table,
        target=str(target),
        firms=int(firms.target.sum()),
        firms_reference=int((~firms.target).sum()),
        words=int(words[firms.target].sum()),
        words_reference=int(words[~firms.target].sum()),
        draws=draws,
        settings=settings,
        status=status,
    )


def keyness_by_group(
    matrix: TermMatrix,
    group: Labels,
    *,
    firm: Labels | None = None,
    strata: Labels | None = None,
    draws: int = 999,
    rng: np.random.Generator,
    settings: KeynessSettings = KeynessSettings(),
) -> pd.DataFrame:
    """``keyness`` of every group against all others together, one below the other, ordered by group.

    Columns group, those of ``KeynessTable.table``, and status: "" or why the group has no numbers (no words) or no p
    and q (one firm); a group without words has one row with an empty term. q is controlled within a group. Raises
    DataError as ``keyness`` does, and where fewer than two groups have words.
    """
    group, firm, strata = _rows(matrix, group, firm, strata)
    names = sorted(set(group.tolist()), key=str)
    has_words = np.asarray(matrix.counts.sum(axis=1)) > 0
    parts = []
    for name in names:
        if not (has_words & (group == name)).any():
            parts.append(pd.DataFrame({"group": [str(name)], "term": [""], "status": ["no words"]}))
            continue
        found = keyness(matrix, group, target=name, firm=firm, strata=strata, draws=draws, rng=rng, settings=settings)
        parts.append(found.table.assign(group=str(name), status=found.status))
    return _stacked(parts)


def _stacked(parts: list[pd.DataFrame]) -> pd.DataFrame:
    order = max(parts, key=lambda part: part.shape[1]).columns
    columns = ["group", *(name for name in order if name not in ("group", "status")), "status"]
    stacked = pd.concat([part.reindex(columns=columns) for part in parts], ignore_index=True)
    whole = ["n_target", "n_reference", "firms", "firms_reference"]
    return stacked.fillna(dict.fromkeys(whole, 0)).astype(dict.fromkeys(whole, "int64"))


def _rows(
    matrix: TermMatrix, group: Labels, firm: Labels | None, strata: Labels | None
) -> tuple[Labels, Labels, Labels]:
    """Group, firm and stratum of every row."""
    size = matrix.counts.shape[0]
    group = np.asarray(group)
    firm = np.arange(size) if firm is None else np.asarray(firm)
    strata = np.zeros(size, dtype=np.int64) if strata is None else np.asarray(strata)
    for name, labels in (("group", group), ("firm", firm), ("strata", strata)):
        if len(labels) != size:
            raise DataError(f"{size} texts and {len(labels)} values of {name} found; one a text is expected")
        if missing := int(pd.isna(labels).sum()):
            raise DataError(f"{name}: {missing} of {size} values are missing; leave those texts out or name them")
    return group, firm, strata


def _check_settings(draws: int, settings: KeynessSettings) -> None:
    if draws < 1 or settings.most_draws < draws or settings.fewest_firms < 1:
        raise DataError(
            f"draws = {draws}, most_draws = {settings.most_draws}, fewest_firms = {settings.fewest_firms} found;"
            " expected draws of at least 1, most_draws of at least draws, fewest_firms of at least 1"
        )


def _both_sides(matrix: TermMatrix, group: Labels, target: object, is_target: Booleans) -> None:
    if not is_target.any():
        names = ", ".join(sorted({str(name) for name in group.tolist()}))
        raise DataError(f"no text of group {target!r} found; the groups are: {names or 'none, there are no texts'}")
    if is_target.all():
        raise DataError(f"every text is of group {target!r}; keyness compares it with texts of other groups")
    words = np.asarray(matrix.counts.sum(axis=1))
    for side, name in ((is_target, f"group {target!r}"), (~is_target, f"the groups other than {target!r}")):
        if not words[side].any():
            raise DataError(f"no word found in the {int(side.sum())} texts of {name}; they cannot be compared")


def _status(firms: Firms) -> str:
    own, others = int(firms.target.sum()), int((~firms.target).sum())
    if min(own, others) < 2:
        return f"not tested: {'its texts are' if own < 2 else 'the other texts are'} of one firm"
    sides = [firms.words[side].sum(axis=0) > 0 for side in (firms.target, ~firms.target)]
    return "" if (sides[0] & sides[1]).any() else "not tested: no stratum has texts of the group and of others"


def _scores(matrix: TermMatrix, firms: Firms, settings: KeynessSettings) -> pd.DataFrame:
    """One row a used term; the column ``column`` is its place in the matrix."""
    uses = firms.uses
    counts = [np.asarray(uses[side].sum(axis=0)) for side in (firms.target, ~firms.target)]
    used_by = [_used_by(uses[side]) for side in (firms.target, ~firms.target)]
    column = np.flatnonzero(counts[0] + counts[1])
    totals = _totals(firms, column, counts[0][column], counts[1][column])
    table = Contingency(counts[0][column].astype(float), counts[1][column].astype(float), *totals)
    prior = max(1.0, float(firms.words.sum()) / 100) if settings.prior_words is None else settings.prior_words
    pearson, likelihood = chi2(table, settings.correction), g2(table, settings.correction)
    odds_ratio, exact_p = exact(table)
    ratio, z = log_odds(table, prior)
    return pd.DataFrame(
        {
            "column": column,
            "term": matrix.terms[column],
            "n_target": counts[0][column],
            "n_reference": counts[1][column],
            "firms": used_by[0][column],
            "firms_reference": used_by[1][column],
            "chi2": pearson,
            "chi2_p": chi2_p(pearson),
            "g2": likelihood,
            "g2_p": chi2_p(likelihood),
            "pmi": pmi(table),
            "odds_ratio": odds_ratio,
            "exact_p": exact_p,
            "log_odds": ratio,
            "z": z,
            "p": np.nan,
            "q": np.nan,
        }
    ).astype({"term": "str"})


def _used_by(uses: sparse.csr_array) -> npt.NDArray[np.int64]:
    return np.bincount(uses.indices, minlength=uses.shape[1]).astype(np.int64)


def _totals(
    firms: Firms, column: npt.NDArray[np.intp], target: npt.NDArray[np.int64], reference: npt.NDArray[np.int64]
) -> tuple[Floats, Floats]:
    """(terms,) words of target and reference that a term's uses are compared with."""
    own, total = firms.words[firms.target].sum(axis=0), firms.words.sum(axis=0)
    used = firms.used[column]
    share = np.divide(own, total, out=np.zeros_like(own), where=total > 0)
    words = (used > 0) @ total
    # With one stratum these are its own totals, whole numbers as Quanteda has them.
    expected_share = used @ share / used.sum(axis=1)
    own_words = np.clip(np.round(words * expected_share, 6), target, words - reference)
    return own_words, words - own_words


def _sorted(table: pd.DataFrame) -> pd.DataFrame:
    order = np.argsort(-table["z"].to_numpy().round(SAME), kind="stable")
    return table.iloc[order].drop(columns="column").reset_index(drop=True)
