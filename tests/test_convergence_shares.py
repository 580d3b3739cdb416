import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from chainbert.convergence import measure_share_trends
from chainbert.convergence.trend import power_at
from chainbert.errors import ConfigError, DataError


def table(counts):
    """Arrays from {(city, year): (yes, n)}."""
    yes, city, year = [], [], []
    for (name, when), (count, n) in counts.items():
        yes += [1.0] * count + [0.0] * (n - count)
        city += [name] * n
        year += [when] * n
    return np.array(yes), np.array(city), np.array(year)


KNOWN = {("B", 2018): (56, 70), ("S", 2018): (48, 80), ("B", 2022): (35, 70), ("S", 2022): (40, 80)}


def test_difference_and_newcombes_interval():
    # Newcombe (1998), 56/70 against 48/80: 0.2000, 0.0524 to 0.3339.
    found = measure_share_trends(*table(KNOWN), reference="S").shares
    assert found.loc[0, ["share", "share_reference", "difference"]].tolist() == pytest.approx([0.8, 0.6, 0.2])
    assert found.loc[0, ["low", "high"]].tolist() == pytest.approx([0.0524, 0.3339], abs=5e-5)
    assert found["year"].tolist() == ["2018", "2022"]


def test_slope_and_error_by_hand():
    found = measure_share_trends(*table(KNOWN), reference="S").slopes.loc[0]
    error = np.sqrt(0.16 / 69 + 0.24 / 79 + 0.25 / 69 + 0.25 / 79) / 4
    assert found["slope"] == pytest.approx(-0.05)
    assert (found["high"] - found["low"]) / 2 == pytest.approx(1.978 * error, rel=0.01)


def test_the_slope_keeps_its_sign():
    below = {("B", 1): (10, 50), ("S", 1): (40, 50), ("B", 2): (38, 50), ("S", 2): (40, 50)}
    assert measure_share_trends(*table(below), reference="S").slopes.loc[0, "slope"] == pytest.approx(0.56)


def test_a_firm_in_both_years_is_one_unit():
    yes, city, year = table({(c, t): (15, 30) for c in "BS" for t in (1, 2)})
    firm = np.array([f"{c}{i % 30}" for i, c in enumerate(city)])
    panel = measure_share_trends(yes, city, year, reference="S", firm=firm).slopes.loc[0]
    apart = measure_share_trends(yes, city, year, reference="S").slopes.loc[0]
    # Every firm keeps its answer, so nothing but the small-sample part is left of the error.
    assert panel["high"] - panel["low"] < 0.4 * (apart["high"] - apart["low"])


def test_shares_at_the_edge_still_have_an_error():
    counts = {(c, t): (0, 20) for c in "BS" for t in (1, 2, 3)}
    found = measure_share_trends(*table(counts), reference="S").slopes.loc[0]
    assert found["slope"] == 0
    assert found["high"] > 0.02
    assert found["p"] == 1


def test_level_and_power():
    rng = np.random.default_rng(5)
    rejected, found = [], []
    for _ in range(120):
        for result, late in ((rejected, 0.3), (found, 0.6)):
            cells = (
                ("Z", 1, 0.3),
                ("Z", 2, (0.3 + late) / 2),
                ("Z", 3, late),
                ("B", 1, 0.6),
                ("B", 2, 0.6),
                ("B", 3, 0.6),
            )
            counts = {(c, t): (rng.binomial(40, p), 40) for c, t, p in cells}
            result.append(measure_share_trends(*table(counts), reference="B").slopes.loc[0, "p"] < 0.05)
    assert 0.01 <= np.mean(rejected) <= 0.10
    assert np.mean(found) >= 0.35


def test_the_slope_is_home_less_reference():
    found = measure_share_trends(*table(KNOWN), reference="S").slopes.loc[0]
    assert found["home"] == pytest.approx(-0.075)
    assert found["reference"] == pytest.approx(-0.025)
    assert found["slope"] == pytest.approx(found["home"] - found["reference"])
    assert found["first"] == pytest.approx(0.2)
    assert found["middle"] == pytest.approx(0.1)


