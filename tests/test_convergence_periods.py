import numpy as np
import pandas as pd
import pytest

from chainbert.convergence import bin_years, latest_rows
from chainbert.errors import ConfigError, DataError

BINS = [(2013, 2016), (2017, 2019), (2020, 2020)]


def test_years_fall_into_their_periods():
    found = bin_years([2012, 2013, 2016, 2017, 2020, 2021], BINS)
    assert found.code.tolist() == [-1, 0, 0, 1, 2, -1]
    assert found.labels == ("2013–2016", "2017–2019", "2020")
    assert found.midpoints.tolist() == [2014.5, 2018.0, 2020.0]


def test_without_bins_each_year_is_its_own_however_far_apart():
    found = bin_years(pd.array([2022, 2018, 2022], dtype="Int64"))
    assert found.code.tolist() == [1, 0, 1]
    assert found.labels == ("2018", "2022")


@pytest.mark.parametrize(
    ("periods", "message"),
    [
        ([(2016, 2013)], "2016–2013 ends before it starts"),
        ([(2013, 2016), (2016, 2018)], "2013–2016 and 2016–2018 overlap"),
    ],
)
def test_periods_that_make_no_sense(periods, message):
    with pytest.raises(ConfigError, match=message):
        bin_years([2014], periods)


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
def test_a_missing_year_is_named(missing):
    with pytest.raises(DataError, match="row 1 has no year"):
        bin_years([2018, missing])


def test_a_year_that_is_no_number_is_refused():
    with pytest.raises(DataError, match="the years must be numbers"):
        bin_years(["2016年"])


def test_the_latest_row_of_a_firm_counts_once_a_period():
    firm, year = list("abab"), [2018, 2022, 2022, 2018]
    assert latest_rows(firm, year).tolist() == [False, True, True, False]
    assert latest_rows(firm, year, [0, 1, 1, 0]).tolist() == [True, True, True, True]
