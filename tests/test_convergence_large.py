import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated_cities import Setting, simulate

from chainbert.convergence.cells import cells_of, centred_rows
from chainbert.convergence.gap import Block, block_sums, distances, gap, stratified_gap
from chainbert.convergence.jackknife import firm_covariance, leave_one_out
from chainbert.convergence.large import large_gap
from chainbert.convergence.largerows import large_rows
from chainbert.convergence.largetrend import large_trends
from chainbert.convergence.permutation import permutation_test
from chainbert.convergence.rows import check_rows
from chainbert.convergence.tiles import TILE
from chainbert.convergence.trend import trend
from chainbert.errors import ConfigError, DataError


def themed(n, contrast, seed, dimension=64, own=(0, 1, 2), noise=1.5):
    """Rows of one city: 8 themes that all cities share, its own with more weight."""
    themes = np.random.default_rng(8).standard_normal((8, dimension))
    share = np.full(8, (1 - contrast) / 8)
    share[list(own)] += contrast / len(own)
    rng = np.random.default_rng(seed)
    rows = themes[rng.choice(8, size=n, p=share)] + noise * rng.standard_normal((n, dimension))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def two_cities(n, m, contrast, seed=0, **more):
    return themed(n, contrast, 2 * seed, own=(5, 6, 7), **more), themed(m, contrast, 2 * seed + 1, **more)


def with_copies(rows, share, seed):
    """Some rows replaced by one and the same text."""
    copied = rows.copy()
    copied[np.random.default_rng(seed).random(len(rows)) < share] = rows[0]
    return copied


def matrix_error(home, reference):
    """Gap and standard error from the whole matrix."""
    rows = np.concatenate([home, reference])
    blocks = (Block(distances(rows), np.arange(len(rows)) < len(home), np.arange(len(rows))),)
    return float(firm_covariance([leave_one_out(blocks)], np.arange(len(rows))).error(np.ones(1)))


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 12), st.integers(2, 12), st.integers(0, 9999))
def test_small_sets_equal_the_matrix_to_rounding(n, m, seed):
    home, reference = two_cities(n, m, 0.5, seed, dimension=5)
    found = large_gap(home, reference, rng=np.random.default_rng(0))
    assert found.value == pytest.approx(gap(home, reference), abs=1e-12)
    assert found.error == pytest.approx(matrix_error(home, reference), abs=1e-12, nan_ok=True)
    assert (found.own_error, found.estimated) == (0, False)


@pytest.mark.parametrize("contrast", [0.0, 0.5])
def test_tiles_of_more_than_one_row_of_tiles_equal_the_matrix(contrast):
    home, reference = two_cities(TILE + 60, 2 * TILE + 1, contrast)
    found = large_gap(home, reference, rng=np.random.default_rng(0))
    assert found.value == pytest.approx(gap(home, reference), abs=1e-12)
    assert found.error == pytest.approx(matrix_error(home, reference), abs=1e-12)


@pytest.mark.parametrize("contrast", [0.0, 0.1, 0.5])
def test_the_estimate_of_thousands_is_within_a_fifth_of_the_standard_error(contrast):
    home, reference = two_cities(2000, 1500, contrast, dimension=384)
    exact = large_gap(home, reference, rng=np.random.default_rng(0))
    found = large_gap(home.astype(np.float32), reference, rng=np.random.default_rng(0), block=200, exact_up_to=0)
    assert found.estimated
    assert abs(found.value - exact.value) <= min(0.002, 0.2 * exact.error)
    assert abs(found.value - exact.value) <= 5 * found.own_error
    assert found.error == pytest.approx(exact.error, rel=0.01)


@pytest.mark.parametrize("case", ["apart", "one distribution", "tight", "copies", "few dimensions", "sizes"])
def test_the_estimate_is_unbiased_and_its_own_error_honest(case):
    home, reference = {
        "apart": lambda: two_cities(700, 500, 0.5),
        "one distribution": lambda: two_cities(700, 500, 0.0),
        "tight": lambda: two_cities(700, 500, 0.3, noise=0.3),
        "copies": lambda: [with_copies(one, 0.1, 3) for one in two_cities(700, 500, 0.2)],
        "few dimensions": lambda: two_cities(700, 500, 0.1, dimension=4),
        "sizes": lambda: two_cities(1300, 130, 0.3),
    }[case]()
    exact = large_gap(home, reference, rng=np.random.default_rng(0)).value
    found = [
        large_gap(home, reference, rng=np.random.default_rng(seed), block=100, exact_up_to=0) for seed in range(30)
    ]
    off = np.array([one.value - exact for one in found])
    own = np.array([one.own_error for one in found])
    assert abs(off.mean()) <= 3.5 * off.std() / np.sqrt(len(off))
    assert np.mean(np.abs(off) <= 2 * own) >= 0.9
    assert 0.7 < np.sqrt((off**2).mean() / (own**2).mean()) < 1.4


