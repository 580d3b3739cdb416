"""A trained labeller's folder: what is in it, written whole, and checked before anything of it is used."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from chainbert.errors import DataError
from chainbert.files import atomic_path, file_hash, write_text

MANIFEST = "manifest.json"
WEIGHTS = "weights.safetensors"
FORMAT = 1
# Reading one of these runs whatever code it holds.
PICKLED = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".joblib", ".npy")


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A checked folder."""

    path: Path
    manifest: dict[str, Any]
    weights: dict[str, np.ndarray]


def read_model_folder(path: Path) -> ModelFolder:
    """Read a labeller's folder.

    Raises DataError for a folder without a manifest, of another format, with a missing or changed file
    (sha256), or with pickled files.
    """
    source = path / MANIFEST
    again = f"Train it again or fetch the folder anew: {path}"
    try:
        manifest = json.loads(source.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DataError(f"{path}: has no {MANIFEST}, so it is no labeller that `chainbert train` wrote") from error
    except (OSError, ValueError) as error:
        raise DataError(f"{source}: cannot be read ({error}). {again}") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        found = manifest.get("format") if isinstance(manifest, dict) else type(manifest).__name__
        raise DataError(f"{source}: format {found!r} was found, {FORMAT} was expected. {again}")
    if pickled := sorted(file.name for file in path.rglob("*") if file.suffix.lower() in PICKLED):
        raise DataError(
            f"{path}: holds {', '.join(pickled)}; pickled weights can run code when they are read and are refused. "
            f"Only safetensors are used: remove the file"
        )
    _check_files(path, manifest.get("files"), again)
    try:
        weights = load_file(path / WEIGHTS)
    except (OSError, SafetensorError) as error:
        raise DataError(f"{path / WEIGHTS}: cannot be read ({error}). {again}") from error
    return ModelFolder(path, manifest, weights)


def _check_files(path: Path, files: object, again: str) -> None:
    source = path / MANIFEST
    if not isinstance(files, dict) or WEIGHTS not in files:
        raise DataError(f"{source}: names no sha256 of {WEIGHTS} under 'files'. {again}")
    if outside := [name for name in files if not (path / name).resolve().is_relative_to(path.resolve())]:
        raise DataError(f"{source}: names {', '.join(outside)}, which lies outside of the folder. {again}")
    for name, digest in files.items():
        file = path / name
        if not file.is_file():
            raise DataError(f"{file}: is missing, though {source} names it. {again}")
        if file_hash(file) != digest:
            raise DataError(f"{file}: is not the file that was saved (its sha256 differs). {again}")


def write_model_folder(
    path: Path, manifest: dict[str, Any], weights: Mapping[str, np.ndarray], beside: Mapping[str, str]
) -> None:
    """Write weights, then text files ``beside`` them (name → content), then the manifest with everyone's sha256.

    Other files of the folder that are to be checked when it is read (adapters, texts) are named in
    ``manifest["files"]`` with an empty digest. A folder without its manifest, or with the one before, is what a
    kill leaves: it is refused when read.
    """
    path.mkdir(parents=True, exist_ok=True)
    with atomic_path(path / WEIGHTS) as temporary:
        save_file({name: np.ascontiguousarray(array) for name, array in weights.items()}, temporary)
    for name, text in beside.items():
        write_text(path / name, text)
    names = sorted({WEIGHTS, *beside, *manifest.get("files", {})})
    files = {name: file_hash(path / name) for name in names}
    text = json.dumps({"format": FORMAT, **manifest, "files": files}, ensure_ascii=False, indent=1)
    write_text(path / MANIFEST, text + "\n")
