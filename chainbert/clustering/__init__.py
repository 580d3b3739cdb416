"""From company vectors to groups of companies that do alike business, and what each group is about.

In: (n, d) unit vectors, one a company and year; the company table. Out: a ``Clustering`` (labels, noise as -1,
strengths, a map, medoids) and tables of each cluster's terms, medoid companies and size by city and period.
"""

from chainbert.clustering.clusters import NOISE, Clustering, cluster
from chainbert.clustering.config import ClusteringConfig
from chainbert.clustering.describe import ClusterTables, describe_clusters

__all__ = ["NOISE", "ClusterTables", "Clustering", "ClusteringConfig", "cluster", "describe_clusters"]
