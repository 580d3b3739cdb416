"""UMAP and HDBSCAN on company vectors: right on planted groups, the same for any order and thread count."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from chainbert.clustering import NOISE, Clustering, ClusteringConfig, cluster
from chainbert.errors import DataError

ONE_LAYOUT = ClusteringConfig(layouts=1)
SIZES = (60, 40, 30, 20)


def blobs(sizes=SIZES, spread=0.6, dimensions=48, seed=5):
    """Unit rows around random centres, and whose they are."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(len(sizes), dimensions))
    owner = np.repeat(np.arange(len(sizes)), sizes)
    rows = centres[owner] + spread * rng.normal(size=(len(owner), dimensions))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32), owner


def run(vectors, config=ONE_LAYOUT, language=None):
    return cluster(vectors, config, np.random.default_rng(0), language=language)


def digest(found: Clustering, order) -> str:
    """Hash of all numbers of a clustering of rows ``order``, put back into the given order."""
    back = np.argsort(order)
    parts = (found.labels[back], found.strength[back], found.map[back])
    medoids = {number: sorted(int(order[row]) for row in rows) for number, rows in found.medoids.items()}
    return hashlib.sha256(b"".join(part.tobytes() for part in parts) + str(medoids).encode()).hexdigest()


def straight_and_shuffled() -> str:
    vectors, _ = blobs()
    vectors = np.vstack([vectors, vectors[:5]])
    shuffled = np.random.default_rng(9).permutation(len(vectors))
    config = ClusteringConfig(layouts=2)
    return "\n".join(digest(run(vectors[order], config), order) for order in (np.arange(len(vectors)), shuffled))


@pytest.fixture(scope="module")
def found():
    vectors, owner = blobs()
    return run(vectors), vectors, owner


def test_planted_groups_are_found_and_numbered_by_size(found):
    clustering, _, owner = found
    assert adjusted_rand_score(owner, clustering.labels) >= 0.95
    sizes = np.bincount(clustering.labels[clustering.labels != NOISE])
    assert sizes.tolist() == sorted(sizes, reverse=True)
    assert clustering.note == ""


def test_result_has_its_shapes_and_ranges(found):
    clustering, vectors, _ = found
    assert clustering.labels.shape == clustering.strength.shape == (len(vectors),)
    assert clustering.map.shape == (len(vectors), 2)
    assert ((clustering.strength >= 0) & (clustering.strength <= 1)).all()
    assert (clustering.strength[clustering.labels == NOISE] == 0).all()
    assert clustering.noise_share == np.mean(clustering.labels == NOISE)


def test_medoids_are_members_near_the_mean_direction(found):
    clustering, vectors, _ = found
    centred = vectors - vectors.mean(axis=0)
    for number, rows in clustering.medoids.items():
        own = np.flatnonzero(clustering.labels == number)
        assert len(rows) == 3
        assert set(rows) <= set(own)
        nearness = centred[own] @ centred[own].mean(axis=0)
        assert np.min(centred[rows] @ centred[own].mean(axis=0)) > np.median(nearness)


def test_any_row_order_and_thread_count_gives_the_same_bytes():
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", "import test_clustering_clusters as t; print(t.straight_and_shuffled())"],
            cwd=Path(__file__).parent,
            env=os.environ | {"OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads, "NUMBA_NUM_THREADS": "2"},
            stdout=subprocess.PIPE,
            text=True,
        )
        for threads in ("1", "2")
    ]
    printed = [process.communicate(timeout=300)[0].split() for process in runs]
    assert [process.returncode for process in runs] == [0, 0]
    assert len({*printed[0], *printed[1], *straight_and_shuffled().split()}) == 1


def test_recomputed_vectors_give_the_same_clusters(found):
    clustering, vectors, _ = found
    noise = np.random.default_rng(1).uniform(-1e-7, 1e-7, size=vectors.shape)
    again = run(vectors.astype(np.float64) + noise)
    assert adjusted_rand_score(clustering.labels, again.labels) >= 0.99


def test_identical_rows_share_label_strength_and_place(found):
    _, vectors, _ = found
    again = run(np.vstack([vectors, vectors]))
    half = len(vectors)
    assert (again.labels[:half] == again.labels[half:]).all()
    assert (again.strength[:half] == again.strength[half:]).all()
    assert (again.map[:half] == again.map[half:]).all()
    assert all(len(rows) == 6 for rows in again.medoids.values())


def test_repeating_every_row_changes_no_label(found):
    clustering, vectors, _ = found
    assert run(np.vstack([vectors, vectors])).labels[: len(vectors)].tolist() == clustering.labels.tolist()


def test_only_the_direction_of_a_row_counts(found):
    clustering, vectors, _ = found
    scaled = run(vectors.astype(np.float64) * np.linspace(0.5, 40, len(vectors))[:, None])
    assert adjusted_rand_score(clustering.labels, scaled.labels) >= 0.99


def test_rows_of_no_group_stay_noise():
    rng = np.random.default_rng(2)
    vectors, owner = blobs((40, 40), spread=0.15)
    scattered = rng.normal(size=(12, vectors.shape[1]))
    scattered /= np.linalg.norm(scattered, axis=1, keepdims=True)
    # A neighbourhood as small as the crowd, so that UMAP does not gather strangers into one.
    clustering = run(np.vstack([vectors, scattered]), ClusteringConfig(layouts=1, n_neighbors=10, min_cluster_size=20))
    assert adjusted_rand_score(owner, clustering.labels[:80]) >= 0.95
    assert clustering.labels[80:].tolist().count(NOISE) >= 6
    assert clustering.noise_share >= 6 / 92


