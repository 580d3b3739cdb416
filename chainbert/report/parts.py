"""A section of the page as data: what it shows, says in words, and has as numbers one click away."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from chainbert.report.exhibits import Panel
from chainbert.report.tables import Table


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that a section shows; the table stands folded beneath it."""

    table: Table
    caption: str
    """What the table has, for those who hear it."""
    words: str
    """What the charts show, in a sentence or two."""
    heading: str = ""
    lead: str = ""
    """How to read it, before the charts."""
    panels: tuple[Panel, ...] = ()
    remark: str = ""
    """What a reader must know, below the charts."""
    small: bool = False
    """Whether the charts stand side by side where there is room."""
    key: bool = False
    """Whether the charts need the cities' key above them."""


@dataclass(frozen=True, slots=True)
class Section:
    """A heading of the page with its parts."""

    id: str
    heading: str
    lead: str
    parts: tuple[Part, ...]


def section(name: str, heading: str, lead: str, parts: Iterable[Part | None]) -> Section | None:
    """The section, to be linked to by its name, of the parts that there are; None where there is none."""
    there = tuple(part for part in parts if part is not None)
    return Section(name, heading, lead, there) if there else None
