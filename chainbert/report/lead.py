"""The finding first: the verdict on all cities in a headline and one paragraph with its numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chainbert.report.language import joined, say
from chainbert.report.palette import Cities
from chainbert.report.runfiles import RunFiles
from chainbert.report.tables import equals, interval, number, percent

Record = Mapping[str, Any]
# Cities whose numbers stand in the paragraph; the cards have all.
TOLD = 4
# Cities that a list names.
NAMED = 6


@dataclass(frozen=True, slots=True)
class Lead:
    """What a reader who reads nothing else takes away."""

    headline: tuple[str, ...]
    """A sentence for each verdict that was given, findings first."""
    paragraph: str


def lead(files: RunFiles, cities: Cities) -> Lead | None:
    """None where no city could be compared."""
    verdict = {str(city): str(word) for city, word in (files.convergence.get("verdict") or {}).items()}
    compared = [city for city in cities.names if city in verdict] + [one for one in verdict if one not in cities.names]
    if not compared:
        return None
    headline = [
        sentence
        for word in ("converging", "diverging", "no change", "underpowered", "not shown")
        if (sentence := _headline(word, [city for city in compared if verdict[city] == word], files.reference))
    ]
    told = compared[:TOLD]
    parts = [*(_numbers(files, city) for city in told), *_together(files, told, verdict)]
    if len(compared) > TOLD:
        parts.append(say("The numbers of the other compared cities ({n}) stand below.", n=len(compared) - TOLD))
    return Lead(tuple(headline), joined(" ", [*parts, _measure(files)]))


def listed(names: Sequence[str]) -> str:
    """``A``, ``A and B``, ``A, B and C``; of many, the first and how many more."""
    shown = list(names[:NAMED])
    if len(names) > NAMED:
        return say("{names} and {n} more", names=joined(", ", shown), n=len(names) - NAMED)
    if len(shown) < 2:
        return "".join(shown)
    return joined(" and ", [joined(", ", shown[:-1]), shown[-1]])


def _headline(word: str, cities: Sequence[str], reference: str) -> str:
    if not cities:
        return ""
    names = listed(cities)
    match word:
        case "converging":
            return say("The gap between {cities} and {reference} narrows.", cities=names, reference=reference)
        case "diverging":
            return say("The gap between {cities} and {reference} widens.", cities=names, reference=reference)
        case "no change":
            return say("The gap between {cities} and {reference} stays as it was.", cities=names, reference=reference)
        case "underpowered":
            return say(
                "This set is too small to tell whether {cities} moved toward {reference}.",
                cities=names,
                reference=reference,
            )
    return say("Whether {cities} moved toward {reference} is not shown either way.", cities=names, reference=reference)


def _numbers(files: RunFiles, city: str) -> str:
    """What was measured of one city."""
    trend = _row(files, "trends", city)
    gaps = [row for row in files.found("gaps") if row.get("city") == city and row.get("gap") is not None]
    if not gaps or trend.get("slope") is None:
        return say("{city}: too few periods could be measured for a trend.", city=city)
    gaps.sort(key=lambda row: float(row.get("midpoint") or 0))
    return say(
        "{city}: the gap went from {first} in {start} to {last} in {end}, {slope} a year (95 % interval {interval}; "
        "p {p}).",
        city=city,
        first=number(gaps[0]["gap"], 2),
        start=gaps[0]["year"],
        last=number(gaps[-1]["gap"], 2),
        end=gaps[-1]["year"],
        slope=number(trend["slope"]),
        interval=interval(trend.get("low"), trend.get("high")),
        p=equals(trend.get("p_holm")),
    )


def _together(files: RunFiles, cities: Sequence[str], verdict: Mapping[str, str]) -> Iterator[str]:
    """What follows from the numbers and what they survive, of all cities in one sentence each."""
    power = {city: _power(files, city) for city in cities if verdict[city] == "underpowered"}
    if told := _each({city: percent(share) for city, share in power.items() if share is not None}):
        yield say("A change large enough to matter would be found in only {shares} of such studies.", shares=told)
    ruled = {city: _row(files, "trends", city) for city in cities if verdict[city] == "no change"}
    if told := _each({city: number(row.get("margin")) for city, row in ruled.items()}):
        yield say("A change large enough to matter is ruled out: {margins} a year.", margins=told)
    asked = {city: _asked(files, city) for city in cities if files.significant(city)}
    survived = {city: say("{n} of {all}", n=sum(passed), all=len(passed)) for city, passed in asked.items() if passed}
    if told := _each(survived):
        yield say("Of the checks that could be made, the change survives {shares}.", shares=told)
    curves = {city: _row(files, "summary", city) for city in cities}
    agree = {city: row for city, row in curves.items() if row.get("estimable") and row.get("agree") is not None}
    if told := _each({city: percent(row["agree"]) for city, row in agree.items()}):
        most = max(int(row["estimable"]) for row in agree.values())
        yield say("Of {n} ways to make the analysis, {shares} point the same way.", n=most, shares=told)


def _each(found: Mapping[str, str]) -> str:
    """``12 % (Shanghai) and 30 % (Shenzhen)``; a value alone where it is the only one."""
    if len(found) < 2:
        return "".join(found.values())
    return listed([say("{value} ({city})", value=value, city=city) for city, value in found.items()])


def _power(files: RunFiles, city: str) -> float | None:
    share = _row(files, "power", city).get("power_at_margin")
    share = _row(files, "trends", city).get("power") if share is None else share
    return None if share is None else float(share)


def _asked(files: RunFiles, city: str) -> list[bool]:
    rows = [row for row in files.found("controls") if row.get("city") == city]
    return [bool(row["passed"]) for row in rows if row.get("passed") is not None]


def _row(files: RunFiles, part: str, city: str) -> Record:
    return next((row for row in files.found(part) if row.get("city") == city), {})


def _measure(files: RunFiles) -> str:
    return say(
        "The gap is 0 where a city's texts cannot be told from {reference}'s, and 1 is the usual distance between two "
        "companies of one city.",
        reference=files.reference,
    )
