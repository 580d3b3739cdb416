"""What an evaluation says: numbers with their intervals, confusions, reliability; as a table and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from chainbert.labelling.evaluation.bootstrap import Estimate
from chainbert.labelling.evaluation.calibration_error import Bin
from chainbert.notebook import shown

ALL = "all"
MEAN = "mean"
GAP = "zh minus en"


@dataclass(frozen=True, slots=True)
class Number:
    """One metric of one question in one group of companies."""

    question: str
    """``customer.state``, ``customer`` (the axis's values), or ``mean``: over all indicators of axes that have them."""
    group: str
    """``all``, a language, or ``zh minus en``."""
    metric: str
    n: int
    """Companies that count; in a gap the smaller group's."""
    estimate: Estimate
    p: float | None = None
    """Of a difference or gap: two-sided bootstrap p of none."""

    def to_json(self) -> dict[str, Any]:
        """``n, value, low, high``, ``reason`` and ``p`` where there are any."""
        return {"n": self.n, **self.estimate.to_json(), **({} if self.p is None else {"p": self.p})}


@dataclass(frozen=True, slots=True)
class Confusion:
    """Counts of companies by code (rows) and label (columns)."""

    question: str
    group: str
    values: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One labeller, or one coder, against the codes of one gold file."""

    name: str
    against: str
    """``the final codes``, or a coder."""
    gold_path: str
    gold_sha256: str
    codebook_version: str
    companies: dict[str, int]
    """Group → coded rows that are labelled."""
    left_out: dict[str, int]
    resamples: int
    numbers: tuple[Number, ...]
    confusions: tuple[Confusion, ...]
    reliability: dict[str, tuple[Bin, ...]]
    """``customer.state`` → bins over all companies."""

    def find(self, question: str, metric: str, group: str = ALL) -> Estimate:
        """One number's estimate; KeyError where there is none of that name."""
        return _found(self.numbers, question, metric, group).estimate

    def table(self) -> pd.DataFrame:
        """One row a number: question, group, metric, n, value, low, high (nan where not defined), reason."""
        return _table(self.numbers)

    def _repr_html_(self) -> str:
        facts = {"against": self.against, "companies": self.companies.get("all", 0)}
        return shown(f"Evaluation of {self.name}", facts, [("Metrics with 95 % intervals", self.table())])

    def to_json(self) -> dict[str, Any]:
        """Plain dict of finite numbers, None and text: ``numbers[question][group][metric]``."""
        return {
            "name": self.name,
            "against": self.against,
            "gold": {"path": self.gold_path, "sha256": self.gold_sha256},
            "codebook_version": self.codebook_version,
            "companies": self.companies,
            "left_out": self.left_out,
            "resamples": self.resamples,
            "numbers": _nested(self.numbers),
            "confusions": [asdict(one) for one in self.confusions],
            "reliability": {name: [asdict(one) for one in bins] for name, bins in self.reliability.items()},
        }


@dataclass(frozen=True, slots=True)
class Difference:
    """Two labellers on the same companies: the first's metric minus the second's."""

    first: str
    second: str
    companies: dict[str, int]
    resamples: int
    numbers: tuple[Number, ...]

    def find(self, question: str, metric: str, group: str = ALL) -> Number:
        """One difference; KeyError where there is none of that name."""
        return _found(self.numbers, question, metric, group)

    def table(self) -> pd.DataFrame:
        """One row a difference: question, group, metric, n, value, low, high, p, reason."""
        return _table(self.numbers)

    def to_json(self) -> dict[str, Any]:
        """Plain dict: ``numbers[question][group][metric]`` with value, low, high, p."""
        plain = {name: getattr(self, name) for name in ("first", "second", "companies", "resamples")}
        return plain | {"numbers": _nested(self.numbers)}


def _found(numbers: Sequence[Number], question: str, metric: str, group: str) -> Number:
    for one in numbers:
        if (one.question, one.metric, one.group) == (question, metric, group):
            return one
    raise KeyError((question, metric, group))


def _nested(numbers: Sequence[Number]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for one in numbers:
        nested.setdefault(one.question, {}).setdefault(one.group, {})[one.metric] = one.to_json()
    return nested


def _table(numbers: Sequence[Number]) -> pd.DataFrame:
    records = []
    for one in numbers:
        bounds = {
            name: np.nan if (number := getattr(one.estimate, name)) is None else number
            for name in ("value", "low", "high")
        }
        head = {"question": one.question, "group": one.group, "metric": one.metric, "n": one.n}
        extra = {} if one.p is None else {"p": one.p}
        records.append({**head, **bounds, **extra, "reason": one.estimate.reason})
    return pd.DataFrame(records)