def test_equivalence_margin_and_power_by_hand():
    found = measure_share_trends(*table(KNOWN), reference="S", margin=0.5).slopes.loc[0]
    parts = np.array([0.16 / 69 + 0.24 / 79, 0.25 / 69 + 0.25 / 79])
    freedom = min(70 * 2 - 1, 80 * 2 - 2, 70 * 2 - 2)
    assert found["margin"] == pytest.approx(0.5 * 0.2 / 4)
    # slope + margin as one contrast: −1/4 and 1/4, with 1/8 more of the first difference.
    value, error = -0.05 + 0.025, np.sqrt(parts @ np.array([(-0.25 + 0.125) ** 2, 0.25**2]))
    assert found["p_equivalent"] == pytest.approx(stats.t.sf(value / error, freedom), rel=1e-6)
    whole = np.sqrt(parts.sum()) / 4
    assert found["minimum_detectable"] == pytest.approx(
        whole * (stats.t.ppf(0.975, freedom) + stats.t.ppf(0.8, freedom))
    )
    assert found["power"] == pytest.approx(power_at(0.025, whole, freedom))


def verdicts(counts, reference="B", **options):
    return measure_share_trends(*table(counts), reference=reference, **options).slopes.loc[0]


def line(home, other, n=400):
    return {
        (city, t): (round(share * n), n)
        for city, shares in (("Z", home), ("B", other))
        for t, share in enumerate(np.linspace(*shares, 4))
    }


@pytest.mark.parametrize(
    ("home", "other", "verdict", "mover"),
    [
        ((0.3, 0.7), (0.8, 0.8), "converging", "home moved"),
        ((0.3, 0.3), (0.8, 0.4), "converging", "reference moved"),
        ((0.3, 0.45), (0.8, 0.65), "converging", "both"),
        ((0.7, 0.3), (0.8, 0.8), "diverging", "home moved away"),
        ((0.7, 0.7), (0.8, 1.0), "diverging", "reference moved away"),
        ((0.6, 0.4), (0.7, 0.9), "diverging", "both away"),
        ((0.2, 0.2), (0.9, 0.9), "no change", "neither shown"),
        ((0.5, 0.5), (0.52, 0.52), "underpowered", "neither shown"),
        ((0.3, 0.7), (0.5, 0.5), "not shown", "neither shown"),
        ((0.2, 0.4), (0.7, 0.9), "no change", "neither shown"),
    ],
)
def test_the_verdict_and_the_mover(home, other, verdict, mover):
    found = verdicts(line(home, other))
    assert (found["verdict"], found["mover"]) == (verdict, mover)
    # The same question asked of "no", and of the two cities the other way round.
    turned = verdicts(line((1 - home[0], 1 - home[1]), (1 - other[0], 1 - other[1])))
    assert (turned["verdict"], turned["mover"], turned["p"]) == (verdict, mover, pytest.approx(found["p"]))
    swapped = verdicts(line(home, other), "Z")
    names = {"home": "reference", "reference": "home"}
    first, *rest = mover.split()
    mover = " ".join([names.get(first, first), *rest])
    assert (swapped["verdict"], swapped["mover"]) == (verdict, mover)


def test_shares_that_pass_each_other_neither_come_nearer_nor_part():
    found = verdicts(line((0.3, 0.7), (0.5, 0.5)))
    assert found["p_holm"] < 0.001
    assert found["verdict"] == "not shown"
    assert found["reason"].startswith("the difference changes, but on which side of 0")


def test_without_a_slope_the_verdict_is_not_shown():
    found = verdicts({("Z", 1): (3, 9), ("B", 1): (4, 9)})
    assert found["verdict"] == "not shown"
    assert found["status"] == "not estimable: 1 period with a difference, a slope needs two"
    assert np.isnan(found["home"])


def test_a_margin_outside_its_range():
    with pytest.raises(ConfigError, match="margin is 0; a share between 0 and 1 was expected"):
        measure_share_trends(*table(KNOWN), reference="S", margin=0)


SIZES = {"Beijing": 110, "Shenzhen": 34}


def panel(rng, start, end=None, growth=None, persistence=0.0, sizes=SIZES, years=6):
    """A study with its firms; each keeps its leaning as long as it stays."""
    yes, city, year, firm = [], [], [], []
    for name in SIZES:
        leaning, ids = np.empty(0), np.empty(0, dtype=int)
        for t in range(years):
            done = t / (years - 1)
            n = round(growth[0] + (growth[1] - growth[0]) * done) if growth else sizes[name]
            new, names = rng.random(n), np.arange(n) + 1000 * t
            stay = np.flatnonzero(rng.random(len(leaning)) < persistence)[:n]
            new[: len(stay)], names[: len(stay)] = leaning[stay], ids[stay]
            leaning, ids = new, names
            yes.append(leaning < start[name] + ((end or start)[name] - start[name]) * done)
            city += [name] * n
            year += [2013 + t] * n
            firm += [f"{name}{one}" for one in ids]
    return np.concatenate(yes).astype(float), np.array(city), np.array(year), np.array(firm)


APART = {"Beijing": 0.6, "Shenzhen": 0.3}


