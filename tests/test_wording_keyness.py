"""Quanteda's keyness numbers, weighted log-odds, and the table of a group."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse, stats

from chainbert.errors import DataError
from chainbert.wording.contingency import Contingency, chi2, chi2_p, exact, g2, pmi
from chainbert.wording.documentlevel import benjamini_hochberg
from chainbert.wording.keyness import KeynessSettings, keyness, keyness_by_group
from chainbert.wording.logodds import log_odds
from chainbert.wording.matrix import TermMatrix

COLUMNS = [
    *("term", "n_target", "n_reference", "firms", "firms_reference", "chi2", "chi2_p", "g2", "g2_p", "pmi"),
    *("odds_ratio", "exact_p", "log_odds", "z", "p", "q"),
]

# Terms a to h of "a a a b b c c c c c c d e f g h h" against "a a b c c d d d d e f h" and their statistics, as printed
# in quanteda's reference page "keyness" (its internal functions' examples, default corrections).
EXAMPLE = pd.DataFrame(
    {
        "target": [3, 2, 6, 1, 1, 1, 1, 2],
        "reference": [2, 1, 2, 4, 1, 1, 0, 1],
        "chi2": [
            *(0.004738562, 0.089303670, 0.467298378, -2.040247141),
            *(-0.065813362, -0.065813362, 0.731092437, 0.089303670),
        ],
        "chi2_p": [0.9451192, 0.7650643, 0.4942327, 0.1531848, 0.7975330, 0.7975330, 0.3925293, 0.7650643],
        "g2": [
            *(0.004751467, 0.091241952, 0.477346514, -2.028083548),
            *(-0.064900531, -0.064900531, 1.093291040, 0.091241952),
        ],
        "g2_p": [0.9450446, 0.7626042, 0.4896267, 0.1544152, 0.7989117, 0.7989117, 0.2957432, 0.7626042],
        "pmi": [
            *(0.02325686, 0.12861738, 0.24640041, -1.07535542),
            *(-0.15906469, -0.15906469, 0.53408249, 0.12861738),
        ],
        "odds": [1.0689130, 1.4480473, 2.6375984, 0.1347360, 0.6966446, 0.6966446, np.inf, 1.4480473],
        "exact_p": [1.0, 1.0, 0.4083471, 0.1296366, 1.0, 1.0, 1.0, 1.0],
    },
    index=list("abcdefgh"),
)

# Counts and chi-squared of quanteda.textstats 0.97's reference page "textstat_keyness": inaugural addresses after 1945
# against those before (43,002 and 108,539 words: the only whole numbers that give all twenty values), and one
# address against the others after 1945 (1,660 and 41,342).
PERIODS = [
    *((1048, 779, 764.4484), (2014, 3141, 300.1887), (289, 216, 207.5181), (242, 157, 205.0408)),
    *((148, 54, 200.5544), (115, 29, 187.9821), (917, 1307, 183.5362), (196, 123, 171.9660), (76, 7, 163.1532)),
    *((84, 21, 137.7753), (39, 332, -58.39810), (12, 213, -58.87042), (9, 200, -59.66134), (266, 1132, -60.68425)),
    *((29, 305, -63.87803), (278, 1224, -72.68161), (16, 309, -88.14817), (96, 911, -177.10087)),
    *((1514, 5666, -197.08830), (2089, 8094, -331.99069)),
]
ADDRESS = [
    *((5, 1, 81.83024), (6, 7, 51.79484), (3, 0, 51.05861), (40, 332, 48.03251)),
    *((4, 5, 29.76164), (11, 51, 28.60175), (18, 130, 27.57968), (2, 0, 27.27421)),
]
# The same page's likelihood ratios: every count with 1 added for each of 4,522 terms and 20 addresses.
SMOOTHED = [
    *((41, 351, 22.609878), (19, 149, 12.306921), (12, 70, 10.868622), (7, 26, 9.707425), (10, 56, 9.345219)),
    *((6, 20, 8.909125), (12, 86, 7.996610), (7, 35, 7.113978), (6, 30, 5.908744), (10, 77, 5.725811)),
]


def tables(target, reference, target_words, reference_words):
    target, reference = np.array(target, dtype=float), np.array(reference, dtype=float)
    return Contingency(
        target, reference, np.full(len(target), float(target_words)), np.full(len(target), float(reference_words))
    )


def matrix_of(texts):
    """A matrix of texts of single letters."""
    terms = sorted(set("".join(texts)))
    counts = np.array([[text.count(term) for term in terms] for text in texts], dtype=np.int32)
    counts = counts.reshape(len(texts), len(terms))
    return TermMatrix(sparse.csr_array(counts), np.array(terms, dtype=object))


EXAMPLE_TABLE = tables(EXAMPLE["target"], EXAMPLE["reference"], 17, 12)


def test_quantedas_example():
    assert chi2(EXAMPLE_TABLE) == pytest.approx(EXAMPLE["chi2"].to_numpy(), abs=1e-8)
    assert chi2_p(chi2(EXAMPLE_TABLE)) == pytest.approx(EXAMPLE["chi2_p"].to_numpy(), abs=1e-7)
    assert g2(EXAMPLE_TABLE) == pytest.approx(EXAMPLE["g2"].to_numpy(), abs=1e-8)
    assert chi2_p(g2(EXAMPLE_TABLE)) == pytest.approx(EXAMPLE["g2_p"].to_numpy(), abs=1e-7)
    assert pmi(EXAMPLE_TABLE) == pytest.approx(EXAMPLE["pmi"].to_numpy(), abs=1e-8)


def test_quantedas_exact_example():
    odds_ratio, p = exact(EXAMPLE_TABLE)
    # R's fisher.test stops its search for the odds ratio at 1.2e-4.
    assert odds_ratio == pytest.approx(EXAMPLE["odds"].to_numpy(), rel=1e-4)
    assert p == pytest.approx(EXAMPLE["exact_p"].to_numpy(), abs=1e-7)


@pytest.mark.parametrize(
    ("rows", "words", "statistic"),
    [(PERIODS, (43_002, 108_539), chi2), (ADDRESS, (1660, 41_342), chi2), (SMOOTHED, (6182, 127_260), g2)],
)
def test_quantedas_inaugural_addresses(rows, words, statistic):
    target, reference, published = zip(*rows, strict=True)
    # Seven digits are printed.
    assert statistic(tables(target, reference, *words)) == pytest.approx(np.array(published), rel=1e-6, abs=1e-6)


def test_quantedas_williams():
    # "b b b b b b b a a a" against "a a a a a a a b b"; the value stands in quanteda.textstats' own tests.
    assert chi2(tables([3], [7], 10, 9), "williams") == pytest.approx([-4.017626], abs=1e-6)


def test_quantedas_missing_terms_have_a_floor():
    # quanteda issue 785 shows -20.72327 for terms that the target lacks.
    assert pmi(tables([0], [1], 1000, 5000)) == pytest.approx([-20.72327], abs=1e-5)


def test_yates_is_left_out_where_no_expected_count_is_low():
    table = tables([60], [40], 100, 100)
    assert chi2(table) == pytest.approx(chi2(table, "none"), abs=1e-12)
    assert chi2(table, "none")[0] == pytest.approx(stats.chi2_contingency([[60, 40], [40, 60]], correction=False)[0])


def test_yates_is_left_out_where_it_would_overshoot():
    # a: 3 of 17 and 2 of 12 words lie closer to the expected count than the half that it takes off.
    assert chi2(EXAMPLE_TABLE)[0] == pytest.approx(chi2(EXAMPLE_TABLE, "none")[0], abs=1e-12)


def test_williams_needs_four_cells():
    table = tables([1, 3], [0, 4], 17, 12)
    q = g2(table, "none") / g2(table, "williams")
    assert q[0] == pytest.approx(1, abs=1e-12)
    assert q[1] > 1


def test_equal_rates_count_as_under_use():
    table = tables([10], [10], 100, 100)
    assert table.sign == [-1]
    assert chi2(table) == pytest.approx([0], abs=1e-12)


def test_a_term_that_is_every_word():
    table = tables([10], [20], 10, 20)
    assert chi2(table) == pytest.approx([0])
    assert g2(table) == pytest.approx([0], abs=1e-6)
    assert pmi(table) == pytest.approx([0], abs=1e-8)
    odds_ratio, p = exact(table)
    assert np.isnan(odds_ratio).all()
    assert p == pytest.approx([1])
    assert log_odds(table, 1.0)[1] == pytest.approx([0])


def test_unknown_corrections_are_refused():
    with pytest.raises(DataError, match="correction 'bonferroni' found; expected one of default, yates"):
        chi2(EXAMPLE_TABLE, "bonferroni")


CELLS = st.tuples(st.integers(0, 40), st.integers(0, 40), st.integers(1, 300), st.integers(1, 300)).filter(
    lambda cells: cells[0] + cells[1] > 0
)


@settings(max_examples=80)
@given(CELLS)
def test_scipy_agrees(cells):
    a, b, c, d = cells
    table = tables([a], [b], a + c, b + d)
    grid = np.array([[a, b], [c, d]])
    for ours, kind in ((chi2, "pearson"), (g2, "log-likelihood")):
        theirs = stats.chi2_contingency(grid, correction=False, lambda_=kind)
        # Quanteda's 1e-9 inside the logarithm moves G² by 2e-9 a word.
        assert abs(ours(table, "none")[0]) == pytest.approx(theirs[0], abs=1e-5)
        assert chi2_p(np.array([-theirs[0]]))[0] == pytest.approx(theirs[1], abs=1e-12)
    odds_ratio, p = exact(table)
    assert p[0] == pytest.approx(stats.fisher_exact(grid)[1], abs=1e-8)
    assert odds_ratio[0] == pytest.approx(stats.contingency.odds_ratio(grid).statistic, rel=1e-5)


@settings(max_examples=80)
@given(CELLS)
def test_yates_agrees_with_scipy_where_it_applies(cells):
    a, b, c, d = cells
    low = stats.contingency.expected_freq(np.array([[a, b], [c, d]])).min()
    applies = low < 5 and abs(a * d - b * c) >= (a + b + c + d) / 2
    theirs = stats.chi2_contingency([[a, b], [c, d]], correction=applies)
    assert abs(chi2(tables([a], [b], a + c, b + d))[0]) == pytest.approx(theirs[0], abs=1e-8)


@settings(max_examples=60)
@given(CELLS)
def test_target_and_reference_swapped_change_the_sign(cells):
    a, b, c, d = cells
    here, there = tables([a], [b], a + c, b + d), tables([b], [a], b + d, a + c)
    for statistic in (chi2, g2):
        assert abs(statistic(here)) == pytest.approx(abs(statistic(there)), abs=1e-6)
    assert log_odds(here, 5.0)[1] == pytest.approx(-log_odds(there, 5.0)[1], abs=1e-9)


def test_log_odds_by_hand():
    ratio, z = log_odds(tables([12], [3], 100, 300), prior_words=40)
    prior = 40 * 15 / 400
    by_hand = np.log((12 + prior) / (100 + 40 - 12 - prior)) - np.log((3 + prior) / (300 + 40 - 3 - prior))
    assert ratio == pytest.approx([by_hand])
    assert z == pytest.approx([by_hand / np.sqrt(1 / (12 + prior) + 1 / (3 + prior))])


def test_a_heavier_prior_pulls_log_odds_towards_0():
    table = tables([12], [3], 100, 300)
    ratios = [log_odds(table, prior)[0][0] for prior in (1, 10, 100, 10_000)]
    assert ratios == sorted(ratios, reverse=True)
    assert ratios[-1] == pytest.approx(0, abs=0.1)
    with pytest.raises(DataError, match="prior_words = 0 found"):
        log_odds(table, 0)


def test_the_table_of_a_group():
    texts = ["aab", "abb", "ab", "cc", "acd", "d"]
    group = np.array(["x", "x", "x", "y", "y", "z"])
    found = keyness(matrix_of(texts), group, target="x", rng=np.random.default_rng(0))
    assert found.table.columns.tolist() == COLUMNS
    assert found.table["z"].is_monotonic_decreasing
    row = found.table.set_index("term").loc["a"]
    assert row[["n_target", "n_reference", "firms", "firms_reference"]].tolist() == [4, 1, 3, 1]
    assert row["chi2"] == pytest.approx(chi2(tables([4], [1], 8, 6))[0], abs=1e-12)
    assert (found.firms, found.firms_reference, found.words, found.words_reference) == (3, 3, 8, 6)
    assert found.status == ""


def test_terms_that_no_text_uses_are_left_out():
    matrix = matrix_of(["ab", "ab", "a", "b"])
    wider = TermMatrix(sparse.csr_array(np.c_[matrix.counts.toarray(), np.zeros(4, int)]), np.array([*"abz"], object))
    found = keyness(wider, np.array([*"xxyy"]), target="x", rng=np.random.default_rng(0))
    assert sorted(found.table["term"]) == ["a", "b"]


def test_ties_stand_in_the_order_of_characters():
    found = keyness(
        matrix_of(["cab", "bac", "xy", "yx"]), np.array([*"xxyy"]), target="x", rng=np.random.default_rng(0)
    )
    assert found.table["term"].tolist() == ["a", "b", "c", "x", "y"]


def test_a_term_of_one_language_is_not_key_for_the_city_that_writes_it_more():
    # 40 Chinese and 10 English texts in x, 10 and 40 in y; within a language all texts are alike.
    texts = ["ab"] * 40 + ["cd"] * 10 + ["ab"] * 10 + ["cd"] * 40
    group = np.repeat(["x", "y"], 50)
    language = np.repeat(["zh", "en", "zh", "en"], [40, 10, 10, 40])
    pooled = keyness(matrix_of(texts), group, target="x", rng=np.random.default_rng(0)).table.set_index("term")
    within = keyness(matrix_of(texts), group, target="x", strata=language, rng=np.random.default_rng(0)).table
    within = within.set_index("term")
    assert pooled.loc["a", "chi2"] > 20
    assert pooled.loc["a", "p"] < 0.01
    for statistic in ("chi2", "log_odds", "z"):
        assert within[statistic].to_numpy() == pytest.approx(np.zeros(4), abs=1e-9)
    assert within["g2"].to_numpy() == pytest.approx(np.zeros(4), abs=1e-6)
    assert within["p"].tolist() == [1, 1, 1, 1]


def test_a_term_of_one_stratum_is_measured_by_that_stratum_alone():
    texts = ["aab", "ab", "bbb", "ab", "cd", "ccd", "d", "c"]
    group, strata = np.array([*"xxyyxxyy"]), np.repeat(["zh", "en"], 4)
    within = keyness(matrix_of(texts), group, target="x", strata=strata, rng=np.random.default_rng(0)).table
    alone = keyness(matrix_of(texts[:4]), group[:4], target="x", rng=np.random.default_rng(0)).table
    columns = ["chi2", "g2", "pmi", "odds_ratio", "exact_p"]
    both = within.set_index("term").loc[["a", "b"], columns].to_numpy(dtype=float)
    assert both == pytest.approx(alone.set_index("term").loc[["a", "b"], columns].to_numpy(dtype=float), abs=1e-9)


def test_a_stratum_without_one_side_is_no_trouble():
    texts = ["ab", "ac", "bc", "ab", "de", "de"]
    found = keyness(
        matrix_of(texts), np.array([*"xxyyxx"]), target="x", strata=np.array([*"ssssll"]), rng=np.random.default_rng(0)
    )
    row = found.table.set_index("term").loc["d"]
    assert row[["chi2", "pmi", "p"]].tolist() == pytest.approx([0, 0, 1], abs=1e-8)
    assert found.table.drop(columns=["odds_ratio", "q"]).notna().all(axis=None)


def test_sides_that_share_no_stratum_are_not_tested():
    found = keyness(
        matrix_of(["ab", "ac", "bc", "ab"]),
        np.array([*"xxyy"]),
        target="x",
        strata=np.array([*"sstt"]),
        rng=np.random.default_rng(0),
    )
    assert found.status == "not tested: no stratum has texts of the group and of others"
    assert found.table[["p", "q"]].isna().all(axis=None)


def test_one_firm_has_a_status_instead_of_p():
    texts, group = ["ab", "abc", "cc", "ca", "cb"], np.array([*"xxyyy"])
    firm = np.array([*"ffghi"])
    found = keyness(matrix_of(texts), group, target="x", firm=firm, rng=np.random.default_rng(0))
    assert found.status == "not tested: its texts are of one firm"
    assert found.table[["p", "q"]].isna().all(axis=None)
    assert found.table["chi2"].notna().all()
    other = keyness(matrix_of(texts), group, target="y", firm=firm, rng=np.random.default_rng(0))
    assert other.status == "not tested: the other texts are of one firm"


def test_a_firm_seen_twice_counts_once():
    texts, group = ["ab", "abc", "b", "ca", "cb"], np.array([*"xxxyy"])
    found = keyness(matrix_of(texts), group, target="x", firm=np.array([*"ffghi"]), rng=np.random.default_rng(0))
    assert found.table.set_index("term").loc["a", ["firms", "firms_reference"]].tolist() == [1, 1]


def test_q_is_asked_of_terms_that_enough_firms_use():
    texts = ["ab"] * 4 + ["a"] * 4
    found = keyness(
        matrix_of(texts),
        np.repeat(["x", "y"], 4),
        target="x",
        rng=np.random.default_rng(0),
        settings=KeynessSettings(fewest_firms=5),
    )
    table = found.table.set_index("term")
    assert table["p"].notna().all()
    assert table["q"].isna().to_dict() == {"a": False, "b": True}


def test_terms_that_too_few_firms_use_take_no_part_in_the_false_discovery_rate():
    rng = np.random.default_rng(3)
    texts = ["".join(rng.choice([*"abcdefghijklmnop"], 3)) for _ in range(40)]
    settings = KeynessSettings(fewest_firms=8)
    table = keyness(
        matrix_of(texts), np.repeat(["x", "y"], 20), target="x", rng=np.random.default_rng(0), settings=settings
    ).table
    asked = table["firms"] + table["firms_reference"] >= 8
    assert 2 < asked.sum() < len(table) - 2
    assert table.loc[asked, "q"].to_numpy() == pytest.approx(benjamini_hochberg(table.loc[asked, "p"].to_numpy()))


def test_every_group_against_all_others():
    texts = ["ab", "ab", "bc", "cc", "d", ""]
    group = np.array(["x", "x", "y", "y", "z", "w"])
    stacked = keyness_by_group(matrix_of(texts), group, rng=np.random.default_rng(0))
    assert stacked.columns.tolist() == ["group", *COLUMNS, "status"]
    assert stacked.groupby("group")["status"].first().to_dict() == {
        "w": "no words",
        "x": "",
        "y": "",
        "z": "not tested: its texts are of one firm",
    }
    assert stacked["n_target"].dtype == np.int64
    alone = keyness(matrix_of(texts), group, target="x", rng=np.random.default_rng(0))
    part = stacked[stacked["group"] == "x"].reset_index(drop=True)
    pd.testing.assert_frame_equal(part[COLUMNS], alone.table, check_dtype=False)


@pytest.mark.parametrize(
    ("texts", "group", "target", "message"),
    [
        (["a", "b"], "xy", "w", "no text of group 'w' found; the groups are: x, y"),
        (["a", "b"], "xx", "x", "every text is of group 'x'"),
        (["", "b"], "xy", "x", "no word found in the 1 texts of group 'x'"),
        (["a", ""], "xy", "x", "no word found in the 1 texts of the groups other than 'x'"),
        ([], "", "x", "the groups are: none, there are no texts"),
    ],
)
def test_groups_that_cannot_be_compared_are_refused(texts, group, target, message):
    with pytest.raises(DataError, match=message):
        keyness(matrix_of(texts), np.array([*group], dtype=object), target=target, rng=np.random.default_rng(0))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"firm": np.array(["f"])}, "2 texts and 1 values of firm found"),
        ({"strata": np.array(["zh", None], dtype=object)}, "strata: 1 of 2 values are missing"),
        ({"draws": 0}, "draws = 0, most_draws = 99999"),
        ({"settings": KeynessSettings(most_draws=99)}, "draws = 999, most_draws = 99"),
        ({"settings": KeynessSettings(prior_words=-1)}, "prior_words = -1 found"),
    ],
)
def test_what_does_not_fit_is_refused(arguments, message):
    with pytest.raises(DataError, match=message):
        keyness(matrix_of(["a", "b"]), np.array([*"xy"]), target="x", rng=np.random.default_rng(0), **arguments)
