"""Hand codes: they bend a labeller as far as they say enough, and no company is judged by its own code."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from encoders import HashEncoder
from labelling_sets import SMALL, company_set
from training_sets import hashed_labeller, invented, texts_of, write_lines

from chainbert.companies import read_companies
from chainbert.errors import ConfigError, DataError
from chainbert.labelling import Axis, Labeller, read_gold
from chainbert.labelling.codebook import Codebook
from chainbert.labelling.scoring import AxisModel, Reference, Sentences
from chainbert.labelling.training import train
from chainbert.labelling.training.adapt import Coded, _strongest, adapt_axis
from chainbert.labelling.training.handcodes import coded_companies

NEW_WORDS = {"zizzaz": "hyyhyh", "部委机关": "县镇乡村"}
CODED = invented(80, seed=9)


def renamed(text):
    """What said 'state' in the training texts is said by a word the labeller has never read."""
    for old, new in NEW_WORDS.items():
        text = text.replace(old, new)
    return text


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    return hashed_labeller(tmp_path_factory.mktemp("start"), invented(240))


@pytest.fixture(scope="module")
def book(start):
    return Codebook.load(start.parent / "small.yaml")


@pytest.fixture(autouse=True)
def _hashing(monkeypatch):
    monkeypatch.setattr("chainbert.labelling.trained.load_encoder", lambda _: HashEncoder(256))


def gold_rows(companies):
    return [
        {"id": name, "city": "Beijing", "text": renamed(text), "customer": company[3], "goods": company[4]}
        for company, (name, text) in zip(companies, texts_of(companies), strict=True)
    ]


def hand_file(folder, labeller, rows, **settings):
    folder.mkdir(exist_ok=True)
    (folder / "small.yaml").write_text(SMALL, encoding="utf-8")
    write_lines(folder / "gold.jsonl", rows)
    given = {
        "name": "mine",
        "mode": "hand-codes",
        "start": str(labeller),
        "gold": "gold.jsonl",
        "codebooks": ["small.yaml"],
        "hold": 1.0,
        **settings,
    }
    path = folder / "hand.yaml"
    path.write_text(json.dumps(given), encoding="utf-8")
    return path


def labels_of(folder, tmp_path, rows, book):
    companies = company_set(tmp_path, [(row["id"], row["text"]) for row in rows])
    table = Labeller.load(folder).label(companies, book).table.drop(columns="key").set_index("id")
    return table[[name for name in table if not name.endswith(".status")]]


@pytest.fixture(scope="module")
def adapted(start, tmp_path_factory):
    patch = pytest.MonkeyPatch()
    patch.setattr("chainbert.labelling.trained.load_encoder", lambda _: HashEncoder(256))
    folder = tmp_path_factory.mktemp("hand")
    train(hand_file(folder, start, gold_rows(CODED)), out=folder / "mine")
    patch.undo()
    return folder / "mine"


def test_it_learns_a_word_that_only_the_hand_codes_know(start, adapted, tmp_path, book):
    fresh = invented(60, seed=11)
    truth = np.array([company[3] in ("state", "mixed") for company in fresh])
    right = []
    for folder in (start, adapted):
        said = labels_of(folder, tmp_path, gold_rows(fresh), book)["customer.state"] >= 0.5
        right.append((said.loc[[company[0] for company in fresh]].to_numpy() == truth).mean())
    assert right[0] < 0.7
    assert right[1] > right[0] + 0.15


def test_its_metrics_are_of_companies_it_had_not_seen(adapted):
    metrics = json.loads((adapted / "manifest.json").read_text(encoding="utf-8"))["metrics"]
    before, after = metrics.values()
    assert after["customer.state"]["n"] == len(CODED)
    assert after["customer.state"]["macro_f1"] > before["customer.state"]["macro_f1"] + 0.2
    assert (adapted / "card.md").read_text(encoding="utf-8").count("80") >= 1


def test_coded_companies_are_cross_fitted_and_others_are_not(adapted, tmp_path, book):
    rows = gold_rows([*CODED[:5], *invented(5, seed=12)])
    table = labels_of(adapted, tmp_path, rows, book)
    assert table["training"].tolist() == ["cross-fitted"] * 5 + [""] * 5
    # Its text tells a company too, whatever its id.
    table = labels_of(adapted, tmp_path, [{**row, "id": f"x{row['id']}"} for row in rows], book)
    assert table["training"].tolist() == ["cross-fitted"] * 5 + [""] * 5


def test_a_coded_companys_label_does_not_depend_on_its_own_code(start, adapted, tmp_path, book):
    rows = gold_rows(CODED)
    before = labels_of(adapted, tmp_path, rows, book)
    for place, number in enumerate((0, 17, 58)):
        turned = [dict(row) for row in rows]
        turned[number]["customer"] = "private" if rows[number]["customer"] != "private" else "state"
        turned[number]["goods"] = "steel" if rows[number]["goods"] == "software" else "software"
        folder = tmp_path / f"turned{place}"
        train(hand_file(folder, start, turned), out=folder / "mine")
        after = labels_of(folder / "mine", tmp_path, rows, book)
        own = [rows[number]["id"]]
        pd.testing.assert_frame_equal(after.loc[own], before.loc[own], check_exact=True)
        # A fault of the test itself would leave everything alone.
        others = (after != before).drop(index=own)
        assert others["customer.private"].sum() > len(rows) / 2


def test_the_order_of_the_gold_file_changes_nothing(start, adapted, tmp_path, book):
    train(hand_file(tmp_path / "turned", start, gold_rows(CODED)[::-1]), out=tmp_path / "turned" / "mine")
    rows = gold_rows(CODED[:10])
    found = labels_of(tmp_path / "turned" / "mine", tmp_path, rows, book)
    expected = labels_of(adapted, tmp_path, rows, book)
    numbers = [name for name in found if found[name].dtype == float]
    np.testing.assert_allclose(found[numbers], expected[numbers], atol=1e-3)


def test_a_company_coded_in_two_years_is_in_one_fold(start, tmp_path):
    rows = [{**row, "observed": year} for row in gold_rows(CODED[:30]) for year in (2016, 2020)]
    for row in rows[1::2]:
        row["text"] += " The abcd of efgh is in 2020."
    found = train(hand_file(tmp_path, start, rows), out=tmp_path / "mine")
    training = {key: how for key, how in found.manifest["training"].items() if how != "trained"}
    assert {f"id:{row['id']}" for row in rows} < set(training)
    assert len(training) == 30 + 60
    assert set(training.values()) == {"0", "1", "2", "3", "4"}


def test_what_trained_the_start_is_never_cross_fitted_again(adapted, tmp_path, book):
    rows = gold_rows([*CODED[:10], *invented(40, seed=13)])
    train(hand_file(tmp_path / "again", adapted, rows), out=tmp_path / "again" / "mine")
    table = labels_of(tmp_path / "again" / "mine", tmp_path, gold_rows([*CODED, *invented(41, seed=13)]), book)
    assert table["training"].tolist() == ["trained"] * 80 + ["cross-fitted"] * 40 + [""]


def test_texts_may_stand_in_a_table_of_their_own(start, adapted, tmp_path, book):
    rows = gold_rows(CODED)
    folder = tmp_path / "apart"
    path = hand_file(folder, start, [{**row, "text": "", "city": ""} for row in rows], companies="companies.jsonl")
    write_lines(folder / "companies.jsonl", [{name: row[name] for name in ("id", "city", "text")} for row in rows])
    train(path, out=folder / "mine")
    pd.testing.assert_frame_equal(
        labels_of(folder / "mine", tmp_path, rows, book), labels_of(adapted, tmp_path, rows, book), check_exact=True
    )


def test_axes_that_were_not_coded_stay_as_they_were(start, tmp_path):
    rows = [{name: value for name, value in row.items() if name != "goods"} for row in gold_rows(CODED)]
    found = train(hand_file(tmp_path, start, rows), out=tmp_path / "mine")
    before = Labeller.load(start, encoder=HashEncoder(256)).scorer.axes["goods"]
    after = Labeller.load(found.path, encoder=HashEncoder(256)).scorer.axes["goods"]
    assert np.array_equal(before.weights, after.weights)
    assert np.array_equal(before.calibration.slope, after.calibration.slope)
    assert np.array_equal(before.calibration.intercept, after.calibration.intercept)


def test_too_few_coded_companies_with_a_text_are_refused(start, tmp_path):
    rows = gold_rows(CODED[:25])
    for row in rows[19:]:
        row["text"] = ""
    with pytest.raises(DataError, match=r"gold\.jsonl: 19 of 25 coded companies have a text in .*20 at least were exp"):
        train(hand_file(tmp_path, start, rows), out=tmp_path / "mine")
    assert not (tmp_path / "mine" / "manifest.json").exists()


def test_the_start_must_be_a_trained_labeller(start, tmp_path):
    path = hand_file(tmp_path, start, gold_rows(CODED))
    with pytest.raises(ConfigError, match=r"zero-shot: no trained labeller"):
        train(path, ["start=zero-shot"], out=tmp_path / "mine")


def test_the_start_may_lie_beside_the_training_file(start, tmp_path):
    (tmp_path / "beside").symlink_to(start)
    found = train(hand_file(tmp_path, start, gold_rows(CODED), start="beside"), out=tmp_path / "mine")
    assert found.manifest["start"]["name"] == "planted"


# --- what one axis learns


def axis(kind):
    one = {"names": {}, "description": {}, "examples": {}}
    parts = [{"id": "a", **one}, {"id": "b", **one}]
    return Axis.model_validate({"id": "x", "kind": kind, "names": {}, "description": {}, "indicators": parts})


def problem(kind, answers=None, n=60):
    """n companies of three sentences; the sign of the first number of one of them is the code of 'a'."""
    rng = np.random.default_rng(2)
    vectors = 0.3 * rng.normal(size=(3 * n, 6))
    told = rng.random(n) < 0.5
    vectors[::3, 0] += np.where(told, 2.0, 0.0)
    spoken = np.array(["zh", "en"], dtype=object)[np.arange(3 * n) // 3 % 2]
    reference = Reference(("zh", "en"), np.zeros((2, 6)), 1.0)
    weights = np.zeros((6 + 2 + 2, 2))
    weights[0] = 0.2, 0.0
    if answers is None:
        answers = np.stack([told, ~told], axis=1).astype(float)
    coded = Coded(
        Sentences([f"s{row}" for row in range(3 * n)], spoken, vectors),
        np.arange(3 * n) // 3,
        np.full(3 * n, 2),
        np.arange(n) % 2,
        {"x": answers},
        np.arange(n) % 5,
    )
    return AxisModel(axis(kind), reference, weights), np.eye(2, 6), coded


def test_weights_move_towards_the_codes_and_less_the_harder_they_are_held():
    start, anchors, coded = problem("indicators")
    rows = np.ones(60, bool)
    moved = [
        np.abs(adapt_axis(start, None, anchors, coded, rows, hold).weights - start.weights).max()
        for hold in (0.1, 10.0, 1e7)
    ]
    assert moved[0] > moved[1] > moved[2]
    assert moved[0] > 1
    assert moved[2] < 1e-3


def test_it_is_calibrated_out_of_fold_on_the_chosen_companies_alone():
    start, anchors, coded = problem("indicators")
    rows = coded.fold != 2
    expected = adapt_axis(start, None, anchors, coded, rows, 1.0)
    answers = coded.answers["x"].copy()
    answers[~rows] = 1 - answers[~rows]
    found = adapt_axis(start, None, anchors, problem("indicators", answers)[2], rows, 1.0)
    assert np.array_equal(found.weights, expected.weights)
    assert np.array_equal(found.calibration.intercept, expected.calibration.intercept)
    # Labels of noise are found out: in sample they would look learnt.
    rng = np.random.default_rng(3)
    noise = (rng.random((60, 2)) < 0.5).astype(float)
    slope = adapt_axis(start, None, anchors, problem("indicators", noise)[2], np.ones(60, bool), 0.01).calibration.slope
    assert slope[0] < 0.5


def test_codes_that_all_say_the_same_leave_the_weights():
    start, anchors, coded = problem("indicators", np.ones((60, 2)))
    found = adapt_axis(start, None, anchors, coded, np.ones(60, bool), 0.1)
    assert np.array_equal(found.weights, start.weights)
    assert (found.calibration.intercept > 0).all()


def test_companies_that_were_not_coded_teach_nothing():
    start, anchors, coded = problem("indicators")
    answers = coded.answers["x"].copy()
    answers[40:] = np.nan
    expected = adapt_axis(start, None, anchors, coded, np.arange(60) < 40, 1.0)
    found = adapt_axis(start, None, anchors, problem("indicators", answers)[2], np.ones(60, bool), 1.0)
    assert found.weights == pytest.approx(expected.weights)
    assert found.calibration.slope == pytest.approx(expected.calibration.slope)


def test_a_single_choice_is_calibrated_only():
    start, anchors, coded = problem("single")
    found = adapt_axis(start, None, anchors, coded, np.ones(60, bool), 0.1)
    assert np.array_equal(found.weights, start.weights)
    assert found.calibration.slope.shape == (2,)
    # Weights that say the right thing too softly are sharpened.
    assert (found.calibration.slope > 1).all()


def test_of_equal_sentences_the_first_is_the_strongest():
    found = _strongest(np.array([1.0, 3.0, 3.0, 0.0, 0.0]), np.array([0, 0, 0, 2, 2]), 3)
    assert found.tolist() == [1, -1, 3]


def test_codes_without_a_year_teach_the_last_one_only(book, tmp_path):
    rows = [{**row, "observed": year} for row in gold_rows(CODED[:30]) for year in (2016, 2020)]
    for row in rows[1::2]:
        row["text"] += " The abcd of efgh is in 2020."
    table = write_lines(tmp_path / "companies.jsonl", rows)
    gold = write_lines(tmp_path / "gold.jsonl", gold_rows(CODED[:30]))
    chosen, answers = coded_companies(read_companies(table), read_gold(gold, book), book)
    assert chosen.table["observed"].tolist() == [2020] * 30
    assert len(answers["customer"]) == 30
