"""Results as tables and as plain data."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

# Sums in another order (threads) differ in the last bits; 12 decimals are far beyond any use and far above those bits.
DECIMALS = 12


def rounded(records: Sequence[dict[str, Any]], columns: Sequence[str]) -> pd.DataFrame:
    """A table of the records, floats to 12 decimals; columns in their order."""
    rows = [
        {key: round(value, DECIMALS) if isinstance(value, float) else value for key, value in record.items()}
        for record in records
    ]
    return pd.DataFrame(rows, columns=list(columns))


def to_records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as dictionaries of plain Python values; NaN as None."""
    return [{str(key): _plain(value) for key, value in row.items()} for row in table.to_dict(orient="records")]


def _plain(value: object) -> object:
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
