"""Every file under configs/ is loaded; none is missing from here by accident."""

import pytest

from chainbert.errors import ConfigError
from chainbert.files import shipped
from chainbert.labelling import Codebook
from chainbert.study import load_study, resolved_lines, study_path

STUDIES = sorted(shipped("configs", "studies").glob("*.yaml"))
CODEBOOKS = sorted(shipped("configs", "codebooks").glob("*.yaml"))


def test_every_configuration_file_is_tested_here():
    assert [path.stem for path in STUDIES] == ["demo", "itjuzi", "listed", "smoke"]
    assert [path.stem for path in CODEBOOKS] == ["company-axes"]
    assert sorted(shipped("configs").rglob("*.*")) == sorted(STUDIES + CODEBOOKS)


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_study_is_valid_and_bears_its_file_name(path):
    assert load_study(str(path)).value.study == path.stem
    assert study_path(path.stem) == path


@pytest.mark.parametrize("path", CODEBOOKS, ids=lambda path: path.stem)
def test_codebook_is_valid(path):
    assert Codebook.load(path).version == Codebook.load(path.stem).version


def test_unknown_study_is_suggested():
    with pytest.raises(ConfigError, match=r"dmo: neither a study file nor a shipped study. Did you mean 'demo'\?"):
        study_path("dmo")


def test_resolved_lines_say_where_each_value_comes_from():
    lines = resolved_lines(load_study("demo", ["clustering.n_neighbors=7"]), origin=True)
    assert "clustering.n_neighbors = 7  # --set:1" in lines
    assert any(line.startswith('convergence.time = "founded"  # ') and "demo.yaml:" in line for line in lines)
    assert any(line.endswith("# default") for line in lines)
