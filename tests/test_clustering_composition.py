"""Cluster shares by city and year, noise, entropy, difference from the reference."""

import json
import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.cluster import KMeans

from chainbert.clustering.composition import SHARE_COLUMNS, measure_composition
from chainbert.clustering.differences import DIFFERENCE_COLUMNS, DISTANCE_COLUMNS, jensen_shannon
from chainbert.clustering.entropies import ENTROPY_COLUMNS, entropy
from chainbert.clustering.noise import NOISE_COLUMNS
from chainbert.errors import ConfigError, DataError

PAPER = {"Beijing": 110, "Shanghai": 53, "Shenzhen": 34}
MIX = np.array([0.1, 0.25, 0.2, 0.15, 0.12, 0.1, 0.05, 0.03])  # noise first


def measured(labels, city, period=None, *, draws=99, seed=0, **options):
    rng = np.random.default_rng(seed)
    return measure_composition(labels, city, period, reference="Beijing", draws=draws, rng=rng, **options)


def study(seed, other=MIX, sizes=PAPER):
    """Labels and cities; the last city has the other mixture."""
    rng = np.random.default_rng(seed)
    mixtures = [MIX] * (len(sizes) - 1) + [other]
    labels = [rng.choice(np.arange(8) - 1, n, p=p) for n, p in zip(sizes.values(), mixtures, strict=True)]
    return np.concatenate(labels), np.repeat(list(sizes), list(sizes.values()))


def row(table, **where):
    for name, value in where.items():
        table = table[table[name] == value]
    assert len(table) == 1
    return table.iloc[0]


def test_shares_and_wilsons_interval():
    labels = [0] * 3 + [1] * 2 + [-1] * 5 + [0] * 6
    found = measured(labels, ["Beijing"] * 10 + ["Shenzhen"] * 6).shares
    assert found.columns.tolist() == list(SHARE_COLUMNS)
    assert found["cluster"].tolist() == [0, 1, -1, 0, 1, -1]
    assert found["share"].tolist() == [0.3, 0.2, 0.5, 1, 0, 0]
    # Wilson 3/10: .1078 to .6032 (Newcombe 1998).
    low, high = stats.binomtest(3, 10).proportion_ci(method="wilson")
    assert row(found, cluster=0, city="Beijing")[["low", "high"]].tolist() == pytest.approx([low, high])
    assert row(found, cluster=0, city="Shenzhen")["high"] == 1
    assert row(found, cluster=1, city="Shenzhen")["low"] == 0


def test_firms_in_several_years_count_once_in_all():
    labels, city = [0, 0, 0, 0, 1, 1, 1, 1], ["Beijing"] * 8
    period, firm = [1, 2] * 4, list("aabbccdd")
    shares = measured(labels, city, period, firm=firm).shares
    panel = row(shares, year="all", cluster=0)
    single = row(shares, year="1", cluster=0)
    assert panel[["n", "total"]].tolist() == [4, 8]
    assert panel[["low", "high"]].tolist() == single[["low", "high"]].tolist()


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_laws(seed):
    """Shares of a city and year sum to 1; the order of the rows changes nothing; every p is in (0, 1]."""
    rng = np.random.default_rng(seed)
    n = 40
    table = pd.DataFrame({"label": rng.integers(-1, 4, n), "city": rng.choice(["Beijing", "Shenzhen", "X"], n)})
    table["period"] = rng.choice(["2018", "2022", ""], n)
    table["firm"] = [f"f{one}" for one in rng.permutation(n)]
    table["stratum"] = rng.choice(["zh", "en"], n)
    table.loc[0, "city"] = "Beijing"

    def found(part):
        return measured(
            part["label"], part["city"], part["period"], firm=part["firm"], strata=part["stratum"], draws=19
        )

    one, other = found(table), found(table.sample(frac=1, random_state=seed))
    assert one.to_json() == other.to_json()
    assert json.loads(json.dumps(one.to_json(), allow_nan=False)) == one.to_json()
    assert one.shares.groupby(["city", "year"])["share"].sum().to_numpy() == pytest.approx(1)
    for part in (one.noise, one.distances, one.differences):
        p = part["p"].dropna()
        assert ((p > 0) & (p <= 1)).all()


def test_columns():
    found = measured(*study(0), draws=9)
    assert found.noise.columns.tolist() == list(NOISE_COLUMNS)
    assert found.entropies.columns.tolist() == list(ENTROPY_COLUMNS)
    assert found.distances.columns.tolist() == list(DISTANCE_COLUMNS)
    assert found.differences.columns.tolist() == list(DIFFERENCE_COLUMNS)


