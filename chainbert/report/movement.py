"""Sections on how the cities moved: who did, in which firms and clusters, by which labels, and how well it shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from chainbert.report import convergencetables as numbers
from chainbert.report import figures
from chainbert.report.convergencefigures import auc_by_period, whiskers
from chainbert.report.estimates import edge, estimate, named, scale
from chainbert.report.exhibits import Panel, beyond, midpoint, policy_events
from chainbert.report.language import counted, joined, message, say, told
from chainbert.report.palette import Cities
from chainbert.report.parts import Part, Section, section
from chainbert.report.runfiles import RunFiles
from chainbert.report.tables import (
    NOT_ESTIMABLE,
    capital,
    direction_table,
    interval,
    number,
    part_of,
    percent,
    share_interval,
    with_interval,
)

Record = Mapping[str, Any]
SHORT = {
    "shift between clusters": message("between clusters"),
    "change within clusters": message("within clusters"),
}
MOVERS = {
    "home moved": message("{city} moved toward {reference}; {reference} did not show a move."),
    "reference moved": message("{reference} moved toward {city}; {city} did not show a move."),
    "both": message("{city} and {reference} moved toward one another."),
    "home moved away": message("{city} moved away from {reference}; {reference} did not show a move."),
    "reference moved away": message("{reference} moved away from {city}; {city} did not show a move."),
    "both away": message("{city} and {reference} moved away from one another."),
    "neither shown": message("{city} and {reference}: no move of either is shown."),
}


def separability(files: RunFiles, cities: Cities) -> Part | None:
    """How well a reader could tell two cities apart, and the gap's other faces."""
    rows = [row for row in files.found("gaps") if row.get("auc") is not None]
    if not rows:
        return None
    drawn = [
        {
            "city": str(row["city"]),
            "year": str(row["year"]),
            "midpoint": midpoint(str(row["year"])) if row.get("midpoint") is None else float(row["midpoint"]),
            "auc": row["auc"],
            "low": row.get("auc_low"),
            "high": row.get("auc_high"),
            "said": with_interval(number(row["auc"], 2), interval(row.get("auc_low"), row.get("auc_high"), 2)),
        }
        for row in rows
    ]
    drawn.sort(key=lambda row: row["midpoint"])
    said = joined(
        "; ",
        (say("{city} {value} in {period}", city=row["city"], value=row["said"], period=row["year"]) for row in drawn),
    )
    words = say("AUC of telling a city's texts from {reference}'s: {values}.", reference=files.reference, values=said)
    return Part(
        table=numbers.separability_table(rows),
        caption=say("AUC and the gap's other measures by city and period"),
        words=words,
        heading=say("How well can a reader tell them apart?"),
        lead=say(
            "Shown one text of the city and one of {reference}, how often would a reader that was trained on "
            "other firms name the right one? 0.5 is not at all, 1 is always.",
            reference=files.reference,
        ),
        panels=(Panel("auc", "", words, auc_by_period(drawn, cities, files.reference, policy_events(files))),),
        remark=beyond(cities),
    )


def moved(files: RunFiles, cities: Cities) -> Section | None:
    """Which of two cities went toward the other."""
    rows = files.found("direction")
    drawn = [one for row in rows for one in _ways(row, files.reference)]
    if not rows:
        return None
    words = joined(" ", (_mover_words(row, files.reference) for row in rows))
    domain = scale(drawn)
    panels = [
        Panel(
            f"moved-{place}",
            say("{city} and {reference}", city=city, reference=files.reference),
            _direction_words(own),
            whiskers(
                own,
                list(dict.fromkeys(row["label"] for row in own)),
                cities,
                title=say("Share of the first gap"),
                domain=domain,
                rules=(0, 1),
                percent=True,
                dodge=False,
            ),
        )
        for place, city in enumerate(_charted(drawn, cities, "pair"))
        for own in [[row for row in drawn if row["pair"] == city]]
    ]
    part = Part(
        table=direction_table(rows, files.reference),
        caption=say("Which city moved"),
        words=words,
        lead=words,
        panels=tuple(panels),
        remark=edge(drawn, domain, beyond(cities)),
    )
    lead = say(
        "Each line is how far one of the two went toward where the other stood at first: 0 is not at all, 100 % is the "
        "whole way, below 0 is away from it. Lines are 95 % intervals. The axis is learnt on other firms than it is "
        "tested on."
    )
    return section("moved", say("Who moved?"), lead, [part])


