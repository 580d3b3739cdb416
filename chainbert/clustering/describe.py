"""What clusters are about: their terms, their typical companies, and their size by city and period."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from chainbert.clustering.clusters import Clustering
from chainbert.clustering.consensus import NOISE
from chainbert.errors import DataError
from chainbert.wording import class_terms, tokens

ALL_PERIODS = "all"
NOISE_NAME = "noise"
TERMS_A_CLUSTER = 10
TERMS_A_NAME = 3
_JOINT = " · "


@dataclass(frozen=True, slots=True, eq=False)
class ClusterTables:
    """The tables of a run folder about clusters; noise is cluster -1 in each."""

    members: pd.DataFrame
    """key, id, observed, cluster, strength in [0, 1], x, y, medoid: one row a company and year, as given."""
    clusters: pd.DataFrame
    """cluster, name (its first terms), size (rows), medoids (company names): by cluster, noise last."""
    shares: pd.DataFrame
    """cluster, city, period, n, total (the city's rows of the period), share = n / total in [0, 1]."""
    terms: pd.DataFrame
    """cluster, rank, term, weight, firms: see ``wording.class_terms``."""


def describe_clusters(clustering: Clustering, rows: pd.DataFrame, period: pd.Series) -> ClusterTables:
    """Tables of a clustering of ``rows``, a company table with key, id, observed, name, city, text, language.

    ``rows`` (n) are in the order of the vectors; ``period`` (n) names each row's period, "" where it has none.
    Shares are given for every city, every cluster, every period and all periods together, 0 included; rows
    without a city are in no share, rows without a period only under "all". A word counts once a row, so that
    long texts have no more say than short ones. Raises DataError where the lengths differ.
    """
    if not len(clustering.labels) == len(rows) == len(period):
        raise DataError(
            f"{len(clustering.labels):,} labels, {len(rows):,} companies and {len(period):,} periods found; "
            "one label and one period a company are expected"
        )
    members = _members(clustering, rows)
    words = [
        list(dict.fromkeys(tokens(text, language)))
        for text, language in zip(rows["text"], rows["language"], strict=True)
    ]
    terms = class_terms(words, clustering.labels, TERMS_A_CLUSTER, firm=rows["id"].to_numpy(dtype=str))
    return ClusterTables(
        members=members,
        clusters=_clusters(clustering, members, rows["name"].tolist(), terms),
        shares=_shares(members["cluster"], rows["city"], period),
        terms=terms,
    )


def _members(clustering: Clustering, rows: pd.DataFrame) -> pd.DataFrame:
    members = rows[["key", "id", "observed"]].reset_index(drop=True)
    typical = {row for medoids in clustering.medoids.values() for row in medoids}
    return members.assign(
        cluster=clustering.labels,
        strength=clustering.strength,
        x=clustering.map[:, 0],
        y=clustering.map[:, 1],
        medoid=[row in typical for row in range(len(members))],
    )


def _clusters(clustering: Clustering, members: pd.DataFrame, names: list[str], terms: pd.DataFrame) -> pd.DataFrame:
    sizes = members["cluster"].value_counts()
    table = []
    for number in sorted(sizes.index, key=lambda number: (number == NOISE, number)):
        first = terms.loc[(terms["cluster"] == number) & (terms["rank"] <= TERMS_A_NAME), "term"]
        # A firm seen in two years may be a medoid twice.
        medoids = dict.fromkeys(names[row] for row in clustering.medoids.get(int(number), []))
        table.append(
            {
                "cluster": int(number),
                "name": NOISE_NAME if number == NOISE else _JOINT.join(first) or f"cluster {number}",
                "size": int(sizes[number]),
                "medoids": _JOINT.join(name for name in medoids if name),
            }
        )
    return pd.DataFrame(table, columns=["cluster", "name", "size", "medoids"])


def _shares(cluster: pd.Series, city: pd.Series, period: pd.Series) -> pd.DataFrame:
    rows = pd.DataFrame({"cluster": cluster.to_numpy(), "city": city.to_numpy(), "period": period.to_numpy()})
    placed = rows[rows["city"] != ""]
    dated = placed[~placed["period"].isin(["", ALL_PERIODS])]
    counted = pd.concat([placed.assign(period=ALL_PERIODS), dated])
    keys = ["city", "period"]
    totals = counted.groupby(keys, sort=True).size().rename("total").reset_index()
    grid = totals.merge(pd.DataFrame({"cluster": sorted(rows["cluster"].unique())}), how="cross")
    found = counted.groupby([*keys, "cluster"]).size().rename("n").reset_index()
    table = grid.merge(found, on=[*keys, "cluster"], how="left")
    table["n"] = table["n"].fillna(0).astype("int64")
    table["share"] = table["n"] / table["total"]
    # "all" stands before the years.
    order = table.assign(first=table["period"] != ALL_PERIODS).sort_values(["cluster", "city", "first", "period"])
    return order[["cluster", "city", "period", "n", "total", "share"]].reset_index(drop=True)