def test_a_dense_majority_is_not_torn_apart():
    vectors, owner = blobs((110, 30, 20), spread=0.3)
    assert adjusted_rand_score(owner, run(vectors).labels) >= 0.95


def test_languages_are_not_the_clusters():
    vectors, owner = blobs((40, 40, 40), spread=0.5)
    language = np.array(["zh", "en"])[np.arange(len(vectors)) % 2]
    apart = np.zeros(vectors.shape[1])
    apart[0] = 3.0
    spoken = vectors + np.where((language == "zh")[:, None], apart, -apart)
    centred = run(spoken, language=language)
    assert adjusted_rand_score(owner, centred.labels) >= 0.95
    raw = run(spoken, ClusteringConfig(layouts=1, language_centring=False), language=language)
    assert raw.labels.max() > 0
    assert all(len(set(language[raw.labels == number])) == 1 for number in range(raw.labels.max() + 1))


@pytest.mark.parametrize("rows", [2, 14])
def test_too_few_rows_are_noise_with_a_reason(rows):
    clustering = run(blobs((rows,))[0])
    assert clustering.labels.tolist() == [NOISE] * rows
    assert clustering.note == f"{rows} distinct rows; clusters are looked for from 15 on, so all rows are noise"
    assert (clustering.noise_share, clustering.medoids, clustering.map.shape) == (1.0, {}, (rows, 2))


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from([(1.0, 0.0), (0.6, 0.8), (-1.0, 0.1), (0.0, -2.0)]), min_size=1, max_size=40), st.data()
)
def test_few_texts_give_one_answer_in_any_order(rows, data):
    order = np.array(data.draw(st.permutations(range(len(rows)))))
    straight, shuffled = run(np.array(rows)), run(np.array(rows)[order])
    assert shuffled.labels.tolist() == straight.labels[order].tolist()
    assert (shuffled.map == straight.map[order]).all()
    assert set(straight.labels.tolist()) == ({0} if len(set(rows)) == 1 < len(rows) else {NOISE})


def test_a_single_row_is_noise():
    assert run(blobs((1,))[0]).labels.tolist() == [NOISE]


def test_identical_rows_are_one_cluster():
    clustering = run(np.repeat(blobs((1,))[0], 30, axis=0))
    assert clustering.labels.tolist() == [0] * 30
    assert clustering.note == "all 30 rows are identical: one cluster"
    assert clustering.medoids == {0: list(range(30))}


def test_fifteen_rows_are_enough_to_search():
    clustering = run(blobs((8, 8), spread=0.1)[0])
    assert adjusted_rand_score([0] * 8 + [1] * 8, clustering.labels) == 1


def test_clusters_larger_than_the_set_are_not_found():
    clustering = run(blobs((20,))[0], ClusteringConfig(layouts=1, min_cluster_size=50))
    assert clustering.noise_share == 1
    assert clustering.note == "no 50 texts lie closer together than the rest"


def test_two_dimensions_are_enough():
    angles = np.concatenate([np.linspace(0, 0.3, 20), np.linspace(2, 2.3, 20), np.linspace(4, 4.3, 20)])
    clustering = run(np.column_stack([np.cos(angles), np.sin(angles)]))
    assert adjusted_rand_score(np.repeat([0, 1, 2], 20), clustering.labels) >= 0.95


@pytest.mark.parametrize(
    ("vectors", "language", "message"),
    [
        (np.ones(5), None, r"shape \(5,\) found; \(rows, dimensions\)"),
        (np.ones((0, 3)), None, r"shape \(0, 3\) found"),
        (np.array([[1.0, np.nan], [1.0, 2.0]]), None, r"NaN or infinite values found in 1 of 2 vectors \(row 0\)"),
        (np.array([[1.0, 1.0], [np.inf, 2.0]]), None, r"NaN or infinite values found in 1 of 2 vectors \(row 1\)"),
        (np.array([[1.0, 1.0], [0.0, 0.0]]), None, r"only zeros found in 1 of 2 vectors \(row 1\)"),
        (np.ones((3, 2)), np.array(["zh"]), r"1 languages for 3 vectors found"),
    ],
)
def test_vectors_that_cannot_be_clustered_are_refused(vectors, language, message):
    with pytest.raises(DataError, match=message):
        run(vectors, language=language)


def test_global_randomness_is_left_alone(found):
    _, vectors, _ = found
    np.random.seed(3)  # noqa: NPY002 - the global generator is what is checked
    before = np.random.get_state()[1].tolist()  # noqa: NPY002 - as above
    run(vectors[:40])
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002 - as above


@pytest.mark.parametrize(("texts", "smallest"), [(15, 5), (230, 8), (280, 8), (1475, 19)])
def test_the_automatic_smallest_cluster_grows_with_the_root(texts, smallest):
    assert ClusteringConfig().smallest(texts) == smallest
    assert ClusteringConfig(min_cluster_size=7).smallest(texts) == 7


@pytest.mark.parametrize(("texts", "layouts"), [(15, 100), (300, 100), (400, 75), (1475, 50)])
def test_small_sets_take_more_layouts(texts, layouts):
    assert ClusteringConfig().draws(texts) == layouts
    assert ClusteringConfig(layouts=7).draws(texts) == 7


def test_a_view_of_other_rows_is_refused():
    with pytest.raises(DataError, match="a view of 3 rows for 2 vectors found"):
        cluster(np.ones((2, 2)), ONE_LAYOUT, np.random.default_rng(0), views=[np.ones((3, 2))])
