"""The report: one page from a run folder, harmless whatever the companies are called."""

from __future__ import annotations

import base64
import gzip
import hashlib
import itertools
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import vl_convert
from hypothesis import given
from hypothesis import strategies as st
from runfolder import FACTS, invented_companies, labels_of, write_run

from chainbert.errors import DataError
from chainbert.report import write_report
from chainbert.report.companyrows import row_limit
from chainbert.report.excerpts import Span, excerpt
from chainbert.report.figures import company_map, gap_by_period, share_by_period, shares_by_city
from chainbert.report.palette import CHARTED, INK, MUTED, OTHER, RULE, choose_colours, css_variables
from chainbert.report.tables import interval, number, percent, probability


class Page(HTMLParser):
    """What a browser would see: elements, scripts by type, visible text without the list of contents."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[tuple[str, str]] = []
        self.text: list[str] = []
        self._inside: list[str] = []
        self.feed(html)
        self.html = html

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag in ("script", "style", "nav"):
            self._inside.append(dict(attrs).get("type") or tag)

    def handle_endtag(self, tag):
        if tag in ("script", "style", "nav"):
            self._inside.pop()

    def handle_data(self, data):
        if self._inside:
            self.scripts.append((self._inside[-1], data))
        else:
            self.text.append(data)

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.text).split())

    def carried(self, name: str) -> str:
        """What the script element of that id carries, as the page's script inflates it."""
        content = re.search(rf'<script type="application/octet-stream" id="{name}"[^>]*>(.*?)</script>', self.html)
        return gzip.decompress(base64.b64decode(content.group(1))).decode("utf-8")

    @property
    def block(self) -> dict:
        return json.loads(self.carried("data"))

    def charts(self) -> list[dict]:
        return [json.loads(text) for kind, text in self.scripts if kind == "application/json" and "$schema" in text]


