import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from font_files import make_font
from scipy import sparse

from chainbert.errors import DataError
from chainbert.report import wordfigures
from chainbert.report.language import speaking, told
from chainbert.report.language.speech import catalogue
from chainbert.report.palette import choose_colours
from chainbert.report.wordfigures import BARS, cloud_part, keyness_bars, read_keyness, word_parts
from chainbert.wording import fonts
from chainbert.wording.cloud import comparison_cloud
from chainbert.wording.fonts import INSTALL
from chainbert.wording.keyness import keyness_by_group
from chainbert.wording.matrix import TermMatrix

CITIES = choose_colours(("Lu", "Wei"))
COLUMNS = ("city", "term", "n_target", "n_reference", "firms", "firms_reference", "log_odds", "z", "q", "status")


def keyness(*rows) -> pd.DataFrame:
    """Rows (city, term, z, q, firms, firms_reference)."""
    return pd.DataFrame(
        [(city, term, 3 * f, 2 * g, f, g, z / 4, z, q, "") for city, term, z, q, f, g in rows], columns=list(COLUMNS)
    )


TABLE = keyness(
    ("Lu", "政务", 6.0, 0.001, 14, 3),
    ("Lu", "ledger", 4.0, 0.20, 9, 6),
    ("Lu", "token", -5.0, 0.01, 2, 17),
    ("Lu", "wallet", -2.0, 0.6, 3, 8),
    ("Lu", "rare", 5.0, np.nan, 2, 1),
    ("Wei", "token", 5.0, 0.01, 17, 2),
    ("Wei", "政务", -6.0, 0.04, 3, 14),
)


def drawn(panel) -> list[dict]:
    """The rows of a chart's bars, each once."""
    specification = json.loads(panel.specification)
    sets = [layer.get("data") or {} for layer in specification["layer"]]
    values = [one["values"] if "values" in one else specification["datasets"][one["name"]] for one in sets if one]
    return list({row["term"]: row for rows in values for row in rows if "term" in row}.values())


@pytest.fixture
def cloud(tmp_path, monkeypatch):
    monkeypatch.setattr(fonts, "font_folders", list)
    font = make_font(tmp_path / "font.ttf", "abcdefghijklmnopqrstuvwxyzLW<>/&政务")
    rows = pd.DataFrame(
        [("政务", "Lu", 6.0), ("ledger", "Lu", 4.0), ("</text><script>", "Wei", 5.0), ("😀", "Wei", 2.0)],
        columns=["term", "group", "weight"],
    )
    return comparison_cloud(rows, colours=CITIES.light, rng=np.random.default_rng(1), font=font)


def test_bars_run_from_what_a_city_says_more_to_what_it_says_less():
    part = keyness_bars(TABLE, CITIES)
    assert [panel.heading for panel in part.panels] == ["Lu", "Wei"]
    rows = {row["term"]: row for row in drawn(part.panels[0])}
    assert [rows[term]["holds"] for term in ("政务", "ledger", "token", "wallet")] == [True, False, True, False]
    assert (rows["政务"]["firms"], rows["token"]["firms"]) == ("14", "17")
    order = json.loads(part.panels[0].specification)["layer"][0]["encoding"]["y"]["sort"]
    assert order == ["政务", "ledger", "wallet", "token"]
    assert part.panels[0].words == "Lu says more: 政务, ledger; less: token, wallet."


def test_a_city_has_the_same_scale_as_the_others_and_its_own_colour():
    specifications = [json.loads(panel.specification) for panel in keyness_bars(TABLE, CITIES).panels]
    domains = {tuple(one["layer"][0]["encoding"]["x"]["scale"]["domain"]) for one in specifications}
    assert domains == {(-7.5, 7.5)}
    for city, one in zip(CITIES.names, specifications, strict=True):
        bars = [layer["mark"] for layer in one["layer"] if layer["mark"]["type"] == "bar"]
        assert bars[0]["color"] == CITIES.light[city]
        assert [bar["fillOpacity"] for bar in bars] == [1.0, 0.16, 1.0, 0.16]


def test_how_many_terms_hold_is_said():
    remark = keyness_bars(TABLE, CITIES).remark
    assert "Lu: 2 terms hold (1 said more, 1 said less)." in remark
    assert "Wei: 2 terms hold (1 said more, 1 said less)." in remark


