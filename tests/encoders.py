"""Encoders for tests: a hashing one that needs no model, and a one-layer BERT folder built in code."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from chainbert.progress import silent

CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789:.,中文公司区块链"
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]


class HashEncoder:
    """Character trigrams hashed into unit vectors: alike texts get alike vectors, the same ones everywhere.

    ``encoded`` lists every text that was computed, in order. A token is a character.
    """

    def __init__(self, dimension=64, max_tokens=512, name="test:hash"):
        self.name = name
        self.dimension = dimension
        self.max_tokens = max_tokens
        self.folder = None
        self.encoded = []

    @property
    def fingerprint(self):
        return f"{self.name} trigrams dimension={self.dimension} max_tokens={self.max_tokens}"

    def encode(self, texts, progress=silent):
        self.encoded.extend(texts)
        vectors = np.zeros((len(texts), self.dimension), np.float32)
        for i, text in enumerate(texts):
            padded = f"\x02{text[: self.max_tokens]}\x03"
            for start in range(max(1, len(padded) - 2)):
                gram = zlib.crc32(padded[start : start + 3].lower().encode("utf-8", "surrogatepass"))
                vectors[i, gram % self.dimension] += 1 if gram & 0x80000000 else -1
            if not vectors[i].any():
                vectors[i, 0] = 1
            progress("embedding (tokens)", i + 1, len(texts))
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def count_tokens(self, texts):
        return np.array([len(text) for text in texts], np.int64)


def tiny_bert(
    folder: Path,
    *,
    prompts=None,
    seed=0,
    max_tokens=32,
    hidden=32,
    vocabulary=CHARACTERS,
    layers=1,
    pooling="mean",
) -> Path:
    """A sentence-transformers folder with a BERT of random weights, one layer deep; characters are its tokens."""
    # Tests that hash need none of these, and they take seconds to import.
    import torch  # noqa: PLC0415 - as above
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415 - as above
    from sentence_transformers.sentence_transformer.modules import (  # noqa: PLC0415 - as above
        Normalize,
        Pooling,
        Transformer,
    )
    from transformers import BertModel  # noqa: PLC0415 - as above

    bert = folder.with_name(folder.name + "-bert")
    config = _settings(bert, max_tokens, hidden, vocabulary, layers)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        BertModel(config).save_pretrained(bert)
    modules = [Transformer(str(bert), max_seq_length=max_tokens), Pooling(hidden, pooling_mode=pooling), Normalize()]
    SentenceTransformer(modules=modules, prompts=prompts, device="cpu").save(str(folder))
    return folder


def tiny_nli(folder: Path, *, labels=("contradiction", "entailment", "neutral"), vocabulary=CHARACTERS) -> Path:
    """A folder of a one-layer BERT that tells apart ``labels`` of sentence pairs, with random weights."""
    import torch  # noqa: PLC0415 - as in tiny_bert
    from transformers import BertForSequenceClassification  # noqa: PLC0415 - as above

    config = _settings(folder, 64, 32, vocabulary, 1)
    config.id2label = dict(enumerate(labels))
    config.label2id = {label: number for number, label in enumerate(labels)}
    # Small random weights answer nearly the same to everything.
    config.initializer_range = 0.5
    with torch.random.fork_rng():
        torch.manual_seed(1)
        BertForSequenceClassification(config).save_pretrained(folder)
    return folder


def _settings(folder, max_tokens, hidden, vocabulary, layers):
    """The settings of a small BERT whose tokens are characters; its tokenizer is saved into the folder."""
    from transformers import BertConfig, PreTrainedTokenizerFast  # noqa: PLC0415 - as in tiny_bert

    tokens = [*SPECIAL, *sorted(set(vocabulary))]
    tokenizer = Tokenizer(models.WordLevel({token: i for i, token in enumerate(tokens)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Split("", "isolated")]
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    names = dict(zip(["pad_token", "unk_token", "cls_token", "sep_token"], SPECIAL, strict=True))
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=max_tokens, **names).save_pretrained(folder)
    return BertConfig(
        vocab_size=len(tokens),
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=2,
        intermediate_size=2 * hidden,
        max_position_embeddings=max_tokens,
    )
