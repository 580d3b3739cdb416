import json
from dataclasses import replace

import numpy as np
import pytest
from simulated_cities import Setting, simulate

from chainbert.convergence.economics import measure_economics, measure_label_economics
from chainbert.convergence.positions import positions, variance
from chainbert.convergence.rows import check_rows
from chainbert.errors import DataError

SMALL = {"sizes": {"Beijing": 30, "Shanghai": 20, "Shenzhen": 16}, "years": 3, "dimension": 24, "noise": 1.0}


def rows_of(seed=0, **changes):
    study = simulate(Setting(**(SMALL | changes)), np.random.default_rng(seed))
    return check_rows(
        study.vectors, study.city, study.year, reference="Beijing", firm=study.firm, strata=study.language
    )


def labels(rng, shares, size=60, years=4, end=None):
    """Arrays of a study whose cities go evenly from ``shares`` to ``end``."""
    yes, city, year = [], [], []
    for name, first in shares.items():
        for t in range(years):
            share = first + ((end or shares)[name] - first) * t / (years - 1)
            yes.append(rng.random(size) < share)
            city += [name] * size
            year += [2013 + t] * size
    return np.concatenate(yes).astype(float), np.array(city), np.array(year)


APART = {"Beijing": 0.8, "Shanghai": 0.5, "Shenzhen": 0.2}


def test_products_are_means_over_pairs_of_different_firms():
    rng = np.random.default_rng(0)
    values, group = rng.standard_normal((24, 3)), np.repeat([0, 1, 2], 8)
    firm = np.concatenate([np.arange(8), np.arange(4, 12), np.arange(20, 28)])
    found = positions(values, group, firm, 3).products
    for g in range(3):
        for h in range(3):
            pairs = [(i, j) for i in np.flatnonzero(group == g) for j in np.flatnonzero(group == h)]
            anew = np.mean([values[i] @ values[j] for i, j in pairs if firm[i] != firm[j]])
            assert found[g, h] == pytest.approx(anew, abs=1e-12)


def test_products_are_the_mean_over_random_halves():
    rng = np.random.default_rng(1)
    values, group, firm = rng.standard_normal((20, 2)), np.repeat([0, 1], 10), np.tile(np.arange(10), 2)
    halves = []
    for _ in range(4000):
        first = np.isin(firm, rng.permutation(10)[:5])
        halves.append(values[(group == 0) & first].mean(axis=0) @ values[(group == 1) & ~first].mean(axis=0))
    found = positions(values, group, firm, 2).products[0, 1]
    assert abs(np.mean(halves) - found) < 4 * np.std(halves) / np.sqrt(len(halves))


@pytest.mark.parametrize("panel", [False, True])
@pytest.mark.parametrize(("apart", "largest"), [(0.0, 1.6), (1.5, 1.15)])
def test_the_variance_is_that_of_repeated_studies(apart, largest, panel):
    # With no difference at all only pairs of firms make the error; a plain jackknife is twice too large there.
    rng = np.random.default_rng(2)
    weights = np.array([[1.0, -1.0], [-1.0, 1.0]])
    group = np.repeat([0, 1], 15)
    firm = np.concatenate([np.arange(15), np.arange(15) + (5 if panel else 15)])
    values, errors = [], []
    for _ in range(1200):
        own = rng.standard_normal((30, 4))
        where = positions(
            own[firm] + 0.5 * rng.standard_normal((30, 4)) + apart * group[:, None] * np.eye(4)[0], group, firm, 2
        )
        values.append((weights * where.products).sum())
        errors.append(variance(where, weights))
    assert abs(np.mean(values) - apart**2) < 4 * np.std(values) / np.sqrt(len(values))
    assert 0.85 < np.mean(errors) / np.var(values) < largest


def test_dispersion_by_hand():
    yes = np.array([1, 1, 1, 0, 1, 1, 0, 0, 1, 0, 0, 0], dtype=float)
    city, year = np.repeat(list("BCS"), 4), np.ones(12)
    found = measure_label_economics(yes, city, year, reference="B", smallest_cell=3).dispersion.loc[0]
    shares = np.array([0.75, 0.5, 0.25])
    assert found["value"] == pytest.approx(shares.var() - (shares * (1 - shares) / 3).mean() * (1 - 1 / 3))
    assert found["deviation"] == pytest.approx(np.sqrt(max(found["value"], 0)))


def test_dispersion_does_not_depend_on_the_number_of_firms():
    rng = np.random.default_rng(3)
    shares = dict(zip("BCS", (0.6, 0.5, 0.4), strict=True))
    for size in (8, 60):
        values = [
            measure_label_economics(*labels(rng, shares, size, 2), reference="B").dispersion["value"].mean()
            for _ in range(40)
        ]
        truth = np.var([0.6, 0.5, 0.4])
        assert abs(np.mean(values) - truth) < 4 * np.std(values) / np.sqrt(40)


def test_cities_that_come_together():
    rng = np.random.default_rng(4)
    found = measure_label_economics(*labels(rng, APART, 120, end=dict.fromkeys(APART, 0.5)), reference="Beijing")
    assert found.trends.loc[0, "p"] < 0.001
    assert found.trends.loc[0, "slope"] < 0
    beta = found.beta.loc[0]
    assert beta["p"] < 0.001
    assert beta["low"] < beta["beta"] < beta["high"] < 0
    assert beta["closed"] == pytest.approx(1, abs=0.2)


