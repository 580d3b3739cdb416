import numpy as np
import pytest
from simulated_cities import Setting, simulate

from chainbert.convergence.direction import _groups, _mover, _moves, _products, direction
from chainbert.convergence.jackknife import interval
from chainbert.convergence.rows import check_rows

SMALL = {
    "sizes": {"Beijing": 40, "Shanghai": 30, "Shenzhen": 30},
    "years": 3,
    "dimension": 32,
    "contrast": 0.9,
    "noise": 1.0,
}


def rows_of(seed=0, **changes):
    study = simulate(Setting(**(SMALL | changes)), np.random.default_rng(seed))
    return check_rows(
        study.vectors, study.city, study.year, reference="Beijing", firm=study.firm, strata=study.language
    )


def found(seed=0, **changes):
    rows = rows_of(seed, **changes)
    return direction(rows, rows.cities.index("Shenzhen"), [0, 1, 2])


def test_products_leave_out_a_firm_with_itself():
    rows = rows_of(persistence=0.7)
    groups = _groups(rows, rows.cities.index("Shenzhen"), [0, 1, 2])
    chosen = np.concatenate(groups.members)
    firm = np.unique(rows.firm[chosen], return_inverse=True)[1]
    whole, without = _products(rows.vectors, groups, firm)
    codes = np.split(firm, np.cumsum([len(one) for one in groups.members])[:-1])

    def anew(gone=-1):
        table = np.empty_like(whole)
        for g, first in enumerate(groups.members):
            for h, second in enumerate(groups.members):
                pairs = rows.vectors[first] @ rows.vectors[second].T
                keep = codes[g][:, None] != codes[h][None, :]
                keep &= (codes[g][:, None] != gone) & (codes[h][None, :] != gone)
                table[g, h] = pairs[keep].mean()
        return table

    assert np.allclose(whole, anew(), atol=1e-10, rtol=0)
    for gone in range(0, firm.max() + 1, 17):
        assert np.allclose(without[gone], anew(gone), atol=1e-10, rtol=0)


@pytest.mark.parametrize("seed", range(3))
def test_the_city_that_adopts_is_the_mover(seed):
    result = found(seed, adopt=0.9)
    assert result.mover == "home moved"
    assert result.home.low < 0.9 < result.home.high
    assert abs(result.reference.value) < 0.3


@pytest.mark.parametrize("seed", range(3))
def test_the_reference_can_be_the_mover(seed):
    result = found(seed, adopt=0.9, mover="Beijing")
    assert result.mover == "reference moved"
    assert result.reference.low < 0.9 < result.reference.high


def test_wording_that_all_take_up_moves_nobody():
    movers = [found(seed, drift=2.0, dimension=64).mover for seed in range(25)]
    assert movers.count("neither shown") >= 22


def test_cities_of_one_distribution_have_no_line_to_move_along_or_no_mover():
    results = [found(seed, contrast=0.0) for seed in range(25)]
    assert sum(one is not None and one.mover != "neither shown" for one in results) <= 3


def test_the_axis_is_not_learnt_on_the_firm_it_is_applied_to():
    # Plain centroids would show regression to the mean: without a true gap the city "moves" by half of its own noise.
    moves = []
    for seed in range(40):
        rows = rows_of(seed, contrast=0.0, sizes={"Beijing": 12, "Shanghai": 5, "Shenzhen": 12})
        groups = _groups(rows, rows.cities.index("Shenzhen"), [0, 1, 2])
        firm = np.unique(rows.firm[np.concatenate(groups.members)], return_inverse=True)[1]
        moves.append(float(_moves(_products(rows.vectors, groups, firm)[0], groups)[0][0]))
    assert abs(np.mean(moves)) < 3 * np.std(moves) / np.sqrt(len(moves))


def test_no_stratum_with_three_firms_in_both_ends_has_no_direction():
    rows = rows_of(chinese={"Beijing": (1.0, 1.0), "Shanghai": (1.0, 1.0), "Shenzhen": (1.0, 0.0)})
    assert direction(rows, rows.cities.index("Shenzhen"), [0, 1, 2]) is None


@pytest.mark.parametrize(
    ("home", "reference", "closing", "mover"),
    [
        (0.5, 0.0, 0.5, "home moved"),
        (0.0, 0.5, 0.5, "reference moved"),
        (0.4, 0.4, 0.8, "both"),
        (-0.5, 0.0, -0.5, "home moved away"),
        (-0.4, -0.4, -0.8, "both away"),
        (0.5, -0.5, 0.0, "neither shown"),
        (0.9, -0.4, 0.5, "home moved"),
        (0.1, 0.1, 0.5, "neither shown"),
    ],
)
def test_movers_by_their_numbers(home, reference, closing, mover):
    assert _mover(*(interval(value, 0.1, 50) for value in (home, reference, closing))) == mover
