"""The report shows the whole verdict: what it rests on, what it survived, and what the set could have found."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import vl_convert
from hypothesis import given
from hypothesis import strategies as st
from runfolder import FACTS, checks_of, grouping_of, write_checked_run, write_run

from chainbert.cli.summary import run_summary, summary_lines
from chainbert.errors import DataError
from chainbert.report import write_report
from chainbert.report.checks import differences, placebos, power
from chainbert.report.clusterchecks import cluster_parts, stabilities
from chainbert.report.convergencefigures import AWAY, TOWARD
from chainbert.report.estimates import scale
from chainbert.report.exhibits import gap_figure, policy_events
from chainbert.report.figures import policy_rules
from chainbert.report.movement import both, change, moved, separability
from chainbert.report.otherways import other_ways
from chainbert.report.palette import CLOSES, OPENS, choose_colours
from chainbert.report.runfiles import RunFiles, read_run
from chainbert.report.specificationcurve import specifications
from chainbert.report.verdictcards import cards, spaced

CITIES = choose_colours(["Beijing", "Shanghai", "Shenzhen"])
SECTIONS = ("moved", "change", "agreement", "other-ways", "differs", "placebos", "specifications", "power")


TOPIC = {"p": 0.4, "q": 0.97, "slope": 0.021, "low": -0.017, "high": 0.059, "first": -0.25, "status": ""} | {
    "verdict": "underpowered",
    "mover": "neither shown",
}
NEAR = {"p": 0.001, "q": 0.04, "slope": -0.031, "verdict": "converging", "mover": "home moved"}
LABEL = {"axis": "customer", "indicator": "state"}
SIGMA = {"measure": "between share", "city": "", "slope": -0.0047, "low": -0.0084, "high": -0.0011, "p": 0.013} | {
    "periods": 3,
    "status": "",
}
BETA = {
    "cities": 3,
    "beta": -0.134,
    "low": -0.201,
    "high": -0.07,
    "p": 0.003,
    "closed": 0.87,
    "periods": 3,
    "status": "",
}
OTHER = {
    "topic_slopes": [
        TOPIC | {"topic": "-1", "city": "Shanghai"},
        TOPIC | dict.fromkeys(("p", "q", "slope"), None) | {"topic": "0", "city": "Shanghai", "status": "too few"},
        TOPIC | NEAR | {"topic": "1", "city": "Shenzhen"},
    ],
    "sigma": [
        {"measure": "between share", "city": "", "year": year, "value": value}
        for year, value in (("2013–2016", 0.025), ("2017–2019", None), ("2020–2022", 0.004))
    ],
    "sigma_trends": [SIGMA, SIGMA | {"measure": "within", "city": "Beijing", "p": 0.2}],
    "beta": [BETA],
    "label_sigma_trends": [LABEL | SIGMA | {"measure": "between", "p": 0.3}],
    "label_beta": [LABEL | BETA, LABEL | BETA | {"beta": None, "p": None, "status": "not estimable: no difference"}],
}


class Page(HTMLParser):
    """Visible words, tags, ids and charts of a page."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.text: list[str] = []
        self.ids: list[str] = []
        self.charts: list[str] = []
        self.tags: set[str] = set()
        self._hidden = 0
        self.html = write_report(folder, FACTS).read_text(encoding="utf-8")
        self.feed(self.html)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        if "id" in found:
            self.ids.append(found["id"])
        if "data-chart" in found:
            self.charts.append(found["data-chart"])
        self.tags.add(tag)
        self._hidden += tag in ("script", "style", "nav")

    def handle_endtag(self, tag):
        self._hidden -= tag in ("script", "style", "nav")

    def handle_data(self, data):
        if not self._hidden:
            self.text.append(data)

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.text).split())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("checked")
    write_checked_run(made, **OTHER)
    return made


@pytest.fixture(scope="module")
def page(folder):
    return Page(folder)


@pytest.fixture
def files(folder) -> RunFiles:
    return read_run(folder)


def without(files: RunFiles, **changed: object) -> RunFiles:
    """The run with other parts of convergence.json."""
    return RunFiles(
        **{name: getattr(files, name) for name in files.__slots__} | {"convergence": files.convergence | changed}
    )


def cells(part) -> set[str]:
    return {cell for row in part.table.rows for cell in row}


def rows_of(panel) -> list[dict]:
    return [row for part in panel.chart.to_dict()["datasets"].values() for row in part]


