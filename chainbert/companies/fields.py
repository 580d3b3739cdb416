"""One cell → one value: text, year, investors, website, and the many ways of writing "nothing"."""

from __future__ import annotations

import datetime
import json
import math
import re
import unicodedata
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

EARLIEST_YEAR = 1800
_NOTHING_WORDS = """
- -- --- — —— / \\ . ? empty e/m/p/t/y none null nil nan n/a na #n/a <na> unknown undisclosed tbd 无 暂无 無 暫無 没有
未知 不详 未透露 未透漏 未公开 未披露 投资方未透露 不公开 保密 待定 其他 创业者 創業者
"""
_NOTHING = frozenset(_NOTHING_WORDS.split())
# Lone surrogates come out of JSON escapes and cannot be stored; other control characters show as boxes.
_UNSTORABLE = re.compile("[\ud800-\udfff]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufeff]")
_ODD = re.compile("[\x00-\x08\x0b-\x1f\x7f\ufeff\ud800-\udfff]")
_COMPACT_DATE = re.compile(r"([12]\d{3})(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])")
_FOUR_DIGITS = re.compile(r"(?<!\d)\d{4}(?!\d)")
_CHINESE_YEAR = re.compile(r"([一二三四五六七八九〇零○]{4})年")
_CHINESE_DIGITS = str.maketrans("〇零○一二三四五六七八九", "000123456789")
# A separator inside brackets belongs to a name: 菜鸟网络（阿里、银泰）.
_OUTSIDE_BRACKETS = r"(?![^(（\[【]*[)）\]】])"
_SEPARATORS = re.compile(rf"[、,，;；|\n]{_OUTSIDE_BRACKETS}")
_SLASH = re.compile(rf"/{_OUTSIDE_BRACKETS}")
_LEGAL_FORM = re.compile(r"(?:co|ltd|inc|llc|llp|lp|l\.p|corp|plc|gmbh|ag|s\.?a|limited|company)\.?", re.IGNORECASE)
_ROLE = re.compile(r"[（(](?:领投|跟投|領投|lead)[）)]\s*$", re.IGNORECASE)
_INVESTOR_KEYS = ("投资方", "投资机构", "investor", "investors", "name")
_HOST = re.compile(r"(?:[\w-]+\.)+[^\W\d_][\w-]+(?::\d+)?")
# The database's own page of a company stands where its site was unknown.
_CATALOGUES = ("itjuzi.com", "crunchbase.com", "tianyancha.com", "qcc.com", "qichacha.com")


def is_nothing(text: str) -> bool:
    """Whether a cell only says that there is no value, as ``--``, ``empty``, ``e/m/p/t/y``, ``未透露``, ``N/A`` do."""
    return not text or text.strip().casefold() in _NOTHING


def cell_text(value: Any) -> str:  # noqa: ANN401 - a cell of any file format
    """A cell as text: None and NaN are "", whole floats lose their ``.0``, lists and objects become JSON."""
    if isinstance(value, str):
        return value.strip()
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        return value.date().isoformat()
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value).strip()


def storable(text: str) -> str:
    """Text without what a file cannot hold: lone surrogates become U+FFFD, NUL and its kind go, lines end in LF."""
    if _ODD.search(text) is None:
        return text
    text = _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    return _UNSTORABLE.sub("\ufffd", text).strip()


def is_storable(text: str) -> bool:
    """Whether neither NUL characters nor lone surrogates stand in the text."""
    return "\0" not in text and _UNSTORABLE.search(text) is None


def year_of(text: str, latest: int) -> int | None:
    """The year in a cell: ``2016``, ``2016年``, ``2016-05``, ``2016/5``, ``20160501``, ``May 2016``, ``二〇一六年``.

    None where there is no year, more than one, or one outside [1800, ``latest``].
    """
    if len(text) == 4 and text.isascii() and text.isdigit():
        years = {int(text)}
    else:
        plain = unicodedata.normalize("NFKC", text).strip()
        if compact := _COMPACT_DATE.fullmatch(plain):
            years = {int(compact[1])}
        elif written := _CHINESE_YEAR.search(plain):
            years = {int(written[1].translate(_CHINESE_DIGITS))}
        else:
            years = {int(match) for match in _FOUR_DIGITS.findall(plain)}
    if len(years) != 1:
        return None
    year = years.pop()
    return year if EARLIEST_YEAR <= year <= latest else None


def investors_of(value: Any) -> list[str]:  # noqa: ANN401 - a cell of any file format
    """Names in order, each once: a list, a list of rounds with their investors, or text that separates them.

    Separators are ``、 , ， ; ； |`` and line ends outside brackets, and ``/`` where none of those stands.
    """
    names: dict[str, None] = {}
    for text in _investor_texts(value):
        for name in _separated(storable(text)):
            if not is_nothing(name):
                names[name] = None
    return list(names)


def _investor_texts(value: Any) -> Iterable[str]:  # noqa: ANN401 - as above
    if isinstance(value, str) and value.startswith("["):
        try:
            value = json.loads(value)
        except (json.JSONDecodeError, RecursionError):
            return [value.strip("[]").replace("'", "").replace('"', "")]
    if isinstance(value, dict):
        value = next((value[key] for key in _INVESTOR_KEYS if key in value), None)
    if isinstance(value, list | tuple):
        return [text for item in value for text in _investor_texts(item)]
    return [text] if (text := cell_text(value)) else []


def _separated(text: str) -> list[str]:
    if is_nothing(text):
        return []
    parts = _SEPARATORS.split(text)
    if len(parts) == 1:
        parts = _SLASH.split(text)
    names: list[str] = []
    for part in (_ROLE.sub("", part).strip() for part in parts):
        if names and _LEGAL_FORM.fullmatch(part):
            names[-1] = f"{names[-1]}, {part}"
        elif part:
            names.append(part)
    return names


def website_of(text: str) -> str:
    """A company's address as ``scheme://host/path``, host in lower case; "" for none and for pages of catalogues."""
    text = unicodedata.normalize("NFKC", text).strip()
    if is_nothing(text):
        return ""
    address = re.split(r"[\s,;]", re.sub(r"^(https?)\s*:?[/\\]+", r"\1://", text, flags=re.IGNORECASE))[0]
    if "://" not in address:
        address = f"http://{address.lstrip('/')}"
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    host = parts.netloc.lower().rpartition("@")[2]
    if not _HOST.fullmatch(host) or any(host == site or host.endswith(f".{site}") for site in _CATALOGUES):
        return ""
    path = "" if parts.path == "/" and not parts.query else parts.path
    return f"{parts.scheme.lower()}://{host}{path}{'?' + parts.query if parts.query else ''}"
