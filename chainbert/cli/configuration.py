"""``chainbert config``: check, show and describe study files."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from chainbert.cli.studies import Set

app = typer.Typer(help="Check a study file, show it with its defaults, or print its JSON schema.", no_args_is_help=True)
Study = Annotated[str, typer.Argument(help="A study file or the name of a shipped study.")]


@app.command()
def check(study: Study, set_: Set = None) -> None:
    """Say what is wrong with a study file, all of it, or that it is valid."""
    from chainbert.study import load_study, study_path

    load_study(study, set_ or ())
    typer.echo(f"{study_path(study)}: valid")


@app.command()
def show(
    study: Study,
    set_: Set = None,
    origin: Annotated[bool, typer.Option("--origin", help="Say for each value where it comes from.")] = False,
) -> None:
    """Print a study as it will be run, with every default filled in."""
    from chainbert.study import load_study, resolved_lines

    for line in resolved_lines(load_study(study, set_ or ()), origin=origin):
        typer.echo(line)


@app.command()
def schema() -> None:
    """Print the JSON schema of study files, for editors."""
    from chainbert.study import StudyConfig

    typer.echo(json.dumps(StudyConfig.model_json_schema(), ensure_ascii=False, indent=1))
