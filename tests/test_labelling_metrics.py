"""Metrics of labels against hand codes: scikit-learn's numbers, laws, intervals, and what is not defined."""

from __future__ import annotations

import json
import math
import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from labelling_sets import SMALL
from sklearn import metrics as reference

from chainbert.errors import ConfigError, DataError
from chainbert.labelling import Codebook, read_gold
from chainbert.labelling.evaluation import (
    calibration_error,
    calibration_floor,
    compare,
    evaluate,
    evidence_overlap,
    human_ceiling,
    judge_coder,
    judge_labels,
    reliability_bins,
)
from chainbert.labelling.evaluation.bootstrap import estimate, p_value, resample
from chainbert.labelling.evaluation.evidence import overlaps
from chainbert.labelling.evaluation.metrics import axis_scores, probability_scores, yes_no_scores
from chainbert.labelling.gold import Gold

VALUES = ("state", "private", "mixed", "unclear")


def rng_of(seed=0):
    return np.random.default_rng(seed)


@pytest.fixture(scope="module")
def codebook(tmp_path_factory):
    path = tmp_path_factory.mktemp("codebook") / "small.yaml"
    path.write_text(SMALL, encoding="utf-8")
    return Codebook.load(path)


def gold_of(codes, sha256="0" * 64, coders=None, **columns):
    """A Gold of customer and goods codes, given as (n, 2)."""
    table = pd.DataFrame(codes, columns=["customer", "goods"], dtype="str")
    table.insert(0, "id", [f"c{place:03d}" for place in range(len(table))])
    table.insert(1, "observed", pd.array([pd.NA] * len(table), dtype="Int64"))
    return Gold(table.assign(**columns), coders or {}, "gold.csv", sha256)


def random_gold(n, rng, **columns):
    goods = rng.choice(["software", "steel"], n)
    return gold_of(np.column_stack([rng.choice(VALUES, n, p=[0.3, 0.4, 0.2, 0.1]), goods]), **columns)


def labels_of(gold, codebook, rng, strength=1.0):
    """A label table whose probabilities lean towards the codes, the more the stronger."""
    table = gold.table[["id", "observed"]].copy()
    for axis in codebook.axes:
        own = []
        for one in axis.indicators:
            lean = np.where(gold.says(axis, one.id) == 1, strength, -strength)
            own.append(1 / (1 + np.exp(-2 * (lean + rng.normal(size=len(table))))))
            table[f"{axis.id}.{one.id}"] = own[-1]
            table[f"{axis.id}.{one.id}.evidence"] = ""
        table[axis.id] = axis.derive(np.column_stack(own))
        table[f"{axis.id}.status"] = "labelled"
    return table.assign(codebook=codebook.version, training="")


# Reference implementation


def test_yes_no_metrics_are_scikit_learn_s():
    rng = rng_of(1)
    for n in (30, 60, 230):
        coded, probability = (rng.random(n) < 0.4).astype(float), np.round(rng.random(n), 2)
        said = (probability >= 0.5).astype(float)
        weights = np.vstack([np.ones(n), rng.multinomial(n, np.full(n, 1 / n), size=20)])
        found = yes_no_scores(coded, said, weights) | probability_scores(coded, probability, weights)
        for row, weight in enumerate(weights):
            given = {"sample_weight": weight}
            expected = {
                "precision": reference.precision_score(coded, said, **given),
                "recall": reference.recall_score(coded, said, **given),
                "f1": reference.f1_score(coded, said, **given),
                "macro_f1": reference.f1_score(coded, said, average="macro", **given),
                "auc": reference.roc_auc_score(coded, probability, **given),
                "average_precision": reference.average_precision_score(coded, probability, **given),
                "brier": reference.brier_score_loss(coded, probability, **given),
                "log_loss": reference.log_loss(coded, probability, **given),
            }
            for name, value in expected.items():
                assert found[name][row] == pytest.approx(value, abs=1e-12), name


