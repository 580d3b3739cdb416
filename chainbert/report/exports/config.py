"""Settings of the exports: which formats, and where."""

from __future__ import annotations

from typing import Literal, get_args

from pydantic import Field

from chainbert.yamlfile import Section

Format = Literal["csv-excel", "csv-r", "parquet", "stata", "latex", "xlsx"]
FORMATS: tuple[Format, ...] = get_args(Format)
"""Every format, in the order in which they are written: the workbook's notes tell what the others had to change."""


class ExportsConfig(Section):
    """How a run's tables are written for other programs; nothing here changes a result."""

    formats: tuple[Format, ...] = FORMATS
    """Formats to write: csv-excel, csv-r, parquet, stata, latex, xlsx; [] for none."""
    folder: str = Field(default="exports", pattern=r"^[A-Za-z0-9_][A-Za-z0-9_-]*$")
    """Name of the folder inside the run folder."""
