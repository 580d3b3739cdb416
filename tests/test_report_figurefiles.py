"""Every chart of a run as a file for a paper; clusters by city and over time."""

import csv
import io
import json
import struct
from itertools import islice
from xml.etree import ElementTree

import altair as alt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from runfolder import write_checked_run, write_words

from chainbert.errors import DataError
from chainbert.report import figurefiles
from chainbert.report.clusterfigures import RIVER, heat_map, river
from chainbert.report.figurefiles import PPI, exhibits_of, write_figures
from chainbert.report.findings import city_order
from chainbert.report.language import say, speaking
from chainbert.report.palette import choose_colours
from chainbert.report.runfiles import read_run

PERIODS = ("2013–2016", "2017–2019", "2020–2022")


def write_periods(folder, clusters=3, periods=PERIODS, seed=1):
    """Companies of each cluster, city and period, and the clusters' sizes: invented, some cells empty."""
    rng = np.random.default_rng(seed)
    rows = []
    for period in periods:
        for city in ("Beijing", "Shanghai", "Shenzhen"):
            counts = rng.integers(0, 6, size=clusters + 1)
            for cluster, n in zip(range(-1, clusters), counts, strict=True):
                rows.append((cluster, city, period, n, counts.sum(), n / max(counts.sum(), 1)))
    table = pd.DataFrame(rows, columns=["cluster", "city", "period", "n", "total", "share"])
    whole = table.groupby(["cluster", "city"], as_index=False)[["n", "total"]].sum().assign(period="all")
    whole["share"] = whole["n"] / whole["total"].clip(lower=1)
    pd.concat([table, whole]).to_csv(folder / "tables/cluster_shares.csv", index=False)
    sizes = table.groupby("cluster")["n"].sum().reset_index(name="size").assign(name="", medoids="")
    sizes.to_csv(folder / "tables/clusters.csv", index=False)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    write_checked_run(folder)
    write_periods(folder)
    write_words(folder)
    return folder


@pytest.fixture(scope="module")
def written(run):
    return write_figures(run, ["svg", "pdf", "png"])


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """A run without words, whose cluster tables each test writes anew."""
    folder = tmp_path_factory.mktemp("bare")
    write_checked_run(folder)
    return folder


def seen_in(folder):
    files = read_run(folder)
    return files, choose_colours(city_order(files))


def rows_of(table):
    return list(csv.reader(io.StringIO(table.read_text(encoding="utf-8"))))


def test_every_chart_has_each_format_its_data_and_its_words(run, written):
    exhibits = list(exhibits_of(run))
    names = [one.name for one in exhibits]
    assert len(names) == len(set(names)) > 15
    assert {"gap", "auc", "map", "cluster-heat", "cluster-river", "keyness-0"} <= set(names)
    expected = {f"{name}.{ending}" for name in [*names, "cloud"] for ending in ("svg", "pdf", "png", "txt")}
    expected |= {f"{one.name}.csv" for one in exhibits if one.table} | {"cloud.csv"}
    assert len(written) == len(set(written))
    assert set(written) == expected == {path.name for path in (run / "figures").iterdir()}
    assert [one.name for one in exhibits if one.table is None] == ["map"]


def test_the_files_are_what_their_names_say(run, written):
    for name in written:
        path = run / "figures" / name
        content = path.read_bytes()
        if path.suffix == ".svg":
            assert ElementTree.fromstring(content).tag == "{http://www.w3.org/2000/svg}svg"
        elif path.suffix == ".pdf":
            assert content.startswith(b"%PDF")
        elif path.suffix == ".png":
            assert content.startswith(b"\x89PNG")
        elif path.suffix == ".txt":
            assert len(content.decode("utf-8").strip()) > 20


