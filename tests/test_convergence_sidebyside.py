import json

import numpy as np
import pytest
from simulated_cities import Setting, simulate

from chainbert.convergence import measure_convergence, measure_share_trends
from chainbert.convergence.sidebyside import COLUMNS, _agreement, _row, _sentence, _shares, side_by_side
from chainbert.errors import ConfigError, DataError


@pytest.fixture(scope="module")
def measured():
    study = simulate(
        Setting(sizes={"Beijing": 60, "Shanghai": 40, "Shenzhen": 40}, years=3, dimension=24, contrast=0.9, noise=0.8,
                adopt=0.9),
        np.random.default_rng(0),
    )  # fmt: skip
    found = measure_convergence(
        study.vectors, study.city, study.year, reference="Beijing", firm=study.firm, rng=np.random.default_rng(1)
    )
    rng = np.random.default_rng(2)
    done = (study.year - 2013) / 2
    first = np.select([study.city == "Beijing", study.city == "Shanghai"], [0.9, 0.4], 0.1)
    share = np.where(study.city == "Shenzhen", first + 0.6 * done, first)
    yes = (rng.random(len(share)) < share).astype(float)
    state = measure_share_trends(yes, study.city, study.year, reference="Beijing", firm=study.firm)
    return found, state


def test_rows_and_their_scale(measured):
    convergence, state = measured
    found = side_by_side(convergence, {"customer.state": state})
    assert list(found.table.columns) == list(COLUMNS)
    assert found.table["measure"].tolist() == ["vectors", "customer.state"] * 2
    own = state.slopes.set_index("city").loc["Shenzhen"]
    row = found.table[found.table["measure"] == "customer.state"].set_index("city").loc["Shenzhen"]
    # Two years from the first to the last: the part of the first difference that the line closes.
    assert row["closed"] == pytest.approx(-2 * own["slope"] / own["first"])
    assert 0.3 < row["closed"] < 1.2
    assert row["low"] < row["closed"] < row["high"]
    assert (row["verdict"], row["mover"]) == ("converging", "home moved")


def test_both_say_the_same_of_the_city_that_moved(measured):
    convergence, state = measured
    found = side_by_side(convergence, {"customer.state": state})
    assert convergence.verdict["Shenzhen"] == "converging"
    assert found.sentences["Shenzhen"] == "Shenzhen: both the vectors and the customer.state share say converging."
    assert found.table.loc[found.table["city"] == "Shenzhen", "agreement"].tolist() == ["", "agrees"]


def test_json_is_plain(measured):
    convergence, state = measured
    found = side_by_side(convergence, {"customer.state": state}).to_json()
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert set(found) == {"side_by_side", "sentences"}


@pytest.mark.parametrize(
    ("vectors", "label", "agreement"),
    [
        ("converging", "converging", "agrees"),
        ("no change", "no change", "agrees"),
        ("converging", "diverging", "contradicts"),
        ("converging", "no change", "contradicts"),
        ("converging", "underpowered", "silent"),
        ("not shown", "converging", "silent"),
        ("underpowered", "underpowered", "silent"),
    ],
)
def test_agreement(vectors, label, agreement):
    assert _agreement(vectors, label) == agreement


def said(*verdicts):
    names = ("vectors", "customer.state", "market.global")
    rows = [{"measure": name, "verdict": word} for name, word in zip(names, verdicts, strict=False)]
    return _sentence("S", [row | {"agreement": _agreement(verdicts[0], row["verdict"])} for row in rows])


@pytest.mark.parametrize(
    ("verdicts", "words"),
    [
        (("converging",), "S: the vectors say converging; no label was measured."),
        (("converging", "converging"), "S: both the vectors and the customer.state share say converging."),
        (
            ("no change", "no change", "no change"),
            "S: the vectors and all customer.state and market.global shares say no change.",
        ),
        (
            ("converging", "diverging"),
            "S: the vectors say converging, the customer.state share says diverging: they contradict each other.",
        ),
        (
            ("converging", "underpowered", "underpowered"),
            "S: the vectors say converging, the customer.state and market.global shares say underpowered: "
            "no contradiction, as not every measure has a finding.",
        ),
    ],
)
def test_sentences(verdicts, words):
    assert said(*verdicts) == words


def test_no_first_difference_has_no_scale():
    line = {"city": "S", "slope": 0.1, "low": 0.0, "high": 0.2, "margin": np.nan, "p_holm": 0.2, "p_equivalent": np.nan}
    found = _row(line | {"status": ""}, "vectors", "underpowered", "neither shown", 0.25, -1.0)
    assert np.isnan([found["closed"], found["low"], found["high"]]).all()


def test_another_reference_is_refused(measured):
    other = measure_share_trends([0, 1], ["B", "S"], [1, 1], reference="B")
    with pytest.raises(DataError, match="'state' are measured against B, the vectors against Beijing"):
        side_by_side(measured[0], {"state": other})
    with pytest.raises(ConfigError, match="margin is 0; a share between 0 and 1"):
        side_by_side(measured[0], {}, margin=0)


def test_many_shares_are_counted_not_named():
    assert _shares(["a", "b", "c"]) == "a, b and c shares"
    assert _shares(["a", "b", "c", "d"]) == "4 label shares"
