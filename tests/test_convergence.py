import json

import numpy as np
import pandas as pd
import pytest
from simulated_cities import Setting, simulate

from chainbert.convergence import ConvergenceConfig, measure_convergence
from chainbert.errors import ConfigError, DataError

SMALL = Setting(
    sizes={"Beijing": 16, "Shanghai": 12, "Shenzhen": 10},
    years=3,
    dimension=24,
    contrast=0.9,
    noise=1.0,
    chinese={"Beijing": (0.6, 0.6), "Shanghai": (0.5, 0.5), "Shenzhen": (0.5, 0.5)},
    persistence=0.5,
)


@pytest.fixture(scope="module")
def study():
    return simulate(SMALL, np.random.default_rng(0))


def measure(study, rows=slice(None), *, strata=True, firm=True, seed=1, **changes):
    keywords = {"reference": "Beijing", "draws": 99} | changes
    return measure_convergence(
        study.vectors[rows],
        study.city[rows],
        study.year[rows],
        firm=study.firm[rows] if firm else None,
        strata=study.language[rows] if strata else None,
        rng=np.random.default_rng(seed),
        **keywords,
    )


def test_one_row_a_city_and_period_and_one_a_city(study):
    found = measure(study)
    assert found.gaps[["city", "year"]].to_numpy().tolist() == [
        [city, str(year)] for city in ("Shanghai", "Shenzhen") for year in (2013, 2014, 2015)
    ]
    assert found.trends["city"].tolist() == found.direction["city"].tolist() == ["Shanghai", "Shenzhen"]
    assert (found.gaps["status"] == "").all()
    assert found.gaps["n"].tolist() == [12] * 3 + [10] * 3
    assert (found.gaps["low"] < found.gaps["gap"]).all()
    assert set(found.verdict) == set(found.sentences) == set(found.minimum_detectable) == {"Shanghai", "Shenzhen"}
    assert (found.rows, found.firms) == (len(study.city), len(set(study.firm)))


@pytest.mark.parametrize("firm", [True, False])
def test_the_order_of_rows_does_not_change_a_bit(study, firm):
    expected = measure(study, firm=firm).to_json()
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(len(study.city))
        assert measure(study, order, firm=firm).to_json() == expected


def test_another_city_leaves_the_others_alone(study):
    both = measure(study)
    alone = measure(study, study.city != "Shanghai")
    columns = ["gap", "low", "high", "p"]
    shenzhen = both.gaps[both.gaps["city"] == "Shenzhen"][columns].to_numpy()
    assert np.array_equal(shenzhen, alone.gaps[columns].to_numpy())


def test_json_is_plain_and_complete(study):
    found = measure(study).to_json()
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    wanted = {"reference", "draws", "rows", "firms", "gaps", "trends", "direction", "verdict", "sentences"}
    assert wanted <= set(found)
    assert {"city", "year", "midpoint", "gap", "low", "high", "p", "n", "n_reference", "status"} <= set(
        found["gaps"][0]
    )


def test_float32_and_pandas_columns_are_taken(study):
    table = pd.DataFrame({"city": study.city, "year": pd.array(study.year, dtype="Int64"), "language": study.language})
    shuffled = table.sample(frac=1, random_state=0)
    found = measure_convergence(
        study.vectors[shuffled.index].astype(np.float32),
        shuffled["city"],
        shuffled["year"],
        strata=shuffled[["language"]],
        reference="Beijing",
        draws=99,
        rng=np.random.default_rng(1),
    )
    assert found.gaps["gap"].to_numpy() == pytest.approx(measure(study, firm=False).gaps["gap"].to_numpy(), abs=1e-5)


def test_periods_take_the_last_row_of_a_firm(study):
    found = measure(study, periods=[(2013, 2014), (2016, 2020)])
    inside = study.year <= 2014
    assert found.outside == (~inside).sum()
    assert found.rows == len(set(study.firm[inside]))
    assert found.replaced == inside.sum() - found.rows
    assert found.gaps["year"].tolist() == ["2013–2014", "2016–2020"] * 2


def without(study, city, year, keep):
    chosen = np.flatnonzero((study.city == city) & (study.year == year))
    return np.setdiff1d(np.arange(len(study.city)), chosen[keep:])


