"""Would the slope be there where it must not be: cities and years permuted, and a pair that should not move."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from chainbert.convergence.cities import city_trend
from chainbert.convergence.config import FEWEST_PLACEBOS
from chainbert.convergence.gap import Floats
from chainbert.convergence.rows import Rows
from chainbert.convergence.tables import rounded, to_records
from chainbert.convergence.trend import LEVEL, Trend
from chainbert.convergence.worlds import (
    difference,
    pair_rows,
    permuted_cities,
    permuted_years,
    reference_halves,
    units_of,
)
from chainbert.errors import ConfigError
from chainbert.progress import Progress, silent
from chainbert.yamlfile import did_you_mean

NAN = float("nan")
YEARS, CITIES, HALVES = "permuted years", "permuted cities", "halves of the reference"
# A sound test has 5 % of splits significant; more than this quantile of chance speaks against the test on this set.
CHANCE = 0.99
COLUMNS = (
    *("city", "placebo", "statistic", "draws", "p", "error"),
    *("share_significant", "chance", "passes", "status"),
)
DRAW_COLUMNS = ("city", "placebo", "draw", "slope", "statistic", "p")


@dataclass(frozen=True, slots=True)
class Placebos:
    """One city's slope beside slopes that mean nothing."""

    city: str
    reference: str
    table: pd.DataFrame
    """One row a placebo: city, placebo, statistic (the city's own slope over its error; of a named pair, the pair's),
    draws (estimable ones), p (share of placebo statistics at least as large in absolute value, (1 + k) / (1 + draws);
    of a named pair, its slope's own p), error (Monte-Carlo error of p), share_significant (placebo slopes with
    p < .05), chance (the share that chance stays under 99 times in 100), passes, status."""
    draws: pd.DataFrame
    """One row a placebo slope, for charts: city, placebo, draw, slope, statistic, p."""

    @property
    def passes(self) -> bool:
        """Whether every placebo passes; one that cannot be estimated does not count, none at all is no pass."""
        known = self.table[self.table["status"] == ""]
        return bool(len(known)) and bool(known["passes"].astype(bool).all())

    def to_json(self) -> dict[str, Any]:
        """Plain data: the table's records and each placebo's statistics."""
        return {
            "city": self.city,
            "reference": self.reference,
            "passes": self.passes,
            "placebos": to_records(self.table),
            "draws": to_records(self.draws),
        }


def run_placebos(
    rows: Rows,
    city: int,
    *,
    smallest_cell: int = 5,
    margin: float = 0.25,
    draws: int = 199,
    rng: np.random.Generator,
    pair: tuple[str, str] | None = None,
    progress: Progress = silent,
) -> Placebos:
    """Set one city's slope beside placebo slopes, all from ``city_trend``; slopes are compared by slope over error.

    Permuted years: within city and stratum, the firms' texts are put into other firms' years. H0: nothing changes over
    the years. Permuted cities: the two cities' labels change firms within the firms' first period and stratum; a firm
    keeps one city through all its years. H0: but for a constant difference the cities are one population. Both pass
    where p ≤ .05, that is where the city's own slope stands out; one that is no finding does not, and does not pass.
    The pair that should not move: ``draws`` splits of the reference's firms into random halves, as far apart as the
    cities, or one ``pair`` of cities by name. Halves pass where no more slopes have p < .05 than chance gives (99 %
    quantile of the binomial): they test the test on this set; their p is a guide only, for their cells have other
    sizes. A named pair passes where its slope has p ≥ .05.
    draws ≥ 19. Raises ConfigError for fewer draws and for a pair that is not two cities of the set.
    """
    if draws < FEWEST_PLACEBOS:
        few = f"draws is {draws}; at least {FEWEST_PLACEBOS} were expected"
        raise ConfigError(f"{few} (with fewer no p can reach .05)")
    seed = int(rng.integers(2**63))
    own = _statistic(city_trend(rows, city, smallest_cell=smallest_cell, margin=margin))
    kinds = _kinds(rows, city, pair)
    total = sum(1 if kind == _pair_name(pair) else draws for kind, _ in kinds)
    records: list[dict[str, Any]] = []
    found: list[dict[str, Any]] = []
    for place, (kind, worlds) in enumerate(kinds):
        # Each kind has a stream of its own, so that one more draw of one leaves the others alone.
        stream = np.random.default_rng([seed, place])
        drawn = []
        for draw in range(1 if kind == _pair_name(pair) else draws):
            world, home = worlds(stream)
            line = city_trend(world, home, smallest_cell=smallest_cell, margin=margin)
            slope = line.slope if line else None
            record = {"city": rows.cities[city], "placebo": kind, "draw": draw, "statistic": _statistic(line)}
            drawn.append(record | {"slope": slope.value if slope else NAN, "p": slope.p if slope else NAN})
            progress(f"placebos of {rows.cities[city]}", len(found) + len(drawn), total)
        found += drawn
        records.append({"city": rows.cities[city], "placebo": kind, **_judge(kind, own, pd.DataFrame(drawn), pair)})
    return Placebos(
        rows.cities[city], rows.cities[rows.reference], rounded(records, COLUMNS), rounded(found, DRAW_COLUMNS)
    )


