"""Texts in either script → their words, many texts at once."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy import sparse

from chainbert.errors import DataError
from chainbert.wording.cutting import AT_BORDER, cut, prepare, segmenter
from chainbert.wording.folding import is_han
from chainbert.wording.matrix import Ids, TermMatrix, TermSequence, count, sorted_matrix
from chainbert.wording.reading import readable
from chainbert.wording.vocabulary import BREAK, FORMS, LEFT_OUT, English, Vocabulary, read_as_texts

LANGUAGES = ("zh", "en", "other")

# Few enough for their arrays to stay in a processor's cache.
_CHARACTERS_A_CHUNK = 200_000
_LARGEST_VOCABULARY = 1_000_000


class _Chunk(NamedTuple):
    """Some texts' words: ids into ``terms``, LEFT_OUT or BREAK, and how many each text has."""

    terms: list[str]
    ids: Ids
    lengths: Ids


class Tokenizer:
    """Cuts Chinese with the project's lexicon and a user's words, everything else at its signs, and drops stop words.

    ``words`` are kept whole and never dropped (unless they are in ``stop_words`` too); ``stop_words`` are dropped
    besides the shipped ones. Both are read as texts are: 區塊鏈 is 区块链. ``english`` says what stands for a word
    in Latin letters in Chinese and English texts: the word, its stem (Porter 2) or its lemma; texts in other languages
    keep their words, stop words included. Making one reads no dictionary; the first text does.
    Raises DataError for another ``english``, and for words that no text can be cut into.
    """

    def __init__(self, words: Iterable[str] = (), stop_words: Iterable[str] = (), english: English = "words") -> None:
        if english not in FORMS:
            raise DataError(f"english = {english!r} found; expected one of {', '.join(FORMS)}")
        self.words, self.stop_words = tuple(words), tuple(stop_words)
        self.english: English = english
        self._words = read_as_texts(self.words, "words", shortest=2)
        self._stop_words = read_as_texts(self.stop_words, "stop words", shortest=1)
        self._chinese = frozenset(word for word in self._words if is_han(word))
        self._vocabulary: Vocabulary | None = None

    def __reduce__(self) -> tuple[object, tuple[tuple[str, ...], tuple[str, ...], English]]:
        # A worker process keeps the one it made for the first chunk, with the vocabulary it has learnt.
        return _remade, (self.words, self.stop_words, self.english)

    def tokens(self, text: str, language: str) -> list[str]:
        """The terms of one text in their order; ``language`` is "zh", "en" or "other"."""
        vocabulary = self._current()
        return [vocabulary.terms[one] for one in self._cut([text], [language], vocabulary).tolist() if one >= 0]

    def sequence(self, texts: Sequence[str], languages: Sequence[str], *, workers: int = 1) -> TermSequence:
        """The terms of n texts in their order, with marks where something was left out or a sign stood.

        ``languages`` (n,) "zh", "en" or "other"; ``workers`` processes share the work, results are the same for any
        number. Raises DataError where the lengths differ, for another language, and for texts that are no strings.
        """
        ids, lengths, place = _joined(self._chunks(texts, languages, workers))
        terms = np.array(sorted(place), dtype=object)
        order = np.fromiter((place[term] for term in terms), dtype=np.int64, count=len(terms))
        rank = np.zeros(len(terms), dtype=np.int32)
        rank[order] = np.arange(len(terms), dtype=np.int32)
        known = ids >= 0
        ids[known] = rank[ids[known]]
        return TermSequence(ids, lengths, terms)

    def matrix(
        self, texts: Sequence[str], languages: Sequence[str], *, ngrams: int = 1, workers: int = 1
    ) -> TermMatrix:
        """How often each of n texts uses each term, and each run of up to ``ngrams`` terms: see ``count``.

        Without runs, a row counts what ``tokens`` gives for its text. Arguments and errors are those of ``sequence``.
        """
        if ngrams != 1:
            return count(self.sequence(texts, languages, workers=workers), ngrams)
        ids, lengths, place = _joined(map(_without_marks, self._chunks(texts, languages, workers)))
        starts = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
        starts = starts.astype(np.int32) if starts[-1] <= np.iinfo(np.int32).max else starts
        counts = sparse.csr_array((np.ones(len(ids), dtype=np.int32), ids, starts), (len(lengths), len(place)))
        matrix = sorted_matrix(counts, np.array(list(place), dtype=object))
        matrix.counts.sum_duplicates()
        return matrix

    def _chunks(self, texts: Sequence[str], languages: Sequence[str], workers: int) -> Iterator[_Chunk]:
        if len(texts) != len(languages):
            raise DataError(f"{len(texts):,} texts and {len(languages):,} languages found; one a text is expected")
        if workers < 1:
            raise DataError(f"workers = {workers} found; at least 1 process is expected")
        spans = list(_spans(texts))
        parts = ((self, list(texts[start:end]), list(languages[start:end])) for start, end in spans)
        if workers == 1 or len(spans) < 2:
            yield from map(_read_by, parts)
            return
        # Spawned, not forked: the parent may hold locks of other threads (torch), which a fork would keep locked.
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(workers, mp_context=context) as pool:
            yield from pool.map(_read_by, parts)

    def _read(self, texts: list[str], languages: list[str]) -> _Chunk:
        vocabulary = self._current()
        ids = self._cut(texts, languages, vocabulary)
        borders = np.flatnonzero(ids == AT_BORDER)
        lengths = np.diff(borders, prepend=-1, append=len(ids)) - 1
        ids = ids[ids != AT_BORDER]
        # The last two places are those of LEFT_OUT and BREAK, which count from the end.
        place = np.zeros(len(vocabulary.terms) + 2, dtype=np.int32)
        place[ids] = 1
        used = np.flatnonzero(place[:-2])
        place[used] = np.arange(len(used), dtype=np.int32)
        place[-2:] = BREAK, LEFT_OUT
        return _Chunk([vocabulary.terms[one] for one in used.tolist()], place[ids], lengths.astype(np.int32))

    def _cut(self, texts: list[str], languages: list[str], vocabulary: Vocabulary) -> Ids:
        for language in set(languages) - set(LANGUAGES):
            raise DataError(f"language {language!r} found; expected one of {', '.join(LANGUAGES)}")
        foreign = np.array([language == "other" for language in languages], dtype=np.bool_)
        return cut(readable(texts), foreign, segmenter(self._chinese), vocabulary)

    def _current(self) -> Vocabulary:
        # Long-lived tokenizers of hostile texts would fill the memory with words seen once.
        if self._vocabulary is None or len(self._vocabulary.terms) > _LARGEST_VOCABULARY:
            self._vocabulary = prepare(Vocabulary(self._words, self._stop_words, self.english))
        return self._vocabulary


