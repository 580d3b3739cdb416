"""The study file's section on convergence."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from chainbert.yamlfile import Section

Treatment = Literal["raw", "mean", "lir", "leace"]
Names = Literal["masked", "kept"]

FEWEST_PLACEBOS, FEWEST_STUDIES = 19, 20


class PolicyEvent(Section):
    """Something that happened, drawn on the charts over time; that it changed anything is not said."""

    year: float = Field(ge=1800, le=2200)
    """The year, with a fraction where the month matters: 2017.7 is September 2017."""
    name: str = Field(min_length=1, max_length=60)
    """A few words."""


class SpecificationsConfig(Section):
    """The other ways in which the same question could have been put to the same firms, beside the study's own."""

    encoders: tuple[str, ...] = ()
    """Encoders beside the study's own."""
    language: tuple[Treatment, ...] = ("raw", "mean", "leace")
    """Whether the languages' bias is taken out of the vectors, by what a stored reference says of it."""
    names: tuple[Names, ...] = ("masked", "kept")
    """City names in the texts."""
    strata: tuple[tuple[str, ...], ...] = ((), ("language",), ("language", "length"))
    """Sets of columns held fixed; [] for none."""
    seeds: tuple[Annotated[int, Field(ge=0)], ...] = (0, 1, 2)
    """0 takes all firms, another number a random 90 % of them."""


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
    held_fixed: tuple[str, ...] = ("length",)
    """What a finding must survive beside the strata: columns of the company table, ``length`` (of the text) or
    ``names_city`` (whether the text names a city)."""
    placebos: int = Field(default=199, ge=0, le=10_000)
    """Placebo slopes of each kind that a finding must stand out from, at least 19; 0 for none."""
    placebo_pair: tuple[str, str] | None = None
    """Two cities that should not move; null: random halves of the reference city's firms."""
    power_studies: int = Field(default=200, ge=0, le=10_000)
    """Studies simulated on the set's own vectors behind each power, at least 20; 0: that of the slope's own error."""
    specifications: SpecificationsConfig | None = SpecificationsConfig()
    """The specification curve; null for none."""
    events: tuple[PolicyEvent, ...] = ()
    """Drawn on the charts over time."""

    @field_validator("placebos")
    @classmethod
    def _enough_placebos(cls, placebos: int) -> int:
        if 0 < placebos < FEWEST_PLACEBOS:
            raise ValueError(f"0 or at least {FEWEST_PLACEBOS} were expected; with fewer no p can reach .05")
        return placebos

    @field_validator("power_studies")
    @classmethod
    def _enough_studies(cls, studies: int) -> int:
        if 0 < studies < FEWEST_STUDIES:
            raise ValueError(f"0 or at least {FEWEST_STUDIES} were expected, 200 for an error of 3 % at most")
        return studies

    @field_validator("placebo_pair")
    @classmethod
    def _two_cities(cls, pair: tuple[str, str] | None) -> tuple[str, str] | None:
        if pair and pair[0] == pair[1]:
            raise ValueError(f"'{pair[0]}' is given twice; two cities were expected")
        return pair
