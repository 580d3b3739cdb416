"""What hand codes say: the study's stage that compares them with labels, and its part of the page."""

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from audit_sets import audited, small_codebook
from runfolder import write_checked_run

from chainbert.errors import DataError
from chainbert.files import write_text
from chainbert.report.handcodes import hand_codes
from chainbert.report.language import speaking
from chainbert.report.runfiles import read_run
from chainbert.study.audited import audit

SIZE, CODED = 300, 120


def work_of(folder, codes, drawn):
    """As much of a run as the stage asks for."""

    def write_json(name, found):
        write_text(folder / name, json.dumps(found, ensure_ascii=False, allow_nan=False))

    return SimpleNamespace(
        hand_codes=codes,
        codebook=drawn.codebook,
        labels=drawn.labels,
        company_set=drawn.companies,
        rng=lambda stage: np.random.default_rng(len(stage)),
        write_json=write_json,
    )


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    codebook = small_codebook(tmp_path_factory.mktemp("book"))
    return audited(codebook, SIZE, np.random.default_rng(3), strength=0.9)


def write_codes(folder, drawn, rows):
    path = folder / "codes.csv"
    drawn.truth.iloc[rows].to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def coded(drawn, tmp_path_factory):
    """A run folder with the stage's file, and what the stage says of itself."""
    folder = tmp_path_factory.mktemp("coded")
    write_checked_run(folder)
    rows = np.random.default_rng(4).choice(SIZE, CODED, replace=False)
    facts = audit(work_of(folder, write_codes(folder, drawn, rows), drawn))
    return folder, facts


def found_in(folder):
    return json.loads((folder / "hand_codes.json").read_text(encoding="utf-8"))


def shares_of(folder):
    return pd.DataFrame(found_in(folder)["shares"]).set_index(["axis", "indicator", "kind", "city"]).sort_index()


def test_the_stage_says_how_many_codes_and_how_they_were_drawn(coded):
    folder, facts = coded
    assert facts["codes"] == found_in(folder)["n"] == CODED
    assert facts["design"] == "simple"
    assert any("random sample" in note for note in facts["notes"])


def test_corrected_shares_are_nearer_the_truth_than_counted_labels(coded, drawn):
    """The labeller errs in about a fifth of the companies; the codes know."""
    shares = shares_of(coded[0])
    errors = {"naive": [], "share": []}
    for place, row in shares.iterrows():
        axis, indicator, kind, city = place
        if city != "all" or kind != "indicator":
            continue
        truth = np.isin(drawn.truth[axis], [indicator, "mixed"] if axis == "customer" else [indicator]).mean()
        errors["naive"].append(abs(row["naive"] - truth))
        errors["share"].append(abs(row["share"] - truth))
        assert row["low"] <= truth <= row["high"]
    assert len(errors["share"]) >= 2
    assert np.mean(errors["share"]) < np.mean(errors["naive"])


def test_every_city_has_its_own_share(coded):
    shares = shares_of(coded[0])
    state = shares.loc[("customer", "state", "indicator")]
    assert set(state.index) == {"all", "Beijing", "Shanghai", "Shenzhen"}
    assert state.loc["all", "N"] == state.drop("all")["N"].sum() == SIZE
    assert state.loc["all", "n"] == state.drop("all")["n"].sum() == CODED
    assert "sentence" not in shares.columns


def test_confusions_count_every_coded_company_once(coded):
    whole = [one for one in found_in(coded[0])["confusions"] if one["group"] == "all" and one["question"] == "customer"]
    assert len(whole) == 1
    assert np.sum(whole[0]["counts"]) == CODED


def test_a_study_without_hand_codes_has_an_empty_file_and_nothing_on_the_page(drawn, tmp_path):
    write_checked_run(tmp_path)
    assert audit(work_of(tmp_path, None, drawn)) == {"codes": 0}
    assert found_in(tmp_path) == {}
    assert hand_codes(read_run(tmp_path)) == []
    (tmp_path / "hand_codes.json").unlink()
    assert hand_codes(read_run(tmp_path)) == []


def test_codes_of_other_companies_are_refused(drawn, tmp_path):
    path = write_codes(tmp_path, drawn, range(20))
    table = pd.read_csv(path, dtype=str)
    table.assign(id="other-" + table["id"]).to_csv(path, index=False)
    with pytest.raises(DataError, match="20 of 20 coded companies are not in the labels: other-"):
        audit(work_of(tmp_path, path, drawn))


def test_a_few_codes_correct_nothing_and_say_so(drawn, tmp_path):
    write_checked_run(tmp_path)
    audit(work_of(tmp_path, write_codes(tmp_path, drawn, range(12)), drawn))
    shares = shares_of(tmp_path)
    few = shares[shares["share"].isna()]
    assert len(few)
    assert few["status"].str.contains("are needed").all()
    part = hand_codes(read_run(tmp_path))[0]
    assert len(part.table.rows) == len(shares) - len(few)
    assert f"{len(few)} shares have too few hand codes and are left out." in part.remark


def test_the_page_has_shares_confusions_and_calibration(coded):
    shares, confusions, calibration = hand_codes(read_run(coded[0]))
    known = shares_of(coded[0])
    assert len(shares.table.rows) == known["share"].notna().sum()
    assert f"corrected by {CODED} hand codes" in shares.words
    first = next(row for row in shares.table.rows if row[:3] == ("customer", "state", "all cities"))
    share = known.loc[("customer", "state", "indicator", "all"), "share"]
    assert first[4] == f"{share:.0%}".replace("%", " %")
    assert [panel.id for panel in confusions.panels] == ["confusion-customer", "confusion-goods"]
    assert len({panel.id for panel in calibration.panels}) == len(calibration.panels) >= 3
    for panel in (*confusions.panels, *calibration.panels):
        assert panel.chart.to_dict()["$schema"]


def test_the_diagonal_is_what_the_words_say(coded):
    _, confusions, _ = hand_codes(read_run(coded[0]))
    right = sum(int(row[3]) for row in confusions.table.rows if row[0] == "customer" and row[1] == row[2])
    assert f"customer: {right} of {CODED} labels are the hand code." in confusions.words
    by_code = pd.DataFrame(confusions.table.rows, columns=confusions.table.heads)
    counts = by_code[by_code["Axis"] == "customer"]["Companies"].astype(int)
    assert counts.sum() == CODED


def test_values_stand_in_the_chart_by_the_names_that_order_it(coded):
    """A value of two words must not lose its place."""
    _, confusions, _ = hand_codes(read_run(coded[0]))
    chart = confusions.panels[0].chart.to_dict()
    rows = pd.DataFrame(next(iter(chart["datasets"].values())))
    assert set(rows["code"]) == set(chart["layer"][0]["encoding"]["y"]["sort"])


def test_in_chinese_nothing_is_left_in_english(coded):
    with speaking("zh"):
        parts = hand_codes(read_run(coded[0]))
    shares = parts[0]
    assert "人工编码" in shares.words
    assert "标注器" in shares.remark
    assert "Shares are those" not in shares.remark
    assert shares.table.rows[0][2] == "全部城市"
    assert {"混合", "不明"} & {row[1] for row in parts[1].table.rows}
