"""``report.html``: what a finished run found, in both languages, in one file that needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from altair.utils.schemapi import debug_mode
from markupsafe import Markup

from chainbert.files import write_text
from chainbert.labelling import Codebook
from chainbert.report import pagescripts
from chainbert.report.checks import differences, placebos, power
from chainbert.report.citation import bibtex, methods_prose, plain_citation, sources
from chainbert.report.clusterchecks import cluster_parts, cluster_warnings
from chainbert.report.clusterfigures import heat_map, river
from chainbert.report.clusterlines import cluster_lines
from chainbert.report.companyrows import CompanyRow, company_rows
from chainbert.report.datablock import Place, company_block, packed
from chainbert.report.downloads import downloads, figure_files, wanted
from chainbert.report.exhibits import gap_figure, map_figure, share_figures
from chainbert.report.figures import FONT
from chainbert.report.findings import IDS_SHOWN, city_order, key_numbers, label_trends, left_out, methods, trends
from chainbert.report.firmtables import (
    lists_of,
    read_table_one,
    read_themes,
    table_one_lists,
    table_one_page,
    theme_lists,
    themes_page,
)
from chainbert.report.handcodes import hand_codes
from chainbert.report.language import LANGUAGES, joined, speaking
from chainbert.report.lead import lead
from chainbert.report.movement import both, change, moved, separability
from chainbert.report.otherways import other_ways
from chainbert.report.pageparts import carried, chart_box, columns, filters, made_with, script_words
from chainbert.report.palette import GLYPHS, Cities, choose_colours, css_variables
from chainbert.report.published import Published, read_published
from chainbert.report.runfiles import RunFiles, read_run, records
from chainbert.report.specificationcurve import specifications
from chainbert.report.tableone import TableOne
from chainbert.report.tableonesources import shipped_codebook
from chainbert.report.tables import naming
from chainbert.report.verdictcards import cards
from chainbert.report.wordfigures import word_parts

OWN_NAMES = {"en": "English", "zh": "中文"}
# Rows that a page without JavaScript shows in a plain table.
PLAIN_UP_TO = 300
SCRIPTS = ("charts.js", "companies.js", "report.js")
STYLES = (*pagescripts.BASE_STYLE, "companies.css", "layout.css")


@dataclass(frozen=True, slots=True)
class _Page:
    """What the page has in both languages."""

    files: RunFiles
    facts: Mapping[str, Any]
    folder: Path
    cities: Cities
    rows: Sequence[CompanyRow]
    first: str
    """The language that the page opens in."""
    table_one: TableOne | None
    published: Published | None
    themes: tuple[pd.DataFrame, pd.DataFrame] | None

    @property
    def title(self) -> str:
        return str(self.facts.get("title") or self.folder.name)


def write_report(
    folder: Path,
    facts: dict[str, Any],
    language: str = "en",
    *,
    published: str | Path | None = None,
    codebook: Codebook | None = None,
) -> Path:
    """Write ``report.html`` into a run folder, whole or not at all, and return its path.

    ``facts`` are what the run's files do not say: title, note, study, authors, created, run_hash, outputs
    {file: sha256}, exclusions {reason: n}, encoder, codebook, labeller, seed, inputs, truncated, packages; what is
    absent is not shown. The page opens in ``language``, "en" or "zh", has both, and makes no request of any kind.
    ``published`` is a table to stand beside Table 1: a file, or a shipped one by name. ``codebook`` names axes and
    labels in Chinese; default: the shipped one that the labels carry the version of, if any.
    Raises DataError where a file of the folder is missing or damaged, or the page cannot be written.
    """
    files = read_run(folder)
    cities = choose_colours(city_order(files))
    beside = read_published(published) if published else None
    rows, table, themes = company_rows(files, cities), read_table_one(folder), read_themes(folder)
    page = _Page(files, facts, folder, cities, rows, language, table, beside, themes)
    bodies = {}
    known = codebook or shipped_codebook(files.labels)
    for one in LANGUAGES:
        # Charts are checked against Vega-Lite's schema by the tests; here it would take as long as all else.
        with speaking(one), naming(known), debug_mode(arg=False):
            bodies[one] = _body(page, one)
    other = _other(language)
    variables = css_variables(cities)
    script = pagescripts.joined_files(*SCRIPTS)
    html = _template().render(
        lang=language,
        title=page.title,
        variables=variables,
        colours=pagescripts.inline_json({light: f"var({name})" for light, (name, _, _) in variables.items()}),
        font=Markup(FONT),
        style=Markup(pagescripts.joined_files(*STYLES)),
        body=Markup(bodies[language]),
        other=other,
        other_body=packed(clean(bodies[other])),
        data=packed(company_block(page.rows, cities, _places(files), _lists(page))),
        library=packed(pagescripts.chart_library()),
        script=Markup(script),
        script_hashes=pagescripts.script_hashes(pagescripts.chart_library(), script),
    )
    target = folder / "report.html"
    write_text(target, clean(html))
    return target


def clean(html: str) -> str:
    """Without what has no place in a page: NUL, and halves of characters."""
    return html.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def _body(page: _Page, language: str) -> str:
    """All of the page that is in the language that is spoken."""
    files, cities, facts, rows = page.files, page.cities, page.facts, page.rows
    found, worded = downloads(page.folder, facts), (page.folder / "keyness.csv").is_file()
    plain = rows if language == page.first and len(rows) <= PLAIN_UP_TO else []
    return (
        pagescripts.environment()
        .get_template("body.html.jinja")
        .render(
            language=language,
            other=_other(language),
            other_name=OWN_NAMES[_other(language)],
            title=page.title,
            note=facts.get("note") or "",
            made_with=made_with(facts),
            run=page.folder.name,
            run_hash=str(facts.get("run_hash") or ""),
            reference=files.reference,
            cities=cities,
            glyphs=GLYPHS,
            contents=[],
            lead=lead(files, cities),
            cards=cards(files),
            numbers=key_numbers(files, cities),
            gaps=gap_figure(files, cities),
            trends=trends(files),
            shares=share_figures(files, cities),
            label_trends=label_trends(files),
            map=map_figure(files, rows, cities),
            clusters=cluster_lines(files, cities),
            cluster_warnings=cluster_warnings(files),
            cluster_parts=cluster_parts(files, cities),
            rows=rows,
            plain_rows=plain,
            carried=carried(len(rows)),
            filters=filters(rows, cities),
            columns=columns(rows),
            ids_shown=IDS_SHOWN,
            left_out=left_out(files, dict(facts)),
            prose=methods_prose(files, cities, facts, words=worded),
            sources=sources(files, words=worded),
            citation=plain_citation(page.title, facts),
            bibtex=bibtex(page.title, facts),
            methods=methods(files, dict(facts)),
            downloads=found,
            wanted=wanted(found),
            figure_files=figure_files(found),
            table1_files=next((one.files for one in found if one.name == "table1"), ()),
            script_words=pagescripts.inline_json(script_words(rows, cities)),
            chart_box=chart_box,
            joined=joined,
            **_sections(files, cities),
            **_words_and_tables(page),
        )
    )


def _sections(files: RunFiles, cities: Cities) -> dict[str, Any]:
    """What each part of the verdict rests on; a section is left out where the run has nothing for it."""
    movement = (moved(files, cities), change(files, cities), both(files, cities), other_ways(files))
    checks = (differences(files, cities), placebos(files, cities), specifications(files), power(files, cities))
    return {
        "separability": separability(files, cities),
        "movement": [one for one in movement if one],
        "checks": [one for one in checks if one],
    }


def _words_and_tables(page: _Page) -> dict[str, Any]:
    """What a run of an older version lacks."""
    files, cities = page.files, page.cities
    return {
        "table1": table_one_page(page.table_one, page.published) if page.table_one else None,
        "words": word_parts(page.folder, cities),
        "themes": themes_page(page.themes[0], cities) if page.themes else None,
        "hand_codes": hand_codes(files),
        "cluster_figures": [one for one in (heat_map(files, cities), river(files, cities)) if one],
    }


def _lists(page: _Page) -> dict[str, Sequence[str]]:
    """Name → keys of the companies behind the numbers of Table 1 and of the themes."""
    of_table = table_one_lists(page.table_one) if page.table_one else ()
    return lists_of(of_table, theme_lists(page.themes[1], page.files) if page.themes else ())


def _places(files: RunFiles) -> dict[str, Place]:
    placed = files.clusters.dropna(subset=["x", "y"])
    return {row["key"]: (round(row["x"], 3), round(row["y"], 3)) for row in records(placed[["key", "x", "y"]])}


def _other(language: str) -> str:
    return next(one for one in LANGUAGES if one != language)


def _template() -> jinja2.Template:
    return pagescripts.environment().get_template("report.html.jinja")


# The evaluation's page has the same charts and style.
_scripts = pagescripts.chart_scripts
