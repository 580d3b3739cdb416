"""How much of a text is shown on each side of a place, counted in words or in characters."""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

from chainbert.wording.folding import HAN

Unit = Literal["auto", "words", "characters"]
WORDS, CHARACTERS = 8, 20
_HAN = re.compile(f"[{HAN}]")
# A word with what joins it inside, or one Chinese character.
_WORD = re.compile(rf"[{HAN}]|[^\W{HAN}]+(?:[-'’&.][^\W{HAN}]+)*")
# No word of a language is longer; a "word" of 2 MB is cut there.
_LONGEST_WORD = 40
_JOINER = "\u200d"


def surroundings(text: str, start: int, end: int, window: int | None, unit: Unit) -> tuple[int, int]:
    """Where what is shown around text[start:end] begins and ends.

    ``window`` None: 8 words or 20 characters. ``unit`` auto: characters where a quarter or more of what stands
    within 20 characters is Chinese, else words.
    """
    if unit == "auto":
        near = text[max(0, start - CHARACTERS) : end + CHARACTERS]
        unit = "characters" if 4 * len(_HAN.findall(near)) >= len(near.replace(" ", "")) else "words"
    if unit == "characters":
        size = CHARACTERS if window is None else window
        left, right = max(0, start - size), min(len(text), end + size)
    else:
        size = WORDS if window is None else window
        reach = _LONGEST_WORD * size
        before = [match.start() for match in _WORD.finditer(text, max(0, start - reach), start)]
        after = [match.end() for match in _WORD.finditer(text, end, min(len(text), end + reach))]
        left = max(0, start - reach) if len(before) <= size else before[-size] if size else start
        right = min(len(text), end + reach) if len(after) <= size else after[size - 1] if size else end
    while left < start and cuts(text, left):
        left += 1
    while right > end and cuts(text, right):
        right -= 1
    return left, right


def cuts(text: str, place: int) -> bool:
    """Whether an edge at that place would part what is seen as one character (Unicode annex 29, in short)."""
    if not 0 < place < len(text):
        return False
    before, after = text[place - 1], text[place]
    if before < "\u0300" and after < "\u0300":
        return before == "\r" and after == "\n"
    if before == _JOINER or after == _JOINER or unicodedata.category(after) in ("Mn", "Me", "Mc"):
        return True
    if "\U0001f3fb" <= after <= "\U0001f3ff" or "\U000e0020" <= after <= "\U000e007f":  # skin tones, tags of flags
        return True
    if _is_regional(before) and _is_regional(after):
        first = place
        while first and _is_regional(text[first - 1]):
            first -= 1
        return (place - first) % 2 == 1
    return False


def _is_regional(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"
