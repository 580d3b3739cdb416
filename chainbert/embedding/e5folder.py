"""An E5S1 file written as a sentence-transformers folder: weights, tokenizer, and the files that describe them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file
from tokenizers import AddedToken, Regex, Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import Unigram

from chainbert.embedding.e5file import E5File
from chainbert.errors import EncoderError

PROMPTS = {"query": "query: ", "passage": "passage: "}
# NFKC changes these two characters, the model's own map does not: they pass through it in disguise.
LEFT_ALONE = {"\uff5e": "\U0010fffd", "\U0001f23b": "\U0010fffc"}
LAYER_TENSORS = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}


def write_folder(source: E5File, folder: Path) -> None:
    """Write ``model.safetensors`` (float32), ``tokenizer.json`` and the configuration files into ``folder``.

    Raises EncoderError where a tensor is missing or the tokenizer cannot be rebuilt exactly.
    """
    build_tokenizer(source).save(str(folder / "tokenizer.json"))
    save_file(model_tensors(source), folder / "model.safetensors", metadata={"format": "pt"})
    for name, content in _configuration(source).items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def model_tensors(source: E5File) -> dict[str, NDArray[np.float32]]:
    """The weights under the names of transformers' BertModel."""
    h, f = source.hidden, source.feed_forward
    tensors = {
        "embeddings.word_embeddings.weight": source.tensor("emb.word", source.vocabulary, h),
        "embeddings.position_embeddings.weight": source.tensor("emb.pos", source.positions, h),
        "embeddings.token_type_embeddings.weight": source.tensor("emb.type", source.token_types, h),
        "embeddings.LayerNorm.weight": source.tensor("emb.ln.w", h),
        "embeddings.LayerNorm.bias": source.tensor("emb.ln.b", h),
        # BERT's pooler is not in the file and not used; without zeros here transformers would invent weights.
        "pooler.dense.weight": np.zeros((h, h), np.float32),
        "pooler.dense.bias": np.zeros(h, np.float32),
    }
    outputs = {"fi": f}
    inputs = {"fo": f}
    for layer in range(source.layers):
        for short, name in LAYER_TENSORS.items():
            rows, columns = outputs.get(short, h), inputs.get(short, h)
            shape = (rows,) if short.endswith("ln") else (rows, columns)
            tensors[f"encoder.layer.{layer}.{name}.weight"] = source.tensor(f"l{layer}.{short}.w", *shape)
            tensors[f"encoder.layer.{layer}.{name}.bias"] = source.tensor(f"l{layer}.{short}.b", rows)
    return tensors


def build_tokenizer(source: E5File) -> Tokenizer:
    """The Unigram tokenizer over the file's pieces, ids as given, ``<s> … </s>`` around each text.

    Its normaliser is Nmt and NFKC, checked against every entry of the file's own map.
    Raises EncoderError where they disagree.
    """
    tokenizer = Tokenizer(Unigram(source.pieces, unk_id=source.unk, byte_fallback=False))
    hide = [normalizers.Replace(char, disguise) for char, disguise in LEFT_ALONE.items()]
    show = [normalizers.Replace(disguise, char) for char, disguise in LEFT_ALONE.items()]
    normalizer = normalizers.Sequence([*hide, normalizers.Nmt(), normalizers.NFKC(), *show])
    expected = source.normalisation | {char: char for char in LEFT_ALONE}
    if wrong := [char for char, wanted in expected.items() if normalizer.normalize_str(char) != wanted]:
        codes = ", ".join(f"U+{ord(char):04X}" for char in wrong[:5])
        raise EncoderError(
            f"the tokenizer's normalisation differs from the weights' own map in {len(wrong)} characters ({codes} …); "
            "the installed `tokenizers` package has other Unicode tables than it was checked with: try another version"
        )
    tokenizer.normalizer = normalizers.Sequence([normalizer, normalizers.Replace(Regex(" {2,}"), " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")]
    )
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    bos, eos = source.pieces[source.bos][0], source.pieces[source.eos][0]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{bos} $A {eos}",
        pair=f"{bos} $A {eos} {eos} $B {eos}",
        special_tokens=[(bos, source.bos), (eos, source.eos)],
    )
    special = [source.pieces[i][0] for i in (source.bos, source.pad, source.eos, source.unk)]
    tokenizer.add_special_tokens([AddedToken(text, normalized=False) for text in special])
    tokenizer.add_special_tokens([AddedToken(source.pieces[-1][0], lstrip=True, normalized=False)])
    return tokenizer


def _configuration(source: E5File) -> dict[str, Any]:
    pieces = source.pieces
    return {
        "config.json": {
            "architectures": ["BertModel"],
            "model_type": "bert",
            "vocab_size": source.vocabulary,
            "hidden_size": source.hidden,
            "num_hidden_layers": source.layers,
            "num_attention_heads": source.heads,
            "intermediate_size": source.feed_forward,
            "hidden_act": "gelu",
            "max_position_embeddings": source.positions,
            "type_vocab_size": source.token_types,
            "layer_norm_eps": source.epsilon,
            "pad_token_id": 0,
            "torch_dtype": "float32",
        },
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": source.positions,
            "model_input_names": ["input_ids", "attention_mask"],
            "bos_token": pieces[source.bos][0],
            "eos_token": pieces[source.eos][0],
            "cls_token": pieces[source.bos][0],
            "sep_token": pieces[source.eos][0],
            "pad_token": pieces[source.pad][0],
            "unk_token": pieces[source.unk][0],
            "mask_token": pieces[-1][0],
        },
        "modules.json": [
            {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
            {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
            {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"},
        ],
        "1_Pooling/config.json": {"word_embedding_dimension": source.hidden, "pooling_mode_mean_tokens": True},
        "2_Normalize/config.json": {},
        "sentence_bert_config.json": {"max_seq_length": source.positions, "do_lower_case": False},
        "config_sentence_transformers.json": {
            "prompts": PROMPTS,
            "default_prompt_name": None,
            "similarity_fn_name": "cosine",
        },
    }
