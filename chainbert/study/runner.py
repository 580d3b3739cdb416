"""From a study file to a finished run folder."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from chainbert.embedding import EmbeddingStore, default_store_folder, load_encoder
from chainbert.errors import ConfigError
from chainbert.files import file_hash, write_text
from chainbert.labelling import Codebook, Labeller
from chainbert.progress import Progress, silent
from chainbert.report import write_report
from chainbert.study.config import (
    StudyConfig,
    codebook_path,
    companies_path,
    labeller_name,
    load_study,
    study_path,
)
from chainbert.study.manifest import describe, package_versions
from chainbert.study.stages import RECORD, Stage, StageLog
from chainbert.study.tables import count_rows
from chainbert.study.work import Work
from chainbert.yamlfile import Loaded, Section


@dataclass(frozen=True, slots=True)
class Run:
    """A finished run."""

    folder: Path
    manifest: dict[str, Any]

    @property
    def reused(self) -> tuple[str, ...]:
        """Names of the stages whose earlier outputs were taken as they are."""
        return tuple(stage["name"] for stage in self.manifest["stages"] if stage["reused"])


def run(
    path: str | Path, overrides: Iterable[str] = (), *, out: Path | None = None, progress: Progress = silent
) -> Run:
    """Run a study file (or a shipped study by name) and return its finished folder.

    ``overrides`` are ``section.key=value``. Without ``out`` the folder is ``runs/NAME``. Stages whose inputs
    are unchanged are not run again; an interrupted run continues with the first unfinished stage, and what
    was embedded is never embedded again. Raises ConfigError for a faulty study file or a folder in use by
    another run or by other files, DataError for companies that cannot be read or compared.
    """
    name = str(path)
    loaded = load_study(name, overrides)
    folder = out or Path("runs") / loaded.value.study
    with _only_run(folder):
        return _Study(loaded, study_path(name), folder, progress).run()


@contextmanager
def _only_run(folder: Path) -> Iterator[None]:
    """Hold the folder's lock; the operating system frees it when a process dies."""
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder}: is a file; a folder for the run was expected")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _refuse_foreign(folder)
        lock = FileLock(folder / ".lock")
        lock.acquire(timeout=0)
    except Timeout as error:
        raise ConfigError(f"{folder}: another run is writing here; wait for it or choose another --out") from error
    except OSError as error:
        raise ConfigError(
            f"{folder}: cannot be made a run folder ({error.strerror or error}); choose another with --out FOLDER"
        ) from error
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


