"""The report's numbers as tables of text: what stands beside each figure, and what has no figure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from chainbert.report.palette import Cities
from chainbert.report.runfiles import records

NOT_ESTIMABLE = "not estimable"


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
    return f"{number(100 * float(value), 0)} %"  # type: ignore[arg-type]


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


def plain(name: str) -> str:
    """An identifier of a codebook as words."""
    return name.replace("_", " ").replace("-", " ")


def gap_table(gaps: Sequence[dict[str, Any]], reference: str) -> Table:
    """The figures' gaps with their intervals; a cell that is not estimable says so."""
    rows: list[tuple[str, ...]] = []
    for row in gaps:
        estimable = row.get("gap") is not None
        rows.append(
            (
                str(row["city"]),
                str(row["year"]),
                number(row["gap"]) if estimable else NOT_ESTIMABLE,
                interval(row.get("low"), row.get("high")),
                probability(row.get("p")),
                number(row.get("n"), 0),
                number(row.get("n_reference"), 0),
                number(row.get("left_out"), 0),
            )
        )
    heads = ("City", "Period", "Gap", "95 % interval", "p", "Companies", f"In {reference}", "Not comparable")
    return Table(heads, rows, 2)


def not_estimable(gaps: Sequence[dict[str, Any]]) -> str:
    """One sentence naming every cell without a number; "" where all have one."""
    cells = []
    for row in gaps:
        if row.get("gap") is None:
            reason = str(row.get("status") or "").removeprefix(NOT_ESTIMABLE).lstrip(": ")
            counted = f"n = {number(row.get('n'), 0)}, in the reference city {number(row.get('n_reference'), 0)}"
            cells.append(f"{row['city']} {row['year']} ({'; '.join(one for one in (counted, reason) if one)})")
    return f"Not estimable (†), so no number is given: {', '.join(cells)}." if cells else ""


def trend_table(trends: Sequence[dict[str, Any]], verdict: dict[str, Any]) -> Table:
    """Slope of each city's gap, the tests on it and the verdict."""
    rows: list[tuple[str, ...]] = [
        (
            str(row["city"]),
            str(verdict.get(row["city"], "–")),
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
        "City",
        "Verdict",
        "Change a year",
        "95 % interval",
        "p",
        "p (Holm)",
        "p of no change",
        "Margin",
        "Smallest found",
        "Power at margin",
    )
    return Table(heads, rows, 2)


def direction_table(rows: Sequence[dict[str, Any]], reference: str) -> Table:
    """How far each city and the reference went toward one another, as a share of the first gap."""
    cells = []
    for row in rows:
        line = [str(row.get("city", "")), str(row.get("mover") or row.get("status") or NOT_ESTIMABLE)]
        for side in ("home", "reference"):
            low, high = row.get(f"{side}_low"), row.get(f"{side}_high")
            line += [percent(row.get(side)), _span(percent(low), percent(high)), probability(row.get(f"{side}_p"))]
        cells.append(tuple(line))
    way = f"Its way toward {reference}", "95 % interval", "p"
    back = f"{reference}'s way toward it", "95 % interval", "p"
    return Table(("City", "Who moved", *way, *back), cells, 2)


def _span(low: str, high: str) -> str:
    return "–" if "–" in (low, high) else f"{low} to {high}"


def share_table(shares: pd.DataFrame, cities: Cities) -> Table:
    """Every row of shares.csv, overall rows first."""
    shown = shares.assign(_city=shares["city"].map(cities.order), _part=shares["period"] != "all")
    shown = shown.sort_values(["_part", "axis", "kind", "indicator", "period", "_city"], kind="stable")
    rows: list[tuple[str, ...]] = [
        (
            plain(row["axis"]),
            plain(row["indicator"]),
            row["kind"],
            row["city"],
            row["period"],
            percent(row["share"]),
            _span(percent(row["low"]), percent(row["high"])),
            f"{number(row['yes'], 0)} of {number(row['n'], 0)}",
        )
        for row in records(shown)
    ]
    return Table(("Axis", "Label", "Kind", "City", "Period", "Share", "95 % interval", "Companies"), rows, 5)


def label_trend_table(
    trends: Sequence[dict[str, Any]], slopes: Sequence[dict[str, Any]], periods: Sequence[str]
) -> Table:
    """A row a label and city: its share minus the reference's by period, in points, and the change a year."""
    cells = {(row["axis"], row["indicator"], row["city"], str(row["year"])): row for row in trends}
    slope = {(row["axis"], row["indicator"], row["city"]): row for row in slopes}
    rows = []
    for key in dict.fromkeys((row["axis"], row["indicator"], row["city"]) for row in [*trends, *slopes]):
        line = [f"{plain(key[0])}: {plain(key[1])}", str(key[2])]
        line += [_points(cells.get((*key, period))) for period in periods]
        fitted = slope.get(key, {})
        line.append(_points(fitted, "slope"))
        line.append(probability(fitted.get("p")))
        rows.append(tuple(line))
    return Table(("Label", "City", *periods, "Change a year", "p"), rows, 2)


def _points(row: dict[str, Any] | None, part: str = "difference") -> str:
    """Percentage points with their interval."""
    if row is None or row.get(part) is None or pd.isna(row[part]):
        return "–"
    digits = 0 if part == "difference" else 1
    value = number(100 * row[part], digits)
    value = value if value.startswith("−") or float(value) == 0 else f"+{value}"
    if row.get("low") is None or row.get("high") is None:
        return value
    return f"{value} ({interval(100 * row['low'], 100 * row['high'], digits)})"
