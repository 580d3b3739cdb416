"""Agreement of coders: published examples, reference implementations, laws, and intervals that cover."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from labelling_sets import SMALL
from nltk.metrics.agreement import AnnotationTask
from sklearn.metrics import cohen_kappa_score

from chainbert.errors import DataError
from chainbert.labelling import (
    Codebook,
    agreement_of,
    cohen_kappa,
    gwet_ac1,
    krippendorff_alpha,
    percent_agreement,
    read_gold,
)

MEASURES = (krippendorff_alpha, gwet_ac1, percent_agreement)


def value(measure, codes, **given):
    return measure(np.asarray(codes, dtype=object), draws=1, rng=np.random.default_rng(0), **given).value


def coded(rng, n, shares, accuracy, coders=2, missing=0.0):
    """Codes of coders who see the true category with that probability and draw one at random else."""
    categories = np.arange(len(shares))
    truth = rng.choice(categories, n, p=shares)
    guess = rng.choice(categories, (n, coders), p=shares)
    codes = np.where(rng.random((n, coders)) < accuracy, truth[:, None], guess).astype(str).astype(object)
    codes[rng.random((n, coders)) < missing] = ""
    return codes


def table_of(counts):
    """Codes of two coders from their contingency table."""
    return [(str(one), str(two)) for (one, two), count in np.ndenumerate(counts) for _ in range(count)]


# Published examples


def test_gwet_s_two_abstractors():
    """100 pregnancies by two abstractors; values as printed for this table in the manual of Gwet's irrCAC (R)."""
    codes = table_of(np.array([[13, 0, 0], [0, 20, 7], [0, 4, 56]]))
    assert value(cohen_kappa, codes) == pytest.approx(0.7964094, abs=5e-8)
    assert value(gwet_ac1, codes) == pytest.approx(0.8493305, abs=5e-8)
    assert value(krippendorff_alpha, codes) == pytest.approx(0.7972585, abs=5e-8)
    assert value(percent_agreement, codes) == pytest.approx(0.89)


