"""What a cluster of one period becomes in the next, from where firms go and where they come from (after MONIC)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from chainbert.clustering.panel import Floats

# MONIC's thresholds (Spiliopoulou et al. 2006).
SURVIVE = 0.7
SPLIT = 0.3
# A new cluster is a part of an old one where most of its firms come from there.
_MOSTLY = 0.5
_TINY = 1e-12


@dataclass(frozen=True, slots=True)
class Limits:
    """When a change of clusters counts."""

    survive: float
    split: float
    support: float
    z: float
    """How many errors a birth's or death's change of share must have."""


@dataclass(frozen=True, slots=True, eq=False)
class Transitions:
    """What each draw has."""

    kinds: dict[str, NDArray[np.bool_]]
    """survival, merge, split (b, k, m) from cluster to cluster; death (b, k); birth (b, m)."""
    before: Floats
    """(b, k) share of each old cluster, and ``still``, the share of the later firms that speak for it."""
    still: Floats
    after: Floats
    """(b, m) share of each new cluster, and ``already``, the share of the earlier firms that speak for it."""
    already: Floats
    likeness: Floats
    """(b, k, m)."""

    def shares(self, event: str) -> tuple[Floats, Floats]:
        """A cluster's share in the period that has it, and that of the like of it in the other."""
        return (self.after, self.already) if event == "birth" else (self.before, self.still)

    def listed(self) -> Iterator[tuple[str, int, int | None]]:
        """Event, cluster, and cluster of the later period where there is one, of the first draw."""
        pairs = dict(np.transpose(linear_sum_assignment(-self.likeness[0])).tolist())
        for one in range(self.before.shape[1]):
            ends = [
                (name, one, int(into))
                for name in ("merge", "split", "survival")
                for into in np.flatnonzero(self.kinds[name][0, one])
            ]
            if ends:
                yield from ends
            elif self.kinds["death"][0, one]:
                yield "death", one, None
            elif one in pairs:
                yield "survival", one, pairs[one]
        yield from (("birth", int(one), None) for one in np.flatnonzero(self.kinds["birth"][0]))


def transitions(forward: Floats, backward: Floats, limits: Limits) -> Transitions:
    """Events of each draw from where firms go (b, k + 1, m + 1) and come from (b, m + 1, k + 1); noise is last."""
    earlier, later = (np.maximum(part.sum(axis=(1, 2)), 1)[:, None] for part in (forward, backward))
    before, after = forward.sum(axis=2)[:, :-1] / earlier, backward.sum(axis=2)[:, :-1] / later
    # Shares of all firms of the period that go from cluster to cluster, or come from it; (b, k, m) both.
    gone = forward[:, :-1, :-1] / earlier[:, :, None]
    come = np.swapaxes(backward[:, :-1, :-1], 1, 2) / later[:, :, None]
    goes = gone / np.maximum(before, _TINY)[:, :, None]
    comes = come / np.maximum(after, _TINY)[:, None, :]
    seen = come / np.maximum(before, _TINY)[:, :, None]
    on = (goes >= limits.survive) & (seen >= limits.split)
    several = on.sum(axis=1, keepdims=True) > 1
    parts = (goes >= limits.split) & (comes >= _MOSTLY) & ~on.any(axis=2, keepdims=True)
    enough = (goes * parts).sum(axis=2, keepdims=True) >= limits.survive
    kinds = {
        "survival": on & ~several,
        "merge": on & several,
        "split": parts & enough & (parts.sum(axis=2, keepdims=True) > 1),
        "birth": ~on.any(axis=1) & (goes.max(axis=1) < limits.split) & (comes.max(axis=1) < _MOSTLY),
        "death": ~((goes >= limits.split) & (seen >= limits.split)).any(axis=2),
    }
    already, still = forward[:, :, :-1].sum(axis=1) / earlier, backward[:, :, :-1].sum(axis=1) / later
    return Transitions(kinds, before, still, after, already, goes + comes)
