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
from chainbert.convergence.jackknife import Interval, interval
from chainbert.convergence.periods import bin_years, latest_rows, year_numbers
from chainbert.convergence.rows import filled_texts, known_cities, one_city_a_year, sized
from chainbert.convergence.tables import rounded, to_records
from chainbert.convergence.trend import holm, line_weights
from chainbert.errors import DataError

NAN = float("nan")
SMALLEST_CELL = 2
Z = float(stats.norm.ppf(0.975))
SHARE_COLUMNS = (
    *("city", "year", "midpoint", "share", "share_reference", "difference", "low", "high"),
    *("n", "n_reference", "status"),
)
SLOPE_COLUMNS = ("city", "slope", "low", "high", "p", "p_holm", "periods", "status")


@dataclass(frozen=True, slots=True)
class ShareTrends:
    """A label's share in each city and period beside the reference's, and the slope of their difference."""

    reference: str
    shares: pd.DataFrame
    """city, year (the period's name), midpoint, share, share_reference, difference (city − reference, in −1…1) with its
    95 % interval low, high (Newcombe 1998, method 10), n, n_reference, status."""
    slopes: pd.DataFrame
    """city, slope of the signed difference a year, low, high, p, p_holm over cities, periods, status."""
    unlabelled: int
    """Rows without a label (NaN), not counted."""

    def to_json(self) -> dict[str, Any]:
        """The parts ``label_trends`` and ``label_slopes`` of convergence.json, still without axis and indicator."""
        return {"label_trends": to_records(self.shares), "label_slopes": to_records(self.slopes)}


@dataclass(frozen=True, slots=True)
class _Share:
    """Labels of one city in one period."""

    firms: Ints
    yes: Floats

    @property
    def share(self) -> float:
        return float(self.yes.mean()) if len(self.yes) else NAN

    def deviations(self) -> Floats:
        """(n,) squares sum to the variance of the share."""
        n = len(self.yes)
        return np.asarray((self.yes - self.yes.mean()) / np.sqrt(n * (n - 1)))

    def missing_variance(self) -> float:
        """What a share near 0 or 1 lacks: with no yes at all there seems to be no error (Agresti & Coull 1998)."""
        smooth = (self.yes.sum() + 1) / (len(self.yes) + 2)
        return max(0.0, float(smooth * (1 - smooth) / (len(self.yes) + 2) - (self.deviations() ** 2).sum()))

    def least_variance(self) -> float:
        """The same for no change at all: what a cell has when not one of its firms differs."""
        n = len(self.yes)
        return (n + 1) / (n + 2) ** 3


def measure_share_trends(
    yes: ArrayLike,
    city: ArrayLike,
    year: ArrayLike,
    *,
    reference: str,
    firm: ArrayLike | None = None,
    periods: Sequence[tuple[int, int]] | None = None,
) -> ShareTrends:
    """Share of yes by city and period against the reference, and whether the difference changes.

    yes (n,) 1 or 0, NaN where a firm has no label (left out and counted); city, year, firm and periods as in
    measure_convergence. The slope is that of the signed difference city − reference: the absolute one is pushed away
    from 0 by noise and less so as firms grow, which invents convergence. A city below the reference comes nearer with
    slope > 0, one above it with slope < 0. Errors are clustered by firm.
    Raises DataError for other values, columns of another length, rows without city or year, a firm twice in a year;
    ConfigError for a reference that is not in the data and for periods that overlap.
    """
    table, labels, midpoints, unlabelled = _labelled(yes, city, year, firm, periods)
    cities = known_cities(table["city"], reference)
    if firm is not None:
        one_city_a_year(table)
    table = table[latest_rows(table["firm"], table["year"], table["period"])]
    codes = np.unique(table["firm"].to_numpy(dtype=str), return_inverse=True)[1].astype(np.int64)
    answers, places = table["yes"].to_numpy(dtype=np.float64), table["period"].to_numpy(dtype=np.int64)
    names = table["city"].to_numpy(dtype=str)
    cells = {}
    for one in cities:
        for period in range(len(labels)):
            here = (names == one) & (places == period)
            cells[one, period] = _Share(codes[here], answers[here])
    shares, slopes = [], []
    for one in cities:
        if one == reference:
            continue
        pairs = [(cells[one, period], cells[reference, period]) for period in range(len(labels))]
        records = [
            {"city": one, "year": label, "midpoint": float(middle), **_difference(*pair, reference)}
            for label, middle, pair in zip(labels, midpoints, pairs, strict=True)
        ]
        shares += records
        usable = [place for place, record in enumerate(records) if not record["status"]]
        slopes.append({"city": one, **_slope([pairs[place] for place in usable], midpoints[usable])})
    adjusted = holm(np.array([record["p"] for record in slopes], dtype=np.float64))
    slopes = [record | {"p_holm": float(p)} for record, p in zip(slopes, adjusted, strict=True)]
    return ShareTrends(reference, rounded(shares, SHARE_COLUMNS), rounded(slopes, SLOPE_COLUMNS), unlabelled)


