"""From a study file to a finished run folder."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from chainbert.embedding import EmbeddingStore, default_store_folder, load_encoder
from chainbert.errors import ConfigError
from chainbert.files import content_hash, file_hash
from chainbert.labelling import Codebook, Labeller
from chainbert.notebook import shown
from chainbert.progress import Progress, silent
from chainbert.report.published import read_published
from chainbert.study.config import (
    StudyConfig,
    codebook_path,
    companies_path,
    dictionary_name,
    hand_codes_path,
    labeller_name,
    load_study,
    published_name,
    study_path,
    words_path,
)
from chainbert.study.manifest import describe, package_versions
from chainbert.study.printing import PRINTED, Printing, described_outputs, run_hash, write_manifest
from chainbert.study.stages import Stage, StageLog, only_run
from chainbert.study.worded import WORD_FILES
from chainbert.study.work import Work
from chainbert.wording import Dictionary
from chainbert.yamlfile import Loaded, Section


@dataclass(frozen=True, slots=True)
class Run:
    """A finished run."""

    folder: Path
    manifest: dict[str, Any]

    def _repr_html_(self) -> str:
        found = json.loads((self.folder / "convergence.json").read_text(encoding="utf-8"))
        facts = {name: self.manifest[name] for name in ("usable", "firms", "seed")} | found["verdict"]
        said = [*found["sentences"].values(), f"Page: {self.folder / 'report.html'}"]
        return shown(self.manifest["title"], facts, [("Gap by period", pd.DataFrame(found["gaps"]))], said)

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
    with only_run(folder):
        return _Study(loaded, study_path(name), folder, progress).run()


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
        codes = hand_codes_path(self.loaded, self.file)
        tokenizer = study.wording.tokenizer(words_path(self.loaded, self.file))
        dictionary = Dictionary.load(dictionary_name(self.loaded, self.file))
        beside = published_name(self.loaded, self.file)
        if beside:
            read_published(beside)
        work = Work(
            study, source, self.folder, encoder, store, codebook, labeller, codes, tokenizer, dictionary, self.progress
        )
        log = StageLog.open(self.folder)
        stages = self._stages(work, source)
        steps = len(stages) + len(PRINTED)
        for done, stage in enumerate(stages):
            self.progress("study", done, steps)
            log.run(stage)
            if stage.name == "companies":
                work.check_companies()
        facts = self._facts(work, log) | {"run_hash": run_hash(log)}
        printing = Printing(self.folder, study.report, study.exports, beside, work.codebook, study.seed, self.progress)
        for done, stage in enumerate(printing.stages(facts, log), len(stages)):
            self.progress("study", done, steps)
            log.run(stage)
        self.progress("study", steps, steps)
        manifest = self._manifest(log, facts)
        write_manifest(self.folder, manifest)
        return Run(self.folder, manifest)

    def _stages(self, work: Work, source: Path) -> list[Stage]:
        study, seed = self.loaded.value, str(self.loaded.value.seed)
        companies, sentences, vectors, labels = (
            "companies.parquet",
            "sentences.parquet",
            "vectors.parquet",
            "labels.parquet",
        )
        table, lexicon = _content(source), content_hash(*sorted(work.tokenizer.words), work.dictionary.version)
        model, compared = work.encoder.fingerprint, _text(study.convergence)
        # The stages before the comparison see of it who is in which period, and the clusters the reference.
        placed = study.convergence.model_dump_json(include={"time", "periods"})
        shared = study.convergence.model_dump_json(include={"time", "periods", "reference", "draws"})
        # The reference city stands first in the cloud.
        worded = study.convergence.model_dump_json(include={"time", "periods", "reference"})
        masked = str(study.companies.mask_cities)
        # Hand codes are compared with labels and change none.
        labelling = study.labelling.model_dump_json(exclude={"hand_codes"})
        label = (work.labeller.scorer.fingerprint, work.codebook.version, labelling, placed)
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
            Stage("wording", (companies,), (_text(study.wording), lexicon, seed, worded), WORD_FILES, work.wording),
            Stage("investors", (companies,), (), ("investors.parquet",), work.investors),
            Stage(
                "hand codes",
                (companies, labels),
                (_content(work.hand_codes) if work.hand_codes else "", work.codebook.version, seed),
                ("hand_codes.json",),
                work.audit,
            ),
        ]

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
            "codebook_file": _found(codebook_path(self.loaded, self.file)),
            "published_file": _found(published_name(self.loaded, self.file) or ""),
            "labeller": log.records["labelling"].facts["labeller"],
            "labeller_fingerprint": log.records["labelling"].facts["fingerprint"],
            "labelling_notes": log.records["labelling"].facts["notes"],
            "exclusions": companies["exclusions"],
            "notes": companies["notes"],
            "duplicates": companies["duplicates"],
            "word_notes": log.records["wording"].facts["notes"],
            "left_out": log.records["convergence"].facts["left_out"],
            "truncated": log.records["embedding"].facts["truncated"],
            "rows": companies["rows"],
            "usable": companies["usable"],
            "firms": companies["firms"],
            "sentences": companies["sentences"],
        }

    def _manifest(self, log: StageLog, facts: dict[str, Any]) -> dict[str, Any]:
        return describe(self.loaded, list(log.records.values()), described_outputs(self.folder, log), facts)


def _content(source: Path) -> str:
    """The table's hash; empty where it cannot be read, as reading it will say."""
    try:
        return file_hash(source)
    except OSError:
        return ""


def _found(name_or_path: str | Path) -> str:
    """A shipped thing's name, or the whole path of a file, so that it is found from any working folder."""
    return str(name_or_path.resolve()) if isinstance(name_or_path, Path) else name_or_path


def _text(section: Section) -> str:
    return section.model_dump_json()
