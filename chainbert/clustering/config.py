"""The ``clustering`` section of a study file."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field

from chainbert.yamlfile import Section

LEAST_CLUSTER = 5
FEWEST_TEXTS = 15


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
    layouts: Annotated[int, Field(ge=1, le=500)] | Literal["auto"] = "auto"
    """UMAP layouts whose clusters are counted together, five for each subsample of nine tenths of the texts (below ten,
    all texts are in each); more are surer, and time grows with it. auto is 100 up to 300 texts,
    50 from 600 on."""
    epochs: int = Field(default=100, ge=10, le=1000)
    """UMAP's passes for each layout that is clustered; what fewer lose, more layouts make good."""
    min_cluster_size: Annotated[int, Field(ge=2)] | Literal["auto"] = "auto"
    """Fewest distinct texts in a cluster; auto is half the square root of their number, at least 5."""
    min_samples: int = Field(default=5, ge=1, le=100)
    """Neighbours that a row needs close by to count as dense; more give more noise."""
    largest_share: float = Field(default=0.5, gt=0, le=1)
    """A cluster of one layout with a greater share of its texts is divided where its parts are clusters themselves;
    1 = never."""
    language_centring: bool = True
    """Whether each language's mean vector is taken out first; without it the languages are the clusters."""
    components: int = Field(default=30, ge=2, le=2000)
    """Principal components of each encoder's vectors that are looked at; the rest is taken for noise."""
    damping: float = Field(default=0.5, ge=0, le=1)
    """How far the leading components are turned down: divided by this power of their spread; 0 = not, 1 = all alike."""
    labeller_view: bool = True
    """Whether a study also looks through the encoder of its labeller, where that is one of its own: it was tuned to
    tell apart what the codebook asks, and two encoders see groups that one does not."""
    medoids: int = Field(default=3, ge=1, le=20)
    """Companies named as typical of a cluster."""

    def smallest(self, texts: int) -> int:
        """Fewest distinct texts in a cluster when there are ``texts`` of them."""
        if self.min_cluster_size == "auto":
            return max(LEAST_CLUSTER, round(0.5 * math.sqrt(texts)))
        return self.min_cluster_size

    def draws(self, texts: int) -> int:
        """Layouts when there are ``texts`` distinct texts."""
        if self.layouts == "auto":
            return min(max(5 * round(6000 / max(texts, 1)), 50), 100)
        return self.layouts
