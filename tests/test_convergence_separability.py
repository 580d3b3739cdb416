import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_convergence_location import blocks_of, unit

from chainbert.convergence import separability as module
from chainbert.convergence.separability import RIDGE, separability


def refitted_auc(rows, home, strata, absent=()):
    """AUC over pairs of one stratum, a weighted ridge with stratum intercepts fitted anew without each pair."""
    codes = np.unique(strata)
    dummies = (strata[:, None] == codes).astype(float)
    centred = rows - dummies @ ((dummies.T @ rows) / dummies.sum(axis=0)[:, None])
    balance, weights = np.empty(len(rows)), []
    for one in codes:
        n, m = (home & (strata == one)).sum(), (~home & (strata == one)).sum()
        weights.append(n * m / (n + m))
        balance[home & (strata == one)], balance[~home & (strata == one)] = 2 * weights[-1] / n, 2 * weights[-1] / m
    balance *= len(rows) / balance.sum()
    penalty = RIDGE * (centred**2).sum() / len(rows)
    design = np.hstack([centred, dummies])
    ridge = np.diag(np.r_[np.full(rows.shape[1], penalty), np.zeros(len(codes))])
    won = []
    for one in codes:
        pairs = []
        for i in np.flatnonzero(home & (strata == one)):
            for j in np.flatnonzero(~home & (strata == one)):
                if i in absent or j in absent:
                    continue
                kept = np.setdiff1d(np.arange(len(rows)), [i, j, *absent])
                weighted = design[kept].T * balance[kept]
                slope = np.linalg.solve(weighted @ design[kept] + ridge, weighted @ np.where(home[kept], 1.0, -1.0))
                pairs.append((design[i] - design[j]) @ slope > 0)
        won.append(np.mean(pairs))
    return np.average(won, weights=weights)


def texts(n, m, shift, rng, dimension=8):
    home = rng.permutation(np.arange(n + m) < n)
    return unit(rng.standard_normal((n + m, dimension)) + shift * home[:, None]), home


@settings(max_examples=15, deadline=None)
@given(st.integers(4, 8), st.integers(4, 9), st.integers(0, 9999))
def test_closed_form_is_refitting_without_each_pair(n, m, seed):
    rng = np.random.default_rng(seed)
    rows, home = texts(n, m, 0.5, rng, 4)
    strata = np.empty(n + m, dtype=int)
    for side in (home, ~home):
        strata[side] = np.arange(side.sum()) % 2
    assert separability(blocks_of(home, strata), rows).auc == pytest.approx(refitted_auc(rows, home, strata), abs=1e-12)


def test_jackknife_refits_without_each_firm(monkeypatch):
    rng = np.random.default_rng(0)
    rows, home = texts(5, 7, 0.5, rng, 4)
    seen = {}
    keep = module._jackknife
    monkeypatch.setattr(module, "_jackknife", lambda *parts: seen.setdefault("variance", keep(*parts)))
    separability(blocks_of(home), rows)
    strata = np.zeros(12, dtype=int)
    without = np.array([refitted_auc(rows, home, strata, (firm,)) for firm in range(12)])
    expected = sum((side.sum() - 1) * np.var(without[side]) for side in (home, ~home))
    assert seen["variance"] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("n", "m"), [(5, 5), (5, 40), (34, 110)])
def test_auc_is_a_half_on_average_without_a_difference(n, m):
    rng = np.random.default_rng(n + m)
    found = []
    for _ in range(250):
        rows, home = texts(n, m, 0.0, rng, 20)
        blocks = blocks_of(home)
        fitted = module._fit(rows, [(np.flatnonzero(home), np.flatnonzero(~home))])
        found.append(module._won(fitted, np.flatnonzero(home), np.flatnonzero(~home)).mean())
    assert len(blocks) == 1
    assert abs(np.mean(found) - 0.5) < 3.5 * np.std(found) / np.sqrt(len(found))


def test_a_clear_difference_is_seen_with_its_interval():
    rows, home = texts(20, 50, 1.0, np.random.default_rng(1))
    found = separability(blocks_of(home), rows)
    assert 0.5 < found.low < found.auc < found.high <= 1
    assert found.auc > 0.8


def test_language_does_not_help_to_tell_the_city():
    rng = np.random.default_rng(2)
    found = []
    for _ in range(60):
        home = np.arange(70) < 25
        english = np.isin(np.arange(70), np.r_[0:20, 25:40]).astype(int)
        rows = unit(rng.standard_normal((70, 20)) / 4 + np.where(english, 1, -1)[:, None] * np.eye(20)[0])
        found.append((separability(blocks_of(home, english), rows).auc, separability(blocks_of(home), rows).auc))
    within, across = np.array(found).T
    assert abs(within.mean() - 0.5) < 3.5 * within.std() / np.sqrt(60)
    assert across.mean() > 0.65


def test_all_pairs_right_leaves_a_lower_end_below_one():
    rows, home = texts(10, 12, 30.0, np.random.default_rng(3))
    found = separability(blocks_of(home), rows)
    assert (found.auc, found.high) == (1.0, 1.0)
    assert found.low == pytest.approx(0.025 ** (1 / 10))


def test_texts_that_do_not_differ_have_no_auc():
    rows = np.tile(np.eye(3)[:1], (9, 1))
    found = separability(blocks_of(np.arange(9) < 4), rows)
    assert np.isnan([found.auc, found.low, found.high]).all()


def test_large_cells_are_thinned_in_proportion(monkeypatch):
    monkeypatch.setattr(module, "MOST_FIRMS", 40)
    rows, home = texts(30, 90, 0.6, np.random.default_rng(4))
    (thinned,) = module._thinned(blocks_of(home))
    assert (thinned.home.sum(), (~thinned.home).sum()) == (10, 30)
    assert separability(blocks_of(home), rows).auc > 0.6


@pytest.mark.slow
@pytest.mark.parametrize(("n", "m", "shift"), [(20, 53, 0.0), (20, 53, 0.1), (34, 110, 0.1), (34, 110, 0.2)])
def test_interval_covers_the_expected_auc(n, m, shift):
    rng = np.random.default_rng(5)
    found = [separability(blocks_of(home), rows) for rows, home in (texts(n, m, shift, rng, 60) for _ in range(200))]
    expected = np.mean([one.auc for one in found])
    # At least 95 % are meant.
    assert np.mean([one.low <= expected <= one.high for one in found]) >= 0.92
