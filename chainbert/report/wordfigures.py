"""The words of the cities: ranked bars of what each says more and less than the others, and the comparison cloud."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
from markupsafe import Markup

from chainbert.errors import DataError
from chainbert.report.exhibits import Panel, beyond
from chainbert.report.figures import WIDTH, Row, _chart, _styled, _tooltip
from chainbert.report.language import counted, joined, say, told
from chainbert.report.palette import INK, MUTED, Cities
from chainbert.report.parts import Part
from chainbert.report.runfiles import records
from chainbert.report.tables import Table, number, probability
from chainbert.wording.cloud import Cloud

LEVEL = 0.05
# Bars on each side of a city's chart, and terms of them that are named in its words.
BARS, NAMED = 12, 5
# The cloud of a phone: its size in px and the most words.
NARROW = (340.0, 480.0)
NARROW_WORDS = 60
_NUMBERS = ("n_target", "n_reference", "firms", "firms_reference", "log_odds", "z", "q")


@dataclass(frozen=True, slots=True)
class CloudPart(Part):
    """A part whose figure is the ``picture``: two svgs, one for narrow screens, each in a div with its class."""

    picture: Markup = field(default_factory=Markup)


def word_parts(folder: Path, cities: Cities) -> tuple[Part, ...]:
    """The cloud and the bars of a run folder; () where it has neither file. Raises DataError for a damaged one."""
    cloud, keyness = folder / "cloud.json", folder / "keyness.csv"
    parts: list[Part | None] = []
    if cloud.is_file():
        parts.append(cloud_part(Cloud.from_json(cloud.read_text(encoding="utf-8")), cities))
    if keyness.is_file():
        parts.append(keyness_bars(read_keyness(keyness), cities))
    return tuple(part for part in parts if part is not None)


def read_keyness(path: Path) -> pd.DataFrame:
    """``keyness.csv`` of a run: city, term, status and the numbers. Raises DataError where it cannot be read."""
    try:
        # A term may be called "NA" or "null".
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise DataError(f"{path}: cannot be read ({error}). Delete it and run the study again.") from error
    table = table.reindex(columns=["city", "term", "status", *_NUMBERS])
    for name in _NUMBERS:
        table[name] = pd.to_numeric(table[name], errors="coerce")
    return table.fillna({"city": "", "term": "", "status": ""})


def keyness_bars(table: pd.DataFrame, cities: Cities) -> Part | None:
    """Each city's terms by log-odds z, those it uses more and those it uses less; None where none was measured.

    ``table`` as ``read_keyness`` gives it. Filled bars have q < .05; terms that too few firms use for a test have no
    bar.
    """
    known = table[(table["term"] != "") & table["z"].notna() & table["city"].isin(cities.names)]
    drawn = {city: _sides(known[known["city"] == city]) for city in cities.charted}
    drawn = {city: rows for city, rows in drawn.items() if rows}
    if not drawn:
        return None
    edge = 1.25 * max(abs(row["z"]) for rows in drawn.values() for row in rows)
    panels = tuple(
        Panel(f"keyness-{cities.order(city)}", city, _said(city, rows), _bars(rows, cities.light[city], edge))
        for city, rows in drawn.items()
    )
    lead = say(
        "Bars are the log-odds of a term in a city against all other cities together, in standard errors (z): to the "
        "right what the city says more, to the left what it says less. Numbers are the companies that use the term, "
        "of the side that says it more. Filled bars hold in a test that asks whether companies differ, not words "
        "(q < 0.05); pale ones may be chance."
    )
    return Part(
        table=_keyness_table(known, drawn, cities),
        caption=say("Terms of each city by log-odds"),
        words=joined(" ", (panel.words for panel in panels)),
        heading=say("What each city says more, and less"),
        lead=lead,
        panels=panels,
        remark=_remark(table, known, cities),
        small=True,
    )


def cloud_part(cloud: Cloud, cities: Cities) -> CloudPart | None:
    """The comparison cloud, live in the page; None where no word stands in it."""
    if not cloud.words:
        return None
    heading = say("The cities' words at a glance")
    present = [city for city in cloud.colours if any(word.group == city for word in cloud.words)]
    best = (_listed(city, [one.term for one in cloud.words if one.group == city][:NAMED]) for city in present)
    words = joined(" ", (say("A cloud of words, coloured by city."), *best))

    def colour(city: str) -> str:
        return f"var(--city-{cities.charted.index(city)})" if city in cities.charted else "var(--other)"

    # Chance only chooses between equal places; the same page is made every time.
    narrow = cloud.reshaped(*NARROW, max_words=NARROW_WORDS, rng=np.random.default_rng(0))
    wide_svg, narrow_svg = (one.live_svg(colour, words) for one in (cloud, narrow))
    picture = f'<div class="cloud-wide">{wide_svg}</div>\n<div class="cloud-narrow">{narrow_svg}</div>'
    remark = say(
        "The larger a word, the more it sets its city apart from the others (log-odds z, one scale for all cities); "
        "every city has its own colour and side. Where on its side a word stands has no meaning. The cloud is for "
        "looking; which terms hold is for the bars to say."
    )
    ordered = sorted(cloud.words, key=lambda one: cities.order(one.group))
    rows: list[tuple[str, ...]] = [(one.group, one.term, number(one.weight, 2)) for one in ordered]
    return CloudPart(
        table=Table((say("City"), say("Term"), "z"), rows, 2),
        caption=say("Words of the cloud by city"),
        words=words,
        heading=heading,
        remark=joined(" ", (remark, *map(told, cloud.notes))),
        key=len(present) > 1,
        picture=Markup(picture),
    )


def _sides(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of the bars from top to bottom: the greatest z first, down to the least."""
    tested = table[table["q"].notna()]
    # Where nothing could be tested, what was measured is still shown, and every bar is pale.
    rows = records(tested if len(tested) else table)
    more = sorted((row for row in rows if row["z"] > 0), key=lambda row: (-row["z"], row["term"]))[:BARS]
    less = sorted((row for row in rows if row["z"] < 0), key=lambda row: (row["z"], row["term"]))[:BARS]
    return [_bar(row) for row in (*more, *less[::-1])]


