"""Clusters by city: which companies stand together, by their terms and the companies at their heart."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from chainbert.report.clusterchecks import stabilities, unstable
from chainbert.report.language import message, say
from chainbert.report.palette import Cities
from chainbert.report.runfiles import RunFiles, records
from chainbert.report.tables import percent

TERMS_SHOWN = 8
NOISE_WORDS = message("texts like no others, in no cluster")


@dataclass(frozen=True, slots=True)
class ClusterLine:
    """One cluster in the page: its share of each city's companies, in words and as a tint of 0 to 100."""

    name: str
    terms: str
    medoids: str
    size: int
    shares: tuple[str, ...]
    tints: tuple[int, ...]
    stability: str = ""
    """Whether the cluster comes back in other draws; "" where that was not asked."""
    unstable: bool = False
    """True where it was asked and the cluster does not."""
    noise: bool = False
    """True for the companies in no cluster."""


def cluster_lines(files: RunFiles, cities: Cities) -> list[ClusterLine]:
    """Clusters by number, noise last; [] where the run has none."""
    shares = {(row["cluster"], row["city"]): row["share"] for row in records(_overall(files.cluster_shares))}
    terms: dict[float, list[str]] = {}
    for row in records(files.terms.sort_values("rank")):
        terms.setdefault(row["cluster"], []).append(row["term"])
    found = sorted(records(files.cluster_sizes.dropna(subset=["cluster"])), key=_place)
    stable, weak = stabilities(files), unstable(files)
    lines = [_line(row, terms.get(row["cluster"], []), shares, cities) for row in found]
    return [
        line
        if line.noise
        else replace(line, stability=stable.get(int(row["cluster"]), ""), unstable=int(row["cluster"]) in weak)
        for line, row in zip(lines, found, strict=True)
    ]


def _overall(shares: pd.DataFrame) -> pd.DataFrame:
    return shares[shares["period"].isin(["all", ""])]


def _place(row: dict[str, Any]) -> tuple[bool, float]:
    return row["cluster"] < 0, row["cluster"]


def _line(row: dict[str, Any], terms: list[str], shares: dict[tuple[Any, Any], float], cities: Cities) -> ClusterLine:
    noise = row["cluster"] < 0
    # A city with no company in the cluster may have no row.
    values = [shares.get((row["cluster"], city), 0.0) for city in cities.names]
    values = [0.0 if pd.isna(value) else float(value) for value in values]
    return ClusterLine(
        name=say("noise") if noise else f"{row['cluster']:.0f}",
        terms=say(NOISE_WORDS) if noise else " · ".join(terms[:TERMS_SHOWN]) or _text(row["name"]),
        medoids="" if noise else _text(row["medoids"]),
        size=0 if pd.isna(row["size"]) else int(row["size"]),
        shares=tuple(map(percent, values)),
        tints=tuple(round(100 * value) for value in values),
        noise=noise,
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
