"""Label tables that are made once: an interrupted evaluation goes on with those it has."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

import chainbert
from chainbert.companies import CompanySet
from chainbert.embedding import EmbeddingStore
from chainbert.files import atomic_path, content_hash
from chainbert.labelling.codebook import Codebook
from chainbert.labelling.labeller import Labeller
from chainbert.labelling.tables import Labels
from chainbert.progress import Progress, silent

_ROOMS = ("companies", "embedding", "labelling")


@dataclass(frozen=True, slots=True)
class Labelling:
    """Labels with the seconds they took when they were made."""

    labels: Labels
    seconds: float


@dataclass(frozen=True, slots=True)
class LabelCache:
    """A folder of label tables, one parquet file each, named by the hash of everything that goes into it."""

    folder: Path

    def label(
        self,
        labeller: Labeller,
        companies: CompanySet,
        digest: str,
        codebook: Codebook,
        store: EmbeddingStore | None,
        progress: Progress = silent,
    ) -> Labelling:
        """``Labeller.label``, kept; ``digest`` names what is read of the companies."""
        key = (labeller.name, labeller.scorer.fingerprint, labeller.config.model_dump_json(), digest)
        return self.kept(key, codebook, lambda: labeller.label(companies, codebook, store, progress))

    def kept(self, key: tuple[str, ...], codebook: Codebook, make: Callable[[], Labels]) -> Labelling:
        """What ``make`` gives for this key, codebook and version of the code: from the folder where it is there."""
        path = self.folder / f"{content_hash(*key, codebook.version, _code())}.parquet"
        if path.is_file():
            table = pd.read_parquet(path)
            facts = {str(name): fact for name, fact in table.attrs.items()}
            table.attrs = {}
            return Labelling(_labels(table, codebook, facts), facts["seconds"])
        started = time.monotonic()
        labels = make()
        seconds = round(time.monotonic() - started, 3)
        facts = {
            "seconds": seconds,
            "notes": list(labels.notes),
            **{name: getattr(labels, name) for name in _FACTS},
        }
        table = labels.table.copy()
        table.attrs.update(facts)
        with atomic_path(path) as temporary:
            table.to_parquet(temporary)
        return Labelling(labels, seconds)


_FACTS = ("labeller", "encoder_fingerprint", "abstain_band", "sentences", "truncated")


def _labels(table: pd.DataFrame, codebook: Codebook, facts: dict[str, Any]) -> Labels:
    return Labels(table, codebook, notes=tuple(facts["notes"]), **{name: facts[name] for name in _FACTS})


@cache
def _code() -> str:
    """Hash of the code that labels: what another version made is not taken for this one's."""
    package = Path(chainbert.__file__).parent
    sources = sorted(path for room in _ROOMS for path in (package / room).rglob("*.py"))
    return content_hash(*(path.read_bytes() for path in sources))
