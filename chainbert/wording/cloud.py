"""A comparison cloud: what sets each group apart, each word as large as its weight, each group on its own side."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import vl_convert

from chainbert.errors import ConfigError, DataError
from chainbert.files import atomic_path
from chainbert.wording import clouddrawing
from chainbert.wording.cloudlayout import Word, arrange
from chainbert.wording.folding import is_han
from chainbert.wording.fonts import INSTALL, faces_for
from chainbert.wording.glyphs import Glyph, extent, glyphs_of, needs_shaping

FORMAT = "chainbert cloud 1"
# Height in px of letters that can still be read, at the size of the picture.
LEGIBLE = 11.0
# Pixels of the png for one of the svg: 900 become 2,700, enough for a printed page.
_PNG_SCALE = 3
_NAMED = 12


@dataclass(frozen=True, slots=True)
class Cloud:
    """Words in their places, with the outlines of their characters."""

    words: tuple[Word, ...]
    """The greatest weight first; lengths in px of the picture, y down."""
    colours: dict[str, str]
    """Group → hex, in the order of the groups."""
    width: float
    height: float
    glyphs: dict[str, Glyph] = field(repr=False)
    """Each character of the words and groups that can be drawn."""
    notes: tuple[str, ...] = ()
    """What a reader must be told, above all which terms are left out of the picture."""

    def svg(self, title: str = "", description: str = "") -> str:
        """A picture that needs no font: outlines on white paper, with the groups' key below."""
        return clouddrawing.outlined(self.words, self.colours, self.glyphs, self.size, title, description)

    def live_svg(self, colour_of: Callable[[str], str] | None = None, label: str = "") -> str:
        """A picture for a page, of text in the reader's fonts, which its measured lengths keep in its place.

        ``colour_of`` gives the CSS colour of a group (default: as in ``colours``), ``label`` is what a screen reader
        says. Every word carries ``data-term``.
        """
        return clouddrawing.live(self.words, self.colours, self.size, colour_of or self.colours.__getitem__, label)

    @property
    def size(self) -> tuple[float, float]:
        """Width and height in px."""
        return self.width, self.height

    def save(self, path: Path | str, title: str = "", description: str = "") -> Path:
        """Write the picture as .svg, .pdf (both vector) or .png (three times as many pixels), and return its path.

        Raises ConfigError for another ending, DataError where the file cannot be written.
        """
        target = Path(path)
        svg = self.svg(title, description)
        kind = target.suffix.lower()
        if kind == ".svg":
            content = svg.encode("utf-8")
        elif kind == ".png":
            content = vl_convert.svg_to_png(svg, scale=_PNG_SCALE)
        elif kind == ".pdf":
            content = vl_convert.svg_to_pdf(svg)
        else:
            raise ConfigError(f"{target}: found the ending {kind!r}; a cloud is written as .svg, .png or .pdf")
        with atomic_path(target) as temporary:
            temporary.write_bytes(content)
        return target

    def reshaped(self, width: float, height: float, *, max_words: int, rng: np.random.Generator) -> Cloud:
        """The words of the greatest weight in another picture, as a phone's; needs no font."""
        rows = pd.DataFrame(
            [(word.term, word.group, word.weight) for word in self.words], columns=["term", "group", "weight"]
        )
        words = arrange(_chosen(rows, max_words), list(self.colours), self.glyphs, (width, height), LEGIBLE, 0.0, rng)
        return replace(self, words=words, width=width, height=height)

    def to_json(self) -> str:
        """Everything, so that ``from_json`` gives an equal cloud on a machine without these fonts."""
        content = asdict(self) | {"format": FORMAT}
        return json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Cloud:
        """The cloud that ``to_json`` wrote. Raises DataError where the text is none."""
        try:
            content: dict[str, Any] = json.loads(text)
            if content.get("format") != FORMAT:
                raise ValueError(f"format {content.get('format')!r} found, expected {FORMAT!r}")
            return cls(
                words=tuple(Word(**word) for word in content["words"]),
                colours=content["colours"],
                width=content["width"],
                height=content["height"],
                glyphs={character: Glyph(**glyph) for character, glyph in content["glyphs"].items()},
                notes=tuple(content["notes"]),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(f"cloud: cannot be read ({error}). Delete the file and run the study again.") from error

    def _repr_svg_(self) -> str:
        return self.svg()


def comparison_cloud(
    terms: pd.DataFrame,
    *,
    colours: Mapping[str, str],
    rng: np.random.Generator,
    width: float = 900,
    height: float = 560,
    font: Path | str | None = None,
    max_words: int = 200,
    legible: float = LEGIBLE,
    turned: float = 0.0,
) -> Cloud:
    """A cloud of what sets each group apart, in a picture of ``width`` × ``height`` px.

    ``terms`` columns term, group, weight (keyness: log-odds z, χ² …): rows with a weight above 0 are drawn, each term
    once, for the group in which it weighs most; letters grow linearly with the weight, on one scale for all groups.
    ``colours`` group → hex in the groups' order, which the sectors follow; ``max_words`` are split evenly between the
    groups; no letter is smaller than ``legible`` px (fewer words are drawn instead); ``turned`` in [0, 1] is the share
    of words that stand upright; ``font`` a file that is preferred. Terms that cannot be drawn are left out and named
    in ``notes``. The same rows in any order and the same seed give the same picture.
    Raises DataError for missing columns, infinite weights or a group without a colour; ConfigError for a ``font`` that
    cannot be read or sizes that are not above 0.
    """
    _check(terms, colours, width, height, max_words)
    candidates = _once(terms, colours)
    characters = {one for term in candidates["term"] for one in term} | {one for name in colours for one in name}
    glyphs = glyphs_of(characters, faces_for(sorted(characters), font))
    drawable, notes = _drawable(candidates, glyphs, 0.8 * width / legible)
    chosen = _chosen(drawable, max_words)
    used = {one for term in chosen["term"] for one in term} | {one for name in colours for one in name}
    kept = {character: glyph for character, glyph in glyphs.items() if character in used}
    return _arranged(chosen, dict(colours), kept, (width, height), legible, turned, notes, rng)


def _check(terms: pd.DataFrame, colours: Mapping[str, str], width: float, height: float, max_words: int) -> None:
    if missing := [name for name in ("term", "group", "weight") if name not in terms]:
        raise DataError(f"columns {', '.join(map(str, terms.columns))} found; {', '.join(missing)} is missing")
    if unknown := sorted(set(terms["group"].astype(str)) - set(colours)):
        raise DataError(f"no colour for {', '.join(unknown)}; colours has {', '.join(colours) or 'no group'}")
    if np.isinf(pd.to_numeric(terms["weight"], errors="coerce")).any():
        raise DataError("an infinite weight found; weights are finite numbers")
    if min(width, height) <= 0 or max_words < 1:
        raise ConfigError(f"width {width:g}, height {height:g}, max_words {max_words} found; all must be above 0")


def _once(terms: pd.DataFrame, colours: Mapping[str, str]) -> pd.DataFrame:
    """Terms of a weight above 0, the greatest first, each in the group where it weighs most."""
    places = {group: place for place, group in enumerate(colours)}
    rows = pd.DataFrame(
        {
            "term": terms["term"].astype(str).str.strip().to_numpy(),
            "group": terms["group"].astype(str).to_numpy(),
            "weight": pd.to_numeric(terms["weight"], errors="coerce").to_numpy(dtype=float),
        }
    )
    rows = rows[(rows["weight"] > 0) & (rows["term"] != "")]
    order = np.lexsort((rows["term"].to_numpy(str), rows["group"].map(places).to_numpy(int), -rows["weight"]))
    return rows.iloc[order].drop_duplicates("term").reset_index(drop=True)


def _drawable(rows: pd.DataFrame, glyphs: Mapping[str, Glyph], widest: float) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The terms that can be drawn, and what is said of the others; ``widest`` in em."""
    kept: list[bool] = []
    shaped: list[str] = []
    han: list[str] = []
    strange: list[str] = []
    long: list[str] = []
    for term in rows["term"]:
        missing = [one for one in term if one not in glyphs]
        if needs_shaping(term):
            shaped.append(term)
        elif missing:
            (han if any(map(is_han, missing)) else strange).append(term)
        elif extent(term, glyphs).advance > widest:
            long.append(f"{term[:_NAMED]}…")
        else:
            kept.append(True)
            continue
        kept.append(False)
    notes = {
        f"No font on this machine has these Chinese terms, which are left out of the cloud: {_listed(han)}. "
        f"To see them, {INSTALL}.": han,
        f"No font on this machine has these terms, which are left out of the cloud: {_listed(strange)}.": strange,
        f"Terms from right to left or with joined letters are left out of the cloud: {_listed(shaped)}.": shaped,
        f"Terms that are too long for the picture are left out of the cloud: {_listed(long)}.": long,
    }
    return rows[np.array(kept, dtype=bool)], tuple(note for note, about in notes.items() if about)


def _listed(terms: list[str]) -> str:
    more = f" … (+ {len(terms) - _NAMED})" if len(terms) > _NAMED else ""
    # Controls that turn the direction of text would turn the whole note.
    named = ("".join(one if one.isprintable() else "\ufffd" for one in term) for term in terms[:_NAMED])
    return ", ".join(named) + more


def _chosen(rows: pd.DataFrame, max_words: int) -> pd.DataFrame:
    """The best rows of each group, as many of each at most."""
    groups = max(len(set(rows["group"])), 1)
    best = rows.groupby("group", sort=False).head(max(max_words // groups, 1))
    return best.reset_index(drop=True)


def _arranged(
    rows: pd.DataFrame,
    colours: dict[str, str],
    glyphs: dict[str, Glyph],
    size: tuple[float, float],
    legible: float,
    turned: float,
    notes: tuple[str, ...],
    rng: np.random.Generator,
) -> Cloud:
    words = arrange(rows, list(colours), glyphs, size, legible, turned, rng)
    said = list(notes)
    if not len(rows):
        said.append("There is no term for the cloud.")
    elif silent := [group for group in colours if group not in set(rows["group"])]:
        said.append(f"No term stands in the cloud for {', '.join(silent)}.")
    if len(words) < len(rows):
        said.append(f"{len(words)} of {len(rows)} terms have room in the cloud in letters that can be read.")
    return Cloud(words, colours, size[0], size[1], glyphs, tuple(said))
