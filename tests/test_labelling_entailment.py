"""The NLI labeller: what the pipeline is asked, and where its answers go."""

from __future__ import annotations

import json

import numpy as np
import pytest
from encoders import tiny_nli
from labelling_sets import SMALL, company_set
from transformers import pipeline

from chainbert.errors import EncoderError
from chainbert.labelling import Codebook, Labeller
from chainbert.labelling.entailment import TEMPLATES, Entailment

WORDS = SMALL + "".join(TEMPLATES.values()) + "abcdefghijklmnopqrstuvwxyz"


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    path = tmp_path_factory.mktemp("book") / "small.yaml"
    path.write_text(SMALL, encoding="utf-8")
    return Codebook.load(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_nli(tmp_path_factory.mktemp("nli") / "tiny", vocabulary=WORDS)


class Asked:
    """A pipeline whose answer is known: how many letters a text and a wording share; best first, as the real one."""

    def __init__(self):
        self.calls = []

    def __call__(self, texts, *, candidate_labels, hypothesis_template, multi_label):
        self.calls.append((list(texts), list(candidate_labels), hypothesis_template, multi_label))
        answers = []
        for text in texts:
            scored = sorted(((self.score(text, one), one) for one in candidate_labels), reverse=True)
            answers.append({"labels": [one for _, one in scored], "scores": [score for score, _ in scored]})
        return answers

    @staticmethod
    def score(text, wording):
        return len(set(text) & set(wording)) / len(set(wording))


def asked(tmp_path, book, rows, fake):
    labeller = Labeller(Entailment("nli:test", "nli test", tmp_path, [fake]), Labeller.load("cues").config)
    return labeller.label(company_set(tmp_path, rows), book)


def test_each_answer_goes_to_its_indicator_whatever_order_the_pipeline_gives(tmp_path, book):
    rows = [("a", "Government pays"), ("b", "Private people pay")]
    table = asked(tmp_path, book, rows, Asked()).table.set_index("id")
    for name, text in rows:
        for indicator in book.axis("customer").indicators:
            expected = Asked.score(text, indicator.description["en"])
            assert table.loc[name, f"customer.{indicator.id}"] == pytest.approx(expected)
    assert table.loc["a", "customer.state"] == 1
    assert table.loc["b", "customer.private"] == 1


def test_chinese_is_asked_in_chinese_and_english_in_english(tmp_path, book):
    fake = Asked()
    asked(tmp_path, book, [("a", "政府付费。"), ("b", "A lamp."), ("c", "東京のランプを作ります。")], fake)
    customer = [call for call in fake.calls if call[3]]
    # A text in a third language is asked in the codebook's first.
    assert {template: texts for texts, _, template, _ in customer} == {
        TEMPLATES["zh"]: ["政府付费。", "東京のランプを作ります。"],
        TEMPLATES["en"]: ["A lamp."],
    }
    wordings = {template: labels for _, labels, template, _ in customer}
    assert wordings[TEMPLATES["zh"]] == ["政府付费", "民间付费"]
    assert wordings[TEMPLATES["en"]] == ["Government pays", "Private people pay"]


def test_indicators_are_asked_one_by_one_and_values_of_a_choice_against_each_other(tmp_path, book):
    fake = Asked()
    asked(tmp_path, book, [("a", "A lamp.")], fake)
    assert [(labels, several) for _, labels, _, several in fake.calls] == [
        (["Government pays", "Private people pay"], True),
        (["Software", "Steel"], False),
    ]


def test_the_scores_are_those_of_the_pipeline(folder, tmp_path, book):
    texts = {"en": "government lamps", "zh": "政府付费。"}
    table = (
        Labeller.load(f"nli:path:{folder}")
        .label(company_set(tmp_path, list(texts.items())), book)
        .table.set_index("id")
    )
    classify = pipeline("zero-shot-classification", model=str(folder), tokenizer=str(folder), device="cpu")
    for language, text in texts.items():
        for axis in book.axes:
            wordings = {one.description[language]: one.id for one in axis.indicators}
            answer = classify(
                text,
                candidate_labels=list(wordings),
                hypothesis_template=TEMPLATES[language],
                multi_label=axis.kind == "indicators",
            )
            for wording, score in zip(answer["labels"], answer["scores"], strict=True):
                found = table.loc[language, f"{axis.id}.{wordings[wording]}"]
                assert found == pytest.approx(score, abs=1e-5)
    assert np.ptp(table[["customer.state", "customer.private"]].to_numpy()) > 0.01


def test_a_company_is_labelled_the_same_alone_and_among_others(folder, tmp_path, book):
    rows = [("a", "Government pays"), ("b", "A maker of lamps and long steel cables. 政府付费。"), ("c", "x")]
    labeller = Labeller.load(f"nli:path:{folder}")
    columns = ["customer.state", "customer.private", "goods.software"]
    together = labeller.label(company_set(tmp_path, rows), book).table[columns].to_numpy()
    alone = [labeller.label(company_set(tmp_path, [row]), book).table[columns].to_numpy()[0] for row in rows]
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_what_it_is_goes_with_the_labels(folder, tmp_path, book):
    labels = Labeller.load(f"nli:path:{folder}").label(company_set(tmp_path, [("a", "A lamp.")]), book)
    assert labels.labeller == f"nli:path:{folder}"
    assert "files=" in labels.encoder_fingerprint
    assert TEMPLATES["zh"] in labels.encoder_fingerprint


def test_a_model_that_was_not_trained_for_inference_is_refused(tmp_path, book):
    folder = tiny_nli(tmp_path / "moods", labels=("sad", "glad"))
    labeller = Labeller.load(f"nli:path:{folder}")
    with pytest.raises(EncoderError, match=r"its labels are glad, sad; a model of natural language inference, with"):
        labeller.label(company_set(tmp_path, [("a", "A lamp.")]), book)


def test_a_folder_that_is_no_classifier_is_refused(tmp_path, book):
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "config.json").write_text(json.dumps({"model_type": "bert"}))
    labeller = Labeller.load(f"nli:path:{tmp_path / 'empty'}")
    with pytest.raises(EncoderError, match=r"empty: cannot be loaded as a sequence classifier"):
        labeller.label(company_set(tmp_path, [("a", "A lamp.")]), book)


@pytest.mark.parametrize("name", ["nli:", "nli:tiny", "nli:path:nowhere", "nli:bundled:multilingual-e5-small"])
def test_another_form_of_name_is_answered_with_the_two_there_are(name):
    with pytest.raises(EncoderError, match=r"hub:ORG/NAME@REVISION or path:FOLDER \(with a config.json\) was expected"):
        Labeller.load(name)
