"""Segment files: float32 rows one after the other, only ever appended to, by one process at a time."""

from __future__ import annotations

import os
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Self
from uuid import uuid4

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from chainbert.embedding.index import Entry, Index
from chainbert.errors import StoreError
from chainbert.files import flush

SEGMENT_BYTES = 512 * 1024 * 1024
_WRITING = "could not be written"
_KEPT = "the vectors stored before are kept. Free space (or check permissions) and run again: only the rest is computed"


def row_bytes(dimension: int) -> int:
    """Bytes of one float32 row."""
    return 4 * dimension


def checksum(row: bytes | memoryview) -> int:
    """CRC-32 of a row's bytes."""
    return zlib.crc32(row)


def stored_rows(path: Path, dimension: int) -> int:
    """Whole rows a segment file has; 0 where it is gone."""
    try:
        return path.stat().st_size // row_bytes(dimension)
    except FileNotFoundError:
        return 0


def read_rows(folder: Path, entries: Sequence[Entry], dimension: int) -> NDArray[np.float32]:
    """(n, d) float32: the vectors of the entries, each checked.

    Raises StoreError, naming the segment, where a vector is gone or does not match its checksum.
    """
    vectors = np.empty((len(entries), dimension), "<f4")
    by_segment: dict[str, list[int]] = {}
    for i, entry in enumerate(entries):
        by_segment.setdefault(entry.segment, []).append(i)
    for name, positions in by_segment.items():
        rows = np.array([entries[i].row for i in positions])
        there = stored_rows(folder / name, dimension)
        if there <= rows.max():
            raise StoreError(f"{folder / name}: shorter than the index says; run again: what is lost is computed again")
        vectors[positions] = np.memmap(folder / name, "<f4", "r", shape=(there, dimension))[rows]
    wrong = {entry.segment for entry, row in zip(entries, vectors, strict=True) if checksum(row.data) != entry.crc}
    if wrong:
        raise StoreError(
            f"{folder / min(wrong)}: holds vectors that do not match their checksum: the file was damaged on the disk. "
            "Delete this one file and run again: its vectors are computed again"
        )
    return vectors


class Writer:
    """A segment leased to this process: rows are appended and on the disk before the index names them.

    The lease is a file lock, so a killed process gives it back; what it wrote without committing is cut off.
    """

    def __init__(self, folder: Path, index: Index, encoder: int, dimension: int) -> None:
        self._folder, self._index, self._encoder, self._dimension = folder, index, encoder, dimension

    def __enter__(self) -> Self:
        try:
            self.name, self._lock = self._lease() or self._create()
            self._path = self._folder / self.name
            self.rows = self._index.segments(self._encoder)[self.name]
            self._handle = os.open(self._path, os.O_RDWR)
            os.ftruncate(self._handle, self.rows * row_bytes(self._dimension))
        except OSError as error:
            raise StoreError(f"{self._folder}: {_WRITING} ({error.strerror or error}); {_KEPT}") from error
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._handle)
        self._lock.release()

    def _lease(self) -> tuple[str, FileLock] | None:
        """A segment of this encoder that has room and that no other process writes to."""
        for name, rows in self._index.segments(self._encoder).items():
            whole = stored_rows(self._folder / name, self._dimension) >= rows
            if not whole or not (self._folder / name).is_file() or rows * row_bytes(self._dimension) > SEGMENT_BYTES:
                continue
            lock = FileLock(self._folder / f"{name}.lock")
            try:
                lock.acquire(timeout=0)
            except Timeout:
                continue
            return name, lock
        return None

    def _create(self) -> tuple[str, FileLock]:
        name = f"{uuid4().hex[:16]}.f32"
        lock = FileLock(self._folder / f"{name}.lock")
        lock.acquire()
        (self._folder / name).touch(exist_ok=False)
        flush(self._folder)
        self._index.add_segment(self._encoder, name)
        return name, lock

    def append(self, texts: Sequence[bytes], vectors: NDArray[np.float32], tokens: NDArray[np.int64]) -> None:
        """Store vectors (n, d) of n text hashes: first the rows, flushed, then their index entries, in one commit.

        Raises StoreError where the disk is full; the store is then as it was before the call.
        """
        vectors = np.ascontiguousarray(vectors, "<f4")
        start = self.rows * row_bytes(self._dimension)
        try:
            self._write(vectors.data.cast("B"), start)
            _flush_data(self._handle)
        except OSError as error:
            os.ftruncate(self._handle, start)
            raise StoreError(f"{self._path}: {_WRITING} ({error.strerror or error}); {_KEPT}") from error
        entries = {
            text: Entry(self.name, self.rows + i, int(tokens[i]), checksum(vectors[i].data))
            for i, text in enumerate(texts)
        }
        self._index.add(self._encoder, entries, self.name, self.rows + len(vectors))
        self.rows += len(vectors)

    def _write(self, data: memoryview, offset: int) -> None:
        os.lseek(self._handle, offset, os.SEEK_SET)
        while len(data):
            data = data[os.write(self._handle, data) :]


def _flush_data(handle: int) -> None:
    getattr(os, "fdatasync", os.fsync)(handle)  # macOS and Windows have no fdatasync
