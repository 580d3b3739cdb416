"""From sentences to a company."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainbert.labelling import Axis
from chainbert.labelling.pooling import pool_sentences


def axis(kind):
    one = {"names": {}, "description": {}, "examples": {}}
    parts = [{"id": "a", **one}, {"id": "b", **one}]
    return Axis.model_validate({"id": "x", "kind": kind, "names": {}, "description": {}, "indicators": parts})


INDICATORS, SINGLE = axis("indicators"), axis("single")


def test_the_clearest_sentence_decides_and_is_named():
    said = np.array([[0.1, 0.2], [0.9, 0.1], [0.3, 0.3]])
    pooled = pool_sentences(INDICATORS, said, np.array([0, 0, 2]), np.array([9, 9, 9]), 3)
    assert pooled.probabilities[[0, 2]].tolist() == [[0.9, 0.2], [0.3, 0.3]]
    assert pooled.best.tolist() == [[1, 0], [-1, -1], [2, 2]]
    assert np.isnan(pooled.probabilities[1]).all()


def test_of_equal_sentences_the_earliest_is_named():
    pooled = pool_sentences(INDICATORS, np.full((3, 2), 0.7), np.array([1, 1, 1]), np.ones(3), 2)
    assert pooled.best[1].tolist() == [0, 0]


def test_a_single_choice_is_the_mean_by_root_of_length():
    said = np.array([[1.0, 0.0], [0.0, 1.0]])
    pooled = pool_sentences(SINGLE, said, np.array([0, 0]), np.array([100, 25]), 1)
    assert pooled.probabilities[0] == pytest.approx([10 / 15, 5 / 15])
    assert pooled.best.tolist() == [[0, 1]]


def test_the_evidence_of_a_single_choice_is_what_adds_most_to_it():
    said = np.array([[0.9, 0.1], [0.8, 0.2]])
    pooled = pool_sentences(SINGLE, said, np.array([0, 0]), np.array([4, 100]), 1)
    assert pooled.best.tolist() == [[1, 1]]


@pytest.mark.parametrize("kind", [INDICATORS, SINGLE])
def test_no_company_has_sentences(kind):
    pooled = pool_sentences(kind, np.zeros((0, 2)), np.zeros(0, int), np.zeros(0, int), 2)
    assert np.isnan(pooled.probabilities).all()
    assert (pooled.best == -1).all()


@given(st.lists(st.tuples(st.integers(0, 3), st.floats(0, 1)), min_size=1, max_size=20))
def test_a_further_sentence_never_lowers_an_indicator(rows):
    owner = np.array([row[0] for row in rows])
    said = np.array([[row[1], 1 - row[1]] for row in rows])
    before = pool_sentences(INDICATORS, said[:-1], owner[:-1], np.ones(len(rows) - 1), 4).probabilities
    after = pool_sentences(INDICATORS, said, owner, np.ones(len(rows)), 4).probabilities
    assert (after >= np.nan_to_num(before, nan=0))[~np.isnan(after)].all()
