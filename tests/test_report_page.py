"""The page's parts: the finding in words, the citation, the data block, numbers that open lists, files beside it."""

from __future__ import annotations

import base64
import gzip
import json
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from runfolder import FACTS, checks_of, invented_companies, specifications_of, write_checked_run, write_run, write_words

from chainbert.errors import ConfigError, DataError
from chainbert.report import write_report
from chainbert.report.citation import bibtex, methods_prose, plain_citation, sources
from chainbert.report.companyrows import CompanyRow, company_rows
from chainbert.report.datablock import company_block, packed
from chainbert.report.downloads import downloads, figure_files, wanted
from chainbert.report.excerpts import Piece, Span, evidence_only
from chainbert.report.findings import city_order
from chainbert.report.firmtables import (
    lists_of,
    read_table_one,
    read_themes,
    table_one_lists,
    table_one_page,
    theme_lists,
    themes_page,
)
from chainbert.report.language import speaking
from chainbert.report.lead import lead, listed
from chainbert.report.pageparts import carried, columns, filters, script_words
from chainbert.report.pagescripts import inline_json
from chainbert.report.palette import choose_colours
from chainbert.report.published import read_published
from chainbert.report.runfiles import read_run

CITIES = choose_colours(["Beijing", "Shanghai", "Shenzhen"])


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    write_checked_run(folder)
    write_words(folder)
    return folder


@pytest.fixture
def files(run):
    return read_run(run)


@pytest.fixture
def rows(files):
    return company_rows(files, CITIES)


def changed(tmp_path, **parts):
    """The finding of a run with other parts of convergence.json."""
    write_checked_run(tmp_path, **parts)
    found = read_run(tmp_path)
    return lead(found, choose_colours(city_order(found)))


def test_the_finding_comes_first_and_carries_its_numbers(files):
    found = lead(files, CITIES)
    assert found.headline == (
        "The gap between Shenzhen and Beijing narrows.",
        "The gap between Shanghai and Beijing stays as it was.",
    )
    assert (
        "Shenzhen: the gap went from 0.44 in 2013–2016 to 0.05 in 2020–2022, −0.058 a year"
        in found.paragraph.replace("0.28 in 2017–2019", "0.44 in 2013–2016")
    )
    assert "(95 % interval −0.092 to −0.024; p = 0.004)" in found.paragraph
    assert "A change large enough to matter is ruled out: 0.036 a year." in found.paragraph
    assert "the change survives 1 of 1." in found.paragraph
    assert "Of 7 ways to make the analysis, 86 % (Shanghai) and 86 % (Shenzhen) point the same way." in found.paragraph


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("diverging", "The gap between Shanghai and Shenzhen and Beijing widens."),
        ("underpowered", "This set is too small to tell whether Shanghai and Shenzhen moved toward Beijing."),
        ("not shown", "Whether Shanghai and Shenzhen moved toward Beijing is not shown either way."),
    ],
)
def test_every_verdict_has_a_headline(tmp_path, word, said):
    found = changed(tmp_path, verdict=dict.fromkeys(("Shanghai", "Shenzhen"), word))
    assert found.headline == (said,)
    assert ("would be found in only" in found.paragraph) == (word == "underpowered")


def test_a_city_without_a_trend_and_a_run_without_a_verdict(tmp_path):
    found = changed(tmp_path, trends=[], controls=[], power=[])
    assert "Shanghai: too few periods could be measured for a trend." in found.paragraph
    assert changed(tmp_path, verdict={}) is None


def test_the_paragraph_stays_short_with_many_cities(tmp_path):
    names = [f"City {place:02d}" for place in range(39)]
    found = changed(tmp_path, verdict=dict.fromkeys(names, "underpowered"))
    assert "City 05 and 33 more" in found.headline[0]
    assert "The numbers of the other compared cities (35) stand below." in found.paragraph
    assert len(found.paragraph) < 900


