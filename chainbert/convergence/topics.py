"""The same question for every topic at once, with the false discoveries among many tests held down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from chainbert.convergence.gap import Floats
from chainbert.convergence.rows import sized
from chainbert.convergence.sharelines import worded
from chainbert.convergence.shares import SHARE_COLUMNS, SLOPE_COLUMNS, check_margin, differences, labelled_rows
from chainbert.convergence.tables import rounded, to_records
from chainbert.convergence.trend import holm
from chainbert.errors import DataError

TOPIC_SHARE_COLUMNS = ("topic", *SHARE_COLUMNS)
TOPIC_SLOPE_COLUMNS = (
    "topic",
    *(name for one in SLOPE_COLUMNS for name in ((one, "q") if one == "p_holm" else (one,))),
)


@dataclass(frozen=True, slots=True)
class TopicTrends:
    """Each topic's share in each city and period beside the reference's, and the slopes of their differences."""

    reference: str
    shares: pd.DataFrame
    """topic, then the columns of ShareTrends.shares; a topic's share is that of the firms that have any topic."""
    slopes: pd.DataFrame
    """topic, then the columns of ShareTrends.slopes, with p_holm and q (Benjamini–Hochberg) over all topics × cities;
    verdict and mover rest on q."""
    tests: int
    """Size of the family: topics × cities that could be estimated."""
    without_topic: int
    """Rows without a topic, not counted."""

    def to_json(self) -> dict[str, Any]:
        """Plain data: ``topic_trends``, ``topic_slopes``, tests and without_topic; NaN as None."""
        return {
            "topic_trends": to_records(self.shares),
            "topic_slopes": to_records(self.slopes),
            "tests": self.tests,
            "without_topic": self.without_topic,
        }


def bh(p_values: Floats) -> Floats:
    """Adjusted p-values q of Benjamini & Hochberg (1995), (k,) → (k,); NaN (not estimable) stays NaN, uncounted.

    Rejecting where q < a holds the expected share of false ones among the rejected at a or below, for independent and
    for positively dependent tests. Shares of topics sum to 1 and depend negatively on each other, ever more weakly
    the more topics there are.
    """
    values = np.asarray(p_values, dtype=np.float64)
    adjusted = np.full(len(values), np.nan)
    known = np.flatnonzero(~np.isnan(values))
    order = known[np.argsort(values[known], kind="stable")]
    steps = values[order] * len(known) / np.arange(1, len(known) + 1)
    adjusted[order] = np.minimum(1.0, np.minimum.accumulate(steps[::-1])[::-1])
    return adjusted


def measure_topic_trends(
    clusters: ArrayLike,
    city: ArrayLike,
    year: ArrayLike,
    *,
    reference: str,
    firm: ArrayLike | None = None,
    periods: Sequence[tuple[int, int]] | None = None,
    margin: float = 0.25,
) -> TopicTrends:
    """For each topic and city: its share against the reference's by period, and whether the difference changes.

    clusters (n,) the topic of each row, a number or a name; missing where a row has none (left out and counted). A
    cluster of noise is a topic like the others: leaving it out would make the other shares move when only the noise
    does. The rest as in measure_share_trends. One family of tests: all topics × cities.
    Raises DataError where no row has a topic, and as measure_share_trends does; ConfigError likewise.
    """
    array = np.asarray(clusters, dtype=object)
    column = pd.Series(sized(array, len(array), "clusters"), dtype=object)
    known = column.notna().to_numpy(dtype=bool)
    check_margin(margin)
    # Names are compared as texts; numbers keep their order (2 before 10).
    topics = sorted({_topic(one) for one in column[known]}, key=_place)
    if not topics:
        raise DataError(f"none of the {len(array)} rows has a topic; give each row its cluster, noise too")
    codes = {topic: float(code) for code, topic in enumerate(topics)}
    values = np.array([codes[_topic(one)] if there else np.nan for one, there in zip(column, known, strict=True)])
    rows = labelled_rows(values, len(array), city, year, reference, firm, periods)
    shares: list[dict[str, Any]] = []
    lines: list[dict[str, Any]] = []
    for topic, code in codes.items():
        found = differences(rows, (rows.values == code).astype(np.float64), margin)
        for records, collected in zip(found, (shares, lines), strict=True):
            collected += [{"topic": topic, **record} for record in records]
    p_values = np.array([record["p"] for record in lines], dtype=np.float64)
    slopes = [
        worded(record, float(q), record["city"], reference) | {"p_holm": float(p), "q": float(q)}
        for record, p, q in zip(lines, holm(p_values), bh(p_values), strict=True)
    ]
    return TopicTrends(
        reference=reference,
        shares=rounded(shares, TOPIC_SHARE_COLUMNS),
        slopes=rounded(slopes, TOPIC_SLOPE_COLUMNS),
        tests=int((~np.isnan(p_values)).sum()),
        without_topic=rows.unlabelled,
    )


def _topic(value: object) -> str:
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)


def _place(topic: str) -> tuple[int, float, str]:
    try:
        return 0, float(topic), topic
    except ValueError:
        return 1, 0.0, topic
