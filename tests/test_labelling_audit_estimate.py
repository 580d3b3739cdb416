"""Shares from labels and codes: groups, designs, refusals, and what is said."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from audit_sets import audited, gold_of, small_codebook
from scipy import stats

from chainbert.errors import ConfigError, DataError
from chainbert.labelling.audit import draw_sample, estimate_shares, read_labels, write_shares, write_sheet
from chainbert.labelling.gold import read_gold


@pytest.fixture
def book(tmp_path):
    return small_codebook(tmp_path)


@pytest.fixture
def company(book):
    return audited(book, 1200, np.random.default_rng(0))


def coded(company, rows):
    return gold_of(company.truth.loc[rows], company.codebook)


def filled(company, n=240, seed=1):
    """The audit sample's sheet with the truth filled in."""
    sample = draw_sample(company.labels, company.companies, n, codebook=company.codebook, seed=seed)
    table = sample.table.drop(columns=["customer", "goods"]).assign(
        company_row="k:" + sample.table["row"],
        design=f"audit sample; seed {seed}; frame {sample.design.frame}; codebook small {company.codebook.version}",
    )
    return gold_of(table.merge(company.truth, on=["id", "observed"]), company.codebook)


def shares(company, gold, by=(), **given):
    given.setdefault("codebook", company.codebook)
    return estimate_shares(company.labels, gold, by, companies=company.companies, **given)


def row(found, axis, indicator, kind="value", **group):
    table = found.table
    keep = (table["axis"] == axis) & (table["indicator"] == indicator) & (table["kind"] == kind)
    for name in found.by:
        keep &= table[name] == group.get(name, "all")
    assert keep.sum() == 1
    return table[keep].iloc[0]


def test_a_random_sample_gives_every_indicator_and_value_once(company):
    found = shares(company, coded(company, slice(0, 199)))
    assert list(zip(found.table["axis"], found.table["kind"], found.table["indicator"], strict=True)) == [
        *(("customer", "indicator", one) for one in ("state", "private")),
        *(("customer", "value", one) for one in ("state", "private", "mixed", "unclear")),
        *(("goods", "value", one) for one in ("software", "steel")),
    ]
    assert set(found.table["n"]) == {200}
    assert set(found.table["N"]) == {1200}
    steel = row(found, "goods", "steel")
    truth = (company.truth["goods"] == "steel").mean()
    assert steel["low"] <= truth <= steel["high"]
    assert steel["width_ratio"] < 0.75
    assert steel["naive"] == pytest.approx((company.labels["goods"] == "steel").mean())
    assert steel["n_needed"] < steel["n_needed_hand"]
    assert steel["status"] == ""
    assert row(found, "goods", "software")["share"] == pytest.approx(1 - steel["share"])


def test_an_unknown_design_is_said(company):
    found = shares(company, coded(company, slice(0, 199)))
    assert found.design == "simple"
    assert any("does not say how its companies were chosen; a simple random sample" in note for note in found.notes)


def test_the_sheet_s_design_is_used(company):
    found = shares(company, filled(company), ("city",))
    assert (found.design, found.n, found.N) == ("stratified", 240, 1200)
    assert not found.notes
    assert set(found.table["city"]) == {"all", "Beijing", "Shanghai", "Shenzhen"}
    for city, part in company.companies.groupby("city"):
        one = row(found, "customer", "state", "indicator", city=city)
        assert one["N"] == len(part)
        assert (
            one["low"] - 0.05
            <= company.truth["customer"].isin(["state", "mixed"])[part.index].mean()
            <= one["high"] + 0.05
        )


def test_weights_undo_a_lopsided_sample(company):
    """Companies said to be steel are drawn ten times as often; the codes alone say so, the weights know."""
    chance = np.where(company.labels["goods"] == "steel", 0.6, 0.06)
    rows = np.flatnonzero(np.random.default_rng(3).random(1200) < chance)
    table = company.truth.iloc[rows].assign(inclusion_probability=chance[rows])
    weighted = row(shares(company, gold_of(table, company.codebook)), "goods", "steel")
    blind = row(shares(company, coded(company, rows)), "goods", "steel")
    truth = (company.truth["goods"] == "steel").mean()
    assert blind["hand"] > truth + 0.2
    assert weighted["hand"] == pytest.approx(truth, abs=0.06)
    assert weighted["low"] <= truth <= weighted["high"]


