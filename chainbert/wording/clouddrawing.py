"""A cloud as svg: outlines that need no font, or text for a page."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from xml.sax.saxutils import escape, quoteattr

from chainbert.wording.cloudlayout import Word
from chainbert.wording.folding import is_han
from chainbert.wording.glyphs import EM, Glyph

FONT = 'system-ui,"PingFang SC","Microsoft YaHei","Noto Sans CJK SC","WenQuanYi Zen Hei",sans-serif'
PAPER = "#ffffff"
_KEY_HEIGHT, _KEY_SIZE, _KEY_GAP = 46.0, 16.0, 34.0


def outlined(
    words: Sequence[Word],
    colours: Mapping[str, str],
    glyphs: Mapping[str, Glyph],
    size: tuple[float, float],
    title: str,
    description: str,
) -> str:
    """A picture of glyph outlines on white paper: each character's path once, each word a group of uses."""
    groups = [group for group in colours if any(word.group == group for word in words)]
    drawn = sorted({one for word in words for one in word.term} | {one for name in groups for one in name})
    names = {one: f"g{place}" for place, one in enumerate(drawn) if one in glyphs and glyphs[one].path}
    height = size[1] + (_KEY_HEIGHT if len(groups) > 1 else 0)
    title = _clean(title or "Comparison cloud: " + ", ".join(groups))
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_px(size[0])}" height="{_px(height)}" '
        f'viewBox="0 0 {_px(size[0])} {_px(height)}" role="img" aria-labelledby="cloud-title cloud-description">',
        f'<title id="cloud-title">{escape(title)}</title>',
        f'<desc id="cloud-description">{escape(_clean(description or _described(words, groups)))}</desc>',
        f'<rect width="100%" height="100%" fill="{PAPER}"/>',
        "<defs>",
        *(f'<path id="{name}" d="{glyphs[one].path}"/>' for one, name in names.items()),
        "</defs>",
    ]
    for group in groups:
        lines.append(f"<g fill={quoteattr(colours[group])}>")
        lines += [_outlined_word(word, glyphs, names) for word in words if word.group == group]
        lines.append("</g>")
    lines += _key(groups, colours, glyphs, names, size) if len(groups) > 1 else []
    return "\n".join([*lines, "</svg>", ""])


def live(
    words: Sequence[Word],
    colours: Mapping[str, str],
    size: tuple[float, float],
    colour_of: Callable[[str], str],
    label: str,
) -> str:
    """A picture of text elements; ``textLength`` gives each word the length that was measured, whatever the font."""
    lines = [
        f'<svg class="cloud" viewBox="0 0 {_px(size[0])} {_px(size[1])}" role="img" '
        f"aria-label={quoteattr(_clean(label))} font-family={quoteattr(FONT)}>"
    ]
    for group in colours:
        own = [word for word in words if word.group == group]
        if own:
            style = quoteattr(f"fill:{colour_of(group)}")
            lines += [f"<g style={style}>", *(_text(word) for word in own), "</g>"]
    return "\n".join([*lines, "</svg>"])


def _text(word: Word) -> str:
    turn = f' transform="rotate(-90 {_px(word.start_x)} {_px(word.start_y)})"' if word.rotated else ""
    chinese = ' lang="zh-Hans"' if any(map(is_han, word.term)) else ""
    return (
        f'<text x="{_px(word.start_x)}" y="{_px(word.start_y)}" font-size="{_px(word.size)}" '
        f'textLength="{_px(word.length)}" lengthAdjust="spacingAndGlyphs"{turn}{chinese} '
        f"data-term={quoteattr(word.term)}>{escape(word.term)}</text>"
    )


def _outlined_word(word: Word, glyphs: Mapping[str, Glyph], names: Mapping[str, str]) -> str:
    turn = " rotate(-90)" if word.rotated else ""
    place = f"translate({_px(word.start_x)} {_px(word.start_y)}){turn} scale({word.size / EM:.5f})"
    said = f"{word.term} ({word.group}, {word.weight:.2f})"
    return f'<g transform="{place}"><title>{escape(_clean(said))}</title>{_uses(word.term, glyphs, names)}</g>'


def _uses(text: str, glyphs: Mapping[str, Glyph], names: Mapping[str, str]) -> str:
    at, uses = 0.0, []
    for one in text:
        if one in names:
            uses.append(f'<use href="#{names[one]}" x="{round(at * EM)}"/>')
        at += glyphs[one].advance if one in glyphs else 0.0
    return "".join(uses)


def _key(
    groups: Sequence[str],
    colours: Mapping[str, str],
    glyphs: Mapping[str, Glyph],
    names: Mapping[str, str],
    size: tuple[float, float],
) -> list[str]:
    """A dot and a name for each group, in the middle below the words."""
    widths = [sum(glyphs[one].advance for one in name if one in glyphs) * _KEY_SIZE + 16 for name in groups]
    total = sum(widths) + _KEY_GAP * (len(groups) - 1)
    scale = min(1.0, 0.96 * size[0] / total)
    at, y = (size[0] - scale * total) / 2, size[1] + _KEY_HEIGHT / 2
    lines = []
    for name, width in zip(groups, widths, strict=True):
        dot = f'<circle cx="{_px(at + 5 * scale)}" cy="{_px(y)}" r="{_px(5 * scale)}"/>'
        place = f"translate({_px(at + 16 * scale)} {_px(y + 5.6 * scale)}) scale({scale * _KEY_SIZE / EM:.5f})"
        said = f'<g transform="{place}">{_uses(name, glyphs, names)}</g>'
        lines.append(f"<g fill={quoteattr(colours[name])}>{dot}{said}</g>")
        at += scale * (width + _KEY_GAP)
    return lines


def _described(words: Sequence[Word], groups: Sequence[str]) -> str:
    """The heaviest terms of each group, for those who hear the picture."""
    said = []
    for group in groups:
        best = [word.term for word in words if word.group == group][:5]
        said.append(f"{group}: {', '.join(best)}")
    return "Words are larger the more they set a group apart; each group has a colour and a side. " + "; ".join(said)


def _clean(text: str) -> str:
    """Without the characters that xml forbids."""
    return "".join(one for one in text if unicodedata.category(one) not in ("Cc", "Cs") and one not in "\ufffe\uffff")


def _px(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
