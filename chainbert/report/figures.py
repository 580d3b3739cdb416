"""The figures as altair specifications: the page embeds them, a paper's svg or pdf comes from the same ones.

Rows are plain dicts; a figure draws what it is given and computes no statistic.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import altair as alt

from chainbert.report.language import say
from chainbert.report.palette import INK, MUTED, OTHER, OTHERS, RULE, SHAPES, Cities

Row = Mapping[str, Any]
AnyChart = TypeVar("AnyChart", alt.Chart, alt.LayerChart)
FONT = 'system-ui,"PingFang SC","Microsoft YaHei","Noto Sans CJK SC","WenQuanYi Zen Hei",sans-serif'
WIDTH = 640
GAP_HEIGHT = 300
# From so many periods on they are joined by a band, and their counts have no room.
BAND_FROM = 8
# Share of the events' span below which two of them stand close.
CLOSE = 0.25
PERCENT = "round(100 * datum.value) + ' %'"
"""The labels of an axis in [0, 1] where only English is spoken; elsewhere ``percent_labels``."""


def gap_by_period(gaps: Sequence[Row], cities: Cities, reference: str, events: Sequence[Row] = ()) -> alt.LayerChart:
    """Each city's gap to the reference by period, with its 95 % interval and the number of companies below.

    Rows: city, year (the period's name), midpoint, gap, low, high, n, n_reference, said (the gap in words). A gap of
    None is not estimable: it has no dot, and its count has a dagger. Events: as in ``policy_rules``.
    """
    home = [city for city in cities.charted if city != reference]
    many = len({row["midpoint"] for row in gaps}) >= BAND_FROM
    drawn = _dodged([row for row in gaps if row["city"] in home and row["gap"] is not None], home)
    base = _chart(drawn).encode(
        x=alt.X("x:Q", axis=_period_axis(gaps), scale=alt.Scale(zero=False, nice=False, padding=28)),
        color=_colour(home, cities),
        tooltip=_tooltip(
            {"city": say("City"), "year": say("Period"), "said": say("Gap (95 %)"), "n": say("Companies")}
        ),
    )
    scale, axis = alt.Scale(domain=_gap_domain(drawn)), alt.Axis(tickCount=5)
    title = say("Gap to {reference}", reference=reference)
    marks = base.mark_area(opacity=0.16) if many else base.mark_rule(strokeWidth=1.5)
    layers: list[alt.Chart] = [
        *policy_rules(events, GAP_HEIGHT),
        _chart([{"zero": 0}]).mark_rule(color=MUTED[0], strokeDash=[3, 3]).encode(y="zero:Q"),
        marks.encode(y=alt.Y("low:Q", title=title, scale=scale, axis=axis), y2="high:Q"),
        base.mark_line(strokeWidth=1.5, opacity=0.7).encode(y="gap:Q"),
        base.mark_point(filled=True, size=70, opacity=1).encode(y="gap:Q", shape=_shape(home, cities)),
    ]
    if not many:
        layers += _counts(gaps, home, cities, reference)
    return _styled(alt.LayerChart(layer=layers).properties(width=WIDTH, height=GAP_HEIGHT))


def policy_rules(events: Sequence[Row], height: int) -> list[alt.Chart]:
    """Dotted upright rules at policy events, each with its name along it; no layer where there is none.

    Rows: x (year), name.
    """
    if not events:
        return []
    span = max(row["x"] for row in events) - min(row["x"] for row in events)
    levels: list[list[Row]] = [[], []]
    level, before = 1, None
    for row in events:
        # Two that stand close have their names one above the other.
        level = 1 - level if before is not None and row["x"] - before < CLOSE * span else 0
        levels[level].append(row)
        before = row["x"]
    rules = _chart(events).mark_rule(color=MUTED[0], strokeDash=[1, 3], strokeWidth=1.2)
    layers = [rules.encode(x="x:Q", tooltip=_tooltip({"year": say("Year"), "name": say("Event")}))]
    for place, rows in enumerate(levels):
        name = _chart(rows).mark_text(angle=270, align="right", baseline="bottom", dx=-2, dy=-3, limit=height // 2 - 8)
        top = alt.value(2 + place * height // 2)
        layers += (
            [name.encode(x="x:Q", y=top, text="name:N", color=alt.value(MUTED[0]), size=alt.value(11))] if rows else []
        )
    return layers


def shares_by_city(
    shares: Sequence[Row], labels: Sequence[str], cities: Cities, *, legend: bool = True
) -> alt.LayerChart:
    """Dot and whisker: each label's share of a city's companies, with its Wilson interval.

    Rows: city, label, period, share, low, high in [0, 1], said and of (share and count in words); ``labels`` in the
    order in which they are drawn.
    """
    # One width for all label axes, so that charts above one another share their zero.
    axis = alt.Axis(domain=False, ticks=False, labelPadding=10, minExtent=92, labelLimit=150, labelFontSize=13)
    base = _chart(_of(shares, cities)).encode(
        y=alt.Y("label:N", sort=list(labels), title=None, axis=axis, scale=alt.Scale(paddingInner=0.35)),
        yOffset=alt.YOffset("city:N", sort=list(cities.charted)),
        color=_colour(cities.charted, cities, legend=legend),
        tooltip=_share_tooltip(),
    )
    low = alt.X(
        "low:Q", title=None, axis=alt.Axis(labelExpr=percent_labels(), tickCount=5), scale=alt.Scale(domain=[0, 1])
    )
    whisker = base.mark_rule(strokeWidth=1.5).encode(x=low, x2="high:Q")
    dot = base.mark_point(filled=True, size=64, opacity=1)
    dot = dot.encode(x="share:Q", shape=_shape(cities.charted, cities, legend=legend))
    height = max(len(labels), 1) * (13 * max(len(cities.charted), 1) + 18)
    return _styled(alt.LayerChart(layer=[whisker, dot]).properties(width=WIDTH, height=height))


def share_by_period(shares: Sequence[Row], periods: Sequence[str], cities: Cities) -> alt.LayerChart:
    """One label's share by period and city, rows as in ``shares_by_city``: a small multiple without a legend."""
    base = _chart(_of(shares, cities)).encode(
        x=alt.X("period:N", sort=list(periods), title=None, axis=alt.Axis(labelAngle=0, labelOverlap=True)),
        xOffset=alt.XOffset("city:N", sort=list(cities.charted)),
        color=_colour(cities.charted, cities, legend=False),
        tooltip=_share_tooltip(),
    )
    axis = alt.Axis(labelExpr=percent_labels(), values=[0, 0.5, 1])
    low = alt.Y("low:Q", title=None, axis=axis, scale=alt.Scale(domain=[0, 1]))
    whisker = base.mark_rule(strokeWidth=1.2).encode(y=low, y2="high:Q")
    dot = base.mark_point(filled=True, size=40, opacity=1)
    dot = dot.encode(y="share:Q", shape=_shape(cities.charted, cities, legend=False))
    return _styled(alt.LayerChart(layer=[whisker, dot]).properties(width=WIDTH // 3, height=120))


def company_map(points: Sequence[Row], cities: Cities) -> alt.Chart:
    """Companies where UMAP puts them; colour by city, a search box, and a legend that can be clicked.

    Rows: x, y, city, name, year, row (the company's number in the page's table).
    """
    others = say(OTHERS)
    names = [*cities.charted, *([others] if cities.beyond else [])]
    values = [{**row, "group": row["city"] if row["city"] in cities.charted else others} for row in points]
    chosen = alt.selection_point(name="chosen", fields=["group"], bind="legend")
    search = alt.binding(input="search", name=say("Find a company "), placeholder=say("name"))
    wanted = alt.param(name="wanted", value="", bind=search)
    found = "indexof(lower(datum.name), lower(wanted)) >= 0"
    flat = alt.Axis(labels=False, ticks=False, grid=False, domain=False, title=None)
    size = 60 if len(values) <= 600 else 26
    chart: alt.Chart = (
        _chart(values)
        .mark_point(filled=True, shape="circle", strokeWidth=0)
        .encode(
            x=alt.X("x:Q", axis=flat, scale=alt.Scale(zero=False, padding=16)),
            y=alt.Y("y:Q", axis=flat, scale=alt.Scale(zero=False, padding=16)),
            color=_colour(names, cities, field="group"),
            opacity=alt.condition(chosen, alt.value(1), alt.value(0.07)),
            fillOpacity=alt.condition(found, alt.value(0.8), alt.value(0.07)),
            size=alt.condition(f"wanted != '' && {found}", alt.value(160), alt.value(size)),
            # The page's script knows these by their English.
            tooltip=_tooltip({"name": "name", "city": "city", "year": "year", "row": "row"}),
        )
        .add_params(chosen, wanted)
    )
    return _styled(chart.properties(width=WIDTH, height=440))


def percent_labels(*, signed: bool = False) -> str:
    """The labels of an axis in [0, 1] as whole per cent; ``signed`` ones below 0 have a true minus sign."""
    labels = f"round(100 * datum.value) + '{say('{number} %', number='')}'"
    return f"replace({labels}, '-', '−')" if signed else labels


def _chart(rows: Iterable[Row]) -> alt.Chart:
    return alt.Chart(alt.InlineData(values=[dict(row) for row in rows]))


def _of(rows: Sequence[Row], cities: Cities) -> list[Row]:
    return [row for row in rows if row["city"] in cities.charted]


def _dodged(rows: Sequence[Row], home: Sequence[str]) -> list[dict[str, Any]]:
    """Set the cities of a period side by side around its midpoint, on the axis x in years."""
    middles = [row["midpoint"] for row in rows]
    step = 0.018 * ((max(middles) - min(middles) if middles else 0) or 1)
    centre = (len(home) - 1) / 2
    return [{**row, "x": row["midpoint"] + (home.index(row["city"]) - centre) * step} for row in rows]


def _gap_domain(rows: Sequence[Row]) -> list[float]:
    """A little beyond the interval ends, 0 included."""
    ends = [row[name] for row in rows for name in ("gap", "low", "high") if row[name] is not None]
    lowest, highest = min([0.0, *ends]), max([0.05, *ends])
    space = 0.05 * (highest - lowest)
    return [round(lowest - space, 4), round(highest + space, 4)]


def _period_axis(gaps: Sequence[Row]) -> alt.Axis:
    """Ticks at the periods' midpoints, named as the periods."""
    names = {f"{row['midpoint']:g}": str(row["year"]) for row in gaps}
    return alt.Axis(
        values=sorted(float(one) for one in names),
        labelExpr=f"{json.dumps(names, ensure_ascii=False)}[toString(datum.value)]",
        labelOverlap=True,
        labelFlush=False,
        grid=False,
        title=None,
    )


def _counts(gaps: Sequence[Row], home: Sequence[str], cities: Cities, reference: str) -> list[alt.Chart]:
    """The number of companies behind each dot, below the axis, one line a city."""
    largest: dict[float, int] = {}
    lines: list[dict[str, Any]] = []
    for row in gaps:
        largest[row["midpoint"]] = max(largest.get(row["midpoint"], 0), int(row["n_reference"] or 0))
        dagger = "†" if row["gap"] is None else ""
        lines.append({"city": row["city"], "midpoint": row["midpoint"], "text": f"{int(row['n'] or 0)}{dagger}"})
    lines += [{"city": reference, "midpoint": middle, "text": str(n)} for middle, n in largest.items()]
    marks = []
    counted = {line["city"] for line in lines}
    for place, city in enumerate(city for city in (reference, *home) if city in counted):
        below = alt.value(GAP_HEIGHT + 44 + 17 * place)
        colour = cities.light.get(city, OTHER[0])
        name = _chart([{"city": city}]).mark_text(align="right", fontSize=12, color=colour, limit=70)
        marks.append(name.encode(x=alt.value(-8), y=below, text="city:N"))
        number = _chart(line for line in lines if line["city"] == city).mark_text(fontSize=12, color=colour)
        marks.append(number.encode(x="midpoint:Q", y=below, text="text:N"))
    return marks


def _tooltip(titles: Mapping[str, str]) -> list[alt.Tooltip]:
    return [alt.Tooltip(f"{name}:N", title=title) for name, title in titles.items()]


def _share_tooltip() -> list[alt.Tooltip]:
    titles = {"city": say("City"), "label": say("Label"), "period": say("Period"), "said": say("Share (95 %)")}
    return _tooltip({**titles, "of": say("Companies")})


def _colour(names: Sequence[str], cities: Cities, *, legend: bool = True, field: str = "city") -> alt.Color:
    colours = [cities.light.get(name, OTHER[0]) for name in names]
    scale = alt.Scale(domain=list(names), range=colours)
    return alt.Color(f"{field}:N", sort=list(names), scale=scale, legend=_legend() if legend else None)


def _shape(names: Sequence[str], cities: Cities, *, legend: bool = True) -> alt.Shape:
    """A city has one shape in all figures, whichever cities are shown beside it."""
    shapes = [SHAPES[cities.charted.index(name)] for name in names]
    scale = alt.Scale(domain=list(names), range=shapes)
    return alt.Shape("city:N", sort=list(names), scale=scale, legend=_legend() if legend else None)


def _legend() -> alt.Legend:
    return alt.Legend(title=None, orient="top", symbolOpacity=1, columns=4)


def _styled(chart: AnyChart) -> AnyChart:
    # All at once: every call copies the chart with its rows.
    styled: AnyChart = chart.configure(
        font=FONT,
        background="transparent",
        padding=4,
        view=alt.ViewConfig(stroke=None),
        axis=alt.AxisConfig(
            domainColor=RULE[0],
            tickColor=RULE[0],
            gridColor=RULE[0],
            labelColor=MUTED[0],
            titleColor=MUTED[0],
            labelFontSize=12,
            titleFontSize=12,
            titleFontWeight="normal",
            titlePadding=10,
        ),
        axisY=alt.AxisConfig(labelColor=INK[0]),
        text=alt.MarkConfig(color=INK[0]),
        legend=alt.LegendConfig(labelColor=INK[0], labelFontSize=12, symbolStrokeWidth=0, columnPadding=9, offset=12),
    )
    return styled
