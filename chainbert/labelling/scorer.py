"""What every labeller does: from sentences and a codebook to probabilities and the sentences that decide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from chainbert.embedding import EmbeddingStore
from chainbert.labelling.codebook import Codebook
from chainbert.labelling.pooling import Pooled
from chainbert.labelling.spoken import Spoken
from chainbert.progress import Progress

TRAINED, CROSS_FITTED = "trained", "cross-fitted"


@dataclass(frozen=True, slots=True)
class Scored:
    """What a scorer found in n companies."""

    axes: tuple[Pooled, ...]
    """One an axis, in codebook order."""
    transferable: np.ndarray
    """(n, axes) bool: whether the calibration holds for that company and axis; True where nothing was calibrated."""
    truncated: int
    """Different sentences longer than the scorer reads."""
    training: np.ndarray
    """(n,) str: "" (the company trained nothing), "trained", or "cross-fitted" (scored by a part that had not
    seen it)."""
    notes: tuple[str, ...] = ()
    """What a user must know, a sentence each."""

    @classmethod
    def plain(cls, axes: list[Pooled], companies: int, truncated: int = 0) -> Scored:
        """Of a scorer that was neither calibrated nor trained."""
        return cls(tuple(axes), np.ones((companies, len(axes)), bool), truncated, np.full(companies, "", dtype=object))


class Scorer(Protocol):
    """Scores companies by a codebook; a company's scores depend on its own sentences and the codebook only."""

    @property
    def name(self) -> str:
        """What it is called in results."""

    @property
    def fingerprint(self) -> str:
        """Names everything its scores depend on but the codebook."""

    def score(self, spoken: Spoken, codebook: Codebook, store: EmbeddingStore | None, progress: Progress) -> Scored:
        """Probabilities and evidence of every company."""
