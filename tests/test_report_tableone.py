"""Table 1: known counts, firms once a city, rows without files, tests of difference, printed forms."""

from __future__ import annotations

import itertools
import json
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from audit_sets import audited, gold_of, small_codebook
from hypothesis import given, settings
from hypothesis import strategies as st
from runfolder import write_run
from tableone_sets import AXES, firm, random_firms, run_of, simple_firms, write_dictionary, write_investors

from chainbert.errors import ConfigError, DataError
from chainbert.labelling import Codebook
from chainbert.labelling.audit import estimate_shares, write_shares
from chainbert.labelling.investors import label_investors
from chainbert.report.firmtables import table_one_lists, table_one_page
from chainbert.report.language import speaking
from chainbert.report.published import published_path, read_published
from chainbert.report.tableone import FRAME, TableOne, table_one, write_table_one
from chainbert.report.tableonecells import ALL, Answers, count_cells, difference_p, every, firms_of

PAPER = "hai-klingler-vidra-2022"
OWN = {"customer": "private", "market": "domestic", "application": "finance"}


def told(table, row, column):
    """The printed lines of a cell."""
    return next(line for line in table.lines() if line.id == row).texts(column)


def cell(table, row, column):
    return {entry.label: entry for entry in table.row(row).cells[column]}


@pytest.fixture
def three_cities():
    return run_of(
        simple_firms(
            {
                "Beijing": {"state": 5, "private": 3, "unclear": 2},
                "Shanghai": {"private": 6, "mixed": 1},
                "Shenzhen": {"state": 1},
            }
        )
    )


# Counting


def test_counts_shares_and_intervals_are_the_known_ones(three_cities, tmp_path):
    table = table_one(three_cities, tmp_path)
    assert table.columns == ("Beijing", "Shanghai", "Shenzhen", ALL)
    state = cell(table, "customer", "Beijing")["state"]
    assert (state.yes, state.n, state.share) == (5, 10, 0.5)
    # Wilson (1927) for 5 of 10, as in Agresti & Coull (1998) and R's prop.test without correction.
    assert (state.low, state.high) == (pytest.approx(0.2366, abs=5e-5), pytest.approx(0.7634, abs=5e-5))
    assert state.keys == tuple(f"kinv-{place:04d}@2022" for place in range(5))
    assert told(table, "customer", "Beijing") == [
        "state 50 % (24–76)",
        "private 30 % (11–60)",
        "mixed 0 % (0–28)",
        "unclear 20 % (6–51)",
    ]
    assert cell(table, "customer", ALL)["state"].yes == 6


def test_below_five_firms_a_number_stands_without_interval(three_cities, tmp_path):
    table = table_one(three_cities, tmp_path, rng=np.random.default_rng(1), draws=99)
    state = cell(table, "customer", "Shenzhen")["state"]
    assert (state.yes, state.n, state.low, state.high) == (1, 1, None, None)
    assert told(table, "customer", "Shenzhen")[0] == "state 1 of 1"
    assert told(table, "number of firms", "Shenzhen") == ["1 firm"]


def test_a_firm_seen_twice_counts_once_by_its_latest_text(tmp_path):
    firms = [
        firm(1, "Beijing", OWN | {"customer": "state"}, observed=2018),
        firm(1, "Beijing", OWN, observed=2022),
        firm(2, "Beijing", OWN | {"customer": "mixed"}),
    ]
    table = table_one(run_of(firms), tmp_path)
    assert table.columns == ("Beijing",)
    assert cell(table, "customer", "Beijing")["state"].yes == 0
    assert cell(table, "customer", "Beijing")["private"].keys == ("kinv-0001@2022",)
    assert told(table, "number of firms", "Beijing") == ["2 firms", "3 company-years"]
    assert len(cell(table, "number of firms", "Beijing")["company-years"].keys) == 3


def test_a_firm_that_moved_counts_in_both_cities_and_once_in_all(tmp_path):
    firms = [firm(1, "Beijing", OWN, observed=2018), firm(1, "Shanghai", OWN, observed=2022), firm(2, "Beijing", OWN)]
    table = table_one(run_of(firms), tmp_path)
    assert [cell(table, "number of firms", one)["firms"].yes for one in ("Beijing", "Shanghai", ALL)] == [2, 1, 2]


