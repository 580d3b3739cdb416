"""Company vectors: the mean of a company's sentence vectors, one a company and year."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from chainbert.clustering import pooled_by_length
from chainbert.embedding import EmbeddingStore, Encoder, embed_texts, pool_rows
from chainbert.progress import Progress, silent


@dataclass(frozen=True, slots=True)
class CompanyVectors:
    """Vectors of the companies that have at least one sentence."""

    keys: np.ndarray
    """(n,) str: the company table's ``key``, in the order of first appearance."""
    vectors: np.ndarray
    """(n, d) float32 unit rows."""
    texts: int
    """Distinct texts that were needed."""
    computed: int
    """Of these, how many had to be embedded now; the rest came from the store."""
    truncated: int
    """Texts longer than the encoder reads."""

    def of(self, keys: pd.Series) -> np.ndarray:
        """(m, d) float32: the rows of the given keys, each of which must be there."""
        return np.asarray(self.vectors[pd.Index(self.keys).get_indexer(keys)])


def company_vectors(
    sentences: pd.DataFrame,
    encoder: Encoder,
    store: EmbeddingStore | None,
    *,
    masked: bool,
    progress: Progress = silent,
) -> CompanyVectors:
    """Embed sentences (as ``sentences_of`` gives them) and average them by company.

    Whole and masked sentences are embedded in one go, so that labelling, which reads whole ones, finds its
    vectors in the store. The name is no description of the business and is left out of the mean.
    """
    columns = ["text", "masked"] if masked else ["text"]
    texts = list(pd.unique(pd.concat([sentences[column] for column in columns])))
    embedded = embed_texts(encoder, texts, store, progress=progress)
    said = sentences[sentences["part"] == "text"]
    place = pd.Index(texts).get_indexer(said["masked" if masked else "text"])
    owner, keys = pd.factorize(said["key"])
    vectors = pool_rows(embedded.vectors[place], owner, len(keys))
    return CompanyVectors(np.asarray(keys, dtype=object), vectors, len(texts), embedded.computed, embedded.truncated)


def weighed_by_length(
    sentences: pd.DataFrame,
    encoder: Encoder,
    store: EmbeddingStore | None,
    *,
    masked: bool,
    progress: Progress = silent,
) -> CompanyVectors:
    """As ``company_vectors``, a sentence of twice the characters counting twice: what clustering looks at."""
    said = sentences[sentences["part"] == "text"]
    column = said["masked" if masked else "text"]
    texts = list(pd.unique(column))
    embedded = embed_texts(encoder, texts, store, progress=progress)
    owner, keys = pd.factorize(said["key"])
    vectors = pooled_by_length(
        embedded.vectors[pd.Index(texts).get_indexer(column)],
        owner.astype(np.int64),
        column.str.len().to_numpy(dtype=np.int64),
        len(keys),
    )
    return CompanyVectors(np.asarray(keys, dtype=object), vectors, len(texts), embedded.computed, embedded.truncated)
