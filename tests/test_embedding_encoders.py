import json
import shutil
import warnings

import numpy as np
import pytest
from encoders import tiny_bert
from sentence_transformers import SentenceTransformer

from chainbert.embedding import EmbeddingConfig, EmbeddingStore, load_encoder
from chainbert.embedding import hub as hub_module
from chainbert.errors import ConfigError, EncoderError
from chainbert.yamlfile import load

PROMPTS = {"query": "query: "}
TEXTS = ["a blockchain company", "区块链公司", "", "supply chain: 公司 2016", "x" * 90, "区块链公司", "b"]
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return tiny_bert(tmp_path_factory.mktemp("models") / "tiny", prompts=PROMPTS)


@pytest.fixture
def folder(built, tmp_path):
    return shutil.copytree(built, tmp_path / "model")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CHAINBERT_CACHE", str(tmp_path / "cache"))


def edit(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_folder_gives_what_sentence_transformers_gives(folder):
    encoder = load_encoder(f"path:{folder}", token_budget=64)
    expected = SentenceTransformer(str(folder), device="cpu").encode(TEXTS, prompt="query: ", batch_size=3)
    np.testing.assert_allclose(encoder.encode(TEXTS), expected, atol=1e-6)


def test_a_vector_does_not_depend_on_its_neighbours(folder):
    together = load_encoder(f"path:{folder}", token_budget=10_000).encode(TEXTS)
    alone = np.vstack([load_encoder(f"path:{folder}", token_budget=64).encode([text]) for text in TEXTS[:3]])
    np.testing.assert_allclose(together[:3], alone, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-6)
    np.testing.assert_array_equal(together[1], together[5])


def test_tokens_are_counted_with_prompt_and_special_tokens_without_loading_weights(folder):
    (folder / "model.safetensors").unlink()
    encoder = load_encoder(f"path:{folder}")
    assert encoder.count_tokens(["ab", "x" * 90, ""]).tolist() == [2 + 6 + 2, 90 + 6 + 2, 6 + 2]
    assert encoder.count_tokens([]).tolist() == []
    assert (encoder.max_tokens, encoder.dimension, encoder.folder) == (32, 32, folder)


def test_what_is_cut_off_is_counted_once_computed_and_once_stored(folder, tmp_path):
    store, encoder = EmbeddingStore(tmp_path / "vectors"), load_encoder(f"path:{folder}")
    results = [store.embed(encoder, TEXTS) for _ in range(2)]
    assert [(one.computed, one.reused, one.truncated) for one in results] == [(6, 0, 1), (0, 6, 1)]


def test_no_text_needs_no_weights(folder):
    (folder / "model.safetensors").unlink()
    assert load_encoder(f"path:{folder}").encode([]).shape == (0, 32)


def test_a_lone_surrogate_is_read_as_the_replacement_character(folder):
    encoder = load_encoder(f"path:{folder}")
    broken, replaced = encoder.encode(["a\ud800b", "a\ufffdb"])
    assert np.isfinite(broken).all()
    assert encoder.count_tokens(["a\ud800b"]).tolist() == [6 + 2 + 3]
    np.testing.assert_array_equal(broken, replaced)


def test_the_fingerprint_names_content_not_place(folder, tmp_path):
    first = load_encoder(f"path:{folder}").fingerprint
    moved = shutil.copytree(folder, tmp_path / "elsewhere")
    assert load_encoder(f"path:{moved}").fingerprint == first
    for part in ("prompt='query: '", "pooling=mean", "max_tokens=32", "dimension=32", "float32"):
        assert part in first


@pytest.mark.parametrize("file", ["model.safetensors", "tokenizer.json", "1_Pooling/config.json"])
def test_the_fingerprint_changes_with_every_file_that_changes_vectors(folder, file):
    before = load_encoder(f"path:{folder}").fingerprint
    with (folder / file).open("ab") as handle:
        handle.write(b" ")
    assert load_encoder(f"path:{folder}").fingerprint != before


def test_the_fingerprint_changes_with_the_prompt(folder):
    before = load_encoder(f"path:{folder}").fingerprint
    edit(folder / "config_sentence_transformers.json", prompts={"query": "passage: "})
    assert load_encoder(f"path:{folder}").fingerprint != before


def test_weights_are_hashed_once(folder, monkeypatch):
    first = load_encoder(f"path:{folder}").fingerprint
    monkeypatch.setattr("chainbert.embedding.folders.file_hash", lambda path: pytest.fail(f"{path} was read again"))
    assert load_encoder(f"path:{folder}").fingerprint == first


def test_a_model_without_normalisation_gives_unit_rows_all_the_same(folder):
    modules = json.loads((folder / "modules.json").read_text())
    (folder / "modules.json").write_text(json.dumps(modules[:2]))
    np.testing.assert_allclose(np.linalg.norm(load_encoder(f"path:{folder}").encode(TEXTS), axis=1), 1, atol=1e-6)


def test_an_e5_folder_without_prompts_is_refused(built, tmp_path):
    folder = shutil.copytree(built, tmp_path / "my-e5-small")
    edit(folder / "config_sentence_transformers.json", prompts={})
    with pytest.raises(EncoderError, match="an E5 model without prompts; E5 was trained with 'query: '"):
        load_encoder(f"path:{folder}")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("bundled:multilingual-e5-smal", r"unknown encoder .* Did you mean 'bundled:multilingual-e5-small'\?"),
        ("multilingual-e5-small", r"unknown encoder .* Did you mean 'bundled:multilingual-e5-small'\?"),
        ("gpt:4", "unknown encoder 'gpt:4'.* Expected bundled:multilingual-e5-small, hub:ORG/NAME@REVISION, path:FOL"),
        ("", "unknown encoder ''"),
        ("path:", "unknown encoder 'path:'"),
        ("static:potion", "'static:potion': static encoders .* come with a later version"),
        ("path:/no/such/folder", "/no/such/folder: no such folder; a sentence-transformers folder"),
        ("hub:only-a-name", "hub:only-a-name: hub:ORG/NAME or hub:ORG/NAME@REVISION was expected"),
        ("hub:org/name@", "hub:org/name@: hub:ORG/NAME or"),
    ],
)
def test_a_wrong_name_says_what_is_expected(name, message):
    with pytest.raises(EncoderError, match=message):
        load_encoder(name)


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("modules.json", None, "has no modules.json, so it is not a sentence-transformers folder"),
        ("tokenizer.json", None, "has no tokenizer.json"),
        ("config.json", "{", r"config.json: cannot be read as JSON .* fetch or save the model folder again"),
        ("modules.json", "{}", "modules.json: a JSON list was expected, a dict was found"),
        ("config.json", "{}", "its files name no vector length or no longest text"),
    ],
)
def test_a_folder_that_is_not_whole_is_refused_before_anything_is_loaded(folder, file, content, message):
    (folder / file).unlink()
    if content is not None:
        (folder / file).write_text(content)
        edit(folder / "tokenizer_config.json", model_max_length=None)
    with pytest.raises(EncoderError, match=message):
        load_encoder(f"path:{folder}")