def test_the_verdict_comes_first_and_what_it_rests_on_after_it_in_order(page):
    parts = [
        "Shanghai: no change",
        "Shenzhen: converging",
        "What was read",
        "How far the cities lie from Beijing",
        "How well can a reader tell them apart?",
        "Who moved?",
        "What the change is made of",
        "Do texts and labels say the same?",
        "Other ways to ask",
        "What else differs",
        "Placebos",
        "Would other choices have found the same?",
        "What this set could find",
        "Groups of similar companies",
        "Clusters that come and go",
    ]
    places = [page.words.find(part) for part in parts]
    assert -1 not in places, parts[places.index(-1)]
    assert places == sorted(places)


def test_ids_and_charts_are_unique_and_compile(page):
    assert len(page.ids) == len(set(page.ids))
    assert len(page.charts) == len(set(page.charts))
    specs = re.findall(r'id="spec-[^"]+">(.*?)</script>', page.html, re.DOTALL)
    assert len(specs) == len(page.charts)
    for spec in specs:
        vl_convert.vegalite_to_vega(json.loads(spec))


def test_no_words_that_name_a_cause(page):
    assert not re.findall(r"\b(effects?|impacts?|causes?|caused|led to|because of|driven)\b", page.words)


def test_no_number_of_ours_has_more_than_three_decimals(page):
    ours = re.sub(r"slope [+−-]0\.\d+|against −0\.\d+", "", page.words)
    assert not re.findall(r"(?<![\d.])\d\.\d{4,}", ours)


def test_a_card_says_what_the_verdict_survived_and_what_the_set_could_find(files):
    shanghai, shenzhen = cards(files)
    assert (shanghai.city, shanghai.verdict) == ("Shanghai", "no change")
    assert "itself a finding" in shanghai.meaning
    lines = dict(shanghai.lines)
    # Where the slope is no finding, there was nothing to survive.
    assert lines["Controls"] == (
        "No significant slope, so nothing had to survive. For the record: permuted years (p = 0.317); "
        "length held fixed (only 3 of 14 firms)"
    )
    assert not {"Survived", "Failed"} & set(lines)
    assert lines["Power at the margin"].startswith("6 %")
    assert "Even if all its firms came to write as Beijing's do" in lines["Smallest change"]
    lines = dict(shenzhen.lines)
    assert lines["Survived"] == "permuted years (slope −0.058)"
    assert "62 % of its firms, which closes 81 % of the first gap" in lines["Smallest change"]
    assert lines["Vectors and labels"] == "The vectors and the customer state share say converging."


def test_an_underpowered_set_is_said_to_be_no_finding_of_no_change(files):
    card = cards(without(files, verdict={"Shanghai": "underpowered"}, sentences={}))[0]
    assert "too small to tell" in card.meaning
    assert "no finding of “no change”" in card.meaning


def test_a_card_without_controls_or_power_has_the_trend_s_own(files):
    card = cards(without(files, controls=[], power=[], agreement={}))[0]
    assert card.lines == (("Smallest change", "0.030 a year in four of five such sets"),)


def test_events_within_the_periods_are_drawn_and_named(files):
    assert [event["name"] for event in policy_events(files)] == ["first rule", "second rule"]
    figure = gap_figure(files, CITIES)
    assert "2017: first rule; 2018: second rule." in figure.remark
    assert "long after" not in figure.remark
    drawn = figure.panels[0].chart.to_dict()
    assert {"first rule", "second rule"} <= {row.get("name") for row in rows_of(figure.panels[0])}
    assert any(layer["mark"].get("strokeDash") == [1, 3] for layer in drawn["layer"])


def test_names_of_close_events_do_not_stand_over_one_another():
    def heights(*years: float) -> list[float]:
        layers = policy_rules([{"x": year, "year": str(year), "name": "a"} for year in years], 300)
        return [layer.to_dict()["encoding"]["y"]["value"] for layer in layers[1:]]

    assert heights(2013, 2017, 2021) == [2]
    assert heights(2013, 2019.8, 2020) == [2, 152]
    assert policy_rules([], 300) == []


def test_separability_has_the_auc_and_a_rule_at_one_half(files):
    part = separability(files, CITIES)
    assert {"0.731", "0.550 to 0.860", "0.219", "0.012", "0.030"} <= cells(part)
    assert {"chance": 0.5} in rows_of(part.panels[0])
    assert "0.73 (0.55 to 0.86)" in part.words


