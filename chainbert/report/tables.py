"""The report's numbers as tables of text: what stands beside each figure, and what has no figure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import pandas as pd

from chainbert.labelling import Codebook
from chainbert.report.language import joined, message, say, spoken, told
from chainbert.report.palette import Cities
from chainbert.report.runfiles import records

NOT_ESTIMABLE = message("not estimable")
# Values of an axis that are no indicator of the codebook.
UNNAMED = ("mixed", "unclear")
_NAMES: ContextVar[Mapping[str, str]] = ContextVar("names", default=MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Table:
    """Text cells under their heads; columns from ``words`` on are numbers and stand right-aligned."""

    heads: tuple[str, ...]
    rows: list[tuple[str, ...]]
    words: int


def number(value: object, digits: int = 3) -> str:
    """A number with a true minus sign; "–" where there is none."""
    if value is None or pd.isna(value):  # type: ignore[call-overload]
        return "–"
    text = f"{float(value):.{digits}f}"  # type: ignore[arg-type]
    return text.lstrip("-") if float(text) == 0 else text.replace("-", "−")


def true_minus(text: str) -> str:
    """Text in which numbers below 0 have a minus sign, not a hyphen."""
    return re.sub(r"(?<![\w–-])-(?=\d)", "−", text)


def percent(value: object) -> str:
    """A share in [0, 1] as whole per cent: companies come in tens and hundreds, not thousands."""
    if value is None or pd.isna(value):  # type: ignore[call-overload]
        return "–"
    return say("{number} %", number=number(100 * float(value), 0))  # type: ignore[arg-type]


def probability(value: object) -> str:
    """A p-value; below 0.001 only that it is below."""
    if value is None or pd.isna(value):  # type: ignore[call-overload]
        return "–"
    return "< 0.001" if float(value) < 0.001 else number(value)  # type: ignore[arg-type]


def equals(p: object) -> str:
    """``= 0.080`` or ``< 0.001``."""
    said = probability(p)
    return said if said.startswith("<") else f"= {said}"


def interval(low: object, high: object, digits: int = 3) -> str:
    """``low to high``, or "–" where either is missing."""
    return _span(number(low, digits), number(high, digits))


def share_interval(low: object, high: object) -> str:
    """``low to high`` in whole per cent, or "–" where either is missing."""
    return _span(percent(low), percent(high))


def count(n: int, one: str, many: str) -> str:
    """``1 company``, ``2,000 companies``."""
    return f"{n:,} {one if n == 1 else many}"


@contextmanager
def naming(codebook: Codebook | None) -> Iterator[None]:
    """Inside the block identifiers of the codebook bear its names in the language that is spoken.

    English keeps the identifiers, which are English words; so does a codebook without names in the language, and an
    identifier that two axes name differently.
    """
    token = _NAMES.set(_names(codebook, spoken()) if codebook and spoken() != "en" else MappingProxyType({}))
    try:
        yield
    finally:
        _NAMES.reset(token)


def _names(codebook: Codebook, language: str) -> dict[str, str]:
    found: dict[str, set[str]] = {}
    for axis in codebook.axes:
        for identifier, names in ((axis.id, axis.names), *((one.id, one.names) for one in axis.indicators)):
            if name := {str(key): value for key, value in names.items()}.get(language):
                found.setdefault(identifier, set()).add(name)
    sure = {identifier: min(names) for identifier, names in found.items() if len(names) == 1}
    # The page's rows have them as words already.
    return {identifier.replace("_", " ").replace("-", " "): name for identifier, name in sure.items()} | sure


def plain(name: str) -> str:
    """An identifier of a codebook as words; ``axis: label`` part by part."""
    if not _NAMES.get():
        return name.replace("_", " ").replace("-", " ")
    parts = name.split(": ")
    return ": ".join(_NAMES.get().get(part, part.replace("_", " ").replace("-", " ")) for part in parts)


def capital(text: str) -> str:
    """The first letter a capital."""
    return text[:1].upper() + text[1:]


def label_name(name: str) -> str:
    """A value of the label table as words: what no codebook names (mixed, unclear) in the reader's language."""
    return told(name) if name in UNNAMED else plain(name)


def with_interval(value: str, between: str) -> str:
    """``0.410 (0.210 to 0.610)``."""
    return say("{value} ({interval})", value=value, interval=between)


def part_of(n: object, whole: object) -> str:
    """``5 of 17``."""
    return say("{n} of {whole}", n=number(n, 0), whole=number(whole, 0))


def gap_table(gaps: Sequence[dict[str, Any]], reference: str) -> Table:
    """The figures' gaps with their intervals; a cell that is not estimable says so."""
    rows: list[tuple[str, ...]] = []
    for row in gaps:
        estimable = row.get("gap") is not None
        rows.append(
            (
                str(row["city"]),
                str(row["year"]),
                number(row["gap"]) if estimable else say(NOT_ESTIMABLE),
                interval(row.get("low"), row.get("high")),
                probability(row.get("p")),
                number(row.get("n"), 0),
                number(row.get("n_reference"), 0),
                number(row.get("left_out"), 0),
            )
        )
    heads = (
        say("City"),
        say("Period"),
        say("Gap"),
        say("95 % interval"),
        say("p"),
        say("Companies"),
        say("In {reference}", reference=reference),
        say("Not comparable"),
    )
    return Table(heads, rows, 2)