def test_firms_without_a_year_an_id_or_a_label_are_counted_where_they_can_be(tmp_path):
    files = run_of([firm(1, "Beijing", OWN), firm(2, "Beijing", {}), firm(3, "Beijing", OWN)])
    files.companies["id"] = ["", "", "c"]
    files.companies["observed"] = pd.array([None, None, None], dtype="Int64")
    table = table_one(files, tmp_path)
    assert cell(table, "number of firms", "Beijing")["firms"].yes == 3
    assert cell(table, "customer", "Beijing")["private"].n == 2


def test_single_choice_shows_leading_values_and_says_so(tmp_path):
    axes = {"field": ("a", "b", "c", "d", "e", "f")}
    firms = [
        firm(place, "Beijing", {"field": value})
        for place, value in enumerate(["b"] * 4 + ["f"] * 3 + ["a"] * 2 + ["c"] * 2 + ["d"])
    ]
    table = table_one(run_of(firms, axes=axes), tmp_path)
    assert list(cell(table, "field", "Beijing")) == ["b", "f", "a", "c"]
    assert "The 4 most frequent values of each city." in table.row("field").note
    assert table.row("field").title == "Field"


def test_doubtful_labels_are_counted_and_told(tmp_path):
    firms = [firm(1, "Beijing", OWN, status="abstained"), firm(2, "Beijing", OWN)]
    table = table_one(run_of(firms), tmp_path)
    assert table.row("market").note == "1 of 2 texts are doubtful."
    assert "Doubtful texts, too close to call" in table.note


def test_another_codebook_gives_its_own_axes_and_names_in_both_languages(tmp_path):
    axes = {"investor": ("state", "domestic", "global"), "offer": ("software", "goods", "services", "platform")}
    said = [{"investor": "state", "offer": "mixed"}, {"investor": "mixed", "offer": "platform"}] * 3
    files = run_of([firm(place, "Beijing", one) for place, one in enumerate(said)], axes=axes)
    files.labels["codebook"] = Codebook.load("business").version
    table = table_one(files, tmp_path)
    assert [row.id for row in table.rows][-2:] == ["investor", "offer"]
    assert [entry.label for entry in table.row("business type").cells["Beijing"]] == [
        "state × mixed",
        "mixed × platform",
    ]
    assert table.row("product features").note == "The codebook has no single-choice axis to cross with the themes."
    with speaking("zh"):
        assert table.row("investor").title == "投资方"
        assert told(table, "investor", "Beijing")[0].startswith("国有 50%（")


def test_one_axis_cannot_be_crossed(tmp_path):
    table = table_one(run_of([firm(1, "Beijing", {"field": "a"})], axes={"field": ("a", "b")}), tmp_path)
    assert table.row("business type").note == "The codebook has fewer than two axes to cross."


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_laws_of_every_cell(seed, tmp_path_factory):
    files = run_of(random_firms(np.random.default_rng(seed), 25, ("Beijing", "Shanghai", "Shenzhen")))
    table = table_one(files, tmp_path_factory.mktemp("run"))
    city_of = dict(zip(files.companies["key"], files.companies["city"], strict=True))
    for row in table.rows:
        for column, entries in row.cells.items():
            for entry in entries:
                assert len(entry.keys) == entry.yes <= entry.n
                assert column == ALL or {city_of[key] for key in entry.keys} <= {column}
                assert entry.low is None or 0 <= entry.low <= entry.share <= entry.high <= 1
    for column in table.columns:
        for axis in AXES:
            entries = table.row(axis).cells[column]
            assert sum(entry.yes for entry in entries) == entries[0].n


def test_the_order_of_the_rows_changes_nothing(tmp_path):
    files = run_of(random_firms(np.random.default_rng(3), 40))
    order = np.random.default_rng(4).permutation(len(files.companies))
    shuffled = replace(
        files,
        **{
            name: getattr(files, name).iloc[order].reset_index(drop=True)
            for name in ("companies", "labels", "clusters")
        },
    )
    first, second = (table_one(one, tmp_path, rng=np.random.default_rng(5), draws=199) for one in (files, shuffled))
    assert first == second


