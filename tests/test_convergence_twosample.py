import importlib
import time
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated_cities import Setting, simulate
from test_convergence_jackknife import cell

from chainbert.convergence.gap import distances
from chainbert.convergence.location import permuted_labels
from chainbert.convergence.rows import check_rows
from chainbert.convergence.twosample import (
    COLUMNS,
    energy,
    gaussian,
    median_distance,
    mmd,
    mmd_test,
    permanova_f,
    permdisp_f,
    spatial_median,
    two_sample_records,
)
from chainbert.errors import DataError

CASES = range(20)
sizes = st.tuples(st.integers(2, 12), st.integers(2, 12), st.integers(0, 10_000))


def two_sets(n, m, seed, dimension=5):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, dimension)), 1.3 * rng.standard_normal((m, dimension)) + 0.4


def case(seed):
    rng = np.random.default_rng(seed)
    return two_sets(int(rng.integers(4, 40)), int(rng.integers(4, 40)), seed, int(rng.integers(1, 30)))


def groups(seed):
    """Rows (k, ≤ 8) of two to four groups."""
    rng = np.random.default_rng(seed)
    size = rng.integers(3, 15, size=2 + seed % 3)
    group = rng.permutation(np.repeat(np.arange(len(size)), size))
    return rng.standard_normal((len(group), 2 + seed % 7)) * (1 + 0.3 * group[:, None]) + 0.2 * group[:, None], group


