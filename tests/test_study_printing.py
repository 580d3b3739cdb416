"""Printing a finished run again: what is made anew, what the manifest says of it, and what is refused."""

import json
import shutil
from dataclasses import asdict
from itertools import islice

import pytest
from filelock import FileLock
from runfolder import write_checked_run, write_words

from chainbert.errors import ConfigError, DataError
from chainbert.files import file_hash
from chainbert.report import figurefiles
from chainbert.report.config import ReportConfig
from chainbert.report.exports.config import ExportsConfig
from chainbert.report.figurefiles import exhibits_of
from chainbert.study import print_run, verify
from chainbert.study.printing import PRINTED
from chainbert.study.stages import RECORD, Stage, StageLog, StageRecord
from chainbert.yamlfile import Section

PUBLISHED = "hai-klingler-vidra-2022"


def write_manifest(folder, facts):
    """The manifest of a run whose results are in the folder, and which printed nothing."""
    results = sorted(path for path in folder.rglob("*") if path.is_file() and "table1" not in path.name)
    hashes = {path.relative_to(folder).as_posix(): file_hash(path) for path in results}
    sections: dict[str, Section] = {
        "report": ReportConfig(figures=["svg"]),
        "exports": ExportsConfig(formats=("csv-r",)),
    }
    resolved = {name: section.model_dump(mode="json") for name, section in sections.items()}
    origins = {f"{name}.{key}": "default" for name, section in resolved.items() for key in section}
    manifest = facts | {
        "schema": 1,
        "study": "invented",
        "inputs": [],
        "config": {"given": "", "resolved": resolved, "origins": origins},
        "outputs": {name: {"sha256": digest, "rows": None} for name, digest in hashes.items()},
        "stages": [asdict(StageRecord("convergence", "key", hashes, {}, 1.0, 1.0))],
    }
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


