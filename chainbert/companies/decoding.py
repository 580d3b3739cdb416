"""Bytes of a text file → characters, for the encodings that Chinese company tables come in."""

from __future__ import annotations

import codecs
import re
from functools import cache

import opencc

from chainbert.errors import DataError

# UTF-32's little-endian mark begins with UTF-16's, so it is tried first.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_COMMON = frozenset(
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家种事"
    "成方多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心本前开但因只从想实日军者意无力它与长把机十民第公此已工"
    "使情明性知全三又关点正业外将两高间由问很最重并物手应战向头文体政美相见被利什二等产或新己制身果加西月话合回特代内信表化"
    "老给世位次度门任常先海通教儿原东声提立及比员解水名真论处走义各入几口认条平系气题活更别打女变四神总何电数安少报才结反受"
    "目太量再感建务做接必场件计管期市直德资命山金指克许统区保至队形社便空决治展马科司五基眼书非则听白界达光放强即像难且权思"
    "设式色路记南品住告类求据程北边死张该交规万取拉格望觉术领共确传师观清今切院让识候带导争运京深圳广州杭苏营网络技股份有限"
    "公简介城投融平台服务商提供专注客户企业互联智能云软硬医疗健康金融游戏旅育汽车研集团创始人轮零售供应链区块农食房电源材料"
)
_LEGACY = ("gb18030", "big5", "cp950", "big5hkscs")
_HAN_PAIR = re.compile(r"[\u3400-\u9fff、。，；：！？（）“”《》]{2}")
_SAMPLE_CHARACTERS = 200_000


@cache
def _simplifier() -> opencc.OpenCC:
    return opencc.OpenCC("t2s")


def simplified(text: str) -> str:
    """Traditional characters as simplified ones; anything else as it is."""
    return text if text.isascii() else str(_simplifier().convert(text))


def decode(raw: bytes, where: str) -> tuple[str, str]:
    """Characters of a file and the name of its encoding.

    A byte-order mark decides; without one UTF-16 shows by its zeros, then strict UTF-8 is tried, then GB18030
    against Big5: of those that decode strictly, the one with the greater share of common Chinese characters.
    Raises DataError when none fits, or when what comes out is not Chinese.
    """
    for mark, encoding in _MARKS:
        if raw.startswith(mark):
            return _marked(raw[len(mark) :], encoding, where), encoding
    if encoding := _unmarked_utf16(raw):
        return _marked(raw, encoding, where), encoding
    try:
        return raw.decode("utf-8"), "utf-8"
    except UnicodeDecodeError as error:
        readings = [(_commonness(text), text, encoding) for encoding in _LEGACY if (text := _strictly(raw, encoding))]
        # Lone ideographs between Latin letters are Windows-1252 quotes and accents misread, never Chinese.
        readings = [reading for reading in readings if _HAN_PAIR.search(reading[1])]
        if not readings:
            line = raw[: error.start].count(b"\n") + 1
            raise DataError(
                f"{where}:{line}: byte 0x{raw[error.start]:02x} is not UTF-8, and the file does not read as UTF-16, "
                "GB18030 or Big5 either; save it again as UTF-8"
            ) from error
        _, text, encoding = max(readings, key=lambda reading: reading[0])
        return text, encoding


def _marked(raw: bytes, encoding: str, where: str) -> str:
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as error:
        raise DataError(
            f"{where}: looks like {encoding.upper()} but breaks at byte {error.start:,} ({error.reason}); "
            "the file may be cut short: export it again, best as UTF-8"
        ) from error


def _unmarked_utf16(raw: bytes) -> str:
    """``utf-16-le`` or ``-be`` where zeros stand nearly always in the same half of the byte pairs."""
    sample = raw[:4000]
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    # Nearly: 一 is U+4E00, so its zero stands in the other half.
    if len(raw) % 2 or max(even, odd) < 4 * min(even, odd) or max(even, odd) * 25 < len(sample):
        return ""
    encoding = "utf-16-le" if odd > even else "utf-16-be"
    return encoding if "\n" in sample.decode(encoding, errors="ignore") else ""


def _strictly(raw: bytes, encoding: str) -> str:
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError:
        return ""


def _commonness(text: str) -> float:
    """Share of a text's non-ASCII characters that are among the most frequent Chinese ones, in [0, 1]."""
    foreign = [character for character in simplified(text[:_SAMPLE_CHARACTERS]) if not character.isascii()]
    common = sum(character in _COMMON for character in foreign)
    return common / len(foreign) if foreign else 0.0
