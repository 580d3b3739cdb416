from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated_cities import Setting, simulate

from chainbert.convergence.cells import cells_of
from chainbert.convergence.cities import city_trend
from chainbert.convergence.gap import distances
from chainbert.convergence.power import _crossing, simulate_power
from chainbert.convergence.rows import check_rows
from chainbert.convergence.worlds import pair_rows, permuted_years, plant, units_of
from chainbert.errors import ConfigError

SMALL = Setting(
    sizes={"Beijing": 24, "Shanghai": 6, "Shenzhen": 16},
    years=3,
    dimension=24,
    contrast=0.9,
    noise=0.8,
    chinese={"Beijing": (0.5, 0.5), "Shanghai": (0.5, 0.5), "Shenzhen": (0.5, 0.5)},
)
CLEAR = replace(SMALL, chinese=None, contrast=1.0, noise=0.6)
SHENZHEN = 2


def rows_of(setting=SMALL, seed=0):
    study = simulate(setting, np.random.default_rng(seed))
    return check_rows(
        study.vectors, study.city, study.year, reference="Beijing", firm=study.firm, strata=study.language
    )


def cells(rows):
    return sorted(zip(rows.city, rows.period, rows.stratum, strict=True))


def a_world(setting, seed):
    rows = pair_rows(rows_of(setting, seed), SHENZHEN, 0)
    units = units_of(rows)
    return rows, units, permuted_years(rows, units, np.random.default_rng(seed))


def test_the_pair_alone_has_the_citys_trend():
    rows = rows_of()
    assert city_trend(pair_rows(rows, SHENZHEN, 0), SHENZHEN) == city_trend(rows, SHENZHEN)


@settings(max_examples=15, deadline=None)
@given(st.sampled_from([0.0, 0.6, 1.0]), st.integers(0, 999))
def test_a_world_without_change_keeps_cells_and_brings_no_text_twice_into_one(persistence, seed):
    rows, _, world = a_world(replace(SMALL, persistence=persistence), seed)
    assert cells(world) == cells(rows)
    for city in (0, SHENZHEN):
        for period in range(3):
            here = (world.city == city) & (world.period == period)
            between = distances(world.vectors[here])
            assert (between[~np.eye(len(between), dtype=bool)] > 0.01).all()
            assert len(np.unique(world.firm[here])) == here.sum()
            # Texts stay in their city and stratum.
            for stratum in range(2):
                own = rows.vectors[(rows.city == city) & (rows.stratum == stratum)]
                placed = world.vectors[here & (world.stratum == stratum)]
                assert (placed[:, None] == own[None]).all(axis=2).any(axis=1).all()


def test_firms_that_stay_keep_together_and_take_every_place():
    rows = pair_rows(rows_of(replace(SMALL, persistence=1.0)), SHENZHEN, 0)
    units, rng = units_of(rows), np.random.default_rng(1)
    seen = set()
    for _ in range(30):
        world = permuted_years(rows, units, rng)
        # A row's text belongs to the firm it names: all its texts are of one unit.
        text = {vector.tobytes(): unit for vector, unit in zip(rows.vectors, units.of, strict=True)}
        assert [text[vector.tobytes()] for vector in world.vectors] == world.firm.tolist()
        seen |= {(world.vectors[place].tobytes(), int(world.period[place])) for place in (0, 1, 2)}
    assert len(seen) > 30


@settings(max_examples=15, deadline=None)
@given(st.sampled_from([0.0, 0.6, 1.0]), st.floats(0.05, 1.0), st.integers(0, 999))
def test_a_copy_never_meets_its_original_or_another_copy(persistence, share, seed):
    _, units, world = a_world(replace(SMALL, persistence=persistence), seed)
    planted, realised = plant(world, units, SHENZHEN, share, np.array([0.0, 0.5, 1.0]), np.random.default_rng(seed))
    assert 0 <= realised <= share + 1e-12
    for period in range(3):
        here = planted.period == period
        between = distances(planted.vectors[here])
        assert (between[~np.eye(len(between), dtype=bool)] > 0.01).all()
        assert len(np.unique(planted.firm[here])) == here.sum()
        home = here & (planted.city == SHENZHEN)
        assert home.sum() == ((world.period == period) & (world.city == SHENZHEN)).sum()
        kept = (here & (planted.city == 0)).sum()
        # The reference keeps more than half of each stratum's cell.
        assert kept > ((world.period == period) & (world.city == 0)).sum() / 2


