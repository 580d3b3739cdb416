"""The zero-shot labeller on a small codebook: laws that hold whatever the encoder knows."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from encoders import HashEncoder
from labelling_sets import SMALL, company_set

from chainbert.embedding import EmbeddingStore
from chainbert.errors import ConfigError
from chainbert.labelling import Codebook, Labeller, LabellingConfig

FILLER = "公司成立于某年。掌握核心算法。"
ROWS = [
    ("a", "It serves the government. It holds patents."),
    ("b", "面向消费者的应用。掌握核心算法。"),
    ("c", "为政府和消费者服务。生产钢铁。"),
    ("d", "It was founded some time ago. It holds patents."),
    ("e", ""),
    ("f", "It writes software. It writes software for merchants.", "Steel Police"),
]


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    path = tmp_path_factory.mktemp("book") / "small.yaml"
    path.write_text(SMALL, encoding="utf-8")
    return Codebook.load(path)


@pytest.fixture
def labeller():
    return Labeller.load("zero-shot", encoder=HashEncoder())


def label(labeller, folder, book, rows, **options):
    return labeller.label(company_set(folder, rows), book, **options)


def by_id(labels):
    return labels.table.drop(columns="key").set_index("id")


def test_values_come_from_what_the_text_says(labeller, tmp_path, book):
    table = by_id(label(labeller, tmp_path, book, ROWS))
    assert table["customer"].to_dict() == {
        "a": "state",
        "b": "private",
        "c": "mixed",
        "d": "unclear",
        "e": "",
        "f": "mixed",
    }
    assert table.loc["c", "goods"] == "steel"
    assert table.loc["f", "goods"] == "software"


def test_evidence_is_the_deciding_sentence_at_its_place_in_the_text(labeller, tmp_path, book):
    companies = company_set(tmp_path, ROWS)
    table = by_id(labeller.label(companies, book))
    row = table.loc["a"]
    assert row["customer.state.evidence"] == "It serves the government."
    text = companies.table.set_index("id").loc["a", "text"]
    assert text[row["customer.state.start"] : row["customer.state.end"]] == "It serves the government."
    assert (row["customer.private.evidence"], row["customer.private.start"], row["customer.private.end"]) == (
        "",
        -1,
        -1,
    )
    assert row["customer.private"] < 0.5


def test_the_name_is_one_more_sentence_without_offsets(labeller, tmp_path, book):
    row = by_id(label(labeller, tmp_path, book, ROWS)).loc["f"]
    assert row["customer.state.evidence"] == "Steel Police"
    assert (row["customer.state.start"], row["customer.state.end"]) == (-1, -1)


def test_where_text_and_name_say_the_same_the_text_is_the_evidence(labeller, tmp_path, book):
    said = "Police departments buy its radios."
    row = by_id(label(labeller, tmp_path, book, [("g", said, said)])).loc["g"]
    assert (row["customer.state.start"], row["customer.state.end"]) == (0, len(said))


def test_a_single_choice_has_evidence_for_its_value_only(labeller, tmp_path, book):
    row = by_id(label(labeller, tmp_path, book, ROWS)).loc["c"]
    assert row["goods.steel.evidence"] == "生产钢铁。"
    assert row["goods.software.evidence"] == ""
    assert row["goods.steel"] + row["goods.software"] == pytest.approx(1)


def test_a_row_that_cannot_be_read_keeps_its_place(labeller, tmp_path, book):
    labels = label(labeller, tmp_path, book, ROWS)
    assert labels.table["id"].tolist() == [row[0] for row in ROWS]
    row = by_id(labels).loc["e"]
    assert row["customer.status"] == row["goods.status"] == "unusable"
    assert np.isnan(row["customer.state"])
    assert row["customer.state.evidence"] == ""


def test_a_company_is_labelled_the_same_alone_and_among_others_to_the_last_bit(labeller, tmp_path, book):
    together = by_id(label(labeller, tmp_path, book, ROWS))
    for row in [row for row in ROWS if row[1]]:
        pd.testing.assert_frame_equal(by_id(label(labeller, tmp_path, book, [row])), together.loc[[row[0]]])


def test_the_order_of_rows_changes_nothing(labeller, tmp_path, book):
    forward = by_id(label(labeller, tmp_path, book, ROWS))
    backward = by_id(label(labeller, tmp_path, book, ROWS[::-1]))
    pd.testing.assert_frame_equal(backward.loc[forward.index], forward)


def test_one_clear_sentence_decides_at_any_place_of_a_long_text(labeller, tmp_path, book):
    long = FILLER * 30
    deciding = FILLER * 20 + "为政府部门建平台。" + FILLER * 10
    table = by_id(label(labeller, tmp_path, book, [("long", long), ("deciding", deciding)]))
    assert table["customer"].to_dict() == {"long": "unclear", "deciding": "state"}
    assert table.loc["deciding", "customer.state.evidence"] == "为政府部门建平台。"
    assert table.loc["deciding", "customer.state.start"] == len(FILLER) * 20


def test_between_two_answers_it_abstains_and_keeps_the_value(tmp_path, book):
    sure = Labeller.load("zero-shot", encoder=HashEncoder(), config=LabellingConfig(abstain_band=0))
    shy = Labeller.load("zero-shot", encoder=HashEncoder(), config=LabellingConfig(abstain_band=0.49))
    first, second = (by_id(label(one, tmp_path, book, ROWS)) for one in (sure, shy))
    assert set(first["customer.status"]) == {"labelled", "unusable"}
    assert set(second["customer.status"]) == {"abstained", "unusable"}
    assert set(second["goods.status"]) >= {"abstained"}
    assert (first["customer"] == second["customer"]).all()


def test_a_new_codebook_on_stored_companies_embeds_only_its_own_new_sentences(tmp_path, book):
    encoder, store = HashEncoder(), EmbeddingStore(tmp_path / "store")
    labeller = Labeller.load("zero-shot", encoder=encoder)
    first = label(labeller, tmp_path, book, ROWS, store=store)
    encoder.encoded.clear()
    axis = book.axes[0]
    other = book.model_copy(update={"axes": (axis.model_copy(update={"neutral": {"en": ("A thing.",)}}), book.axes[1])})
    second = label(labeller, tmp_path, other, ROWS, store=store)
    assert encoder.encoded == ["A thing."]
    again = label(labeller, tmp_path, book, ROWS, store=store)
    assert encoder.encoded == ["A thing."]
    pd.testing.assert_frame_equal(again.table, first.table)
    assert second.codebook is other


def test_what_produced_the_labels_goes_with_them(labeller, tmp_path, book):
    labels = label(labeller, tmp_path, book, ROWS)
    assert labels.labeller == "zero-shot"
    assert labels.encoder_fingerprint == HashEncoder().fingerprint
    assert labels.codebook_version == book.version
    assert labels.table["codebook"].unique().tolist() == [book.version]
    assert labels.truncated == 0
    assert labels.notes == ()
    assert labels.table["training"].unique().tolist() == [""]


def test_no_usable_company_at_all(labeller, tmp_path, book):
    companies = company_set(tmp_path, ROWS)
    none = companies.table[companies.table["status"] != ""].reset_index(drop=True)
    table = labeller.label(replace(companies, table=none), book).table
    assert table["customer.status"].tolist() == ["unusable"]


def test_an_unknown_labeller_is_answered_with_the_shipped_ones():
    with pytest.raises(
        ConfigError, match=r"'zero-shoot' is no shipped labeller and no folder\. Did you mean 'zero-shot'\?"
    ):
        Labeller.load("zero-shoot", encoder=HashEncoder())


def test_a_codebook_in_one_language_says_so(tmp_path, book):
    path = tmp_path / "english.yaml"
    zh = {"names", "description", "examples", "counter_examples", "cues"}
    plain = book.model_dump(mode="json", exclude_defaults=True)

    def english(value):
        if isinstance(value, dict):
            kept = {key: english(one) for key, one in value.items() if key != "zh"}
            return {key: one for key, one in kept.items() if one or key not in zh}
        return [english(one) for one in value] if isinstance(value, list) else value

    path.write_text(json.dumps({**english(plain), "languages": ["en"]}, ensure_ascii=False), encoding="utf-8")
    labels = label(Labeller.load("zero-shot", encoder=HashEncoder()), tmp_path, Codebook.load(path), ROWS)
    assert labels.notes == ("Codebook 'small' is in 'en' only; 3 companies in another language were read with it.",)
