"""Do the cities' firms lie among each other: neighbours from other cities, over what chance would give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import sparse, stats
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # ships no types

from chainbert.clustering.describe import ALL_PERIODS
from chainbert.clustering.panel import (
    ALL_CITIES,
    BATCH_CELLS,
    SMALLEST_CELL,
    TIE,
    Exchange,
    Floats,
    Ints,
    Panel,
    check_panel,
    exchange,
    records,
    unit_rows,
)
from chainbert.errors import DataError

_MEASURED = ("observed", "expected", "score", "low", "high", "p")
SCORE_COLUMNS = ("year", "city", "n", "firms", "neighbours", *_MEASURED, "status")


@dataclass(frozen=True, slots=True, eq=False)
class Mixing:
    """How far each city's firms lie among those of the others."""

    scores: pd.DataFrame
    """year (the period's name, or all), city (or all: the mean of the cities), n (rows), firms, neighbours,
    observed and expected (share of neighbours from another city, in [0, 1]), score (observed / expected; 1 where the
    cities do not differ, < 1 where they keep apart), its 95 % interval low, high, p in (0, 1], status."""

    def to_json(self) -> dict[str, Any]:
        """Plain records."""
        return {"mixing": records(self.scores)}


def measure_mixing(
    vectors: ArrayLike,
    city: ArrayLike,
    period: ArrayLike | None = None,
    *,
    firm: ArrayLike | None = None,
    strata: ArrayLike | None = None,
    neighbours: int = 15,
    draws: int = 999,
    rng: np.random.Generator,
) -> Mixing:
    """How often a firm's nearest neighbours are of another city, over what permuted cities would give.

    vectors (n, d) unit rows, unreduced; city, period (names such as 2018 or 2013–2016; blank: left out), firm (n,) and
    strata (n,) or (n, m). Neighbours are the ``neighbours`` rows of the same period with the largest cosine, at most
    half of those there are, never of the same firm. Expected is the exact mean over all exchanges of cities among firms
    of the same periods and strata, so that 1 is the score of no difference for any city sizes (the ceiling of LISI,
    Korsunsky et al. 2019, moves with them). p: H0 cities are exchangeable within strata; against it speaks a low score;
    (1 + #) / (1 + draws), Phipson & Smyth 2010. The interval is a jackknife over firms (each left out with all its
    rows, the next neighbour taking its place): it covers the choice of each city's firms, not that of the encoder.
    A city with fewer than 5 rows, or 5 that could trade their city, is not estimable.
    Raises DataError for columns of another length, rows without city or firm, vectors that are not unit rows.
    """
    if neighbours < 1:
        raise DataError(f"{neighbours} neighbours were asked for; at least 1 is expected")
    matrix = unit_rows(vectors)
    panel = check_panel([row.tobytes().hex() for row in matrix], city, period, firm, strata)
    matrix = matrix[panel.order]
    if period is None:
        panel = Panel(
            panel.order, panel.city, np.zeros_like(panel.city), panel.firm, panel.stratum, panel.cities, (ALL_PERIODS,)
        )
    placed = {name: np.flatnonzero(panel.period == index) for index, name in enumerate(panel.periods)}
    with threadpool_limits(limits=1):
        near = {name: _nearest(matrix[rows], panel.firm[rows], neighbours) for name, rows in placed.items()}
    table = []
    if len(panel.periods) > 1:
        rows = np.concatenate(list(placed.values()))
        starts = np.cumsum([0, *(len(own) for own in placed.values())])
        table += _scores(ALL_PERIODS, panel, rows, _joined(list(near.values()), starts), draws, rng)
    for name, rows in placed.items():
        table += _scores(name, panel, rows, near[name], draws, rng)
    return Mixing(pd.DataFrame(table, columns=list(SCORE_COLUMNS)).round(12))


@dataclass(frozen=True, slots=True, eq=False)
class _Edges:
    """From each row to its neighbours, and who would be the next one."""

    source: Ints
    target: Ints
    weight: Floats
    following: Ints
    """Row that takes the place of a target that is left out."""
    most: int


