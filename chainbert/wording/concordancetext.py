"""A concordance to look at: as lines for a terminal and as a table for a notebook."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from html import escape

import pandas as pd
from rich.cells import cell_len

from chainbert.wording.folding import LONE_SURROGATE
from chainbert.wording.surroundings import cuts

_BLANKS = re.compile(r"\s+")
# What would change the direction of, or break, everything after it on the screen.
_COMMANDS = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_ISOLATE, _POP = "\u2068", "\u2069"
_SHOWN = 50


def as_lines(table: pd.DataFrame, most: int | None, width: int, names: Sequence[str] | None = None) -> Iterator[str]:
    """A line a place: row number or name, left, keyword, right; a last one says how many are not shown."""
    shown = table if most is None else table.head(most)
    if table.empty:
        yield "nothing found"
        return
    keywords = [_plain(word) for word in shown["keyword"]]
    rows = [str(row) if names is None else _plain(names[row]) for row in shown["row"]]
    number = max(map(cell_len, rows))
    middle = min(max(map(cell_len, keywords)), width // 2)
    side = max(4, (width - number - middle - 6) // 2)
    for row, left, keyword, right in zip(rows, shown["left"], keywords, shown["right"], strict=True):
        before = _cropped(_plain(left), side, from_end=True)
        word = _cropped(keyword, middle, from_end=False)
        parts = [" " * (side - cell_len(before)) + _isolated(before)]
        parts += [_isolated(word) + " " * (middle - cell_len(word)), _isolated(_cropped(_plain(right), side))]
        yield f"{' ' * (number - cell_len(row))}{row}  {parts[0]}  {parts[1]}  {parts[2]}".rstrip()
    if len(shown) < len(table):
        yield f"… and {len(table) - len(shown):,} more"


def as_html(table: pd.DataFrame, pattern: str, texts: int, n: int) -> str:
    """A table of the first places; each part keeps its own direction of writing."""
    style = "border-collapse:collapse", "text-align:right", "text-align:left"
    rows = [
        f'<tr><td>{row}</td><td style="{style[1]}"><bdi>{_marked(left)}</bdi></td>'
        f'<td style="{style[2]}"><b><bdi>{_marked(keyword)}</bdi></b></td>'
        f'<td style="{style[2]}"><bdi>{_marked(right)}</bdi></td></tr>'
        for row, left, keyword, right in table.head(_SHOWN)[["row", "left", "keyword", "right"]].itertuples(index=False)
    ]
    more = f", the first {_SHOWN} shown" if len(table) > _SHOWN else ""
    caption = f"{escape(_plain(pattern))}: {len(table):,} places in {texts:,} of {n:,} texts{more}"
    return f'<table style="{style[0]}"><caption>{caption}</caption><tbody>{"".join(rows)}</tbody></table>'


def _marked(text: str) -> str:
    return escape(_plain(text))


def _plain(text: str) -> str:
    """On one line, without what commands a screen."""
    return LONE_SURROGATE.sub("\ufffd", _BLANKS.sub(" ", _COMMANDS.sub(" ", text)))


def _cropped(text: str, width: int, *, from_end: bool = False) -> str:
    """As much of a text as fits, its end or its beginning; no character seen as one is cut."""
    if cell_len(text) <= width:
        return text
    place = len(text) if from_end else 0
    step, kept = (-1 if from_end else 1), ""
    while 0 <= place + step <= len(text):
        place += step
        if cuts(text, place):
            continue
        part = text[place:] if from_end else text[:place]
        if cell_len(part) > width:
            break
        kept = part
    return kept


def _isolated(text: str) -> str:
    """Right-to-left words are kept from turning the line around."""
    turning = any(unicodedata.bidirectional(char) in ("R", "AL", "AN") for char in text if char > "\u0590")
    return f"{_ISOLATE}{text}{_POP}" if turning else text
