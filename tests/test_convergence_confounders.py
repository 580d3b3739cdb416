import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated_cities import Setting, simulate

from chainbert.convergence.balance import balance_table, levels_of
from chainbert.convergence.cities import city_trend
from chainbert.convergence.confounders import held_fixed
from chainbert.convergence.hidden import hidden_confounder
from chainbert.convergence.rows import check_rows
from chainbert.errors import ConfigError, DataError

SIZES = {"Beijing": 60, "Shanghai": 8, "Shenzhen": 40}
MIX = {"Beijing": (0.9, 0.9), "Shanghai": (0.5, 0.5), "Shenzhen": (0.5, 0.5)}
TOPICS = {"sizes": SIZES, "years": 3, "dimension": 32, "noise": 1.0}


def pair(setting, seed=0):
    """Shenzhen and Beijing of a simulated study, with two covariates that say nothing."""
    rng = np.random.default_rng(seed)
    study = simulate(setting, rng)
    chosen = study.city != "Shanghai"
    covariates = pd.DataFrame(
        {
            "language": study.language[chosen],
            "source": rng.choice(["website", "listing"], chosen.sum()),
            "length": rng.integers(20, 400, chosen.sum()),
        }
    )
    return {
        "vectors": study.vectors[chosen],
        "city": study.city[chosen],
        "year": study.year[chosen],
        "covariates": covariates,
        "firm": study.firm[chosen],
    }


def held(data, **changes):
    return held_fixed(**(data | {"reference": "Beijing"} | changes))


def balance(data, seed=0, **changes):
    rest = {key: value for key, value in data.items() if key != "vectors"}
    return balance_table(
        **(rest | {"reference": "Beijing", "draws": 199, "rng": np.random.default_rng(seed)} | changes)
    )


def taken(data, rows):
    return {key: value.iloc[rows] if key == "covariates" else value[rows] for key, value in data.items()}


@pytest.fixture(scope="module")
def language_only():
    """No theme of its own for any city; Beijing writes Chinese nine times of ten, Shenzhen every other time."""
    return pair(Setting(**TOPICS, contrast=0.0, chinese=MIX))


@pytest.fixture(scope="module")
def real_difference():
    even = dict.fromkeys(SIZES, (0.6, 0.6))
    return pair(Setting(**TOPICS, contrast=0.9, chinese=even))


def test_a_gap_of_languages_goes_when_the_language_is_held_fixed(language_only):
    found = held(language_only).set_index("held_fixed")
    assert found.index.tolist() == ["nothing", "language", "source", "length", "language + source + length"]
    assert found.loc["nothing", "gap_low"] > 0.04
    assert found.loc["nothing", ["gap_raw", "share_gone", "share_low", "share_high"]].tolist() == [
        found.loc["nothing", "gap"], 0, 0, 0
    ]  # fmt: skip
    for label in ("language", "language + source + length"):
        assert found.loc[label, "share_gone"] == pytest.approx(1, abs=0.3)
        assert found.loc[label, "share_low"] > 0.8
        assert abs(found.loc[label, "gap"]) < 0.4 * found.loc["nothing", "gap"]
    for label in ("source", "length"):
        assert found.loc[label, "share_low"] < 0 < found.loc[label, "share_high"] < 0.5
    assert (found["status"] == "").all()


def test_a_real_difference_stays(real_difference):
    found = held(real_difference, strata=["language"]).set_index("held_fixed")
    assert found.index.tolist() == [
        "nothing", "language", "language + source", "language + length", "language + source + length"
    ]  # fmt: skip
    assert (found["gap_low"] > 0).all()
    assert found["share_gone"].abs().max() < 0.15
    # The languages' own distance within the cities hides a part of the raw gap; that part is in no share.
    assert found.loc["language", "gap"] > 1.3 * found.loc["nothing", "gap"]


def test_part_of_a_gap_is_of_languages():
    found = held(pair(Setting(**TOPICS, contrast=0.9, chinese=MIX), seed=1)).set_index("held_fixed")
    assert 0.2 < found.loc["language", "share_low"] < found.loc["language", "share_high"] < 0.8
    assert found.loc["language", "gap_low"] > 0.1