# Rows from the files of other stages


def test_rows_whose_files_are_missing_say_why(three_cities, tmp_path):
    table = table_one(three_cities, tmp_path)
    for row, file in (
        ("business focus: themes", "dictionary_firms.parquet"),
        ("product features", "dictionary_firms.parquet"),
        ("investor portrait", "investors.parquet"),
    ):
        reason = f"Not computed: the run folder has no {file}; run the study again."
        assert table.row(row).note == reason
        assert told(table, row, "Beijing") == ["–"]
        assert set(table.to_frame().query("row == @row")["status"]) == {reason}
    assert table.row("business focus: clusters").note == "The run found no clusters."


def test_damaged_and_foreign_files_are_refused(three_cities, tmp_path):
    (tmp_path / "investors.parquet").write_bytes(b"no parquet")
    with pytest.raises(DataError, match=r"investors.parquet: cannot be read .* run the study again"):
        table_one(three_cities, tmp_path)
    pd.DataFrame({"key": ["a"]}).to_parquet(tmp_path / "investors.parquet")
    with pytest.raises(DataError, match="column investor, origin, rule is missing; found key"):
        table_one(three_cities, tmp_path)


def test_files_without_a_row_give_rows_without_an_entry(three_cities, tmp_path):
    write_dictionary(tmp_path, {}, {})
    write_investors(tmp_path, [])
    table = table_one(three_cities, tmp_path, rng=np.random.default_rng(1), draws=99)
    for row, words in (
        ("business focus: themes", "no firm uses a theme"),
        ("product features", "no firm uses a theme"),
        ("investor portrait", "no firm names an investor"),
    ):
        assert told(table, row, "Beijing") == [words]
        assert table.row(row).p is None


def test_a_run_without_a_usable_text_has_a_table_without_firms(tmp_path):
    files = run_of([firm(1, "Beijing", OWN)])
    files.companies["status"] = "no text"
    table = table_one(files, tmp_path, rng=np.random.default_rng(1), draws=99)
    assert (table.columns, table.to_frame().empty) == ((), True)
    assert "toprule" in table.to_latex()


@pytest.fixture
def themed(tmp_path):
    said = ["finance"] * 6 + ["industry"] * 4
    firms = [firm(place, "Beijing", OWN | {"application": one}) for place, one in enumerate(said)]
    keys = [f"kinv-{place:04d}@2022" for place in range(10)]
    used = {"policy": keys[:1], "platform": keys[:7], "hardware": keys[6:], "crypto": keys[:2], "old": ["gone@2001"]}
    names = {"hardware": ("硬件", "Hardware"), "policy": ("政策", "Policy"), "platform": ("平台", "Digital platform")}
    write_dictionary(tmp_path, used, names)
    return run_of(firms)


def test_themes_are_the_most_used_ones_with_the_dictionarys_names(themed, tmp_path):
    table = table_one(themed, tmp_path)
    assert told(table, "business focus: themes", "Beijing") == [
        "Digital platform 70 % (40–89)",
        "hardware 40 % (17–69)",
        "crypto 20 % (6–51)",
    ]
    with speaking("zh"):
        assert told(table, "business focus: themes", "Beijing")[1] == "硬件 40%（17–69）"


def test_firms_without_a_city_were_not_asked_for_themes(themed, tmp_path):
    themed.companies.loc[6:, "city"] = "no city"
    table = table_one(themed, tmp_path)
    assert cell(table, "business focus: themes", ALL)["platform"].n == 6
    assert cell(table, "product features", ALL)["finance: platform"].n == 6
    assert told(table, "business focus: themes", "no city") == ["no firm uses a theme"]


def test_features_are_shares_of_the_firms_with_the_application(themed, tmp_path):
    found = cell(table_one(themed, tmp_path), "product features", "Beijing")
    assert {label: (one.yes, one.n) for label, one in found.items()} == {
        "finance: platform": (6, 6),
        "finance: crypto": (2, 6),
        "industry: hardware": (4, 4),
        "industry: platform": (1, 4),
    }


