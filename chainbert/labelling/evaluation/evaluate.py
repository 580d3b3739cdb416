"""How good labels are, by indicator, axis and language; how two labellers differ; how far two coders agree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from chainbert.errors import DataError
from chainbert.labelling.codebook import Codebook
from chainbert.labelling.evaluation.bootstrap import Estimate, estimate, p_value, recentred, resample
from chainbert.labelling.evaluation.calibration_error import Bin, calibration_floor, reliability_bins
from chainbert.labelling.evaluation.judged import Judged, YesNo, judge_coder, judge_labels
from chainbert.labelling.evaluation.metrics import axis_scores, confusion, probability_scores, reason_of, yes_no_scores
from chainbert.labelling.evaluation.results import ALL, GAP, MEAN, Confusion, Difference, Evaluation, Number
from chainbert.labelling.gold import Gold

Scores = dict[tuple[str, str, str, bool], tuple[np.ndarray, int]]
"""Question, group, metric, whether of an axis → values (draws + 1,), n."""


def evaluate(
    labels: pd.DataFrame,
    gold: Gold,
    codebook: Codebook,
    *,
    name: str = "labels",
    rng: np.random.Generator,
    draws: int = 2000,
    languages: Sequence[str] | None = None,
    leave_out_trained: bool = False,
) -> Evaluation:
    """Judge a label table by the final codes: every metric overall and by language, with 95 % bootstrap intervals.

    Companies are resampled (all years of one together), all metrics from the same resamples. Arguments and errors as
    in ``judge_labels``. The gap ``zh minus en`` is given where both languages are there. Compare
    ``calibration_error`` with ``calibration_error_floor``, what a perfectly calibrated labeller would have.
    """
    judged = judge_labels(labels, gold, codebook, name, languages, leave_out_trained=leave_out_trained)
    return evaluate_judged(judged, rng=rng, draws=draws)


def human_ceiling(
    gold: Gold,
    codebook: Codebook,
    *,
    rng: np.random.Generator,
    draws: int = 2000,
    coders: tuple[str, str] | None = None,
    languages: Sequence[str] | None = None,
) -> Evaluation:
    """How far one coder reproduces another, in the metrics of ``evaluate`` that need no probabilities.

    ``coders``: who is judged, by whom; else the file's first two. Never against the final codes, which follow from
    the coders'. f1 and macro_f1 are the same either way round, precision and recall change places.
    Raises DataError where the file has fewer than two coders.
    """
    if coders is None:
        if len(gold.coders) < 2:
            raise DataError(f"{gold.path}: one coding only; the human ceiling needs the codes of two coders")
        first, second, *_ = gold.coders
        coders = (first, second)
    return evaluate_judged(judge_coder(gold, codebook, *coders, languages), rng=rng, draws=draws)


def compare(first: Judged, second: Judged, *, rng: np.random.Generator, draws: int = 2000) -> Difference:
    """The first's metrics minus the second's on the companies that both label, paired: both from the same resamples.

    Raises DataError where the two were judged by different gold files.
    """
    if first.gold.sha256 != second.gold.sha256 or len(first.gold.table) != len(second.gold.table):
        raise DataError(
            f"{first.name} was judged by {first.gold.path}, {second.name} by {second.gold.path}: a paired difference "
            "needs the same gold file"
        )
    one, other = first.only_where(second), second.only_where(first)
    weights = resample(first.gold.table["id"].tolist(), draws, rng)
    ours, theirs = _scores(one, weights), _scores(other, weights)
    numbers = [
        _number(key, values - theirs[key][0], n, tested=True)
        for key, (values, n) in ours.items()
        # The codes are the same on both sides.
        if key in theirs and key[2] != "coded_yes_share"
    ]
    return Difference(first.name, second.name, _companies(one), draws, tuple(numbers))


def evaluate_judged(judged: Judged, *, rng: np.random.Generator, draws: int = 2000) -> Evaluation:
    """All metrics of what was laid beside codes (``judge_labels``, ``judge_coder``)."""
    weights = resample(judged.gold.table["id"].tolist(), draws, rng)
    numbers = [_number(key, values, n, tested=key[1] == GAP) for key, (values, n) in _scores(judged, weights).items()]
    confusions: list[Confusion] = []
    for group, inside in _groups(judged):
        confusions += _confusions(judged, group, inside)
        numbers += [_floor(one, group, inside, rng) for one in judged.questions if one.probability is not None]
    return Evaluation(
        name=judged.name,
        against=judged.against,
        gold_path=judged.gold.path,
        gold_sha256=judged.gold.sha256,
        codebook_version=judged.codebook_version,
        companies=_companies(judged),
        left_out=judged.left_out,
        resamples=draws,
        numbers=tuple(numbers),
        confusions=tuple(confusions),
        reliability=_reliability(judged),
    )


def _number(key: tuple[str, str, str, bool], values: np.ndarray, n: int, *, tested: bool) -> Number:
    question, group, metric, axis = key
    found = estimate(values, reason_of(metric, axis=axis))
    return Number(question, group, metric, n, found, p_value(values) if tested and found.low is not None else None)


def _floor(one: YesNo, group: str, inside: np.ndarray, rng: np.random.Generator) -> Number:
    rows = one.rows & inside
    probability = np.zeros(0) if one.probability is None else one.probability[rows]
    floor = calibration_floor(probability, rng)
    metric = "calibration_error_floor"
    found = Estimate(floor) if np.isfinite(floor) else Estimate(None, reason=reason_of(metric))
    return Number(f"{one.axis}.{one.indicator}", group, metric, int(rows.sum()), found)


def _confusions(judged: Judged, group: str, inside: np.ndarray) -> Iterator[Confusion]:
    for choice in judged.choices:
        rows = choice.rows & inside
        counts = confusion(choice.coded[rows], choice.said[rows], choice.values)
        yield Confusion(choice.axis, group, choice.values, counts)
    for one in judged.questions:
        rows = one.rows & inside
        coded, said = (np.where(side[rows] == 1, "yes", "no") for side in (one.coded, one.said))
        counts = confusion(coded, said, ("yes", "no"))
        yield Confusion(f"{one.axis}.{one.indicator}", group, ("yes", "no"), counts)


def _reliability(judged: Judged) -> dict[str, tuple[Bin, ...]]:
    return {
        f"{one.axis}.{one.indicator}": reliability_bins(one.coded[one.rows], one.probability[one.rows])
        for one in judged.questions
        if one.probability is not None
    }


def _scores(judged: Judged, weights: np.ndarray) -> Scores:
    scores: Scores = {}
    for group, inside in _groups(judged):
        means: dict[str, list[np.ndarray]] = {}
        for one in judged.questions:
            rows = one.rows & inside
            found = yes_no_scores(one.coded[rows], one.said[rows], weights[:, rows])
            if one.probability is not None:
                found |= probability_scores(one.coded[rows], one.probability[rows], weights[:, rows])
                found["calibration_error"] = recentred(found["calibration_error"])
            for metric, values in found.items():
                scores[f"{one.axis}.{one.indicator}", group, metric, False] = values, int(rows.sum())
                if not one.single:
                    means.setdefault(metric, []).append(values)
        for choice in judged.choices:
            rows = choice.rows & inside
            found = axis_scores(
                choice.coded[rows], choice.said[rows], choice.status[rows], choice.values, weights[:, rows]
            )
            for metric, values in found.items():
                scores[choice.axis, group, metric, True] = values, int(rows.sum())
        for metric, several in means.items():
            scores[MEAN, group, metric, False] = np.mean(several, axis=0), int(_labelled(judged, inside).sum())
    return scores | _gaps(scores)


def _gaps(scores: Scores) -> Scores:
    gaps: Scores = {}
    for (question, group, metric, axis), (values, n) in scores.items():
        english = scores.get((question, "en", metric, axis))
        if group == "zh" and english is not None:
            gaps[question, GAP, metric, axis] = values - english[0], min(n, english[1])
    return gaps


def _groups(judged: Judged) -> Iterator[tuple[str, np.ndarray]]:
    """All companies, then each language that is known of any."""
    yield ALL, np.ones(len(judged.language), dtype=bool)
    for language in sorted(set(judged.language.tolist()) - {""}):
        yield language, judged.language == language


def _labelled(judged: Judged, inside: np.ndarray) -> np.ndarray:
    return np.asarray(inside & np.logical_or.reduce([one.rows for one in judged.choices]))


def _companies(judged: Judged) -> dict[str, int]:
    return {group: int(_labelled(judged, inside).sum()) for group, inside in _groups(judged)}
