"""Rows by firm and cell, and bootstraps of the firms they belong to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from chainbert.clustering.panel import BATCH_CELLS, Floats, Ints


@dataclass(frozen=True, slots=True, eq=False)
class FirmCounts:
    """Rows by firm and cell, sparse: a firm is in few cells."""

    cells: sparse.csr_array
    """(cells, firms)."""
    shape: tuple[int, int]

    @staticmethod
    def of(firm: Ints, cell: tuple[Ints, Ints], shape: tuple[int, int], firms: int | None = None) -> FirmCounts:
        """One count a row; firm (n,) codes, or any numbers where ``firms`` is not given."""
        if firms is None:
            known, firm = np.unique(firm, return_inverse=True)
            firms = len(known)
        flat = np.ravel_multi_index(cell, shape)
        ones = np.ones(len(firm))
        return FirmCounts(sparse.csr_array((ones, (flat, firm)), shape=(shape[0] * shape[1], firms)), shape)

    @property
    def firms(self) -> int:
        """How many firms there are."""
        return int(self.cells.shape[1])

    def drawn(self, weights: Floats) -> Floats:
        """Counts where firms weigh (b, firms), (b, *shape)."""
        return np.asarray((self.cells @ weights.T).T.reshape(len(weights), *self.shape))


def firm_bootstraps(firms: int, draws: int, rng: np.random.Generator, cells: int = 1) -> Iterator[Floats]:
    """How often each firm is drawn, (draws of a batch, firms); ``cells`` numbers follow from each draw."""
    step = max(1, BATCH_CELLS // max(firms, cells))
    for start in range(0, draws, step):
        count = min(step, draws - start)
        drawn = rng.integers(firms, size=(count, firms)) + np.arange(count)[:, None] * firms
        yield np.bincount(drawn.ravel(), minlength=count * firms).reshape(count, firms).astype(np.float64)
