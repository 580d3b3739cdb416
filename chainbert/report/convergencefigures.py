"""The figures of the convergence verdict as altair specifications; nothing is computed here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt

from chainbert.report.figures import (
    WIDTH,
    Row,
    _chart,
    _colour,
    _dodged,
    _legend,
    _period_axis,
    _shape,
    _styled,
    _tooltip,
    percent_labels,
    policy_rules,
)
from chainbert.report.language import message, say
from chainbert.report.palette import CLOSES, INK, MUTED, OPENS, Cities

AUC_HEIGHT = 170
# Labels beside the axis and the room that they take, so that charts above one another share their zero.
LABELS, ROOM = 118, 134
CHOICES = 146
# The kinds of dots in a specification curve.
TOWARD, AWAY = message("toward"), message("apart")


def auc_by_period(rows: Sequence[Row], cities: Cities, reference: str, events: Sequence[Row] = ()) -> alt.LayerChart:
    """How well two cities can be told apart, by period; a dashed rule at .5 is not at all.

    Rows: city, year, midpoint, auc, low, high in [0, 1], said.
    """
    home = [city for city in cities.charted if city != reference]
    drawn = _dodged([row for row in rows if row["city"] in home], home)
    base = _chart(drawn).encode(
        x=alt.X("x:Q", axis=_period_axis(rows), scale=alt.Scale(zero=False, nice=False, padding=28)),
        color=_colour(home, cities, legend=False),
        tooltip=_tooltip({"city": say("City"), "year": say("Period"), "said": say("AUC (95 %)")}),
    )
    lowest = min([0.4, *(row["low"] for row in drawn if row["low"] is not None)])
    scale = alt.Scale(domain=[max(0.0, round(lowest - 0.02, 2)), 1])
    axis = alt.Axis(values=[0, 0.25, 0.5, 0.75, 1], format=".2f")
    layers = [
        *policy_rules([{**one, "name": ""} for one in events], AUC_HEIGHT),
        _rule("chance", 0.5, "y", dash=[3, 3]),
        base.mark_rule(strokeWidth=1.5).encode(y=alt.Y("low:Q", title=say("AUC"), scale=scale, axis=axis), y2="high:Q"),
        base.mark_line(strokeWidth=1.5, opacity=0.7).encode(y="auc:Q"),
        base.mark_point(filled=True, size=60, opacity=1).encode(y="auc:Q", shape=_shape(home, cities, legend=False)),
    ]
    return _styled(alt.LayerChart(layer=layers).properties(width=WIDTH, height=AUC_HEIGHT))


def whiskers(
    rows: Sequence[Row],
    labels: Sequence[str],
    cities: Cities,
    *,
    title: str,
    domain: Sequence[float],
    rules: Sequence[float] = (0,),
    bars: bool = False,
    percent: bool = False,
    dodge: bool = True,
) -> alt.LayerChart:
    """Dot and whisker (or bar and whisker), a line a label, cities below one another in it (``dodge``) or one a line.

    Rows: label, city, value, low, high (None: no whisker), said, n; ``before`` where there is an earlier value, drawn
    hollow and joined to the dot. ``rules`` are upright dashed lines. Whiskers go on beyond the ``domain``.
    """
    named = {row["city"] for row in rows}
    seen = [city for city in cities.charted if city in named]
    legend = dodge and len(seen) > 1
    axis = alt.Axis(domain=False, ticks=False, labelPadding=10, minExtent=ROOM, labelLimit=LABELS, labelFontSize=12)
    base = _chart(_within(row, domain) for row in rows if row["city"] in seen).encode(
        y=alt.Y("label:N", sort=list(labels), title=None, axis=axis, scale=alt.Scale(paddingInner=0.3)),
        color=_colour(seen, cities, legend=legend),
        tooltip=_tooltip(
            {"city": say("City"), "label": say("What"), "said": say("Estimate (95 %)"), "n": say("Companies")}
        ),
    )
    if dodge:
        base = base.encode(yOffset=alt.YOffset("city:N", sort=seen))
    expression = percent_labels(signed=True) if percent else alt.Undefined
    ticks = alt.Axis(tickCount=5, labelSeparation=8, labelExpr=expression)
    x = alt.X("low:Q", title=title, axis=ticks, scale=alt.Scale(domain=list(domain), nice=False))
    shape = _shape(seen, cities, legend=legend)
    layers: list[alt.Chart] = [_rule("at", one, "x", dash=[3, 3]) for one in rules]
    if bars:
        layers.append(base.mark_bar(opacity=0.3, clip=True).encode(x="zero:Q", x2="value:Q"))
    layers.append(base.mark_rule(strokeWidth=1.5, clip=True).encode(x=x, x2="high:Q"))
    if any(row.get("before") is not None for row in rows):
        layers.append(base.mark_rule(strokeWidth=5, opacity=0.2, clip=True).encode(x="before:Q", x2="value:Q"))
        layers.append(base.mark_point(filled=False, size=50, clip=True).encode(x="before:Q", shape=shape))
    layers.append(base.mark_point(filled=True, size=60, opacity=1).encode(x="value:Q", shape=shape))
    height = max(len(labels), 1) * (13 * (max(len(seen), 1) if dodge else 1) + 14)
    return _styled(alt.LayerChart(layer=layers).properties(width=WIDTH, height=height))


def placebo_histogram(bars: Sequence[Row], own: float, colour: str, span: float) -> alt.LayerChart:
    """Placebo statistics, and the real one as an upright rule; its mirror image dotted, as the test has two sides.

    Bars: start, end, n. ``span`` is half the width of the axis.
    """
    x = alt.X("start:Q", title=None, axis=alt.Axis(tickCount=5, grid=False), scale=alt.Scale(domain=[-span, span]))
    y = alt.Y("zero:Q", title=None, axis=alt.Axis(tickCount=3, tickMinStep=1))
    grey = _chart({**bar, "zero": 0} for bar in bars).mark_rect(color=MUTED[0], opacity=0.45)
    layers = [
        grey.encode(x=x, x2="end:Q", y=y, y2="n:Q", tooltip=_tooltip({"said": say("Statistic"), "n": say("Placebos")})),
        _rule("mirror", -own, "x", colour=colour, dash=[1, 3]),
        _rule("own", own, "x", colour=colour, width=2.5),
    ]
    return _styled(alt.LayerChart(layer=layers).properties(width=WIDTH // 3, height=110))


def specification_slopes(rows: Sequence[Row], domain: Sequence[float]) -> alt.LayerChart:
    """All specifications from left to right by the share of the first gap that they close, with intervals.

    Rows: place (1, 2 …), value, low, high, kind (TOWARD or AWAY), significant, main, said, choices. Filled dots have
    p < .05; a ring marks the main specification.
    """
    base = _chart(_within(row, domain) for row in rows).encode(
        x=_places(rows),
        color=alt.Color(
            "kind:N",
            scale=alt.Scale(domain=[say(TOWARD), say(AWAY)], range=[CLOSES[0], OPENS[0]]),
            legend=_legend(),
        ),
        tooltip=_tooltip({"said": say("Share of the first gap closed"), "choices": say("Specification")}),
    )
    scale = alt.Scale(domain=list(domain), nice=False)
    axis = alt.Axis(labelExpr=percent_labels(signed=True), tickCount=6, minExtent=CHOICES)
    layers = [
        _rule("zero", 0, "y", dash=[3, 3]),
        *_main_rule(rows),
        base.mark_rule(strokeWidth=1, opacity=0.45, clip=True).encode(
            y=alt.Y("low:Q", title=None, scale=scale, axis=axis), y2="high:Q"
        ),
        base.transform_filter("datum.significant").mark_point(filled=True, size=50, opacity=1).encode(y="value:Q"),
        base.transform_filter("!datum.significant").mark_point(filled=False, size=26, opacity=1).encode(y="value:Q"),
        base.transform_filter("datum.main")
        .mark_point(filled=False, size=150, strokeWidth=2)
        .encode(y="value:Q", color=alt.value(INK[0])),
    ]
    return _styled(alt.LayerChart(layer=layers).properties(width=WIDTH, height=230))


def specification_choices(ticks: Sequence[Row], rows: Sequence[Row], choices: Sequence[str]) -> alt.LayerChart:
    """Which choices each specification of the curve above made: a mark a choice, in the same order.

    Ticks: place, choice; ``rows`` as in ``specification_slopes``.
    """
    axis = alt.Axis(
        domain=False,
        ticks=False,
        labelPadding=4,
        minExtent=CHOICES,
        labelLimit=CHOICES - 4,
        labelFontSize=11,
        grid=True,
    )
    marks = _chart(ticks).mark_tick(orient="vertical", thickness=3, height=9, color=INK[0], opacity=0.75)
    marks = marks.encode(x=_places(rows), y=alt.Y("choice:N", sort=list(choices), title=None, axis=axis))
    layers = [*_main_rule(rows), marks]
    return _styled(alt.LayerChart(layer=layers).properties(width=WIDTH, height=18 * max(len(choices), 1)))


def power_curve(
    points: Sequence[Row], margins: Sequence[Row], cities: Cities, *, enough: float, reference: str
) -> alt.LayerChart:
    """Power by the share of a city's firms that come to write as the reference's do; upright rules at the margin.

    Points: city, share, power, low, high in [0, 1], said, studies; margins: city, share. A dashed rule at ``enough``.
    """
    home = [city for city in cities.charted if city != reference and any(row["city"] == city for row in points)]
    base = _chart(row for row in points if row["city"] in home).encode(
        x=alt.X(
            "share:Q",
            title=say("Share of firms that write as {reference}'s", reference=reference),
            scale=alt.Scale(domain=[0, 1]),
            axis=alt.Axis(labelExpr=percent_labels(), tickCount=5, labelSeparation=8, labelOverlap=True, grid=False),
        ),
        color=_colour(home, cities),
        tooltip=_tooltip(
            {"city": say("City"), "said": say("Power"), "of": say("Adoption"), "studies": say("Simulated sets")}
        ),
    )
    y = alt.Y(
        "low:Q",
        title=say("Power"),
        scale=alt.Scale(domain=[0, 1]),
        axis=alt.Axis(labelExpr=percent_labels(), tickCount=5),
    )
    upright = _chart(row for row in margins if row["city"] in home).mark_rule(strokeDash=[1, 3], strokeWidth=2)
    layers = [
        _rule("enough", enough, "y", dash=[3, 3]),
        upright.encode(x="share:Q", color=_colour(home, cities)),
        base.mark_rule(strokeWidth=1.2).encode(y=y, y2="high:Q"),
        base.mark_line(strokeWidth=1.5, opacity=0.7).encode(y="power:Q"),
        base.mark_point(filled=True, size=60, opacity=1).encode(y="power:Q", shape=_shape(home, cities)),
    ]
    return _styled(alt.LayerChart(layer=layers).properties(width=WIDTH, height=230))


def _rule(
    name: str, at: float, channel: str, *, colour: str = MUTED[0], dash: Sequence[int] = (1, 0), width: float = 1
) -> alt.Chart:
    rule = _chart([{name: at}]).mark_rule(color=colour, strokeDash=list(dash), strokeWidth=width, clip=True)
    encoded: alt.Chart = rule.encode(**{channel: f"{name}:Q"})
    return encoded


def _within(row: Row, domain: Sequence[float]) -> dict[str, Any]:
    """The row with its estimate at the edge of the scale where it lies beyond, as the words beside the chart say."""
    kept = dict(row) | {"zero": 0}
    for name in ("value", "before"):
        if kept.get(name) is not None:
            kept[name] = min(max(kept[name], domain[0]), domain[1])
    return kept


def _places(rows: Sequence[Row]) -> alt.X:
    axis = alt.Axis(labels=False, ticks=False, grid=False, domain=False)
    return alt.X("place:Q", title=None, axis=axis, scale=alt.Scale(domain=[0, len(rows) + 1], nice=False))


def _main_rule(rows: Sequence[Row]) -> list[alt.Chart]:
    main = _chart({"place": row["place"]} for row in rows if row["main"])
    return [main.mark_rule(color=MUTED[0], strokeDash=[1, 3]).encode(x=_places(rows))]
