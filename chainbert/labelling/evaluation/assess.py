"""One labeller, or baseline, on the coded companies: labelled, judged, and put under the stresses asked for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chainbert.embedding import EmbeddingStore, Encoder
from chainbert.labelling.evaluation.baselines import label_by_folds
from chainbert.labelling.evaluation.cache import LabelCache, Labelling
from chainbert.labelling.evaluation.coded import Coded
from chainbert.labelling.evaluation.config import BaselineKind, EvaluationPlan
from chainbert.labelling.evaluation.evaluate import evaluate_judged
from chainbert.labelling.evaluation.evidence import evidence_overlap
from chainbert.labelling.evaluation.judged import judge_labels
from chainbert.labelling.evaluation.outcome import Assessed
from chainbert.labelling.evaluation.parity import IndicatorParity, Pairs, language_parity
from chainbert.labelling.evaluation.unseen import unseen_axes
from chainbert.labelling.evaluation.wordings import Wordings, WordingStress, reworded, wording_stress
from chainbert.labelling.labeller import Labeller
from chainbert.progress import Progress


@dataclass(frozen=True, slots=True)
class Bench:
    """What every labeller of one evaluation is put to."""

    plan: EvaluationPlan
    coded: Coded
    encoder: Encoder
    store: EmbeddingStore
    cache: LabelCache
    wordings: Wordings | None
    pairs: Pairs | None

    @property
    def rng(self) -> np.random.Generator:
        """Anew each time: all numbers of an evaluation come from the same resamples."""
        return np.random.default_rng(self.plan.config.seed)


def assess_labeller(bench: Bench, name: str, labeller: Labeller, progress: Progress) -> Assessed:
    """Raises DataError where the coded companies trained it."""
    coded, codebook = bench.coded, bench.plan.codebook
    made = bench.cache.label(labeller, coded.companies, coded.digest, codebook, bench.store, progress)
    return _assessed(
        bench,
        name,
        "labeller",
        made,
        unseen_axes(labeller, codebook),
        _stressed(bench, bench.wordings, labeller, made, progress) if bench.wordings else None,
        _paired(bench, bench.pairs, labeller, progress) if bench.pairs else None,
    )


def assess_baseline(bench: Bench, kind: BaselineKind, progress: Progress) -> Assessed:
    """Each company is labelled by the codes of the other folds."""
    config, coded, codebook = bench.plan.config, bench.coded, bench.plan.codebook
    key = (kind, str(config.folds), str(config.seed), coded.gold.sha256, coded.digest, bench.encoder.fingerprint)
    made = bench.cache.kept(
        key,
        codebook,
        lambda: label_by_folds(
            kind, coded, codebook, bench.encoder, bench.store, folds=config.folds, rng=bench.rng, progress=progress
        ),
    )
    return _assessed(bench, made.labels.labeller, "baseline", made)


def _assessed(
    bench: Bench,
    name: str,
    kind: str,
    made: Labelling,
    unseen: tuple[str, ...] = (),
    wordings: WordingStress | None = None,
    parity: tuple[IndicatorParity, ...] | None = None,
) -> Assessed:
    coded, codebook = bench.coded, bench.plan.codebook
    judged = judge_labels(made.labels.table, coded.gold, codebook, name, coded.languages.tolist())
    evaluation = evaluate_judged(judged, rng=bench.rng, draws=bench.plan.config.draws)
    evidence = evidence_overlap(made.labels.table, coded.gold, codebook)
    return Assessed(
        name, kind, made.labels, made.seconds, unseen, judged, evaluation, evidence, wordings=wordings, parity=parity
    )


def _stressed(
    bench: Bench, wordings: Wordings, labeller: Labeller, made: Labelling, progress: Progress
) -> WordingStress:
    coded = bench.coded
    books = list(reworded(bench.plan.codebook, wordings))
    tables = []
    for done, (language, number, book) in enumerate(books):
        progress("other wordings", done, len(books))
        kept = bench.cache.label(labeller, coded.companies, coded.digest, book, bench.store)
        tables.append((language, number, kept.labels.table))
    progress("other wordings", len(books), len(books))
    return wording_stress(bench.plan.codebook, made.labels.table, tables, rng=bench.rng, draws=bench.plan.config.draws)


def _paired(bench: Bench, pairs: Pairs, labeller: Labeller, progress: Progress) -> tuple[IndicatorParity, ...]:
    codebook = bench.plan.codebook
    made = bench.cache.label(labeller, pairs.companies, pairs.digest, codebook, bench.store, progress)
    return language_parity(made.labels.table, pairs, codebook, rng=bench.rng, draws=bench.plan.config.draws)