def _labelled(
    yes: ArrayLike, city: ArrayLike, year: ArrayLike, firm: ArrayLike | None, periods: Sequence[tuple[int, int]] | None
) -> tuple[pd.DataFrame, tuple[str, ...], Floats, int]:
    """Rows that have a label and lie in a period, the periods' names and middles, and how many have no label."""
    size = len(np.asarray(yes, dtype=object))
    values = pd.Series(np.asarray(yes, dtype=object)).astype("Float64").to_numpy(dtype=np.float64, na_value=np.nan)
    wrong = np.flatnonzero(~np.isnan(values) & (values != 0) & (values != 1))
    if len(wrong):
        found = f"row {wrong[0]} of the labels is {values[wrong[0]]:g}"
        raise DataError(f"{found}; 1 (yes), 0 (no) or NaN (none) was expected")
    binned = bin_years(sized(year, size, "year"), periods)
    table = pd.DataFrame({"yes": values, "city": filled_texts(city, size, "city"), "period": binned.code})
    table["year"] = year_numbers(year)
    table["firm"] = np.arange(size).astype(str) if firm is None else filled_texts(firm, size, "firm")
    known: Bools = ~np.isnan(values)
    return table[known & (binned.code >= 0)], binned.labels, binned.midpoints, int((~known).sum())


def _difference(home: _Share, other: _Share, reference: str) -> dict[str, Any]:
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


def _wilson(cell: _Share) -> tuple[float, float]:
    n, share = len(cell.yes), cell.share
    centre = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
    width = Z / (1 + Z**2 / n) * np.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))
    return float(centre - width), float(centre + width)


def _slope(pairs: list[tuple[_Share, _Share]], times: Floats) -> dict[str, Any]:
    if len(pairs) < 2:
        found = f"{len(pairs) or 'no'} period{'' if len(pairs) == 1 else 's'}"
        status = f"not estimable: {found} with a difference, a slope needs two"
        return {**dict.fromkeys(("slope", "low", "high", "p"), NAN), "periods": len(pairs), "status": status}
    sizes = np.array([len(home.yes) * len(other.yes) / (len(home.yes) + len(other.yes)) for home, other in pairs])
    weights = line_weights(times, sizes)
    line = _line(pairs, weights)
    return {"slope": line.value, "low": line.low, "high": line.high, "p": line.p, "periods": len(pairs), "status": ""}


def _line(pairs: list[tuple[_Share, _Share]], weights: Floats) -> Interval:
    slope = float(weights @ np.array([home.share - other.share for home, other in pairs]))
    last = 1 + max(int(cell.firms.max()) for pair in pairs for cell in pair)
    total, missing, least = np.zeros(last), 0.0, 0.0
    for weight, pair in zip(weights, pairs, strict=True):
        for sign, cell in zip((1, -1), pair, strict=True):
            np.add.at(total, cell.firms, sign * weight * cell.deviations())
            missing += weight**2 * cell.missing_variance()
            least += weight**2 * cell.least_variance()
    freedom = min(
        min(len(np.unique(np.concatenate([pair[side].firms for pair in pairs]))) - 1, _count(pairs, side) - len(pairs))
        for side in (0, 1)
    )
    return interval(slope, float(np.sqrt(max((total**2).sum() + missing, least))), max(1, freedom))


def _count(pairs: list[tuple[_Share, _Share]], side: int) -> int:
    return sum(len(pair[side].yes) for pair in pairs)