def page_of(folder: Path, facts: dict | None = None) -> Page:
    return Page(write_report(folder, FACTS if facts is None else facts).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    write_run(folder)
    return folder


@pytest.fixture(scope="module")
def page(run):
    return page_of(run)


def rewrite_companies(folder: Path, change) -> None:
    companies = invented_companies(np.random.default_rng(7))
    change(companies)
    write_run(folder, companies)


def test_the_page_tells_the_study_in_order(page):
    parts = [
        "Three cities, thirty firms",
        "The companies of this study are invented.",
        "Shenzhen: converging",
        "What was read",
        "How far the cities lie from Beijing",
        "not corrected for the labeller's errors",
        "Labels against Beijing",
        "no test is computed from this map",
        "Groups of similar companies",
        "The companies and their evidence",
        "What was left out, and why",
        "chainbert verify",
    ]
    places = [page.words.find(part) for part in parts]
    assert -1 not in places, parts[places.index(-1)]
    assert places == sorted(places)


def test_the_page_needs_nothing_else(page):
    addresses = [
        value for _, attributes in page.elements for name, value in attributes.items() if name in ("src", "href")
    ]
    # Files beside the page are links, which nothing follows by itself.
    assert all(re.fullmatch(r"#.*|data:.*|[\w./%-]+", address) for address in addresses)
    assert not any(address.startswith("/") for address in addresses)
    style = next(text for kind, text in page.scripts if kind == "style")
    assert "url(" not in style
    assert "@import" not in style


def test_only_the_page_s_own_scripts_may_run(page):
    policy = next(a["content"] for tag, a in page.elements if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    scripts = [page.carried("library"), *(text for kind, text in page.scripts if kind == "script")]
    assert len(scripts) == 2
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in scripts]
    assert re.findall(r"'sha256-([^']+)'", policy) == hashes
    assert "unsafe-inline" not in policy.split("script-src")[1].split(";")[0]
    assert "unsafe-eval" not in policy


HOSTILE = (
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(1)>",
    "\"'><b>bold</b>",
    "{{ 7 * 7 }}",
    "=HYPERLINK(1)",
    "a\u2028b\u2029c",
    "שלום עולם",
    "🚀链🚀",
    "NA",
    "a\x00b",
)


def test_a_company_or_a_city_may_be_called_anything(tmp_path, page):
    def rename(companies):
        for place, name in enumerate(HOSTILE):
            companies.loc[place, ["id", "name", "city"]] = [name, name, name]
            companies.loc[place, "text"] = f"{companies.loc[place, 'text']} {name}"

    rewrite_companies(tmp_path, rename)
    found = page_of(tmp_path, FACTS | {"title": HOSTILE[0], "note": HOSTILE[1]})
    other = Page(found.carried("other"))
    for one in (found, other):
        assert {tag for tag, _ in one.elements} <= {tag for tag, _ in page.elements}
        assert sum(tag == "script" for tag, _ in one.elements) == len(one.charts()) + (6 if one is found else 1)
    assert len(other.charts()) == len(found.charts())
    block = found.block
    assert {name.replace("\x00", "\ufffd") for name in HOSTILE} <= set(block["name"])
    for name in HOSTILE:
        assert " ".join(name.replace("\x00", "\ufffd").split()) in found.words


def test_the_same_run_gives_the_same_page(run):
    assert write_report(run, FACTS).read_bytes() == write_report(run, FACTS).read_bytes()


def test_evidence_is_marked_with_its_label(run):
    html = write_report(run, FACTS).read_text(encoding="utf-8")
    labels = pd.read_parquet(run / "labels.parquet")
    sentence = "海外用户可以在钱包里直接兑换代币。"
    assert (labels["market.global.evidence"] == sentence).any()
    assert f"<mark>{sentence}<wbr><b>private, global, crypto</b></mark>" in html


def test_evidence_in_the_name_is_marked_there(tmp_path):
    companies = invented_companies(np.random.default_rng(7))
    companies.loc[0, "name"] = "State Grid Ledger"
    labels = labels_of(companies)
    labels.loc[0, ["customer.state.evidence", "customer.state.start", "customer.state.end"]] = [
        "State Grid Ledger",
        -1,
        -1,
    ]
    write_run(tmp_path, companies, labels)
    html = write_report(tmp_path, FACTS).read_text(encoding="utf-8")
    assert "<mark>State Grid Ledger<wbr><b>state</b></mark>" in html


def test_texts_and_names_carry_their_language_and_direction(page):
    cells = [attributes for tag, attributes in page.elements if tag == "td" and "lang" in attributes]
    assert {cell["lang"] for cell in cells} == {"zh", "en"}
    assert all(cell["dir"] == "auto" for cell in cells)


def test_headings_step_down_one_level_at_a_time(page):
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


def test_ids_are_unique(page):
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_every_chart_is_described_and_compiles_to_vega(page):
    charts = page.charts()
    assert len(charts) >= 5
    for chart in charts:
        assert len(chart["description"]) > 20
        vl_convert.vegalite_to_vega(chart)


def test_a_figure_can_be_drawn_for_a_paper():
    cities = choose_colours(["Beijing", "Shanghai"])
    gap = {"year": "2013–2016", "midpoint": 2014.5, "gap": 0.2, "low": 0.1, "high": 0.3, "n": 9, "n_reference": 20}
    gaps = [
        gap | {"city": "Shanghai", "said": ""},
        gap | {"city": "Shanghai", "said": "", "year": "2020", "midpoint": 2020},
    ]
    svg = vl_convert.vegalite_to_svg(gap_by_period(gaps, cities, "Beijing").to_dict())
    assert cities.light["Shanghai"] in svg
    assert ">2013–2016<" in svg
    assert ">20<" in svg


def test_a_cell_that_is_not_estimable_has_no_number(tmp_path):
    write_run(tmp_path)
    found = page_of(tmp_path)
    gaps = next(chart for chart in found.charts() if chart["description"].startswith("Gap to Beijing"))
    rows = [row for rows in gaps["datasets"].values() for row in rows if "gap" in row]
    assert not [row for row in rows if row["city"] == "Shenzhen" and row["year"] == "2013–2016"]
    assert "Shenzhen 2013–2016 (n = 1; in the reference city" in found.words.replace(
        ", in the reference", "; in the reference"
    )
    assert "fewer than 2 firms" in found.words


def test_what_was_left_out_is_named_with_its_rows(page):
    assert "no text All steps 1 inv-999" in page.words
    assert "no founded year Comparison over time 2" in page.words
    assert "the same row twice; merged into one Reading 4" in page.words


def test_a_long_list_of_left_out_rows_is_cut(tmp_path):
    companies = invented_companies(np.random.default_rng(7))
    silent = pd.concat([companies.tail(1)] * 300, ignore_index=True)
    silent["id"] = [f"gone-{place:03d}" for place in range(300)]
    silent["key"] = silent["id"]
    write_run(tmp_path, pd.concat([companies.head(30), silent], ignore_index=True))
    found = page_of(tmp_path)
    assert "gone-199" in found.words
    assert "gone-200" not in found.words
    assert "and 100 more in companies.parquet" in found.words


def test_facts_are_optional(run):
    found = page_of(run, {})
    assert run.name in found.words
    assert "are invented" not in found.words
    assert "Encoder" not in found.words


def test_a_text_of_two_megabytes_is_shown_around_its_evidence(tmp_path):
    def lengthen(companies):
        companies.loc[0, "text"] = "无关的话。" * 200_000 + companies.loc[0, "text"] + "又是无关的话。" * 200_000

    rewrite_companies(tmp_path, lengthen)
    path = write_report(tmp_path, FACTS)
    assert path.stat().st_size < 1_500_000
    cells = re.findall(r'<td dir="auto" lang="zh">(.*?)</td>', path.read_text(encoding="utf-8"), flags=re.DOTALL)
    longest = max(cells, key=len)
    assert "<mark>" in longest
    assert len(re.sub(r"<b>.*?</b>|<[^>]+>", "", longest)) < 700


def empty_clusters(folder):
    members = pd.read_parquet(folder / "clusters.parquet")
    members.head(0).to_parquet(folder / "clusters.parquet")
    for name in ("terms.csv", "tables/clusters.csv", "tables/cluster_shares.csv"):
        (folder / name).write_text("\n", encoding="utf-8")


def no_convergence(folder):
    nothing = {"reference": "Beijing", "time": "founded", "gaps": [], "trends": [], "direction": [], "verdict": {}}
    (folder / "convergence.json").write_text(json.dumps(nothing), encoding="utf-8")


def no_shares(folder):
    (folder / "shares.csv").write_text("axis,indicator,kind,city,period,n,yes,share,low,high\n", encoding="utf-8")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (empty_clusters, ["No clusters were looked for or found.", "No company has a place on the map."]),
        (no_convergence, ["there is no verdict", "No gap was measured"]),
        (no_shares, ["No label could be counted."]),
    ],
)
def test_what_is_not_there_is_said(tmp_path, spoil, said):
    write_run(tmp_path)
    spoil(tmp_path)
    found = page_of(tmp_path)
    assert all(sentence in found.words for sentence in said)


