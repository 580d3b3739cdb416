"""From texts to vectors that are computed once.

In: texts and the name of an encoder. Out: (n, d) float32 unit rows, how many were computed, how many were
already stored, and how many texts were longer than the encoder reads. Importing loads no torch.
"""

from chainbert.embedding.adapter import FILES as ADAPTER_FILES
from chainbert.embedding.adapter import SETTINGS as ADAPTER_SETTINGS
from chainbert.embedding.adapter import AdaptedEncoder
from chainbert.embedding.batching import TOKEN_BUDGET, plan_batches, unique_texts
from chainbert.embedding.config import EmbeddingConfig
from chainbert.embedding.encoders import DEFAULT_ENCODER, Encoder, available_encoders, load_encoder, model_folder
from chainbert.embedding.languagebias import METHODS as LANGUAGE_METHODS
from chainbert.embedding.languagebias import LanguageBias, fit_language_bias, reference_texts
from chainbert.embedding.pooling import pool_rows
from chainbert.embedding.sentence import SentenceEncoder
from chainbert.embedding.store import Embedded, EmbeddingStore, StoreCheck, default_store_folder, embed_texts

__all__ = [
    "ADAPTER_FILES",
    "ADAPTER_SETTINGS",
    "DEFAULT_ENCODER",
    "LANGUAGE_METHODS",
    "TOKEN_BUDGET",
    "AdaptedEncoder",
    "Embedded",
    "EmbeddingConfig",
    "EmbeddingStore",
    "Encoder",
    "LanguageBias",
    "SentenceEncoder",
    "StoreCheck",
    "available_encoders",
    "default_store_folder",
    "embed_texts",
    "fit_language_bias",
    "load_encoder",
    "model_folder",
    "plan_batches",
    "pool_rows",
    "reference_texts",
    "unique_texts",
]