def test_firms_left_out_are_not_taken_for_firms_held_fixed():
    """The firms that make the difference have a source of their own, so nobody is left who differs."""
    data = pair(Setting(**TOPICS, contrast=0.0))
    marked = (data["city"] == "Shenzhen") & (data["vectors"][:, 0] > 0)
    moved = data["vectors"] + 2 * marked[:, None] * np.eye(32)[0]
    data = data | {"vectors": moved / np.linalg.norm(moved, axis=1, keepdims=True)}
    data["covariates"] = pd.DataFrame({"source": np.where(marked, "own", "common")})
    found = held(data).set_index("held_fixed").loc["source"]
    assert found["share_gone"] > 0.5
    assert found["gap_same_firms"] < 0.5 * found["gap_raw"]
    assert found["gap"] == pytest.approx(found["gap_same_firms"])
    assert found["left_out"] == marked.sum()


def test_a_slope_of_languages_goes_when_the_language_is_held_fixed():
    nearer = {"Beijing": (0.9, 0.9), "Shanghai": (0.5, 0.5), "Shenzhen": (0.3, 0.9)}
    more = {"Beijing": 150, "Shanghai": 2, "Shenzhen": 120}
    data = pair(Setting(**(TOPICS | {"sizes": more}), contrast=0.3, chinese=nearer), seed=1)
    found = held(data).set_index("held_fixed")
    assert found.loc["nothing", "slope_high"] < 0
    assert found.loc["language", "slope_low"] < 0 < found.loc["language", "slope_high"]
    assert abs(found.loc["language", "slope"]) < 0.3 * abs(found.loc["nothing", "slope"])


def test_the_slope_is_that_of_the_verdict(real_difference):
    data = real_difference
    strata = data["covariates"]["language"]
    rows = check_rows(
        data["vectors"], data["city"], data["year"], reference="Beijing", firm=data["firm"], strata=strata
    )
    slope = city_trend(rows, 1).slope
    found = held(data).set_index("held_fixed").loc["language"]
    assert found[["slope", "slope_low", "slope_high", "slope_p"]].tolist() == pytest.approx(
        [slope.value, slope.low, slope.high, slope.p], abs=1e-9
    )


def test_vectors_of_the_caller_are_compared_with_the_raw_ones(language_only):
    data = language_only
    shift = np.where(data["covariates"]["language"] == "en", 1.0, -1.0)[:, None]
    centre = [data["vectors"][shift[:, 0] == side].mean(axis=0) for side in (1, -1)]
    removed = data["vectors"] - np.where(shift > 0, *centre) + np.mean(centre, axis=0)
    removed /= np.linalg.norm(removed, axis=1, keepdims=True)
    found = held(data, strata=["language"], variants={"language removed": removed, "same": data["vectors"]})
    found = found.set_index("held_fixed")
    assert found.index.tolist()[-4:] == [
        "language removed", "language + language removed", "same", "language + same"
    ]  # fmt: skip
    assert found.loc["language removed", "share_gone"] > 0.85
    assert found.loc["language removed", "gap_raw"] == found.loc["nothing", "gap"]
    numbers = [name for name in found.columns if name not in ("city", "note", "status")]
    assert found.loc["same", numbers].tolist() == found.loc["nothing", numbers].tolist()
    assert found.loc["language + same", numbers].tolist() == found.loc["language", numbers].tolist()


@pytest.mark.parametrize("firm", [True, False])
def test_the_order_of_rows_does_not_matter(language_only, firm):
    data = taken(language_only, np.arange(0, len(language_only["city"]), 2))
    data["firm"] = data["firm"] if firm else None
    expected = held(data, variants={"turned": -data["vectors"]})
    tables = balance(data)
    for seed in range(2):
        order = np.random.default_rng(seed).permutation(len(data["city"]))
        moved = {"firm": None} | taken({key: value for key, value in data.items() if value is not None}, order)
        pd.testing.assert_frame_equal(held(moved, variants={"turned": -moved["vectors"]}), expected, rtol=0, atol=0)
        pd.testing.assert_frame_equal(balance(moved), tables, rtol=0, atol=0)


