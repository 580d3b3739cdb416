"""Table 1 in words: the text of its cells, for the page, a data frame and the printed forms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pandas as pd

from chainbert.report.language import message, say, spoken
from chainbert.report.published import Published, PublishedRow, row_of
from chainbert.report.tableonecells import ALL, SMALLEST, Entry, Row, Text, in_both
from chainbert.report.tables import number, probability

COMMA = {"en": ", ", "zh": "、"}
DOUBTFUL = message(
    "Doubtful texts, too close to call or unlike those that the labeller was calibrated on, count with the likelier "
    "value."
)


@dataclass(frozen=True, slots=True)
class Shown:
    """A line of a printed cell and the firms behind it (keys of companies.parquet)."""

    text: str
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the printed table in the language that is spoken."""

    id: str
    title: str
    note: str
    p: str
    """Holm-adjusted; "" where nothing was tested."""
    cells: dict[str, tuple[Shown, ...]]
    empty: dict[str, str]
    """Column → why its cell has no entry."""
    published: dict[str, str] = field(default_factory=dict)
    """City → what the published table has in this row; a city that it leaves empty is absent."""
    published_title: str = ""
    published_note: str = ""
    """Why the published row is empty, or what else it says."""

    def texts(self, column: str) -> list[str]:
        """The lines of a cell; why it has none, where it has none."""
        return [one.text for one in self.cells.get(column, ())] or [self.empty[column]]


def lines(rows: Sequence[Row], columns: Sequence[str], published: Published | None = None) -> list[Line]:
    """The printed rows; with ``published``, each beside its like in the published table, whose other rows come last."""
    found = [_line(row, columns, row_of(published, row.id)) for row in rows]
    ours = {row.id for row in rows}
    others = [row for row in published.rows if row.row not in ours] if published else []
    absent = say("Not in this run.")
    return [
        *found,
        *(_beside(Line(row.row, row.title, absent, "", {}, dict.fromkeys(columns, "–")), row) for row in others),
    ]


def _line(row: Row, columns: Sequence[str], beside: PublishedRow | None) -> Line:
    cells = {column: tuple(Shown(entry_text(row, one), one.keys) for one in row.cells[column]) for column in columns}
    # Why a whole row is empty stands once, in its note.
    missing = "–" if row.status else row.empty[spoken()]
    empty = {column: missing for column, cell in cells.items() if not cell}
    line = Line(row.id, row.title, row.note, p_text(row), cells, empty)
    return line if beside is None else _beside(line, beside)


def _beside(line: Line, row: PublishedRow) -> Line:
    note = row.note_in(spoken())
    return replace(line, published=dict(row.cells), published_title=row.title, published_note=note)


def entry_text(row: Row, entry: Entry) -> str:
    """``state 23 % (16–32)``; below 5 firms ``state 1 of 3``; a number of firms as ``110 firms``."""
    name = row.name(entry.label)
    if entry.share is None:
        return say("{n} {name}", n=f"{entry.yes:,}", name=name) if entry.yes != 1 else _one(entry.label)
    if entry.n < SMALLEST and not entry.corrected:
        return _with_terms(row, entry, say("{name} {yes} of {n}", name=name, yes=entry.yes, n=entry.n))
    share, low, high = (number(100 * (value or 0), 0) for value in (entry.share, entry.low, entry.high))
    text = say("{name} {share} % ({low}–{high})", name=name, share=share, low=low, high=high)
    return _with_terms(row, entry, f"{text} †" if row.corrected and not entry.corrected else text)


def _one(label: str) -> str:
    return say("1 firm") if label == "firms" else say("1 company-year")


def _with_terms(row: Row, entry: Entry, text: str) -> str:
    """The terms, unless they are the entry's name."""
    if not entry.terms or row.name(entry.label) == " · ".join(entry.terms):
        return text
    return say("{entry}: {terms}", entry=text, terms=COMMA[spoken()].join(entry.terms))


def p_text(row: Row) -> str:
    """The row's Holm-adjusted p, "" where it was not tested."""
    return "" if row.p_holm is None else probability(row.p_holm)


def column_title(column: str) -> str:
    """A city bears its own name, all of them together the language's."""
    return say(ALL) if column == ALL else column


def wide(found: Sequence[Line], columns: Sequence[str]) -> pd.DataFrame:
    """A row a characteristic, indexed by its title, a column a city with the entries as one text."""
    joint = "；" if spoken() == "zh" else "; "
    table = {column_title(column): [joint.join(line.texts(column)) for line in found] for column in columns}
    if any(line.p for line in found):
        table["p"] = [line.p for line in found]
    return pd.DataFrame(table, index=pd.Index([line.title for line in found]))


def table_notes(rows: Sequence[Row], draws: int | None, corrected: str = "") -> list[Text]:
    """What holds for the whole table.

    ``draws`` of its tests, None where nothing was tested; ``corrected`` the file of the corrected shares, if any.
    """
    words = [
        in_both("Firms with a usable text; one seen in several years counts once in a city, by its latest text."),
        *_of_labels(rows, corrected),
        in_both("Intervals: 95 %; those of counts (Wilson 1927) cover sampling only; none is given below 5 firms."),
    ]
    if draws is not None:
        tested = (
            "p: no difference between the cities; permutation χ² test over firms on the counted labels "
            "({draws} draws), adjusted for the number of rows (Holm 1979)."
        )
        words.append(in_both(tested, draws=f"{draws:,}"))
    return words


def _of_labels(rows: Sequence[Row], file: str) -> list[Text]:
    """How far labels and shares can be believed."""
    if not any(row.corrected for row in rows):
        words = (
            "Labels are counted as the labeller gave them, its errors included, which the intervals do not cover: "
            "hand codes of a random sample (chainbert sample, chainbert shares) correct them."
        )
        return [in_both(words), in_both(DOUBTFUL)]
    words = (
        "{rows}: shares of companies and years, corrected by hand codes ({file}; {codes}); those marked † and all "
        "other rows count the labeller's labels, errors included. The firms behind a corrected share are those that "
        "the labeller put there."
    )
    corrected = [row for row in rows if row.corrected]
    titles = {one: joint.join(row.titles[one] for row in corrected) for one, joint in COMMA.items()}
    return [in_both(words, rows=titles, file=file, codes=_codes(corrected)), in_both(DOUBTFUL)]


def _codes(rows: Sequence[Row]) -> Text:
    """How many hand codes each column has, as ``Beijing 39, Shanghai 19``."""
    found: dict[str, set[int]] = {}
    for row in rows:
        for column, cell in row.cells.items():
            found.setdefault(column, set()).update(entry.codes for entry in cell if entry.codes is not None)
    said = {language: list[str]() for language in COMMA}
    for column, codes in found.items():
        if codes:
            between = "–".join(f"{one:,}" for one in sorted({min(codes), max(codes)}))
            name = in_both(column) if column == ALL else dict.fromkeys(COMMA, column)
            for language, parts in said.items():
                parts.append(f"{name[language]} {between}")
    return {language: COMMA[language].join(parts) for language, parts in said.items()}
