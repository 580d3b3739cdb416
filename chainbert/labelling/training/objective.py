"""The loss: each text is pulled to the descriptions it speaks for and pushed from the others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from chainbert.labelling.codebook import Axis

# How far a rare answer may outweigh a frequent one, and how much one single choice counts beside the indicators.
HEAVIEST, LIGHTEST = 3.0, 0.5
CHOICE_WEIGHT = 0.25


@dataclass(frozen=True, slots=True)
class Target:
    """What m texts answer on all axes, and how answers are weighed."""

    answers: Tensor
    """(m, k) float32 in {0, 1}, nan where a text does not answer."""
    language: Tensor
    """(m,) int64: position in the codebook's languages."""
    yes_no: tuple[int, ...]
    """Columns of independent indicators."""
    choices: tuple[tuple[int, ...], ...]
    """Columns of each single choice."""
    weight: Tensor
    """(k,) float32: of a yes against a no."""

    @classmethod
    def of(cls, axes: Sequence[Axis], answers: np.ndarray, language: np.ndarray, trained: np.ndarray) -> Target:
        """``answers`` (m, k), ``language`` (m,) int; weights are taken from the rows ``trained`` (m,) bool."""
        yes_no: list[int] = []
        choices: list[tuple[int, ...]] = []
        column = 0
        for axis in axes:
            columns = tuple(range(column, column + len(axis.indicators)))
            column += len(columns)
            if axis.kind == "single":
                choices.append(columns)
            else:
                yes_no += columns
        given = (~np.isnan(answers[trained])).sum(axis=0)
        share = np.where(given > 0, np.nansum(answers[trained], axis=0) / np.maximum(given, 1), 0.5).clip(0.01, 0.99)
        weight = np.clip((1 - share) / share, LIGHTEST, HEAVIEST)
        return cls(
            torch.tensor(answers, dtype=torch.float32),
            torch.tensor(language, dtype=torch.long),
            tuple(yes_no),
            tuple(choices),
            torch.tensor(weight, dtype=torch.float32),
        )


class LabelAnchored(nn.Module):
    """Logit of a text for an indicator: sharpness × cosine to its description, with an intercept a language."""

    def __init__(self, indicators: int, languages: int, sharpness: float, middle: float) -> None:
        super().__init__()
        self.log_sharpness = nn.Parameter(torch.tensor(math.log(sharpness)))
        # Cosines of one encoder lie close together, around ``middle``: without this the first steps only find it.
        self.intercept = nn.Parameter(torch.zeros(languages, indicators))
        self.middle = middle

    def forward(self, texts: Tensor, anchors: Tensor, language: Tensor) -> Tensor:
        """Texts (b, d), anchors (k, d) unit rows, language (b,) → (b, k) logits."""
        # The texts may be on another device.
        intercept = self.intercept[language].to(texts.device)
        logits: Tensor = self.log_sharpness.exp().to(texts.device) * (texts @ anchors.T - self.middle) + intercept
        return logits


def label_loss(logits: Tensor, target: Target, rows: Sequence[int]) -> Tensor:
    """Binary cross-entropy over indicators plus softmax cross-entropy over each single choice.

    Answers that are nan do not count.
    """
    answers = target.answers[torch.as_tensor(rows, dtype=torch.long)].to(logits.device)
    weight = target.weight.to(logits.device)
    loss = logits.sum() * 0
    if target.yes_no:
        columns = list(target.yes_no)
        given = ~torch.isnan(answers[:, columns])
        each = nn.functional.binary_cross_entropy_with_logits(
            logits[:, columns], answers[:, columns].nan_to_num(), pos_weight=weight[columns], reduction="none"
        )
        loss = loss + (each * given).sum() / given.sum().clamp(min=1)
    for choice in target.choices:
        chosen = answers[:, list(choice)]
        given = ~torch.isnan(chosen).any(dim=1)
        if given.any():
            scores = logits[given][:, list(choice)]
            loss = loss + CHOICE_WEIGHT * nn.functional.cross_entropy(scores, chosen[given].argmax(dim=1))
    return loss
