"""A firm's names in every spelling under which another export may know it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import product

from pypinyin import lazy_pinyin
from rapidfuzz import fuzz

from chainbert.companies.cities import known_cities
from chainbert.companies.decoding import simplified
from chainbert.companies.fields import is_nothing

# How far two firms with the same spelling are the same firm, in [0, 1], by what the spelling is.
WHOLE = 1.0
CORE = 0.92
PART = 0.88
SHORT = 0.84
LONG_PINYIN = 0.86
SHORT_PINYIN = 0.80

NAME_COLUMNS = (
    *(
        "工商名称",
        "注册名",
        "注册名称",
        "公司全称",
        "公司名称",
        "企业名称",
        "全称",
        "曾用名",
        "别名",
        "英文名",
        "英文名称",
    ),
    *("legal_name", "legal name", "registered_name", "registered name", "company_name", "full_name", "former_name"),
    *("english_name", "name_en", "name_zh", "chinese_name", "alias", "aliases", "also_known_as"),
)
"""Columns that exports keep a firm's other names in, compared without regard to case."""

_HAN = re.compile(r"[\u3400-\u9fff]")
_RUNS = re.compile(r"[\u3400-\u9fff]+|[^\u3400-\u9fff]+")
_BRACKETS = re.compile(r"[(\[【〔「『《](.*?)[)\]】〕」』》]")
_SIGNS = re.compile(r"[\W_]+")
_PARTS = re.compile(r"[/|;:、·・•]|\s[-–—]\s|(?<=[\u3400-\u9fff])[-–—]|[-–—](?=[\u3400-\u9fff])|——")
_SEVERAL = re.compile(r"[、;；|\n]")
_CHINESE_FORMS = re.compile(
    r"(?:(?:股份|集团|控股)*(?:有限责任|股份有限|有限|无限|股份)?公司|有限合伙|普通合伙|个体工商户|集团|股份|合伙企业)$"
)
_LATIN_FORMS = re.compile(
    r"[\s,.]+(?:co|ltd|inc|llc|llp|lp|corp|plc|gmbh|ag|sa|bv|pte|pty|limited|company|corporation|incorporated|group|"
    r"holdings?)\.?$"
)
# What a firm does; many names end so, and exports differ in whether they say it.
_CHINESE_TRADE_WORDS = """
科技 网络 信息 技术 数据 智能 软件 硬件 电子 通信 通讯 文化 传媒 传播 教育 医疗 健康 金融 投资 服务 咨询 管理 商务 贸易
系统 互联网 互联 互动 在线 平台 集团 控股 股份 发展 开发 实业 国际 中国 电子商务 供应链 物流 生物 医药 能源 环保 设备
工程 广告 影视 游戏 体育 旅游 汽车 制造 产业 数码 物联 物联网 云计算 大数据 人工智能 机器人 区块链 公司
"""
_LATIN_TRADE_WORDS = """
technology technologies tech network networks information software data systems system group holdings lab labs china
international digital online ai app platform protocol services solutions global media
"""
_CHINESE_TRADES, _LATIN_TRADES = _CHINESE_TRADE_WORDS.split(), _LATIN_TRADE_WORDS.split()
_CHINESE_TRADE = re.compile(rf"(?:{'|'.join(sorted(_CHINESE_TRADES, key=len, reverse=True))})$")
_LATIN_TRADE = re.compile(rf"[\s,.&]+(?:{'|'.join(_LATIN_TRADES)})$")
_NAMELESS = frozenset((*_CHINESE_TRADES, *_LATIN_TRADES, "ltd", "inc", "corp", "llc", "limited", "company", "the"))


@dataclass(frozen=True, slots=True)
class NameKeys:
    """Spellings → how far a firm with the same one is the same firm, in [0, 1]."""

    written: dict[str, float]
    """Simplified, half width, lower case, without signs and legal form."""
    pinyin: dict[str, float]
    """Of the Chinese spellings, to be met by another firm's Latin ones."""
    cores: frozenset[str]
    """Of the written ones those without place and trade, which can be compared letter by letter: in whole registered
    names most letters are those of thousands of firms."""

    @property
    def spoken(self) -> frozenset[str]:
        """The cores' pinyin."""
        return frozenset(map(_pinyin, self.cores)) & self.pinyin.keys()


def other_names(columns: Iterable[str]) -> list[str]:
    """Those of a table's columns that hold other names of the firm."""
    known = {name.casefold() for name in NAME_COLUMNS}
    return [column for column in columns if str(column).strip().casefold() in known]


def name_keys(names: Sequence[str]) -> NameKeys:
    """All spellings of a firm that goes by these names: brand, registered name, former ones.

    ``深圳市云杉(集团)网络科技有限公司`` gives ``深圳市云杉网络科技`` as a whole (1.0) and ``云杉`` as the core (0.84:
    two characters say little); ``Spruce云杉`` gives ``spruce`` and ``云杉`` as parts (0.88).
    """
    written: dict[str, float] = {}
    cores = set()
    for name in (one for given in names for one in _SEVERAL.split(given)):
        for key, core, weight in _spellings(name):
            cores.add(core)
            written[key] = max(weight, written.get(key, 0.0))
    pinyin: dict[str, float] = {}
    for key, weight in written.items():
        if len(spoken := _pinyin(key)) >= 4:
            pinyin[spoken] = max(min(weight, LONG_PINYIN if len(spoken) >= 8 else SHORT_PINYIN), pinyin.get(spoken, 0))
    return NameKeys(written, pinyin, frozenset(cores))


