"""The dictionary labeller: what the codebook's cues find, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from labelling_sets import SMALL, company_set

from chainbert.labelling import Codebook, Labeller

ROWS = [
    ("a", "It sells radios to the police. It holds patents."),
    ("b", "面向消费者的应用。"),
    ("c", "It serves the government and the merchants."),
    ("d", "It follows government policy."),
    ("e", ""),
    ("f", "Software. Steel and software."),
    ("g", "获得政府补贴。"),
    ("h", "获得政府补贴，也为公安建平台。"),
    ("i", "A lamp maker.", "Steel Police"),
]


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "small.yaml"
    path.write_text(SMALL, encoding="utf-8")
    labels = Labeller.load("cues").label(company_set(tmp_path, ROWS), Codebook.load(path))
    assert labels.labeller == "cues"
    assert labels.notes == ()
    return labels.table.set_index("id")


def test_a_company_says_what_any_sentence_has_a_cue_for(table):
    assert table["customer"].to_dict() == {
        "a": "state",
        "b": "private",
        "c": "mixed",
        "d": "unclear",
        "e": "",
        "f": "unclear",
        "g": "unclear",
        "h": "state",
        "i": "state",
    }
    said = table[["customer.state", "customer.private"]].drop(index="e")
    assert set(np.unique(said)) == {0.0, 1.0}


def test_the_sentence_with_the_cue_is_the_evidence(table):
    assert table.loc["a", "customer.state.evidence"] == "It sells radios to the police."
    assert table.loc["i", "customer.state.evidence"] == "Steel Police"
    assert table.loc["d", "customer.state.evidence"] == ""


def test_a_single_choice_is_the_share_of_the_cues_found(table):
    # "Software." all software, "Steel and software." half; weighed by the root of their length.
    first, second = 9**0.5, 19**0.5
    assert table.loc["f", "goods.software"] == pytest.approx((first + second / 2) / (first + second))
    assert table.loc["f", "goods"] == "software"
    assert table.loc["i", "goods"] == "steel"


def test_no_cue_of_a_single_choice_is_no_decision(table):
    assert table.loc["b", ["goods.software", "goods.steel"]].tolist() == [0.5, 0.5]
    assert table.loc["b", "goods.status"] == "abstained"
    assert table.loc["b", "customer.status"] == "labelled"


def test_a_row_without_text_stays_unusable(table):
    assert table.loc["e", "customer.status"] == "unusable"
    assert np.isnan(table.loc["e", "customer.state"])
