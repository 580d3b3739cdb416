"""The figures of an evaluation as altair specifications; rows are plain dicts, and nothing is computed here.

Their keys stand in the page, where they wrap on a narrow screen.
"""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt

from chainbert.report.figures import WIDTH, Row, _chart, _styled, _tooltip
from chainbert.report.language import say
from chainbert.report.palette import INK, MUTED, SHAPES, Cities

SCORE = {"series": "Labels", "question": "Question", "said": "Macro-F1 (95 %)", "n": "Companies"}
LANGUAGES = {"zh": "Chinese", "en": "English"}


def scores_by_question(rows: Sequence[Row], questions: Sequence[str], series: Cities) -> alt.LayerChart:
    """Dot and whisker: each labeller's score on each question, the coders' beside them.

    Rows: series, question, value, low, high (None where there is no interval), said, n.
    """
    names = list(series.charted)
    base = _chart(row for row in rows if row["series"] in names).encode(
        y=_questions(questions),
        yOffset=alt.YOffset("series:N", sort=names),
        color=_colour(names, [series.light[name] for name in names]),
        tooltip=_tooltip(SCORE),
    )
    dot = base.mark_point(filled=True, size=64, opacity=1).encode(
        x=_score(rows, "value"), shape=_shapes(names, list(SHAPES[: len(names)]))
    )
    return _dot_and_whisker(base, dot, rows, len(questions), len(names))


def scores_by_language(rows: Sequence[Row], questions: Sequence[str], languages: Cities) -> alt.LayerChart:
    """One labeller's score in each language, filled, and one coder's against the other, hollow.

    Rows as above, with ``language`` (Chinese, English) and ``who`` (labels, coders).
    """
    names = list(languages.names)
    order = [f"{name}, {who}" for name in names for who in ("labels", "coders")]
    placed = [{**row, "series": f"{row['language']}, {row['who']}"} for row in rows]
    base = _chart(placed).encode(
        y=_questions(questions),
        yOffset=alt.YOffset("series:N", sort=order),
        color=_colour(names, [languages.light[name] for name in names], "language"),
        tooltip=_tooltip(SCORE),
    )
    filled = alt.condition("datum.who == 'labels'", alt.value(1), alt.value(0))
    dot = base.mark_point(filled=False, size=64, opacity=1, strokeWidth=1.5).encode(
        x=_score(rows, "value"),
        fill=alt.Fill("language:N", scale=_scale(names, [languages.light[name] for name in names]), legend=None),
        fillOpacity=filled,
        shape=_shapes(["labels", "coders"], ["circle", "diamond"], "who"),
    )
    return _dot_and_whisker(base, dot, rows, len(questions), len(order))


def confusion_of(cells: Sequence[Row], values: Sequence[str]) -> alt.LayerChart:
    """Companies by code (rows) and label (columns); the shade is the share of the row.

    Rows: code, label, n, share in [0, 1], said.
    """
    head = alt.Axis(domain=False, ticks=False, labelAngle=-35, orient="top", labelPadding=6, labelLimit=90)
    side = alt.Axis(domain=False, ticks=False, labelPadding=6, labelLimit=110)
    base = _chart(cells).encode(
        x=alt.X("label:N", sort=list(values), title=say("label"), axis=head),
        y=alt.Y("code:N", sort=list(values), title=say("code"), axis=side),
        tooltip=_tooltip({"code": say("Hand code"), "label": say("Label"), "said": say("Companies")}),
    )
    scale = alt.Scale(domain=[0, 1], range=[0, 0.4])
    shade = base.mark_rect(color=INK[0]).encode(opacity=alt.Opacity("share:Q", scale=scale, legend=None))
    number = base.mark_text(fontSize=13).encode(text="n:Q")
    return _styled(alt.LayerChart(layer=[shade, number]).properties(width=WIDTH // 2, height=46 * len(values)))


def reliability_of(bins: Sequence[Row]) -> alt.LayerChart:
    """How often yes is right where the labeller gives it some probability; on the diagonal probabilities are true.

    Rows: probability, share, low, high in [0, 1], n, said.
    """
    unit, axis = alt.Scale(domain=[0, 1]), alt.Axis(values=[0, 0.5, 1], format=".1~f")
    diagonal = _chart([{"x": 0, "y": 0}, {"x": 1, "y": 1}]).mark_line(color=MUTED[0], strokeDash=[3, 3], strokeWidth=1)
    heads = {"said": say("Coded yes (95 %)"), "probability": say("Mean probability"), "n": say("Companies")}
    base = _chart(bins).encode(
        x=alt.X("probability:Q", title=say("probability"), scale=unit, axis=axis),
        tooltip=_tooltip(heads),
    )
    whisker = base.mark_rule(strokeWidth=1.2, color=INK[0]).encode(
        y=alt.Y("low:Q", title=say("coded yes"), scale=unit, axis=axis), y2="high:Q"
    )
    size = alt.Size("n:Q", scale=alt.Scale(type="sqrt", domain=[0, 100], range=[0, 120]), legend=None)
    dot = base.mark_point(filled=True, opacity=1, color=INK[0]).encode(y="share:Q", size=size)
    layers: list[alt.Chart] = [diagonal.encode(x="x:Q", y="y:Q"), whisker, dot]
    return _styled(alt.LayerChart(layer=layers).properties(width=WIDTH // 3, height=150))


def _dot_and_whisker(
    base: alt.Chart, dot: alt.Chart, rows: Sequence[Row], questions: int, series: int
) -> alt.LayerChart:
    whisker = base.mark_rule(strokeWidth=1.5).encode(x=_score(rows, "low"), x2="high:Q")
    height = max(questions, 1) * (13 * max(series, 1) + 18)
    return _styled(alt.LayerChart(layer=[whisker, dot]).properties(width=WIDTH, height=height))


def _questions(questions: Sequence[str]) -> alt.Y:
    axis = alt.Axis(domain=False, ticks=False, labelPadding=10, minExtent=92, labelLimit=150, labelFontSize=13)
    return alt.Y("question:N", sort=list(questions), title=None, axis=axis, scale=alt.Scale(paddingInner=0.35))


def _score(rows: Sequence[Row], name: str) -> alt.X:
    """From a little below the lowest whisker to 1, the best there is."""
    ends = [row[end] for row in rows for end in ("value", "low") if row[end] is not None]
    lowest = max(0.0, int(10 * min([*ends, 0.9]) - 0.2) / 10)
    axis = alt.Axis(format=".1f", tickCount=5, labelOverlap=True)
    return alt.X(f"{name}:Q", title="macro-F1", axis=axis, scale=alt.Scale(domain=[lowest, 1]))


def _scale(names: Sequence[str], colours: Sequence[str]) -> alt.Scale:
    return alt.Scale(domain=list(names), range=list(colours))


def _colour(names: Sequence[str], colours: Sequence[str], field: str = "series") -> alt.Color:
    return alt.Color(f"{field}:N", sort=list(names), scale=_scale(names, colours), legend=None)


def _shapes(names: Sequence[str], shapes: Sequence[str], field: str = "series") -> alt.Shape:
    return alt.Shape(f"{field}:N", sort=list(names), scale=_scale(names, shapes), legend=None)