def test_axis_metrics_are_scikit_learn_s():
    rng = rng_of(2)
    coded = rng.choice(VALUES[:3], 200).astype(object)
    said = np.where(rng.random(200) < 0.7, coded, rng.choice(VALUES[:3], 200)).astype(object)
    weights = np.vstack([np.ones(200), rng.multinomial(200, np.full(200, 1 / 200), size=20)])
    found = axis_scores(coded, said, np.full(200, "labelled", dtype=object), VALUES, weights)
    for row, weight in enumerate(weights):
        given = {"sample_weight": weight}
        assert found["accuracy"][row] == pytest.approx(reference.accuracy_score(coded, said, **given), abs=1e-12)
        assert found["macro_f1"][row] == pytest.approx(
            reference.f1_score(coded, said, average="macro", **given), abs=1e-12
        )


def test_probabilities_of_0_and_1_cost_what_they_cost_in_scikit_learn():
    coded, probability = np.array([1.0, 0.0, 1.0]), np.array([0.0, 0.0, 1.0])
    found = probability_scores(coded, probability, np.ones((1, 3)))["log_loss"][0]
    assert found == pytest.approx(reference.log_loss(coded, probability), abs=1e-12)


def test_confusion_is_scikit_learn_s_in_codebook_order(codebook):
    gold = random_gold(150, rng_of(3))
    labels = labels_of(gold, codebook, rng_of(4), 0.5)
    found = next(one for one in evaluate(labels, gold, codebook, rng=rng_of(), draws=20).confusions)
    assert (found.question, found.values) == ("customer", VALUES)
    expected = reference.confusion_matrix(gold.table["customer"], labels["customer"], labels=list(VALUES))
    assert np.array_equal(found.counts, expected)


# Calibration


def test_calibration_error_of_a_known_case():
    coded, probability = np.array([1, 0, 1, 1.0]), np.array([0.25, 0.25, 0.95, 0.95])
    assert calibration_error(coded, probability, np.ones((1, 4)))[0] == pytest.approx((2 * 0.25 + 2 * 0.05) / 4)


def test_a_calibrated_labeller_has_the_floor_and_a_bold_one_more():
    rng = rng_of(5)
    errors, floors, bold = [], [], []
    for _ in range(200):
        probability = rng.beta(0.6, 0.6, 100)
        coded = (rng.random(100) < probability).astype(float)
        one = np.ones((1, 100))
        errors.append(calibration_error(coded, probability, one)[0])
        floors.append(calibration_floor(probability, rng, draws=100))
        bold.append(calibration_error(coded, np.where(probability > 0.5, 0.99, 0.01), one)[0])
    assert np.mean(errors) == pytest.approx(np.mean(floors), abs=0.004)
    assert np.mean(bold) > np.mean(floors) + 0.05


def test_the_floor_falls_as_codes_grow():
    probability = rng_of(6).random(4000)
    floors = [calibration_floor(probability[:n], rng_of(7)) for n in (50, 200, 4000)]
    assert floors[0] > floors[1] > floors[2]
    assert floors[1] / floors[0] == pytest.approx(0.5, abs=0.1)


def test_reliability_bins_count_everyone_once():
    coded, probability = (rng_of(8).random(300) < 0.5).astype(float), np.append(rng_of(9).random(298), [0.0, 1.0])
    bins = reliability_bins(coded, probability)
    assert sum(one.n for one in bins) == 300
    assert all(one.low <= one.mean_probability <= one.high for one in bins)
    assert reliability_bins(coded[:0], probability[:0])[0].share_yes is None


# Whole evaluations


def test_a_perfect_labeller_is_perfect_everywhere(codebook):
    gold = random_gold(120, rng_of(10), lang=np.where(np.arange(120) % 2, "zh", "en"))
    found = evaluate(labels_of(gold, codebook, rng_of(11), 50.0), gold, codebook, rng=rng_of(), draws=100)
    for question in ("customer.state", "goods.steel", "mean"):
        for metric in ("precision", "recall", "f1", "macro_f1", "auc", "average_precision"):
            one = found.find(question, metric)
            assert (one.value, one.low, one.high) == pytest.approx((1, 1, 1))
    assert found.find("customer", "accuracy", "zh").value == 1
    assert found.find("mean", "macro_f1", "zh minus en").value == 0
    assert found.companies == {"all": 120, "en": 60, "zh": 60}


def test_the_mean_is_over_indicators_of_axes_that_have_them(codebook):
    gold = random_gold(150, rng_of(12))
    found = evaluate(labels_of(gold, codebook, rng_of(13)), gold, codebook, rng=rng_of(), draws=20)
    own = [found.find(f"customer.{one}", "macro_f1").value for one in ("state", "private")]
    assert found.find("mean", "macro_f1").value == pytest.approx(np.mean(own))


