"""The zero-shot labeller: companies labelled from a codebook's own words, with the sentence that decides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from chainbert.companies import CompanySet, sentences_of
from chainbert.embedding import EmbeddingConfig, EmbeddingStore, Encoder, embed_texts, load_encoder
from chainbert.errors import ConfigError
from chainbert.labelling.codebook import Codebook
from chainbert.labelling.config import LabellingConfig
from chainbert.labelling.pooling import pool_sentences
from chainbert.labelling.scoring import AxisModel, Reference, Sentences, learn_axis, lesson_of
from chainbert.labelling.tables import AxisLabels, Labels, label_table
from chainbert.progress import Progress, silent
from chainbert.yamlfile import did_you_mean


@dataclass(frozen=True, slots=True)
class Labeller:
    """Labels companies by a codebook; nothing is learnt from companies.

    Each axis gets a small linear model, fitted in a moment to the sentence vectors and cues of the codebook's
    examples and counter-examples; it scores every sentence of a company, the name as one more. A company's
    label depends on its own sentences, the codebook and the encoder only.
    """

    name: str
    encoder: Encoder
    config: LabellingConfig

    @classmethod
    def load(
        cls, name: str = "zero-shot", *, encoder: Encoder | None = None, config: LabellingConfig | None = None
    ) -> Labeller:
        """The shipped labeller of that name; without ``encoder`` it uses the bundled one.

        Raises ConfigError for an unknown name.
        """
        if name not in SHIPPED:
            raise ConfigError(f"{name!r} is no shipped labeller.{did_you_mean(name, SHIPPED)}")
        return SHIPPED[name](encoder or load_encoder(EmbeddingConfig().encoder), config or LabellingConfig())

    def label(
        self,
        companies: CompanySet,
        codebook: Codebook,
        store: EmbeddingStore | None = None,
        progress: Progress = silent,
    ) -> Labels:
        """Label every row; with ``store``, no text is embedded twice and a new codebook costs its own sentences.

        The probabilities are scores to rank and to cut at .5; they are not calibrated.
        """
        models = self._learn(codebook, store, progress)
        spoken = _in_reading_order(sentences_of(companies))
        texts = spoken["text"].tolist()
        embedded = embed_texts(self.encoder, texts, store, progress)
        sentences = Sentences(texts, spoken["language"].to_numpy(dtype=object), embedded.vectors)
        usable = np.flatnonzero(companies.table["status"] == "")
        rows = pd.Series(usable, index=companies.table["key"].iloc[usable])
        owner = rows.loc[spoken["key"]].to_numpy()
        lengths = spoken["text"].str.len().to_numpy()
        axes = []
        for done, model in enumerate(models):
            progress("labelling", done, len(models))
            said = model.probabilities(sentences)
            pooled = pool_sentences(model.axis, said, owner, lengths, len(companies.table))
            axes.append(AxisLabels.of(model.axis, pooled, self.config.abstain_band))
        progress("labelling", len(models), len(models))
        table = label_table(companies.table, spoken, axes, codebook.version)
        return Labels(
            table,
            codebook,
            self.name,
            self.encoder.fingerprint,
            self.config.abstain_band,
            len(spoken),
            embedded.truncated,
        )

    def _learn(self, codebook: Codebook, store: EmbeddingStore | None, progress: Progress) -> list[AxisModel]:
        phrases = sorted({phrase for axis in codebook.axes for phrase in lesson_of(axis).phrases})
        embedded = embed_texts(self.encoder, [text for _, text in phrases], store, progress)
        vectors = dict(zip(phrases, embedded.vectors, strict=True))
        reference = Reference.of(codebook, vectors)
        return [learn_axis(axis, vectors, reference) for axis in codebook.axes]


def _in_reading_order(sentences: pd.DataFrame) -> pd.DataFrame:
    """A company's text before its name, so that of two equal sentences the text's is the evidence."""
    is_name = sentences["part"] == "name"
    order = np.lexsort((sentences["position"], is_name))
    return sentences.iloc[order].reset_index(drop=True)


def _zero_shot(encoder: Encoder, config: LabellingConfig) -> Labeller:
    return Labeller("zero-shot", encoder, config)


SHIPPED: dict[str, Callable[[Encoder, LabellingConfig], Labeller]] = {"zero-shot": _zero_shot}


def available_labellers() -> list[tuple[str, str]]:
    """Name and a remark of every labeller that ``Labeller.load`` takes."""
    return [("zero-shot", "learns from the codebook's sentences alone; any codebook; not calibrated")]
