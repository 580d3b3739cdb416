"""Sections on how the cities moved: who did, in which firms and clusters, by which labels, and how well it shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from chainbert.report import convergencetables as numbers
from chainbert.report import figures
from chainbert.report.convergencefigures import auc_by_period, whiskers
from chainbert.report.estimates import edge, estimate, scale
from chainbert.report.exhibits import Panel, beyond, midpoint, policy_events
from chainbert.report.palette import Cities
from chainbert.report.parts import Part, Section, section
from chainbert.report.runfiles import RunFiles
from chainbert.report.tables import count, direction_table, interval, number, percent, plain, share_interval

Record = Mapping[str, Any]
SHORT = {"shift between clusters": "between clusters", "change within clusters": "within clusters"}


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
            "said": f"{number(row['auc'], 2)} ({interval(row.get('auc_low'), row.get('auc_high'), 2)})",
        }
        for row in rows
    ]
    drawn.sort(key=lambda row: row["midpoint"])
    said = "; ".join(f"{row['city']} {row['said']} in {row['year']}" for row in drawn)
    words = f"AUC of telling a city's texts from {files.reference}'s: {said}."
    return Part(
        table=numbers.separability_table(rows),
        caption="AUC and the gap's other measures by city and period",
        words=words,
        heading="How well can a reader tell them apart?",
        lead=f"Shown one text of the city and one of {files.reference}, how often would a reader that was trained on "
        "other firms name the right one? 0.5 is not at all, 1 is always.",
        panels=(Panel("auc", "", words, auc_by_period(drawn, cities, files.reference, policy_events(files))),),
        remark=beyond(cities),
    )


def moved(files: RunFiles, cities: Cities) -> Section | None:
    """Which of two cities went toward the other."""
    rows = files.found("direction")
    drawn = [one for row in rows for one in _ways(row, files.reference)]
    if not rows:
        return None
    words = " ".join(_mover_words(row, files.reference) for row in rows)
    domain = scale(drawn)
    panels = [
        Panel(
            f"moved-{place}",
            f"{city} and {files.reference}",
            _direction_words(own),
            whiskers(
                own,
                list(dict.fromkeys(row["label"] for row in own)),
                cities,
                title="Share of the first gap",
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
        caption="Which city moved",
        words=words,
        lead=words,
        panels=tuple(panels),
        remark=edge(drawn, domain, beyond(cities)),
    )
    lead = (
        "Each line is how far one of the two went toward where the other stood at first: 0 is not at all, 100 % is the "
        "whole way, below 0 is away from it. Lines are 95 % intervals. The axis is learnt on other firms than it is "
        "tested on."
    )
    return section("moved", "Who moved?", lead, [part])


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
    city = row.get("city", "")
    said = {
        "home moved": f"{city} moved toward {reference}; {reference} did not show a move",
        "reference moved": f"{reference} moved toward {city}; {city} did not show a move",
        "both": f"{city} and {reference} moved toward one another",
        "home moved away": f"{city} moved away from {reference}; {reference} did not show a move",
        "reference moved away": f"{reference} moved away from {city}; {city} did not show a move",
        "both away": f"{city} and {reference} moved away from one another",
        "neither shown": f"{city} and {reference}: no move of either is shown",
    }
    mover = str(row.get("mover") or "")
    return said.get(mover, f"{city} and {reference}: {mover or row.get('status') or 'not estimable'}") + "."


def _direction_words(rows: Sequence[Record]) -> str:
    return "Way toward the other city: " + "; ".join(f"{row['label']} {row['said']}" for row in rows) + "."


def change(files: RunFiles, cities: Cities) -> Section | None:
    """What a change of the gap is made of, and how many firms there are behind it."""
    parts = [_decomposition(files, cities), _firms(files, cities), _turnover(files)]
    lead = (
        "The change of the gap between the first and the last period, split in two ways that each add up to it: by "
        "firms that stay, come, go or move; and by shifts between clusters of similar firms and changes within them. "
        "Below 0 is nearer. Lines are 95 % intervals."
    )
    return section("change", "What the change is made of", lead, parts)


def _decomposition(files: RunFiles, cities: Cities) -> Part | None:
    rows = files.found("decomposition")
    if not rows:
        return None
    first, last = _whole_window(files, rows)
    window = [row for row in rows if (row.get("from"), row.get("to")) == (first, last)]
    drawn = [
        estimate(
            str(row.get("city", "")),
            SHORT.get(str(row["part"]), str(row["part"])),
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
    said = "; ".join(f"{row['city']}, {row['label']} {row['said']}" for row in drawn)
    words = f"Change of the gap from {first} to {last}: {said}." if drawn else ""
    domain = scale(drawn, (-2.0, 2.0), room=0.002)
    chart = whiskers(drawn, labels, cities, title="Change of the gap", domain=domain, bars=True)
    notes = list(dict.fromkeys(str(row["note"]) for row in rows if row.get("note")))
    missing: dict[str, list[str]] = {}
    for row in window:
        if row.get("change") is None and row.get("status"):
            missing.setdefault(str(row["status"]), []).append(f"{row.get('city')} {row.get('part')}")
    reasons = [f"{reason[:1].upper()}{reason[1:]} ({', '.join(which)})." for reason, which in missing.items()]
    return Part(
        table=numbers.decomposition_table(rows),
        caption="Decomposition of the gap's change",
        words=words or "No part could be estimated.",
        heading=f"From {first} to {last}",
        lead=" ".join(f"Note: {note}." for note in notes),
        panels=(Panel("parts", "", words, chart),) if drawn else (),
        remark=" ".join([*reasons, beyond(cities)]).strip(),
    )


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
            "label": "Companies",
            "period": str(row["year"]),
            "share": row["share"],
            "low": row.get("low"),
            "high": row.get("high"),
            "said": f"{percent(row['share'])} ({share_interval(row.get('low'), row.get('high'))})",
            "of": f"{number(row.get('n'), 0)} of {number(row.get('of'), 0)}",
        }
        for row in rows
        if row.get("share") is not None
    ]
    periods = list(dict.fromkeys(str(row.get("year")) for row in rows))
    said = "; ".join(f"{row['city']} {row['of']} in {row['period']}" for row in drawn)
    words = f"Companies by city and period: {said}."
    notes = list(dict.fromkeys(str(row["note"]) for row in rows if row.get("note")))
    return Part(
        table=numbers.firm_count_table(rows),
        caption="Companies by city and period",
        words=words,
        heading="Where the firms are",
        lead="Each city's share of the firms of a period, with 95 % Wilson intervals."
        + "".join(f" Note: {note}." for note in notes),
        panels=(Panel("firms", "", words, figures.share_by_period(drawn, periods, cities)),) if drawn else (),
        remark=beyond(cities),
        key=True,
    )


def _turnover(files: RunFiles) -> Part | None:
    rows = files.found("turnover")
    if not rows:
        return None
    words = f"{count(len(rows), 'flow', 'flows')} of firms between periods."
    return Part(numbers.turnover_table(rows), "Firms that stay, come and go", words, heading="Firms that come and go")


def both(files: RunFiles, cities: Cities) -> Section | None:
    """Vectors and labels side by side."""
    rows = files.found("side_by_side")
    if not rows:
        return None
    measures = list(dict.fromkeys(str(row.get("measure", "")) for row in rows))
    names = {one: plain(one.split(".")[-1]) for one in measures}
    if len(set(names.values())) < len(names):
        names = {one: numbers.measure_name(one) for one in measures}
    drawn = [
        estimate(str(row.get("city", "")), names[str(row["measure"])], row["closed"], row.get("low"), row.get("high"))
        for row in rows
        if row.get("closed") is not None
    ]
    domain = scale(drawn, rules=(0, 1))
    words = "Share of the first difference closed: "
    words += "; ".join(f"{row['city']}, {row['label']} {row['said']}" for row in drawn) + "."
    chart = whiskers(
        drawn,
        list(names.values()),
        cities,
        title="Share of the first difference closed",
        domain=domain,
        rules=(0, 1),
        percent=True,
    )
    part = Part(
        table=numbers.side_by_side_table(rows),
        caption="Vectors and labels side by side",
        words=words,
        panels=(Panel("both", "", words, chart),) if drawn else (),
        remark=edge(drawn, domain, beyond(cities)),
    )
    lead = (
        "The vectors compare all that a text says; each label asks one thing of it. 100 % means that the first "
        "difference is gone at the end, 0 that it stays, below 0 that it grows. Lines are 95 % intervals."
    )
    return section("agreement", "Do texts and labels say the same?", lead, [part])


def _charted(rows: Iterable[Record], cities: Cities, name: str) -> list[str]:
    return [city for city in dict.fromkeys(row[name] for row in rows) if city in cities.charted]
