"""The language of a text: Chinese, English or another, by its script and, for Latin letters, its words."""

from __future__ import annotations

import re

import py3langid

_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af]")
_KANA_OR_HANGUL = re.compile(r"[\u3041-\u309f\u30a1-\u30fa\u30fc\uac00-\ud7af\u1100-\u11ff]")
_LATIN_WORD = re.compile(r"[A-Za-z\u00c0-\u024f]+(?:['’-][A-Za-z\u00c0-\u024f]+)*")
_LETTER = re.compile(r"[^\W\d_]")
_ADDRESS_MARK = re.compile(r"://|www\.|@")
_ADDRESS = re.compile(r"https?://\S+|www\.\S+|\S+@\S+", re.IGNORECASE)
_COMMON_WORDS = "the of and in is a an to for with that its as by on are from which it was at"
_FUNCTION_WORDS = frozenset(_COMMON_WORDS.split())
_CODES = {
    "zh": ("zh", "cn", "chi", "zho", "chinese", "中文", "汉语", "漢語", "简体中文", "繁体中文", "繁體中文"),
    "en": ("en", "eng", "english", "英文", "英语", "英語"),
}
_LANGUAGES = {word: code for code, names in _CODES.items() for word in names}
# py3langid's guesses on fewer words than this are no better than chance; plain ASCII is then taken for English.
_FEWEST_WORDS = 8
_SHORT_WORDS = 12
_SAMPLE_CHARACTERS = 1000


def detect_language(text: str, *, prose: bool = True) -> str:
    """``zh`` (simplified or traditional), ``en`` or ``other``; "" has no language and is ``other``.

    One Chinese character weighs as much as one Latin word, so a Chinese text full of product names stays Chinese.
    Kana or hangul make a text ``other``; other scripts too. Latin text is judged by its function words, then by
    py3langid; a name (``prose=False``) in Latin letters counts as English, whatever its words resemble.
    """
    text = text[:_SAMPLE_CHARACTERS]
    if _ADDRESS_MARK.search(text):
        text = _ADDRESS.sub(" ", text)
    # Splitting at blanks is ten times faster than the pattern and as good where every letter is plain.
    words = text.split() if text.isascii() else _LATIN_WORD.findall(text)
    if not text.isascii():
        han = len(_HAN.findall(text))
        foreign = len(_KANA_OR_HANGUL.findall(text))
        # A lone の or ー is decoration in Chinese brand names; one in ten is a language.
        if foreign > 0.1 * (han + foreign) and foreign > 0.5 * len(words):
            return "other"
        if han and han >= len(words):
            return "zh"
        if 2 * sum(map(len, words)) < len(_LETTER.findall(text)) - han:
            return "other"
    if not words or (text.isascii() and not _LETTER.search(text)):
        return "other"
    return _latin_language(text, len(words)) if prose else "en"


def _latin_language(text: str, words: int) -> str:
    if text.isascii() and words < _FEWEST_WORDS:
        return "en"
    known = sum(map(_FUNCTION_WORDS.__contains__, text.lower().split()))
    if (known >= 2 and 10 * known >= words) or (known and text.isascii() and words < _SHORT_WORDS):
        return "en"
    code, _ = py3langid.classify(_HAN.sub(" ", text))
    return "en" if code == "en" else "other"


def language_code(given: str) -> str:
    """``zh`` or ``en`` for a code or name of that language (``zh-CN``, ``cn``, ``中文``, ``English``), else ""."""
    word = re.split(r"[-_\s(（]", given.strip().casefold())[0]
    return _LANGUAGES.get(word, "")
