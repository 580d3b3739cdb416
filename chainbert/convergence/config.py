"""The study file's section on convergence."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from chainbert.yamlfile import Section


class ConvergenceConfig(Section):
    """How the cities are compared over time."""

    reference: str = "Beijing"
    """The city that the others are measured against."""
    time: Literal["founded", "observed"] = "founded"
    """founded: cohorts of firms by founding year; observed: snapshots by year of observation."""
    periods: tuple[tuple[int, int], ...] | None = None
    """Bins of years as [first, last], both inclusive; null makes each year its own."""
    strata: tuple[str, ...] = ("language",)
    """Columns of the company table; only firms that agree in all of them are compared."""
    draws: int = Field(default=999, ge=99, le=1_000_000)
    """Number of permutations behind each p-value of a gap."""
    margin: float = Field(default=0.25, gt=0, lt=1)
    """Share of the first period's gap whose closing over the window counts as a change."""
    smallest_cell: int = Field(default=5, ge=3)
    """Firms a city needs in a period, below which its gap is not estimated."""
