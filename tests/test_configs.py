"""Every file under configs/ is loaded; none is missing from here by accident."""

import pytest

from chainbert.cli import single
from chainbert.errors import ConfigError
from chainbert.files import shipped
from chainbert.labelling import Codebook, LabellingConfig, available_labellers
from chainbert.labelling.evaluation.config import load_evaluation
from chainbert.labelling.evaluation.wordings import read_wordings
from chainbert.labelling.training import TrainingConfig
from chainbert.report.published import read_published
from chainbert.study import load_study, resolved_lines, study_path
from chainbert.wording import Dictionary
from chainbert.yamlfile import load

STUDIES = sorted(shipped("configs", "studies").glob("*.yaml"))
CODEBOOKS = sorted(shipped("configs", "codebooks").glob("*.yaml"))
WORDINGS = sorted(shipped("configs", "codebooks", "wordings").glob("*.yaml"))
TRAINING = sorted(shipped("configs", "train").glob("*.yaml"))
DICTIONARIES = sorted(shipped("configs", "dictionaries").glob("*.yaml"))
PUBLISHED = sorted(shipped("configs", "tables").glob("*.yaml"))
EVALUATIONS = sorted(shipped("configs", "evaluate").glob("*.yaml"))


def test_every_configuration_file_is_tested_here():
    assert [path.stem for path in STUDIES] == ["demo", "itjuzi", "listed", "smoke"]
    assert [path.stem for path in CODEBOOKS] == ["business", "company-axes"]
    assert [path.stem for path in WORDINGS] == ["company-axes"]
    assert [path.stem for path in TRAINING] == ["company-axes", "hand-codes"]
    assert [path.stem for path in EVALUATIONS] == ["company-axes", "demo"]
    assert [path.stem for path in DICTIONARIES] == ["themes"]
    assert [path.stem for path in PUBLISHED] == ["hai-klingler-vidra-2022"]
    files = STUDIES + CODEBOOKS + WORDINGS + TRAINING + EVALUATIONS + DICTIONARIES + PUBLISHED
    assert sorted(shipped("configs").rglob("*.*")) == sorted(files)


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_study_is_valid_and_bears_its_file_name(path):
    assert load_study(str(path)).value.study == path.stem
    assert study_path(path.stem) == path


@pytest.mark.parametrize("path", DICTIONARIES, ids=lambda path: path.stem)
def test_dictionary_is_valid(path):
    assert Dictionary.load(path).version == Dictionary.load(path.stem).version


@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: path.stem)
def test_published_table_is_valid(path):
    assert read_published(path).id == path.stem


@pytest.mark.parametrize("path", CODEBOOKS, ids=lambda path: path.stem)
def test_codebook_is_valid(path):
    assert Codebook.load(path).version == Codebook.load(path.stem).version


@pytest.mark.parametrize("path", TRAINING, ids=lambda path: path.stem)
def test_training_file_is_valid_and_its_files_exist(path):
    config = load(TrainingConfig, path).value
    named = [*config.texts, *config.test, config.gold, config.companies]
    assert all((path.parent / name).is_file() for name in named if name)
    assert all(Codebook.load(name) for name in config.codebooks)


@pytest.mark.parametrize("path", EVALUATIONS, ids=lambda path: path.stem)
def test_evaluation_file_is_valid_and_bears_its_file_name(path):
    gold = ['gold="demo:"', 'companies="demo:"']
    assert load_evaluation(path, gold).config.name == path.stem


@pytest.mark.parametrize("path", WORDINGS, ids=lambda path: path.stem)
def test_wordings_fit_their_codebook(path):
    assert read_wordings(path, Codebook.load(path.stem)).codebook == path.stem


def test_the_command_line_and_the_configuration_have_one_default_labeller():
    assert LabellingConfig().labeller == single.DEFAULT_LABELLER
    assert single.DEFAULT_LABELLER in [name for name, _ in available_labellers()]


def test_unknown_study_is_suggested():
    with pytest.raises(ConfigError, match=r"dmo: neither a study file nor a shipped study. Did you mean 'demo'\?"):
        study_path("dmo")


def test_resolved_lines_say_where_each_value_comes_from():
    lines = resolved_lines(load_study("demo", ["clustering.n_neighbors=7"]), origin=True)
    assert "clustering.n_neighbors = 7  # --set:1" in lines
    assert any(line.startswith('convergence.time = "founded"  # ') and "demo.yaml:" in line for line in lines)
    assert any(line.endswith("# default") for line in lines)
