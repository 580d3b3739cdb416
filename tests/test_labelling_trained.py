"""A trained labeller: what it has learnt, that neighbours do not matter, and where it says it does not hold."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from encoders import HashEncoder
from hypothesis import given, settings
from hypothesis import strategies as st
from labelling_sets import SMALL, company_set
from training_sets import changed, hashed_labeller, invented, read_set, texts_of, truth_of

from chainbert.embedding import EmbeddingStore
from chainbert.errors import ConfigError, DataError
from chainbert.files import content_hash
from chainbert.labelling import Codebook, Labeller, LabellingConfig
from chainbert.labelling.knownaxis import meaning_of, wording_of
from chainbert.labelling.labeller import trained_labeller
from chainbert.labelling.trained import Trained

NEW = invented(60, seed=5)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return hashed_labeller(tmp_path_factory.mktemp("trained"), invented(240))


@pytest.fixture(scope="module")
def narrow(tmp_path_factory):
    """Without the axis goods."""
    return hashed_labeller(tmp_path_factory.mktemp("narrow"), invented(120), leave_out=["goods"])


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    path = tmp_path_factory.mktemp("book") / "small.yaml"
    path.write_text(SMALL, encoding="utf-8")
    return Codebook.load(path)


@pytest.fixture
def labeller(folder):
    return Labeller.load(folder, encoder=HashEncoder(256))


def by_id(labels):
    return labels.table.drop(columns="key").set_index("id")


def said(labels):
    """What a company's label is made of: all but the status, which may speak of the whole set."""
    table = by_id(labels)
    return table[[name for name in table if not name.endswith(".status")]]


def right(table, companies, axis):
    return np.mean([table.loc[name, axis] == value for name, value in truth_of(companies, axis).items()])


def test_it_knows_what_only_the_training_texts_say(labeller, tmp_path, book):
    companies = read_set(tmp_path, NEW)
    table = by_id(labeller.label(companies, book))
    assert right(table, NEW, "customer") > 0.85
    assert right(table, NEW, "goods") > 0.8
    untrained = by_id(Labeller.load("zero-shot", encoder=HashEncoder(256)).label(companies, book))
    assert right(untrained, NEW, "customer") < 0.5


def test_the_deciding_sentence_is_the_evidence(labeller, tmp_path, book):
    table = by_id(labeller.label(read_set(tmp_path, NEW), book))
    hits = [
        table.loc[name, "customer.state.evidence"] == text
        for name, _, sentences, customer, _ in NEW
        for text, says in sentences
        if customer == "state" and says == ["customer.state"] and table.loc[name, "customer"] == "state"
    ]
    assert len(hits) > 10
    assert np.mean(hits) > 0.9


def test_a_company_is_labelled_the_same_alone_and_among_others_to_the_last_bit(labeller, tmp_path, book):
    rows = texts_of(NEW[:12])
    together = said(labeller.label(company_set(tmp_path, rows), book))
    for row in rows:
        pd.testing.assert_frame_equal(
            said(labeller.label(company_set(tmp_path, [row]), book)), together.loc[[row[0]]], check_exact=True
        )


def test_the_order_of_rows_changes_nothing(labeller, tmp_path, book):
    forward = by_id(labeller.label(read_set(tmp_path, NEW), book))
    backward = by_id(labeller.label(read_set(tmp_path, NEW[::-1]), book))
    pd.testing.assert_frame_equal(backward.loc[forward.index], forward, check_exact=True)


def test_a_row_that_cannot_be_read_keeps_its_place(labeller, tmp_path, book):
    table = by_id(labeller.label(company_set(tmp_path, [("a", ""), *texts_of(NEW[:3])]), book))
    assert table.loc["a", "customer.status"] == "unusable"
    assert np.isnan(table.loc["a", "customer.state"])
    assert table.index[0] == "a"


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 12), st.integers(1, 70), st.integers(1, 6), st.integers(0, 1000))
def test_a_vector_is_moved_alone_to_the_last_bit(rows, dimension, rank, seed):
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(rows, dimension)).astype(np.float32)
    bent = (
        rng.normal(size=(dimension, rank)).astype(np.float32),
        rng.normal(size=(rank, dimension)).astype(np.float32),
    )
    together = Trained.moved(vectors, bent)
    alone = np.concatenate([Trained.moved(vectors[row : row + 1], bent) for row in range(rows)])
    assert np.array_equal(together, alone)
    assert np.linalg.norm(together, axis=1) == pytest.approx(np.ones(rows), abs=1e-5)


def test_companies_of_the_kind_it_knows_are_labelled_without_a_note(labeller, tmp_path, book):
    labels = labeller.label(read_set(tmp_path, NEW), book)
    assert (labels.table["customer.status"] == "not transferable").mean() < 0.1
    assert labels.notes == ()
    assert labels.table["training"].unique().tolist() == [""]


