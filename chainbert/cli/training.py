"""The command that trains labellers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from chainbert.cli.bars import progress
from chainbert.cli.studies import Quiet, Set


def train(
    config: Annotated[Path, typer.Argument(help="A training file, as configs/train/company-axes.yaml.")],
    out: Annotated[Path | None, typer.Option(help="The labeller's folder; runs/labellers/NAME when not given.")] = None,
    set_: Set = None,
    quiet: Quiet = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the labeller's metrics as JSON on stdout.")] = False,
) -> None:
    """Train a labeller on coded texts, or adapt one to companies coded by hand; it goes on where it was interrupted."""
    from chainbert.labelling.training import metric_lines
    from chainbert.labelling.training import train as train_labeller

    with progress(quiet=quiet) as report:
        found = train_labeller(config, set_ or (), out=out, progress=report)
    if as_json:
        typer.echo(json.dumps(found.manifest["metrics"], ensure_ascii=False, indent=1))
    elif not quiet:
        for title, metrics in found.manifest["metrics"].items():
            typer.echo("\n".join([*metric_lines(title, metrics), ""]))
        typer.echo(f"{found.path}: use it with `chainbert label … --labeller {found.path}`", err=True)
