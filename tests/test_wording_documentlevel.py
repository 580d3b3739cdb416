"""Permutation of firms: exact cases, laws, level in random splits, power on planted terms."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse, stats

from chainbert.wording import documentlevel
from chainbert.wording.documentlevel import benjamini_hochberg, gather_firms, permutation_p
from chainbert.wording.keyness import keyness
from chainbert.wording.matrix import TermMatrix


def bursty(rng, firms=400, terms=900, share=0.3, planted=0, factor=3.0):
    """Counts (firms, terms), the target (firms,) and which terms it uses ``factor`` times as often (terms,).

    Lengths are log-normal around 40 words, terms Zipf, and each firm's own rate of a term is gamma with shape .2: few
    firms use it, those often.
    """
    lengths = np.maximum(5, rng.lognormal(np.log(40), 0.6, firms))
    base = 1 / np.arange(3, terms + 3)
    rates = rng.gamma(0.2, 5, (firms, terms)) * base / base.sum()
    target = np.arange(firms) < share * firms
    over = np.zeros(terms, dtype=bool)
    over[rng.choice(np.arange(40, terms // 2), planted, replace=False)] = True
    rates[np.ix_(target, over)] *= factor
    return rng.poisson(rates * lengths[:, None]), target, over


def matrix_of(counts):
    terms = np.array([f"t{place:05d}" for place in range(counts.shape[1])], dtype=object)
    return TermMatrix(sparse.csr_array(counts.astype(np.int32)), terms)


def p_of(counts, target, *, firm=None, strata=None, draws=999, most_draws=None, seed=0):
    counts = sparse.csr_array(np.asarray(counts))
    size = counts.shape[0]
    firms = gather_firms(
        counts,
        np.asarray(target, dtype=bool),
        np.arange(size) if firm is None else np.asarray(firm),
        np.zeros(size) if strata is None else np.asarray(strata),
    )
    return permutation_p(firms, draws, np.random.default_rng(seed), most_draws or draws)


def mid_p(counts, target):
    """The share of all labellings further from 0 than the observed one, and half of those as far or as many."""
    counts, target = np.asarray(counts), np.asarray(target)
    rate = counts.sum(axis=0) / counts.sum()
    residual = counts - counts.sum(axis=1)[:, None] * rate
    labellings = [list(chosen) for chosen in itertools.combinations(range(len(target)), int(target.sum()))]
    found = np.abs([residual[chosen].sum(axis=0) for chosen in labellings])
    observed = np.abs(residual[target].sum(axis=0))
    as_many = np.array([counts[chosen].sum(axis=0) for chosen in labellings]) == counts[target].sum(axis=0)
    same = as_many | (np.abs(found - observed) <= 1e-9)
    return np.mean((found > observed) & ~same, axis=0) + np.mean(same, axis=0) / 2


@pytest.mark.parametrize("seed", range(3))
def test_p_is_the_mid_p_of_all_labellings(seed):
    counts = np.random.default_rng(seed).poisson(1.0, (9, 5)) + 1
    target = np.arange(9) < 4
    assert p_of(counts, target, draws=20_000) == pytest.approx(mid_p(counts, target), abs=0.012)


def test_p_of_equal_texts_is_that_of_the_hypergeometric_distribution():
    # 6 of 20 firms use the first term once, 5 of them in the target of 8; all texts have 10 words.
    counts = np.full((20, 2), [0, 10])
    counts[[0, 1, 2, 3, 4, 12]] = [1, 9]
    users = stats.hypergeom(20, 6, 8)
    far = [count for count in range(7) if abs(count - 2.4) > 2.6]
    by_hand = users.pmf(far).sum() + users.pmf(5) / 2
    assert p_of(counts, np.arange(20) < 8, draws=40_000)[0] == pytest.approx(by_hand, abs=0.002)


def test_p_is_never_0():
    counts = np.full((40, 2), [0, 10])
    counts[:20] = [5, 5]
    assert p_of(counts, np.arange(40) < 20, draws=99, most_draws=99) == pytest.approx([0.01, 0.01])
    assert p_of(counts, np.arange(40) < 20, draws=99, most_draws=9999) == pytest.approx([1e-4, 1e-4])


def test_only_unsettled_terms_get_more_draws(monkeypatch):
    asked = []
    plain = documentlevel._count_beyond

    def counted(firms, terms, draws, rng):
        asked.append((len(terms), draws))
        return plain(firms, terms, draws, rng)

    monkeypatch.setattr(documentlevel, "_count_beyond", counted)
    counts, target, _ = bursty(np.random.default_rng(1), firms=60, terms=50)
    counts[target, 7] += 9
    p = p_of(counts, target, draws=99, most_draws=9999)
    assert asked[0] == (50, 99)
    assert [draws for _, draws in asked] == [99, 900, 9000]
    assert all(len_before > len_after for (len_before, _), (len_after, _) in itertools.pairwise(asked))
    assert p[7] == pytest.approx(1e-4)


def test_bursts_of_one_firm_are_no_finding():
    # One firm writes the term 40 times: word counts call it key, the firms do not.
    counts = np.full((60, 2), [0, 30])
    counts[0] = [40, 30]
    matrix = matrix_of(counts)
    table = keyness(matrix, np.repeat(["x", "y"], 30), target="x", rng=np.random.default_rng(0)).table
    row = table.set_index("term").loc["t00000"]
    assert row["chi2_p"] < 1e-6
    assert row["p"] > 0.4


@pytest.mark.parametrize("longer", [1 / 3, 3])
def test_longer_texts_of_one_group_are_no_finding(longer):
    # Rare terms are used by more firms where texts are longer, and by fewer where they are shorter.
    below, terms = 0, 0
    for seed in range(3):
        rng = np.random.default_rng(seed)
        target = np.arange(300) < 90
        lengths = np.maximum(5, rng.lognormal(np.log(40), 0.5, 300)) * np.where(target, longer, 1)
        rates = rng.gamma(0.2, 5, (300, 600)) / np.arange(3, 603) / 5
        counts = rng.poisson(rates * lengths[:, None])
        p = p_of(counts, target)[(counts > 0).sum(axis=0) >= 3]
        below, terms = below + (p < 0.05).sum(), terms + len(p)
        assert p.min() > 1e-3
    assert terms > 500
    assert below / terms < 0.06


def test_short_texts_of_the_target_do_not_make_every_term_of_its_own_key():
    # Every labelling gives the target more words than it has, so none lies as far from 0; but its firms have nearly
    # all the short texts, and five users among those are no wonder.
    rng = np.random.default_rng(9)
    target = np.arange(200) < 60
    words = np.where(target, rng.integers(8, 30, 200), rng.integers(20, 90, 200))
    users = [0, 11, 23, 37, 51]
    counts = np.column_stack([np.isin(np.arange(200), users), words]).astype(int)
    firms = gather_firms(sparse.csr_array(counts), target, np.arange(200), np.zeros(200))
    using = np.asarray(firms.uses[:, [0]].sum(axis=1)) > 0
    all_users = 1.0
    for block in np.unique(firms.block[using]):
        here = firms.block == block
        drawn = stats.hypergeom(here.sum(), (here & using).sum(), (here & firms.target).sum())
        all_users *= drawn.pmf((here & using).sum())
    assert all_users > 0.1
    assert p_of(counts, target, most_draws=9999)[0] == pytest.approx(all_users / 2, abs=0.05)


def test_rows_of_a_firm_move_together():
    # Ten firms of ten equal rows each: 252 labellings of firms, not those of 100 rows.
    counts = np.repeat(np.array([[3, 7]] * 4 + [[0, 10]] * 6), 10, axis=0)
    firm, target = np.repeat(np.arange(10), 10), np.repeat(np.arange(10) < 5, 10)
    as_firms = p_of(counts, target, firm=firm, draws=20_000)
    assert as_firms == pytest.approx(p_of(counts[::10], target[::10], draws=20_000), abs=0.01)
    # 4 of 4 users in 5 of 10 firms: 1 in 42, and 1 in 42 on the other side; all of them ties.
    assert as_firms[0] == pytest.approx(1 / 42, abs=0.005)
    assert p_of(counts, target, draws=999)[0] == pytest.approx(0.001)


def test_labels_stay_in_their_stratum():
    rng = np.random.default_rng(4)
    strata = np.repeat([0, 1, 0, 1], [60, 15, 15, 60])
    counts = np.where(strata[:, None] == 0, rng.poisson(1.0, (150, 40)), rng.poisson(2.0, (150, 40)))
    # Half of the terms are written in one stratum only.
    counts[strata == 1, :20] = 0
    target = np.arange(150) < 75
    assert np.mean(p_of(counts, target)[:20] < 0.05) > 0.5
    assert np.mean(p_of(counts, target, strata=strata) < 0.05) < 0.15


def test_labels_are_exchanged_within_a_stratum_only():
    # Three of six firms of one stratum use the term, all of them the target's: 1 of 20 labellings, and 1 on the other
    # side. Firms of the other stratum, which nobody's label may leave or enter, change nothing.
    counts = np.array([[1, 9]] * 3 + [[0, 10]] * 17)
    strata = np.repeat([0, 1], [6, 14])
    target = np.isin(np.arange(20), [0, 1, 2, 6, 7])
    assert p_of(counts, target, strata=strata, draws=20_000)[0] == pytest.approx(0.05, abs=0.006)
    assert p_of(counts[:6], target[:6], draws=20_000)[0] == pytest.approx(0.05, abs=0.006)


def test_a_term_in_every_text_can_be_key_or_not():
    rng = np.random.default_rng(5)
    target = np.arange(200) < 80
    counts = np.column_stack([rng.poisson(3, 200) + 1, rng.poisson(np.where(target, 9, 3)) + 1, rng.poisson(60, 200)])
    p = p_of(counts, target, most_draws=9999)
    assert p[1] < 1e-3
    assert p_of(np.ones((20, 1)), np.arange(20) < 8)[0] == 1


def test_texts_without_words_change_nothing():
    counts, target, _ = bursty(np.random.default_rng(6), firms=50, terms=30)
    empty = np.zeros((20, 30), dtype=int)
    padded = p_of(np.r_[counts, empty], np.r_[target, np.arange(20) < 15])
    assert (padded == p_of(counts, target)).all()


@settings(max_examples=25)
@given(st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(random):
    rng = np.random.default_rng(random.randint(0, 10**6))
    counts = rng.poisson(0.7, (18, 6))
    counts[:3] = counts[3:6]
    group = rng.choice(["x", "y"], 18)
    group[:2] = ["x", "y"]
    counts[:2, 0] = 1
    firm, strata = rng.integers(0, 12, 18), rng.choice(["zh", "en"], 18)
    order = np.array(random.sample(range(18), 18))

    def found(rows):
        return keyness(
            matrix_of(counts[rows]),
            group[rows],
            target="x",
            firm=firm[rows],
            strata=strata[rows],
            draws=49,
            rng=np.random.default_rng(0),
        )

    pd.testing.assert_frame_equal(found(np.arange(18)).table, found(order).table, check_exact=True)


def test_batches_change_only_the_random_order(monkeypatch):
    counts, target, _ = bursty(np.random.default_rng(7), firms=80, terms=40)
    whole = p_of(counts, target, draws=4000)
    monkeypatch.setattr(documentlevel, "BATCH_CELLS", 400)
    monkeypatch.setattr(documentlevel, "LARGE_BLOCK", 2)
    assert p_of(counts, target, draws=4000) == pytest.approx(whole, abs=0.04)


def test_benjamini_hochberg_by_hand():
    p = np.array([0.01, 0.04, np.nan, 0.03, 0.2])
    assert benjamini_hochberg(p) == pytest.approx([0.04, 0.04 * 4 / 3, np.nan, 0.04 * 4 / 3, 0.2], nan_ok=True)
    whole = np.random.default_rng(8).random(50)
    assert benjamini_hochberg(whole) == pytest.approx(stats.false_discovery_control(whole))
    assert benjamini_hochberg(np.array([np.nan])) == pytest.approx([np.nan], nan_ok=True)


def rejected(table, low, high, column, level=0.05):
    used_by = table["firms"] + table["firms_reference"]
    chosen = table[(used_by >= low) & (used_by < high)]
    return int((chosen[column] < level).sum()), len(chosen)


@pytest.mark.slow
def test_level_in_random_splits():
    tally = {"p": np.zeros(2), "few": np.zeros(2), "chi2_p": np.zeros(2)}
    for seed in range(30):
        rng = np.random.default_rng(seed)
        counts, target, _ = bursty(rng)
        found = keyness(matrix_of(counts), np.where(target, "x", "y"), target="x", draws=499, rng=rng).table
        tally["p"] += rejected(found, 10, 10**9, "p")
        tally["few"] += rejected(found, 2, 10, "p")
        tally["chi2_p"] += rejected(found, 20, 10**9, "chi2_p")
        assert np.nanmin(found["q"]) > 0.005
    share = {name: yes / terms for name, (yes, terms) in tally.items()}
    assert 0.04 <= share["p"] <= 0.06
    assert share["few"] <= 0.06
    assert share["chi2_p"] > 0.12


@pytest.mark.slow
def test_false_discoveries_and_power():
    false, power = [], []
    for seed in range(10):
        rng = np.random.default_rng(100 + seed)
        counts, target, over = bursty(rng, firms=1200, planted=60)
        found = keyness(matrix_of(counts), np.where(target, "x", "y"), target="x", rng=rng).table
        planted = found["term"].isin({f"t{place:05d}" for place in np.flatnonzero(over)})
        hit = found["q"] < 0.1
        false.append((hit & ~planted).sum() / max(1, hit.sum()))
        power.append([hit[planted & (found["firms"] >= least)].mean() for least in (10, 20)])
        power[-1].append((found["p"] < 0.05)[planted & (found["firms"] >= 10)].mean())
    assert np.mean(false) <= 0.12
    # Of 25 users 14 in 30 % of the firms are 2.8 standard deviations off: what 10 to 19 firms say is near the limit.
    assert (np.mean(power, axis=0) >= [0.65, 0.8, 0.85]).all()
