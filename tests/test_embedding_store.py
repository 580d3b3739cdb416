import os
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import numpy as np
import pytest
from encoders import HashEncoder
from hypothesis import given, settings
from hypothesis import strategies as st

from chainbert.embedding import EmbeddingStore, embed_texts
from chainbert.embedding import segments as segments_module
from chainbert.embedding import store as store_module
from chainbert.embedding.index import journal_mode, open_index
from chainbert.errors import StoreError

TESTS = Path(__file__).parent
TEXTS = [f"company {i} 区块链 builds ledgers" for i in range(50)]
WORKER = """
import sys, time
sys.path.insert(0, {tests!r})
from encoders import HashEncoder
from chainbert.embedding import EmbeddingStore, store
store.GROUP_TOKENS = 200

class Slow(HashEncoder):
    def encode(self, texts, progress=lambda *_: None):
        time.sleep({pause})
        return super().encode(texts)  # so that each line printed is a commit

def report(what, done, total):
    print(done, flush=True)

texts = [f"company {{i}} 区块链 builds ledgers" for i in range({first}, {last})]
{before}
result = EmbeddingStore({folder!r}).embed(Slow(), texts, report)
print("computed", result.computed, "reused", result.reused, flush=True)
"""


def worker(folder, *, first=0, last=50, pause=0.0, before=""):
    code = WORKER.format(tests=str(TESTS), folder=str(folder), first=first, last=last, pause=pause, before=before)
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def only_segment(folder):
    (path,) = folder.glob("*.f32")
    return path


@pytest.fixture
def small_groups(monkeypatch):
    monkeypatch.setattr(store_module, "GROUP_TOKENS", 200)


def test_what_was_embedded_once_is_never_embedded_again(tmp_path):
    store, encoder = EmbeddingStore(tmp_path / "vectors"), HashEncoder()
    first = store.embed(encoder, [*TEXTS, TEXTS[0]])
    assert (first.computed, first.reused, store.count) == (50, 0, 50)
    again = HashEncoder()
    second = store.embed(again, [TEXTS[0], *reversed(TEXTS)])
    assert (second.computed, second.reused, again.encoded) == (0, 50, [])
    np.testing.assert_array_equal(second.vectors[0], first.vectors[0])
    np.testing.assert_array_equal(second.vectors[1:], first.vectors[49::-1])
    assert store.verify().ok


@pytest.mark.usefixtures("small_groups")
def test_vectors_are_the_encoders_own_in_the_order_of_the_texts(tmp_path):
    embedded = EmbeddingStore(tmp_path).embed(HashEncoder(), TEXTS)
    np.testing.assert_array_equal(embedded.vectors, HashEncoder().encode(TEXTS))
    np.testing.assert_array_equal(embed_texts(HashEncoder(), TEXTS).vectors, embedded.vectors)
    assert embedded.vectors.dtype == np.float32


def test_no_text_gives_no_vector(tmp_path):
    assert EmbeddingStore(tmp_path).embed(HashEncoder(), []).vectors.shape == (0, 64)
    assert embed_texts(HashEncoder(), []).vectors.shape == (0, 64)


def test_a_cached_pass_still_reports_what_was_cut_off(tmp_path):
    store, encoder = EmbeddingStore(tmp_path), HashEncoder(max_tokens=10)
    texts = ["short", "a text of more than ten characters", "another one that is too long"]
    assert [store.embed(encoder, texts).truncated for _ in range(2)] == [2, 2]
    assert embed_texts(encoder, texts).truncated == 2


def test_encoders_do_not_share_vectors(tmp_path):
    store = EmbeddingStore(tmp_path)
    store.embed(HashEncoder(), TEXTS)
    assert store.embed(HashEncoder(name="test:other"), TEXTS).computed == 50
    assert store.embed(HashEncoder(dimension=8), TEXTS).vectors.shape == (50, 8)
    assert store.count == 150
    assert store.verify().segments == 3


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(st.text(max_size=6), max_size=8), max_size=4))
def test_any_calls_in_any_order_give_what_the_encoder_gives(tmp_path_factory, calls):
    store = EmbeddingStore(tmp_path_factory.mktemp("store"))
    for texts in calls:
        np.testing.assert_array_equal(store.embed(HashEncoder(), texts).vectors, HashEncoder().encode(texts))
    assert store.count == len({text for texts in calls for text in texts})
    assert store.verify().ok


def test_lone_surrogates_nul_and_emoji_are_keys_like_any_text(tmp_path):
    texts = ["\ud800", "\udfff", "\x00", "🈻", ""]
    store = EmbeddingStore(tmp_path)
    assert [store.embed(HashEncoder(), texts).computed for _ in range(2)] == [5, 0]


