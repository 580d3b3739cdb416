"""Estimates with their intervals as rows of a figure, and the axis that has room for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from chainbert.report.language import joined, say
from chainbert.report.tables import interval, number, percent, share_interval, with_interval

# Estimates of a share beyond these say only that the first gap was small; charts end here, tables do not.
SHARE_SCALE = (-2.0, 3.0)


def estimate(
    city: str, label: str, value: float, low: float | None, high: float | None, *, share: bool = True
) -> dict[str, Any]:
    """A row of ``whiskers``."""
    said = (
        with_interval(percent(value), share_interval(low, high))
        if share
        else with_interval(number(value), interval(low, high))
    )
    return {"city": city, "label": label, "value": value, "low": low, "high": high, "said": said, "n": "–"}


def named(row: Mapping[str, Any]) -> str:
    """A row of ``whiskers`` in words."""
    return say("{city}, {what} {value}", city=row["city"], what=row["label"], value=row["said"])


def scale(
    rows: Iterable[Mapping[str, Any]],
    limits: tuple[float, float] = SHARE_SCALE,
    *,
    rules: Sequence[float] = (0,),
    room: float = 0.05,
) -> tuple[float, float]:
    """Where an axis starts and ends: around all whiskers, within ``limits``, ``rules`` included."""
    ends = [*rules]
    for row in rows:
        ends += [float(row[name]) for name in ("value", "low", "high", "before") if row.get(name) is not None]
    lowest, highest = max(min(ends), limits[0]), min(max(ends), limits[1])
    space = max(0.04 * (highest - lowest), room)
    return round(lowest - space, 4), round(highest + space, 4)


def edge(rows: Iterable[Mapping[str, Any]], domain: tuple[float, float], remark: str) -> str:
    """A sentence where something goes beyond the chart."""
    ends = [row[name] for row in rows for name in ("value", "low", "high") if row.get(name) is not None]
    if not any(end < domain[0] or end > domain[1] for end in ends):
        return remark
    beyond = say("Lines that reach the edge go on beyond it; the table has their ends.")
    return joined(" ", (one for one in (beyond, remark) if one))
