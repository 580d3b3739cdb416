"""What else is known of the firms, as the study's strata and its controls take it."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainbert.convergence import ConvergenceConfig
from chainbert.convergence.balance import MISSING, levels_of
from chainbert.convergence.config import SpecificationsConfig
from chainbert.errors import DataError
from chainbert.study import converging
from chainbert.study.covariates import covariates_of, strata_of

ROWS = pd.DataFrame(
    {
        "key": ["a", "b", "c", "d"],
        "text": ["短", "We serve firms of Shenzhen.", "Longer than the first one.", "x" * 400],
        "language": ["zh", "en", "en", "en"],
        "sector": pd.array(["finance", " ", None, " finance "], dtype="str"),
        "founded": pd.array([2014, None, 2016, 2018], dtype="Int64"),
        "listed": [True, False, False, True],
    },
    index=[7, 3, 9, 1],
)
SENTENCES = pd.DataFrame(
    [
        ("a", "text", "短", "短"),
        ("b", "text", "We serve firms of Shenzhen.", "We serve firms of the city."),
        ("c", "name", "Shenzhen Chain", "the city Chain"),
        ("c", "text", "Longer than the first one.", "Longer than the first one."),
    ],
    columns=["key", "part", "text", "masked"],
)


def found(*names):
    return covariates_of(ROWS, SENTENCES, names, "firms.csv")


def test_covariates_are_aligned_with_the_rows_whatever_their_index():
    table = found("length", "names_city", "language", "listed")
    assert table.index.tolist() == [0, 1, 2, 3]
    assert table["length"].tolist() == [1, 27, 26, 400]
    # The name of a company is no text that names a city.
    assert table["names_city"].tolist() == [False, True, False, False]
    assert table["language"].tolist() == ["zh", "en", "en", "en"]
    assert table["listed"].dtype == bool


def test_blank_and_absent_texts_are_missing_and_numbers_stay_numbers():
    table = found("sector", "founded")
    assert table["sector"].isna().tolist() == [False, True, True, False]
    assert levels_of(table["sector"]).names == ("finance", MISSING)
    assert table["founded"].tolist()[::2] == [2014, 2016]
    assert levels_of(table["founded"]).names == ("2014", "2016", "2018", MISSING)


def test_no_names_are_no_columns_and_no_strata():
    assert found().shape == (4, 0)
    assert strata_of(found(), ()) is None


def test_an_unknown_column_is_named_with_those_there_are():
    with pytest.raises(DataError, match=r"firms\.csv: no column size for convergence\.held_fixed; found key"):
        found("size")


def test_strata_have_a_column_a_name_and_what_is_missing_is_a_class():
    strata = strata_of(found("sector", "founded"), ("sector", "founded"))
    assert strata.shape == (4, 2)
    assert strata[:, 0].tolist() == ["0", "1", "1", "0"]
    assert strata[:, 1].tolist() == ["0", "3", "1", "2"]


@pytest.mark.parametrize(
    ("values", "classes"),
    [
        ([5.0] * 8, 1),
        ([np.nan] * 8, 1),
        # Most firms share a value: quantiles alone would put all of them into one class.
        ([0.0] * 7 + [1.0], 2),
        ([0.0] * 6 + [1.0, 2.0], 3),
        ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, np.nan], 5),
        ([10_000_001.0, 10_000_002.0] * 4, 2),
    ],
    ids=["constant", "all missing", "a rare one", "ties", "one missing", "long numbers"],
)
def test_numbers_with_ties_and_gaps(values, classes):
    assert len(np.unique(strata_of(pd.DataFrame({"x": values}), ("x",)))) == classes


@given(st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6)), min_size=2, max_size=40), st.randoms())
def test_strata_are_the_classes_of_the_controls_in_any_order(values, random):
    column = pd.DataFrame({"x": np.array(values, dtype=np.float64)})
    own = strata_of(column, ("x",))[:, 0].astype(int)
    assert own.tolist() == levels_of(column["x"]).code.tolist()
    order = random.sample(range(len(values)), len(values))
    assert strata_of(column.iloc[order], ("x",))[:, 0].astype(int).tolist() == own[order].tolist()
    known = column["x"].notna().to_numpy()
    ranked = own[known][np.argsort(column["x"].to_numpy()[known], kind="stable")]
    assert (np.diff(ranked) >= 0).all()


@pytest.mark.parametrize(
    ("given", "own", "expected"),
    [
        (("raw", "mean"), "raw", ("raw", "mean")),
        (("mean", "mean"), "raw", ("mean", "raw")),
        ((), "raw", ("raw",)),
        (((), ("language",)), ("language", "sector"), ((), ("language",), ("language", "sector"))),
    ],
)
def test_the_studys_own_choice_is_among_the_specifications(given, own, expected):
    assert converging._with(given, own) == expected


@pytest.mark.parametrize(("masked", "names"), [(True, "masked"), (False, "kept")])
def test_the_curve_is_read_against_what_the_study_does(monkeypatch, masked, names):
    """City names as the study treats them, its own strata, all firms: also where the choices name none of these."""
    asked = {}

    def curve(variants, *_, **options):
        asked.update(options, variants=variants)
        return SimpleNamespace(to_json=dict)

    monkeypatch.setattr(converging, "specification_curve", curve)
    monkeypatch.setattr(converging, "company_vectors", lambda *_, masked, **__: masked)
    monkeypatch.setattr(converging, "without_language", lambda found, *_: found)
    choices = SpecificationsConfig(language=("mean",), names=("masked", "kept"), strata=((),), seeds=(2, 1))
    study = SimpleNamespace(
        convergence=ConvergenceConfig(strata=("language", "sector"), specifications=choices),
        companies=SimpleNamespace(mask_cities=masked),
    )
    rows = ROWS.assign(id=ROWS["key"], city="Beijing")
    converging.specifications(
        SimpleNamespace(
            study=study, members=rows, sentences=SENTENCES, source="firms.csv", store=None, progress=None,
            encoder=SimpleNamespace(name="own"), placed=SimpleNamespace(year=[1, 2, 3, 4]), reference="Beijing",
        )
    )  # fmt: skip
    assert asked["main"] == ("own", "raw", names, "language + sector", 0, 5)
    assert asked["seeds"] == (2, 1, 0)
    assert list(asked["strata"]) == ["none", "language + sector"]
    # The vectors of a treatment are those with the names masked, or not.
    assert asked["variants"]["own"] == {
        (language, one): one == "masked" for one in ("masked", "kept") for language in ("mean", "raw")
    }


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"placebos": 5}, "0 or at least 19 were expected"),
        ({"power_studies": 19}, "0 or at least 20 were expected"),
        ({"placebo_pair": ("Beijing", "Beijing")}, "'Beijing' is given twice; two cities were expected"),
    ],
)
def test_settings_that_would_stop_the_run_at_its_end_are_refused_at_its_start(settings, message):
    with pytest.raises(ValueError, match=message):
        ConvergenceConfig(**settings)


@pytest.mark.parametrize("settings", [{"placebos": 0}, {"placebos": 19}, {"power_studies": 0}, {"power_studies": 20}])
def test_settings_at_their_bounds_are_taken(settings):
    assert ConvergenceConfig(**settings, specifications=SpecificationsConfig(language=())).model_dump() is not None
