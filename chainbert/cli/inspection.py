"""Commands that look at what is there."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from chainbert.errors import DataError


def models() -> None:
    """List the encoders and labellers that can be used here and now."""
    from chainbert.embedding import available_encoders
    from chainbert.labelling import available_labellers

    for kind, rows in (("encoder", available_encoders()), ("labeller", available_labellers())):
        for name, remark in rows:
            typer.echo(f"{kind}\t{name}\t{remark}")


def verify(run: Annotated[Path, typer.Argument(help="A run folder.")]) -> None:
    """Hash a run's inputs and outputs again and say what differs from its manifest."""
    from chainbert.study import verify as verify_run

    if problems := verify_run(run):
        raise DataError("\n".join(problems))
    typer.echo(f"{run}: every input and output is what the manifest says")
