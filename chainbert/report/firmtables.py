"""Tables of the page whose every number opens the list of companies behind it: Table 1 and the dictionary's themes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from chainbert.errors import DataError
from chainbert.report.language import counted, say, spoken
from chainbert.report.palette import Cities
from chainbert.report.published import Published
from chainbert.report.runfiles import RunFiles, records
from chainbert.report.tableone import TableOne
from chainbert.report.tableonecells import SMALLEST, Entry, Row
from chainbert.report.tableonewords import column_title, entry_text, p_text
from chainbert.report.tables import number, percent

ALL = "all"


@dataclass(frozen=True, slots=True)
class Number:
    """A number in a cell, and the list that it opens."""

    name: str
    """Of what; "" where the row says it."""
    figure: str
    """``42 %``, or ``1 of 3`` where there are too few for a share."""
    detail: str
    """Its interval and count, in small print."""
    said: str
    """The whole in words, for those who hear it and as the list's heading."""
    list_name: str
    bar: float | None = None
    """The share in per cent; None where there is no bar."""
    terms: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the table."""

    title: str
    note: str
    p: str
    cells: tuple[tuple[Number, ...], ...]
    empty: tuple[str, ...]
    """Why each cell has no number."""
    published: tuple[str, ...] = ()
    """What a published table has in this row, by column; () where nothing stands beside it."""
    published_note: str = ""


@dataclass(frozen=True, slots=True)
class FirmTable:
    """A table as the page shows it, in the language that is spoken."""

    caption: str
    columns: tuple[str, ...]
    heads: tuple[str, ...]
    lines: tuple[Line, ...]
    note: str
    tested: bool = False
    published: str = ""
    """The published table that stands beside it."""


def read_table_one(folder: Path) -> TableOne | None:
    """Table 1 of a run folder; None where the run has none. Raises DataError for a damaged file."""
    path = folder / "tables" / "table1.json"
    if not path.is_file():
        return None
    try:
        return TableOne.from_json(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, AttributeError) as error:
        raise DataError(f"{path}: cannot be read ({error}). Delete it and run the study again.") from error


def table_one_page(table: TableOne, published: Published | None = None) -> FirmTable:
    """Table 1 with a published one beside it, row by row."""
    beside = {line.id: line for line in table.lines(published)} if published else {}
    lines = []
    for place, row in enumerate(table.rows):
        cells = tuple(
            tuple(
                _number(row, entry, column, _name(place, across, down)) for down, entry in enumerate(row.cells[column])
            )
            for across, column in enumerate(table.columns)
        )
        missing = "–" if row.status else row.empty[spoken()]
        there = beside.get(row.id)
        found = tuple(there.published.get(column, "") for column in table.columns) if there else ()
        note = there.published_note if there else ""
        empty = tuple(missing for _ in table.columns)
        lines.append(Line(row.title, row.note, p_text(row), cells, empty, found if any(found) or note else (), note))
    return FirmTable(
        caption=say("Table 1: the companies of each city by what they do, for whom, where, and with whose money"),
        columns=table.columns,
        heads=tuple(map(column_title, table.columns)),
        lines=tuple(lines),
        note=table.note,
        tested=any(line.p for line in lines),
        published=published.said_in(spoken()) if published else "",
    )


def table_one_lists(table: TableOne) -> Iterator[tuple[str, tuple[str, ...]]]:
    """(list name, keys of its companies) of every number of Table 1."""
    for place, row in enumerate(table.rows):
        for across, column in enumerate(table.columns):
            for down, entry in enumerate(row.cells[column]):
                yield _name(place, across, down), entry.keys


def _name(place: int, across: int, down: int) -> str:
    return f"t1-{place}-{across}-{down}"


def _number(row: Row, entry: Entry, column: str, list_name: str) -> Number:
    name, city = row.name(entry.label), column_title(column)
    terms = " · ".join(entry.terms)
    terms = "" if terms == name else terms
    if entry.share is None:
        said = say("{label}, {city}: {n} companies; list them", label=name, city=city, n=f"{entry.yes:,}")
        return Number("", entry_text(row, entry), "", said, list_name, terms=terms)
    if entry.codes is not None:
        return _corrected(entry, name, city, list_name)
    said = say("{label}, {city}: {n} of {all} companies; list them", label=name, city=city, n=entry.yes, all=entry.n)
    part = say("{n} of {whole}", n=f"{entry.yes:,}", whole=f"{entry.n:,}")
    if entry.n < SMALLEST:
        return Number(name, part, "", said, list_name, terms=terms)
    between = _between(entry.low, entry.high)
    figure = percent(entry.share) + (" †" if row.corrected else "")
    return Number(name, figure, f"{between} · {part}", said, list_name, 100 * entry.share, terms)


def _corrected(entry: Entry, name: str, city: str, list_name: str) -> Number:
    """A share corrected by hand codes: the labeller's count, which it is not, stands nowhere beside it."""
    codes = counted(entry.codes or 0, "{n:,} hand code", "{n:,} hand codes")
    share = percent(entry.share)
    said = say(
        "{label}, {city}: {share}, by {codes}; list the labelled companies",
        label=name,
        city=city,
        share=share,
        codes=codes,
    )
    # Short, for it stands in a narrow column.
    under = say("{interval} · {n} coded", interval=_between(entry.low, entry.high), n=number(entry.codes, 0))
    return Number(name, share, under, said, list_name, 100 * (entry.share or 0))


