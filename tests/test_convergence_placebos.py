from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated_cities import Setting, simulate

from chainbert.convergence.cities import city_trend
from chainbert.convergence.placebos import CITIES, HALVES, YEARS, run_placebos
from chainbert.convergence.rows import check_rows
from chainbert.convergence.worlds import difference, pair_rows, permuted_cities, reference_halves
from chainbert.errors import ConfigError

SMALL = Setting(sizes={"Beijing": 24, "Shanghai": 12, "Shenzhen": 16}, years=3, dimension=24, contrast=0.9, noise=0.8)
LANGUAGES = {"Beijing": (0.5, 0.5), "Shanghai": (0.5, 0.5), "Shenzhen": (0.5, 0.5)}
SHENZHEN = 2
# Every placebo of a quick test: 19 is the least.
FEW = 19


def rows_of(setting=SMALL, seed=0):
    study = simulate(setting, np.random.default_rng(seed))
    return check_rows(
        study.vectors, study.city, study.year, reference="Beijing", firm=study.firm, strata=study.language
    )


def run(rows, seed=0, **options):
    return run_placebos(rows, SHENZHEN, rng=np.random.default_rng(seed), **({"draws": FEW} | options))


def by_placebo(found):
    return found.table.set_index("placebo")


@settings(max_examples=15, deadline=None)
@given(st.sampled_from([0.0, 0.6, 1.0]), st.integers(0, 999))
def test_permuted_firms_keep_one_city_and_the_cells_their_sizes(persistence, seed):
    rows = pair_rows(rows_of(replace(SMALL, persistence=persistence, chinese=LANGUAGES), seed), SHENZHEN, 0)
    world = permuted_cities(rows, difference(rows, SHENZHEN), SHENZHEN, np.random.default_rng(seed))
    assert np.linalg.norm(world.vectors, axis=1) == pytest.approx(1)
    cities = [set(world.city[world.firm == firm]) for firm in np.unique(world.firm)]
    assert all(len(one) == 1 for one in cities)
    assert (world.city != rows.city).any()
    unmoved = world.city == rows.city
    assert np.allclose(world.vectors[unmoved], rows.vectors[unmoved])
    if persistence in {0.0, 1.0}:
        # Firms enter together, so labels change within the cells themselves.
        cells = [sorted(zip(one.city, one.period, one.stratum, strict=True)) for one in (rows, world)]
        assert cells[0] == cells[1]


@settings(max_examples=15, deadline=None)
@given(st.sampled_from([0.0, 0.6, 1.0]), st.integers(0, 999))
def test_halves_are_the_references_firms_in_equal_parts(persistence, seed):
    rows = pair_rows(rows_of(replace(SMALL, persistence=persistence, chinese=LANGUAGES), seed), SHENZHEN, 0)
    world = reference_halves(rows, difference(rows, SHENZHEN), SHENZHEN, np.random.default_rng(seed))
    assert sorted(world.firm) == sorted(rows.firm[rows.city == 0])
    home = set(world.firm[world.city == SHENZHEN])
    assert not home & set(world.firm[world.city == 0])
    assert abs(2 * len(home) - len(set(world.firm))) <= 1
    first = world.period == 0
    assert abs((first & (world.city == SHENZHEN)).sum() - 12) <= 1


def test_the_constant_difference_is_that_of_the_means():
    rows = pair_rows(rows_of(replace(SMALL, years=1)), SHENZHEN, 0)
    expected = rows.vectors[rows.city == SHENZHEN].mean(axis=0) - rows.vectors[rows.city == 0].mean(axis=0)
    assert difference(rows, SHENZHEN)[0, 0] == pytest.approx(expected)


def test_the_difference_shrinks_with_the_spread_that_wording_shared_by_all_leaves():
    rows = pair_rows(rows_of(replace(SMALL, drift=2.0)), SHENZHEN, 0)
    lengths = np.linalg.norm(difference(rows, SHENZHEN)[:, 0], axis=1)
    assert lengths[0] > 1.2 * lengths[2]
    assert (np.diff(lengths) < 0).all()


