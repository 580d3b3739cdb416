"""City names in a text → "the city": a text must not tell its city to what compares cities."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import Any

import opencc

from chainbert.companies.cities import City, known_cities

CHINESE_MASK = "本市"
_OPENING_MARKS = frozenset(".!?。！？")
# Words that contain a city's characters and do not mean it; they are matched first and stay.
_OTHER_WORDS = """
以上海外 年上海外 构成都 形成都 完成都 组成都 达成都 造成都 生成都 变成都 东西安全 西安全 强大连接 大连接 大连续 大连通
大连锁 混合肥料 复合肥料 混合肥 复合肥
经济南 长春藤 长春花 入海口 出海口 通海口 推广州 无锡焊 无锡膏
之前海 以前海 目前海 提前海 当前海 空前海 东莞尔 伦敦金 西宁静 波士顿矩阵 波士顿动力
"""
_NOT_CITIES = frozenset(_OTHER_WORDS.split())
_STATE_ENDINGS = "(?:特别行政区|市(?![场民值面区郊容政委]))?"


def mask_cities(text: str) -> str:
    """Text with city names in either script, and districts, replaced by ``本市`` or ``the city``.

    ``总部位于北京市海淀区`` → ``总部位于本市``; ``Based in Haidian, Beijing.`` → ``Based in the city.``;
    ``a Beijing-based firm`` → ``a city-based firm``. Provinces stay unless a city follows them. A text without
    city names comes back unchanged, cities outside China stay, and Chinese names that are also ordinary words
    (白银, 日照) count only with 市.
    """
    if not text.isascii():
        text = _chinese_pattern().sub(_chinese, text)
    return _latin_pattern().sub(_latin, text)


def _chinese(match: re.Match[str]) -> str:
    return match.group() if match["kept"] else CHINESE_MASK


def _latin(match: re.Match[str]) -> str:
    article = (match["article"] or "").strip()
    if article.lower() in {"a", "an"}:
        return f"{article[0]} city"
    if article:
        return f"{article} city"
    # A bounded look back: slicing from the beginning would make long texts quadratic.
    before = match.string[max(0, match.start() - 3) : match.start()]
    opens = match.start() == 0 or "\n" in before or before.rstrip()[-1:] in _OPENING_MARKS
    return "The city" if opens else "the city"


@cache
def _at_home() -> tuple[City, ...]:
    # A city abroad says where a company sells, which the comparison must see, and gives no Chinese city away.
    return tuple(city for city in known_cities() if city.province)


@cache
def _chinese_pattern() -> re.Pattern[str]:
    bare = _both_scripts(name for city in _at_home() if city.bare for name in city.chinese)
    marked = _both_scripts(f"{name}市" for city in _at_home() if not city.bare for name in city.chinese)
    districts = _both_scripts(chinese for city in _at_home() for chinese, _ in city.districts)
    # Right after its city a district also stands without its title: 北京昌平.
    stems = [stem for name in districts if len(stem := re.sub("(?:新[区區]|[区區县縣])$", "", name)) > 1]
    provinces = _both_scripts({city.province for city in _at_home()})
    kept = _both_scripts(_NOT_CITIES)
    city = rf"(?:{_any(provinces)}省?[ ·•\-,，]*)?(?:{_any(bare)}{_STATE_ENDINGS}|{_any(marked)})"
    return re.compile(
        rf"{_first([*bare, *marked, *districts, *provinces, *kept])}"
        rf"(?:(?P<kept>{_any(kept)})|{city}(?:[ ·•\-,，]*{_any(districts)}|{_any(stems)})?|{_any(districts)})"
    )


@cache
def _latin_pattern() -> re.Pattern[str]:
    names = [name for city in _at_home() for name in _latin_names(city)]
    # BeiJing and SHENZHEN too; the glance ahead asks for a capital, so that a canton is not Canton.
    city = f"(?i:{_any(name.lower() for name in names)})"
    district = _any(latin for city in _at_home() for _, latin in city.districts if latin)
    return re.compile(
        rf"(?=[A-Zta])(?<![^\W\d_\u3000-\u9fff])(?P<article>(?:[Tt]he|[Aa]n?)\s(?=[A-Z]))?(?=[A-Z])"
        rf"(?:{district}(?: [Dd]istrict)?,? (?:of )?(?={city}))?"
        rf"(?:{city}(?: [Cc]ity| [Mm]unicipality)?|{district} [Dd]istrict|{_any(_QUARTERS)})"
        r"(?![^\W\d_\u3000-\u9fff])"
    )


# Districts whose Latin name alone is unmistakable; Longhua or Guangming are also people and firms.
_QUARTER_WORDS = """
Haidian Zhongguancun Yizhuang Wangjing Pudong Xuhui Minhang Hongkou Yangpu Lujiazui Zhangjiang Caohejing
Futian Luohu Nanshan Qianhai Shekou Tianhe Panyu Nansha Yuhang Binjiang Kowloon
"""
_QUARTERS = frozenset(_QUARTER_WORDS.split())


def _latin_names(city: City) -> list[str]:
    plain = [name.partition(" (")[0] for name in city.latin]
    return [*plain, *(name.replace("'", "’") for name in plain if "'" in name)]


def _both_scripts(names: Iterable[str]) -> list[str]:
    simplified = "\n".join(names)
    return sorted(filter(None, {*simplified.split("\n"), *_traditional().convert(simplified).split("\n")}))


@cache
def _traditional() -> opencc.OpenCC:
    return opencc.OpenCC("s2t")


def _any(names: Iterable[str]) -> str:
    """Any of the names, the longest that fits, as a tree of characters: re tries a plain list one by one."""
    tree: dict[str, Any] = {}
    for name in names:
        branch = tree
        for character in name:
            branch = branch.setdefault(character, {})
        branch[""] = {}
    return _branch(tree)


def _branch(tree: dict[str, Any]) -> str:
    options = [re.escape(character) + _branch(rest) for character, rest in sorted(tree.items()) if character]
    if not options:
        return ""
    optional = "?" if "" in tree else ""
    return f"(?:{'|'.join(options)}){optional}"


def _first(names: Iterable[str]) -> str:
    """A glance ahead that rules most positions out before any name is tried."""
    return f"(?=[{re.escape(''.join(sorted({name[0] for name in names})))}])"