def test_noise_of_a_city_is_that_of_the_hypergeometric():
    city = np.repeat(["Beijing", "Shenzhen"], [20, 10])
    labels = np.array([-1] * 3 + [0] * 17 + [-1] * 6 + [0] * 4)
    found = row(measured(labels, city, draws=9999).noise, city="Shenzhen")
    # Two-sided about the mean of 3: 6 or more, or none.
    exact = stats.hypergeom(30, 9, 10).sf(5) + stats.hypergeom(30, 9, 10).cdf(0)
    assert found["p"] == pytest.approx(exact, abs=0.006)
    assert found[["share", "share_elsewhere"]].tolist() == [0.6, 0.15]


def test_twice_the_noise_is_warned_of():
    rng = np.random.default_rng(1)
    city = np.repeat(list(PAPER), list(PAPER.values()))
    noisy = [np.where(rng.random(len(city)) < np.where(city == "Shenzhen", 0.4, 0.15), -1, 0) for _ in range(25)]
    found = [measured(labels, city) for labels in noisy]
    assert np.mean([any(text.startswith("Shenzhen: ") for text in one.warnings) for one in found]) >= 0.8
    (text,) = [text for text in found[0].warnings if text.startswith("Shenzhen")]
    assert "of the rows are in no cluster" in text
    assert "leaves out more of this city than of the others, so its composition is biased" in text
    none = [measured(*study(seed)).warnings for seed in range(40)]
    assert np.mean([bool(one) for one in none]) <= 0.12


def test_noise_of_a_language_is_not_that_of_a_city():
    rng = np.random.default_rng(3)
    city = np.repeat(["Beijing", "Shenzhen"], 100)
    language = np.where(rng.random(200) < np.where(city == "Beijing", 0.9, 0.3), "zh", "en")
    labels = np.where(rng.random(200) < np.where(language == "zh", 0.1, 0.5), -1, rng.integers(0, 4, 200))
    assert row(measured(labels, city).noise, city="Shenzhen")["p"] <= 0.02
    assert row(measured(labels, city, strata=language).noise, city="Shenzhen")["p"] > 0.05


def test_entropy_is_not_that_of_the_number_of_firms():
    rng = np.random.default_rng(2)
    truth = stats.entropy(MIX)
    for n, plugin in ((34, -0.08), (110, -0.025)):
        counts = rng.multinomial(n, MIX, size=600).astype(float)
        assert abs(entropy(counts).mean() - truth) <= 0.03
        assert np.mean([stats.entropy(one) for one in counts]) - truth <= plugin


def test_entropys_interval_covers():
    truth = stats.entropy(MIX)
    found = [row(measured(*study(seed), draws=1).entropies, city="Shenzhen") for seed in range(60)]
    assert 0.86 <= np.mean([one["low"] <= truth <= one["high"] for one in found]) <= 0.99


def test_jensen_shannon_at_its_ends():
    assert jensen_shannon(np.array([1.0, 0]), np.array([0, 1.0])) == 1
    assert jensen_shannon(MIX, MIX) == 0


def test_distance_is_centred_keeps_its_level_and_has_power():
    null = [measured(*study(seed)) for seed in range(50)]
    small = [row(one.distances, city="Shenzhen") for one in null]
    # 400 studies gave a mean of 0.0002 with a standard error of 0.0016; 50 have one of 0.0045.
    assert abs(np.mean([one["adjusted"] for one in small])) <= 0.015
    assert np.mean([one["divergence"] for one in small]) >= 0.02  # what the plug-in would have said
    assert np.mean([one["p"] <= 0.05 for one in small]) <= 0.12
    # Family-wise: any cluster of any city.
    assert np.mean([(one.differences["p_holm"] <= 0.05).any() for one in null]) <= 0.12
    moved = np.roll(MIX, 3)
    found = [measured(*study(seed, moved)) for seed in range(20)]
    assert np.mean([row(one.distances, city="Shenzhen")["p_holm"] <= 0.05 for one in found]) >= 0.9
    truth = float(jensen_shannon(MIX, moved))
    inside = [row(one.distances, city="Shenzhen")[["low", "high"]].to_numpy() for one in found]
    assert np.mean([low <= truth <= high for low, high in inside]) >= 0.85


