"""The zero-shot labeller: it knows the codebook's own words and nothing else."""

from __future__ import annotations

from dataclasses import dataclass

from chainbert.embedding import EmbeddingStore, Encoder, embed_texts
from chainbert.labelling.codebook import Codebook
from chainbert.labelling.pooling import pool_sentences
from chainbert.labelling.scorer import Scored
from chainbert.labelling.scoring import AxisModel, Reference, Sentences, learn_axis, lesson_of
from chainbert.labelling.spoken import Spoken
from chainbert.progress import Progress


@dataclass(frozen=True, slots=True)
class ZeroShot:
    """Each axis gets a small linear model, fitted in a moment to the sentence vectors and cues of the codebook.

    It scores every sentence of a company, the name as one more. Nothing is learnt from companies, and nothing
    is calibrated: the probabilities are scores to rank and to cut at .5.
    """

    encoder: Encoder
    name: str = "zero-shot"

    @property
    def fingerprint(self) -> str:
        """The encoder's."""
        return self.encoder.fingerprint

    def score(self, spoken: Spoken, codebook: Codebook, store: EmbeddingStore | None, progress: Progress) -> Scored:
        """With ``store``, no text is embedded twice and a new codebook costs its own sentences."""
        models = self._learn(codebook, store, progress)
        texts = spoken.texts
        embedded = embed_texts(self.encoder, texts, store, progress)
        sentences = Sentences(texts, spoken.languages, embedded.vectors)
        axes = []
        for done, model in enumerate(models):
            progress("labelling", done, len(models))
            said = model.probabilities(sentences)
            axes.append(pool_sentences(model.axis, said, spoken.owner, spoken.lengths, len(spoken.companies)))
        progress("labelling", len(models), len(models))
        return Scored.plain(axes, len(spoken.companies), embedded.truncated)

    def _learn(self, codebook: Codebook, store: EmbeddingStore | None, progress: Progress) -> list[AxisModel]:
        phrases = sorted({phrase for axis in codebook.axes for phrase in lesson_of(axis).phrases})
        embedded = embed_texts(self.encoder, [text for _, text in phrases], store, progress)
        vectors = dict(zip(phrases, embedded.vectors, strict=True))
        reference = Reference.of(codebook, vectors)
        return [learn_axis(axis, vectors, reference) for axis in codebook.axes]