def test_who_moved_is_said_drawn_and_in_the_table(files):
    part = moved(files, CITIES).parts[0]
    assert part.words == "Shenzhen moved toward Beijing; Beijing did not show a move."
    drawn = {row["label"]: row["value"] for row in rows_of(part.panels[0]) if "label" in row}
    assert drawn == {"Shenzhen → Beijing": 0.8, "Beijing → Shenzhen": 0.05}
    assert {"80 %", "40 % to 120 %", "0.001", "0.600"} <= cells(part)


@pytest.mark.parametrize(
    ("mover", "said"),
    [
        ("both", "moved toward one another"),
        ("both away", "moved away from one another"),
        ("reference moved", "Beijing moved toward Shenzhen"),
        ("neither shown", "no move of either is shown"),
        ("", "not estimable"),
    ],
)
def test_every_mover_has_words(files, mover, said):
    rows = [files.found("direction")[0] | {"mover": mover}]
    assert said in moved(without(files, direction=rows), CITIES).parts[0].words


def test_topics_that_move_are_counted_marked_and_first(files):
    part = other_ways(files).parts[0]
    assert "none" not in part.words
    assert "1 of 2 topics come nearer or move apart between a city and Beijing (q < 0.10): 1: " in part.words
    assert "in Shenzhen, converging, home moved, q\u00a0= 0.040." in part.words
    marked, noise, unknown = part.table.rows
    assert marked[0].startswith("1: ")
    assert marked[2:5] == ("yes", "converging", "home moved")
    assert (noise[0], noise[2], noise[-1]) == ("in no cluster", "–", "0.970")
    assert "too few" in unknown
    assert {"−3.1", "−25.0", "−1.7 to 5.9"} <= cells(part)


@pytest.mark.parametrize("changed", [{"q": 0.1}, {"q": None}, {"q": 0.01, "status": "not estimable"}])
def test_a_topic_above_the_level_or_not_estimable_is_not_marked(files, changed):
    part = other_ways(without(files, topic_slopes=[TOPIC | {"topic": "1", "city": "Shenzhen"} | changed])).parts[0]
    assert "After false-discovery control, none of" in part.words
    assert "yes" not in cells(part)


def test_sigma_and_beta_are_said_and_stand_a_line_each(files):
    part = other_ways(files).parts[1]
    assert "Sigma-convergence is seen: the share of the variance that is between cities falls: −0.005" in part.words
    assert "from 0.025 in 2013–2016 to 0.004 in 2020–2022." in part.words
    assert "Beta-convergence is seen: β\u00a0=\u00a0−0.134 a year (−0.201 to −0.070)" in part.words
    assert "87 % of the first distances are closed." in part.words
    assert "sigma-convergence in none of 1, beta-convergence in 1 of 1 (customer: state)" in part.words
    assert [row[0] for row in part.table.rows] == ["the texts"] * 2 + ["customer: state"] + ["the texts"] + [
        "customer: state"
    ] * 2
    assert {"variance within Beijing", "not estimable: no difference", "0.013", "−0.008 to −0.001"} <= cells(part)


@pytest.mark.parametrize(
    ("changed", "sigma", "beta"),
    [
        ({"p": 0.05}, "Sigma-convergence is not shown:", "Beta-convergence is not shown:"),
        ({"slope": 0.01, "beta": 0.1}, "the variance that is between cities grows", "cities far off move farther"),
        (
            {"slope": None, "beta": None, "p": None, "status": "not estimable: 2 cities"},
            "Sigma-convergence is not estimable: 2 cities.",
            "Beta-convergence is not estimable: 2 cities.",
        ),
    ],
)
def test_every_outcome_of_sigma_and_beta_has_words(files, changed, sigma, beta):
    words = other_ways(without(files, sigma_trends=[SIGMA | changed], beta=[BETA | changed])).parts[1].words
    assert sigma in words
    assert beta in words
    assert "is seen" not in words


def test_the_other_ways_are_left_out_where_nothing_was_asked(files):
    assert other_ways(without(files, **{name: [] for name in OTHER})) is None
    assert [part.heading for part in other_ways(without(files, topic_slopes=[])).parts] == ["All cities at once"]


