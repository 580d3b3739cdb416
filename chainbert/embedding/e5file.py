"""The E5S1 file: a multilingual E5 model in one file, read into arrays.

Layout, little-endian: ``E5S1``, version; hidden size, layers, heads, feed-forward size, vocabulary,
positions, token types (int32), layer-norm epsilon (float32), block size; the SentencePiece pieces with
their scores; the normalisation map (code point → code points); a directory of tensors, float32 or Q4_0.
"""

from __future__ import annotations

import itertools
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainbert.errors import EncoderError

MAGIC = b"E5S1"
BLOCK = 32
BLOCK_BYTES = 2 + BLOCK // 2
FLOAT32, Q4_0 = 0, 1


@dataclass(frozen=True)
class E5File:
    """What an E5S1 file holds; tensors stay in the file until ``tensor`` is called."""

    hidden: int
    layers: int
    heads: int
    feed_forward: int
    vocabulary: int
    positions: int
    token_types: int
    epsilon: float
    bos: int
    eos: int
    pad: int
    unk: int
    pieces: list[tuple[str, float]]
    """SentencePiece pieces with their log-probabilities; the id is the position."""
    normalisation: dict[str, str]
    """Character → its replacement; a character that is absent stays."""
    directory: dict[str, tuple[int, int, int]]
    """Tensor name → (type, number of values, offset)."""
    raw: bytes

    def tensor(self, name: str, *shape: int) -> NDArray[np.float32]:
        """The tensor as float32 of ``shape``; Q4_0 blocks are unpacked. Raises EncoderError if it is not there."""
        kind, count, offset = self.directory.get(name, (-1, -1, -1))
        size = int(np.prod(shape))
        if count != size:
            raise EncoderError(f"E5S1 file: tensor {name!r} has {count} values, {size} were expected")
        if kind == Q4_0:
            return dequantise(self.raw[offset : offset + size // BLOCK * BLOCK_BYTES]).reshape(shape)
        return np.frombuffer(self.raw, "<f4", size, offset).reshape(shape)


def dequantise(blocks: bytes) -> NDArray[np.float32]:
    """Q4_0 blocks (18 bytes: float16 scale, 32 nibbles, the low halves first, each minus 8) as float32, 32 a block."""
    table = np.frombuffer(blocks, np.dtype([("scale", "<f2"), ("nibbles", "u1", BLOCK // 2)]))
    values = np.empty((len(table), BLOCK), np.float32)
    values[:, : BLOCK // 2] = table["nibbles"] & 0x0F
    values[:, BLOCK // 2 :] = table["nibbles"] >> 4
    values -= 8
    values *= table["scale"].astype(np.float32)[:, None]
    return values.reshape(-1)


def read_e5file(path: Path) -> E5File:
    """Read an E5S1 file. Raises EncoderError if it is not one, or ends too early."""
    raw = path.read_bytes()
    if raw[:4] != MAGIC:
        raise EncoderError(f"{path}: begins with {raw[:4]!r}; an E5S1 weights file was expected")
    try:
        return _parse(raw)
    except (struct.error, ValueError) as error:
        raise EncoderError(f"{path}: the E5S1 file ends too early or is damaged ({error})") from error


class _Cursor:
    """A place in the bytes that moves on with every read."""

    def __init__(self, raw: bytes, at: int) -> None:
        self.raw, self.at = raw, at

    def take(self, layout: str) -> tuple[Any, ...]:
        values = struct.unpack_from(f"<{layout}", self.raw, self.at)
        self.at += struct.calcsize(f"<{layout}")
        return values

    def array(self, kind: str, count: int) -> NDArray[Any]:
        values = np.frombuffer(self.raw, kind, count, self.at)
        self.at += values.nbytes
        return values

    def bytes(self, count: int) -> bytes:
        self.at += count
        if self.at > len(self.raw):
            raise ValueError(f"{len(self.raw):,} bytes")
        return self.raw[self.at - count : self.at]


def _parse(raw: bytes) -> E5File:
    cursor = _Cursor(raw, len(MAGIC))
    version, hidden, layers, heads, feed_forward, vocabulary, positions, token_types, epsilon, block = cursor.take(
        "I7ifi"
    )
    if version != 1 or block != BLOCK:
        raise ValueError(f"version {version}, blocks of {block}; version 1 and blocks of {BLOCK} were expected")
    count, bos, eos, pad, unk = cursor.take("5i")
    pieces = _pieces(cursor, count)
    normalisation = _normalisation(cursor)
    directory = {}
    for _ in range(*cursor.take("i")):
        name = cursor.bytes(*cursor.take("H")).decode("ascii")
        kind, values, offset, size = cursor.take("BIQQ")
        if offset + size > len(raw):
            raise ValueError(f"tensor {name} lies beyond the end")
        directory[name] = (kind, values, offset)
    return E5File(
        hidden, layers, heads, feed_forward, vocabulary, positions, token_types, epsilon,
        bos, eos, pad, unk, pieces, normalisation, directory, raw,
    )  # fmt: skip


def _pieces(cursor: _Cursor, count: int) -> list[tuple[str, float]]:
    (size,) = cursor.take("Q")
    offsets = cursor.array("<u4", count + 1).tolist()
    scores = cursor.array("<f4", count).tolist()
    blob = cursor.bytes(size)
    texts = (blob[start:end].decode("utf-8") for start, end in itertools.pairwise(offsets))
    return list(zip(texts, scores, strict=True))


def _normalisation(cursor: _Cursor) -> dict[str, str]:
    count, _ = cursor.take("iI")
    replacements = {}
    for _ in range(count):
        code, length = cursor.take("IB")
        replacements[chr(code)] = "".join(map(chr, cursor.take(f"{length}I")))
    return replacements