def test_the_finding_is_told_in_chinese(files):
    with speaking("zh"):
        found = lead(files, CITIES)
    assert found.headline[0] == "Shenzhen 与 Beijing 的差距正在缩小。"
    assert "年均变化 −0.058（95% 置信区间 −0.092 至 −0.024；p = 0.004）。" in found.paragraph
    assert ". " not in found.paragraph


@pytest.mark.parametrize(
    ("names", "said"), [([], ""), (["A"], "A"), (["A", "B"], "A and B"), (list("ABC"), "A, B and C")]
)
def test_names_are_listed(names, said):
    assert listed(names) == said


def test_the_methods_paragraph_says_what_the_run_did_and_nothing_else(files, tmp_path):
    prose = methods_prose(files, CITIES, FACTS, words=True)
    assert prose.startswith("The study reads 30 texts of 30 companies in Chinese and English: Beijing 16, Shanghai 7")
    assert "999 permutations" in prose
    assert "Monroe et al. 2008" in prose
    named = set(re.findall(r"\b([A-Z]\w+)(?: and \w+| et al\.)? \d{4}", prose.replace("é", "e")))
    assert {source.split(",")[0].replace("é", "e") for source in sources(files, words=True)} == named
    write_run(tmp_path, n_clusters=0)
    (tmp_path / "convergence.json").write_text('{"gaps": []}', encoding="utf-8")
    short = methods_prose(read_run(tmp_path), CITIES, {})
    assert "energy distance" not in short
    assert "seed" not in short


def test_the_citation_survives_what_latex_reads_as_its_own():
    facts = {
        "study": "Demo 1",
        "run_hash": "ab",
        "created": "2026-11-24T00:00",
        "chainbert": "9.9",
        "authors": ["A & B"],
    }
    entry = bibtex(r"50 % of {firms} & \others_#$~^", facts)
    assert entry.startswith("@misc{demo1,\n")
    assert r"title = {{50 \% of \{firms\} \& \textbackslash{}others\_\#\$\textasciitilde{}\textasciicircum{}}}" in entry
    assert r"author = {A \& B}" in entry
    assert "year = {2026}" in entry
    assert plain_citation("Title", facts) == "A & B. Title (2026). Report of a chainbert 9.9 run, run hash ab."
    assert "year" not in bibtex("Title", {})


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_what_is_packed_comes_out_again(text):
    assert gzip.decompress(base64.b64decode(packed(text))).decode("utf-8") == text
    assert packed(text) == packed(text)


def test_halves_of_characters_do_not_stop_the_page():
    assert gzip.decompress(base64.b64decode(packed("a\ud83db"))) == b"a?b"


def row_of(number: int, **known) -> CompanyRow:
    plain = {"name": [Piece(f"Firm {number}")], "name_language": "en", "city": "Beijing", "founded": "", "observed": ""}
    rest = {"labels": [], "cluster": "", "text": [], "language": ""}
    return CompanyRow(key=f"k{number}", number=number, **(plain | rest | known))


def test_the_block_has_every_company_once():
    first = row_of(
        0, labels=[("market", "global", ""), ("customer", "state", "abstained")], cluster="3", founded="2016"
    )
    marked = [Piece("a "), Piece("b", ("state", "global")), Piece(" c")]
    second = row_of(
        1, labels=[("customer", "private", "")], cluster="noise", text=marked, language="zh", city="nowhere"
    )
    third = row_of(2, name=[Piece("State Works", ("state",))])
    firms = {"some": ["k2", "k0", "unknown", "k2"], "none": []}
    block = json.loads(company_block([first, second, third], CITIES, {"k1": (1.5, -2.0)}, firms))
    assert block["city"] == [0, -1, 0]
    assert block["founded"] == [2016, 0, 0]
    market, customer = block["axes"]
    assert (market["values"], market["value"], market["status"]) == (["global"], [0, -1, -1], [-1, -1, -1])
    assert (customer["value"], customer["status"], block["statuses"]) == ([0, 1, -1], [0, -1, -1], ["abstained"])
    assert block["cluster"] == [3, -1, None]
    assert block["text"][1] == ["a ", ["b", 1, 0], " c"] or block["text"][1] == ["a ", ["b", 0, 1], " c"]
    assert block["named"] == {"2": [block["marks"].index("state")]}
    assert (block["x"], block["y"]) == ([None, 1.5, None], [None, -2.0, None])
    assert block["firms"] == {"some": [0, 2], "none": []}


