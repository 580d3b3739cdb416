"""Training texts: what is read, and every fault with its line."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest
from labelling_sets import SMALL
from training_sets import invented, training_lines, write_lines

from chainbert.errors import DataError
from chainbert.labelling import Codebook
from chainbert.labelling.training import read_training_texts
from chainbert.labelling.training.anchors import wordings
from chainbert.labelling.training.parts import companies_of, kept_out

GOOD = training_lines(invented(12))


@pytest.fixture(scope="module")
def axes(tmp_path_factory):
    path = tmp_path_factory.mktemp("book") / "small.yaml"
    path.write_text(SMALL, encoding="utf-8")
    return Codebook.load(path).axes


def read(folder, lines, axes):
    return read_training_texts([write_lines(folder / "texts.jsonl", lines)], axes)


def faults(folder, lines, axes):
    with pytest.raises(DataError) as caught:
        read(folder, lines, axes)
    return str(caught.value)


def line(**changes):
    """A line without fault but for the changes; None takes a column away."""
    one = {"company": "c", "language": "en", "text": "A text.", "says": ["customer.state"], **changes}
    return {name: value for name, value in one.items() if value is not None}


def test_what_a_sentence_says_is_what_it_answers(tmp_path, axes):
    texts = read(tmp_path, GOOD, axes)
    assert len(texts.table) == len(GOOD)
    says = {text: tuple(codes) for text, codes in zip(texts.table["text"], texts.table["says"], strict=True)}
    assert says == {one["text"]: tuple(one["says"]) for one in GOOD}
    customer, goods = (texts.answers(axis) for axis in axes)
    for row, codes in enumerate(texts.table["says"]):
        assert customer[row].tolist() == ["customer.state" in codes, "customer.private" in codes]
        # A single choice that is not spoken of is not answered.
        silent = not any(code.startswith("goods.") for code in codes)
        assert np.isnan(goods[row]).all() == silent
        assert silent or goods[row].tolist() == ["goods.software" in codes, "goods.steel" in codes]


def test_the_order_of_lines_and_files_changes_nothing(tmp_path, axes):
    first = write_lines(tmp_path / "a.jsonl", GOOD[:20])
    second = write_lines(tmp_path / "b.jsonl", GOOD[20:])
    turned = write_lines(tmp_path / "c.jsonl", GOOD[::-1])
    columns = ["company", "language", "text"]
    found = [read_training_texts(paths, axes).table[columns] for paths in ([first, second], [second, first], [turned])]
    assert found[0].equals(found[1])
    assert found[0].equals(found[2])


def test_a_sentence_given_twice_counts_once(tmp_path, axes):
    assert len(read(tmp_path, [*GOOD, GOOD[3]], axes).table) == len(GOOD)


def test_blank_lines_are_skipped_and_places_stay_those_of_the_file(tmp_path, axes):
    path = tmp_path / "texts.jsonl"
    lines = [json.dumps(one, ensure_ascii=False) for one in [*GOOD, line(language="fr")]]
    path.write_text("\n\n".join(lines) + "\n\n", encoding="utf-8")
    with pytest.raises(DataError, match=rf"texts\.jsonl:{2 * len(lines) - 1}: language 'fr'; zh or en was expected"):
        read_training_texts([path], axes)


def test_codes_of_other_axes_are_left_out(tmp_path, axes):
    lines = [{**one, "says": [*one["says"], "owner.foreign"]} for one in GOOD]
    texts = read(tmp_path, lines, axes)
    assert np.array_equal(texts.answers(axes[0]), read(tmp_path, GOOD, axes).answers(axes[0]))


def test_other_columns_are_kept(tmp_path, axes):
    assert set(read(tmp_path, [{**one, "style": "web"} for one in GOOD], axes).table["style"]) == {"web"}


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ({"text": " "}, "the text is empty"),
        ({"language": "fr"}, "language 'fr'; zh or en was expected"),
        (
            {"says": ["customer.stat"]},
            "'customer.stat' is no indicator of the codebooks. Did you mean 'customer.state'?",
        ),
        ({"says": ["goods.steel", "goods.software"]}, "several values of the single choice 'goods'; one at most"),
        ({"says": None}, "'says' is missing; list was expected"),
        ({"says": "customer.state"}, "'says' is 'customer.state'; list was expected"),
        ({"text": None}, "'text' is missing; str was expected"),
        ({"company": 7}, "'company' is 7; str was expected"),
        ({"company": None}, "'company' is missing"),
        ({"language": None}, "'language' is missing"),
    ],
)
def test_a_fault_is_told_with_its_line(tmp_path, axes, fault, message):
    found = faults(tmp_path, [*GOOD, line(**fault)], axes)
    assert f"texts.jsonl:{len(GOOD) + 1}: {message}" in found
    assert found.startswith("1 fault(s) in the training texts")


def test_all_faults_of_all_files_are_told_at_once(tmp_path, axes):
    first = write_lines(tmp_path / "a.jsonl", [*GOOD, line(text=""), line(language="xx")])
    second = write_lines(tmp_path / "b.jsonl", [line(says=["x"], text=None), line(says=None), line(company=1)])
    with pytest.raises(DataError) as caught:
        read_training_texts([first, second], axes)
    message = str(caught.value)
    assert message.startswith("5 fault(s) in the training texts:\n")
    places = (f"a.jsonl:{len(GOOD) + 1}", f"a.jsonl:{len(GOOD) + 2}", "b.jsonl:1", "b.jsonl:2", "b.jsonl:3")
    assert [place for place in places if place not in message] == []


def test_many_faults_are_counted_and_some_shown(tmp_path, axes):
    message = faults(tmp_path, [line(text="", company=str(number)) for number in range(45)], axes)
    assert message.startswith("45 fault(s)")
    assert message.endswith("… and 25 more")


def test_one_text_coded_in_two_ways_is_refused(tmp_path, axes):
    twice = [{**GOOD[0], "company": "other"}, {**GOOD[0], "says": ["customer.private", "customer.state"]}]
    message = faults(tmp_path, [*GOOD, *twice], axes)
    assert message.startswith("1 fault(s)")
    found = re.search(r"texts\.jsonl:1, \S+:(\d+), \S+:(\d+): one text coded in several ways", message)
    assert [int(number) for number in found.groups()] == [len(GOOD) + 1, len(GOOD) + 2]


def test_the_order_of_codes_is_no_other_coding(tmp_path, axes):
    both = [
        line(text="Both.", says=["customer.state", "customer.private"]),
        line(text="Both.", says=["customer.private", "customer.state"], company="d"),
    ]
    assert len(read(tmp_path, [*GOOD, *both], axes).table) == len(GOOD) + 2


def test_an_indicator_that_no_text_speaks_for_is_refused_with_a_way_out(tmp_path, axes):
    lines = [{**one, "says": [code for code in one["says"] if code != "goods.steel"]} for one in GOOD]
    message = faults(tmp_path, lines, axes)
    assert (
        "no text speaks for 'goods.steel'; give examples of it, or leave the axis out (leave_out: [goods])" in message
    )
    assert all("left out: goods (" in note for note in read(tmp_path, lines, axes[:1]).notes)


def test_no_json_says_which_line(tmp_path, axes):
    path = tmp_path / "texts.jsonl"
    path.write_text(json.dumps(GOOD[0]) + "\n{no json\n[1]\n", encoding="utf-8")
    with pytest.raises(DataError) as caught:
        read_training_texts([path], axes)
    assert "texts.jsonl:2: no JSON" in str(caught.value)
    assert "texts.jsonl:3: a JSON object was expected, found list" in str(caught.value)


def test_what_is_no_utf8_is_refused(tmp_path, axes):
    path = tmp_path / "texts.jsonl"
    path.write_bytes(json.dumps(GOOD[0], ensure_ascii=False).encode("gb18030"))
    with pytest.raises(DataError, match=r"texts\.jsonl: is not UTF-8"):
        read_training_texts([path], axes)


@pytest.mark.parametrize("content", ["", "\n\n"])
def test_a_file_without_texts_is_refused(tmp_path, axes, content):
    path = tmp_path / "texts.jsonl"
    path.write_text(content)
    with pytest.raises(DataError, match=r"texts\.jsonl: holds no texts"):
        read_training_texts([path], axes)


def test_a_file_that_is_not_there_is_named(tmp_path, axes):
    with pytest.raises(DataError, match=r"nowhere\.jsonl: no such file of training texts"):
        read_training_texts([tmp_path / "nowhere.jsonl"], axes)


def test_one_language_alone_is_allowed_and_said(tmp_path, axes):
    texts = read(tmp_path, training_lines(invented(20, languages=("en",))), axes)
    (note,) = texts.notes
    assert note == "All texts are in 'en': what the labeller does in the other language was not trained."


def test_a_rare_indicator_is_said(tmp_path, axes):
    lines = [one for one in training_lines(invented(40)) if one["says"] != ["customer.private"]]
    assert read(tmp_path, [*lines, line(says=["customer.private"])], axes).notes == (
        f"Only {1 / (len(lines) + 1):.1%} of the texts speak for 'customer.private': both answers weigh the same in "
        "training, but few examples carry the one.",
    )
    assert read(tmp_path, training_lines(invented(40)), axes).notes == ()


def test_each_file_is_named_by_its_content(tmp_path, axes):
    before = read(tmp_path, GOOD, axes).sha256
    after = read(tmp_path, [*GOOD, line()], axes).sha256
    assert list(before) == list(after) == [str(tmp_path / "texts.jsonl")]
    assert before != after


def test_the_sentences_of_a_company_are_never_parted(tmp_path, axes):
    texts = read(tmp_path, training_lines(invented(200)), axes)
    out = kept_out(texts, 0.3, 0.3, 1)
    sides = texts.table.assign(out=out).groupby("company")["out"].nunique()
    assert (sides == 1).all()
    assert 0.2 < out.mean() < 0.4
    assert not np.array_equal(out, kept_out(texts, 0.3, 0.3, 2))


def test_which_side_a_company_is_on_does_not_depend_on_the_others(tmp_path, axes):
    companies = invented(100)
    every = read(tmp_path, training_lines(companies), axes)
    some = read(tmp_path, training_lines(companies[:50]), axes)
    sides = dict(zip(every.table["company"], kept_out(every, 0.3, 0.3, 1), strict=True))
    for company, side in zip(some.table["company"], kept_out(some, 0.3, 0.3, 1), strict=True):
        assert sides[company] == side


def test_companies_with_nearly_the_same_text_stay_on_one_side(tmp_path, axes):
    companies = invented(60)
    twins = [
        {**one, "company": one["company"] + "x", "text": one["text"].replace("。", "！").replace(".", "!")}
        for one in training_lines(companies)
    ]
    texts = read(tmp_path, [*training_lines(companies), *twins], axes)
    sides = dict(zip(texts.table["company"], kept_out(texts, 0.3, 0.3, 1), strict=True))
    assert 0 < sum(sides.values()) < len(sides)
    assert all(sides[name] == sides[name + "x"] for name, *_ in companies)


def test_a_company_is_its_sentences_with_its_name_apart(tmp_path, axes):
    lines = [*({**one, "part": "text"} for one in GOOD), {**line(text="Acme", says=[]), "part": "name"}]
    table = companies_of(read(tmp_path, lines, axes).table)
    row = table.set_index("id").loc["c"]
    assert (row["name"], row["text"]) == ("Acme", "")
    assert (table.set_index("id").drop(index="c")["name"] == "").all()


def test_an_indicator_is_described_in_several_wordings_without_its_examples(axes):
    axis = axes[0]
    indicator = axis.indicators[0].model_copy(update={"include": {"en": ("Public bodies too.",)}})
    found = wordings(axis, indicator)
    assert found["zh"] == ("政府付费", "客户：国家", "客户：国家. 政府付费")
    assert found["en"][0] == "Government pays"
    assert found["en"][-1] == "Public bodies too."
    assert not set(found["en"]) & set(indicator.examples["en"])


def test_natural_companies_have_a_share_of_their_own(tmp_path, axes):
    companies = invented(200)
    natural = {name for name, *_ in companies[:100]}
    lines = [{**one, "natural": True} if one["company"] in natural else one for one in training_lines(companies)]
    texts = read(tmp_path, lines, axes)
    out = pd.Series(kept_out(texts, 0.1, 0.6, 1)).groupby(texts.table["company"]).first()
    assert out[list(natural)].mean() == pytest.approx(0.6, abs=0.15)
    assert out.drop(index=list(natural)).mean() == pytest.approx(0.1, abs=0.08)


def test_codes_of_axes_that_are_not_trained_are_told(tmp_path, axes):
    lines = training_lines(invented(40))
    lines[0]["says"] = [*lines[0]["says"], "costumer.state"]
    found = read_training_texts([write_lines(tmp_path / "texts.jsonl", lines)], axes)
    assert "Codes of axes that are not trained were left out: costumer (1 codes)." in found.notes
