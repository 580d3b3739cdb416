"""Coverage and width of corrected shares in simulated studies, against counts of labels and hand codes alone.

.venv/bin/python scripts/benchmarks/shares.py [--studies 2000] [--seed 1]

A study is a set of N companies, of which a share is yes; a labeller whose scores are normal around −m and m gives each
a probability, calibrated at the share it was trained at; n are coded. The target is the share in that very set.
"""

# ruff: noqa: T201 - what it prints is its result

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass

import numpy as np
from scipy import optimize, stats

from chainbert.labelling.audit.ppi import Codes, correct_share
from chainbert.labelling.audit.sampling import allocate
from chainbert.labelling.shares import wilson

CODES = (100, 200, 300)
CITIES = (0.5, 0.3, 0.2)
KEPT = 0.4  # of its error a labeller keeps on rows it was trained on (frozen e5 + logistic regression: about that)


@dataclass(frozen=True, slots=True)
class Study:
    """One design."""

    name: str
    companies: int
    share: float
    accuracy: float
    trained_at: float
    drawn: str = "simple"
    """simple; stratified by city and label, proportional; or weighted: in proportion to the root of the size."""


SIX = (
    Study("accurate", 10_000, 0.35, 0.94, 0.35),
    Study("prior shift", 5_000, 0.20, 0.89, 0.35),
    Study("rare (5 %)", 5_000, 0.05, 0.95, 0.10),
    Study("stratified", 5_000, 0.20, 0.89, 0.35, "stratified"),
    Study("small set", 500, 0.30, 0.89, 0.35),
    Study("weighted", 5_000, 0.20, 0.89, 0.35, "weighted"),
)
BEYOND = (
    Study("1.5 % errors", 5_000, 0.20, 0.985, 0.30),
    Study("useless", 5_000, 0.30, 0.71, 0.30),
    Study("rare, strata", 5_000, 0.05, 0.95, 0.10, "stratified"),
    Study("rare, weighted", 5_000, 0.05, 0.95, 0.10, "weighted"),
)


@dataclass(frozen=True, slots=True)
class Companies:
    """A set with its truth, (N,) each; the rows are in random order."""

    yes: np.ndarray
    said: np.ndarray
    stratum: np.ndarray


def separation(accuracy: float, share: float) -> float:
    """The m at which labels cut at .5 have that accuracy at that share."""

    def surplus(m: float) -> float:
        cut = -np.log(share / (1 - share)) / (2 * m)
        return float(share * stats.norm.sf(cut - m) + (1 - share) * stats.norm.cdf(cut + m) - accuracy)

    return float(optimize.brentq(surplus, 0.05, 6.0))


def draw_companies(study: Study, m: float, size: int, rng: np.random.Generator) -> Companies:
    """A new set."""
    yes = rng.random(size) < study.share
    score = rng.normal(size=size) + np.where(yes, m, -m)
    said = 1 / (1 + np.exp(-2 * m * score - np.log(study.trained_at / (1 - study.trained_at))))
    if study.drawn == "simple":
        return Companies(yes.astype(float), said, np.zeros(size, dtype=np.int64))
    city = np.searchsorted(np.cumsum(CITIES)[:-1], rng.random(size))
    return Companies(yes.astype(float), said, 2 * city + (said >= 0.5))


def counts_of(study: Study, sizes: np.ndarray, n: int) -> np.ndarray:
    """How many to code of each stratum."""
    if study.drawn != "weighted":
        return allocate(sizes, n)
    roots = np.sqrt(sizes)
    return np.minimum(sizes, np.maximum(2, np.round(n * roots / roots.sum()))).astype(np.int64)