def test_clusters_are_named_by_their_terms_and_noise_is_not_one(tmp_path):
    numbers = [-1] * 5 + [0] * 3 + [1] * 2
    firms = [firm(place, "Beijing", OWN, cluster=number) for place, number in enumerate(numbers)]
    table = table_one(run_of(firms), tmp_path)
    assert told(table, "business focus: clusters", "Beijing") == ["ledger · 节点 30 % (11–60)", "wallet 20 % (6–51)"]
    assert cell(table, "business focus: clusters", "Beijing")["cluster 0"].terms == ("ledger", "节点")


def test_business_types_bear_the_terms_that_set_their_firms_apart(tmp_path):
    state, wallet = OWN | {"customer": "state"}, OWN | {"market": "global"}
    firms = [firm(place, "Beijing", state, text=f"Courts keep evidence {place}.") for place in range(6)]
    firms += [firm(10 + place, "Beijing", wallet, text=f"Traders hold a wallet {place}.") for place in range(5)]
    table = table_one(run_of(firms), tmp_path)
    first, second = table.row("business type").cells["Beijing"]
    assert (first.label, first.yes, second.label, second.yes) == ("state × domestic", 6, "private × global", 5)
    assert set(first.terms) == {"courts", "keep", "evidence"}
    assert "wallet" in second.terms
    assert told(table, "business type", "Beijing")[0] == "state × domestic 55 % (28–79): courts, evidence, keep"


def test_investors_are_shares_of_the_firms_that_name_any(tmp_path):
    firms = [firm(place, "Beijing", OWN) for place in range(8)] + [firm(20, "Shanghai", OWN)]
    rows = [(f"kinv-{place:04d}@2022", "砚北引导基金", "state") for place in range(3)]
    rows += [("kinv-0000@2022", "Lotus Peak", "global"), ("kinv-0003@2022", "某某", ""), ("kinv-0004@2022", "某某", "")]
    write_investors(tmp_path, rows)
    table = table_one(run_of(firms), tmp_path)
    found = cell(table, "investor portrait", "Beijing")
    assert {label: (one.yes, one.n) for label, one in found.items()} == {
        "state": (3, 5),
        "global": (1, 5),
        "domestic": (0, 5),
        "unplaced": (2, 5),
    }
    assert told(table, "investor portrait", "Shanghai") == ["no firm names an investor"]


def test_names_that_are_no_investors_make_no_firm_unplaced(tmp_path):
    names = ["个人投资者", "某某资本财务顾问", "Lotus Peak", "国投创业"]
    firms = [firm(place, "Beijing", OWN) for place in range(len(names))]
    labelled = label_investors([[name] for name in names])
    keys = [f"kinv-{row:04d}@2022" for row in labelled["row"]]
    labelled.assign(key=keys).to_parquet(tmp_path / "investors.parquet")
    assert labelled["rule"].tolist()[:2] == ["nobody", "adviser"]
    found = cell(table_one(run_of(firms), tmp_path), "investor portrait", "Beijing")
    assert {label: (one.yes, one.n) for label, one in found.items()} == {
        "state": (1, 2), "global": (0, 2), "domestic": (0, 2), "unplaced": (1, 2),
    }  # fmt: skip


# Corrected shares


def test_corrected_shares_stand_in_place_of_counts(three_cities, tmp_path):
    rows = [
        ("customer", "state", "value", "Beijing", "all", 40, 0.41, 0.3, 0.52),
        ("customer", "state", "value", "Beijing", "zh", 40, 0.9, 0.8, 1.0),
        ("customer", "private", "value", "Beijing", "all", 3, None, None, None),
        ("customer", "state", "indicator", "Beijing", "all", 40, 0.7, 0.6, 0.8),
        ("customer", "state", "value", "all", "all", 40, 0.25, 0.2, 0.3),
    ]
    columns = ["axis", "indicator", "kind", "city", "language", "n", "share", "low", "high"]
    pd.DataFrame(rows, columns=columns).to_csv(tmp_path / "corrected_shares.csv", index=False)
    table = table_one(three_cities, tmp_path)
    assert told(table, "customer", "Beijing")[:2] == ["state 41 % (30–52)", "private 30 % (11–60) †"]
    assert told(table, "customer", ALL)[0] == "state 25 % (20–30)"
    assert cell(table, "customer", "Beijing")["state"].codes == 40
    # Said once, not row by row.
    assert table.row("customer").note == table.row("market").note == ""
    codes = "corrected_shares.csv; Beijing 40, All cities 40"
    assert f"Customer base: shares of companies and years, corrected by hand codes ({codes});" in table.note
    assert "Labels are counted as the labeller gave them" not in table.note
    with speaking("zh"):
        assert "（corrected_shares.csv；Beijing 40、全部城市 40）" in table.note