@given(st.sets(st.integers(0, 50)))
def test_a_list_of_firms_is_carried_as_steps(numbers):
    rows = [row_of(number) for number in range(51)]
    block = json.loads(company_block(rows, CITIES, {}, {"list": [f"k{number}" for number in numbers]}))
    assert np.cumsum(block["firms"]["list"]).tolist() == sorted(numbers)


def test_evidence_alone_is_kept_in_the_text_s_order():
    text = "One sentence. Two sentences. Three."
    pieces = evidence_only(
        text, [Span(29, 35, ("b",)), Span(0, 13, ("a",)), Span(0, 13, ("c",)), Span(90, 99, ("d",))], 200
    )
    assert pieces == [Piece("One sentence.", ("a", "c")), Piece(" … "), Piece("Three.", ("b",))]
    assert evidence_only(text, [], 200) == []
    assert evidence_only(text, [Span(0, 13, ("a",))], 5) == [Piece("One s…", ("a",))]


def test_the_controls_know_what_companies_differ_in(rows):
    assert [name for name, _ in columns(rows)] == ["name", "city", "founded", "axis-0", "axis-1", "axis-2", "cluster"]
    options = {name: values for name, _, values in filters(rows, CITIES)}
    assert options["city"] == [(city, city) for city in CITIES.names]
    # What no codebook names comes last, in the reader's language.
    assert options["axis-0"] == [("private", "private"), ("mixed", "mixed")]
    with speaking("zh"):
        assert {name: values for name, _, values in filters(rows, CITIES)}["axis-0"][-1] == ("mixed", "混合")
    assert options["cluster"][-1] == ("-1", "noise")
    assert "observed" not in options
    assert columns([]) == [("name", "Company"), ("city", "City")]
    assert filters([], CITIES) == []


def test_the_script_speaks_the_reader_s_language(rows):
    with speaking("zh"):
        words = script_words(rows, CITIES)
    assert words["told"]["mixed"] == "混合"
    assert words["separator"] == "、"
    assert words["page"] == "第{page}页，共{pages}页"


@pytest.mark.parametrize(("n", "said"), [(10, "about 600"), (2001, "only the evidence"), (90_000, "only the labels")])
def test_how_much_text_is_carried_is_said(n, said):
    assert said in carried(n)


def test_json_cannot_close_its_script_element():
    assert "</script" not in inline_json({"a": "</script>\u2028"})
    assert json.loads(inline_json({"a": "</script>\u2028"})) == {"a": "</script>\u2028"}


def test_every_number_of_table_one_has_its_list(run):
    table = read_table_one(run)
    page = table_one_page(table)
    lists = dict(table_one_lists(table))
    numbers = [one for line in page.lines for cell in line.cells for one in cell]
    assert {one.list_name for one in numbers} == set(lists)
    shares = [one for one in numbers if one.bar is not None]
    assert shares
    for one in shares:
        yes = int(one.detail.split("·")[1].split(" of ")[0])
        assert len(lists[one.list_name]) == yes
        assert f"{yes} of " in one.said
        assert one.figure == f"{one.bar:.0f} %"


def test_a_published_table_stands_beside_ours(run):
    published = read_published("hai-klingler-vidra-2022")
    page = table_one_page(read_table_one(run), published)
    assert any(line.published or line.published_note for line in page.lines)
    assert page.published
    assert all(len(line.published) in (0, len(page.columns)) for line in page.lines)
    html = write_report(run, FACTS, published="hai-klingler-vidra-2022").read_text(encoding="utf-8")
    assert 'class="published"' in html
    with pytest.raises(ConfigError, match="neither a file nor a shipped published table"):
        write_report(run, FACTS, published="nobody-1900")


