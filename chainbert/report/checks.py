"""Sections on what the verdict had to survive: covariates and placebos; and what the set could have found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from chainbert.report import convergencetables as numbers
from chainbert.report.convergencefigures import placebo_histogram, power_curve, whiskers
from chainbert.report.estimates import estimate, scale
from chainbert.report.exhibits import Panel, beyond
from chainbert.report.language import counted, joined, say, told
from chainbert.report.palette import OTHER, Cities
from chainbert.report.parts import Part, Section, section
from chainbert.report.runfiles import RunFiles
from chainbert.report.tables import equals, interval, number, percent

Record = Mapping[str, Any]
NOTHING = "nothing"
LEVEL, ENOUGH = 0.05, 0.8
BINS = 24


def differences(files: RunFiles, cities: Cities) -> Section | None:
    """What else the cities differ in, and the gap with that held fixed."""
    lead = say(
        "Cities may differ in the language, length or sector of their texts, and not in what these say. So the gap is "
        "measured again among firms that are alike in each."
    )
    parts = [_held_fixed(files, cities), _balance(files), _hidden(files)]
    return section("differs", say("What else differs"), lead, parts)


def _held_fixed(files: RunFiles, cities: Cities) -> Part | None:
    rows = files.found("held_fixed")
    if not rows:
        return None
    drawn = [
        estimate(
            str(row["city"]),
            told(str(row["held_fixed"])),
            row["gap"],
            row.get("gap_low"),
            row.get("gap_high"),
            share=False,
        )
        | {"before": row.get("gap_same_firms"), "n": number(row.get("n_used"), 0)}
        for row in rows
        if row.get("gap") is not None and row["held_fixed"] != NOTHING
    ]
    said = [
        say(
            "{city}, {held}: {before} before, {after} with it fixed",
            city=row["city"],
            held=row["label"],
            before=number(row["before"]),
            after=row["said"],
        )
        for row in drawn
    ]
    chart = whiskers(
        drawn,
        list(dict.fromkeys(row["label"] for row in drawn)),
        cities,
        title=say("Gap to {reference}", reference=files.reference),
        domain=scale(drawn, (-2.0, 4.0), room=0.002),
    )
    words = say("Gap of the same firms, before and with things held fixed: {gaps}.", gaps=joined("; ", said))
    return Part(
        table=numbers.held_fixed_table(rows),
        caption=say("The gap and its slope with things held fixed"),
        words=words,
        heading=say("The gap with it held fixed"),
        lead=say(
            "Hollow: the gap of these firms with nothing held fixed. Filled: among firms that are alike, with its "
            "95 % interval. All periods together."
        ),
        panels=(Panel("held", "", words, chart),) if drawn else (),
        remark=beyond(cities),
    )


def _balance(files: RunFiles) -> Part | None:
    rows = files.found("balance")
    if not rows:
        return None
    unlike = [row for row in rows if row.get("p") is not None and row["p"] < LEVEL]
    cells = [
        say(
            "{city} {period} in {covariate}",
            city=row["city"],
            period=row["year"],
            covariate=told(str(row["covariate"])),
        )
        for row in unlike
    ]
    words = _unlike(len(unlike), len(rows), joined(", ", cells))
    lead = say(
        "How far each city's firms differ from {reference}'s in what was measured beside the texts. {words}",
        reference=files.reference,
        words=words,
    )
    return Part(numbers.balance_table(rows), say("Balance of covariates"), words, heading=say("Balance"), lead=lead)


def _unlike(found: int, rows: int, cells: str) -> str:
    if not cells:
        return counted(
            rows,
            "{found} of {n:,} comparison with p < 0.05.",
            "{found} of {n:,} comparisons with p < 0.05.",
            found=found,
        )
    return counted(
        rows,
        "{found} of {n:,} comparison with p < 0.05: {cells}.",
        "{found} of {n:,} comparisons with p < 0.05: {cells}.",
        found=found,
        cells=cells,
    )


def _hidden(files: RunFiles) -> Part | None:
    rows = files.found("hidden_confounders")
    if not rows:
        return None
    needed = [
        say(
            "{city}, a trait like {covariate}: {imbalance}",
            city=row["city"],
            covariate=told(str(row["covariate"])),
            imbalance=number(row["imbalance_needed"], 2),
        )
        for row in rows
        if row.get("imbalance_needed") is not None
    ]
    words = say("No such trait could be sized: there is no gap above 0.")
    if needed:
        words = joined(" ", [say("{traits}.", traits=joined("; ", needed)), *_unclear(files)])
    lead = say(
        "If a yes-or-no trait that nobody measured stood behind the whole gap, and went with the texts as a measured "
        "one does, how much more common would it have to be in one city than in the other (0 to 1)? {words}",
        words=words,
    )
    caption, heading = say("Imbalance that a hidden trait would need"), say("A trait nobody measured")
    return Part(numbers.hidden_table(rows), caption, words, heading, lead)


def _unclear(files: RunFiles) -> list[str]:
    """A sentence where a gap is not clearly above 0."""
    gaps = [
        say("{city}'s gap", city=row["city"])
        for row in files.found("held_fixed")
        if row.get("held_fixed") == NOTHING and row.get("gap_low") is not None and row["gap_low"] <= 0
    ]
    if not gaps:
        return []
    found = joined(" and ", gaps)
    return [say("Not clearly above 0 over all periods, so that little may be needed: {gaps}.", gaps=found)]


def placebos(files: RunFiles, cities: Cities) -> Section | None:
    """Each city's statistic among those of sets where nothing should be found."""
    rows = files.found("placebos")
    if not rows:
        return None

    def said(row: Record) -> str:
        return _placebo_words(row, files.significant(str(row.get("city"))))

    drawn: dict[tuple[str, str], list[float]] = {}
    for row in files.found("placebo_draws"):
        if row.get("statistic") is not None:
            drawn.setdefault((str(row.get("city")), str(row.get("placebo"))), []).append(float(row["statistic"]))
    shown = [row for row in rows if row.get("statistic") is not None and drawn.get(_placebo(row))]
    shown = [row for row in shown if row["city"] in cities.charted]
    ends = [abs(one) for row in shown for one in [float(row["statistic"]), *drawn[_placebo(row)]]]
    span = min(max([1.0, *ends]), 8.0) * 1.04
    panels = []
    for place, row in enumerate(shown):
        chart = placebo_histogram(
            _bars(drawn[_placebo(row)], span), float(row["statistic"]), cities.light.get(row["city"], OTHER[0]), span
        )
        panels.append(Panel(f"placebo-{place}", said(row), say("Placebos: {found}", found=said(row)), chart))
    words = say("{placebos}.", placebos=joined("; ", map(said, rows)))
    remark = say("Slope over its error; those of all placebos are in convergence.json.")
    part = Part(
        table=numbers.placebo_table(rows),
        caption=say("Placebos"),
        words=words,
        panels=tuple(panels),
        remark=_with_beyond(remark, cities),
        small=True,
    )
    lead = say(
        "The same measurement on sets in which nothing should be found: years or cities exchanged at random, and "
        "halves of one city. Grey are the placebos, the coloured rule is the real set (dotted: its mirror image). A "
        "finding must stand outside of most of the grey; of halves of one city, few may be significant."
    )
    return section("placebos", say("Placebos"), lead, [part])


