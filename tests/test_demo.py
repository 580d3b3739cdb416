"""The demo companies are what is said of them, and the whole study finds what was planted or says that it cannot."""

import collections
import itertools
import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score, f1_score

from chainbert.companies import demo_companies, read_companies
from chainbert.labelling.gold import demo_codes
from chainbert.report.exports import undescribed
from chainbert.study import run

BINS = {"2013–2016": range(2013, 2017), "2017–2019": range(2017, 2020), "2020–2022": range(2020, 2023)}


@pytest.fixture(scope="module")
def companies():
    return read_companies(demo_companies())


@pytest.fixture(scope="module")
def gold():
    return pd.read_json(demo_companies().with_name("gold.jsonl"), lines=True).set_index("id")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    # The README's test has the numbers of the study file; here fewer, to save time.
    fewer = ["convergence.placebos=39", "convergence.power_studies=40"]
    return run("demo", fewer, out=tmp_path_factory.mktemp("demo") / "run")


def test_numbers_by_city_language_and_snapshot(companies):
    firms = companies.usable.drop_duplicates("id")
    assert firms["city"].value_counts().to_dict() == {"Beijing": 110, "Shanghai": 53, "Shenzhen": 34}
    assert 0.55 <= (firms["language"] == "zh").mean() <= 0.65
    assert set(companies.usable["observed"]) == {2018, 2022}
    snapshots = companies.usable.groupby("id")["observed"].nunique()
    assert (snapshots == 2).sum() >= 60
    founded = firms["founded"].dropna()
    assert founded.between(2013, 2022).all()


def test_the_coded_sample_is_a_random_one_with_the_planted_codes(gold):
    codes = pd.read_csv(demo_codes(), dtype=str)
    assert len(codes) == 70
    drawn = codes["stratum_size"].astype(int) * codes["inclusion_probability"].astype(float)
    assert drawn.groupby(codes["stratum"]).first().sum() == pytest.approx(70)
    for axis in ("customer", "market", "application"):
        assert (codes[axis].to_numpy() == gold[axis].loc[codes["id"]].to_numpy()).all()


def test_every_exported_column_is_described_and_carries_the_run(finished):
    codebook = pd.read_csv(finished.folder / "exports" / "codebook.csv")
    assert undescribed(codebook) == []
    assert set(codebook["run"]) == {finished.manifest["run_hash"]}


def test_corrected_shares_are_nearer_to_the_planted_ones_than_counted_labels(finished, companies, gold):
    rows = companies.usable
    found = json.loads((finished.folder / "hand_codes.json").read_text())["shares"]
    errors = {"naive": [], "share": []}
    for row in found:
        if row["kind"] == "value" and row["city"] == "all" and row["share"] is not None:
            planted = (gold[row["axis"]].loc[rows["id"]] == row["indicator"]).mean()
            for name, seen in errors.items():
                seen.append(abs(row[name] - planted))
    assert np.mean(errors["share"]) < np.mean(errors["naive"])


def test_life_s_noise_is_there(companies):
    assert companies.duplicates == 3
    assert companies.usable.drop_duplicates("id")["founded"].isna().sum() == 3
    lengths = companies.usable["text"].str.len()
    assert lengths.min() >= 40
    assert lengths.max() <= 600


def test_texts_follow_no_template(companies):
    # A template shares more than half of a text's character 5-grams. Short English texts share up to a third by
    # chance: "blockchain", " and the ".
    for _, rows in companies.usable.groupby("language"):
        grams = [{text[i : i + 5] for i in range(len(text) - 4)} for text in rows["text"]]
        shared = [len(a & b) / min(len(a), len(b)) for a, b in itertools.combinations(grams, 2)]
        assert max(shared) < 0.5
        assert np.mean(np.array(shared) > 0.25) < 0.01


