"""Progress on stderr: bars on a terminal, a line every half minute elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from chainbert.progress import Progress as Report
from chainbert.progress import silent

LINE_EVERY_S = 30.0


@contextmanager
def progress(*, quiet: bool = False) -> Iterator[Report]:
    """A progress callback that draws while the block runs."""
    console = Console(stderr=True)
    if quiet:
        yield silent
    elif console.is_terminal:
        what = TextColumn("{task.description}")
        times = (TimeElapsedColumn(), TimeRemainingColumn())
        with Progress(what, BarColumn(), MofNCompleteColumn(), *times, console=console, transient=True) as bars:
            tasks: dict[str, TaskID] = {}

            def draw(what: str, done: int, total: int) -> None:
                if what not in tasks:
                    tasks[what] = bars.add_task(what, total=total)
                bars.update(tasks[what], completed=done, total=total)

            yield draw
    else:
        yield _lines(console)


def _lines(console: Console) -> Report:
    started: dict[str, float] = {}
    shown: dict[str, float] = {}

    def line(what: str, done: int, total: int) -> None:
        now = time.monotonic()
        started.setdefault(what, now)
        # Work shorter than a second is not worth a line in a log.
        due = now - shown.get(what, started[what]) >= LINE_EVERY_S or (done == total and now - started[what] > 1)
        if due:
            shown[what] = now
            console.print(f"{what}: {done:,} of {total:,} after {now - started[what]:.0f} s", highlight=False)
        if done == total:  # work of the same name may begin anew
            started.pop(what)
            shown.pop(what, None)

    return line
