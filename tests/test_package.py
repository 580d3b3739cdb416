"""The wheel carries what works in a checkout."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_configs_models_demo_and_page_are_in_the_wheel(unpacked):
    for name in (
        "chainbert/py.typed",
        "chainbert/shipped/configs/studies/demo.yaml",
        "chainbert/shipped/configs/codebooks/company-axes.yaml",
        "chainbert/shipped/models/README.md",
        "chainbert/demo/companies.jsonl",
        "chainbert/demo/gold.jsonl",
    ):
        assert (unpacked / name).is_file(), name


def test_an_installed_package_finds_its_own_files(unpacked, tmp_path):
    code = """
from chainbert import companies, labelling, study
print(study.load_study("demo").value.study, companies.demo_companies().is_file())
print(labelling.Codebook.load("company-axes").id, study.__file__)
"""
    environment = os.environ | {"PYTHONPATH": str(unpacked)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, cwd=tmp_path, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("demo True\ncompany-axes ")
    assert str(unpacked) in done.stdout
