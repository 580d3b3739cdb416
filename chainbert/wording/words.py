"""A text → its words, in either script."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from pathlib import Path

import rjieba

from chainbert.companies import mask_cities
from chainbert.companies.decoding import simplified
from chainbert.errors import DataError

LANGUAGES = ("zh", "en", "other")

_FOLDER = Path(__file__).parent
_HAN = r"\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
# Letters and digits of one script, joined inside by -, &, + or an apostrophe: e-commerce, r&d, people's, c++.
_LETTER = rf"[^\W_{_HAN}]"
_RUN = re.compile(rf"(?P<han>[{_HAN}]+)|{_LETTER}+(?:[-&+'’]{_LETTER}+)*\+*")
# 三个, 十一, 万元, 第二次: numbers with or without a measure word.
_COUNT = re.compile(
    "[第每]?[零〇一二两三四五六七八九十百千万亿几半]+[余多]?[个家条份张次年月日天位只本枚套台笔件处间支块下遍步成分元倍股类项种层级款万亿]*"
)
# Halves of characters from a broken export; no dictionary can be asked about them.
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def tokens(text: str, language: str) -> list[str]:
    """The words of a text in their order, lower case, traditional characters as simplified ones.

    ``language`` is the text's main one, "zh", "en" or "other"; words of the other script are kept in each:
    a Chinese text with English words gives both. Chinese is segmented with rjieba and the lexicon in
    ``lexicon.txt``; English words keep their hyphens. Left out: numbers in either script (2018, 三个), single
    letters and characters, city names in either language, and the stop words in ``stopwords.txt`` (function
    words and company boilerplate; the English ones are kept in "other", where *die* and *an* may mean something
    else).
    Raises DataError for another language.
    """
    if language not in LANGUAGES:
        raise DataError(f"language {language!r} found; expected one of {', '.join(LANGUAGES)}")
    readable = mask_cities(simplified(unicodedata.normalize("NFKC", _LONE_SURROGATE.sub(" ", text))))
    found: list[str] = []
    for run in _RUN.finditer(readable):
        if run["han"]:
            found += (word for word in _segmenter().cut(run.group()) if _says_something(word))
        elif word := _latin_word(run.group(), stops=language != "other"):
            found.append(word)
    return found


def _says_something(word: str) -> bool:
    return len(word) > 1 and word not in _stop_words() and not _COUNT.fullmatch(word)


def _latin_word(written: str, *, stops: bool) -> str:
    """Lower case without a possessive ending; "" for what is no word."""
    word = written.lower().replace("’", "'")
    if (stops and word in _stop_words()) or not any(letter.isalpha() for letter in word):
        return ""
    word = word.removesuffix("'s").replace("'", "")
    return "" if len(word) < 2 or (stops and word in _stop_words()) else word


@cache
def _segmenter() -> rjieba.Jieba:
    # An instance of its own: rjieba.add_word would change how every other user of the process segments.
    segmenter = rjieba.Jieba()
    for word in _words("lexicon.txt"):
        segmenter.add_word(word, None, None)
    return segmenter


@cache
def _stop_words() -> frozenset[str]:
    return frozenset(_words("stopwords.txt"))


def _words(name: str) -> list[str]:
    lines = (_FOLDER / name).read_text(encoding="utf-8").splitlines()
    return [word for line in lines if not line.startswith("#") for word in line.split()]