@pytest.mark.parametrize(
    ("city", "keep", "status"),
    [
        ("Shenzhen", 1, "not estimable: 1 firm"),
        ("Shenzhen", 4, "not estimable: 4 firms"),
        ("Shenzhen", 0, "not estimable: no firms"),
        ("Beijing", 1, "not estimable: 1 firm of Beijing"),
    ],
)
def test_a_small_cell_has_a_reason_and_no_number(study, city, keep, status):
    found = measure(study, without(study, city, 2014, keep), strata=False)
    cell = found.gaps[(found.gaps["city"] == "Shenzhen") & (found.gaps["year"] == "2014")].iloc[0]
    assert cell["status"] == status
    assert cell[["gap", "low", "high", "p", "gap_centred"]].isna().all()
    assert found.trends.set_index("city").loc["Shenzhen", "periods"] == 2


def test_cities_that_share_no_stratum(study):
    language = np.where(study.city == "Shenzhen", "en", "zh")
    found = measure_convergence(
        study.vectors,
        study.city,
        study.year,
        reference="Beijing",
        strata=language,
        draws=99,
        rng=np.random.default_rng(0),
    )
    shenzhen = found.gaps[found.gaps["city"] == "Shenzhen"]
    assert (shenzhen["status"] == "not estimable: cities share no stratum").all()
    assert found.verdict["Shenzhen"] == "not shown"
    assert "no periods with a gap, a trend needs two" in found.sentences["Shenzhen"]


def test_strata_without_both_cities_are_counted(study):
    language = study.language.copy()
    alone = np.flatnonzero((study.city == "Shenzhen") & (study.year == 2013))[0]
    language[alone] = "fr"
    found = measure_convergence(
        study.vectors,
        study.city,
        study.year,
        reference="Beijing",
        strata=language,
        draws=99,
        rng=np.random.default_rng(0),
    )
    assert found.gaps.set_index(["city", "year"]).loc[("Shenzhen", "2013"), "left_out"] == 1


def test_too_few_firms_in_shared_strata(study):
    language = np.where(study.city == "Shenzhen", "en", "zh").astype(object)
    for year in (2013, 2014, 2015):
        language[np.flatnonzero((study.city == "Shenzhen") & (study.year == year))[:2]] = "zh"
    found = measure_convergence(
        study.vectors,
        study.city,
        study.year,
        reference="Beijing",
        strata=language,
        draws=99,
        rng=np.random.default_rng(0),
    )
    assert "not estimable: 2 firms in shared strata" in set(found.gaps["status"])


def test_texts_that_are_all_equal(study):
    same = np.tile(study.vectors[:1], (len(study.city), 1))
    found = measure_convergence(
        same, study.city, study.year, reference="Beijing", draws=99, rng=np.random.default_rng(0)
    )
    assert (found.gaps["status"] == "not estimable: no two texts of a city differ").all()


def test_one_year_has_gaps_but_no_trend(study):
    found = measure(study, study.year == 2013)
    assert found.gaps["gap"].notna().all()
    assert set(found.trends["status"]) == {"not estimable: 1 period with a gap, a trend needs two"}
    assert set(found.verdict.values()) == {"not shown"}


def test_a_reference_alone_has_no_other_city(study):
    found = measure(study, study.city == "Beijing")
    assert found.gaps.empty
    assert found.to_json()["verdict"] == {}


def test_firms_that_keep_their_texts_show_no_change():
    study = simulate(Setting(**{**SMALL.__dict__, "years": 1, "chinese": None}), np.random.default_rng(7))
    twice = [np.concatenate([column, column]) for column in (study.vectors, study.city, study.firm)]
    year = np.repeat([2018, 2022], len(study.city))
    found = measure_convergence(
        twice[0], twice[1], year, firm=twice[2], reference="Beijing", draws=99, rng=np.random.default_rng(0)
    )
    assert found.trends[["slope", "low", "high"]].to_numpy().tolist() == [[0.0, 0.0, 0.0]] * 2
    assert found.trends["p"].tolist() == [1.0, 1.0]
    # Both gaps of this study are clear (.12), so that a quarter of them is something to rule out.
    assert set(found.verdict.values()) == {"no change"}
    assert set(found.direction["mover"]) == {"neither shown"}