def test_no_count_of_labels_stands_beside_a_corrected_share(three_cities, tmp_path):
    rows = [("customer", "state", "value", "Beijing", 1, 0.41, 0.3, 0.52)]
    columns = ["axis", "indicator", "kind", "city", "n", "share", "low", "high"]
    pd.DataFrame(rows, columns=columns).to_csv(tmp_path / "corrected_shares.csv", index=False)
    table = table_one(three_cities, tmp_path)
    place = [row.id for row in table.rows].index("customer")
    found = {one.name: one for one in table_one_page(table).lines[place].cells[0]}
    assert (found["state"].figure, found["state"].detail) == ("41 %", "30–52 % · 1 coded")
    assert found["state"].said == "state, Beijing: 41 %, by 1 hand code; list the labelled companies"
    assert (found["private"].figure, found["private"].detail) == ("30 % †", "11–60 % · 3 of 10")
    assert len(dict(table_one_lists(table))[found["state"].list_name]) == 5
    line = table.to_frame().query("row == 'customer' and city == 'Beijing'").set_index("label")
    assert (line.loc["state", "codes"], line.loc["private", "yes"], line.loc["private", "n"]) == (1, 3, 10)
    assert line.loc["state", ["yes", "n"]].isna().all()
    assert line["corrected"].tolist() == [True, False, False, False]


@pytest.mark.parametrize("place", ["hand_codes.json", "tables/corrected_shares.csv", "corrected_shares.json"])
def test_what_chainbert_shares_and_a_study_write_is_read(tmp_path, place):
    known = audited(small_codebook(tmp_path), 400, np.random.default_rng(1))
    gold = gold_of(known.truth.sample(200, random_state=1), known.codebook)
    shares = estimate_shares(known.labels, gold, ("city",), companies=known.companies, codebook=known.codebook)
    firms = [firm(one, "Beijing", {"customer": "state"}) for one in range(6)]
    files = run_of(firms, axes={"customer": ("state", "private")})
    if place == "hand_codes.json":
        files = replace(files, hand_codes=json.loads(json.dumps(shares.to_json())))
    else:
        (tmp_path / "tables").mkdir()
        write_shares(shares, tmp_path / place)
    table = table_one(files, tmp_path)
    entry = cell(table, "customer", "Beijing")["state"]
    row = shares.table.query("indicator == 'state' and kind == 'value' and city == 'Beijing'").iloc[0]
    assert (entry.share, entry.corrected) == (pytest.approx(row["share"], abs=1e-6), True)
    assert entry.codes == row["n"] > 0
    assert f"({place}; Beijing {row['n']}" in table.note


def test_a_foreign_table_of_corrected_shares_is_refused(three_cities, tmp_path):
    (tmp_path / "corrected_shares.csv").write_text("a,b\n1,2\n")
    with pytest.raises(
        DataError, match=r"column axis, indicator, .* a table of `chainbert shares --by city` was expected"
    ):
        table_one(three_cities, tmp_path)


# Whether the cities differ


def test_p_is_that_of_all_permutations():
    city = np.array([0, 0, 0, 0, 1, 1, 1])
    said = np.array([1, 1, 1, 0, 0, 0, 0], dtype=bool)[:, None]

    def distance(yes):
        return abs(said[list(yes), 0].mean() - said[[one for one in range(7) if one not in yes], 0].mean())

    draws = list(itertools.combinations(range(7), 4))
    exact = np.mean([distance(one) >= distance((0, 1, 2, 3)) - 1e-12 for one in draws])
    for answers, exclusive in ((said, False), (np.column_stack([said, ~said]), True)):
        p = difference_p(answers, city, exclusive, 20_000, np.random.default_rng(1))
        assert p == pytest.approx(exact, abs=0.012)