def test_adoption_grows_evenly_from_none_and_is_kept():
    rows, units, world = a_world(replace(SMALL, sizes={"Beijing": 90, "Shanghai": 4, "Shenzhen": 60}), 3)
    reference = {vector.tobytes() for vector in rows.vectors[rows.city == 0]}
    shares = []
    for seed in range(40):
        done = np.array([0.0, 0.5, 1.0])
        planted, realised = plant(world, units, SHENZHEN, 0.6, done, np.random.default_rng(seed))
        assert realised == pytest.approx(0.6)
        adopted = np.array([vector.tobytes() in reference for vector in planted.vectors])
        home = planted.city == SHENZHEN
        shares.append([adopted[home & (planted.period == period)].mean() for period in range(3)])
    assert np.mean(shares, axis=0) == pytest.approx([0.0, 0.3, 0.6], abs=0.03)


def test_a_panels_adopters_stay_adopted():
    rows, units, world = a_world(replace(SMALL, persistence=1.0, chinese=None), 4)
    reference = {vector.tobytes() for vector in rows.vectors[rows.city == 0]}
    planted, _ = plant(world, units, SHENZHEN, 0.5, np.array([0.0, 0.5, 1.0]), np.random.default_rng(0))
    home = np.flatnonzero(planted.city == SHENZHEN)
    adopted = np.array([planted.vectors[place].tobytes() in reference for place in home])
    place = np.flatnonzero(world.city == SHENZHEN)
    by_unit = {}
    for row, yes, period in zip(place, adopted, planted.period[home], strict=True):
        by_unit.setdefault(int(units.of[row]), {})[int(period)] = bool(yes)
    assert any(any(one.values()) for one in by_unit.values())
    for one in by_unit.values():
        flags = [one[period] for period in sorted(one)]
        assert flags == sorted(flags)


def test_the_gap_of_a_world_without_change_is_the_same_in_every_period():
    rows = pair_rows(rows_of(replace(CLEAR, adopt=1.0)), SHENZHEN, 0)
    units, rng = units_of(rows), np.random.default_rng(5)
    values = [city_trend(permuted_years(rows, units, rng), SHENZHEN).slope.value for _ in range(60)]
    # The set itself converges; its permuted worlds do not.
    assert city_trend(rows, SHENZHEN).slope.value < -3 * np.std(values)
    assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(60)


def test_power_grows_with_adoption_and_is_the_level_without():
    found = simulate_power(rows_of(CLEAR), SHENZHEN, studies=40, shares=(0.3, 1.0), rng=np.random.default_rng(0))
    assert found.table.columns.tolist() == ["city", "share", "planted", "closing", "power", "error", "studies"]
    assert found.table["share"].tolist() == [0.0, 0.3, 1.0]
    assert found.table["power"].is_monotonic_increasing
    assert found.table["closing"].iloc[0] == 0
    assert found.table["closing"].iloc[-1] == pytest.approx(1.0, abs=0.25)
    assert found.table["power"].iloc[-1] > 0.9
    assert 0.1 < found.minimum_share < 1
    assert found.minimum == f"{found.minimum_share:.2f}"
    assert found.minimum_closing > found.margin
    assert 0.02 < found.margin_share < found.minimum_share
    assert found.size < 0.2
    assert 0 < found.power_at_margin < 0.8
    record = found.to_json()
    assert record["curve"][2]["share"] == 1.0
    assert record["minimum_share"] == found.minimum_share


def test_one_seed_gives_one_curve_whatever_the_order_of_rows():
    study = simulate(SMALL, np.random.default_rng(6))
    curves = []
    for order in (np.arange(len(study.city)), np.random.default_rng(1).permutation(len(study.city))):
        columns = [column[order] for column in (study.vectors, study.city, study.year)]
        rows = check_rows(*columns, reference="Beijing", firm=study.firm[order], strata=study.language[order])
        found = simulate_power(rows, SHENZHEN, studies=20, shares=(0.5,), rng=np.random.default_rng(2))
        curves.append(found.to_json())
    assert curves[0] == curves[1]


def test_a_small_set_says_that_not_even_full_adoption_is_found():
    few = replace(SMALL, sizes={"Beijing": 8, "Shanghai": 5, "Shenzhen": 6}, noise=2.5, chinese=None, contrast=0.8)
    found = simulate_power(rows_of(few, 1), SHENZHEN, studies=30, shares=(1.0,), rng=np.random.default_rng(0))
    assert found.minimum == "> 1: not even full adoption"
    assert np.isnan([found.minimum_share, found.minimum_closing]).all()
    assert found.power_at_margin < 0.5
    assert found.to_json()["minimum_share"] is None


