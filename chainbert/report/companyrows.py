"""One row of the page's company table for each usable company and year: its labels and its marked text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pandas as pd

from chainbert.report.excerpts import Piece, Span, excerpt
from chainbert.report.palette import Cities
from chainbert.report.runfiles import RunFiles, records
from chainbert.report.tables import plain

# Characters of text a row may carry, so that a page of 2,000 companies stays near 3 MB.
ROW_LIMIT = 600
PAGE_LIMIT = 400_000
_CHINESE = re.compile(r"[㐀-鿿]")


@dataclass(frozen=True, slots=True)
class Axis:
    """A codebook axis as the label table's columns show it."""

    id: str
    indicators: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CompanyRow:
    """What the page says of one company and year; years and cluster are "" where unknown."""

    key: str
    number: int
    name: list[Piece]
    name_language: str
    city: str
    founded: str
    observed: str
    labels: list[tuple[str, str, str]]
    """(axis, value, status): the status is "" where the axis is plainly labelled."""
    cluster: str
    text: list[Piece]
    language: str

    @property
    def years(self) -> list[str]:
        """What is known of its years, in words."""
        known = (("founded", self.founded), ("seen", self.observed))
        return [f"{what} {year}" for what, year in known if year]

    @property
    def plain_name(self) -> str:
        """The name without its marks."""
        return "".join(piece.text for piece in self.name)


def axes_of(labels: pd.DataFrame) -> list[Axis]:
    """The axes of a label table, in its column order."""
    names = [column.removesuffix(".status") for column in labels.columns if column.endswith(".status")]
    evidence = [column.removesuffix(".evidence") for column in labels.columns if column.endswith(".evidence")]
    return [Axis(axis, tuple(one.split(".", 1)[1] for one in evidence if one.startswith(f"{axis}."))) for axis in names]


def row_limit(rows: int) -> int:
    """Characters of text each of ``rows`` rows may carry, 120 to 600."""
    return max(120, min(ROW_LIMIT, PAGE_LIMIT // max(rows, 1)))


def company_rows(files: RunFiles, cities: Cities) -> list[CompanyRow]:
    """Usable companies by city, name and year, numbered from 0."""
    axes = axes_of(files.labels)
    labels = {row["key"]: row for row in records(files.labels)}
    clusters = dict(zip(files.clusters["key"], files.clusters["cluster"], strict=True))
    usable = files.usable
    table = usable.assign(
        _city=usable["city"].map(cities.order), _name=usable["name"].str.casefold(), _year=usable["observed"].fillna(0)
    ).sort_values(["_city", "_name", "_year"], kind="stable")
    limit = row_limit(len(table))
    rows = []
    for place, company in enumerate(records(table)):
        label = labels.get(company["key"], {})
        cluster = clusters.get(company["key"])
        name, text = _marked(company, label, axes, limit)
        language = str(company["language"])
        rows.append(
            CompanyRow(
                key=company["key"],
                number=place,
                name=name,
                name_language="zh" if _CHINESE.search(str(company["name"])) else "en",
                city=str(company["city"]),
                founded=_year(company["founded"]),
                observed=_year(company["observed"]),
                labels=[(plain(axis.id), plain(str(label[axis.id])), _status(label, axis)) for axis in axes if label],
                cluster="" if cluster is None or pd.isna(cluster) else "noise" if cluster < 0 else str(int(cluster)),
                text=text,
                language=language if language in ("zh", "en") else "",
            )
        )
    return rows


def _marked(
    company: dict[str, Any], label: dict[str, Any], axes: list[Axis], limit: int
) -> tuple[list[Piece], list[Piece]]:
    """Name and text with their evidence; evidence that is in neither stands after the text."""
    name, text = str(company["name"] or company["id"]), str(company["text"])
    in_name: list[str] = []
    spans: list[Span] = []
    elsewhere: list[Piece] = []
    for axis in axes:
        for indicator in axis.indicators:
            column = f"{axis.id}.{indicator}"
            evidence = str(label.get(f"{column}.evidence") or "")
            if not evidence:
                continue
            words = plain(indicator)
            start, end = _offset(label.get(f"{column}.start")), _offset(label.get(f"{column}.end"))
            if 0 <= start < end <= len(text):
                spans.append(Span(start, end, (words,)))
            elif evidence.strip() in name:
                in_name.append(words)
            else:
                elsewhere.append(Piece(" " + evidence[:limit], (words,)))
    marked = [Piece(piece.text, tuple(in_name)) for piece in excerpt(name, [], 200)]
    return marked, [*excerpt(text, spans, limit), *elsewhere]


def _offset(value: object) -> int:
    return -1 if value is None or pd.isna(value) else int(value)  # type: ignore[call-overload]


def _status(label: dict[str, Any], axis: Axis) -> str:
    status = str(label.get(f"{axis.id}.status") or "")
    return "" if status == "labelled" else status


def _year(value: object) -> str:
    return "" if value is None or pd.isna(value) else str(int(value))  # type: ignore[call-overload]
