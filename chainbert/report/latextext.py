"""Plain text as XeLaTeX prints it, and the fonts that Chinese needs there."""

from __future__ import annotations

import re

# Controls, line separators, directions, halves of characters: no font prints them, and XeLaTeX refuses some.
_UNPRINTED = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]+")
_CHINESE = re.compile("[\u2e80-\u303f\u3400-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U000323af]")
_PRINTED = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "`": r"\textasciigrave{}",
    '"': r"\textquotedbl{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    # A bracket or star after the end of a row would be its argument.
    "[": "{[}",
    "]": "{]}",
    "*": "{*}",
    # Not in the letters of Latin Modern, XeLaTeX's own font.
    "χ": r"$\chi$",
    "−": "$-$",
    "×": r"$\times$",
    # xeCJK takes it for a Chinese sign and drops the spaces beside it.
    "·": r"$\cdot$",
    **{special: f"\\{special}" for special in "&%$#_{}"},
}
_SPECIAL = re.compile("[" + re.escape("".join(_PRINTED)) + "]|-(?=-)")
# TeX breaks a line after a dash.
_RANGE = re.compile(r"\([^\s()]*–[^\s()]*\)")
# Fonts with the characters of both standards first, then the one that TeX Live and MiKTeX bring, by its file.
_FONTS = (
    *("Noto Serif CJK SC", "Source Han Serif SC", "FandolSong-Regular.otf", "Songti SC", "SimSun"),
    *("WenQuanYi Zen Hei", "Noto Sans CJK SC"),
)
CHINESE = (
    r"\usepackage{xeCJK}",
    "".join(rf"\IfFontExistsTF{{{one}}}{{\setCJKmainfont{{{one}}}}}{{" for one in _FONTS) + "}" * len(_FONTS),
)
"""Lines of a document's head that print Chinese, in the first of some fonts that the machine has."""


def escaped(text: str) -> str:
    """Text that XeLaTeX prints as it is: no character of it is a command, and -- stays two hyphens.

    Line ends, controls and runs of blanks are one space; a number keeps its %, an interval in brackets stays whole.
    """
    printed = " ".join(_UNPRINTED.sub(" ", text).split())
    plain = _SPECIAL.sub(lambda found: _PRINTED.get(found.group(), "-{}"), printed)
    return _RANGE.sub(lambda found: rf"\mbox{{{found.group()}}}", plain.replace(r" \%", r"~\%"))


def has_chinese(text: str) -> bool:
    """Whether a text needs a Chinese font."""
    return bool(_CHINESE.search(text))
