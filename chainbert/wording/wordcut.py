"""Where the words of a Chinese text begin and end, asked only around what was found in it."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate
from typing import Protocol

from chainbert.wording.cutting import segmenter
from chainbert.wording.folding import HAN, folded, is_han
from chainbert.wording.tokenizer import Tokenizer

_HAN_RUN = re.compile(rf"[{HAN}]+")


class Cutter(Protocol):
    """Anything that cuts Chinese into words which, joined again, are the text; rjieba.Jieba is one."""

    def cut(self, text: str) -> list[str]:
        """The words in their order, none left out."""
        ...


class WordCut:
    """Tells whether a stretch of text cuts a word in two."""

    def __init__(self, tokenizer: Tokenizer | Cutter | None, words: Sequence[str]) -> None:
        """``words``, the phrases looked for, are known to the segmenter beside the lexicon and a tokenizer's own words.

        A cutter cuts as it does.
        """
        if tokenizer is None or isinstance(tokenizer, Tokenizer):
            known = map(folded, (*words, *(tokenizer.words if tokenizer else ())))
            tokenizer = segmenter(frozenset(word for word in known if len(word) > 1 and is_han(word)))
        self._cutter: Cutter = tokenizer
        self._run = (-1, -1)
        self._text = ""
        self._edges: list[int] = []

    def straddles(self, text: str, start: int, end: int) -> bool:
        """Whether text[start:end] begins inside a word and ends beyond it."""
        before = text[start - 1 : start] if start else ""
        if not (is_han(before) and is_han(text[start])):
            return False
        if self._text is not text or not self._run[0] < start < self._run[1]:
            self._cut_around(text, start)
        place = bisect_left(self._edges, start)
        return place < len(self._edges) and start < self._edges[place] < end

    def _cut_around(self, text: str, place: int) -> None:
        first = place
        while first and is_han(text[first - 1]):
            first -= 1
        run = _HAN_RUN.match(text, first)
        written = run.group() if run else ""
        self._text, self._run = text, (first, first + len(written))
        self._edges = list(accumulate((len(word) for word in self._cutter.cut(written)), initial=first))
