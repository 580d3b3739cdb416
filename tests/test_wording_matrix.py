"""The document–feature matrix from sequences of terms."""

import numpy as np
import pytest
from scipy import sparse

from chainbert.errors import DataError
from chainbert.wording.matrix import TermSequence, count, sorted_matrix
from chainbert.wording.vocabulary import BREAK, LEFT_OUT


def sequence(*texts):
    """Texts of terms between blanks; _ is a word that was left out, . a sign."""
    words = [text.split() for text in texts]
    terms = sorted({word for text in words for word in text} - {"_", "."})
    place = {**{term: at for at, term in enumerate(terms)}, "_": LEFT_OUT, ".": BREAK}
    ids = np.array([place[word] for text in words for word in text], dtype=np.int32)
    return TermSequence(ids, np.array(list(map(len, words)), dtype=np.int32), np.array(terms, dtype=object))


def dense(matrix):
    return matrix.terms.tolist(), matrix.counts.toarray().tolist()


def test_terms_are_counted_by_text():
    assert dense(count(sequence("b a b", "", "a _ c . c"))) == (["a", "b", "c"], [[1, 2, 0], [0, 0, 0], [1, 0, 2]])


def test_runs_stop_at_left_out_words_signs_and_texts():
    terms, counts = dense(count(sequence("a b a b", "b . a b _ a", "c"), 3))
    assert terms == ["a", "a b", "a b a", "b", "b a", "b a b", "c"]
    assert counts == [[2, 2, 1, 2, 1, 1, 0], [2, 1, 0, 2, 0, 0, 0], [0, 0, 0, 0, 0, 0, 1]]


def test_runs_longer_than_every_text_have_no_column():
    assert dense(count(sequence("a", "b"), 5)) == (["a", "b"], [[1, 0], [0, 1]])


def test_terms_that_no_text_uses_have_no_column():
    unused = TermSequence(np.array([1], np.int32), np.array([1], np.int32), np.array(["a", "b"], dtype=object))
    assert dense(count(unused)) == (["b"], [[1]])


def test_counts_are_whole_numbers_in_order_without_zeros():
    matrix = count(sequence("b a b", "c a"), 2)
    assert matrix.counts.dtype == np.int32
    assert matrix.counts.indices.dtype == matrix.counts.indptr.dtype == np.int32
    assert matrix.counts.has_canonical_format
    assert (matrix.counts.data > 0).all()


def test_columns_are_ordered_by_code_point():
    counts = sparse.csr_array(np.array([[3, 0, 1, 2]], dtype=np.int32))
    assert dense(sorted_matrix(counts, np.array(["链", "y", "a", "云"], dtype=object))) == (
        ["a", "云", "链"],
        [[1, 2, 3]],
    )


def test_runs_of_no_term_are_refused():
    with pytest.raises(DataError, match=r"ngrams = -1 found; a run of at least 1 term is expected"):
        count(sequence("a"), -1)
