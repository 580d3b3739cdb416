"""Level and power on small studies, in seconds; test_levels.py has the paper's sizes."""

import numpy as np
import pytest
from simulated_cities import Setting, measure_pair, simulate

SMALL = {
    "sizes": {"Beijing": 30, "Shanghai": 0, "Shenzhen": 20},
    "years": 3,
    "dimension": 32,
    "contrast": 0.8,
    "noise": 1.0,
}
MIXED = {"Beijing": (0.8, 0.8), "Shanghai": (0.7, 0.7), "Shenzhen": (0.5, 0.5)}
SHIFTED = {"Beijing": (0.8, 0.8), "Shanghai": (0.7, 0.7), "Shenzhen": (0.8, 0.4)}
STUDIES = 40


def studies(**changes):
    for seed in range(STUDIES):
        yield measure_pair(simulate(Setting(**(SMALL | changes)), np.random.default_rng(seed)), seed)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"growth": (10, 50)},
        {"drift": 1.5},
        {"chinese": MIXED},
        {"chinese": SHIFTED, "language_noise": 1.0},
        {"persistence": 0.8},
    ],
    ids=["static", "growth", "drift", "language", "language shift", "persistence"],
)
def test_no_trend_is_found_where_there_is_none(changes):
    rejected = sum(found.trends.loc[0, "p"] < 0.05 for found in studies(**changes))
    # 40 draws at 5 %: more than 6 comes once in 300.
    assert rejected <= 6


def test_no_gap_is_found_between_cities_that_differ_in_language_only():
    rejected = [found.gaps["p"] <= 0.05 for found in studies(contrast=0.0, chinese=MIXED)]
    # 120 cells at 5 %: more than 13 comes once in 300.
    assert 1 <= np.concatenate(rejected).sum() <= 13


def test_a_planted_convergence_is_found():
    verdicts = [found.verdict["Shenzhen"] for found in studies(adopt=0.9)]
    assert verdicts.count("converging") >= 30
    assert "diverging" not in verdicts
