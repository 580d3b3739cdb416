"""The page of an evaluation: everything that was found, in one file that needs nothing else."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import re

import pytest
import vl_convert
from encoders import HashEncoder
from evaluation_sets import PAIRS, WORDINGS, invented, write_evaluation_file
from test_report import Page

from chainbert.errors import DataError
from chainbert.labelling.evaluation import run as run_module
from chainbert.labelling.evaluation.config import load_evaluation
from chainbert.labelling.evaluation.run import evaluate_labellers
from chainbert.report import evaluationtables as tables
from chainbert.report.evaluation import write_evaluation
from chainbert.report.evaluationfindings import findings

HOSTILE = "</script><b>Labels & codes</b> \u2028"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """An evaluation with everything but trained labellers; its title is hostile."""
    place = tmp_path_factory.mktemp("evaluation")
    (place / "words.yaml").write_text(WORDINGS, encoding="utf-8")
    (place / "pairs.jsonl").write_text("\n".join(map(json.dumps, PAIRS)), encoding="utf-8")
    path = write_evaluation_file(
        place,
        invented(48),
        title=HOSTILE,
        note="All of this is invented.",
        labellers=["zero-shot", "cues"],
        baselines=["vectors"],
        wordings="words.yaml",
        parity="pairs.jsonl",
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_module, "load_encoder", lambda _: HashEncoder())
        evaluate_labellers(load_evaluation(path), place / "out")
    return place / "out"


@pytest.fixture(scope="module")
def found(folder):
    return json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def page(folder):
    return Page(write_evaluation(folder).read_text(encoding="utf-8"))


def changed(folder, target, change):
    """A copy of the evaluation with something else in it, as a page."""
    found = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))
    change(found)
    target.mkdir(exist_ok=True)
    (target / "evaluation.json").write_text(json.dumps(found), encoding="utf-8")
    return Page(write_evaluation(target).read_text(encoding="utf-8"))


def test_the_page_tells_the_evaluation_in_order(page):
    parts = [
        "All of this is invented.",
        "How good are the labels?",
        "On 48 coded companies, zero-shot has a macro-F1 of",
        "One coder against the other (coder_a against coder_b) has",
        "On the same companies, zero-shot is",
        "Chinese and English",
        "zero-shot against the others",
        "What is taken for what",
        "Whether probabilities mean what they say",
        "The same codebook in other words",
        "The same sentence in both languages",
        "zero-shot, cues: trained on no axis at all",
        "Whether the evidence is where the coders looked",
        "How far the coders agree",
        "What to know",
        "How this was made",
    ]
    places = [page.words.find(part) for part in parts]
    assert -1 not in places, parts[places.index(-1)]
    assert places == sorted(places)


def test_the_page_needs_nothing_else(page):
    addresses = [
        value for _, attributes in page.elements for name, value in attributes.items() if name in ("src", "href")
    ]
    assert all(address.startswith(("#", "data:")) for address in addresses)


def test_only_the_pages_own_scripts_may_run(page):
    policy = next(
        attributes["content"] for tag, attributes in page.elements if tag == "meta" and "http-equiv" in attributes
    )
    scripts = [text for kind, text in page.scripts if kind == "script"]
    assert len(scripts) == 2
    for text in scripts:
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy


def test_titles_are_text(page):
    assert "<b>Labels & codes</b>" in page.words
    assert not any(tag == "b" for tag, _ in page.elements)


def test_every_chart_is_described_and_compiles_to_vega(page):
    charts = page.charts()
    # Scores, languages, a confusion an axis, reliability of four indicators.
    assert len(charts) == 1 + 1 + 2 + 4
    for chart in charts:
        assert len(chart["description"]) > 20
        vl_convert.vegalite_to_vega(chart)


def test_headings_step_down_one_level_at_a_time_and_ids_are_unique(page):
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_colours_of_charts_are_those_the_page_exchanges_for_the_dark(page):
    colours = json.loads(
        next(text for kind, text in page.scripts if kind == "application/json" and "$schema" not in text)
    )
    used = set(re.findall(r"#[0-9a-f]{6}", json.dumps(page.charts())))
    assert used <= set(colours)


def test_numbers_of_the_page_are_those_of_the_file(page, found):
    score = found["labellers"][1]["evaluation"]["numbers"]["mean"]["all"]["macro_f1"]
    assert score["value"] == 1
    assert "1.00 (1.00 to 1.00)" in page.words
    table = tables.agreement_table(found)
    alpha = next(
        row
        for row in found["agreement"]
        if (row["group"], row["axis"], row["indicator"], row["measure"]) == ("all", "customer", "", "alpha")
    )
    assert table.rows[0][:3] == (
        "customer, all values",
        "coder_a and coder_b",
        f"{alpha['value']:.2f} ({alpha['low']:.2f} to {alpha['high']:.2f})",
    )


def test_the_confusion_counts_every_company_once(found):
    for one in found["labellers"][0]["evaluation"]["confusions"]:
        if one["group"] == "all" and one["question"] in {"customer", "goods"}:
            assert sum(map(sum, one["counts"])) == 48


@pytest.mark.parametrize(
    ("p", "value", "said"),
    [(0.01, 0.2, "better than cues"), (0.01, -0.2, "worse than cues"), (0.2, 0.2, "not told apart from cues")],
)
def test_what_is_said_of_others_follows_the_paired_test(found, p, value, said):
    plain = json.loads(json.dumps(found))
    plain["differences"] = plain["differences"][:1]
    plain["differences"][0]["numbers"]["mean"]["all"]["macro_f1"] |= {"p": p, "value": value}
    assert any(said in sentence for sentence in findings(plain))


def test_one_coding_and_one_language_are_no_obstacle(folder, tmp_path):
    def poorer(plain):
        plain |= {"ceiling": None, "agreement": None, "differences": [], "labellers": plain["labellers"][1:2]}
        numbers = plain["labellers"][0]["evaluation"]["numbers"]
        for groups in numbers.values():
            for group in ("en", "zh minus en"):
                groups.pop(group, None)

    page = changed(folder, tmp_path / "poorer", poorer)
    assert "The coded companies are in one language only" in page.words
    assert "How far the coders agree" not in page.words


def test_an_axis_left_out_is_shown(folder, tmp_path):
    def more(plain):
        evaluation = plain["labellers"][1]["evaluation"]
        plain["unseen"] = [{"axis": "goods", "folder": "left-out/goods", "evaluation": evaluation}]

    page = changed(folder, tmp_path / "more", more)
    assert "A labeller was trained anew without the axis" in page.words


@pytest.mark.parametrize(("text", "said"), [("{", "cannot be read"), ('{"schema": 0}', "of another version")])
def test_a_file_that_is_no_evaluation_is_refused(tmp_path, text, said):
    (tmp_path / "evaluation.json").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=said):
        write_evaluation(tmp_path)


def test_the_same_evaluation_gives_the_same_page(folder):
    assert write_evaluation(folder).read_bytes() == write_evaluation(folder).read_bytes()
