"""From company vectors to groups of companies that do alike business, what each is about, and who is in it when.

In: (n, d) unit vectors, one a company and year; the company table; cities and periods. Out: a ``Clustering`` (labels,
noise as -1, strengths, stability, a map, medoids), tables of each cluster's terms, medoid companies and size, and what
cities and years share: mixing, composition, cluster events.
"""

from chainbert.clustering.assign import assign
from chainbert.clustering.clusters import Clustering, cluster
from chainbert.clustering.composition import Composition, measure_composition
from chainbert.clustering.config import FEWEST_TEXTS, ClusteringConfig
from chainbert.clustering.consensus import NOISE
from chainbert.clustering.describe import ClusterTables, describe_clusters
from chainbert.clustering.events import Events, track_clusters
from chainbert.clustering.matching import match_clusterings
from chainbert.clustering.mixing import Mixing, measure_mixing
from chainbert.clustering.space import pooled_by_length
from chainbert.clustering.sweep import Grid, settings_sweep

__all__ = [
    "FEWEST_TEXTS",
    "NOISE",
    "ClusterTables",
    "Clustering",
    "ClusteringConfig",
    "Composition",
    "Events",
    "Grid",
    "Mixing",
    "assign",
    "cluster",
    "describe_clusters",
    "match_clusterings",
    "measure_composition",
    "measure_mixing",
    "pooled_by_length",
    "settings_sweep",
    "track_clusters",
]
