"""The label table: one row a company and year, one block of columns an axis; written as csv, parquet or jsonl."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from chainbert.errors import ConfigError
from chainbert.files import atomic_path, check_writable
from chainbert.labelling.codebook import Axis, Codebook
from chainbert.labelling.pooling import Pooled
from chainbert.labelling.spoken import Spoken
from chainbert.notebook import shown

LABELLED, ABSTAINED, NOT_TRANSFERABLE, UNUSABLE = "labelled", "abstained", "not transferable", "unusable"
FORMATS = (".csv", ".parquet", ".jsonl")


@dataclass(frozen=True, slots=True)
class Labels:
    """Labels of every row of a company set, with what produced them."""

    table: pd.DataFrame
    """One row a row of the company table, see ``label_table``."""
    codebook: Codebook
    labeller: str
    encoder_fingerprint: str
    abstain_band: float
    sentences: int
    """How many sentences were read, names included."""
    truncated: int
    """How many different sentences were longer than the encoder reads."""
    notes: tuple[str, ...] = ()
    """What a user must know of these labels, a sentence each."""

    def _repr_html_(self) -> str:
        axes = [axis.id for axis in self.codebook.axes]
        counted = [(axis, self.table[axis].value_counts().rename_axis(axis).reset_index(name="rows")) for axis in axes]
        facts = {"labeller": self.labeller, "codebook": self.codebook_version, "rows": len(self.table)}
        return shown("Labels", facts, counted, self.notes)

    @property
    def codebook_version(self) -> str:
        """The codebook's content hash."""
        return self.codebook.version


@dataclass(frozen=True, slots=True)
class AxisLabels:
    """One axis of n companies."""

    axis: Axis
    values: np.ndarray
    """(n,) str: the derived value; empty where unusable."""
    status: np.ndarray
    """(n,) str: labelled, abstained (the value stays the best one), not transferable (as well, but the
    probabilities are not calibrated for a company like this one) or unusable."""
    probabilities: np.ndarray
    """(n, k) in [0, 1], nan where unusable."""
    evidence: np.ndarray
    """(n, k) int: row of the evidence sentence; -1 where the indicator is not yes (single choice: not the value)."""

    @classmethod
    def of(cls, axis: Axis, pooled: Pooled, abstain_band: float, transferable: np.ndarray | bool = True) -> AxisLabels:
        """Derive values, status and evidence; ``transferable`` (n,) bool says where the calibration holds."""
        usable = pooled.best[:, 0] >= 0
        filled = np.where(usable[:, None], pooled.probabilities, 0.0)
        values = np.where(usable, axis.derive(filled, pooled.thresholds), "").astype(object)
        if axis.kind == "single":
            ranked = np.sort(filled, axis=1)
            near = ranked[:, -1] - ranked[:, -2] < abstain_band
            yes = np.arange(filled.shape[1]) == filled.argmax(axis=1)[:, None]
        else:
            near = (np.abs(filled - pooled.thresholds) < abstain_band).any(axis=1)
            yes = filled >= pooled.thresholds
        decided = np.where(transferable, np.where(near, ABSTAINED, LABELLED), NOT_TRANSFERABLE)
        status = np.where(usable, decided, UNUSABLE).astype(object)
        return cls(axis, values, status, pooled.probabilities, np.where(yes & usable[:, None], pooled.best, -1))


def label_table(spoken: Spoken, axes: list[AxisLabels], version: str, training: np.ndarray) -> pd.DataFrame:
    """One row a row of the company table, in its order and with its index.

    Columns: key, id, observed (Int64); per axis ``customer`` (value), per indicator ``customer.state``
    (probability in [0, 1]), ``customer.state.evidence`` (a sentence as it stands in the text or the name; empty
    where the indicator is not yes), ``customer.state.start`` and ``.end`` (its offsets in the text; -1 where
    there is none or it is the name), ``customer.status``; ``codebook`` (its version);
    ``training`` ("" where the company trained nothing, "trained", or "cross-fitted").
    """
    companies, sentences = spoken.companies, spoken.table
    columns: dict[str, object] = {name: companies[name] for name in ("key", "id", "observed")}
    texts = np.append(sentences["text"].to_numpy(dtype=object), "")
    in_text = (sentences["part"] == "text").to_numpy()
    starts = np.append(np.where(in_text, sentences["start"], -1), -1)
    ends = np.append(np.where(in_text, sentences["end"], -1), -1)
    for labels in axes:
        name = labels.axis.id
        columns[name] = labels.values
        for index, indicator in enumerate(labels.axis.indicators):
            rows = labels.evidence[:, index]
            columns[f"{name}.{indicator.id}"] = labels.probabilities[:, index]
            columns[f"{name}.{indicator.id}.evidence"] = texts[rows]
            columns[f"{name}.{indicator.id}.start"] = starts[rows].astype(int)
            columns[f"{name}.{indicator.id}.end"] = ends[rows].astype(int)
        columns[f"{name}.status"] = labels.status
    columns["codebook"] = version
    columns["training"] = training
    return pd.DataFrame(columns, index=companies.index)


def check_labels_path(path: Path) -> None:
    """Raise ConfigError for an ending that labels are not written as, DataError where the file cannot be written."""
    if path.suffix.lower() not in FORMATS:
        raise ConfigError(
            f"{path}: labels are written as {', '.join(FORMATS)}, by the file's ending; found {path.suffix!r}"
        )
    check_writable(path)


def write_labels(labels: Labels, path: Path) -> None:
    """Write labels as csv, parquet or jsonl (by the ending), UTF-8, whole or not at all.

    The columns are id, observed, the values, probabilities, evidence and status of each axis, codebook, training; what
    is missing (no year, no usable text) is an empty cell, in jsonl null. Raises ConfigError for another ending.
    """
    check_labels_path(path)
    ending = path.suffix.lower()
    table = labels.table
    shown = table[[name for name in table if name != "key" and not str(name).endswith((".start", ".end"))]]
    with atomic_path(path) as temporary:
        if ending == ".parquet":
            shown.to_parquet(temporary, index=False)
        elif ending == ".csv":
            shown.to_csv(temporary, index=False, float_format="%.6f", lineterminator="\n")
        else:
            shown.to_json(temporary, orient="records", lines=True, force_ascii=False, double_precision=6)
