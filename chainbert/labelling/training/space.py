"""The vector spaces that training bends: stored vectors under a low-rank map, or a transformer with adapters."""

from __future__ import annotations

import json
import shutil
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from chainbert.embedding import ADAPTER_FILES, ADAPTER_SETTINGS
from chainbert.errors import ConfigError
from chainbert.files import atomic_path, write_text
from chainbert.labelling.training.config import LoraConfig, ProjectionConfig, require

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from chainbert.embedding import SentenceEncoder


FROZEN_BATCH = 32


class Space(Protocol):
    """Unit vectors of a fixed list of texts, as a function of trainable weights."""

    module: nn.Module
    lengths: NDArray[np.int64]
    """(n,) what a text costs, for batches of like length."""
    learning_rate: float
    weight_decay: float

    def vectors(self, rows: Sequence[int]) -> Tensor:
        """(len(rows), d) float32 unit rows of those texts."""


class LowRankMap(nn.Module):
    """x → x + x A B at unit length, A (d, rank), B (rank, d); B starts at 0, so the map starts as the identity."""

    def __init__(self, dimension: int, rank: int, generator: torch.Generator) -> None:
        super().__init__()
        self.A = nn.Parameter(torch.randn(dimension, rank, generator=generator) / dimension**0.5)
        self.B = nn.Parameter(torch.zeros(rank, dimension))

    def forward(self, vectors: Tensor) -> Tensor:
        """(n, d) → (n, d) unit rows."""
        return nn.functional.normalize(vectors + vectors @ self.A @ self.B, dim=-1)


class ProjectedVectors:
    """Stored vectors (n, d) under a low-rank map: an epoch over thousands of texts takes a second."""

    def __init__(self, vectors: NDArray[np.float32], config: ProjectionConfig, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        rank = min(config.rank, vectors.shape[1])
        self.module: nn.Module = LowRankMap(vectors.shape[1], rank, generator)
        self.lengths = np.ones(len(vectors), np.int64)
        self.learning_rate, self.weight_decay = config.learning_rate, config.weight_decay
        self._vectors = torch.from_numpy(np.ascontiguousarray(vectors))

    def vectors(self, rows: Sequence[int]) -> Tensor:
        """(len(rows), d) unit rows."""
        found: Tensor = self.module(self._vectors[torch.as_tensor(rows, dtype=torch.long)])
        return found


class AdaptedTransformer:
    """An encoder whose upper layers carry LoRA adapters.

    What comes out of the frozen layers below is computed once and kept (4 bytes × tokens × d), so that a step
    costs the adapted layers only.
    """

    def __init__(self, encoder: SentenceEncoder, texts: Sequence[str], config: LoraConfig, seed: int) -> None:
        require("peft", "training in mode encoder")
        from peft import LoraConfig as PeftConfig  # noqa: PLC0415 - seconds to import, of the train extra
        from peft import get_peft_model  # noqa: PLC0415 - as above

        transformer, tokenizer, prompt = encoder.trainable()
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        transformer.to(self.device).eval()
        longest = min(config.longest, encoder.max_tokens)
        ids = tokenizer([prompt + text for text in texts], truncation=True, max_length=longest)["input_ids"]
        self.lengths = np.array([len(row) for row in ids], np.int64)
        first = _first_layer(transformer, config, encoder.name)
        self._hidden = _hidden_states(transformer, tokenizer, ids, first, self.device)
        settings = PeftConfig(
            r=config.rank,
            lora_alpha=config.alpha,
            lora_dropout=config.dropout,
            target_modules=list(config.modules),
            layers_to_transform=list(range(first, len(transformer.encoder.layer))),
            layers_pattern="layer",
        )
        with torch.random.fork_rng(), warnings.catch_warnings():
            # peft asks transformers by a name that transformers has just renamed.
            warnings.simplefilter("ignore", FutureWarning)
            torch.manual_seed(seed)
            self.module: nn.Module = get_peft_model(transformer, settings)
        self._half = config.precision == "bfloat16"
        self._layers = transformer.encoder.layer[first:]
        self.learning_rate, self.weight_decay = config.learning_rate, config.weight_decay

    def vectors(self, rows: Sequence[int]) -> Tensor:
        """(len(rows), d) unit rows: the mean over the tokens, as the encoder pools them."""
        parts = [self._hidden[row] for row in rows]
        hidden = nn.utils.rnn.pad_sequence(parts, batch_first=True).to(self.device)
        counts = torch.tensor([len(part) for part in parts], device=self.device)
        mask = (torch.arange(hidden.shape[1], device=self.device) < counts[:, None]).to(hidden.dtype)
        away = (1 - mask)[:, None, None, :] * torch.finfo(hidden.dtype).min
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self._half):
            for layer in self._layers:
                out = layer(hidden, attention_mask=away)
                hidden = out[0] if isinstance(out, tuple) else out
        hidden = hidden.float()
        return nn.functional.normalize((hidden * mask[..., None]).sum(1) / mask.sum(1, keepdim=True), dim=-1)

    def save(self, folder: Path) -> None:
        """Write the adapters in peft's format, weights as safetensors; every part under a temporary name first."""
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".adapter.") as temporary:
            self.module.save_pretrained(temporary, safe_serialization=True)  # type: ignore[operator]  # peft's method
            for name in ADAPTER_FILES:
                with atomic_path(folder / name) as target:
                    shutil.copyfile(Path(temporary) / name, target)
        settings = json.loads((folder / ADAPTER_SETTINGS).read_text(encoding="utf-8"))
        # Where the encoder lay on this machine says nothing on another; modules come from a set, in any order.
        settings |= {"base_model_name_or_path": None, "target_modules": sorted(settings["target_modules"])}
        write_text(folder / ADAPTER_SETTINGS, json.dumps(settings, indent=1) + "\n")


def _first_layer(transformer: nn.Module, config: LoraConfig, name: str) -> int:
    """The lowest adapted layer; raises ConfigError where the encoder has no such layers."""
    layers = getattr(getattr(transformer, "encoder", None), "layer", None)
    if layers is None:
        raise ConfigError(
            f"{name}: not of the BERT family (it has no encoder.layer), so its layers cannot be adapted; use mode: head"
        )
    if config.upper_layers > len(layers):
        raise ConfigError(
            f"lora.upper_layers = {config.upper_layers}: {name} has {len(layers)} layers, so at most that many"
        )
    return len(layers) - config.upper_layers


def _hidden_states(
    transformer: nn.Module, tokenizer: PreTrainedTokenizerBase, ids: list[list[int]], layer: int, device: torch.device
) -> list[Tensor]:
    """What goes into ``layer`` for each text: (tokens, d)."""
    found: list[Tensor] = [torch.empty(0)] * len(ids)
    order = np.argsort([len(row) for row in ids], kind="stable").tolist()
    with torch.no_grad():
        for start in range(0, len(order), FROZEN_BATCH):
            rows = order[start : start + FROZEN_BATCH]
            batch = tokenizer.pad({"input_ids": [ids[row] for row in rows]}, return_tensors="pt").to(device)
            hidden = transformer(**batch, output_hidden_states=True).hidden_states[layer].cpu()
            for place, row in enumerate(rows):
                found[row] = hidden[place, : len(ids[row])].clone()
    return found