def test_rows_that_are_not_measured_do_not_move_what_is(real_difference):
    """Rows outside the periods and a firm's earlier rows: their covariates must go with them."""
    rng = np.random.default_rng(0)
    data = taken(real_difference, np.flatnonzero(real_difference["year"] <= 2014))
    size = len(data["city"])
    extra = rng.standard_normal((2 * size, data["vectors"].shape[1]))
    noisy = {
        "vectors": np.concatenate([extra / np.linalg.norm(extra, axis=1, keepdims=True), data["vectors"]]),
        "city": np.tile(data["city"], 3),
        "year": np.concatenate([np.full(size, 1990), data["year"] - 2, data["year"]]),
        "covariates": pd.concat([data["covariates"].assign(language="fr", length=9999)] * 2 + [data["covariates"]]),
        "firm": np.concatenate([[f"x{one}" for one in range(size)], data["firm"], data["firm"]]),
    }
    periods = [(2011, 2013), (2012 + 2, 2014)]
    # Snapshots of 2013 less two fall into the first period and are replaced; those of 2014 less two as well.
    noisy["year"][size : 2 * size] = np.where(data["year"] == 2013, 2011, 1991)
    assert held(noisy, periods=periods)[["gap", "share_gone", "slope", "n_used"]].to_numpy() == pytest.approx(
        held(data, periods=periods)[["gap", "share_gone", "slope", "n_used"]].to_numpy(), abs=1e-9, nan_ok=True
    )
    pd.testing.assert_frame_equal(balance(noisy, periods=periods), balance(data, periods=periods))


def test_used_and_left_out_are_all_firms_of_both_cities(language_only):
    found = held(language_only, strata=["language", "source"])
    assert (found["n_used"] + found["left_out"] == len(language_only["city"])).all()
    assert found["left_out"].iloc[0] == 0 < found["left_out"].iloc[-1]


def test_strata_that_no_firm_of_the_other_city_shares(real_difference):
    data = real_difference | {"covariates": real_difference["covariates"].copy()}
    beijing = data["city"] == "Beijing"
    data["covariates"]["language"] = np.where(beijing, "zh", "en")
    data["covariates"]["source"] = np.where(beijing, "a", data["covariates"]["source"])
    found = held(data).set_index("held_fixed")
    reason = "not estimable: all firms of Shenzhen are in one language (en), none of Beijing"
    assert found.loc["language", "status"] == found.loc["language + source + length", "status"] == reason
    assert found.loc["source", "status"] == "not estimable: Shenzhen and Beijing share no source"
    assert found.loc["language", ["gap", "share_gone", "slope", "slope_p"]].isna().all()
    assert found.loc["language", ["periods", "n_used", "left_out"]].tolist() == [0, 0, len(data["city"])]
    assert found.loc["nothing", "status"] == found.loc["length", "status"] == ""
    noted = balance(data).set_index("covariate")
    assert set(noted.loc["language", "note"]) == {"cities share no level"}
    assert (noted.loc["language", "difference"] == 1).all()


def test_too_few_firms_in_shared_strata(real_difference):
    data = taken(real_difference, np.flatnonzero(real_difference["year"] == 2013))
    shenzhen = np.flatnonzero(data["city"] == "Shenzhen")
    data["covariates"] = data["covariates"].reset_index(drop=True)
    data["covariates"].loc[:, "language"] = np.where(data["city"] == "Beijing", "zh", "en")
    data["covariates"].loc[shenzhen[:3], "language"] = "zh"
    found = held(data).set_index("held_fixed")
    assert found.loc["language", "status"] == "not estimable: 3 firms in shared strata"
    assert found.loc["nothing", "note"] == "no slope: 1 period with a gap, a trend needs two"
    assert np.isnan(found.loc["nothing", "slope"])


def test_no_share_where_there_is_no_gap():
    found = held(pair(Setting(**TOPICS, contrast=0.0), seed=3)).set_index("held_fixed").loc["source"]
    assert np.isnan(found["share_gone"])
    assert found["note"] == "no share: the gap with nothing held fixed is not clearly above 0"
    assert found["status"] == ""


def test_what_cannot_be_compared(real_difference):
    data = real_difference
    with pytest.raises(ConfigError, match=r"'langauge' is to be held fixed and no covariate. Did you mean 'language'"):
        held(data, strata=["langauge"])
    with pytest.raises(DataError, match=r"the vectors 'masked' \(5, 32\) must be 300 unit rows"):
        held(data, variants={"masked": data["vectors"][:5]})
    with pytest.raises(DataError, match=r"the vectors 'masked' \(300, 32\) must be 300 unit rows"):
        held(data, variants={"masked": 2 * data["vectors"]})
    with pytest.raises(DataError, match=r"the covariates have 7 rows for 300 of the set"):
        held(data, covariates=data["covariates"].iloc[:7])
    with pytest.raises(ConfigError, match=r"no covariates were given"):
        balance(data, covariates=pd.DataFrame(index=range(300)))
    with pytest.raises(ConfigError, match=r"the reference city 'Peking' is not in the data"):
        balance(data, reference="Peking")
    twice = taken(data, np.r_[0, np.arange(len(data["city"]))])
    with pytest.raises(DataError, match=r"has 2 rows in 2013"):
        balance(twice)
    with pytest.raises(ConfigError, match=r"bins is 1; at least 2 was expected"):
        balance(data, bins=1)