_Worlds = Callable[[np.random.Generator], tuple[Rows, int]]


def _kinds(rows: Rows, city: int, pair: tuple[str, str] | None) -> list[tuple[str, _Worlds]]:
    both = pair_rows(rows, city, rows.reference)
    units, apart = units_of(both), difference(both, city)
    of_halves = difference(both, city, [rows.reference])
    kinds: list[tuple[str, _Worlds]] = [
        (YEARS, lambda stream: (permuted_years(both, units, stream), city)),
        (CITIES, lambda stream: (permuted_cities(both, apart, city, stream), city)),
    ]
    if pair is None:
        return [*kinds, (HALVES, lambda stream: (reference_halves(both, of_halves, city, stream), city))]
    for name in pair:
        if name not in rows.cities:
            raise ConfigError(f"the placebo city '{name}' is not in the data.{did_you_mean(name, rows.cities)}")
    if pair[0] == pair[1]:
        raise ConfigError(f"the placebo pair is '{pair[0]}' twice; two cities were expected")
    home, other = rows.cities.index(pair[0]), rows.cities.index(pair[1])
    return [*kinds, (_pair_name(pair), lambda _: (pair_rows(rows, home, other), home))]


def _pair_name(pair: tuple[str, str] | None) -> str:
    return f"{pair[0]} and {pair[1]}" if pair else ""


def _statistic(line: Trend | None) -> float:
    """Slope over its error; 0 where nothing changes at all, NaN where there is no slope."""
    if line is None:
        return NAN
    value, error = line.slope.value, line.slope.error
    return 0.0 if value == error == 0 else value / error if error > 0 else NAN


def _judge(kind: str, own: float, drawn: pd.DataFrame, pair: tuple[str, str] | None) -> dict[str, Any]:
    """The numbers of one placebo, and whether it passes."""
    known = drawn[drawn["statistic"].notna()]
    size = len(known)
    empty = {"statistic": own, "draws": size, **dict.fromkeys(("p", "error", "share_significant", "chance"), NAN)}
    if np.isnan(own) and kind != _pair_name(pair):
        return empty | {"passes": False, "status": "not estimable: the city has no slope"}
    if 2 * size < len(drawn) or not size:
        found = f"{size} of {len(drawn)} placebo slopes can be estimated"
        return empty | {"passes": False, "status": f"not estimable: {found}"}
    significant = float((known["p"] < LEVEL).mean())
    if kind == _pair_name(pair):
        p, statistic = float(known["p"].iloc[0]), float(known["statistic"].iloc[0])
        numbers = {"statistic": statistic, "p": p, "share_significant": significant, "passes": not significant}
        return empty | numbers | {"status": ""}
    statistics: Floats = known["statistic"].to_numpy(dtype=np.float64)
    p = float((1 + (np.abs(statistics) >= abs(own)).sum()) / (1 + size))
    chance = float(stats.binom.ppf(CHANCE, size, LEVEL) / size)
    return empty | {
        "p": p,
        "error": float(np.sqrt(p * (1 - p) / size)),
        "share_significant": significant,
        "chance": chance,
        "passes": significant <= chance if kind == HALVES else p <= LEVEL,
        "status": "",
    }