def test_groups_are_overall_each_column_and_their_combinations(company):
    found = shares(company, coded(company, slice(0, 299)), ("city", "year"))
    groups = set(zip(found.table["city"], found.table["year"], strict=True))
    cities, years = ("Beijing", "Shanghai", "Shenzhen"), ("2018", "2022")
    assert groups == {("all", "all")} | {(c, "all") for c in cities} | {("all", y) for y in years} | {
        (c, y) for c in cities for y in years
    }
    assert row(found, "goods", "steel", city="Beijing")["N"] == sum(
        row(found, "goods", "steel", city="Beijing", year=year)["N"] for year in years
    )


def test_year_needs_no_company_table(company):
    found = estimate_shares(company.labels, coded(company, slice(0, 199)), by=("year",), codebook=company.codebook)
    assert set(found.table["year"]) == {"all", "2018", "2022"}


def test_a_group_of_few_codes_says_so_and_gives_no_false_number(company):
    found = shares(company, coded(company, slice(0, 29)), ("city",))
    few = row(found, "goods", "steel", city="Shenzhen")
    assert few["n"] < 10
    assert few["status"] == f"{few['n']} codes, 10 are needed"
    assert few[["share", "low", "high", "ppi", "lambda", "width_ratio"]].isna().all()
    assert pd.isna(few["n_needed"])
    assert 0 <= few["hand_low"] < few["hand_high"] <= 1
    assert "too few to correct labels by" in few["sentence"]


def test_all_coded_is_a_census(company):
    found = shares(company, coded(company, slice(None)))
    one = row(found, "goods", "steel")
    assert one["low"] == one["share"] == one["high"] == (company.truth["goods"] == "steel").mean()
    assert (one["status"], one["width_ratio"] if one["width_ratio"] == one["width_ratio"] else None) == ("census", None)
    assert "counted: all 1,200 companies were coded" in one["sentence"]


def test_the_population_behind_the_set_is_less_certain(company):
    gold = coded(company, slice(0, 599))
    inside, wide = (row(shares(company, gold, target=one), "goods", "steel") for one in ("set", "population"))
    assert inside["share"] == wide["share"]
    assert wide["high"] - wide["low"] > 1.1 * (inside["high"] - inside["low"])


def test_rows_left_uncoded_are_said_and_weighted_for(company):
    gold = filled(company)
    gold.table.loc[:39, ["customer", "goods"]] = ""
    gold.table.loc[40:49, "goods"] = ""
    found = shares(company, gold)
    assert (row(found, "customer", "mixed")["n"], row(found, "goods", "steel")["n"]) == (200, 190)
    assert any(
        note == "Rows of the coded file without any code, taken to be missing at random: 40" for note in found.notes
    )


def test_a_stratum_without_codes_is_counted_with_its_neighbour(company):
    gold = filled(company)
    gold.table.loc[gold.table["stratum"] == "s03", ["customer", "goods"]] = ""
    found = shares(company, gold)
    assert any(note == "Strata with one code or none, counted with their neighbours: 1" for note in found.notes)
    assert row(found, "goods", "steel")["low"] < row(found, "goods", "steel")["high"]


def test_codes_without_a_year_speak_of_each_company_s_last_year(book):
    company = audited(book, 400, np.random.default_rng(2))
    later = company.labels.assign(observed=pd.array([2023] * 400, dtype="Int64"))
    company.labels.loc[len(company.labels)] = later.iloc[0]
    both = pd.concat([company.labels, later.iloc[1:100]], ignore_index=True)
    gold = gold_of(company.truth[:200].assign(observed=pd.array([pd.NA] * 200, dtype="Int64")), book)
    found = estimate_shares(both, gold, codebook=book)
    assert found.N == 400
    assert any("name no year: each company's last year is taken, 400 of 500 rows" in note for note in found.notes)


def test_an_id_that_a_spreadsheet_turned_into_a_number_is_found(company):
    gold = filled(company)
    gold.table["id"] = gold.table["id"].str.lstrip("0")
    assert shares(company, gold).n == 240


def test_codes_that_trained_the_labeller_are_refused(company):
    company.labels.loc[5:7, "training"] = "trained"
    message = r"3 of 100 coded companies trained this labeller: 0005 of 20\d\d, 0006 .*\. On them it errs less"
    with pytest.raises(DataError, match=message):
        shares(company, coded(company, slice(0, 99)))


def test_codes_without_a_year_that_trained_the_labeller_are_refused(company):
    company.labels.loc[5:7, "training"] = "trained"
    gold = gold_of(company.truth[:100].assign(observed=pd.array([pd.NA] * 100, dtype="Int64")), company.codebook)
    with pytest.raises(DataError, match="3 of 100 coded companies trained this labeller: 0005"):
        shares(company, gold)


