"""The last stages of a run: Table 1, figures, exports and the page, made of the files that the others wrote."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from pydantic import ValidationError

from chainbert.errors import ConfigError, DataError
from chainbert.files import content_hash, file_hash, write_text
from chainbert.labelling import Codebook
from chainbert.progress import Progress, silent
from chainbert.report import export_run, write_figures, write_report, write_table_one
from chainbert.report.config import ReportConfig
from chainbert.report.exports.config import ExportsConfig
from chainbert.report.figurefiles import FOLDER as FIGURES
from chainbert.report.language import speaking
from chainbert.report.published import published_path, read_published
from chainbert.study.config import flat
from chainbert.study.stages import Stage, StageLog, StageRecord, only_run
from chainbert.study.tables import count_rows

Model = TypeVar("Model", ReportConfig, ExportsConfig)
LISTED = "files.json"
TABLES = ("tables/table1.csv", "tables/table1.json", "tables/table1.tex")
PRINTED = ("tables", "figures", "exports", "report")
# What a manifest has besides the facts that the page tells.
_NOT_FACTS = ("schema", "chainbert", "created", "config", "outputs", "python", "machine", "threads", "stages")


@dataclass(frozen=True, slots=True)
class Printing:
    """How a run folder is printed."""

    folder: Path
    report: ReportConfig
    exports: ExportsConfig
    published: str | Path | None
    """The published table beside Table 1, resolved; None for none."""
    codebook: Codebook | None
    """Names axes and values; None where it is not there any more."""
    seed: int
    progress: Progress = silent

    def stages(self, facts: dict[str, Any], log: StageLog) -> Iterator[Stage]:
        """The stages in their order, each stale when a file of a stage before it is new. ``log`` holds those."""
        told = json.dumps(facts, sort_keys=True, default=str)
        look = self.report.model_dump_json()
        beside = _content(self.published)
        before = tuple(log.outputs)
        yield Stage("tables", before, (look, beside, str(self.seed)), TABLES, self._write_tables)
        before = tuple(log.outputs)
        yield Stage("figures", before, (look,), (), self._write_figures, FIGURES)
        settings = (self.exports.model_dump_json(), told)
        yield Stage("exports", before, settings, (), lambda: self._write_exports(facts), self.exports.folder)
        page = ("report.html",)
        known = facts | {"outputs": log.outputs}
        yield Stage("report", tuple(log.outputs), (look, beside, told), page, lambda: self._write_page(known))

    def _write_tables(self) -> dict[str, Any]:
        rng = np.random.default_rng([self.seed, 1])
        write_table_one(
            self.folder, rng=rng, language=self.report.language, published=self.published, codebook=self.codebook
        )
        return {}

    def _write_figures(self) -> dict[str, Any]:
        look = self.report
        written = write_figures(
            self.folder, look.figures, language=look.language, codebook=self.codebook, progress=self.progress
        )
        return {"files": written}

    def _write_exports(self, facts: dict[str, Any]) -> dict[str, Any]:
        name = self.exports.folder
        # By this list an export removes the files of an earlier one, even those that the user has changed since;
        # the stage's own record tells them apart.
        (self.folder / name / LISTED).unlink(missing_ok=True)
        with speaking(self.report.language):
            written = export_run(
                self.folder,
                self.exports.formats,
                run_hash=str(facts["run_hash"]),
                codebook=self.codebook,
                folder=name,
                progress=self.progress,
            )
        return {"files": [path.relative_to(self.folder / name).as_posix() for path in written]}

    def _write_page(self, facts: dict[str, Any]) -> dict[str, Any]:
        page = write_report(self.folder, facts, self.report.language, published=self.published, codebook=self.codebook)
        return {"bytes": page.stat().st_size}


def print_run(
    folder: Path,
    *,
    language: str | None = None,
    published: str | Path | None = None,
    figures: Sequence[str] | None = None,
    exports: Sequence[str] | None = None,
    progress: Progress = silent,
) -> Path:
    """Print a finished run again, in other formats or another language; returns the page's path.

    What is None stays as the run has it; ``published`` "" stands for no table beside Table 1. The manifest then tells
    of the new files. Raises DataError where the folder is no finished run or a result in it is not what the run wrote,
    ConfigError for an unknown language, format or published table, and while another run is writing there.
    """
    if not (folder / "manifest.json").is_file():
        raise DataError(f"{folder}: no manifest.json; the folder of a finished `chainbert run` was expected")
    with only_run(folder, new=False):
        manifest = _manifest(folder)
        log = _results(folder, manifest)
        printing = _printing(folder, manifest, language, published, figures, exports, progress)
        facts = {name: value for name, value in manifest.items() if name not in _NOT_FACTS}
        facts |= {"run_hash": run_hash(log), "published_file": str(printing.published or "")}
        for done, stage in enumerate(printing.stages(facts, log)):
            progress("study", done, len(PRINTED))
            log.run(stage)
        progress("study", len(PRINTED), len(PRINTED))
        _write_manifest(manifest, facts, printing, log)
    return folder / "report.html"


def _printing(
    folder: Path,
    manifest: dict[str, Any],
    language: str | None,
    published: str | Path | None,
    figures: Sequence[str] | None,
    exports: Sequence[str] | None,
    progress: Progress,
) -> Printing:
    """How the run is printed now: as before, but for what is given."""
    resolved = manifest["config"]["resolved"]
    beside = manifest.get("published_file", "") if published is None else published
    if beside and published_path(beside) == Path(beside):
        beside = Path(beside).resolve()  # a file, no shipped table
    now = {"language": language, "published": None if published is None else str(beside), "figures": figures}
    report = _section(ReportConfig, "report", resolved.get("report"), now)
    config = _section(ExportsConfig, "exports", resolved.get("exports"), {"formats": exports})
    return Printing(folder, report, config, beside or None, _codebook(manifest), int(manifest["seed"]), progress)


def _results(folder: Path, manifest: dict[str, Any]) -> StageLog:
    """The log with the stages whose results are printed. Raises DataError where one of their files was changed."""
    log = StageLog.open(folder)
    done = {stage["name"]: StageRecord(**stage) for stage in manifest["stages"]}
    # What was printed last may be younger than the manifest, where printing was interrupted.
    log.before = done | {name: record for name, record in log.before.items() if name in PRINTED}
    log.records = {name: record for name, record in done.items() if name not in PRINTED}
    changed = [name for name, digest in log.outputs.items() if not _is(folder / name, digest)]
    if changed:
        named = ", ".join(changed[:5]) + (", …" if len(changed) > 5 else "")
        raise DataError(
            f"{folder}: {named}: not what the run wrote; a page of it would say what was not found. "
            "Run the study again: it makes these anew and keeps the rest"
        )
    return log


def _is(path: Path, digest: str) -> bool:
    return path.is_file() and file_hash(path) == digest


def _write_manifest(manifest: dict[str, Any], facts: dict[str, Any], printing: Printing, log: StageLog) -> None:
    """The manifest as it was, with what was printed now and by which settings."""
    config = manifest["config"]
    before = flat(config["resolved"])
    config["resolved"] |= {
        "report": printing.report.model_dump(mode="json"),
        "exports": printing.exports.model_dump(mode="json"),
    }
    for key, value in flat(config["resolved"]).items():
        if before.get(key) != value:
            config["origins"][key] = "chainbert report"
    manifest |= facts
    manifest["outputs"] = described_outputs(printing.folder, log)
    results = [stage for stage in manifest["stages"] if stage["name"] not in PRINTED]
    manifest["stages"] = [*results, *(asdict(log.records[name]) for name in PRINTED)]
    write_manifest(printing.folder, manifest)


def write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    """Write ``manifest.json``."""
    write_text(folder / "manifest.json", json.dumps(manifest, ensure_ascii=False, indent=1, default=str))


def run_hash(log: StageLog) -> str:
    """One hash of all that was found: every export carries it."""
    return content_hash(*(f"{name} {digest}" for name, digest in sorted(log.outputs.items())))


def described_outputs(folder: Path, log: StageLog) -> dict[str, dict[str, Any]]:
    """File name → its hash and rows, as the manifest tells."""
    return {name: {"sha256": digest, "rows": count_rows(folder / name)} for name, digest in log.outputs.items()}


def _manifest(folder: Path) -> dict[str, Any]:
    path = folder / "manifest.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        for stage in found["stages"]:
            StageRecord(**stage)
        if not isinstance(found["config"]["resolved"], dict) or not isinstance(found["config"]["origins"], dict):
            raise TypeError("no settings in it")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path}: cannot be read ({error}); run the study again") from error
    return dict(found)


def _codebook(manifest: dict[str, Any]) -> Codebook | None:
    """The run's codebook, where it is still there and says the same."""
    stated = str((manifest.get("codebook") or {}).get("version"))
    try:
        found = Codebook.load(str(manifest.get("codebook_file")))
    except ConfigError:
        return None
    return found if found.version == stated else None


def _section(model: type[Model], name: str, before: dict[str, Any] | None, now: dict[str, Any]) -> Model:
    """A section with what is said now in place of what the run had."""
    given = {field: value for field, value in now.items() if value is not None}
    try:
        return model.model_validate({**(before or {}), **given})
    except ValidationError as error:
        fault: Any = error.errors()[0]
        where = ".".join([name, *map(str, fault["loc"])])
        raise ConfigError(f"{where} = {fault.get('input')!r}: {fault['msg']}") from error


def _content(published: str | Path | None) -> str:
    """What the published table says, so that a change of its file is seen."""
    return read_published(published).model_dump_json() if published else ""
