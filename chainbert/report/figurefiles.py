"""``figures/``: every chart of the page as a file for a paper, with its data and its description."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import vl_convert
from altair.utils.schemapi import debug_mode

from chainbert.errors import DataError
from chainbert.files import atomic_path, write_text
from chainbert.labelling import Codebook
from chainbert.progress import Progress, silent
from chainbert.report.checks import differences, placebos, power
from chainbert.report.clusterchecks import cluster_parts
from chainbert.report.clusterfigures import heat_map, river
from chainbert.report.companyrows import company_rows
from chainbert.report.config import FigureFormat
from chainbert.report.exhibits import Figure, Panel, gap_figure, map_figure, share_figures
from chainbert.report.exports.excelcells import starts_formula
from chainbert.report.findings import city_order
from chainbert.report.handcodes import hand_codes
from chainbert.report.language import speaking
from chainbert.report.movement import both, change, moved, separability
from chainbert.report.otherways import other_ways
from chainbert.report.palette import choose_colours
from chainbert.report.parts import Part, Section
from chainbert.report.runfiles import read_run
from chainbert.report.specificationcurve import specifications
from chainbert.report.tableonesources import shipped_codebook
from chainbert.report.tables import Table, naming
from chainbert.report.wordfigures import cloud_part, word_parts
from chainbert.wording import Cloud

FOLDER = "figures"
# Dots an inch of the pixel pictures, where a unit of the drawing is a point: some 2,000 dots across a chart, more than
# journals ask of line art at single-column width.
PPI = 200
_UNFIT = re.compile("[\ud800-\udfff\x00-\x08\x0b\x0c\x0e-\x1f]")


@dataclass(frozen=True, slots=True)
class Exhibit:
    """One chart with the name of its files."""

    name: str
    panel: Panel
    words: str
    table: Table | None


def write_figures(
    folder: Path,
    formats: Sequence[FigureFormat],
    *,
    language: str = "en",
    codebook: Codebook | None = None,
    progress: Progress = silent,
) -> list[str]:
    """Write ``figures/NAME.svg`` (pdf, png), its data as ``.csv`` and what it shows as ``.txt``; return their names.

    The charts are those of the page, from the same specifications, on white; text in ``language``, "en" or "zh", with
    the names of ``codebook`` (default: the shipped one that the labels carry the version of, if any).
    Raises DataError where a file of the run is missing or damaged, or a chart cannot be drawn.
    """
    if not formats:
        return []
    known = codebook or shipped_codebook(read_run(folder).labels)
    # Charts are checked against Vega-Lite's schema by the tests, as on the page.
    with speaking(language), naming(known), debug_mode(arg=False):
        exhibits = list(exhibits_of(folder))
        written = list(_write_cloud(folder, formats))
    for done, one in enumerate(exhibits):
        progress("figures", done, len(exhibits))
        written += _write(folder / FOLDER, one, formats)
    progress("figures", len(exhibits), len(exhibits))
    return written


def exhibits_of(folder: Path) -> Iterator[Exhibit]:
    """Every chart of a run in the page's order, in the language that is spoken."""
    files = read_run(folder)
    cities = choose_colours(city_order(files))
    places = map_figure(files, company_rows(files, cities), cities)
    yield from _of_figures([gap_figure(files, cities)])
    yield from _of_parts([separability(files, cities)])
    movement = (moved(files, cities), change(files, cities), both(files, cities), other_ways(files))
    yield from _of_sections(movement)
    yield from _of_figures(share_figures(files, cities) or ())
    yield from _of_parts(hand_codes(files))
    checks = (differences(files, cities), placebos(files, cities), specifications(files), power(files, cities))
    yield from _of_sections(checks)
    if places:
        yield Exhibit(places.id, places, places.words, None)
    yield from _of_parts([heat_map(files, cities), river(files, cities), *cluster_parts(files, cities)])
    yield from _of_parts(word_parts(folder, cities))


def _of_figures(figures: Iterable[Figure | None]) -> Iterator[Exhibit]:
    for figure in figures:
        for panel in figure.panels if figure else ():
            yield Exhibit(panel.id, panel, panel.words, figure.table if figure else None)


def _of_sections(sections: Iterable[Section | None]) -> Iterator[Exhibit]:
    for section in sections:
        yield from _of_parts(section.parts if section else ())


def _of_parts(parts: Iterable[Part | None]) -> Iterator[Exhibit]:
    for part in parts:
        for panel in part.panels if part else ():
            yield Exhibit(panel.id, panel, panel.words, part.table if part else None)


def _write(folder: Path, one: Exhibit, formats: Sequence[FigureFormat]) -> Iterator[str]:
    name = one.name.replace("/", "-")
    specification = _on_white(one.panel.chart.to_dict(validate=False))
    try:
        svg = vl_convert.vegalite_to_svg(specification)
    except ValueError as error:
        raise DataError(f"{folder / name}: the chart cannot be drawn ({str(error)[:300]})") from error
    for format_ in formats:
        with atomic_path(folder / f"{name}.{format_}") as temporary:
            temporary.write_bytes(_converted(svg, format_))
        yield f"{name}.{format_}"
    yield from _write_numbers(folder, name, one.table, one.words)


def _write_numbers(folder: Path, name: str, table: Table | None, words: str) -> Iterator[str]:
    """A figure's data, where it has a table, and what it shows."""
    if table is not None:
        write_text(folder / f"{name}.csv", _as_csv(table))
        yield f"{name}.csv"
    write_text(folder / f"{name}.txt", _whole(words.strip()) + "\n")
    yield f"{name}.txt"


def _write_cloud(folder: Path, formats: Sequence[FigureFormat]) -> Iterator[str]:
    """The comparison cloud, which no chart grammar draws."""
    source = folder / "cloud.json"
    if not source.is_file():
        return
    cloud = Cloud.from_json(source.read_text(encoding="utf-8"))
    part = cloud_part(cloud, choose_colours(cloud.colours))
    if part is None:
        return
    for format_ in formats:
        yield cloud.save(folder / FOLDER / f"cloud.{format_}", part.heading, part.words).name
    yield from _write_numbers(folder / FOLDER, "cloud", part.table, part.words)


def _on_white(specification: dict[str, Any]) -> dict[str, Any]:
    return {**specification, "config": {**specification.get("config", {}), "background": "#ffffff"}}


def _converted(svg: str, format_: FigureFormat) -> bytes:
    if format_ == "pdf":
        return bytes(vl_convert.svg_to_pdf(svg))
    if format_ == "png":
        return bytes(vl_convert.svg_to_png(svg, ppi=PPI))
    return _whole(svg).encode("utf-8")


def _as_csv(table: Table) -> str:
    """The table as the page shows it; a text that a spreadsheet would run as a formula has ' before it."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(table.heads)
    writer.writerows([f"'{cell}" if starts_formula(cell) else cell for cell in row] for row in table.rows)
    return _whole(out.getvalue())


def _whole(text: str) -> str:
    """Without halves of characters, which no file can hold, and controls, which no XML can."""
    return _UNFIT.sub("\ufffd", text)
