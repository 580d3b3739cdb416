"""Metrics of labels against codes, each computed for many weightings of the companies at once.

``weights`` (d, n) says how often each company counts; results are (d,), nan where a metric is not defined.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chainbert.labelling.evaluation.calibration_error import calibration_error
from chainbert.labelling.tables import ABSTAINED, LABELLED, NOT_TRANSFERABLE

NO_YES = "no yes among the codes"
_ONE_SIDED = "the codes are all yes or all no"
_NO_ROWS = "no company is both coded and labelled"
UNDEFINED = {
    "precision": "no yes among the labels",
    "recall": NO_YES,
    "f1": NO_YES,
    "macro_f1": _ONE_SIDED,
    "auc": _ONE_SIDED,
    "average_precision": NO_YES,
    "accuracy_of_labelled": "no company is labelled without reservation",
}
"""Why a metric is not defined where it is not; others: no company."""


def reason_of(metric: str, *, axis: bool = False) -> str:
    """Why a metric can be undefined."""
    return _NO_ROWS if axis and metric == "macro_f1" else UNDEFINED.get(metric, _NO_ROWS)


def yes_no_scores(coded: np.ndarray, said: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
    """precision, recall, f1 of yes; macro_f1 (mean of f1 of yes and of no); the shares of yes. coded, said (n,) 0/1.

    f1 and recall are not defined where no code is yes, macro_f1 where the codes are all yes or all no, precision
    where no label is yes.
    """
    right_yes, said_yes, coded_yes = (weights @ one for one in (coded * said, said, coded))
    total = weights.sum(axis=1)
    said_no, coded_no = total - said_yes, total - coded_yes
    right_no = total - said_yes - coded_yes + right_yes
    with np.errstate(divide="ignore", invalid="ignore"):
        f1 = np.where(coded_yes > 0, 2 * right_yes / (said_yes + coded_yes), np.nan)
        f1_of_no = np.where(coded_no > 0, 2 * right_no / (said_no + coded_no), np.nan)
        return {
            "precision": right_yes / said_yes,
            "recall": right_yes / coded_yes,
            "f1": f1,
            "macro_f1": (f1 + f1_of_no) / 2,
            "said_yes_share": said_yes / total,
            "coded_yes_share": coded_yes / total,
        }


def probability_scores(coded: np.ndarray, probability: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
    """auc, average_precision, brier, log_loss, calibration_error of probabilities (n,) against codes (n,) 0/1."""
    # As scikit-learn clips: 0 and 1 would cost infinity.
    inside = np.clip(probability, np.finfo(np.float64).eps, 1 - np.finfo(np.float64).eps)
    loss = -(coded * np.log(inside) + (1 - coded) * np.log(1 - inside))
    total = weights.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        ranked = _ranked(coded, probability, weights)
        return ranked | {
            "brier": weights @ (probability - coded) ** 2 / total,
            "log_loss": weights @ loss / total,
            "calibration_error": calibration_error(coded, probability, weights),
        }


def _ranked(coded: np.ndarray, probability: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Area under the ROC curve (ties count half) and average precision, from the most probable company down."""
    if not len(coded):
        return dict.fromkeys(("auc", "average_precision"), np.full(len(weights), np.nan))
    order = np.argsort(-probability, kind="stable")
    starts = np.flatnonzero(np.diff(probability[order], prepend=np.inf) != 0)
    sorted_weights = weights[:, order]
    yes = np.add.reduceat(sorted_weights * coded[order], starts, axis=1)
    everyone = np.add.reduceat(sorted_weights, starts, axis=1)
    no = everyone - yes
    yes_so_far, all_so_far = yes.cumsum(axis=1), everyone.cumsum(axis=1)
    all_yes, all_no = yes_so_far[:, -1], (all_so_far - yes_so_far)[:, -1]
    below = (no * (yes_so_far - yes / 2)).sum(axis=1)
    precision = yes_so_far / np.maximum(all_so_far, 1e-300)
    return {"auc": below / (all_yes * all_no), "average_precision": (yes * precision).sum(axis=1) / all_yes}


def axis_scores(
    coded: np.ndarray, said: np.ndarray, status: np.ndarray, values: Sequence[str], weights: np.ndarray
) -> dict[str, np.ndarray]:
    """accuracy, macro_f1 over the values that are coded; what is kept when the labeller may abstain. Arrays (n,) str.

    A value that no company of the sample, or of a resample, is coded as is left out of macro_f1 there.
    """
    right = (coded == said).astype(np.float64)
    total = weights.sum(axis=1)
    kept = (status == LABELLED).astype(np.float64)
    parts = [
        yes_no_scores((coded == value).astype(np.float64), (said == value).astype(np.float64), weights)["f1"]
        for value in values
        if (coded == value).any()
    ]
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            "accuracy": weights @ right / total,
            "macro_f1": _mean_of_defined(parts, len(weights)),
            "abstained_share": weights @ (status == ABSTAINED) / total,
            "not_transferable_share": weights @ (status == NOT_TRANSFERABLE) / total,
            "accuracy_of_labelled": weights @ (right * kept) / (weights @ kept),
        }


def _mean_of_defined(parts: Sequence[np.ndarray], size: int) -> np.ndarray:
    if not parts:
        return np.full(size, np.nan)
    table = np.vstack(parts)
    defined = np.isfinite(table)
    return np.asarray(np.where(defined, table, 0).sum(axis=0) / defined.sum(axis=0))


def confusion(coded: np.ndarray, said: np.ndarray, values: Sequence[str]) -> tuple[tuple[int, ...], ...]:
    """Companies by code (rows) and label (columns), both in the order of ``values``; arrays (n,) str."""
    return tuple(tuple(int(((coded == one) & (said == other)).sum()) for other in values) for one in values)
