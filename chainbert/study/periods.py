"""Which rows of a study have a place in time, and in which period."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from chainbert.convergence import ConvergenceConfig, bin_years, latest_rows


@dataclass(frozen=True, slots=True)
class Placed:
    """The rows a comparison over time may use, aligned with each other."""

    rows: pd.Index
    """(n,) index labels of the company table."""
    year: np.ndarray
    """(n,) float: the founding year or the year of observation."""
    period: np.ndarray
    """(n,) str: the period's name, such as "2013–2016" or "2018"."""
    left_out: dict[str, int]
    """Reason → number of usable rows that have no city or no place in time."""


def place_rows(usable: pd.DataFrame, config: ConvergenceConfig) -> Placed:
    """Put each usable row (columns id, city, founded, observed) into its period.

    With ``time: founded`` a firm counts once, by its latest observation: two snapshots of one firm
    belong to the same cohort and are no two firms.
    """
    left_out: dict[str, int] = {}
    located = usable[usable["city"] != ""]
    if missing := len(usable) - len(located):
        left_out["no city"] = missing
    rows = located[located[config.time].notna()]
    if missing := len(located) - len(rows):
        left_out[f"no {config.time} year"] = missing
    if config.time == "founded":
        latest = rows[latest_rows(rows["id"], rows["observed"].fillna(0))]
        if repeats := len(rows) - len(latest):
            left_out["an earlier observation of the same firm"] = repeats
        rows = latest
    periods = bin_years(rows[config.time], config.periods)
    inside = periods.code >= 0
    if outside := int((~inside).sum()):
        left_out["outside the study's periods"] = outside
    names = np.array([*periods.labels, ""], dtype=object)
    year = rows[config.time].to_numpy(dtype=float)
    return Placed(rows.index[inside], year[inside], names[periods.code[inside]], left_out)
