"""What else is known of the firms that are compared, and other vectors of the same firms."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from chainbert.convergence.balance import BINS, levels_of
from chainbert.convergence.config import Treatment
from chainbert.embedding import EmbeddingStore, Encoder, fit_language_bias
from chainbert.errors import DataError
from chainbert.progress import Progress, silent
from chainbert.study.vectors import CompanyVectors
from chainbert.yamlfile import did_you_mean

LENGTH, NAMES_CITY = "length", "names_city"


def covariates_of(
    rows: pd.DataFrame,
    sentences: pd.DataFrame,
    names: Iterable[str],
    source: str,
    setting: str = "convergence.held_fixed",
) -> pd.DataFrame:
    """One column a name, aligned with rows.

    A name is a column of the company table, ``length`` (characters of the text) or ``names_city`` (whether the text
    names a city of China). A column of numbers stays one; a text without letters is missing, and missing is None or
    NaN. Raises DataError, which names the setting, for a name that is no column.
    """
    table = pd.DataFrame(index=range(len(rows)))
    for name in names:
        if name == LENGTH:
            table[name] = rows["text"].str.len().to_numpy(dtype=np.float64)
        elif name == NAMES_CITY:
            said = sentences[sentences["part"] == "text"]
            named = set(said.loc[said["text"] != said["masked"], "key"])
            table[name] = rows["key"].isin(named).to_numpy(dtype=bool)
        elif name in rows.columns:
            table[name] = _values(rows[name])
        else:
            known = [*map(str, rows.columns), LENGTH, NAMES_CITY]
            raise DataError(
                f"{source}: no column {name} for {setting}; found {', '.join(known)}.{did_you_mean(name, known)}"
            )
    return table


def _values(column: pd.Series) -> np.ndarray:
    """(n,) float with NaN, bool, or texts with None."""
    if pd.api.types.is_bool_dtype(column.dtype) and column.notna().all():
        return column.to_numpy(dtype=bool)
    if pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_bool_dtype(column.dtype):
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    texts = [None if pd.isna(value) else str(value).strip() or None for value in column]
    return np.array(texts, dtype=object)


def strata_of(covariates: pd.DataFrame, names: tuple[str, ...], bins: int = BINS) -> np.ndarray | None:
    """(n, k) labels of the columns, cut as the controls cut them (see ``levels_of``); None without names.

    What is missing is a class of its own.
    """
    if not names:
        return None
    # Numbers of the classes: two classes of long numbers may share a name.
    return np.column_stack([levels_of(covariates[name], bins).code.astype(str) for name in names])


def without_language(
    found: CompanyVectors,
    rows: pd.DataFrame,
    method: Treatment,
    encoder: Encoder,
    store: EmbeddingStore,
    progress: Progress = silent,
) -> np.ndarray:
    """(n, d) unit rows of ``rows`` without their language's bias (``raw``: as they are).

    A text in a language that the reference does not have stays as it is.
    """
    vectors = found.of(rows["key"])
    if method == "raw":
        return vectors
    bias = fit_language_bias(encoder, store, method, progress=progress)
    known = rows["language"].isin(bias.languages).to_numpy(dtype=bool)
    result = np.array(vectors, dtype=np.float64)
    result[known] = bias.remove(vectors[known], rows["language"].to_numpy(dtype=object)[known])
    return result
