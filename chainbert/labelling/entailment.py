"""The NLI labeller: a cross-encoder asked, sentence by sentence, whether it entails an indicator's description."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from chainbert.embedding import EmbeddingStore, model_folder
from chainbert.errors import EncoderError
from chainbert.labelling.codebook import Axis, Codebook, Language
from chainbert.labelling.pooling import pool_sentences
from chainbert.labelling.scorer import Scored
from chainbert.labelling.spoken import Spoken
from chainbert.progress import Progress

# The premise and the hypothesis in one language: an English hypothesis under a Chinese text costs accuracy.
TEMPLATES: dict[Language, str] = {"zh": "这句话说明：{}", "en": "This sentence says: {}"}
AT_ONCE = 64

Classify = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Entailment:
    """transformers' zero-shot-classification pipeline behind the labeller protocol.

    Indicators are asked one by one (entailment against contradiction), the values of a single choice against
    each other. Every sentence is read once for each indicator, so a codebook of ten costs ten times the time of
    the default labeller's one reading, with a larger model; nothing is calibrated and no vectors are stored.
    Source: Yin, Hay & Roth 2019, "Benchmarking zero-shot text classification".
    """

    name: str
    fingerprint: str
    folder: Path
    _loaded: list[Classify] = field(default_factory=list)

    @classmethod
    def load(cls, model: str) -> Entailment:
        """``hub:ORG/NAME@REVISION`` or ``path:FOLDER``; weights are loaded at the first use.

        Raises EncoderError where there is no such model or it was not trained for inference.
        """
        folder, identity = model_folder(model)
        return cls(f"nli:{model}", f"nli {identity} templates={TEMPLATES}", folder)

    def score(self, spoken: Spoken, codebook: Codebook, store: EmbeddingStore | None, progress: Progress) -> Scored:
        """``store`` is not used: a cross-encoder has no vectors."""
        del store
        total = len(spoken.texts) * len(codebook.axes)
        done = 0
        axes = []
        for axis in codebook.axes:
            said = np.zeros((len(spoken.texts), len(axis.indicators)))
            for language, rows in _by_language(spoken.languages, codebook):
                for part in np.array_split(rows, max(1, -(-len(rows) // AT_ONCE))):
                    progress("labelling", done, total)
                    said[part] = self._ask([spoken.texts[row] for row in part], axis, language)
                    done += len(part)
            axes.append(pool_sentences(axis, said, spoken.owner, spoken.lengths, len(spoken.companies)))
        progress("labelling", total, total)
        return Scored.plain(axes, len(spoken.companies))

    def _ask(self, texts: list[str], axis: Axis, language: Language) -> np.ndarray:
        """(n, k) in [0, 1]."""
        wordings = [indicator.description[language] for indicator in axis.indicators]
        answers = self._pipeline()(
            texts,
            candidate_labels=wordings,
            hypothesis_template=TEMPLATES[language],
            multi_label=axis.kind == "indicators",
        )
        scores = [dict(zip(answer["labels"], answer["scores"], strict=True)) for answer in answers]
        return np.array([[one[wording] for wording in wordings] for one in scores]).reshape(-1, len(wordings))

    def _pipeline(self) -> Classify:
        if not self._loaded:
            self._loaded.append(_load(self.folder))
        return self._loaded[0]


def _by_language(languages: np.ndarray, codebook: Codebook) -> Iterator[tuple[Language, np.ndarray]]:
    """The rows to ask in each language; a sentence in none of the codebook's is asked in its first."""
    asked = np.where(np.isin(languages, codebook.languages), languages, codebook.languages[0])
    for language in codebook.languages:
        rows = np.flatnonzero(asked == language)
        if len(rows):
            yield language, rows


def _load(folder: Path) -> Classify:
    from transformers import pipeline  # noqa: PLC0415 - seconds to import

    try:
        classify: Classify = pipeline(
            "zero-shot-classification", model=str(folder), tokenizer=str(folder), device="cpu", batch_size=8
        )
    except Exception as error:  # whatever a damaged or foreign folder makes the library raise
        raise EncoderError(f"{folder}: cannot be loaded as a sequence classifier ({error})") from error
    known = classify.model.config.label2id  # type: ignore[attr-defined]  # a pipeline has its model
    if not any(str(label).lower().startswith("entail") for label in known):
        raise EncoderError(
            f"{folder}: its labels are {', '.join(map(str, known))}; a model of natural language inference, with the "
            "label 'entailment', was expected"
        )
    return classify
