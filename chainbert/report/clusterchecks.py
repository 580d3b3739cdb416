"""What a reader must know of the clusters: how the cities mix in them, noise, births and deaths, other settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import floor
from typing import Any

from chainbert.report.convergencefigures import whiskers
from chainbert.report.convergencetables import (
    between,
    decimal,
    made,
    p_value,
    share,
    shares_between,
    text,
    whole,
    word,
)
from chainbert.report.estimates import estimate, scale
from chainbert.report.exhibits import Panel, beyond
from chainbert.report.language import counted, joined, say, told
from chainbert.report.palette import Cities
from chainbert.report.parts import Part
from chainbert.report.runfiles import RunFiles
from chainbert.report.tables import interval, number, part_of, percent, with_interval

Record = Mapping[str, Any]
ALL = "all"


def cluster_warnings(files: RunFiles) -> list[str]:
    """What a reader must know before the shares."""
    return [told(str(one)) for one in files.grouping.get("warnings") or []]


def stabilities(files: RunFiles) -> dict[int, str]:
    """A word on each cluster's stability, by its number."""
    said = {}
    # Rounded down: what falls short of the threshold must not be shown as reaching it.
    for row in files.found("cluster_stability"):
        value, stable = row.get("stability"), row.get("stable")
        known = say("unknown") if value is None else number(floor(100 * value + 1e-9) / 100, 2)
        found = say("stability {value}", value=known) if stable else say("unstable: {value}", value=known)
        said[int(row["cluster"])] = found
    return said


def unstable(files: RunFiles) -> set[int]:
    """The clusters that do not come back in other draws."""
    return {int(row["cluster"]) for row in files.found("cluster_stability") if not row.get("stable")}


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
        row["label"] = say("all periods") if row["label"] == ALL else row["label"]
    together = [
        row for row in rows if row.get("city") == ALL and row.get("year") == ALL and row.get("score") is not None
    ]
    whole_set = [say("All cities, all periods: {score}.", score=_score(row)) for row in together]
    each = say("{values}.", values=joined("; ", (_value(row) for row in drawn)))
    words = joined(" ", (say("Mixing score."), *whole_set, each))
    chart = whiskers(
        drawn,
        list(dict.fromkeys(row["label"] for row in drawn)),
        cities,
        title=say("Mixing score"),
        domain=scale(drawn, (0.0, 3.0), rules=(1,)),
        rules=(1,),
    )
    table = made(
        rows,
        2,
        (say("City"), word("city")),
        (say("Period"), word("year")),
        (say("Score"), decimal("score")),
        (say("95 % interval"), between()),
        (say("p"), p_value("p")),
        (say("Neighbours from elsewhere"), share("observed")),
        (say("Expected"), share("expected")),
        (say("Companies"), whole("n")),
    )
    return Part(
        table=table,
        caption=say("Mixing of the cities"),
        words=words,
        heading=say("Do the cities' firms lie among each other?"),
        lead=_mixing_lead(together),
        panels=(Panel("mixing", "", words, chart),) if drawn else (),
        remark=beyond(cities),
    )


def _score(row: Record) -> str:
    return with_interval(number(row["score"]), interval(row.get("low"), row.get("high")))


def _value(row: Record) -> str:
    return say("{city}, {period} {value}", city=row["city"], period=row["label"], value=row["said"])


def _mixing_lead(together: Sequence[Record]) -> str:
    lead = say(
        "How often a firm's nearest neighbours are of another city, over what chance would give: 1 where the "
        "cities do not differ, below 1 where they keep apart, whatever their sizes. Lines are 95 % intervals."
    )
    whole_set = [say("All cities together: {score}.", score=_score(row)) for row in together[:1]]
    return joined(" ", (lead, *whole_set))


def _events(files: RunFiles) -> Part | None:
    rows = files.found("cluster_events")
    if not rows:
        return None
    supported = [row for row in rows if row.get("event") and not row.get("status")]
    changes = [row for row in supported if row["event"] != "survival"]
    words = _event_words(changes, len(rows))
    table = made(
        rows,
        4,
        (say("Cluster"), text("cluster")),
        (say("From"), text("year_from")),
        (say("To"), text("year_to")),
        (say("Event"), _event),
        (say("Support"), share("support")),
        (say("Share before"), share("share_from")),
        (say("Share after"), share("share_to")),
        (say("Companies before"), whole("n_from")),
        (say("Companies after"), whole("n_to")),
    )
    lead = say(
        "Births, deaths, growth and shrinkage of clusters between periods, with bootstrap support. {words}", words=words
    )
    return Part(table, say("Clusters between periods"), words, say("Clusters that come and go"), lead)


def _event(row: Record) -> str:
    event = told(str(row.get("event") or "–"))
    return event if row.get("into") is None else f"{event} {row['into']}"