def likeness(one: NameKeys, other: NameKeys) -> float:
    """The closest two spellings, in [0, 1]: 1 where one is within the other, else the share of matching letters."""
    pairs = [
        *product(one.cores, other.cores),
        *product(one.spoken, filter(str.isascii, other.cores)),
        *product(filter(str.isascii, one.cores), other.spoken),
    ]
    return max((_alike(a, b) for a, b in pairs), default=0.0)


def same_digits(one: str, other: str) -> bool:
    """Whether both have the same digits: Phase 1 is not Phase 2, however alike."""
    return re.findall(r"\d+", one) == re.findall(r"\d+", other)


@lru_cache(maxsize=65_536)
def _pinyin(key: str) -> str:
    """Of a Chinese spelling, in one word; "" of any other."""
    spoken = "".join(lazy_pinyin(key)) if _HAN.search(key) else ""
    return spoken if spoken.isascii() else ""


def _alike(one: str, other: str) -> float:
    short, long = sorted((one, other), key=len)
    if short in long and _says_enough(short):
        return 1.0
    return fuzz.ratio(one, other) / 100


def _spellings(name: str) -> Iterator[tuple[str, str, float]]:
    """Spelling, its core, and its weight."""
    if is_nothing(name):
        return
    plain = " ".join(simplified(unicodedata.normalize("NFKC", name)).casefold().split())
    inside = [part for part in _BRACKETS.findall(plain) if not _bare(part)]
    outside = _BRACKETS.sub(" ", plain).strip()
    outside = re.sub(r"(?<=[\u3400-\u9fff]) (?=[\u3400-\u9fff])", "", outside)
    if places := [part for part in inside if _is_place(part)]:
        # A registered name's place is part of it: the firm of that name elsewhere is another one.
        inside = [part for part in inside if part not in places]
        outside = places[0] + ("" if _HAN.search(outside[:1]) else " ") + outside
    yield from _keys(outside, WHOLE, CORE)
    runs = _RUNS.findall(outside)
    parts = [*inside, *(_PARTS.split(outside) if _PARTS.search(outside) else ())]
    for part in (*parts, *(runs if len(runs) == 2 else ())):
        yield from _keys(part, PART, SHORT)
        inner = _RUNS.findall(part)
        if part not in runs and len(inner) == 2:
            for run in inner:
                yield from _keys(run, PART, SHORT)


def _keys(text: str, whole: float, core: float) -> Iterator[tuple[str, str, float]]:
    formless = _stripped(text.strip(), _CHINESE_FORMS, _LATIN_FORMS)
    key = _SIGNS.sub("", formless)
    if not _says_enough(key) or key in _NAMELESS:
        return
    short = _SIGNS.sub("", _stripped(_without_place(formless), _CHINESE_TRADE, _LATIN_TRADE))
    if short == key or not _says_enough(short) or short in _NAMELESS or _is_place(short):
        yield key, key, whole
        return
    yield key, short, whole
    brief = len(short) < (3 if _HAN.search(short) else 5)
    yield short, short, min(core, SHORT) if brief else core


def _stripped(text: str, chinese: re.Pattern[str], latin: re.Pattern[str]) -> str:
    """Without the endings, as long as a name is left."""
    while True:
        shorter = latin.sub("", chinese.sub("", text)).strip(" .,&-")
        if shorter == text or not _says_enough(_SIGNS.sub("", shorter)):
            return text
        text = shorter


def _bare(text: str) -> bool:
    """Whether only a legal form or a trade is said: (集团), (股份), (中国)."""
    return text in _NAMELESS or not _CHINESE_FORMS.sub("", text)


def _says_enough(key: str) -> bool:
    return len(_HAN.findall(key)) >= 2 or (len(key) >= 3 and not key.isdigit())


@cache
def _places() -> re.Pattern[str]:
    chinese = {name for city in known_cities() if city.province for name in (*city.chinese, city.province)}
    latin = {name.partition(" (")[0].casefold() for city in known_cities() if city.province for name in city.latin}
    han = "|".join(sorted((*filter(None, chinese), "中国"), key=len, reverse=True))
    words = "|".join(map(re.escape, sorted(filter(None, latin), key=len, reverse=True)))
    return re.compile(rf"(?:(?:{han})[省市]?)+|(?:{words}|china)(?:\s+|$)")


def _is_place(text: str) -> bool:
    return _places().fullmatch(text) is not None


def _without_place(text: str) -> str:
    match = _places().match(text)
    rest = text[match.end() :] if match else text
    return rest if _says_enough(_SIGNS.sub("", rest)) else text
