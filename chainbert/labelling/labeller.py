"""Labellers: a scorer with the rules that turn its scores into values, statuses and evidence."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from chainbert.companies import CompanySet
from chainbert.embedding import EmbeddingConfig, EmbeddingStore, Encoder, load_encoder
from chainbert.errors import ConfigError
from chainbert.files import shipped
from chainbert.labelling.codebook import Codebook
from chainbert.labelling.config import DEFAULT_LABELLER, LabellingConfig
from chainbert.labelling.dictionary import Dictionary
from chainbert.labelling.entailment import Entailment
from chainbert.labelling.modelfolder import MANIFEST
from chainbert.labelling.scorer import Scorer
from chainbert.labelling.spoken import Spoken
from chainbert.labelling.tables import AxisLabels, Labels, label_table
from chainbert.labelling.trained import Trained
from chainbert.labelling.zero_shot import ZeroShot
from chainbert.progress import Progress, silent
from chainbert.yamlfile import did_you_mean

REMARKS = {
    "zero-shot": "learns from the codebook's sentences alone; any codebook; not calibrated",
    "cues": "the codebook's cues as a dictionary; no encoder",
}
FORMS = {
    "nli:hub:ORG/NAME@REVISION": "a cross-encoder of natural language inference through transformers; slow",
    "FOLDER": "a labeller that `chainbert train` wrote",
}


@dataclass(frozen=True, slots=True)
class Labeller:
    """Labels companies by a codebook.

    A company's values, probabilities and evidence depend on its own sentences, never on its neighbours'. Its status
    may: where a set as a whole is unlike the one a labeller was calibrated on, none of it is ``labelled``.
    """

    scorer: Scorer
    config: LabellingConfig

    @property
    def name(self) -> str:
        """What it is called in results."""
        return self.scorer.name

    @classmethod
    def load(
        cls,
        name: str | Path = DEFAULT_LABELLER,
        *,
        encoder: Encoder | None = None,
        config: LabellingConfig | None = None,
    ) -> Labeller:
        """A shipped labeller by its name, one that ``chainbert train`` wrote by its folder, or ``nli:MODEL``.

        ``encoder`` serves ``zero-shot`` (without it the bundled one); a trained labeller uses it where it was
        checked with it and its own otherwise. Raises ConfigError for an unknown name, DataError for a folder
        that is damaged or of another version.
        """
        return cls(_scorer(name, encoder), config or LabellingConfig())

    def label(
        self,
        companies: CompanySet,
        codebook: Codebook,
        store: EmbeddingStore | None = None,
        progress: Progress = silent,
    ) -> Labels:
        """Label every row; with ``store``, no text is embedded twice and a new codebook costs its own sentences."""
        spoken = Spoken.of(companies)
        scored = self.scorer.score(spoken, codebook, store, progress)
        axes = [
            AxisLabels.of(axis, pooled, self.config.abstain_band, holds)
            for axis, pooled, holds in zip(codebook.axes, scored.axes, scored.transferable.T, strict=True)
        ]
        return Labels(
            label_table(spoken, axes, codebook.version, scored.training),
            codebook,
            self.name,
            self.scorer.fingerprint,
            self.config.abstain_band,
            len(spoken.table),
            scored.truncated,
            (*scored.notes, *_language_notes(codebook, spoken)),
        )


def _language_notes(codebook: Codebook, spoken: Spoken) -> list[str]:
    """That a codebook has nothing to say in a language that companies are in."""
    if len(codebook.languages) > 1:
        return []
    only = codebook.languages[0]
    other = int((spoken.companies["language"] != only).sum())
    return [f"Codebook '{codebook.id}' is in '{only}' only; {other:,} companies in another language were read with it."]


def _scorer(name: str | Path, encoder: Encoder | None) -> Scorer:
    text = str(name)
    if text == "zero-shot":
        return ZeroShot(encoder or load_encoder(EmbeddingConfig().encoder))
    if text == "cues":
        return Dictionary()
    kind, colon, model = text.partition(":")
    if kind == "nli" and colon:
        return Entailment.load(model)
    trained = _trained_folders()
    folder = trained.get(text) or Path(name)
    if folder.is_dir():
        return Trained.load(folder, encoder)
    known = [*REMARKS, *trained]
    raise ConfigError(
        f"{text!r} is no shipped labeller and no folder.{did_you_mean(text, known)} Expected {', '.join(known)}, "
        f"a folder that `chainbert train` wrote, or nli:hub:ORG/NAME"
    )


def trained_labeller(name: str | Path, encoder: Encoder | None = None) -> Trained:
    """A labeller that was trained, by its shipped name or folder; raises ConfigError for any other."""
    folder = _trained_folders().get(str(name)) or Path(name)
    if folder.is_dir():
        return Trained.load(folder, encoder)
    known = list(_trained_folders())
    raise ConfigError(
        f"{name}: no trained labeller.{did_you_mean(str(name), known)} Expected {', '.join(known) or 'a folder'}"
        " or a folder that `chainbert train` wrote"
    )


def _trained_folders() -> dict[str, Path]:
    """The trained labellers that come with chainbert, by name."""
    return {path.parent.name: path.parent for path in sorted(shipped("models").glob(f"*/{MANIFEST}"))}


def available_labellers() -> list[tuple[str, str]]:
    """Name and a remark of every labeller that ``Labeller.load`` takes."""
    trained = [(name, Trained.remark(folder)) for name, folder in _trained_folders().items()]
    return [*trained, *REMARKS.items(), *FORMS.items()]
