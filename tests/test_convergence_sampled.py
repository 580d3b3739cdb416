"""Large sets: all firms for gaps and slopes, a sample for the rest; with the limit lowered to small sets."""

import numpy as np
import pandas as pd
import pytest
from simulated_cities import Setting, simulate

from chainbert.convergence import Controls, measure_convergence, sampled
from chainbert.convergence import convergence as room

SETTING = Setting(
    sizes={"Beijing": 60, "Shanghai": 20, "Shenzhen": 40},
    years=3,
    dimension=32,
    contrast=0.9,
    noise=1.0,
    persistence=0.5,
)


@pytest.fixture(scope="module")
def study():
    return simulate(SETTING, np.random.default_rng(3))


def measure(study, order=slice(None), **options):
    return measure_convergence(
        study.vectors[order],
        study.city[order],
        study.year[order],
        reference="Beijing",
        firm=study.firm[order],
        draws=99,
        rng=np.random.default_rng(0),
        **options,
    )


@pytest.fixture
def small_limits(monkeypatch):
    monkeypatch.setattr(room, "MOST_WHOLE", 40)
    monkeypatch.setattr(sampled.firm_sample, "__defaults__", (30,))


@pytest.mark.usefixtures("small_limits")
def test_gaps_and_slopes_are_those_of_all_firms(study, monkeypatch):
    found = measure(study)
    monkeypatch.setattr(room, "MOST_WHOLE", 6000)
    whole = measure(study)
    assert 0 < found.sampled < len(study.city) / 1.5
    assert whole.sampled == 0
    np.testing.assert_allclose(found.gaps["gap"], whole.gaps["gap"], atol=1e-10)
    np.testing.assert_allclose(found.trends[["slope", "p"]], whole.trends[["slope", "p"]], atol=1e-9)
    assert found.gaps["gap_error"].eq(0).all()
    assert found.gaps["auc"].between(0, 1).all()
    assert found.decomposition.empty
    assert not whole.decomposition.empty


@pytest.mark.usefixtures("small_limits")
def test_controls_are_those_of_the_sample(study):
    table = pd.DataFrame({"length": np.arange(len(study.city), dtype=float)})
    found = measure(study, controls=Controls(covariates=table, placebos=19, studies=20), two_sample=False)
    held = found.checked.held_fixed
    assert (held.loc[held["held_fixed"] == "nothing", "n_used"] <= found.sampled).all()
    assert set(found.checked.placebos) == {"Shanghai", "Shenzhen"}


@pytest.mark.usefixtures("small_limits")
def test_any_row_order_gives_the_same_sample(study):
    order = np.random.default_rng(1).permutation(len(study.city))
    pd.testing.assert_frame_equal(measure(study).gaps, measure(study, order).gaps)


def test_firms_are_sampled_whole(study):
    rows = room.large_rows(study.vectors, study.city, study.year, reference="Beijing", firm=study.firm)
    sample = sampled.firm_sample(rows, 30)
    firms = np.unique(sample.firm)
    assert np.isin(rows.firm, firms).sum() == len(sample.city)
    assert sampled.largest_cell(sample) <= 45
