import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated_cities import Setting, simulate

from chainbert.convergence.cities import city_trend
from chainbert.convergence.rows import check_rows
from chainbert.convergence.specifications import specification_curve, subsample
from chainbert.errors import ConfigError, DataError

SETTING = Setting(
    sizes={"Beijing": 24, "Shanghai": 14, "Shenzhen": 18},
    years=3,
    dimension=24,
    contrast=1.0,
    noise=0.6,
    adopt=1.0,
    chinese={"Beijing": (0.6, 0.6), "Shanghai": (0.6, 0.6), "Shenzhen": (0.6, 0.6)},
)


@pytest.fixture(scope="module")
def study():
    return simulate(SETTING, np.random.default_rng(0))


def noise_of(study, seed=5):
    raw = np.random.default_rng(seed).standard_normal(study.vectors.shape)
    return raw / np.linalg.norm(raw, axis=1, keepdims=True)


def turned_round(study):
    """The same firms with the years run backwards: what converges, diverges."""
    return 2013 + 2015 - study.year


def run(study, variants=None, year=None, **options):
    strata = {"language": study.language, "none": None}
    return specification_curve(
        variants or {"one": {("raw", "whole"): study.vectors}},
        study.city,
        study.year if year is None else year,
        **({"reference": "Beijing", "firm": study.firm, "strata": strata} | options),
    )


def test_every_combination_is_a_row_for_every_pair(study):
    variants = {
        "one": {("raw", "whole"): study.vectors, ("mean", "whole"): study.vectors},
        "two": {("raw", "masked"): noise_of(study)},
    }
    found = run(study, variants, seeds=(0, 1), smallest_cells=(5, 8))
    assert found.table.columns.tolist() == [
        *("city", "reference", "encoder", "language", "names", "strata", "seed", "smallest_cell"),
        *("slope", "relative", "low", "high", "p", "statistic", "sign", "status", "main"),
    ]
    assert len(found.table) == 3 * 3 * 2 * 2 * 2
    pairs = [("Shanghai", "Beijing"), ("Shenzhen", "Beijing"), ("Shanghai", "Shenzhen")]
    assert list(zip(found.summary["city"], found.summary["reference"], strict=True)) == pairs
    assert (found.summary["specifications"] == 24).all()
    assert not found.table.duplicated(found.table.columns[:8].tolist()).any()
    main = found.table[found.table["main"]]
    assert len(main) == 3
    assert main[
        ["encoder", "language", "names", "strata", "seed", "smallest_cell"]
    ].drop_duplicates().to_numpy().tolist() == [["one", "raw", "whole", "language", 0, 5]]


def test_a_slope_is_that_of_the_citys_trend(study):
    found = run(study, seeds=(0,)).table
    rows = check_rows(
        study.vectors, study.city, study.year, reference="Beijing", firm=study.firm, strata=study.language
    )
    line = city_trend(rows, 2)
    row = found[(found["city"] == "Shenzhen") & found["main"]].iloc[0]
    assert [row[name] for name in ("slope", "low", "high", "p")] == pytest.approx(
        [line.slope.value, line.slope.low, line.slope.high, line.slope.p]
    )
    assert row["statistic"] == pytest.approx(line.slope.value / line.slope.error)
    # A slope as large as the margin closes the margin's share of the first gap.
    assert row["relative"] == pytest.approx(0.25 * line.slope.value / line.margin)


def test_the_relative_slope_does_not_depend_on_the_margin(study):
    found = [run(study, margin=margin).table["relative"] for margin in (0.1, 0.4)]
    assert np.allclose(*found)


def test_a_planted_convergence_agrees_over_sound_choices():
    larger = {"sizes": {"Beijing": 60, "Shanghai": 6, "Shenzhen": 40}}
    study = simulate(Setting(**(vars(SETTING) | larger)), np.random.default_rng(0))
    found = run(study, seeds=(0, 1, 2, 3)).summary.set_index(["city", "reference"]).loc[("Shenzhen", "Beijing")]
    assert found["estimable"] == found["specifications"] == 8
    assert found["agree"] == 1
    assert found["significant"] >= 0.75
    assert found["significant_other"] == 0
    assert found["median"] < 0
    assert -1.5 < found["median_relative"] < -0.3