@pytest.mark.usefixtures("small_groups")
def test_progress_counts_tokens_to_the_end(tmp_path):
    seen = []
    EmbeddingStore(tmp_path).embed(HashEncoder(), TEXTS, lambda what, done, total: seen.append((what, done, total)))
    total = sum(map(len, TEXTS))
    assert seen[-1] == ("embedding (tokens)", total, total)
    assert [done for _, done, _ in seen] == sorted(done for _, done, _ in seen)


def test_runs_append_to_one_segment_and_cut_off_a_torn_tail(tmp_path):
    store = EmbeddingStore(tmp_path)
    store.embed(HashEncoder(), TEXTS[:10])
    with only_segment(tmp_path).open("ab") as handle:
        handle.write(b"half a row that was never committed")
    check = store.verify()
    assert check.ok
    assert check.unused_bytes == 35
    store.embed(HashEncoder(), TEXTS)
    assert store.verify() == store_module.StoreCheck(50, 1, 0, (), 0)
    np.testing.assert_array_equal(store.embed(HashEncoder(), TEXTS).vectors, HashEncoder().encode(TEXTS))


def test_a_segment_cut_short_or_deleted_is_computed_again(tmp_path):
    store = EmbeddingStore(tmp_path)
    store.embed(HashEncoder(), TEXTS)
    os.truncate(only_segment(tmp_path), 20 * 64 * 4 + 7)
    assert (store.verify().lost, store.verify().ok) == (30, False)
    assert store.embed(HashEncoder(), TEXTS).computed == 30
    for path in tmp_path.glob("*.f32"):
        path.unlink()
    again = store.embed(HashEncoder(), TEXTS)
    assert again.computed == 50
    np.testing.assert_array_equal(again.vectors, HashEncoder().encode(TEXTS))
    assert store.verify().ok


def test_a_damaged_vector_is_an_error_that_names_the_file(tmp_path):
    store = EmbeddingStore(tmp_path)
    store.embed(HashEncoder(), TEXTS)
    path = only_segment(tmp_path)
    with path.open("r+b") as handle:
        handle.seek(1000)
        handle.write(b"\xff")
    assert store.verify().damaged == (path.name,)
    with pytest.raises(StoreError, match=rf"{path.name}: holds vectors that do not match .* Delete this one file"):
        store.embed(HashEncoder(), TEXTS)
    path.unlink()
    assert store.embed(HashEncoder(), TEXTS).computed == 50


def test_a_damaged_index_is_an_error_that_says_what_to_do(tmp_path):
    EmbeddingStore(tmp_path).embed(HashEncoder(), TEXTS)
    (tmp_path / "index.sqlite").write_bytes(b"this is no database" * 300)
    with pytest.raises(StoreError, match=r"the index is damaged .* delete the folder"):
        EmbeddingStore(tmp_path).embed(HashEncoder(), TEXTS)


def test_an_index_of_a_later_chainbert_is_refused(tmp_path):
    with open_index(tmp_path) as index:
        index._connection.execute("PRAGMA user_version = 9")
    with pytest.raises(StoreError, match="its index has layout 9, this chainbert reads 1"):
        EmbeddingStore(tmp_path).embed(HashEncoder(), TEXTS)


def test_a_store_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "vectors").write_text("not a folder")
    with pytest.raises(StoreError, match="vectors: cannot be made a store folder"):
        EmbeddingStore(tmp_path / "vectors").embed(HashEncoder(), TEXTS)


def test_one_encoder_name_with_another_length_is_refused(tmp_path):
    EmbeddingStore(tmp_path).embed(HashEncoder(), TEXTS)
    lying = HashEncoder()
    lying.dimension = 8
    lying.__class__ = type("Lying", (HashEncoder,), {"fingerprint": HashEncoder().fingerprint})
    with pytest.raises(StoreError, match="64 numbers a vector are stored, 8 were given"):
        EmbeddingStore(tmp_path).embed(lying, TEXTS)


