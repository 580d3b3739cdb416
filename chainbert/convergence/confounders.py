"""What is left of the gap and its slope when what else differs between the cities is held fixed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from chainbert.convergence.balance import BINS, NAN, Levels, filled, kept_rows, levels_of
from chainbert.convergence.cells import Cell, cells_of
from chainbert.convergence.cities import city_trend
from chainbert.convergence.gap import Block, Floats, Ints, block_sums, distances, mean_distances, stratified_gap
from chainbert.convergence.jackknife import Interval, firm_covariance, interval, leave_one_out
from chainbert.convergence.periods import bin_years
from chainbert.convergence.rows import Rows, check_rows, filled_texts
from chainbert.convergence.tables import rounded
from chainbert.errors import ConfigError, DataError
from chainbert.files import content_hash
from chainbert.yamlfile import did_you_mean

HELD_COLUMNS = (
    *("city", "held_fixed", "gap", "gap_low", "gap_high", "gap_raw", "gap_same_firms"),
    *("share_gone", "share_low", "share_high", "slope", "slope_low", "slope_high", "slope_p"),
    *("periods", "n_used", "left_out", "note", "status"),
)


def held_fixed(
    vectors: ArrayLike,
    city: ArrayLike,
    year: ArrayLike,
    covariates: pd.DataFrame | Mapping[str, ArrayLike],
    *,
    reference: str,
    firm: ArrayLike | None = None,
    strata: Sequence[str] = (),
    periods: Sequence[tuple[int, int]] | None = None,
    margin: float = 0.25,
    smallest_cell: int = 5,
    bins: int = BINS,
    variants: Mapping[str, ArrayLike] | None = None,
) -> pd.DataFrame:
    """Gap and slope of each city with covariates held fixed, beside the same with nothing held fixed.

    covariates: one column each (n,); strata names those that the study itself holds fixed. Rows of the table, a city:
    nothing, the study's strata (each, then all), these with each other covariate, all covariates; then each of the
    variants (name → (n, d) unit rows of the same firms: masked names, language removed) with nothing and with the
    study's strata. The other arguments are those of measure_convergence.

    gap is the mean over the periods that can be estimated, weighted by n·m/(n + m) of the firms used. gap_raw is that
    of all firms of these periods, raw vectors, nothing held fixed: with the same weights, and over the raw distance
    within the row's strata, since that within whole cities would make a gap of several languages look small.
    share_gone = 1 − gap/gap_raw with the firm-clustered jackknife interval of the ratio; below 0 the gap is wider with
    the covariate held fixed; NaN with a note where gap_raw is not clearly above 0. gap_same_firms is gap_raw of the
    firms used alone: what lies between these two comes from leaving firms without a partner out, not from holding
    fixed. The gap of a variant is over the variant's own distances: without strata its share_gone is rather too small.
    slope is city_trend's. n_used + left_out are the firms (a firm and period) of both cities.
    Raises as measure_convergence; ConfigError for strata that are no covariate; DataError for variants of another size.
    """
    rows, source = aligned(vectors, city, year, reference=reference, firm=firm, periods=periods)
    table = filled(covariates, len(np.asarray(city, dtype=object)))
    for name in strata:
        if name not in table.columns:
            known = [str(one) for one in table.columns]
            raise ConfigError(f"'{name}' is to be held fixed and no covariate.{did_you_mean(str(name), known)}")
    levels = {str(name): levels_of(table[name].iloc[source], bins) for name in table.columns}
    base = tuple(str(name) for name in strata)
    compared = [(_label(held), held, rows.vectors) for held in _held_sets(base, tuple(levels))]
    for name, matrix in (variants or {}).items():
        other = _variant(name, matrix, len(table))[source]
        compared += [(_label(held, name), held, other) for held in dict.fromkeys([(), base])]
    records = []
    for code in (one for one in range(len(rows.cities)) if one != rows.reference):
        for label, held, matrix in compared:
            fixed = replace(rows, vectors=matrix, stratum=_joint(levels, held, len(source)))
            record = _compare(rows, fixed, code, smallest_cell, margin)
            if record["status"]:
                record["status"] = _reason(rows, code, {name: levels[name] for name in held}, record["status"])
            records.append({"city": rows.cities[code], "held_fixed": label, **record})
    return rounded(records, HELD_COLUMNS)


def _compare(rows: Rows, fixed: Rows, city: int, smallest_cell: int, margin: float) -> dict[str, Any]:
    """One city: rows with nothing held fixed against ``fixed``, the same rows in strata or with other vectors."""
    cells = cells_of(fixed, city, smallest_cell, fixed.vectors)
    usable = [cell for cell in cells if cell.estimable]
    used = sum(sum(cell.used()) for cell in usable)
    record: dict[str, Any] = dict.fromkeys(HELD_COLUMNS[2:14], NAN)
    record |= {"periods": len(usable), "n_used": used, "left_out": sum(one.n + one.n_reference for one in cells) - used}
    if not usable:
        return record | {"note": "", "status": next((one.status for one in cells if one.n and one.n_reference), "none")}
    gap, raw, same_firms, share = _gap_and_share(rows, fixed, usable, city)
    record |= {"gap": gap.value, "gap_low": gap.low, "gap_high": gap.high}
    record |= {"gap_raw": raw, "gap_same_firms": same_firms}
    record |= {"share_gone": share.value, "share_low": share.low, "share_high": share.high}
    notes = ["no share: the gap with nothing held fixed is not clearly above 0"] if np.isnan(share.value) else []
    line = city_trend(fixed, city, smallest_cell=smallest_cell, margin=margin)
    if line is None:
        notes.append(f"no slope: {len(usable)} period with a gap, a trend needs two")
    else:
        slope = line.slope
        record |= {"slope": slope.value, "slope_low": slope.low, "slope_high": slope.high, "slope_p": slope.p}
    return record | {"note": "; ".join(notes), "status": ""}


def _gap_and_share(rows: Rows, fixed: Rows, cells: list[Cell], city: int) -> tuple[Interval, float, float, Interval]:
    """Mean gap of the cells; of all firms, and of the same firms, with nothing held fixed; the share that is gone."""
    everyone = (rows.city == city) | (rows.city == rows.reference)
    raw = [_unstratified(rows, np.flatnonzero(everyone & (rows.period == cell.period)), city) for cell in cells]
    same = [_unstratified(rows, np.concatenate([block.rows for block in cell.blocks]), city) for cell in cells]
    held = [cell.blocks for cell in cells]
    influences = [leave_one_out(one) for one in (*held, *raw)]
    covariance = firm_covariance(influences, rows.firm)
    sizes = np.array([n * m / (n + m) for n, m in (cell.used() for cell in cells)])
    weights, none = sizes / sizes.sum(), np.zeros(len(cells))
    inside = held if fixed.vectors is rows.vectors else [_with_vectors(rows, blocks) for blocks in held]
    raw_weights = weights * _units(inside, raw)
    gap, whole = float(weights @ _gaps(held)), float(raw_weights @ _gaps(raw))
    alike = float((weights * _units(inside, same)) @ _gaps(same))
    sides = [
        np.concatenate([one.firms[one.home == side] for one in influences[: len(cells)]]) for side in (True, False)
    ]
    freedom = max(1, min(len(np.unique(rows.firm[side])) for side in sides) - 1)
    own = interval(gap, covariance.error(np.concatenate([weights, none])), freedom)
    if not interval(whole, covariance.error(np.concatenate([none, raw_weights])), freedom).low > 0:
        return own, whole, alike, Interval(NAN, NAN, NAN, NAN, NAN)
    ratio = np.concatenate([-weights / whole, raw_weights * gap / whole**2])
    return own, whole, alike, interval(1 - gap / whole, covariance.error(ratio), freedom)


def _unstratified(rows: Rows, members: Ints, city: int) -> tuple[Block, ...]:
    return (Block(distances(rows.vectors[members]), rows.city[members] == city, members),)


def _with_vectors(rows: Rows, blocks: tuple[Block, ...]) -> tuple[Block, ...]:
    return tuple(replace(block, distances=distances(rows.vectors[block.rows])) for block in blocks)


def _gaps(cells: list[tuple[Block, ...]]) -> Floats:
    return np.array([float(stratified_gap(block_sums(blocks))) for blocks in cells])


def _units(held: list[tuple[Block, ...]], other: list[tuple[Block, ...]]) -> Floats:
    """(cells,) squared mean distance within the cities with nothing held fixed, over that within the strata.

    In many dimensions all distances are alike, and the gap is the squared distance of the cities' centres over that
    within them. What is held fixed also leaves the latter: a gap would seem to grow that does not.
    """
    parts = [[mean_distances(block_sums(blocks)) for blocks in side] for side in (held, other)]
    inside, whole = (np.array([(p.weight * (p.home + p.reference)).sum() for p in side]) for side in parts)
    return np.asarray((whole / inside) ** 2)


def _reason(rows: Rows, city: int, held: Mapping[str, Levels], status: str) -> str:
    """Why no period of a city can be estimated: the covariate that keeps the cities apart, where one does."""
    home, reference = rows.cities[city], rows.cities[rows.reference]
    for name, levels in held.items():
        own = np.unique(levels.code[rows.city == city])
        if np.isin(own, levels.code[rows.city == rows.reference]).any():
            continue
        if len(own) == 1:
            return f"not estimable: all firms of {home} are in one {name} ({levels.names[own[0]]}), none of {reference}"
        return f"not estimable: {home} and {reference} share no {name}"
    return f"not estimable: {home} and {reference} have no period in common" if status == "none" else status


def _held_sets(base: tuple[str, ...], names: tuple[str, ...]) -> list[tuple[str, ...]]:
    others = [name for name in names if name not in base]
    sets = [(), *((name,) for name in base), base, *((*base, name) for name in others), (*base, *others)]
    return list(dict.fromkeys(sets))


def _label(held: tuple[str, ...], variant: str | None = None) -> str:
    return " + ".join([*held, *([variant] if variant else [])]) or "nothing"


def _joint(levels: Mapping[str, Levels], held: tuple[str, ...], size: int) -> Ints:
    """(n,) codes of the strata that agree in all covariates held fixed."""
    if not held:
        return np.zeros(size, dtype=np.int64)
    codes = np.column_stack([levels[name].code for name in held])
    return np.unique(codes, axis=0, return_inverse=True)[1].ravel().astype(np.int64)


def aligned(
    vectors: ArrayLike,
    city: ArrayLike,
    year: ArrayLike,
    *,
    reference: str,
    firm: ArrayLike | None,
    periods: Sequence[tuple[int, int]] | None,
) -> tuple[Rows, Ints]:
    """The checked rows, and for each of them (n,) the row of the input it is."""
    if firm is None:
        firm = _names_by_content(vectors, city, year)
    rows = check_rows(vectors, city, year, reference=reference, firm=firm, periods=periods)
    period = bin_years(year, periods)
    kept = kept_rows(period.code, firm, year)
    code = np.unique(np.array(filled_texts(firm, len(period.code), "firm"))[kept], return_inverse=True)[1]
    # A firm has one row a period, so both together name a row in either order.
    keys = code * len(rows.labels) + period.code[kept]
    order = np.argsort(keys)
    return rows, kept[order[np.searchsorted(keys[order], rows.firm * len(rows.labels) + rows.period)]]


def _names_by_content(vectors: ArrayLike, city: ArrayLike, year: ArrayLike) -> list[str]:
    """A firm for each row, named by what is in it, so that the order of rows does not matter; twins are numbered."""
    columns = zip(np.atleast_1d(np.asarray(vectors)), np.ravel(city), np.ravel(year), strict=False)
    names = pd.Series(
        [content_hash(row.tobytes(), str(place), str(when)) for row, place, when in columns], dtype=object
    )
    return [f"{name}.{turn}" for name, turn in zip(names, names.groupby(names).cumcount(), strict=True)]


def _variant(name: str, matrix: ArrayLike, size: int) -> Floats:
    """Unit rows of one variant. Raises DataError where they are none, or not one a row."""
    rows = np.asarray(matrix, dtype=np.float64)
    lengths = np.linalg.norm(rows, axis=-1, keepdims=True) if rows.ndim == 2 else np.zeros(1)
    if len(rows) != size or not (np.abs(lengths - 1) < 1e-3).all():
        raise DataError(f"the vectors '{name}' {rows.shape} must be {size} unit rows, one for each row of the set")
    return np.asarray(rows / lengths)