def test_another_kind_of_set_is_marked_and_keeps_its_values(labeller, tmp_path, book):
    rows = [(str(number), f"Steel {number} steel steel steel steel {number * 7}.") for number in range(30)]
    labels = labeller.label(company_set(tmp_path, rows), book)
    table = by_id(labels)
    assert set(table["customer.status"]) == set(table["goods.status"]) == {"not transferable"}
    assert (table["goods"] != "").all()
    (note,) = labels.notes
    assert "unlike those 'planted' was calibrated on (100% of them lie beyond its threshold" in note
    assert "Code a sample by hand" in note


def test_an_axis_that_training_did_not_see_is_learnt_from_the_codebook(narrow, tmp_path, book):
    rows = [("a", "It writes software."), ("b", "生产钢铁。"), ("c", "It makes steel.")]
    labels = Labeller.load(narrow, encoder=HashEncoder(256)).label(company_set(tmp_path, rows), book)
    table = by_id(labels)
    assert table["goods"].tolist() == ["software", "steel", "steel"]
    # Nothing was calibrated on this axis, so nothing is lost.
    assert "not transferable" not in set(table["goods.status"])
    assert not [note for note in labels.notes if "Axis" in note]


def test_other_examples_keep_the_weights_and_lose_the_calibration(labeller, tmp_path, book):
    first = book.axis("customer").indicators[0]
    examples = {**first.examples, "en": (*first.examples["en"], "It sells to town halls.")}
    reworded = changed(
        book,
        "customer",
        indicators=(first.model_copy(update={"examples": examples}), book.axis("customer").indicators[1]),
    )
    companies = read_set(tmp_path, NEW)
    before, after = labeller.label(companies, book), labeller.label(companies, reworded)
    assert set(after.table["customer.status"]) == {"not transferable"}
    assert set(after.table["goods.status"]) >= {"labelled"}
    pd.testing.assert_series_equal(after.table["customer.state"], before.table["customer.state"], check_exact=True)
    (note,) = after.notes
    assert "Axis 'customer' is worded otherwise than the one 'planted' was calibrated with" in note
    assert "Calibrate with hand codes under this codebook" in note


def test_another_meaning_is_learnt_from_its_own_words(labeller, tmp_path, book):
    axis = book.axis("customer")
    state, private = axis.indicators
    # The two indicators change places in all but their ids.
    turned = changed(
        book,
        "customer",
        indicators=(private.model_copy(update={"id": "state"}), state.model_copy(update={"id": "private"})),
    )
    rows = [("a", "It serves the government."), ("b", "An app for consumers.")]
    labels = labeller.label(company_set(tmp_path, rows), turned)
    table = by_id(labels)
    assert table["customer"].tolist() == ["private", "state"]
    assert set(table["customer.status"]) == {"not transferable"}
    (note,) = (note for note in labels.notes if "Axis" in note)
    assert "Axis 'customer' means something else than the one 'planted' was calibrated with" in note


def test_meaning_is_descriptions_and_rules_and_not_examples_names_or_cues(book):
    axis = book.axis("customer")
    first = axis.indicators[0]

    def with_first(**updates):
        return axis.model_copy(update={"indicators": (first.model_copy(update=updates), axis.indicators[1])})

    for same in ({"examples": {"en": ("x",)}}, {"names": {"en": "x"}}, {"cues": {}}, {"counter_examples": {}}):
        assert meaning_of(with_first(**same)) == meaning_of(axis)
        assert wording_of(with_first(**same)) != wording_of(axis)
    for other in ({"description": {"en": "x"}}, {"include": {"en": ("x",)}}, {"exclude": {"en": ("x",)}}):
        assert meaning_of(with_first(**other)) != meaning_of(axis)
    assert meaning_of(axis.model_copy(update={"neutral": {}})) == meaning_of(axis)


def test_companies_that_trained_it_say_so_by_id_or_by_text(labeller, tmp_path, book):
    rows = texts_of(NEW[:4])
    training = {f"id:{rows[0][0]}": "trained", f"text:{content_hash(rows[1][1])}": "0"}
    scorer = replace(labeller.scorer, training=training, folds=(labeller.scorer.axes,))
    labels = Labeller(scorer, labeller.config).label(company_set(tmp_path, rows), book)
    assert labels.table["training"].tolist() == ["trained", "cross-fitted", "", ""]


def test_a_company_of_a_fold_is_labelled_by_the_part_that_did_not_see_it(labeller, tmp_path, book):
    rows = texts_of(NEW[:3])
    axis = labeller.scorer.axes["customer"]
    none = replace(axis, weights=np.zeros_like(axis.weights))
    scorer = replace(labeller.scorer, training={f"id:{rows[1][0]}": "0"}, folds=({"customer": none},))
    own = said(Labeller(scorer, labeller.config).label(company_set(tmp_path, rows), book))
    plain = said(labeller.label(company_set(tmp_path, rows), book))
    same = own.drop(columns="training").eq(plain.drop(columns="training")) | plain.drop(columns="training").isna()
    assert same.loc[[rows[0][0], rows[2][0]]].all(axis=None)
    expected = none.calibration.apply(book.axis("customer"), np.full((1, 2), 0.5), np.array([1]))
    assert own.loc[rows[1][0], ["customer.state", "customer.private"]].tolist() == pytest.approx(expected[0])
    # Axes that no fold of it knows are the whole labeller's.
    assert own.loc[rows[1][0], "goods.steel"] == plain.loc[rows[1][0], "goods.steel"]


