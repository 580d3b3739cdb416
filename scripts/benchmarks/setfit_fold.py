"""One fold of the SetFit peer; needs no chainbert, so that it can run under an interpreter that has setfit.

    PYTHON scripts/benchmarks/setfit_fold.py TASK.json ANSWERS.json

TASK: ``folder`` (a sentence-transformers model), ``texts``, ``answers`` (0/1 lists, one column a target),
``unseen`` (texts), ``seed``. ANSWERS: ``probabilities`` (one row an unseen text), ``seconds``. SetFit as it comes:
its own sampling, one epoch, a logistic head for each target (one-vs-rest).
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
from datasets import Dataset
from setfit import SetFitModel, Trainer, TrainingArguments


def main() -> None:
    """Train, answer, write."""
    task = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    started = time.perf_counter()
    model = SetFitModel.from_pretrained(task["folder"], multi_target_strategy="one-vs-rest", device="cpu")
    arguments = TrainingArguments(batch_size=16, num_epochs=1, seed=task["seed"], report_to="none", save_strategy="no")
    trainer = Trainer(
        model=model,
        args=arguments,
        train_dataset=Dataset.from_dict({"text": task["texts"], "label": task["answers"]}),
    )
    trainer.train()
    found = np.asarray(model.predict_proba(task["unseen"], as_numpy=True))
    # One-vs-rest gives (targets, texts, 2) or (texts, targets), by version.
    probabilities = found[:, :, 1].T if found.ndim == 3 else found
    answer = {"probabilities": probabilities.tolist(), "seconds": time.perf_counter() - started}
    Path(sys.argv[2]).write_text(json.dumps(answer), encoding="utf-8")


if __name__ == "__main__":
    main()
