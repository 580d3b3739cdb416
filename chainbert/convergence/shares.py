"""The same question for a label: does a city's share of yes come nearer to the reference's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from chainbert.convergence.gap import Bools, Floats, Ints
from chainbert.convergence.periods import bin_years, latest_rows, year_numbers
from chainbert.convergence.rows import filled_texts, known_cities, one_city_a_year, sized
from chainbert.convergence.sharelines import NAN, NUMBERS, ShareCell, share_line, worded
from chainbert.convergence.tables import rounded, to_records
from chainbert.convergence.trend import holm
from chainbert.errors import ConfigError, DataError

SMALLEST_CELL = 2
Z = float(stats.norm.ppf(0.975))
SHARE_COLUMNS = (
    *("city", "year", "midpoint", "share", "share_reference", "difference", "low", "high"),
    *("n", "n_reference", "status"),
)
SLOPE_COLUMNS = ("city", *NUMBERS[:4], "p_holm", *NUMBERS[4:], "mover", "verdict", "reason", "periods", "status")


@dataclass(frozen=True, slots=True)
class ShareTrends:
    """A label's share in each city and period beside the reference's, and the slope of their difference."""

    reference: str
    shares: pd.DataFrame
    """city, year (the period's name), midpoint, share, share_reference, difference (city − reference, in −1…1) with its
    95 % interval low, high (Newcombe 1998, method 10), n, n_reference, status."""
    slopes: pd.DataFrame
    """city, slope of the signed difference a year, low, high, p, p_holm over cities, p_equivalent, margin (slope a
    year, > 0), minimum_detectable, power at the margin, first (the first period's difference), middle (fitted
    difference half-way) and the slopes of the own shares home and reference, each with _low, _high, _p; mover, verdict
    (converging | diverging | no change | underpowered | not shown), reason, periods, status."""
    unlabelled: int
    """Rows without a label (NaN), not counted."""

    def to_json(self) -> dict[str, Any]:
        """The parts ``label_trends`` and ``label_slopes`` of convergence.json, still without axis and indicator."""
        return {"label_trends": to_records(self.shares), "label_slopes": to_records(self.slopes)}


@dataclass(frozen=True, slots=True)
class Labelled:
    """Checked rows with a value, one a firm and period, in an order of their own."""

    values: Floats
    """(n,)."""
    city: Ints
    """(n,) index into cities."""
    period: Ints
    """(n,) index into labels."""
    firm: Ints
    """(n,) codes from 0."""
    cities: tuple[str, ...]
    reference: int
    labels: tuple[str, ...]
    midpoints: Floats
    unlabelled: int

    def cells(self, yes: Floats) -> dict[tuple[int, int], ShareCell]:
        """Cells by city and period of answers yes (n,)."""
        found = {}
        for city in range(len(self.cities)):
            for period in range(len(self.labels)):
                here = (self.city == city) & (self.period == period)
                found[city, period] = ShareCell(self.firm[here], yes[here])
        return found


def measure_share_trends(
    yes: ArrayLike,
    city: ArrayLike,
    year: ArrayLike,
    *,
    reference: str,
    firm: ArrayLike | None = None,
    periods: Sequence[tuple[int, int]] | None = None,
    margin: float = 0.25,
) -> ShareTrends:
    """Share of yes by city and period against the reference, and whether the difference changes.

    yes (n,) 1 or 0, NaN where a firm has no label (left out and counted); city, year, firm and periods as in
    measure_convergence. The slope is that of the signed difference city − reference: the absolute one is pushed away
    from 0 by noise and less so as firms grow, which invents convergence. A city below the reference comes nearer with
    slope > 0, one above it with slope < 0. Errors are clustered by firm. margin in (0, 1): the share of the first
    period's difference whose closing over the window counts as a change.
    Raises DataError for other values, columns of another length, rows without city or year, a firm twice in a year;
    ConfigError for a reference that is not in the data, periods that overlap, and a margin outside its range.
    """
    values = answers(yes)
    check_margin(margin)
    rows = labelled_rows(values, len(values), city, year, reference, firm, periods)
    shares, lines = differences(rows, rows.values, margin)
    adjusted = holm(np.array([record["p"] for record in lines], dtype=np.float64))
    slopes = [
        worded(record, float(p), record["city"], reference) | {"p_holm": float(p)}
        for record, p in zip(lines, adjusted, strict=True)
    ]
    return ShareTrends(reference, rounded(shares, SHARE_COLUMNS), rounded(slopes, SLOPE_COLUMNS), rows.unlabelled)


def answers(yes: ArrayLike) -> Floats:
    """Labels as 1, 0 or NaN, (n,). Raises DataError for other values."""
    array = np.asarray(yes, dtype=object)
    values: Floats = pd.Series(array).astype("Float64").to_numpy(dtype=np.float64, na_value=np.nan).astype(np.float64)
    wrong = np.flatnonzero(~np.isnan(values) & (values != 0) & (values != 1))
    if len(wrong):
        found = f"row {wrong[0]} of the labels is {values[wrong[0]]:g}"
        raise DataError(f"{found}; 1 (yes), 0 (no) or NaN (none) was expected")
    return values


def check_margin(margin: float) -> None:
    """Raise ConfigError for a margin that is no share."""
    if not 0 < margin < 1:
        raise ConfigError(f"margin is {margin}; a share between 0 and 1 was expected")


def labelled_rows(
    values: Floats,
    size: int,
    city: ArrayLike,
    year: ArrayLike,
    reference: str,
    firm: ArrayLike | None,
    periods: Sequence[tuple[int, int]] | None,
) -> Labelled:
    """Rows that have a value (NaN: none) and lie in a period. Errors as in measure_share_trends."""
    binned = bin_years(sized(year, size, "year"), periods)
    table = pd.DataFrame({"value": values, "city": filled_texts(city, size, "city"), "period": binned.code})
    table["year"] = year_numbers(year)
    table["firm"] = "" if firm is None else filled_texts(firm, size, "firm")
    known: Bools = ~np.isnan(values)
    table = table[known & (binned.code >= 0)]
    cities = known_cities(table["city"], reference)
    if firm is not None:
        one_city_a_year(table)
    # Rows alike in all of these are exchangeable, so sums see one order whatever the file's is.
    table = table.sort_values(["city", "period", "year", "value", "firm"], kind="stable")
    if firm is None:
        table["firm"] = np.arange(len(table)).astype(str)
    table = table[latest_rows(table["firm"], table["year"], table["period"])]
    return Labelled(
        values=table["value"].to_numpy(dtype=np.float64),
        city=np.searchsorted(cities, table["city"].to_numpy(dtype=str)).astype(np.int64),
        period=table["period"].to_numpy(dtype=np.int64),
        firm=np.unique(table["firm"].to_numpy(dtype=str), return_inverse=True)[1].astype(np.int64),
        cities=cities,
        reference=cities.index(reference),
        labels=binned.labels,
        midpoints=binned.midpoints,
        unlabelled=int((~known).sum()),
    )


def differences(rows: Labelled, yes: Floats, margin: float) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Shares by city and period, and the line of every city but the reference, of answers yes (n,)."""
    cells = rows.cells(yes)
    reference = rows.cities[rows.reference]
    shares, lines = [], []
    for code, name in enumerate(rows.cities):
        if code == rows.reference:
            continue
        pairs = [(cells[code, period], cells[rows.reference, period]) for period in range(len(rows.labels))]
        records = [
            {"city": name, "year": label, "midpoint": float(middle), **_difference(*pair, reference)}
            for label, middle, pair in zip(rows.labels, rows.midpoints, pairs, strict=True)
        ]
        shares += records
        usable = [place for place, record in enumerate(records) if not record["status"]]
        lines.append({"city": name, **share_line([pairs[one] for one in usable], rows.midpoints[usable], margin)})
    return shares, lines


def _difference(home: ShareCell, other: ShareCell, reference: str) -> dict[str, Any]:
    n, m = len(home.yes), len(other.yes)
    sizes = {"n": n, "n_reference": m}
    if min(n, m) < SMALLEST_CELL:
        count = n if n < SMALLEST_CELL else m
        of = "" if n < SMALLEST_CELL else f" of {reference}"
        status = f"not estimable: {'1 firm' if count == 1 else 'no firms'}{of}"
        numbers = dict.fromkeys(("share", "share_reference", "difference", "low", "high"), NAN)
        return {**numbers, **sizes, "status": status}
    difference = home.share - other.share
    (low, high), (low_other, high_other) = _wilson(home), _wilson(other)
    return {
        "share": home.share,
        "share_reference": other.share,
        "difference": difference,
        "low": difference - float(np.hypot(home.share - low, high_other - other.share)),
        "high": difference + float(np.hypot(high - home.share, other.share - low_other)),
        **sizes,
        "status": "",
    }


def _wilson(cell: ShareCell) -> tuple[float, float]:
    n, share = len(cell.yes), cell.share
    centre = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
    width = Z / (1 + Z**2 / n) * np.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))
    return float(centre - width), float(centre + width)
