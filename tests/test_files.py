"""Files are whole or absent."""

import errno
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainbert import files
from chainbert.errors import DataError


def test_atomic_path_replaces_only_when_the_block_ends_well(tmp_path):
    target = tmp_path / "a" / "out.txt"
    files.write_text(target, "first")

    def stop_half_way():
        with files.atomic_path(target) as temporary:
            temporary.write_text("half")
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        stop_half_way()
    assert target.read_text() == "first"
    assert [path.name for path in target.parent.iterdir()] == ["out.txt"]


def test_full_disk_leaves_the_old_file_and_says_what_to_do(tmp_path):
    target = tmp_path / "out.txt"
    files.write_text(target, "old")
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    message = r"out\.txt: could not be written \(No space left on device\)"
    with pytest.raises(DataError, match=message), files.atomic_path(target):
        raise full
    assert target.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_folder_in_the_way(tmp_path):
    (tmp_path / "out").write_text("a file where a folder is needed")
    with pytest.raises(DataError, match="could not be written"):
        files.write_text(tmp_path / "out" / "x.txt", "text")


def test_file_hash_is_sha256(tmp_path):
    path = tmp_path / "abc"
    path.write_bytes(b"abc")
    assert files.file_hash(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@given(st.lists(st.text(), min_size=1), st.lists(st.text(), min_size=1))
def test_content_hash_tells_parts_apart(left, right):
    assert (files.content_hash(*left) == files.content_hash(*right)) == (left == right)


def test_cache_folder_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("CHAINBERT_CACHE", str(tmp_path))
    assert files.cache_folder() == tmp_path
    monkeypatch.delenv("CHAINBERT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "x"))
    assert files.cache_folder() == tmp_path / "x" / "chainbert"


def test_shipped_files_are_found():
    assert files.shipped("configs", "studies", "demo.yaml").is_file()


def test_a_reader_of_the_old_file_is_not_disturbed_and_the_new_one_is_on_disk_first(tmp_path, monkeypatch):
    target = tmp_path / "out.txt"
    files.write_text(target, "old")
    flushed = []
    flush = files.flush

    def record(path):
        flushed.append((path == target.parent, target.read_text()))
        flush(path)

    monkeypatch.setattr(files, "flush", record)
    with target.open() as reader:
        files.write_text(target, "new")
        assert reader.read() == "old"
    # The content before the rename, the folder's entry after it.
    assert flushed == [(False, "old"), (True, "new")]