def _bar(row: Row) -> dict[str, Any]:
    firms = row["firms"] if row["z"] > 0 else row["firms_reference"]
    return {
        "term": row["term"],
        "z": round(float(row["z"]), 3),
        "holds": _holds(row),
        "firms": number(firms, 0),
        "said": f"{number(row['log_odds'], 2)} (z {number(row['z'], 2)})",
        "q": probability(row["q"]),
        "here": number(row["firms"], 0),
        "there": number(row["firms_reference"], 0),
    }


def _holds(row: Row) -> bool:
    return bool(pd.notna(row["q"]) and row["q"] < LEVEL)


def _bars(rows: Sequence[Row], colour: str, edge: float) -> alt.LayerChart:
    """A city's bars, each term beside its bar on the other side of zero, and the firms at the bar's end."""
    y = alt.Y("term:N", sort=[row["term"] for row in rows], axis=None, scale=alt.Scale(paddingInner=0.3))
    axis = alt.Axis(tickCount=5, grid=False, labelExpr="replace(datum.label, '-', '−')")
    x = alt.X("z:Q", title="z", axis=axis, scale=alt.Scale(domain=[-edge, edge], nice=False))
    titles = {"term": say("Term"), "said": say("Log-odds"), "q": "q", "here": say("Companies using it")}
    tooltip = _tooltip({**titles, "there": say("Companies using it elsewhere")})
    zero = _chart([{"z": 0}]).mark_rule(color=MUTED[0]).encode(x=x)
    layers: list[alt.Chart] = []
    for sign, side in ((1, colour), (-1, MUTED[0])):
        own = _chart(row for row in rows if row["z"] * sign > 0).encode(y=y, tooltip=tooltip)
        for holds, opacity in ((True, 1.0), (False, 0.16)):
            bars = own.transform_filter(f"datum.holds === {str(holds).lower()}")
            layers.append(bars.mark_bar(color=side, fillOpacity=opacity, stroke=side, strokeWidth=1).encode(x=x))
        firms = own.mark_text(align="left" if sign > 0 else "right", dx=4 * sign, fontSize=11, color=MUTED[0])
        term = own.mark_text(align="right" if sign > 0 else "left", dx=-5 * sign, fontSize=12, limit=124, color=INK[0])
        layers += [firms.encode(x=x, text="firms:N"), term.encode(x=alt.datum(0), text="term:N")]
    return _styled(alt.LayerChart(layer=[*layers, zero]).properties(width=WIDTH // 2, height=19 * len(rows)))


def _said(city: str, rows: Sequence[Row]) -> str:
    """The ends of a city's chart in words."""
    more = [row["term"] for row in rows if row["z"] > 0][:NAMED]
    less = [row["term"] for row in rows if row["z"] < 0][::-1][:NAMED]
    return say(
        "{city} says more: {more}; less: {less}.",
        city=city,
        more=joined(", ", more) or say("nothing"),
        less=joined(", ", less) or say("nothing"),
    )


def _listed(city: str, terms: Sequence[str]) -> str:
    return say("{city}: {terms}.", city=city, terms=joined(", ", terms))


def _remark(table: pd.DataFrame, known: pd.DataFrame, cities: Cities) -> str:
    """How many terms of each city hold, in the whole file, and which cities could not be tested."""
    said = []
    for city in cities.names:
        own = known[known["city"] == city]
        reasons = sorted({str(one) for one in table.loc[table["city"] == city, "status"] if one})
        if not own["q"].notna().any():
            if len(own) or reasons:
                reason = joined("; ", map(told, reasons)) or say("no term was tested")
                said.append(say("{city}: {reason}.", city=city, reason=reason))
            continue
        holding = [row for row in records(own) if _holds(row)]
        over = sum(row["z"] > 0 for row in holding)
        one, many = (
            "{city}: {n} term holds ({over} said more, {under} said less).",
            "{city}: {n} terms hold ({over} said more, {under} said less).",
        )
        none = say("{city}: no term holds; all of its bars may be chance.", city=city)
        found = counted(len(holding), one, many, city=city, over=over, under=len(holding) - over)
        said.append(found if holding else none)
    rest = say("Every term of a city is in keyness.csv; those that too few companies use were not tested.")
    return joined(" ", (one for one in (*said, rest, beyond(cities)) if one))


def _keyness_table(known: pd.DataFrame, drawn: dict[str, list[dict[str, Any]]], cities: Cities) -> Table:
    """The terms that have a bar, and all that hold."""
    shown = {(city, row["term"]) for city, rows in drawn.items() for row in rows}
    rows = [row for row in records(known) if (row["city"], row["term"]) in shown or _holds(row)]
    rows.sort(key=lambda row: (cities.order(row["city"]), -row["z"], row["term"]))
    heads = (
        say("City"),
        say("Term"),
        say("Log-odds"),
        "z",
        "q",
        say("Companies using it"),
        say("Companies using it elsewhere"),
        say("Uses"),
        say("Uses elsewhere"),
    )
    cells: list[tuple[str, ...]] = []
    for row in rows:
        counts = (number(row[name], 0) for name in ("firms", "firms_reference", "n_target", "n_reference"))
        scores = number(row["log_odds"], 2), number(row["z"], 2), probability(row["q"])
        cells.append((str(row["city"]), str(row["term"]), *scores, *counts))
    return Table(heads, cells, 2)
