"""Which of a run's tables a paper shows, and what stands in their cells."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pandas as pd

from chainbert.labelling import Codebook
from chainbert.report.exports.datadictionary import Table
from chainbert.report.exports.latex import LatexTable
from chainbert.report.language import say, spoken, told
from chainbert.report.runfiles import records
from chainbert.report.tables import number, percent, plain, probability

TOP_TERMS = 15
"""Terms of each city that the paper's table of keyness shows; all are in the other formats."""


def paper_tables(tables: Sequence[Table], codebook: Codebook | None = None) -> list[LatexTable]:
    """Tables in the language that is spoken; one whose results the run does not have is left out."""
    frames = {table.name: table.frame for table in tables if len(table.frame)}
    makers: Mapping[str, Callable[[Mapping[str, pd.DataFrame]], LatexTable | None]] = {
        "shares": lambda found: _shares(found["shares"], codebook),
        "trends": _trends,
        "dictionary": lambda found: _dictionary(found["dictionary"]),
        "keyness": lambda found: _keyness(found["keyness"]),
    }
    made = (make(frames) for name, make in makers.items() if name in frames)
    return [one for one in made if one]


def _shares(shares: pd.DataFrame, codebook: Codebook | None) -> LatexTable | None:
    rows = shares[(shares["period"] == "all") & (shares["kind"] == "value")]
    names = _names(codebook)
    cells, heads = _by_city(rows, ["axis", "indicator"])
    body: list[tuple[str, ...]] = []
    rules, before = set(), ""
    for (axis, value), shown in cells.items():
        if axis != before:
            rules.add(len(body))
        body.append((names.get(axis, plain(axis)) if axis != before else "", _value(names, axis, value), *shown))
        before = axis
    caption = say("Share of companies with each label, by city, with 95 % intervals")
    note = say("Shares as counted, not corrected for the labeller's errors.")
    return LatexTable("shares", caption, (say("Axis"), say("Label"), *heads), tuple(body), 2, note, frozenset(rules))


def _names(codebook: Codebook | None) -> dict[str, str]:
    """Axis, and axis.indicator → name in the language that is spoken."""
    found = {}
    for axis in codebook.axes if codebook else ():
        found[axis.id] = axis.names.get("zh" if spoken() == "zh" else "en", axis.id)
        for one in axis.indicators:
            found[f"{axis.id}.{one.id}"] = one.names.get("zh" if spoken() == "zh" else "en", one.id)
    return found


def _value(names: Mapping[str, str], axis: str, value: str) -> str:
    return names.get(f"{axis}.{value}") or say({"mixed": "mixed", "unclear": "unclear"}.get(value, plain(value)))


def _by_city(rows: pd.DataFrame, by: list[str]) -> tuple[dict[tuple[str, ...], list[str]], list[str]]:
    """Cells ``52 % [44–60]`` by the columns ``by`` and city; heads with each city's companies."""
    cities = sorted(set(rows["city"].dropna()), key=lambda city: (-rows.loc[rows["city"] == city, "n"].max(), city))
    sizes = {city: rows.loc[rows["city"] == city, "n"] for city in cities}
    heads = [
        f"{city} (n = {low}{'' if low == high else f'–{high}'})"
        for city, (low, high) in ((city, (int(n.min()), int(n.max()))) for city, n in sizes.items())
    ]
    cells: dict[tuple[str, ...], list[str]] = {}
    for row in records(rows):
        shown = cells.setdefault(tuple(str(row[one]) for one in by), ["–"] * len(cities))
        if row["city"] in cities and not pd.isna(row["share"]):
            ends = f"{number(100 * row['low'], 0)}–{number(100 * row['high'], 0)}"
            shown[cities.index(row["city"])] = f"{percent(row['share'])} [{ends}]"
    return cells, heads


def _trends(frames: Mapping[str, pd.DataFrame]) -> LatexTable:
    verdicts: dict[str, str] = {}
    if "verdict" in frames:
        verdicts = dict(zip(frames["verdict"]["city"], frames["verdict"]["verdict"], strict=True))
    body = [
        (
            str(row["city"]),
            number(row["slope"], 4),
            _interval(row["low"], row["high"], 4),
            probability(row["p_holm"]),
            probability(row["p_equivalent"]),
            number(row["minimum_detectable"], 4),
            told(str(verdicts.get(row["city"], ""))),
        )
        for row in records(frames["trends"])
    ]
    heads = (
        *(say("City"), say("Slope per year"), say("95 % interval"), say("p (Holm)"), say("p (equivalence)")),
        *(say("Smallest slope found"), say("Verdict")),
    )
    caption = say("Slope of each city's gap to the reference city, and the verdict")
    note = say("A slope below 0 brings a city nearer. The smallest slope is the one found with 80 % power.")
    return LatexTable("trends", caption, heads, tuple(body), 1, note)


def _interval(low: object, high: object, digits: int) -> str:
    return "–" if pd.isna(low) else f"[{number(low, digits)}, {number(high, digits)}]"  # type: ignore[call-overload]


def _dictionary(dictionary: pd.DataFrame) -> LatexTable:
    rows = dictionary[dictionary["period"] == "all"]
    column = f"name_{spoken()}"
    names = dict(zip(rows["category"], rows[column if column in rows else "category"], strict=True))
    cells, heads = _by_city(rows, ["category"])
    body = tuple((str(names[category]), *shown) for (category,), shown in cells.items())
    caption = say("Share of companies whose text uses each category of the dictionary, with 95 % intervals")
    return LatexTable("dictionary", caption, (say("Category"), *heads), body)


def _keyness(keyness: pd.DataFrame) -> LatexTable | None:
    group = "city" if "city" in keyness else "group"
    if not {group, "term", "z"} <= set(keyness):
        return None
    # q is only asked of terms that enough firms use: one firm's own word says nothing of its city.
    tested = keyness["q"].notna() if "q" in keyness and keyness["q"].notna().any() else keyness["z"].notna()
    top = keyness[tested & (keyness["z"] > 0)].sort_values("z", ascending=False, kind="stable")
    body: list[tuple[str, ...]] = []
    rules = set()
    for city in sorted(set(top[group].dropna())):
        rules.add(len(body))
        for place, row in enumerate(records(top[top[group] == city].head(TOP_TERMS))):
            counts = (number(row.get("n_target"), 0), number(row.get("firms"), 0))
            sizes = (number(row.get("log_odds"), 2), number(row["z"], 2))
            chance = (probability(row.get("p")), probability(row.get("q")))
            body.append(("" if place else str(city), str(row["term"]), *counts, *sizes, *chance))
    heads = (
        *(say("City"), say("Term"), say("Mentions"), say("Companies"), say("Log-odds"), "z"),
        *("p", say("False discovery rate")),
    )
    caption = say("Terms that set each city apart from the others")
    note = say(
        "Of the terms that enough companies use, the {n} with the largest z (Monroe, Colaresi and Quinn 2008); "
        "p by permutation.",
        n=TOP_TERMS,
    )
    return LatexTable("keyness", caption, heads, tuple(body), 2, note, frozenset(rules))