@pytest.mark.usefixtures("written")
def test_a_picture_has_the_dots_that_a_journal_asks_for(run):
    drawn = ElementTree.parse(run / "figures" / "gap.svg").getroot()
    width, height = struct.unpack(">II", (run / "figures" / "gap.png").read_bytes()[16:24])
    # A unit of the drawing is 1/72 inch, a point.
    assert width == pytest.approx(float(drawn.get("width")) * PPI / 72, abs=2)
    assert height == pytest.approx(float(drawn.get("height")) * PPI / 72, abs=2)


@pytest.mark.usefixtures("written")
def test_charts_stand_on_white_and_say_the_numbers_of_their_data(run):
    assert "#ffffff" in (run / "figures" / "gap.svg").read_text(encoding="utf-8")
    heads, *rows = rows_of(run / "figures" / "gap.csv")
    found = json.loads((run / "convergence.json").read_text(encoding="utf-8"))["gaps"]
    assert heads[0] == "City"
    assert len(rows) == len(found)
    assert any(f"{found[0]['gap']:.3f}" in cell for row in rows for cell in row)
    heads, *rows = rows_of(run / "figures" / "cloud.csv")
    assert heads == ["City", "Term", "z"]
    assert {("Beijing", "政务"), ("Shenzhen", "wallet")} <= {(row[0], row[1]) for row in rows}
    assert "政务" in (run / "figures" / "cloud.txt").read_text(encoding="utf-8")


@pytest.fixture
def few(monkeypatch):
    """The first figures stand for all."""
    monkeypatch.setattr(figurefiles, "exhibits_of", lambda folder: islice(exhibits_of(folder), 3))


@pytest.mark.usefixtures("few")
def test_in_chinese(tmp_path):
    write_checked_run(tmp_path)
    write_words(tmp_path)
    write_figures(tmp_path, ["svg"], language="zh")
    assert rows_of(tmp_path / "figures" / "gap.csv")[0][0] == "城市"
    assert "城市" in (tmp_path / "figures" / "cloud.txt").read_text(encoding="utf-8")
    assert "公司" in (tmp_path / "figures" / "gap.svg").read_text(encoding="utf-8")


def test_no_format_is_no_file(tmp_path):
    assert write_figures(tmp_path, []) == []
    assert not (tmp_path / "figures").exists()


@pytest.mark.usefixtures("few")
def test_a_run_without_words_has_the_other_figures_and_progress_comes_to_its_end(bare):
    steps = []
    names = write_figures(bare, ["svg"], progress=lambda *step: steps.append(step))
    assert "gap.svg" in names
    assert not [name for name in names if name.startswith("cloud")]
    assert not [one.name for one in exhibits_of(bare) if one.name.startswith("keyness")]
    assert steps == [("figures", done, 3) for done in range(4)]


def test_a_damaged_file_of_the_run_is_named(tmp_path):
    write_checked_run(tmp_path)
    (tmp_path / "convergence.json").write_text("{")
    with pytest.raises(DataError, match=r"convergence\.json: cannot be read"):
        write_figures(tmp_path, ["svg"])


def test_names_that_a_spreadsheet_would_run_are_made_harmless(tmp_path):
    write_checked_run(tmp_path)
    formula = '=HYPERLINK("https://example.org")'
    companies = pd.read_parquet(tmp_path / "companies.parquet")
    companies["city"] = companies["city"].replace("Shanghai", formula)
    companies.to_parquet(tmp_path / "companies.parquet")
    for name in ("shares.csv", "tables/cluster_shares.csv"):
        table = pd.read_csv(tmp_path / name)
        table.assign(city=table["city"].replace("Shanghai", formula)).to_csv(tmp_path / name, index=False)
    path = tmp_path / "convergence.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"Shanghai"', json.dumps(formula)), encoding="utf-8")
    names = write_figures(tmp_path, ["svg"])
    cells = [
        cell for name in names if name.endswith(".csv") for row in rows_of(tmp_path / "figures" / name) for cell in row
    ]
    assert f"'{formula}" in cells
    assert not [cell for cell in cells if cell.startswith("=")]
    for name in names:
        if name.endswith(".svg"):
            ElementTree.parse(tmp_path / "figures" / name)


