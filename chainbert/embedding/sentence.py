"""A sentence-transformers folder as an encoder: tokenised once, batches by length, loaded when first needed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from chainbert.embedding.batching import plan_batches, unique_texts
from chainbert.embedding.folders import FolderFacts
from chainbert.errors import EncoderError
from chainbert.progress import Progress, silent

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


class SentenceEncoder:
    """A sentence-transformers folder as an Encoder; nothing is loaded before it is needed."""

    def __init__(
        self, name: str, identity: str, facts: FolderFacts, find_folder: Callable[[], Path], token_budget: int
    ) -> None:
        self.name = name
        self.identity = identity
        self.facts = facts
        self.token_budget = token_budget
        self.dimension = facts.dimension
        self.max_tokens = facts.max_tokens
        self.prompt = facts.prompt
        self.pooling = facts.pooling
        self.fingerprint = (
            f"{identity} prompt={facts.prompt!r} pooling={facts.pooling} "
            f"max_tokens={facts.max_tokens} dimension={facts.dimension} float32 unit"
        )
        self._lower = facts.lower_case
        self._find_folder = find_folder
        self._folder: Path | None = None
        self._counter: Tokenizer | None = None
        self._model: SentenceTransformer | None = None
        self._lock = threading.RLock()

    @property
    def folder(self) -> Path:
        """Its sentence-transformers folder; the bundled encoder is unpacked when this is first asked for."""
        with self._lock:
            if self._folder is None:
                self._folder = self._find_folder()
            return self._folder

    def count_tokens(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """(n,) tokens of each text, prompt and special tokens included, before truncation; no weights are loaded."""
        if not len(texts):
            return np.zeros(0, np.int64)
        with self._lock:
            if self._counter is None:
                self._counter = _read_tokenizer(self.folder)
        encodings = self._counter.encode_batch_fast([self._prepared(text) for text in texts])
        return np.array([len(encoding) for encoding in encodings], np.int64)

    def encode(self, texts: Sequence[str], progress: Progress = silent) -> NDArray[np.float32]:
        """(n, d) float32 unit rows, in the order of ``texts``; each distinct text is computed once.

        Raises EncoderError where the weights cannot be loaded or give a vector that is not a number.
        """
        distinct, inverse = unique_texts(texts)
        vectors = np.empty((len(distinct), self.dimension), np.float32)
        if distinct:
            self._fill(vectors, [self._prepared(text) for text in distinct], progress)
        return vectors[inverse]

    def trainable(self) -> tuple[Any, Any, str]:
        """A transformer of its own (a torch module), its tokenizer and its prompt, to train adapters on.

        Raises EncoderError for a model that does not take the mean over its tokens, or lower-cases apart.
        """
        if self.pooling != "mean" or self._lower:
            raise EncoderError(
                f"{self.name}: its vectors are pooled by {self.pooling!r}{' in lower case' if self._lower else ''}; "
                "adapters are trained for mean pooling only. Use mode: head with this encoder"
            )
        model = _load_model(self.folder, self.name)
        return model[0].auto_model, model.tokenizer, self.prompt

    def _fill(self, vectors: NDArray[np.float32], prepared: list[str], progress: Progress) -> None:
        import torch  # noqa: PLC0415 - seconds to import; a cached run never comes here

        model = self._loaded()
        tokenizer = model.tokenizer
        ids = tokenizer(prepared, truncation=True, max_length=self.max_tokens, return_attention_mask=False)["input_ids"]
        lengths = np.array([len(row) for row in ids], np.int64)
        constant = self._prompt_length(model)
        total, done = int(lengths.sum()), 0
        progress("embedding (tokens)", 0, total)
        with torch.inference_mode():
            for batch in plan_batches(lengths, self.token_budget):
                arrays = _padded([ids[i] for i in batch], tokenizer.pad_token_id or 0, tokenizer.padding_side)
                features = {key: torch.from_numpy(array).to(model.device) for key, array in arrays.items()}
                rows = model({**features, **constant})["sentence_embedding"]
                vectors[batch] = self._checked(rows.float().cpu().numpy())
                done += int(lengths[batch].sum())
                progress("embedding (tokens)", done, total)

    def _checked(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """The rows at unit length."""
        if rows.shape[1] != self.dimension:
            raise EncoderError(
                f"{self.name}: vectors of {rows.shape[1]} numbers came out, its folder says {self.dimension}"
            )
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        if not (np.isfinite(lengths).all() and (lengths > 0).all()):
            raise EncoderError(f"{self.name}: a vector came out zero or not a number; its weights are damaged")
        unit: NDArray[np.float32] = rows / lengths
        return unit

    def _prepared(self, text: str) -> str:
        # The tokenizer takes only valid Unicode: lone surrogates become U+FFFD, as in every decoder.
        text = (self.prompt + text).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return text.lower() if self._lower else text

    def _prompt_length(self, model: SentenceTransformer) -> dict[str, int]:
        """What a model needs whose pooling leaves the prompt out (INSTRUCTOR and its like)."""
        if not self.prompt or all(getattr(module, "include_prompt", True) for module in model):
            return {}
        return {"prompt_length": len(model.tokenizer(self.prompt)["input_ids"]) - 1}

    def _loaded(self) -> SentenceTransformer:
        with self._lock:
            if self._model is None:
                self._model = self._load()
            return self._model

    def _load(self) -> SentenceTransformer:
        return _load_model(self.folder, self.name)


def _read_tokenizer(folder: Path) -> Tokenizer:
    try:
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    except Exception as error:  # tokenizers raises plain Exception
        raise EncoderError(f"{folder / 'tokenizer.json'}: cannot be read as a tokenizer ({error})") from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _load_model(folder: Path, name: str) -> SentenceTransformer:
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415 - takes seconds; a cached run needs none
    from transformers.utils import logging  # noqa: PLC0415 - as above

    # Its bar for a second's work would stand between our own; the switch is global, so it is put back.
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # transformers leaves it untyped
    try:
        return SentenceTransformer(str(folder), local_files_only=True).eval()
    except Exception as error:  # whatever a damaged or foreign folder makes the library raise
        raise EncoderError(
            f"{name}: the model in {folder} cannot be loaded ({type(error).__name__}: {error}); "
            "fetch or save the folder again"
        ) from error
    finally:
        if shown:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]  # as above


def _padded(rows: list[list[int]], pad: int, side: str) -> dict[str, NDArray[np.int64]]:
    longest = max(map(len, rows))
    ids = np.full((len(rows), longest), pad, np.int64)
    mask = np.zeros((len(rows), longest), np.int64)
    for i, row in enumerate(rows):
        place = slice(longest - len(row), longest) if side == "left" else slice(len(row))
        ids[i, place] = row
        mask[i, place] = 1
    return {"input_ids": ids, "attention_mask": mask}