def test_there_is_no_p_where_there_is_nothing_to_compare():
    rng, one = np.random.default_rng(1), np.ones((4, 1), dtype=bool)
    assert difference_p(one, np.array([0, 0, 1, 1]), False, 99, rng) is None
    assert difference_p(np.eye(4, dtype=bool), np.zeros(4, dtype=int), True, 99, rng) is None
    assert difference_p(np.zeros((0, 2), dtype=bool), np.zeros(0, dtype=int), True, 99, rng) is None


@pytest.mark.parametrize("exclusive", [True, False], ids=["one label", "several labels"])
def test_level_under_no_difference(exclusive):
    rng = np.random.default_rng(7)
    rejected = []
    for _ in range(600):
        city = rng.integers(0, 3, 45)
        if exclusive:
            said = np.eye(4, dtype=bool)[rng.choice(4, 45, p=(0.5, 0.3, 0.15, 0.05))]
        else:
            shared = rng.random((45, 1)) < 0.4  # labels that go together
            said = (rng.random((45, 5)) < 0.15) | shared
        p = difference_p(said, city, exclusive, 99, rng)
        rejected.append(p is not None and p <= 0.05)
    # The standard error of 600 studies at 5 % is .9 points.
    assert 0.025 <= np.mean(rejected) <= 0.075


@pytest.mark.parametrize("exclusive", [True, False], ids=["one label", "several labels"])
def test_power_on_a_planted_difference(exclusive):
    rng = np.random.default_rng(8)
    found = 0
    for _ in range(60):
        city = np.repeat([0, 1, 2], (50, 30, 20))
        yes = rng.random(100) < np.array([0.5, 0.2, 0.2])[city]
        said = np.column_stack([yes, ~yes]) if exclusive else np.column_stack([yes, rng.random((100, 3)) < 0.3])
        found += difference_p(said, city, exclusive, 199, rng) <= 0.05
    assert found >= (45 if exclusive else 35)


def test_rows_carry_holms_p_and_firms_without_a_city_take_no_part(tmp_path):
    firms = simple_firms({"Beijing": {"state": 12}, "Shanghai": {"private": 12}, "no city": {"mixed": 6}})
    files = run_of(firms)
    table = table_one(files, tmp_path, rng=np.random.default_rng(2), draws=999)
    customer, business = table.row("customer"), table.row("business type")
    assert customer.p == business.p == 0.001
    # Two rows vary between firms: their p are doubled.
    assert (customer.p_holm, business.p_holm, table.row("market").p) == (0.002, 0.002, None)
    without = run_of([one for one in firms if one["city"] != "no city"])
    assert table_one(without, tmp_path, rng=np.random.default_rng(2), draws=999).row("customer").p == customer.p
    assert table_one(files, tmp_path).row("customer").p is None
    equal = {"Beijing": {"state": 6, "private": 6}, "Shanghai": {"state": 6, "private": 6}, "no city": {"mixed": 12}}
    table = table_one(run_of(simple_firms(equal)), tmp_path, rng=np.random.default_rng(2), draws=199)
    assert table.row("customer").p == 1


def test_draws_must_be_some(three_cities, tmp_path):
    with pytest.raises(ConfigError, match="draws = 0 found"):
        table_one(three_cities, tmp_path, draws=0)


# Printed forms


@pytest.fixture
def table(three_cities, tmp_path):
    return table_one(three_cities, tmp_path, rng=np.random.default_rng(1), draws=199)


def test_the_frame_has_a_row_an_entry(table):
    frame = table.to_frame()
    assert tuple(frame.columns) == FRAME
    line = frame.query("row == 'customer' and city == 'Beijing' and label == 'private'").iloc[0]
    assert (line["yes"], line["n"], line["share"], line["name"], line["status"]) == (3, 10, 0.3, "private", "")
    assert frame["p_holm"].notna().any()


def test_the_wide_table_has_a_column_a_city(table):
    wide = table.to_wide()
    assert list(wide.columns) == ["Beijing", "Shanghai", "Shenzhen", ALL, "p"]
    assert wide.loc["Customer base", "Shanghai"] == (
        "state 0 % (0–35); private 86 % (49–97); mixed 14 % (3–51); unclear 0 % (0–35)"
    )
    assert list(table.to_wide(["Shanghai"]).columns) == ["Shanghai", "p"]
    with pytest.raises(ConfigError, match="Atlantis: no column of Table 1; known: Beijing"):
        table.to_wide(["Atlantis"])


