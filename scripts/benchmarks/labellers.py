"""Labellers and their peers on one file of hand codes, and how fast stored companies are labelled anew.

    .venv/bin/python scripts/benchmarks/labellers.py --gold FILE [--companies FILE] [--setfit PYTHON] [--out FOLDER]

Cues, zero-shot and the shipped trained labeller see no code. Peers learn from the codes: frozen vectors + logistic
regression, the same with the codebook's cues, and SetFit, each company by the codes of the other folds (grouped:
linked companies are never parted; all three have the same folds). One coder against the other shows what a second
coder reaches. SetFit takes about a quarter of an hour a fold: ``--setfit`` names an interpreter that has it
(``python -m venv V && V/bin/pip install setfit``); finished folds are kept in the folder, and a run that was
interrupted goes on.
"""

# ruff: noqa: T201 - what it prints is its result

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from chainbert.companies import CompanySet, demo_companies, read_companies, sentences_of
from chainbert.embedding import EmbeddingStore, load_encoder
from chainbert.files import content_hash, write_text
from chainbert.labelling import Codebook, Labeller, available_labellers
from chainbert.labelling.evaluation import evaluate_judged, judge_labels
from chainbert.labelling.evaluation.baselines import company_answers, labels_of
from chainbert.labelling.evaluation.config import EvaluationPlan, load_evaluation
from chainbert.labelling.evaluation.outcome import EvaluationRun
from chainbert.labelling.evaluation.run import evaluate_labellers
from chainbert.labelling.evaluation.summary import Line, line_of, shown, summary_lines
from chainbert.labelling.leakage import grouped_folds
from chainbert.labelling.spoken import Spoken
from chainbert.labelling.tables import Labels
from chainbert.labelling.trained import Trained
from chainbert.labelling.zero_shot import ZeroShot
from chainbert.progress import Progress, silent

TRAINED = "company-axes"
COMPANIES = 10_000
FOLD_SCRIPT = Path(__file__).with_name("setfit_fold.py")


def plan_of(given: argparse.Namespace) -> EvaluationPlan:
    """The shipped evaluation without its stresses, on the gold file given."""
    trained = [TRAINED] if TRAINED in {name for name, _ in available_labellers()} else []
    overrides = [
        f"gold={given.gold.resolve()}",
        f"labellers=[{', '.join([*trained, 'zero-shot', 'cues'])}]",
        "baselines=[vectors, vectors-and-cues]",
        "wordings=null",
        "parity=null",
        "leave_one_axis_out=false",
        f"draws={given.draws}",
    ]
    if given.companies:
        overrides.append(f"companies={given.companies.resolve()}")
    return load_evaluation("company-axes", overrides)


def setfit_labels(run: EvaluationRun, python: Path, folder: Path) -> tuple[Labels, float]:
    """Labels of SetFit with the baselines' folds, and the seconds of all folds; finished folds are read."""
    coded, codebook, config = run.coded, run.codebook, run.config
    spoken = Spoken.of(coded.companies)
    present = np.isin(np.arange(len(spoken.companies)), spoken.owner)
    fold = grouped_folds(spoken.companies, config.folds, np.random.default_rng(config.seed))
    answers = np.hstack([company_answers(coded, axis) for axis in codebook.axes])
    texts = spoken.companies["text"].to_numpy(dtype=object)
    model = str(load_encoder(config.encoder).folder)
    probabilities, seconds = np.full(answers.shape, np.nan), 0.0
    for part in range(config.folds):
        train = present & (fold != part) & ~np.isnan(answers).any(axis=1)
        test = present & (fold == part)
        task = {
            "folder": model,
            "texts": texts[train].tolist(),
            "answers": answers[train].astype(int).tolist(),
            "unseen": texts[test].tolist(),
            "seed": config.seed,
        }
        found = _setfit_fold(task, python, folder)
        probabilities[test] = found["probabilities"]
        seconds += found["seconds"]
        print(f"SetFit: fold {part + 1} of {config.folds}, {found['seconds']:.0f} s", flush=True)
    sizes = np.cumsum([len(axis.indicators) for axis in codebook.axes])[:-1]
    answered = np.split(probabilities, sizes, axis=1)
    return labels_of("SetFit", f"setfit {model}", spoken, codebook, answered, config.folds), seconds


def _setfit_fold(task: dict[str, object], python: Path, folder: Path) -> dict[str, float]:
    text = json.dumps(task, ensure_ascii=False)
    kept = folder / f"{content_hash(text)}.json"
    if not kept.is_file():
        with tempfile.TemporaryDirectory() as scratch:
            asked, answered = Path(scratch) / "task.json", Path(scratch) / "answers.json"
            asked.write_text(text, encoding="utf-8")
            command = [str(python), str(FOLD_SCRIPT), str(asked), str(answered)]
            subprocess.run(command, check=True, cwd=scratch, env=os.environ | {"HF_HUB_OFFLINE": "1"})
            write_text(kept, answered.read_text(encoding="utf-8"))
    found: dict[str, float] = json.loads(kept.read_text(encoding="utf-8"))
    return found


def markdown(lines: Sequence[tuple[Line, float | None]]) -> str:
    """One row a labeller."""
    headings = list(lines[0][0].cells)
    rows = [["", *(heading.strip() for heading in headings), "seconds"], ["---"] * (len(headings) + 2)]
    for line, seconds in lines:
        took = "–" if seconds is None else f"{seconds:,.1f}"
        rows.append([line.name, *(shown(line.cells[heading]) for heading in headings), took])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


