"""The study file's ``embedding`` section."""

from __future__ import annotations

from pydantic import Field

from chainbert.embedding.batching import TOKEN_BUDGET
from chainbert.embedding.encoders import DEFAULT_ENCODER
from chainbert.yamlfile import Section


class EmbeddingConfig(Section):
    """How texts become vectors."""

    encoder: str = DEFAULT_ENCODER
    """``bundled:multilingual-e5-small``, ``hub:ORG/NAME@REVISION`` or ``path:FOLDER``."""
    store: str | None = None
    """Folder of the embedding store; nothing: ``vectors`` in chainbert's cache folder."""
    token_budget: int = Field(default=TOKEN_BUDGET, ge=64, le=1_000_000)
    """Most tokens (rows × longest row) that go through the model at once: memory and speed, not results."""