def test_the_change_is_split_and_what_is_not_estimable_is_said(files):
    parts, firms, flows = change(files, CITIES).parts
    assert parts.heading == "From 2013–2016 to 2020–2022"
    assert "survivors only" in parts.lead
    assert "no firm is in two periods (Shanghai stayers, Shenzhen stayers)" in parts.remark
    drawn = {(row["city"], row["label"]): row["value"] for row in rows_of(parts.panels[0]) if "label" in row}
    assert drawn["Shenzhen", "between clusters"] + drawn["Shenzhen", "within clusters"] == pytest.approx(
        drawn["Shenzhen", "total"]
    )
    assert {"−0.392", "−0.412 to −0.372", "21"} <= cells(parts)
    assert {"5 of 17", "29 %", "13 % to 53 %"} <= cells(firms)
    assert firms.key
    assert {"goes abroad", "3 of 14", "21 %"} <= cells(flows)
    assert not flows.panels


def test_vectors_and_labels_stand_side_by_side(files):
    part = both(files, CITIES).parts[0]
    assert {"vectors", "customer: state", "converging", "agrees", "87 %", "43 %"} <= cells(part)
    assert "Lines that reach the edge go on beyond it" in part.remark
    domain = next(
        layer["encoding"]["x"]["scale"]["domain"]
        for layer in part.panels[0].chart.to_dict()["layer"]
        if "scale" in layer["encoding"].get("x", {})
    )
    assert domain[0] < 0 < 1 < domain[1] < 4


def test_what_else_differs(files):
    held, balance, hidden = differences(files, CITIES).parts
    drawn = [row for row in rows_of(held.panels[0]) if row.get("label")]
    assert {(row["label"], row["before"], row["value"]) for row in drawn} == {("language", 0.276, 0.213)}
    assert {"0.108 to 0.318", "23 %", "−0.031", "0.004"} <= cells(held)
    assert "1 of 1 comparison with p < 0.05: Shanghai 2013–2016 in length." in balance.lead
    assert {"0.317", "0.195", "0.444", "17 %"} <= cells(balance)
    assert "a trait like length: 0.77" in hidden.lead
    assert {"0.772", "0.018"} <= cells(hidden)


def test_placebos_are_counted_whole_with_the_real_one_as_a_rule(files):
    part = placebos(files, CITIES).parts[0]
    assert [panel.heading for panel in part.panels] == [
        "Shanghai, permuted years: p\u00a0=\u00a00.317",
        "Shenzhen, permuted years: p\u00a0<\u00a00.001, passes",
    ]
    for panel in part.panels:
        rows = rows_of(panel)
        assert sum(row.get("n", 0) for row in rows) == 40
        assert {"own": -1.7} in rows
        assert {"mirror": 1.7} in rows
    assert {"0.317", "< 0.001", "yes", "no", "−1.700"} <= cells(part)


def test_the_curve_is_sorted_marked_and_coloured_by_sign(files):
    part = specifications(files).parts[0]
    assert part.heading == "Shanghai and Beijing"
    assert "7 of 8 specifications could be estimated. 86 % of them have the sign of the main one" in part.lead
    assert "multilingual-e5-small, names kept: slope +0.0100 (p = 0.500), against −0.0100" in part.lead
    curve, choices = part.panels
    dots = [row for row in rows_of(curve) if "kind" in row]
    values = [row["value"] for row in sorted(dots, key=lambda row: row["place"])]
    assert values == sorted(values)
    assert {row["kind"] for row in dots if row["value"] < 0} == {AWAY}
    assert {row["kind"] for row in dots if row["value"] > 0} == {TOWARD}
    assert [round(row["value"], 6) for row in dots if row["main"]] == [0.09]
    assert all(row["low"] <= row["value"] <= row["high"] for row in dots if row["low"] is not None)
    assert sum(row["significant"] for row in dots) == 2
    text = json.dumps(curve.chart.to_dict())
    assert CLOSES[0] in text
    assert OPENS[0] in text
    ticks = [row for row in rows_of(choices) if "choice" in row]
    assert {row["choice"] for row in ticks} == {"language raw", "language mean", "names masked", "names kept"}
    assert len(ticks) == 2 * len(dots)
    assert "The same in all: multilingual-e5-small, strata language, all firms, cells of 5." in part.remark
    assert "1 could not be estimated." in part.remark
    assert len(part.table.rows) == 8


def test_placebos_pass_or_fail_only_where_there_is_a_finding(files):
    shanghai, shenzhen = placebos(files, CITIES).parts[0].words.split("; ")
    assert shanghai == "Shanghai, permuted years: p\u00a0=\u00a00.317"
    assert shenzhen == "Shenzhen, permuted years: p\u00a0<\u00a00.001, passes."


