"""Printing a finished run once more."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from chainbert.cli.bars import progress
from chainbert.cli.studies import Quiet


def report(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    language: Annotated[str, typer.Option(help="The language it opens in: en or zh; the study's when not given.")] = "",
    published: Annotated[
        str, typer.Option(help="A table beside Table 1: a file, or a shipped one; none for none.")
    ] = "",
    figures: Annotated[str, typer.Option(help="Formats of the figures, as in svg,pdf,png; none for none.")] = "",
    exports: Annotated[str, typer.Option(help="Formats of the exports, as in csv-r,xlsx; none for none.")] = "",
    quiet: Quiet = False,
) -> None:
    """Write the page, Table 1, figures and exports of a finished run again, without computing anything anew."""
    from chainbert.study import print_run

    with progress(quiet=quiet) as shown:
        page = print_run(
            run,
            language=language or None,
            published="" if published == "none" else published or None,
            figures=_listed(figures),
            exports=_listed(exports),
            progress=shown,
        )
    if not quiet:
        typer.echo(f"report: {page}")


def _listed(given: str) -> list[str] | None:
    """None where nothing was said, [] for ``none``."""
    if not given:
        return None
    return [] if given == "none" else [one.strip() for one in given.split(",") if one.strip()]
