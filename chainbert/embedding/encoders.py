"""Encoders: an object that turns texts into unit vectors, and the names by which one is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from chainbert.embedding import bundled, e5folder, hub
from chainbert.embedding.batching import TOKEN_BUDGET
from chainbert.embedding.folders import FolderFacts, read_facts, weights_hash
from chainbert.embedding.sentence import SentenceEncoder
from chainbert.errors import EncoderError
from chainbert.progress import Progress, silent
from chainbert.yamlfile import did_you_mean

DEFAULT_ENCODER = f"bundled:{bundled.NAME}"
FORMS = (DEFAULT_ENCODER, "hub:ORG/NAME@REVISION", "path:FOLDER")


class Encoder(Protocol):
    """Turns texts into unit vectors; the same text gives the same vector to 1e-5, whatever its neighbours."""

    @property
    def name(self) -> str:
        """The name it was loaded by."""

    @property
    def fingerprint(self) -> str:
        """Names weights, tokenizer, prompt, pooling, length and precision; known without loading the weights."""

    @property
    def dimension(self) -> int:
        """Length of a vector."""

    @property
    def max_tokens(self) -> int:
        """Tokens it reads of a text, prompt and special tokens included; what is beyond is cut off."""

    @property
    def folder(self) -> Path | None:
        """Its sentence-transformers folder (unpacked when asked for), or None."""

    def encode(self, texts: Sequence[str], progress: Progress = silent) -> NDArray[np.float32]:
        """(n, d) float32 unit rows, in the order of ``texts``. Weights are loaded at the first call."""

    def count_tokens(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """(n,) tokens of each text before anything is cut off; more than ``max_tokens`` means it is."""


def load_encoder(name: str, *, token_budget: int = TOKEN_BUDGET) -> Encoder:
    """The encoder of that name; its weights are loaded at the first ``encode``.

    ``bundled:multilingual-e5-small`` (no network), ``hub:ORG/NAME@REVISION`` (cached; revision ``main`` if left
    out), ``path:FOLDER`` (a sentence-transformers folder). ``token_budget``: most tokens in one batch.
    Raises EncoderError with what to do: unknown name, missing package, no network, not a model folder.
    """
    kind, colon, rest = name.partition(":")
    if kind == "bundled" and rest == bundled.NAME:
        return _bundled(name, token_budget)
    if kind == "hub" and rest:
        repository = hub.resolve(rest)
        facts = read_facts(repository.folder, repository.name)
        identity = f"hub:{repository.name}@{repository.commit}"
        return SentenceEncoder(name, identity, facts, lambda: repository.folder, token_budget)
    if kind == "path" and rest:
        folder = Path(rest).expanduser()
        facts = read_facts(folder, folder.resolve().name)
        return SentenceEncoder(name, f"files={weights_hash(folder)}", facts, lambda: folder, token_budget)
    if kind == "static":
        raise EncoderError(f"{name!r}: static encoders (model2vec) come with a later version; use {' or '.join(FORMS)}")
    hint = did_you_mean(name if colon else f"bundled:{name}", [DEFAULT_ENCODER])
    raise EncoderError(f"unknown encoder {name!r}.{hint} Expected {', '.join(FORMS)}")


def model_folder(name: str) -> tuple[Path, str]:
    """The folder of any transformers model, ``hub:ORG/NAME@REVISION`` or ``path:FOLDER``, and what identifies it.

    Raises EncoderError for another form of name, or where the model is neither here nor can be fetched.
    """
    kind, _, rest = name.partition(":")
    if kind == "hub" and rest:
        repository = hub.resolve(rest)
        return repository.folder, f"hub:{repository.name}@{repository.commit}"
    folder = Path(rest).expanduser()
    if kind == "path" and rest and (folder / "config.json").is_file():
        return folder, f"files={weights_hash(folder)}"
    raise EncoderError(f"{name!r}: hub:ORG/NAME@REVISION or path:FOLDER (with a config.json) was expected")


def available_encoders() -> list[tuple[str, str]]:
    """Name and a remark of every form of name that ``load_encoder`` takes, here and now."""
    try:
        unpacked = bundled.is_unpacked(bundled.encoder_folder()) or not bundled.data_file()
        ready = "ready" if unpacked else "unpacked at its first use"
    except EncoderError as error:
        ready = f"not usable here: {error}"
    return [
        (DEFAULT_ENCODER, f"384 dimensions, Chinese and English among 100 languages, no network; {ready}"),
        (FORMS[1], "any sentence-transformers model of the hub; needs a network at its first use"),
        (FORMS[2], "a sentence-transformers folder"),
    ]


def _bundled(name: str, token_budget: int) -> Encoder:
    if not bundled.is_unpacked(bundled.encoder_folder()):
        bundled.data_file()  # says at once what is missing, not after the companies were read
    facts = FolderFacts(e5folder.PROMPTS["query"], bundled.MAX_TOKENS, bundled.DIMENSION, "mean", lower_case=False)
    identity = f"{name} e5s1={bundled.DATA_SHA256[:32]} layout={bundled.LAYOUT}"
    return SentenceEncoder(name, identity, facts, bundled.unpack, token_budget)
