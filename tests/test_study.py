"""A study from file to folder: stages, caching, interruption, and what the manifest records."""

import json
import random
import shutil

import numpy as np
import pandas as pd
import pytest
from encoders import tiny_bert
from filelock import FileLock

from chainbert.companies import demo_companies
from chainbert.embedding import SentenceEncoder
from chainbert.errors import ConfigError, DataError
from chainbert.study import print_run, run, verify
from chainbert.study.worded import ONE_GROUP
from chainbert.study.work import Work

PRINTED = ["tables", "figures", "exports", "report"]
# Where figures and exports are not the point.
LEAN = ["report.figures=[]", "exports.formats=[]"]
STAGES = [
    "companies", "embedding", "labelling", "clustering", "convergence", "specifications", "wording", "investors",
    "hand codes", *PRINTED,
]  # fmt: skip
FILES = {
    "companies.parquet", "sentences.parquet", "vectors.parquet", "labels.parquet", "shares.csv", "clusters.parquet",
    "terms.csv", "clusters.json", "tables/clusters.csv", "tables/cluster_shares.csv", "convergence.json",
    "specifications.json", "keyness.csv", "frequencies.csv", "collocations.csv", "term_trends.csv", "dictionary.csv",
    "dictionary_firms.parquet", "cloud.json", "investors.parquet", "hand_codes.json", "tables/table1.csv",
    "tables/table1.json", "tables/table1.tex", "report.html",
}  # fmt: skip


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    return tiny_bert(tmp_path_factory.mktemp("encoder") / "tiny", max_tokens=64)


@pytest.fixture
def settings(tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("CHAINBERT_CACHE", str(tmp_path / "cache"))
    return [f"embedding.encoder=path:{tiny}", "labelling.labeller=zero-shot"]


@pytest.fixture(scope="module")
def finished(tiny, tmp_path_factory):
    """One run of the smoke study that tests copy and continue."""
    folder = tmp_path_factory.mktemp("finished")
    store = folder / "vectors"
    settings = [f"embedding.encoder=path:{tiny}", f"embedding.store={store}", "labelling.labeller=zero-shot"]
    run("smoke", settings, out=folder / "run")
    return folder, settings


@pytest.fixture
def again(finished, tmp_path):
    folder, settings = finished
    shutil.copytree(folder / "run", tmp_path / "run")
    return tmp_path / "run", settings


def ran(result):
    return [stage["name"] for stage in result.manifest["stages"] if not stage["reused"]]


def test_a_run_folder_is_complete_and_verifies(finished):
    folder = finished[0] / "run"
    manifest = json.loads((folder / "manifest.json").read_text())
    written = set(manifest["outputs"])
    assert {name for name in written if not name.startswith(("figures/", "exports/"))} == FILES
    assert {"figures/cloud.svg", "figures/gap.svg", "figures/gap.csv", "figures/gap.txt"} <= written
    assert {"exports/tables.xlsx", "exports/csv-r/companies.csv", "exports/codebook.csv"} <= written
    assert [stage["name"] for stage in manifest["stages"]] == STAGES
    assert all(stage["seconds"] >= 0 and stage["peak_mb"] > 10 for stage in manifest["stages"])
    assert manifest["inputs"][0]["rows"] == len(pd.read_parquet(folder / "companies.parquet"))
    assert manifest["outputs"]["labels.parquet"]["rows"] == manifest["rows"]
    assert manifest["config"]["origins"]["seed"].endswith("smoke.yaml:5:1")
    assert manifest["config"]["origins"]["embedding.encoder"] == "--set:1"
    assert manifest["config"]["origins"]["clustering.n_neighbors"] == "default"
    assert "invented" in manifest["note"]
    assert manifest["codebook"]["version"]
    assert manifest["packages"]["torch"]
    assert verify(folder) == []


def test_an_unchanged_study_runs_no_stage_and_no_model(again, monkeypatch):
    folder, settings = again
    monkeypatch.setattr(SentenceEncoder, "encode", lambda *_, **__: pytest.fail("the model was called"))
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != "manifest.json"}
    result = run("smoke", settings, out=folder)
    assert list(result.reused) == STAGES
    assert all(path.read_bytes() == content for path, content in before.items())


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("clustering.n_neighbors=5", ["clustering", "convergence", *PRINTED]),
        ("labelling.abstain_band=0.2", ["labelling", "convergence", "hand codes", *PRINTED]),
        ("convergence.draws=99", ["clustering", "convergence", "specifications", *PRINTED]),
        ("convergence.smallest_cell=8", ["convergence", "specifications", *PRINTED]),
        ("wording.fewest_firms=3", ["wording", *PRINTED]),
        ("convergence.reference=Shanghai", ["wording", "clustering", "convergence", "specifications", *PRINTED]),
        ("report.language=zh", PRINTED),
        ("exports.formats=[parquet]", ["exports", "report"]),
        ("title=Another title", ["exports", "report"]),
    ],
)
def test_a_changed_setting_runs_what_depends_on_it(again, override, expected):
    folder, settings = again
    lean = LEAN if {"figures", "exports"} <= set(expected) else []
    result = run("smoke", [*settings, *lean, override], out=folder)
    assert set(ran(result)) <= set(expected)
    assert {expected[0], "report"} <= set(ran(result))


