"""The section on the specification curve: would other reasonable choices have found the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from chainbert.report import convergencetables as numbers
from chainbert.report.convergencefigures import AWAY, TOWARD, specification_choices, specification_slopes
from chainbert.report.estimates import scale
from chainbert.report.exhibits import Panel
from chainbert.report.language import joined, message, say, told
from chainbert.report.parts import Part, Section, section
from chainbert.report.runfiles import RunFiles
from chainbert.report.tables import capital, equals, number, percent, share_interval, true_minus, with_interval

Record = Mapping[str, Any]
LEVEL = 0.05
# What stands beside the curve's marks; of encoder and seed only the value.
CHOICES = {
    "encoder": "{value}",
    "language": message("language {value}"),
    "names": message("names {value}"),
    "strata": message("strata {value}"),
    "seed": "{value}",
    "smallest_cell": message("cells of {value}"),
}
CURVE_SCALE = (-1.5, 3.0)


def specifications(files: RunFiles) -> Section | None:
    """The slope under every other choice, for each pair of cities."""
    rows = files.found("specifications")
    summaries = {(row.get("city"), row.get("reference")): row for row in files.found("summary")}
    pairs = list(dict.fromkeys((row.get("city"), row.get("reference")) for row in rows))
    parts = [
        _curve(place, [row for row in rows if (row.get("city"), row.get("reference")) == pair], summaries.get(pair, {}))
        for place, pair in enumerate(pairs)
    ]
    lead = say(
        "Every line is the whole measurement done once more with other reasonable choices, which are marked below it. "
        "Up is toward one another, as a share of the first gap; filled dots have p < 0.05, the ring is the "
        "specification of this page."
    )
    return section("specifications", say("Would other choices have found the same?"), lead, parts)


def _curve(place: int, rows: Sequence[Record], summary: Record) -> Part:
    ordered = sorted(rows, key=lambda row: (row.get("relative") is None, row.get("relative") or 0.0))
    known = [row for row in ordered if row.get("relative") is not None][::-1]
    drawn = [_specification(number_, row) for number_, row in enumerate(known, 1)]
    varied = {name: values for name in CHOICES if len(values := dict.fromkeys(_choice(row, name) for row in rows)) > 1}
    ticks = [
        {"place": spec["place"], "choice": _choice(row, name)}
        for spec, row in zip(drawn, known, strict=True)
        for name in varied
    ]
    labels = [value for values in varied.values() for value in sorted(values)]
    pair = say("{city} and {reference}", city=rows[0].get("city"), reference=rows[0].get("reference"))
    words = say("{pair}: {summary}", pair=pair, summary=summary_words(summary))
    panels: list[Panel] = []
    if drawn:
        chart = specification_slopes(drawn, scale(drawn, CURVE_SCALE))
        panels.append(Panel(f"curve-{place}", "", say("Specification curve. {words}", words=words), chart))
    if ticks:
        below = specification_choices(ticks, drawn, labels)
        said = say("Choices of each specification of {pair}, in the same order", pair=pair)
        panels.append(Panel(f"choices-{place}", "", said, below))
    return Part(
        table=numbers.specification_table([*known, *ordered[len(known) :]]),
        caption=say("Specifications of {pair}", pair=pair),
        words=words,
        heading=pair,
        lead=summary_words(summary),
        panels=tuple(panels),
        remark=_curve_remark(rows, len(known), varied),
    )


def summary_words(summary: Record) -> str:
    """How many specifications agree, and the worst of them."""
    if summary.get("agree") is None:
        status = summary.get("status")
        return say("{status}.", status=capital(told(str(status)) if status else say("no summary was made")))
    sentences = [
        say(
            "{estimable} of {specifications} specifications could be estimated.",
            estimable=number(summary.get("estimable"), 0),
            specifications=number(summary.get("specifications"), 0),
        ),
        say(
            "{agree} of them have the sign of the main one, {significant} with p < 0.05; {other} have the other sign "
            "with p < 0.05.",
            agree=percent(summary["agree"]),
            significant=percent(summary.get("significant")),
            other=percent(summary.get("significant_other")),
        ),
    ]
    if summary.get("worst"):
        sentences.append(say("The one that speaks most against it: {worst}.", worst=_worst(summary)))
    return joined(" ", sentences)


def _worst(summary: Record) -> str:
    return told(true_minus(str(summary["worst"]).removeprefix("bundled:")))


def _curve_remark(rows: Sequence[Record], drawn: int, varied: Mapping[str, Any]) -> str:
    estimable = [row for row in rows if row.get("slope") is not None]
    parts = [say("Estimates beyond the scale stand at its edge.")]
    if missing := len(estimable) - drawn:
        parts.append(
            say("{n} more have a slope but no first gap above 0 to be a share of; they are in the table.", n=missing)
        )
    if none := len(rows) - len(estimable):
        parts.append(say("{n} could not be estimated.", n=none))
    fixed = [_choice(rows[0], name) for name in CHOICES if name not in varied and rows[0].get(name) is not None]
    if fixed:
        parts.append(say("The same in all: {choices}.", choices=joined(", ", fixed)))
    return joined(" ", parts)


def _specification(place: int, row: Record) -> dict[str, Any]:
    """A dot of the curve: what closes the gap is above 0, so signs are turned."""
    value, slope = -float(row["relative"]), row.get("slope") or 0.0
    turn = value / slope if slope else None
    low, high = (None if turn is None or row.get(end) is None else turn * row[end] for end in ("high", "low"))
    p = row.get("p")
    return {
        "place": place,
        "value": value,
        "low": low,
        "high": high,
        "kind": say(TOWARD) if value >= 0 else say(AWAY),
        "significant": p is not None and p < LEVEL,
        "main": bool(row.get("main")),
        "said": say("{value}, p {p}", value=with_interval(percent(value), share_interval(low, high)), p=equals(p)),
        "choices": joined(", ", (_choice(row, name) for name in CHOICES)),
    }


def _choice(row: Record, name: str) -> str:
    value = row.get(name)
    if name == "encoder":
        return str(value).rsplit(":", 1)[-1].rsplit("/", 1)[-1]
    if name == "seed":
        return say("all firms") if value == 0 else say("90 % of firms, {seed}", seed=value)
    return say(CHOICES[name], value=told(str(value)))
