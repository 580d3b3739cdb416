import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from chainbert.convergence.turnover import INTO, OUT, SURVIVORS_ONLY, firm_counts, turnover, wilson
from chainbert.errors import ConfigError, DataError

CITIES = ("Beijing", "Shenzhen")
BEFORE = {
    "a": "Shenzhen", "b": "Shenzhen", "c": "Shenzhen", "d": "Shenzhen", "e": "Shenzhen", "f": "Shenzhen",
    "g": "Beijing", "h": "Hangzhou", "i": "", "j": "Beijing",
}  # fmt: skip
AFTER = {
    "a": "Shenzhen", "b": "Beijing", "c": "Hangzhou", "d": "Singapore", "e": None, "g": "Shenzhen", "h": "Shenzhen",
    "i": "Shenzhen", "j": "Beijing", "k": "Shenzhen",
}  # fmt: skip


def snapshots(*years):
    rows = [(city, 2018 + 2 * place, firm) for place, year in enumerate(years) for firm, city in year.items()]
    return [list(column) for column in zip(*rows, strict=True)]


def counted(table, city, first="2018", last="2020"):
    chosen = table[(table["city"] == city) & (table["from"] == first) & (table["to"] == last)]
    return dict(zip(chosen["flow"], chosen["n"], strict=True))


def test_every_way_of_a_firm_is_counted():
    found = turnover(*snapshots(BEFORE, AFTER), cities=CITIES, abroad={"Singapore"})
    assert counted(found, "Shenzhen") == {
        "stays": 1, "leaves": 1, "moves out": 2, "goes abroad": 1, "city unknown later": 1,
        "enters": 1, "moves in": 2, "city unknown before": 1,
    }  # fmt: skip
    assert counted(found, "Beijing")["moves out"] == 1
    assert counted(found, "Beijing")["moves in"] == 1
    assert set(found.loc[found["city"] == "Shenzhen", "of"]) == {6, 5}


def test_a_share_has_wilsons_interval():
    found = (
        turnover(*snapshots(BEFORE, AFTER), cities=CITIES).set_index(["city", "flow"]).loc[("Shenzhen", "moves out")]
    )
    own = stats.binomtest(3, 6).proportion_ci(method="wilson")
    assert [found["share"], found["low"], found["high"]] == pytest.approx([0.5, own.low, own.high], abs=1e-11)


def test_the_published_interval_of_wilson():
    # Newcombe (1998), 81 of 263: 0.2553 to 0.3662; 0 of 20: 0 to 0.1611.
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert wilson(20, 20)[1] == 1.0


places = st.sampled_from(["Beijing", "Shenzhen", "Hangzhou", "Singapore", "", None, "gone"])


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(places, places, places), min_size=1, max_size=25))
def test_flows_sum_to_the_firms_of_both_periods(ways):
    years = [{str(i): way[t] for i, way in enumerate(ways) if way[t] != "gone"} for t in range(3)]
    years[0]["x"], years[1]["x"], years[2]["x"] = "Beijing", "Beijing", "Shenzhen"
    found = turnover(*snapshots(*years), cities=CITIES, abroad=["Singapore"])
    assert len(found) == 2 * 3 * (len(OUT) + len(INTO))
    for city in CITIES:
        for first, last in ((0, 1), (1, 2), (0, 2)):
            flows = counted(found, city, str(2018 + 2 * first), str(2018 + 2 * last))
            assert sum(flows[one] for one in OUT) == list(years[first].values()).count(city)
            assert flows["stays"] + sum(flows[one] for one in INTO) == list(years[last].values()).count(city)


def test_one_firm_has_a_count_and_no_share():
    found = turnover(["Beijing", "Beijing"], [1, 2], ["a", "a"], cities=CITIES)
    stays = found[found["flow"] == "stays"].set_index("city")
    assert stays.loc["Beijing", ["n", "of", "status"]].tolist() == [1, 1, "not estimable: 1 firm"]
    assert stays.loc["Shenzhen", ["n", "of", "status"]].tolist() == [0, 0, "not estimable: no firms"]
    assert found[["share", "low", "high"]].isna().all(axis=None)


def test_the_last_row_of_a_firm_in_a_period_counts():
    found = turnover(
        ["Beijing", "Shenzhen", "Shenzhen"], [2018, 2019, 2021], ["a", "a", "a"], cities=CITIES,
        periods=[(2018, 2019), (2020, 2021)],
    )  # fmt: skip
    assert counted(found, "Shenzhen", "2018–2019", "2020–2021")["stays"] == 1
    assert counted(found, "Beijing", "2018–2019", "2020–2021")["leaves"] == 0


def test_order_does_not_matter():
    city, year, firm = (np.array(one, dtype=object) for one in snapshots(BEFORE, AFTER))
    order = np.random.default_rng(0).permutation(len(city))
    found = turnover(city, year, firm, cities=CITIES)
    pd.testing.assert_frame_equal(found, turnover(city[order], year[order], firm[order], cities=CITIES[::-1]))


def test_cohorts_are_marked_as_those_of_survivors():
    city = ["Beijing"] * 6 + ["Shenzhen"] * 4 + ["Hangzhou"] * 3
    year = [2014, 2014, 2014, 2018, 2018, 2018, 2014, 2018, 2018, 2018, 2014, 2014, 2018]
    found = firm_counts(city, year, cities=CITIES, time="founded")
    assert found["note"].tolist() == [SURVIVORS_ONLY] * 4
    assert found[["city", "year", "n", "of"]].to_numpy().tolist() == [
        ["Beijing", "2014", 3, 4], ["Beijing", "2018", 3, 6], ["Shenzhen", "2014", 1, 4], ["Shenzhen", "2018", 3, 6],
    ]  # fmt: skip
    assert found["share"].tolist() == [0.75, 0.5, 0.25, 0.5]
    assert set(firm_counts(city, year, cities=CITIES)["note"]) == {""}


def test_a_cohort_counts_a_firm_once():
    with pytest.raises(DataError, match=r"firm 'a' has several rows .1 such firms.; a cohort counts a firm once"):
        firm_counts(["Beijing"] * 3, [2014, 2015, 2015], ["a", "a", "b"], cities=CITIES, time="founded")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((["Beijing"], [1, 2], ["a", "b"]), DataError, "firm has 2 values for 1 rows"),
        ((["Beijing"], [None], ["a"]), DataError, "row 0 has no year"),
        ((["Beijing"], [1], [""]), DataError, "row 0 has no firm"),
        ((["Beijing", "Shenzhen"], [1, 1], ["a", "a"]), DataError, "firm 'a' has 2 rows in 1 .Beijing and Shenzhen."),
    ],
)
def test_bad_input(arguments, error, message):
    with pytest.raises(error, match=message):
        turnover(*arguments, cities=CITIES)


def test_a_city_of_the_study_is_not_abroad():
    with pytest.raises(ConfigError, match="Beijing cannot be a city of the study and abroad"):
        turnover(["Beijing"], [1], ["a"], cities=CITIES, abroad=["Beijing"])