def test_a_known_balance():
    city = np.repeat(["Beijing", "Shenzhen"], [10, 6])
    language = ["zh"] * 9 + ["en"] + ["zh"] * 3 + ["en"] * 3
    length = np.r_[np.arange(10.0), np.arange(6.0) + 8]
    found = balance_table(
        city,
        np.full(16, 2020),
        {"language": language, "length": length},
        reference="Beijing",
        rng=np.random.default_rng(0),
    ).set_index("covariate")
    first = found.loc["language"]
    assert first[["difference", "level", "share", "share_reference"]].tolist() == pytest.approx([0.4, "en", 0.5, 0.1])
    assert first[["n", "n_reference", "note", "status"]].tolist() == [6, 10, "levels with one firm of a city: en", ""]
    assert np.isnan(first["smd"])
    home, other = length[10:], length[:10]
    spread = np.sqrt((home.var(ddof=1) + other.var(ddof=1)) / 2)
    assert found.loc["length", "smd"] == pytest.approx((home.mean() - other.mean()) / spread)


def test_p_equals_full_enumeration():
    language = np.array(["zh"] * 4 + ["en"] * 5)
    city = np.array(["S", "B", "B", "B", "S", "S", "S", "B", "S"])

    def apart(home):
        return abs((language[home] == "zh").mean() - (np.delete(language, home) == "zh").mean())

    every = [apart(list(one)) for one in itertools.combinations(range(9), 5)]
    observed = apart(list(np.flatnonzero(city == "S")))
    exact = np.mean(np.array(every) >= observed - 1e-12)
    found = balance_table(
        city, np.full(9, 1), {"language": language}, reference="B", draws=20000, smallest_cell=3,
        rng=np.random.default_rng(0),
    ).iloc[0]  # fmt: skip
    assert found["p"] == pytest.approx(exact, abs=0.01)
    assert found["by_chance"] == pytest.approx(np.mean(every), abs=0.005)


def test_balance_under_the_null_and_with_another_mix():
    rng = np.random.default_rng(0)
    city = np.repeat(["Beijing", "Shenzhen"], [60, 34])
    year = np.full(94, 2020)

    def rejected(share, studies):
        chinese = rng.random((studies, 94)) < np.where(city == "Beijing", 0.8, share)
        columns = {f"study {number}": one for number, one in enumerate(chinese)}
        return (balance_table(city, year, columns, reference="Beijing", draws=99, rng=rng)["p"] <= 0.05).mean()

    assert 0.01 <= rejected(0.8, 400) <= 0.08
    assert rejected(0.45, 100) > 0.8


def test_balance_cells_that_cannot_be_estimated():
    city = ["Beijing"] * 6 + ["Shenzhen"] * 2 + ["Beijing"] * 3 + ["Shenzhen"] * 7
    year = [2019] * 8 + [2020] * 10
    found = balance_table(
        city, year, {"language": ["zh"] * 18}, reference="Beijing", rng=np.random.default_rng(0), draws=99
    )
    assert found["status"].tolist() == ["not estimable: 2 firms of Shenzhen", "not estimable: 3 firms of Beijing"]
    assert found[["difference", "p", "share"]].isna().all(axis=None)
    again = balance_table(
        city, year, {"language": ["zh"] * 18}, reference="Beijing", rng=np.random.default_rng(0), smallest_cell=2
    )
    both = "all firms of Shenzhen are in one level: zh; all firms of Beijing are in one level: zh"
    assert again["note"].tolist() == [both, both]
    assert again["p"].tolist() == [1, 1]


def test_one_more_covariate_leaves_the_others_alone(language_only):
    less = language_only | {"covariates": language_only["covariates"][["source"]]}
    found = balance(language_only)
    pd.testing.assert_frame_equal(
        found[found["covariate"] == "source"].reset_index(drop=True), balance(less), check_exact=True
    )


