"""The command that judges labellers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from chainbert.cli.bars import progress
from chainbert.cli.studies import Quiet, Set


def evaluate(
    config: Annotated[str, typer.Argument(help="An evaluation file, or a shipped one: demo, company-axes.")],
    out: Annotated[Path | None, typer.Option(help="A folder; runs/evaluations/NAME when not given.")] = None,
    set_: Set = None,
    quiet: Quiet = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the main numbers as JSON on stdout.")] = False,
) -> None:
    """Judge labellers by hand codes: scores with intervals by language, beside what a second coder reaches."""
    from chainbert.labelling.evaluation.summary import (
        difference_lines,
        stress_lines,
        summary_json,
        summary_lines,
        text_table,
    )
    from chainbert.study.evaluation import evaluate as evaluate_all

    with progress(quiet=quiet) as report:
        finished = evaluate_all(config, set_ or (), out=out, progress=report)
    found = finished.found
    if as_json:
        typer.echo(json.dumps(summary_json(found, finished.folder), ensure_ascii=False, indent=1))
    elif not quiet:
        if found.config.note:
            typer.echo(found.config.note)
        for line in [
            *text_table(summary_lines(found)),
            "",
            *difference_lines(found),
            *stress_lines(found),
            *found.notes,
        ]:
            typer.echo(line)
        typer.echo(f"page: {finished.page}")
