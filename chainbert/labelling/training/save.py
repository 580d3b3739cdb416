"""Writing what was trained as a labeller's folder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from chainbert.embedding import ADAPTER_FILES, EmbeddingStore, default_store_folder
from chainbert.files import atomic_path
from chainbert.labelling.modelfolder import ModelFolder, read_model_folder, write_model_folder
from chainbert.labelling.scorer import TRAINED, Scored
from chainbert.labelling.trained import Trained
from chainbert.labelling.training.card import card_of
from chainbert.labelling.training.config import TrainingConfig
from chainbert.labelling.training.fit import axis_arrays, axis_facts
from chainbert.labelling.training.handcodes import Adapted
from chainbert.labelling.training.measure import Metrics, score_axis
from chainbert.progress import Progress

ADAPTER, HISTORY, CARD = "adapter", "history.json", "card.md"
BEFORE = "The coded companies, before"
AFTER = "The coded companies, each by weights that never saw it"


def write_labeller(
    out: Path,
    config: TrainingConfig,
    facts: dict[str, Any],
    weights: dict[str, np.ndarray],
    history: list[dict[str, Any]],
) -> ModelFolder:
    """A labeller trained on texts; its adapter, in mode encoder, is in ``out`` already."""
    adapter = [f"{ADAPTER}/{name}" for name in ADAPTER_FILES] if config.mode == "encoder" else []
    manifest = {
        "name": config.name,
        "mode": config.mode,
        **facts,
        "config": config.model_dump(mode="json"),
        "files": dict.fromkeys(adapter, ""),
    }
    beside = {HISTORY: json.dumps(history, indent=1) + "\n", CARD: card_of(manifest, config.description)}
    write_model_folder(out, manifest, weights, beside)
    return read_model_folder(out)


def write_adapted(out: Path, config: TrainingConfig, adapted: Adapted, progress: Progress) -> ModelFolder:
    """A labeller adapted to hand codes: what it started from, with the axes of the codes and of each fold of them."""
    start = read_model_folder(adapted.start.path)
    kept = {axis: known for axis, known in adapted.start.axes.items() if axis not in adapted.axes}
    axes = kept | adapted.axes
    learnt = axis_arrays(axes)
    for number, fold in enumerate(adapted.folds):
        learnt |= axis_arrays(fold, f"fold{number}.")
    own = {
        name: array
        for name, array in start.weights.items()
        if name.partition(".")[0] in ("reference", "gate", "projection")
    }
    adapter = [name for name in start.manifest["files"] if name.startswith(f"{ADAPTER}/")]
    for name in adapter:
        with atomic_path(out / name) as temporary:
            shutil.copyfile(start.path / name, temporary)
    manifest = {
        "name": config.name,
        "mode": start.manifest["mode"],
        "languages": start.manifest["languages"],
        "encoder": start.manifest["encoder"],
        "fingerprints": start.manifest["fingerprints"],
        "relatives": start.manifest.get("relatives", []),
        "codebooks": start.manifest["codebooks"] | {adapted.codebook.id: adapted.codebook.version},
        "axes": axis_facts(axes),
        "start": {"name": start.manifest["name"], "files": start.manifest["files"]},
        "gold": {"path": adapted.gold.path, "sha256": adapted.gold.sha256, "companies": len(adapted.spoken.companies)},
        "folds": len(adapted.folds),
        "adapted": list(adapted.axes),
        "training": adapted.training,
        "metrics": {},
        "config": config.model_dump(mode="json"),
        "files": dict.fromkeys(adapter, ""),
    }
    write_model_folder(out, manifest, own | learnt, {CARD: card_of(manifest, config.description)})
    # Measured with the folder itself: coded companies are labelled by the part that never saw them.
    finished = Trained.of(read_model_folder(out), adapted.start.base)
    store = EmbeddingStore(default_store_folder())
    before, after = (one.score(adapted.spoken, adapted.codebook, store, progress) for one in (adapted.start, finished))
    # What trained the start already is seen by every part of this one, so that it can judge neither.
    unseen = after.training != TRAINED
    manifest["metrics"] = {BEFORE: _measured(before, adapted, unseen), AFTER: _measured(after, adapted, unseen)}
    write_model_folder(out, manifest, own | learnt, {CARD: card_of(manifest, config.description)})
    return read_model_folder(out)


def _measured(scored: Scored, adapted: Adapted, unseen: np.ndarray) -> Metrics:
    """How good scores are on the coded companies ``unseen`` (n,) bool."""
    languages = adapted.start.reference.languages
    language = adapted.start.language_of(adapted.spoken.companies["language"].to_numpy(dtype=object))
    found: Metrics = {}
    for axis, pooled in zip(adapted.codebook.axes, scored.axes, strict=True):
        answers = np.where(unseen[:, None], adapted.answers[axis.id], np.nan)
        found |= score_axis(axis, pooled.probabilities, pooled.thresholds, answers, language, languages)
    return found
