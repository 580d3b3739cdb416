"""The table of settings: right figures, the chosen setting at 1, cliffs where the count breaks off."""

import numpy as np
import pandas as pd
import pytest

from chainbert.clustering import ClusteringConfig, cluster
from chainbert.clustering.sweep import COLUMNS, Grid, find_cliffs, settings_sweep
from chainbert.errors import ConfigError, DataError

CONFIG = ClusteringConfig(layouts=2, min_cluster_size=12)


def blobs(sizes=(25, 25, 25, 25), spread=0.5, dimensions=48, seed=5):
    """Unit rows around random centres."""
    rng = np.random.default_rng(seed)
    owner = np.repeat(np.arange(len(sizes)), sizes)
    rows = rng.normal(size=(len(sizes), dimensions))[owner] + spread * rng.normal(size=(len(owner), dimensions))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def table():
    return settings_sweep(blobs(), Grid((8, 16, 60), n_neighbors=(10,), seeds=(0, 1)), CONFIG)


def test_every_setting_and_seed_has_its_row(table):
    assert list(table.columns) == COLUMNS
    assert len(table) == 4 * 2 * 2
    assert sorted(set(table["min_cluster_size"])) == [8, 12, 16, 60]
    assert set(table["n_neighbors"]) == {10, 15}


def test_the_chosen_setting_is_marked_and_like_itself(table):
    chosen = table[table["chosen"]]
    assert chosen[["min_cluster_size", "n_neighbors"]].drop_duplicates().to_numpy().tolist() == [[12, 15]]
    assert chosen["ari"].iloc[0] == 1


def test_the_chosen_row_is_what_cluster_finds():
    vectors = blobs()
    table = settings_sweep(vectors, Grid((12,), seeds=(3,)), CONFIG)
    found = cluster(vectors, CONFIG, np.random.default_rng(3))
    assert table[["clusters", "noise_share"]].iloc[0].tolist() == [len(found.medoids), found.noise_share]


def test_a_smallest_cluster_above_every_group_is_a_cliff(table):
    four = table[table["min_cluster_size"].isin([8, 12])]
    assert set(four["clusters"]) == {4}
    assert not four["cliff"].any()
    last = table[table["min_cluster_size"] == 60]
    assert (last["clusters"] <= 1).all()
    assert last["cliff"].all()
    assert table.loc[table["min_cluster_size"] == 16, "cliff"].all()


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([53, 3, 3], [True, True, False]),
        ([8, 4, 2], [False, False, False]),
        ([9, 4, 4], [True, True, False]),
        ([0, 1, 1], [True, True, False]),
        ([0, 0, 0], [False, False, False]),
        ([5, 6, 7], [False, False, False]),
    ],
)
def test_more_than_half_of_the_larger_number_is_a_cliff(counts, expected):
    settings = pd.DataFrame({"min_cluster_size": [10, 20, 30], "n_neighbors": 15, "clusters": counts})
    assert find_cliffs(settings) == expected
    turned = settings.rename(columns={"min_cluster_size": "n_neighbors", "n_neighbors": "min_cluster_size"})
    assert find_cliffs(turned) == expected


def test_the_order_of_the_rows_changes_nothing():
    vectors = blobs((20, 20))
    order = np.random.default_rng(0).permutation(len(vectors))
    grid = Grid((6, 12), seeds=(0,))
    pd.testing.assert_frame_equal(settings_sweep(vectors, grid, CONFIG), settings_sweep(vectors[order], grid, CONFIG))


@pytest.mark.parametrize("grid", [Grid(()), Grid((5,), seeds=())])
def test_an_empty_grid_is_refused(grid):
    with pytest.raises(ConfigError, match="at least one min_cluster_size and one seed"):
        settings_sweep(blobs(), grid, CONFIG)


def test_too_few_rows_are_refused():
    with pytest.raises(DataError, match="14 distinct rows found; settings are compared from 15 on"):
        settings_sweep(blobs((7, 7)), Grid((5,)), CONFIG)
