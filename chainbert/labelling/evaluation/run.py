"""From an evaluation file to what it found: several labellers and baselines on one set of hand codes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from chainbert.embedding import EmbeddingStore, Encoder, default_store_folder, load_encoder
from chainbert.files import atomic_path, check_writable, write_text
from chainbert.labelling.agreement import agreement_of
from chainbert.labelling.evaluation.assess import Bench, assess_baseline, assess_labeller
from chainbert.labelling.evaluation.baselines import NAMES
from chainbert.labelling.evaluation.cache import LabelCache
from chainbert.labelling.evaluation.coded import match_companies, read_texts
from chainbert.labelling.evaluation.config import EvaluationPlan
from chainbert.labelling.evaluation.evaluate import compare, human_ceiling
from chainbert.labelling.evaluation.outcome import Assessed, EvaluationRun
from chainbert.labelling.evaluation.parity import read_pairs
from chainbert.labelling.evaluation.results import Evaluation
from chainbert.labelling.evaluation.summary import summary_lines
from chainbert.labelling.evaluation.unseen import UnseenAxis, evaluate_unseen
from chainbert.labelling.evaluation.wordings import read_wordings
from chainbert.labelling.gold import read_gold
from chainbert.labelling.labeller import Labeller
from chainbert.labelling.tables import write_labels
from chainbert.progress import Progress, silent

JSON, TABLE, LABELS, CACHE, LEFT_OUT = "evaluation.json", "evaluation.csv", "labels", ".labels", "left-out"


def evaluate_labellers(plan: EvaluationPlan, out: Path, *, progress: Progress = silent) -> EvaluationRun:
    """Label the coded companies with each labeller and judge the labels.

    Writes ``evaluation.json``, ``evaluation.csv`` and ``labels/NAME.csv`` into ``out``. Files and names are checked
    before the first label is made. Label tables are kept in ``out``, so that the same call goes on where it was
    interrupted. Raises ConfigError for an unknown labeller, DataError for a gold file without codes or whose companies
    are not there, and for a labeller that the coded companies trained.
    """
    check_writable(out / JSON)
    bench, labellers = _prepare(plan, out)
    assessed = [assess_labeller(bench, name, one, named(progress, name)) for name, one in labellers]
    assessed += [assess_baseline(bench, kind, named(progress, NAMES[kind])) for kind in plan.config.baselines]
    first, *others = assessed
    differences = []
    for done, one in enumerate(others):
        progress("comparing", done, len(others))
        differences.append(compare(first.judged, one.judged, rng=bench.rng, draws=plan.config.draws))
    progress("comparing", len(others), len(others))
    unseen = [_unseen(bench, axis, out, progress) for axis in plan.left_out]
    ceiling, agreement = _coders(bench)
    found = EvaluationRun(
        plan.config,
        plan.codebook,
        bench.coded,
        tuple(assessed),
        tuple(differences),
        ceiling,
        agreement,
        tuple(unseen),
        tuple(_notes(bench, assessed, ceiling)),
    )
    _write(found, out)
    return found


def named(progress: Progress, name: str) -> Progress:
    """The same, with the work's name after that of the labeller."""

    def report(what: str, done: int, total: int) -> None:
        progress(f"{name}: {what}", done, total)

    return report


def _prepare(plan: EvaluationPlan, out: Path) -> tuple[Bench, list[tuple[str, Labeller]]]:
    gold = read_gold(plan.gold, plan.codebook)
    coded = match_companies(gold, read_texts(plan.companies, plan.gold))
    encoder = load_encoder(plan.config.encoder)
    labellers = _loaded(plan, encoder)
    bench = Bench(
        plan,
        coded,
        encoder,
        EmbeddingStore(default_store_folder()),
        LabelCache(out / CACHE),
        read_wordings(plan.wordings, plan.codebook) if plan.wordings else None,
        read_pairs(plan.parity, plan.codebook) if plan.parity else None,
    )
    return bench, labellers


def _loaded(plan: EvaluationPlan, encoder: Encoder) -> list[tuple[str, Labeller]]:
    """Each labeller with a name of its own."""
    loaded = [Labeller.load(name, encoder=encoder) for name in plan.labellers]
    names = [one.name for one in loaded]
    return [
        (name if names.count(name) == 1 else f"{name} ({given})", one)
        for name, given, one in zip(names, plan.labellers, loaded, strict=True)
    ]


def _unseen(bench: Bench, axis: str, out: Path, progress: Progress) -> UnseenAxis:
    plan = bench.plan
    assert plan.training is not None  # load_evaluation refuses one without the other
    return evaluate_unseen(
        axis,
        plan.training,
        bench.coded,
        plan.codebook,
        bench.cache,
        bench.store,
        out / LEFT_OUT / axis,
        rng=bench.rng,
        draws=plan.config.draws,
        progress=named(progress, f"without {axis}"),
    )


def _coders(bench: Bench) -> tuple[Evaluation | None, pd.DataFrame | None]:
    """The human ceiling and the agreement of all coders, by language; None, None of one coding."""
    coded, codebook, draws = bench.coded, bench.plan.codebook, bench.plan.config.draws
    if len(coded.gold.coders) < 2:
        return None, None
    languages = coded.languages
    ceiling = human_ceiling(coded.gold, codebook, rng=bench.rng, draws=draws, languages=languages.tolist())
    return ceiling, agreement_of(coded.gold, codebook, rng=bench.rng, draws=draws, groups=languages)


def _notes(bench: Bench, assessed: list[Assessed], ceiling: Evaluation | None) -> Iterator[str]:
    """What a reader must know, a sentence each."""
    if note := bench.coded.note():
        yield note
    for reason, count in assessed[0].evaluation.left_out.items():
        yield f"{count:,} coded companies do not count: {reason}."
    if ceiling is None:
        yield "The gold file has one coding only, so there is no human ceiling and no agreement."
    for one in assessed:
        yield from one.labels.notes
        if one.unseen and set(one.unseen) != {axis.id for axis in bench.plan.codebook.axes}:
            yield f"{one.name} was not trained on {', '.join(one.unseen)}: there it knows the codebook's words only."
        if one.wordings is not None and not one.wordings.moved:
            yield (
                f"{one.name}: no probability moved under {one.wordings.paraphrases} other wordings of the "
                "descriptions; it goes by examples, cues or what it learnt."
            )


def _write(found: EvaluationRun, out: Path) -> None:
    for one in found.labellers:
        write_labels(one.labels, out / LABELS / f"{re.sub(r'[^0-9A-Za-z._-]+', '-', one.name)}.csv")
    with atomic_path(out / TABLE) as temporary:
        found.table().to_csv(temporary, index=False, float_format="%.6f", lineterminator="\n")
    plain = found.to_json() | {"summary": [line.to_json() for line in summary_lines(found)]}
    write_text(out / JSON, json.dumps(plain, ensure_ascii=False, indent=1, allow_nan=False) + "\n")
