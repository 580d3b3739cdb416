"""How a result shows itself in a notebook: a heading, its facts, its tables, and what a reader must know."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape

import pandas as pd

ROWS = 20
_STYLE = "max-width:60em;font-family:system-ui,sans-serif"


def shown(
    heading: str,
    facts: Mapping[str, object] | None = None,
    tables: Iterable[tuple[str, pd.DataFrame]] = (),
    notes: Iterable[str] = (),
) -> str:
    """HTML for ``_repr_html_``: every text escaped, tables cut to 20 rows with their full size said.

    ``facts`` are name → value; ``tables`` (caption, table); ``notes`` sentences.
    """
    parts = [f'<div style="{_STYLE}"><h4>{escape(_clean(heading))}</h4>']
    if facts:
        said = "; ".join(f"{name}: {value}" for name, value in facts.items())
        parts.append(f"<p>{escape(_clean(said))}</p>")
    for caption, table in tables:
        cut = f" (first {ROWS} of {len(table):,} rows)" if len(table) > ROWS else ""
        parts.append(f"<p><b>{escape(_clean(caption))}</b>{cut}</p>")
        parts.append(_clean(table.head(ROWS).to_html(index=False, na_rep="–", border=0, float_format="{:.3f}".format)))
    parts += [f"<p><i>{escape(_clean(note))}</i></p>" for note in notes]
    return "".join([*parts, "</div>"])


def _clean(text: str) -> str:
    # A lone surrogate from a broken export cannot be sent to a browser.
    return text.encode("utf-8", "replace").decode("utf-8")
