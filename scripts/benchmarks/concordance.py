"""Concordances and dictionary counts of a million texts, beside a loop over a pandas column and nltk's.

.venv/bin/python scripts/benchmarks/concordance.py [--texts 1000000] [--seed 1]

The texts are cut from the demo set's, 100 characters each, in both scripts as they come.
"""

# ruff: noqa: T201 - what it prints is its result

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
from nltk.text import Text

import chainbert.demo
from chainbert.wording.concordance import Concordancer, concordance
from chainbert.wording.dictionaries import Dictionary

SIZE = 100
DEMO = Path(chainbert.demo.__file__).parent / "companies.jsonl"
QUERIES = (
    ("联盟链", "phrase"),
    ("public security*", "phrase"),
    ("bank*", "phrase"),
    ("银行", "phrase"),
    ("应收*凭证", "phrase"),
    (r"[一二三四五六七八九十]+家(?:银行|法院)", "regex"),
)


def draw_texts(n: int, rng: np.random.Generator) -> list[str]:
    """Stretches of the demo set's texts, half of them Chinese."""
    rows = [json.loads(line) for line in DEMO.read_text(encoding="utf-8").splitlines()]
    texts = []
    for languages in (("zh",), ("en", "other")):
        whole = " ".join(row["text"] for row in rows if row["lang"] in languages)
        texts += [whole[place : place + SIZE] for place in rng.integers(0, len(whole) - SIZE, n // 2).tolist()]
    rng.shuffle(texts)
    return texts


def timed(act: Callable[[], object]) -> tuple[float, object]:
    """Seconds of one core and result: all here run on one, and a machine may have others to serve."""
    begun = time.process_time()
    result = act()
    return time.process_time() - begun, result


def main() -> None:
    """Print the times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    texts = draw_texts(chosen.texts, np.random.default_rng(chosen.seed))
    column = pd.Series(texts)
    built, ready = timed(lambda: Concordancer(texts))
    print(f"{len(texts):,} texts of {SIZE} characters; made ready in {built:.2f} s")
    print(
        f"{'pattern':<24}{'places':>9}{'from a list':>13}{'made ready':>12}{'str.contains':>14}   seconds of one core"
    )
    for pattern, kind in QUERIES:
        plain, found = timed(lambda: concordance(texts, pattern, kind=kind))  # noqa: B023 - called at once
        again, _ = timed(lambda: ready.find(pattern, kind=kind))  # noqa: B023
        loop, _ = timed(lambda: column.str.contains(pattern.replace("*", ""), case=False, regex=kind == "regex"))  # noqa: B023
        print(f"{pattern:<24}{len(found.table):>9,}{plain:>13.2f}{again:>12.2f}{loop:>14.2f}")
    some = texts[: max(1, len(texts) // 100)]
    nltk_built, text = timed(lambda: Text([word for one in some for word in one.split()]))
    nltk_query, _ = timed(lambda: text.concordance_list("bank", lines=len(some)))
    print(
        f"nltk on {len(some):,} of them: {nltk_built:.2f} s to make ready, {nltk_query:.2f} s a word; no Chinese words"
    )
    themes = Dictionary.load("themes")
    for n in (1_000, min(100_000, len(texts))):
        seconds, hits = timed(lambda: themes.count(texts[:n]))  # noqa: B023
        print(f"dictionary of themes, {n:,} texts: {seconds:.2f} s, {len(hits.matches):,} matches")
    print(f"memory at most {psutil.Process().memory_info().rss / 1e9:.2f} GB at the end")


if __name__ == "__main__":
    main()
