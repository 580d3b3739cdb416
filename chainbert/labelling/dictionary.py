"""The dictionary labeller: a company says what any of its sentences has a cue for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chainbert.embedding import EmbeddingStore
from chainbert.labelling.codebook import Codebook
from chainbert.labelling.cues import cue_flags
from chainbert.labelling.pooling import pool_sentences
from chainbert.labelling.scorer import Scored
from chainbert.labelling.spoken import Spoken
from chainbert.progress import Progress


@dataclass(frozen=True, slots=True)
class Dictionary:
    """A codebook's cues and nothing else: what a keyword analysis would find, for comparison.

    Indicators: probability 1 where a sentence has the cue, 0 elsewhere. Single choice: the share of the cues
    found that are the value's, all values alike where none is.
    """

    name: str = "cues"
    fingerprint: str = "cues of the codebook"

    def score(self, spoken: Spoken, codebook: Codebook, store: EmbeddingStore | None, progress: Progress) -> Scored:
        """Nothing is embedded; ``store`` is not used."""
        del store
        axes = []
        for done, axis in enumerate(codebook.axes):
            progress("labelling", done, len(codebook.axes))
            flags = cue_flags(spoken.texts, spoken.languages, axis.indicators)
            if axis.kind == "single":
                found = flags.sum(axis=1, keepdims=True)
                flags = np.where(found > 0, flags / np.maximum(found, 1), 1 / flags.shape[1])
            axes.append(pool_sentences(axis, flags, spoken.owner, spoken.lengths, len(spoken.companies)))
        progress("labelling", len(codebook.axes), len(codebook.axes))
        return Scored.plain(axes, len(spoken.companies))
