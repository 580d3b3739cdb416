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
from chainbert.report.palette import OTHER, Cities
from chainbert.report.parts import Part, Section, section
from chainbert.report.runfiles import RunFiles
from chainbert.report.tables import count, equals, number, percent

Record = Mapping[str, Any]
NOTHING = "nothing"
LEVEL, ENOUGH = 0.05, 0.8
BINS = 24


def differences(files: RunFiles, cities: Cities) -> Section | None:
    """What else the cities differ in, and the gap with that held fixed."""
    lead = (
        "Cities may differ in the language, length or sector of their texts, and not in what these say. So the gap is "
        "measured again among firms that are alike in each."
    )
    return section("differs", "What else differs", lead, [_held_fixed(files, cities), _balance(files), _hidden(files)])


def _held_fixed(files: RunFiles, cities: Cities) -> Part | None:
    rows = files.found("held_fixed")
    if not rows:
        return None
    drawn = [
        estimate(
            str(row["city"]), str(row["held_fixed"]), row["gap"], row.get("gap_low"), row.get("gap_high"), share=False
        )
        | {"before": row.get("gap_same_firms"), "n": number(row.get("n_used"), 0)}
        for row in rows
        if row.get("gap") is not None and row["held_fixed"] != NOTHING
    ]
    said = "; ".join(
        f"{row['city']}, {row['label']}: {number(row['before'])} before, {row['said']} with it fixed" for row in drawn
    )
    chart = whiskers(
        drawn,
        list(dict.fromkeys(row["label"] for row in drawn)),
        cities,
        title=f"Gap to {files.reference}",
        domain=scale(drawn, (-2.0, 4.0), room=0.002),
    )
    words = f"Gap of the same firms, before and with things held fixed: {said}."
    return Part(
        table=numbers.held_fixed_table(rows),
        caption="The gap and its slope with things held fixed",
        words=words,
        heading="The gap with it held fixed",
        lead="Hollow: the gap of these firms with nothing held fixed. Filled: among firms that are alike, with its "
        "95 % interval. All periods together.",
        panels=(Panel("held", "", words, chart),) if drawn else (),
        remark=beyond(cities),
    )


def _balance(files: RunFiles) -> Part | None:
    rows = files.found("balance")
    if not rows:
        return None
    unlike = [row for row in rows if row.get("p") is not None and row["p"] < LEVEL]
    named = ", ".join(f"{row['city']} {row['year']} in {row['covariate']}" for row in unlike)
    words = f"{len(unlike)} of {count(len(rows), 'comparison', 'comparisons')} with p < 0.05"
    words += f": {named}." if named else "."
    lead = f"How far each city's firms differ from {files.reference}'s in what was measured beside the texts. {words}"
    return Part(numbers.balance_table(rows), "Balance of covariates", words, heading="Balance", lead=lead)


def _hidden(files: RunFiles) -> Part | None:
    rows = files.found("hidden_confounders")
    if not rows:
        return None
    needed = [
        f"{row['city']}, a trait like {row['covariate']}: {number(row['imbalance_needed'], 2)}"
        for row in rows
        if row.get("imbalance_needed") is not None
    ]
    words = "; ".join(needed) + "." if needed else "No such trait could be sized: there is no gap above 0."
    unclear = [
        str(row["city"])
        for row in files.found("held_fixed")
        if row.get("held_fixed") == NOTHING and row.get("gap_low") is not None and row["gap_low"] <= 0
    ]
    if needed and unclear:
        named = " and ".join(f"{city}'s gap" for city in unclear)
        words += f" Not clearly above 0 over all periods, so that little may be needed: {named}."
    lead = (
        "If a yes-or-no trait that nobody measured stood behind the whole gap, and went with the texts as a measured "
        f"one does, how much more common would it have to be in one city than in the other (0 to 1)? {words}"
    )
    return Part(
        numbers.hidden_table(rows), "Imbalance that a hidden trait would need", words, "A trait nobody measured", lead
    )


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
        panels.append(Panel(f"placebo-{place}", said(row), f"Placebos: {said(row)}", chart))
    words = "; ".join(said(row) for row in rows) + "."
    part = Part(
        table=numbers.placebo_table(rows),
        caption="Placebos",
        words=words,
        panels=tuple(panels),
        remark=f"Slope over its error; those of all placebos are in convergence.json. {beyond(cities)}".strip(),
        small=True,
    )
    lead = (
        "The same measurement on sets in which nothing should be found: years or cities exchanged at random, and "
        "halves of one city. Grey are the placebos, the coloured rule is the real set (dotted: its mirror image). A "
        "finding must stand outside of most of the grey; of halves of one city, few may be significant."
    )
    return section("placebos", "Placebos", lead, [part])


def _placebo(row: Record) -> tuple[str, str]:
    return str(row.get("city")), str(row.get("placebo"))


def _placebo_words(row: Record, judged: bool) -> str:
    """A placebo's outcome; judged only where there is a significant slope that has to pass."""
    name = f"{row.get('city')}, {row.get('placebo')}"
    if row.get("status"):
        return f"{name}: {row['status']}"
    found = f"p\u00a0{equals(row['p'])}".replace(" ", "\u00a0") if row.get("p") is not None else "no p"
    if not judged:
        return f"{name}: {found}"
    return f"{name}: {found}, {'passes' if row.get('passes') else 'does not pass'}"


def _bars(statistics: Sequence[float], span: float) -> list[dict[str, Any]]:
    counts, edges = np.histogram(np.clip(statistics, -span, span), bins=BINS, range=(-span, span))
    return [
        {
            "start": round(float(start), 4),
            "end": round(float(end), 4),
            "n": int(n),
            "said": f"{number(start, 1)} to {number(end, 1)}",
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
    words = " ".join(
        f"{row.get('city')}: power {percent(row.get('power_at_margin'))} at the margin; "
        f"{minimum_words(row, files.reference)}."
        for row in rows
    )
    chart = power_curve(drawn, margins, cities, enough=ENOUGH, reference=files.reference)
    part = Part(
        table=numbers.power_table(points, rows),
        caption="Power by adoption",
        words=words,
        lead=words,
        panels=(Panel("power", "", words, chart),) if drawn else (),
        remark=f"Dotted upright rules stand at the margin of each city. {beyond(cities)}".strip(),
    )
    lead = (
        "The set's own texts with a known move planted in them: the later a firm of the city, the more likely it is "
        f"replaced by one like {files.reference}'s. Power is the share of such sets in which the move is found; from "
        "80 % on (dashed) a set is said to have it."
    )
    return section("power", "What this set could find", lead, [part])


def minimum_words(row: Record, reference: str) -> str:
    """The smallest change that four of five such sets would show, in words."""
    if row.get("minimum_share") is not None:
        closing = row.get("minimum_closing")
        closed = "" if closing is None else f", which closes {percent(closing)} of the first gap"
        return (
            f"the smallest move found in four of five such sets: {percent(row['minimum_share'])} of its firms{closed}"
        )
    if "full adoption" in str(row.get("minimum") or ""):
        every: Record = next((one for one in row.get("curve") or [] if one.get("share") == 1), {})
        found = "more than one in five such sets would miss it"
        if every.get("power") is not None:
            found = f"only {percent(every['power'])} of such sets would show it"
        return f"even if all its firms came to write as {reference}'s do, {found}"
    return f"smallest move found in four of five such sets: {row.get('minimum') or 'not known'}"