def test_weights_cut_short_are_an_error_not_a_vector(folder):
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])
    with pytest.raises(EncoderError, match=r"cannot be loaded .* fetch or save the folder again"):
        load_encoder(f"path:{folder}").encode(["a"])


def test_a_damaged_tokenizer_is_an_error(folder):
    (folder / "tokenizer.json").write_text("{}")
    with pytest.raises(EncoderError, match=r"tokenizer.json: cannot be read as a tokenizer"):
        load_encoder(f"path:{folder}").count_tokens(["a"])


def hub_cache(monkeypatch, root, source, name="org/tiny", commit=COMMIT):
    """A hub cache as a download leaves it."""
    repository = root / f"models--{name.replace('/', '--')}"
    shutil.copytree(source, repository / "snapshots" / commit)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(root))


def test_a_cached_hub_model_needs_no_network(built, tmp_path, monkeypatch):
    hub_cache(monkeypatch, tmp_path / "hub", built)
    encoder = load_encoder("hub:org/tiny")
    assert encoder.fingerprint.startswith(f"hub:org/tiny@{COMMIT} prompt='query: ' ")
    assert load_encoder(f"hub:org/tiny@{COMMIT}").fingerprint == encoder.fingerprint
    np.testing.assert_array_equal(encoder.encode(TEXTS), load_encoder(f"path:{built}").encode(TEXTS))


def test_the_published_e5_gets_its_prompt(built, tmp_path, monkeypatch):
    source = shutil.copytree(built, tmp_path / "e5")
    edit(source / "config_sentence_transformers.json", prompts={})
    hub_cache(monkeypatch, tmp_path / "hub", source, name="intfloat/multilingual-e5-small")
    assert "prompt='query: '" in load_encoder("hub:intfloat/multilingual-e5-small").fingerprint


def test_a_hub_model_without_a_network_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    message = (
        r"hub:org/none@v1 is not in the local cache and could not be fetched .* HF_HUB_OFFLINE is set.* "
        r"use bundled:multilingual-e5-small, or .* `hf download org/none --revision v1 --local-dir FOLDER`.* path:"
    )
    with pytest.raises(EncoderError, match=message):
        load_encoder("hub:org/none@v1")


def test_a_network_that_breaks_says_what_to_do(monkeypatch):
    def fails(*_, local_files_only=False, **__):
        raise FileNotFoundError if local_files_only else ConnectionError("Name or service not known")

    monkeypatch.setattr("huggingface_hub.snapshot_download", fails)
    monkeypatch.delenv("HF_HUB_OFFLINE")
    with pytest.raises(EncoderError, match=r"could not be fetched \(Name or service not known\)\. Without a network"):
        load_encoder("hub:org/none")


def test_a_fetch_that_was_cut_off_is_fetched_again(tmp_path, monkeypatch):
    asked = []

    def fetch(name, *, revision, local_files_only=False, **_):
        asked.append((name, revision, local_files_only))
        if not local_files_only:
            (tmp_path / "model.safetensors").touch()
        return str(tmp_path)

    monkeypatch.setattr("huggingface_hub.snapshot_download", fetch)
    assert hub_module.resolve("org/name@v2") == hub_module.Repository("org/name", tmp_path.name, tmp_path)
    assert asked == [("org/name", "v2", True), ("org/name", "v2", False)]


def test_the_section_of_a_study_file_has_its_defaults_and_bounds(tmp_path):
    path = tmp_path / "embedding.yaml"
    path.write_text("token_budget: 10\n")
    with pytest.raises(ConfigError, match=r"embedding.yaml:1:1.*token_budget = 10"):
        load(EmbeddingConfig, path)
    assert EmbeddingConfig() == EmbeddingConfig(encoder="bundled:multilingual-e5-small", store=None, token_budget=1024)


def test_loading_a_model_changes_no_filter_and_no_progress_bar(folder):
    from transformers.utils import logging  # noqa: PLC0415 - seconds

    before = (list(warnings.filters), logging.is_progress_bar_enabled())
    load_encoder(f"path:{folder}").encode(["a"])
    assert (list(warnings.filters), logging.is_progress_bar_enabled()) == before