def test_one_term_that_holds_and_none():
    table = keyness(("Lu", "a", 3.0, 0.01, 5, 5), ("Lu", "b", 2.0, 0.5, 5, 5), ("Wei", "c", 2.0, 0.5, 5, 5))
    remark = keyness_bars(table, CITIES).remark
    assert "Lu: 1 term holds (1 said more, 0 said less)." in remark
    assert "Wei: no term holds; all of its bars may be chance." in remark


def test_terms_that_too_few_companies_use_have_no_bar():
    part = keyness_bars(TABLE, CITIES)
    assert "rare" not in {row["term"] for row in drawn(part.panels[0])}


def test_where_nothing_was_tested_the_bars_are_pale_and_the_reason_is_said():
    table = keyness(("Lu", "a", 3.0, np.nan, 1, 5), ("Lu", "b", -2.0, np.nan, 1, 5))
    table["status"] = "not tested: Lu has one firm"
    part = keyness_bars(table, CITIES)
    assert [row["holds"] for row in drawn(part.panels[0])] == [False, False]
    assert "Lu: not tested: Lu has one firm." in part.remark


def test_a_city_without_words_is_named_and_has_no_chart():
    none = pd.DataFrame([{"city": "Wei", "term": "", "status": "no words"}]).reindex(columns=list(COLUMNS))
    part = keyness_bars(pd.concat([TABLE[TABLE["city"] == "Lu"], none]), CITIES)
    assert [panel.heading for panel in part.panels] == ["Lu"]
    assert "Wei: no words." in part.remark


def test_each_side_has_so_many_bars_at_most_and_ties_go_by_the_term():
    table = keyness(*(("Lu", f"term{n:02}", 2.0, 0.5, 5, 5) for n in range(40)))
    for rows in (table, table.sample(frac=1, random_state=1)):
        part = keyness_bars(rows, CITIES)
        assert [row["term"] for row in drawn(part.panels[0])] == [f"term{n:02}" for n in range(BARS)]


def test_the_table_has_the_drawn_terms_and_all_that_hold():
    many = [("Lu", f"term{n:02}", 9.0 - n / 10, 0.01, 5, 5) for n in range(BARS + 3)]
    part = keyness_bars(keyness(*many, ("Lu", "rare", 1.0, np.nan, 5, 5)), CITIES)
    assert [row[1] for row in part.table.rows] == [f"term{n:02}" for n in range(BARS + 3)]
    assert part.table.rows[0] == ("Lu", "term00", "2.25", "9.00", "0.010", "5", "5", "15", "10")
    assert len(part.table.heads) == len(part.table.rows[0])


@pytest.mark.parametrize("rows", [TABLE.iloc[:0], TABLE[TABLE["city"] == "Nowhere"]])
def test_no_measured_term_makes_no_part(rows):
    assert keyness_bars(rows, CITIES) is None


def test_a_term_called_null_is_read_as_a_term(tmp_path):
    path = tmp_path / "keyness.csv"
    keyness(("Lu", "null", 3.0, 0.01, 5, 5), ("Lu", "NA", 2.0, np.nan, 5, 5)).to_csv(path, index=False)
    table = read_keyness(path)
    assert table["term"].tolist() == ["null", "NA"]
    assert table["q"].isna().tolist() == [False, True]
    assert table["status"].tolist() == ["", ""]
    path.write_text("")
    with pytest.raises(DataError, match=r"keyness\.csv: cannot be read \(.+\)\. Delete it and run the study again"):
        read_keyness(path)


def test_the_cloud_stands_in_the_page_twice_as_text_in_the_cities_colours(cloud):
    part = cloud_part(cloud, CITIES)
    wide, narrow = ET.fromstring(f"<div>{part.picture}</div>")
    assert (wide.get("class"), narrow.get("class")) == ("cloud-wide", "cloud-narrow")
    for one in (wide, narrow):
        svg = one.find("svg")
        assert svg.get("aria-label") == part.words
        assert [group.get("style") for group in svg.findall("g")] == ["fill:var(--city-0)", "fill:var(--city-1)"]
        assert {text.get("data-term") for text in svg.iter("text")} == {"政务", "ledger", "</text><script>"}
    assert "<script" not in part.picture
    assert part.words == "A cloud of words, coloured by city. Lu: 政务, ledger. Wei: </text><script>."
    assert part.table.rows == [("Lu", "政务", "6.00"), ("Lu", "ledger", "4.00"), ("Wei", "</text><script>", "5.00")]
    assert "😀" in part.remark
    assert cloud_part(cloud, CITIES) == part