@dataclass(frozen=True, slots=True)
class _Study:
    """The stages of one run in their order, each with what it depends on."""

    loaded: Loaded[StudyConfig]
    file: Path
    folder: Path
    progress: Progress

    def run(self) -> Run:
        study = self.loaded.value
        source = companies_path(self.loaded, self.file)
        if source.resolve().parent == self.folder.resolve():
            raise ConfigError(
                f"{source}: the company table lies in the run folder, where a run may replace it; "
                "choose another folder with --out FOLDER"
            )
        encoder = load_encoder(study.embedding.encoder, token_budget=study.embedding.token_budget)
        codebook = Codebook.load(codebook_path(self.loaded, self.file))
        store = EmbeddingStore(Path(study.embedding.store) if study.embedding.store else default_store_folder())
        labeller = Labeller.load(labeller_name(self.loaded, self.file), encoder=encoder, config=study.labelling)
        work = Work(study, source, self.folder, encoder, store, codebook, labeller, self.progress)
        log = StageLog.open(self.folder)
        stages = self._stages(work, source)
        for done, stage in enumerate(stages):
            self.progress("study", done, len(stages) + 1)
            log.run(stage)
            if stage.name == "companies":
                work.check_companies()
        facts = self._facts(work, log)
        told = json.dumps(facts, sort_keys=True, default=str)
        # The page shows what every stage found, so it is stale when any of their files is new.
        log.run(Stage("report", tuple(log.outputs), (told,), ("report.html",), lambda: self._write_page(facts)))
        self.progress("study", len(stages) + 1, len(stages) + 1)
        manifest = self._manifest(log, facts)
        write_text(self.folder / "manifest.json", json.dumps(manifest, ensure_ascii=False, indent=1, default=str))
        return Run(self.folder, manifest)

    def _stages(self, work: Work, source: Path) -> list[Stage]:
        study, seed = self.loaded.value, str(self.loaded.value.seed)
        companies, sentences, vectors, labels = (
            "companies.parquet",
            "sentences.parquet",
            "vectors.parquet",
            "labels.parquet",
        )
        table = _content(source)
        model, compared = work.encoder.fingerprint, _text(study.convergence)
        # The stages before the comparison see of it who is in which period, and the clusters the reference.
        placed = study.convergence.model_dump_json(include={"time", "periods"})
        shared = study.convergence.model_dump_json(include={"time", "periods", "reference", "draws"})
        masked = str(study.companies.mask_cities)
        label = (work.labeller.scorer.fingerprint, work.codebook.version, _text(study.labelling), placed)
        clusters = (
            "clusters.parquet",
            "clusters.json",
            "terms.csv",
            "tables/clusters.csv",
            "tables/cluster_shares.csv",
        )
        group = (_text(study.clustering), seed, shared, model, masked, work.labeller.scorer.fingerprint)
        return [
            Stage("companies", (), (table, _text(study.companies)), (companies, sentences), work.companies),
            Stage("embedding", (sentences,), (model, masked), (vectors,), work.embedding),
            Stage("labelling", (companies, sentences), label, (labels, "shares.csv"), work.labelling),
            Stage("clustering", (companies, sentences, vectors), group, clusters, work.clustering),
            Stage(
                "convergence",
                (companies, sentences, vectors, labels, "clusters.parquet"),
                (compared, seed),
                ("convergence.json",),
                work.convergence,
            ),
            Stage(
                "specifications",
                (companies, sentences),
                (compared, model, masked),
                ("specifications.json",),
                work.specifications,
            ),
        ]

    def _write_page(self, facts: dict[str, Any]) -> dict[str, Any]:
        return {"bytes": write_report(self.folder, facts).stat().st_size}

    def _facts(self, work: Work, log: StageLog) -> dict[str, Any]:
        """What report and manifest both tell of the run."""
        study = self.loaded.value
        companies = log.records["companies"].facts
        return {
            "title": study.title,
            "inputs": [{"path": str(work.source.resolve()), "sha256": companies["sha256"], "rows": companies["rows"]}],
            "packages": package_versions(),
            "note": study.note,
            "study": study.study,
            "seed": study.seed,
            "encoder": {"name": work.encoder.name, "fingerprint": work.encoder.fingerprint},
            "codebook": {"version": work.codebook.version},
            "labeller": log.records["labelling"].facts["labeller"],
            "labeller_fingerprint": log.records["labelling"].facts["fingerprint"],
            "labelling_notes": log.records["labelling"].facts["notes"],
            "exclusions": companies["exclusions"],
            "notes": companies["notes"],
            "duplicates": companies["duplicates"],
            "left_out": log.records["convergence"].facts["left_out"],
            "truncated": log.records["embedding"].facts["truncated"],
            "rows": companies["rows"],
            "usable": companies["usable"],
            "firms": companies["firms"],
            "sentences": companies["sentences"],
        }

    def _manifest(self, log: StageLog, facts: dict[str, Any]) -> dict[str, Any]:
        outputs = {
            name: {"sha256": digest, "rows": count_rows(self.folder / name)} for name, digest in log.outputs.items()
        }
        return describe(self.loaded, list(log.records.values()), outputs, facts)


def _content(source: Path) -> str:
    """The table's hash; empty where it cannot be read, as reading it will say."""
    try:
        return file_hash(source)
    except OSError:
        return ""


def _text(section: Section) -> str:
    return section.model_dump_json()
