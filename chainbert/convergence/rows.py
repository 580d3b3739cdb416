"""The door: arrays are checked, binned and put into an order of their own, so that the file's order cannot matter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from chainbert.convergence.gap import Floats, Ints
from chainbert.convergence.periods import bin_years, latest_rows, year_numbers
from chainbert.errors import ConfigError, DataError
from chainbert.files import content_hash
from chainbert.yamlfile import did_you_mean

MOST_CITIES = 20
UNIT_TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True)
class Rows:
    """One row a firm and period, sorted by content hash."""

    vectors: Floats
    """(n, d) unit rows."""
    city: Ints
    """(n,) index into cities."""
    period: Ints
    """(n,) index into labels."""
    firm: Ints
    """(n,) codes from 0; rows of one firm share theirs."""
    stratum: Ints
    """(n,) codes from 0."""
    cities: tuple[str, ...]
    reference: int
    labels: tuple[str, ...]
    midpoints: Floats
    outside: int
    """Rows whose year is in no period."""
    replaced: int
    """Rows left out because the same firm has a later one in the period."""
    source: Ints
    """(n,) where each row stands in the arrays that were given, to align other columns with the rows."""

    @property
    def firms(self) -> int:
        """How many firms there are."""
        return len(np.unique(self.firm))


def check_rows(
    vectors: ArrayLike,
    city: ArrayLike,
    year: ArrayLike,
    *,
    reference: str,
    firm: ArrayLike | None = None,
    strata: ArrayLike | None = None,
    periods: Sequence[tuple[int, int]] | None = None,
) -> Rows:
    """Check the arrays and bring them into their own order. Arguments and errors as in measure_convergence."""
    matrix = _unit_rows(vectors)
    columns = _columns(len(matrix), city, firm, strata)
    cities = known_cities(columns["city"], reference)
    binned = bin_years(sized(year, len(matrix), "year"), periods)
    columns["year"] = year_numbers(year)
    columns["period"] = binned.code
    if firm is not None:
        one_city_a_year(columns)
    order = _own_order(matrix, columns)
    if firm is None:
        columns.loc[order, "firm"] = np.arange(len(order)).astype(str)
    inside = order[columns["period"].to_numpy()[order] >= 0]
    if not len(inside):
        raise DataError(f"no row lies in one of the periods {', '.join(binned.labels)}")
    kept = columns.loc[inside]
    chosen = inside[latest_rows(kept["firm"], kept["year"], kept["period"])]
    kept = columns.loc[chosen]
    return Rows(
        vectors=matrix[chosen],
        city=np.searchsorted(cities, kept["city"].to_numpy(dtype=str)).astype(np.int64),
        period=kept["period"].to_numpy(dtype=np.int64),
        firm=np.unique(kept["firm"].to_numpy(dtype=str), return_inverse=True)[1].astype(np.int64),
        stratum=np.unique(kept["stratum"].to_numpy(dtype=str), return_inverse=True)[1].astype(np.int64),
        cities=cities,
        reference=cities.index(reference),
        labels=binned.labels,
        midpoints=binned.midpoints,
        outside=len(order) - len(inside),
        replaced=len(inside) - len(chosen),
        source=chosen,
    )


def _unit_rows(vectors: ArrayLike) -> Floats:
    matrix = np.asarray(vectors)
    if matrix.ndim != 2 or not np.issubdtype(matrix.dtype, np.number) or not matrix.size:
        raise DataError(
            f"vectors must be a filled matrix of numbers (n, d); found {matrix.dtype} of shape {matrix.shape}"
        )
    matrix = matrix.astype(np.float64)
    lengths = np.linalg.norm(matrix, axis=1)
    for wrong, what in (
        (~np.isfinite(lengths), "has a value that is not a number"),
        (lengths == 0, "is all zeros"),
        (np.abs(lengths - 1) > UNIT_TOLERANCE, "is not of unit length"),
    ):
        if wrong.any():
            first = int(np.flatnonzero(wrong)[0])
            detail = f" ({lengths[first]:.4g})" if what.endswith("length") else ""
            raise DataError(
                f"row {first} of the vectors {what}{detail}, {int(wrong.sum())} such rows; "
                "unit rows without gaps were expected: divide each by its length, leave out what has no text"
            )
    return np.asarray(matrix / lengths[:, None])


def sized(values: ArrayLike, size: int, name: str) -> NDArray[np.object_]:
    """The values as objects. Raises DataError where there is not one a row."""
    array = np.asarray(values, dtype=object)
    if array.ndim == 0 or len(array) != size:
        found = "a single value" if array.ndim == 0 else f"{len(array)} values"
        raise DataError(f"{name} has {found} for {size} rows; one value a row was expected")
    return array


def _columns(size: int, city: ArrayLike, firm: ArrayLike | None, strata: ArrayLike | None) -> pd.DataFrame:
    columns = pd.DataFrame({"city": filled_texts(city, size, "city")})
    columns["firm"] = "" if firm is None else filled_texts(firm, size, "firm")
    if strata is None:
        columns["stratum"] = ""
    else:
        table = pd.DataFrame(sized(strata, size, "strata")).fillna("")
        # The length of each part keeps ("ab", "c") apart from ("a", "bc").
        columns["stratum"] = ["".join(f"{len(str(one))}:{one}" for one in row) for row in table.itertuples(index=False)]
    return columns


def filled_texts(values: ArrayLike, size: int, name: str) -> list[str]:
    """The values as texts. Raises DataError where one is missing or blank."""
    series = pd.Series(sized(values, size, name), dtype=object)
    texts = series.where(series.notna(), "").map(str)
    missing = np.flatnonzero(texts.str.strip() == "")
    if len(missing):
        raise DataError(f"row {missing[0]} has no {name} ({len(missing)} such rows); leave these rows out")
    return list(texts)


def known_cities(city: pd.Series[str], reference: str) -> tuple[str, ...]:
    """The cities of the set, sorted. Raises ConfigError where the reference is none of them, DataError for too many."""
    cities = tuple(sorted(set(city)))
    if len(cities) > MOST_CITIES:
        raise DataError(
            f"{len(cities)} cities were found ({', '.join(cities[:5])}, …), at most {MOST_CITIES} can be compared; "
            "choose the study's cities"
        )
    if reference not in cities:
        raise ConfigError(f"the reference city '{reference}' is not in the data.{did_you_mean(reference, cities)}")
    return cities


def one_city_a_year(columns: pd.DataFrame) -> None:
    """Raise DataError where a firm has two rows in one year, in one city or in two."""
    twice = columns[columns.duplicated(["firm", "year"], keep=False)]
    if twice.empty:
        return
    first = twice.iloc[0]
    same = twice[(twice["firm"] == first["firm"]) & (twice["year"] == first["year"])]
    where = " and ".join(sorted(set(same["city"])))
    firms = twice.groupby(["firm", "year"]).ngroups
    raise DataError(
        f"firm '{first['firm']}' has {len(same)} rows in {first['year']:g} ({where}), rows {list(same.index[:4])}; "
        f"{firms} such firm-years. One row a firm and year was expected: keep one of them"
    )


def _own_order(matrix: Floats, columns: pd.DataFrame) -> Ints:
    """Row numbers sorted by the hash of what is in the row: every random step after it sees one order."""
    rows = columns[["city", "firm", "stratum", "year"]].itertuples(index=False)
    texts = ["\x1f".join(map(str, row)) for row in rows]
    hashes = [content_hash(vector.tobytes(), text) for vector, text in zip(matrix, texts, strict=True)]
    return np.argsort(np.array(hashes), kind="stable").astype(np.int64)
