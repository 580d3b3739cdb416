"""A text → its words, in either script."""

from __future__ import annotations

from functools import cache

from chainbert.wording.tokenizer import Tokenizer


def tokens(text: str, language: str) -> list[str]:
    """The words of a text in their order, lower case, traditional characters as simplified ones.

    ``language`` is the text's main one, "zh", "en" or "other"; words of the other script are kept in each:
    a Chinese text with English words gives both. Chinese is segmented with rjieba and the lexicon in
    ``lexicon.txt``; English words keep their hyphens. Left out: numbers in either script (2018, 三个), single
    letters and characters, city names in either language, and the stop words in ``stopwords.txt`` (function
    words and company boilerplate; the English ones are kept in "other", where *die* and *an* may mean something
    else).
    Raises DataError for another language. For many texts, or words of one's own: ``Tokenizer``.
    """
    return _tokenizer().tokens(text, language)


@cache
def _tokenizer() -> Tokenizer:
    return Tokenizer()
