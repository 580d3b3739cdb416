"""Fonts made in code: boxes for the characters that a test wants."""

from pathlib import Path

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib.tables._g_l_y_f import GlyphCoordinates
from fontTools.ttLib.tables.TupleVariation import TupleVariation


def box(width: int, height: int):
    pen = TTGlyphPen(None)
    if width:
        pen.moveTo((50, 0))
        for point in ((50, height), (50 + width, height), (50 + width, 0)):
            pen.lineTo(point)
        pen.closePath()
    return pen.glyph()


def make_font(path: Path, characters: str, *, name="Testface", tofu="", empty="", heavy=False) -> Path:
    """A font of boxes 500 wide and 700 high (1,000 units an em); ``tofu`` look like the box of a missing character."""
    drawn = {f"u{ord(one):04X}": one for one in dict.fromkeys(characters + tofu + empty)}
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder([".notdef", *drawn])
    builder.setupCharacterMap({ord(one): glyph for glyph, one in drawn.items()})
    shapes = {".notdef": box(400, 400)}
    for glyph, one in drawn.items():
        shapes[glyph] = box(400, 400) if one in tofu else box(0, 0) if one in empty + " " else box(500, 700)
    builder.setupGlyf(shapes)
    builder.setupHorizontalMetrics(dict.fromkeys(shapes, (600, 50)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": name, "styleName": "Regular", "fullName": name})
    builder.setupOS2()
    builder.setupPost()
    if heavy:
        builder.setupFvar([("wght", 100, 100, 900, "Weight")], [])
        wider = [(0, 0), (0, 0), (200, 0), (200, 0)]
        metrics = [(0, 0), (200, 0), (0, 0), (0, 0)]
        change = {
            glyph: [TupleVariation({"wght": (0, 1, 1)}, GlyphCoordinates([*wider, *metrics]))]
            for glyph, one in drawn.items()
            if one not in empty + " "
        }
        builder.setupGvar(change)
    path.parent.mkdir(parents=True, exist_ok=True)
    builder.save(path)
    return path
