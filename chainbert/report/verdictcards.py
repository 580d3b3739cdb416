"""The verdict on each city as a card: the word, what it means, and what it had to survive."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chainbert.report.checks import minimum_words
from chainbert.report.language import joined, message, say, told
from chainbert.report.runfiles import RunFiles
from chainbert.report.tables import capital, number, percent, true_minus

MEANINGS = {
    "converging": message(
        "The gap falls by more than chance gives, and no check that could be made speaks against it."
    ),
    "diverging": message("The gap grows by more than chance gives, and no check that could be made speaks against it."),
    "no change": message("A change as large as the margin is ruled out. That the gap stays is itself a finding."),
    "underpowered": message(
        "The set is too small to tell. A change as large as the margin would often be missed, so this is "
        "no finding of “no change”."
    ),
    "not shown": message("No change is shown, and none is ruled out."),
}
SURVIVED = {
    True: message("Survived"),
    False: message("Failed"),
    None: message("Could not be checked"),
}


@dataclass(frozen=True, slots=True)
class Card:
    """One city's verdict."""

    city: str
    verdict: str
    meaning: str
    sentence: str
    lines: tuple[tuple[str, str], ...]
    """What, and what was found."""


def cards(files: RunFiles) -> list[Card]:
    """A card for every city that was compared."""
    sentences = files.convergence.get("sentences") or {}
    words = files.convergence.get("verdict") or {}
    return [
        Card(
            city=city,
            verdict=told(str(words.get(city) or "")),
            meaning=say(MEANINGS[word]) if (word := str(words.get(city))) in MEANINGS else "",
            sentence=told(true_minus(str(sentences.get(city) or ""))),
            lines=tuple(_lines(files, city)),
        )
        for city in {**sentences, **words}
    ]


def spaced(text: str) -> str:
    """``customer.state`` as words, the first letter a capital."""
    return capital(re.sub(r"(?<=[a-z])\.(?=[a-z])", " ", text))


def _lines(files: RunFiles, city: str) -> list[tuple[str, str]]:
    lines = list(_survived(files, city))
    power: Mapping[str, Any] = next((row for row in files.found("power") if row.get("city") == city), {})
    trend: Mapping[str, Any] = next((row for row in files.found("trends") if row.get("city") == city), {})
    at_margin = power.get("power_at_margin")
    if at_margin is None:
        at_margin = trend.get("power")
    if at_margin is not None:
        margin, share = trend.get("margin"), percent(at_margin)
        found = share
        if margin is not None:
            found = say("{power}, a change of {margin} a year", power=share, margin=number(margin))
        lines.append((say("Power at the margin"), found))
    if power:
        lines.append((say("Smallest change"), capital(minimum_words(power, files.reference))))
    elif (smallest := trend.get("minimum_detectable")) is not None:
        found = say("{change} a year in four of five such sets", change=number(smallest))
        lines.append((say("Smallest change"), found))
    if said := (files.convergence.get("agreement") or {}).get(city):
        lines.append((say("Vectors and labels"), spaced(told(str(said).removeprefix(f"{city}: ")))))
    return lines


def _survived(files: RunFiles, city: str) -> list[tuple[str, str]]:
    kinds: dict[bool | None, list[str]] = {kind: [] for kind in SURVIVED}
    for row in files.found("controls"):
        if row.get("city") == city:
            name, said = told(str(row.get("control"))), told(true_minus(str(row.get("said") or "")))
            kinds[row.get("passed")].append(say("{control} ({said})", control=name, said=said) if said else name)
    lines = [(say(SURVIVED[kind]), joined("; ", found)) for kind, found in kinds.items() if found]
    if lines and not files.significant(city):
        # Outcomes are left out: a control that a slope without a finding does not pass is no failure.
        said = joined("; ", (found for _, found in lines))
        words = say("No significant slope, so nothing had to survive. For the record: {controls}", controls=said)
        return [(say("Controls"), words)]
    return lines