def oracle(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own use of numba, scipy and numpy
        return importlib.import_module(name)


@pytest.fixture(scope="module")
def dcor():
    return oracle("dcor")


@pytest.fixture(scope="module")
def hyppo():
    return oracle("hyppo.ksample")


@pytest.fixture(scope="module")
def scikit_bio():
    return oracle("skbio.stats.distance")


# The oracles compile themselves for seconds: among the slow tests.
@pytest.mark.slow
@pytest.mark.parametrize("seed", CASES)
def test_energy_is_that_of_dcor(seed, dcor):
    home, reference = case(seed)
    unbiased, plug_in = (
        float(dcor.energy_distance(home, reference, estimation_stat=kind)) for kind in ("U_STATISTIC", "V_STATISTIC")
    )
    assert energy(home, reference) == pytest.approx(unbiased, abs=1e-10)
    assert energy(home, reference, unbiased=False) == pytest.approx(plug_in, abs=1e-10)


@pytest.mark.slow
@pytest.mark.parametrize("seed", CASES)
def test_unbiased_mmd_is_the_energy_of_dcor_under_the_kernels_distance(seed, dcor):
    home, reference = case(seed)
    pooled = np.concatenate([home, reference])
    kernel = gaussian(distances(pooled), median_distance([distances(pooled)]))
    first = np.arange(len(pooled)) < len(home)
    parts = [1 - kernel[np.ix_(a, b)] for a, b in ((first, first), (~first, ~first), (first, ~first))]
    found = dcor._energy._energy_distance_from_distance_matrices(*parts, estimation_stat="U_STATISTIC")
    assert mmd(home, reference) == pytest.approx(float(found), abs=1e-10)


@pytest.mark.slow
@pytest.mark.parametrize("seed", CASES)
def test_energy_is_that_of_hyppo_whose_covariance_is_a_root(seed, hyppo):
    home, reference = case(seed)
    factor = (len(home) + len(reference)) ** 4 / (2 * len(home) ** 2 * len(reference) ** 2)
    found = float(hyppo.Energy(bias=True).statistic(home, reference))
    assert energy(home, reference, unbiased=False) == pytest.approx(found**2 / factor, abs=1e-10)


@pytest.mark.slow
@pytest.mark.parametrize("seed", CASES)
def test_mmd_is_that_of_hyppo_whose_statistic_is_a_correlation(seed, hyppo):
    home, reference = case(seed)
    pooled = np.concatenate([home, reference])
    first = np.arange(len(pooled)) < len(home)
    factor = len(pooled) ** 4 / (2 * len(home) ** 2 * len(reference) ** 2)
    kernel = gaussian(distances(pooled), median_distance([distances(pooled)]))
    norms = [(double_centred(one) ** 2).mean() for one in (kernel, (first[:, None] != first).astype(float))]
    correlation = (factor * float(hyppo.MMD(bias=True).statistic(home, reference))) ** 2
    expected = correlation * np.sqrt(np.prod(norms)) * factor
    assert mmd(home, reference, unbiased=False) == pytest.approx(expected, abs=1e-10)


def double_centred(matrix):
    return matrix - matrix.mean(axis=0) - matrix.mean(axis=1, keepdims=True) + matrix.mean()


@pytest.mark.slow
@pytest.mark.parametrize("seed", CASES)
def test_permanova_is_that_of_scikit_bio(seed, scikit_bio):
    rows, group = groups(seed)
    found = scikit_bio.permanova(scikit_bio.DistanceMatrix(distances(rows)), group, permutations=0)
    assert permanova_f(distances(rows), group) == pytest.approx(found["test statistic"], abs=1e-10)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*eigenvalue.*")  # rounding of an exact Euclidean matrix
@pytest.mark.parametrize("centre", ["centroid", "median"])
@pytest.mark.parametrize("seed", CASES)
def test_permdisp_is_that_of_scikit_bio(seed, centre, scikit_bio):
    rows, group = groups(seed)
    found = scikit_bio.permdisp(
        scikit_bio.DistanceMatrix(distances(rows)), group, test=centre, permutations=0, dimensions=rows.shape[1]
    )
    assert permdisp_f(rows, group, centre=centre, step=1e-7) == pytest.approx(found["test statistic"], abs=1e-10)


def test_values_by_hand():
    home, reference = np.array([[0.0], [2.0]]), np.array([[3.0], [7.0]])
    # Between 3, 7, 1, 5; within 2 and 4.
    assert energy(home, reference) == pytest.approx(2 * 4 - 2 - 4)
    assert energy(home, reference, unbiased=False) == pytest.approx(2 * 4 - 1 - 2)
    kernel = np.exp(-(np.array([3, 7, 1, 5, 2, 4.0]) ** 2) / 8)
    assert mmd(home, reference, bandwidth=2.0) == pytest.approx(kernel[4] + kernel[5] - 2 * kernel[:4].mean())
    # Means 1, 5, 3: among 2·4 + 2·4 on 1, within 2 + 8 on 2.
    rows, group = np.concatenate([home, reference]), np.array(["a", "a", "b", "b"])
    assert permanova_f(distances(rows), group) == pytest.approx(16 / 5)
    # Centres 1 and 4.
    line = np.array([[0.0], [1.0], [2.0], [0.0], [3.0], [9.0]])
    far = np.array([1, 0, 1, 4, 1, 5.0])
    means = np.repeat([2 / 3, 10 / 3], 3)
    among, inside = ((means - far.mean()) ** 2).sum(), ((far - means) ** 2).sum() / 4
    assert permdisp_f(line, np.repeat([0, 1], 3), centre="centroid") == pytest.approx(among / inside)


@settings(deadline=None)
@given(sizes)
def test_rotation_shift_and_order_change_no_measure(case):
    home, reference = two_sets(*case)
    turn = np.linalg.qr(np.random.default_rng(case[2]).standard_normal((5, 5)))[0]
    for measure in (energy, mmd):
        value = measure(home, reference)
        assert measure(reference, home) == pytest.approx(value, abs=1e-10)
        assert measure(home[::-1] @ turn + 3, reference @ turn + 3) == pytest.approx(value, abs=1e-9)


@given(sizes)
def test_no_point_is_nearer_to_all_rows_than_the_spatial_median(case):
    rows, _ = two_sets(*case)
    found = spatial_median(rows)
    least = np.linalg.norm(rows - found, axis=1).sum()
    steps = 0.01 * np.random.default_rng(case[2]).standard_normal((20, 5))
    assert all(np.linalg.norm(rows - found - step, axis=1).sum() >= least - 1e-9 for step in steps)


def test_spatial_median_may_be_one_of_the_rows():
    rows = np.array([[0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    assert np.allclose(spatial_median(rows), 0, atol=1e-9)
    assert np.array_equal(spatial_median(np.ones((3, 2))), np.ones(2))


@pytest.mark.parametrize(("n", "m"), [(4, 9), (40, 12)])
def test_mmd_is_zero_on_average_without_a_difference(n, m):
    rng = np.random.default_rng(n)
    found = [mmd(rng.standard_normal((n, 10)), rng.standard_normal((m, 10))) for _ in range(200)]
    assert abs(np.mean(found)) < 3.5 * np.std(found) / np.sqrt(len(found))


def mmd_ps(shift, count):
    rng = np.random.default_rng(0)
    found = []
    for _ in range(count):
        blocks = cell(rng, [(12, 30), (6, 20)], shift=shift)
        found.append(mmd_test(blocks, permuted_labels(blocks, 99, rng))[1])
    return np.array(found)


def test_mmd_holds_its_level_and_finds_a_shift():
    assert 0.02 <= (mmd_ps(0.0, 300) <= 0.05).mean() <= 0.085
    assert (mmd_ps(0.5, 50) <= 0.05).mean() >= 0.8


def test_stratified_mmd_is_the_weighted_mean_of_the_strata():
    blocks = cell(np.random.default_rng(1), [(5, 8), (7, 4)], weights=[3.0, 1.0])
    labels = permuted_labels(blocks, 0, np.random.default_rng(0))
    parts = [mmd_test((block,), [drawn], bandwidth=0.7)[0] for block, drawn in zip(blocks, labels, strict=True)]
    assert mmd_test(blocks, labels, bandwidth=0.7)[0] == pytest.approx(np.average(parts, weights=[3, 1]), abs=1e-12)


def test_faults_are_named():
    rows = np.eye(4)
    with pytest.raises(DataError, match="two rows in each set were expected, found 1 and 3"):
        mmd(rows[:1], rows[1:])
    with pytest.raises(DataError, match="bandwidth of the kernel is -1"):
        mmd(rows[:2], rows[2:], bandwidth=-1.0)
    with pytest.raises(DataError, match="bandwidth of the kernel is 0"):
        mmd(np.ones((3, 2)), np.ones((3, 2)))
    with pytest.raises(DataError, match="1 groups of 4 rows"):
        permanova_f(distances(rows), np.zeros(4))
    with pytest.raises(DataError, match="3 groups were given for 4 rows"):
        permdisp_f(rows, np.zeros(3))


def study_rows(**changes):
    few = {"Beijing": 30, "Shanghai": 3, "Shenzhen": 14}
    study = simulate(Setting(sizes=few, years=2, dimension=24, **changes), np.random.default_rng(0))
    return study, np.random.default_rng(1).permutation(len(study.city))


def checked(study, order, **more):
    return check_rows(
        study.vectors[order], study.city[order], study.year[order], reference="Beijing", firm=study.firm[order], **more
    )


def test_records_do_not_depend_on_the_order_of_rows():
    study, order = study_rows()
    found = [
        two_sample_records(checked(study, one), 2, 5, 49, np.random.default_rng(0))
        for one in (np.arange(len(order)), order)
    ]
    assert found[0] == found[1]
    assert [tuple(record) for record in found[0]] == [COLUMNS, COLUMNS]
    assert all(0 < record[name] <= 1 for record in found[0] for name in ("mmd_p", "location_p", "dispersion_p"))
    assert all(record["auc_low"] <= record["auc"] <= record["auc_high"] for record in found[0])


def test_a_cell_with_few_firms_has_a_status_and_no_number():
    study, order = study_rows()
    records = two_sample_records(checked(study, order), 1, 5, 49, np.random.default_rng(0))
    assert [record["status"] for record in records] == ["not estimable: 3 firms"] * 2
    assert all(np.isnan(record[name]) for record in records for name in COLUMNS[2:11])


def test_a_far_city_is_far_by_every_measure():
    study, order = study_rows(contrast=1.0, noise=0.5)
    for record in two_sample_records(checked(study, order), 2, 5, 99, np.random.default_rng(0)):
        assert record["auc"] > 0.9
        assert record["auc_low"] > 0.6
        assert max(record["mmd_p"], record["location_p"]) == pytest.approx(0.01)
        assert record["location"] > 0.2


def test_three_periods_take_less_than_a_second():
    study = simulate(Setting(years=3), np.random.default_rng(0))
    rows = checked(study, study.city != "Shanghai")
    start = time.process_time()
    two_sample_records(rows, 1, 5, 999, np.random.default_rng(0))
    assert time.process_time() - start < 1.0
