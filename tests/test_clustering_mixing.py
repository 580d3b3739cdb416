"""Do the cities' firms lie among each other."""

import itertools
import json
import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated_cities import Setting, simulate

from chainbert.clustering.mixing import SCORE_COLUMNS, measure_mixing
from chainbert.clustering.panel import check_panel, exchange, holm
from chainbert.errors import DataError

SIZES = [(110, 53, 34), (34, 34, 34), (500, 20, 20)]


def units(rng, n, d=16):
    vectors = rng.standard_normal((n, d))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def scores(*arguments, draws=19, seed=0, **options):
    return measure_mixing(*arguments, draws=draws, rng=np.random.default_rng(seed), **options).scores


def test_score_by_hand():
    # Six firms of each city side by side on the circle, the cities opposite: no neighbour is from elsewhere, 6/11 of
    # the others are.
    angle = np.concatenate([np.linspace(0, 0.5, 6), np.linspace(3, 3.5, 6)])
    vectors = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    found = scores(vectors, list("AAAAAABBBBBB"), neighbours=2, draws=999)
    assert found.columns.tolist() == list(SCORE_COLUMNS)
    assert found["city"].tolist() == ["all", "A", "B"]
    assert found["expected"].tolist() == pytest.approx([6 / 11] * 3)
    assert found["observed"].tolist() == [0, 0, 0]
    assert found["score"].tolist() == [0, 0, 0]
    assert (found["p"] < 0.02).all()
    assert (found["neighbours"] == 2).all()


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_one_in_expectation_where_cities_do_not_differ(sizes):
    rng = np.random.default_rng(7)
    city = np.repeat(list("ABC"), sizes)
    found = np.array([scores(units(rng, len(city)), city, draws=1)["score"] for _ in range(40)])
    # 40 studies have a standard error of at most 0.006.
    assert np.abs(found.mean(axis=0) - 1).max() <= 0.02


def test_expected_is_the_mean_over_every_exchange(monkeypatch):
    """By enumeration: two strata, firms with one row and with two, a mover."""
    monkeypatch.setattr("chainbert.clustering.mixing.SMALLEST_CELL", 1)
    rng = np.random.default_rng(3)
    firm = ["a", "a", "b", "b", "c", "c", "d", "e", "f", "g", "h", "i"]
    period = [1, 2, 1, 2, 1, 2, 1, 1, 1, 2, 2, 2]
    stratum = ["x"] * 6 + ["y", "y", "x", "y", "y", "x"]
    city = np.array(["A", "B", "A", "A", "B", "B", "A", "B", "A", "B", "A", "B"])
    vectors = units(rng, 12, 3)

    def observed(cities):
        found = measure_mixing(
            vectors, cities, period, firm=firm, strata=stratum, neighbours=2, draws=1, rng=np.random.default_rng(0)
        )
        return found.scores[found.scores["year"] == "all"]

    blocks = [[(0, 1), (2, 3), (4, 5)], [(6,), (7,)], [(9,), (10,)]]
    every = []
    for moves in itertools.product(*(itertools.permutations(range(len(block))) for block in blocks)):
        cities = city.copy()
        for block, move in zip(blocks, moves, strict=True):
            for firm_rows, place in zip(block, move, strict=True):
                cities[list(firm_rows)] = city[list(block[place])]
        every.append(cities)
    means = np.mean([observed(cities)["observed"].to_numpy() for cities in every], axis=0)
    assert observed(city)["expected"].to_numpy() == pytest.approx(means, abs=1e-9)


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10_000), panel=st.booleans())
def test_order_of_rows_does_not_matter(seed, panel):
    rng = np.random.default_rng(seed)
    n = 40
    table = pd.DataFrame({"city": rng.choice(list("ABC"), n), "period": rng.choice([2018, 2022], n)})
    table["firm"] = [f"f{row // 2 if panel else row}" for row in range(n)]
    table["stratum"] = rng.choice(["zh", "en"], n)
    vectors = units(rng, n).round(1) + 0.01
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    order = rng.permutation(n)

    def found(rows):
        part = table.iloc[rows]
        return scores(vectors[rows], part["city"], part["period"], firm=part["firm"], strata=part["stratum"])

    pd.testing.assert_frame_equal(found(np.arange(n)), found(order))


def test_exchange_keeps_sizes_by_period_and_stratum_and_firms_whole():
    rng = np.random.default_rng(0)
    firm = np.repeat(np.arange(30), 2)
    period = np.tile([1, 2], 30)
    city = np.repeat(rng.choice(list("ABC"), 30), 2)
    stratum = np.repeat(rng.choice(["zh", "en"], 30), 2)
    panel = check_panel([""] * 60, city, period, firm, stratum)
    cells = (panel.period * 2 + panel.stratum) * 3
    for permuted in exchange(panel, np.arange(60)).draw(panel.city, 50, rng):
        for one in permuted:
            assert np.array_equal(np.bincount(cells + one), np.bincount(cells + panel.city))
            assert pd.Series(one).groupby(panel.firm).nunique().eq(1).all()


