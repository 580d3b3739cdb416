"""Clusters as figures: each city's share in each cluster, and the river of clusters over the periods."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from chainbert.report.exhibits import ALL, Panel, midpoint
from chainbert.report.figures import FONT, WIDTH, Row, _chart, _styled, _tooltip, percent_labels
from chainbert.report.language import counted, say
from chainbert.report.palette import INK, MUTED, OTHER, Cities
from chainbert.report.parts import Part
from chainbert.report.runfiles import RunFiles, records
from chainbert.report.tables import Table, number, part_of, percent

# Clusters that a reader can tell apart in one river; the smaller ones flow together.
RIVER = 8
# Of middle lightness, so that they stand on light and dark paper; neighbours differ in lightness too.
STREAMS = ("#b4506a", "#4f7fd0", "#b07d1c", "#2f8f62", "#8b62c0", "#2a93ad", "#c4682f", "#7d8a2c")
TERMS = 3


def heat_map(files: RunFiles, cities: Cities) -> Part | None:
    """Share of each city's companies in each cluster; None where there are no clusters."""
    overall = files.cluster_shares[files.cluster_shares["period"].isin([ALL, ""])]
    names = cluster_names(files)
    rows = [
        {
            "cluster": names[row["cluster"]],
            "city": row["city"],
            "share": row["share"],
            "said": part_of(row["n"], row["total"]),
            "text": percent(row["share"]),
        }
        for row in records(overall.dropna(subset=["share"]))
        if row["cluster"] in names and row["city"] in cities.names
    ]
    if not rows or len(names) < 2:
        return None
    order = [name for name in names.values() if any(row["cluster"] == name for row in rows)]
    chart = _heat(rows, order, [city for city in cities.names if any(row["city"] == city for row in rows)])
    words = say("Share of each city's companies in each cluster: a darker cell is a greater share.")
    ordered = sorted(rows, key=lambda one: (order.index(one["cluster"]), cities.order(one["city"])))
    cells = [tuple(str(row[name]) for name in ("cluster", "city", "text", "said")) for row in ordered]
    table = Table((say("Cluster"), say("City"), say("Share"), say("Companies")), cells, 2)
    return Part(
        table=table,
        caption=words,
        words=words,
        heading=say("Clusters by city"),
        panels=(Panel("cluster-heat", "", words, chart),),
    )


def river(files: RunFiles, cities: Cities) -> Part | None:
    """Each cluster's share of all companies by period; None where there are fewer than two periods."""
    table = files.cluster_shares[~files.cluster_shares["period"].isin([ALL, ""])].dropna(subset=["n"])
    table = table[table["city"].isin(cities.names)]
    companies = table.groupby("period")["n"].sum()
    periods = sorted(companies.index[companies > 0], key=midpoint)
    names = cluster_names(files)
    if len(periods) < 2 or len(names) < 2:
        return None
    flows = _flows(table, names, periods)
    chart = _river(flows, list(dict.fromkeys(row["cluster"] for row in flows)), periods)
    words = say("Each cluster's share of all companies of a period, from one period to the next.")
    rows: list[tuple[str, ...]] = [
        (str(row["cluster"]), str(row["period"]), percent(row["share"]), _n(row["n"])) for row in flows
    ]
    return Part(
        table=Table((say("Cluster"), say("Period"), say("Share"), say("Companies")), rows, 2),
        caption=words,
        words=words,
        heading=say("The river of clusters"),
        panels=(Panel("cluster-river", "", words, chart),),
        remark=_river_remark(sum(one >= 0 for one in names)),
    )


def cluster_names(files: RunFiles) -> dict[float, str]:
    """Cluster → its number and first terms, by number, noise last."""
    terms: dict[float, list[str]] = {}
    for row in records(files.terms.sort_values("rank")):
        terms.setdefault(row["cluster"], []).append(row["term"])
    found = sorted(files.cluster_sizes["cluster"].dropna().unique(), key=lambda one: (one < 0, one))
    return {
        one: say("noise") if one < 0 else " ".join([f"{one:.0f}", " · ".join(terms.get(one, [])[:TERMS])]).strip()
        for one in found
    }


def _n(value: object) -> str:
    return number(value, 0)


