"""The ``clustering`` section of a study file."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field

from chainbert.yamlfile import Section

LEAST_CLUSTER = 5


class ClusteringConfig(Section):
    """How companies are grouped. Defaults: ≥ 4 clusters and ≤ 25 % noise on 230 to 1,500 real company texts."""

    n_neighbors: int = Field(default=15, ge=2, le=200)
    """Neighbours of each row in the UMAP graph; fewer show finer groups."""
    n_components: int = Field(default=5, ge=2, le=50)
    """Dimensions of each layout that is clustered; the map for looking at always has 2."""
    min_dist: float = Field(default=0.0, ge=0, le=0.99)
    """How close UMAP may put rows in the layouts that are clustered; 0 packs groups tightest."""
    map_min_dist: float = Field(default=0.1, ge=0, le=0.99)
    """The same in the map, where points should not hide each other."""
    layouts: int = Field(default=8, ge=1, le=20)
    """UMAP layouts clustered together, so that no single random run decides; time grows with it."""
    min_cluster_size: Annotated[int, Field(ge=2)] | Literal["auto"] = "auto"
    """Fewest distinct texts in a cluster; auto is ¾ of the square root of their number, at least 5."""
    min_samples: int = Field(default=5, ge=1, le=100)
    """Neighbours that a row needs close by to count as dense; more give more noise."""
    largest_share: float = Field(default=0.5, gt=0, le=1)
    """A cluster with a greater share of all texts is divided where its parts are clusters themselves; 1 = never."""
    language_centring: bool = True
    """Whether each language's mean vector is taken out first; without it the languages are the clusters."""
    medoids: int = Field(default=3, ge=1, le=20)
    """Companies named as typical of a cluster."""

    def smallest(self, texts: int) -> int:
        """Fewest distinct texts in a cluster when there are ``texts`` of them."""
        if self.min_cluster_size == "auto":
            return max(LEAST_CLUSTER, round(0.75 * math.sqrt(texts)))
        return self.min_cluster_size
