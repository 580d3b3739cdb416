"""The fonts of this machine that have the characters of a picture."""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import BinaryIO

from fontTools.ttLib import TTCollection, TTFont, TTLibError

from chainbert.errors import ConfigError
from chainbert.wording.glyphs import Face

INSTALL = (
    "install one, then run again: Debian and Ubuntu `apt-get install fonts-noto-cjk` (or the smaller "
    "fonts-wqy-zenhei), Fedora `dnf install google-noto-sans-cjk-fonts`, Windows Settings > Optional features > "
    "Chinese (Simplified) Supplemental Fonts, macOS Font Book > PingFang SC, or give the file of one as `font`"
)
# Sans faces in the order in which they are wanted, by the letters and digits of the file's name: first those with both
# scripts, made to stand together, then Latin ones, then those with symbols. VF: a variable font.
_CHINESE = (
    "(notosans(cjk|sc)|sourcehansans(sc|cn|hwsc)?)(sc)?(regular|vf|wght|otf)*",
    "pingfang(sc)?(regular)?",
    "hiraginosansgb(w3)?",
    "msyh(l)?|microsoftyahei",
    "deng|dengxian",
    "misans(regular)?|harmonyossans(sc)?(regular)?|alibabapuhuiti\\w*",
    "wqyzenhei|wqymicrohei",
    "droidsansfallback(full)?",
    "stheiti(medium)?|heiti|simhei",
    "arialunicode(ms)?",
    "simsun|songti|unifont\\w*",
)
_LATIN = (
    "notosans(regular|vf|wdthwght|wght)*",
    "segoeui|sfns|sfpro\\w*|helveticaneue|helvetica",
    "opensans(regular)?|roboto(regular)?|inter(regular|variable)?|ubuntu(r|regular)?|cantarell(regular|vf)?",
    "liberationsans(regular)?|arial|nimbussansregular|freesans",
    "dejavusans",
    "notosanssymbols2?(regular)?|segoeuisymbol|seguisym|applesymbols|symbola",
)
_WANTED = tuple(re.compile(pattern) for pattern in (*_CHINESE, *_LATIN))
_UNWANTED = re.compile(
    "bold|italic|oblique|light|thin|black|heavy|mono|condensed|narrow|serif|ming|emoji|lastresort|type1", re.IGNORECASE
)
_SUFFIXES = {".ttf", ".otf", ".ttc", ".otc"}
# Fonts of unknown names that are opened at most when the known ones lack a character.
_UNKNOWN = 200
# What a damaged font raises, depending on the table that is damaged.
_DAMAGED = (TTLibError, OSError, struct.error, AssertionError, KeyError, ValueError, IndexError)


def faces_for(characters: Iterable[str], font: Path | str | None = None) -> list[Face]:
    """The fewest faces in the order of preference that draw ``characters``; what none of them draws stays missing.

    ``font`` is the file of a face that comes before all others. The usual font folders of Linux, macOS and Windows
    are searched; a face is chosen for the characters that those before it lack.
    Raises ConfigError where ``font`` cannot be read as a TrueType or OpenType font with outlines.
    """
    missing = {character for character in characters if not character.isspace()}
    chosen: list[Face] = []
    for face in _candidates(font):
        drawn = {character for character in missing if face.draws(character)}
        if drawn:
            chosen.append(face)
            missing -= drawn
        if not missing:
            break
    return chosen


def font_folders() -> list[Path]:
    """Where fonts are kept on Linux, macOS and Windows; only folders that exist."""
    home, data = Path.home(), os.environ.get("XDG_DATA_HOME")
    folders = [
        Path(data) / "fonts" if data else home / ".local/share/fonts",
        home / ".fonts",
        *(Path(one) / "fonts" for one in os.environ.get("XDG_DATA_DIRS", "/usr/local/share:/usr/share").split(":")),
        home / "Library/Fonts",
        Path("/Library/Fonts"),
        Path("/System/Library/Fonts"),
        *sorted(Path("/System/Library/AssetsV2").glob("com_apple_MobileAsset_Font*")),
        Path(os.environ.get("LOCALAPPDATA", "")) / "Microsoft/Windows/Fonts" if "LOCALAPPDATA" in os.environ else home,
        Path(os.environ.get("WINDIR", "C:/Windows")) / "Fonts",
    ]
    return [folder for folder in dict.fromkeys(folders) if folder != home and folder.is_dir()]


def _candidates(font: Path | str | None) -> Iterator[Face]:
    if font is not None:
        yield _given(Path(font))
    known, unknown = _ranked(tuple(font_folders()))
    for path in (*known, *unknown[:_UNKNOWN]):
        if (face := _face(path)) is not None:
            yield face


def _given(path: Path) -> Face:
    if not path.is_file():
        raise ConfigError(f"font {path}: no such file; expected a .ttf, .otf or .ttc file")
    face = _face(path)
    if face is None:
        raise ConfigError(f"font {path}: cannot be read as a font with outlines; expected a .ttf, .otf or .ttc file")
    return face


@cache
def _ranked(folders: tuple[Path, ...]) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """Font files of a wanted name, the most wanted first, and the others by their names."""
    known: list[tuple[int, str, str]] = []
    unknown: list[tuple[str, str]] = []
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.suffix.lower() not in _SUFFIXES:
                continue
            stem = re.sub(r"[^a-z0-9]", "", path.stem.lower())
            rank = next((place for place, pattern in enumerate(_WANTED) if pattern.fullmatch(stem)), None)
            if rank is not None:
                known.append((rank, stem, str(path)))
            elif not _UNWANTED.search(stem):
                unknown.append((stem, str(path)))
    return (
        tuple(Path(path) for _, _, path in sorted(known)),
        tuple(Path(path) for _, path in sorted(unknown)),
    )


@cache
def _face(path: Path) -> Face | None:
    """The proportional simplified Chinese or first face of a file; None where it has no outlines or is damaged."""
    try:
        file = path.open("rb")  # stays open: glyphs are read when they are drawn
    except OSError:
        return None
    try:
        return Face(str(path), _opened(file))
    except _DAMAGED:
        file.close()
        return None


def _opened(file: BinaryIO) -> TTFont:
    collection = file.read(4) == b"ttcf"
    file.seek(0)
    if not collection:
        return TTFont(file, lazy=True)
    fonts = TTCollection(file, lazy=True).fonts
    names = [str(font["name"].getBestFullName() or "") for font in fonts]

    def unlike(place: int) -> tuple[bool, bool, bool, int]:
        name = names[place]
        chinese = re.search(r"\b(SC|CN|GB)\b", name) is not None
        return ("Mono" in name or "Sharp" in name, not chinese, _UNWANTED.search(name) is not None, place)

    return fonts[min(range(len(fonts)), key=unlike)]
