"""Settings of ``chainbert train``."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from chainbert.embedding import DEFAULT_ENCODER
from chainbert.errors import ConfigError
from chainbert.yamlfile import Loaded, Section


class ProjectionConfig(Section):
    """Mode ``head``: one low-rank map of stored vectors, shared by texts and label descriptions."""

    rank: int = Field(default=64, ge=1, le=4096)
    """Rank of the map that is added to the identity."""
    learning_rate: float = Field(default=2e-3, gt=0, lt=1)
    weight_decay: float = Field(default=0.1, ge=0)
    """Pulls the map back to the identity, so that what no text speaks of stays where the encoder puts it."""


class LoraConfig(Section):
    """Mode ``encoder``: low-rank adapters in the transformer itself (Hu et al. 2021), with peft."""

    rank: int = Field(default=16, ge=1, le=256)
    alpha: int = Field(default=32, gt=0)
    """The adapters are scaled by alpha / rank."""
    dropout: float = Field(default=0.1, ge=0, lt=1)
    modules: tuple[str, ...] = ("query", "key", "value", "dense")
    """Names of the linear layers that are adapted."""
    upper_layers: int = Field(default=6, ge=1)
    """How many of the transformer's layers are adapted, from the top; those below stay as they are."""
    learning_rate: float = Field(default=1e-3, gt=0, lt=1)
    weight_decay: float = Field(default=0.01, ge=0)
    precision: Literal["float32", "bfloat16"] = "float32"
    """Of the products in training; bfloat16 halves the time where the processor has it. Weights are float32."""
    longest: int = Field(default=160, ge=8)
    """Tokens of a training text that are read, where the encoder reads as many."""


class TrainingConfig(Section):
    """From texts with their codes to a labeller's folder."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$")]
    """The labeller's name in results."""
    mode: Literal["head", "encoder", "hand-codes"] = "head"
    """``head``: a low-rank map of stored vectors, seconds. ``encoder``: adapters in the transformer, minutes.
    ``hand-codes``: a trained labeller adapted to companies that were coded by hand, seconds."""
    texts: tuple[str, ...] = ()
    """JSON Lines of sentences with their codes (see ``read_training_texts``); paths from this file's folder."""
    test: tuple[str, ...] = ()
    """More texts of the same form that nothing is learnt from; the labeller is measured on them at the end."""
    description: str = ""
    """A sentence or two for the labeller's card."""
    codebooks: tuple[str, ...] = ("company-axes",)
    """The codebooks whose axes the texts are coded on, by name or path."""
    leave_out: tuple[str, ...] = ()
    """Axes the labeller must not learn, to measure how it does on axes it has never seen."""
    encoder: str = DEFAULT_ENCODER
    relatives: tuple[str, ...] = ()
    """How the fingerprints of the same model in another precision begin: with such an encoder the labeller works where
    its own cannot be had, its probabilities marked not transferable."""
    calibration_share: float = Field(default=0.2, gt=0, lt=0.5)
    """Share of the companies kept out of the weights, for early stopping and calibration."""
    natural_calibration_share: float = Field(default=0.5, gt=0, lt=1)
    """The same for companies whose texts are written as they occur (``natural: true``). Where there are
    100 of them, probabilities and thresholds are fitted to them alone: texts written to teach are harder."""
    epochs: int = Field(default=8, ge=1, le=1000)
    patience: int = Field(default=2, ge=1)
    """Training stops after so many epochs without a better loss on the calibration part."""
    batch: int = Field(default=64, ge=2)
    """Sentences a step."""
    sharpness: float = Field(default=20.0, gt=0)
    """What cosines are multiplied by before the logistic function, at the start."""
    surprise: float = Field(default=1.0, gt=0, le=1)
    """What a sentence counts whose code its own cue would get wrong, beside 1 for any other: texts written to teach
    hold more of those than a company table does."""
    expected_shares: dict[str, Annotated[float, Field(gt=0, lt=1)]] = Field(default_factory=dict)
    """``axis.indicator`` → the share of real companies expected to say it; calibration is weighed to it."""
    seed: int = Field(default=20180, ge=0)
    projection: ProjectionConfig = ProjectionConfig()
    lora: LoraConfig = LoraConfig()

    start: str = ""
    """Mode hand-codes: the trained labeller to start from, by name or folder."""
    gold: str = ""
    """Mode hand-codes: the file of hand codes."""
    companies: str = ""
    """Mode hand-codes: the table with the companies' texts; not needed where the gold file has them."""
    hold: float = Field(default=10.0, gt=0)
    """Mode hand-codes: how strongly weights stay where they start; the more codes, the less it matters."""
    folds: int = Field(default=5, ge=3, le=20)
    """Mode hand-codes: parts of the coded companies, each labelled by weights that never saw it."""

    @model_validator(mode="after")
    def _is_whole(self) -> TrainingConfig:
        wanted = ("start", "gold") if self.mode == "hand-codes" else ("texts",)
        if missing := [name for name in wanted if not getattr(self, name)]:
            raise ValueError(f"mode {self.mode} needs {' and '.join(missing)}")
        if not self.codebooks or (self.mode == "hand-codes" and len(self.codebooks) > 1):
            wanted_books = "one codebook" if self.mode == "hand-codes" else "one codebook at least"
            raise ValueError(f"codebooks names {len(self.codebooks)}; mode {self.mode} needs {wanted_books}")
        return self


def require(package: str, purpose: str) -> None:
    """Raise ConfigError where a package of the extra ``train`` is missing, saying what it is for and how to get it."""
    if find_spec(package) is None:
        raise ConfigError(f"{purpose} needs the package {package}; install it with: pip install 'chainbert[train]'")


def codebook_of(loaded: Loaded[TrainingConfig], number: int, file: Path) -> str | Path:
    """A codebook of a training file: a shipped one's name, or a file."""
    name = loaded.value.codebooks[number]
    return loaded.beside(name, f"codebooks.{number}", file) if name.endswith((".yaml", ".yml")) else name