def test_a_stratum_without_one_of_the_cities_has_no_difference():
    rows = pair_rows(rows_of(replace(SMALL, chinese=LANGUAGES)), SHENZHEN, 0)
    changed = replace(rows, stratum=np.where(rows.city == 0, 0, 1))
    assert (difference(changed, SHENZHEN) == 0).all()


def test_every_placebo_has_its_slopes_and_the_citys_own_beside_them():
    rows = rows_of(replace(SMALL, adopt=0.9))
    found = run(rows)
    assert found.table.columns.tolist() == [
        *("city", "placebo", "statistic", "draws", "p", "error"),
        *("share_significant", "chance", "passes", "status"),
    ]
    assert found.table["placebo"].tolist() == [YEARS, CITIES, HALVES]
    assert found.draws.groupby("placebo").size().to_dict() == {YEARS: FEW, CITIES: FEW, HALVES: FEW}
    own = city_trend(rows, SHENZHEN).slope
    assert found.table["statistic"].to_numpy() == pytest.approx(own.value / own.error)
    for placebo, record in by_placebo(found).iterrows():
        drawn = found.draws[found.draws["placebo"] == placebo]
        as_large = (drawn["statistic"].abs() >= abs(own.value / own.error)).sum()
        assert record["p"] == pytest.approx((1 + as_large) / (1 + FEW))
        assert record["error"] == pytest.approx(np.sqrt(record["p"] * (1 - record["p"]) / FEW))
        assert record["share_significant"] == pytest.approx((drawn["p"] < 0.05).mean())
    record = found.to_json()
    assert len(record["placebos"]) == 3
    assert len(record["draws"]) == 3 * FEW


def test_a_planted_convergence_passes():
    found = run(rows_of(replace(SMALL, contrast=1.0, noise=0.6, adopt=1.0)), draws=39)
    assert found.table["passes"].tolist() == [True, True, True]
    assert found.passes
    assert by_placebo(found).loc[[YEARS, CITIES], "p"].max() <= 0.05


