"""The verdict on each city as a card: the word, what it means, and what it had to survive."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chainbert.report.checks import minimum_words
from chainbert.report.runfiles import RunFiles
from chainbert.report.tables import number, percent, true_minus

MEANINGS = {
    "converging": "The gap falls by more than chance gives, and no check that could be made speaks against it.",
    "diverging": "The gap grows by more than chance gives, and no check that could be made speaks against it.",
    "no change": "A change as large as the margin is ruled out. That the gap stays is itself a finding.",
    "underpowered": "The set is too small to tell. A change as large as the margin would often be missed, so this is "
    "no finding of “no change”.",
    "not shown": "No change is shown, and none is ruled out.",
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
            verdict=str(words.get(city) or ""),
            meaning=MEANINGS.get(str(words.get(city)), ""),
            sentence=true_minus(str(sentences.get(city) or "")),
            lines=tuple(_lines(files, city)),
        )
        for city in {**sentences, **words}
    ]


def spaced(text: str) -> str:
    """``customer.state`` as words, the first letter a capital."""
    words = re.sub(r"(?<=[a-z])\.(?=[a-z])", " ", text)
    return words[:1].upper() + words[1:]


def _lines(files: RunFiles, city: str) -> list[tuple[str, str]]:
    lines = list(_survived(files, city))
    power: Mapping[str, Any] = next((row for row in files.found("power") if row.get("city") == city), {})
    trend: Mapping[str, Any] = next((row for row in files.found("trends") if row.get("city") == city), {})
    at_margin = power.get("power_at_margin")
    if at_margin is None:
        at_margin = trend.get("power")
    if at_margin is not None:
        margin = trend.get("margin")
        change = "" if margin is None else f", a change of {number(margin)} a year"
        lines.append(("Power at the margin", f"{percent(at_margin)}{change}"))
    if power:
        found = minimum_words(power, files.reference)
        lines.append(("Smallest change", found[:1].upper() + found[1:]))
    elif trend.get("minimum_detectable") is not None:
        lines.append(("Smallest change", f"{number(trend['minimum_detectable'])} a year in four of five such sets"))
    if said := (files.convergence.get("agreement") or {}).get(city):
        lines.append(("Vectors and labels", spaced(str(said).removeprefix(f"{city}: "))))
    return lines


def _survived(files: RunFiles, city: str) -> list[tuple[str, str]]:
    kinds: dict[str, list[str]] = {"Survived": [], "Failed": [], "Could not be checked": []}
    names = {True: "Survived", False: "Failed", None: "Could not be checked"}
    for row in files.found("controls"):
        if row.get("city") == city:
            said = true_minus(str(row.get("said") or ""))
            kinds[names[row.get("passed")]].append(
                f"{row.get('control')} ({said})" if said else str(row.get("control"))
            )
    lines = [(kind, "; ".join(found)) for kind, found in kinds.items() if found]
    if lines and not files.significant(city):
        # Outcomes are left out: a control that a slope without a finding does not pass is no failure.
        said = "; ".join(found for _, found in lines)
        return [("Controls", f"No significant slope, so nothing had to survive. For the record: {said}")]
    return lines
