"""Keyness by words against keyness by firms: level in random splits, false discoveries and power, seconds.

.venv/bin/python scripts/benchmarks/keyness.py [--splits 20] [--largest 20000] [--data FOLDER] [--seed 1]

Generated texts: lengths log-normal around 40 words, 1,500 terms in Zipf shares, each firm's own rate of a term gamma
distributed with shape .2 around its share, so that few firms use it and those often. ``--data`` names a folder with
companies_zh.jsonl (one company a line with text and city): its texts are split at random, half of the firms against
half and as unevenly as its own cities are. A term is planted by using it three times as often in the target.
"""

# ruff: noqa: T201 - what it prints is its result

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse

from chainbert.wording.keyness import KeynessTable, keyness
from chainbert.wording.matrix import TermMatrix
from chainbert.wording.words import tokens

BANDS = ((2, 5), (5, 10), (10, 20), (20, 50), (50, 10**9), (10, 10**9))
TERMS = 1500


def as_matrix(counts: sparse.csr_array) -> TermMatrix:
    """Columns are named by their place."""
    return TermMatrix(counts, np.array([f"t{place:06d}" for place in range(counts.shape[1])], dtype=object))


def bursty(rng: np.random.Generator, firms: int, target: np.ndarray, planted: int) -> tuple[TermMatrix, np.ndarray]:
    """Texts of ``firms`` firms, and which terms the target uses three times as often."""
    lengths = np.maximum(5, rng.lognormal(np.log(40), 0.6, firms))
    base = 1 / np.arange(3, TERMS + 3)
    rates = rng.gamma(0.2, 5, (firms, TERMS)) * base / base.sum()
    over = np.zeros(TERMS, dtype=bool)
    over[rng.choice(np.arange(40, TERMS // 2), planted, replace=False)] = True
    rates[np.ix_(target, over)] *= 3
    return as_matrix(sparse.csr_array(rng.poisson(rates * lengths[:, None]).astype(np.int32))), over


def read_texts(folder: Path) -> tuple[TermMatrix, np.ndarray]:
    """The Chinese texts of a folder and their cities."""
    with (folder / "companies_zh.jsonl").open(encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    words = [tokens(row["text"], "zh") for row in rows]
    terms = sorted({word for text in words for word in text})
    place = {term: column for column, term in enumerate(terms)}
    counts = sparse.csr_array(
        (
            np.ones(sum(map(len, words)), dtype=np.int32),
            [place[word] for text in words for word in text],
            np.cumsum([0, *map(len, words)]),
        ),
        shape=(len(words), len(terms)),
    )
    counts.sum_duplicates()
    return TermMatrix(counts, np.array(terms, dtype=object)), np.array([row["city"] for row in rows])


def measured(matrix: TermMatrix, target: np.ndarray, rng: np.random.Generator) -> KeynessTable:
    """Keyness of the target."""
    return keyness(matrix, np.where(target, "target", "others"), target="target", rng=rng)


def rejections(tables: list[pd.DataFrame]) -> None:
    """Terms called significant in splits in which nothing differs."""
    print("firms using it | terms | chi2 p<.05 | G2 p<.05 | exact p<.05 | |z|>1.96 | ours p<.05 | p<.01 | q<.10")
    whole = pd.concat(tables)
    used_by = whole["firms"] + whole["firms_reference"]
    for low, high in BANDS:
        band = whole[(used_by >= low) & (used_by < high)]
        if band.empty:
            continue
        columns = [band["chi2_p"] < 0.05, band["g2_p"] < 0.05, band["exact_p"] < 0.05, band["z"].abs() > 1.96]
        columns += [band["p"] < 0.05, band["p"] < 0.01, band["q"] < 0.1]
        name = f"{low}-{high - 1}" if high < 10**9 else f"{low}+"
        print(" | ".join([name, f"{len(band):,}", *(f"{share.mean():.2%}" for share in columns)]))
    with_any = np.mean([(table["q"] < 0.1).any() for table in tables])
    print(f"splits with a term of q < .10: {with_any:.0%} of {len(tables)}", flush=True)


def level(splits: int, seed: int, folder: Path | None) -> None:
    """Random splits of generated and, where there are some, of real texts."""
    for firms, share in ((600, 0.5), (600, 0.17)):
        print(f"\n{splits} random splits of {firms} generated texts, {share:.0%} in the target")
        tables = []
        for split in range(splits):
            rng = np.random.default_rng([seed, split])
            target = np.arange(firms) < share * firms
            tables.append(measured(bursty(rng, firms, target, 0)[0], target, rng).table)
        rejections(tables)
    if folder is None:
        return
    matrix, city = read_texts(folder)
    for name, size in (
        ("half", len(city) // 2),
        ("the smallest city's number", int(pd.Series(city).value_counts().min())),
    ):
        print(f"\n{splits} random splits of {len(city):,} real Chinese texts, {name} of firms in the target")
        tables = []
        for split in range(splits):
            rng = np.random.default_rng([seed, split, size])
            target = rng.permutation(len(city)) < size
            tables.append(measured(matrix, target, rng).table)
        rejections(tables)


def power(studies: int, seed: int) -> None:
    """Terms used three times as often by the target: false discoveries and what is found."""
    print(
        "\nplanted terms: firms, target | false discoveries at q < .10 (mean) | found, by firms of the target using it"
    )
    for firms, share in ((200, 0.3), (600, 0.3), (1500, 0.3), (1500, 0.17)):
        false, found = [], []
        for study in range(studies):
            rng = np.random.default_rng([seed, study, firms])
            target = np.arange(firms) < share * firms
            matrix, over = bursty(rng, firms, target, 60)
            table = measured(matrix, target, rng).table
            planted = table["term"].isin(matrix.terms[over])
            hit = table["q"] < 0.1
            false.append((hit & ~planted).sum() / max(1, hit.sum()))
            found.append(pd.DataFrame({"firms": table["firms"], "hit": hit, "low": table["p"] < 0.05})[planted])
        whole = pd.concat(found)
        shown = []
        for low, high in ((10, 20), (20, 40), (40, 10**9), (10, 10**9)):
            band = whole[(whole["firms"] >= low) & (whole["firms"] < high)]
            if band.empty:
                continue
            name = f"{low}-{high - 1}" if high < 10**9 else f"{low}+"
            shown.append(f"{name}: {band['hit'].mean():.0%} (p<.05 {band['low'].mean():.0%}) of {len(band)}")
        print(f"{firms:,}, {share:.0%} | {np.mean(false):.1%} | " + "; ".join(shown), flush=True)


def speed(largest: int, seed: int) -> None:
    """Seconds of one target, 999 draws and up to 99,999 for the terms with the smallest p."""
    print("\ntexts = terms | words a text | seconds")
    for size in (2_000, largest):
        rng = np.random.default_rng(seed)
        base = 1 / np.arange(3, size + 3)
        drawn = rng.choice(size, size * 50, p=base / base.sum())
        counts = sparse.csr_array(
            (np.ones(size * 50, dtype=np.int32), (np.repeat(np.arange(size), 50), drawn)), (size, size)
        )
        started = time.perf_counter()
        measured(as_matrix(counts), rng.random(size) < 0.3, rng)
        print(f"{size:,} | 50 | {time.perf_counter() - started:.1f}", flush=True)


def main() -> None:
    """Run all parts and print their tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--splits", type=int, default=20)
    parser.add_argument("--largest", type=int, default=20_000)
    parser.add_argument("--data", type=Path, help="a folder with companies_zh.jsonl")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    level(arguments.splits, arguments.seed, arguments.data)
    power(max(2, arguments.splits // 2), arguments.seed)
    speed(arguments.largest, arguments.seed)


if __name__ == "__main__":
    main()
