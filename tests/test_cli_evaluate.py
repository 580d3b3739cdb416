"""``chainbert evaluate`` as a user calls it."""

from __future__ import annotations

import json
import signal
import sys
from dataclasses import dataclass

import pytest
from evaluation_sets import invented, write_evaluation_file

from chainbert.cli.app import main


@dataclass
class Done:
    """What a call left behind."""

    stdout: str
    stderr: str


@pytest.fixture
def chainbert(tmp_path, monkeypatch, capsys):
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.chdir(tmp_path)

    def call(*arguments, code=0):
        monkeypatch.setattr(sys, "argv", ["chainbert", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        done = Done(*capsys.readouterr())
        assert (left.value.code or 0) == code, done.stderr
        return done

    yield call
    signal.signal(signal.SIGTERM, before)


def test_a_folder_a_table_and_a_page_come_out(tmp_path, chainbert):
    write_evaluation_file(tmp_path, note="All invented.")
    done = chainbert("evaluate", "evaluation.yaml")
    folder = tmp_path / "runs" / "evaluations" / "invented"
    assert {path.name for path in folder.iterdir()} == {
        ".labels",
        "evaluation.csv",
        "evaluation.html",
        "evaluation.json",
        "labels",
    }
    lines = done.stdout.splitlines()
    assert lines[0] == "All invented."
    mean = next(line for line in lines if line.startswith("macro-F1 mean"))
    assert mean.split()[2:5] == ["1.000", "[1.00,", "1.00]"]
    assert lines[-1] == "page: runs/evaluations/invented/evaluation.html"


def test_json_has_the_main_numbers_and_quiet_says_nothing(tmp_path, chainbert):
    write_evaluation_file(tmp_path)
    done = chainbert("evaluate", "evaluation.yaml", "--json", "--out", "there", "--set", "draws=20")
    found = json.loads(done.stdout)
    assert found["folder"] == "there"
    assert [(line["name"], line["kind"]) for line in found["labellers"]] == [
        ("cues", "labeller"),
        ("coder_a against coder_b", "coders"),
    ]
    assert found["labellers"][0]["cells"]["macro-F1 mean"]["value"] == 1
    quiet = chainbert("evaluate", "evaluation.yaml", "--quiet", "--out", "there")
    assert (quiet.stdout, quiet.stderr) == ("", "")


def test_faults_of_the_file_are_a_users_error(tmp_path, chainbert):
    write_evaluation_file(tmp_path, labellers=["ceus"])
    done = chainbert("evaluate", "evaluation.yaml", "--set", "drws=1", code=2)
    assert "unknown key 'drws'. Did you mean 'draws'?" in done.stderr
    done = chainbert("evaluate", "evaluation.yaml", code=2)
    assert "Did you mean 'cues'?" in done.stderr


def test_codes_that_cannot_be_used_are_a_data_error(tmp_path, chainbert):
    write_evaluation_file(tmp_path, [row | {"customer": "sate"} for row in invented(4)])
    done = chainbert("evaluate", "evaluation.yaml", code=3)
    assert "gold.jsonl:1" in done.stderr
    assert "Did you mean 'state'?" in done.stderr


def test_your_own_codes_go_into_the_shipped_file(chainbert):
    done = chainbert("evaluate", "company-axes", code=2)
    assert "name the file of hand codes here or with --set gold=FILE" in done.stderr
