"""The project's own list of investing institutions, and how a name in a table is found in it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from chainbert.errors import DataError
from chainbert.wording.folding import HAN, folded

ORIGINS = ("state", "global", "domestic")
COLUMNS = ("name_zh", "name_en", "aliases", "origin", "note")
_TABLE = Path(__file__).with_name("investornames.tsv")
_IGNORED = re.compile(r"[\s\-–—·•.,，、:'&()（）《》]+")
_HAN_PART = re.compile(f"[{HAN}]+")
_LATIN_PART = re.compile(rf"[^{HAN}]+")
_BRACKETS = re.compile(r"[(（\[【]([^)）\]】]*)[)）\]】]")
_DASH = re.compile(r"\s*[-–—]\s*")
# What an arm of an institution adds to its name: 腾讯 + 产业基金, 京东 + 集团.
_ARM = re.compile(
    "(?:资本|投资|创投|创业|风投|风险|战投|战略|基金|集团|控股|公司|有限|责任|股份|企业|管理|中国|亚洲|海外|国际|北京|上海|深圳|产业|母|天使|"
    "种子|金融|科技|金控|资管|资产|股权|私募|直投|直接|投资部|合伙|中心|孵化器|加速器|众创空间|生态|成长|美元|人民币|[一二三四五六七八九十]+期)+"
)
_LATIN_ARM = re.compile(
    r"(?:china|asia|group|holdings?|limited|ltd|inc|co|corp|corporation|company|llc|lp|llp|management|funds?|"
    r"investments?|advisors?|international|[ivx]+)+"
)
# Shorter ones are also the beginnings of other words.
_SHORTEST_HAN, _SHORTEST_LATIN = 2, 5
# Long enough to be nobody else's beginning: 华润创业 + 联和基金.
_DISTINCT_HAN = 4
_PLACE = re.compile("(?:中国|北京|上海|深圳|广州|杭州|南京|苏州|成都|武汉|天津|西安|重庆)市?")


@dataclass(frozen=True, slots=True)
class Institution:
    """A line of the list."""

    name_zh: str
    name_en: str
    aliases: tuple[str, ...]
    origin: str
    note: str

    @property
    def names(self) -> tuple[str, ...]:
        """All that it is called."""
        return tuple(name for name in (self.name_zh, self.name_en, *self.aliases) if name)


@cache
def institutions() -> tuple[Institution, ...]:
    """The list as it is shipped. Raises DataError for a line that does not fit."""
    lines = [line for line in _TABLE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    found = []
    for line in lines[1:]:
        cells = line.split("\t")
        if len(cells) != len(COLUMNS) or cells[3] not in ORIGINS or not any(cells[:3]):
            raise DataError(f"{_TABLE.name}: {line!r:.80}: {', '.join(COLUMNS)} were expected, origin one of {ORIGINS}")
        found.append(Institution(cells[0], cells[1], tuple(cells[2].split("|")) if cells[2] else (), *cells[3:]))
    return tuple(found)


def listed_origin(name: str) -> str:
    """The origin of a listed institution that the name is, names a part of, or joins to its other name; "" for none.

    Found are 腾讯, 腾讯产业基金 (an arm), GGV纪源资本 (both its names), 斯道资本(富达亚洲) (its house in brackets).
    The whole name goes before its parts, and what stands before brackets or a dash before what stands in them.
    """
    for part in _parts(name):
        if origin := _names().get(_key(part)) or _house(part):
            return origin
    return ""


def _parts(name: str) -> list[str]:
    inside = _BRACKETS.findall(name)
    outside = _BRACKETS.sub(" ", name)
    pieces = [piece for part in (outside, *inside) for piece in (part, *_DASH.split(part))]
    scripts = [part for piece in pieces for pattern in (_HAN_PART, _LATIN_PART) for part in pattern.findall(piece)]
    return [part for part in dict.fromkeys((name, *pieces, *scripts)) if len(_key(part)) > 1]


def _house(part: str) -> str:
    """The origin of the longest listed name that the part is an arm of, a place before it left aside."""
    key = _key(part)
    if origin := _arm_of(key):
        return origin
    place = _PLACE.match(key)
    rest = key[place.end() :] if place else ""
    return (_names().get(rest, "") or _arm_of(rest)) if len(rest) > _SHORTEST_HAN else ""


def _arm_of(key: str) -> str:
    arm, shortest = (_LATIN_ARM, _SHORTEST_LATIN) if key.isascii() else (_ARM, _SHORTEST_HAN)
    for length in range(min(len(key) - 1, max(map(len, _names()))), shortest - 1, -1):
        distinct = length >= _DISTINCT_HAN and not key[:length].isascii() and _HAN_PART.fullmatch(key[:length])
        if (origin := _names().get(key[:length])) and (distinct or arm.fullmatch(key, length)):
            return origin
    return ""


@cache
def _names() -> dict[str, str]:
    names: dict[str, str] = {}
    for institution in institutions():
        for name in institution.names:
            if names.setdefault(_key(name), institution.origin) != institution.origin:
                raise DataError(f"{_TABLE.name}: {name!r} is listed with two origins; one was expected")
    return names


def _key(name: str) -> str:
    return _IGNORED.sub("", folded(name))
