"""Many texts → one string that can be cut at once: one width, one script, no city names, borders between them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import opencc

from chainbert.companies import mask_cities
from chainbert.companies.cities import known_cities
from chainbert.companies.decoding import simplified
from chainbert.errors import DataError
from chainbert.wording.folding import LONE_SURROGATE, POINTS, points

BORDER = "\0"
"""Stands between two texts, and nowhere else."""

# Nearly every Chinese text has these and nothing else that NFKC would change; replacing them is much faster.
_WIDE_MARKS = str.maketrans("，；：！？（）", ",;:!?()")
# Python orders a run of combining marks by insertion, quadratic in its length; Unicode's stream-safe form has 30.
_LONGEST_MARKS = 30
_LONG = 1_000
# Below this, looking at every character costs less than finding where to look.
_SHORT = 400
# How far before a Chinese and a Latin name mask_cities looks (以上海外 is no city; "a Beijing-based firm"), and how far
# behind the longest ones (特别行政区; " municipality").
_BEFORE, _BEHIND = (5, 8), (8, 16)
_INSIDE = " ·•-,，"
_HAN_BEGINS = 0x3000


def readable(texts: Sequence[str]) -> str:
    """The texts joined by BORDER, without lone surrogates, in NFKC, simplified, with their cities masked.

    What it gives between two borders is what one text alone would give, up to the case of ``the city``.
    Raises DataError for what is not a string.
    """
    try:
        joined = BORDER.join(texts)
    except TypeError as error:
        row, found = next((row, text) for row, text in enumerate(texts) if not isinstance(text, str))
        raise DataError(f"text {row}: {found!r} of type {type(found).__name__} found; a string is expected") from error
    if joined.count(BORDER) >= len(texts):
        joined = BORDER.join(text.replace(BORDER, "\1") for text in texts)
    if LONE_SURROGATE.search(joined):
        joined = LONE_SURROGATE.sub(" ", joined)
    return _masked(simplified(_one_width(joined)))


def _one_width(joined: str) -> str:
    """NFKC of every text."""
    if joined.isascii():
        return joined
    for wide, narrow in _WIDE_MARKS.items():
        joined = joined.replace(chr(wide), chr(narrow))
    # No character combines with a border, so the texts can be looked at one by one.
    return BORDER.join(_normalized(text) for text in joined.split(BORDER))


def _normalized(text: str) -> str:
    if len(text) >= _LONG:
        text = _without_excess_marks(text)
    return text if unicodedata.is_normalized("NFKC", text) else unicodedata.normalize("NFKC", text)


def _without_excess_marks(text: str) -> str:
    """A text whose runs of combining marks end with the thirtieth."""
    marks = "".join(sorted(mark for mark in set(text) if all(map(unicodedata.combining, _parts(mark)))))
    if not marks:
        return text
    mark = f"[{re.escape(marks)}]"
    return re.sub(f"({mark}{{{_LONGEST_MARKS}}}){mark}+", r"\1", text)


def _parts(character: str) -> str:
    return unicodedata.normalize("NFKD", character)


def _masked(joined: str) -> str:
    """``mask_cities``, called only around the places where a name may begin: it looks at every character otherwise."""
    if len(joined) < _SHORT:
        return mask_cities(joined)
    candidates = _candidates(joined)
    if not candidates.size:
        return joined
    starts, ends = _windows(joined, candidates)
    pieces, done = [], 0
    for start, end in zip(starts, ends, strict=True):
        pieces += [joined[done:start], mask_cities(joined[start:end])]
        done = end
    return "".join([*pieces, joined[done:]])


def _candidates(joined: str) -> npt.NDArray[np.intp]:
    """Where the first two characters of a city's, a district's or a province's name stand."""
    first, second, pairs, _ = _openings()
    found = points(joined)
    places = np.flatnonzero(first[found[:-1]])
    places = places[second[found[places + 1]]]
    keys = found[places].astype(np.int64) * POINTS + found[places + 1]
    openings: npt.NDArray[np.intp] = places[pairs[np.minimum(np.searchsorted(pairs, keys), len(pairs) - 1)] == keys]
    return openings


def _windows(joined: str, candidates: npt.NDArray[np.intp]) -> tuple[list[int], list[int]]:
    """Starts and ends of disjoint stretches that hold all that ``mask_cities`` looks at for these candidates."""
    found = points(joined)
    latin = (found[candidates] < _HAN_BEGINS).astype(np.intp)
    reach = _openings().reach[latin]
    # A province and its city may have any number of blanks and commas between them.
    outside = np.append(np.flatnonzero(~_between()[found]), len(joined))
    near = np.minimum(candidates + reach, len(joined))
    behind = outside[np.searchsorted(outside, near)]
    ends = np.minimum(np.where(behind > near, behind + reach, near), len(joined))
    ends = np.maximum.accumulate(ends)
    starts = np.minimum.accumulate(np.maximum(candidates - np.array(_BEFORE)[latin], 0)[::-1])[::-1]
    apart = starts[1:] > ends[:-1]
    return starts[np.append(True, apart)].tolist(), ends[np.append(apart, True)].tolist()


@cache
def _between() -> npt.NDArray[np.bool_]:
    inside = np.zeros(POINTS, dtype=np.bool_)
    inside[[ord(mark) for mark in _INSIDE]] = True
    return inside


class _Openings(NamedTuple):
    """How the names of cities, districts and provinces begin."""

    first: npt.NDArray[np.bool_]
    second: npt.NDArray[np.bool_]
    pairs: npt.NDArray[np.int64]
    """Sorted keys of first and second characters together."""
    reach: npt.NDArray[np.intp]
    """How far the longest Chinese name and the longest Latin one reach with what may follow them."""


@cache
def _openings() -> _Openings:
    home = [city for city in known_cities() if city.province]
    chinese = {name for city in home for name in (city.province, *city.chinese, *(zh for zh, _ in city.districts))}
    chinese |= set(opencc.OpenCC("s2t").convert("\n".join(sorted(chinese))).split("\n"))
    latin = {name for city in home for name in (*city.latin, *(en for _, en in city.districts))}
    # I without its dot and with it, the long s and the sign of kelvin are i, s and k where case is ignored.
    pairs = {(name[0], name[1]) for name in chinese if len(name) > 1} | {
        (name[0], other) for name in latin if len(name) > 1 for other in (name[1].lower(), name[1].upper(), *"ıİſK")
    }
    first, second = np.zeros(POINTS, dtype=np.bool_), np.zeros(POINTS, dtype=np.bool_)
    first[[ord(one) for one, _ in pairs]] = True
    second[[ord(other) for _, other in pairs]] = True
    keys = np.array(sorted(ord(one) * POINTS + ord(other) for one, other in pairs), dtype=np.int64)
    longest = np.array([max(map(len, chinese)), max(map(len, latin))])
    return _Openings(first, second, keys, longest + np.array(_BEHIND))
