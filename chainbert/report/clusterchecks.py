"""What a reader must know of the clusters: how the cities mix in them, noise, births and deaths, other settings."""

from __future__ import annotations

from collections.abc import Mapping
from math import floor
from typing import Any

from chainbert.report.convergencefigures import whiskers
from chainbert.report.convergencetables import between, decimal, made, p_value, share, shares_between, text, whole
from chainbert.report.estimates import estimate, scale
from chainbert.report.exhibits import Panel, beyond
from chainbert.report.palette import Cities
from chainbert.report.parts import Part
from chainbert.report.runfiles import RunFiles
from chainbert.report.tables import count, interval, number, percent

Record = Mapping[str, Any]
ALL = "all"


def cluster_warnings(files: RunFiles) -> list[str]:
    """What a reader must know before the shares."""
    return [str(one) for one in files.grouping.get("warnings") or []]


def stabilities(files: RunFiles) -> dict[int, str]:
    """A word on each cluster's stability, by its number."""
    said = {}
    # Rounded down: what falls short of the threshold must not be shown as reaching it.
    for row in files.found("cluster_stability"):
        value, stable = row.get("stability"), row.get("stable")
        known = "unknown" if value is None else number(floor(100 * value + 1e-9) / 100, 2)
        said[int(row["cluster"])] = f"stability {known}" if stable else f"unstable: {known}"
    return said


def cluster_parts(files: RunFiles, cities: Cities) -> list[Part]:
    """Below the table of clusters."""
    found = (_mixing(files, cities), _events(files), _differences(files), _noise(files), _sweep(files))
    return [part for part in found if part is not None]


def _mixing(files: RunFiles, cities: Cities) -> Part | None:
    rows = files.found("mixing")
    if not rows:
        return None
    drawn = [
        estimate(str(row["city"]), str(row["year"]), row["score"], row.get("low"), row.get("high"), share=False)
        | {"n": row.get("n")}
        for row in rows
        if row.get("score") is not None and row.get("city") != ALL
    ]
    for row in drawn:
        row["label"] = "all periods" if row["label"] == ALL else row["label"]
    together = [
        row for row in rows if row.get("city") == ALL and row.get("year") == ALL and row.get("score") is not None
    ]
    said = [f"All cities, all periods: {_score(row)}." for row in together]
    said.append("; ".join(f"{row['city']}, {row['label']} {row['said']}" for row in drawn) + ".")
    words = "Mixing score. " + " ".join(said)
    chart = whiskers(
        drawn,
        list(dict.fromkeys(row["label"] for row in drawn)),
        cities,
        title="Mixing score",
        domain=scale(drawn, (0.0, 3.0), rules=(1,)),
        rules=(1,),
    )
    table = made(
        rows,
        2,
        ("City", text("city")),
        ("Period", text("year")),
        ("Score", decimal("score")),
        ("95 % interval", between()),
        ("p", p_value("p")),
        ("Neighbours from elsewhere", share("observed")),
        ("Expected", share("expected")),
        ("Companies", whole("n")),
    )
    return Part(
        table=table,
        caption="Mixing of the cities",
        words=words,
        heading="Do the cities' firms lie among each other?",
        lead="How often a firm's nearest neighbours are of another city, over what chance would give: 1 where the "
        "cities do not differ, below 1 where they keep apart, whatever their sizes. Lines are 95 % intervals."
        + ("" if not together else f" All cities together: {_score(together[0])}."),
        panels=(Panel("mixing", "", words, chart),) if drawn else (),
        remark=beyond(cities),
    )


def _score(row: Record) -> str:
    return f"{number(row['score'])} ({interval(row.get('low'), row.get('high'))})"