def test_noise_alone_is_said_and_is_a_class_of_its_own(tmp_path):
    write_run(tmp_path, n_clusters=0)
    found = page_of(tmp_path)
    assert "No group stands out: every text is noise" in found.words
    assert "noise texts like no others, in no cluster 30 100 % 100 % 100 %" in found.words


def test_companies_without_city_or_years(tmp_path):
    def forget(companies):
        companies["city"] = ""
        companies["founded"] = pd.array([pd.NA] * len(companies), dtype="Int64")
        companies["observed"] = pd.array([pd.NA] * len(companies), dtype="Int64")

    rewrite_companies(tmp_path, forget)
    no_convergence(tmp_path)
    found = page_of(tmp_path)
    assert "no city 30" in found.words
    assert "Founded" not in found.words


def test_one_city(tmp_path):
    rewrite_companies(tmp_path, lambda companies: companies.update({"city": ["Beijing"] * len(companies)}))
    no_convergence(tmp_path)
    assert "Beijing 30" in page_of(tmp_path).words


def test_nothing_usable_still_gives_a_page(tmp_path):
    def refuse(companies):
        companies["status"] = "no text"

    rewrite_companies(tmp_path, refuse)
    no_convergence(tmp_path)
    found = page_of(tmp_path)
    assert "No company could be used." in found.words
    assert "no text All steps 31" in found.words


def test_many_cities_stand_in_the_tables_only(tmp_path):
    def scatter(companies):
        companies["city"] = [f"City {place % 15:02d}" for place in range(len(companies))]

    rewrite_companies(tmp_path, scatter)
    no_convergence(tmp_path)
    found = page_of(tmp_path)
    assert f"{15 - CHARTED} further cities are in the tables only." in found.words
    points = next(chart for chart in found.charts() if chart["description"].startswith("Map of"))
    assert len(points["encoding"]["color"]["scale"]["domain"]) == CHARTED + 1
    assert list(points["datasets"].values()) == [[]]
    words = json.loads(next(text for kind, text in found.scripts if kind == "application/json" and '"told"' in text))
    assert len(words["charted"]) == CHARTED
    assert len(found.block["cities"]) == 15


