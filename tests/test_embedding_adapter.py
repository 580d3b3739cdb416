"""Adapters added into an encoder's weights: equal to peft's own, and refused where they do not fit."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
import torch
from encoders import tiny_bert
from peft import LoraConfig, PeftModel, get_peft_model
from sentence_transformers import SentenceTransformer

from chainbert.embedding import ADAPTER_FILES, AdaptedEncoder, EmbeddingStore, load_encoder
from chainbert.errors import EncoderError

SETTINGS, WEIGHTS = ADAPTER_FILES
TEXTS = ["a blockchain company", "区块链公司", "", "supply chain: 公司 2016", "x" * 90]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_bert(tmp_path_factory.mktemp("models") / "tiny", prompts={"query": "query: "}, layers=2)


def adapter_of(folder, out, *, seed=1, rank=4, layers=(1,), zero=False):
    """An adapter for the encoder of a folder, as peft writes it, with random weights."""
    model = SentenceTransformer(str(folder), device="cpu")
    settings = LoraConfig(
        r=rank,
        lora_alpha=12,
        target_modules=["query", "key", "value", "dense"],
        layers_to_transform=list(layers),
        layers_pattern="layer",
        init_lora_weights=zero,
    )
    with torch.random.fork_rng(), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        torch.manual_seed(seed)
        get_peft_model(model[0].auto_model, settings).save_pretrained(out, safe_serialization=True)
    return out


@pytest.fixture(scope="module")
def adapter(folder, tmp_path_factory):
    return adapter_of(folder, tmp_path_factory.mktemp("adapter"))


def adapted(folder, adapter):
    return AdaptedEncoder(load_encoder(f"path:{folder}"), adapter, "test")


def test_the_vectors_are_those_of_pefts_own_merge(folder, adapter):
    model = SentenceTransformer(str(folder), device="cpu")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        model[0].auto_model = PeftModel.from_pretrained(model[0].auto_model, str(adapter)).merge_and_unload()
    expected = model.encode(TEXTS, prompt="query: ")
    found = adapted(folder, adapter).encode(TEXTS)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert np.abs(found - load_encoder(f"path:{folder}").encode(TEXTS)).max() > 0.01


def test_an_adapter_that_adds_nothing_changes_nothing(folder, tmp_path):
    nothing = adapter_of(folder, tmp_path / "nothing", zero=True)
    np.testing.assert_array_equal(adapted(folder, nothing).encode(TEXTS), load_encoder(f"path:{folder}").encode(TEXTS))


def test_the_encoder_under_it_stays_as_it_was(folder, adapter):
    base = load_encoder(f"path:{folder}")
    before = base.encode(TEXTS)
    AdaptedEncoder(base, adapter, "test").encode(TEXTS)
    np.testing.assert_array_equal(base.encode(TEXTS), before)


def test_its_fingerprint_is_its_own_and_known_without_weights(folder, adapter, tmp_path, monkeypatch):
    base = load_encoder(f"path:{folder}")
    monkeypatch.setattr("chainbert.embedding.sentence._load_model", lambda *_: pytest.fail("weights were loaded"))
    found = AdaptedEncoder(base, adapter, "test")
    other = AdaptedEncoder(base, adapter_of(folder, tmp_path / "other", seed=2), "test")
    assert len({base.fingerprint, found.fingerprint, other.fingerprint}) == 3
    assert AdaptedEncoder(base, adapter, "another name").fingerprint == found.fingerprint
    assert found.dimension == base.dimension
    assert found.max_tokens == base.max_tokens
    assert found.count_tokens(TEXTS).tolist() == base.count_tokens(TEXTS).tolist()


def test_its_vectors_have_a_place_of_their_own_in_the_store(folder, adapter, tmp_path):
    store = EmbeddingStore(tmp_path / "vectors")
    base = load_encoder(f"path:{folder}")
    results = [store.embed(encoder, TEXTS) for encoder in (base, AdaptedEncoder(base, adapter, "test"), base)]
    assert [(one.computed, one.reused) for one in results] == [(5, 0), (5, 0), (0, 5)]
    assert np.abs(results[0].vectors - results[1].vectors).max() > 0.01


@pytest.mark.parametrize("change", [{"hidden": 16}, {"layers": 1}])
def test_an_adapter_for_another_transformer_is_refused(adapter, tmp_path, change):
    other = tiny_bert(tmp_path / "other", **{"layers": 2, **change})
    with pytest.raises(
        EncoderError, match=r"its adapter for encoder\.layer\.1\.\S+ does not fit this encoder; train it"
    ):
        adapted(other, adapter).encode(["a"])


@pytest.mark.parametrize("name", ADAPTER_FILES)
def test_a_missing_file_is_named(folder, adapter, tmp_path, name):
    for one in ADAPTER_FILES:
        if one != name:
            (tmp_path / one).write_bytes((adapter / one).read_bytes())
    with pytest.raises(EncoderError, match=r"the adapter cannot be read"):
        adapted(folder, tmp_path).encode(["a"])


@pytest.mark.parametrize(
    ("name", "content"), [(WEIGHTS, b"no tensors"), (SETTINGS, b"{"), (SETTINGS, json.dumps({"r": 4}).encode())]
)
def test_a_damaged_file_is_refused(folder, adapter, tmp_path, name, content):
    for one in ADAPTER_FILES:
        (tmp_path / one).write_bytes(content if one == name else (adapter / one).read_bytes())
    with pytest.raises(EncoderError, match=r"the adapter cannot be read \(\w+: "):
        adapted(folder, tmp_path).encode(["a"])


def test_a_model_to_train_on_is_one_of_its_own(folder):
    encoder = load_encoder(f"path:{folder}")
    before = encoder.encode(TEXTS)
    transformer, tokenizer, prompt = encoder.trainable()
    with torch.no_grad():
        for weight in transformer.parameters():
            weight.zero_()
    np.testing.assert_array_equal(encoder.encode(TEXTS), before)
    assert prompt == "query: "
    assert len(tokenizer(prompt)["input_ids"]) == 8


def test_an_encoder_that_is_not_pooled_by_the_mean_is_not_trained(tmp_path):
    encoder = load_encoder(f"path:{tiny_bert(tmp_path / 'first', pooling='cls')}")
    with pytest.raises(
        EncoderError, match=r"pooled by 'cls'; adapters are trained for mean pooling only\. Use mode: h"
    ):
        encoder.trainable()
