import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainbert.companies.frames import DIFFERENCE_COLUMNS, DISTANCE, FRAME_COLUMNS, compare_frames
from chainbert.companies.stages import round_column, stage_of

LABELS = ["2017", "2023"]


def draw(
    n, year, rng, *, cities=(0.5, 0.3, 0.2), length=80, funded=0.6, site=0.7, industries=("游戏", "医疗"), **columns
):
    """A set of invented firms."""
    table = pd.DataFrame(
        {
            "id": [f"{year}-{one}" for one in range(n)],
            "city": rng.choice(["Beijing", "Shanghai", "Shenzhen"], n, p=cities),
            "language": "zh",
            "industry": rng.choice(industries, n),
            "founded": pd.array(year - rng.integers(1, 9, n), dtype="Int64"),
            "observed": pd.array([year] * n, dtype="Int64"),
            "text": ["字" * int(one) for one in rng.normal(length, 15, n).clip(5)],
            "website": np.where(rng.random(n) < site, "http://spruce.cn", ""),
            "investors": [["云杉资本"] if one else [] for one in rng.random(n) < funded],
        }
    )
    return table.assign(**columns)


def two(first=None, second=None, n=(300, 400), seed=0):
    rng = np.random.default_rng(seed)
    return [draw(n[0], 2017, rng, **(first or {})), draw(n[1], 2023, rng, **(second or {}))]


def warned(found):
    return set(found.differences.loc[found.differences["warned"], "measure"])


def test_two_samples_of_one_frame_are_not_warned_of():
    found = compare_frames(two(), LABELS)
    assert found.warnings == ()
    assert not found.differences["warned"].any()
    assert tuple(found.table.columns) == FRAME_COLUMNS
    assert tuple(found.differences.columns) == DIFFERENCE_COLUMNS


@pytest.mark.parametrize(
    ("change", "measure", "sentence"),
    [
        (
            {"cities": (0.1, 0.3, 0.6)},
            "city",
            "cities differ (total variation 0.34 between 2017 and 2023): Beijing 45% in 2017, 10%",
        ),
        ({"language": "en"}, "language", "languages differ (total variation 1.00 between 2017 and 2023)"),
        (
            {"industries": ("Games", "Health")},
            "industry",
            "they may not be named by one scheme: 0% and 0% of the firms",
        ),
        ({"length": 160}, "text length, zh", "texts differ in length (language zh, medians, up to 1.9"),
        ({"funded": 0.99}, "investors", "(2023 holds nearly only such firms)"),
        ({"site": 0.2}, "website", "shares of firms with a website differ: "),
        ({"founded": pd.array([2003] * 400, dtype="Int64")}, "age", "ages when observed differ (total variation 1.00"),
    ],
)
def test_one_difference_gives_one_warning_with_its_numbers(change, measure, sentence):
    found = compare_frames(two(second=change), LABELS)
    if measure == "language":  # texts of two languages are not compared in length
        assert "text length, zh" not in set(found.differences["measure"])
    assert warned(found) == {measure}
    assert len(found.warnings) == 1
    assert sentence in found.warnings[0]
    assert "2017" in found.warnings[0]
    assert "2023" in found.warnings[0]


def test_numbers_in_a_warning_are_the_data_s():
    first, second = two(n=(100, 100))
    first["city"] = ["Beijing"] * 80 + ["Shanghai"] * 20
    second["city"] = ["Beijing"] * 40 + ["Shanghai"] * 60
    found = compare_frames([first, second], LABELS)
    assert found.warnings == (
        "cities differ (total variation 0.40 between 2017 and 2023): "
        "Beijing 80% in 2017, 40% in 2023; Shanghai 20% in 2017, 60% in 2023",
    )
    row = found.differences.set_index("measure").loc["city"]
    assert row["value"] == pytest.approx(0.4)
    assert row["threshold"] == DISTANCE


def test_sizes_lengths_and_counts_by_hand():
    first, second = two(n=(100, 250))
    first["text"], second["text"] = "字" * 61, "字" * 180
    found = compare_frames([first, second], LABELS)
    assert found.warnings == (
        "numbers of firms differ: 100 in 2017, 250 in 2023",
        "texts differ in length (language zh, medians, up to 2.95 times): 61 in 2017, 180 in 2023 characters",
    )
    facts = found.table.set_index(["set", "measure", "value"])
    assert facts.loc[("2023", "text length", "zh"), ["number", "n"]].tolist() == [180, 250]
    assert facts.loc[("2017", "firms", ""), "number"] == 100