def test_hand_codes_correct_shares_and_change_no_label(again, tmp_path):
    folder, settings = again
    labels = pd.read_parquet(folder / "labels.parquet")
    codes = labels[["id", "observed", "customer", "market", "application"]].head(20)
    codes.to_csv(tmp_path / "codes.csv", index=False)
    result = run("smoke", [*settings, *LEAN, f"labelling.hand_codes={tmp_path / 'codes.csv'}"], out=folder)
    assert set(ran(result)) == {"hand codes", *PRINTED}
    facts = {stage["name"]: stage["facts"] for stage in result.manifest["stages"]}
    assert facts["hand codes"]["codes"] == 20
    shares = pd.DataFrame(json.loads((folder / "hand_codes.json").read_text())["shares"])
    assert shares["share"].notna().any()
    assert verify(folder) == []


def test_a_published_table_that_is_not_there_is_said_before_any_work(settings, tmp_path):
    with pytest.raises(ConfigError, match="nowhere: neither a file nor a shipped published table"):
        run("smoke", [*settings, "report.published=nowhere"], out=tmp_path / "run")
    assert not (tmp_path / "run" / "companies.parquet").exists()


def test_a_run_that_is_printed_again_is_made_of_the_same_files(again, monkeypatch):
    folder, settings = again
    monkeypatch.setattr(SentenceEncoder, "encode", lambda *_, **__: pytest.fail("the model was called"))
    before = (folder / "report.html").read_bytes()
    print_run(folder)
    assert (folder / "report.html").read_bytes() == before
    assert not [
        one["name"] for one in json.loads((folder / "manifest.json").read_text())["stages"][-4:] if not one["reused"]
    ]
    print_run(folder, figures=[], exports=[])
    assert verify(folder) == []
    assert run("smoke", [*settings, *LEAN], out=folder).reused[:9] == tuple(STAGES[:9])


def test_a_damaged_output_is_made_again(again):
    folder, settings = again
    (folder / "shares.csv").write_text("edited")
    assert [problem.split(": ", 1)[1][:11] for problem in verify(folder)] == ["has changed"]
    assert "labelling" in ran(run("smoke", settings, out=folder))
    assert verify(folder) == []


def test_verify_names_what_is_gone(again):
    folder, _ = again
    (folder / "terms.csv").unlink()
    assert verify(folder) == [f"{folder}/terms.csv: is gone"]
    (folder / "manifest.json").write_text("{")
    with pytest.raises(DataError, match="is damaged"):
        verify(folder)
    with pytest.raises(DataError, match=r"no manifest\.json; a folder written by `chainbert run`"):
        verify(folder / "tables")


def test_an_interrupted_run_continues(settings, tmp_path, monkeypatch):
    def stop(_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Work, "clustering", stop)
        with pytest.raises(KeyboardInterrupt):
            run("smoke", [*settings, *LEAN], out=tmp_path / "run")
    assert not (tmp_path / "run" / "manifest.json").exists()
    result = run("smoke", [*settings, *LEAN], out=tmp_path / "run")
    assert list(result.reused) == STAGES[:3]


