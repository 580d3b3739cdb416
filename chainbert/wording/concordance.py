"""Keywords in context: every place where a word, phrase or pattern stands, with what is around it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal

import pandas as pd

from chainbert.errors import DataError
from chainbert.wording.concordancetext import as_html, as_lines
from chainbert.wording.folding import LONE_SURROGATE, Block, blocks, folded
from chainbert.wording.phrases import occurrences, phrase
from chainbert.wording.surroundings import Unit, surroundings

Kind = Literal["phrase", "regex", "fixed"]
COLUMNS = ["row", "start", "end", "left", "keyword", "right"]


@dataclass(frozen=True, slots=True)
class Concordance:
    """Where a pattern stands in n texts."""

    table: pd.DataFrame
    """One place a row, by row and start: row, start, end (offsets into the text as given), left, keyword, right.
    ``keyword`` is text[start:end]; left and right adjoin it, character by character. Halves of characters from a
    broken export (lone surrogates), which no file can hold, stand as U+FFFD."""
    pattern: str
    n: int

    @property
    def texts(self) -> int:
        """How many texts have it."""
        return int(self.table["row"].nunique())

    def to_text(self, lines: int | None = 50, width: int = 100, names: Sequence[str] | None = None) -> str:
        """One line a place, the keyword in a column of its own; Chinese characters are two columns wide.

        ``width`` terminal columns at most for a line; ``lines`` None gives all; ``names`` (n,) stand before
        a line in place of the row's number.
        """
        return "\n".join(as_lines(self.table, lines, width, names))

    def _repr_html_(self) -> str:
        return as_html(self.table, self.pattern, self.texts, self.n)


class Concordancer:
    """Texts made ready once, for many concordances: of a million short texts each then takes a fraction of a second."""

    def __init__(self, texts: Sequence[str], *, keep_case: bool = False) -> None:
        """Raises DataError naming the first row that holds no text."""
        self._texts = texts
        self._keep_case = keep_case
        self._blocks = list(blocks(texts, keep_case=keep_case))

    def find(
        self,
        pattern: str,
        *,
        kind: Kind = "phrase",
        window: int | None = None,
        unit: Unit = "auto",
        limit: int | None = None,
    ) -> Concordance:
        """As ``concordance``."""
        found = _places(self._blocks, pattern, kind, self._keep_case)
        return _concordance(self._texts, islice(found, limit), pattern, window, unit)


def concordance(
    texts: Sequence[str],
    pattern: str,
    *,
    kind: Kind = "phrase",
    window: int | None = None,
    unit: Unit = "auto",
    keep_case: bool = False,
    limit: int | None = None,
) -> Concordance:
    """Every place where a pattern stands in the texts, with what is around it.

    ``kind`` phrase: a word or phrase with wildcards (see ``wording.phrases.phrase``: bank*, 智慧*平台). fixed: the
    characters as they are, within words too. regex: a regular expression of Python's, searched in each text for
    itself; one that matches nothing but the empty text finds nothing.
    In all of them traditional and simplified, full and half width are one, and upper and lower case too unless
    ``keep_case``. ``window`` is how much is shown on each side: in words (default 8) or, in Chinese surroundings,
    characters (default 20); ``unit`` "words" or "characters" fixes which. No emoji and no accented letter is cut
    in two. ``limit``: the first so many places. Matches do not overlap.
    Raises DataError for a pattern that cannot be looked for and for a row that holds no text.
    """
    found = _places(blocks(texts, keep_case=keep_case), pattern, kind, keep_case)
    return _concordance(texts, islice(found, limit), pattern, window, unit)


def _concordance(
    texts: Sequence[str], found: Iterable[tuple[int, int, int]], pattern: str, window: int | None, unit: Unit
) -> Concordance:
    if window is not None and window < 0:
        raise DataError(f"a window of {window} was asked for; 0 or more was expected")
    lines = []
    for row, start, end in found:
        text = texts[row]
        left, right = surroundings(text, start, end, window, unit)
        lines.append((row, start, end, *map(_storable, (text[left:start], text[start:end], text[end:right]))))
    kinds = {"row": "int64", "start": "int64", "end": "int64", "left": "str", "keyword": "str", "right": "str"}
    return Concordance(pd.DataFrame(lines, columns=COLUMNS).astype(kinds), pattern, len(texts))


def _storable(text: str) -> str:
    return text if text.isascii() else LONE_SURROGATE.sub("\ufffd", text)


def _places(given: Iterable[Block], pattern: str, kind: Kind, keep_case: bool) -> Iterator[tuple[int, int, int]]:
    """Row, start and end in the text as given, in their order."""
    if kind == "regex":
        yield from _regex_places(given, _compiled(pattern, keep_case))
        return
    if kind not in ("phrase", "fixed"):
        raise DataError(f"kind {kind!r} found; expected phrase, regex or fixed")
    if kind == "fixed":
        if not pattern:
            raise DataError("an empty pattern was given; at least one character was expected")
        literal = re.compile(re.escape(folded(pattern, keep_case=keep_case)))
        yield from _regex_places(given, literal, folded(pattern, keep_case=keep_case))
        return
    try:
        sought = phrase(pattern, keep_case=keep_case)
    except ValueError as error:
        raise DataError(f"nothing to look for: {error}") from error
    for block in given:
        for row, start, end in occurrences(block, sought):
            yield block.first + row, start - block.starts[row], end - block.starts[row]


def _regex_places(
    given: Iterable[Block], compiled: re.Pattern[str], anchor: str = ""
) -> Iterator[tuple[int, int, int]]:
    for block in given:
        if anchor and anchor not in block.text:
            continue
        for row in range(len(block.starts) - 1):
            # A text of its own: ^, $ and lookarounds must not see the neighbours.
            text = block.text[block.starts[row] : block.starts[row + 1] - 1]
            for match in compiled.finditer(text):
                if match.end() > match.start():
                    yield block.first + row, *match.span()


def _compiled(pattern: str, keep_case: bool) -> re.Pattern[str]:
    # Only what is not ASCII is folded: in lower case \W would be \w.
    simple = "".join(char if char.isascii() else re.escape(folded(char, keep_case=keep_case)) for char in pattern)
    try:
        return re.compile(simple, re.NOFLAG if keep_case else re.IGNORECASE)
    except re.error as error:
        at = "" if error.pos is None else f" at character {error.pos + 1}"
        raise DataError(f"{pattern!r} is no regular expression: {error.msg}{at}") from error
