"""Vectors and labels in one table: do they say the same of a city."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from chainbert.convergence.convergence import Convergence
from chainbert.convergence.shares import ShareTrends, check_margin
from chainbert.convergence.tables import rounded, to_records
from chainbert.errors import DataError

NAN = float("nan")
VECTORS = "vectors"
MOST_NAMED = 3
FINDINGS = ("converging", "diverging", "no change")
COLUMNS = (
    *("city", "measure", "closed", "low", "high", "p_holm", "p_equivalent", "verdict", "mover"),
    *("agreement", "status"),
)


@dataclass(frozen=True, slots=True)
class SideBySide:
    """What the vectors and each label say of each city."""

    reference: str
    table: pd.DataFrame
    """One row a city and measure ("vectors" first): city, measure, closed (share of the first period's difference that
    the fitted line closes over the window; < 0: it opens) with low, high; p_holm over the cities of its measure,
    p_equivalent, verdict, mover; agreement with the vectors' verdict (agrees | contradicts | silent where either is no
    finding; empty for the vectors themselves); status."""
    sentences: dict[str, str]
    """By city: whether vectors and labels agree."""

    def to_json(self) -> dict[str, Any]:
        """Plain data: ``side_by_side`` (records) and ``sentences``."""
        return {"side_by_side": to_records(self.table), "sentences": dict(self.sentences)}


def side_by_side(convergence: Convergence, labels: Mapping[str, ShareTrends], *, margin: float = 0.25) -> SideBySide:
    """One table of the vectors' trends and those of the labels' shares, and a sentence a city.

    labels: a name such as ``customer.state`` → its trends against the same reference. margin: what both were measured
    with. Slopes are brought to one scale by their margins, the slopes that would close ``margin`` of the first
    difference: closed = −margin · slope / margin slope. Its interval is the slope's on that scale (the first
    difference taken as it is), so that it leaves out 0 exactly where the slope's does. A gap of vectors is a squared
    distance: half the way is three quarters of the gap, so figures of vectors and labels agree in sign and order,
    not in size. A share's difference closes where it nears 0 in the middle of the window, as in its verdict. NaN where
    the first difference is 0 (for vectors: or less).
    Raises DataError for labels measured against another reference, ConfigError for a margin outside its range.
    """
    check_margin(margin)
    for name, found in labels.items():
        if found.reference != convergence.reference:
            raise DataError(
                f"the trends of '{name}' are measured against {found.reference}, the vectors against "
                f"{convergence.reference}; measure both against one city"
            )
    movers = dict(zip(convergence.direction["city"], convergence.direction["mover"], strict=True))
    records, sentences = [], {}
    for _, line in convergence.trends.iterrows():
        city = str(line["city"])
        rows = [_row(line, VECTORS, convergence.verdict[city], movers[city], margin, -1.0)]
        for name, found in labels.items():
            for _, own in found.slopes[found.slopes["city"] == city].iterrows():
                towards = -float(np.sign(own["middle"]))
                row = _row(own, name, str(own["verdict"]), str(own["mover"]), margin, towards)
                rows.append(row | {"agreement": _agreement(rows[0]["verdict"], row["verdict"])})
        records += rows
        sentences[city] = _sentence(city, rows)
    return SideBySide(convergence.reference, rounded(records, COLUMNS), sentences)


def _row(line: pd.Series[Any], measure: str, verdict: str, mover: str, margin: float, towards: float) -> dict[str, Any]:
    """towards: the sign of a slope that closes the difference."""
    bound = float(line["margin"])
    scale = margin / bound * towards if bound > 0 else NAN
    ends = sorted((float(line["low"]) * scale, float(line["high"]) * scale))
    return {
        "city": str(line["city"]),
        "measure": measure,
        "closed": float(line["slope"]) * scale,
        "low": ends[0],
        "high": ends[1],
        "p_holm": float(line["p_holm"]),
        "p_equivalent": float(line["p_equivalent"]),
        "verdict": verdict,
        "mover": mover,
        "agreement": "",
        "status": str(line["status"]),
    }


def _agreement(vectors: str, label: str) -> str:
    """A missing finding is no disagreement: "underpowered" contradicts nothing."""
    if vectors not in FINDINGS or label not in FINDINGS:
        return "silent"
    return "agrees" if vectors == label else "contradicts"


def _sentence(city: str, rows: list[dict[str, Any]]) -> str:
    vectors, others = rows[0]["verdict"], rows[1:]
    if not others:
        return f"{city}: the vectors say {vectors}; no label was measured."
    said: dict[str, list[str]] = {}
    for row in others:
        said.setdefault(row["verdict"], []).append(row["measure"])
    if set(said) == {vectors}:
        count = "both the vectors and the" if len(others) == 1 else "the vectors and all"
        return f"{city}: {count} {_shares([row['measure'] for row in others])} say {vectors}."
    parts = [
        f"{'the ' if len(names) <= MOST_NAMED else ''}{_shares(names)} {'says' if len(names) == 1 else 'say'} {word}"
        for word, names in said.items()
    ]
    text = f"{city}: the vectors say {vectors}, {', '.join(parts)}"
    kinds = {row["agreement"] for row in others}
    if "contradicts" in kinds:
        return f"{text}: they contradict each other."
    return f"{text}: no contradiction, as not every measure has a finding."


def _shares(names: list[str]) -> str:
    """Up to three by name, more by number: the table has their names."""
    if len(names) == 1:
        return f"{names[0]} share"
    if len(names) > MOST_NAMED:
        return f"{len(names)} label shares"
    return f"{', '.join(names[:-1])} and {names[-1]} shares"
