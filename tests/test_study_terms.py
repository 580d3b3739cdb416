"""The words of one company table, and of a study: who is counted, what is said where nothing can be compared."""

import numpy as np
import pandas as pd
import pytest

from chainbert.companies import demo_companies, read_companies
from chainbert.errors import ConfigError
from chainbert.study import compare_terms, find_places
from chainbert.study.worded import ONE_GROUP, kept_terms, words_of
from chainbert.wording import WordingConfig

FEW = WordingConfig(draws=99, cloud_words=20)
TEXTS = {
    "Beijing": "The ledger stores archives for the ministry.",
    "Shanghai": "The wallet serves traders and exchanges tokens.",
}


def table_of(rows, folder):
    path = folder / "companies.csv"
    pd.DataFrame(rows, columns=["id", "city", "observed", "text"]).to_csv(path, index=False)
    return read_companies(path)


def compared(table, config=FEW, **given):
    return compare_terms(table, config, rng=np.random.default_rng(1), **given)


@pytest.fixture(scope="module")
def demo():
    return compared(read_companies(demo_companies()))


@pytest.fixture
def two_cities(tmp_path):
    rows = [
        (f"{city}-{place}", city, 2020, f"{text} Number {place}.") for city, text in TEXTS.items() for place in range(6)
    ]
    return rows, tmp_path


def test_each_city_has_terms_of_its_own_the_surest_first(demo):
    top = demo.top(3)
    assert set(top["group"]) == {"Beijing", "Shanghai", "Shenzhen"}
    assert (top["z"] > 0).all()
    for _, rows in top.groupby("group"):
        assert len(rows) == 3
        assert rows["z"].is_monotonic_decreasing


def test_what_one_city_alone_says_is_found(two_cities):
    rows, folder = two_cities
    found = compared(table_of(rows, folder)).words.keyness.set_index(["group", "term"])
    assert found.loc[("Beijing", "archives"), "q"] < 0.05
    assert found.loc[("Shanghai", "wallet"), "q"] < 0.05
    assert found.loc[("Beijing", "wallet"), "z"] < 0


def test_a_firm_counts_once_by_its_latest_row(two_cities):
    rows, folder = two_cities
    earlier = [(one, city, 2018, "Moonshine moonshine moonshine.") for one, city, _, _ in rows]
    twice, once = compared(table_of(rows + earlier, folder)), compared(table_of(rows, folder))
    assert "moonshine" not in set(twice.words.frequencies["term"])
    pd.testing.assert_frame_equal(twice.words.keyness, once.words.keyness)
    pd.testing.assert_frame_equal(twice.themes, once.themes)


def test_row_order_changes_no_number(two_cities):
    rows, folder = two_cities
    ours, theirs = compared(table_of(rows, folder)), compared(table_of(rows[::-1], folder))
    pd.testing.assert_frame_equal(ours.words.keyness, theirs.words.keyness)
    assert ours.words.cloud.to_json() == theirs.words.cloud.to_json()


def test_firms_without_a_group_are_counted_and_left_out(two_cities):
    rows, folder = two_cities
    found = compared(table_of([*rows, ("x", "", 2020, "Moonshine for everyone.")], folder))
    assert found.left_out == 1
    assert "moonshine" not in set(found.words.frequencies["term"])


def test_one_group_is_said_and_is_no_error(two_cities):
    rows, folder = two_cities
    found = compared(table_of([row for row in rows if row[1] == "Beijing"], folder))
    assert found.words.notes[0] == ONE_GROUP
    assert found.top(5).empty
    assert set(found.words.frequencies["group"]) == {"Beijing"}
    assert list(found.themes["n"].unique()) == [6]


def test_a_group_without_words_is_said_and_is_no_error(two_cities):
    rows, folder = two_cities
    beijing = [row for row in rows if row[1] == "Beijing"]
    alone = compared(table_of([*beijing, ("x", "Shanghai", 2020, "The company and the others.")], folder))
    assert ONE_GROUP in alone.words.notes
    found = compared(table_of([*rows, ("x", "Shenzhen", 2020, "The company and the others.")], folder))
    assert "Shenzhen: no words" in found.words.notes
    kept = kept_terms(found.words.keyness, 1)
    assert kept.loc[kept["group"] == "Shenzhen", ["term", "status"]].to_numpy().tolist() == [["", "no words"]]


