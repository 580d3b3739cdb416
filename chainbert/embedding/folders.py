"""What a sentence-transformers folder says about its model, read without loading it."""

from __future__ import annotations

import contextlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from chainbert.errors import DataError, EncoderError
from chainbert.files import cache_folder, content_hash, file_hash, write_text

E5_QUERY = "query: "
Content = TypeVar("Content", dict[str, Any], list[dict[str, Any]])
WEIGHTS = ("*.safetensors", "*.bin", "*.json", "*.txt", "*.model")
POOLING_FLAGS = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}


@dataclass(frozen=True, slots=True)
class FolderFacts:
    """The settings of a sentence-transformers folder that change its vectors."""

    prompt: str
    """Put before each text."""
    max_tokens: int
    dimension: int
    pooling: str
    lower_case: bool


def read_facts(folder: Path, model_name: str) -> FolderFacts:
    """The facts of a folder; ``model_name`` tells whether it is an E5 model, which needs a prompt.

    Raises EncoderError for a folder that is not one of sentence-transformers, or an E5 model without prompts.
    """
    if not folder.is_dir():
        raise EncoderError(f"{folder}: no such folder; a sentence-transformers folder (with modules.json) was expected")
    if not (folder / "modules.json").is_file():
        raise EncoderError(
            f"{folder}: has no modules.json, so it is not a sentence-transformers folder; "
            "load the model with sentence-transformers once and save it with model.save(FOLDER)"
        )
    if not (folder / "tokenizer.json").is_file():
        raise EncoderError(
            f"{folder}: has no tokenizer.json (fast tokenizer); load the model with sentence-transformers once "
            "and save it with model.save(FOLDER)"
        )
    modules = [(str(m["type"]).rpartition(".")[2], folder / m["path"]) for m in _read(folder / "modules.json", [])]
    model = _read(folder / "config.json", {})
    settings = _read_optional(folder / "sentence_bert_config.json")
    dimension, pooling = int(model.get("hidden_size") or model.get("dim") or 0), "none"
    for kind, path in modules:
        if kind == "Pooling":
            dimension, pooling = _pooling(_read(path / "config.json", {}), dimension)
        elif kind == "Dense":
            dimension = int(_read(path / "config.json", {}).get("out_features") or dimension)
    longest = settings.get("max_seq_length") or _longest(folder, model)
    if not dimension or not longest:
        raise EncoderError(f"{folder}: its files name no vector length or no longest text")
    return FolderFacts(
        _prompt(folder, model_name, model), int(longest), dimension, pooling, bool(settings.get("do_lower_case"))
    )


def _pooling(config: dict[str, Any], hidden: int) -> tuple[int, str]:
    given = config.get("pooling_mode") or [name for flag, name in POOLING_FLAGS.items() if config.get(flag)] or "mean"
    modes = [given] if isinstance(given, str) else list(given)
    width = int(config.get("embedding_dimension") or config.get("word_embedding_dimension") or hidden)
    return width * len(modes), "+".join(modes)


def _longest(folder: Path, model: dict[str, Any]) -> int:
    """Where sentence-transformers names no length: the smaller of what the model and its tokenizer take."""
    tokenizer = _read_optional(folder / "tokenizer_config.json")
    given = [model.get("max_position_embeddings"), tokenizer.get("model_max_length")]
    return min((int(length) for length in given if length), default=0)


def _prompt(folder: Path, model_name: str, model: dict[str, Any]) -> str:
    config = _read_optional(folder / "config_sentence_transformers.json")
    prompts = config.get("prompts") or {}
    prompt = str(prompts.get(config.get("default_prompt_name") or "query") or "")
    names = f"{model_name} {model.get('_name_or_path') or ''}"
    if prompt or not re.search(r"(?<![a-z0-9])e5(?![a-z0-9])", names.lower()):
        return prompt
    # The published E5 models carry no prompts in their files; their model cards ask for this one.
    if re.fullmatch(r"intfloat/(multilingual-)?e5-(small|base|large)(-v2)?", model_name):
        return E5_QUERY
    raise EncoderError(
        f"{folder}: an E5 model without prompts; E5 was trained with {E5_QUERY!r} before each text. Put "
        f'{{"prompts": {{"query": "{E5_QUERY}"}}}} into its config_sentence_transformers.json'
    )


def _read_optional(path: Path) -> dict[str, Any]:
    return _read(path, {}) if path.is_file() else {}


def _read(path: Path, like: Content) -> Content:
    """The file's JSON, which must be of the kind of ``like``."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise EncoderError(f"{path}: cannot be read as JSON ({error}); fetch or save the model folder again") from error
    if not isinstance(content, type(like)):
        raise EncoderError(f"{path}: a JSON {type(like).__name__} was expected, a {type(content).__name__} was found")
    return content


def weights_hash(folder: Path) -> str:
    """32 hex digits over the names and contents of the files that make the model (weights, tokenizer, settings).

    Kept in the cache folder by size and time of change, so that big weights are read once.
    """
    paths = sorted(
        {p for pattern in WEIGHTS for p in folder.rglob(pattern) if p.is_file() and p.name != "unpacked.json"}
    )
    state = [(p.relative_to(folder).as_posix(), p.stat().st_size, p.stat().st_mtime_ns) for p in paths]
    note = cache_folder() / "hashes" / f"{content_hash(str(folder.resolve()), json.dumps(state))}.txt"
    with contextlib.suppress(OSError):
        return note.read_text(encoding="ascii")
    parts = [part for path in paths for part in (path.relative_to(folder).as_posix(), file_hash(path))]
    digest = content_hash(*parts)
    with contextlib.suppress(DataError):  # a cache that cannot be written costs time, nothing else
        write_text(note, digest)
    return digest