def test_two_runs_into_one_folder(settings, tmp_path):
    (tmp_path / "run").mkdir()
    with FileLock(tmp_path / "run" / ".lock"), pytest.raises(ConfigError, match="another run is writing here"):
        run("smoke", settings, out=tmp_path / "run")
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="is a file; a folder for the run was expected"):
        run("smoke", settings, out=tmp_path / "file")


def test_row_order_changes_nothing(finished, tmp_path):
    folder, settings = finished
    lines = demo_companies().read_text(encoding="utf-8").splitlines()
    random.Random(1).shuffle(lines)
    shuffled = tmp_path / "shuffled.jsonl"
    shuffled.write_text("\n".join(lines), encoding="utf-8")
    run("smoke", [*settings, *LEAN, f"companies.path={shuffled}"], out=tmp_path / "run")
    for name in ("labels.parquet", "clusters.parquet", "vectors.parquet"):
        ours = pd.read_parquet(folder / "run" / name).sort_values("key", ignore_index=True)
        theirs = pd.read_parquet(tmp_path / "run" / name).sort_values("key", ignore_index=True)
        pd.testing.assert_frame_equal(ours, theirs)
    for name in ("convergence.json", "keyness.csv", "frequencies.csv", "collocations.csv", "term_trends.csv",
                 "dictionary.csv", "cloud.json"):  # fmt: skip
        assert (folder / "run" / name).read_text() == (tmp_path / "run" / name).read_text(), name


def test_companies_stay_in_the_table_with_their_reason(settings, tmp_path):
    table = pd.DataFrame(
        {
            "id": ["a", "b", "c"],
            "city": ["Beijing", "Shanghai", "Chengdu"],
            "founded": [2015, 2016, 2017],
            "text": ["政务平台服务于各级政府部门。", "", "A wallet for traders."],
        }
    )
    table.to_csv(tmp_path / "three.csv", index=False)
    own = [f"companies.path={tmp_path / 'three.csv'}", "companies.cities=[Beijing]"]
    with pytest.raises(ConfigError, match=r"70 of 70 companies coded in .*codes\.csv are not among the usable ones"):
        run("demo", [*settings, *own], out=tmp_path / "run")
    result = run("demo", [*settings, *LEAN, *own, "labelling.hand_codes="], out=tmp_path / "run")
    kept = pd.read_parquet(tmp_path / "run" / "companies.parquet")
    assert list(kept["id"]) == ["a", "b", "c"]
    assert kept["status"].iloc[0] == ""
    assert all(kept["status"].iloc[1:])
    assert sum(result.manifest["exclusions"].values()) == 2
    # One firm of one city: there is nothing to compare, and the run says so and goes on.
    assert result.manifest["word_notes"] == [ONE_GROUP, "There is no term for the cloud."]
    assert list(pd.read_csv(tmp_path / "run" / "keyness.csv").columns[:2]) == ["city", "term"]
    assert len(pd.read_parquet(tmp_path / "run" / "investors.parquet")) == 0


def test_no_usable_row_is_an_error_with_reasons(settings, tmp_path):
    (tmp_path / "none.csv").write_text("id,text,city\na,,Beijing\n")
    with pytest.raises(DataError, match="none of 1 rows can be used"):
        run("demo", [*settings, f"companies.path={tmp_path / 'none.csv'}"], out=tmp_path / "run")


def test_a_study_without_companies_says_how_to_name_them(tmp_path):
    with pytest.raises(ConfigError, match=r"'companies\.path' is not given.*--set companies\.path=FILE"):
        run("itjuzi", out=tmp_path / "run")


def test_vectors_are_unit_rows_of_the_usable_companies(finished):
    folder = finished[0] / "run"
    stored = pd.read_parquet(folder / "vectors.parquet")
    companies = pd.read_parquet(folder / "companies.parquet")
    assert set(stored["key"]) == set(companies.loc[companies["status"] == "", "key"])
    np.testing.assert_allclose(np.linalg.norm(np.stack(stored["vector"]), axis=1), 1, atol=1e-5)