def test_summary_counts_by_hand(study):
    variants = {"one": {("raw", "whole"): study.vectors}, "two": {("raw", "whole"): noise_of(study)}}
    found = run(study, variants, seeds=(0, 1))
    for _, row in found.summary.iterrows():
        own = found.table[(found.table["city"] == row["city"]) & (found.table["reference"] == row["reference"])]
        sign = own[own["main"]]["sign"].iloc[0]
        assert row["agree"] == pytest.approx((own["sign"] == sign).mean())
        assert row["significant"] == pytest.approx(((own["sign"] == sign) & (own["p"] < 0.05)).mean())
        assert row["significant_other"] == pytest.approx(((own["sign"] == -sign) & (own["p"] < 0.05)).mean())
        assert row["median"] == pytest.approx(own["slope"].median())


def test_the_worst_case_is_named_with_its_numbers(study):
    variants = {"one": {("raw", "whole"): study.vectors}, "two": {("lir", "masked"): noise_of(study)}}
    found = run(study, variants, strata={"language": study.language}, seeds=(0,))
    summary = found.summary.set_index(["city", "reference"]).loc[("Shenzhen", "Beijing")]
    own = found.table[(found.table["city"] == "Shenzhen") & (found.table["reference"] == "Beijing")]
    main, other = own.iloc[0], own.iloc[1]
    assert summary["worst"].startswith(
        "two, language lir, names masked, strata language, all firms, cells of 5 firms: "
        f"slope {other['slope']:+.4f} (p = {other['p']:.3f}), against {main['slope']:+.4f} (p "
    )
    assert summary["worst"].endswith(" in the main one")


def test_the_worst_case_of_a_diverging_city_is_the_other_way_round(study):
    variants = {"one": {("raw", "whole"): study.vectors}, "two": {("raw", "whole"): noise_of(study)}}
    found = run(study, variants, year=turned_round(study), strata={"language": study.language})
    summary = found.summary.set_index(["city", "reference"]).loc[("Shenzhen", "Beijing")]
    own = found.table[(found.table["city"] == "Shenzhen") & (found.table["reference"] == "Beijing")]
    assert own[own["main"]]["slope"].iloc[0] > 0
    worst = own.loc[own["statistic"].idxmin()]
    assert f"slope {worst['slope']:+.4f}" in summary["worst"]


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda vectors: vectors[:-1], r"not estimable: 167 vectors for 168 firms"),
        (lambda vectors: np.where(vectors == vectors[0, 0], np.nan, vectors), r"not estimable: row 0 .* not a number"),
        (lambda vectors: 2 * vectors, r"not estimable: row 0 .* not of unit length"),
        (lambda vectors: [vectors[0], vectors[1][:2]], r"not estimable: vectors must be a filled matrix"),
        (lambda vectors: np.array(["text"] * len(vectors)), r"not estimable: vectors must be a filled matrix"),
        (lambda vectors: np.tile(vectors[:1], (len(vectors), 1)), r"not estimable: fewer than two periods"),
    ],
)
def test_one_bad_variant_is_a_row_with_its_reason(study, spoil, reason):
    variants = {"one": {("raw", "whole"): study.vectors}, "bad": {("raw", "whole"): spoil(study.vectors)}}
    found = run(study, variants)
    bad = found.table[found.table["encoder"] == "bad"]
    assert bad["status"].str.match(reason).all()
    assert bad[["slope", "low", "high", "p", "sign"]].isna().all(axis=None)
    assert (found.table.loc[found.table["encoder"] == "one", "status"] == "").all()
    assert (found.summary["estimable"] == 2).all()
    assert (found.summary["specifications"] == 4).all()
    assert found.to_json()["specifications"][2]["slope"] is None


def test_a_main_specification_that_cannot_be_estimated_says_so(study):
    variants = {"bad": {("raw", "whole"): 2 * study.vectors}, "one": {("raw", "whole"): study.vectors}}
    found = run(study, variants).summary
    assert found["status"].str.match(r"not estimable: the main specification: row 0 .* not of unit length").all()
    assert found["agree"].isna().all()