def _event_words(changes: Sequence[Record], events: int) -> str:
    """How many changes the bootstrap supports, and which."""
    if not changes:
        return counted(
            events,
            "Of {n:,} event, none are changes that the bootstrap supports.",
            "Of {n:,} events, none are changes that the bootstrap supports.",
        )
    named = joined(
        "; ",
        (
            say(
                "{event} of cluster {cluster} from {first} to {last}",
                event=told(str(row["event"])),
                cluster=row["cluster"],
                first=row["year_from"],
                last=row["year_to"],
            )
            for row in changes
        ),
    )
    return counted(
        len(changes),
        "{events}, {n} is a change that the bootstrap supports: {changes}.",
        "{events}, {n} are changes that the bootstrap supports: {changes}.",
        events=counted(events, "Of {n:,} event", "Of {n:,} events"),
        changes=named,
    )


def _differences(files: RunFiles) -> Part | None:
    rows = files.found("cluster_differences")
    if not rows:
        return None
    unlike = [row for row in rows if row.get("p_holm") is not None and row["p_holm"] < 0.05]
    words = _difference_words(unlike, len(rows))
    table = made(
        rows,
        3,
        (say("Cluster"), lambda row: say("noise") if row.get("cluster") == -1 else str(row.get("cluster"))),
        (say("City"), word("city")),
        (say("Period"), word("year")),
        (say("Share"), share("share")),
        (say("In {reference}", reference=files.reference), share("share_reference")),
        (say("Difference"), share("difference")),
        (say("95 % interval (all at once)"), shares_between()),
        (say("p"), p_value("p")),
        (say("p (Holm)"), p_value("p_holm")),
    )
    lead = say(
        "Each city's share in each cluster, against {reference}'s. {words}", reference=files.reference, words=words
    )
    heading = say("Clusters against {reference}", reference=files.reference)
    return Part(table, say("Cluster shares against the reference"), words, heading, lead)


def _difference_words(unlike: Sequence[Record], differences: int) -> str:
    """How many differences stand out, and which."""
    if not unlike:
        return counted(
            differences,
            "0 of {n:,} difference stand out after Holm.",
            "0 of {n:,} differences stand out after Holm.",
        )
    named = joined(
        "; ",
        (
            say(
                "cluster {cluster}, {city}, {period}: {share} against {other}",
                cluster=row["cluster"],
                city=row["city"],
                period=told(str(row["year"])),
                share=percent(row.get("share")),
                other=percent(row.get("share_reference")),
            )
            for row in unlike
        ),
    )
    return counted(
        differences,
        "{found} of {n:,} difference stand out after Holm ({cells}).",
        "{found} of {n:,} differences stand out after Holm ({cells}).",
        found=len(unlike),
        cells=named,
    )


def _noise(files: RunFiles) -> Part | None:
    rows = files.found("cluster_noise")
    if not rows:
        return None
    whole_set = [row for row in rows if row.get("year") == ALL and row.get("city") != ALL]
    shares = (say("{city} {share}", city=row["city"], share=percent(row.get("share"))) for row in whole_set)
    words = say("Texts in no cluster: {shares}.", shares=joined("; ", shares))
    table = made(
        rows,
        2,
        (say("City"), word("city")),
        (say("Period"), word("year")),
        (say("In no cluster"), lambda row: part_of(row.get("n"), row.get("total"))),
        (say("Share"), share("share")),
        (say("95 % interval"), shares_between()),
        (say("Elsewhere"), share("share_elsewhere")),
        (say("p"), p_value("p")),
        (say("p (Holm)"), p_value("p_holm")),
    )
    return Part(table, say("Noise by city"), words, say("Texts in no cluster"), words)


def _sweep(files: RunFiles) -> Part | None:
    rows = files.found("sweep")
    if not rows:
        return None
    cliffs = sum(bool(row.get("cliff")) for row in rows)
    words = counted(
        len(rows),
        "{n:,} setting was tried, {cliffs} of them beside a cliff, where a small step turns many clusters into few.",
        "{n:,} settings were tried, {cliffs} of them beside a cliff, where a small step turns many clusters into few.",
        cliffs=cliffs,
    )
    table = made(
        rows,
        2,
        (say("This page's"), text("chosen")),
        (say("Cliff"), text("cliff")),
        (say("Smallest cluster"), whole("min_cluster_size")),
        (say("Neighbours"), whole("n_neighbors")),
        (say("Seed"), whole("seed")),
        (say("Clusters"), whole("clusters")),
        (say("Noise"), share("noise_share")),
        (say("Largest"), share("largest_share")),
        (say("Agreement (ARI)"), decimal("ari")),
    )
    return Part(table, say("Clusters under other settings"), words, say("Other settings"), words)
