"""The embedding store: what was embedded once is never embedded again, whatever is killed in between."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from chainbert.embedding.batching import unique_texts
from chainbert.embedding.encoders import Encoder
from chainbert.embedding.index import Entry, Index, open_index
from chainbert.embedding.segments import Writer, checksum, read_rows, row_bytes, stored_rows
from chainbert.errors import StoreError
from chainbert.files import cache_folder, content_hash
from chainbert.progress import Progress, silent

# What is computed between two commits, a few seconds of work: all that a kill -9 can lose.
GROUP_TOKENS = 16_384


@dataclass(frozen=True)
class Embedded:
    """Vectors of texts, and what it took to have them."""

    vectors: NDArray[np.float32]
    """(n, d) float32 unit rows, in the order of the texts."""
    computed: int
    """Distinct texts that went through the encoder."""
    reused: int
    """Distinct texts whose vectors were stored before."""
    truncated: int
    """Distinct texts longer than the encoder reads; their ends had no say."""


@dataclass(frozen=True, slots=True)
class StoreCheck:
    """What ``verify`` found; ``ok`` when every vector of the index is there and unchanged."""

    vectors: int
    segments: int
    lost: int
    """Index entries whose bytes are gone; computed again at their next use."""
    damaged: tuple[str, ...]
    """Segment files with vectors that do not match their checksum."""
    unused_bytes: int
    """Bytes no entry names: rows of an interrupted write, or computed twice by two processes at once. Harmless."""

    @property
    def ok(self) -> bool:
        """Nothing lost, nothing damaged."""
        return not self.lost and not self.damaged


class EmbeddingStore:
    """A folder of vectors keyed by encoder fingerprint and text; any number of processes and threads at once.

    The object holds no open file: it may be copied, pickled and used after a fork.
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)

    @property
    def count(self) -> int:
        """Stored vectors of all encoders."""
        if not (self.folder / "index.sqlite").is_file():
            return 0
        with open_index(self.folder) as index:
            return index.count()

    def embed(self, encoder: Encoder, texts: Sequence[str], progress: Progress = silent) -> Embedded:
        """Vectors of ``texts`` (n, d); those not stored yet are computed and stored, a few seconds' work a commit.

        What is returned was read from the store: the same texts give the same bytes at every later call.
        Raises StoreError where the folder is damaged or the disk is full; all commits before stay.
        """
        distinct, inverse = unique_texts(texts)
        hashes = [bytes.fromhex(content_hash(text)) for text in distinct]
        self._make_folder()
        with open_index(self.folder) as index:
            number = index.encoder(encoder.fingerprint, encoder.dimension)
            known = self._present(index, number, hashes, encoder.dimension)
            missing = [i for i, text in enumerate(hashes) if text not in known]
            computed = 0
            if missing:
                wanted = {hashes[i]: distinct[i] for i in missing}
                computed = self._compute(index, number, encoder, wanted, progress)
            entries = self._present(index, number, hashes, encoder.dimension) if missing else known
        if len(entries) < len(hashes):
            raise StoreError(f"{self.folder}: vectors vanished while they were read; was a segment deleted? Run again")
        ordered = [entries[text] for text in hashes]
        vectors = read_rows(self.folder, ordered, encoder.dimension)
        truncated = sum(entry.tokens > encoder.max_tokens for entry in ordered)
        return Embedded(vectors[inverse], computed, len(distinct) - computed, truncated)

    def _make_folder(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"{self.folder}: cannot be made a store folder ({error.strerror or error}); choose another one with "
                "CHAINBERT_CACHE=FOLDER, or with embedding.store in a study"
            ) from error

    def _present(self, index: Index, encoder: int, hashes: list[bytes], dimension: int) -> dict[bytes, Entry]:
        """The stored entries whose bytes are there; those whose bytes are gone are forgotten."""
        found = index.find(encoder, hashes)
        rows = {name: stored_rows(self.folder / name, dimension) for name in {one.segment for one in found.values()}}
        gone = {text: one for text, one in found.items() if one.row >= rows[one.segment]}
        if gone:
            index.forget(encoder, gone)
        return {text: one for text, one in found.items() if text not in gone}

    def _compute(
        self, index: Index, number: int, encoder: Encoder, wanted: dict[bytes, str], progress: Progress
    ) -> int:
        """Embed and store the wanted texts, group by group; returns how many this process computed."""
        hashes = list(wanted)
        tokens = encoder.count_tokens(list(wanted.values()))
        work = np.minimum(tokens, encoder.max_tokens)
        total, done, computed = int(work.sum()), 0, 0
        with Writer(self.folder, index, number, encoder.dimension) as writer:
            for group in _groups(work, GROUP_TOKENS):
                # Another process may have stored some of them since.
                taken = index.find(number, [hashes[i] for i in group])
                rest = [i for i in group if hashes[i] not in taken]
                base, done = done, done + int(work[group].sum())
                if rest:
                    vectors = encoder.encode([wanted[hashes[i]] for i in rest], _part_of(progress, base, total))
                    writer.append([hashes[i] for i in rest], vectors, tokens[rest])
                    computed += len(rest)
                progress("embedding (tokens)", done, total)
        return computed

    def verify(self) -> StoreCheck:
        """Read every vector and compare it with its checksum (about 1 GB in 3 s). Changes nothing.

        Raises StoreError where the index itself cannot be read.
        """
        if not (self.folder / "index.sqlite").is_file():
            return StoreCheck(0, 0, 0, (), 0)
        with open_index(self.folder) as index:
            segments = index.rows_by_segment()
        vectors = lost = unused = 0
        damaged = []
        for name, dimension, _, pairs in segments:
            path, size = self.folder / name, row_bytes(dimension)
            there = stored_rows(path, dimension)
            present = [(row, crc) for row, crc in pairs if row < there]
            vectors += len(present)
            lost += len(pairs) - len(present)
            unused += (path.stat().st_size if path.is_file() else 0) - len(present) * size
            data = np.memmap(path, np.uint8, "r").data if present else memoryview(b"")
            if any(checksum(data[row * size : (row + 1) * size]) != crc for row, crc in present):
                damaged.append(name)
        return StoreCheck(vectors, len(segments), lost, tuple(damaged), unused)


def _part_of(progress: Progress, base: int, whole: int) -> Progress:
    """The progress of one group, shown as a part of the whole."""

    def report(what: str, done: int, total: int) -> None:
        progress(what, min(base + done, whole) if total else base, whole)

    return report


def _groups(tokens: NDArray[np.int64], budget: int) -> Iterator[NDArray[np.int64]]:
    """Positions of texts of like length, the longest first, about ``budget`` tokens a group."""
    order = np.argsort(-tokens, kind="stable")
    group_of = np.cumsum(tokens[order]) // budget
    yield from np.split(order, np.flatnonzero(np.diff(group_of)) + 1)


def embed_texts(
    encoder: Encoder, texts: Sequence[str], store: EmbeddingStore | None = None, progress: Progress = silent
) -> Embedded:
    """Vectors of ``texts`` (n, d), from the store where there is one, else computed."""
    if store is not None:
        return store.embed(encoder, texts, progress)
    distinct, inverse = unique_texts(texts)
    truncated = int((encoder.count_tokens(distinct) > encoder.max_tokens).sum())
    return Embedded(encoder.encode(distinct, progress)[inverse], len(distinct), 0, truncated)


def default_store_folder() -> Path:
    """Where vectors are kept when nothing else is said: ``vectors`` in the user's cache folder."""
    return cache_folder() / "vectors"
