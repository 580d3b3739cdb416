"""A labeller adapted to a user's own hand codes: mode ``hand-codes`` of ``chainbert train``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from chainbert.companies import CompanySet, read_companies
from chainbert.embedding import EmbeddingStore, default_store_folder, embed_texts
from chainbert.errors import DataError
from chainbert.files import content_hash
from chainbert.labelling.codebook import Codebook
from chainbert.labelling.evaluation.coded import match_companies
from chainbert.labelling.gold import Gold, read_gold
from chainbert.labelling.knownaxis import KnownAxis, anchors_of, description_phrases, meaning_of
from chainbert.labelling.labeller import trained_labeller
from chainbert.labelling.leakage import grouped_folds
from chainbert.labelling.scorer import TRAINED
from chainbert.labelling.scoring import Sentences
from chainbert.labelling.spoken import Spoken
from chainbert.labelling.trained import Trained
from chainbert.labelling.training.adapt import Coded, adapt_axis
from chainbert.labelling.training.config import TrainingConfig, codebook_of
from chainbert.progress import Progress
from chainbert.yamlfile import Loaded

FEWEST = 20


@dataclass(frozen=True, slots=True)
class Adapted:
    """What hand codes made of a labeller."""

    start: Trained
    axes: dict[str, KnownAxis]
    folds: tuple[dict[str, KnownAxis], ...]
    """The same without each fold of the coded companies, so that these are labelled by a part that never saw them."""
    training: dict[str, str]
    """``id:…`` and ``text:…`` of each coded company → its fold."""
    codebook: Codebook
    gold: Gold
    spoken: Spoken
    """The coded companies that have a text."""
    answers: dict[str, np.ndarray]
    """Axis → (n, k): 1 yes, 0 no, nan not coded."""


def adapt(loaded: Loaded[TrainingConfig], path: Path, progress: Progress) -> Adapted:
    """Adapt the labeller ``start`` of the training file ``path`` to its hand codes.

    An axis without codes stays as it is. Raises DataError where fewer than 20 coded companies have a text.
    """
    config = loaded.value
    folder = loaded.beside(config.start, "start", path)
    start = trained_labeller(folder if folder.is_dir() else config.start)
    codebook = Codebook.load(codebook_of(loaded, 0, path))
    coded_in = loaded.beside(config.gold, "gold", path)
    gold = read_gold(coded_in, codebook)
    companies = read_companies(loaded.beside(config.companies, "companies", path) if config.companies else coded_in)
    chosen, answers = coded_companies(companies, gold, codebook)
    if len(chosen.table) < FEWEST:
        raise DataError(
            f"{gold.path}: {len(chosen.table)} of {len(gold.table)} coded companies have a text in {companies.source}; "
            f"{FEWEST} at least were expected. Name the table with their texts, as in companies: FILE"
        )
    store = EmbeddingStore(default_store_folder())
    spoken = Spoken.of(chosen)
    vectors = start.project(embed_texts(start.encoder, spoken.texts, store, progress).vectors)
    coded = Coded(
        Sentences(spoken.texts, spoken.languages, vectors),
        spoken.owner,
        spoken.lengths,
        start.language_of(spoken.companies["language"].to_numpy(dtype=object)),
        answers,
        grouped_folds(chosen.table, config.folds, np.random.default_rng(config.seed)),
    )
    models = start.models(codebook, store, progress)
    texts = sorted({text for axis in codebook.axes for said in description_phrases(axis) for text in said})
    places = start.project(embed_texts(start.encoder, texts, store, progress).vectors)
    anchors = {axis.id: anchors_of(axis, dict(zip(texts, places, strict=True))) for axis in codebook.axes}
    axes, folds = {}, [dict[str, KnownAxis]() for _ in range(config.folds)]
    for done, axis in enumerate(codebook.axes):
        progress("adapting", done, len(codebook.axes))
        if np.isnan(answers[axis.id]).all():
            continue  # not coded: it stays as the start has it
        known = start.axes.get(axis.id)
        before = known.calibration if known is not None and known.meaning == meaning_of(axis) else None
        part = partial(adapt_axis, models[axis.id], before, anchors[axis.id], coded, hold=config.hold)
        axes[axis.id] = part(rows=np.ones(len(coded.fold), bool))
        for fold in range(config.folds):
            folds[fold][axis.id] = part(rows=coded.fold != fold)
    progress("adapting", len(codebook.axes), len(codebook.axes))
    # What trained the start has been seen by every fold of this.
    training = _training(chosen.table, coded.fold) | dict.fromkeys(start.training, TRAINED)
    return Adapted(start, axes, tuple(folds), training, codebook, gold, spoken, answers)


def coded_companies(companies: CompanySet, gold: Gold, codebook: Codebook) -> tuple[CompanySet, dict[str, np.ndarray]]:
    """The usable companies that were coded, and axis → (n, k) answers: 1 yes, 0 no, nan not coded.

    Codes without a year speak of the last one, as in evaluation and in the shares.
    """
    found = match_companies(gold, companies)
    usable = (found.companies.table["status"] == "").to_numpy()
    # Where several codes speak of one row, the first is taken.
    _, first = np.unique(found.rows, return_index=True)
    chosen = replace(found.companies, table=found.companies.table[usable].reset_index(drop=True))
    answers = {
        axis.id: np.stack([found.gold.says(axis, one.id)[first][usable] for one in axis.indicators], axis=1)
        for axis in codebook.axes
    }
    return chosen, answers


def _training(companies: pd.DataFrame, fold: np.ndarray) -> dict[str, str]:
    """What tells a company that trained the labeller: its id and its text, each with its fold."""
    found: dict[str, str] = {}
    for name, text, number in zip(companies["id"], companies["text"], fold, strict=True):
        found |= {f"id:{name}": str(int(number)), f"text:{content_hash(str(text))}": str(int(number))}
    return found
