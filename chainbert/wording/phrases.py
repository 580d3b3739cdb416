"""A word or phrase with wildcards, as one looks for it in texts of either script."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from chainbert.wording.folding import Block, folded, is_letter, is_unspaced

GAP = 6
"""Most characters that * stands for beside a Chinese one."""
_BLANKS = 3
_PIECE = re.compile(r"[*]+|[?]|[ ]|[^*? ]+")


@dataclass(frozen=True, slots=True)
class Phrase:
    """A phrase cut into pieces; all of it is folded.

    No regular expression: classes of letters without Chinese ones take milliseconds each to compile, and a
    dictionary has thousands of phrases.
    """

    given: str
    pieces: tuple[str, ...]
    """Literal stretches; "?" one letter or digit; "*" any, "+" at least one, "~" a gap beside Chinese; " " blanks, "_"
    blanks that may be missing."""
    kinds: tuple[bool, ...]
    """Which pieces are literal."""
    anchor: str
    """Its longest literal piece: a text without it need not be looked at."""

    @property
    def head(self) -> str:
        """The literal it begins with, "" where that is a wildcard."""
        return self.pieces[0] if self.kinds[0] else ""

    def end(self, text: str, place: int) -> int:
        """Where a match that begins at ``place`` of a folded text ends, −1 where none does."""
        if _is_wordlike(self.pieces[0], self.kinds[0], 0) and place and is_letter(text[place - 1]):
            return -1
        return self._end(text, place, 0)

    def _end(self, text: str, place: int, number: int) -> int:
        if number == len(self.pieces):
            bounded = _is_wordlike(self.pieces[-1], self.kinds[-1], -1) and place < len(text) and is_letter(text[place])
            return -1 if bounded else place
        piece = self.pieces[number]
        if self.kinds[number]:
            return self._end(text, place + len(piece), number + 1) if text.startswith(piece, place) else -1
        for stop in _stops(text, place, piece):
            if (end := self._end(text, stop, number + 1)) >= 0:
                return end
        return -1


def phrase(given: str, *, keep_case: bool = False) -> Phrase:
    """Read a word or phrase.

    Letter case does not count (unless ``keep_case``), nor does traditional or simplified, full or half width.
    Words of Latin letters and other spaced scripts match as whole words; Chinese matches wherever it stands.
    ``*`` stands for any number of letters or digits, none included: the rest of a word, a whole word between
    blanks, or, beside Chinese characters, the fewest of at most six that fit (智慧*平台). ``?`` stands for
    exactly one. A blank stands for blanks, a line break or a hyphen; beside a Chinese character it may be missing.
    Raises ValueError where nothing but wildcards was given.
    """
    text = folded(" ".join(given.split()), keep_case=keep_case)
    pieces = ["*" if piece[0] == "*" else piece for piece in _PIECE.findall(text)]
    literals = [piece for piece in pieces if piece[0] not in "*? "]
    if not any(char.isalnum() for piece in literals for char in piece):
        raise ValueError(f"{given!r} has no letter or character to look for; at least one was expected")
    # At the end of a Chinese phrase it could only make the match longer.
    for place in (0, -1):
        while pieces[place] == "*" and _beside_han(pieces, range(len(pieces))[place]):
            del pieces[place]
    kinds = tuple(piece[0] not in "*? " for piece in pieces)
    told = tuple(piece if kinds[place] else _wildcard(pieces, place) for place, piece in enumerate(pieces))
    return Phrase(given, told, kinds, max(literals, key=len))


def _wildcard(pieces: list[str], place: int) -> str:
    piece, beside_han = pieces[place], _beside_han(pieces, place)
    if piece == "?":
        return "?"
    if piece == " ":
        return "_" if beside_han else " "
    alone = (place == 0 or pieces[place - 1] == " ") and (place + 1 == len(pieces) or pieces[place + 1] == " ")
    return "~" if beside_han else "+" if alone else "*"


def _beside_han(pieces: list[str], place: int) -> bool:
    sides = ([pieces[place - 1][-1]] if place else []) + ([pieces[place + 1][0]] if place + 1 < len(pieces) else [])
    return any(map(is_unspaced, sides))


def _is_wordlike(piece: str, literal: bool, side: int) -> bool:
    """Whether a word of a spaced script begins (side 0) or ends (−1) with the piece, so that no letter may adjoin."""
    return is_letter(piece[side]) if literal else piece in "*+?"


def past_blanks(text: str, place: int) -> int:
    """The end of the blanks, line breaks and hyphens at a place of a text, at most three."""
    last = place
    while last < len(text) and last - place < _BLANKS and (text[last].isspace() or text[last] == "-"):
        last += 1
    return last


def _stops(text: str, place: int, wildcard: str) -> Iterator[int]:
    """Where a wildcard that begins at ``place`` may end, in the order of preference."""
    if wildcard == "?":
        if place < len(text) and text[place].isalnum():
            yield place + 1
        return
    if wildcard == "~":
        for stop in range(place, min(place + GAP, len(text)) + 1):
            yield stop
            if stop < len(text) and not text[stop].isalnum():
                return
        return
    last = place
    if wildcard in " _":
        last = past_blanks(text, place)
    else:
        while last < len(text) and is_letter(text[last]):
            last += 1
    yield from range(last, place - 1 if wildcard in "*_" else place, -1)


def occurrences(block: Block, sought: Phrase) -> Iterator[tuple[int, int, int]]:
    """Row within the block, start and end within its text, of every place a phrase stands; from left to right."""
    lead = next(place for place, literal in enumerate(sought.kinds) if literal)
    first, before = sought.pieces[lead], sought.pieces[:lead]
    place = block.text.find(sought.anchor)
    while place >= 0:
        row = bisect_right(block.starts, place) - 1
        stop = block.starts[row + 1] - 1
        free = block.starts[row]
        place = block.text.find(first, free, stop)
        while place >= 0:
            start = _start(block.text, place, before, free)
            end = sought.end(block.text, start) if start >= free else -1
            if end >= 0:
                yield row, start, end
                free = end
            place = block.text.find(first, max(end, place + 1), stop)
        place = block.text.find(sought.anchor, stop)


def _start(text: str, place: int, before: tuple[str, ...], free: int) -> int:
    """Where a match begins whose first literal stands at ``place``, after the wildcards ``before``."""
    for wildcard in reversed(before):
        if wildcard == "?":
            place -= 1
        elif wildcard in " _":
            while place > free and (text[place - 1].isspace() or text[place - 1] == "-"):
                place -= 1
        else:
            while place > free and is_letter(text[place - 1]):
                place -= 1
    return place
