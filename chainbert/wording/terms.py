"""The terms that set a class of texts apart from the others."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from chainbert.errors import DataError

Integers: TypeAlias = npt.NDArray[np.integer]


def class_terms(
    tokens_by_row: Sequence[Sequence[str]],
    labels: Integers,
    top: int,
    fewest_firms: int = 2,
    firm: npt.NDArray[np.generic] | None = None,
) -> pd.DataFrame:
    """The ``top`` terms of every class by class-based TF-IDF, with the number of firms using each.

    ``tokens_by_row`` n lists of words; ``labels`` (n,) the class of each row, where noise (-1) is a class of
    its own; ``firm`` (n,) whose row it is (default: every row another firm's). A term's weight in a class is its
    share of the class's words × ln(1 + mean words a class / uses of the term in all classes), ≥ 0 (Grootendorst
    2022, arXiv 2203.05794, equation 1; shares instead of counts, so that weights compare between classes).
    Terms that fewer than ``fewest_firms`` of a class's firms use (their own names, above all) are left out of it.
    Columns cluster, rank (1 = greatest weight; ties in the order of the characters), term, weight, firms; ordered
    by cluster and rank. Raises DataError where the lengths differ or ``top`` or ``fewest_firms`` is below 1.
    """
    _check(tokens_by_row, labels, top, fewest_firms, firm)
    vocabulary = np.array(sorted(set(chain.from_iterable(tokens_by_row))), dtype=object)
    classes, of_row = np.unique(labels, return_inverse=True)
    if not len(vocabulary):
        return _table([], [], [], [], [])
    used = _uses(tokens_by_row, vocabulary)
    members = sparse.csr_array((np.ones(len(of_row)), (of_row, np.arange(len(of_row)))), (len(classes), len(of_row)))
    counts = members @ used
    words = counts.sum(axis=1)
    rarity = np.log1p(words.mean() / counts.sum(axis=0))
    weights = sparse.csr_array(counts.multiply(1 / np.maximum(words, 1)[:, None]).multiply(rarity[None, :]))
    firms = _firms(used, of_row, len(classes), np.arange(len(of_row)) if firm is None else firm)
    parts = [_best(weights[[place]], firms[[place]], top, fewest_firms) for place in range(len(classes))]
    chosen = [terms for terms, _, _ in parts]
    return _table(
        np.repeat(classes, [len(terms) for terms in chosen]),
        [rank for terms in chosen for rank in range(1, len(terms) + 1)],
        vocabulary[np.concatenate(chosen)],
        np.concatenate([weight for _, weight, _ in parts]),
        np.concatenate([count for _, _, count in parts]),
    )


def _check(
    tokens_by_row: Sequence[Sequence[str]],
    labels: Integers,
    top: int,
    fewest_firms: int,
    firm: npt.NDArray[np.generic] | None,
) -> None:
    if len(tokens_by_row) != len(labels) or (firm is not None and len(firm) != len(labels)):
        firms = "" if firm is None else f" and {len(firm)} firms"
        raise DataError(f"{len(tokens_by_row)} token lists, {len(labels)} labels{firms} found; one a row is expected")
    if top < 1 or fewest_firms < 1:
        raise DataError(f"top = {top} and fewest_firms = {fewest_firms} found; both must be at least 1")


def _uses(tokens_by_row: Sequence[Sequence[str]], vocabulary: npt.NDArray[np.object_]) -> sparse.csr_array:
    """(n, terms) how often each row uses each term."""
    place = {term: column for column, term in enumerate(vocabulary)}
    columns = [place[term] for row in tokens_by_row for term in row]
    starts = np.cumsum([0, *(len(row) for row in tokens_by_row)])
    used = sparse.csr_array((np.ones(len(columns)), columns, starts), (len(tokens_by_row), len(vocabulary)))
    used.sum_duplicates()
    return used


def _firms(used: sparse.csr_array, of_row: Integers, classes: int, firm: npt.NDArray[np.generic]) -> sparse.csr_array:
    """(classes, terms) the number of a class's firms that use a term."""
    _, of_firm = np.unique(firm, return_inverse=True)
    # A firm seen in two years counts once in a class, whichever of its rows use the term.
    pairs, of_pair = np.unique(np.column_stack([of_row, of_firm]), axis=0, return_inverse=True)
    rows = sparse.csr_array((np.ones(len(of_pair)), (of_pair, np.arange(len(of_pair)))), (len(pairs), len(of_pair)))
    uses = sparse.csr_array(rows @ used)
    uses.data[:] = 1
    owners = sparse.csr_array((np.ones(len(pairs)), (pairs[:, 0], np.arange(len(pairs)))), (classes, len(pairs)))
    return sparse.csr_array(owners @ uses)


def _best(
    weights: sparse.csr_array, firms: sparse.csr_array, top: int, fewest_firms: int
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Columns, weights and firms of one class's best terms."""
    weight, count = weights.toarray().ravel(), firms.toarray().ravel().astype(np.int64)
    allowed = np.flatnonzero((count >= fewest_firms) & (weight > 0))
    # The vocabulary is sorted, so a stable sort breaks ties by the term itself; rounding makes ties of equal sums.
    order = allowed[np.argsort(-weight[allowed].round(12), kind="stable")][:top]
    return order, weight[order], count[order]


def _table(cluster: object, rank: object, term: object, weight: object, firms: object) -> pd.DataFrame:
    frame = pd.DataFrame({"cluster": cluster, "rank": rank, "term": term, "weight": weight, "firms": firms})
    types = {"cluster": "int64", "rank": "int64", "term": "str", "weight": "float64", "firms": "int64"}
    return frame.astype(types)