def test_row_order_of_the_labels_and_label_only_rows_change_nothing(codebook):
    gold = random_gold(60, rng_of(14))
    labels = labels_of(gold, codebook, rng_of(15))
    more = pd.concat([labels, labels.assign(id="x" + labels["id"])]).sample(frac=1, random_state=1)
    one, other = (evaluate(table, gold, codebook, rng=rng_of(3), draws=50).to_json() for table in (labels, more))
    assert one == other


def test_to_json_holds_finite_numbers_and_none(codebook):
    gold = random_gold(30, rng_of(16), language=np.where(np.arange(30) < 4, "zh", "en"))
    gold.table.loc[:3, "customer"] = "unclear"
    labels = labels_of(gold, codebook, rng_of(17))
    found = evaluate(labels, gold, codebook, rng=rng_of(), draws=50)
    written = json.dumps(found.to_json(), allow_nan=False)
    number = json.loads(written)["numbers"]["customer.state"]["zh"]["recall"]
    assert number == {"n": 4, "value": None, "low": None, "high": None, "reason": "no yes among the codes"}
    second = judge_labels(labels_of(gold, codebook, rng_of(18)), gold, codebook, "second")
    json.dumps(
        compare(judge_labels(labels, gold, codebook, "first"), second, rng=rng_of(), draws=50).to_json(),
        allow_nan=False,
    )
    table = found.table()
    assert len(table) == len(found.numbers)
    assert not table.loc[table["value"].isna(), "reason"].eq("").any()


def test_what_has_no_yes_is_not_defined_and_never_0(codebook):
    gold = gold_of([("private", "steel")] * 20 + [("unclear", "steel")] * 20)
    found = evaluate(labels_of(gold, codebook, rng_of(19)), gold, codebook, rng=rng_of(), draws=20)
    for metric in ("recall", "f1", "macro_f1", "auc", "average_precision"):
        one = found.find("customer.state", metric)
        assert one.value is None
        assert one.reason in {"no yes among the codes", "the codes are all yes or all no"}
    assert found.find("customer.state", "brier").value is not None
    assert found.find("customer", "macro_f1").value is not None


def test_a_labeller_that_never_says_yes_has_recall_0_and_no_precision(codebook):
    gold = random_gold(50, rng_of(20))
    labels = labels_of(gold, codebook, rng_of(21)).assign(**{"customer.state": 0.1, "customer": "private"})
    found = evaluate(labels, gold, codebook, rng=rng_of(), draws=20)
    assert found.find("customer.state", "recall").value == 0
    assert found.find("customer.state", "f1").value == 0
    assert found.find("customer.state", "precision").value is None
    assert found.find("customer.state", "precision").reason == "no yes among the labels"


def test_one_coded_yes_has_a_value_and_no_interval(codebook):
    gold = gold_of([("state", "steel")] + [("private", "steel")] * 30)
    one = evaluate(labels_of(gold, codebook, rng_of(22), 9), gold, codebook, rng=rng_of(), draws=300).find(
        "customer.state", "recall"
    )
    assert one.value == 1
    assert one.low is None
    assert one.reason.startswith("no interval: no yes among the codes in 3")


def test_abstaining_is_counted_and_what_is_kept_is_judged(codebook):
    gold = random_gold(200, rng_of(23))
    labels = labels_of(gold, codebook, rng_of(24), 0.7)
    near = (np.abs(labels[["customer.state", "customer.private"]] - 0.5) < 0.2).any(axis=1)
    labels["customer.status"] = np.where(near, "abstained", "labelled")
    labels.loc[:9, "customer.status"] = "not transferable"
    found = evaluate(labels, gold, codebook, rng=rng_of(), draws=50)
    kept = labels["customer.status"] == "labelled"
    right = labels["customer"] == gold.table["customer"]
    assert found.find("customer", "abstained_share").value == (labels["customer.status"] == "abstained").mean()
    assert found.find("customer", "not_transferable_share").value == 0.05
    assert found.find("customer", "accuracy_of_labelled").value == pytest.approx(right[kept].mean())
    assert found.find("customer", "accuracy").value == pytest.approx(right.mean())


