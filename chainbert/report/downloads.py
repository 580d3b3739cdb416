"""The files that lie beside the page, each with what is in it, for a reader who wants the numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from chainbert.report.language import message, say

# What is offered: data, tables and figures, never the page itself, what is hidden, or what is written after it.
SUFFIXES = ("csv", "parquet", "json", "xlsx", "dta", "tex", "svg", "pdf", "png", "txt", "R", "do")
_LATER = ("manifest.json",)
# A folder with this list in it holds the exports.
EXPORTED = "files.json"
# What most readers come for.
WANTED = ("tables", "companies", "table1", "codebook")
# Folder of an export → what its files are called there.
_FLAVOURS = {"csv-excel": "csv (Excel)", "csv-r": "csv (R)"}
_HOLDS = {
    "companies": message("the companies as they were read"),
    "sentences": message("their sentences"),
    "vectors": message("a vector for each company and year"),
    "labels": message("labels with probabilities and evidence"),
    "shares": message("label shares by city and period"),
    "clusters": message("clusters, map and stability"),
    "terms": message("the terms of each cluster"),
    "convergence": message("gaps, trends, checks and verdict"),
    "specifications": message("the specification curve"),
    "keyness": message("what each city says more than the others"),
    "frequencies": message("how often each term is used"),
    "collocations": message("words that stand together"),
    "term_trends": message("terms by city and period"),
    "dictionary": message("dictionary categories by city and period"),
    "dictionary_firms": message("the companies behind each category"),
    "investors": message("investors and their origin"),
    "cloud": message("the word cloud"),
    "table1": message("Table 1"),
    "tables": message("every table of the run in one workbook"),
    "codebook": message("every file and column, with its meaning"),
    "hand_codes": message("what the hand codes say of the labels"),
}


@dataclass(frozen=True, slots=True)
class Download:
    """Files of one name: their folder ("" is the page's own), what they hold, and (format, address) of each."""

    folder: str
    name: str
    holds: str
    files: tuple[tuple[str, str], ...]
    sha256: str
    """The first file's hash where the run has recorded it, else ""."""


def downloads(folder: Path, facts: Mapping[str, Any]) -> list[Download]:
    """The files of a run folder that a reader may want, by folder and name."""
    hashes = {name: _digest(one) for name, one in (facts.get("outputs") or {}).items()}
    exports = sorted(path.parent for path in folder.glob(f"*/{EXPORTED}"))
    found = []
    for place in [*exports, folder / "tables", folder / "figures", folder]:
        names: dict[str, list[Path]] = {}
        for path in sorted(place.glob("**/*" if place in exports else "*")):
            known = path.suffix[1:] in SUFFIXES and path.name not in (*_LATER, EXPORTED)
            if known and path.is_file() and not path.name.startswith("."):
                names.setdefault(path.stem, []).append(path)
        found += [_download(folder, place, stem, files, hashes) for stem, files in names.items()]
    return found


def wanted(listed: list[Download]) -> list[Download]:
    """The files that most readers come for, of the exports where there are any."""
    best = {one.name: one for one in reversed(listed) if one.name in WANTED and one.folder not in ("", "figures")}
    return [best[name] for name in WANTED if name in best]


def figure_files(listed: list[Download]) -> dict[str, tuple[tuple[str, str], ...]]:
    """Figure name → (suffix, address) of its files, for a paper."""
    return {one.name: one.files for one in listed if one.folder == "figures"}


def _download(folder: Path, place: Path, stem: str, files: list[Path], hashes: Mapping[str, str]) -> Download:
    paths = [path.relative_to(folder).as_posix() for path in files]
    formats = [_FLAVOURS.get(path.parent.name, path.suffix[1:]) for path in files]
    holds = say(_HOLDS[stem]) if stem in _HOLDS else ""
    addresses = tuple(zip(formats, map(quote, paths), strict=True))
    return Download("" if place == folder else place.name, stem, holds, addresses, hashes.get(paths[0], ""))


def _digest(recorded: object) -> str:
    return str(recorded.get("sha256") or "") if isinstance(recorded, Mapping) else str(recorded or "")
