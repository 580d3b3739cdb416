"""What a finding must survive: planted confounders, planted convergence, and power that goes into the verdict."""

import json

import numpy as np
import pandas as pd
import pytest
from simulated_cities import Setting, simulate

from chainbert.convergence import Controls, measure_convergence
from chainbert.errors import ConfigError, DataError

YEARS, FIRMS, DIMENSION = 4, 40, 16
QUICK = Controls(placebos=0, studies=0)
STATIC = Setting(sizes={"Beijing": 30, "Shanghai": 0, "Shenzhen": 20}, years=3, dimension=24, contrast=1.0, noise=0.6)


def confounded(seed=0, lone=False):
    """Shenzhen's texts grow as long as Beijing's, and long texts lie elsewhere; nothing else differs.

    lone: four of five firms of Shenzhen have a length that nobody in Beijing has.
    """
    rng = np.random.default_rng(seed)
    long, city, year = [], [], []
    for time in range(YEARS):
        for name, share in (("Beijing", 0.8), ("Shenzhen", 0.1 + 0.7 * time / (YEARS - 1))):
            long += [place < share * FIRMS for place in range(FIRMS)]
            city += [name] * FIRMS
            year += [2013 + time] * FIRMS
    city, long = np.array(city), np.array(long)
    vectors = rng.standard_normal((len(city), DIMENSION)) / np.sqrt(DIMENSION)
    vectors[:, 0] += 1.5 * long
    length = np.where(long, 400, 100)
    if lone:
        length[(city == "Shenzhen") & (np.arange(len(city)) % 5 < 4)] = 50
    return unit(vectors), city, np.array(year), length


def converged(seed=0):
    """Shenzhen takes up what Beijing does; length is chance."""
    vectors, city, year, _ = confounded(seed)
    rng = np.random.default_rng(seed + 1)
    vectors = rng.standard_normal(vectors.shape) / np.sqrt(DIMENSION)
    adopted = rng.random(len(city)) < (year - 2013) / (YEARS - 1)
    vectors[:, 0] += 2 * ((city == "Beijing") | adopted)
    return unit(vectors), city, year, np.where(rng.random(len(city)) < 0.5, 400, 100)


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def measured(vectors, city, year, controls, *, seed=0, **options):
    rng = np.random.default_rng(seed)
    options = {"reference": "Beijing", "draws": 99, "two_sample": False} | options
    return measure_convergence(vectors, city, year, controls=controls, rng=rng, **options)


def control(found, name, city="Shenzhen"):
    return next(one for one in found.checked.controls[city] if one.control == name)


def test_a_slope_that_comes_from_the_length_of_texts_does_not_survive():
    *arrays, length = confounded()
    bare = measured(*arrays, None)
    assert bare.verdict["Shenzhen"] == "converging"
    assert "not checked against placebos and confounders" in bare.sentences["Shenzhen"]
    found = measured(*arrays, Controls(covariates=pd.DataFrame({"length": length}), placebos=0, studies=0))
    held = control(found, "length held fixed")
    assert held.passed is False
    assert held.said.startswith("slope ")
    assert found.verdict["Shenzhen"] != "converging"
    assert "the slope does not survive: length held fixed (slope" in found.sentences["Shenzhen"]
    assert found.trends["p_holm"].iloc[0] < 0.05


def test_a_real_convergence_survives_everything():
    *arrays, length = converged()
    settings = Controls(covariates=pd.DataFrame({"length": length}), placebos=39, studies=20)
    found = measured(*arrays, settings)
    named = [one.control for one in found.checked.controls["Shenzhen"]]
    assert named == ["length held fixed", "permuted years", "permuted cities", "halves of the reference"]
    assert all(one.passed for one in found.checked.controls["Shenzhen"])
    assert found.verdict["Shenzhen"] == "converging"
    assert f"it survives {', '.join(named)}" in found.sentences["Shenzhen"]


def test_the_simulated_power_is_the_one_the_verdict_goes_by():
    study = simulate(STATIC, np.random.default_rng(3))
    arrays = (study.vectors, study.city, study.year)
    without = measured(*arrays, QUICK)
    found = measured(*arrays, Controls(placebos=0, studies=20))
    curve = found.checked.power["Shenzhen"]
    assert found.trends["power"].iloc[0] == pytest.approx(curve.power_at_margin)
    assert without.trends["power"].iloc[0] != found.trends["power"].iloc[0]
    assert found.verdict["Shenzhen"] == "underpowered"
    assert f"is {curve.power_at_margin:.0%}, the smallest slope" in found.sentences["Shenzhen"]


