"""Audit samples: strata, allocation, inclusion probabilities."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from audit_sets import audited, small_codebook
from hypothesis import given, settings
from hypothesis import strategies as st

from chainbert.errors import ConfigError, DataError
from chainbert.labelling.audit import draw_sample
from chainbert.labelling.audit.sampling import allocate, merge_small


@pytest.fixture
def book(tmp_path):
    return small_codebook(tmp_path)


@pytest.fixture
def company(book):
    return audited(book, 1500, np.random.default_rng(0))


def drawn(company, n=200, **given_):
    return draw_sample(company.labels, company.companies, n, codebook=company.codebook, **given_)


def test_every_company_has_a_positive_chance_and_the_chances_sum_to_n(company):
    sample = drawn(company)
    strata = sample.design.strata
    assert len(sample.table) == sample.design.drawn == 200
    assert strata["size"].sum() == sample.design.frame == 1500
    assert (strata["inclusion_probability"] > 0).all()
    assert (strata["drawn"] >= 2).all()
    assert (strata["size"] * strata["inclusion_probability"]).sum() == pytest.approx(200)
    assert (1 / sample.table["inclusion_probability"]).sum() == pytest.approx(1500)
    assert not sample.table["row"].duplicated().any()


def test_proportional_weights_differ_little(company):
    weight = 1 / drawn(company).table["inclusion_probability"]
    assert weight.max() / weight.min() < 2


def test_the_same_seed_draws_the_same_companies_in_any_row_order(company):
    order = np.random.default_rng(5).permutation(len(company.labels))
    shuffled = draw_sample(
        company.labels.iloc[order], company.companies.iloc[order[::-1]], 100, codebook=company.codebook
    )
    one = drawn(company, 100)
    assert one.table["row"].tolist() == shuffled.table["row"].tolist()
    assert one.table["row"].tolist() != drawn(company, 100, seed=1).table["row"].tolist()


def test_inclusion_probabilities_are_the_frequencies_of_being_drawn(book):
    company = audited(book, 60, np.random.default_rng(1))
    counts = Counter()
    for seed in range(600):
        table = drawn(company, 30, seed=seed).table
        counts.update(table["row"])
    stated = dict(zip(table["row"], table["inclusion_probability"], strict=True))
    for row, chance in stated.items():
        assert counts[row] / 600 == pytest.approx(chance, abs=4.5 * np.sqrt(chance * (1 - chance) / 600) + 1e-9)
    assert len(counts) == 60


def test_the_order_to_code_in_is_not_by_stratum(company):
    codes = drawn(company).table["stratum"].tolist()
    assert drawn(company).table["order"].tolist() == list(range(1, 201))
    assert sum(one == other for one, other in pairwise(codes)) < 60


def test_strata_names_do_not_tell_the_label(company):
    sample = drawn(company)
    assert sample.table["stratum"].str.fullmatch(r"s\d+").all()
    assert sample.design.strata["meaning"].str.contains("Beijing · zh · private").any()


def test_rows_that_trained_or_have_no_text_are_not_drawn(company):
    labels = company.labels.copy()
    labels.loc[:99, "training"] = "trained"
    labels.loc[100:119, "customer.status"] = "unusable"
    labels.loc[120:199, "training"] = "cross-fitted"
    sample = draw_sample(labels, company.companies, 200, codebook=company.codebook)
    assert (sample.design.frame, sample.design.trained, sample.design.unusable) == (1380, 100, 20)
    assert not sample.table["id"].isin(labels["id"][:120]).any()


def test_more_than_there_are_draws_all(book):
    company = audited(book, 40, np.random.default_rng(1))
    sample = drawn(company, 200)
    assert (len(sample.table), set(sample.table["inclusion_probability"])) == (40, {1.0})


def test_one_company_can_be_drawn(book):
    assert len(drawn(audited(book, 40, np.random.default_rng(1)), 1).table) == 1


def test_year_is_a_column_to_stratify_by(company):
    meaning = drawn(company, by=("year",)).design.strata["meaning"]
    assert meaning.str.startswith(("2018", "2022")).all()


def test_an_unknown_column_is_named(company):
    with pytest.raises(ConfigError, match=r"no column 'citi' to group by\. Did you mean 'city'"):
        drawn(company, by=("citi",))


def test_no_companies_are_no_sample(company):
    with pytest.raises(ConfigError, match="n = 0 found; at least 1"):
        drawn(company, 0)


def test_another_company_table_is_refused(company):
    with pytest.raises(
        DataError, match=r"1,490 label rows are not in the company table: 0010 of 20\d\d, .*, … *\. Give"
    ):
        draw_sample(company.labels, company.companies[:10], 100, codebook=company.codebook)


def test_a_changed_codebook_is_loud(company):
    labels = company.labels.assign(codebook="0123456789ab")
    with pytest.raises(DataError, match=r"codebook version 0123456789ab, the codebook given \(small\) is version"):
        draw_sample(labels, company.companies, 100, codebook=company.codebook)


def test_a_row_twice_is_refused(company):
    labels = pd.concat([company.labels, company.labels[:1]])
    with pytest.raises(DataError, match=r"0000 of 20\d\d more than once"):
        draw_sample(labels, company.companies, 100, codebook=company.codebook)


keys = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from("xyz"), st.sampled_from("12")), min_size=1)


@settings(deadline=None)
@given(keys, st.integers(1, 100))
def test_merged_strata_expect_four_codes_or_are_one(found, n):
    merged = merge_small(found, n)
    assert len(merged) == len(found)
    sizes = Counter(merged)
    assert len(sizes) == 1 or all(count * n >= 4 * len(found) for count in sizes.values())


@settings(deadline=None)
@given(st.lists(st.integers(8, 400), min_size=1, max_size=20), st.integers(0, 50))
def test_allocation_sums_to_n_within_its_bounds(sizes, more):
    sizes = np.array(sizes)
    least = 2 if len(sizes) == 1 else int(np.ceil(4 * sizes.sum() / sizes.min()))
    n = int(min(sizes.sum(), least + more))
    counts = allocate(sizes, n)
    assert counts.sum() == n
    assert (counts <= sizes).all()
    assert (counts >= np.minimum(2, sizes)).all()