def test_a_text_may_be_given_by_its_length():
    first, second = two(n=(100, 100))
    second = second.assign(characters=160).drop(columns="text")
    assert warned(compare_frames([first, second], LABELS)) == {"text length, zh"}


def test_what_no_firm_has_is_said_and_not_compared():
    found = compare_frames(two(second={"funded": 0.0}), LABELS)
    assert warned(found) == set()
    assert found.warnings[0].startswith("no firm of 2023 has a known investor; elsewhere ")


def test_three_sets_give_one_warning_a_measure():
    rng = np.random.default_rng(3)
    sets = [draw(200, year, rng, length=length) for year, length in ((2017, 60), (2018, 95), (2023, 97))]
    found = compare_frames(sets, ["2017", "2018", "2023"])
    assert len(found.warnings) == 1
    assert len(found.differences.query("measure == 'city'")) == 3
    lengths = found.differences.query("measure == 'text length, zh'")["warned"]
    assert lengths.tolist() == [True, True, False]


def test_a_firm_counts_once_with_its_last_row():
    first, second = two(n=(60, 60))
    twice = pd.concat([first.assign(observed=2016, city="Shenzhen"), first])
    alone, doubled = (compare_frames([one, second], LABELS) for one in (first, twice))
    pd.testing.assert_frame_equal(alone.table, doubled.table)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 40), st.integers(1, 40))
def test_small_sets_in_any_order_and_in_any_direction(seed, n, m):
    sets = two(n=(n, m), seed=seed)
    found = compare_frames(sets, LABELS)
    shuffled = compare_frames([one.sample(frac=1, random_state=seed) for one in sets], LABELS)
    pd.testing.assert_frame_equal(found.differences, shuffled.differences)
    assert found.warnings == shuffled.warnings
    backwards = compare_frames(sets[::-1], LABELS[::-1])
    assert warned(found) == warned(backwards)
    distances = found.differences.query("kind == 'total variation'")["value"]
    assert distances.between(0, 1).all()


def test_how_often_two_samples_of_one_frame_are_warned_of():
    """At 3 standard deviations and with a threshold on top, small and large sets alike are seldom warned of."""
    false = []
    for seed in range(40):
        sizes = [(12, 15), (40, 60)][seed % 2]
        many = tuple(f"行业{one}" for one in range(10))
        sets = two({"industries": many}, {"industries": many}, n=sizes, seed=seed)
        false.append(bool(compare_frames(sets, LABELS).differences.query("kind == 'total variation'")["warned"].any()))
    assert np.mean(false) <= 0.05


@pytest.mark.parametrize(
    ("text", "stage"),
    [
        ("A轮", "A"), ("Pre-A轮", "A"), ("A+轮", "A"), ("Series A", "A"), ("B2轮", "B"), ("series_b", "B"),
        ("F轮-上市前", "C or later"), ("Pre-C", "C or later"), ("天使轮", "seed or angel"), ("Seed", "seed or angel"),
        ("Angel", "seed or angel"), ("新三板", "listed or acquired"), ("IPO上市", "listed or acquired"),
        ("已被收购", "listed or acquired"), ("Acquired", "listed or acquired"), ("战略投资", "strategic"),
        ("尚未获投", "none"), ("Grant", "other"), ("", ""), ("--", ""), ("不明确", ""),
        ('[{"融资时间": "2014-02", "轮次": "A轮"}, {"融资时间": "2016-05", "轮次": "B轮"}]', "B"),
        ('[{"融资时间": "-", "轮次": "-"}]', ""), ("[]", ""), ("[broken", "other"),
    ],
)  # fmt: skip
def test_funding_stages(text, stage):
    assert stage_of(text) == stage


def test_the_column_of_rounds():
    assert round_column(["id", "Inves_Round "]) == "Inves_Round "
    assert round_column(["id", "融资额"]) == ""


def test_stages_are_compared_across_exports():
    first, second = two(n=(200, 200))
    found = compare_frames([first.assign(inves_round="C轮"), second.assign(当前轮次="天使轮")], LABELS)
    assert found.warnings[0].startswith("funding stages differ (total variation 1.00 between 2017 and 2023): ")
    assert "C or later 100% in 2017, 0% in 2023" in found.warnings[0]