def test_json_round_trip_with_the_keys(table, tmp_path):
    csv, js = table.save(tmp_path / "tables")
    assert TableOne.from_json(json.loads(js.read_text(encoding="utf-8"))) == table
    assert len(pd.read_csv(csv)) == len(table.to_frame())
    with pytest.raises(DataError, match="schema 9 found, 2 expected"):
        TableOne.from_json(table.to_json() | {"schema": 9})
    with pytest.raises(DataError, match="'keys' is missing or wrong"):
        TableOne.from_json({name: one for name, one in table.to_json().items() if name != "keys"})


def test_a_run_folder_gets_its_table_in_the_language_asked_for(tmp_path):
    write_run(tmp_path)
    codebook = Codebook.load("company-axes")
    found = write_table_one(tmp_path, rng=np.random.default_rng(1), language="zh", published=PAPER, codebook=codebook)
    assert TableOne.from_json(json.loads((tmp_path / "tables/table1.json").read_text(encoding="utf-8"))) == found
    assert "客户群体" in (tmp_path / "tables/table1.tex").read_text(encoding="utf-8")
    assert "国家" in set(pd.read_csv(tmp_path / "tables/table1.csv")["name"])


def test_an_unknown_row_is_refused(table):
    with pytest.raises(DataError, match="'client' is no row of Table 1; known: application, customer"):
        table.row("client")


HOSTILE = "<script>alert(1)</script> & 50% #1 $x_{2}^3 ~\\input{a} [b] *"


@pytest.fixture
def hostile(tmp_path):
    firms = [firm(place, HOSTILE, OWN, cluster=0) for place in range(5)] + [firm(9, "Beijing", OWN)]
    files = run_of(firms)
    files.terms["term"] = [HOSTILE, "\x00\u202e节点", "wallet"]
    return table_one(files, tmp_path)