@dataclass(frozen=True)
class StandIn:
    """An encoder whose vectors are random but the same for the same text: for time, not for labels."""

    dimension: int
    name: str = "benchmark:random"
    fingerprint: str = "random vectors"
    max_tokens: int = 512
    folder: Path | None = None

    def encode(self, texts: Sequence[str], progress: Progress = silent) -> np.ndarray:
        """(n, d) float32 unit rows."""
        seeds = [int(content_hash(text)[:8], 16) for text in texts]
        vectors = np.stack([np.random.default_rng(seed).standard_normal(self.dimension) for seed in seeds])
        progress("embedding (tokens)", len(texts), len(texts))
        return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)

    def count_tokens(self, texts: Sequence[str]) -> np.ndarray:
        """(n,) characters."""
        return np.array([len(text) for text in texts], np.int64)


def synthetic_companies(n: int, rng: np.random.Generator) -> CompanySet:
    """Companies with as many sentences as demo companies have, drawn from these, each made different by a number."""
    demo = read_companies(demo_companies())
    sentences = sentences_of(demo)
    said = sentences[sentences["part"] == "text"]
    pools = {one: said.loc[said["language"] == one, "text"].tolist() for one in ("zh", "en")}
    counts = {one: said.loc[said["language"] == one].groupby("key").size().tolist() for one in ("zh", "en")}
    languages = ["zh" if number % 2 else "en" for number in range(n)]
    rows = []
    for number, language in enumerate(languages):
        drawn = rng.choice(pools[language], int(rng.choice(counts[language])))
        mark = "（{}）。" if language == "zh" else " ({})."
        rows.append(" ".join(text.rstrip("。.") + mark.format(f"{number}-{i}") for i, text in enumerate(drawn)))
    table = demo.table.iloc[np.resize(np.arange(len(demo.table)), n)].reset_index(drop=True)
    ids = [f"synthetic-{number}" for number in range(n)]
    return replace(demo, table=table.assign(key=ids, id=ids, text=rows, language=languages))


def changed(codebook: Codebook) -> Codebook:
    """The codebook with one more example, as a user would change it between two looks at the labels."""
    plain = codebook.model_dump(mode="json", exclude_defaults=True)
    plain["axes"][0]["indicators"][0]["examples"]["en"].append("Its registers are kept for provincial offices.")
    return Codebook.model_validate(plain)


def time_relabelling(name: str, codebook: Codebook) -> None:
    """Print how long stored companies take under a changed codebook."""
    companies = synthetic_companies(COMPANIES, np.random.default_rng(0))
    labeller = Labeller.load(name)
    scorer = labeller.scorer
    assert isinstance(scorer, ZeroShot | Trained)
    stand_in = StandIn(scorer.encoder.dimension)
    labeller = replace(labeller, scorer=replace(scorer, encoder=stand_in))
    with tempfile.TemporaryDirectory() as folder:
        store = EmbeddingStore(folder)
        labels = labeller.label(companies, codebook, store)
        book, runs = changed(codebook), []
        for _ in range(3):
            started = time.perf_counter()
            labeller.label(companies, book, store)
            runs.append(time.perf_counter() - started)
    print(
        f"{name}: {COMPANIES:,} stored companies, {labels.sentences:,} sentences, under a changed codebook: "
        f"{sorted(runs)[1]:.2f} s (median of {len(runs)}, {min(runs):.2f} to {max(runs):.2f}; target ≤ 2 s). "
        "The one new sentence of the codebook is embedded besides."
    )


def cpu_name() -> str:
    """The processor as Linux names it."""
    info = Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*: (.*)", info.read_text()) if info.is_file() else []
    return f"{names[0]}, {len(names)} cores" if names else platform.processor()


def main() -> None:
    """Print the table, then the times."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gold", type=Path, required=True, help="hand codes under company-axes")
    parser.add_argument("--companies", type=Path, help="their texts, where the gold file has none")
    parser.add_argument("--setfit", type=Path, metavar="PYTHON", help="an interpreter that has setfit")
    parser.add_argument("--draws", type=int, default=2000, help="bootstrap resamples")
    parser.add_argument("--out", type=Path, default=Path("runs/benchmarks/labellers"))
    given = parser.parse_args()

    plan = plan_of(given)
    run = evaluate_labellers(plan, given.out)
    seconds = {one.name: one.seconds for one in run.labellers}
    lines = [(line, seconds.get(line.name)) for line in summary_lines(run)]
    if given.setfit:
        labels, took = setfit_labels(run, given.setfit, given.out / "setfit")
        judged = judge_labels(labels.table, run.coded.gold, run.codebook, "SetFit", run.coded.languages.tolist())
        rng = np.random.default_rng(run.config.seed)
        evaluation = evaluate_judged(judged, rng=rng, draws=run.config.draws)
        last = len(lines) - (run.ceiling is not None)
        lines.insert(last, (line_of("SetFit", "baseline", evaluation, run.codebook), took))
    print(f"\n{given.gold.name}: {len(run.coded.gold.table):,} coded companies\n\n{markdown(lines)}\n")
    for note in run.notes:
        print(note)
    threads = os.environ.get("OMP_NUM_THREADS", "unset")
    print(f"\n{cpu_name()}; OMP_NUM_THREADS {threads}; Python {platform.python_version()}")
    print("Seconds: labelling, vectors from the store where they were there already; SetFit: training and answering.")
    for name in [one.name for one in run.labellers if one.kind == "labeller" and one.name != "cues"]:
        time_relabelling(name, run.codebook)


if __name__ == "__main__":
    main()