def test_power_that_cannot_be_simulated_leaves_the_slopes_own():
    rng = np.random.default_rng(0)
    vectors, city, year = unit(rng.standard_normal((120, 8))), np.tile(["Beijing", "Shenzhen"], 60), np.arange(120) % 3
    # The same firms in both cities: no gap that could close.
    vectors[1::2] = vectors[::2]
    year = np.repeat(np.arange(60) % 3, 2)
    found = measured(vectors, city, year, Controls(placebos=0, studies=20))
    assert found.checked.power["Shenzhen"].status == "not estimable: cities without a gap have none to close"
    pd.testing.assert_series_equal(found.trends["power"], measured(vectors, city, year, QUICK).trends["power"])


def test_without_covariates_only_the_placebos_are_asked():
    *arrays, _ = converged()
    found = measured(*arrays, Controls(placebos=19, studies=0))
    named = [one.control for one in found.checked.controls["Shenzhen"]]
    assert named == ["permuted years", "permuted cities", "halves of the reference"]
    assert found.to_json()["balance"] == found.to_json()["held_fixed"] == found.to_json()["hidden_confounders"] == []
    assert measured(*arrays, QUICK).checked.controls == {"Shenzhen": ()}


def test_covariates_that_the_study_holds_fixed_anyway_are_no_control():
    *arrays, length = converged()
    own = Controls(covariates=pd.DataFrame({"length": length}), strata=("length",), placebos=0, studies=0)
    found = measured(*arrays, own, strata=length.astype(str))
    assert found.checked.controls == {"Shenzhen": ()}
    assert set(found.checked.held_fixed["held_fixed"]) == {"nothing", "length"}


def test_a_covariate_that_leaves_few_firms_is_not_checked():
    *arrays, length = confounded(lone=True)
    found = measured(*arrays, Controls(covariates=pd.DataFrame({"length": length}), placebos=0, studies=0))
    held = control(found, "length held fixed")
    assert held.passed is None
    used = found.checked.held_fixed.set_index("held_fixed").loc["length", "n_used"]
    assert used < 2 / 3 * 320
    assert held.said == f"only {used} of 320 firms have a partner"
    assert "could not be checked: length held fixed" in found.sentences["Shenzhen"]


def test_a_covariate_that_keeps_the_cities_apart_is_not_checked_and_says_why():
    *arrays, _ = converged()
    apart = pd.DataFrame({"source": np.where(arrays[1] == "Beijing", "alpha", "beta")})
    found = measured(*arrays, Controls(covariates=apart, placebos=0, studies=0))
    held = control(found, "source held fixed")
    assert held.passed is None
    assert held.said == "not estimable: all firms of Shenzhen are in one source (beta), none of Beijing"


def test_a_city_without_a_slope_is_no_crash():
    vectors, city, year, length = converged()
    few = (city == "Beijing") | (np.arange(len(city)) % FIRMS < 2)
    covariates = pd.DataFrame({"length": length[few]})
    found = measured(vectors[few], city[few], year[few], Controls(covariates=covariates, placebos=19, studies=20))
    assert found.verdict["Shenzhen"] == "not shown"
    assert found.checked.placebos == {}
    assert found.checked.power == {}
    assert control(found, "length held fixed").said == "not estimable: 2 firms"


def test_controls_are_the_same_in_any_order_of_rows():
    *arrays, length = confounded()
    firm = np.array([f"f{place}" for place in range(len(length))])
    answers = []
    for order in (np.arange(len(length)), np.random.default_rng(5).permutation(len(length))):
        settings = Controls(covariates=pd.DataFrame({"length": length[order]}), placebos=19, studies=0)
        found = measured(*(column[order] for column in arrays), settings, firm=firm[order])
        answers.append(json.dumps(found.to_json()))
    assert answers[0] == answers[1]


def test_one_more_city_leaves_the_others_controls_alone():
    vectors, city, year, length = confounded()
    third = np.tile(np.arange(FIRMS) % 4 == 0, len(city) // FIRMS) & (city == "Beijing")
    more = np.where(third, "Shanghai", city)
    settings = Controls(covariates=pd.DataFrame({"length": length}), placebos=19, studies=0)
    with_third = measured(vectors, more, year, settings)
    rest = ~third
    alone = measured(
        vectors[rest], city[rest], year[rest],
        Controls(covariates=pd.DataFrame({"length": length[rest]}), placebos=19, studies=0),
    )  # fmt: skip
    assert with_third.checked.controls["Shenzhen"] == alone.checked.controls["Shenzhen"]


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        (Controls(covariates=pd.DataFrame({"length": [1, 2]})), DataError, r"covariates have 2 rows for 320"),
        (
            Controls(covariates=pd.DataFrame({"length": np.ones(320)}), strata=("lenght",)),
            ConfigError,
            r"'lenght' is to be held fixed and no covariate.*length",
        ),
        (Controls(placebos=5, studies=0), ConfigError, r"draws is 5; at least 19"),
        (Controls(placebos=0, studies=5), ConfigError, r"studies is 5; at least 20"),
    ],
)
def test_faults_are_named(settings, error, message):
    *arrays, _ = converged()
    with pytest.raises(error, match=message):
        measured(*arrays, settings)