def test_languages_come_from_the_file_or_the_text(codebook):
    texts = ["It serves the government and its many departments of the city."] * 10 + ["为政府部门建平台。"] * 10
    gold = random_gold(20, rng_of(25), text=texts)
    labels = labels_of(gold, codebook, rng_of(26))
    assert evaluate(labels, gold, codebook, rng=rng_of(), draws=5).companies == {"all": 20, "en": 10, "zh": 10}
    given = ["zh-CN"] * 15 + [""] * 5
    assert evaluate(labels, gold, codebook, rng=rng_of(), draws=5, languages=given).companies == {"all": 20, "zh": 15}


def test_230_companies_and_2000_draws_take_two_seconds_at_most(codebook):
    gold = random_gold(230, rng_of(27), lang=np.where(np.arange(230) % 2, "zh", "en"))
    labels = labels_of(gold, codebook, rng_of(28))
    start = time.process_time()
    evaluate(labels, gold, codebook, rng=rng_of())
    assert time.process_time() - start < 2


# Pairing rows


def test_codes_without_a_year_speak_of_the_last_one(codebook):
    gold = random_gold(40, rng_of(29))
    last = labels_of(gold, codebook, rng_of(30)).assign(observed=pd.array([2022] * 40, dtype="Int64"))
    before = labels_of(gold, codebook, rng_of(31), -3.0).assign(observed=pd.array([2018] * 40, dtype="Int64"))
    found = evaluate(pd.concat([last, before]), gold, codebook, rng=rng_of(3), draws=5)
    assert found.to_json() == evaluate(last, gold, codebook, rng=rng_of(3), draws=5).to_json()


def test_years_of_one_company_are_drawn_together():
    weights = resample(["a", "b", "a", "c"], 50, rng_of())
    assert np.array_equal(weights[0], np.ones(4))
    assert np.array_equal(weights[:, 0], weights[:, 2])
    assert set((weights[1:, 0] + weights[1:, 1] + weights[1:, 3]).tolist()) == {3.0}


def test_companies_without_usable_text_are_left_out_and_counted(codebook):
    gold = random_gold(30, rng_of(32))
    labels = labels_of(gold, codebook, rng_of(33))
    labels.loc[:4, ["customer.status", "goods.status"]] = "unusable"
    labels.loc[:4, ["customer.state", "customer.private", "goods.steel", "goods.software"]] = np.nan
    labels.loc[:4, ["customer", "goods"]] = ""
    found = evaluate(labels, gold, codebook, rng=rng_of(), draws=5)
    assert found.left_out == {"no usable text in the labels": 5}
    assert found.companies["all"] == 25


def test_companies_that_the_labels_lack_are_refused(codebook):
    gold = random_gold(30, rng_of(34))
    labels = labels_of(gold, codebook, rng_of(35)).iloc[8:]
    with pytest.raises(
        DataError, match=r"gold\.csv: 8 of 30 coded companies are not in the labels: c000, .*, …\. Give"
    ):
        evaluate(labels, gold, codebook, rng=rng_of())


def test_companies_that_trained_the_labeller_are_refused_or_left_out(codebook):
    gold = random_gold(30, rng_of(36))
    labels = labels_of(gold, codebook, rng_of(37))
    labels.loc[:2, "training"] = "trained"
    labels.loc[3:9, "training"] = "cross-fitted"
    with pytest.raises(DataError, match=r"3 of 30 coded companies trained ours: c000, c001, c002\. On them it would"):
        evaluate(labels, gold, codebook, name="ours", rng=rng_of())
    found = evaluate(labels, gold, codebook, rng=rng_of(), draws=5, leave_out_trained=True)
    assert found.left_out == {"trained the labeller": 3}
    assert found.companies["all"] == 27


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: table.drop(columns="customer.state"), r"no column customer\.state of codebook small"),
        (lambda table: table.assign(codebook="abc"), r"made with codebook version abc, the codebook given \(small\)"),
        (lambda table: pd.concat([table, table.iloc[:1]]), r"the labels have c000 more than once"),
        (lambda table: table.assign(**{"customer.status": "unusable"}), r"the labels have no usable row"),
    ],
)
def test_labels_that_do_not_fit_are_refused(codebook, change, message):
    gold = random_gold(20, rng_of(38))
    with pytest.raises(DataError, match=message):
        evaluate(change(labels_of(gold, codebook, rng_of(39))), gold, codebook, rng=rng_of())


