"""What the page says in words: verdicts, key numbers, what was left out, and how it was made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from chainbert.report import tables
from chainbert.report.companyrows import axes_of
from chainbert.report.exhibits import midpoint
from chainbert.report.language import counted, joined, message, say, told
from chainbert.report.palette import Cities
from chainbert.report.runfiles import NO_CITY, RunFiles, records
from chainbert.report.tables import Table, plain

IDS_SHOWN = 200
CITIES_SHOWN = 12
LANGUAGES = {"zh": message("Chinese"), "en": message("English"), "other": message("other")}
STATUSES = {
    "abstained": message("too close to call (abstained); counted with the likelier value"),
    "not transferable": message(
        "unlike the texts that probabilities were calibrated on; counted with the likelier value"
    ),
}
EVERYWHERE = message("All steps")


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
    languages = _counts(usable["language"].value_counts())
    named = [f"{city} {firms[city]:,}" for city in cities.names[:CITIES_SHOWN]]
    more = [say("{n} more", n=len(cities.names) - CITIES_SHOWN)] if len(cities.names) > CITIES_SHOWN else []
    used = say(
        "{texts} of {rows} used",
        texts=counted(len(usable), "{n:,} text", "{n:,} texts"),
        rows=counted(len(files.companies), "{n:,} row", "{n:,} rows"),
    )
    spoken_in = joined(", ", (f"{_language(one)} {n:,}" for one, n in languages.items()))
    numbers = [
        (say("Companies"), f"{usable['id'].nunique():,}", used),
        (say("Cities"), f"{len(cities.names)}", joined(", ", named + more)),
        (say("Languages"), f"{len(languages)}", spoken_in),
    ]
    founded, observed = _years(usable["founded"]), _years(usable["observed"])
    if founded:
        unknown = len(usable) - len(founded)
        known = say("{n:,} without a year", n=unknown) if unknown else say("year known for all")
        numbers.append((say("Founded"), _span(founded), known))
    if observed:
        counts = [say("{year}: {n:,}", year=year, n=observed.count(year)) for year in sorted(set(observed))]
        numbers.append((say("Observed"), _span(observed), joined(", ", counts)))
    return numbers


def _language(code: str) -> str:
    return say(LANGUAGES[code]) if code in LANGUAGES else code


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
    found: list[tuple[str, LeftOut]] = []

    def add(step: str, reason: str, n: object, ids: tuple[str, ...] = (), **values: object) -> None:
        # Sorted by their English, so that both pages have one order.
        if n:
            found.append((step.format_map(values), LeftOut(say(step, **values), reason, int(str(n)), ids)))

    unusable = files.companies[files.companies["status"] != ""]
    reasons = set()
    for reason, rows in unusable.groupby("status"):
        ids = [row["id"] or row["name"] or say("row {number}", number=row["index"] + 1) for row in _numbered(rows)]
        add(EVERYWHERE, told(str(reason)), len(rows), tuple(map(str, ids)))
        reasons.add(str(reason))
    for reason, n in (facts.get("exclusions") or {}).items():
        if reason not in reasons:
            add(EVERYWHERE, told(str(reason)), n)
    add(message("Reading"), say("the same row twice; merged into one"), facts.get("duplicates"))
    later = {
        **(files.convergence.get("left_out") or {}),
        "in none of the study's periods": files.convergence.get("outside"),
        "the firm has a later text in the same period": files.convergence.get("replaced"),
    }
    for reason, n in later.items():
        add(message("Comparison over time"), told(str(reason)), n)
    for axis in axes_of(files.labels):
        for status, n in _counts(files.labels[f"{axis.id}.status"].value_counts()).items():
            if status not in ("labelled", "unusable", ""):
                known = say(STATUSES[status]) if status in STATUSES else told(status)
                add(message("Labels: {axis}"), known, n, axis=plain(axis.id))
    ordered = sorted(found, key=lambda one: (one[0] != EVERYWHERE, one[0], -one[1].n))
    return [one for _, one in ordered]


def _numbered(rows: pd.DataFrame) -> list[dict[str, Any]]:
    return records(rows.reset_index())


def methods(files: RunFiles, facts: dict[str, Any]) -> list[tuple[str, str]]:
    """(what, value) of everything a referee needs to repeat the run."""
    found = files.convergence
    inputs = [
        say(
            "{file}, {rows} rows, sha256 {hash}…",
            file=Path(str(one.get("path", ""))).name,
            rows=one.get("rows", "–"),
            hash=str(one.get("sha256", ""))[:16],
        )
        for one in facts.get("inputs") or []
    ]
    both = found.get("rows") is not None and found.get("firms") is not None
    compared = say("{rows} rows of {firms} firms", rows=found["rows"], firms=found["firms"]) if both else None
    stated = [
        (say("Input"), joined("; ", inputs)),
        (say("Notes on reading"), facts.get("notes")),
        (say("Encoder"), facts.get("encoder")),
        (say("Codebook"), facts.get("codebook")),
        (say("Labeller"), facts.get("labeller")),
        (say("Notes on the labels"), facts.get("labelling_notes")),
        (say("Notes on the words"), facts.get("word_notes")),
        (say("Texts cut at the encoder's limit"), facts.get("truncated")),
        (say("Reference city"), files.reference),
        (say("Time"), say("year {time}", time=told(str(found["time"]))) if found.get("time") else None),
        (say("Permutations"), found.get("draws")),
        (say("Compared"), compared),
        (say("Seed"), facts.get("seed", found.get("seed"))),
        (say("Packages"), facts.get("packages") or facts.get("versions")),
    ]
    return [(what, _words(value)) for what, value in stated if value not in (None, "", {}, [])]


def _words(value: object) -> str:
    if isinstance(value, dict):
        return joined(", ", (f"{told(str(key))} {_words(one)}" for key, one in value.items()))
    if isinstance(value, list | tuple):
        return joined(", ", map(_words, value))
    return told(str(value))