def test_shenzhen_s_last_cohort_is_planted_as_beijing_s_and_shanghai_s_stays(companies, gold):
    firms = companies.usable.drop_duplicates("id").dropna(subset=["founded"]).set_index("id")
    state = gold["customer"].isin(["state", "mixed"]).loc[firms.index]
    share = {
        (city, name): float(state[(firms["city"] == city) & firms["founded"].isin(years)].mean())
        for city, (name, years) in itertools.product(("Beijing", "Shanghai", "Shenzhen"), BINS.items())
    }
    first, _, last = BINS
    assert share["Shenzhen", first] < 0.1
    assert abs(share["Shenzhen", last] - share["Beijing", last]) < 0.1
    assert all(share["Shanghai", name] < 0.2 for name in BINS)
    kinds = {
        (city, name): collections.Counter(
            gold["kind"].loc[firms.index[(firms["city"] == city) & firms["founded"].isin(years)]]
        )
        for city, (name, years) in itertools.product(("Beijing", "Shenzhen"), BINS.items())
    }
    assert not set(kinds["Shenzhen", first]) - {"devices", "crypto", "consumer", "dev_platform", "bank_fintech"}
    assert set(kinds["Shenzhen", last]) <= set(kinds["Beijing", last])


def labels_with_gold(finished, gold):
    labels = pd.read_parquet(finished.folder / "labels.parquet")
    labels = (
        labels[labels["customer.status"] != "unusable"].sort_values("observed").groupby("id").tail(1).set_index("id")
    )
    return labels, gold.loc[labels.index]


@pytest.mark.model
def test_the_labeller_agrees_with_the_planted_labels(finished, gold):
    labels, truth = labels_with_gold(finished, gold)
    for axis, indicator, least in (
        ("customer", "state", 0.8),
        ("customer", "private", 0.7),
        ("market", "domestic", 0.7),
        ("market", "global", 0.7),
    ):
        planted = truth[axis].isin([indicator, "mixed"])
        assert f1_score(planted, labels[f"{axis}.{indicator}"] >= 0.5, average="macro") >= least, indicator


@pytest.mark.model
def test_the_label_trend_is_found(finished):
    found = json.loads((finished.folder / "convergence.json").read_text())
    slopes = {(one["city"], one["indicator"]): one for one in found["label_slopes"] if one["axis"] == "customer"}
    shenzhen, shanghai = slopes["Shenzhen", "state"], slopes["Shanghai", "state"]
    assert shenzhen["slope"] > 0  # the state share rises from below Beijing's towards it
    assert shenzhen["p"] < 0.05
    assert not shanghai["p"] < 0.05


@pytest.mark.model
def test_the_verdict_is_right_or_honestly_underpowered(finished):
    found = json.loads((finished.folder / "convergence.json").read_text())
    assert found["verdict"]["Shenzhen"] in {"converging", "underpowered"}
    assert found["verdict"]["Shanghai"] in {"no change", "underpowered", "not shown"}
    gaps = [gap["gap"] for gap in found["gaps"] if gap["city"] == "Shenzhen"]
    assert gaps[0] > gaps[-1]
    direction = {one["city"]: one for one in found["direction"]}
    # Shenzhen moves towards Beijing; its movement is larger than Beijing's towards it.
    assert direction["Shenzhen"]["home"] > max(0, direction["Shenzhen"]["reference"])


@pytest.mark.model
def test_what_the_verdict_rests_on_is_there(finished):
    found = json.loads((finished.folder / "convergence.json").read_text())
    for name in (
        "gaps",
        "trends",
        "direction",
        "decomposition",
        "balance",
        "held_fixed",
        "placebos",
        "power",
        "controls",
    ):
        assert {one["city"] for one in found[name]} == {"Shanghai", "Shenzhen"}, name
    curve = json.loads((finished.folder / "specifications.json").read_text())
    shenzhen = next(one for one in curve["summary"] if (one["city"], one["reference"]) == ("Shenzhen", "Beijing"))
    assert shenzhen["estimable"] == 54
    assert shenzhen["agree"] >= 0.8  # most ways to put the question see the planted sign
    assert shenzhen["significant_other"] == 0
    # 34 firms in three cohorts: the simulation says so before anybody reads the gap.
    assert all(one["power_at_margin"] < 0.8 for one in found["power"])


@pytest.mark.model
def test_clusters_follow_the_planted_kinds(finished, gold):
    clusters = pd.read_parquet(finished.folder / "clusters.parquet")
    assert clusters["cluster"].max() >= 3
    assert (clusters["cluster"] == -1).mean() <= 0.15
    inside = clusters[clusters["cluster"] >= 0]
    kinds = gold["kind"].loc[inside["id"]]
    # Measured: .61 and .72; another machine's last bits may merge two clusters.
    assert adjusted_rand_score(kinds, inside["cluster"]) > 0.5
    assert adjusted_mutual_info_score(kinds, inside["cluster"]) > 0.6
