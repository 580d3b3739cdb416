"""Files that are whole or absent: atomic writing, content hashes, the places chainbert keeps things."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from chainbert.errors import DataError


@contextlib.contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """Give a temporary path beside ``target``; when the block ends well it is flushed to disk and renamed.

    When the block raises, the temporary file is removed and ``target`` is what it was before.
    Raises DataError where the folder cannot be written (full disk, no permission), naming the target.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
    except OSError as error:
        raise _unwritable(target, error) from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        flush(temporary)
        temporary.replace(target)
        flush(target.parent)
    except OSError as error:
        raise _unwritable(target, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def check_writable(target: Path) -> None:
    """Raise DataError where ``target`` cannot be written, before the work whose result it is to hold is done."""
    try:
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=target.parent):
            pass
    except OSError as error:
        raise _unwritable(target, error) from error


_IN_THE_WAY = "Something else of that name is in the way: choose another name"
_ADVICE = {
    errno.EISDIR: "A folder of that name is in the way: choose another name",
    errno.EEXIST: _IN_THE_WAY,
    errno.ENOTDIR: _IN_THE_WAY,
    errno.EACCES: "Choose a folder that you may write to",
    errno.EPERM: "Choose a folder that you may write to",
    errno.EROFS: "Choose a folder that you may write to",
}


def _unwritable(target: Path, error: OSError) -> DataError:
    advice = _ADVICE.get(error.errno or 0, "Free space or choose another folder")
    return DataError(
        f"{target}: could not be written ({error.strerror or error}); nothing was replaced. "
        f"{advice}, then run the same command again: finished parts are kept."
    )


def _umask() -> int:
    # mkstemp makes files private; a result is as readable as any other file the user makes.
    mask = os.umask(0)
    os.umask(mask)
    return mask


def flush(path: Path) -> None:
    """Force a file or folder to the disk, so that a rename after it survives a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_text(target: Path, text: str) -> None:
    """Write UTF-8 text, whole or not at all."""
    with atomic_path(target) as temporary:
        temporary.write_text(text, encoding="utf-8")


def file_hash(path: Path) -> str:
    """Sha256 of a file's bytes, as 64 hex digits."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def content_hash(*parts: str | bytes) -> str:
    """Blake2b-128 of the parts, as 32 hex digits; parts are length-prefixed, so ("ab", "c") ≠ ("a", "bc")."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        raw = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        digest.update(len(raw).to_bytes(8, "little"))
        digest.update(raw)
    return digest.hexdigest()


def cache_folder() -> Path:
    """Where unpacked weights and stored vectors live: ``$CHAINBERT_CACHE``, else the user's cache folder."""
    if chosen := os.environ.get("CHAINBERT_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "chainbert"


def shipped(*parts: str) -> Path:
    """A file or folder that comes with chainbert, as ``shipped("configs", "studies", "demo.yaml")``.

    In a checkout these lie at the top level; in an installed package under ``chainbert/shipped``.
    """
    package = Path(__file__).parent
    installed = package / "shipped"
    root = installed if installed.is_dir() else package.parent
    return root.joinpath(*parts)
