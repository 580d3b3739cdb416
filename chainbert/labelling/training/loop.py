"""Epochs: early stopping, a checkpoint after each, and going on where an interrupted training stopped."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from chainbert.errors import DataError
from chainbert.files import atomic_path, write_text
from chainbert.labelling.training.config import TrainingConfig
from chainbert.labelling.training.objective import LabelAnchored, Target, label_loss
from chainbert.labelling.training.space import Space
from chainbert.progress import Progress

WARM_UP_STEPS = 20
FINAL_RATE = 0.02
MOST_NORM = 1.0
# Batches of like length are cut from so many batches' worth of shuffled texts.
MIXED = 8


@dataclass(frozen=True, slots=True)
class Epoch:
    """One pass over the training part."""

    number: int
    loss: float
    """Mean over the texts."""
    calibration_loss: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Plan:
    """What is trained on what: rows of the space's texts."""

    target: Target
    trained: tuple[int, ...]
    kept_out: tuple[int, ...]
    """For early stopping."""
    anchors: tuple[tuple[tuple[int, ...], ...], ...]
    """Per indicator, per language, the rows of its wordings; the description first."""


class Trainer:
    """Trains a space; ``folder`` keeps the state after each epoch until training is done."""

    def __init__(self, space: Space, plan: Plan, config: TrainingConfig, identity: str, folder: Path) -> None:
        self.space, self.plan, self.config, self.folder = space, plan, config, folder
        self.identity = identity
        self.scorer = self._start()
        weights = [weight for weight in space.module.parameters() if weight.requires_grad]
        self._weights = weights
        self.optimizer = torch.optim.AdamW(
            [
                {"params": weights, "lr": space.learning_rate, "weight_decay": space.weight_decay},
                {"params": [self.scorer.log_sharpness], "lr": 5 * space.learning_rate, "weight_decay": 0.0},
                {"params": [self.scorer.intercept], "lr": 20 * space.learning_rate, "weight_decay": 0.0},
            ]
        )
        self._rates = [group["lr"] for group in self.optimizer.param_groups]

    def run(self, progress: Progress) -> list[Epoch]:
        """Train to the end or to the patience; the space and the scorer are left at the best epoch."""
        history = self._resume()
        steps = -(-len(self.plan.trained) // self.config.batch)
        total = steps * self.config.epochs
        while len(history) < self.config.epochs and not self._patience_is_over(history):
            started, number = time.monotonic(), len(history)
            loss = self._epoch(number, steps, total, progress)
            found = Epoch(number, loss, self._calibration_loss(), round(time.monotonic() - started, 1))
            history.append(found)
            self._save(history)
        progress("training (steps)", total, total)
        self._load(self.folder / "best.safetensors")
        return history

    def _start(self) -> LabelAnchored:
        self.space.module.eval()
        rows = self.plan.trained[:: max(1, len(self.plan.trained) // 256)]
        with torch.no_grad():
            middle = float((self._vectors(rows) @ self.anchors(None).cpu().T).mean())
        columns, languages = len(self.plan.anchors), len(self.plan.anchors[0])
        return LabelAnchored(columns, languages, self.config.sharpness, middle)

    def anchors(self, rng: np.random.Generator | None) -> Tensor:
        """(k, d) unit rows: the mean over languages of one wording each, drawn by ``rng`` or the description."""
        picked = [
            [wording[int(rng.integers(len(wording))) if rng else 0] for wording in indicator]
            for indicator in self.plan.anchors
        ]
        flat = self.space.vectors([row for rows in picked for row in rows])
        parts = torch.split(flat, [len(rows) for rows in picked])
        return nn.functional.normalize(torch.stack([part.mean(dim=0) for part in parts]), dim=-1)

    def _epoch(self, number: int, steps: int, total: int, progress: Progress) -> float:
        # An epoch's draws depend on its number only, so that a resumed training goes on as if never stopped.
        rng = np.random.default_rng([self.config.seed, number])
        summed = 0.0
        with torch.random.fork_rng():
            torch.manual_seed(int(rng.integers(2**31)))
            self.space.module.train()
            for step, rows in enumerate(self._batches(rng), start=number * steps):
                progress("training (steps)", step, total)
                self._set_rate(step, total)
                logits = self.scorer(self.space.vectors(rows), self.anchors(rng), self._language(rows))
                loss = label_loss(logits, self.plan.target, rows)
                self.optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
                nn.utils.clip_grad_norm_(self._weights, MOST_NORM)
                self.optimizer.step()
                summed += loss.item() * len(rows)
            self.space.module.eval()
        return summed / len(self.plan.trained)

    def _batches(self, rng: np.random.Generator) -> Iterator[list[int]]:
        order = rng.permutation(np.array(self.plan.trained))
        size = self.config.batch
        batches = []
        for start in range(0, len(order), size * MIXED):
            part = order[start : start + size * MIXED]
            part = part[np.argsort(self.space.lengths[part], kind="stable")]
            batches += [part[first : first + size].tolist() for first in range(0, len(part), size)]
        for batch in rng.permutation(len(batches)):
            yield batches[batch]

    def _set_rate(self, step: int, total: int) -> None:
        factor = min(1.0, (step + 1) / WARM_UP_STEPS) * max(FINAL_RATE, 1 - step / total)
        for group, rate in zip(self.optimizer.param_groups, self._rates, strict=True):
            group["lr"] = rate * factor

    def _language(self, rows: Sequence[int]) -> Tensor:
        return self.plan.target.language[torch.as_tensor(rows, dtype=torch.long)]

    def _vectors(self, rows: Sequence[int]) -> Tensor:
        """Without gradients, in batches of like length, in the order of ``rows``."""
        order = np.argsort(self.space.lengths[list(rows)], kind="stable")
        found: Tensor | None = None
        with torch.no_grad():
            for start in range(0, len(order), self.config.batch):
                part = order[start : start + self.config.batch]
                vectors = self.space.vectors([rows[place] for place in part])
                if found is None:
                    found = torch.empty(len(rows), vectors.shape[1])
                found[torch.from_numpy(part)] = vectors.cpu()
        assert found is not None  # rows are never empty
        return found

    def _calibration_loss(self) -> float:
        rows = list(self.plan.kept_out)
        with torch.no_grad():
            logits = self.scorer(self._vectors(rows), self.anchors(None).cpu(), self._language(rows))
            return float(label_loss(logits, self.plan.target, rows))

    def _patience_is_over(self, history: list[Epoch]) -> bool:
        losses = [epoch.calibration_loss for epoch in history]
        return bool(losses) and len(losses) - 1 - int(np.argmin(losses)) >= self.config.patience

    def state(self) -> dict[str, Tensor]:
        """The trained weights by name, those of the space and of the scorer."""
        named = {
            f"space.{name}": weight for name, weight in self.space.module.named_parameters() if weight.requires_grad
        }
        return {
            name: weight.detach().cpu().contiguous()
            for name, weight in {**named, **{f"scorer.{n}": w for n, w in self.scorer.named_parameters()}}.items()
        }

    def _save(self, history: list[Epoch]) -> None:
        """State first, history last: a kill in between repeats an epoch and loses nothing else."""
        state = self.state()
        moments = {
            f"{number}.{name}": value.contiguous()
            for number, values in self.optimizer.state_dict()["state"].items()
            for name, value in values.items()
        }
        losses = [epoch.calibration_loss for epoch in history]
        if int(np.argmin(losses)) == len(losses) - 1:
            _write(state, self.folder / "best.safetensors")
        number = len(history)
        _write(state, self.folder / f"weights-{number}.safetensors")
        _write(moments, self.folder / f"optimizer-{number}.safetensors")
        text = json.dumps({"identity": self.identity, "history": [asdict(epoch) for epoch in history]}, indent=1)
        write_text(self.folder / "history.json", text)
        for old in self.folder.glob("*-[0-9]*.safetensors"):
            if not old.stem.endswith(f"-{number}"):
                old.unlink()

    def _resume(self) -> list[Epoch]:
        """The epochs of an interrupted training with the same texts and settings; none where there is no such."""
        path = self.folder / "history.json"
        if not path.is_file():
            return []
        try:
            saved = json.loads(path.read_text(encoding="utf-8"))
            history = [Epoch(**epoch) for epoch in saved["history"]]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"{path}: cannot be read as the history of a training ({error}); delete {self.folder} to start anew"
            ) from error
        if saved.get("identity") != self.identity:
            return []
        self._load(self.folder / f"weights-{len(history)}.safetensors")
        moments = _read(self.folder / f"optimizer-{len(history)}.safetensors")
        state = self.optimizer.state_dict()
        state["state"] = {}
        for key, value in moments.items():
            number, name = key.split(".", 1)
            state["state"].setdefault(int(number), {})[name] = value
        self.optimizer.load_state_dict(state)
        return history

    def _load(self, path: Path) -> None:
        state = _read(path)
        targets = {**{f"space.{n}": w for n, w in self.space.module.named_parameters()}}
        targets |= {f"scorer.{n}": w for n, w in self.scorer.named_parameters()}
        with torch.no_grad():
            for name, value in state.items():
                targets[name].copy_(value)


def _write(tensors: dict[str, Tensor], path: Path) -> None:
    with atomic_path(path) as temporary:
        save_file(tensors, temporary)


def _read(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise DataError(
            f"{path}: a training checkpoint that cannot be read ({error}); delete its folder to train from the start"
        ) from error
