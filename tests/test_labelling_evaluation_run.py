"""Several labellers judged by one set of hand codes: the file, the matching, the stresses, and going on."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from encoders import HashEncoder
from evaluation_sets import PAIRS, WORDINGS, invented, write_evaluation_file
from hypothesis import given
from hypothesis import strategies as st
from labelling_sets import SMALL, company_set
from ruamel.yaml import YAML

from chainbert.errors import ConfigError, DataError
from chainbert.labelling import Codebook, Labeller, read_gold
from chainbert.labelling.evaluation import run as run_module
from chainbert.labelling.evaluation import unseen as unseen_module
from chainbert.labelling.evaluation.baselines import fitted_probabilities, label_by_folds
from chainbert.labelling.evaluation.bootstrap import Estimate
from chainbert.labelling.evaluation.cache import LabelCache
from chainbert.labelling.evaluation.coded import match_companies, read_texts
from chainbert.labelling.evaluation.config import evaluation_path, load_evaluation
from chainbert.labelling.evaluation.parity import Pairs, language_parity, read_pairs
from chainbert.labelling.evaluation.run import evaluate_labellers
from chainbert.labelling.evaluation.summary import difference_lines, shown, stress_lines, summary_lines, text_table
from chainbert.labelling.evaluation.unseen import evaluate_unseen
from chainbert.labelling.evaluation.wordings import read_wordings, reworded, wording_stress

SMALL_BOOK = Codebook.model_validate(YAML(typ="safe").load(SMALL))


@pytest.fixture(autouse=True)
def hashing(monkeypatch):
    monkeypatch.setattr(run_module, "load_encoder", lambda _: HashEncoder())


@pytest.fixture
def codebook():
    return SMALL_BOOK


def evaluated(folder, out=None, rows=None, **settings):
    return evaluate_labellers(load_evaluation(write_evaluation_file(folder, rows, **settings)), out or folder / "out")


def coded_of(folder, codebook, rows):
    path = folder / "gold.jsonl"
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    return match_companies(read_gold(path, codebook), read_texts(path, path))


# The file.


def test_paths_start_at_the_files_folder_and_those_of_the_command_line_at_the_working_folder(tmp_path, monkeypatch):
    path = write_evaluation_file(tmp_path)
    monkeypatch.chdir(tmp_path.parent)
    assert load_evaluation(path).gold == tmp_path / "gold.jsonl"
    assert str(load_evaluation(path, ["gold=elsewhere.jsonl"]).gold) == "elsewhere.jsonl"


def test_companies_are_the_gold_file_unless_named(tmp_path):
    path = write_evaluation_file(tmp_path)
    assert load_evaluation(path).companies == tmp_path / "gold.jsonl"
    assert load_evaluation(path, ["companies=c.csv"]).companies.name == "c.csv"


def test_the_demo_is_known_by_its_sign():
    plan = load_evaluation("demo")
    assert (plan.gold.name, plan.companies.name) == ("gold.jsonl", "companies.jsonl")
    assert plan.gold.is_file()
    assert plan.companies.is_file()


def test_every_fault_of_the_file_is_told_at_once(tmp_path):
    path = write_evaluation_file(tmp_path, gold=None, labellers=["cues", "cues"], leave_one_axis_out=["custmer"])
    with pytest.raises(ConfigError) as found:
        load_evaluation(path)
    message = str(found.value)
    assert "'gold' is not given; name the file of hand codes here or with --set gold=FILE" in message
    assert "'cues' is named twice" in message
    assert "'custmer' is no axis of codebook small. Did you mean 'customer'?" in message
    assert "leave_one_axis_out: needs 'training'" in message


def test_unknown_evaluation_is_suggested():
    with pytest.raises(ConfigError, match=r"dmo: neither an evaluation file nor a shipped one. Did you mean 'demo'\?"):
        evaluation_path("dmo")


def test_unknown_labeller_is_suggested_before_anything_is_labelled(tmp_path):
    with pytest.raises(ConfigError, match=r"'ceus' is no shipped labeller .* Did you mean 'cues'\?"):
        evaluated(tmp_path, labellers=["zero-shot", "ceus"])
    assert not (tmp_path / "out" / ".labels").exists()


def test_nothing_to_judge_is_told(tmp_path):
    with pytest.raises(ConfigError, match="labellers: is empty, and there are no baselines"):
        load_evaluation(write_evaluation_file(tmp_path, labellers=[]))


# What comes out.


def test_a_dictionary_on_texts_made_of_its_cues_is_right(tmp_path):
    found = evaluated(tmp_path)
    (one,) = found.labellers
    assert one.evaluation.find("mean", "macro_f1") == Estimate(1.0, 1.0, 1.0)
    assert one.evaluation.find("customer", "accuracy").value == 1
    assert one.unseen == ("customer", "goods")
    assert {overlap.question: overlap.share for overlap in one.evidence}["customer.state"] == 1


def test_the_ceiling_is_one_coder_against_the_other(tmp_path):
    found = evaluated(tmp_path)
    # coder_a leaves out the state customer of 4 companies that coder_b codes state.
    assert found.ceiling.find("customer", "accuracy").value == 1 - 4 / 32
    assert (found.ceiling.name, found.ceiling.against) == ("coder_a", "coder_b")
    assert set(found.agreement["group"]) == {"all", "en", "zh"}


def test_one_coding_has_no_ceiling_and_says_so(tmp_path):
    found = evaluated(tmp_path, rows=invented(coders=False))
    assert found.ceiling is None
    assert found.agreement is None
    assert "The gold file has one coding only, so there is no human ceiling and no agreement." in found.notes


def test_everything_is_written_and_nothing_is_nan(tmp_path):
    (tmp_path / "words.yaml").write_text(WORDINGS, encoding="utf-8")
    (tmp_path / "pairs.jsonl").write_text("\n".join(map(json.dumps, PAIRS)), encoding="utf-8")
    found = evaluated(
        tmp_path,
        labellers=["zero-shot", "cues"],
        baselines=["vectors", "vectors-and-cues"],
        wordings="words.yaml",
        parity="pairs.jsonl",
    )
    out = tmp_path / "out"
    plain = json.loads((out / "evaluation.json").read_text(encoding="utf-8"), parse_constant=pytest.fail)
    assert [one["name"] for one in plain["labellers"]] == ["zero-shot", "cues", "vectors + LR", "vectors + cues + LR"]
    assert [line["kind"] for line in plain["summary"]] == ["labeller", "labeller", "baseline", "baseline", "coders"]
    table = pd.read_csv(out / "evaluation.csv")
    assert set(table["part"]) == {"labeller", "evidence", "wordings", "parity", "difference", "ceiling", "agreement"}
    cell = table[(table["part"] == "labeller") & (table["labeller"] == "cues") & (table["question"] == "mean")]
    assert cell[(cell["group"] == "all") & (cell["metric"] == "macro_f1")]["value"].item() == 1
    labels = pd.read_csv(out / "labels" / "vectors-cues-LR.csv")
    assert set(labels["training"]) == {"cross-fitted"}
    assert len(list(difference_lines(found))) == 3
    said = list(stress_lines(found))
    assert said[0].startswith("zero-shot: .000 [.00, .00] of the answers change under 4 other wordings, at worst .000")
    assert said[3].startswith("cues: .938 [")
    assert said[3].endswith("of the answers are the same in 4 translated pairs")


def test_the_first_labeller_is_compared_with_each_other(tmp_path):
    found = evaluated(tmp_path, labellers=["cues", "zero-shot"], baselines=["vectors"])
    assert [(one.first, one.second) for one in found.differences] == [("cues", "zero-shot"), ("cues", "vectors + LR")]
    first, second, _ = (one.evaluation.find("mean", "macro_f1").value for one in found.labellers)
    assert found.differences[0].find("mean", "macro_f1").estimate.value == pytest.approx(first - second)


def test_the_summary_has_a_column_a_labeller_and_dashes_where_coders_have_no_probability(tmp_path):
    lines = summary_lines(evaluated(tmp_path))
    rows = list(text_table(lines))
    assert rows[0].split() == ["cues", "coder_a", "against", "cod…"]
    assert next(row for row in rows if row.startswith("macro-F1 mean")).split()[2:5] == ["1.000", "[1.00,", "1.00]"]
    assert next(row for row in rows if row.startswith("calibration error")).split()[-1] == "–"


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (Estimate(None), "–"),
        (Estimate(0.9127), ".913"),
        (Estimate(-0.067, -0.12, 0.004), "−.067 [−.12, .00]"),
        (Estimate(1.0, 0.995, 1.0), "1.000 [.99, 1.00]"),
    ],
)
def test_numbers_are_shown(found, said):
    assert shown(found) == said


def test_the_same_call_gives_the_same_numbers(tmp_path):
    one = evaluated(tmp_path, tmp_path / "one", labellers=["zero-shot"], baselines=["vectors"])
    other = evaluated(tmp_path, tmp_path / "other", labellers=["zero-shot"], baselines=["vectors"])
    pd.testing.assert_frame_equal(one.table(), other.table())


def test_row_order_changes_no_score_of_a_baseline(tmp_path):
    one = evaluated(tmp_path, tmp_path / "one", labellers=[], baselines=["vectors"])
    other = evaluated(tmp_path, tmp_path / "other", rows=invented()[::-1], labellers=[], baselines=["vectors"])
    scores = [found.labellers[0].evaluation.find("mean", "macro_f1").value for found in (one, other)]
    assert scores[0] == pytest.approx(scores[1], abs=1e-9)


# Going on.


def test_an_interrupted_evaluation_goes_on_with_the_labels_it_has(tmp_path, monkeypatch):
    path = write_evaluation_file(tmp_path, labellers=["cues", "zero-shot"])
    labelled, label = [], Labeller.label

    def interrupted(self, *arguments, **named):
        labelled.append(self.name)
        if labelled == ["cues", "zero-shot"]:
            raise KeyboardInterrupt
        return label(self, *arguments, **named)

    monkeypatch.setattr(Labeller, "label", interrupted)
    with pytest.raises(KeyboardInterrupt):
        evaluate_labellers(load_evaluation(path), tmp_path / "out")
    assert not (tmp_path / "out" / "evaluation.json").exists()
    evaluate_labellers(load_evaluation(path), tmp_path / "out")
    assert labelled == ["cues", "zero-shot", "zero-shot"]


def test_kept_labels_are_those_that_were_made(tmp_path, codebook):
    coded = coded_of(tmp_path, codebook, invented())
    cache = LabelCache(tmp_path / "kept")
    made = cache.label(Labeller.load("cues"), coded.companies, coded.digest, codebook, None)
    kept = cache.label(Labeller.load("cues"), coded.companies, coded.digest, codebook, None)
    pd.testing.assert_frame_equal(made.labels.table, kept.labels.table)
    assert kept.seconds == made.seconds
    assert (kept.labels.notes, kept.labels.labeller) == (made.labels.notes, "cues")


@pytest.mark.parametrize("changed", ["text", "codebook"])
def test_other_texts_or_another_codebook_are_labelled_anew(tmp_path, codebook, changed):
    rows = invented()
    coded = coded_of(tmp_path, codebook, rows)
    cache = LabelCache(tmp_path / "kept")
    cache.label(Labeller.load("cues"), coded.companies, coded.digest, codebook, None)
    if changed == "text":
        rows[0]["text"] += " It serves the government."
        coded = coded_of(tmp_path, codebook, rows)
    else:
        codebook = Codebook.model_validate(codebook.model_dump(mode="json") | {"title": {"zh": "别的", "en": "Other"}})
    cache.label(Labeller.load("cues"), coded.companies, coded.digest, codebook, None)
    assert len(list((tmp_path / "kept").iterdir())) == 2


# Codes and companies.


def test_coded_companies_that_the_table_lacks_are_named_and_counted(tmp_path):
    rows = invented()
    path = write_evaluation_file(tmp_path, rows, companies="companies.jsonl")
    there = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows[2:])
    (tmp_path / "companies.jsonl").write_text(there, encoding="utf-8")
    found = evaluate_labellers(load_evaluation(path), tmp_path / "out")
    assert found.coded.missing == ("c00", "c01")
    assert any(
        note.startswith("2 of 32 coded companies are not in") and note.endswith("left out: c00, c01.")
        for note in found.notes
    )
    assert found.ceiling.companies["all"] == 30


def test_companies_of_another_table_are_refused(tmp_path):
    path = write_evaluation_file(tmp_path, companies="companies.jsonl")
    (tmp_path / "companies.jsonl").write_text('{"id": "x", "city": "Beijing", "text": "Steel."}', encoding="utf-8")
    with pytest.raises(DataError, match=r"none of 32 coded companies is in .*companies.jsonl: c00, c01, .*, …"):
        evaluate_labellers(load_evaluation(path), tmp_path / "out")


def test_a_gold_file_without_texts_asks_for_the_table(tmp_path):
    rows = [{"id": row["id"], "customer": row["customer"]} for row in invented()]
    with pytest.raises(ConfigError, match=r"Name the table with the texts of the coded companies: companies: FILE"):
        evaluated(tmp_path, rows=rows)


def test_a_gold_file_without_codes_is_refused(tmp_path):
    rows = [{"id": row["id"], "text": row["text"]} for row in invented()]
    with pytest.raises(DataError, match="customer"):
        evaluated(tmp_path, rows=rows)


@pytest.mark.parametrize(("how", "refused"), [("trained", True), ("cross-fitted", False)])
def test_a_labeller_that_the_coded_companies_trained_is_refused(tmp_path, monkeypatch, how, refused):
    label = Labeller.label

    def marked(self, *arguments, **named):
        labels = label(self, *arguments, **named)
        labels.table["training"] = [how, *[""] * (len(labels.table) - 1)]
        return labels

    monkeypatch.setattr(Labeller, "label", marked)
    if refused:
        with pytest.raises(DataError, match=r"1 of 32 coded companies trained cues: c00.*judged by its memory"):
            evaluated(tmp_path)
    else:
        assert evaluated(tmp_path).labellers[0].evaluation.companies["all"] == 32


def test_codes_find_the_row_of_their_year_and_the_last_one_without(tmp_path, codebook):
    rows = [
        {"id": "a", "observed": 2018, "text": "Old text of a.", "customer": "state"},
        {"id": "a", "observed": 2022, "text": "New text of a.", "customer": "private"},
        {"id": "b", "observed": 2018, "text": "Old text of b.", "customer": ""},
        {"id": "b", "observed": 2022, "text": "New text of b.", "customer": ""},
    ]
    coded = coded_of(tmp_path, codebook, rows)
    assert coded.companies.table["text"].iloc[coded.rows].tolist() == [row["text"] for row in rows]
    (tmp_path / "codes.csv").write_text("id,customer\na,state\nb,private\n", encoding="utf-8")
    undated = match_companies(
        read_gold(tmp_path / "codes.csv", codebook), read_texts(tmp_path / "gold.jsonl", tmp_path)
    )
    assert undated.companies.table["text"].iloc[undated.rows].tolist() == ["New text of a.", "New text of b."]
    (tmp_path / "dated.csv").write_text("id,observed,customer\na,2018,state\nb,2019,private\n", encoding="utf-8")
    dated = match_companies(read_gold(tmp_path / "dated.csv", codebook), read_texts(tmp_path / "gold.jsonl", tmp_path))
    assert dated.missing == ("b of 2019",)
    assert dated.companies.table["text"].iloc[dated.rows].tolist() == ["Old text of a."]


# Baselines.


def test_a_baseline_learns_what_others_codes_say_and_nothing_from_random_ones(tmp_path, codebook):
    rows = invented(64, coders=False)
    rng = np.random.default_rng(3)
    accuracy = {}
    for kind in ("planted", "random"):
        if kind == "random":
            values = rng.permutation([row["customer"] for row in rows])
            rows = [row | {"customer": str(value)} for row, value in zip(rows, values, strict=True)]
        coded = coded_of(tmp_path, codebook, rows)
        labels = label_by_folds(
            "vectors-and-cues", coded, codebook, HashEncoder(), None, folds=5, rng=np.random.default_rng(1)
        )
        said = labels.table["customer"].to_numpy()[coded.rows]
        accuracy[kind] = (said == coded.gold.table["customer"].to_numpy()).mean()
    assert accuracy["planted"] > 0.9
    assert accuracy["random"] < 0.45


def test_a_baseline_without_both_answers_gives_the_share(codebook):
    axis = codebook.axis("customer")
    answers = np.column_stack([np.ones(6), np.array([0, 1, 0, 1, np.nan, np.nan])])
    train = np.array([True, True, True, True, False, False])
    found = fitted_probabilities(axis, np.eye(6), answers, train, ~train, 1.0)
    assert found[:, 0].tolist() == [1, 1]
    single = fitted_probabilities(codebook.axis("goods"), np.eye(6), np.eye(2)[[0] * 6], train, ~train, 1.0)
    assert single.tolist() == [[1, 0], [1, 0]]


# Other wordings.


def test_paraphrases_replace_descriptions_of_their_language_only(tmp_path, codebook):
    path = tmp_path / "words.yaml"
    path.write_text(WORDINGS, encoding="utf-8")
    books = {(language, number): book for language, number, book in reworded(codebook, read_wordings(path, codebook))}
    assert list(books) == [("zh", 1), ("zh", 2), ("en", 1), ("en", 2)]
    axis = books["zh", 2].axis("customer")
    assert axis.description == {"zh": "钱从哪里来", "en": "Who pays"}
    assert axis.indicators[0].description == {"zh": "公家买单", "en": "Government pays"}
    assert axis.indicators[1] == codebook.axis("customer").indicators[1]
    assert len({book.version for book in books.values()} | {codebook.version}) == 5


def test_faults_of_wordings_are_told_at_once(tmp_path, codebook):
    path = tmp_path / "words.yaml"
    text = WORDINGS.replace("codebook: small", "codebook: smal").replace("state:", "sate:").replace("谁掏钱, ", "")
    path.write_text(text + "  god: {zh: [一, 二]}\n", encoding="utf-8")
    with pytest.raises(ConfigError) as found:
        read_wordings(path, codebook)
    message = str(found.value)
    assert "words.yaml:1:1: rewords codebook 'smal'; 'small' is evaluated" in message
    assert "'sate' is no indicator of customer. Did you mean 'state'?" in message
    assert "'god' is no axis of codebook small. Did you mean 'goods'?" in message
    assert "lists of 1, 2 paraphrases in zh; equally long ones were expected" in message


def labelled(codebook, folder, values):
    companies = company_set(folder, [(f"c{place}", text) for place, text in enumerate(values)])
    return Labeller.load("cues").label(companies, codebook).table


def test_flip_rates_count_answers_that_change(tmp_path, codebook):
    base = labelled(codebook, tmp_path, ["It serves the government."] * 4)
    other = labelled(codebook, tmp_path, ["It serves the government."] * 3 + ["An app for consumers."])
    found = wording_stress(codebook, base, [("zh", 1, base), ("en", 1, other)], rng=np.random.default_rng(0), draws=200)
    # One of 4 companies turns from state to private: 2 of 4 × 4 answers in one of two wordings.
    assert found.find().value == pytest.approx(2 / 32)
    assert found.find("customer.state", "en", 1).value == 1 / 4
    assert found.find("goods.steel").value == 0
    assert (found.worst.language, found.worst.paraphrase) == ("en", 1)
    assert found.moved
    assert found.find().low <= 2 / 32 <= found.find().high


def test_the_same_labels_under_every_wording_never_flip(tmp_path, codebook):
    base = labelled(codebook, tmp_path, ["It serves the government.", "An app for consumers."])
    found = wording_stress(codebook, base, [("zh", 1, base)], rng=np.random.default_rng(0), draws=50)
    assert {one.share.value for one in found.flips} == {0.0}
    assert not found.moved


# Translated pairs.


def pairs_file(folder, rows):
    path = folder / "pairs.jsonl"
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    return path


def test_parity_of_a_known_case(tmp_path, codebook):
    pairs = read_pairs(pairs_file(tmp_path, PAIRS), codebook)
    labels = Labeller.load("cues").label(pairs.companies, codebook).table
    found = {
        one.question: one for one in language_parity(labels, pairs, codebook, rng=np.random.default_rng(0), draws=99)
    }
    # "An app for shoppers." has no cue: the one pair whose answers differ.
    assert found["customer.state"].same.value == 1
    assert found["customer.private"].same.value == 3 / 4
    assert found["customer.private"].yes == {"zh": 1 / 4, "en": 0.0}
    assert found["customer.private"].difference.value == 1 / 4
    assert found["customer.private"].f1["zh"].value == 1
    assert found["customer.private"].f1["en"].value == 0
    assert found["mean"].same.value == pytest.approx((1 + 3 / 4 + 1 + 1) / 4)
    # Of a single choice only pairs that name a value are judged.
    assert found["goods.software"].f1["zh"].value == 1
    assert found["customer.state"].same.low < 1


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=12))
def test_parity_is_the_same_with_the_languages_exchanged(answers):
    one, other = (parity_of(said) for said in (answers, [(en, zh) for zh, en in answers]))
    assert one.same == other.same
    assert one.same.value == pytest.approx(np.mean([zh == en for zh, en in answers]))
    assert one.difference.value == -other.difference.value


def parity_of(answers):
    """Of state, where a labeller gave these (zh, en) answers."""
    names = tuple(f"p{place}" for place in range(len(answers)))
    pairs = Pairs(names, names, names, (frozenset(),) * len(names), "", "")
    said = np.array([zh for zh, _ in answers] + [en for _, en in answers])
    labels = pd.DataFrame({"customer": np.where(said, "state", "unclear"), "goods": "steel"})
    found = language_parity(labels, pairs, SMALL_BOOK, rng=np.random.default_rng(0), draws=20)
    return next(one for one in found if one.question == "customer.state")


def test_faults_of_pairs_are_told_with_their_lines(tmp_path, codebook):
    rows = [
        PAIRS[0],
        PAIRS[0],
        {"pair": "x", "zh": " ", "en": "A", "says": "state"},
        PAIRS[1] | {"says": ["customer.sate"]},
    ]
    with pytest.raises(DataError) as found:
        read_pairs(pairs_file(tmp_path, rows), codebook)
    message = str(found.value)
    assert "pairs.jsonl:2: pair 'a' was already given in line 1" in message
    assert "pairs.jsonl:3: 'zh' is ' '; text was expected" in message
    assert "pairs.jsonl:3: 'says' is 'state'; a list such as [customer.state] was expected" in message
    assert "pairs.jsonl:4: 'customer.sate' is no indicator of the codebook. Did you mean 'customer.state'?" in message


@pytest.mark.parametrize(
    ("text", "said"), [("", "holds no pairs"), ("[1]", "JSON object was expected"), ("{", "no JSON")]
)
def test_a_file_without_pairs_is_refused(tmp_path, codebook, text, said):
    path = tmp_path / "pairs.jsonl"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=said):
        read_pairs(path, codebook)


# An axis left out.


def test_a_labeller_trained_without_an_axis_is_judged_on_that_axis_only(tmp_path, codebook, monkeypatch):
    trained = []
    load = Labeller.load

    def train(path, overrides, *, out, **_):
        trained.append((path.name, overrides, out.name))

    monkeypatch.setattr(unseen_module, "train", train)
    monkeypatch.setattr(unseen_module.Labeller, "load", lambda _: load("cues"))
    found = evaluate_unseen(
        "goods",
        tmp_path / "train.yaml",
        coded_of(tmp_path, codebook, invented()),
        codebook,
        LabelCache(tmp_path / "kept"),
        None,
        tmp_path / "left-out" / "goods",
        rng=np.random.default_rng(0),
        draws=20,
    )
    assert trained == [("train.yaml", ("leave_out=[goods]",), "goods")]
    assert found.evaluation.name == "cues without goods"
    assert found.evaluation.find("goods", "accuracy").value == 1
    with pytest.raises(KeyError):
        found.evaluation.find("customer", "accuracy")
