"""Chinese texts → words → document–feature matrix, beside jieba and scikit-learn's CountVectorizer in the same run.

.venv/bin/python -m pip install jieba
OMP_NUM_THREADS=1 .venv/bin/python scripts/benchmarks/wording.py [--texts 1000000] [--part 20000] [--runs 5]

The texts are sentences of the demo companies, put together anew up to a hundred characters, a twentieth of them in
traditional characters. Seconds of the processor stand beside those of the clock: a busy machine stretches only the
latter by much.
"""

# ruff: noqa: T201 - what it prints is its result

from __future__ import annotations

import argparse
import json
import platform
import random
import re
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import opencc

import chainbert.demo
from chainbert.wording.tokenizer import Tokenizer
from chainbert.wording.words import tokens

LENGTH = 100
DEMO = Path(chainbert.demo.__file__).with_name("companies.jsonl")


def drawn(n: int, seed: int = 0) -> list[str]:
    """``n`` texts of about LENGTH characters."""
    rows = map(json.loads, DEMO.read_text(encoding="utf-8").splitlines())
    sentences = [s for row in rows if row["lang"] == "zh" for s in re.findall("[^。！？]+[。！？]?", row["text"])]
    traditional = [opencc.OpenCC("s2t").convert(sentence) for sentence in sentences]
    rng = random.Random(seed)
    texts = []
    for _ in range(n):
        source, text = (traditional if rng.random() < 0.05 else sentences), ""
        while len(text) < LENGTH:
            text += rng.choice(source)
        texts.append(text[:LENGTH])
    return texts


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds of the clock and of this process's processor."""
    clock, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - clock, time.process_time() - processor


def compare(texts: list[str], runs: int, ways: dict[str, Callable[[], object]]) -> None:
    """Print characters a second of each way, medians of alternating runs, and how much faster the first one is."""
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(runs):
        for name, work in ways.items():
            seconds[name].append(timed(work))
    size = sum(map(len, texts))
    first = [statistics.median(s[at] for s in seconds[next(iter(ways))]) for at in (0, 1)]
    for name, found in seconds.items():
        clock, processor = (statistics.median(s[at] for s in found) for at in (0, 1))
        print(
            f"  {name:52} {size / clock / 1e6:6.2f} M/s by the clock, {size / processor / 1e6:6.2f} by the processor; "
            f"{clock / first[0]:6.1f} and {processor / first[1]:6.1f} times our seconds"
        )


def words_beside_peers(texts: list[str], runs: int) -> None:
    """Words of texts: ours with everything in it, the segmenters with nothing around them."""
    import jieba  # noqa: PLC0415 - installed for this benchmark only
    import rjieba  # noqa: PLC0415

    jieba.setLogLevel("ERROR")
    ours, languages = Tokenizer(), ["zh"] * len(texts)
    for warm in (lambda: ours.tokens(texts[0], "zh"), lambda: jieba.lcut(texts[0]), lambda: rjieba.cut(texts[0])):
        warm()
    print(f"words of {len(texts):,} texts, one process, median of {runs}")
    ways: dict[str, Callable[[], object]] = {
        "chainbert, end to end": lambda: ours.sequence(texts, languages),
        "chainbert, end to end, text by text": lambda: [tokens(text, "zh") for text in texts],
        "rjieba.cut alone, text by text": lambda: [rjieba.cut(text) for text in texts],
        "jieba.lcut alone, text by text": lambda: [jieba.lcut(text) for text in texts],
    }
    compare(texts, runs, ways)


def matrix_beside_peers(texts: list[str], runs: int) -> None:
    """Matrices of the same texts, and that ours and CountVectorizer's on our tokens are equal."""
    import jieba  # noqa: PLC0415
    from sklearn.feature_extraction.text import CountVectorizer  # noqa: PLC0415

    ours, languages = Tokenizer(), ["zh"] * len(texts)
    by_jieba = CountVectorizer(tokenizer=jieba.lcut, token_pattern=None, lowercase=False, dtype=np.int32)
    by_us = CountVectorizer(analyzer=lambda text: tokens(text, "zh"), dtype=np.int32)
    print(f"matrix of {len(texts):,} texts, one process, median of {runs}")
    ways: dict[str, Callable[[], object]] = {
        "chainbert": lambda: ours.matrix(texts, languages),
        "CountVectorizer with our tokens": lambda: by_us.fit_transform(texts),
        "CountVectorizer with jieba": lambda: by_jieba.fit_transform(texts),
    }
    compare(texts, runs, ways)
    matrix, peer = ours.matrix(texts, languages), by_us.fit_transform(texts)
    assert matrix.terms.tolist() == by_us.get_feature_names_out().tolist()
    assert (matrix.counts != peer).nnz == 0
    print("  equal to CountVectorizer's with our tokens, number by number")


def one_large(n: int, workers: int) -> None:
    """Print the matrix of ``n`` texts in this process, with its time and the most memory it ever had."""
    texts = drawn(n)
    before = peak(resource.RUSAGE_SELF)
    ours, languages = Tokenizer(), ["zh"] * n
    start = time.process_time(), time.perf_counter()
    matrix = ours.matrix(texts, languages, workers=workers)
    clock, processor = time.perf_counter() - start[1], time.process_time() - start[0]
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    size = sum(map(len, texts))
    processors = processor + children.ru_utime + children.ru_stime
    print(
        f"  {workers} worker(s): {clock:6.1f} s by the clock, {processors:6.1f} s of "
        f"processors, {size / clock / 1e6:.2f} M characters/s; {matrix.counts.shape}, {matrix.counts.nnz:,} stored; "
        f"peak {peak(resource.RUSAGE_SELF):.2f} GB (texts alone {before:.2f}), largest worker "
        f"{peak(resource.RUSAGE_CHILDREN):.2f} GB"
    )


def peak(who: int) -> float:
    """The most resident memory, in GB."""
    return resource.getrusage(who).ru_maxrss / 1e6


def main() -> None:
    """Compare on a part, then make the large matrix in processes of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=int, default=1_000_000)
    parser.add_argument("--part", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--large-with", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.large_with:
        one_large(given.texts, given.large_with)
        return
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}")
    part = drawn(given.part)
    words_beside_peers(part, given.runs)
    matrix_beside_peers(part, given.runs)
    print(f"matrix of {given.texts:,} texts of {LENGTH} characters", flush=True)
    for workers in (1, 2):
        subprocess.run(
            [sys.executable, __file__, "--texts", str(given.texts), "--large-with", str(workers)], check=True
        )


if __name__ == "__main__":
    main()