def test_cities_without_a_gap_and_sets_without_periods_are_not_estimable():
    one = simulate_power(
        rows_of(replace(SMALL, years=1)), SHENZHEN, studies=20, shares=(1.0,), rng=np.random.default_rng(0)
    )
    assert one.status == "not estimable: fewer than two periods with a gap"
    assert np.isnan(one.power_at_margin)
    rows = rows_of(replace(SMALL, contrast=0.0), 6)
    gaps = [cell.status for cell in cells_of(rows, SHENZHEN, 5, rows.vectors)]
    assert gaps == [""] * 3
    same = simulate_power(rows, SHENZHEN, studies=20, shares=(1.0,), rng=np.random.default_rng(0))
    assert same.status == "not estimable: cities without a gap have none to close"
    assert np.isnan(same.power_at_margin)


def test_progress_ends_at_its_total():
    calls = []
    simulate_power(
        rows_of(),
        SHENZHEN,
        studies=20,
        shares=(0.5,),
        rng=np.random.default_rng(0),
        progress=lambda *step: calls.append(step),
    )
    assert calls[0] == ("power for Shenzhen", 1, 60)
    assert calls[-1] == ("power for Shenzhen", 60, 60)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"studies": 5}, r"studies is 5; at least 20"),
        ({"shares": ()}, r"shares are \[\]; shares of adopting firms above 0"),
        ({"shares": (0.5, 1.2)}, r"shares are \[0.5, 1.2\]; shares of adopting firms above 0"),
        ({"margin": 1.0}, r"margin is 1.0; a share between 0 and 1"),
    ],
)
def test_numbers_outside_their_range_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        simulate_power(rows_of(), SHENZHEN, rng=np.random.default_rng(0), **options)


def test_crossings_by_hand():
    x = np.array([0.0, 0.5, 1.0])
    assert _crossing(x, np.array([0.0, 0.4, 1.0]), 0.7) == pytest.approx(0.75)
    assert _crossing(x, np.array([0.0, 0.9, 0.5]), 0.45) == pytest.approx(0.25)
    assert np.isnan(_crossing(x, np.array([0.0, 0.2, 0.6]), 0.8))
    assert _crossing(x, np.array([0.9, 1.0, 1.0]), 0.8) == 0.0


@pytest.mark.slow
@pytest.mark.parametrize(("persistence", "least"), [(0.0, 0.02), (0.8, 0.005)])
def test_the_size_without_change_is_the_level(persistence, least):
    # Half of the sets converge: their worlds must not.
    p = []
    for seed in range(40):
        rows = pair_rows(rows_of(replace(SMALL, persistence=persistence, adopt=0.8 * (seed % 2)), seed), SHENZHEN, 0)
        units = units_of(rows)
        for draw in range(20):
            world = permuted_years(rows, units, np.random.default_rng([seed, draw]))
            p.append(city_trend(world, SHENZHEN).slope.p)
    # With firms that stay the test itself is careful (about 2 %).
    assert least <= np.mean(np.array(p) < 0.05) <= 0.07


@pytest.mark.slow
def test_power_by_simulation_is_that_over_fresh_studies():
    setting, done = replace(SMALL, chinese=None), np.array([0.0, 0.5, 1.0])
    fresh = [city_trend(rows_of(replace(setting, adopt=0.6), 10_000 + seed), SHENZHEN).slope for seed in range(300)]
    planted = []
    for seed in range(40):
        rows = pair_rows(rows_of(setting, seed), SHENZHEN, 0)
        units = units_of(rows)
        for draw in range(10):
            rng = np.random.default_rng([seed, draw])
            world, _ = plant(permuted_years(rows, units, rng), units, SHENZHEN, 0.6, done, rng)
            planted.append(city_trend(world, SHENZHEN).slope)
    # Copies that met their originals would close too much, copies that met each other too little.
    means = [np.mean([one.value for one in slopes]) for slopes in (fresh, planted)]
    powers = [np.mean([one.p < 0.05 and one.value < 0 for one in slopes]) for slopes in (fresh, planted)]
    assert means[1] == pytest.approx(means[0], rel=0.15)
    assert powers[1] == pytest.approx(powers[0], abs=0.10)


def test_a_share_that_leaves_no_study_a_slope_has_no_power_and_no_warning():
    """The reference has five firms a year: what adopters take from it leaves too few in the second."""
    sizes = {"Beijing": 5, "Shanghai": 0, "Shenzhen": 12}
    study = simulate(replace(CLEAR, years=2, sizes=sizes), np.random.default_rng(0))
    rows = check_rows(study.vectors, study.city, study.year, reference="Beijing", firm=study.firm)
    found = simulate_power(rows, 1, studies=20, shares=(1.0,), rng=np.random.default_rng(0))
    assert found.status == ""
    assert found.table["studies"].tolist() == [20, 0]
    assert found.table[["closing", "power", "error"]].iloc[1].isna().all()
    assert found.to_json()["curve"][1]["power"] is None
