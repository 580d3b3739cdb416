"""A trained labeller: its own vector space, weights for the axes it knows, calibration, and a gate."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainbert.embedding import (
    AdaptedEncoder,
    EmbeddingStore,
    Encoder,
    SentenceEncoder,
    embed_texts,
    load_encoder,
    pool_rows,
)
from chainbert.errors import DataError
from chainbert.files import content_hash
from chainbert.labelling.calibration import Calibration
from chainbert.labelling.codebook import Axis, Codebook, Language
from chainbert.labelling.knownaxis import (
    KnownAxis,
    anchors_of,
    description_phrases,
    meaning_of,
    wording_of,
)
from chainbert.labelling.modelfolder import ModelFolder, read_model_folder
from chainbert.labelling.pooling import Pooled, pool_sentences
from chainbert.labelling.scorer import CROSS_FITTED, TRAINED, Scored
from chainbert.labelling.scoring import AxisModel, Reference, Sentences, learn_axis, lesson_of
from chainbert.labelling.spoken import Spoken
from chainbert.labelling.transfer import Gate
from chainbert.progress import Progress

FloatRows = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Trained:
    """Scores sentences in the space training made; axes it has not seen are learnt from the codebook, in that space."""

    name: str
    path: Path
    """Its folder."""
    base: SentenceEncoder | Encoder
    """The encoder under it."""
    encoder: Encoder
    """The encoder its vectors come from: the base, or the base with adapters."""
    projection: tuple[np.ndarray, np.ndarray] | None
    """A (d, r), B (r, d) of a low-rank map of the vectors, or None."""
    reference: Reference
    axes: dict[str, KnownAxis]
    gate: Gate
    identity: str
    """Digest of its weights."""
    training: dict[str, str]
    """Company ids and text digests that trained it, each with "trained" or its fold."""
    folds: tuple[dict[str, KnownAxis], ...] = ()
    """Where hand codes trained it: the axes as learnt without each fold of them."""
    checked: bool = True
    """Whether it was checked with this very encoder, and not with the same model in another precision."""

    @classmethod
    def load(cls, folder: Path, encoder: Encoder | None = None) -> Trained:
        """From a folder; ``encoder`` is used where it is one the labeller was checked with.

        Raises DataError for a damaged folder or an encoder that has changed, EncoderError where it cannot be had.
        """
        found = read_model_folder(folder)
        manifest = found.manifest
        if encoder is None or encoder.fingerprint not in manifest["fingerprints"]:
            if encoder is not None and encoder.fingerprint.startswith(tuple(manifest.get("relatives", ()))):
                return replace(cls.of(found, encoder), checked=False)
            encoder = load_encoder(manifest["encoder"])
            if encoder.fingerprint not in manifest["fingerprints"]:
                raise DataError(
                    f"{folder}: was trained on {manifest['encoder']}, which is another now (its fingerprint is "
                    f"{encoder.fingerprint!r}). Train it again, or bring the old encoder back"
                )
        return cls.of(found, encoder)

    @classmethod
    def of(cls, found: ModelFolder, base: Encoder) -> Trained:
        """From a folder that was read."""
        manifest, weights = found.manifest, found.weights
        languages: tuple[Language, ...] = tuple(manifest["languages"])
        reference = Reference(languages, weights["reference.centre"], float(weights["reference.scale"][0]))
        gate = Gate(
            weights["gate.centre"],
            weights["gate.components"],
            weights["gate.spread"],
            float(weights["gate.threshold"][0]),
        )
        projection = (weights["projection.A"], weights["projection.B"]) if "projection.A" in weights else None
        tuned: Encoder = base
        if manifest["mode"] == "encoder":
            assert isinstance(base, SentenceEncoder)  # every encoder that load_encoder gives is one
            tuned = AdaptedEncoder(base, found.path / "adapter", manifest["name"])
        folds = tuple(
            _axes(manifest["adapted"], manifest["axes"], weights, f"fold{number}.")
            for number in range(manifest.get("folds", 0))
        )
        return cls(
            manifest["name"],
            found.path,
            base,
            tuned,
            projection,
            reference,
            _axes(manifest["axes"], manifest["axes"], weights, ""),
            gate,
            content_hash(json.dumps(manifest["files"], sort_keys=True))[:32],
            dict(manifest.get("training", {})),
            folds,
        )

    @staticmethod
    def remark(folder: Path) -> str:
        """One line for a list of labellers."""
        manifest = read_model_folder(folder).manifest
        return f"trained on {', '.join(manifest['axes'])}; any codebook; calibrated on those axes"

    @property
    def fingerprint(self) -> str:
        """The encoder's and the weights' own."""
        return f"{self.encoder.fingerprint} labeller={self.identity}"

    def score(self, spoken: Spoken, codebook: Codebook, store: EmbeddingStore | None, progress: Progress) -> Scored:
        """Vectors come from ``store`` where it has them; they are those of ``self.encoder``."""
        texts = spoken.texts
        embedded = embed_texts(self.encoder, texts, store, progress)
        sentences = Sentences(texts, spoken.languages, self.project(embedded.vectors))
        n = len(spoken.companies)
        language = self.language_of(spoken.companies["language"].to_numpy(dtype=object))
        training, fold = self._training(spoken)
        present = np.zeros(n, bool)
        present[spoken.owner] = True
        near, share = self.gate.holds(pooled_vectors(sentences.vectors, spoken, present), language[present])
        holds = np.ones(n, bool)
        holds[present] = near
        notes = self._gate_notes(near, share)
        if not self.checked:
            holds[:] = False
            notes.append(
                f"'{self.name}' was trained on this encoder in another precision and has not been checked with it: its "
                "probabilities are marked 'not transferable'."
            )
        axes, transferable = [], np.ones((n, len(codebook.axes)), bool)
        unseen = self._learn_unseen(codebook, store, progress)
        for done, axis in enumerate(codebook.axes):
            progress("labelling", done, len(codebook.axes))
            known = self.axes.get(axis.id)
            if axis.id in unseen:
                said = unseen[axis.id].probabilities(sentences)
                axes.append(pool_sentences(axis, said, spoken.owner, spoken.lengths, n))
                if known is not None:
                    transferable[:, done] = False
                    notes.append(_changed(axis, self.name, "means something else than"))
                continue
            assert known is not None  # else it would be among the unseen
            transferable[:, done] = holds
            if known.wording != wording_of(axis):
                transferable[:, done] = False
                notes.append(_changed(axis, self.name, "is worded otherwise than"))
            axes.append(self._pooled(axis, sentences, spoken, language, fold))
        progress("labelling", len(codebook.axes), len(codebook.axes))
        return Scored(tuple(axes), transferable, embedded.truncated, training, tuple(notes))

    def _pooled(
        self, axis: Axis, sentences: Sentences, spoken: Spoken, language: np.ndarray, fold: np.ndarray
    ) -> Pooled:
        """Calibrated; a company of a fold is scored by the part that was learnt without it."""
        found = self._calibrated(self.axes[axis.id], axis, sentences, spoken, language)
        probabilities, best = found.probabilities.copy(), found.best.copy()
        thresholds = np.broadcast_to(self.axes[axis.id].calibration.threshold, probabilities.shape).copy()
        for number, axes in enumerate(self.folds):
            rows = np.flatnonzero(fold == number)
            if len(rows) and axis.id in axes:
                own = self._calibrated(axes[axis.id], axis, sentences, spoken, language)
                probabilities[rows], best[rows] = own.probabilities[rows], own.best[rows]
                thresholds[rows] = axes[axis.id].calibration.threshold
        return Pooled(probabilities, best, thresholds)

    def _calibrated(
        self, known: KnownAxis, axis: Axis, sentences: Sentences, spoken: Spoken, language: np.ndarray
    ) -> Pooled:
        said = AxisModel(axis, self.reference, known.weights).probabilities(sentences)
        pooled = pool_sentences(axis, said, spoken.owner, spoken.lengths, len(spoken.companies))
        return Pooled(known.calibration.apply(axis, pooled.probabilities, language), pooled.best)

    def project(self, vectors: FloatRows) -> FloatRows:
        """(n, d) unit rows in the labeller's space; a row's result does not depend on the others."""
        return self.moved(vectors, self.projection)

    @staticmethod
    def moved(vectors: FloatRows, projection: tuple[np.ndarray, np.ndarray] | None) -> FloatRows:
        """Vectors (n, d) under a low-rank map A (d, r), B (r, d), at unit length; as they are without one."""
        if projection is None:
            return vectors
        # A matrix product would do, but its last bits depend on how many rows there are.
        along = np.einsum("nd,dr->nr", vectors, projection[0])
        moved = vectors + np.einsum("nr,rd->nd", along, projection[1])
        unit: FloatRows = (moved / np.linalg.norm(moved, axis=1, keepdims=True)).astype(np.float32)
        return unit

    def language_of(self, languages: Sequence[str] | np.ndarray) -> np.ndarray:
        """(n,) int: place among the labeller's languages, −1 for another."""
        places: dict[str, int] = {language: place for place, language in enumerate(self.reference.languages)}
        return np.array([places.get(language, -1) for language in languages], int)

    def models(self, codebook: Codebook, store: EmbeddingStore | None, progress: Progress) -> dict[str, AxisModel]:
        """The model of each axis as it starts: learnt in training, else from the codebook alone."""
        unseen = self._learn_unseen(codebook, store, progress)
        return {
            axis.id: unseen.get(axis.id) or AxisModel(axis, self.reference, self.axes[axis.id].weights)
            for axis in codebook.axes
        }

    def _learn_unseen(
        self, codebook: Codebook, store: EmbeddingStore | None, progress: Progress
    ) -> dict[str, AxisModel]:
        """Models of the axes that training did not see, or saw with another meaning."""
        same = {axis.id for axis in codebook.axes if self._says_the_same(axis)}
        reworded = [axis for axis in codebook.axes if axis.id in self.axes and axis.id not in same]
        texts = sorted({text for axis in reworded for said in description_phrases(axis) for text in said})
        found = self.project(embed_texts(self.encoder, texts, store, progress).vectors) if texts else ()
        places = dict(zip(texts, found, strict=True))
        same |= {axis.id for axis in reworded if self.axes[axis.id].is_meant_by(axis.kind, anchors_of(axis, places))}
        new = [axis for axis in codebook.axes if axis.id not in same]
        if not new:
            return {}
        phrases = sorted({phrase for axis in new for phrase in lesson_of(axis).phrases})
        embedded = embed_texts(self.encoder, [text for _, text in phrases], store, progress)
        vectors = dict(zip(phrases, self.project(embedded.vectors), strict=True))
        return {axis.id: learn_axis(axis, vectors, self.reference) for axis in new}

    def _says_the_same(self, axis: Axis) -> bool:
        return axis.id in self.axes and self.axes[axis.id].meaning == meaning_of(axis)

    def _training(self, spoken: Spoken) -> tuple[np.ndarray, np.ndarray]:
        """(n,) str as of Scored, and (n,) int: the fold of a company that trained, −1 elsewhere."""
        table = spoken.companies
        training, fold = np.full(len(table), "", dtype=object), np.full(len(table), -1)
        if not self.training:
            return training, fold
        for row, (name, text) in enumerate(zip(table["id"], table["text"], strict=True)):
            found = [self.training.get(key) for key in (f"id:{name}", f"text:{content_hash(str(text))}")]
            hows = [how for how in found if how is not None]
            if hows:
                # Seen by two folds, no part has not seen it.
                training[row] = TRAINED if TRAINED in hows or len(set(hows)) > 1 else CROSS_FITTED
                fold[row] = int(hows[0]) if training[row] == CROSS_FITTED else -1
        return training, fold

    def _gate_notes(self, near: np.ndarray, share: float) -> list[str]:
        if len(near) and not near.any():
            return [
                f"These companies are unlike those '{self.name}' was calibrated on ({share:.0%} of them lie beyond its "
                "threshold, 1 % would be usual): probabilities are marked 'not transferable'. Code a sample by hand "
                "(chainbert sample) to know how good the labels are."
            ]
        return []


def pooled_vectors(vectors: FloatRows, spoken: Spoken, present: np.ndarray) -> FloatRows:
    """(n present, d): the mean sentence vector of each company that has sentences."""
    number = np.cumsum(present) - 1
    return pool_rows(vectors, number[spoken.owner], int(present.sum()))


def _changed(axis: Axis, name: str, how: str) -> str:
    return (
        f"Axis '{axis.id}' {how} the one '{name}' was calibrated with: its probabilities are marked "
        "'not transferable'. Calibrate with hand codes under this codebook (chainbert train), or use the old one."
    )


def _axes(
    names: Iterable[str], facts: dict[str, Any], weights: dict[str, np.ndarray], prefix: str
) -> dict[str, KnownAxis]:
    return {
        name: KnownAxis(
            facts[name]["kind"],
            facts[name]["meaning"],
            facts[name]["wording"],
            weights[f"{prefix}{name}.weights"],
            Calibration(
                weights[f"{prefix}{name}.slope"],
                weights[f"{prefix}{name}.intercept"],
                weights[f"{prefix}{name}.threshold"],
            ),
            weights[f"{name}.anchors"],
        )
        for name in names
    }
