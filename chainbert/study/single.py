"""One stage on one company table, for the commands ``embed``, ``cluster`` and ``compare``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from chainbert.clustering import ClusteringConfig, cluster, describe_clusters
from chainbert.companies import CompanySet, city_name, read_companies, sentences_of
from chainbert.convergence import measure_convergence
from chainbert.embedding import EmbeddingStore, default_store_folder, load_encoder
from chainbert.errors import ConfigError
from chainbert.files import check_writable
from chainbert.progress import Progress, silent
from chainbert.study.tables import write_csv, write_table
from chainbert.study.vectors import CompanyVectors, company_vectors

Columns = dict[str, str] | None


def embed_companies(
    companies: CompanySet, encoder_name: str, *, mask_cities: bool, progress: Progress = silent
) -> CompanyVectors:
    """One unit vector a company and year, through the user's own store."""
    encoder, store = load_encoder(encoder_name), EmbeddingStore(default_store_folder())
    return company_vectors(sentences_of(companies), encoder, store, masked=mask_cities, progress=progress)


def check_vectors_path(path: Path) -> None:
    """Raise ConfigError for another ending than .parquet, DataError where the file cannot be written."""
    if path.suffix.lower() != ".parquet":
        raise ConfigError(f"{path}: vectors are written as .parquet; found {path.suffix!r}")
    check_writable(path)


def write_vectors(companies: CompanySet, found: CompanyVectors, out: Path) -> None:
    """Parquet with the columns id, observed, vector, one row a usable company and year."""
    rows = companies.usable[["id", "observed"]].reset_index(drop=True)
    write_table(rows.assign(vector=list(found.of(companies.usable["key"]))), out)


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


def compare_sets(
    paths: Sequence[Path],
    columns: Columns,
    observed: Sequence[int],
    *,
    reference: str,
    encoder_name: str,
    seed: int,
    progress: Progress = silent,
) -> dict[str, Any]:
    """The gap of every city to the reference in each of two company sets of different years.

    ``observed`` gives the year of each set where its table does not. Raises ConfigError where the years are
    not known or the same in both, or the number of sets is not two.
    """
    if len(paths) != 2:
        raise ConfigError(f"{len(paths)} company tables given, two expected")
    if observed and len(observed) != len(paths):
        raise ConfigError(f"--observed given {len(observed)} times for {len(paths)} tables; give it once for each")
    tables = []
    for path, companies in zip(paths, _sets(paths, columns, observed), strict=True):
        found = embed_companies(companies, encoder_name, mask_cities=True, progress=progress)
        rows = companies.usable.assign(source_file=str(path))
        tables.append(rows.assign(vector=list(found.of(rows["key"]))))
    rows = pd.concat(tables, ignore_index=True)
    rows = rows[rows["city"] != ""]
    result = measure_convergence(
        np.stack(rows["vector"].to_list()),
        rows["city"].to_numpy(dtype=str),
        rows["observed"].to_numpy(dtype=float),
        reference=city_name(reference),
        firm=rows["id"].to_numpy(dtype=str),
        strata=rows["language"].to_numpy(dtype=str),
        rng=np.random.default_rng(seed),
    )
    sets = [{"path": str(path), "rows": len(table)} for path, table in zip(paths, tables, strict=True)]
    return {"sets": sets, "reference": city_name(reference), "seed": seed, "gaps": result.to_json()["gaps"]}


def _sets(paths: Sequence[Path], columns: Columns, observed: Sequence[int]) -> list[CompanySet]:
    """Both tables, read and checked before the first is embedded."""
    sets = []
    for place, path in enumerate(paths):
        year = {"observed": f"={observed[place]}"} if observed else {}
        companies = read_companies(path, (columns or {}) | year or None)
        if missing := int(companies.usable["observed"].isna().sum()):
            raise ConfigError(
                f"{path}: {missing:,} of {len(companies.usable):,} usable rows do not say the year they were observed "
                "in; give --observed YEAR for each table, in order (1800 to next year)"
            )
        sets.append(companies)
    first, second = (set(companies.usable["observed"]) for companies in sets)
    if shared := sorted(first & second):
        raise ConfigError(
            f"{paths[0]} and {paths[1]}: both have rows observed in {', '.join(map(str, shared))}; "
            "sets of different years were expected: give --observed YEAR for each, in order"
        )
    return sets
