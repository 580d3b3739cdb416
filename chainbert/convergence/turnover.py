"""Who is in the set: firms that stay, come, go and move between two periods; firms of each city by period."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from chainbert.convergence.gap import Bools
from chainbert.convergence.periods import bin_years, latest_rows, year_numbers
from chainbert.convergence.rows import filled_texts, one_city_a_year, sized
from chainbert.convergence.tables import rounded
from chainbert.errors import ConfigError, DataError

NAN = float("nan")
SURVIVORS_ONLY = "survivors only: cohorts of firms that exist today"
# A share of one firm is 0 or 1 whatever is true.
SMALLEST_SHARE = 2
OUT = ("stays", "leaves", "moves out", "goes abroad", "city unknown later")
INTO = ("enters", "moves in", "city unknown before")
TURNOVER_COLUMNS = ("city", "from", "to", "flow", "n", "of", "share", "low", "high", "status")
COUNT_COLUMNS = ("city", "year", "n", "of", "share", "low", "high", "status", "note")


def turnover(
    city: ArrayLike,
    year: ArrayLike,
    firm: ArrayLike,
    *,
    cities: Sequence[str],
    abroad: Collection[str] = (),
    periods: Sequence[tuple[int, int]] | None = None,
) -> pd.DataFrame:
    """Count what became of each study city's firms from each period to the next, and from the first to the last.

    city (n,) names, year (n,) numbers, firm (n,) ids: all rows of the set, also those of cities that are not the
    study's. cities are the study's, abroad the names that lie outside China; every other name is elsewhere in China,
    a blank one is not known. periods as in measure_convergence; a firm with several years in one counts with the last.

    One row a city, pair of periods (columns from, to) and flow, with n firms, their share of ``of`` firms and its 95 %
    Wilson interval. ``stays``, ``leaves`` (not in the set in the later period), ``moves out`` (to any other city in
    China), ``goes abroad`` and ``city unknown later`` are parts of the city's firms in the earlier period and sum to
    them; ``enters`` (not in the set in the earlier period), ``moves in`` (from anywhere), ``city unknown before`` and
    those that stay sum to the firms of the later. To enter or leave the set is not to be founded or closed: a set
    that another source made has other firms. A share of fewer than two firms is not estimable (``status``).
    Raises DataError for columns of another length, rows without year or firm, a firm twice in a year; ConfigError for a
    city of the study that is abroad, and periods that overlap.
    """
    if both := sorted(set(cities) & set(abroad)):
        raise ConfigError(f"{', '.join(both)} cannot be a city of the study and abroad; keep it in one of the two")
    table, labels = _placed(city, year, firm, periods)
    one_city_a_year(table)
    table = table[latest_rows(table["firm"], table["year"], table["period"])]
    places = table.pivot(index="firm", columns="period", values="city").reindex(columns=range(len(labels)))
    pairs = list(pairwise(range(len(labels)))) + ([(0, len(labels) - 1)] if len(labels) > 2 else [])
    records = []
    for one in sorted(set(cities)):
        for first, last in pairs:
            ends = {"city": one, "from": labels[first], "to": labels[last]}
            flows = _flows(places[first], places[last], one, abroad)
            records += [ends | {"flow": flow} | _share(n, of) for flow, n, of in flows]
    return rounded(records, TURNOVER_COLUMNS)


def firm_counts(
    city: ArrayLike,
    year: ArrayLike,
    firm: ArrayLike | None = None,
    *,
    cities: Sequence[str],
    periods: Sequence[tuple[int, int]] | None = None,
    time: Literal["observed", "founded"] = "observed",
) -> pd.DataFrame:
    """Count each study city's firms by period, with its share of the period's firms in all study cities.

    Arguments as in turnover; with ``time="founded"`` year is the year of founding, the periods are cohorts, each firm
    has one row, and every row of the table is marked in ``note``: firms of a cohort that closed before the set was
    made are not in it, the more of them the older the cohort. Such counts are no births and their changes no growth.

    Columns: city, year (the period's name), n, of, share, low, high (95 % Wilson), status, note.
    Raises DataError as turnover, and with ``time="founded"`` for a firm with two rows.
    """
    ids = np.arange(len(np.asarray(city, dtype=object))).astype(str) if firm is None else firm
    table, labels = _placed(city, year, ids, periods)
    if time == "founded" and table["firm"].duplicated().any():
        twice = table.loc[table["firm"].duplicated(), "firm"]
        raise DataError(
            f"firm '{twice.iloc[0]}' has several rows ({twice.nunique()} such firms); a cohort counts a firm once: "
            "keep its latest row"
        )
    one_city_a_year(table)
    table = table[latest_rows(table["firm"], table["year"], table["period"])]
    table = table[table["city"].isin(set(cities))]
    note = SURVIVORS_ONLY if time == "founded" else ""
    records = []
    for one in sorted(set(cities)):
        for period, label in enumerate(labels):
            here = table["period"] == period
            counts = _share(int((here & (table["city"] == one)).sum()), int(here.sum()))
            records.append({"city": one, "year": label} | counts | {"note": note})
    return rounded(records, COUNT_COLUMNS)


def wilson(yes: int, n: int) -> tuple[float, float]:
    """95 % interval of a share of yes in n ≥ 1, within [0, 1] (Wilson 1927)."""
    z = float(stats.norm.ppf(0.975))
    middle = (yes / n + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * float(np.sqrt(yes / n * (1 - yes / n) / n + z**2 / (4 * n**2)))
    # Exactly 0 and 1 at the ends, where rounding leaves 1e-17.
    return (0.0 if yes == 0 else middle - half), (1.0 if yes == n else middle + half)


def _placed(
    city: ArrayLike, year: ArrayLike, firm: ArrayLike, periods: Sequence[tuple[int, int]] | None
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Columns city ("" where not known), firm, year, period of the rows that lie in a period, and its names."""
    size = len(np.asarray(city, dtype=object))
    names = pd.Series(sized(city, size, "city"), dtype=object)
    table = pd.DataFrame({"city": names.where(names.notna(), "").map(str).str.strip()})
    table["firm"] = filled_texts(firm, size, "firm")
    binned = bin_years(sized(year, size, "year"), periods)
    table["year"], table["period"] = year_numbers(year), binned.code
    return table[table["period"] >= 0], binned.labels


def _flows(
    before: pd.Series[Any], after: pd.Series[Any], city: str, abroad: Collection[str]
) -> list[tuple[str, int, int]]:
    """(flow, firms, of firms) of one city; before and after are the firms' cities, NaN where not in the set."""
    was, there = before.eq(city).to_numpy(), after.eq(city).to_numpy()
    gone, unknown, out = after.isna().to_numpy(), after.eq("").to_numpy(), after.isin(set(abroad)).to_numpy()
    new, unknown_before = before.isna().to_numpy(), before.eq("").to_numpy()
    elsewhere = ~(there | gone | unknown | out)
    earlier = [was & chosen for chosen in (there, gone, elsewhere, out, unknown)]
    later = [there & chosen for chosen in (new, ~(was | new | unknown_before), unknown_before)]
    return _counted(OUT, earlier, was) + _counted(INTO, later, there)


def _counted(flows: tuple[str, ...], chosen: list[Bools], of: Bools) -> list[tuple[str, int, int]]:
    return [(flow, int(one.sum()), int(of.sum())) for flow, one in zip(flows, chosen, strict=True)]


def _share(n: int, of: int) -> dict[str, Any]:
    counts = {"n": n, "of": of}
    if of < SMALLEST_SHARE:
        status = f"not estimable: {'1 firm' if of == 1 else 'no firms'}"
        return counts | dict.fromkeys(("share", "low", "high"), NAN) | {"status": status}
    low, high = wilson(n, of)
    return counts | {"share": n / of, "low": low, "high": high, "status": ""}
