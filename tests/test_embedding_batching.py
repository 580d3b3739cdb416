import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainbert.embedding import plan_batches, pool_rows, unique_texts
from chainbert.errors import DataError

LENGTHS = st.lists(st.integers(1, 600), max_size=80).map(lambda found: np.array(found, np.int64))


@given(LENGTHS, st.integers(1, 2000))
def test_every_text_is_in_one_batch_and_no_batch_is_over_the_budget(lengths, budget):
    batches = plan_batches(lengths, budget)
    assert sorted(np.concatenate([*batches, np.array([], np.int64)]).tolist()) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * lengths[batch].max() <= budget


@given(LENGTHS, st.integers(1, 2000))
def test_batches_go_from_long_to_short(lengths, budget):
    ordered = [int(lengths[i]) for batch in plan_batches(lengths, budget) for i in batch]
    assert ordered == sorted(ordered, reverse=True)


@given(st.lists(st.sampled_from(["a", "b", "中", "", "\ud800"]), max_size=20))
def test_unique_texts_can_be_put_back(texts):
    distinct, inverse = unique_texts(texts)
    assert [distinct[i] for i in inverse] == texts
    assert len(set(distinct)) == len(distinct)


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_a_company_is_the_direction_of_its_mean_sentence():
    pooled = pool_rows(np.eye(3, dtype=np.float32), np.array([0, 0, 1]), 2)
    assert pooled.dtype == np.float32
    np.testing.assert_allclose(pooled, [[2**-0.5, 2**-0.5, 0], [0, 0, 1]], atol=1e-7)


@given(st.integers(0, 10_000))
def test_pooling_does_not_depend_on_the_order_of_sentences(seed):
    rng = np.random.default_rng(seed)
    vectors, owner = unit(rng.normal(size=(30, 8))), np.arange(30) % 7
    shuffled = rng.permutation(30)
    pooled = pool_rows(vectors, owner, 7)
    np.testing.assert_allclose(pooled, pool_rows(vectors[shuffled], owner[shuffled], 7), atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(pooled, axis=1), 1, atol=1e-6)


@pytest.mark.parametrize(
    ("vectors", "owner", "n", "message"),
    [
        (np.eye(2), [0, 0], 2, r"1 of 2 owners have no vector \(first: 1\)"),
        (np.eye(2), [0, 2], 2, "owners 0 to 2 found; numbers from 0 to 1"),
        (np.array([[1.0, 0], [-1, 0]]), [0, 0], 1, "owner 0 cancel out"),
        (np.eye(2), [0], 1, r"\(2, 2\) and owners \(1,\) found"),
    ],
)
def test_pooling_refuses_what_has_no_mean(vectors, owner, n, message):
    with pytest.raises(DataError, match=message):
        pool_rows(vectors, np.array(owner), n)