def test_larger_blocks_bring_the_estimate_nearer():
    home, reference = two_cities(800, 800, 0.3)
    own = [
        large_gap(home, reference, rng=np.random.default_rng(0), block=b, exact_up_to=0).own_error for b in (100, 400)
    ]
    # The variance falls as 1/block, and by the share of all pairs that is used.
    assert own[1] / own[0] == pytest.approx(np.sqrt((1 - 400 / 800) / 400 / ((1 - 100 / 800) / 100)), rel=0.05)


@pytest.mark.parametrize("exact_up_to", [0, 10_000])
def test_the_order_of_rows_does_not_matter(exact_up_to):
    home, reference = two_cities(600, 300, 0.3)
    turned = np.random.default_rng(1).permutation(600)
    found = [
        large_gap(one, reference, rng=np.random.default_rng(0), block=100, exact_up_to=exact_up_to)
        for one in (home, home[turned])
    ]
    assert found[0] == found[1]


def test_memory_grows_with_the_firms_and_not_with_their_pairs():
    peaks = []
    for n in (2000, 4000):
        home, reference = (one.astype(np.float32) for one in two_cities(n, n, 0.3))
        tracemalloc.start()
        large_gap(home, reference, rng=np.random.default_rng(0), block=200, exact_up_to=0)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 2.2 * peaks[0]
    assert peaks[1] < 4000**2


def test_what_cannot_be_measured_is_said():
    rows = themed(10, 0.5, 0)
    with pytest.raises(DataError, match="a gap needs two rows in each set, found 1 and 10"):
        large_gap(rows[:1], rows, rng=np.random.default_rng(0))
    with pytest.raises(ConfigError, match="block is 99 firms a city; at least 100 were expected"):
        large_gap(rows, rows, rng=np.random.default_rng(0), block=99)
    same = np.tile(rows[:1], (300, 1))
    for exact_up_to in (0, 1000):
        with pytest.raises(DataError, match="all rows of both sets are equal"):
            large_gap(same, same, rng=np.random.default_rng(0), block=100, exact_up_to=exact_up_to)


PANEL = Setting(
    years=3,
    dimension=64,
    sizes={"Beijing": 160, "Shanghai": 110, "Shenzhen": 120},
    persistence=0.8,
    contrast=0.2,
    adopt=0.5,
    chinese={"Beijing": (0.8, 0.7), "Shenzhen": (0.5, 0.6)},
)


def checked(study, door=check_rows, **more):
    columns = study.city, study.year
    return door(study.vectors, *columns, reference="Beijing", firm=study.firm, strata=study.language, **more)


@pytest.fixture(scope="module")
def panel():
    """Rows of a panel in two languages, and their gaps and trends from whole matrices."""
    rows = checked(simulate(PANEL, np.random.default_rng(5)))
    # Some firms change their city before the last period.
    last = np.flatnonzero(rows.period == 2)[:150]
    firm = rows.firm.copy()
    firm[last] = np.random.default_rng(1).permutation(firm[last])
    rows = replace(rows, firm=firm)
    centre = centred_rows(rows)
    expected = {}
    for code in (1, 2):
        cells = cells_of(rows, code, 5, rows.vectors)
        influences = [leave_one_out(cell.blocks) for cell in cells]
        gaps = np.array([float(stratified_gap(block_sums(cell.blocks))) for cell in cells])
        sizes = np.array([n * m / (n + m) for n, m in (cell.used() for cell in cells)])
        line = trend(gaps, firm_covariance(influences, rows.firm), rows.midpoints, sizes, 0.25, 100)
        others = [float(stratified_gap(block_sums(cell.blocks))) for cell in cells_of(rows, code, 5, centre)]
        expected[rows.cities[code]] = (cells, gaps, others, line)
    return rows, expected