def _with_beyond(remark: str, cities: Cities) -> str:
    return joined(" ", (one for one in (remark, beyond(cities)) if one))


def _placebo(row: Record) -> tuple[str, str]:
    return str(row.get("city")), str(row.get("placebo"))


def _placebo_words(row: Record, judged: bool) -> str:
    """A placebo's outcome; judged only where there is a significant slope that has to pass."""
    name = say("{city}, {placebo}", city=row.get("city"), placebo=told(str(row.get("placebo"))))
    if row.get("status"):
        return say("{placebo}: {found}", placebo=name, found=told(str(row["status"])))
    found = f"p\u00a0{equals(row['p'])}".replace(" ", "\u00a0") if row.get("p") is not None else say("no p")
    if not judged:
        return say("{placebo}: {found}", placebo=name, found=found)
    if row.get("passes"):
        return say("{placebo}: {found}, passes", placebo=name, found=found)
    return say("{placebo}: {found}, does not pass", placebo=name, found=found)


def _bars(statistics: Sequence[float], span: float) -> list[dict[str, Any]]:
    counts, edges = np.histogram(np.clip(statistics, -span, span), bins=BINS, range=(-span, span))
    return [
        {
            "start": round(float(start), 4),
            "end": round(float(end), 4),
            "n": int(n),
            "said": interval(start, end, 1),
        }
        for n, (start, end) in zip(counts, pairwise(edges), strict=True)
        if n
    ]


