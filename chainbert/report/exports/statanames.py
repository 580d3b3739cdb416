"""Names of variables for Stata: ASCII, at most 32 characters, each one different."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pypinyin import lazy_pinyin

LONGEST = 32
# Words that Stata or its matrix language keep for themselves ([U] 11.3, [M-2] reswords).
_KEPT = {
    *("aggregate", "array", "boolean", "break", "byte", "case", "catch", "class", "colvector", "complex", "const"),
    *("continue", "default", "delegate", "delete", "do", "double", "else", "eltypedef", "end", "enum", "explicit"),
    *("export", "external", "float", "for", "friend", "function", "global", "goto", "if", "in", "inline", "int"),
    *("local", "long", "null", "pragma", "protected", "quad", "rowvector", "short", "strl", "typedef", "typename"),
    *("using", "virtual", "with"),
}
_STRING_TYPE = re.compile(r"str\d+")


def stata_names(columns: Sequence[str]) -> dict[str, str]:
    """Column → name of its variable, in the order of the columns.

    Dots and everything else that Stata does not take become ``_``, Chinese its pinyin. A name that is too long loses
    characters where its longest parts are; one that is taken (letter case does not count) gets a number.
    """
    found: dict[str, str] = {}
    taken: set[str] = set()
    for place, column in enumerate(columns, start=1):
        base = _plain(column) or f"v{place}"
        name, number = _shortened(base, LONGEST), 2
        while name.casefold() in taken:
            end = f"_{number}"
            name, number = _shortened(base, LONGEST - len(end)) + end, number + 1
        taken.add(name.casefold())
        found[column] = name
    return found


def _plain(column: str) -> str:
    parts = lazy_pinyin(column, errors=lambda other: other) if re.search("[㐀-鿿]", column) else [column]
    name = re.sub(r"[^0-9A-Za-z]+", "_", "_".join(parts)).strip("_")
    if name.casefold() in _KEPT or _STRING_TYPE.fullmatch(name.casefold()):
        return f"{name}_"
    return f"v_{name}" if name[:1].isdigit() else name


def _shortened(name: str, limit: int) -> str:
    """``application_infrastructure_evidence`` → ``application_infrastruct_evidence``."""
    parts = name.split("_")
    # Many short parts cannot all be kept: the last one, which tells columns of one axis apart, and the first ones are.
    while len("_".join(parts)) > limit and len(parts) > limit // 4:
        del parts[len(parts) // 2]
    while (excess := len("_".join(parts)) - limit) > 0:
        longest = max(range(len(parts)), key=lambda one: (len(parts[one]), one))
        second = max((len(part) for place, part in enumerate(parts) if place != longest), default=0)
        cut = min(excess, max(1, len(parts[longest]) - second))
        parts[longest] = parts[longest][:-cut]
    return "_".join(parts)