def test_trends_of_small_sets_equal_the_matrices_to_rounding(panel):
    rows, expected = panel
    found = large_trends(rows, rng=np.random.default_rng(0))
    assert list(found) == ["Shanghai", "Shenzhen"]
    for city, (_, gaps, others, line) in expected.items():
        records = found[city].gaps
        assert np.allclose([one["gap"] for one in records], gaps, rtol=0, atol=1e-12)
        assert np.allclose([one["gap_centred"] for one in records], others, rtol=0, atol=1e-12)
        assert found[city].trend.slope.value == pytest.approx(line.slope.value, abs=1e-12)
        assert found[city].trend.slope.error == pytest.approx(line.slope.error, abs=1e-12)
        assert found[city].trend.margin == pytest.approx(line.margin, abs=1e-12)
        assert [one["gap_error"] for one in records] == [0, 0, 0]
        assert not any(one["estimated"] for one in records)
        assert found[city].periods == [0, 1, 2]


def test_estimated_trends_say_how_far_off_they_may_be(panel):
    rows, expected = panel
    found = large_trends(rows, rng=np.random.default_rng(0), block=100, exact_up_to=0)
    for city, (_, gaps, others, line) in expected.items():
        records = found[city].gaps
        off = np.abs(np.array([one["gap"] for one in records]) - gaps)
        own = np.array([one["gap_error"] for one in records])
        assert all(one["estimated"] for one in records)
        assert (off <= 5 * own + 1e-7).all()
        assert (off <= 0.2 * np.array([one["error"] for one in records])).all()
        assert np.allclose([one["gap_centred"] for one in records], others, rtol=0, atol=1e-3)
        assert found[city].trend.slope.error == pytest.approx(line.slope.error, rel=0.01)


def test_one_more_city_leaves_the_others_numbers_alone(panel):
    rows, _ = panel
    stay = rows.city != rows.cities.index("Shanghai")
    fewer = replace(
        rows,
        **{name: getattr(rows, name)[stay] for name in ("vectors", "period", "firm", "stratum", "source")},
        city=(rows.city[stay] > 0).astype(np.int64),
        cities=("Beijing", "Shenzhen"),
    )
    every = large_trends(rows, rng=np.random.default_rng(0), block=100, exact_up_to=0)["Shenzhen"]
    few = large_trends(fewer, rng=np.random.default_rng(0), block=100, exact_up_to=0)["Shenzhen"]
    assert [one["gap"] for one in every.gaps] == [one["gap"] for one in few.gaps]


def test_pairs_in_two_periods_are_estimated_from_some_of_them(panel, monkeypatch):
    rows, expected = panel
    monkeypatch.setattr("chainbert.convergence.largetrend.MOST_SHARED", 100)
    found = large_trends(rows, rng=np.random.default_rng(0), block=100, exact_up_to=0)
    for city, (_, _, _, line) in expected.items():
        assert found[city].trend.slope.error == pytest.approx(line.slope.error, rel=0.03)


def test_cells_that_cannot_be_estimated_keep_their_reason(panel):
    rows, _ = panel
    found = large_trends(rows, rng=np.random.default_rng(0), smallest_cell=115, exact_up_to=0)["Shanghai"]
    assert [one["status"] for one in found.gaps] == ["not estimable: 110 firms"] * 3
    assert found.trend is None
    assert np.isnan(found.gaps[0]["gap"])
    same = replace(rows, vectors=np.tile(rows.vectors[:1], (len(rows.city), 1)))
    for exact_up_to in (0, 10_000):
        found = large_trends(same, rng=np.random.default_rng(0), exact_up_to=exact_up_to)["Shenzhen"]
        assert {one["status"] for one in found.gaps} == {"not estimable: no two texts of a city differ"}


def test_the_shape_of_chance_is_that_of_permutations(panel):
    rows, _ = panel
    # Rows shuffled between the cities of a period and language: nothing differs but by chance.
    blend = rows.city.copy()
    rng = np.random.default_rng(4)
    for period in range(3):
        for stratum in np.unique(rows.stratum):
            here = (rows.period == period) & (rows.stratum == stratum)
            blend[here] = rng.permutation(blend[here])
    mixed = replace(rows, city=blend)
    for one in (rows, mixed):
        found = large_trends(one, rng=np.random.default_rng(0))
        for code in (1, 2):
            for cell, record in zip(cells_of(one, code, 5, one.vectors), found[one.cities[code]].gaps, strict=True):
                drawn = permutation_test(cell.blocks, 1999, rng)
                assert record["p"] == pytest.approx(drawn.p, abs=0.035)
                if drawn.near_zero:
                    width = drawn.high - drawn.low
                    assert (record["low"], record["high"]) == pytest.approx((drawn.low, drawn.high), abs=0.08 * width)