def test_cross_fitted_labels_may_be_corrected_by_their_codes(company):
    company.labels.loc[:99, "training"] = "cross-fitted"
    assert shares(company, coded(company, slice(0, 99))).n == 100


def test_rows_that_trained_are_no_part_of_the_set(company):
    company.labels.loc[1100:, "training"] = "trained"
    assert shares(company, coded(company, slice(0, 99))).N == 1100


@pytest.mark.parametrize("mark", ["active sample, margin", "uncertainty", "Training set"])
def test_a_sample_chosen_on_purpose_is_refused(company, mark):
    gold = gold_of(company.truth[:100].assign(sampling=mark), company.codebook)
    with pytest.raises(DataError, match=r"chosen on purpose .* gives no inclusion_probability"):
        shares(company, gold)


def test_a_sample_chosen_on_purpose_with_known_chances_is_used(company):
    gold = gold_of(company.truth[:100].assign(sampling="active", inclusion_probability=100 / 1200), company.codebook)
    assert shares(company, gold).design == "weighted"


@pytest.mark.parametrize("wrong", [0.0, 1.5, np.nan, "x"])
def test_impossible_probabilities_are_refused(company, wrong):
    table = company.truth[:100].assign(inclusion_probability=pd.Series([0.1] * 99 + [wrong], dtype=object))
    with pytest.raises(DataError, match=r"inclusion_probability of 0099 is .* \(1 rows in all\)"):
        shares(company, gold_of(table, company.codebook))


def test_codes_of_other_companies_are_refused(company):
    table = company.truth[:100].copy()
    table.loc[:6, "id"] = [f"z{place}" for place in range(7)]
    with pytest.raises(
        DataError, match=r"7 of 100 coded companies have no usable row in the labels: z0 of 20\d\d, .*, …"
    ):
        shares(company, gold_of(table, company.codebook))


def test_codes_of_companies_without_text_do_not_count(company):
    company.labels.loc[:4, "customer.status"] = "unusable"
    found = shares(company, coded(company, slice(0, 99)))
    assert (found.n, found.N) == (95, 1195)
    assert any(note == "Coded companies without usable text in the labels, not counted: 5" for note in found.notes)


def test_a_sheet_without_a_single_code_is_refused(company):
    gold = filled(company)
    gold.table[["customer", "goods"]] = ""
    with pytest.raises(DataError, match="not a single code is filled in; values in the columns customer, goods"):
        shares(company, gold)


def test_a_sheet_of_another_set_is_refused(company):
    gold = filled(company)
    others = company.labels.index[~company.labels["id"].isin(gold.table["id"])]
    company = replace(company, labels=company.labels.drop(index=others[:50]))
    with pytest.raises(DataError, match="drawn from 1,200 companies and years, the labels have 1,150"):
        shares(company, gold)


def test_a_sheet_of_another_codebook_is_refused(company):
    gold = filled(company)
    gold.table["design"] = "audit sample; seed 1; frame 1200; codebook small 0123456789ab"
    with pytest.raises(DataError, match="coded by codebook version 0123456789ab, the labels by"):
        shares(company, gold)


def test_labels_of_another_codebook_are_refused(company):
    company.labels["codebook"] = "0123456789ab"
    with pytest.raises(DataError, match="labels were made with codebook version 0123456789ab"):
        shares(company, coded(company, slice(0, 99)))


def test_rows_of_two_samples_are_refused(company):
    gold = filled(company)
    gold.table.loc[0, "design"] = "audit sample; seed 1; frame 77; codebook small 0123456789ab"
    with pytest.raises(DataError, match="rows of several samples"):
        shares(company, gold)


def test_a_table_without_its_codebook_is_refused(company):
    with pytest.raises(ConfigError, match="does not carry its codebook"):
        estimate_shares(company.labels, coded(company, slice(0, 99)))


def test_city_without_a_company_table_is_refused(company):
    with pytest.raises(
        ConfigError, match="no column 'city' to group by; city and language come from the company table"
    ):
        estimate_shares(company.labels, coded(company, slice(0, 99)), ("city",), codebook=company.codebook)


@pytest.mark.parametrize("margin", [0.0, 5.0])
def test_a_margin_is_a_share(company, margin):
    with pytest.raises(ConfigError, match="a share above 0 and below 1"):
        shares(company, coded(company, slice(0, 99)), margin=margin)


