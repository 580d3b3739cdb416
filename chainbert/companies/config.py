"""The ``companies`` section of a study file."""

from __future__ import annotations

from pydantic import Field, field_validator

from chainbert.companies.shapes import TARGETS
from chainbert.yamlfile import Section, did_you_mean


class CompaniesConfig(Section):
    """Which companies a study is about and how their table is read."""

    path: str | None = None
    """The company table (csv, tsv, xlsx, json, jsonl, parquet), relative to the study file."""
    columns: dict[str, str] = Field(default={})
    """Our column → the file's, where the shape is not recognised; ``'=VALUE'`` is one value for all rows."""
    cities: tuple[str, ...] = ()
    """Cities in the study, in either language; rows of others are kept but not used. Empty: all cities."""
    sample: int | None = Field(default=None, ge=1)
    """Read only so many firms, the same ones whatever the row order; for a quick look. Nothing: all."""
    mask_cities: bool = True
    """Whether clustering and convergence see "the city" in place of city names. Labels always see the whole text."""

    @field_validator("columns")
    @classmethod
    def _known_targets(cls, columns: dict[str, str]) -> dict[str, str]:
        for target in columns:
            if target not in TARGETS:
                raise ValueError(f"'{target}' is not a column of chainbert.{did_you_mean(target, TARGETS)}")
        return columns

    @field_validator("cities")
    @classmethod
    def _named(cls, cities: tuple[str, ...]) -> tuple[str, ...]:
        if not all(city.strip() for city in cities):
            raise ValueError("a city without a name was found; leave it out, or leave 'cities' empty for all")
        return cities