@settings(deadline=None, max_examples=50)
@given(
    numbers=st.lists(st.one_of(st.none(), st.integers(-1000, 1000)), min_size=1, max_size=60), bins=st.integers(2, 6)
)
def test_levels_of_numbers(numbers, bins):
    found = levels_of(pd.Series(numbers, dtype="Int64"), bins)
    known = np.array([one is not None for one in numbers])
    assert len(found.names) == len(set(found.code)) <= bins + (not known.all())
    assert {found.names[code] for code in found.code[~known]} <= {"missing"}
    values = np.array([one for one in numbers if one is not None], dtype=float)
    order = np.argsort(values, kind="stable")
    assert (np.diff(found.code[known][order]) >= 0).all()
    equal = {value: set(found.code[known][values == value]) for value in values}
    assert all(len(codes) == 1 for codes in equal.values())


def test_levels_of_other_kinds():
    assert levels_of(np.arange(8), 4).names == ("0–1", "2–3", "4–5", "6–7")
    assert levels_of(pd.Series([True, False, None], dtype="boolean")).names == ("missing", "no", "yes")
    found = levels_of(["b", None, "a", "b"])
    assert (found.names, found.code.tolist()) == (("a", "b", "missing"), [1, 2, 0, 1])
    assert levels_of([3, 1, 1]).names == ("1", "3")


def hidden(data, **changes):
    return hidden_confounder(**(data | {"reference": "Beijing"} | changes)).set_index("covariate")


def test_the_energy_distance_of_two_mixtures_is_the_squared_imbalance_times_that_of_the_kinds():
    """Whole populations, so that plain means are exact: kinds of 3 and 4 texts, in shares of .75 and .25."""
    rng = np.random.default_rng(0)
    kinds = [rng.standard_normal((size, 5)) + shift for size, shift in ((3, 0), (4, 2))]
    texts = np.concatenate(kinds)
    apart = np.linalg.norm(texts[:, None] - texts[None, :], axis=2)

    def energy(first, second):
        return -(first - second) @ apart @ (first - second)

    one, two = np.repeat([1 / 3, 0], [3, 4]), np.repeat([0, 1 / 4], [3, 4])
    assert energy(0.75 * one + 0.25 * two, 0.25 * one + 0.75 * two) == pytest.approx(0.5**2 * energy(one, two))


def test_the_language_alone_explains_a_gap_of_languages(language_only, real_difference):
    found = hidden(language_only)
    assert found.loc["language", "explained"] == pytest.approx(1, abs=0.2)
    assert abs(found.loc["language", "imbalance"]) == pytest.approx(found.loc["language", "imbalance_needed"], abs=0.1)
    assert abs(found.loc["source", "explained"]) < 0.05
    assert (found["gap"] == found["gap"].iloc[0]).all()
    other = hidden(real_difference)
    assert abs(other.loc["language", "explained"]) < 0.1
    assert other.loc["language", "imbalance_needed"] > 0.3
    most = other.loc["source", "effect"] / other.loc["source", "gap"]
    assert other.loc["source", "status"] in (
        "not estimable: no effect above 0",
        f"no trait with this effect accounts for the gap: at most {most:.0%} of it",
    )


def test_a_hidden_confounder_that_cannot_be_measured(real_difference):
    data = real_difference | {"covariates": pd.DataFrame({"language": real_difference["city"]})}
    assert hidden(data)["status"].tolist() == ["not estimable: no city has two firms at this level and two at others"]
    found = hidden(data, smallest_cell=1000)
    assert found["status"].tolist() == ["not estimable: no period has 1000 firms of both cities"]
    assert found[["gap", "effect", "imbalance_needed"]].isna().all(axis=None)


@pytest.mark.slow
def test_the_interval_of_the_share_covers_it():
    """Studies of 45 and 30 firms, drawn from ten times as many; the truth is the share in all of these."""
    setting = {"years": 2, "dimension": 32, "noise": 1.0, "contrast": 0.6, "chinese": MIX}
    many = {"Beijing": 450, "Shanghai": 2, "Shenzhen": 300}
    covered = []
    for seed in range(100):
        large = pair(Setting(**setting, sizes=many), seed)
        large["covariates"] = large["covariates"][["language"]]
        rng = np.random.default_rng(seed)
        cells = pd.Series(range(len(large["city"]))).groupby([large["city"], large["year"]])
        small = taken(large, np.concatenate([rng.choice(cell, len(cell) // 10, replace=False) for _, cell in cells]))
        truth, found = (held(data).set_index("held_fixed").loc["language"] for data in (large, small))
        covered.append(found["share_low"] <= truth["share_gone"] <= found["share_high"])
    assert 0.88 <= np.mean(covered) <= 0.995
