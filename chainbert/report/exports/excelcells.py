"""What a cell of Excel can hold, and what Excel would make of it."""

from __future__ import annotations

import re

LONGEST = 32_767
"""Characters of a cell, counted as Excel counts them: an emoji is two."""
# Also in the full-width forms that East Asian versions of Excel take for the same (OWASP, CSV injection).
_STARTS = tuple("=+-@＝＋－＠\t\r\n")
_NUMBER = re.compile(r"-[0-9]+(\.[0-9]+)?")


def starts_formula(text: str) -> bool:
    """Whether Excel may take a text that it reads from a file for a formula: by its first characters.

    A negative number is none.
    """
    if not (text.startswith(_STARTS) or text.lstrip().startswith(_STARTS)):
        return False
    return _NUMBER.fullmatch(text) is None


def fitting(text: str, limit: int = LONGEST) -> str:
    """The longest beginning of the text that a cell holds; no character is cut in two."""
    if len(text) <= limit // 2 or len(text.encode("utf-16-le")) <= 2 * limit:
        return text
    return text.encode("utf-16-le")[: 2 * limit].decode("utf-16-le", "ignore")