@pytest.mark.parametrize("name", ["companies.parquet", "shares.csv", "convergence.json"])
def test_a_missing_file_is_named(tmp_path, name):
    write_run(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(DataError, match=rf"{re.escape(name)}: is missing; .* Run the study again"):
        write_report(tmp_path, FACTS)


@pytest.mark.parametrize("name", ["labels.parquet", "convergence.json"])
def test_a_damaged_file_is_named_and_the_old_page_stays(tmp_path, name):
    write_run(tmp_path)
    before = write_report(tmp_path, FACTS).read_bytes()
    (tmp_path / name).write_bytes(b"\xff\x00{")
    with pytest.raises(DataError, match=rf"{re.escape(name)}: cannot be read"):
        write_report(tmp_path, FACTS)
    assert (tmp_path / "report.html").read_bytes() == before


def test_a_page_that_cannot_be_written_is_a_data_error(tmp_path):
    write_run(tmp_path)
    (tmp_path / "report.html").mkdir()
    with pytest.raises(DataError, match=r"report\.html: could not be written"):
        write_report(tmp_path, FACTS)
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".tmp")]


texts = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=300)
spans = st.lists(st.tuples(st.integers(-5, 300), st.integers(-5, 320), st.sampled_from("abc")), max_size=6)


@given(texts, spans, st.integers(1, 200))
def test_an_excerpt_is_a_part_of_its_text_and_near_the_limit(text, places, limit):
    marked = [Span(start, end, (label,)) for start, end, label in places]
    pieces = excerpt(text, marked, limit)
    shown = "".join(piece.text for piece in pieces)
    assert all(part in text for part in shown.split(" …") for part in [part.removeprefix(" ")] if "…" not in text)
    assert len(shown) <= limit + 3 * (len(places) + 1) + len(places)
    valid = {span.labels[0] for span in marked if 0 <= span.start < span.end <= len(text)}
    assert {label for piece in pieces for label in piece.labels} == valid


@given(texts, spans)
def test_a_text_within_the_limit_is_whole(text, places):
    pieces = excerpt(text, [Span(start, end, (label,)) for start, end, label in places], 300)
    assert "".join(piece.text for piece in pieces) == text


def test_overlapping_evidence_becomes_one_mark():
    pieces = excerpt("abcdefgh", [Span(1, 4, ("state",)), Span(3, 6, ("domestic",)), Span(6, 7, ("crypto",))], 100)
    assert [(piece.text, piece.labels) for piece in pieces] == [
        ("a", ()),
        ("bcdef", ("state", "domestic")),
        ("g", ("crypto",)),
        ("h", ()),
    ]


@pytest.mark.parametrize(("rows", "limit"), [(0, 600), (280, 600), (2_000, 400), (10_000, 200), (100_000, 0)])
def test_rows_get_less_text_as_they_get_more(rows, limit):
    assert row_limit(rows) == limit


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (number(-0.0004), "0.000"),
        (number(-0.0216), "−0.022"),
        (number(None), "–"),
        (number(float("nan")), "–"),
        (percent(0.125), "12 %"),
        (percent(-0.5), "−50 %"),
        (probability(0.0004), "< 0.001"),
        (probability(0.04), "0.040"),
        (interval(-0.1, 0.2), "−0.100 to 0.200"),
        (interval(None, 0.2), "–"),
    ],
)
def test_numbers_in_words(said, expected):
    assert said == expected


@given(st.lists(st.sampled_from([*"ABCDEFGHIJKL", "Beijing", "Shanghai", "Shenzhen"]), unique=True))
def test_every_charted_city_has_a_colour_of_its_own(names):
    cities = choose_colours(names)
    assert set(cities.light) == set(cities.charted)
    assert len(set(cities.light.values())) == len(cities.charted)
    assert len(css_variables(cities)) == len(cities.charted) + 6


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    bright, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize(("shade", "paper"), [(0, "#fdfcf9"), (1, "#161615")])
def test_marks_and_words_stand_out_from_the_paper(shade, paper):
    cities = choose_colours(["Beijing", "Shanghai", "Shenzhen", *"ABCDE"])
    colours = (cities.light, cities.dark)[shade].values()
    assert min(contrast(colour, paper) for colour in [*colours, OTHER[shade]]) >= 3
    assert min(contrast(INK[shade], paper), contrast(MUTED[shade], paper)) >= 4.5
    assert contrast(RULE[shade], paper) > 1.2


def test_figures_without_rows_still_compile():
    cities = choose_colours([])
    for chart in (
        gap_by_period([], cities, "Beijing"),
        shares_by_city([], [], cities),
        share_by_period([], [], cities),
        company_map([], cities),
    ):
        vl_convert.vegalite_to_vega(chart.to_dict())
