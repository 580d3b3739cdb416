"""The figures of the page: each with its charts, what they show in words, and their numbers."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import pandas as pd
from markupsafe import Markup

from chainbert.report import figures, tables
from chainbert.report.companyrows import CompanyRow
from chainbert.report.language import counted, joined, say
from chainbert.report.palette import Cities
from chainbert.report.runfiles import RunFiles, records
from chainbert.report.tables import Table, label_name, number, part_of, percent, plain, with_interval

ALL = "all"
_BETWEEN_SCRIPTS = str.maketrans({"<": "\\u003c", "\u2028": "\\u2028", "\u2029": "\\u2029"})


@dataclass(frozen=True, slots=True)
class Panel:
    """One chart of a figure; ``words`` say what it shows."""

    id: str
    heading: str
    words: str
    chart: alt.Chart | alt.LayerChart

    @property
    def specification(self) -> Markup:
        """Vega-Lite JSON that can stand inside a script element, whatever the companies are called."""
        described = self.chart.properties(description=self.words).to_dict()
        text = json.dumps(described, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        return Markup(text.translate(_BETWEEN_SCRIPTS))


@dataclass(frozen=True, slots=True)
class Figure:
    """Charts in the page with what they show in words, their numbers, and what a reader must know."""

    panels: tuple[Panel, ...]
    words: str
    table: Table
    remark: str = ""


def gap_figure(files: RunFiles, cities: Cities) -> Figure | None:
    """Gap by period to the reference city; None where no city was compared."""
    gaps = _placed(files.found("gaps"))
    if not gaps:
        return None
    paths: dict[str, list[str]] = {}
    for row in gaps:
        known = say("{gap} in {period}", gap=row["said"], period=row["year"])
        found = say("not estimable in {period}", period=row["year"]) if row["gap"] is None else known
        paths.setdefault(row["city"], []).append(found)
    lead = say("Gap to {reference} by period.", reference=files.reference)
    each = (say("{city}: {path}.", city=city, path=joined(", ", path)) for city, path in paths.items())
    words = joined(" ", (lead, *each))
    shown = [row for row in gaps if row["city"] in cities.charted]
    events = policy_events(files)
    panel = Panel("gap", "", words, figures.gap_by_period(shown, cities, files.reference, events))
    timeline = events and say(
        "Dotted rules are policy events: {events}.", events=joined("; ", (event_words(one) for one in events))
    )
    remark = joined(" ", (one for one in (timeline, tables.not_estimable(gaps), beyond(cities)) if one))
    return Figure((panel,), words, tables.gap_table(gaps, files.reference), remark)


def policy_events(files: RunFiles) -> list[dict[str, Any]]:
    """The study's policy events within its periods, in time order: x and year, name."""
    years = [int(year) for row in files.found("gaps") for year in re.findall(r"\d+", str(row.get("year")))]
    events = [
        {"x": float(one["year"]), "year": f"{float(one['year']):g}", "name": str(one.get("name") or "")}
        for one in files.found("events")
        if one.get("year") is not None and years and min(years) <= float(one["year"]) <= max(years) + 1
    ]
    return sorted(events, key=lambda one: (one["x"], one["name"]))


def event_words(event: dict[str, Any]) -> str:
    """``2017: first ban``; the month of a broken year is left to the chart."""
    return say("{year}: {event}", year=event["year"].split(".")[0], event=event["name"])