def test_a_gap_in_the_years_is_no_obstacle(study):
    year = np.where(study.year == 2014, 2019, study.year)
    found = measure_convergence(
        study.vectors, study.city, year, reference="Beijing", draws=99, rng=np.random.default_rng(0)
    )
    assert found.gaps["midpoint"].unique().tolist() == [2013.0, 2015.0, 2019.0]


BAD_VECTORS = [
    (lambda v: np.full_like(v, np.nan), "row 0 of the vectors has a value that is not a number"),
    (lambda v: v * (np.arange(len(v)) != 7)[:, None], "row 7 of the vectors is all zeros, 1 such rows"),
    (lambda v: v * np.where(np.arange(len(v)) == 3, 1.01, 1)[:, None], r"row 3 .* is not of unit length \(1.01\)"),
    (lambda v: v[:, 0], "must be a filled matrix of numbers"),
    (lambda v: v.astype(str), "must be a filled matrix of numbers"),
    (lambda v: v[:-1], "city has 114 values for 113 rows"),
]


@pytest.mark.parametrize(("change", "message"), BAD_VECTORS)
def test_bad_vectors(study, change, message):
    with pytest.raises(DataError, match=message):
        measure_convergence(
            change(study.vectors), study.city, study.year, reference="Beijing", rng=np.random.default_rng(0)
        )


def test_vectors_as_good_as_unit_are_taken(study):
    found = measure_convergence(
        study.vectors * 1.0005, study.city, study.year, reference="Beijing", draws=99, rng=np.random.default_rng(0)
    )
    assert found.gaps["gap"].notna().all()


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"city": "missing"}, DataError, r"row 5 has no city \(1 such rows\)"),
        ({"year": "missing"}, DataError, r"row 5 has no year \(1 such rows\)"),
        ({"firm": "missing"}, DataError, r"row 5 has no firm \(1 such rows\)"),
        ({"reference": "Bejing"}, ConfigError, "'Bejing' is not in the data. Did you mean 'Beijing'"),
        ({"city": "many"}, DataError, "25 cities were found .*, at most 20"),
        ({"firm": "twice"}, DataError, r"firm 'x' has 2 rows in 2013 \(Beijing\), rows \[0, 1\]"),
        ({"firm": "moved"}, DataError, r"firm 'x' has 2 rows in 2013 \(Beijing and Shanghai\)"),
        ({"firm": "short"}, DataError, "firm has 3 values for 114 rows"),
        ({"strata": "single"}, DataError, "strata has a single value for 114 rows"),
        ({"periods": [(1990, 1999)]}, DataError, "no row lies in one of the periods 1990–1999"),
        ({"draws": 10}, ConfigError, "draws is 10; at least 99"),
        ({"margin": 1.5}, ConfigError, "margin is 1.5; a share between 0 and 1"),
        ({"smallest_cell": 2}, ConfigError, "smallest_cell is 2; at least 3 firms"),
    ],
)
def test_bad_columns_and_numbers(study, changes, error, message):
    arguments = {
        "city": study.city.astype(object),
        "year": study.year.astype(object),
        "firm": study.firm.astype(object),
        "strata": study.language,
        "reference": "Beijing",
    }
    for name, change in changes.items():
        arguments[name] = spoiled(name, change, arguments)
    with pytest.raises(error, match=message):
        measure_convergence(study.vectors, rng=np.random.default_rng(0), **arguments)


def spoiled(name, change, arguments):
    values = np.array(arguments.get(name, ()), dtype=object)
    if change == "missing":
        values[5] = None
    elif change == "many":
        values[:22] = [f"city {index}" for index in range(22)]
    elif change == "twice":
        values[:2] = "x"
    elif change == "moved":
        values[[0, np.flatnonzero(arguments["city"] == "Shanghai")[0]]] = "x"
    elif change == "short":
        values = values[:3]
    elif change == "single":
        values = "zh"
    else:
        values = change
    return values


def test_the_config_has_the_functions_defaults():
    config = ConvergenceConfig()
    defaults = measure_convergence.__kwdefaults__
    for name in ("draws", "margin", "smallest_cell", "periods"):
        assert getattr(config, name) == defaults[name]
    assert config.strata == ("language",)