def test_a_gap_that_is_not_clear_is_said_where_a_trait_is_sized(files):
    assert "clearly" not in differences(files, CITIES).parts[-1].words
    rows = [row | {"gap_low": -0.01} for row in files.found("held_fixed")]
    words = differences(without(files, held_fixed=rows), CITIES).parts[-1].words
    assert (
        "Not clearly above 0 over all periods, so that little may be needed: Shanghai's gap and Shenzhen's gap."
        in words
    )


def test_a_stability_below_the_threshold_is_not_shown_as_reaching_it(files):
    grouping = files.grouping | {"cluster_stability": [{"cluster": 0, "stability": 0.7461, "stable": False}]}
    found = RunFiles(**{one: getattr(files, one) for one in files.__slots__} | {"grouping": grouping})
    assert stabilities(found) == {0: "unstable: 0.74"}


def test_power_has_its_line_and_the_margin(files):
    part = power(files, CITIES).parts[0]
    rows = rows_of(part.panels[0])
    assert {"enough": 0.8} in rows
    assert {"city": "Shenzhen", "share": 0.134} in rows
    assert "Shanghai: power 6 % at the margin; even if all its firms" in part.words
    assert {"13 %", "88 %", "at the margin", "200"} <= cells(part)


def test_clusters_carry_their_stability_and_warnings(page, files):
    assert stabilities(files) == {0: "stability 0.91", 1: "unstable: 0.43"}
    assert "1 unstable: 0.43" in page.words
    assert "4 of 7 companies of Shenzhen are in no cluster" in page.words
    mixing, events, unlike, noise, sweep = cluster_parts(files, CITIES)
    assert "All cities together: 0.788 (0.600 to 0.980)." in mixing.lead
    assert {"birth", "93 %", "31 %", "not supported"} <= cells(events)
    assert "Of 2 events, 1 is a change that the bootstrap supports: birth of cluster 1" in events.words
    assert "cluster 1, Shenzhen, all: 50 % against 12 %" in unlike.words
    assert {"4 of 7", "Shenzhen is noisier"} <= cells(noise)
    assert "1 setting was tried, 0 of them beside a cliff" in sweep.words


def test_every_chart_has_its_table_beside_it(files):
    sections = [
        moved(files, CITIES),
        change(files, CITIES),
        both(files, CITIES),
        other_ways(files),
        differences(files, CITIES),
        placebos(files, CITIES),
        specifications(files),
        power(files, CITIES),
    ]
    parts = [part for section in sections for part in section.parts] + cluster_parts(files, CITIES)
    for part in parts:
        assert part.table.rows, part.heading
        assert part.words.endswith("."), part.heading
        assert part.caption
        assert all(len(row) == len(part.table.heads) for row in part.table.rows)
        assert all(len(panel.words) > 20 for panel in part.panels)


def test_what_a_run_does_not_have_is_left_out(tmp_path):
    write_run(tmp_path)
    found = json.loads((tmp_path / "convergence.json").read_text(encoding="utf-8"))
    del found["direction"]
    (tmp_path / "convergence.json").write_text(json.dumps(found), encoding="utf-8")
    page = Page(tmp_path)
    assert not set(SECTIONS) & set(page.ids)
    assert "How well can a reader tell them apart?" not in page.words
    assert "Do the cities' firms lie among each other?" not in page.words


def on_curve(files, _cities):
    return specifications(files)


# What stands on each part of the json files beside the cards, and whether the section is gone without it.
STANDS_ON = {
    "periods": (change, False),
    "decomposition": (change, False),
    "firm_counts": (change, False),
    "turnover": (change, False),
    "balance": (differences, False),
    "held_fixed": (differences, False),
    "hidden_confounders": (differences, False),
    "placebos": (placebos, True),
    "placebo_draws": (placebos, False),
    "power": (power, True),
    "events": (gap_figure, False),
    "side_by_side": (both, True),
    "direction": (moved, True),
    "specifications": (on_curve, True),
    "summary": (on_curve, False),
}


@pytest.mark.parametrize("name", STANDS_ON | dict.fromkeys([*checks_of(), *grouping_of()]))
def test_any_one_part_may_be_missing(files, name):
    sources = ("convergence", "specifications", "grouping")
    left = {one: {key: part for key, part in getattr(files, one).items() if key != name} for one in sources}
    less = RunFiles(**{one: getattr(files, one) for one in files.__slots__} | left)
    make, gone = STANDS_ON.get(name, (cluster_parts, False))
    assert (make(less, CITIES) is None) is gone
    assert cards(less)


