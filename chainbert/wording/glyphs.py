"""Characters as outlines: how wide and high they are, and their paths."""

from __future__ import annotations

import struct
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from fontTools.pens.boundsPen import BoundsPen
from fontTools.pens.svgPathPen import SVGPathPen
from fontTools.pens.transformPen import TransformPen
from fontTools.ttLib import TTFont, TTLibError

# A glyph's path has so many units an em.
EM = 1000
_REGULAR = 400
_OUTLINES = ("glyf", "CFF ", "CFF2")
# Bottom and top in em of what other fonts draw, so that a word's box also holds in the reader's font.
_HAN = (-0.14, 0.90)
_LOW, _TALL, _DEEP = (-0.02, 0.57), (-0.02, 0.78), -0.23
_SHORT_LETTERS, _DEEP_LETTERS = frozenset("acegmnopqrsuvwxyz-"), frozenset("gjpqy,;()[]{}|@/")
# Scripts whose letters join or reorder: Hebrew to Arabic, India to Mongolia, and their presentation forms.
_SHAPED = ((0x0590, 0x08FF), (0x0900, 0x109F), (0x1780, 0x18AF), (0xFB1D, 0xFDFF), (0xFE70, 0xFEFF))
_FLAGS_AND_TONES = ((0x1F1E6, 0x1F1FF), (0x1F3FB, 0x1F3FF))


@dataclass(frozen=True, slots=True)
class Glyph:
    """A character as it is drawn; lengths in em, from its origin on the baseline, up and right."""

    advance: float
    left: float
    bottom: float
    right: float
    top: float
    path: str
    """SVG path, 1,000 units an em, y down; "" for a space."""


@dataclass(frozen=True, slots=True)
class Extent:
    """A term's box in em around the start of its baseline: ink and advance, with room for other fonts' letters."""

    left: float
    bottom: float
    right: float
    top: float
    advance: float


class Face:
    """An open font with its character map."""

    def __init__(self, name: str, font: TTFont) -> None:
        """``font`` a TrueType or OpenType font. Raises TTLibError where it has no outlines."""
        if not any(table in font for table in _OUTLINES):
            raise TTLibError(f"{name}: no outlines")
        self.name = name
        self._characters: dict[int, str] = font.getBestCmap() or {}
        self._units: int = font["head"].unitsPerEm
        self._glyphs = font.getGlyphSet(location=_regular(font))
        self._missing = self._path(".notdef") if ".notdef" in self._glyphs else ""

    def draws(self, character: str) -> bool:
        """Whether the font has the character, with an outline that is not its box for missing characters."""
        if ord(character) not in self._characters:
            return False
        try:
            path = self.glyph(character).path
        except (TTLibError, struct.error, AssertionError, KeyError, ValueError, IndexError):
            return False  # this glyph of the file is damaged; another font may have it
        return character.isspace() or (path != "" and path != self._missing)

    @lru_cache(maxsize=20_000)  # noqa: B019  # faces live as long as the process: fonts.py keeps them
    def glyph(self, character: str) -> Glyph:
        """The character's glyph. Raises KeyError where the font lacks it."""
        name = self._characters[ord(character)]
        bounds = BoundsPen(self._glyphs)
        self._glyphs[name].draw(bounds)
        left, bottom, right, top = (edge / self._units for edge in bounds.bounds or (0, 0, 0, 0))
        advance = self._glyphs[name].width / self._units
        return Glyph(advance, left, bottom, right, top, self._path(name))

    def _path(self, name: str) -> str:
        scale = EM / self._units
        pen = SVGPathPen(self._glyphs, ntos=lambda value: str(round(value)))
        self._glyphs[name].draw(TransformPen(pen, (scale, 0, 0, -scale, 0, 0)))
        path: str = pen.getCommands()
        return path


def glyphs_of(characters: Iterable[str], faces: Sequence[Face]) -> dict[str, Glyph]:
    """Each character's glyph in the first face that draws it; those that none draws are left out."""
    found: dict[str, Glyph] = {}
    for character in sorted(set(characters)):
        face = next((one for one in faces if one.draws(character)), None)
        if face is not None:
            found[character] = face.glyph(character)
    return found


def needs_shaping(term: str) -> bool:
    """Whether characters in their order are not yet the term: joined or reordered letters, marks, joined emoji."""
    return any(
        unicodedata.bidirectional(one) in ("R", "AL", "AN")
        or unicodedata.category(one) in ("Mn", "Mc", "Me", "Cf", "Cc", "Cs", "Co")
        or any(first <= ord(one) <= last for first, last in (*_SHAPED, *_FLAGS_AND_TONES))
        for one in term
    )


def extent(term: str, glyphs: Mapping[str, Glyph]) -> Extent:
    """The term's box when its characters are set one after the other. Raises KeyError where a glyph is missing."""
    at, left, right = 0.0, 0.0, 0.0
    bottom, top = 0.0, 0.0
    for character in term:
        glyph, (usual_bottom, usual_top) = glyphs[character], _usual(character)
        left, right = min(left, at + glyph.left), max(right, at + glyph.right)
        bottom, top = min(bottom, glyph.bottom, usual_bottom), max(top, glyph.top, usual_top)
        at += glyph.advance
    return Extent(left, bottom, max(right, at), top, at)


def _usual(character: str) -> tuple[float, float]:
    """Bottom and top in em that a sans of the usual proportions needs."""
    if unicodedata.east_asian_width(character) in ("W", "F"):
        return _HAN
    bottom, top = _LOW if character in _SHORT_LETTERS else _TALL
    return (_DEEP if character in _DEEP_LETTERS else bottom), top


def _regular(font: TTFont) -> dict[str, float] | None:
    """Where on its axes a variable font is regular: many are thin by default."""
    if "fvar" not in font:
        return None
    return {
        axis.axisTag: min(max(_REGULAR, axis.minValue), axis.maxValue)
        for axis in font["fvar"].axes
        if axis.axisTag == "wght"
    }
