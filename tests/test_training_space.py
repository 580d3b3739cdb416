"""The spaces that training bends: where they start, what is trained, and that labelling sees the same vectors."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from encoders import tiny_bert
from torch import nn
from training_sets import VOCABULARY, invented, texts_of

from chainbert.embedding import AdaptedEncoder, load_encoder
from chainbert.errors import ConfigError
from chainbert.labelling.trained import Trained
from chainbert.labelling.training.config import LoraConfig, ProjectionConfig
from chainbert.labelling.training.space import AdaptedTransformer, LowRankMap, ProjectedVectors

TEXTS = [text for _, text in texts_of(invented(12))] + ["", "a"]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    folder = tiny_bert(
        tmp_path_factory.mktemp("models") / "tiny",
        prompts={"query": "query: "},
        layers=2,
        max_tokens=160,
        vocabulary=VOCABULARY,
    )
    return load_encoder(f"path:{folder}")


def lora(**changes):
    return LoraConfig(**{"rank": 4, "alpha": 8, "upper_layers": 1, **changes})


def units(rows, dimension, seed=0):
    found = np.random.default_rng(seed).normal(size=(rows, dimension)).astype(np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def shaken(space, seed=3):
    """The space with random adapters instead of those that add nothing."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in space.module.parameters():
            if weight.requires_grad:
                weight += 0.2 * torch.randn(weight.shape, generator=generator)
    return space


def test_a_low_rank_map_starts_as_the_identity():
    vectors = units(9, 20)
    space = ProjectedVectors(vectors, ProjectionConfig(rank=5), seed=1)
    with torch.no_grad():
        np.testing.assert_allclose(space.vectors([3, 0]).numpy(), vectors[[3, 0]], atol=1e-6)
    assert [tuple(weight.shape) for weight in space.module.parameters()] == [(20, 5), (5, 20)]


def test_its_rank_is_at_most_the_dimension():
    space = ProjectedVectors(units(3, 8), ProjectionConfig(rank=500), seed=1)
    assert space.module.A.shape == (8, 8)


def test_a_map_moves_vectors_as_the_labeller_does():
    vectors = units(9, 20)
    space = shaken(ProjectedVectors(vectors, ProjectionConfig(rank=5), seed=1))
    bent = (space.module.A.detach().numpy(), space.module.B.detach().numpy())
    with torch.no_grad():
        moved = space.vectors(range(9)).numpy()
    np.testing.assert_allclose(Trained.moved(vectors, bent), moved, atol=1e-6)
    assert np.abs(moved - vectors).max() > 0.1


def test_a_seed_decides_where_the_map_starts():
    one, same, other = (LowRankMap(8, 2, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(one.A, same.A)
    assert not torch.equal(one.A, other.A)


def test_a_transformer_starts_as_the_encoder_itself(encoder):
    space = AdaptedTransformer(encoder, TEXTS, lora(), seed=1)
    space.module.eval()
    with torch.no_grad():
        found = space.vectors(range(len(TEXTS))).numpy()
        alone = np.concatenate([space.vectors([row]).numpy() for row in range(len(TEXTS))])
    np.testing.assert_allclose(found, encoder.encode(TEXTS), atol=1e-5)
    np.testing.assert_allclose(alone, found, atol=1e-5)
    assert space.lengths.tolist() == encoder.count_tokens(TEXTS).tolist()


@pytest.mark.parametrize("upper", [1, 2])
def test_what_was_trained_is_what_labels(encoder, tmp_path, upper):
    space = shaken(AdaptedTransformer(encoder, TEXTS, lora(upper_layers=upper), seed=1))
    space.module.eval()
    with torch.no_grad():
        trained = space.vectors(range(len(TEXTS))).numpy()
    space.save(tmp_path / "adapter")
    np.testing.assert_allclose(AdaptedEncoder(encoder, tmp_path / "adapter", "test").encode(TEXTS), trained, atol=1e-5)
    assert np.abs(trained - encoder.encode(TEXTS)).max() > 0.05
    assert [path.name for path in tmp_path.iterdir()] == ["adapter"]


def test_only_the_adapters_of_the_upper_layers_are_trained(encoder):
    space = AdaptedTransformer(encoder, TEXTS, lora(), seed=1)
    trained = [name for name, weight in space.module.named_parameters() if weight.requires_grad]
    assert trained
    assert all("encoder.layer.1." in name and ".lora_" in name for name in trained)
    space.module.train()
    space.vectors([0, 1]).sum().backward()
    up = [weight.grad for name, weight in space.module.named_parameters() if ".lora_B." in name]
    assert all(grad is not None and grad.abs().max() > 0 for grad in up)


def test_the_encoder_itself_is_not_touched(encoder):
    before = encoder.encode(TEXTS)
    shaken(AdaptedTransformer(encoder, TEXTS, lora(), seed=1))
    np.testing.assert_array_equal(encoder.encode(TEXTS), before)


def test_a_seed_decides_where_adapters_start_and_no_other_random_number_is_drawn(encoder):
    def start(seed):
        space = AdaptedTransformer(encoder, TEXTS[:1], lora(), seed)
        return torch.cat([weight.flatten() for name, weight in space.module.named_parameters() if "lora_A" in name])

    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    one, same, other = start(1), start(1), start(2)
    assert torch.equal(torch.rand(3), expected)
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


@pytest.mark.parametrize(("longest", "expected"), [(12, 12), (2000, 160)])
def test_a_long_text_is_cut_where_the_setting_or_the_encoder_says(encoder, longest, expected):
    space = AdaptedTransformer(encoder, ["a" * 500, "ab"], lora(longest=longest), seed=1)
    assert space.lengths.tolist() == [expected, 2 + 6 + 2]
    with torch.no_grad():
        assert torch.isfinite(space.vectors([0, 1])).all()


def test_half_precision_is_near(encoder):
    found = []
    for precision in ("float32", "bfloat16"):
        space = shaken(AdaptedTransformer(encoder, TEXTS, lora(precision=precision), seed=1))
        space.module.eval()
        with torch.no_grad():
            found.append(space.vectors(range(len(TEXTS))))
    assert found[1].dtype == torch.float32
    assert (found[0] - found[1]).abs().max() < 0.05


def test_more_layers_than_there_are_is_refused(encoder):
    with pytest.raises(ConfigError, match=r"lora\.upper_layers = 3: path:\S+ has 2 layers, so at most that many"):
        AdaptedTransformer(encoder, TEXTS, lora(upper_layers=3), seed=1)


def test_a_transformer_of_another_family_is_refused():
    class Stranger:
        name = "path:stranger"
        max_tokens = 10

        def trainable(self):
            return nn.Linear(2, 2), lambda texts, **_: {"input_ids": [[1] for _ in texts]}, ""

    with pytest.raises(ConfigError, match=r"path:stranger: not of the BERT family .* use mode: head"):
        AdaptedTransformer(Stranger(), ["a"], lora(), seed=1)