def test_simultaneous_intervals_cover_all_differences_at_once():
    moved = np.roll(MIX, 3)
    truth = {-1: (moved - MIX)[0]} | {cluster: (moved - MIX)[cluster + 1] for cluster in range(7)}
    covered = []
    for seed in range(50):
        found = measured(*study(seed, moved), draws=1).differences
        own = found[found["city"] == "Shenzhen"]
        true = own["cluster"].map(truth)
        covered.append(((own["low"] <= true) & (true <= own["high"])).all())
    assert np.mean(covered) >= 0.90


def energy_p(vectors, home, rng, draws=99):
    """Permutation p of the energy distance."""
    distances = np.linalg.norm(vectors[:, None] - vectors[None, :], axis=2)

    def statistic(side):
        return (
            2 * distances[np.ix_(side, ~side)].mean()
            - distances[np.ix_(side, side)].mean()
            - distances[np.ix_(~side, ~side)].mean()
        )

    value = statistic(home)
    return (1 + sum(statistic(rng.permutation(home)) >= value for _ in range(draws))) / (1 + draws)


def test_what_energy_distance_misses_is_found():
    """Equal means, equal spread, other clusters: each city on two opposite pairs of its own (pitfall 18)."""
    energy, composition = [], []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        directions = np.linalg.qr(rng.standard_normal((384, 4)))[0].T
        city = np.repeat(["Beijing", "Shenzhen"], [110, 34])
        axis = rng.integers(0, 2, 144) + np.where(city == "Beijing", 0, 2)
        sign = np.tile([1.0, -1.0], 72)
        raw = 0.5 * sign[:, None] * directions[axis] + rng.standard_normal((144, 384)) / np.sqrt(384)
        vectors = raw / np.linalg.norm(raw, axis=1, keepdims=True)
        labels = KMeans(8, n_init=5, random_state=seed).fit_predict(vectors)
        energy.append(energy_p(vectors, city == "Beijing", rng) <= 0.05)
        composition.append(measured(labels, city, seed=seed).distances.loc[0, "p"] <= 0.05)
    assert np.mean(composition) >= 0.9
    assert np.mean(energy) <= 0.2


def test_what_is_not_estimable_says_why():
    city = np.array(["Beijing"] * 12 + ["Shenzhen"] * 12 + ["X"] * 2)
    strata = np.array(["zh"] * 12 + ["en"] * 12 + ["zh"] * 2)
    found = measured(np.arange(26) % 3, city, strata=strata)
    apart = row(found.distances, city="Shenzhen")
    assert apart["status"] == "not estimable: 0 firms share a stratum with the other city, 5 are needed"
    assert np.isnan(apart[["divergence", "p", "p_holm"]].astype(float)).all()
    assert row(found.distances, city="X")["status"] == "not estimable: 2 firms, 5 are needed"
    assert (found.differences["status"] != "").all()
    assert row(found.entropies, city="X")["status"] == "not estimable: 2 firms, 5 are needed"


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"labels": [0, 0.5, 1, 1]}, DataError, "row 1 of the cluster labels is 0.5 .1 such rows.; whole numbers"),
        ({"labels": [0, None, 1, -2]}, DataError, "row 1 of the cluster labels is None .2 such rows."),
        ({"city": ["Beijing"]}, DataError, "city has 1 values for 4 rows"),
        ({"city": ["Bejing", "S", "S", "S"]}, ConfigError, "the reference city 'Beijing' is not in the data"),
        ({"firm": list("abca"), "period": [1, 1, 1, 1]}, DataError, r"one firm has 2 rows in 1 \(rows \[0, 3\]\)"),
        ({"firm": list("abca")}, DataError, "one firm has 2 rows in the only period"),
    ],
)
def test_bad_input(change, error, message):
    arguments = {"labels": [0, 0, 1, 1], "city": ["Beijing", "Beijing", "S", "S"]} | change
    with pytest.raises(error, match=message):
        measured(**arguments)


@pytest.mark.slow
@pytest.mark.parametrize(("n", "seconds"), [(197, 1), (5000, 20)])
def test_time(n, seconds):
    rng = np.random.default_rng(0)
    city, language = rng.choice(list(PAPER), n, p=[0.56, 0.27, 0.17]), rng.choice(["zh", "en"], n)
    start = time.perf_counter()
    measured(rng.integers(-1, 12, n), city, rng.integers(2013, 2019, n), strata=language, draws=999)
    assert time.perf_counter() - start <= seconds