def test_halves_of_the_reference_do_not_know_how_the_other_citys_spread_changes():
    rows = pair_rows(rows_of(replace(SMALL, contrast=1.0, noise=0.6)), SHENZHEN, 0)
    home = rows.city == SHENZHEN
    centre = rows.vectors[home].mean(axis=0)
    # Shenzhen's firms come to do one and the same thing: its spread shrinks to a third.
    shrunk = np.where(home, 1 - rows.period / 3, 1.0)[:, None]
    vectors = np.where(home[:, None], centre, 0) * (1 - shrunk) + rows.vectors * shrunk
    changed = replace(rows, vectors=vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
    lengths = np.linalg.norm(difference(changed, SHENZHEN, [0])[:, 0], axis=1)
    of_both = np.linalg.norm(difference(changed, SHENZHEN)[:, 0], axis=1)
    assert np.ptp(lengths) / lengths.mean() < 0.1
    assert of_both[2] < 0.9 * of_both[0]
    assert by_placebo(run(changed, draws=39)).loc[HALVES, "passes"]


def test_cities_that_keep_apart_and_drift_together_do_not_stand_out():
    found = [run(rows_of(replace(SMALL, drift=1.5), seed), seed) for seed in range(4)]
    # Two of two placebos at 5 %: all four sets would stand out once in a hundred thousand.
    assert sum(one.passes for one in found) <= 1
    significant = np.mean([by_placebo(one)["share_significant"] for one in found], axis=0)
    # A drift that the placebo worlds took for a change would make a third of them significant.
    assert (significant < 0.2).all()


def test_a_named_pair_is_one_slope_with_its_own_p():
    rows = rows_of(replace(SMALL, adopt=1.0))
    found = run(rows, pair=("Shanghai", "Beijing"))
    record = by_placebo(found).loc["Shanghai and Beijing"]
    slope = city_trend(rows, 1).slope
    assert record["draws"] == 1
    assert record["statistic"] == pytest.approx(slope.value / slope.error)
    assert record["p"] == pytest.approx(slope.p)
    assert record["passes"] == (slope.p >= 0.05)
    assert HALVES not in set(found.table["placebo"])


def test_a_named_pair_that_moves_does_not_pass():
    rows = rows_of(replace(SMALL, contrast=1.0, noise=0.5, adopt=1.0))
    found = run(rows, pair=("Shenzhen", "Beijing"))
    assert not by_placebo(found).loc["Shenzhen and Beijing", "passes"]
    assert not found.passes


def test_one_seed_gives_one_answer_whatever_the_order_of_rows():
    study = simulate(replace(SMALL, persistence=0.5), np.random.default_rng(6))
    answers = []
    for order in (np.arange(len(study.city)), np.random.default_rng(1).permutation(len(study.city))):
        columns = [column[order] for column in (study.vectors, study.city, study.year)]
        rows = check_rows(*columns, reference="Beijing", firm=study.firm[order])
        answers.append(run(rows).to_json())
    assert answers[0] == answers[1]
    assert answers[0] != run(rows, seed=1).to_json()


def test_a_city_without_a_slope_has_its_reason_and_no_pass():
    found = run(rows_of(replace(SMALL, years=1)))
    assert (found.table["status"].str.startswith("not estimable: the city has no slope")).all()
    assert not found.passes
    assert found.table["p"].isna().all()


def test_halves_too_small_are_not_estimable_and_do_not_count():
    rows = rows_of(
        replace(SMALL, sizes={"Beijing": 9, "Shanghai": 0, "Shenzhen": 9}, contrast=1.0, noise=0.5, adopt=1.0)
    )
    found = run_placebos(rows, 1, draws=39, rng=np.random.default_rng(0), smallest_cell=5)
    assert by_placebo(found).loc[HALVES, "status"] == "not estimable: 0 of 39 placebo slopes can be estimated"
    counted = by_placebo(found).loc[[YEARS, CITIES], "passes"]
    assert found.passes == counted.all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"draws": 10}, r"draws is 10; at least 19"),
        ({"pair": ("Shanghai", "Shenzen")}, r"'Shenzen' is not in the data.*Shenzhen"),
        ({"pair": ("Shanghai", "Shanghai")}, r"'Shanghai' twice; two cities"),
    ],
)
def test_faults_are_named(options, message):
    with pytest.raises(ConfigError, match=message):
        run(rows_of(), **options)


def test_progress_ends_at_its_total():
    calls = []
    run(rows_of(), pair=("Shanghai", "Beijing"), progress=lambda *step: calls.append(step))
    assert calls[0] == ("placebos of Shenzhen", 1, 2 * FEW + 1)
    assert calls[-1] == ("placebos of Shenzhen", 2 * FEW + 1, 2 * FEW + 1)


@pytest.mark.slow
@pytest.mark.parametrize("changes", [{}, {"drift": 1.5, "persistence": 0.6}], ids=["static", "drift and persistence"])
def test_placebo_p_values_are_uniform_where_the_gap_does_not_change(changes):
    sets = 40
    p = {YEARS: [], CITIES: [], HALVES: []}
    significant = []
    for seed in range(sets):
        rows = rows_of(replace(SMALL, sizes={"Beijing": 30, "Shanghai": 0, "Shenzhen": 20}, **changes), seed)
        found = by_placebo(run_placebos(rows, 1, draws=FEW, rng=np.random.default_rng(seed)))
        for placebo, values in p.items():
            values.append(found.loc[placebo, "p"])
        significant.append(found.loc[HALVES, "share_significant"])
    for values in p.values():
        # 40 sets: a share of 5 % is above 7 once in 1,000, one of 50 % outside 10 to 30 once in 1,000.
        assert np.sum(np.array(values) <= 0.05) <= 7
        assert 10 <= np.sum(np.array(values) <= 0.5) <= 30
    assert np.mean(significant) < 0.08