def test_krippendorff_s_four_coders_with_missing_codes():
    """12 units (Krippendorff 2011, Computing Krippendorff's Alpha-Reliability, C); Gwet 2014, p. 120: AC1 .775."""
    coders = [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
        [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
    ]
    codes = np.array(coders, dtype=object).T
    assert value(krippendorff_alpha, codes) == pytest.approx(0.743, abs=5e-4)
    assert value(gwet_ac1, codes) == pytest.approx(0.775, abs=5e-4)
    assert value(percent_agreement, codes) == pytest.approx(0.818, abs=5e-4)
    found = krippendorff_alpha(codes, draws=50, rng=np.random.default_rng(0))
    assert (found.units, found.coders) == (11, 4)


# Reference implementations


def random_tables(count, coders=None):
    rng = np.random.default_rng(20)
    while count:
        m = coders or int(rng.integers(2, 6))
        shares = rng.dirichlet(np.full(int(rng.integers(2, 6)), 2.0))
        codes = coded(rng, int(rng.integers(8, 40)), shares, rng.random(), m, rng.choice([0, 0.2, 0.5]))
        pairs = (codes != "").sum(axis=1) >= 2
        if pairs.any() and len(set(codes[pairs][codes[pairs] != ""].tolist())) > 1:
            count -= 1
            yield codes


def test_alpha_is_nltk_s_on_200_random_tables():
    logging.disable(logging.DEBUG)
    for codes in random_tables(200):
        triples = [(f"c{coder}", f"u{unit}", code) for (unit, coder), code in np.ndenumerate(codes) if code]
        assert value(krippendorff_alpha, codes) == pytest.approx(AnnotationTask(data=triples).alpha(), abs=1e-10)


def test_kappa_is_scikit_learn_s_on_200_random_tables():
    for codes in random_tables(200, coders=2):
        both = codes[(codes != "").all(axis=1)].astype(str)
        if len(set(both.ravel().tolist())) > 1:
            assert value(cohen_kappa, codes) == pytest.approx(cohen_kappa_score(*both.T), abs=1e-10)


def gwet_by_hand(codes):
    """AC1 unit by unit, as in Gwet (2014), section 5.3, written as sums over categories and raters."""
    units = [[code for code in row if code] for row in codes.tolist()]
    units = [row for row in units if row]
    categories = sorted({code for row in units for code in row})
    pairs = [row for row in units if len(row) > 1]
    observed = 0.0
    for row in pairs:
        for one in categories:
            r = row.count(one)
            observed += r * (r - 1) / (len(row) * (len(row) - 1)) / len(pairs)
    expected = 0.0
    for one in categories:
        share = sum(row.count(one) / len(row) for row in units) / len(units)
        expected += share * (1 - share) / (len(categories) - 1)
    return observed, (observed - expected) / (1 - expected)


def test_ac1_and_percent_are_the_textbook_s_on_200_random_tables():
    for codes in random_tables(200):
        percent, ac1 = gwet_by_hand(codes)
        assert value(gwet_ac1, codes) == pytest.approx(ac1, abs=1e-10)
        assert value(percent_agreement, codes) == pytest.approx(percent, abs=1e-10)


# Laws

tables = st.integers(2, 4).flatmap(
    lambda coders: st.lists(
        st.lists(st.sampled_from(["a", "b", "c", ""]), min_size=coders, max_size=coders), min_size=2, max_size=12
    )
)


@settings(max_examples=60, deadline=None)
@given(tables, st.randoms(use_true_random=False))
def test_the_order_of_coders_units_and_the_names_of_categories_change_nothing(rows, random):
    codes = np.array(rows, dtype=object)
    order, team = list(range(len(codes))), list(range(codes.shape[1]))
    random.shuffle(order)
    random.shuffle(team)
    other = np.vectorize({"a": "z", "b": "y", "c": "x", "": ""}.get, otypes=[object])(codes[order][:, team])
    for measure in (*MEASURES, *([cohen_kappa] if len(team) == 2 else [])):
        assert value(measure, other) == pytest.approx(value(measure, codes), abs=1e-12, nan_ok=True)


@settings(max_examples=60, deadline=None)
@given(tables)
def test_no_coefficient_is_above_1_and_intervals_hold_their_order(rows):
    for measure in MEASURES:
        found = measure(np.array(rows, dtype=object), draws=40, rng=np.random.default_rng(1))
        if found.value is None:
            assert found.reason
            assert found.low is None
        else:
            assert found.value <= 1 + 1e-12
        if found.low is not None:
            assert found.low <= found.high <= 1 + 1e-12


@pytest.mark.parametrize("measure", [*MEASURES, cohen_kappa])
def test_coders_who_always_agree_have_1(measure):
    found = measure(np.array([["a", "a"], ["b", "b"]] * 30, dtype=object), draws=200, rng=np.random.default_rng(0))
    assert (found.value, found.low, found.high) == pytest.approx((1, 1, 1))


@pytest.mark.parametrize("measure", [krippendorff_alpha, cohen_kappa, gwet_ac1])
def test_coders_who_guess_have_0(measure):
    codes = coded(np.random.default_rng(5), 4000, [0.25] * 4, 0.0)
    found = measure(codes, draws=200, rng=np.random.default_rng(0))
    assert abs(found.value) < 0.03
    assert found.low < 0 < found.high


def test_the_paradox_of_kappa_is_ac1_s_reason_to_be():
    """Feinstein & Cicchetti (1990): rare categories pull kappa down at the same percentage of agreement."""
    codes = table_of(np.array([[118, 5], [2, 0]]))
    assert value(percent_agreement, codes) == pytest.approx(0.944)
    assert value(cohen_kappa, codes) == pytest.approx(-0.0234, abs=1e-4)
    assert value(gwet_ac1, codes) > 0.9


# What is not defined


@pytest.mark.parametrize("measure", [krippendorff_alpha, cohen_kappa, gwet_ac1])
def test_a_single_category_has_no_agreement_beyond_chance(measure):
    found = measure(np.array([["a", "a"]] * 9, dtype=object), draws=10, rng=np.random.default_rng(0))
    assert (found.value, found.low, found.units) == (None, None, 9)
    assert found.reason.startswith("all codes are one category")


def test_ac1_knows_the_categories_that_nobody_chose():
    assert value(gwet_ac1, [["a", "a"]] * 9, categories=("a", "b")) == 1


@pytest.mark.parametrize("measure", [*MEASURES, cohen_kappa])
def test_units_with_one_code_only_are_no_agreement(measure):
    found = measure(np.array([["a", ""], ["", "b"], [None, "a"]], dtype=object), draws=10, rng=np.random.default_rng(0))
    assert (found.value, found.units) == (None, 0)
    assert found.reason == "no unit has two codes"


def test_a_category_in_one_unit_only_has_no_interval():
    codes = np.array([["a", "a"]] * 20 + [["b", "b"]], dtype=object)
    found = krippendorff_alpha(codes, draws=500, rng=np.random.default_rng(0))
    assert found.value == pytest.approx(1)
    assert found.low is None
    assert found.reason.startswith("no interval: all codes are one category")


def test_kappa_of_three_is_refused():
    with pytest.raises(
        DataError, match=r"for two coders; codes of shape \(2, 3\) found.*krippendorff_alpha or gwet_ac1"
    ):
        cohen_kappa(np.array([["a", "b", "a"]] * 2, dtype=object), rng=np.random.default_rng(0))


# A gold file


@pytest.fixture(scope="module")
def codebook(tmp_path_factory):
    path = tmp_path_factory.mktemp("codebook") / "small.yaml"
    path.write_text(SMALL, encoding="utf-8")
    return Codebook.load(path)


def gold_of(folder, codebook, rng, coders):
    path = folder / "gold.csv"
    names = np.array(["state", "private", "mixed", "unclear"])
    codes = coded(rng, 120, [0.4, 0.3, 0.2, 0.1], 0.8, coders)
    lines = [f"c{unit},coder_{'abc'[coder]},{names[int(code)]}" for (unit, coder), code in np.ndenumerate(codes)]
    path.write_text("\n".join(["id,coder,customer", *lines]), encoding="utf-8")
    return read_gold(path, codebook)


def test_each_pair_and_all_coders_on_every_question(tmp_path, codebook):
    gold = gold_of(tmp_path, codebook, np.random.default_rng(8), 3)
    groups = np.where(np.arange(120) < 50, "zh", "en")
    table = agreement_of(gold, codebook, draws=50, rng=np.random.default_rng(0), groups=groups)
    pairs = set(zip(table["first"], table["second"], strict=True))
    assert pairs == {("coder_a", "coder_b"), ("coder_a", "coder_c"), ("coder_b", "coder_c"), ("all coders", "")}
    row = table.set_index(["group", "axis", "indicator", "first", "second", "measure"]).sort_index()
    assert row.loc[("zh", "customer", "", "coder_a", "coder_b", "alpha"), "units"] == 50
    whole = row.loc[("all", "customer", "", "coder_a", "coder_c", "kappa"), "value"]
    codes = np.column_stack([gold.coders[name]["customer"] for name in ("coder_a", "coder_c")])
    assert whole == pytest.approx(value(cohen_kappa, codes))
    state = np.where(np.isin(codes, ["state", "mixed"]), "yes", "no")
    one = row.loc[("all", "customer", "state", "coder_a", "coder_c", "alpha"), "value"]
    assert one == pytest.approx(value(krippendorff_alpha, state))
    goods = table[table["axis"] == "goods"]
    assert goods["value"].isna().all()
    assert set(goods["reason"]) == {"no unit has two codes"}


def test_one_coding_is_no_agreement(tmp_path, codebook):
    path = tmp_path / "gold.csv"
    path.write_text("id,customer\na,state\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"gold\.csv: one coding found; agreement needs two coders or more: a column"):
        agreement_of(read_gold(path, codebook), codebook, rng=np.random.default_rng(0))


# Intervals


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n", "shares", "accuracy", "coders", "missing"),
    [(150, [0.3, 0.7], 0.85, 2, 0.0), (200, [0.15, 0.85], 0.9, 2, 0.0), (200, [0.4, 0.3, 0.2, 0.1], 0.85, 3, 0.1)],
)
def test_bootstrap_intervals_cover(n, shares, accuracy, coders, missing):
    rng = np.random.default_rng(3)
    measures = (krippendorff_alpha, gwet_ac1, percent_agreement, *([cohen_kappa] if coders == 2 else []))
    large = coded(rng, 400_000, shares, accuracy, coders, missing)
    blocks = np.array_split(large, 40)
    truth = {measure: np.mean([value(measure, block) for block in blocks]) for measure in measures}
    studies = 1000
    covered = dict.fromkeys(measures, 0)
    for _ in range(studies):
        codes = coded(rng, n, shares, accuracy, coders, missing)
        for measure in measures:
            found = measure(codes, draws=1000, rng=rng)
            covered[measure] += found.low is not None and found.low <= truth[measure] <= found.high
    for measure, count in covered.items():
        assert 0.93 <= count / studies <= 0.97, measure.__name__
