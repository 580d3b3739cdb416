"""The section on the specification curve: would other reasonable choices have found the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from chainbert.report import convergencetables as numbers
from chainbert.report.convergencefigures import AWAY, TOWARD, specification_choices, specification_slopes
from chainbert.report.estimates import scale
from chainbert.report.exhibits import Panel
from chainbert.report.parts import Part, Section, section
from chainbert.report.runfiles import RunFiles
from chainbert.report.tables import equals, number, percent, share_interval, true_minus

Record = Mapping[str, Any]
LEVEL = 0.05
CHOICES = ("encoder", "language", "names", "strata", "seed", "smallest_cell")
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
    lead = (
        "Every line is the whole measurement done once more with other reasonable choices, which are marked below it. "
        "Up is toward one another, as a share of the first gap; filled dots have p < 0.05, the ring is the "
        "specification of this page."
    )
    return section("specifications", "Would other choices have found the same?", lead, parts)


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
    pair = f"{rows[0].get('city')} and {rows[0].get('reference')}"
    words = f"{pair}: {summary_words(summary)}"
    panels: list[Panel] = []
    if drawn:
        chart = specification_slopes(drawn, scale(drawn, CURVE_SCALE))
        panels.append(Panel(f"curve-{place}", "", f"Specification curve. {words}", chart))
    if ticks:
        below = specification_choices(ticks, drawn, labels)
        panels.append(
            Panel(f"choices-{place}", "", f"Choices of each specification of {pair}, in the same order", below)
        )
    return Part(
        table=numbers.specification_table([*known, *ordered[len(known) :]]),
        caption=f"Specifications of {pair}",
        words=words,
        heading=pair,
        lead=summary_words(summary),
        panels=tuple(panels),
        remark=_curve_remark(rows, len(known), varied),
    )


def summary_words(summary: Record) -> str:
    """How many specifications agree, and the worst of them."""
    if summary.get("agree") is None:
        return str(summary.get("status") or "no summary was made").capitalize() + "."
    counted = f"{number(summary.get('estimable'), 0)} of {number(summary.get('specifications'), 0)} specifications"
    said = (
        f"{percent(summary['agree'])} of them have the sign of the main one, {percent(summary.get('significant'))} "
        f"with p < 0.05; {percent(summary.get('significant_other'))} have the other sign with p < 0.05"
    )
    worst = f" The one that speaks most against it: {_worst(summary)}." if summary.get("worst") else ""
    return f"{counted} could be estimated. {said}.{worst}"


def _worst(summary: Record) -> str:
    return true_minus(str(summary["worst"]).removeprefix("bundled:"))


def _curve_remark(rows: Sequence[Record], drawn: int, varied: Mapping[str, Any]) -> str:
    estimable = [row for row in rows if row.get("slope") is not None]
    parts = ["Estimates beyond the scale stand at its edge."]
    if missing := len(estimable) - drawn:
        parts.append(f"{missing} more have a slope but no first gap above 0 to be a share of; they are in the table.")
    if none := len(rows) - len(estimable):
        parts.append(f"{none} could not be estimated.")
    fixed = [_choice(rows[0], name) for name in CHOICES if name not in varied and rows[0].get(name) is not None]
    if fixed:
        parts.append(f"The same in all: {', '.join(fixed)}.")
    return " ".join(parts)


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
        "kind": TOWARD if value >= 0 else AWAY,
        "significant": p is not None and p < LEVEL,
        "main": bool(row.get("main")),
        "said": f"{percent(value)} ({share_interval(low, high)}), p {equals(p)}",
        "choices": ", ".join(_choice(row, name) for name in CHOICES),
    }


def _choice(row: Record, name: str) -> str:
    value = row.get(name)
    if name == "encoder":
        return str(value).rsplit(":", 1)[-1].rsplit("/", 1)[-1]
    if name == "seed":
        return "all firms" if value == 0 else f"90 % of firms, {value}"
    if name == "smallest_cell":
        return f"cells of {value}"
    return f"{name} {value}" if name in ("names", "language") else f"strata {value}"