def _ways(row: Record, reference: str) -> list[dict[str, Any]]:
    """The two lines of a pair of cities, where they are estimable."""
    city = str(row.get("city", ""))
    sides = (("home", city, f"{city} → {reference}"), ("reference", reference, f"{reference} → {city}"))
    return [
        estimate(own, label, row[side], row.get(f"{side}_low"), row.get(f"{side}_high")) | {"pair": city}
        for side, own, label in sides
        if row.get(side) is not None
    ]


def _mover_words(row: Record, reference: str) -> str:
    city, mover = row.get("city", ""), str(row.get("mover") or "")
    if mover in MOVERS:
        return say(MOVERS[mover], city=city, reference=reference)
    found = told(mover or str(row.get("status") or NOT_ESTIMABLE))
    return say("{city} and {reference}: {found}.", city=city, reference=reference, found=found)


def _direction_words(rows: Sequence[Record]) -> str:
    ways = (say("{way} {value}", way=row["label"], value=row["said"]) for row in rows)
    return say("Way toward the other city: {ways}.", ways=joined("; ", ways))


def change(files: RunFiles, cities: Cities) -> Section | None:
    """What a change of the gap is made of, and how many firms there are behind it."""
    parts = [_decomposition(files, cities), _firms(files, cities), _turnover(files)]
    lead = say(
        "The change of the gap between the first and the last period, split in two ways that each add up to it: by "
        "firms that stay, come, go or move; and by shifts between clusters of similar firms and changes within them. "
        "Below 0 is nearer. Lines are 95 % intervals."
    )
    return section("change", say("What the change is made of"), lead, parts)


def _decomposition(files: RunFiles, cities: Cities) -> Part | None:
    rows = files.found("decomposition")
    if not rows:
        return None
    first, last = _whole_window(files, rows)
    window = [row for row in rows if (row.get("from"), row.get("to")) == (first, last)]
    drawn = [
        estimate(
            str(row.get("city", "")),
            _part_name(str(row["part"])),
            row["change"],
            row.get("low"),
            row.get("high"),
            share=False,
        )
        | {"n": row.get("n")}
        for row in window
        if row.get("change") is not None
    ]
    labels = list(dict.fromkeys(row["label"] for row in drawn))
    words = say(
        "Change of the gap from {first} to {last}: {parts}.",
        first=first,
        last=last,
        parts=joined("; ", map(named, drawn)),
    )
    domain = scale(drawn, (-2.0, 2.0), room=0.002)
    chart = whiskers(drawn, labels, cities, title=say("Change of the gap"), domain=domain, bars=True)
    missing: dict[str, list[str]] = {}
    for row in window:
        if row.get("change") is None and row.get("status"):
            part = say("{city} {part}", city=row.get("city"), part=told(str(row.get("part"))))
            missing.setdefault(str(row["status"]), []).append(part)
    reasons = [
        say("{reason} ({parts}).", reason=capital(told(reason)), parts=joined(", ", parts))
        for reason, parts in missing.items()
    ]
    return Part(
        table=numbers.decomposition_table(rows),
        caption=say("Decomposition of the gap's change"),
        words=words if drawn else say("No part could be estimated."),
        heading=say("From {first} to {last}", first=first, last=last),
        lead=_notes(rows),
        panels=(Panel("parts", "", words, chart),) if drawn else (),
        remark=joined(" ", (one for one in (*reasons, beyond(cities)) if one)),
    )


def _part_name(part: str) -> str:
    return say(SHORT[part]) if part in SHORT else told(part)


