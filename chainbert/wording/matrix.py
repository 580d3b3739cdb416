"""Which text uses which term how often, and in which order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from chainbert.errors import DataError

Ids = npt.NDArray[np.int32]
Terms = npt.NDArray[np.object_]


@dataclass(frozen=True, slots=True)
class TermMatrix:
    """A document–feature matrix: a row a text, a column a term."""

    counts: sparse.csr_array
    """(n, terms) int32, sorted indices, no stored zeros."""
    terms: Terms
    """(terms,) unique str, sorted by code point."""


@dataclass(frozen=True, slots=True, eq=False)
class TermSequence:
    """The terms of n texts in their order."""

    ids: Ids
    """(m,) a term's place in ``terms``; LEFT_OUT (-1) where a word was left out, BREAK (-2) at punctuation."""
    lengths: Ids
    """(n,) how many of ``ids`` belong to each text."""
    terms: Terms
    """(terms,) unique str, sorted by code point."""


def count(sequence: TermSequence, ngrams: int = 1) -> TermMatrix:
    """How often each text uses each term and each run of up to ``ngrams`` terms.

    A run is named by its terms with a blank between; they stand next to each other in the text: nothing was left
    out between them, no punctuation either. Terms that no text uses have no column.
    Raises DataError for ``ngrams`` below 1.
    """
    if ngrams < 1:
        raise DataError(f"ngrams = {ngrams} found; a run of at least 1 term is expected")
    kept = sequence.ids >= 0
    row = np.repeat(np.arange(len(sequence.lengths), dtype=np.int32), sequence.lengths)
    parts = [_table(row[kept], sequence.ids[kept], len(sequence.lengths), len(sequence.terms))]
    names = [sequence.terms]
    run, start, known = sequence.ids, np.arange(len(row)), sequence.terms
    for length in range(2, ngrams + 1):
        start, run, known = _longer(sequence, row, start, run, known, length)
        parts.append(_table(row[start], run, len(sequence.lengths), len(known)))
        names.append(known)
    return sorted_matrix(sparse.csr_array(sparse.hstack(parts, format="csr")), np.concatenate(names))


def sorted_matrix(counts: sparse.csr_array, terms: Terms) -> TermMatrix:
    """The matrix with its used columns ordered by their terms."""
    used = np.flatnonzero(np.bincount(counts.indices, minlength=len(terms)))
    order = used[np.array(sorted(range(len(used)), key=lambda place: terms[used[place]]), dtype=np.int64)]
    place = np.zeros(len(terms), dtype=np.int32)
    place[order] = np.arange(len(order), dtype=np.int32)
    # In place: a second copy of a million texts' indices would be the peak of the memory.
    np.take(place, counts.indices, out=counts.indices)
    ordered = sparse.csr_array((counts.data, counts.indices, counts.indptr), (counts.shape[0], len(order)))
    ordered.sort_indices()
    return TermMatrix(ordered, terms[order])


def _table(row: Ids, column: Ids, rows: int, columns: int) -> sparse.csr_array:
    """(rows, columns) int32 counts of pairs in the order of the rows."""
    starts = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=rows))]).astype(np.int32)
    counts = sparse.csr_array((np.ones(len(column), dtype=np.int32), column.astype(np.int32), starts), (rows, columns))
    counts.sum_duplicates()
    return counts


def _longer(
    sequence: TermSequence, row: Ids, start: npt.NDArray[np.int64], run: Ids, known: Terms, length: int
) -> tuple[npt.NDArray[np.int64], Ids, Terms]:
    """Runs of ``length`` terms from those of one fewer: where they start, their ids, and the ids' names."""
    end = start + length - 1
    inside = end < len(row)
    start, run, end = start[inside], run[inside], end[inside]
    whole = (run >= 0) & (sequence.ids[end] >= 0) & (row[start] == row[end])
    start, run, end = start[whole], run[whole], end[whole]
    width = max(len(sequence.terms), 1)
    keys, ids = np.unique(run.astype(np.int64) * width + sequence.ids[end], return_inverse=True)
    first, last = known[keys // width], sequence.terms[keys % width]
    names = np.array([f"{one} {other}" for one, other in zip(first, last, strict=True)], dtype=object)
    return start, ids.astype(np.int32), names
