"""Leave one axis out: a labeller trained without an axis, judged on that axis."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from chainbert.embedding import EmbeddingStore
from chainbert.errors import DataError
from chainbert.files import file_hash
from chainbert.labelling.codebook import Codebook
from chainbert.labelling.evaluation.cache import LabelCache
from chainbert.labelling.evaluation.coded import Coded
from chainbert.labelling.evaluation.evaluate import evaluate
from chainbert.labelling.evaluation.results import Evaluation
from chainbert.labelling.labeller import Labeller
from chainbert.labelling.modelfolder import read_model_folder
from chainbert.labelling.trained import Trained
from chainbert.labelling.training.config import TrainingConfig
from chainbert.labelling.training.run import train
from chainbert.progress import Progress, silent
from chainbert.yamlfile import load


@dataclass(frozen=True, slots=True)
class UnseenAxis:
    """How a labeller does on an axis that its training left out."""

    axis: str
    folder: str
    """Where the labeller that never saw the axis is kept."""
    evaluation: Evaluation
    """Of this axis only."""

    def to_json(self) -> dict[str, Any]:
        """Plain dict."""
        return {"axis": self.axis, "folder": self.folder, "evaluation": self.evaluation.to_json()}


def unseen_axes(labeller: Labeller, codebook: Codebook) -> tuple[str, ...]:
    """The axes that a labeller learnt from the codebook's words alone; all of them where it was never trained."""
    known = set(labeller.scorer.axes) if isinstance(labeller.scorer, Trained) else set()
    return tuple(axis.id for axis in codebook.axes if axis.id not in known)


def evaluate_unseen(
    axis: str,
    training: Path,
    coded: Coded,
    codebook: Codebook,
    cache: LabelCache,
    store: EmbeddingStore | None,
    out: Path,
    *,
    rng: np.random.Generator,
    draws: int,
    progress: Progress = silent,
) -> UnseenAxis:
    """Train as ``training`` says but without ``axis``, into ``out``, and judge the labeller on that axis.

    A labeller that an earlier evaluation trained in the same way is used again; a training that was interrupted goes
    on. Raises as ``train`` and ``evaluate`` do.
    """
    overrides = (f"leave_out=[{axis}]",)
    if not _is_trained(out, training, overrides):
        train(training, overrides, out=out, progress=progress)
    alone = Codebook.model_validate(
        codebook.model_dump(mode="json", exclude_defaults=True)
        | {"axes": [codebook.axis(axis).model_dump(mode="json", exclude_defaults=True)]}
    )
    labeller = Labeller.load(out)
    labels = cache.label(labeller, coded.companies, coded.digest, alone, store, progress).labels
    name = f"{labeller.name} without {axis}"
    found = evaluate(
        labels.table, coded.gold, alone, name=name, rng=rng, draws=draws, languages=coded.languages.tolist()
    )
    return UnseenAxis(axis, str(out), found)


def _is_trained(folder: Path, training: Path, overrides: tuple[str, ...]) -> bool:
    """Whether a folder holds what this training, with the texts as they are now, would give."""
    try:
        manifest = read_model_folder(folder).manifest
    except DataError:  # none yet, or one that was cut off: it is trained, or trained on
        return False
    config = load(TrainingConfig, training, overrides).value
    texts = {Path(name).name: file_hash(training.parent / name) for name in config.texts}
    return bool(manifest["config"] == config.model_dump(mode="json") and manifest["texts"] == texts)