# Differences and the human ceiling


def test_a_labeller_does_not_differ_from_itself(codebook):
    gold = random_gold(80, rng_of(40))
    judged = judge_labels(labels_of(gold, codebook, rng_of(41)), gold, codebook, "one")
    found = compare(judged, judged, rng=rng_of(), draws=100)
    for one in found.numbers:
        if one.estimate.value is not None:
            assert (one.estimate.value, one.estimate.low, one.estimate.high, one.p) == (0, 0, 0, 1)


def test_differences_are_paired_and_change_their_sign_with_the_order(codebook):
    gold = random_gold(230, rng_of(42))
    good, better = (
        judge_labels(labels_of(gold, codebook, rng_of(43), strength), gold, codebook, name)
        for strength, name in ((0.8, "good"), (0.9, "better"))
    )
    forth, back = compare(better, good, rng=rng_of(3)), compare(good, better, rng=rng_of(3))
    one, other = (found.find("mean", "auc") for found in (forth, back))
    assert one.estimate.value == pytest.approx(-other.estimate.value)
    assert (one.estimate.low, one.p) == pytest.approx((-other.estimate.high, other.p))
    assert one.p < 0.05
    # Unpaired, the interval would be as wide as that of both together.
    width = one.estimate.high - one.estimate.low
    alone = evaluate(labels_of(gold, codebook, rng_of(43), 0.8), gold, codebook, rng=rng_of(3)).find("mean", "auc")
    assert width < 0.7 * (alone.high - alone.low)


def test_two_labellers_are_compared_on_what_both_label(codebook):
    gold = random_gold(60, rng_of(44))
    whole, part = labels_of(gold, codebook, rng_of(45)), labels_of(gold, codebook, rng_of(46))
    part.loc[:9, ["customer.status", "goods.status"]] = "unusable"
    pair = [judge_labels(table, gold, codebook, name) for table, name in ((whole, "whole"), (part, "part"))]
    assert compare(*pair, rng=rng_of(), draws=5).companies == {"all": 50}
    assert compare(*pair[::-1], rng=rng_of(), draws=5).companies == {"all": 50}


def test_two_gold_files_make_no_pair(codebook):
    gold = random_gold(20, rng_of(47))
    labels = labels_of(gold, codebook, rng_of(48))
    other = judge_labels(labels, replace(gold, sha256="1" * 64, path="other.csv"), codebook, "b")
    with pytest.raises(DataError, match=r"a was judged by gold\.csv, b by other\.csv: a paired difference needs"):
        compare(judge_labels(labels, gold, codebook, "a"), other, rng=rng_of())


def test_the_human_ceiling_is_coder_against_coder_never_the_final_codes(tmp_path, codebook):
    rng = rng_of(49)
    rows = []
    for place in range(60):
        first = str(rng.choice(VALUES))
        second = first if rng.random() < 0.8 else str(rng.choice(VALUES))
        rows.append(
            {"id": f"c{place}", "customer": second, "coder_a": {"customer": first}, "coder_b": {"customer": second}}
        )
    path = tmp_path / "gold.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    gold = read_gold(path, codebook)
    found = human_ceiling(gold, codebook, rng=rng_of(), draws=50)
    assert (found.name, found.against) == ("coder_a", "coder_b")
    codes = [[row[coder]["customer"] for row in rows] for coder in ("coder_b", "coder_a")]
    assert found.find("customer", "accuracy").value == pytest.approx(reference.accuracy_score(*codes))
    with pytest.raises(KeyError):
        found.find("customer.state", "auc")
    turned = human_ceiling(gold, codebook, rng=rng_of(), draws=50, coders=("coder_b", "coder_a"))
    assert turned.find("customer.state", "macro_f1") == found.find("customer.state", "macro_f1")
    assert turned.find("customer.state", "precision").value == found.find("customer.state", "recall").value
    with pytest.raises(DataError, match=r"no coder 'final'; the file has coder_a, coder_b"):
        judge_coder(gold, codebook, "coder_a", "final")


def test_one_coding_has_no_human_ceiling(codebook):
    with pytest.raises(DataError, match=r"one coding only; the human ceiling needs the codes of two coders"):
        human_ceiling(random_gold(5, rng_of(50)), codebook, rng=rng_of())


