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
    table = pd.DataFrame(list(records), columns=list(columns))
    floats = table.select_dtypes("float64").columns
    table[floats] = table[floats].round(DECIMALS)
    return table


def to_records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as dictionaries of plain Python values; NaN as None."""
    return [{str(key): _plain(value) for key, value in row.items()} for row in table.to_dict(orient="records")]


def _plain(value: object) -> object:
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
