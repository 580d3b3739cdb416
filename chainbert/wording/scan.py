"""Many phrases sought at once: time grows with the texts and what is found in them, hardly with the phrases."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import numpy.typing as npt

from chainbert.wording.folding import POINTS, Block, is_letter, points
from chainbert.wording.phrases import Phrase, occurrences, past_blanks

# A place is looked at where its first characters may begin a phrase: two of them, or, of words in Latin letters,
# where two are common to half the language, four. May: the tables are filters, the phrase itself decides.
_SHORT, _LONG = 2, 4
_SLOT_BITS = 18
_FACTORS = np.array([2_654_435_761, 2_246_822_519, 3_266_489_917, 668_265_263], dtype=np.uint32)
_NEXT = 2
Numbered = tuple[int, Phrase]


@dataclass(slots=True)
class _Head:
    """The phrases that begin alike."""

    written: str
    whole: list[Numbered] = field(default_factory=list)
    followed: dict[str, list[Numbered]] = field(default_factory=lambda: defaultdict(list))
    """Those that go on with a blank and a word, by the word's first letters: chinese user*, chinese market*."""

    def add(self, number: int, one: Phrase) -> None:
        followed = len(one.pieces) > 2 and one.pieces[1] == " " and one.kinds[2] and len(one.pieces[2]) >= _NEXT
        (self.followed[one.pieces[2][:_NEXT]] if followed else self.whole).append((number, one))

    def at(self, text: str, place: int) -> Iterator[Numbered]:
        """What may stand at a place of a text."""
        if text.startswith(self.written, place):
            yield from self.whole
            if self.followed:
                after = past_blanks(text, place + len(self.written))
                yield from self.followed.get(text[after : after + _NEXT], ())


class Scanner:
    """Finds where phrases stand."""

    def __init__(self, phrases: Sequence[Phrase]) -> None:
        self._heads: dict[str, dict[str, _Head]] = defaultdict(dict)
        self._slow: list[Numbered] = []
        self._filters = {size: np.zeros(1 << _SLOT_BITS, dtype=bool) for size in (_SHORT, _LONG)}
        for number, one in enumerate(phrases):
            if len(one.head) < _SHORT:
                self._slow.append((number, one))
                continue
            size = _LONG if len(one.head) >= _LONG and one.head[:_LONG].isascii() else _SHORT
            first = one.head[:size]
            self._heads[first].setdefault(one.head, _Head(one.head)).add(number, one)
            self._filters[size][_slot(points(first), size)] = True

    def scan(self, block: Block) -> Iterator[tuple[int, int, int, int]]:
        """Row in the block, start and end in its text, and the phrase's number, for every match of every phrase."""
        starts = np.asarray(block.starts)
        found = points(block.text)
        # Within a word no other one begins.
        inside = np.concatenate([[False], _letters()[found[:-1]] & _letters()[found[1:]]])
        for size in (_SHORT, _LONG):
            if len(found) < size:
                continue
            places = np.flatnonzero(self._filters[size][_slot(found, size)] & ~inside[: len(found) - size + 1])
            rows = np.searchsorted(starts, places, side="right") - 1
            for place, row in zip(places.tolist(), rows.tolist(), strict=True):
                for head in self._heads.get(block.text[place : place + size], {}).values():
                    for number, one in head.at(block.text, place):
                        if (end := one.end(block.text, place)) >= 0:
                            yield row, place, end, number
        for number, one in self._slow:
            for row, start, end in occurrences(block, one):
                yield row, start, end, number


@cache
def _letters() -> npt.NDArray[np.bool_]:
    """Which code points are letters or digits of a spaced script, (POINTS,)."""
    # Above are Chinese characters and signs only.
    spaced = np.fromiter((is_letter(chr(point)) for point in range(0x20000)), dtype=bool, count=0x20000)
    return np.concatenate([spaced, np.zeros(POINTS - 0x20000, dtype=bool)])


def _slot(of: npt.NDArray[np.uint32], size: int) -> npt.NDArray[np.uint32]:
    """A number of _SLOT_BITS bits for every ``size`` characters in a row, (n − size + 1,)."""
    last = len(of) - size + 1
    total = of[:last] * _FACTORS[0]
    for shift in range(1, size):
        total += of[shift : last + shift] * _FACTORS[shift]
    # The upper bits of products of odd numbers depend on all bits of the characters.
    return np.asarray(total >> np.uint32(32 - _SLOT_BITS))
