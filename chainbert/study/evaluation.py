"""An evaluation file goes in; a folder with its numbers, its labels and its page comes out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from chainbert.files import check_writable
from chainbert.labelling.evaluation.config import load_evaluation
from chainbert.labelling.evaluation.outcome import EvaluationRun
from chainbert.labelling.evaluation.run import evaluate_labellers
from chainbert.progress import Progress, silent
from chainbert.report.evaluation import write_evaluation


@dataclass(frozen=True, slots=True)
class FinishedEvaluation:
    """What was found, and where it is."""

    folder: Path
    found: EvaluationRun
    page: Path


def evaluate(
    name: str | Path, overrides: Iterable[str] = (), *, out: Path | None = None, progress: Progress = silent
) -> FinishedEvaluation:
    """Do what an evaluation file says, or a shipped one by name; ``out`` is runs/evaluations/NAME when not given.

    Interrupted, it goes on with the labels it has. Raises ConfigError for a faulty file, DataError for faulty codes or
    companies.
    """
    plan = load_evaluation(name, overrides)
    folder = out or Path("runs") / "evaluations" / plan.config.name
    check_writable(folder / "evaluation.html")
    found = evaluate_labellers(plan, folder, progress=progress)
    return FinishedEvaluation(folder, found, write_evaluation(folder))