def _joined(parts: list[_Edges], starts: Ints) -> _Edges:
    """The edges of rows that stand one part after the other, each part from its start on."""
    shifted = [
        (part.source + start, part.target + start, part.weight, part.following + start)
        for part, start in zip(parts, starts, strict=False)
    ]
    source, target, weight, following = (np.concatenate(column) for column in zip(*shifted, strict=True))
    return _Edges(source, target, weight, following, max(part.most for part in parts))


def _nearest(matrix: Floats, firm: Ints, neighbours: int) -> _Edges:
    """The k nearest rows of other firms by cosine; no edges where there are not two candidates."""
    n = len(matrix)
    candidates = n - int(np.bincount(firm).max())
    k = min(neighbours, candidates // 2)
    found = np.empty((n, k + 1), dtype=np.int64)
    step = max(1, BATCH_CELLS // n)
    for start in range(0, n if k else 0, step):
        # Rounded: near ties must not depend on the last bits of a product.
        likeness = (matrix[start : start + step] @ matrix.T).round(9)
        likeness[firm[start : start + step, None] == firm[None, :]] = -np.inf
        best = np.sort(np.argpartition(-likeness, k, axis=1)[:, : k + 1], axis=1)
        ranked = np.argsort(-np.take_along_axis(likeness, best, axis=1), axis=1, kind="stable")
        found[start : start + step] = np.take_along_axis(best, ranked, axis=1)
    source = np.repeat(np.arange(n), k)
    weight = np.full(n * k, 1 / max(k, 1))
    return _Edges(source, found[:, :k].ravel() if k else source, weight, np.repeat(found[:, k], k), k)


def _scores(
    year: str, panel: Panel, rows: Ints, edges: _Edges, draws: int, rng: np.random.Generator
) -> list[dict[str, Any]]:
    """One record for all cities together, one for each city."""
    city, count = panel.city[rows], len(panel.cities)
    firm = np.unique(panel.firm[rows], return_inverse=True)[1]
    trade = exchange(panel, rows)
    sizes = np.bincount(city, minlength=count)
    firms = _firms(city, firm, np.ones(len(city), dtype=bool), count)
    movable = _firms(city, firm, trade.movable(city), count)
    graph = sparse.csr_array((edges.weight, (edges.source, edges.target)), shape=(len(rows), len(rows)))
    same = _same(graph, city[None, :], count)[0]
    expected = 1 - _expected_same(trade, city, edges, count) / np.maximum(sizes, 1)
    known = np.flatnonzero((movable >= SMALLEST_CELL) & (edges.most > 0) & (expected > TIE))
    observed = 1 - same / np.maximum(sizes, 1)
    scores = _with_mean((observed[known] / expected[known])[None, :])[0]
    lower = np.zeros(len(known) + 1)
    for permuted in trade.draw(city, draws, rng) if len(known) else ():
        drawn = 1 - _same(graph, permuted, count)[:, known] / sizes[known]
        lower += (_with_mean(drawn / expected[known]) <= scores + TIE).sum(axis=0)
    errors = _errors(city, firm, edges, known, expected)
    halves = stats.t.ppf(0.975, np.append(firms[known], min(firms[known], default=2)) - 1) * errors
    numbers = np.stack([scores, np.maximum(0.0, scores - halves), scores + halves, (1 + lower) / (1 + draws)], axis=1)
    measured: dict[int, tuple[float, ...]] = {
        int(one): (float(observed[one]), float(expected[one]), *map(float, row))
        for one, row in zip(known, numbers, strict=False)
    }
    table = [{"city": ALL_CITIES, "n": len(rows), "firms": int(firm.max()) + 1, "status": ""}]
    if len(known):
        measured[-1] = (float(observed[known].mean()), float(expected[known].mean()), *map(float, numbers[-1]))
    else:
        table[0]["status"] = "not estimable: no city is"
    for one, name in enumerate(panel.cities):
        status = "" if one in measured else _why(int(firms[one]), int(movable[one]), edges.most)
        table.append({"city": name, "n": int(sizes[one]), "firms": int(firms[one]), "status": status})
    nothing = (np.nan,) * len(_MEASURED)
    return [
        {"year": year, "neighbours": edges.most, **record}
        | dict(zip(_MEASURED, measured.get(one, nothing), strict=True))
        for one, record in enumerate(table, start=-1)
    ]


def _why(firms: int, movable: int, neighbours: int) -> str:
    if firms < SMALLEST_CELL:
        return f"not estimable: {firms} firms, {SMALLEST_CELL} are needed"
    if not neighbours:
        return "not estimable: too few firms for neighbours"
    return f"not estimable: {movable} firms share a stratum with another city, {SMALLEST_CELL} are needed"


def _firms(city: Ints, firm: Ints, chosen: NDArray[np.bool_], count: int) -> Ints:
    """(count,) firms with a chosen row in each city."""
    return np.array([len(np.unique(firm[chosen & (city == one)])) for one in range(count)])


def _with_mean(scores: Floats) -> Floats:
    """(b, k) → (b, k + 1): the mean of the cities last."""
    mean = scores.mean(axis=1, keepdims=True) if scores.shape[1] else np.full((len(scores), 1), np.nan)
    return np.concatenate([scores, mean], axis=1)


def _same(graph: sparse.csr_array, city: Ints, count: int) -> Floats:
    """Weight of the edges that stay inside each city; city (b, n) → (b, count)."""
    found = np.empty((len(city), count))
    for one in range(count):
        inside = (city == one).T.astype(np.float64)
        found[:, one] = (inside * (graph @ inside)).sum(axis=0)
    return found


def _expected_same(trade: Exchange, city: Ints, edges: _Edges, count: int) -> Floats:
    """(count,) mean of ``_same`` over all exchanges, exactly.

    Two firms of one block are drawn without replacement, firms of two blocks independently of each other.
    """
    slot, block, unit = trade.slots(len(city))
    sizes = np.bincount(slot)
    source, target = slot[edges.source], slot[edges.target]
    together = block[edges.source] == block[edges.target]
    pairs = sizes[source] * (sizes[target] - together)
    found = np.empty(count)
    for one in range(count):
        inside = (city == one).astype(np.float64)
        held = sparse.csr_matrix((inside, (slot, unit)))
        counts = np.bincount(slot, inside, minlength=len(sizes))
        # Firms of a block that hold the city in both places.
        twice = np.asarray(sparse.csr_matrix(held @ held.T)[source, target]).ravel() if len(source) else np.zeros(0)
        found[one] = (edges.weight * (counts[source] * counts[target] - together * twice) / pairs).sum()
    return found


def _errors(city: Ints, firm: Ints, edges: _Edges, known: Ints, expected: Floats) -> Floats:
    """Firm jackknife errors of the known cities' scores and of their mean; each city's firms are a sample of their own.

    The expectation is held: leaving out any firm of a city moves it alike, and what is alike cancels.
    """
    count = len(expected)
    here, after = city[edges.source], city[edges.following]
    inside = edges.weight * (here == city[edges.target])
    change = np.zeros((int(firm.max()) + 1, count))
    rows = np.zeros_like(change)
    np.add.at(rows, (firm, city), 1.0)
    np.add.at(change, (firm[edges.source], here), -inside)
    np.add.at(change, (firm[edges.target], here), edges.weight * (here == after) - inside)
    same = np.bincount(here, inside, minlength=count)
    without = 1 - (same + change) / np.maximum(rows.sum(axis=0) - rows, 1)
    scores = _with_mean(without[:, known] / expected[known])
    home = np.empty(len(scores), dtype=np.int64)
    home[firm[::-1]] = city[::-1]
    variance = np.zeros(len(known) + 1)
    for one in np.unique(home):
        own = scores[home == one]
        variance += (len(own) - 1) / len(own) * ((own - own.mean(axis=0)) ** 2).sum(axis=0)
    return np.asarray(np.sqrt(variance))