@pytest.mark.usefixtures("written")
def test_numbers_with_a_sign_stay_numbers(run):
    cells = [cell for path in (run / "figures").glob("*.csv") for row in rows_of(path) for cell in row]
    assert not [cell for cell in cells if cell.startswith("'")]


def flows(part):
    """What the river's areas draw."""
    chart = part.panels[0].chart.to_dict()
    return pd.DataFrame(chart["datasets"][chart["layer"][0]["data"]["name"]])


@pytest.mark.parametrize(("clusters", "periods"), [(1, 2), (3, 3), (RIVER, 2), (RIVER + 1, 3), (14, 2)])
@given(seed=st.integers(0, 99))
@settings(max_examples=3)
def test_the_shares_of_a_period_sum_to_one(bare, clusters, periods, seed):
    write_periods(bare, clusters, PERIODS[:periods], seed)
    found = flows(river(*seen_in(bare)))
    assert found.groupby("period")["share"].sum().to_numpy() == pytest.approx(np.ones(periods))
    assert found["cluster"].nunique() == min(clusters, RIVER) + 1 + (clusters > RIVER)
    counted = pd.read_csv(bare / "tables/cluster_shares.csv").query("period != 'all'")
    assert found["n"].sum() == counted["n"].sum()


def test_more_clusters_than_a_reader_can_tell_apart_flow_together(bare):
    write_periods(bare, clusters=RIVER + 4)
    part = river(*seen_in(bare))
    streams = list(dict.fromkeys(flows(part)["cluster"]))
    assert streams[-2:] == ["other clusters", "noise"]
    assert "The 4 smaller clusters flow together." in part.remark
    write_periods(bare, clusters=RIVER)
    assert "flow together" not in river(*seen_in(bare)).remark


def test_without_noise_the_smaller_clusters_are_still_counted_right(bare):
    write_periods(bare, clusters=RIVER + 2)
    for name in ("clusters", "cluster_shares"):
        path = bare / "tables" / f"{name}.csv"
        pd.read_csv(path).query("cluster >= 0").to_csv(path, index=False)
    assert "The 2 smaller clusters" in river(*seen_in(bare)).remark


def test_no_river_of_one_period_and_nothing_without_clusters(bare):
    write_periods(bare, periods=PERIODS[:1])
    assert river(*seen_in(bare)) is None
    assert heat_map(*seen_in(bare)) is not None
    write_periods(bare, clusters=0)
    assert river(*seen_in(bare)) is None
    assert heat_map(*seen_in(bare)) is None


def test_a_period_without_companies_is_no_period(bare):
    write_periods(bare)
    path = bare / "tables/cluster_shares.csv"
    table = pd.read_csv(path)
    table.loc[table["period"] == PERIODS[1], "n"] = 0
    table.to_csv(path, index=False)
    assert list(flows(river(*seen_in(bare)))["period"].unique()) == [PERIODS[0], PERIODS[2]]


def test_the_heat_map_has_every_share_of_the_run(run):
    files, cities = seen_in(run)
    part = heat_map(files, cities)
    known = files.cluster_shares.query("period == 'all'")
    assert len(part.table.rows) == len(known)
    chart = part.panels[0].chart.to_dict()
    (drawn,) = map(pd.DataFrame, chart["datasets"].values())
    assert sorted(drawn["share"]) == pytest.approx(sorted(known["share"]))
    assert part.table.rows[-1][0] == "noise"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_cluster_figures_are_valid_charts_in_both_languages(run, language):
    files, cities = seen_in(run)
    with speaking(language):
        for part in (heat_map(files, cities), river(files, cities)):
            alt.LayerChart.from_dict(part.panels[0].chart.to_dict())
            assert say("Cluster") in part.table.heads