class Tags(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.tags = []
        self.words = ""
        self.feed(html)

    def handle_starttag(self, tag, _attributes):
        self.tags.append(tag)

    def handle_data(self, data):
        self.words += data


def test_html_is_harmless_whatever_a_city_is_called(hostile):
    page = Tags(hostile._repr_html_())
    assert set(page.tags) == {"table", "caption", "thead", "tbody", "tr", "th", "td", "br", "small", "p"}
    assert HOSTILE in page.words


def test_latex_rows_are_whole_whatever_a_city_is_called(hostile):
    text = hostile.to_latex()
    assert text.startswith("% !TEX program = xelatex\n")
    assert r"\usepackage{xeCJK}" in text
    bare = re.sub(r"\\.", "", text)
    assert bare.count("{") == bare.count("}")
    body = text.split(r"\endfoot")[1].split(r"\end{longtable}")[0]
    rows = [
        re.sub(r"\\[&\\]?", lambda found: "" if found.group() == r"\&" else found.group(), row)
        for row in body.split(r"\addlinespace")
    ]
    assert {row.count("&") for row in rows} == {len(hostile.columns)}
    assert all(row.rstrip().endswith(r"\\") for row in rows)
    assert "script" in text
    assert r"\input{" not in text


@pytest.mark.skipif(not shutil.which("xelatex"), reason="no xelatex on this machine: Table 1 was not set")
def test_xelatex_sets_the_table_whatever_a_city_is_called(hostile, tmp_path):
    with speaking("zh"):
        (tmp_path / "t.tex").write_text(hostile.to_latex(published=read_published(PAPER)), encoding="utf-8")
    command = ["xelatex", "-interaction=nonstopmode", "-halt-on-error", "t.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout.decode(errors="replace")[-2_000:]
    # A table that is higher than a page would be cut at its end.
    assert "Overfull \\vbox" not in done.stdout.decode(errors="replace")


def test_latex_without_chinese_loads_no_chinese_font_and_can_be_included(table):
    text = table.to_latex(standalone=False)
    assert "xeCJK" not in text
    assert r"\documentclass" not in text
    assert "% \\usepackage{array, booktabs, longtable}" in text
    assert "63~\\%" not in text.replace("~", " ")


def test_everything_is_said_in_chinese_too(themed, tmp_path):
    write_investors(tmp_path, [("kinv-0001@2022", "砚北", "state")])
    table = table_one(themed, tmp_path, rng=np.random.default_rng(1), draws=99)
    bare = table_one(run_of([firm(1, "Beijing", {"field": "a"})], axes={"field": ("a",)}), tmp_path / "none")
    texts = [*table.notes]
    for row in (*table.rows, *bare.rows):
        texts += [*row.notes, row.empty, *([row.status] if row.status else [])]
        texts += [] if row.id == "field" else [row.titles]
    assert len(texts) > 40
    assert all(re.search("[㐀-鿿]", one["zh"]) and not re.search("[㐀-鿿]", one["en"]) for one in texts)
    with speaking("zh"):
        assert "特征" in table.to_html()
        assert "客户群体" in table.to_latex()
        assert "各城市公司概况" in table.to_latex()


# Beside a published table


def test_the_papers_table_stands_beside_ours(table):
    lines = {line.id: line for line in table.lines(read_published(PAPER))}
    firms = lines["number of firms"]
    assert firms.published == {"Beijing": "110", "Shanghai": "53", "Shenzhen": "34"}
    assert lines["market"].published == {}
    assert lines["market"].published_note == "The table's wording was not available."
    assert lines["business focus: clusters"].published_title == ""
    html = table.to_html(read_published(PAPER))
    assert "As published: Number of firms" in html
    assert "Hai, J. &amp; Klingler-Vidra, R. (2022)" in html
    with speaking("zh"):
        assert "未能查得原表文字" in table.to_html(read_published(PAPER))
    assert "53" in table.to_latex(published=read_published(PAPER))


def test_a_cell_of_the_papers_table_is_filled_only_with_its_source():
    assert all(row.source for row in read_published(PAPER).rows if row.cells)
    assert all(row.note for row in read_published(PAPER).rows if len(row.cells) < 3)


def own_table(folder, rows):
    path = folder / "mine.yaml"
    head = (
        "id: mine\ntitle: {en: Mine}\ncitation: Me (2020)\nurl: https://example.org\ncities: [北京, Shanghai]\nrows:\n"
    )
    path.write_text(head + rows, encoding="utf-8")
    return path


def test_a_file_of_ones_own_with_cities_in_either_script_and_a_row_that_we_lack(table, tmp_path):
    rows = "  - {row: customer, title: Clients, cells: {Beijing: public, 上海: both}, source: p. 3}\n"
    rows += "  - {row: exports, title: Exports, cells: {北京: many}, source: p. 3}\n"
    lines = table.lines(read_published(own_table(tmp_path, rows)))
    assert lines[1].published == {"Beijing": "public", "Shanghai": "both"}
    assert (lines[-1].title, lines[-1].note, lines[-1].published) == (
        "Exports",
        "Not in this run.",
        {"Beijing": "many"},
    )
    assert lines[-1].texts("Beijing") == ["–"]


def test_every_fault_of_a_published_table_is_told_with_its_place(tmp_path):
    rows = "  - {row: market, title: A, cells: {Atlantis: x}}\n  - {row: market, title: B}\n"
    path = own_table(tmp_path, rows)
    with pytest.raises(ConfigError) as caught:
        read_published(path)
    told_ = str(caught.value)
    assert re.search(r"mine.yaml:7:\d+: city 'Atlantis' is none of the table's", told_)
    assert re.search(r"mine.yaml:7:\d+: row 'market' has cells and no source", told_)
    assert re.search(r"mine.yaml:8:\d+: row 'market' is there twice", told_)


def test_an_unknown_published_table_is_suggested():
    with pytest.raises(ConfigError, match=rf"hai-2022: neither a file nor a shipped published table.*{PAPER}"):
        published_path("hai-2022")


def test_counts_of_answers_keep_the_columns_order(three_cities):
    firms = firms_of(three_cities, ("Beijing",))
    said = pd.DataFrame({"b": True, "a": False}, index=firms.keys["Beijing"])
    assert [one.label for one in count_cells(Answers(said, exclusive=False), firms, every)["Beijing"]] == ["b", "a"]
