"""How often terms are used, and which terms stand next to each other more often than their numbers would give."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from chainbert.errors import DataError
from chainbert.wording.matrix import Ids, TermMatrix, TermSequence

Labels = npt.NDArray[np.generic]
Integers = npt.NDArray[np.int64]

LONGEST = 5


def frequencies(matrix: TermMatrix, group: Labels | None = None, firm: Labels | None = None) -> pd.DataFrame:
    """How often each term is used, in all texts or in those of each group.

    ``group``, ``firm`` (n,) whose a text is (default: every text another firm's). Columns: group (where groups are
    given), term, n (uses, ≥ 1), texts (that use it), firms (that use it), rank (1 = most uses; terms with as many
    uses share the better rank). Ordered by group, uses and the term's characters.
    Raises DataError where the lengths differ.
    """
    rows = matrix.counts.shape[0]
    _check_lengths(rows, group=group, firm=firm)
    of_firm = np.arange(rows) if firm is None else np.unique(firm, return_inverse=True)[1]
    if group is None:
        return _used(matrix, np.arange(rows), of_firm)
    names, of_group = np.unique(group, return_inverse=True)
    tables = [_used(matrix, np.flatnonzero(of_group == place), of_firm) for place in range(len(names))]
    stacked = pd.concat(tables, ignore_index=True) if tables else _used(matrix, np.arange(0), of_firm)
    stacked.insert(0, "group", np.repeat(names, [len(table) for table in tables]))
    return stacked


def collocations(
    sequence: TermSequence,
    *,
    sizes: Sequence[int] = (2,),
    fewest: int = 2,
    fewest_firms: int = 1,
    firm: Labels | None = None,
    smoothing: float = 0.5,
) -> pd.DataFrame:
    """Runs of terms that are used at least ``fewest`` times, with the strength of their association.

    A window of K words agrees or not with a run at each of its K places; λ is the K-way interaction of the saturated
    log-linear model of the 2^K counts (each plus ``smoothing``), z = λ / its standard error (Blaheta & Johnson 2001;
    ``textstat_collocations`` of quanteda.textstats). Windows with a left-out word are counted and no runs;
    windows over punctuation or two texts do not exist. ``firm`` (n,) whose a text is (default: each another's); runs
    of fewer than ``fewest_firms`` firms are left out. z takes windows for independent: it ranks runs and tests nothing.
    Columns: term, size, n, nested (uses that overlap a longer run, of the sizes asked for), texts, firms, lambda, z;
    ordered by z, size and the term's characters.
    Raises DataError for sizes outside 2 to 5, a threshold below 1, a negative ``smoothing``, or another length.
    """
    _check(sequence, sizes, fewest, fewest_firms, firm, smoothing)
    rows = len(sequence.lengths)
    of_firm = np.arange(rows) if firm is None else np.unique(firm, return_inverse=True)[1]
    row = np.repeat(np.arange(rows), sequence.lengths)
    longer, covered, tables = np.zeros(len(row), dtype=np.bool_), np.zeros(len(row), dtype=np.bool_), []
    for size in sorted(set(sizes), reverse=True):
        start = _windows(sequence.ids, row, size)
        within = start[:, None] + np.arange(size)
        words = sequence.ids[within]
        whole = (words >= 0).all(axis=1)
        nested = longer[within].any(axis=1)
        tables.append(_scored(words, whole, nested, row[start], of_firm, sequence, (fewest, fewest_firms, smoothing)))
        covered[within[whole]] = True
        longer = covered.copy()
    table = pd.concat(tables, ignore_index=True)
    table["order"] = -table["z"].round(12)
    return table.sort_values(["order", "size", "term"], ignore_index=True).drop(columns="order")


def _check_lengths(rows: int, **labels: Labels | None) -> None:
    for name, given in labels.items():
        if given is not None and len(given) != rows:
            raise DataError(f"{rows:,} texts and {len(given):,} labels of a {name} found; one a text is expected")


def _check(
    sequence: TermSequence, sizes: Sequence[int], fewest: int, fewest_firms: int, firm: Labels | None, smoothing: float
) -> None:
    _check_lengths(len(sequence.lengths), firm=firm)
    if not sizes or not all(2 <= size <= LONGEST for size in sizes):
        raise DataError(f"sizes = {list(sizes)} found; one or more numbers of words from 2 to {LONGEST} are expected")
    if fewest < 1 or fewest_firms < 1 or smoothing < 0:
        raise DataError(
            f"fewest = {fewest}, fewest_firms = {fewest_firms} and smoothing = {smoothing} found; "
            "the first two must be at least 1, the last must not be negative"
        )


def _used(matrix: TermMatrix, rows: Integers, of_firm: Integers) -> pd.DataFrame:
    """The frequency table of some rows."""
    counts = matrix.counts[rows]
    n = np.asarray(counts.sum(axis=0), dtype=np.int64)
    texts = np.bincount(counts.indices, minlength=counts.shape[1])
    owners = sparse.csr_array((np.ones(len(rows)), (of_firm[rows], np.arange(len(rows)))), (_most(of_firm), len(rows)))
    firms = np.bincount(sparse.csr_array(owners @ counts).indices, minlength=counts.shape[1])
    used = np.flatnonzero(n)
    order = used[np.argsort(-n[used], kind="stable")]
    table = pd.DataFrame({"term": matrix.terms[order], "n": n[order], "texts": texts[order], "firms": firms[order]})
    table["term"] = table["term"].astype("str")
    return table.assign(rank=table["n"].rank(method="min", ascending=False).astype("int64"))


def _most(of_firm: Integers) -> int:
    return int(of_firm.max()) + 1 if len(of_firm) else 0


def _windows(ids: Ids, row: Integers, size: int) -> Integers:
    """Where runs of ``size`` words of one text begin that have no punctuation inside."""
    start = np.arange(max(len(ids) - size + 1, 0))
    breaks = np.concatenate([[0], np.cumsum(ids < -1)])
    whole: Integers = start[(row[start] == row[start + size - 1]) & (breaks[start + size] == breaks[start])]
    return whole


def _scored(
    words: Ids,
    whole: npt.NDArray[np.bool_],
    nested: npt.NDArray[np.bool_],
    row: Integers,
    of_firm: Integers,
    sequence: TermSequence,
    least: tuple[int, int, float],
) -> pd.DataFrame:
    """The table of one size: ``words`` (windows, size) with who says them and whether they are runs."""
    fewest, fewest_firms, smoothing = least
    size = words.shape[1]
    _, first, run = np.unique(_joint(words, range(size)), return_index=True, return_inverse=True)
    n = np.bincount(run, minlength=len(first))
    texts, firms = _distinct(run, row, len(first)), _distinct(run, of_firm[row], len(first))
    chosen = np.flatnonzero(whole[first] & (n >= fewest) & (firms >= fewest_firms))
    strength, error = _interaction(words, first[chosen], smoothing)
    names = [" ".join(sequence.terms[place] for place in words[window]) for window in first[chosen]]
    table = pd.DataFrame(
        {
            "term": names,
            "size": size,
            "n": n[chosen],
            "nested": np.bincount(run, weights=nested, minlength=len(first))[chosen].astype(np.int64),
            "texts": texts[chosen],
            "firms": firms[chosen],
            "lambda": strength,
            "z": strength / error,
        }
    )
    return table.astype({"term": "str", "size": "int64"})


def _joint(words: Ids, places: Sequence[int] | range) -> Integers:
    """(windows,) an id of the words at some places together."""
    joint = np.zeros(len(words), dtype=np.int64)
    width = int(words.max(initial=0)) + 2
    for place in places:
        _, joint = np.unique(joint * width + words[:, place] + 1, return_inverse=True)
    return joint


def _distinct(run: Integers, owner: Integers, runs: int) -> Integers:
    """(runs,) how many owners each run has."""
    width = _most(owner)
    return np.bincount(np.unique(run * width + owner) // max(width, 1), minlength=runs)


def _interaction(
    words: Ids, chosen: Integers, smoothing: float
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """λ and its standard error for the runs in the ``chosen`` windows."""
    size = words.shape[1]
    patterns = [places for length in range(size + 1) for places in combinations(range(size), length)]
    # Windows that agree with the run at these places and perhaps at others, then (inclusion–exclusion) at no others.
    agreeing = {}
    for places in patterns:
        joint = _joint(words, places)
        agreeing[places] = np.bincount(joint, minlength=1)[joint[chosen]]
    strength, variance = np.zeros(len(chosen)), np.zeros(len(chosen))
    for places in patterns:
        wider = [other for other in patterns if set(places) <= set(other)]
        exactly = sum((-1) ** (len(other) - len(places)) * agreeing[other] for other in wider) + smoothing
        with np.errstate(divide="ignore", invalid="ignore"):
            strength += (-1) ** (size - len(places)) * np.log(exactly)
            variance += 1 / exactly
    return strength, np.sqrt(variance)
