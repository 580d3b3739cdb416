import json

import numpy as np
import pandas as pd
import pytest

from chainbert.convergence import measure_share_trends
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
