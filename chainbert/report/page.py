"""``report.html``: what a finished run found, in one file that needs nothing else."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from pathlib import Path
from typing import Any

import altair as alt
import jinja2
import vl_convert
from markupsafe import Markup

from chainbert.files import write_text
from chainbert.report.checks import differences, placebos, power
from chainbert.report.clusterchecks import cluster_parts, cluster_warnings
from chainbert.report.clusterlines import cluster_lines
from chainbert.report.companyrows import axes_of, company_rows, row_limit
from chainbert.report.exhibits import gap_figure, map_figure, share_figures
from chainbert.report.figures import FONT
from chainbert.report.findings import (
    IDS_SHOWN,
    city_order,
    key_numbers,
    label_trends,
    left_out,
    methods,
    trends,
)
from chainbert.report.movement import both, change, moved, separability
from chainbert.report.otherways import other_ways
from chainbert.report.palette import GLYPHS, Cities, choose_colours, css_variables
from chainbert.report.runfiles import RunFiles, read_run
from chainbert.report.specificationcurve import specifications
from chainbert.report.verdictcards import cards

TEMPLATE = Path(__file__).parent / "template"


def write_report(folder: Path, facts: dict[str, Any]) -> Path:
    """Write ``report.html`` into a run folder, whole or not at all, and return its path.

    ``facts`` are what the run's files do not say: title, note, exclusions {reason: n}, encoder, codebook,
    labeller, seed, inputs, truncated, packages; what is absent is not shown. The page makes no request of any kind.
    Raises DataError where a file of the folder is missing or damaged, or the page cannot be written.
    """
    files = read_run(folder)
    cities = choose_colours(city_order(files))
    rows = company_rows(files, cities)
    variables = css_variables(cities)
    html = _template().render(
        title=facts.get("title") or folder.name,
        note=facts.get("note") or "",
        run=folder.name,
        reference=files.reference,
        cities=cities,
        variables=variables,
        colours={light: f"var({name})" for light, (name, _, _) in variables.items()},
        font=Markup(FONT),
        glyphs=GLYPHS,
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
        row_limit=row_limit(len(rows)),
        ids_shown=IDS_SHOWN,
        axes=axes_of(files.labels),
        left_out=left_out(files, facts),
        methods=methods(files, facts),
        **_sections(files, cities),
        **_scripts(),
    )
    target = folder / "report.html"
    write_text(target, html.encode("utf-8", "replace").decode("utf-8"))
    return target


def _sections(files: RunFiles, cities: Cities) -> dict[str, Any]:
    """What each part of the verdict rests on; a section is left out where the run has nothing for it."""
    movement = (moved(files, cities), change(files, cities), both(files, cities), other_ways(files))
    checks = (differences(files, cities), placebos(files, cities), specifications(files), power(files, cities))
    return {
        "separability": separability(files, cities),
        "movement": [one for one in movement if one],
        "checks": [one for one in checks if one],
    }


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.jinja")


@cache
def _scripts() -> dict[str, Markup]:
    """The chart library, the page's script and style, and the hashes that let only these scripts run."""
    version = re.match(r"v\d+\.\d+", alt.SCHEMA_VERSION)
    library = vl_convert.javascript_bundle(
        "window.vegaEmbed = vegaEmbed;", vl_version=version.group() if version else None
    )
    library = re.sub(r"</(?=script)", r"<\\/", library, flags=re.IGNORECASE).replace("\r", "")
    script = (TEMPLATE / "report.js").read_text(encoding="utf-8")
    hashes = " ".join(f"'sha256-{_sha256(one)}'" for one in (library, script))
    return {
        "library": Markup(library),
        "script": Markup(script),
        "style": Markup((TEMPLATE / "report.css").read_text(encoding="utf-8")),
        "script_hashes": Markup(hashes),
    }


def _sha256(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