def repeated(studies, seed=1, **setting):
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(studies):
        yes, city, year, firm = panel(rng, **setting)
        found.append(measure_share_trends(yes, city, year, reference="Beijing", firm=firm).slopes.loc[0])
    return pd.DataFrame(found)


@pytest.mark.slow
@pytest.mark.parametrize(
    "setting",
    [
        {"start": APART},
        {"start": APART, "growth": (20, 120)},
        {"start": APART, "end": {"Beijing": 0.85, "Shenzhen": 0.55}},
        {"start": APART, "persistence": 0.8},
    ],
    ids=["static", "growing", "common drift", "persistence"],
)
def test_levels(setting):
    found = repeated(300, **setting)
    assert 0.025 <= (found["p"] < 0.05).mean() <= 0.08
    # A finding needs the middle of the window too, so it is never more frequent than the slope's.
    assert found["verdict"].isin(["converging", "diverging"]).mean() <= 0.08
    assert (found["p_equivalent"] < 0.05).mean() <= 0.05
    truth = 0.0
    assert 0.92 <= ((found["low"] < truth) & (truth < found["high"])).mean() <= 0.975


@pytest.mark.slow
def test_power_mover_and_equivalence():
    moved = repeated(100, start=APART, end=APART | {"Shenzhen": 0.6})
    assert (moved["verdict"] == "converging").mean() >= 0.60
    assert (moved["mover"] == "home moved").mean() >= 0.55
    assert (moved["mover"] == "reference moved").mean() <= 0.03
    passed = repeated(100, start={"Beijing": 0.5, "Shenzhen": 0.3}, end={"Beijing": 0.5, "Shenzhen": 0.7})
    assert passed["verdict"].isin(["converging", "diverging"]).mean() <= 0.12
    still = repeated(40, start={"Beijing": 0.8, "Shenzhen": 0.3}, sizes=dict.fromkeys(SIZES, 1000))
    assert (still["verdict"] == "no change").mean() >= 0.80


def test_unlabelled_rows_are_counted_and_left_out():
    yes, city, year = table(KNOWN)
    yes[:6] = np.nan
    found = measure_share_trends(yes, city, year, reference="S")
    assert found.unlabelled == 6
    assert found.shares.loc[0, ["n", "share"]].tolist() == pytest.approx([64, 50 / 64])


def test_one_firm_is_no_share():
    found = measure_share_trends(*table(KNOWN | {("B", 2022): (1, 1)}), reference="S")
    assert found.shares.loc[1, "status"] == "not estimable: 1 firm"
    assert np.isnan(found.shares.loc[1, ["share", "difference", "low", "high"]].astype(float)).all()
    assert found.slopes.loc[0, "status"] == "not estimable: 1 period with a difference, a slope needs two"


def test_periods_and_the_latest_row_of_a_firm():
    found = measure_share_trends(
        [1, 0, 1, 1, 0, 0], list("BBBSSS"), [2013, 2014, 2014, 2013, 2013, 2014], firm=list("aabcde"), reference="S",
        periods=[(2013, 2016)],
    )  # fmt: skip
    assert found.shares.loc[0, ["year", "n", "share"]].tolist() == ["2013–2016", 2, 0.5]


def test_order_does_not_matter_and_json_is_plain():
    yes, city, year = table(KNOWN)
    order = np.random.default_rng(0).permutation(len(yes))
    found = measure_share_trends(yes, city, year, reference="S").to_json()
    assert measure_share_trends(yes[order], city[order], year[order], reference="S").to_json() == found
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_pandas_columns_are_taken_as_they_are():
    yes, city, year = table(KNOWN)
    frame = pd.DataFrame({"yes": yes, "city": city, "year": pd.array(year, dtype="Int64")}).sample(
        frac=1, random_state=1
    )
    found = measure_share_trends(frame["yes"], frame["city"], frame["year"], reference="S")
    assert found.shares.loc[0, "difference"] == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([0.5, 1], ["B", "S"], [1, 1]), DataError, "row 0 of the labels is 0.5; 1 .yes., 0 .no. or NaN"),
        (([0, 1], ["B"], [1, 1]), DataError, "city has 1 values for 2 rows"),
        (([0, 1], ["B", ""], [1, 1]), DataError, "row 1 has no city"),
        (([0, 1], ["B", "S"], [1, None]), DataError, "row 1 has no year"),
        (([0, 1], ["B", "Q"], [1, 1]), ConfigError, "the reference city 'S' is not in the data"),
    ],
)
def test_bad_input(arguments, error, message):
    with pytest.raises(error, match=message):
        measure_share_trends(*arguments, reference="S")
