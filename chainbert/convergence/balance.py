"""What the cities differ in beside their texts: each covariate's balance between a city and the reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from chainbert.convergence.gap import Bools, Floats, Ints
from chainbert.convergence.periods import bin_years, latest_rows, year_numbers
from chainbert.convergence.rows import filled_texts, known_cities, one_city_a_year, sized
from chainbert.convergence.tables import rounded
from chainbert.errors import ConfigError, DataError

NAN = float("nan")
# Four classes of a number take about 86 % of its confounding away, five 90 %, three 79 % (Cochran 1968); more classes
# leave small cities without a partner in theirs.
BINS = 4
MISSING = "missing"

BALANCE_COLUMNS = (
    *("city", "year", "covariate", "difference", "by_chance", "p", "smd"),
    *("level", "share", "share_reference", "n", "n_reference", "note", "status"),
)


@dataclass(frozen=True, slots=True)
class Levels:
    """A covariate as classes."""

    code: Ints
    """(n,) index into names."""
    names: tuple[str, ...]
    numbers: Floats | None
    """(n,) the values themselves where they are numbers, NaN where missing."""


def levels_of(values: ArrayLike | pd.Series[Any], bins: int = BINS) -> Levels:
    """Classes of a covariate (n,): texts and yes/no as they are, numbers cut at the quantiles of the whole set.

    One set of cuts for all periods: with cuts of each period, texts that grow longer would stay in their class.
    A number of at most ``bins`` distinct values keeps them. What is missing is a class of its own.
    Raises ConfigError for bins < 2.
    """
    if bins < 2:
        raise ConfigError(f"bins is {bins}; at least 2 was expected")
    column = pd.Series(values).infer_objects().reset_index(drop=True)
    absent = column.isna().to_numpy(dtype=bool)
    if pd.api.types.is_bool_dtype(column.dtype):
        texts = column.map({True: "yes", False: "no"}).astype(object)
    elif pd.api.types.is_numeric_dtype(column.dtype):
        return _number_levels(column.to_numpy(dtype=np.float64, na_value=NAN), bins)
    else:
        texts = column.astype(object).map(str)
    names, code = np.unique(np.where(absent, MISSING, texts).astype(str), return_inverse=True)
    return Levels(code.astype(np.int64), tuple(str(name) for name in names), None)


def _number_levels(numbers: Floats, bins: int) -> Levels:
    known = numbers[np.isfinite(numbers)]
    distinct = np.unique(known)
    cuts = distinct if len(distinct) <= bins else np.unique(np.quantile(known, np.linspace(0, 1, bins + 1)[1:-1]))
    place = np.where(np.isfinite(numbers), np.searchsorted(cuts, numbers), len(cuts) + 1)
    used, code = np.unique(place, return_inverse=True)
    names = []
    for one in used:
        inside = numbers[place == one]
        low, high = (f"{end:g}" for end in (inside.min(), inside.max()))
        names.append(MISSING if one == len(cuts) + 1 else low if low == high else f"{low}–{high}")
    return Levels(code.astype(np.int64), tuple(names), numbers)


def balance_table(
    city: ArrayLike,
    year: ArrayLike,
    covariates: pd.DataFrame | Mapping[str, ArrayLike],
    *,
    reference: str,
    firm: ArrayLike | None = None,
    periods: Sequence[tuple[int, int]] | None = None,
    bins: int = BINS,
    draws: int = 999,
    smallest_cell: int = 5,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """How unlike each city and the reference are in each covariate, by period; one row a city, period, covariate.

    covariates: one column each (n,); the other arguments as in measure_convergence. ``difference`` in [0, 1] is the
    total variation distance of the level shares: the share of firms that would have to change level. ``by_chance`` is
    its mean and p its (1 + #)/(1 + draws) over exchanged cities; H0: within the period the covariate does not depend on
    the city. smd is the standardised difference of the means of a number (home − reference, over the root of the mean
    variance; Austin 2009), NaN for others. ``level`` is the one whose share differs most, with its shares. note says
    what strata of this covariate run into. Raises as measure_convergence, and as levels_of.
    """
    table = filled(covariates, len(np.asarray(city, dtype=object)))
    columns = pd.DataFrame({"city": filled_texts(city, len(table), "city")})
    cities = known_cities(columns["city"], reference)
    period = bin_years(sized(year, len(table), "year"), periods)
    if firm is not None:
        columns["firm"], columns["year"] = filled_texts(firm, len(table), "firm"), year_numbers(year)
        one_city_a_year(columns)
    kept = kept_rows(period.code, firm, year)
    place, seed = columns["city"].to_numpy(dtype=str)[kept], int(rng.integers(2**63))
    records = []
    for name in (one for one in cities if one != reference):
        for covariate in table.columns:
            levels = levels_of(table[covariate].iloc[kept], bins)
            stream = np.random.default_rng([seed, *f"{name}\x1f{covariate}".encode()])
            for code, label in enumerate(period.labels):
                here = period.code[kept] == code
                home, other = here & (place == name), here & (place == reference)
                found = _balance(levels, home, other, (name, reference), draws, smallest_cell, stream)
                records.append({"city": name, "year": label, "covariate": str(covariate), **found})
    return rounded(records, BALANCE_COLUMNS)


def _balance(
    levels: Levels,
    home: Bools,
    other: Bools,
    names: tuple[str, str],
    draws: int,
    smallest_cell: int,
    rng: np.random.Generator,
) -> dict[str, Any]:
    """The numbers of one city, period and covariate."""
    counts = np.stack([np.bincount(levels.code[side], minlength=len(levels.names)) for side in (home, other)])
    n, m = (int(size) for size in counts.sum(axis=1))
    record: dict[str, Any] = {"n": n, "n_reference": m, "note": "", "status": ""}
    if min(n, m) < smallest_cell:
        few, of = (n, names[0]) if n < smallest_cell else (m, names[1])
        numbers = dict.fromkeys(("difference", "by_chance", "p", "smd", "share", "share_reference"), NAN)
        return record | numbers | {"level": "", "status": f"not estimable: {few} firms of {of}"}
    # Counts of a random n of all firms: what exchanging the cities' labels gives, without exchanging them.
    drawn = rng.multivariate_hypergeometric(counts.sum(axis=0), n, size=draws, method="marginals")
    apart = np.abs(counts[0] * m - counts[1] * n)
    exchanged = np.abs(drawn * m - (counts.sum(axis=0) - drawn) * n).sum(axis=1)
    widest = int(apart.argmax())
    return record | {
        "difference": float(apart.sum()) / (2 * n * m),
        "by_chance": float(exchanged.mean()) / (2 * n * m),
        "p": (1 + int((exchanged >= apart.sum()).sum())) / (1 + draws),
        "smd": NAN if levels.numbers is None else _standardised(levels.numbers[home], levels.numbers[other]),
        "level": levels.names[widest],
        "share": float(counts[0, widest]) / n,
        "share_reference": float(counts[1, widest]) / m,
        "note": _note(levels.names, counts, names),
    }


def _standardised(home: Floats, other: Floats) -> float:
    home, other = home[np.isfinite(home)], other[np.isfinite(other)]
    if min(len(home), len(other)) < 2:
        return NAN
    spread = float(np.sqrt((home.var(ddof=1) + other.var(ddof=1)) / 2))
    return float(home.mean() - other.mean()) / spread if spread > 0 else NAN


def _note(levels: tuple[str, ...], counts: Ints, names: tuple[str, str]) -> str:
    if not (counts.min(axis=0) > 0).any():
        return "cities share no level"
    notes = [
        f"all firms of {name} are in one level: {levels[int(side.argmax())]}"
        for name, side in zip(names, counts, strict=True)
        if (side > 0).sum() == 1
    ]
    lone = [level for level, least in zip(levels, counts.min(axis=0), strict=True) if least == 1]
    return "; ".join([*notes, *([f"levels with one firm of a city: {', '.join(lone)}"] if lone else [])])


def filled(covariates: pd.DataFrame | Mapping[str, ArrayLike], size: int) -> pd.DataFrame:
    """The covariates as a table. Raises ConfigError where there is none, DataError where there is not one a row."""
    table = pd.DataFrame(covariates).reset_index(drop=True)
    if not len(table.columns):
        raise ConfigError("no covariates were given; at least one column was expected")
    if len(table) != size:
        raise DataError(f"the covariates have {len(table)} rows for {size} of the set; one row each was expected")
    return table


def kept_rows(period: Ints, firm: ArrayLike | None, year: ArrayLike) -> Ints:
    """Row numbers of those that check_rows keeps: in a period, and a firm's last one there."""
    inside = np.flatnonzero(period >= 0)
    if firm is None:
        return inside
    names = np.array(filled_texts(firm, len(period), "firm"), dtype=object)
    return inside[latest_rows(names[inside], year_numbers(year)[inside], period[inside])]
