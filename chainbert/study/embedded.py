"""Embedded company sets: the parquet files that ``chainbert embed`` writes and ``chainbert compare`` reads."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow
import pyarrow.parquet

from chainbert.companies import CompanySet
from chainbert.companies.matchnames import other_names
from chainbert.companies.stages import round_column
from chainbert.embedding import Encoder
from chainbert.errors import ConfigError, DataError
from chainbert.files import atomic_path, check_writable
from chainbert.study.vectors import CompanyVectors

KEY = b"chainbert"
COLUMNS = ("id", "observed", "vector")
FACTS = ("name", "city", "founded", "language", "website", "investors", "industry", "characters")
"""What a comparison needs of a company besides its vector: all but its text."""


@dataclass(frozen=True, slots=True)
class EmbeddedSet:
    """A company set with its vectors."""

    rows: pd.DataFrame
    """One row a company and year, as the usable rows of a ``CompanySet``; ``characters`` may stand for the text."""
    vectors: np.ndarray
    """(n, d) float32 unit rows."""
    encoder: str
    """Fingerprint of the encoder."""
    masked: bool
    """Whether city names in the texts were replaced."""


def check_vectors_path(path: Path) -> None:
    """Raise ConfigError for another ending than .parquet, DataError where the file cannot be written."""
    if path.suffix.lower() != ".parquet":
        raise ConfigError(f"{path}: vectors are written as .parquet; found {path.suffix!r}")
    check_writable(path)


def write_vectors(companies: CompanySet, found: CompanyVectors, out: Path, *, encoder: Encoder, masked: bool) -> None:
    """Parquet with id, observed, vector and what a comparison needs, one row a usable company and year.

    The file's metadata name the encoder's fingerprint and say whether city names were masked.
    """
    rows = companies.usable
    others = [*other_names(map(str, rows.columns)), *filter(None, [round_column(map(str, rows.columns))])]
    table = rows[["id", "observed"]].assign(vector=list(found.of(rows["key"])))
    table = table.join(rows.assign(characters=rows["text"].str.len())[[*FACTS, *others]])
    written = pyarrow.Table.from_pandas(table, preserve_index=False)
    about = json.dumps({"encoder": encoder.fingerprint, "masked": masked}).encode()
    written = written.replace_schema_metadata({**(written.schema.metadata or {}), KEY: about})
    with atomic_path(out) as temporary:
        pyarrow.parquet.write_table(written, temporary, compression="zstd")


def holds_vectors(path: Path) -> bool:
    """Whether a file is a parquet file with a column ``vector``."""
    if path.suffix.lower() != ".parquet" or not path.is_file():
        return False
    try:
        return "vector" in pyarrow.parquet.read_schema(path).names
    except (pyarrow.ArrowInvalid, OSError):
        return False  # a damaged file is told of by the reader of tables


def read_vectors(path: Path, year: int | None = None) -> EmbeddedSet:
    """Read what ``write_vectors`` wrote; ``year`` is that of all rows, whatever the file says.

    Raises DataError for missing columns, no statement of the encoder, vectors of several lengths and a company twice
    in one year.
    """
    table = pyarrow.parquet.read_table(path)
    rows = table.to_pandas()
    missing = [column for column in (*COLUMNS, *FACTS) if column not in rows]
    about = (table.schema.metadata or {}).get(KEY)
    if missing or about is None:
        lacks = f"no column {', '.join(missing)}" if missing else "nothing that names its encoder"
        raise DataError(f"{path}: has vectors, but {lacks}; embed the company table again with `chainbert embed`")
    rows["id"] = rows["id"].astype("str")
    rows = rows.astype(dict.fromkeys(("observed", "founded"), "Int64"))
    if year is not None:
        rows["observed"] = pd.array([year] * len(rows), dtype="Int64")
    lengths = sorted({len(vector) for vector in rows["vector"]})
    if len(lengths) != 1:
        raise DataError(f"{path}: vectors of {lengths or 'no'} numbers found; one length was expected")
    twice = rows[rows.duplicated(["id", "observed"])]
    if len(twice):
        raise DataError(
            f"{path}: {len(twice):,} rows are of a company and year that has another (first: id "
            f"'{twice['id'].iloc[0]}'); one row each was expected"
        )
    said = json.loads(about)
    vectors = np.stack(rows.pop("vector").to_list()).astype(np.float32)
    return EmbeddedSet(rows, vectors, str(said["encoder"]), bool(said["masked"]))
