"""One city against the reference in one period by the measures others use, and all of this room's in one record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainbert.convergence.cells import Cell, cells_of
from chainbert.convergence.gap import (
    NO_SPREAD,
    Block,
    Bools,
    Floats,
    Sums,
    block_sums,
    collect,
    distances,
    mean_distances,
    split,
)
from chainbert.convergence.location import dispersion_test, location_test, permuted_labels, tail_p
from chainbert.convergence.rows import Rows
from chainbert.convergence.separability import separability
from chainbert.errors import DataError

COLUMNS = (
    *("city", "year", "auc", "auc_low", "auc_high", "mmd", "mmd_p"),
    *("location", "location_p", "dispersion", "dispersion_p", "n", "n_reference", "status"),
)
MEDIAN_STEPS = 10_000
MEDIAN_STEP = 1e-13


def energy(home: Floats, reference: Floats, *, unbiased: bool = True) -> float:
    """Energy distance 2·E|X−Y| − E|X−X'| − E|Y−Y'| of two sets of rows (n, d) and (m, d).

    unbiased: no row is paired with itself (U-statistic); otherwise the plug-in form other packages give, which is
    too large by a part that falls with n (Székely & Rizzo 2013). Raises DataError for fewer than two rows in a set.
    """
    return _contrast(*_pooled(home, reference), unbiased)


def mmd(home: Floats, reference: Floats, *, bandwidth: float | None = None, unbiased: bool = True) -> float:
    """Squared maximum mean discrepancy of two sets of rows under a Gaussian kernel (Gretton et al. 2012).

    bandwidth σ of exp(−|x−y|²/2σ²), default: the median distance over all pairs of both sets. unbiased and errors as
    in energy; DataError also for a bandwidth that is not positive.
    """
    pooled, labels = _pooled(home, reference)
    return _contrast(1 - gaussian(pooled, bandwidth or median_distance([pooled])), labels, unbiased)


def gaussian(matrix: Floats, bandwidth: float) -> Floats:
    """Gaussian kernel of a matrix of distances. Raises DataError for a bandwidth that is not positive."""
    if not bandwidth > 0:
        raise DataError(
            f"the bandwidth of the kernel is {bandwidth:g}, a positive length was expected; with the median as "
            "default, most rows are equal: give a bandwidth"
        )
    return np.asarray(np.exp(-(matrix**2) / (2 * bandwidth**2)))


def median_distance(matrices: Sequence[Floats]) -> float:
    """Median over the pairs of different rows of all matrices of distances; it knows no labels."""
    return float(np.median(np.concatenate([one[np.triu_indices(len(one), 1)] for one in matrices])))


def mmd_test(blocks: tuple[Block, ...], labels: list[Floats], bandwidth: float | None = None) -> tuple[float, float]:
    """Unbiased squared MMD, averaged over strata by their weights, and its p with labels exchanged within strata.

    labels by stratum (1 + draws, k), those of the data first. One bandwidth for the cell: default the median distance
    within its strata. H0: within each stratum both cities come from one distribution; exact for any sizes.
    """
    width = bandwidth or median_distance([block.distances for block in blocks])
    kernels = tuple(replace(block, distances=1 - gaussian(block.distances, width)) for block in blocks)
    parts = [split(block.distances, drawn) for block, drawn in zip(kernels, labels, strict=True)]
    found = _stratified(collect(kernels, parts))
    return float(found[0]), tail_p(found)


def permanova_f(matrix: Floats, group: NDArray[Any]) -> float:
    """Pseudo-F of two or more groups from distances (k, k), group (k,) (Anderson 2001).

    It answers to spread as well as to place: with a small city 1.5 times as dispersed its permutation test rejects
    without any difference in location. Raises DataError for fewer than two groups or no firm beyond one a group.
    """
    codes, sizes = _coded(group, len(matrix))
    member = np.eye(len(sizes))[codes]
    squares = matrix**2
    within = float((np.einsum("ig,ij,jg->g", member, squares, member, optimize=True) / sizes).sum()) / 2
    among = float(squares.sum()) / len(codes) / 2 - within
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.float64(among / (len(sizes) - 1)) / np.float64(within / (len(codes) - len(sizes))))


def permdisp_f(rows: Floats, group: NDArray[Any], *, centre: str = "median", step: float = MEDIAN_STEP) -> float:
    """F of the distances to the own group's centre, two or more groups (Anderson 2006).

    rows (k, d) are coordinates; centre is ``median`` (spatial; step as in spatial_median) or ``centroid``. Distances
    are taken as they are, so a small group looks less dispersed than it is; dispersion_test has no such fault.
    Errors as permanova_f.
    """
    codes, sizes = _coded(group, len(rows))
    far = np.empty(len(rows))
    for code in range(len(sizes)):
        members = rows[codes == code]
        middle = spatial_median(members, step) if centre == "median" else _centroid(members)
        far[codes == code] = np.linalg.norm(members - middle, axis=1)
    means = np.bincount(codes, weights=far) / sizes
    among = float((sizes * (means - far.mean()) ** 2).sum()) / (len(sizes) - 1)
    within = float(((far - means[codes]) ** 2).sum()) / (len(far) - len(sizes))
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.float64(among) / np.float64(within))


def spatial_median(rows: Floats, step: float = MEDIAN_STEP) -> Floats:
    """The point with the least sum of distances to the rows (k, d) → (d,) (Vardi & Zhang 2000).

    The search ends before a step shorter than ``step``; scikit-bio's ends at 1e-7, some 1e-6 from the median.
    """
    found = _centroid(rows)
    for _ in range(MEDIAN_STEPS):
        far = np.linalg.norm(rows - found, axis=1)
        here = far <= NO_SPREAD**2
        if here.all():
            return found
        inverse = np.where(here, 0.0, 1 / np.where(here, 1.0, far))
        target = inverse @ rows / inverse.sum()
        pull = float(np.linalg.norm(target - found)) * inverse.sum()
        stay = min(1.0, float(here.sum()) / pull) if pull > 0 else 1.0
        moved = (1 - stay) * target + stay * found
        if np.linalg.norm(moved - found) < step:
            break
        found = moved
    return np.asarray(found)


def two_sample_records(
    rows: Rows, city: int, smallest_cell: int, draws: int, rng: np.random.Generator
) -> list[dict[str, Any]]:
    """One record a period with the columns of COLUMNS; NaN where the cell cannot be estimated (status).

    auc: see separability. mmd: unbiased and squared. location: squared distance of the mean directions over the mean
    squared distance to the own centre, 0 in expectation without a difference. dispersion: the city's mean distance
    to its centre over the reference's, 1 for the same. The p-values of a cell rest on the same ``draws`` exchanges
    of city labels within strata.
    """
    return [_record(rows, city, cell, draws, rng) for cell in cells_of(rows, city, smallest_cell, rows.vectors)]


def _record(rows: Rows, city: int, cell: Cell, draws: int, rng: np.random.Generator) -> dict[str, Any]:
    record: dict[str, Any] = dict.fromkeys(COLUMNS, float("nan"))
    record |= {"city": rows.cities[city], "year": rows.labels[cell.period], "status": cell.status}
    record |= {"n": cell.n, "n_reference": cell.n_reference}
    if not cell.estimable:
        return record
    labels = permuted_labels(cell.blocks, draws, rng)
    told = separability(cell.blocks, rows.vectors)
    record |= {"auc": told.auc, "auc_low": told.low, "auc_high": told.high}
    if median_distance([block.distances for block in cell.blocks]) > 0:
        record["mmd"], record["mmd_p"] = mmd_test(cell.blocks, labels)
    for name, test in (("location", location_test), ("dispersion", dispersion_test)):
        found = test(cell.blocks, rows.vectors, labels)
        record |= {name: found.value, f"{name}_p": found.p}
    return record


def _pooled(home: Floats, reference: Floats) -> tuple[Floats, Bools]:
    if min(len(home), len(reference)) < 2:
        raise DataError(f"two rows in each set were expected, found {len(home)} and {len(reference)}")
    rows = np.concatenate([home, reference]).astype(np.float64)
    return distances(rows), np.arange(len(rows)) < len(home)


def _contrast(matrix: Floats, home: Bools, unbiased: bool) -> float:
    sums = block_sums((Block(matrix, home, np.arange(len(home))),))
    if unbiased:
        return float(_stratified(sums))
    n, m = float(sums.n[0]), float(sums.m[0])
    return float(2 * sums.cross[0] / (n * m) - sums.home[0] / n**2 - sums.reference[0] / m**2)


def _stratified(sums: Sums) -> Floats:
    """Σ w·(2·between − within − within) over the strata, each leading index."""
    parts = mean_distances(sums)
    return np.asarray((parts.weight * (2 * parts.between - parts.home - parts.reference)).sum(axis=-1))


def _centroid(rows: Floats) -> Floats:
    return np.asarray(rows.mean(axis=0))


def _coded(group: NDArray[Any], size: int) -> tuple[NDArray[np.intp], Floats]:
    codes = np.unique(group, return_inverse=True)[1]
    if len(codes) != size:
        raise DataError(f"{len(codes)} groups were given for {size} rows; one a row was expected")
    sizes = np.bincount(codes).astype(np.float64)
    if len(sizes) < 2 or len(codes) <= len(sizes):
        raise DataError(f"{len(sizes)} groups of {size} rows; two groups and more rows than groups were expected")
    return codes, sizes
