"""The embedding store: writing, opening and reading, against vectors as SQLite blobs under a unique key.

.venv/bin/python scripts/benchmarks/store.py [--vectors 100000] [--reads 10000] [--runs 5] [--folder FOLDER]
"""

# ruff: noqa: T201 - what it prints is its result

from __future__ import annotations

import argparse
import platform
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from chainbert.embedding import EmbeddingStore
from chainbert.files import content_hash
from chainbert.progress import Progress, silent

DIMENSION = 384


class Drawn:
    """An encoder that costs nothing: rows of one random table."""

    name = fingerprint = "benchmark:drawn"
    dimension, max_tokens, folder = DIMENSION, 512, None

    def __init__(self) -> None:
        table = np.random.default_rng(0).normal(size=(4096, DIMENSION)).astype(np.float32)
        self.table = table / np.linalg.norm(table, axis=1, keepdims=True)

    def encode(self, texts: Sequence[str], progress: Progress = silent) -> np.ndarray:
        """Row (number in the text) mod 4096."""
        progress("embedding (tokens)", 0, len(texts))
        return self.table[[int(text.rsplit(" ", 1)[1]) % len(self.table) for text in texts]]

    def count_tokens(self, texts: Sequence[str]) -> np.ndarray:
        """Sixteen each: a group of a thousand texts."""
        return np.full(len(texts), 16)


class Blobs:
    """The peer: one SQLite file, WAL, a blob a row under a unique hash, a commit every 1,000 rows."""

    def __init__(self, path: Path, encoder: Drawn) -> None:
        self.path, self.encoder = path, encoder

    def write(self, texts: list[str]) -> None:
        """Store every text's vector."""
        connection = sqlite3.connect(self.path, isolation_level=None)
        connection.execute("PRAGMA journal_mode = wal")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE vector (id INTEGER PRIMARY KEY, text BLOB UNIQUE, value BLOB)")
        for start in range(0, len(texts), 1000):
            some = texts[start : start + 1000]
            rows = [
                (bytes.fromhex(content_hash(t)), v.tobytes())
                for t, v in zip(some, self.encoder.encode(some), strict=True)
            ]
            connection.execute("BEGIN")
            connection.executemany("INSERT INTO vector (text, value) VALUES (?, ?)", rows)
            connection.execute("COMMIT")
        connection.close()

    def count(self) -> int:
        """Stored vectors."""
        connection = sqlite3.connect(self.path)
        found = connection.execute("SELECT count(*) FROM vector").fetchone()[0]
        connection.close()
        return int(found)

    def read(self, texts: list[str]) -> np.ndarray:
        """The texts' vectors."""
        connection = sqlite3.connect(self.path)
        query = "SELECT value FROM vector WHERE text = ?"
        raw = [connection.execute(query, (bytes.fromhex(content_hash(text)),)).fetchone()[0] for text in texts]
        connection.close()
        return np.frombuffer(b"".join(raw), np.float32).reshape(-1, DIMENSION)


def timed(work: Callable[[], object]) -> float:
    """Seconds of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def size(folder: Path) -> int:
    """Bytes of all files in the folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def measure(folder: Path, texts: list[str], reads: int, runs: int) -> None:
    """Print what one folder's disk gives."""
    encoder = Drawn()
    store, peer = EmbeddingStore(folder / "ours"), Blobs(folder / "blobs.sqlite", encoder)
    wrote = {"ours": timed(lambda: store.embed(encoder, texts)), "blobs": timed(lambda: peer.write(texts))}
    rng = random.Random(1)
    seconds: dict[str, list[float]] = {f"{what}, {who}": [] for what in ("open", "read") for who in ("ours", "blobs")}
    for _ in range(runs):
        some = rng.sample(texts, reads)
        seconds["open, ours"].append(timed(lambda: EmbeddingStore(store.folder).count))
        seconds["open, blobs"].append(timed(peer.count))
        seconds["read, ours"].append(timed(lambda some=some: EmbeddingStore(store.folder).embed(encoder, some)))
        seconds["read, blobs"].append(timed(lambda some=some: peer.read(some)))
    np.testing.assert_array_equal(store.embed(encoder, some).vectors, peer.read(some))
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}, {folder}")
    print(f"{len(texts):,} vectors of {DIMENSION}; {reads:,} random reads; median of {runs} alternating runs")
    for who, folder_or_file in (("ours", size(store.folder)), ("blobs", peer.path.stat().st_size)):
        print(f"write, {who:6} {wrote[who]:7.2f} s  {folder_or_file / len(texts):6.0f} bytes a vector")
    for name, found in seconds.items():
        print(f"{name:13} {statistics.median(found):7.3f} s  ({min(found):.3f} to {max(found):.3f})")
    check = timed(store.verify)
    print(f"verify, ours  {check:7.3f} s  {store.verify()}")


def main() -> None:
    """Measure in a folder that is removed afterwards."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vectors", type=int, default=100_000)
    parser.add_argument("--reads", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="a folder on the disk to measure (default: the temporary folder)")
    given = parser.parse_args()
    texts = [f"text {i}" for i in range(given.vectors)]
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        measure(Path(folder), texts, given.reads, given.runs)


if __name__ == "__main__":
    main()