# Intervals and p


def test_values_that_resamples_lack_leave_no_interval():
    values = np.array([0.5, *([0.4] * 90), *([np.nan] * 10)])
    assert estimate(values, "no yes").reason == "no interval: no yes in 10% of the resamples"
    assert estimate(values[:94], "no yes").low == pytest.approx(0.4)
    assert estimate(np.array([np.nan, 1.0]), "no yes").value is None


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-1, 1), min_size=2, max_size=60))
def test_p_is_in_0_1_and_the_same_for_either_sign(values):
    array = np.array(values)
    assert 0 < p_value(array) <= 1
    assert p_value(array) == p_value(-array)


def test_no_draws_are_refused():
    with pytest.raises(ConfigError, match=r"draws = 0 found; at least 1 resample"):
        resample(["a"], 0, rng_of())


def test_two_equally_good_labellers_differ_in_one_study_of_twenty_and_a_better_one_in_most():
    rng, equal, better = rng_of(51), [], []
    for _ in range(500):
        coded = (rng.random(150) < 0.4).astype(float)
        first, second = (np.where(rng.random(150) < 0.85, coded, 1 - coded) for _ in range(2))
        good = np.where(rng.random(150) < 0.95, coded, 1 - coded)
        weights = resample([str(row) for row in range(150)], 300, rng)
        of_first, *others = (yes_no_scores(coded, said, weights)["macro_f1"] for said in (first, second, good))
        equal.append(p_value(of_first - others[0]))
        better.append(p_value(of_first - others[1]))
    assert 0.02 <= np.mean(np.array(equal) <= 0.05) <= 0.08
    assert np.mean(np.array(better) <= 0.05) >= 0.7


@pytest.mark.slow
def test_intervals_of_f1_and_auc_cover(codebook):
    rng = rng_of(52)
    names = [("customer.state", "macro_f1"), ("customer.state", "auc"), ("customer", "accuracy"), ("mean", "macro_f1")]
    gold = random_gold(100_000, rng)
    whole = evaluate(labels_of(gold, codebook, rng, 0.8), gold, codebook, rng=rng, draws=1)
    covered, studies = np.zeros(len(names)), 600
    for _ in range(studies):
        gold = random_gold(230, rng)
        found = evaluate(labels_of(gold, codebook, rng, 0.8), gold, codebook, rng=rng, draws=600)
        for place, name in enumerate(names):
            one = found.find(*name)
            covered[place] += one.low <= whole.find(*name).value <= one.high
    assert ((covered / studies >= 0.93) & (covered / studies <= 0.97)).all(), covered / studies


# Evidence


@pytest.mark.parametrize(
    ("sentence", "quote", "overlap"),
    [
        ("It serves the government.", "the  Government", True),
        ("为政府部门建平台。", "政府部门", True),
        ("客户是ＡＢＣ银行。", "abc银行", True),
        ("It sells to shops.", "It sells to shops. It also exports.", True),
        ("It also exports to Asia.", "It sells to shops. It also exports", True),
        ("It serves the government.", "merchants", False),
        ("", "merchants", False),
    ],
)
def test_overlap_of_a_sentence_and_a_quote(sentence, quote, overlap):
    assert overlaps(sentence, quote) is overlap


def test_the_share_of_evidence_that_the_coder_quoted(codebook):
    codes = [("state", "steel"), ("state", "steel"), ("mixed", "steel"), ("state", "steel"), ("private", "steel")]
    quotes = ["police", "police", "the army", "", "shops"]
    gold = gold_of(codes, evidence_customer=quotes)
    labels = labels_of(gold, codebook, rng_of(53))
    labels["customer.state.evidence"] = ["It sells to the police.", "It is old.", "Serves the army.", "x", ""]
    state, private, steel, _ = evidence_overlap(labels, gold, codebook)
    assert (state.question, state.companies, state.overlapping) == ("customer.state", 3, 2)
    assert state.share == pytest.approx(2 / 3)
    assert state.low < state.share < state.high
    assert (private.companies, private.overlapping) == (2, 0)
    assert (steel.share, steel.reason) == (None, "the gold file has no column evidence_goods")
    assert all(math.isfinite(value) for value in state.to_json().values() if isinstance(value, float))
