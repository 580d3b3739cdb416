"""``chainbert terms`` and ``chainbert report`` as a user meets them, and what a run says of words on the terminal."""

import json
import os
import subprocess
import sys
from types import SimpleNamespace

import pandas as pd
import pytest
from typer.testing import CliRunner

from chainbert.cli.app import app
from chainbert.cli.summary import summary_lines
from chainbert.errors import ChainbertError

TEXTS = {
    "北京": ("zh", "为省级大数据局建设电子证照平台，客户是各级政府部门。"),
    "Shanghai": ("en", "The wallet serves traders and exchanges tokens for people abroad."),
}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def chainbert():
    """The command within this process, which has everything imported already."""

    def call(*arguments, code=0):
        done = CliRunner().invoke(app, [*map(str, arguments)])
        error = done.exception if isinstance(done.exception, ChainbertError) else None
        assert (error.exit_code if error else done.exit_code) == code, done.output
        return SimpleNamespace(stdout=done.stdout, stderr=f"{done.stderr}{error or ''}")

    return call


@pytest.fixture(scope="module")
def program(home):
    """The command as a program of its own."""

    def call(*arguments, code=0):
        environment = os.environ | {"HOME": str(home), "XDG_CACHE_HOME": "", "CHAINBERT_CACHE": str(home / "cache")}
        done = subprocess.run(
            [sys.executable, "-m", "chainbert", *map(str, arguments)],
            capture_output=True,
            text=True,
            env=environment,
            check=False,
        )
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        return done

    return call


@pytest.fixture(scope="module")
def companies(home):
    """Six firms of each city with one English text each, so that languages do not part the cities; one firm without."""
    rows = []
    for place in range(6):
        rows += [
            (f"b{place}", "北京", 2015, f"Electronic licences for ministries, archive number {place}."),
            (f"s{place}", "Shanghai", 2016, TEXTS["Shanghai"][1]),
            (f"z{place}", "Shanghai" if place % 2 else "北京", 2016, TEXTS["北京"][1]),
        ]
    rows.append(("x", "", 2017, "A firm of nowhere."))
    path = home / "companies.csv"
    pd.DataFrame(rows, columns=["id", "city", "founded", "简介"]).to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def shown(program, companies, home):
    """The command with all that it can be given."""
    words = home / "words.txt"
    words.write_text("电子证照平台\n", encoding="utf-8")
    given = ["--columns", "text=简介", "--english", "stems", "--words", words, "--ngrams", 2, "--top", 4, "--seed", 7]
    return program("terms", companies, *given, "--out", home / "out")


def test_terms_of_each_city_and_their_themes(shown):
    lines = shown.stdout.splitlines()
    place = lines.index("Shanghai: terms that are its own, by z")
    assert lines[0] == "Beijing: terms that are its own, by z"
    assert place == 5  # --top 4
    own = [line.split("\t")[0] for line in lines[place + 1 : place + 5]]
    assert all(line.startswith(" * ") for line in own)
    assert any(line.endswith((" trader", " wallet", " token", "abroad")) or "trader" in line for line in own)
    assert "6 firms, elsewhere 0" in lines[place + 1]
    assert any(line.startswith("Policy\t") or "\tBeijing " in line for line in lines[place + 5 :])


def test_notes_go_to_the_other_stream(shown):
    assert "* holds at a false discovery rate of 5 %" in shown.stderr
    assert "left out: 1 × no city" in shown.stderr


def test_files_of_the_terms(shown, home):
    assert shown.returncode == 0
    names = {path.name for path in (home / "out").iterdir()}
    tables = {"keyness.csv", "frequencies.csv", "collocations.csv", "dictionary.csv"}
    assert names == tables | {"cloud.svg", "cloud.png", "cloud.pdf"}
    terms = pd.read_csv(home / "out" / "keyness.csv", keep_default_na=False)["term"]
    assert "trader" in set(terms)  # stems
    assert terms.str.contains(" ").any()  # ngrams
    frequencies = pd.read_csv(home / "out" / "frequencies.csv", keep_default_na=False)
    assert "电子证照平台" in set(frequencies["term"])  # words


def test_json_has_everything_that_is_shown(chainbert, companies):
    given = ["terms", companies, "--columns", "text=简介", "--by", "language", "--top", 2, "--json", "--quiet"]
    done = chainbert(*given)
    found = json.loads(done.stdout)
    assert done.stderr == ""
    assert set(found) == {"terms", "dictionary", "left_out", "notes"}
    assert {row["group"] for row in found["terms"]} <= {"zh", "en"}
    assert found["left_out"] == 0
    assert {row["group"] for row in found["dictionary"]} == {"zh", "en"}
    assert chainbert(*given).stdout == done.stdout


