"""What the page says in words: verdicts, key numbers, what was left out, and how it was made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from chainbert.report import tables
from chainbert.report.companyrows import axes_of
from chainbert.report.exhibits import midpoint
from chainbert.report.palette import Cities
from chainbert.report.runfiles import NO_CITY, RunFiles, records
from chainbert.report.tables import Table, count, plain

IDS_SHOWN = 200
CITIES_SHOWN = 12
LANGUAGES = {"zh": "Chinese", "en": "English", "other": "other"}
STATUSES = {
    "abstained": "too close to call (abstained); counted with the likelier value",
    "not transferable": "unlike the texts that probabilities were calibrated on; counted with the likelier value",
}


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Rows that a step could not use, with the reason; ``ids`` where the row is in the company table."""

    step: str
    reason: str
    n: int
    ids: tuple[str, ...] = ()


def city_order(files: RunFiles) -> list[str]:
    """The reference city, then the others by number of firms; companies without a city last."""
    firms = _counts(files.usable.groupby("city")["id"].nunique())
    return sorted(firms, key=lambda city: (city != files.reference, city == NO_CITY, -firms[city], city))


def key_numbers(files: RunFiles, cities: Cities) -> list[tuple[str, str, str]]:
    """(what, how much, a word on it)."""
    usable = files.usable
    firms = _counts(usable.groupby("city")["id"].nunique())
    languages = {LANGUAGES.get(one, one): n for one, n in _counts(usable["language"].value_counts()).items()}
    named = [f"{city} {firms[city]:,}" for city in cities.names[:CITIES_SHOWN]]
    more = [f"{len(cities.names) - CITIES_SHOWN} more"] if len(cities.names) > CITIES_SHOWN else []
    used = f"{count(len(usable), 'text', 'texts')} of {count(len(files.companies), 'row', 'rows')} used"
    numbers = [
        ("Companies", f"{usable['id'].nunique():,}", used),
        ("Cities", f"{len(cities.names)}", ", ".join(named + more)),
        (
            "Languages",
            f"{len(languages)}",
            ", ".join(f"{LANGUAGES.get(one, one)} {languages[one]:,}" for one in languages),
        ),
    ]
    founded, observed = _years(usable["founded"]), _years(usable["observed"])
    if founded:
        unknown = len(usable) - len(founded)
        numbers.append(("Founded", _span(founded), f"{unknown:,} without a year" if unknown else "year known for all"))
    if observed:
        counts = ", ".join(f"{year}: {observed.count(year):,}" for year in sorted(set(observed)))
        numbers.append(("Observed", _span(observed), counts))
    return numbers


def _counts(counted: pd.Series[Any]) -> dict[str, int]:
    return {str(name): int(n) for name, n in counted.items()}


def _years(column: pd.Series[Any]) -> list[int]:
    return [int(year) for year in column.dropna()]


def _span(years: list[int]) -> str:
    first, last = min(years), max(years)
    return str(first) if first == last else f"{first}–{last}"


def label_trends(files: RunFiles) -> Table | None:
    """How each label's share moved against the reference; None where it was not measured."""
    trends, slopes = files.found("label_trends"), files.found("label_slopes")
    periods = sorted({str(row["year"]) for row in trends}, key=midpoint)
    return tables.label_trend_table(trends, slopes, periods) if trends or slopes else None


def trends(files: RunFiles) -> Table | None:
    """Slope of each city's gap with its tests; None where no city was compared."""
    found = files.found("trends")
    return tables.trend_table(found, files.convergence.get("verdict") or {}) if found else None


def left_out(files: RunFiles, facts: dict[str, Any]) -> list[LeftOut]:
    """Everything the run could not use, most frequent first within its step."""
    unusable = files.companies[files.companies["status"] != ""]
    found = []
    for reason, rows in unusable.groupby("status"):
        ids = [row["id"] or row["name"] or f"row {row['index'] + 1}" for row in records(rows.reset_index())]
        found.append(LeftOut("All steps", str(reason), len(rows), tuple(map(str, ids))))
    named = {one.reason for one in found}
    stated = facts.get("exclusions") or {}
    found += [LeftOut("All steps", str(reason), int(n)) for reason, n in stated.items() if n and reason not in named]
    if merged := facts.get("duplicates"):
        found.append(LeftOut("Reading", "the same row twice; merged into one", int(merged)))
    later = {
        **(files.convergence.get("left_out") or {}),
        "in none of the study's periods": files.convergence.get("outside"),
        "the firm has a later text in the same period": files.convergence.get("replaced"),
    }
    found += [LeftOut("Comparison over time", str(reason), int(n)) for reason, n in later.items() if n]
    for axis in axes_of(files.labels):
        statuses = _counts(files.labels[f"{axis.id}.status"].value_counts())
        for status, n in statuses.items():
            if status not in ("labelled", "unusable", ""):
                found.append(LeftOut(f"Labels: {plain(axis.id)}", STATUSES.get(status, str(status)), int(n)))
    return sorted(found, key=lambda one: (one.step != "All steps", one.step, -one.n))


def methods(files: RunFiles, facts: dict[str, Any]) -> list[tuple[str, str]]:
    """(what, value) of everything a referee needs to repeat the run."""
    found = files.convergence
    inputs = [
        f"{Path(str(one.get('path', ''))).name}, {one.get('rows', '–')} rows, sha256 {str(one.get('sha256', ''))[:16]}…"
        for one in facts.get("inputs") or []
    ]
    both = found.get("rows") is not None and found.get("firms") is not None
    stated = [
        ("Input", "; ".join(inputs)),
        ("Notes on reading", facts.get("notes")),
        ("Encoder", facts.get("encoder")),
        ("Codebook", facts.get("codebook")),
        ("Labeller", facts.get("labeller")),
        ("Notes on the labels", facts.get("labelling_notes")),
        ("Texts cut at the encoder's limit", facts.get("truncated")),
        ("Reference city", files.reference),
        ("Time", f"year {found['time']}" if found.get("time") else None),
        ("Permutations", found.get("draws")),
        ("Compared", f"{found['rows']} rows of {found['firms']} firms" if both else None),
        ("Seed", facts.get("seed", found.get("seed"))),
        ("Packages", facts.get("packages") or facts.get("versions")),
    ]
    return [(what, _words(value)) for what, value in stated if value not in (None, "", {}, [])]


def _words(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_words(one)}" for key, one in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_words, value))
    return str(value)