def test_vectors_that_come_together_and_common_wording():
    apart = {"contrast": 0.9, "sizes": dict.fromkeys(("Beijing", "Shanghai", "Shenzhen"), 40)}
    moved = measure_economics(rows_of(adopt=0.9, **apart))
    drifted = measure_economics(rows_of(drift=2.0, **apart))
    assert moved.trends.set_index("measure").loc["between share", "p"] < 0.05
    assert moved.beta.loc[0, "p"] < 0.05
    within = drifted.trends[drifted.trends["measure"] == "within"]
    assert (within["p"] < 0.001).all()
    assert (within["slope"] < 0).all()
    assert drifted.trends.loc[0, "p"] > 0.01
    assert drifted.beta.loc[0, "low"] < 0 < drifted.beta.loc[0, "high"]


EIGHT = dict(zip("BCDEFGHI", np.linspace(0.3, 0.7, 8), strict=True))


def closed(studies, seed, size=30):
    """What the plain regression and ours find closed in two years in which nothing changes."""
    rng = np.random.default_rng(seed)
    plain, found = [], []
    for _ in range(studies):
        yes, city, year = labels(rng, EIGHT, size=size, years=2)
        first, last = (np.array([yes[(city == c) & (year == t)].mean() for c in EIGHT]) for t in (2013, 2014))
        plain.append(-np.polyfit(first, last - first, 1)[0])
        found.append(measure_label_economics(yes, city, year, reference="B").beta.loc[0, "closed"])
    return np.array(plain), np.array(found)


def test_a_noisy_first_year_makes_no_beta():
    # Galton's fallacy: the plain regression finds a third of the distances closed (Friedman 1992).
    plain, found = closed(40, 5)
    assert np.mean(plain) > 0.25
    assert abs(np.nanmean(found)) < 3 * np.nanstd(found) / np.sqrt(len(found))


@pytest.mark.slow
def test_the_bias_of_beta_is_small():
    plain, found = closed(250, 12, size=60)
    assert np.isnan(found).mean() < 0.01
    assert abs(np.nanmean(found)) <= 0.02
    assert np.mean(plain) > 0.08


def test_two_cities_have_no_beta():
    found = measure_label_economics(*labels(np.random.default_rng(6), {"B": 0.7, "S": 0.3}), reference="B").beta.loc[0]
    assert found["status"] == "not estimable: 2 cities, a regression over cities needs three"
    assert found["cities"] == 2
    assert np.isnan(found["beta"])


def test_equal_cities_have_no_beta():
    found = measure_label_economics(
        *labels(np.random.default_rng(7), dict.fromkeys("BCS", 0.5), 20), reference="B"
    ).beta.loc[0]
    assert found["status"] == "not estimable: the cities are not seen to differ"


def test_a_period_without_a_city_is_not_estimable():
    yes, city, year = labels(np.random.default_rng(8), APART, 10, 3)
    kept = ~((city == "Shanghai") & (year == 2014))
    found = measure_label_economics(yes[kept], city[kept], year[kept], reference="Beijing")
    assert found.dispersion["status"].tolist() == ["", "not estimable: no firms of Shanghai", ""]
    assert np.isnan(found.dispersion.loc[1, "value"])
    assert found.trends.loc[0, "periods"] == 2


def test_one_year_has_no_trend():
    found = measure_label_economics(*labels(np.random.default_rng(9), APART, 10, 2), reference="Beijing",
                                    periods=[(2013, 2014)])  # fmt: skip
    assert found.trends.loc[0, "status"] == "not estimable: 1 period with every city in it, a trend needs two"
    assert found.beta.loc[0, "status"] == "not estimable: no two periods with every city in a shared stratum"


def test_no_shared_stratum():
    rows = rows_of()
    found = measure_economics(replace(rows, stratum=rows.city))
    assert found.dispersion["status"].unique().tolist() == ["not estimable: no stratum has three firms of every city"]


def test_order_does_not_matter_and_json_is_plain():
    yes, city, year = labels(np.random.default_rng(10), APART)
    order = np.random.default_rng(0).permutation(len(yes))
    found = measure_label_economics(yes, city, year, reference="Beijing").to_json()
    assert measure_label_economics(yes[order], city[order], year[order], reference="Beijing").to_json() == found
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_other_labels_are_refused():
    with pytest.raises(DataError, match=r"row 1 of the labels is 2; 1 .yes., 0 .no. or NaN"):
        measure_label_economics([0, 2], ["B", "S"], [1, 1], reference="B")


@pytest.mark.slow
@pytest.mark.parametrize("changes", [{}, {"persistence": 0.8}, {"growth": (12, 40)}])
def test_levels(changes):
    sigma, beta, found_closed = [], [], []
    for seed in range(120):
        found = measure_economics(rows_of(seed, contrast=0.8, **changes))
        sigma.append(found.trends.loc[0, "p"] < 0.05)
        beta.append(found.beta.loc[0, "p"] < 0.05)
        found_closed.append(found.beta.loc[0, "closed"])
    known = np.array(found_closed)[~np.isnan(found_closed)]
    assert np.mean(sigma) <= 0.11
    assert np.mean(beta) <= 0.11
    # Firms that stay take up new wording each year in this generator, which widens the cities: a little does close.
    allowed = 0.05 if changes.get("persistence") else 0.0
    assert abs(np.mean(known)) < allowed + max(0.02, 3 * np.std(known) / np.sqrt(len(known)))
