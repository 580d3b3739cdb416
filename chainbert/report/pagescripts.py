"""What a page carries beside its words: style, scripts, the chart library, and the hashes that let them run."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from functools import cache
from pathlib import Path

import altair as alt
import jinja2
import vl_convert
from markupsafe import Markup

from chainbert.report.language import say, told
from chainbert.report.tables import label_name

_BETWEEN_SCRIPTS = str.maketrans({"<": "\\u003c", "\u2028": "\\u2028", "\u2029": "\\u2029"})
TEMPLATE = Path(__file__).parent / "template"
BASE_STYLE = ("report.css", "print.css")


@cache
def environment() -> jinja2.Environment:
    """Templates in which ``_("…")`` says a message in the language that is spoken."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {"_": say, "told": told}
    made.filters["label_name"] = label_name
    return made


def joined_files(*names: str) -> str:
    """The text of several files of the template folder, one after the other."""
    return "".join((TEMPLATE / name).read_text(encoding="utf-8") for name in names)


def inline_json(value: object) -> Markup:
    """JSON that can stand inside a script element, whatever the companies are called."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Markup(text.translate(_BETWEEN_SCRIPTS))


@cache
def chart_library() -> str:
    """Vega, Vega-Lite and vega-embed as one script that can stand in a page."""
    version = re.match(r"v\d+\.\d+", alt.SCHEMA_VERSION)
    library: str = vl_convert.javascript_bundle(
        "window.vegaEmbed = vegaEmbed;", vl_version=version.group() if version else None
    )
    return re.sub(r"</(?=script)", r"<\\/", library, flags=re.IGNORECASE).replace("\r", "")


def script_hashes(*scripts: str) -> Markup:
    """Sources for a content security policy under which these scripts run and no others."""
    digests = (hashlib.sha256(script.encode("utf-8")).digest() for script in scripts)
    return Markup(" ".join(f"'sha256-{base64.b64encode(digest).decode('ascii')}'" for digest in digests))


def chart_scripts() -> dict[str, Markup]:
    """For a page that has charts and no company table: the library, the script, the style and the scripts' hashes."""
    script = joined_files("charts.js")
    return {
        "library": Markup(chart_library()),
        "script": Markup(script),
        "style": Markup(joined_files(*BASE_STYLE)),
        "script_hashes": script_hashes(chart_library(), script),
    }