def test_rows_of_one_firm_are_no_neighbours():
    rng = np.random.default_rng(1)
    vectors = np.repeat(units(rng, 30), 2, axis=0)
    city = np.repeat(rng.choice(list("AB"), 30), 2)
    firm = np.repeat(np.arange(30), 2)
    # Each row's twin would be its nearest neighbour, always of its own city.
    apart = scores(vectors, city, neighbours=1)
    assert apart.loc[0, "score"] == 0
    together = scores(vectors, city, firm=firm, neighbours=1)
    assert together.loc[0, "score"] > 0.5
    assert together.loc[0, ["n", "firms"]].tolist() == [60, 30]


def test_a_difference_of_language_is_not_one_of_cities():
    rng = np.random.default_rng(5)
    language = np.concatenate([rng.random(60) < 0.9, rng.random(40) < 0.3])
    vectors = units(rng, 100) + np.where(language, 1.0, -1.0)[:, None]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    city = np.repeat(["Beijing", "Shenzhen"], [60, 40])
    raw, within = (scores(vectors, city, strata=strata, draws=199).loc[0] for strata in (None, language))
    assert raw["score"] < 0.8
    assert raw["p"] <= 0.01
    assert within["score"] == pytest.approx(1, abs=0.15)
    assert within["p"] > 0.05


def test_level_power_and_interval():
    null = [
        scores(units(np.random.default_rng(seed), 100), np.repeat(list("AB"), [70, 30]), draws=99) for seed in range(60)
    ]
    rejected = np.array([found["p"] <= 0.05 for found in null])
    assert 0.005 <= rejected.mean(axis=0).max() <= 0.13
    found = []
    for seed in range(25):
        study = simulate(Setting(years=1, dimension=64, noise=1.0), np.random.default_rng(seed))
        found.append(scores(study.vectors, study.city, draws=99))
    assert np.mean([one.loc[0, "p"] <= 0.05 for one in found]) >= 0.95
    middle = np.mean([one["score"] for one in found], axis=0)
    covered = np.mean([(one["low"] <= middle) & (one["high"] >= middle) for one in found])
    assert 0.90 <= covered <= 0.995


def test_periods_and_rows_without_one():
    rng = np.random.default_rng(2)
    city = np.tile(list("AB"), 31)
    period = np.array(["2013–2016"] * 30 + ["2017–2018"] * 30 + [None] * 2, dtype=object)
    found = scores(units(rng, 62), city, period)
    assert found["year"].unique().tolist() == ["all", "2013–2016", "2017–2018"]
    assert found.loc[found["city"] == "all", "n"].tolist() == [60, 30, 30]
    assert json.loads(json.dumps(measure_mixing(units(rng, 62), city, rng=rng).to_json(), allow_nan=False))


def test_what_is_not_estimable_says_why():
    rng = np.random.default_rng(2)
    city = np.array(list("A" * 20 + "B" * 20 + "C" * 3))
    found = scores(units(rng, 43), city, strata=["zh"] * 20 + ["en"] * 20 + ["zh"] * 3).set_index("city")
    assert found.loc["B", "status"] == "not estimable: 0 firms share a stratum with another city, 5 are needed"
    assert found.loc["C", "status"] == "not estimable: 3 firms, 5 are needed"
    assert found.loc["A", "status"] == ""
    assert np.isnan(found.loc["B", ["observed", "score", "p"]].astype(float)).all()
    alone = scores(units(rng, 10), ["A"] * 10)
    assert alone.loc[0, "status"] == "not estimable: no city is"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"vectors": np.ones((6, 2))}, "row 0 of the vectors has length 1.414 .6 such rows."),
        ({"vectors": np.full((6, 2), np.nan)}, "row 0 of the vectors has length nan"),
        ({"city": list("AAB")}, "city has 3 values for 6 rows"),
        ({"city": ["A", "", "B", "A", "A", "A"]}, "row 1 has no city .1 such rows.; leave"),
        ({"firm": ["a", None, "b", "c", "d", "e"]}, "row 1 has no firm"),
        ({"neighbours": 0}, "0 neighbours were asked for"),
    ],
)
def test_bad_input(change, message):
    arguments = {"vectors": units(np.random.default_rng(0), 6), "city": list("AAABBB")} | change
    with pytest.raises(DataError, match=message):
        measure_mixing(**arguments, rng=np.random.default_rng(0))


def test_holm():
    # Holm (1979): ordered .01, .02, .04 of three → .03, .04, .04.
    assert holm(np.array([0.04, np.nan, 0.01, 0.02])) == pytest.approx([0.04, np.nan, 0.03, 0.04], nan_ok=True)
    assert holm(np.array([np.nan])) == pytest.approx([np.nan], nan_ok=True)


@pytest.mark.slow
@pytest.mark.parametrize(("n", "seconds"), [(197, 1), (5000, 20)])
def test_time(n, seconds):
    rng = np.random.default_rng(0)
    city, language = rng.choice(list("ABC"), n, p=[0.56, 0.27, 0.17]), rng.choice(["zh", "en"], n)
    start = time.perf_counter()
    scores(units(rng, n, 384), city, rng.integers(2013, 2019, n), strata=language, draws=999)
    assert time.perf_counter() - start <= seconds
