"""Models of the Hugging Face hub: found in the local cache, fetched once where there is a network."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from chainbert.errors import EncoderError

# Weights in other formats and pictures: a repository often holds the model five times.
UNUSED = ["onnx/*", "openvino/*", "*.onnx", "*.h5", "*.ot", "*.msgpack", "*.tflite", "*.png", "*.jpg", "*.gguf"]


@dataclass(frozen=True, slots=True)
class Repository:
    """A model of the hub as it lies in the local cache."""

    name: str
    """``ORG/NAME``."""
    commit: str
    """The commit its revision stood for when it was fetched, 40 hex digits."""
    folder: Path


def resolve(reference: str) -> Repository:
    """``ORG/NAME@REVISION`` (``main`` if left out) in the local cache; fetched first if it is not there.

    A commit or tag that is cached is never asked for again, nor is a branch: its first fetched state stays.
    Raises EncoderError for a name of another form, or where it is not cached and cannot be fetched.
    """
    name, _, revision = reference.partition("@")
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", name) or reference.endswith("@"):
        raise EncoderError(f"hub:{reference}: hub:ORG/NAME or hub:ORG/NAME@REVISION was expected")
    revision = revision or "main"
    folder = _cached(name, revision) or _fetch(name, revision)
    return Repository(name, folder.name, folder)


def _cached(name: str, revision: str) -> Path | None:
    from huggingface_hub import snapshot_download  # noqa: PLC0415 - pulls in an http client; only hub: needs it
    from huggingface_hub.errors import LocalEntryNotFoundError  # noqa: PLC0415 - as above

    try:
        folder = Path(snapshot_download(name, revision=revision, local_files_only=True))
    except (LocalEntryNotFoundError, FileNotFoundError):
        return None
    # A fetch that was cut off leaves a folder without its weights.
    return folder if any(folder.glob("*.safetensors")) or any(folder.glob("*.bin")) else None


def _fetch(name: str, revision: str) -> Path:
    from huggingface_hub import snapshot_download  # noqa: PLC0415 - as above

    try:
        ignored = [*UNUSED, "*.bin"]
        folder = Path(snapshot_download(name, revision=revision, ignore_patterns=ignored))
        if not any(folder.glob("*.safetensors")):
            folder = Path(snapshot_download(name, revision=revision, ignore_patterns=UNUSED))
    except Exception as error:  # no network, refused, offline, not found: the library raises a dozen kinds
        offline = " HF_HUB_OFFLINE is set, so the hub was not asked." if os.environ.get("HF_HUB_OFFLINE") else ""
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise EncoderError(
            f"hub:{name}@{revision} is not in the local cache and could not be fetched ({reason}).{offline} "
            f"Without a network: use bundled:multilingual-e5-small, or on a machine with one run "
            f"`hf download {name} --revision {revision} --local-dir FOLDER`, bring FOLDER here and use path:FOLDER"
        ) from error
    return folder