def _heat(rows: Sequence[Row], clusters: Sequence[str], cities: Sequence[str]) -> alt.LayerChart:
    side = alt.Axis(domain=False, ticks=False, labelLimit=230, labelPadding=8)
    head = alt.Axis(domain=False, ticks=False, orient="top", labelAngle=0, labelPadding=6, labelLimit=90)
    base = _chart(rows).encode(
        x=alt.X("city:N", sort=list(cities), title=None, axis=head),
        y=alt.Y("cluster:N", sort=list(clusters), title=None, axis=side),
        tooltip=_tooltip(
            {"cluster": say("Cluster"), "city": say("City"), "text": say("Share"), "said": say("Companies")}
        ),
    )
    # Shade by the ink's opacity: it darkens on light paper and lightens on dark.
    scale = alt.Scale(domain=[0, max(max(row["share"] for row in rows), 0.01)], range=[0, 0.45])
    shade = base.mark_rect(color=INK[0]).encode(opacity=alt.Opacity("share:Q", scale=scale, legend=None))
    figure = base.mark_text(fontSize=12).encode(text="text:N")
    layers = alt.LayerChart(layer=[shade, figure])
    return _styled(layers.properties(width=WIDTH, height=26 * len(clusters)))


def _flows(table: pd.DataFrame, names: dict[float, str], periods: Sequence[str]) -> list[dict[str, Any]]:
    """A row a stream and period; the greatest clusters by themselves, the others together, noise last."""
    sizes = table[table["cluster"] >= 0].groupby("cluster")["n"].sum()
    # Ties in size go to the smaller number.
    great = sorted(sizes.index, key=lambda one: (-sizes[one], one))[:RIVER]
    stream = {one: names[one] if one in great or one < 0 else say("other clusters") for one in names}
    counted = table.assign(stream=table["cluster"].map(stream)).groupby(["stream", "period"])["n"].sum()
    whole = table.groupby("period")["n"].sum()
    order = [names[one] for one in sorted(great)] + [say("other clusters"), say("noise")]
    return [
        {
            "cluster": name,
            "period": period,
            "x": midpoint(period),
            "n": int(counted.get((name, period), 0)),
            "share": float(counted.get((name, period), 0) / whole[period]),
            "said": percent(counted.get((name, period), 0) / whole[period]),
        }
        for name in order
        if name in set(stream.values())
        for period in periods
    ]


def _river(flows: Sequence[Row], streams: Sequence[str], periods: Sequence[str]) -> alt.LayerChart:
    colours = [STREAMS[place % len(STREAMS)] for place in range(len(streams))]
    colours = [
        MUTED[0] if name == say("other clusters") else OTHER[0] if name == say("noise") else colour
        for name, colour in zip(streams, colours, strict=True)
    ]
    ends = {midpoint(period): period for period in periods}
    names = " : ".join(f"datum.value == {x:g} ? '{period}'" for x, period in ends.items()) + " : ''"
    axis = alt.Axis(values=list(ends), labelExpr=names, grid=False, title=None, labelFlush=True)
    rank = {name: place for place, name in enumerate(streams)}
    rows = [{**row, "rank": rank[row["cluster"]]} for row in flows]
    # Vega stacks downwards from 1: the top of a stream is 1 minus what lies above it.
    last = [row for row in rows if row["period"] == periods[-1]]
    above, labels = 0.0, []
    for row in last:
        labels.append({**row, "y": 1 - above - row["share"] / 2})
        above += row["share"]
    colour = alt.Color("cluster:N", sort=list(streams), scale=alt.Scale(domain=list(streams), range=colours))
    colour = colour.legend(alt.Legend(title=None, orient="bottom", columns=2, labelLimit=270, symbolOpacity=1))
    area = _chart(rows).mark_area(interpolate="monotone", strokeWidth=1, opacity=0.85)
    area = area.encode(
        x=alt.X("x:Q", scale=alt.Scale(zero=False, nice=False), axis=axis),
        y=alt.Y("share:Q", stack="zero", title=None, axis=alt.Axis(labelExpr=percent_labels(), tickCount=3)),
        order=alt.Order("rank:Q", sort="descending"),
        color=colour,
        tooltip=_tooltip({"cluster": say("Cluster")}),
    )
    shown = [row for row in labels if row["share"] >= 0.04]
    point = _chart(shown).mark_text(align="left", dx=6, fontSize=11, font=FONT)
    point = point.encode(x="x:Q", y="y:Q", text=alt.Text("said:N"), color=alt.value(INK[0]))
    layers = alt.LayerChart(layer=[area, point])
    return _styled(layers.properties(width=WIDTH, height=300))


def _river_remark(clusters: int) -> str:
    said = say("All cities together; noise are the texts in no cluster.")
    beyond = clusters - RIVER
    if beyond > 0:
        said += " " + counted(
            beyond, "The smallest cluster is drawn as other clusters.", "The {n:,} smaller clusters flow together."
        )
    return said
