"""City names in either script, with province or district, → one English name."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from chainbert.companies.decoding import simplified
from chainbert.companies.fields import is_nothing

_TABLE = Path(__file__).with_name("cities.tsv")
_HAN = re.compile(r"[\u3400-\u9fff]")
# A hyphen separates Chinese names (北京-朝阳区) but belongs to Latin ones (Saint-Denis) unless blanks surround it.
_SEPARATORS = re.compile(r"\s*[·•・,，、/|;()（）>]\s*|\s+[-–—]\s+|(?<=[\u3400-\u9fff])\s*[-–—]\s*(?=[\u3400-\u9fff])")
_PROVINCE_ENDINGS = "省|壮族自治区|回族自治区|维吾尔自治区|自治区|特别行政区"
_LATIN_ENDINGS = re.compile(r"(?:city|shi|municipality|district|newarea|qu|province|sheng|sar|prefecture)$")


@dataclass(frozen=True, slots=True)
class City:
    """A city of the table in ``cities.tsv``."""

    name: str
    """The name used everywhere in chainbert."""
    province: str
    """Its province in simplified Chinese; "" abroad."""
    chinese: tuple[str, ...]
    latin: tuple[str, ...]
    bare: bool
    """Whether its bare Chinese name means the city wherever it stands in prose."""
    districts: tuple[tuple[str, str], ...]
    """(Chinese, Latin) names of districts and well-known quarters; either may be ""."""


@dataclass(frozen=True, slots=True)
class _Found:
    """What a piece of a place name is called in the table."""

    kind: str
    """``city``, ``province`` or ``district``."""
    name: str
    cities: tuple[City, ...] = ()


@cache
def known_cities() -> tuple[City, ...]:
    """All cities of the table, in its order."""
    lines = [line for line in _TABLE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    cities = []
    for line in lines[1:]:
        name, province, _, chinese, latin, bare, districts = line.split("\t")
        pairs = tuple((zh, en) for zh, _, en in (pair.partition("=") for pair in _listed(districts)))
        cities.append(City(name, province, _listed(chinese), (name, *_listed(latin)), bare == "yes", pairs))
    return tuple(cities)


@cache
def _provinces() -> dict[str, str]:
    """Every province name, as a key → its Chinese name."""
    lines = [line.split("\t") for line in _TABLE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return {_key(name): zh for _, zh, en, *_ in lines[1:] if zh for name in (zh, en)}


def _listed(cell: str) -> tuple[str, ...]:
    return tuple(part for part in cell.split("|") if part)


def _key(name: str) -> str:
    decomposed = unicodedata.normalize("NFKD", simplified(name)).casefold()
    return re.sub(r"[\s'’ʼ`.\-]", "", "".join(one for one in decomposed if not unicodedata.combining(one)))


@cache
def _index() -> dict[str, _Found]:
    """Key of any name → what it is; a name of a city and of another's district stays a city, the other coming after."""
    found: dict[str, _Found] = {}
    # "Taizhou (Jiangsu)" is also found under "Taizhou", after the city of just that name; the province decides.
    for city in sorted(known_cities(), key=lambda one: "(" in one.name):
        for name in (*city.chinese, *city.latin, city.name.partition(" (")[0]):
            _add(found, "city", name, city)
    for name, province in _provinces().items():
        found.setdefault(name, _Found("province", province))
    for city in known_cities():
        for names in city.districts:
            for name in filter(None, names):
                _add(found, "district", name, city)
    return found


def _add(found: dict[str, _Found], kind: str, name: str, city: City) -> None:
    key = _key(name)
    known = found.get(key, _Found(kind, key))
    if known.kind != "province" and city not in known.cities:
        found[key] = _Found(known.kind, key, (*known.cities, city))


@cache
def _chinese_pattern() -> re.Pattern[str]:
    """One name at a time from the left of an unseparated address: 广东省深圳市南山区."""
    names = {"city": [], "province": [], "district": []}  # type: dict[str, list[str]]
    for key, found in _index().items():
        if _HAN.match(key):
            names[found.kind].append(re.escape(key))
    longest = {kind: "|".join(sorted(keys, key=len, reverse=True)) for kind, keys in names.items()}
    return re.compile(
        rf"(?P<district>{longest['district']})|(?P<city>{longest['city']})(?:特别行政区|市辖区|地区|市)?"
        rf"|(?P<province>{longest['province']})(?:{_PROVINCE_ENDINGS})?"
    )


@lru_cache(maxsize=65_536)
def city_name(city: str, province: str = "") -> str:
    """The one English name of a city written in either script, read together with its province.

    ``北京``, ``Peking``, ``北京市海淀区``, ``北京 · 海淀区``, ``Haidian, Beijing`` and ``海淀区`` in the province
    北京 are all ``Beijing``. A city that the table does not know keeps its own text, as do a country or a province
    without a city; placeholders give "". ``city_name(city_name(x)) == city_name(x)``.
    """
    city, province = (" ".join(place.split()) for place in (city, province))
    city, province = ("" if is_nothing(place) else place for place in (city, province))
    inside = _pieces(city)
    around = _pieces(province)
    regions = {region for piece in (*around, *inside) for region in _regions(piece)}
    for kind in ("city", "district"):
        for piece in inside:
            if piece.kind == kind and (chosen := _choose(piece, regions, strict=kind == "district")):
                return chosen.name
    for piece in around:
        if piece.kind == "city":
            return piece.cities[0].name
    return _own(city or province)


def _choose(piece: _Found, regions: set[str], *, strict: bool) -> City | None:
    fitting = [city for city in piece.cities if city.province in regions]
    if fitting:
        return fitting[0]
    return None if strict and regions else piece.cities[0]


def _regions(piece: _Found) -> Iterable[str]:
    """The provinces a piece names: a province by name, a municipality by being one."""
    if piece.kind == "province":
        yield piece.name
    elif piece.kind == "city" and piece.cities[0].province in piece.cities[0].chinese:
        yield piece.cities[0].province


def _pieces(place: str) -> list[_Found]:
    """The known names in a place, from left to right."""
    whole = _index().get(_key(place))
    if whole is not None:
        return [whole]
    return [piece for part in _SEPARATORS.split(place) if part for piece in _in_part(part)]


def _in_part(part: str) -> list[_Found]:
    key = _key(part)
    if _HAN.match(key):
        pieces, position = [], 0
        while match := _chinese_pattern().match(key, position):
            kind = match.lastgroup or ""
            pieces.append(_index()[match[kind]])
            position = match.end()
        return pieces
    words = part.split()
    for length in (len(words), 2, 1):
        spelled = _key(" ".join(words[:length]))
        for candidate in (spelled, _LATIN_ENDINGS.sub("", spelled)):
            if found := _index().get(candidate):
                return [found]
    return []


def _own(place: str) -> str:
    parts = [part for part in _SEPARATORS.split(place) if part]
    return " · ".join(parts) if _HAN.search(place) and len(parts) > 1 else place