def not_estimable(gaps: Sequence[dict[str, Any]]) -> str:
    """One sentence naming every cell without a number; "" where all have one."""
    cells = []
    for row in gaps:
        if row.get("gap") is None:
            reason = str(row.get("status") or "").removeprefix(NOT_ESTIMABLE).lstrip(": ")
            sizes = say(
                "n = {n}, in the reference city {n_reference}",
                n=number(row.get("n"), 0),
                n_reference=number(row.get("n_reference"), 0),
            )
            why = joined("; ", [sizes, told(reason)] if reason else [sizes])
            cells.append(say("{city} {period} ({why})", city=row["city"], period=row["year"], why=why))
    return say("Not estimable (†), so no number is given: {cells}.", cells=joined(", ", cells)) if cells else ""


def trend_table(trends: Sequence[dict[str, Any]], verdict: dict[str, Any]) -> Table:
    """Slope of each city's gap, the tests on it and the verdict."""
    rows: list[tuple[str, ...]] = [
        (
            str(row["city"]),
            told(str(verdict.get(row["city"], "–"))),
            number(row.get("slope")),
            interval(row.get("low"), row.get("high")),
            probability(row.get("p")),
            probability(row.get("p_holm")),
            probability(row.get("p_equivalent")),
            number(row.get("margin")),
            number(row.get("minimum_detectable")),
            percent(row.get("power")),
        )
        for row in trends
    ]
    heads = (
        say("City"),
        say("Verdict"),
        say("Change a year"),
        say("95 % interval"),
        say("p"),
        say("p (Holm)"),
        say("p of no change"),
        say("Margin"),
        say("Smallest found"),
        say("Power at margin"),
    )
    return Table(heads, rows, 2)


def direction_table(rows: Sequence[dict[str, Any]], reference: str) -> Table:
    """How far each city and the reference went toward one another, as a share of the first gap."""
    cells = []
    for row in rows:
        line = [str(row.get("city", "")), told(str(row.get("mover") or row.get("status") or NOT_ESTIMABLE))]
        for side in ("home", "reference"):
            low, high = row.get(f"{side}_low"), row.get(f"{side}_high")
            line += [percent(row.get(side)), _span(percent(low), percent(high)), probability(row.get(f"{side}_p"))]
        cells.append(tuple(line))
    interval_and_p = say("95 % interval"), say("p")
    way = say("Its way toward {reference}", reference=reference), *interval_and_p
    back = say("{reference}'s way toward it", reference=reference), *interval_and_p
    return Table((say("City"), say("Who moved"), *way, *back), cells, 2)


def _span(low: str, high: str) -> str:
    return "–" if "–" in (low, high) else say("{low} to {high}", low=low, high=high)


def share_table(shares: pd.DataFrame, cities: Cities) -> Table:
    """Every row of shares.csv, overall rows first."""
    shown = shares.assign(_city=shares["city"].map(cities.order), _part=shares["period"] != "all")
    shown = shown.sort_values(["_part", "axis", "kind", "indicator", "period", "_city"], kind="stable")
    rows: list[tuple[str, ...]] = [
        (
            plain(row["axis"]),
            label_name(row["indicator"]),
            told(row["kind"]),
            row["city"],
            told(row["period"]),
            percent(row["share"]),
            _span(percent(row["low"]), percent(row["high"])),
            part_of(row["yes"], row["n"]),
        )
        for row in records(shown)
    ]
    words = say("Axis"), say("Label"), say("Kind"), say("City"), say("Period")
    return Table((*words, say("Share"), say("95 % interval"), say("Companies")), rows, 5)


def label_trend_table(
    trends: Sequence[dict[str, Any]], slopes: Sequence[dict[str, Any]], periods: Sequence[str]
) -> Table:
    """A row a label and city: its share minus the reference's by period, in points, and the change a year."""
    cells = {(row["axis"], row["indicator"], row["city"], str(row["year"])): row for row in trends}
    slope = {(row["axis"], row["indicator"], row["city"]): row for row in slopes}
    rows = []
    for key in dict.fromkeys((row["axis"], row["indicator"], row["city"]) for row in [*trends, *slopes]):
        line = [say("{axis}: {label}", axis=plain(key[0]), label=label_name(key[1])), str(key[2])]
        line += [_points(cells.get((*key, period))) for period in periods]
        fitted = slope.get(key, {})
        line.append(_points(fitted, "slope"))
        line.append(probability(fitted.get("p")))
        rows.append(tuple(line))
    return Table((say("Label"), say("City"), *periods, say("Change a year"), say("p")), rows, 2)


def _points(row: dict[str, Any] | None, part: str = "difference") -> str:
    """Percentage points with their interval."""
    if row is None or row.get(part) is None or pd.isna(row[part]):
        return "–"
    digits = 0 if part == "difference" else 1
    value = number(100 * row[part], digits)
    value = value if value.startswith("−") or float(value) == 0 else f"+{value}"
    if row.get("low") is None or row.get("high") is None:
        return value
    return with_interval(value, interval(100 * row["low"], 100 * row["high"], digits))