def test_a_group_of_one_firm_is_not_tested(two_cities):
    rows, folder = two_cities
    found = compared(table_of([*rows, ("x", "Shenzhen", 2020, "A moonshine ledger.")], folder))
    assert "Shenzhen: not tested: its texts are of one firm" in found.words.notes
    assert found.words.keyness.query("group == 'Shenzhen'")["q"].isna().all()


def test_terms_that_hold_are_kept_however_many_there_are():
    z = [5.0, 4.0, 3.0, -6.0]
    table = pd.DataFrame({"group": "a", "term": list("wxyz"), "z": z, "q": [0.2, 0.01, 0.3, 0.4], "status": ""})
    assert kept_terms(table, 1)["term"].tolist() == ["x", "z"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"by": "ctiy"}, r"--by ctiy: .* has no such column to compare \(.*city.*\)\. Did you mean 'city'\?"),
        ({"by": "text"}, "--by text: .* has no such column to compare"),
        ({"by": "founded"}, "--by founded: none of 12 usable firms of .* has a value in this column"),
    ],
)
def test_a_column_that_cannot_be_compared(two_cities, given, expected):
    rows, folder = two_cities
    with pytest.raises(ConfigError, match=expected):
        compared(table_of(rows, folder), **given)


def test_too_many_groups_are_refused(tmp_path):
    rows = [(f"f{place}", f"City {place}", 2020, "A ledger.") for place in range(101)]
    with pytest.raises(ConfigError, match=r"101 values found in this column of .*, at most 100 can be compared"):
        compared(table_of(rows, tmp_path))


def test_a_bad_dictionary_is_said_before_any_work(two_cities, monkeypatch):
    rows, folder = two_cities
    monkeypatch.setattr("chainbert.study.terms.words_of", lambda *_: pytest.fail("words were counted"))
    with pytest.raises(ConfigError, match=r"themez.*Did you mean 'themes'"):
        compared(table_of(rows, folder), FEW.model_copy(update={"dictionary": "themez"}))


def test_files_have_the_column_that_was_compared(two_cities):
    rows, folder = two_cities
    found = compared(table_of(rows, folder), by="language")
    written = found.write(folder / "out", 10)
    assert [path.name for path in written] == [
        "keyness.csv", "frequencies.csv", "collocations.csv", "dictionary.csv", "cloud.svg", "cloud.png", "cloud.pdf"
    ]  # fmt: skip
    assert all(path.stat().st_size for path in written)
    for name in ("keyness", "frequencies", "dictionary"):
        assert "language" in pd.read_csv(folder / "out" / f"{name}.csv").columns


def test_pairs_of_words_count_where_asked_for(two_cities):
    rows, folder = two_cities
    found = compared(table_of(rows, folder), FEW.model_copy(update={"ngrams": 2}))
    assert any(" " in term for term in found.words.own["term"])


def test_a_notebook_shows_terms_themes_and_notes(demo):
    html = demo._repr_html_()
    assert "Words by city" in html
    assert str(demo.top(1)["term"].iloc[0]) in html


def test_places_are_where_the_text_says(two_cities):
    rows, folder = two_cities
    table = table_of(rows, folder)
    found, lines = find_places(table, "trader*", folder / "out")
    texts = table.usable.set_index("id")["text"]
    assert found.texts == len(lines) == 6
    for line in lines.to_dict("records"):
        assert texts[line["id"]][line["start"] : line["end"]] == line["keyword"] == "traders"
    assert len(pd.read_csv(folder / "out" / "concordance.csv")) == 6


def test_nothing_found_is_an_empty_table(two_cities):
    rows, folder = two_cities
    found, lines = find_places(table_of(rows, folder), "nowhere")
    assert lines.empty
    assert list(lines.columns) == ["id", "observed", "start", "end", "left", "keyword", "right"]
    assert found.n == 12


def test_an_empty_set_of_texts_has_no_words():
    rows = pd.DataFrame({"id": ["a", "b"], "text": ["", " "], "language": ["zh", "en"]})
    found = words_of(rows, ["x", "y"], FEW, FEW.tokenizer(), "x", np.random.default_rng(0))
    assert found.keyness.empty
    assert found.frequencies.empty
    assert found.notes == (ONE_GROUP, "There is no term for the cloud.")