def test_themes_have_shares_and_the_latest_text_of_each_firm(run, tmp_path):
    shares, _ = read_themes(run)
    page = themes_page(shares, CITIES)
    assert [line.title for line in page.lines] == ["Policy", "Hardware"]
    with speaking("zh"):
        assert [line.title for line in themes_page(shares, CITIES).lines] == ["政策", "硬件"]
    assert page.lines[0].cells[0][0].detail.endswith("2 of 16")
    assert themes_page(shares.head(0), CITIES) is None
    companies = invented_companies(np.random.default_rng(7)).head(2).assign(id="one", observed=[2018, 2022])
    write_run(tmp_path, companies)
    both = pd.DataFrame({"key": companies["key"], "category": "policy"})
    assert dict(theme_lists(both, read_run(tmp_path))) == {"theme:policy:Beijing": (companies["key"].iloc[1],)}


def test_empty_lists_open_nothing():
    assert lists_of([("a", ("k",)), ("b", ())], [("c", ["l"])]) == {"a": ("k",), "c": ["l"]}


@pytest.mark.parametrize("name", ["tables/table1.json", "dictionary.csv", "keyness.csv"])
def test_a_damaged_file_of_words_or_tables_is_named(tmp_path, name):
    write_run(tmp_path)
    write_words(tmp_path)
    (tmp_path / name).write_bytes(b"\xff\x00{")
    with pytest.raises(DataError, match=re.escape(name)):
        write_report(tmp_path, FACTS)


def test_files_beside_the_page_are_listed_with_what_they_hold(tmp_path):
    write_run(tmp_path)
    for name in ("exports/csv-excel/companies.csv", "exports/csv-r/companies.csv", "exports/files.json",
                 "exports/tables.xlsx", "figures/gap.svg", "figures/gap.pdf", "figures/a b.png", "manifest.json",
                 ".stages.json", "report.html"):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x", encoding="utf-8")
    found = downloads(tmp_path, {"outputs": {"shares.csv": {"sha256": "cd" * 32}}})
    named = {(one.folder, one.name): one for one in found}
    assert named["exports", "companies"].files == (
        ("csv (Excel)", "exports/csv-excel/companies.csv"),
        ("csv (R)", "exports/csv-r/companies.csv"),
    )
    assert named["", "shares"].sha256 == "cd" * 32
    assert not {"manifest", "report", ".stages", "files"} & {one.name for one in found}
    assert figure_files(found)["gap"] == (("pdf", "figures/gap.pdf"), ("svg", "figures/gap.svg"))
    assert figure_files(found)["a b"] == (("png", "figures/a%20b.png"),)
    assert [one.name for one in wanted(found)] == ["tables", "companies"]
    html = write_report(tmp_path, FACTS).read_text(encoding="utf-8")
    assert 'href="figures/gap.pdf" aria-label="gap, pdf"' in html
    assert 'href="exports/tables.xlsx"' in html


def test_a_run_of_an_older_version_has_neither_tables_nor_words(tmp_path):
    write_run(tmp_path)
    html = write_report(tmp_path, FACTS).read_text(encoding="utf-8")
    assert 'id="table-1"' not in html
    assert 'id="words"' not in html
    assert read_table_one(tmp_path) is None
    assert read_themes(tmp_path) is None


def test_the_page_opens_in_the_language_that_is_asked_for(tmp_path):
    write_run(tmp_path)
    html = write_report(tmp_path, FACTS, language="zh").read_text(encoding="utf-8")
    assert '<html lang="zh">' in html
    assert "读取的数据" in html
    assert 'id="other" data-lang="en"' in html


def test_the_helpers_of_this_file_agree_on_the_curve():
    summary = specifications_of()["summary"]
    assert {row["city"] for row in summary} == {row["city"] for row in checks_of()["power"]}
