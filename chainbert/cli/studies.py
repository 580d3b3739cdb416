"""Commands that run whole studies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from chainbert.cli.bars import progress

Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override a value of the study file: clustering.n_neighbors=20."),
]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress and no summary.")]


def run(
    study: Annotated[str, typer.Argument(help="A study file, or a shipped study: demo, smoke, itjuzi, listed.")],
    out: Annotated[Path | None, typer.Option(help="Run folder; runs/NAME when not given.")] = None,
    set_: Set = None,
    quiet: Quiet = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON on stdout.")] = False,
) -> None:
    """Run a study: companies in, a run folder with report.html and manifest.json out."""
    from chainbert.cli.summary import run_summary, summary_lines
    from chainbert.study import run as run_study

    with progress(quiet=quiet) as report:
        finished = run_study(study, set_ or (), out=out, progress=report)
    summary = run_summary(finished.folder, finished.manifest)
    if as_json:
        typer.echo(json.dumps(summary, ensure_ascii=False, indent=1))
    elif not quiet:
        for line in summary_lines(summary):
            typer.echo(line)