def test_one_city_only_is_said(chainbert, home):
    path = home / "one.csv"
    pd.DataFrame({"id": ["a", "b"], "city": "Beijing", "text": ["A ledger for banks.", "A wallet."]}).to_csv(path)
    done = chainbert("terms", path)
    assert "note: Words are not compared: no more than one group has any." in done.stderr
    assert "terms that are its own" not in done.stdout


@pytest.mark.parametrize(
    ("given", "expected", "code"),
    [
        (["--by", "ctiy"], "--by ctiy: ", 2),
        (["--by", "observed"], "has a value in this column", 2),
        (["--dictionary", "themez"], "Did you mean 'themes'?", 2),
        (["--dictionary", "absent.yaml"], "absent.yaml", 2),
        (["--english", "roots"], "--english roots: words, stems or lemmas was expected", 2),
        (["--words", "absent.txt"], "absent.txt", 2),
        (["--ngrams", "4"], "--ngrams", 2),
        (["--find", "***"], "nothing to look for", 3),
        (["--columns", "text"], "--columns:1: 'text' found, name=column expected", 2),
    ],
)
def test_what_cannot_be_compared_is_said(chainbert, companies, given, expected, code):
    columns = [] if "--columns" in given else ["--columns", "text=简介"]
    done = chainbert("terms", companies, *columns, *given, code=code)
    assert expected in done.stderr
    assert done.stdout == ""


def test_find_shows_every_place(chainbert, companies, home):
    done = chainbert("terms", companies, "--columns", "text=简介", "--find", "trader*", "--out", home / "found")
    lines = done.stdout.splitlines()
    assert len(lines) == 6
    assert all(line.startswith("s") and "traders" in line for line in lines)
    assert "6 places in 6 of 19 texts" in done.stderr
    table = pd.read_csv(home / "found" / "concordance.csv")
    assert table["keyword"].tolist() == ["traders"] * 6
    found = json.loads(chainbert("terms", companies, "--columns", "text=简介", "--find", "省级", "--json").stdout)
    assert [row["id"] for row in found] == [f"z{place}" for place in range(6)]
    assert found[0]["right"].startswith("大数据局")


def test_find_without_a_place(chainbert, companies):
    done = chainbert("terms", companies, "--columns", "text=简介", "--find", "moonshine")
    assert done.stdout == ""
    assert "0 places in 0 of 19 texts" in done.stderr
    assert (
        json.loads(chainbert("terms", companies, "--columns", "text=简介", "--find", "moonshine", "--json").stdout)
        == []
    )


def test_errors_have_their_exit_code(program, companies):
    done = program("terms", companies, "--columns", "text=简介", "--by", "ctiy", code=2)
    assert done.stderr.startswith("error: --by ctiy: ")
    assert "Did you mean 'city'?" in done.stderr


def test_report_of_a_folder_that_is_no_run(program, home):
    done = program("report", home / "nowhere", code=3)
    assert "no manifest.json; the folder of a finished `chainbert run` was expected" in done.stderr
    assert not (home / "nowhere").exists()


SUMMARY = {
    "folder": "runs/a", "note": "", "rows": 2, "usable": 1, "firms": 1, "exclusions": {}, "duplicates": 0, "notes": {},
    "labeller": "zero-shot", "labelling_notes": [], "reference": "Beijing", "not_compared": {}, "clusters": 1,
    "noise_share": 0.25, "gaps": [], "verdict": {}, "sentences": {}, "controls": [], "significant": [],
    "specifications": [], "own_terms": {"Beijing": 3, "Shanghai": 1042}, "word_notes": ["No font on this machine."],
    "hand_codes": 70, "hand_code_notes": [], "folders": {"figures": 12, "exports": 1}, "seconds": 3.2, "peak_mb": 200.0,
    "unchanged": False, "reused": [],
}  # fmt: skip


def test_the_summary_says_words_codes_and_where_the_files_are():
    lines = summary_lines(SUMMARY)
    assert lines[0] == "1 of 2 rows used, 1 firm"
    assert lines[1] == "1 cluster, 25% of the rows in none"
    assert "terms of a city's own (q < 0.05): Beijing 3, Shanghai 1,042" in lines
    assert "  WORDS: No font on this machine." in lines
    assert "shares corrected by 70 hand codes" in lines
    assert lines[-3:] == [
        "report: runs/a/report.html", "figures: 12 files in runs/a/figures/", "exports: 1 file in runs/a/exports/"
    ]  # fmt: skip


def test_the_summary_is_silent_of_what_a_run_has_not():
    lines = summary_lines(SUMMARY | {"own_terms": {}, "word_notes": [], "hand_codes": 0, "folders": {}, "firms": 2})
    assert lines[0].endswith("2 firms")
    assert not [line for line in lines if "terms" in line or "hand codes" in line or "files in" in line]
    assert lines[-1] == "report: runs/a/report.html"
