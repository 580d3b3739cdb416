"""The cells of a study, one a city and period: its strata, its distances, or why it cannot be estimated."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from chainbert.convergence.gap import Block, Bools, Floats, Ints, block_sums, centred, distances, stratified_gap
from chainbert.convergence.rows import Rows

NO_DIFFERENCE = "not estimable: no two texts of a city differ"


@dataclass(frozen=True, slots=True)
class Cell:
    """Firms of one city and of the reference in one period."""

    period: int
    n: int
    n_reference: int
    blocks: tuple[Block, ...]
    """One a stratum that has two firms of each city; empty where the cell cannot be estimated."""
    left_out: int
    """Firms of either city in strata that have not two firms of each."""
    status: str
    """Empty, or ``not estimable: …``."""

    @property
    def estimable(self) -> bool:
        """Whether the cell has a gap."""
        return not self.status

    def used(self) -> tuple[int, int]:
        """How many firms of the city and of the reference the gap rests on."""
        home = sum(int(block.home.sum()) for block in self.blocks)
        return home, sum(len(block.home) for block in self.blocks) - home


def cells_of(rows: Rows, city: int, smallest_cell: int, vectors: Floats) -> list[Cell]:
    """All cells of one city, by period. vectors (n, d) are the rows' own or the centred ones."""
    weights = stratum_weights(rows, city)
    return [_cell(rows, city, period, smallest_cell, vectors, weights) for period in range(len(rows.labels))]


def stratum_weights(rows: Rows, city: int) -> Floats:
    """(strata,) Σ over periods of n·m/(n + m): what each stratum can tell about this city, the same in all periods."""
    n, m = stratum_sizes(rows, city), stratum_sizes(rows, rows.reference)
    usable = (n >= 2) & (m >= 2)
    weights: Floats = np.where(usable, n * m / np.maximum(n + m, 1), 0.0).sum(axis=0)
    return weights


def stratum_sizes(rows: Rows, city: int) -> Floats:
    """(periods, strata) numbers of firms of a city."""
    sizes = np.zeros((len(rows.labels), int(rows.stratum.max()) + 1))
    chosen = rows.city == city
    np.add.at(sizes, (rows.period[chosen], rows.stratum[chosen]), 1.0)
    return sizes


def centred_rows(rows: Rows) -> Floats:
    """(n, d) rows centred within each period and stratum with equal city weights, of unit length again."""
    result = np.empty_like(rows.vectors)
    for period in np.unique(rows.period):
        for stratum in np.unique(rows.stratum[rows.period == period]):
            chosen = (rows.period == period) & (rows.stratum == stratum)
            result[chosen] = centred(rows.vectors[chosen], rows.city[chosen])
    return result


def _cell(rows: Rows, city: int, period: int, smallest_cell: int, vectors: Floats, weights: Floats) -> Cell:
    cell, strata = plan_cell(rows, city, period, smallest_cell)
    blocks = tuple(_block(rows, vectors, chosen, city, float(weights[one])) for one, chosen in strata)
    if blocks and np.isnan(stratified_gap(block_sums(blocks))):
        return replace(cell, status=NO_DIFFERENCE)
    return replace(cell, blocks=blocks)


def plan_cell(rows: Rows, city: int, period: int, smallest_cell: int) -> tuple[Cell, list[tuple[int, Ints]]]:
    """A cell before any distance is taken, its blocks empty, and the row numbers of each stratum it can use."""
    here = rows.period == period
    home, reference = here & (rows.city == city), here & (rows.city == rows.reference)
    n, m = int(home.sum()), int(reference.sum())
    if min(n, m) < smallest_cell:
        of = "" if n < smallest_cell else f" of {rows.cities[rows.reference]}"
        return Cell(period, n, m, (), 0, f"not estimable: {_firms(min(n, m) if of else n)}{of}"), []
    shared = [one for one in np.unique(rows.stratum[home]) if _pairs(rows, home, one) and _pairs(rows, reference, one)]
    if not shared:
        return Cell(period, n, m, (), n + m, "not estimable: cities share no stratum"), []
    members = [np.flatnonzero((home | reference) & (rows.stratum == one)).astype(np.int64) for one in shared]
    used_home = int(np.isin(rows.stratum[home], shared).sum())
    used_reference = int(np.isin(rows.stratum[reference], shared).sum())
    left_out = n + m - used_home - used_reference
    if min(used_home, used_reference) < smallest_cell:
        few = f"not estimable: {_firms(min(used_home, used_reference))} in shared strata"
        return Cell(period, n, m, (), left_out, few), []
    return Cell(period, n, m, (), left_out, ""), list(zip(map(int, shared), members, strict=True))


def _pairs(rows: Rows, chosen: Bools, stratum: int) -> bool:
    return int((rows.stratum[chosen] == stratum).sum()) >= 2


def _block(rows: Rows, vectors: Floats, chosen: Ints, city: int, weight: float) -> Block:
    return Block(distances(vectors[chosen]), rows.city[chosen] == city, chosen, weight)


def _firms(count: int) -> str:
    return "1 firm" if count == 1 else f"{count or 'no'} firms"