@pytest.mark.usefixtures("small_groups")
def test_a_full_disk_keeps_what_was_committed(tmp_path, monkeypatch):
    store, left = EmbeddingStore(tmp_path), [3]
    write = segments_module.os.write

    def full(handle, data):
        if left[0] == 0:
            write(handle, data[: len(data) // 2])
            raise OSError(28, "No space left on device")
        left[0] -= 1
        return write(handle, data)

    with monkeypatch.context() as patch:
        patch.setattr(segments_module.os, "write", full)
        with pytest.raises(StoreError, match=r"could not be written \(No space left on device\); the vectors stored"):
            store.embed(HashEncoder(), TEXTS)
    kept = store.count
    assert 0 < kept < 50
    assert store.verify() == store_module.StoreCheck(kept, 1, 0, (), 0)
    after = store.embed(HashEncoder(), TEXTS)
    assert (after.computed, after.reused) == (50 - kept, kept)


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_FSIZE stands in for a full disk")
@pytest.mark.parametrize("limit", [6_000, 40_000, 100_000])
def test_a_disk_that_fills_up_anywhere_leaves_a_readable_store(tmp_path, limit):
    EmbeddingStore(tmp_path).embed(HashEncoder(), TEXTS[:5])
    before = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))"
    with worker(tmp_path, last=2000, before=before) as process:
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "StoreError" in errors
    assert "Free space" in errors
    store = EmbeddingStore(tmp_path)
    assert store.verify().ok
    kept = store.count
    assert kept >= 5
    after = store.embed(HashEncoder(), [f"company {i} 区块链 builds ledgers" for i in range(2000)])
    assert (after.computed, after.reused) == (2000 - kept, kept)


@pytest.mark.parametrize("commits", [1, 3, 6])
def test_kill_9_loses_at_most_the_group_in_work(tmp_path, commits):
    with worker(tmp_path, pause=0.05) as process:
        for _ in range(commits):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    store = EmbeddingStore(tmp_path)
    assert store.verify().ok
    kept = store.count
    assert commits <= kept < 50
    encoder = HashEncoder()
    after = store.embed(encoder, TEXTS)
    assert (after.reused, len(encoder.encoded)) == (kept, 50 - kept)
    np.testing.assert_array_equal(after.vectors, HashEncoder().encode(TEXTS))
    assert store.verify() == store_module.StoreCheck(50, 1, 0, (), 0)


def test_processes_writing_the_same_texts_lose_and_double_nothing(tmp_path):
    ranges = [(0, 200), (100, 300), (0, 300)]
    workers = [worker(tmp_path, first=first, last=last, pause=0.002) for first, last in ranges]
    for process in workers:
        _, errors = process.communicate(timeout=120)
        assert (process.returncode, errors) == (0, "")
    store, encoder = EmbeddingStore(tmp_path), HashEncoder()
    texts = [f"company {i} 区块链 builds ledgers" for i in range(300)]
    np.testing.assert_array_equal(store.embed(encoder, texts).vectors, HashEncoder().encode(texts))
    assert encoder.encoded == []
    assert store.count == 300
    assert store.verify().ok


@pytest.mark.usefixtures("small_groups")
def test_threads_share_a_store(tmp_path):
    store, results = EmbeddingStore(tmp_path), {}

    def work(number):
        results[number] = store.embed(HashEncoder(), TEXTS).vectors

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(results[i], HashEncoder().encode(TEXTS)) for i in range(4))
    assert store.count == 50


@pytest.mark.parametrize(
    ("mounts", "mode"),
    [
        ("/dev/sda1 / ext4 rw 0 0\n", "wal"),
        ("/dev/sda1 / ext4 rw 0 0\nserver:/x {folder} nfs4 rw 0 0\n", "delete"),
        ("server:/x / nfs rw 0 0\n/dev/sda1 {folder} xfs rw 0 0\n", "wal"),
        ("/dev/sda1 / ext4 rw 0 0\nme@host:/x {folder} fuse.sshfs rw 0 0\n", "delete"),
        ("//nas/x {folder} cifs rw 0 0\n", "delete"),
    ],
)
def test_no_wal_on_a_network_file_system(tmp_path, mounts, mode):
    folder = tmp_path / "a b"
    folder.mkdir()
    table = tmp_path / "mounts"
    table.write_text(mounts.format(folder=str(folder).replace(" ", "\\040")))
    assert journal_mode(folder, table) == mode


def test_a_store_copied_to_a_network_file_system_leaves_wal(tmp_path, monkeypatch):
    store = EmbeddingStore(tmp_path)
    store.embed(HashEncoder(), TEXTS)
    monkeypatch.setattr("chainbert.embedding.index.journal_mode", lambda _: "delete")
    assert store.embed(HashEncoder(), TEXTS).computed == 0
    with open_index(tmp_path) as index:
        assert index._connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)


def test_importing_the_room_loads_no_torch():
    code = "import sys, chainbert.embedding; print({'torch', 'transformers', 'pandas'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.usefixtures("small_groups")
def test_a_segment_in_use_is_left_to_its_writer(tmp_path):
    with worker(tmp_path, pause=0.2) as process:
        process.stdout.readline()
        EmbeddingStore(tmp_path).embed(HashEncoder(), ["something else"])
        process.communicate(timeout=60)
    assert process.returncode == 0
    assert EmbeddingStore(tmp_path).verify() == store_module.StoreCheck(51, 2, 0, (), 0)
