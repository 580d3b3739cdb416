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

import chainbert
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


@dataclass
class StageLog:
    """The stages of one run folder, written after each stage so that an interrupted run can continue."""

    folder: Path
    records: dict[str, StageRecord] = field(default_factory=dict)
    _before: dict[str, StageRecord] = field(default_factory=dict)

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
        hashes = {name: file_hash(self.folder / name) for name in stage.writes}
        seconds = round(time.monotonic() - started, 3)
        self.records[stage.name] = StageRecord(stage.name, key, hashes, facts, seconds, round(peak[0] / 2**20, 1))
        self._write()

    @property
    def outputs(self) -> dict[str, str]:
        """File name in the run folder → sha256, of all stages that are done."""
        return {name: digest for record in self.records.values() for name, digest in record.outputs.items()}

    def _reusable(self, stage: Stage, key: str) -> StageRecord | None:
        record = self._before.get(stage.name)
        if record is None or record.key != key or set(record.outputs) != set(stage.writes):
            return None
        for name, expected in record.outputs.items():
            path = self.folder / name
            if not path.is_file() or file_hash(path) != expected:
                return None
        return replace(record, reused=True)

    def _write(self) -> None:
        # Stages not reached yet keep their old record: their outputs are still there.
        records = {**self._before, **self.records}
        raw = {name: asdict(record) | {"reused": False} for name, record in records.items()}
        write_text(self.folder / RECORD, json.dumps(raw, ensure_ascii=False, indent=1))


# Which rooms' code a stage runs: a change there makes its outputs stale.
ROOMS = {
    "companies": ("companies",),
    "embedding": ("embedding",),
    "labelling": ("labelling", "embedding"),
    "clustering": ("clustering", "wording"),
    "convergence": ("convergence", "labelling"),
    "specifications": ("companies", "embedding", "convergence"),
    "report": ("report",),
}


def _code_version(stage: str) -> str:
    package = Path(chainbert.__file__).parent
    rooms = (*ROOMS[stage], "study")
    sources = sorted(path for room in rooms for path in (package / room).rglob("*") if path.is_file())
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