def test_any_specification_can_be_the_main_one(study):
    main = ("one", "raw", "whole", "none", 1, 8)
    found = run(study, seeds=(0, 1), smallest_cells=(5, 8), main=main).table
    chosen = found[found["main"]]
    assert chosen[["strata", "seed", "smallest_cell"]].drop_duplicates().to_numpy().tolist() == [["none", 1, 8]]


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 10_000))
def test_a_seed_takes_nine_tenths_of_each_citys_firms_the_same_for_all_encoders(seed):
    study = simulate(SETTING, np.random.default_rng(0))
    names = np.array(study.firm)
    kept = []
    for vectors in (study.vectors, noise_of(study)):
        rows = check_rows(vectors, study.city, study.year, reference="Beijing", firm=names)
        some = subsample(rows, seed)
        assert [len(set(some.firm[some.city == one])) for one in range(3)] == [65, 38, 49]
        kept.append(set(some.firm))
    assert kept[0] == kept[1]


def test_firms_of_several_years_go_or_stay_as_a_whole():
    study = simulate(Setting(**(vars(SETTING) | {"persistence": 0.7})), np.random.default_rng(1))
    rows = check_rows(study.vectors, study.city, study.year, reference="Beijing", firm=study.firm)
    some = subsample(rows, 3)
    for firm in np.unique(some.firm):
        assert (some.firm == firm).sum() == (rows.firm == firm).sum()
    assert subsample(rows, 0) is rows


def test_the_order_of_rows_does_not_change_a_bit(study):
    expected = run(study, seeds=(0, 4)).to_json()
    order = np.random.default_rng(2).permutation(len(study.city))
    found = specification_curve(
        {"one": {("raw", "whole"): study.vectors[order]}},
        study.city[order],
        study.year[order],
        reference="Beijing",
        firm=study.firm[order],
        strata={"language": study.language[order], "none": None},
        seeds=(0, 4),
    )
    assert found.to_json() == expected


def test_without_change_few_specifications_are_significant():
    level = []
    for seed in range(12):
        study = simulate(Setting(**(vars(SETTING) | {"adopt": 0.0, "noise": 1.0})), np.random.default_rng(seed))
        found = run(study, strata={"language": study.language}).summary
        level += (found["significant"] + found["significant_other"]).tolist()
    # 36 slopes at 5 %: more than 6 comes once in a hundred.
    assert np.sum(level) <= 6


def test_periods_are_binned_as_in_the_measurement(study):
    found = run(study, periods=[(2013, 2014), (2015, 2015)])
    assert (found.table["status"] == "").all()
    alone = run(study, periods=[(2013, 2015)])
    assert (alone.table["status"] == "not estimable: fewer than two periods with a gap").all()
    assert alone.summary["status"].str.startswith("not estimable: the main specification: fewer").all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seeds": ()}, "seeds is empty; at least one choice"),
        ({"strata": {}}, "strata is empty; at least one choice"),
        ({"seeds": (1, 1)}, r"seeds has a choice twice"),
        ({"seeds": (-1,)}, r"numbers from 0"),
        ({"smallest_cells": (2,)}, r"at least 3 firms"),
        ({"main": ("one", "raw", "whole", "language", 7, 5)}, r"none of those to be run; the first would be"),
        ({"reference": "Bejing"}, r"'Bejing' is not in the data.*Beijing"),
    ],
)
def test_wrong_choices_are_named(study, options, message):
    with pytest.raises(ConfigError, match=message):
        run(study, **options)


def test_no_variants_are_refused(study):
    with pytest.raises(ConfigError, match="variants is empty"):
        specification_curve({}, study.city, study.year, reference="Beijing", strata={"none": None})


def test_a_row_without_a_city_is_refused(study):
    with pytest.raises(DataError, match="row 3 has no city"):
        specification_curve(
            {"one": {("raw", "whole"): study.vectors}},
            pd.Series(study.city).where(np.arange(len(study.city)) != 3),
            study.year,
            reference="Beijing",
            strata={"none": None},
        )


def test_a_set_of_one_city_has_no_pairs_and_empty_tables(study):
    own = study.city == "Beijing"
    variants = {"one": {("raw", "whole"): study.vectors[own]}}
    found = specification_curve(
        variants, study.city[own], study.year[own], reference="Beijing", strata={"none": None}, firm=study.firm[own]
    )
    assert found.to_json() == {"specifications": [], "summary": []}
    assert "slope" in found.table.columns


def test_progress_ends_at_its_total(study):
    calls = []
    run(study, seeds=(0, 1), progress=lambda *step: calls.append(step))
    assert calls == [("specifications", done, 4) for done in range(1, 5)]