@lru_cache(maxsize=8)
def _remade(words: tuple[str, ...], stop_words: tuple[str, ...], english: English) -> Tokenizer:
    return Tokenizer(words, stop_words, english)


def _read_by(part: tuple[Tokenizer, list[str], list[str]]) -> _Chunk:
    tokenizer, texts, languages = part
    return tokenizer._read(texts, languages)


def _spans(texts: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Starts and ends of runs of texts with few enough characters to be cut at once; a long text is a run alone."""
    start = size = 0
    for row, text in enumerate(texts):
        # What is no string is found, and told, when its chunk is read.
        length = len(text) + 1 if isinstance(text, str) else 1
        if size + length > _CHARACTERS_A_CHUNK and row > start:
            yield start, row
            start, size = row, 0
        size += length
    if len(texts) > start:
        yield start, len(texts)


def _without_marks(chunk: _Chunk) -> _Chunk:
    """A chunk's terms only."""
    kept = chunk.ids >= 0
    before = np.concatenate([[0], np.cumsum(kept)])
    ends = np.cumsum(chunk.lengths)
    lengths = before[ends] - before[ends - chunk.lengths]
    return _Chunk(chunk.terms, chunk.ids[kept], lengths.astype(np.int32))


def _joined(chunks: Iterable[_Chunk]) -> tuple[Ids, Ids, dict[str, int]]:
    """The chunks' ids one after the other, the lengths of all texts, and every term's id."""
    place: dict[str, int] = {}
    ids, lengths = [np.zeros(0, dtype=np.int32)], [np.zeros(0, dtype=np.int32)]
    for chunk in chunks:
        here = [place.setdefault(term, len(place)) for term in chunk.terms]
        ids.append(np.array([*here, BREAK, LEFT_OUT], dtype=np.int32)[chunk.ids])
        lengths.append(chunk.lengths)
    return np.concatenate(ids), np.concatenate(lengths), place
