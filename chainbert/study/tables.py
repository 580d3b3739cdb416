"""Tables of a run folder: written whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from chainbert.files import atomic_path


def write_table(table: pd.DataFrame, target: Path) -> None:
    """Write parquet (zstd)."""
    with atomic_path(target) as temporary:
        table.to_parquet(temporary, index=False, compression="zstd")


def write_csv(table: pd.DataFrame, target: Path) -> None:
    """Write csv: UTF-8, comma, a header, missing numbers empty."""
    with atomic_path(target) as temporary:
        table.to_csv(temporary, index=False, encoding="utf-8", lineterminator="\n")


def count_rows(path: Path) -> int | None:
    """Rows of a parquet or csv file; None for any other."""
    if path.suffix == ".parquet":
        return len(pd.read_parquet(path, columns=[]))
    if path.suffix == ".csv":
        return len(pd.read_csv(path, usecols=[0]))
    return None