def _events(files: RunFiles) -> Part | None:
    rows = files.found("cluster_events")
    if not rows:
        return None
    supported = [row for row in rows if row.get("event") and not row.get("status")]
    changes = [row for row in supported if row["event"] != "survival"]
    named = "; ".join(
        f"{row['event']} of cluster {row['cluster']} from {row['year_from']} to {row['year_to']}" for row in changes
    )
    are = "is a change" if len(changes) == 1 else "are changes"
    words = f"Of {count(len(rows), 'event', 'events')}, {len(changes) or 'none'} {are} that the bootstrap supports"
    words += f": {named}." if named else "."
    table = made(
        rows,
        4,
        ("Cluster", text("cluster")),
        ("From", text("year_from")),
        ("To", text("year_to")),
        (
            "Event",
            lambda row: " ".join(str(one) for one in (row.get("event") or "–", row.get("into")) if one is not None),
        ),
        ("Support", share("support")),
        ("Share before", share("share_from")),
        ("Share after", share("share_to")),
        ("Companies before", whole("n_from")),
        ("Companies after", whole("n_to")),
    )
    lead = f"Births, deaths, growth and shrinkage of clusters between periods, with bootstrap support. {words}"
    return Part(table, "Clusters between periods", words, "Clusters that come and go", lead)


def _differences(files: RunFiles) -> Part | None:
    rows = files.found("cluster_differences")
    if not rows:
        return None
    unlike = [row for row in rows if row.get("p_holm") is not None and row["p_holm"] < 0.05]
    named = "; ".join(
        f"cluster {row['cluster']}, {row['city']}, {row['year']}: {percent(row.get('share'))} against "
        f"{percent(row.get('share_reference'))}"
        for row in unlike
    )
    words = f"{len(unlike)} of {count(len(rows), 'difference', 'differences')} stand out after Holm"
    words += f" ({named})." if named else "."
    table = made(
        rows,
        3,
        ("Cluster", lambda row: "noise" if row.get("cluster") == -1 else str(row.get("cluster"))),
        ("City", text("city")),
        ("Period", text("year")),
        ("Share", share("share")),
        (f"In {files.reference}", share("share_reference")),
        ("Difference", share("difference")),
        ("95 % interval (all at once)", shares_between()),
        ("p", p_value("p")),
        ("p (Holm)", p_value("p_holm")),
    )
    lead = f"Each city's share in each cluster, against {files.reference}'s. {words}"
    return Part(table, "Cluster shares against the reference", words, f"Clusters against {files.reference}", lead)


def _noise(files: RunFiles) -> Part | None:
    rows = files.found("cluster_noise")
    if not rows:
        return None
    whole_set = [row for row in rows if row.get("year") == ALL and row.get("city") != ALL]
    words = "Texts in no cluster: " + "; ".join(f"{row['city']} {percent(row.get('share'))}" for row in whole_set) + "."
    table = made(
        rows,
        2,
        ("City", text("city")),
        ("Period", text("year")),
        ("In no cluster", lambda row: f"{number(row.get('n'), 0)} of {number(row.get('total'), 0)}"),
        ("Share", share("share")),
        ("95 % interval", shares_between()),
        ("Elsewhere", share("share_elsewhere")),
        ("p", p_value("p")),
        ("p (Holm)", p_value("p_holm")),
    )
    return Part(table, "Noise by city", words, "Texts in no cluster", words)


def _sweep(files: RunFiles) -> Part | None:
    rows = files.found("sweep")
    if not rows:
        return None
    cliffs = sum(bool(row.get("cliff")) for row in rows)
    words = f"{count(len(rows), 'setting was', 'settings were')} tried, {cliffs} of them beside a cliff, where a small "
    words += "step turns many clusters into few."
    table = made(
        rows,
        2,
        ("This page's", text("chosen")),
        ("Cliff", text("cliff")),
        ("Smallest cluster", whole("min_cluster_size")),
        ("Neighbours", whole("n_neighbors")),
        ("Seed", whole("seed")),
        ("Clusters", whole("clusters")),
        ("Noise", share("noise_share")),
        ("Largest", share("largest_share")),
        ("Agreement (ARI)", decimal("ari")),
    )
    return Part(table, "Clusters under other settings", words, "Other settings", words)
