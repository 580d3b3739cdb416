"""A labeller's folder: what is refused before anything in it is used."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from chainbert.errors import DataError
from chainbert.files import file_hash
from chainbert.labelling.modelfolder import MANIFEST, WEIGHTS, read_model_folder, write_model_folder

ARRAYS = {"a": np.arange(6, dtype=np.float64).reshape(2, 3), "b": np.ones(2, np.float32)}


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "labeller"
    (path / "adapter").mkdir(parents=True)
    (path / "adapter" / "extra.json").write_text("{}")
    write_model_folder(path, {"name": "test", "files": {"adapter/extra.json": ""}}, ARRAYS, {"card.md": "# Card\n"})
    return path


def test_what_was_written_is_read(folder):
    found = read_model_folder(folder)
    assert found.manifest["name"] == "test"
    assert set(found.manifest["files"]) == {WEIGHTS, "card.md", "adapter/extra.json"}
    assert all(len(digest) == 64 for digest in found.manifest["files"].values())
    for name, array in ARRAYS.items():
        assert found.weights[name].dtype == array.dtype
        assert np.array_equal(found.weights[name], array)


def test_arrays_that_do_not_lie_in_row_order_come_back_as_they_were(tmp_path):
    turned = np.arange(6.0).reshape(2, 3).T
    write_model_folder(tmp_path, {}, {"a": turned, "b": turned[::2]}, {})
    found = read_model_folder(tmp_path).weights
    assert np.array_equal(found["a"], turned)
    assert np.array_equal(found["b"], turned[::2])


def test_a_folder_without_a_manifest_is_what_a_kill_leaves(folder):
    (folder / MANIFEST).unlink()
    with pytest.raises(
        DataError, match=r"labeller: has no manifest\.json, so it is no labeller that `chainbert train`"
    ):
        read_model_folder(folder)


def test_new_weights_under_an_old_manifest_are_refused(folder):
    manifest = (folder / MANIFEST).read_bytes()
    write_model_folder(folder, {"name": "test"}, {"a": np.zeros(2)}, {"card.md": "# Card\n"})
    (folder / MANIFEST).write_bytes(manifest)
    with pytest.raises(DataError, match=r"weights\.safetensors: is not the file that was saved"):
        read_model_folder(folder)


def test_a_writer_that_is_stopped_leaves_no_new_manifest(tmp_path, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("chainbert.labelling.modelfolder.write_text", stop)
    with pytest.raises(KeyboardInterrupt):
        write_model_folder(tmp_path / "new", {}, ARRAYS, {"card.md": ""})
    with pytest.raises(DataError, match="has no manifest"):
        read_model_folder(tmp_path / "new")


@pytest.mark.parametrize("name", [WEIGHTS, "card.md", "adapter/extra.json"])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(DataError, match=rf"{re.escape(name)}: is missing, though .*manifest\.json names it\. Train it"):
        read_model_folder(folder)


@pytest.mark.parametrize("place", [0, 40, -1])
def test_one_changed_byte_is_found(folder, place):
    content = bytearray((folder / WEIGHTS).read_bytes())
    content[place] ^= 1
    (folder / WEIGHTS).write_bytes(content)
    message = r"weights\.safetensors: is not the file that was saved \(its sha256 differs\)\. Train it again or fetch"
    with pytest.raises(DataError, match=message):
        read_model_folder(folder)


@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_another_format_is_refused(folder, version):
    manifest = json.loads((folder / MANIFEST).read_text()) | {"format": version}
    (folder / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(DataError, match=rf"manifest\.json: format {version!r} was found, 1 was expected"):
        read_model_folder(folder)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", r"manifest\.json: cannot be read"),
        ("[1]", r"format 'list' was found, 1 was expected"),
        ('{"format": 1}', r"manifest\.json: .*files"),
        ('{"format": 1, "files": {}}', r"manifest\.json: .*weights\.safetensors"),
    ],
)
def test_a_manifest_that_is_none_is_refused(folder, content, message):
    (folder / MANIFEST).write_text(content)
    with pytest.raises(DataError, match=message):
        read_model_folder(folder)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "adapter/more.pt", "model.pkl", "head.JOBLIB", "x.npy"])
def test_pickles_are_refused_wherever_they_lie(folder, name):
    (folder / name).write_bytes(b"\x80\x04N.")
    with pytest.raises(DataError, match=rf"holds {re.escape(name.rpartition('/')[2])}; pickled weights can run code"):
        read_model_folder(folder)


def test_weights_that_are_no_safetensors_are_refused(folder):
    (folder / WEIGHTS).write_bytes(b"not tensors")
    manifest = json.loads((folder / MANIFEST).read_text())
    manifest["files"][WEIGHTS] = file_hash(folder / WEIGHTS)
    (folder / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(DataError, match=r"weights\.safetensors: cannot be read"):
        read_model_folder(folder)


@pytest.mark.parametrize("name", ["../outside.txt", "/etc/hostname"])
def test_a_manifest_cannot_name_files_elsewhere(folder, name):
    (folder.parent / "outside.txt").write_text("x")
    manifest = json.loads((folder / MANIFEST).read_text())
    manifest["files"][name] = "0" * 64
    (folder / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(DataError, match=rf"manifest\.json: .*{re.escape(name)}"):
        read_model_folder(folder)