@pytest.mark.parametrize(("contrast", "fewest", "most"), [(0.0, 1, 12), (1.0, 108, 120)])
def test_level_and_power_of_the_shape_of_chance(contrast, fewest, most):
    # 120 periods that have nothing in common; at 5 % 1 to 12 of them with a chance of 99.5 %.
    cells = [two_cities(40, 25, contrast, seed, dimension=32) for seed in range(120)]
    vectors = np.concatenate([rows for cell in cells for rows in cell])
    year = np.repeat(np.arange(120) + 1900, 65)
    rows = check_rows(vectors, np.tile(["home"] * 40 + ["Beijing"] * 25, 120), year, reference="Beijing")
    p = np.array([one["p"] for one in large_trends(rows, rng=np.random.default_rng(0))["home"].gaps])
    assert fewest <= (p <= 0.05).sum() <= most
    assert contrast or 0.4 < p.mean() < 0.6


def test_the_large_door_gives_the_same_firms_in_single_precision(tmp_path):
    study = simulate(PANEL, np.random.default_rng(6))
    stored = np.lib.format.open_memmap(tmp_path / "rows.npy", "w+", np.float32, study.vectors.shape)
    stored[:] = study.vectors
    stored.flush()
    large = checked(replace(study, vectors=np.load(tmp_path / "rows.npy", mmap_mode="r")), large_rows, double_up_to=10)
    usual = checked(study)
    assert large.vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(large.vectors, axis=1), 1, atol=1e-6)
    # Each in an order of its own; in the file's order they are the same.
    for rows in (large, usual):
        assert np.allclose(rows.vectors, study.vectors[rows.source], atol=1e-6)
    back, forth = np.argsort(large.source), np.argsort(usual.source)
    for name in ("city", "period", "firm", "stratum", "source"):
        assert getattr(large, name)[back].tolist() == getattr(usual, name)[forth].tolist()
    for name in ("cities", "reference", "labels", "outside", "replaced"):
        assert getattr(large, name) == getattr(usual, name)


def test_the_large_door_forgets_the_order_of_the_file():
    study = simulate(PANEL, np.random.default_rng(6))
    turned = np.random.default_rng(2).permutation(len(study.city))
    parts = ("vectors", "city", "year", "firm", "language", "sentences")
    other = replace(study, **{name: getattr(study, name)[turned] for name in parts})
    found = [
        large_trends(checked(one, large_rows, double_up_to=0), rng=np.random.default_rng(0), block=100, exact_up_to=0)
        for one in (study, other)
    ]
    assert found[0] == found[1]


def test_the_large_door_says_which_row_is_wrong():
    study = simulate(PANEL, np.random.default_rng(6))
    for value, said in ((np.nan, "nan"), (0.0, "0"), (2.0, r"[2-9]\.")):
        vectors = study.vectors.astype(np.float32)
        vectors[7] *= 0 if value == 0 else 1
        vectors[7, 0] = value
        with pytest.raises(DataError, match=rf"row 7 of the vectors is not of unit length \({said}"):
            checked(replace(study, vectors=vectors), large_rows, double_up_to=0)
    with pytest.raises(DataError, match="no row lies in one of the periods 1990"):
        checked(study, large_rows, double_up_to=0, periods=[(1990, 1991)])
    with pytest.raises(DataError, match="One row a firm and year was expected"):
        large_rows(
            study.vectors, study.city, [2020] * len(study.city), reference="Beijing", firm=study.firm, double_up_to=0
        )
    with pytest.raises(ConfigError, match="the reference city 'Beijin' is not in the data"):
        large_rows(study.vectors, study.city, study.year, reference="Beijin", double_up_to=0)
    alone = large_rows(study.vectors, study.city, study.year, reference="Beijing", double_up_to=0)
    assert alone.firms == len(study.city)
