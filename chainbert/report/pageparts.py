"""Small parts of the page: a chart's box, the company table's controls, and what the page's script says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from markupsafe import Markup

from chainbert.report.companyrows import AROUND_UP_TO, CompanyRow, row_limit
from chainbert.report.exhibits import Panel
from chainbert.report.language import joined, say, told
from chainbert.report.pagescripts import inline_json
from chainbert.report.palette import OTHERS, Cities
from chainbert.report.runfiles import NO_CITY
from chainbert.report.tables import label_name, plain

# Room above and below the drawing area for axes and legends, so that little moves when a chart is drawn.
_AROUND = 40
_UNKNOWN_HEIGHT = 200
# Words of the label table that are no codebook's.
_TOLD = ("mixed", "unclear", "abstained", "not transferable", "unusable", "noise", NO_CITY, OTHERS)


@dataclass(frozen=True, slots=True)
class ChartBox:
    """What the page needs to draw a chart: its Vega-Lite specification and about how high it will be, in px."""

    specification: Markup
    height: int


def chart_box(panel: Panel) -> ChartBox:
    """The panel's chart; the map's companies are left to the page's data block, which has them already."""
    # Checking against Vega-Lite's schema takes as long as all else; tests compile every chart.
    chart: dict[str, Any] = {**panel.chart.to_dict(validate=False), "description": panel.words}
    height = chart.get("height")
    if panel.id == "map":
        chart["datasets"] = {chart["data"]["name"]: []}
    return ChartBox(inline_json(chart), _AROUND + int(height if isinstance(height, int | float) else _UNKNOWN_HEIGHT))


def made_with(facts: Mapping[str, Any]) -> str:
    """``chainbert 0.1.0, 24 Nov 2026``."""
    day = str(facts.get("created") or "")[:10]
    return f"chainbert {facts.get('chainbert') or version('chainbert')}" + (f" · {day}" if day else "")


def carried(rows: int) -> str:
    """How much of the texts the page has."""
    if rows <= AROUND_UP_TO:
        return say(
            "A long text is shown around its evidence, about {n} characters of it; companies.parquet has the whole.",
            n=row_limit(rows),
        )
    if row_limit(rows):
        return say("Of so many companies only the evidence is shown; companies.parquet has the texts.")
    return say("Of so many companies only the labels are shown; labels.parquet has the evidence.")


def columns(rows: Sequence[CompanyRow]) -> list[tuple[str, str]]:
    """(name, head) of the company table's columns, as far as the companies differ in them."""
    named = [("name", say("Company")), ("city", say("City"))]
    named += [("founded", say("Founded"))] if any(row.founded for row in rows) else []
    named += [("observed", say("Seen"))] if len({row.observed for row in rows}) > 1 else []
    named += [(f"axis-{place}", plain(axis)) for place, axis in enumerate(_axes(rows))]
    return [*named, *([("cluster", say("Cluster"))] if any(row.cluster for row in rows) else [])]


def filters(rows: Sequence[CompanyRow], cities: Cities) -> list[tuple[str, str, list[tuple[str, str]]]]:
    """(name, label, options as (value, words)) of everything by which the company table can be narrowed."""
    seen = {row.city for row in rows}
    found = [("city", say("City"), [(city, told(city)) for city in cities.names if city in seen])]
    for name, label in (("founded", say("Founded")), ("observed", say("Seen"))):
        years = sorted({getattr(row, name) for row in rows} - {""})
        found.append((name, label, [(year, year) for year in years]))
    for place, axis in enumerate(_axes(rows)):
        values = dict.fromkeys(value for row in rows for name, value, _ in row.labels if name == axis)
        last = [one for one in ("mixed", "unclear") if one in values]
        ordered = [*sorted(one for one in values if one not in last), *last]
        found.append((f"axis-{place}", plain(axis), [(value, label_name(value)) for value in ordered]))
    clusters = sorted({row.cluster for row in rows} - {"", "noise"}, key=int)
    noise = [("-1", told("noise"))] if any(row.cluster == "noise" for row in rows) else []
    found.append(("cluster", say("Cluster"), [*((one, one) for one in clusters), *noise]))
    return [(name, label, options) for name, label, options in found if len(options) > 1]


def script_words(rows: Sequence[CompanyRow], cities: Cities) -> dict[str, Any]:
    """What the page's script has to say; {n} and the like are filled in by it."""
    return {
        "told": {one: told(one) for one in _TOLD} | {one: label_name(one) for one in sorted(_labels(rows))},
        "charted": list(cities.charted),
        "others": told(OTHERS),
        "columns": [name for name, _ in columns(rows)],
        "hits": say("{n} of {all} companies and years"),
        "none": say("No company matches. Clear a filter or search for less."),
        "page": say("Page {page} of {pages}"),
        "founded": say("founded {year}"),
        "seen": say("seen {year}"),
        "quiet": say("No sentence speaks for a label."),
        "only": say("Only {what}"),
        "show": say("Show them in the company table"),
        "more": say("and {n} more"),
        "cut": say("On paper: {n} of {all} companies; the rest is in the files beside the page."),
        "copied": say("Copied"),
        "dark": say("Dark"),
        "light": say("Light"),
        "separator": joined(", ", ["", ""]),
    }


def _labels(rows: Sequence[CompanyRow]) -> set[str]:
    """Axes, values and indicators that a row may show."""
    named = {part for row in rows for axis, value, _ in row.labels for part in (axis, value)}
    return named | {label for row in rows for piece in (*row.name, *row.text) for label in piece.labels}


def _axes(rows: Sequence[CompanyRow]) -> list[str]:
    return list(dict.fromkeys(axis for row in rows for axis, _, _ in row.labels))
