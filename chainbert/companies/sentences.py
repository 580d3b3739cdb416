"""Sentences of Chinese and English prose, as exact places in the text."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

LONGEST = 600
_CLOSING = "”’\"'）)】」』》〉\\]"
# Full-width ends and line breaks always end a sentence; . ? ! only where what follows agrees.
_CANDIDATE = re.compile(rf"(?:[。！？；…!?]|\.(?=[。！？；…!?]))[。！？；…!?.]*[{_CLOSING}]*|\.+[{_CLOSING}]*|\n\s*")
_ALWAYS = re.compile(r"[。！？；…]")
_SPACE_OR_HAN = re.compile(r"\s|[\u3000-\u9fff\uff00-\uffef]|$")
_LAST_TOKEN = re.compile(r"(?:[A-Za-z.]+|\d+)$")
_NEXT_WORD = re.compile(r"\s*[\"'“‘(\[]?([^\s.,;:]*)")
_TITLE_WORDS = """
mr mrs ms dr prof st no nos vs e.g i.e eg ie cf fig figs vol pp dept univ assn bros approx est ca al jan feb
mar apr jun jul aug sep sept oct nov dec gen col rev hon mt ft art ext op tel
"""
_NEVER_LAST = frozenset(_TITLE_WORDS.split())
# A legal form ends a sentence unless the name goes on (Co. Ltd., Inc. Class H).
_LEGAL_FORMS = frozenset(("co", "ltd", "inc", "corp", "llc", "llp", "plc", "lp", "pte", "pty", "bhd", "etc"))
_NAME_GOES_ON = frozenset(("ltd", "limited", "inc", "llc", "llp", "lp", "plc", "class", "series", "kg", "co", "corp"))
# U.S., a.m.: only a word that opens sentences tells the end of one (in the U.S. The company …).
_INITIALS = re.compile(r"(?:[a-z]\.)+[a-z]|ph\.d")
_OPENING_WORDS = """
the it its in as this these that those we our they their he she a an at by on for from with since after before
through additionally further furthermore moreover also however founded headquartered established based
incorporated currently today there here to while when although what who all both each some many most such
products services customers clients
"""
_OPENERS = frozenset(_OPENING_WORDS.split())
_BREAKS = (re.compile(r"[;；]\s"), re.compile(r"[,，、：](?!\d)"), re.compile(r"\s"))
_WORD = re.compile(r"\w")
_FIRST_HAN = 0x2E80
_TOKEN_CHARACTERS = 40


def split_sentences(text: str) -> list[tuple[int, int]]:
    """Places (start, end) of the sentences of a text, in order, without overlap; only white space lies outside.

    Sentences end at 。！？；… with the quotes and brackets that close after them, at line breaks, and at . ! ?
    in Latin prose, but not within ``Co., Ltd.``, ``U.S.``, ``No. 3``, ``e.g.``, initials, decimals and addresses.
    One of more than 600 characters is cut after a semicolon, a comma or a blank. Time is linear in the length.
    """
    joined = _with_words(text, [place for place in _between(text, _ends(text)) if place[0] < place[1]])
    return [piece for start, end in joined for piece in _cut(text, start, end)]


def _ends(text: str) -> Iterator[int]:
    for match in _CANDIDATE.finditer(text):
        mark = match.group()
        if not mark.strip() or _ALWAYS.search(mark) or _ends_here(text, match.start(), match.end()):
            yield match.end()
    yield len(text)


def _ends_here(text: str, start: int, end: int) -> bool:
    """Whether the Latin . ! or ? at ``start`` ends a sentence; ``end`` is after its closing quotes."""
    if not _SPACE_OR_HAN.match(text, end):
        return False
    following = _NEXT_WORD.match(text, end)
    word = following.group(1) if following else ""
    if not word:
        return True
    if text[start] in "!?":
        return not word[0].islower()
    if text[start : start + 2] == "..":
        return word[0].isupper()
    token = _LAST_TOKEN.search(text, max(0, start - _TOKEN_CHARACTERS), start)
    return not word[0].islower() and not (token and _is_abbreviation(token.group(), word))


def _is_abbreviation(token: str, following: str) -> bool:
    """Whether the full stop after ``token`` belongs to it rather than to the sentence."""
    plain = token.lower()
    opens = following.lower() in _OPENERS and following[0].isupper()
    if plain in _NEVER_LAST or (token.isdigit() and len(token) <= 2):
        # "1. First item", "2.产品": the number opens its item.
        return not (opens and token.isdigit())
    if plain in _LEGAL_FORMS:
        return following.lower().rstrip(".") in _NAME_GOES_ON
    if _INITIALS.fullmatch(plain):
        return not opens and ord(following[0]) < _FIRST_HAN
    if len(token) == 1 and token.isupper():
        return not opens or following.lower() in {"a", "an"}
    return False


def _between(text: str, ends: Iterator[int]) -> Iterator[tuple[int, int]]:
    start = 0
    for end in ends:
        piece = text[start:end]
        yield start + len(piece) - len(piece.lstrip()), max(start, end - len(piece) + len(piece.rstrip()))
        start = end


def _with_words(text: str, places: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Pieces of mere punctuation join the sentence before them (or, at the beginning, the one after)."""
    joined: list[tuple[int, int]] = []
    waiting: int | None = None
    for start, end in places:
        if _WORD.search(text, start, end):
            joined.append((start if waiting is None else waiting, end))
            waiting = None
        elif joined:
            joined[-1] = (joined[-1][0], end)
        elif waiting is None:
            waiting = start
    return joined if waiting is None else [(waiting, places[-1][1])]


def _cut(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """A sentence in pieces of at most 600 characters, about equally long, none of them blank at its ends."""
    while end - start > LONGEST:
        aim = math.ceil((end - start) / math.ceil((end - start) / LONGEST))
        window = (start + aim // 2, min(start + LONGEST, start + aim + aim // 4))
        at = next((places[-1] for pattern in _BREAKS if (places := _after(pattern, text, *window))), window[1])
        yield start, at - _blanks_before(text, start, at)
        start = at
        while text[start].isspace():
            start += 1
    yield start, end


def _after(pattern: re.Pattern[str], text: str, start: int, end: int) -> list[int]:
    return [match.end() for match in pattern.finditer(text, start, end)]


def _blanks_before(text: str, start: int, at: int) -> int:
    piece = text[start:at]
    return len(piece) - len(piece.rstrip())
