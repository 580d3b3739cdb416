"""Embedding speed: ours against plain ``SentenceTransformer.encode(batch_size=32)``, same texts, same machine.

    .venv/bin/python scripts/benchmarks/embedding.py [COMPANIES.jsonl …] [--texts 1000] [--runs 5] [--threads 2]

Both get the same sentences in the same order, with the same prompt and weights already loaded; the runs alternate.
"""

# ruff: noqa: T201 - what it prints is its result

from __future__ import annotations

import argparse
import json
import platform
import random
import re
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from sentence_transformers import SentenceTransformer

from chainbert.embedding import DEFAULT_ENCODER, TOKEN_BUDGET, load_encoder

DEMO = Path(__file__).parents[2] / "chainbert" / "demo" / "companies.jsonl"


def sentences(paths: list[Path], n: int) -> list[str]:
    """``n`` sentences of the files' texts in random order; cut at sentence ends only, duplicates stay."""
    rows = [json.loads(line) for path in paths for line in path.read_text(encoding="utf-8").splitlines() if line]
    parts = [
        part.strip() for row in rows for part in re.split(r"(?<=[。！？；\n])|(?<=[.!?])\s+", row.get("text") or "")
    ]
    found = [part for part in parts if part]
    random.Random(0).shuffle(found)
    return found[:n]


def timed(work: Callable[[], object]) -> float:
    """Seconds of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def cpu_name() -> str:
    """The processor as Linux names it."""
    info = Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*: (.*)", info.read_text()) if info.is_file() else []
    return f"{names[0]}, {len(names)} cores" if names else platform.processor()


def main() -> None:
    """Print the medians and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("companies", nargs="*", type=Path, default=[DEMO], help="jsonl files with a `text`")
    parser.add_argument("--texts", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--budgets", type=int, nargs="*", default=[TOKEN_BUDGET], help="token budgets to compare")
    given = parser.parse_args()

    torch.set_num_threads(given.threads)
    texts = sentences(given.companies, given.texts)
    ours = {f"ours, {budget} tokens": load_encoder(DEFAULT_ENCODER, token_budget=budget) for budget in given.budgets}
    folder = load_encoder(DEFAULT_ENCODER).folder
    peer = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    calls: dict[str, Callable[[], np.ndarray]] = {
        "sentence-transformers": lambda: peer.encode(texts, prompt_name="query", batch_size=32)
    }
    calls |= {name: (lambda encoder=encoder: encoder.encode(texts)) for name, encoder in ours.items()}

    expected = calls["sentence-transformers"]()
    for name, call in calls.items():
        print(f"{name}: largest difference {np.abs(call() - expected).max():.1e}")
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(given.runs):
        for name, call in calls.items():
            seconds[name].append(timed(call))

    print(f"\n{cpu_name()}; {given.threads} threads; torch {torch.__version__}, Python {platform.python_version()}")
    print(f"{len(texts)} sentences, {len(set(texts))} distinct; median of {given.runs} alternating runs")
    base = statistics.median(seconds["sentence-transformers"])
    for name, runs in seconds.items():
        median = statistics.median(runs)
        print(
            f"{name:24} {median:7.2f} s  ({min(runs):.2f} to {max(runs):.2f})  "
            f"{len(texts) / median:6.1f} texts/s  {base / median:5.2f} x"
        )


if __name__ == "__main__":
    main()
