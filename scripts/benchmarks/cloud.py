"""Time, overlaps and filling of comparison clouds, beside the package wordcloud where it is installed.

.venv/bin/python scripts/benchmarks/cloud.py [--words 200] [--repeats 5] [--seed 1] [--font FILE]

Terms are invented, in both scripts; both draw them at 900 × 560 px with the same font. wordcloud knows no groups and
may turn words and shrink them without a limit; its words are measured as pictures of words, so it nests small ones in
the gaps of large letters.
"""

# ruff: noqa: T201 - what it prints is its result

from __future__ import annotations

import argparse
import importlib
import statistics
import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np
import pandas as pd

from chainbert.wording.cloud import Cloud, comparison_cloud
from chainbert.wording.fonts import faces_for

HAN = "区块链供应金融数据平台服务智能合约政务监管跨境支付物联网电子证照可信计算产业能源医疗交易"
COLOURS = {"one": "#000000", "two": "#7a2e8f", "three": "#3b8fd9"}
SIZE = (900, 560)
Result = TypeVar("Result")


def main() -> None:
    """Print one line a method."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--words", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--font")
    options = parser.parse_args()
    rows = invented(options.words, np.random.default_rng(options.seed))
    first = time.process_time()
    faces = faces_for({one for term in rows["term"] for one in term}, options.font)
    print(
        f"finding fonts, once a process: {time.process_time() - first:.2f} s ({', '.join(one.name for one in faces)})"
    )

    def own() -> Cloud:
        return comparison_cloud(
            rows,
            colours=COLOURS,
            rng=np.random.default_rng(options.seed),
            width=SIZE[0],
            height=SIZE[1],
            font=options.font,
            max_words=options.words,
        )

    cloud, taken = timed(own, options.repeats)
    print(f"comparison_cloud: {taken}, {described(cloud)}")
    for name, write in (("svg", cloud.svg), ("json", cloud.to_json), ("live svg", cloud.live_svg)):
        text, taken = timed(write, options.repeats)
        print(f"  {name}: {taken}, {len(text.encode()) / 1e3:.0f} kB")
    peer(rows, options.font or faces[0].name, options.repeats)


def invented(n: int, rng: np.random.Generator) -> pd.DataFrame:
    """``n`` terms of three groups, the weights skewed as z-scores are."""
    found: dict[str, None] = {}
    while len(found) < n:
        letters, longest = (HAN, 6) if rng.random() < 0.5 else ("etaoinshrdlucmfwypvbgkqjxz", 12)
        found["".join(rng.choice(list(letters), int(rng.integers(2, longest))))] = None
    group = np.array(list(COLOURS))[np.arange(n) % len(COLOURS)]
    return pd.DataFrame({"term": list(found), "group": group, "weight": 1.5 + rng.gamma(1.2, 1.4, n)})


def timed(work: Callable[[], Result], repeats: int) -> tuple[Result, str]:
    """The last result, and the median and longest time of the processor: other work on the machine does not count."""
    seconds = []
    for _ in range(repeats):
        started = time.process_time()
        result = work()
        seconds.append(time.process_time() - started)
    return result, f"{statistics.median(seconds):.3f} s (longest {max(seconds):.3f})"


def described(cloud: Cloud) -> str:
    """How many words, how small, how full, how many overlap."""
    boxes = np.array([(one.x, one.y, one.x + one.width, one.y + one.height) for one in cloud.words])
    left, top, right, bottom = boxes.T
    wide = np.minimum(right[:, None], right) - np.maximum(left[:, None], left)
    tall = np.minimum(bottom[:, None], bottom) - np.maximum(top[:, None], top)
    over = int(((wide > 0) & (tall > 0)).sum() - len(boxes)) // 2
    sizes = [one.size for one in cloud.words]
    full = sum(one.width * one.height for one in cloud.words) / (np.pi / 4 * SIZE[0] * SIZE[1])
    return (
        f"{len(cloud.words)} words, letters {min(sizes):.0f} to {max(sizes):.0f} px, {over} overlaps, "
        f"{100 * full:.0f} % of the ellipse filled"
    )


def peer(rows: pd.DataFrame, font: str, repeats: int) -> None:
    """The same terms by wordcloud, one colour."""
    try:
        wordcloud = importlib.import_module("wordcloud")
    except ImportError:
        print("wordcloud is not installed; `pip install wordcloud` to compare")
        return
    weights = dict(zip(rows["term"], rows["weight"], strict=True))

    def draw() -> object:
        made = wordcloud.WordCloud(
            width=SIZE[0],
            height=SIZE[1],
            font_path=font,
            max_words=len(rows),
            random_state=1,
            color_func=lambda *_, **__: "black",
            prefer_horizontal=1.0,
        )
        return made.generate_from_frequencies(weights)

    made, taken = timed(draw, repeats)
    layout = made.layout_  # type: ignore[attr-defined]
    sizes = [one[1] for one in layout]
    print(f"wordcloud {wordcloud.__version__}: {taken}, {len(layout)} words, letters {min(sizes)} to {max(sizes)} px")


if __name__ == "__main__":
    main()