def test_a_city_without_a_colour_of_its_own_is_grey(cloud):
    part = cloud_part(cloud, choose_colours(("Lu",)))
    assert "fill:var(--other)" in part.picture


def test_a_cloud_without_words_makes_no_part():
    rows = pd.DataFrame({"term": [], "group": [], "weight": []})
    empty = comparison_cloud(rows, colours=CITIES.light, rng=np.random.default_rng(1))
    assert cloud_part(empty, CITIES) is None


def test_the_parts_of_a_run_folder(cloud, tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    assert word_parts(folder, CITIES) == ()
    TABLE.to_csv(folder / "keyness.csv", index=False)
    assert [part.heading for part in word_parts(folder, CITIES)] == ["What each city says more, and less"]
    (folder / "cloud.json").write_text(cloud.to_json(), encoding="utf-8")
    first, second = word_parts(folder, CITIES)
    assert first == cloud_part(cloud, CITIES)
    assert second.panels
    (folder / "cloud.json").write_text("{", encoding="utf-8")
    with pytest.raises(DataError, match="cloud: cannot be read"):
        word_parts(folder, CITIES)


def test_everything_is_said_in_chinese(cloud):
    with speaking("zh"):
        parts = (keyness_bars(TABLE, CITIES), cloud_part(cloud, CITIES))
    for part in parts:
        said = f"{part.heading}{part.lead}{part.remark}{part.caption}{''.join(part.table.heads)}"
        # Names, numbers and terms of the data stay.
        assert not re.search(r"[a-z]{4,}", re.sub(r"keyness\.csv|ledger|token|wallet", "", said))
    assert "Lu：2 个词语显著（用得更多的 1 个，用得更少的 1 个）。" in parts[0].remark.replace(" ：", "：")


def test_every_message_of_the_module_has_its_chinese():
    source = Path(wordfigures.__file__).read_text(encoding="utf-8")
    known = catalogue("zh")
    calls = re.findall(r'say\(\s*((?:"[^"]*"\s*)+)', source)
    messages = ["".join(re.findall(r'"([^"]*)"', one)) for one in calls]
    assert len(messages) > 15
    assert [one for one in messages if one not in known] == []


@pytest.mark.parametrize(
    "note",
    [
        "No font on this machine has these Chinese terms, which are left out of the cloud: 区块链. To see them, "
        f"{INSTALL}.",
        "No font on this machine has these terms, which are left out of the cloud: 😀, ☃ … (+ 3).",
        "Terms from right to left or with joined letters are left out of the cloud: سلسلة.",
        "Terms that are too long for the picture are left out of the cloud: 区块链….",
        "There is no term for the cloud.",
        "No term stands in the cloud for 沪, 深.",
        "12 of 30 terms have room in the cloud in letters that can be read.",
    ],
)
def test_notes_of_a_cloud_are_told_in_chinese(note):
    with speaking("zh"):
        said = told(note)
    assert said != note
    assert "cloud" not in said
    for name in ("区块链", "😀", "سلسلة", "沪、深", "12", "(+ 3)"):
        assert (name.replace("、", ", ") in note) == (name in said)


def test_why_a_city_was_not_tested_is_told_in_chinese():
    counts = np.array([[1, 1], [1, 0], [0, 1], [0, 0]], dtype=np.int32)
    matrix = TermMatrix(sparse.csr_array(counts), np.array(["a", "b"], dtype=object))
    rng, group = np.random.default_rng(0), np.array(["x", "x", "y", "w"])
    reasons = set(keyness_by_group(matrix, group, rng=rng)["status"])
    strata = np.array(["1", "1", "2", "2"])
    two = TermMatrix(sparse.csr_array(np.ones((4, 1), dtype=np.int32)), np.array(["a"], dtype=object))
    reasons |= set(keyness_by_group(two, strata, strata=strata, rng=rng)["status"])
    assert len(reasons) == 4
    with speaking("zh"):
        assert not any(re.search("[a-z]", told(reason)) for reason in reasons)