def power(files: RunFiles, cities: Cities) -> Section | None:
    """How large a change this set could find."""
    rows = [row for row in files.found("power") if row.get("curve")]
    if not rows:
        return None
    points = [{"city": row.get("city"), **one} for row in rows for one in row["curve"]]
    drawn = [
        {
            "city": str(one["city"]),
            "share": one["share"],
            "power": one["power"],
            "low": max(0.0, one["power"] - 1.96 * (one.get("error") or 0.0)),
            "high": min(1.0, one["power"] + 1.96 * (one.get("error") or 0.0)),
            "said": percent(one["power"]),
            "of": percent(one["share"]),
            "studies": one.get("studies"),
        }
        for one in points
        if one.get("power") is not None and one.get("share") is not None
    ]
    margins = [
        {"city": str(row.get("city")), "share": row["margin_share"]}
        for row in rows
        if row.get("margin_share") is not None
    ]
    words = joined(
        " ",
        (
            say(
                "{city}: power {power} at the margin; {minimum}.",
                city=row.get("city"),
                power=percent(row.get("power_at_margin")),
                minimum=minimum_words(row, files.reference),
            )
            for row in rows
        ),
    )
    chart = power_curve(drawn, margins, cities, enough=ENOUGH, reference=files.reference)
    part = Part(
        table=numbers.power_table(points, rows),
        caption=say("Power by adoption"),
        words=words,
        lead=words,
        panels=(Panel("power", "", words, chart),) if drawn else (),
        remark=_with_beyond(say("Dotted upright rules stand at the margin of each city."), cities),
    )
    lead = say(
        "The set's own texts with a known move planted in them: the later a firm of the city, the more likely it is "
        "replaced by one like {reference}'s. Power is the share of such sets in which the move is found; from "
        "80 % on (dashed) a set is said to have it.",
        reference=files.reference,
    )
    return section("power", say("What this set could find"), lead, [part])


def minimum_words(row: Record, reference: str) -> str:
    """The smallest change that four of five such sets would show, in words."""
    if row.get("minimum_share") is not None:
        share, closing = percent(row["minimum_share"]), row.get("minimum_closing")
        if closing is None:
            return say("the smallest move found in four of five such sets: {share} of its firms", share=share)
        return say(
            "the smallest move found in four of five such sets: {share} of its firms, which closes {closing} of the "
            "first gap",
            share=share,
            closing=percent(closing),
        )
    if "full adoption" in str(row.get("minimum") or ""):
        every: Record = next((one for one in row.get("curve") or [] if one.get("share") == 1), {})
        if every.get("power") is None:
            return say(
                "even if all its firms came to write as {reference}'s do, more than one in five such sets would "
                "miss it",
                reference=reference,
            )
        return say(
            "even if all its firms came to write as {reference}'s do, only {power} of such sets would show it",
            reference=reference,
            power=percent(every["power"]),
        )
    minimum = told(str(row["minimum"])) if row.get("minimum") else say("not known")
    return say("smallest move found in four of five such sets: {minimum}", minimum=minimum)