@pytest.fixture(scope="module", autouse=True)
def unchanged_code():
    """What is made anew here follows from settings and files alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("chainbert.study.stages._code_version", str)
        # A few figures stand for all.
        patch.setattr(figurefiles, "exhibits_of", lambda folder: islice(exhibits_of(folder), 3))
        yield


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results") / "run"
    facts = write_checked_run(folder)
    write_words(folder)
    write_manifest(folder, facts)
    return folder


@pytest.fixture(scope="module")
def printed(results, tmp_path_factory):
    folder = tmp_path_factory.mktemp("printed") / "run"
    shutil.copytree(results, folder)
    print_run(folder)
    return folder


@pytest.fixture
def run(printed, tmp_path):
    """A copy of a run with figures as svg and exports as csv-r."""
    shutil.copytree(printed, tmp_path / "run")
    return tmp_path / "run"


@pytest.fixture
def plain_page(monkeypatch):
    """A page that is written at once, for tests of all else; it says which published table it was given."""

    def write(folder, facts, language, *, published, codebook):  # noqa: ARG001  # as the page is called
        page = folder / "report.html"
        said = f"{language} {published} {sorted(facts['outputs'])}"
        page.write_text(said, encoding="utf-8")
        return page

    monkeypatch.setattr("chainbert.study.printing.write_report", write)


def manifest_of(folder):
    return json.loads((folder / "manifest.json").read_text(encoding="utf-8"))


def made(folder):
    return [
        stage["name"] for stage in manifest_of(folder)["stages"] if stage["name"] in PRINTED and not stage["reused"]
    ]


def inside(folder, name):
    return {path.relative_to(folder).as_posix() for path in (folder / name).rglob("*") if path.is_file()}


def test_everything_is_printed_and_the_manifest_tells_of_it(printed):
    manifest = manifest_of(printed)
    assert made(printed) == list(PRINTED)
    assert [stage["name"] for stage in manifest["stages"]] == ["convergence", *PRINTED]
    assert {"report.html", "tables/table1.tex", "figures/gap.svg", "exports/csv-r/companies.csv"} <= set(
        manifest["outputs"]
    )
    assert inside(printed, "figures") | inside(printed, "exports") <= set(manifest["outputs"])
    assert verify(printed) == []


def test_nothing_new_is_nothing_made(run):
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file() and path.name != "manifest.json"}
    assert print_run(run) == run / "report.html"
    assert made(run) == []
    assert all(path.read_bytes() == content for path, content in before.items())
    assert verify(run) == []


def test_another_language(run):
    print_run(run, language="zh", figures=[], exports=[])
    assert '<html lang="zh' in (run / "report.html").read_text(encoding="utf-8")
    assert "投资方构成" in (run / "tables" / "table1.tex").read_text(encoding="utf-8")
    manifest = manifest_of(run)
    assert manifest["config"]["resolved"]["report"]["language"] == "zh"
    assert manifest["config"]["origins"]["report.language"] == "chainbert report"
    assert manifest["config"]["origins"]["report.published"] == "default"
    assert verify(run) == []


@pytest.mark.usefixtures("plain_page")
def test_formats_replace_one_another_and_none_is_none(run):
    print_run(run, figures=[], exports=["latex"])
    assert not (run / "figures").exists()
    assert not (run / "exports" / "csv-r").exists()
    assert (run / "exports" / "latex" / "tables.tex").is_file()
    print_run(run, exports=[])
    assert not (run / "exports").exists()
    assert not any(name.startswith(("figures/", "exports/")) for name in manifest_of(run)["outputs"])
    assert verify(run) == []


@pytest.mark.usefixtures("plain_page")
def test_what_the_user_changed_is_not_removed(run):
    mine = [run / "figures" / "gap.svg", run / "exports" / "csv-r" / "companies.csv"]
    for path in mine:
        path.write_text("my own", encoding="utf-8")
    print_run(run, figures=[], exports=["latex"])
    assert [path.read_text(encoding="utf-8") for path in mine] == ["my own", "my own"]
    assert inside(run, "figures") == {"figures/gap.svg"}
    assert verify(run) == []


@pytest.mark.usefixtures("plain_page")
def test_a_published_table_stands_beside_table_one(run, tmp_path, monkeypatch):
    print_run(run, published=PUBLISHED, figures=[], exports=[])
    assert f"en {PUBLISHED} ['cloud.json', 'clusters.json'" in (run / "report.html").read_text(encoding="utf-8")
    manifest = manifest_of(run)
    assert manifest["published_file"] == manifest["config"]["resolved"]["report"]["published"] == PUBLISHED
    monkeypatch.chdir(tmp_path)
    print_run(run)
    assert made(run) == []
    print_run(run, published="")
    assert {"tables", "report"} <= set(made(run))
    assert manifest_of(run)["config"]["resolved"]["report"]["published"] == ""
    assert verify(run) == []


@pytest.mark.usefixtures("plain_page")
def test_a_published_file_is_found_from_any_folder_and_missed_when_gone(run, tmp_path, monkeypatch):
    own = tmp_path / "own.yaml"
    monkeypatch.chdir(tmp_path)
    own.write_text(
        "id: own\ntitle: {en: Own}\ncitation: Someone 2020\nurl: https://example.org\ncities: [Beijing]\n"
        "rows: [{row: founded, title: Founded, cells: {Beijing: '2015'}, source: page 3}]\n"
    )
    print_run(run, published="own.yaml", figures=[], exports=[])
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    print_run(run)
    assert made(run) == []
    own.unlink()
    with pytest.raises(ConfigError, match=r"own\.yaml"):
        print_run(run)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"language": "fr"}, "report.language = 'fr': Input should be 'en' or 'zh'"),
        ({"figures": ["gif"]}, r"report\.figures\.0 = 'gif': Input should be 'svg', 'pdf' or 'png'"),
        ({"exports": ["word"]}, r"exports\.formats\.0 = 'word': Input should be 'csv-excel'"),
        ({"published": "hai"}, "hai: neither a file nor a shipped published table"),
    ],
)
def test_what_cannot_be_printed_is_refused_and_changes_nothing(run, given, expected):
    with pytest.raises(ConfigError, match=expected):
        print_run(run, **given)
    assert verify(run) == []


def test_a_folder_that_is_no_run(run, tmp_path):
    with pytest.raises(DataError, match=r"nowhere: no manifest\.json; the folder of a finished `chainbert run`"):
        print_run(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()
    (run / "manifest.json").write_text('{"stages": []}')
    with pytest.raises(DataError, match=r"manifest\.json: cannot be read .*run the study again"):
        print_run(run)


def test_results_that_were_changed_are_not_printed(run):
    (run / "shares.csv").write_text("axis,indicator\n")
    (run / "terms.csv").unlink()
    with pytest.raises(DataError, match=r"shares\.csv, terms\.csv: not what the run wrote.*Run the study again"):
        print_run(run)


def test_a_damaged_page_is_printed_again(run):
    page = run / "report.html"
    before = page.read_bytes()
    page.write_text("edited")
    print_run(run)
    assert made(run) == ["report"]
    assert page.read_bytes() == before


def test_a_run_without_its_hidden_record_is_still_a_run(run):
    """Copying a folder often leaves hidden files behind."""
    (run / RECORD).unlink()
    print_run(run)
    assert made(run) == []
    assert "convergence.json" in manifest_of(run)["outputs"]
    assert verify(run) == []


def test_two_printings_do_not_mix(run):
    with FileLock(run / ".lock"), pytest.raises(ConfigError, match=r"another run is writing here; wait for it$"):
        print_run(run)


@pytest.mark.usefixtures("plain_page")
def test_an_interrupted_printing_continues(run, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("chainbert.study.printing.write_report", stop)
        with pytest.raises(KeyboardInterrupt):
            print_run(run, figures=[], exports=["parquet"])
    print_run(run, figures=[], exports=["parquet"])
    assert made(run) == ["report"]
    assert not (run / "figures").exists()
    assert not (run / "exports" / "csv-r").exists()
    assert verify(run) == []


def test_a_stage_with_a_folder_of_its_own(tmp_path):
    """Its files are known one by one: new ones are recorded, those of before are removed, and nothing else."""

    def stage(*names, folder="out", setting=""):
        def do():
            for name in names:
                path = tmp_path / folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(name)
            return {"files": list(names), "n": len(names)}

        return Stage("exports", (), (setting, *names), (), do, folder)

    def run_once(one):
        log = StageLog.open(tmp_path)
        log.run(one)
        return log.records["exports"]

    first = run_once(stage("a/one", "a/two", "three"))
    assert set(first.outputs) == {"out/a/one", "out/a/two", "out/three"}
    assert first.facts == {"n": 3}
    assert run_once(stage("a/one", "a/two", "three")).reused
    (tmp_path / "out" / "mine").write_text("my own")
    assert not run_once(stage("three")).reused
    assert inside(tmp_path, "out") == {"out/three", "out/mine"}
    assert not (tmp_path / "out" / "a").exists()
    run_once(stage("three", folder="elsewhere"))
    assert inside(tmp_path, "out") == {"out/mine"}
    assert inside(tmp_path, "elsewhere") == {"elsewhere/three"}
    (tmp_path / "elsewhere" / "three").unlink()
    assert not run_once(stage("three", folder="elsewhere")).reused