def read_themes(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame] | None:
    """The dictionary's shares and the companies behind them; None where the run counted none.

    Raises DataError for a damaged file.
    """
    shares, firms = folder / "dictionary.csv", folder / "dictionary_firms.parquet"
    if not shares.is_file() or not firms.is_file():
        return None
    try:
        return pd.read_csv(
            shares, keep_default_na=False, na_values={"share": "", "low": "", "high": ""}
        ), pd.read_parquet(firms, columns=["key", "category"])
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{shares} or {firms.name}: cannot be read ({error}). Run the study again.") from error


def themes_page(shares: pd.DataFrame, cities: Cities) -> FirmTable | None:
    """Share of each city's companies whose text touches a theme, over all periods; None without a row."""
    whole = {(row["category"], row["city"]): row for row in records(shares[shares["period"] == ALL])}
    columns = tuple(city for city in cities.names if any(city == of for _, of in whole))
    if not columns:
        return None
    names = dict(zip(shares["category"], shares[f"name_{spoken()}"], strict=True))
    lines = tuple(
        Line(
            str(name),
            "",
            "",
            tuple(_theme(whole.get((category, city)), str(name)) for city in columns),
            ("–",) * len(columns),
        )
        for category, name in names.items()
    )
    return FirmTable(
        caption=say("Share of each city's companies whose text touches a theme of the dictionary"),
        columns=columns,
        heads=columns,
        lines=lines,
        note=say("Intervals: 95 % (Wilson 1927). A company counts once however often it touches a theme."),
    )


def theme_lists(firms: pd.DataFrame, files: RunFiles) -> Iterator[tuple[str, tuple[str, ...]]]:
    """(list name, keys) of every theme and city: of each firm its latest text that touches the theme."""
    known = files.usable[["key", "id", "city", "observed"]]
    joined = firms.merge(known, on="key").sort_values(["observed", "key"], na_position="first", kind="stable")
    latest = joined.drop_duplicates(["category", "city", "id"], keep="last")
    for (category, city), rows in latest.groupby(["category", "city"], sort=True):
        yield f"theme:{category}:{city}", tuple(rows["key"])


def _theme(row: dict[str, object] | None, name: str) -> tuple[Number, ...]:
    if row is None or row["share"] is None or pd.isna(row["share"]):  # type: ignore[call-overload]
        return ()
    n, yes, city = int(str(row["n"])), int(str(row["yes"])), str(row["city"])
    said = say("{label}, {city}: {n} of {all} companies; list them", label=name, city=city, n=yes, all=n)
    part = say("{n} of {whole}", n=f"{yes:,}", whole=f"{n:,}")
    between = _between(row["low"], row["high"])
    share = float(str(row["share"]))
    return (Number("", percent(share), f"{between} · {part}", said, f"theme:{row['category']}:{city}", 100 * share),)


def _between(low: object, high: object) -> str:
    return say("{low}–{high} %", low=_points(low), high=_points(high))


def _points(share: object) -> str:
    known = share is not None and not pd.isna(share)  # type: ignore[call-overload]
    return number(100 * float(str(share)), 0) if known else "–"


def lists_of(*found: Iterable[tuple[str, Sequence[str]]]) -> dict[str, Sequence[str]]:
    """All lists by name; an empty one opens nothing and is left out."""
    return {name: keys for one in found for name, keys in one if keys}
