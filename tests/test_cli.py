"""The command line as a user meets it: exit codes, messages, where output goes."""

import json
import os
import subprocess
import sys

import pandas as pd
import pytest
from encoders import tiny_bert

COMMANDS = ("run", "label", "embed", "cluster", "compare", "terms", "report", "config", "models", "verify")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return f"path:{tiny_bert(tmp_path_factory.mktemp('encoder') / 'tiny', max_tokens=64)}"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def chainbert(home):
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
        return done

    return call


@pytest.fixture
def companies(tmp_path):
    path = tmp_path / "companies.csv"
    rows = [
        ("a", "京链", "北京", 2015, "为各级政府部门提供电子证照服务。客户是省级大数据局。"),
        ("b", "Harbor", "Shanghai", 2016, "A wallet for traders around the world. It holds 40 coins."),
        ("c", "空", "深圳", 2017, ""),
    ]
    pd.DataFrame(rows, columns=["id", "name", "city", "founded", "text"]).to_csv(path, index=False)
    return path


def test_help_loads_neither_torch_nor_pandas():
    code = """
import sys, chainbert.cli
sys.argv = ["chainbert", "--help"]
try:
    chainbert.cli.main()
except SystemExit:
    pass
sys.exit(any(name in sys.modules for name in ("torch", "pandas", "numpy", "pydantic", "transformers")))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for command in COMMANDS:
        assert command in done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(chainbert, command):
    assert command in chainbert(command, "--help").stdout


def test_a_broken_study_file_is_exit_2_with_every_fault(chainbert, tmp_path):
    path = tmp_path / "study.yaml"
    path.write_text(
        "study: a\ntitel: x\nseed: -1\ncompanies: {pth: x}\nconvergence: {draws: many, referense: Beijing}\n"
    )
    done = chainbert("config", "check", path, code=2)
    assert done.stdout == ""
    for place in (":1:1: 'title' is missing", ":2:1: unknown key 'titel'. Did you mean 'title'?", ":3:1: seed = -1"):
        assert place in done.stderr
    assert ":4:13: unknown key 'companies.pth'. Did you mean 'path'?" in done.stderr
    assert ":5:15: convergence.draws = 'many'" in done.stderr
    assert "Did you mean 'reference'?" in done.stderr
    assert "Traceback" not in done.stderr


def test_missing_companies_are_exit_3(chainbert, tmp_path, tiny):
    absent = tmp_path / "absent.csv"
    done = chainbert("label", absent, "--encoder", tiny, "--out", tmp_path / "out.csv", code=3)
    assert "absent.csv" in done.stderr
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize("arguments", [["nonsense"], ["run"], ["label", "x.csv"]])
def test_wrong_usage_is_exit_2(chainbert, arguments):
    assert "Usage" in chainbert(*arguments, code=2).stderr


def test_an_option_without_its_value_is_exit_2(chainbert):
    assert "Option '--set' requires an argument" in chainbert("run", "demo", "--set", code=2).stderr


def test_unknown_study_encoder_and_columns_are_exit_2(chainbert, companies, tmp_path):
    assert "Did you mean 'demo'?" in chainbert("run", "dmo", code=2).stderr
    out = tmp_path / "out.csv"
    assert "unknown encoder" in chainbert("label", companies, "--encoder", "bundeld:x", "--out", out, code=2).stderr
    done = chainbert("label", companies, "--columns", "text", "--out", out, code=2)
    assert "--columns:1: 'text' found, name=column expected" in done.stderr


def test_label_writes_one_row_a_company_with_its_reason(chainbert, companies, tiny, tmp_path):
    out = tmp_path / "labels.csv"
    done = chainbert("label", companies, "--encoder", tiny, "--labeller", "zero-shot", "--out", out)
    assert done.stdout == ""
    assert "3 rows, 2 of them usable" in done.stderr
    table = pd.read_csv(out, keep_default_na=False)
    assert list(table["id"]) == ["a", "b", "c"]
    wanted = {"observed", "customer", "customer.state", "customer.state.evidence", "customer.status", "codebook"}
    assert wanted <= set(table.columns)
    assert table["customer.status"].iloc[2] == "unusable"


def test_embed_and_cluster(chainbert, companies, tiny, tmp_path):
    out = tmp_path / "vectors.parquet"
    chainbert("embed", companies, "--encoder", tiny, "--out", out)
    assert list(pd.read_parquet(out)["id"]) == ["a", "b"]
    chainbert("cluster", companies, "--encoder", tiny, "--out", tmp_path / "groups")
    assert set(pd.read_csv(tmp_path / "groups" / "members.csv")["id"]) == {"a", "b"}


def test_compare_needs_the_years(chainbert, companies, tiny):
    done = chainbert("compare", companies, companies, "--encoder", tiny, code=2)
    assert "give --observed YEAR for each" in done.stderr
    done = chainbert("compare", companies, "--encoder", tiny, code=2)
    assert "1 company set given; two or more, of different years, were expected" in done.stderr


def test_compare_prints_a_gap_or_why_there_is_none(chainbert, companies, tiny):
    years = ["--observed", 2018, "--observed", 2022]
    found = json.loads(chainbert("compare", companies, companies, *years, "--encoder", tiny, "--json").stdout)
    gaps = found["convergence"]["gaps"]
    assert {(gap["city"], gap["year"]) for gap in gaps} == {("Shanghai", "2018"), ("Shanghai", "2022")}
    assert all(gap["gap"] is None and "not estimable" in gap["status"] for gap in gaps)
    assert found["panel"]["status"].startswith("a panel is not estimable: 2 firms are in both sets")


def test_run_verify_and_json(chainbert, tiny, tmp_path):
    out = tmp_path / "run"
    settings = ["--set", f"embedding.encoder={tiny}", "--set", "labelling.labeller=zero-shot", "--out", out]
    summary = json.loads(chainbert("run", "smoke", *settings, "--json").stdout)
    assert summary["usable"] > 20
    assert summary["hand_codes"] == 0
    assert set(summary["own_terms"]) == {"Beijing", "Shanghai", "Shenzhen"}
    said = chainbert("run", "smoke", *settings).stdout
    assert "nothing has changed" in said
    assert f"files in {out}/exports/" in said
    printed = chainbert("report", out, "--language", "zh", "--figures", "none", "--exports", "csv-r, parquet")
    assert printed.stdout == f"report: {out}/report.html\n"
    assert not (out / "figures").exists()
    assert "fr" in chainbert("report", out, "--language", "fr", code=2).stderr
    assert "what the manifest says" in chainbert("verify", out).stdout
    (out / "terms.csv").write_text("x")
    assert "terms.csv: has changed" in chainbert("verify", out, code=3).stderr


def test_models_lists_what_can_be_used(chainbert):
    lines = chainbert("models").stdout.splitlines()
    assert any(line.startswith("encoder\tbundled:multilingual-e5-small\t") for line in lines)
    assert any(line.startswith("labeller\tzero-shot\t") for line in lines)


def test_config_show_and_schema(chainbert):
    assert 'convergence.reference = "Beijing"' in chainbert("config", "show", "demo").stdout
    schema = json.loads(chainbert("config", "schema").stdout)
    assert "companies" in schema["properties"]
