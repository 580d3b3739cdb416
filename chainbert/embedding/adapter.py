"""Low-rank adapters in an encoder's weights: what training in mode ``encoder`` wrote, added in once when loaded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from safetensors import SafetensorError

from chainbert.embedding.sentence import SentenceEncoder
from chainbert.errors import EncoderError
from chainbert.files import file_hash

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer

WEIGHTS, SETTINGS = "adapter_model.safetensors", "adapter_config.json"
FILES = (SETTINGS, WEIGHTS)
PREFIX = "base_model.model."


class AdaptedEncoder(SentenceEncoder):
    """A sentence encoder W whose adapted layers are W + B A · alpha / rank (Hu et al. 2021).

    The adapters are added into the weights, so it costs what the encoder under it costs. Its vectors have a
    fingerprint, and so a place in the store, of their own.
    """

    def __init__(self, base: SentenceEncoder, folder: Path, name: str) -> None:
        super().__init__(
            name,
            f"{base.identity} adapter={_fingerprint(folder)}",
            base.facts,
            lambda: base.folder,
            base.token_budget,
        )
        self._adapter = folder

    def _load(self) -> SentenceTransformer:
        model = super()._load()
        merge_adapter(_transformer(model), self._adapter)
        return model


def _transformer(model: SentenceTransformer) -> torch.nn.Module:
    found: torch.nn.Module = model[0].auto_model  # type: ignore[assignment]  # a Transformer module has one
    return found


def _fingerprint(folder: Path) -> str:
    try:
        return file_hash(folder / WEIGHTS)[:32]
    except OSError as error:
        raise EncoderError(f"{folder / WEIGHTS}: the adapter cannot be read ({error.strerror or error})") from error


def merge_adapter(transformer: torch.nn.Module, folder: Path) -> None:
    """Add the adapters of a folder in peft's format to a transformer's weights, in place.

    Raises EncoderError where the folder is damaged or was made for another transformer.
    """
    import torch  # noqa: PLC0415 - seconds to import; a cached run never comes here
    from safetensors.torch import load_file  # noqa: PLC0415 - as above

    try:
        settings = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
        scale = settings["lora_alpha"] / settings["r"]
        weights = load_file(folder / WEIGHTS)
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise EncoderError(f"{folder}: the adapter cannot be read ({type(error).__name__}: {error})") from error
    if special := [name for name in ("use_rslora", "use_dora") if settings.get(name)]:
        raise EncoderError(
            f"{folder}: an adapter with {' and '.join(special)}, which is added in otherwise; plain LoRA was expected"
        )
    modules = dict(transformer.named_modules())
    adapted = sorted(key for key in weights if key.endswith(".lora_A.weight"))
    if not adapted:
        raise EncoderError(f"{folder / WEIGHTS}: holds no LoRA weights, so it would change nothing; train it again")
    with torch.no_grad():
        for key in adapted:
            path = key.removeprefix(PREFIX).removesuffix(".lora_A.weight")
            down, up = weights[key], weights[key.replace("lora_A", "lora_B")]
            module = modules.get(path)
            if module is None or module.weight.shape != (up.shape[0], down.shape[1]):
                raise EncoderError(f"{folder}: its adapter for {path} does not fit this encoder; train it again")
            module.weight += (scale * up @ down).to(module.weight.dtype)
