"""What counts as a word: decided once for every distinct word of a set of texts."""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Literal, TypeAlias

import simplemma
import snowballstemmer

from chainbert.companies.decoding import simplified
from chainbert.errors import ConfigError, DataError
from chainbert.wording.folding import HAN, is_han

English: TypeAlias = Literal["words", "stems", "lemmas"]

# Letters and digits of one script, joined inside by -, &, + or an apostrophe: e-commerce, r&d, people's, c++.
LETTER = rf"[^\W_{HAN}]"
LATIN = rf"{LETTER}+(?:[-&+'’]{LETTER}+)*\+*"

LEFT_OUT = -1
"""In the place of a stop word, a number, a single letter or character, a city."""
BREAK = -2
"""In the place of punctuation, a line's end, an emoji: what stands on either side is not next to each other."""

_FOLDER = Path(__file__).parent
_LATIN_WORD = re.compile(LATIN)
# 三个, 十一, 万元, 第二次: numbers with or without a measure word.
_COUNT = re.compile(
    "[第每]?[零〇一二两三四五六七八九十百千万亿几半]++[余多]?"
    "[个家条份张次年月日天位只本枚套台笔件处间支块下遍步成分元倍股类项种层级款万亿]*"
)


class Vocabulary:
    """Terms by their id, and for every word as it is cut its term's id, LEFT_OUT or BREAK."""

    def __init__(self, words: frozenset[str], stop_words: frozenset[str], english: English) -> None:
        self.terms: list[str] = []
        self._ids: dict[str, int] = {}
        self._words = words - stop_words
        self._stop_words = shipped_stop_words() | stop_words
        self._form = FORMS[english]
        self._lock = threading.Lock()
        self.han = _Decided(self._of_han)
        self.latin = _Decided(self._of_latin)
        self.foreign = _Decided(self._of_foreign)
        """As latin, for texts neither Chinese nor English: no stop words, no English forms."""

    def _id(self, term: str) -> int:
        if not term:
            return LEFT_OUT
        with self._lock:
            found = self._ids.setdefault(term, len(self._ids))
            if found == len(self.terms):
                self.terms.append(term)
        return found

    def _of_han(self, word: str) -> int:
        says_something = len(word) > 1 and word not in self._stop_words and not _COUNT.fullmatch(word)
        return self._id(word if says_something or word in self._words else "")

    def _of_latin(self, written: str) -> int:
        if not written[0].isalnum():
            return BREAK
        if (word := _plain(written)) in self._words:
            return self._id(word)
        if word in self._stop_words or (bare := _bare(word)) in self._stop_words:
            return LEFT_OUT
        form = self._form(bare) if bare else ""
        return LEFT_OUT if form in self._stop_words else self._id(form)

    def _of_foreign(self, written: str) -> int:
        return self._id(_bare(_plain(written))) if written[0].isalnum() else BREAK


class _Decided(dict[str, int]):
    """A word → its id, asked for once."""

    def __init__(self, decide: Callable[[str], int]) -> None:
        super().__init__()
        self._decide = decide

    def __missing__(self, word: str) -> int:
        found = self[word] = self._decide(word)
        return found


def _plain(written: str) -> str:
    return written.lower().replace("’", "'")


def _bare(word: str) -> str:
    """Without a possessive ending; "" for what is no word."""
    if not any(letter.isalpha() for letter in word):
        return ""
    bare = word.removesuffix("'s").replace("'", "")
    return bare if len(bare) > 1 else ""


def _as_written(word: str) -> str:
    return word


def _stem(word: str) -> str:
    return _last_part(word, _stemmer().stemWord)


def _lemma(word: str) -> str:
    return _last_part(word, lambda part: simplemma.lemmatize(part, "en").lower())


def _last_part(word: str, form: Callable[[str], str]) -> str:
    """The form of a word of ASCII letters, or of the part after the last hyphen: smart-contracts, smart-contract."""
    head, hyphen, last = word.rpartition("-")
    return f"{head}{hyphen}{form(last)}" if last.isascii() and last.isalpha() else word


FORMS: dict[English, Callable[[str], str]] = {"words": _as_written, "stems": _stem, "lemmas": _lemma}


@cache
def _stemmer() -> snowballstemmer.EnglishStemmer:
    return snowballstemmer.stemmer("english")


def read_as_texts(words: Iterable[str], what: str, shortest: int) -> frozenset[str]:
    """Words as they stand in texts that were made readable: NFKC, simplified, lower case.

    Raises DataError for a word that no text can be cut into: with blanks, of two scripts, or with fewer than
    ``shortest`` Chinese characters.
    """
    read = {word: _plain(simplified(unicodedata.normalize("NFKC", word.strip()))) for word in words}
    for word, plain in read.items():
        if not (_LATIN_WORD.fullmatch(plain) or (is_han(plain) and len(plain) >= shortest)):
            raise DataError(
                f"{word!r} found among the {what}; {shortest} or more Chinese characters and nothing else, or other "
                "letters and digits without blanks, are expected: texts are cut where the script changes"
            )
    return frozenset(read.values())


def read_words(path: Path) -> tuple[str, ...]:
    """The words of a UTF-8 file, separated by blanks or lines; lines that begin with # are left out.

    Raises ConfigError where the file cannot be read.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}; a UTF-8 file of words, one or more a line, is expected") from error
    return tuple(word for line in lines if not line.startswith("#") for word in line.split())


@cache
def shipped_words() -> tuple[str, ...]:
    """The project's lexicon: words that the segmenter's own dictionary would cut in two."""
    return read_words(_FOLDER / "lexicon.txt")


@cache
def shipped_stop_words() -> frozenset[str]:
    """Function words and company boilerplate in both languages."""
    return frozenset(read_words(_FOLDER / "stopwords.txt"))
