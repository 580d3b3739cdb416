"""Texts made alike for searching, character by character, so that every offset still holds in the text as given."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from chainbert.companies.decoding import simplified
from chainbert.errors import DataError

HAN = r"\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
LONE_SURROGATE = re.compile("[\ud800-\udfff]")
"""Half of a character from a broken export, which no file can hold."""
POINTS = 0x110000
"""Unicode's code points."""
SEPARATOR = "\0"
# Few enough to stay in the processor's cache, many enough that the work a block does once does not show.
_BLOCK_CHARACTERS = 500_000
_HAN_BLOCKS = ((0x3400, 0xA000), (0xF900, 0xFB00), (0x20000, 0x323B0))
# Typographic quotes and dashes, which NFKC keeps apart.
_HAN_ONLY = re.compile(f"[{HAN}]+")
_PUNCTUATION = {**dict.fromkeys("‘’ʼ", "'"), **dict.fromkeys("“”", '"'), **dict.fromkeys("‐‑‒–—−", "-")}


@dataclass(frozen=True, slots=True)
class Block:
    """Some texts one after the other, folded; nothing that is searched for can match the separator between them."""

    first: int
    """The row of its first text."""
    text: str
    starts: list[int]
    """Where each text starts in ``text``, and one more: where a further one would."""


def folded(text: str, *, keep_case: bool = False) -> str:
    """The text with traditional characters as simplified ones, full-width forms as plain ones, in lower case.

    Character by character: as long as the text, so that an offset in one holds in the other. (Conversion by
    phrase, as for reading, changes lengths.)
    """
    if text.isascii():
        return text if keep_case else text.lower()
    return characters(_table(keep_case)[points(text)])


def points(text: str) -> npt.NDArray[np.uint32]:
    """(len(text),) the code points of a text, read-only."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")


def characters(of: npt.NDArray[np.uint32]) -> str:
    """The text of these code points."""
    return str(of.data, "utf-32-le", "surrogatepass")


def is_han(text: str) -> bool:
    """Whether a text has Chinese characters only, and at least one."""
    return bool(_HAN_ONLY.fullmatch(text))


def blocks(texts: Sequence[str], *, keep_case: bool = False) -> Iterator[Block]:
    """The texts, folded, in blocks of about half a million characters.

    Raises DataError naming the first row that holds no text.
    """
    _check(texts)
    ends = np.cumsum(np.fromiter(map(len, texts), dtype=np.int64, count=len(texts)) + 1)
    first = begin = 0
    while first < len(texts):
        last = max(first + 1, int(ends.searchsorted(begin + _BLOCK_CHARACTERS, side="right")))
        starts = [0, *(ends[first:last] - begin).tolist()]
        yield Block(first, folded(SEPARATOR.join(texts[first:last]), keep_case=keep_case), starts)
        first, begin = last, int(ends[last - 1])


def _check(texts: Sequence[str]) -> None:
    if set(map(type, texts)) <= {str}:
        return
    for row, text in enumerate(texts):
        if not isinstance(text, str):
            found = f"{type(text).__name__} {text!r:.40}"
            raise DataError(f"row {row}: {found} found, text expected; a missing text is given as the empty text")


def is_unspaced(char: str) -> bool:
    """Whether a character is Chinese or Japanese kana: of a script without blanks between words."""
    return char >= "\u3007" and (
        "\u3400" <= char <= "\u9fff"
        or "\u3040" <= char <= "\u30ff"
        or char == "\u3007"
        or "\uf900" <= char <= "\ufaff"
        or "\U00020000" <= char <= "\U000323af"
    )


def is_letter(char: str) -> bool:
    """Whether a character is a letter or digit of a script that puts blanks between words."""
    return char.isalnum() and not is_unspaced(char)


@cache
def _table(keep_case: bool) -> npt.NDArray[np.uint32]:
    """The code point that each of Unicode's stands for, (POINTS,)."""
    table = np.arange(POINTS, dtype="<u4")
    for point in range(0x10000):
        plain = unicodedata.normalize("NFKC", _PUNCTUATION.get(chr(point), chr(point)))
        plain = plain if keep_case else plain.lower()
        if len(plain) == 1:
            table[point] = ord(plain)
    han = [point for start, stop in _HAN_BLOCKS for point in range(start, stop)]
    # On lines of their own: side by side, characters would be converted as phrases.
    for point, simple in zip(han, simplified("\n".join(map(chr, han))).split("\n"), strict=True):
        if len(simple) == 1:
            table[point] = table[ord(simple)]
    return table