def draw_codes(study: Study, companies: Companies, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows coded, and their weights."""
    sizes = np.bincount(companies.stratum)
    counts = counts_of(study, sizes, n)
    rows = np.concatenate([np.flatnonzero(companies.stratum == one)[:k] for one, k in enumerate(counts)])
    return rows, (sizes / np.maximum(counts, 1))[companies.stratum[rows]]


def theory(study: Study, m: float, n: int, rng: np.random.Generator) -> tuple[float, float]:
    """Width of PPI++ ÷ width of hand codes of the same design, for the set and for the population behind it."""
    large = draw_companies(study, m, 400_000, rng)
    share_of = np.bincount(large.stratum) / len(large.yes)
    sizes = share_of * study.companies
    counts = counts_of(study, np.round(sizes).astype(np.int64), n)
    pieces = np.zeros(3)
    for one, part in enumerate(share_of):
        here = large.stratum == one
        (yy, yf), (_, ff) = np.cov(large.yes[here], large.said[here])
        pieces += part**2 * (1 / counts[one] - 1 / sizes[one]) * np.array([yy, yf, ff])
    hand, tuned = pieces[0], pieces[0] - pieces[1] ** 2 / pieces[2]
    whole = float(large.yes.var()) / study.companies
    return float(np.sqrt(tuned / hand)), float(np.sqrt((tuned + whole) / (hand + whole)))


def measure(study: Study, studies: int, rng: np.random.Generator) -> None:
    """Print the rows of one design."""
    m = separation(study.accuracy, study.trained_at)
    names = ("naive", "hand", "ppi", "share", "simple hand", "population", "hand, pop.", "leaky")
    cover = {n: {name: np.zeros((studies, 3)) for name in names} for n in CODES}
    for number in range(studies):
        companies = draw_companies(study, m, study.companies, rng)
        truth = float(companies.yes.mean())
        for n in CODES:
            rows, weight = draw_codes(study, companies, n)
            stratum = np.unique(companies.stratum[rows], return_inverse=True)[1]
            everyone = np.ones(len(rows), dtype=bool)
            codes = Codes(companies.yes[rows], companies.said[rows], weight, stratum)
            found = correct_share(codes, everyone, companies.said)
            wide = correct_share(codes, everyone, companies.said, population=True)
            leaky = companies.said.copy()
            leaky[rows] = codes.yes + KEPT * (leaky[rows] - codes.yes)
            leaked = correct_share(Codes(codes.yes, leaky[rows], weight, stratum), everyone, leaky)
            simple = np.array([companies.yes[:n].sum()]), np.array([n / (1 - n / len(companies.yes))])
            simple_low, simple_high = wilson(simple[0] / n * simple[1], simple[1])
            said = np.array([(companies.said >= 0.5).sum()])
            naive_low, naive_high = wilson(said, np.array([len(companies.yes)]))
            rows_of = {
                "naive": (float(said[0]) / len(companies.yes), naive_low[0], naive_high[0], truth),
                "simple hand": (companies.yes[:n].mean(), simple_low[0], simple_high[0], truth),
                "population": (wide.tuned.share, wide.tuned.low, wide.tuned.high, study.share),
                "hand, pop.": (wide.hand.share, wide.hand.low, wide.hand.high, study.share),
            }
            for name, one in (
                ("hand", found.hand),
                ("ppi", found.ppi),
                ("share", found.tuned),
                ("leaky", leaked.tuned),
            ):
                rows_of[name] = (one.share, one.low, one.high, truth)
            for name, (share, low, high, target) in rows_of.items():
                cover[n][name][number] = low <= target <= high, high - low, share - target
    for n in CODES:
        _print_row(study, n, cover[n], theory(study, m, n, np.random.default_rng(0)))


def _print_row(study: Study, n: int, found: dict[str, np.ndarray], expected: tuple[float, float]) -> None:
    mean = {name: values.mean(axis=0) for name, values in found.items()}
    ratio = mean["share"][1] / mean["hand"][1]
    wide = mean["population"][1] / mean["hand, pop."][1]
    print(
        f"{study.name:14s} {study.companies:6d} {n:4d}  "
        f"{mean['naive'][0]:6.1%} {mean['hand'][0]:6.1%} {mean['ppi'][0]:6.1%} {mean['share'][0]:6.1%} "
        f"{mean['population'][0]:6.1%} {mean['leaky'][0]:6.1%}  "
        f"{100 * mean['hand'][1]:5.1f} {100 * mean['share'][1]:5.1f}  "
        f"{ratio:5.3f} {expected[0]:5.3f} {ratio / expected[0] - 1:+5.1%}  "
        f"{wide:5.3f} {expected[1]:5.3f} {wide / expected[1] - 1:+5.1%}  "
        f"{mean['share'][1] / mean['simple hand'][1]:5.3f}  "
        f"{100 * mean['share'][2]:+5.2f} {100 * mean['naive'][2]:+5.2f}",
        flush=True,
    )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    started = time.monotonic()
    rng = np.random.default_rng(given.seed)
    print(
        f"{given.studies} studies a row. Covers: naive, hand codes, PPI, PPI++ (share), PPI++ for the population, and\n"
        "PPI++ where the coded rows trained the labeller (estimate_shares refuses them). Widths in points: hand\n"
        "codes, PPI++; their ratio, its theory √(1 − ρ²) and the difference; the same for the population,\n"
        "√(1 − ρ²·N/(n+N)); PPI++ against simple random hand codes of the same n; bias in points of PPI++ and naive.\n"
        "Strata use the label already, so that hand codes of a stratified sample are narrow before any correction."
    )
    print(
        "design              N    n   naive   hand    ppi  share   pop.  leaky   hand share  ratio  theory       "
        "pop.  theory       simple   bias naive"
    )
    for studies in (SIX, BEYOND):
        for study in studies:
            measure(study, given.studies, rng)
        if studies is SIX:
            print("beyond the six:")
    print(f"{time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
