"""One row of the page's company table for each usable company and year: its labels and its marked text."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from chainbert.report.excerpts import Piece, Span, evidence_only, excerpt
from chainbert.report.language import say
from chainbert.report.palette import Cities
from chainbert.report.runfiles import RunFiles, records
from chainbert.report.tables import plain

# Characters of text a row may carry, so that a page of 2,000 companies stays within 3 MB and one of 10,000 within 5.
ROW_LIMIT = 600
PAGE_LIMIT = 800_000
EVIDENCE_LIMIT = 200
NAME_LIMIT = 200
# Up to so many rows carry the text around their evidence, up to so many the evidence; above that the labels alone.
AROUND_UP_TO = 2_000
EVIDENCE_UP_TO = 20_000
_CHINESE = re.compile(r"[㐀-鿿]")

Shown = Callable[[str, list[Span], int], list[Piece]]


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
        founded = [say("founded {year}", year=self.founded)] if self.founded else []
        return founded + ([say("seen {year}", year=self.observed)] if self.observed else [])

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
    """Characters of text each of ``rows`` rows may carry: 400 to 600 around the evidence, then 200 of it, then 0."""
    if rows > AROUND_UP_TO:
        return EVIDENCE_LIMIT if rows <= EVIDENCE_UP_TO else 0
    return min(ROW_LIMIT, PAGE_LIMIT // max(rows, 1))


def company_rows(files: RunFiles, cities: Cities) -> list[CompanyRow]:
    """Usable companies by city, name and year, numbered from 0."""
    axes = axes_of(files.labels)
    labels = {row["key"]: row for row in records(files.labels)}
    clusters = dict(zip(files.clusters["key"], files.clusters["cluster"], strict=True))
    usable = files.usable
    table = usable.assign(
        _city=usable["city"].map(cities.order), _name=usable["name"].str.casefold(), _year=usable["observed"].fillna(0)
    ).sort_values(["_city", "_name", "_year"], kind="stable")
    limit, shown = row_limit(len(table)), excerpt if len(table) <= AROUND_UP_TO else evidence_only
    rows = []
    for place, company in enumerate(records(table)):
        label = labels.get(company["key"], {})
        cluster = clusters.get(company["key"])
        name, text = _marked(company, label, axes, limit, shown)
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
    company: dict[str, Any], label: dict[str, Any], axes: list[Axis], limit: int, shown: Shown
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
                elsewhere += [Piece(" "), *excerpt(evidence, [Span(0, len(evidence), (words,))], limit)]
    marked = [Piece(piece.text, tuple(in_name)) for piece in excerpt(name, [], NAME_LIMIT)]
    return marked, [*shown(text, spans, limit), *elsewhere] if limit else []


def _offset(value: object) -> int:
    return -1 if value is None or pd.isna(value) else int(value)  # type: ignore[call-overload]


def _status(label: dict[str, Any], axis: Axis) -> str:
    status = str(label.get(f"{axis.id}.status") or "")
    return "" if status == "labelled" else status


def _year(value: object) -> str:
    return "" if value is None or pd.isna(value) else str(int(value))  # type: ignore[call-overload]
