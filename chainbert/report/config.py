"""Settings of what is printed: the page, the paper's table beside ours, the figures' files."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from chainbert.yamlfile import Section

FigureFormat = Literal["svg", "pdf", "png"]


class ReportConfig(Section):
    """How a run is shown; nothing here changes a result."""

    language: Literal["en", "zh"] = "en"
    """The language that the page opens in and that figures and tables are written in; the page has both."""
    published: str = ""
    """A published table to stand beside Table 1: a file, or a shipped one by name (``hai-klingler-vidra-2022``)."""
    figures: list[FigureFormat] = Field(default=["svg", "pdf", "png"])
    """Formats of the files under ``figures/``, for a paper; [] for none."""
