"""Stages of a run: skipped when what goes into them is unchanged, recorded with their time, memory and outputs."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import psutil
from filelock import FileLock, Timeout

import chainbert
from chainbert.errors import ConfigError
from chainbert.files import content_hash, file_hash, write_text

RECORD = ".stages.json"


@dataclass(frozen=True, slots=True)
class StageRecord:
    """What a stage did."""

    name: str
    key: str
    """Hash of everything that goes into the stage: data, settings, model, and the stage's own code."""
    outputs: dict[str, str]
    """File name in the run folder → sha256."""
    facts: dict[str, Any]
    """Numbers the manifest or a later stage's summary needs, such as row counts."""
    seconds: float
    peak_mb: float
    """Highest resident memory of the process while the stage ran, in MB."""
    reused: bool = False
    """True where an earlier run's outputs were taken as they are."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage before it has run."""

    name: str
    reads: tuple[str, ...]
    """Files of the run folder that earlier stages wrote."""
    settings: tuple[str, ...]
    """Everything else its outputs depend on: settings, the model, a file's hash."""
    writes: tuple[str, ...]
    do: Callable[[], dict[str, Any]]
    """Writes the files and returns the stage's facts."""
    folder: str = ""
    """Where the stage writes as many more files as it finds a need for; their names are in its facts' ``files``."""


@dataclass
class StageLog:
    """The stages of one run folder, written after each stage so that an interrupted run can continue."""

    folder: Path
    records: dict[str, StageRecord] = field(default_factory=dict)
    before: dict[str, StageRecord] = field(default_factory=dict)
    """The records of an earlier run into this folder."""

    @classmethod
    def open(cls, folder: Path) -> StageLog:
        """Read what an earlier run into this folder left; an unreadable record only means that all is run again."""
        try:
            raw = json.loads((folder / RECORD).read_text(encoding="utf-8"))
            before = {name: StageRecord(**record) for name, record in raw.items()}
        except (FileNotFoundError, ValueError, TypeError, AttributeError):
            before = {}
        return cls(folder, {}, before)

    def run(self, stage: Stage) -> None:
        """Do a stage's work unless its outputs for the same inputs are there."""
        reads = [self.outputs[name] for name in stage.reads]
        key = content_hash(stage.name, _code_version(stage.name), *stage.settings, *reads)
        if record := self._reusable(stage, key):
            self.records[stage.name] = record
            return
        started = time.monotonic()
        with _peak_memory() as peak:
            facts = stage.do()
        names = [*stage.writes, *(f"{stage.folder}/{name}" for name in facts.pop("files", ()))]
        hashes = {name: file_hash(self.folder / name) for name in names}
        self._remove_stale(stage, hashes)
        seconds = round(time.monotonic() - started, 3)
        self.records[stage.name] = StageRecord(stage.name, key, hashes, facts, seconds, round(peak[0] / 2**20, 1))
        self._write()

    @property
    def outputs(self) -> dict[str, str]:
        """File name in the run folder → sha256, of all stages that are done."""
        return {name: digest for record in self.records.values() for name, digest in record.outputs.items()}

    def _reusable(self, stage: Stage, key: str) -> StageRecord | None:
        record = self.before.get(stage.name)
        if record is None or record.key != key:
            return None
        if {name for name in record.outputs if not _inside(name, stage.folder)} != set(stage.writes):
            return None
        for name, expected in record.outputs.items():
            path = self.folder / name
            if not path.is_file() or file_hash(path) != expected:
                return None
        return replace(record, reused=True)

    def _remove_stale(self, stage: Stage, hashes: dict[str, str]) -> None:
        """Delete what the stage wrote into a folder of its own before and does not write now, unless it was changed."""
        record = self.before.get(stage.name)
        for name, digest in record.outputs.items() if record and stage.folder else ():
            path = self.folder / name
            if name not in hashes and path.is_file() and file_hash(path) == digest:
                path.unlink()
                self._remove_empty(path.parent)

    def _remove_empty(self, folder: Path) -> None:
        while folder != self.folder and not any(folder.iterdir()):
            folder.rmdir()
            folder = folder.parent

    def _write(self) -> None:
        # Stages not reached yet keep their old record: their outputs are still there.
        records = {**self.before, **self.records}
        raw = {name: asdict(record) | {"reused": False} for name, record in records.items()}
        write_text(self.folder / RECORD, json.dumps(raw, ensure_ascii=False, indent=1))


def _inside(name: str, folder: str) -> bool:
    return bool(folder) and name.startswith(f"{folder}/")


@contextmanager
def only_run(folder: Path, *, new: bool = True) -> Iterator[None]:
    """Hold a run folder's lock; the operating system frees it when a process dies.

    ``new``: the folder may still have to be made. Raises ConfigError where it is in use, holds other files, or cannot
    be written.
    """
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder}: is a file; a folder for the run was expected")
    other = " or choose another --out" if new else ""
    try:
        if new:
            folder.mkdir(parents=True, exist_ok=True)
        _refuse_foreign(folder)
        lock = FileLock(folder / ".lock")
        lock.acquire(timeout=0)
    except Timeout as error:
        raise ConfigError(f"{folder}: another run is writing here; wait for it{other}") from error
    except OSError as error:
        what = "made a run folder" if new else "written"
        advice = "choose another with --out FOLDER" if new else "copy it to where you may write"
        raise ConfigError(f"{folder}: cannot be {what} ({error.strerror or error}); {advice}") from error
    try:
        yield
    finally:
        lock.release()


def _refuse_foreign(folder: Path) -> None:
    """A folder of other things is no run folder: a file of the user's that has one of our names would be replaced."""
    there = sorted(path.name for path in folder.iterdir())
    if there and not {".lock", RECORD, "manifest.json"} & set(there):
        shown = ", ".join(there[:5]) + (", …" if len(there) > 5 else "")
        raise ConfigError(
            f"{folder.resolve()}: holds other files ({shown}) and no earlier run; "
            "choose an empty or new folder with --out FOLDER"
        )


# Which rooms' code a stage runs: a change there makes its outputs stale.
ROOMS = {
    "companies": ("companies",),
    "embedding": ("embedding",),
    "labelling": ("labelling", "embedding"),
    "clustering": ("clustering", "wording"),
    "convergence": ("convergence", "labelling"),
    "specifications": ("companies", "embedding", "convergence"),
    "wording": ("wording", "companies"),
    "investors": ("labelling",),
    "hand codes": ("labelling",),
    "tables": ("report", "wording"),
    "figures": ("report", "wording"),
    "exports": ("report",),
    "report": ("report", "wording"),
}


def _code_version(stage: str) -> str:
    package = Path(chainbert.__file__).parent
    rooms = (*ROOMS[stage], "study")
    # The modules that stand in no room are used by all.
    shared = package.glob("*.py")
    sources = sorted([*shared, *(path for room in rooms for path in (package / room).rglob("*") if path.is_file())])
    return content_hash(*(path.read_bytes() for path in sources if path.suffix != ".pyc"))


@contextmanager
def _peak_memory() -> Iterator[list[int]]:
    """Sample the process's resident memory; the list's one item is the highest seen, in bytes."""
    process = psutil.Process()
    peak = [process.memory_info().rss]
    done = threading.Event()

    def sample() -> None:
        while not done.wait(0.05):
            peak[0] = max(peak[0], process.memory_info().rss)

    sampler = threading.Thread(target=sample, daemon=True)
    sampler.start()
    try:
        yield peak
    finally:
        done.set()
        sampler.join()
