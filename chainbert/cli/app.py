"""The Typer application and what happens to errors."""

from __future__ import annotations

import signal
import sys
from types import FrameType
from typing import NoReturn

import typer
from rich.console import Console
from rich.text import Text

from chainbert.cli import (
    audits,
    comparison,
    configuration,
    evaluation,
    inspection,
    printing,
    single,
    studies,
    training,
    words,
)
from chainbert.errors import ChainbertError

app = typer.Typer(
    name="chainbert",
    help="From a set of Chinese and English company texts to a claim about their cities that survives a referee.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command(name="run")(studies.run)
app.command(name="compare")(comparison.compare)
app.command(name="label")(single.label)
app.command(name="embed")(single.embed)
app.command(name="cluster")(single.cluster)
app.command(name="terms")(words.terms)
app.command(name="report")(printing.report)
app.command(name="sample")(audits.sample)
app.command(name="shares")(audits.shares)
app.command(name="train")(training.train)
app.command(name="evaluate")(evaluation.evaluate)
app.command(name="models")(inspection.models)
app.command(name="verify")(inspection.verify)
app.add_typer(configuration.app, name="config")

INTERRUPTED = 130


def main() -> NoReturn:
    """Run a command and leave with its exit code; a user's error is shown without a traceback."""
    signal.signal(signal.SIGTERM, _interrupt)
    errors = Console(stderr=True, soft_wrap=True)
    try:
        result = app(standalone_mode=False)
    except ChainbertError as error:
        errors.print(Text("error: ", style="bold red") + Text(str(error)))
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        result = INTERRUPTED
    except Exception as error:
        if not hasattr(error, "show"):  # anything but a usage error that click shows itself
            errors.print(Text("This is a bug in chainbert. Please report it with the lines below."))
            raise
        error.show()
        sys.exit(2)
    if result == INTERRUPTED:  # typer returns it for a KeyboardInterrupt
        errors.print(Text("interrupted: finished parts are kept; the same command goes on from here"))
    sys.exit(result if isinstance(result, int) else 0)


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
