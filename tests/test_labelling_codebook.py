"""Codebooks: what they check, what their version means, what their values derive from."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from labelling_sets import SMALL

from chainbert.errors import ConfigError
from chainbert.files import shipped
from chainbert.labelling import Codebook


def small(folder, text=SMALL):
    path = folder / "book.yaml"
    path.write_text(text, encoding="utf-8")
    return Codebook.load(path)


def test_the_shipped_codebook_has_examples_and_hard_counter_examples_in_both_languages():
    book = Codebook.load("company-axes")
    assert [axis.id for axis in book.axes] == ["customer", "market", "application"]
    for axis in book.axes:
        for indicator in axis.indicators:
            for language in ("zh", "en"):
                assert len(indicator.examples[language]) >= 12, (indicator.id, language)
                assert len(indicator.counter_examples[language]) >= 8, (indicator.id, language)
                assert indicator.include[language], (indicator.id, language)
                assert indicator.cues[language].match, (indicator.id, language)


def test_name_and_path_load_the_same_codebook():
    by_path = Codebook.load(shipped("configs", "codebooks", "company-axes.yaml"))
    assert by_path.version == Codebook.load("company-axes").version
    assert len(by_path.version) == 12


def test_comments_and_layout_do_not_change_the_version(tmp_path):
    version = small(tmp_path).version
    assert (
        small(
            tmp_path, "# a note\n" + SMALL.replace("title: {zh: 小, en: Small}", "title:\n  zh: 小\n  en: Small")
        ).version
        == version
    )
    assert small(tmp_path, SMALL.replace("An app for consumers.", "An  app for consumers.")).version == version


@pytest.mark.parametrize(
    ("old", "new"),
    [("An app for consumers.", "A shop for consumers."), ("[钢铁]", "[钢|铁]"), ("en: Small", "en: Little")],
)
def test_a_changed_meaning_changes_the_version(tmp_path, old, new):
    assert old in SMALL
    assert small(tmp_path, SMALL.replace(old, new)).version != small(tmp_path).version


@pytest.mark.parametrize(
    ("probabilities", "value"),
    [
        ((0.9, 0.1), "state"),
        ((0.1, 0.5), "private"),
        ((0.5, 0.5), "mixed"),
        ((0.49, 0.49), "unclear"),
    ],
)
def test_the_value_of_independent_indicators(tmp_path, probabilities, value):
    axis = small(tmp_path).axis("customer")
    assert axis.derive(np.array([probabilities])).tolist() == [value]
    assert value in axis.values


def test_the_value_of_a_single_choice_is_the_most_probable_and_the_first_of_equals(tmp_path):
    axis = small(tmp_path).axis("goods")
    assert axis.derive(np.array([[0.2, 0.8], [0.5, 0.5], [0.1, 0.05]])).tolist() == ["steel", "software", "software"]
    assert axis.values == ("software", "steel")


def test_says_reads_a_label_table(tmp_path):
    book = small(tmp_path)
    values = ["state", "mixed", "private", ""]
    table = pd.DataFrame(
        {"customer": values, "customer.state": [0.4, 0.3, 0.9, np.nan], "goods": ["steel", "software"] * 2}
    )
    assert book.says(table, "customer", "state").tolist() == [True, True, False, False]
    assert book.says(table, "customer", "private").tolist() == [False, True, True, False]
    assert book.says(table, "goods", "software").tolist() == [False, True] * 2


def test_an_unknown_axis_is_named_with_the_nearest_one(tmp_path):
    with pytest.raises(ConfigError, match=r"'costumer' is no axis of codebook small\. Did you mean 'customer'\?"):
        small(tmp_path).axis("costumer")


def test_an_unknown_codebook_name_is_answered_with_the_shipped_ones():
    with pytest.raises(ConfigError, match=r"nor a shipped codebook\. Did you mean 'company-axes'\?"):
        Codebook.load("company-axis")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (SMALL[SMALL.index("      - id: steel") :], "", r"book.yaml:40:5: a single choice has one value only"),
        ("- id: private", "- id: state", r"book.yaml:21:9: indicator 'state' was already given at .*book.yaml:9:9"),
        ("- id: goods", "- id: customer", r"book.yaml:36:5: axis 'customer' was already given at .*book.yaml:4:5"),
        ("- id: steel", "- id: unclear", r"book.yaml:46:9: 'unclear' cannot be the id of an indicator"),
        ("en: Government pays", 'en: ""', r"^[^\n]*book.yaml:11:33: .*at least 1 item.*$"),
        ("kind: single", "kind: sinlge", r"book.yaml:37:5: .*'indicators' or 'single'"),
        ("    mixed:", "    mixd:", r"book.yaml:30:5: unknown key 'axes.0.mixd'\. Did you mean 'mixed'\?"),
        (
            "{zh: 钢铁, en: Steel}\n        examples",
            "{zh: 钢铁}\n        examples",
            r"has nothing in 'en'",
        ),
        (
            "{match: [steel]}",
            "{match: []}",
            r"cues.en.match: is empty; at least one entry was expected",
        ),
        ("{match: [steel]}", "{match: ['steel(']}", r"'steel\(' is no regular expression of the RE2 kind: missing \)"),
        (
            "title: {zh: 小, en: Small}",
            "title: {zh: 小, en: Small}\nlanguages: [en]",
            r"2:9: 'zh' is not among",
        ),
        (
            "[响应国家政策。]",
            "[客户是公安机关。]",
            r"'客户是公安机关。' is an example and a counter-example",
        ),
        (
            "为商家做收银。",
            "客户是公安机关。",
            r"example of both 'state' and 'private'; what speaks for all",
        ),
    ],
)
def test_a_faulty_codebook_is_refused_with_the_place(tmp_path, old, new, message):
    assert old in SMALL
    with pytest.raises(ConfigError, match=message):
        small(tmp_path, SMALL.replace(old, new, 1))


def test_neutral_sentences_have_no_place_on_a_single_choice(tmp_path):
    text = SMALL + "    neutral:\n      zh: [无。]\n      en: [Nothing.]\n"
    with pytest.raises(ConfigError, match=r"'neutral' has no meaning on a single-choice axis; remove it"):
        small(tmp_path, text)


def test_all_faults_are_told_at_once(tmp_path):
    text = SMALL.replace("- id: private", "- id: state", 1).replace("- id: steel", "- id: software")
    with pytest.raises(ConfigError, match=r"indicator 'state'") as caught:
        small(tmp_path, text)
    found = [fault.message.split(" was")[0] for fault in caught.value.faults]
    assert found == [
        "indicator 'state'",
        "indicator 'software'",
    ]


def test_a_codebook_in_one_language(tmp_path):
    book = small(tmp_path, ENGLISH)
    assert book.languages == ("en",)
    assert book.axes[0].names == {"en": "Colour"}


ENGLISH = """\
id: colours
title: {en: Colours}
languages: [en]
axes:
  - id: colour
    kind: single
    names: {en: Colour}
    description: {en: Which colour}
    indicators:
      - {id: red, names: {en: Red}, description: {en: It is red}, examples: {en: [A red car.]}}
      - {id: blue, names: {en: Blue}, description: {en: It is blue}, examples: {en: [A blue car.]}}
"""


def test_what_makes_up_mixed_of_three_indicators_is_told_by_evidence():
    book = Codebook.load("business")
    table = pd.DataFrame(
        {
            "investor": ["mixed", "mixed", "state"],
            "investor.state": [0.9, 0.9, 0.9],
            "investor.domestic": [0.9, 0.1, 0.1],
            "investor.global": [0.1, 0.9, 0.1],
        }
    )
    assert book.says(table, "investor", "domestic").tolist() == [True, False, False]
    said = table.assign(**{"investor.domestic.evidence": ["", "A fund from Hangzhou led the round.", np.nan]})
    assert book.says(said, "investor", "domestic").tolist() == [False, True, False]
