"""One stage on one company table, for the commands ``embed`` and ``cluster``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from chainbert.clustering import ClusteringConfig, cluster, describe_clusters
from chainbert.companies import CompanySet, sentences_of
from chainbert.embedding import EmbeddingStore, default_store_folder, load_encoder
from chainbert.progress import Progress, silent
from chainbert.study.tables import write_csv
from chainbert.study.vectors import CompanyVectors, company_vectors


def embed_companies(
    companies: CompanySet, encoder_name: str, *, mask_cities: bool, progress: Progress = silent
) -> CompanyVectors:
    """One unit vector a company and year, through the user's own store."""
    encoder, store = load_encoder(encoder_name), EmbeddingStore(default_store_folder())
    return company_vectors(sentences_of(companies), encoder, store, masked=mask_cities, progress=progress)


def cluster_companies(
    companies: CompanySet, found: CompanyVectors, config: ClusteringConfig, seed: int, out: Path
) -> tuple[int, float]:
    """Write members.csv, clusters.csv and terms.csv into ``out``; return the number of clusters and the noise share."""
    rows = companies.usable
    language = rows["language"].to_numpy(dtype=str)
    result = cluster(found.of(rows["key"]), config, np.random.default_rng(seed), language=language)
    described = describe_clusters(result, rows, pd.Series("all", index=rows.index))
    names = rows[["key", "name", "city"]]
    write_csv(described.members.merge(names, on="key"), out / "members.csv")
    write_csv(described.clusters, out / "clusters.csv")
    write_csv(described.terms, out / "terms.csv")
    return len(result.medoids), result.noise_share