def _notes(rows: Sequence[Record]) -> str:
    """What a row's figures rest on, each note once."""
    notes = dict.fromkeys(str(row["note"]) for row in rows if row.get("note"))
    return joined(" ", (say("Note: {note}.", note=told(note)) for note in notes))


def _whole_window(files: RunFiles, rows: Sequence[Record]) -> tuple[str, str]:
    periods = [str(one) for one in files.convergence.get("periods") or []]
    if len(periods) > 1 and any((row.get("from"), row.get("to")) == (periods[0], periods[-1]) for row in rows):
        return periods[0], periods[-1]
    return str(rows[-1].get("from", "")), str(rows[-1].get("to", ""))


def _firms(files: RunFiles, cities: Cities) -> Part | None:
    rows = files.found("firm_counts")
    if not rows:
        return None
    drawn = [
        {
            "city": str(row.get("city", "")),
            "label": say("Companies"),
            "period": str(row["year"]),
            "share": row["share"],
            "low": row.get("low"),
            "high": row.get("high"),
            "said": with_interval(percent(row["share"]), share_interval(row.get("low"), row.get("high"))),
            "of": part_of(row.get("n"), row.get("of")),
        }
        for row in rows
        if row.get("share") is not None
    ]
    periods = list(dict.fromkeys(str(row.get("year")) for row in rows))
    said = (say("{city} {value} in {period}", city=row["city"], value=row["of"], period=row["period"]) for row in drawn)
    words = say("Companies by city and period: {values}.", values=joined("; ", said))
    lead = say("Each city's share of the firms of a period, with 95 % Wilson intervals.")
    return Part(
        table=numbers.firm_count_table(rows),
        caption=say("Companies by city and period"),
        words=words,
        heading=say("Where the firms are"),
        lead=joined(" ", (one for one in (lead, _notes(rows)) if one)),
        panels=(Panel("firms", "", words, figures.share_by_period(drawn, periods, cities)),) if drawn else (),
        remark=beyond(cities),
        key=True,
    )


def _turnover(files: RunFiles) -> Part | None:
    rows = files.found("turnover")
    if not rows:
        return None
    words = counted(len(rows), "{n:,} flow of firms between periods.", "{n:,} flows of firms between periods.")
    caption, heading = say("Firms that stay, come and go"), say("Firms that come and go")
    return Part(numbers.turnover_table(rows), caption, words, heading)


def both(files: RunFiles, cities: Cities) -> Section | None:
    """Vectors and labels side by side."""
    rows = files.found("side_by_side")
    if not rows:
        return None
    measures = list(dict.fromkeys(str(row.get("measure", "")) for row in rows))
    names = {one: numbers.measure_name(one.split(".")[-1]) for one in measures}
    if len(set(names.values())) < len(names):
        names = {one: numbers.measure_name(one) for one in measures}
    drawn = [
        estimate(str(row.get("city", "")), names[str(row["measure"])], row["closed"], row.get("low"), row.get("high"))
        for row in rows
        if row.get("closed") is not None
    ]
    domain = scale(drawn, rules=(0, 1))
    values = joined("; ", map(named, drawn))
    words = say("Share of the first difference closed: {values}.", values=values)
    chart = whiskers(
        drawn,
        list(names.values()),
        cities,
        title=say("Share of the first difference closed"),
        domain=domain,
        rules=(0, 1),
        percent=True,
    )
    part = Part(
        table=numbers.side_by_side_table(rows),
        caption=say("Vectors and labels side by side"),
        words=words,
        panels=(Panel("both", "", words, chart),) if drawn else (),
        remark=edge(drawn, domain, beyond(cities)),
    )
    lead = say(
        "The vectors compare all that a text says; each label asks one thing of it. 100 % means that the first "
        "difference is gone at the end, 0 that it stays, below 0 that it grows. Lines are 95 % intervals."
    )
    return section("agreement", say("Do texts and labels say the same?"), lead, [part])


def _charted(rows: Iterable[Record], cities: Cities, name: str) -> list[str]:
    return [city for city in dict.fromkeys(row[name] for row in rows) if city in cities.charted]
