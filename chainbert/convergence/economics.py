"""Convergence as economists define it: does the dispersion between cities fall (σ), do those far off move more (β)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from chainbert.convergence.beta import BETA_COLUMNS, beta_record
from chainbert.convergence.citypanel import CityPanel, around_mean, city_panel
from chainbert.convergence.gap import Floats
from chainbert.convergence.jackknife import interval
from chainbert.convergence.positions import variance
from chainbert.convergence.rows import Rows
from chainbert.convergence.shares import answers, labelled_rows
from chainbert.convergence.tables import rounded, to_records
from chainbert.convergence.trend import line_weights

NAN = float("nan")
DISPERSION_COLUMNS = ("measure", "city", "year", "midpoint", "value", "low", "high", "deviation", "n", "status")
TREND_COLUMNS = ("measure", "city", "slope", "low", "high", "p", "periods", "status")


@dataclass(frozen=True, slots=True)
class EconomicConvergence:
    """Sigma- and beta-convergence of a set of cities, each with what it rests on."""

    dispersion: pd.DataFrame
    """One row a measure and period: measure, city ("" where it is of all cities), year (the period's name), midpoint,
    value with low and high, deviation (root of a variance, 0 where the estimate is below 0), n, status. Measures:
    ``between share`` (vectors: the cities' variance around their mean, over all variance, in 0…1 but for
    noise), ``between`` (labels: variance of the cities' shares less what sampling makes), ``within`` (vectors:
    variance inside a city, mean 1 − cosine of its firms)."""
    trends: pd.DataFrame
    """One row a measure (and city): measure, city, slope a year, low, high, p, periods, status. Sigma-convergence is a
    slope < 0 of ``between share`` or ``between``."""
    beta: pd.DataFrame
    """One row: cities (their number), beta (a year: change per unit of first distance to the cities' mean; < 0: those
    far off come nearer), low, high, p, closed (share of the first distances closed over the window), periods, status.
    """

    def to_json(self) -> dict[str, Any]:
        """Plain data: ``sigma`` (records by period), ``sigma_trends``, ``beta``; NaN as None."""
        found = {"sigma": self.dispersion, "sigma_trends": self.trends, "beta": self.beta}
        return {name: to_records(table) for name, table in found.items()}


def measure_economics(rows: Rows, *, smallest_cell: int = 5) -> EconomicConvergence:
    """Sigma- and beta-convergence of the cities' mean vectors, within strata.

    Sigma (Barro & Sala-i-Martin 1992): the variance between the cities' mean positions, over all variance, by period,
    and its slope; the variance inside each city beside it. All are U-statistics: the plug-in dispersion of
    noisy means falls as firms grow. A period counts where every city has smallest_cell firms, and three in a shared
    stratum. ``within`` falls too where firms take up wording that all share.

    Beta: slope of the cities' change on their first distance from the cities' mean, over all cities and dimensions,
    positions divided by their period's spread. A noisy first position makes the plain regression find β < 0 where
    nothing changes (Galton's fallacy: Friedman 1992, Quah 1993). Here position and change are measured on different
    firms: the mean over all splits of the firms in two is the mean over pairs of different firms, taken in closed form,
    so that none has to be drawn. The regression is run on the mean position (Oldham 1962), whose error has no part in
    the change, and turned into that on the first one, for distances that close in proportion; to keep only sets that
    differ clearly in the first year would bring the fallacy back. p is that of its numerator, the interval Fieller's
    (1954). The cities are those of the study, not a sample of cities: errors are those of firms, firm-clustered
    throughout. Not estimable for fewer than three cities, or where they are not seen to differ.
    """
    panel = city_panel(rows, rows.vectors, rows.stratum, smallest_cell)
    return _measure(panel, whole=True)


def measure_label_economics(
    yes: ArrayLike,
    city: ArrayLike,
    year: ArrayLike,
    *,
    reference: str,
    firm: ArrayLike | None = None,
    periods: Sequence[tuple[int, int]] | None = None,
    smallest_cell: int = 5,
) -> EconomicConvergence:
    """The same for the cities' shares of a label: variance of the shares less their sampling variance, and beta.

    Arguments and errors as in measure_share_trends.
    """
    values = answers(yes)
    rows = labelled_rows(values, len(values), city, year, reference, firm, periods)
    panel = city_panel(rows, rows.values[:, None], np.zeros(len(rows.values), dtype=np.int64), smallest_cell)
    return _measure(panel, whole=False)


def _measure(panel: CityPanel, whole: bool) -> EconomicConvergence:
    count = len(panel.cities)
    measures: list[tuple[str, str, Floats | None]] = [("between share" if whole else "between", "", None)]
    if whole:
        measures += [("within", city, -np.diag(np.eye(count)[code])) for code, city in enumerate(panel.cities)]
    dispersion, trends = [], []
    for measure, city, kernel in measures:
        records, weights, values = [], [], []
        for period, status in enumerate(panel.statuses):
            record = _empty(panel, measure, city, period)
            records.append(record)
            if status:
                continue
            value, weight = _between(panel, period, whole) if kernel is None else _within(panel, period, kernel)
            own = interval(value, float(np.sqrt(variance(panel.where, weight))), panel.freedom_of(city))
            root = NAN if measure == "between share" else float(np.sqrt(max(value, 0.0)))
            record |= {"value": value, "low": own.low, "high": own.high, "deviation": root}
            weights.append(weight)
            values.append(value)
        dispersion += records
        trends.append({"measure": measure, "city": city, **_slope(panel, city, np.array(values), weights)})
    return EconomicConvergence(
        rounded(dispersion, DISPERSION_COLUMNS),
        rounded(trends, TREND_COLUMNS),
        rounded([beta_record(panel, whole)], BETA_COLUMNS),
    )


def _between(panel: CityPanel, period: int, whole: bool) -> tuple[float, Floats]:
    """Variance of the cities' positions, or its share of all variance, and the weights of its linear part."""
    count = len(panel.cities)
    around = panel.by_period(around_mean(count), period)
    value = panel.value(around)
    if not whole:
        return value, around
    inside = panel.by_period(-np.eye(count) / count, period)
    total = value + 1 + panel.value(inside)
    return value / total, ((1 - value / total) * around - value / total * inside) / total


def _within(panel: CityPanel, period: int, kernel: Floats) -> tuple[float, Floats]:
    weights = panel.by_period(kernel, period)
    return 1 + panel.value(weights), weights


def _slope(panel: CityPanel, city: str, values: Floats, weights: list[Floats]) -> dict[str, Any]:
    if len(values) < 2:
        found = f"{len(values) or 'no'} period{'' if len(values) == 1 else 's'}"
        status = f"not estimable: {found} with every city in it, a trend needs two"
        return {**dict.fromkeys(TREND_COLUMNS[2:6], NAN), "periods": len(values), "status": status}
    line = line_weights(panel.midpoints[panel.usable], panel.sizes[panel.usable])
    error = float(np.sqrt(variance(panel.where, np.tensordot(line, np.array(weights), 1))))
    slope = interval(float(line @ values), error, panel.freedom_of(city))
    return {
        "slope": slope.value,
        "low": slope.low,
        "high": slope.high,
        "p": slope.p,
        "periods": len(values),
        "status": "",
    }


def _empty(panel: CityPanel, measure: str, city: str, period: int) -> dict[str, Any]:
    counts = panel.counts[period]
    return {
        "measure": measure,
        "city": city,
        "year": panel.labels[period],
        "midpoint": float(panel.midpoints[period]),
        **dict.fromkeys(("value", "low", "high", "deviation"), NAN),
        "n": int(counts[panel.cities.index(city)]) if city else int(counts.sum()),
        "status": panel.statuses[period],
    }