def test_numbers_that_are_not_there_leave_no_dot(files):
    def emptied(value):
        if isinstance(value, float):
            return None
        if isinstance(value, dict):
            return {key: emptied(one) for key, one in value.items()}
        return [emptied(one) for one in value] if isinstance(value, list) else value

    bare = RunFiles(
        **{one: getattr(files, one) for one in files.__slots__}
        | {one: emptied(getattr(files, one)) for one in ("convergence", "specifications", "grouping")}
    )
    for make in (moved, change, both, differences, placebos, power, on_curve):
        section = make(bare, CITIES)
        assert not [panel for part in section.parts for panel in part.panels if panel.id != "power"]
    assert cards(bare)
    assert not separability(bare, CITIES)


def test_whatever_a_run_says_is_text(tmp_path):
    evil = "</script><img src=x onerror=alert(1)>"
    checks = checks_of()
    write_checked_run(
        tmp_path,
        controls=[{"city": "Shanghai", "control": evil, "passed": True, "said": evil}],
        events=[{"year": 2018, "name": evil}],
        held_fixed=[row | {"held_fixed": evil} for row in checks["held_fixed"]],
        placebos=[row | {"placebo": evil} for row in checks["placebos"]],
        agreement={"Shanghai": evil},
    )
    grouping = grouping_of() | {"warnings": [evil]}
    (tmp_path / "clusters.json").write_text(json.dumps(grouping), encoding="utf-8")
    page = Page(tmp_path)
    assert "img" not in page.tags
    assert page.words.count("onerror=alert(1)") >= 5


@pytest.mark.parametrize("name", ["specifications.json", "clusters.json"])
def test_a_damaged_file_is_named(tmp_path, name):
    write_checked_run(tmp_path)
    (tmp_path / name).write_text("[1", encoding="utf-8")
    with pytest.raises(DataError, match=rf"{re.escape(name)}: cannot be read"):
        read_run(tmp_path)


finite = st.floats(-1e6, 1e6)


@given(st.lists(st.tuples(finite, finite, finite), max_size=5))
def test_an_axis_holds_its_rules_and_stays_within_its_limits(ends):
    rows = [{"value": value, "low": low, "high": high} for value, low, high in ends]
    lowest, highest = scale(rows, (-2.0, 3.0), rules=(0, 1))
    assert -2.3 <= lowest < 0 < 1 < highest <= 3.3


@pytest.mark.parametrize(
    ("text", "said"),
    [("the customer.state share", "The customer state share"), ("p = 0.05. next", "P = 0.05. next"), ("", "")],
)
def test_labels_are_spelled_out(text, said):
    assert spaced(text) == said


def test_the_terminal_says_verdict_checks_and_specifications(folder):
    manifest = {"note": "", "rows": 31, "usable": 30, "firms": 30, "exclusions": {}, "duplicates": 0, "notes": {}}
    stage = {"name": "clustering", "facts": {"clusters": 3, "noise_share": 0.2}, "seconds": 1, "reused": False}
    facts = {"wording": {"own": {}}, "hand codes": {"codes": 0}}
    others = [stage | {"name": name, "facts": told, "peak_mb": 100} for name, told in facts.items()]
    manifest |= {"labeller": "", "labelling_notes": [], "left_out": {}, "word_notes": [], "outputs": {}}
    manifest |= {"config": {"resolved": {"exports": {"folder": "exports"}}}}
    manifest["stages"] = [stage | {"peak_mb": 100}, *others]
    lines = summary_lines(run_summary(folder, manifest))
    place = next(place for place, line in enumerate(lines) if line.startswith("Shanghai neither moved"))
    assert lines[place + 1] == (
        "  specifications: 86% of 7 have the sign of the main one, 29% with p < 0.05; 0% the other sign with p < 0.05"
    )
    assert "  checked: permuted years survived" in lines
    manifest["stages"] = [one | {"reused": True} for one in manifest["stages"]]
    assert any("no stage was run again" in line for line in summary_lines(run_summary(folder, manifest)))


def test_colours_of_signs_are_no_city_s():
    every = choose_colours(["Beijing", "Shanghai", "Shenzhen", *"ABCDE"])
    assert not {CLOSES[0], OPENS[0]} & set(every.light.values())
    assert np.unique([CLOSES, OPENS]).size == 4
