"""Texts joined by borders → the ids of their words, in one call of the segmenter."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import rjieba

from chainbert.wording.folding import HAN, POINTS, characters, points
from chainbert.wording.matrix import Ids
from chainbert.wording.reading import BORDER
from chainbert.wording.vocabulary import BREAK, LATIN, LETTER, Vocabulary, shipped_words

Flags: TypeAlias = npt.NDArray[np.bool_]

# What a character is, as bits: those of a stretch say what is in it.
_HAN, _LETTER, _SIGN, _BORDER = 1, 2, 4, 8
# What stands between two Chinese words when they are cut, in the place of a stretch with letters, with signs only,
# and with blanks only. None of these is in a dictionary, and the segmenter gives each back on its own.
_LETTERS, _SIGNS, _BLANKS = "\1", "\n", " "
AT_BORDER, _AT_LETTERS, _AT_BLANKS = -3, -4, -5
# Of what a stretch holds: what stands in its place.
_MARKS = np.array(
    [ord(_LETTERS if holds & _LETTER else _SIGNS if holds & _SIGN else _BLANKS) for holds in range(2 * _BORDER)],
    dtype=np.uint32,
)
_PIECE = re.compile(rf"{BORDER}|{LATIN}|(?:[^\w {BORDER}]|_)+")


def prepare(vocabulary: Vocabulary) -> Vocabulary:
    """The vocabulary, told what stands for borders and for stretches without Chinese characters."""
    vocabulary.han.update({BORDER: AT_BORDER, _LETTERS: _AT_LETTERS, _SIGNS: BREAK, _BLANKS: _AT_BLANKS})
    vocabulary.latin[BORDER] = vocabulary.foreign[BORDER] = AT_BORDER
    return vocabulary


def cut(joined: str, foreign: Flags, cutter: rjieba.Jieba, vocabulary: Vocabulary) -> Ids:
    """Ids of the words of texts joined by borders; ``foreign`` (texts,) whether a text is in another language."""
    found = points(joined)
    kinds = _kinds()[found]
    if not len(kinds):
        return np.zeros(0, dtype=np.int32)
    han, border = kinds == _HAN, kinds == _BORDER
    begins = np.ones(len(kinds), dtype=np.bool_)
    begins[1:] = (han[1:] != han[:-1]) | border[1:] | border[:-1]
    bounds = begins.nonzero()[0]
    holds = np.bitwise_or.reduceat(kinds, bounds)
    between = ((holds & (_HAN | _BORDER)) == 0).nonzero()[0]
    mark = _MARKS[holds[between]]
    marked = found.copy()
    marked[bounds[between]] = mark
    words = cutter.cut(characters(marked[begins | han]))
    ids = np.fromiter(map(vocabulary.han.__getitem__, words), dtype=np.int32, count=len(words))
    lettered = between[mark == ord(_LETTERS)]
    if len(lettered):
        starts, ends = bounds[lettered], np.append(bounds, len(joined))[lettered + 1]
        text = border.nonzero()[0].searchsorted(starts)
        pieces = [joined[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]
        ids = _filled(ids, *_latin(pieces, foreign[text], vocabulary))
    kept: Ids = ids[ids != _AT_BLANKS]
    return kept


def _latin(pieces: list[str], foreign: Flags, vocabulary: Vocabulary) -> tuple[Ids, Ids]:
    """Ids of the words and signs in stretches without Chinese characters, and how many each stretch has."""
    words = _PIECE.findall(BORDER.join(pieces) + BORDER)
    ids = np.fromiter(map(vocabulary.latin.__getitem__, words), dtype=np.int32, count=len(words))
    ends = (ids == AT_BORDER).nonzero()[0]
    lengths = ends.copy()
    lengths[1:] -= ends[:-1] + 1
    if foreign.any():
        others = np.fromiter(map(vocabulary.foreign.__getitem__, words), dtype=np.int32, count=len(words))
        ids = np.where(np.repeat(foreign, lengths + 1), others, ids)
    return ids[ids != AT_BORDER], lengths.astype(np.int32)


def _filled(ids: Ids, latin: Ids, lengths: Ids) -> Ids:
    """Ids with each stretch of letters replaced by its words."""
    here = ids == _AT_LETTERS
    room = np.ones(len(ids), dtype=np.int32)
    room[here] = lengths
    filled = np.repeat(ids, room)
    filled[np.repeat(here, room)] = latin
    return filled


@cache
def _kinds() -> npt.NDArray[np.uint8]:
    """Of every code point: a Chinese character, a letter or digit, a sign, a border, or (0) a blank."""
    kinds = np.full(POINTS, _SIGN, dtype=np.uint8)
    every = "".join(map(chr, range(POINTS)))
    for kind, pattern in ((_LETTER, LETTER), (_HAN, f"[{HAN}]")):
        for run in re.finditer(f"{pattern}+", every):
            kinds[run.start() : run.end()] = kind
    kinds[ord(" ")], kinds[ord(BORDER)] = 0, _BORDER
    return kinds


@lru_cache(maxsize=8)
def segmenter(words: frozenset[str]) -> rjieba.Jieba:
    """A segmenter that knows the project's lexicon and these words of Chinese characters."""
    # An instance of its own: rjieba.add_word would change how every other user of the process segments.
    cutter = rjieba.Jieba()
    for word in (*shipped_words(), *sorted(words)):
        cutter.add_word(word, None, None)
    return cutter
