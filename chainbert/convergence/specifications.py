"""Does the slope depend on how it was measured: every combination of reasonable choices, and the worst of them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations, product
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from chainbert.convergence.cities import city_trend
from chainbert.convergence.rows import Rows, check_rows, filled_texts, known_cities
from chainbert.convergence.tables import rounded, to_records
from chainbert.convergence.trend import LEVEL
from chainbert.convergence.worlds import take
from chainbert.errors import ConfigError, DataError
from chainbert.progress import Progress, silent

NAN = float("nan")
ALL_FIRMS = 0
KEPT = 0.9
CHOICES = ("encoder", "language", "names", "strata", "seed", "smallest_cell")
COLUMNS = (
    *("city", "reference", *CHOICES, "slope", "relative", "low", "high", "p"),
    *("statistic", "sign", "status", "main"),
)
SUMMARY_COLUMNS = (
    *("city", "reference", "specifications", "estimable", "agree", "significant", "significant_other"),
    *("median", "median_relative", "worst", "status"),
)


@dataclass(frozen=True, slots=True)
class SpecificationCurve:
    """The slopes of all specifications, for each pair of cities."""

    table: pd.DataFrame
    """One row a pair of cities and specification: city, reference, encoder, language (treatment), names (masked or
    not), strata (name), seed (0 is all firms), smallest_cell, slope (a year), relative (of the first gap, over the
    window; −0.25 closes a quarter; NaN where the first period has no gap), low, high, p (not adjusted), statistic
    (slope over its error), sign (−1, 0, 1), status, main."""
    summary: pd.DataFrame
    """One row a pair of cities: city, reference, specifications, estimable, agree (share of the estimable with the
    main one's sign), significant (p < .05 and that sign), significant_other (p < .05 and the other sign), median and
    median_relative (slopes of two encoders have different units, relative ones compare), worst (the specification
    that speaks most against the main one, in words), status."""

    def to_json(self) -> dict[str, Any]:
        """Plain data: both tables as records."""
        return {"specifications": to_records(self.table), "summary": to_records(self.summary)}


def specification_curve(
    variants: Mapping[str, Mapping[tuple[str, str], ArrayLike]],
    city: ArrayLike,
    year: ArrayLike,
    *,
    reference: str,
    firm: ArrayLike | None = None,
    strata: Mapping[str, ArrayLike | None],
    seeds: Sequence[int] = (ALL_FIRMS,),
    smallest_cells: Sequence[int] = (5,),
    main: tuple[Hashable, ...] | None = None,
    periods: Sequence[tuple[int, int]] | None = None,
    margin: float = 0.25,
    progress: Progress = silent,
) -> SpecificationCurve:
    """Run ``city_trend`` for every combination of choices (specification curve, Simonsohn, Simmons & Nelson 2020).

    variants: encoder → (language treatment, names treatment), such as ("raw", "masked") → (n, d) unit rows, all of the
    same n rows in the same order. city, year, firm (n,) as in measure_convergence. strata: name → (n,) or (n, k)
    labels, or None for no strata. seeds: 0 takes all firms, any other number a random 90 % of each city's firms, the
    same for all encoders where ``firm`` is given (without it firms are told apart by their vectors). smallest_cells
    ≥ 3. main: (encoder, language, names, strata, seed, smallest_cell), by default the first of each. Pairs: each city
    with the reference, then each two of the other cities; none where the reference is the only one.

    Descriptive: the p-values come from the same firms over and over; they are not adjusted (no Holm) and their share
    below .05 has no level. A specification that cannot be estimated, or whose vectors are refused, is a row with its
    reason in ``status`` and does not count in the shares.
    Raises ConfigError for no choices, a main one that is none of them, numbers outside their range and an unknown
    reference; DataError for city names that are missing or not one a row.
    """
    names = filled_texts(city, len(np.asarray(city, dtype=object)), "city")
    cities = known_cities(pd.Series(names, dtype="str"), reference)
    keys = [(encoder, *key) for encoder, treatments in variants.items() for key in treatments]
    _check(keys, strata, seeds, smallest_cells)
    first = (*keys[0], next(iter(strata)), seeds[0], smallest_cells[0])
    combinations_of = list(product(keys, strata, seeds, smallest_cells))
    chosen = first if main is None else main
    if chosen not in [(*key, *rest) for key, *rest in combinations_of]:
        raise ConfigError(f"the main specification {chosen} is none of those to be run; the first would be {first}")
    others = [name for name in cities if name != reference]
    pairs = [(name, reference) for name in others] + list(combinations(others, 2))
    records, done = [], 0
    for key, stratum in product(keys, strata):
        check = partial(
            check_rows, city=names, year=year, reference=reference, firm=firm, strata=strata[stratum], periods=periods
        )
        rows = _rows(variants[key[0]][key[1], key[2]], names, check)
        for seed in seeds:
            some = rows if isinstance(rows, str) else subsample(rows, seed)
            for smallest, pair in product(smallest_cells, pairs):
                choice = (*key, stratum, seed, smallest)
                record = dict(zip(("city", "reference", *CHOICES), (*pair, *choice), strict=True))
                records.append(record | _slope(some, pair, smallest, margin) | {"main": choice == chosen})
            done += 1
            progress("specifications", done, len(keys) * len(strata) * len(seeds))
    place: dict[Any, int] = {pair: rank for rank, pair in enumerate(pairs)}
    records.sort(key=lambda record: place[record["city"], record["reference"]])
    table = rounded(records, COLUMNS)
    summary = [_summary(table[(table["city"] == a) & (table["reference"] == b)]) for a, b in pairs]
    return SpecificationCurve(table, rounded(summary, SUMMARY_COLUMNS))


def subsample(rows: Rows, seed: int) -> Rows:
    """A random 90 % of the firms of each city (of the city where a firm is first), or all with seed 0.

    Firms are drawn by their order of names, so the same ones whatever the vectors.
    """
    if seed == ALL_FIRMS:
        return rows
    order = np.lexsort((rows.period, rows.firm))
    codes, place = np.unique(rows.firm[order], return_index=True)
    home, luck = rows.city[order][place], np.random.default_rng(seed).random(len(codes))
    kept = np.zeros(len(codes), dtype=bool)
    for one in np.unique(home):
        members = np.flatnonzero(home == one)
        kept[members[np.argsort(luck[members])][: max(1, round(KEPT * len(members)))]] = True
    return take(rows, np.isin(rows.firm, codes[kept]))


def _rows(vectors: ArrayLike, city: list[str], check: Callable[[ArrayLike], Rows]) -> Rows | str:
    """The rows, or why they are refused. A variant is somebody's vectors; one bad one must not end the curve."""
    try:
        matrix = np.asarray(vectors)
    except ValueError:
        return "not estimable: vectors must be a filled matrix of numbers (n, d)"
    if matrix.ndim and len(matrix) != len(city):
        return f"not estimable: {len(matrix)} vectors for {len(city)} firms"
    try:
        return check(matrix)
    except DataError as error:
        return f"not estimable: {error}"


def _slope(rows: Rows | str, pair: tuple[str, str], smallest: int, margin: float) -> dict[str, Any]:
    empty = dict.fromkeys(("slope", "relative", "low", "high", "p", "statistic", "sign"), NAN)
    if isinstance(rows, str):
        return empty | {"status": rows}
    home, other = (rows.cities.index(name) for name in pair)
    try:
        line = city_trend(replace(rows, reference=other), home, smallest_cell=smallest, margin=margin)
    except DataError as error:
        return empty | {"status": f"not estimable: {error}"}
    if line is None:
        return empty | {"status": "not estimable: fewer than two periods with a gap"}
    slope = line.slope
    if np.isnan(slope.p):
        return empty | {"slope": slope.value, "status": "not estimable: the slope has no error"}
    statistic = slope.value / slope.error if slope.error > 0 else 0.0
    numbers = {"slope": slope.value, "low": slope.low, "high": slope.high, "p": slope.p, "statistic": statistic}
    # Trend.margin is the slope that closes ``margin`` of the first gap over the window.
    relative = margin * slope.value / line.margin
    return empty | numbers | {"relative": relative, "sign": float(np.sign(slope.value)), "status": ""}


def _summary(table: pd.DataFrame) -> dict[str, Any]:
    """One pair's specifications in one row."""
    known, chosen = table[table["status"] == ""], table[table["main"].astype(bool)].iloc[0]
    record: dict[str, Any] = {"city": chosen["city"], "reference": chosen["reference"]}
    record |= {"specifications": len(table), "estimable": len(known)}
    record |= dict.fromkeys(("agree", "significant", "significant_other", "median", "median_relative"), NAN)
    if chosen["status"]:
        status = str(chosen["status"]).removeprefix("not estimable: ")
        return record | {"worst": "", "status": f"not estimable: the main specification: {status}"}
    same, found = known["sign"] == chosen["sign"], known["p"] < LEVEL
    # Far from the main one's sign on the scale of its own error, which encoders share.
    worst = known.iloc[int((known["statistic"] * (chosen["sign"] or 1.0)).to_numpy().argmin())]
    return record | {
        "agree": float(same.mean()),
        "significant": float((same & found).mean()),
        "significant_other": float((found & ~same).mean()),
        "median": float(known["slope"].median()),
        "median_relative": float(known["relative"].median()),
        "worst": f"{_in_words(worst)}, against {_number(chosen)} in the main one",
        "status": "",
    }


def _in_words(row: pd.Series[Any]) -> str:
    seed = "all firms" if row["seed"] == ALL_FIRMS else f"90 % of the firms (seed {row['seed']})"
    return (
        f"{row['encoder']}, language {row['language']}, names {row['names']}, strata {row['strata']}, {seed}, "
        f"cells of {row['smallest_cell']} firms: slope {_number(row)}"
    )


def _number(row: pd.Series[Any]) -> str:
    p = "p < 0.001" if row["p"] < 0.001 else f"p = {row['p']:.3f}"
    return f"{row['slope']:+.4f} ({p})"


def _check(
    keys: list[tuple[str, str, str]],
    strata: Mapping[str, ArrayLike | None],
    seeds: Sequence[int],
    smallest_cells: Sequence[int],
) -> None:
    for name, values in (("variants", keys), ("strata", strata), ("seeds", seeds), ("smallest_cells", smallest_cells)):
        if not len(values):
            raise ConfigError(f"{name} is empty; at least one choice was expected")
        if len(set(values)) < len(values):
            raise ConfigError(f"{name} has a choice twice: {list(values)}")
    if min(seeds) < 0:
        raise ConfigError(f"seeds are {list(seeds)}; numbers from 0 (all firms) were expected")
    if min(smallest_cells) < 3:
        raise ConfigError(f"smallest_cells are {list(smallest_cells)}; at least 3 firms were expected")
