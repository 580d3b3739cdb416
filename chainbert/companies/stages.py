"""Funding rounds in either language → a few stages that exports of any year have in common."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from chainbert.companies.fields import is_nothing

ROUND_COLUMNS = (
    *("rounds", "inves_round", "当前轮次", "最新轮次", "轮次", "融资轮次"),
    *("round", "last_round", "funding_round", "last_funding_type", "investment_stage"),
)
"""Columns that exports keep a firm's rounds in."""

_ROUND_KEYS = ("轮次", "round", "stage")
_TIME_KEYS = ("融资时间", "date", "time")


def _letters(letters: str) -> str:
    return rf"(?<![a-z])(?:pre-?)?{letters}\d*\+*(?![a-z])"


# The first that is found counts: a strategic round after an A round is said by its last word already.
_STAGES = tuple(
    (stage, re.compile(pattern))
    for stage, pattern in (
        ("none", "未融资|不需要融资|尚未获投|bootstrapped|unfunded"),
        ("listed or acquired", "上市(?!前)|新三板|新四板|收购|并购|(?<![a-z])ipo(?![a-z])|acqui|listed"),
        ("strategic", "战略|strategic|corporate"),
        ("seed or angel", "种子|天使|seed|angel|孵化"),
        ("C or later", _letters("[c-h]")),
        ("B", _letters("b")),
        ("A", _letters("a")),
    )
)


def stage_of(text: str) -> str:
    """``A+轮``, ``Series A`` and ``pre-A`` are A; "" where no round is said, ``other`` where it is none of these.

    A JSON list of rounds, as some exports have, counts by its last round.
    """
    said = _last_round(text)
    if is_nothing(said) or said in {"不明确", "未披露轮次"}:
        return ""
    plain = said.casefold()
    return next((stage for stage, pattern in _STAGES if pattern.search(plain)), "other")


def round_column(columns: Iterable[str]) -> str:
    """The first of a table's columns that holds rounds; "" for none."""
    known = {str(column).strip().casefold(): str(column) for column in columns}
    return next((known[name] for name in ROUND_COLUMNS if name in known), "")


def _last_round(text: str) -> str:
    if not text.startswith("["):
        return text.strip()
    try:
        rounds = [one for one in json.loads(text) if isinstance(one, dict)]
    except (json.JSONDecodeError, RecursionError, TypeError):
        return text.strip()
    timed = sorted(rounds, key=lambda one: _first(one, _TIME_KEYS))
    return _first(timed[-1], _ROUND_KEYS).strip() if timed else ""


def _first(entry: dict[str, object], keys: Iterable[str]) -> str:
    return next((str(entry[key]) for key in keys if entry.get(key)), "")
