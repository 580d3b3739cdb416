"""What a trained labeller knows of an axis, and whether a codebook means it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from chainbert.files import content_hash
from chainbert.labelling.calibration import Calibration
from chainbert.labelling.codebook import Axis

# Cosine of two descriptions in the labeller's space from which they count as two wordings of one meaning.
SAME_MEANING = 0.8


def meaning_of(axis: Axis) -> str:
    """16 hex digits over what an axis means: its descriptions and rules, not its examples, names and cues."""
    parts = axis.model_dump(mode="json", exclude={"names", "mixed", "neutral"})
    for indicator in parts["indicators"]:
        for key in ("names", "examples", "counter_examples", "cues"):
            indicator.pop(key, None)
    return content_hash(json.dumps(parts, ensure_ascii=False, sort_keys=True))[:16]


def wording_of(axis: Axis) -> str:
    """16 hex digits over everything an axis says."""
    said = axis.model_dump(mode="json", exclude_defaults=True)
    return content_hash(json.dumps(said, ensure_ascii=False, sort_keys=True))[:16]


@dataclass(frozen=True, slots=True)
class KnownAxis:
    """What a labeller learnt of one axis."""

    kind: str
    """indicators or single."""
    meaning: str
    wording: str
    weights: np.ndarray
    """As of AxisModel."""
    calibration: Calibration
    anchors: np.ndarray
    """(k, d) unit rows: where the description of each indicator lies in the labeller's space."""

    def is_meant_by(self, kind: str, anchors: np.ndarray) -> bool:
        """Whether other descriptions (k, d) mean this axis: each is near its own indicator's, and nearest to it."""
        if kind != self.kind or anchors.shape != self.anchors.shape:
            return False
        likeness = anchors @ self.anchors.T
        own = np.diagonal(likeness)
        return bool((own >= SAME_MEANING).all() and (likeness.argmax(axis=1) == np.arange(len(own))).all())


def description_phrases(axis: Axis) -> list[list[str]]:
    """The descriptions of each indicator, in the axis's languages."""
    return [[text for _, text in sorted(indicator.description.items())] for indicator in axis.indicators]


def anchors_of(axis: Axis, vectors: Mapping[str, np.ndarray]) -> np.ndarray:
    """(k, d) unit rows: the mean vector of each indicator's descriptions."""
    rows = [np.mean([vectors[text] for text in texts], axis=0, dtype=float) for texts in description_phrases(axis)]
    return np.stack([row / np.linalg.norm(row) for row in rows])
