"""How long work reports where it is: a callback, so that no room knows about terminals."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Called with the work's name and how much of it is done."""

    def __call__(self, what: str, done: int, total: int) -> None:
        """``done`` of ``total`` steps of ``what`` are finished; 0 ≤ done ≤ total."""


def silent(what: str, done: int, total: int) -> None:
    """Report nothing: the default everywhere."""