def _placed(gaps: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Gaps in time order, each with a midpoint and every field that the figure reads."""
    rows = []
    for row in gaps:
        known = {name: row.get(name) for name in ("gap", "low", "high", "p", "n", "n_reference", "left_out", "status")}
        period, middle = str(row["year"]), row.get("midpoint")
        said = with_interval(number(row.get("gap")), tables.interval(row.get("low"), row.get("high")))
        place = midpoint(period) if middle is None else float(middle)
        rows.append(known | {"city": str(row["city"]), "year": period, "midpoint": place, "said": said})
    return sorted(rows, key=lambda row: row["midpoint"])


def midpoint(period: str) -> float:
    """Mean of the years in a period's name: 2014.5 for "2013–2016"; 0 where it names none."""
    years = [int(year) for year in re.findall(r"\d+", period)]
    return sum(years) / len(years) if years else 0.0


def share_figures(files: RunFiles, cities: Cities) -> tuple[Figure, Figure | None] | None:
    """Shares of each label by city, over all periods and by period (None where there is one); None without labels.

    A chart shows an axis's indicators and those of its values that are no indicator (mixed, unclear), so that
    nothing is drawn twice; the table has every row.
    """
    shares = files.shares.dropna(subset=["share"])
    if shares.empty:
        return None
    periods = sorted((one for one in shares["period"].unique() if one != ALL), key=midpoint)
    overall: list[Panel] = []
    by_period: list[Panel] = []
    for axis in dict.fromkeys(shares["axis"]):
        title, drawn = plain(axis).capitalize(), _drawn(shares[shares["axis"] == axis])
        whole = _cells(drawn[drawn["period"] == ALL])
        labels = list(dict.fromkeys(drawn["label"]))
        said = joined("; ", map(_share_words, whole))
        words = say("{axis}: {shares}.", axis=title, shares=said)
        chart = figures.shares_by_city(whole, labels, cities, legend=not overall)
        overall.append(Panel(f"share-{len(overall)}", title, words, chart))
        for label in labels if len(periods) > 1 else []:
            cells = _cells(drawn[(drawn["period"] != ALL) & (drawn["label"] == label)])
            words = say("{axis}: {label}, share by period and city", axis=title, label=label)
            small = figures.share_by_period(cells, periods, cities)
            heading = say("{axis}: {label}", axis=title, label=label)
            by_period.append(Panel(f"period-{len(by_period)}", heading, words, small))
    whole_table = tables.share_table(shares[shares["period"] == ALL], cities)
    said = joined(" ", (panel.words for panel in overall))
    first = Figure(tuple(overall), said, whole_table, beyond(cities))
    if not by_period:
        return first, None
    words = say("Every share of the figure above, by period and city; the numbers are in the table.")
    return first, Figure(tuple(by_period), words, tables.share_table(shares[shares["period"] != ALL], cities))


def _share_words(row: dict[str, Any]) -> str:
    return say("{label} {value} in {city}", label=row["label"], value=row["said"], city=row["city"])


def _drawn(shares: pd.DataFrame) -> pd.DataFrame:
    indicators = set(shares.loc[shares["kind"] == "indicator", "indicator"])
    drawn = shares[(shares["kind"] == "indicator") | ~shares["indicator"].isin(indicators)]
    last = {"mixed": 1, "unclear": 2}
    place = drawn["indicator"].map(lambda name: last.get(name, 0))
    drawn = drawn.assign(label=drawn["indicator"].map(label_name), place=place)
    return drawn.sort_values("place", kind="stable")


def _cells(shares: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows for the figures; what is not known is None."""
    cells = []
    for row in records(shares[["city", "label", "period", "share", "low", "high", "n", "yes"]]):
        between = say("{low} to {high}", low=percent(row["low"]), high=percent(row["high"]))
        said = with_interval(percent(row["share"]), between)
        known = {name: None if pd.isna(value) else value for name, value in row.items()}
        cells.append(known | {"said": said, "of": part_of(row["yes"], row["n"])})
    return cells


def beyond(cities: Cities) -> str:
    """A sentence on the cities that charts have no room for."""
    if not cities.beyond:
        return ""
    return counted(
        len(cities.beyond),
        "{n:,} further city is in the tables only.",
        "{n:,} further cities are in the tables only.",
    )


def map_figure(files: RunFiles, rows: Sequence[CompanyRow], cities: Cities) -> Panel | None:
    """Companies by their texts; None where no company has a place."""
    placed = files.clusters.dropna(subset=["x", "y"])
    place = {row["key"]: (round(row["x"], 3), round(row["y"], 3)) for row in records(placed[["key", "x", "y"]])}
    points = [
        {
            "x": place[row.key][0],
            "y": place[row.key][1],
            "city": row.city,
            "name": row.plain_name,
            "year": joined(", ", row.years),
            "row": row.number,
        }
        for row in rows
        if row.key in place
    ]
    if not points:
        return None
    words = counted(
        len(points),
        "Map of {n:,} company text, placed by what they say and coloured by city.",
        "Map of {n:,} company texts, placed by what they say and coloured by city.",
    )
    return Panel("map", "", words, figures.company_map(points, cities))
