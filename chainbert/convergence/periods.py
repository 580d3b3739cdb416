"""Years into periods, and one row a firm and period."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from chainbert.convergence.gap import Bools, Floats, Ints
from chainbert.errors import ConfigError, DataError


@dataclass(frozen=True, slots=True)
class Periods:
    """The period of each row, and each period's name and middle."""

    code: Ints
    """(n,) index into labels, or −1 outside every period."""
    labels: tuple[str, ...]
    """Ascending in time, as 2013–2016 or 2018."""
    midpoints: Floats
    """(T,) in years."""


def bin_years(year: ArrayLike, periods: Sequence[tuple[int, int]] | None = None) -> Periods:
    """Put each year into its period; periods are (first, last), both inclusive; None makes each year its own.

    year (n,) numbers, pandas' nullable integers too. Raises DataError for a missing year or one that is no number,
    ConfigError for periods that overlap or end before they start.
    """
    years = year_numbers(year)
    if periods is None:
        known, code = np.unique(years, return_inverse=True)
        return Periods(code.astype(np.int64), tuple(f"{one:g}" for one in known), known)
    bounds = sorted(periods)
    for first, last in bounds:
        if last < first:
            raise ConfigError(f"the period {first}–{last} ends before it starts; write [first, last]")
    for (first, last), (following, end) in pairwise(bounds):
        if following <= last:
            raise ConfigError(f"the periods {first}–{last} and {following}–{end} overlap; a year belongs to one period")
    code = np.full(len(years), -1, dtype=np.int64)
    for index, (first, last) in enumerate(bounds):
        code[(years >= first) & (years <= last)] = index
    labels = tuple(str(first) if first == last else f"{first}–{last}" for first, last in bounds)
    return Periods(code, labels, np.array([(first + last) / 2 for first, last in bounds]))


def year_numbers(year: ArrayLike) -> Floats:
    """Years as floats (n,). Raises DataError for a missing year and for one that is no number."""
    try:
        years = np.asarray(
            pd.Series(np.asarray(year, dtype=object)).astype("Float64").to_numpy(na_value=np.nan), dtype=np.float64
        )
    except (TypeError, ValueError) as error:
        raise DataError(f"the years must be numbers: {error}") from error
    missing = np.flatnonzero(~np.isfinite(years))
    if len(missing):
        raise DataError(f"row {missing[0]} has no year ({len(missing)} such rows); leave these rows out")
    return years


def latest_rows(firm: ArrayLike, year: ArrayLike, period: ArrayLike | None = None) -> Bools:
    """(n,) True for the last row of each firm (and period, where given) by year.

    What the study needs where one firm has several snapshots and the periods are those of its founding: one text a firm
    counts. firm (n,), year (n,) numbers, period (n,). Of rows that tie, the last counts.
    """
    table = pd.DataFrame({"firm": np.asarray(firm), "year": year_numbers(year)})
    table["period"] = 0 if period is None else np.asarray(period)
    last = table.sort_values("year", kind="stable").drop_duplicates(["firm", "period"], keep="last").index
    return np.asarray(table.index.isin(last))