@pytest.mark.parametrize("ending", ["xlsx", "csv"])
def test_a_filled_sheet_comes_back_whole(company, tmp_path, ending):
    path = tmp_path / f"sheet.{ending}"
    sample = draw_sample(company.labels, company.companies, 150, codebook=company.codebook)
    said = sample.table.drop(columns=["customer", "goods"]).merge(company.truth, on=["id", "observed"])
    write_sheet(sample, path)
    if ending == "csv":
        sheet = pd.read_csv(path)  # as Excel would: ids become numbers
        for name in ("customer", "goods"):
            sheet[name] = said[name]
        sheet.to_csv(path, index=False)
    else:
        import openpyxl  # noqa: PLC0415 - only here

        book = openpyxl.load_workbook(path)
        for place, (customer, goods) in enumerate(zip(said["customer"], said["goods"], strict=True), start=2):
            book["codes"][f"F{place}"], book["codes"][f"G{place}"] = customer, goods
        book.save(path)
    found = shares(company, read_gold(path, company.codebook))
    assert (found.design, found.n, found.N) == ("stratified", 150, 1200)
    direct = shares(company, gold_of(said.assign(stratum=said["stratum"]), company.codebook))
    assert found.table["share"].tolist() == pytest.approx(direct.table["share"].tolist())


def test_shares_are_written_and_read_back(company, tmp_path):
    found = shares(company, coded(company, slice(0, 99)), ("year",))
    for ending in ("csv", "parquet", "json"):
        write_shares(found, tmp_path / f"shares.{ending}")
    table = pd.read_csv(tmp_path / "shares.csv")
    assert list(table) == list(found.table) == list(pd.read_parquet(tmp_path / "shares.parquet"))
    assert table["share"].to_numpy() == pytest.approx(found.table["share"].to_numpy(), abs=1e-6, nan_ok=True)
    told = json.loads((tmp_path / "shares.json").read_text(encoding="utf-8"))
    assert told["n"] == 100
    assert told["shares"][0]["lambda"] == pytest.approx(found.table["lambda"][0], abs=1e-6)
    with pytest.raises(ConfigError, match=r"shares\.xls: shares are written as"):
        write_shares(found, tmp_path / "shares.xls")


def test_the_methods_text_and_sentences_say_what_was_done(company):
    found = shares(company, filled(company), ("city",))
    assert "drawn at random within strata" in found.methods
    assert "1,200 companies and years" in found.methods
    assert "hand codes of 240" in found.methods
    one = row(found, "customer", "state", "indicator", city="Beijing")
    assert one["sentence"].startswith(f"customer = state (Beijing): {one['share']:.1%} (95 % CI {one['low']:.1%}–")
    assert f"corrected by {one['n']} hand codes (PPI++ with λ = {one['lambda']:.2f}" in one["sentence"]


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_labels_read_back_as_they_were_written(company, tmp_path, ending):
    path = tmp_path / f"labels.{ending}"
    if ending == "csv":
        company.labels.to_csv(path, index=False)
    elif ending == "jsonl":
        company.labels.to_json(path, orient="records", lines=True)
    else:
        company.labels.to_parquet(path)
    table = read_labels(path)
    assert table["id"].tolist() == company.labels["id"].tolist()
    assert table["observed"].tolist() == company.labels["observed"].tolist()
    assert set(table["training"]) == {""}


def test_a_file_that_holds_no_labels_is_refused(tmp_path):
    (tmp_path / "other.csv").write_text("id,city\n1,x\n")
    with pytest.raises(DataError, match=r"other\.csv: no label table: column observed, codebook is missing"):
        read_labels(tmp_path / "other.csv")
    with pytest.raises(ConfigError, match=r"labels\.xlsx: labels are read from"):
        read_labels(tmp_path / "labels.xlsx")


@pytest.mark.slow
@pytest.mark.parametrize("n", [100, 300])
def test_the_whole_way_covers(book, n):
    """Sample, sheet and estimate as a user does them; the share of this very set."""
    hits = np.zeros(3)
    studies = 400
    for seed in range(studies):
        company = audited(book, 800, np.random.default_rng(seed), share=0.25, strength=1.2)
        found = shares(company, filled(company, n, seed), ("city",))
        for place, (axis, name) in enumerate((("goods", "steel"), ("customer", "state"), ("customer", "mixed"))):
            one, truth = row(found, axis, name, city="all"), (company.truth[axis] == name).mean()
            hits[place] += one["low"] <= truth <= one["high"]
    for count in hits:
        assert stats.binomtest(int(count), studies, 0.95).pvalue > 0.001
