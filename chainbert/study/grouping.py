"""The stage that groups the companies: clusters, what they are about, and how the cities share them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from chainbert.clustering import (
    FEWEST_TEXTS,
    Clustering,
    Grid,
    cluster,
    describe_clusters,
    measure_composition,
    measure_mixing,
    settings_sweep,
    track_clusters,
)
from chainbert.convergence import latest_rows
from chainbert.convergence.tables import to_records
from chainbert.study.tables import write_csv, write_table
from chainbert.study.vectors import weighed_by_length

if TYPE_CHECKING:
    from chainbert.study.work import Work

# A sweep asks how many clusters there are, not who is in them.
LAYOUTS_OF_A_SWEEP = 20
STEPS = (0.7, 1.0, 1.5)


def group(work: Work) -> dict[str, Any]:
    """``clusters.parquet``, ``clusters.json``, ``terms.csv``, and tables of the clusters and their shares."""
    rows = work.usable
    vectors, *views = looks(work, rows)
    language = rows["language"].to_numpy(dtype=str)
    found = cluster(vectors, work.study.clustering, work.rng("clustering"), language, views=views)
    period = pd.Series("", index=rows.index)
    period[work.placed.rows] = work.placed.period
    described = describe_clusters(found, rows, period)
    write_table(described.members, work.folder / "clusters.parquet")
    write_csv(described.terms, work.folder / "terms.csv")
    stability = described.clusters["cluster"].map(found.stability).round(4)
    write_csv(described.clusters.assign(stability=stability), work.folder / "tables" / "clusters.csv")
    write_csv(described.shares, work.folder / "tables" / "cluster_shares.csv")
    members = work.members.assign(period=work.placed.period, year=work.placed.year)
    labels = described.members.set_index("key")["cluster"]
    told = _stability(found) | _over_time(work, members, labels) | _sweep(work, rows, [vectors, *views])
    work.write_json("clusters.json", told)
    return {"clusters": len(found.medoids), "noise_share": round(found.noise_share, 4)}


def looks(work: Work, rows: pd.DataFrame) -> list[np.ndarray]:
    """The companies as the study's encoder sees them, and as its labeller's own does, where it has one."""
    encoders = [work.encoder]
    own = getattr(work.labeller.scorer, "encoder", work.encoder)
    if work.study.clustering.labeller_view and own.fingerprint != work.encoder.fingerprint:
        encoders.append(own)
    masked = work.study.companies.mask_cities
    return [
        weighed_by_length(work.sentences, encoder, work.store, masked=masked, progress=work.progress).of(rows["key"])
        for encoder in encoders
    ]


def _stability(found: Clustering) -> dict[str, Any]:
    return {
        "cluster_stability": [
            {
                "cluster": number,
                "stability": None if np.isnan(value) else round(value, 4),
                "stable": found.stable[number],
            }
            for number, value in found.stability.items()
        ]
    }


def _over_time(work: Work, members: pd.DataFrame, labels: pd.Series[int]) -> dict[str, Any]:
    """How cities and periods share the clusters, one row a firm and period."""
    rows = members[latest_rows(members["id"], members["year"], members["period"])]
    firm, period = rows["id"].to_numpy(dtype=str), rows["period"].to_numpy(dtype=str)
    city = rows["city"].to_numpy(dtype=str)
    strata = rows["language"].to_numpy(dtype=str)
    own = labels.loc[rows["key"]].to_numpy()
    draws, rng = work.study.convergence.draws, work.rng("clusters over time")
    vectors = work.vectors.of(rows["key"])
    mixing = measure_mixing(vectors, city, period, firm=firm, strata=strata, draws=draws, rng=rng)
    composition = measure_composition(
        own, city, period, reference=work.reference, firm=firm, strata=strata, draws=draws, rng=rng
    )
    events: dict[str, Any] = {"cluster_events": []}
    if len(set(period)) > 1:
        events = track_clusters(own, period, firm=firm, draws=draws, rng=rng).to_json()
    shared = {name: records for name, records in composition.to_json().items() if name != "reference"}
    warnings = {"warnings": list(composition.warnings)}
    return {**mixing.to_json(), **shared, **warnings, **events}


def _sweep(work: Work, rows: pd.DataFrame, looks: list[np.ndarray]) -> dict[str, Any]:
    """The clustering under smaller and greater settings, to see where it tips over."""
    config = work.study.clustering.model_copy(update={"layouts": LAYOUTS_OF_A_SWEEP})
    texts = len(rows["text"].unique())
    if texts < FEWEST_TEXTS:
        return {"sweep": []}
    size, near = config.smallest(texts), config.n_neighbors
    sizes = tuple(sorted({max(2, round(size * step)) for step in STEPS}))
    neighbours = tuple(sorted({max(2, round(near * step)) for step in STEPS}))
    grid = Grid(min_cluster_size=sizes, n_neighbors=neighbours, seeds=(work.study.seed,))
    language = rows["language"].to_numpy(dtype=str)
    return {"sweep": to_records(settings_sweep(looks[0], grid, config, language, views=looks[1:]))}