def test_vectors_are_stored_and_a_new_codebook_costs_its_own_sentences(folder, tmp_path, book):
    encoder, store = HashEncoder(256), EmbeddingStore(tmp_path / "store")
    labeller = Labeller.load(folder, encoder=encoder)
    companies = read_set(tmp_path, NEW)
    first = labeller.label(companies, book, store=store)
    encoder.encoded.clear()
    again = labeller.label(companies, book, store=store)
    assert encoder.encoded == []
    pd.testing.assert_frame_equal(again.table, first.table, check_exact=True)


def test_what_produced_the_labels_goes_with_them(folder, labeller, tmp_path, book):
    labels = labeller.label(read_set(tmp_path, NEW), book)
    assert labels.labeller == "planted"
    assert labels.encoder_fingerprint.startswith(HashEncoder(256).fingerprint)
    other = hashed_labeller(tmp_path / "other", invented(120, seed=1))
    assert Trained.load(other, HashEncoder(256)).fingerprint != labels.encoder_fingerprint
    assert Trained.load(folder, HashEncoder(256)).fingerprint == labels.encoder_fingerprint


def test_an_encoder_it_was_not_checked_with_is_not_used(folder, monkeypatch):
    asked = []

    def load(name):
        asked.append(name)
        return HashEncoder(256)

    monkeypatch.setattr("chainbert.labelling.trained.load_encoder", load)
    stranger = HashEncoder(256, name="test:stranger")
    assert Trained.load(folder, stranger).base is not stranger
    own = HashEncoder(256)
    assert Trained.load(folder, own).base is own
    assert asked == ["bundled:multilingual-e5-small"]


def test_the_same_model_in_another_precision_is_used_and_its_labels_are_marked(tmp_path, book):
    folder = hashed_labeller(tmp_path / "labeller", invented(120), relatives=["test:finer"])
    finer = HashEncoder(256, name="test:finer")
    labeller = Labeller.load(folder, encoder=finer)
    assert labeller.scorer.base is finer
    labels = labeller.label(read_set(tmp_path, NEW), book)
    assert labels.table["customer.status"].unique().tolist() == ["not transferable"]
    assert "in another precision and has not been checked with it" in labels.notes[0]
    own = Labeller.load(folder, encoder=HashEncoder(256)).label(read_set(tmp_path, NEW), book)
    assert labels.table["customer"].tolist() == own.table["customer"].tolist()


def test_its_own_encoder_must_be_one_it_was_checked_with(folder, monkeypatch):
    monkeypatch.setattr("chainbert.labelling.trained.load_encoder", lambda _: HashEncoder(256, max_tokens=9))
    with pytest.raises(DataError, match=r"labeller: was trained on bundled:multilingual-e5-small.*is another now"):
        Trained.load(folder)


def test_a_damaged_labeller_is_not_loaded(folder, tmp_path):

    copy = shutil.copytree(folder, tmp_path / "copy")
    content = bytearray((copy / "weights.safetensors").read_bytes())
    content[-1] ^= 1
    (copy / "weights.safetensors").write_bytes(content)
    with pytest.raises(DataError, match=r"weights\.safetensors: is not the file that was saved"):
        Labeller.load(copy, encoder=HashEncoder(256))
    (copy / "manifest.json").unlink()
    with pytest.raises(DataError, match=r"has no manifest\.json"):
        Labeller.load(copy, encoder=HashEncoder(256))


def test_adapting_needs_a_trained_one(folder):
    assert trained_labeller(folder, HashEncoder(256)).name == "planted"
    with pytest.raises(ConfigError, match=r"zero-shot: no trained labeller\."):
        trained_labeller("zero-shot")


def test_the_manifest_tells_how_it_came_about(folder, book):
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["codebooks"] == {"small": book.version}
    assert set(manifest["axes"]) == {"customer", "goods"}
    assert manifest["sentences"]["trained"] > 3 * manifest["sentences"]["calibrated"] > 0
    assert set(manifest["metrics"]["Companies kept out of the weights"]) == {
        "customer.state",
        "customer.private",
        "goods",
    }
    assert manifest["metrics"]["Companies kept out of the weights"]["customer.state"]["macro_f1"] > 0.85


def test_its_settings_abstain_as_any_labellers(folder, tmp_path, book):
    shy = Labeller.load(folder, encoder=HashEncoder(256), config=LabellingConfig(abstain_band=0.49))
    status = by_id(shy.label(read_set(tmp_path, NEW), book))["customer.status"]
    assert (status == "abstained").mean() > 0.5
