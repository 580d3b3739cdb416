"""Language parity: whether a sentence and its translation get the same answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from chainbert.companies import CompanySet
from chainbert.errors import DataError
from chainbert.files import content_hash, file_hash
from chainbert.labelling.codebook import Codebook
from chainbert.labelling.evaluation.bootstrap import Estimate, estimate, p_value, resample
from chainbert.labelling.evaluation.metrics import UNDEFINED, yes_no_scores
from chainbert.labelling.evaluation.results import MEAN
from chainbert.wilson import wilson
from chainbert.yamlfile import did_you_mean

_SHOWN = 20
LANGUAGES = ("zh", "en")


@dataclass(frozen=True, slots=True)
class Pairs:
    """n sentences, each in Chinese and in English."""

    names: tuple[str, ...]
    zh: tuple[str, ...]
    en: tuple[str, ...]
    says: tuple[frozenset[str], ...]
    """The ``axis.indicator`` that each speaks for."""
    path: str
    sha256: str

    @property
    def companies(self) -> CompanySet:
        """2n rows, the Chinese ones first: each sentence as the text of a company without a name."""
        n = len(self.names)
        texts = [*self.zh, *self.en]
        ids = [f"{name} ({language})" for language in LANGUAGES for name in self.names]
        empty = pd.Series([""] * (2 * n), dtype="str")
        years = pd.Series([pd.NA] * (2 * n), dtype="Int64")
        table = pd.DataFrame(
            {
                "key": pd.Series(ids, dtype="str"),
                "id": pd.Series(ids, dtype="str"),
                "name": empty,
                "city": empty,
                "founded": years,
                "observed": years,
                "text": pd.Series(texts, dtype="str"),
                "language": pd.Series(["zh"] * n + ["en"] * n, dtype="str"),
                "website": empty,
                "investors": pd.Series([[] for _ in texts], dtype="object"),
                "industry": empty,
                "status": empty,
            }
        )
        return CompanySet(table, self.path, "chainbert", self.sha256)

    @property
    def digest(self) -> str:
        """Hash of what a labeller reads."""
        return content_hash("pairs", *self.names, *self.zh, *self.en)


def read_pairs(path: Path, codebook: Codebook) -> Pairs:
    """Read JSON Lines of ``pair`` (its name), ``zh``, ``en`` and ``says`` (a list of ``axis.indicator``).

    Codes on axes that the codebook lacks are left out. Raises DataError listing every fault as ``file:line``.
    """
    known = {f"{axis.id}.{one.id}" for axis in codebook.axes for one in axis.indicators}
    axes = {axis.id for axis in codebook.axes}
    rows: list[dict[str, Any]] = []
    faults: list[str] = []
    seen: dict[str, int] = {}
    for number, row in _rows(path):
        found = list(_faults(row, known, axes))
        if not found and seen.setdefault(row["pair"], number) != number:
            found = [f"pair {row['pair']!r} was already given in line {seen[row['pair']]}"]
        faults += [f"{path}:{number}: {one}" for one in found]
        rows.append(row)
    if not rows:
        faults.append(f"{path}: holds no pairs")
    if faults:
        more = f"\n… and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
        raise DataError("\n".join(faults[:_SHOWN]) + more)
    return Pairs(
        tuple(row["pair"] for row in rows),
        tuple(row["zh"] for row in rows),
        tuple(row["en"] for row in rows),
        tuple(frozenset(row["says"]) & known for row in rows),
        str(path),
        file_hash(path),
    )


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({error}); JSON Lines of translated pairs were expected") from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise DataError(f"{path}:{number}: no JSON ({error}); one object a line was expected") from error
        if not isinstance(row, dict):
            raise DataError(f"{path}:{number}: a JSON object was expected, found {type(row).__name__}")
        yield number, row


def _faults(row: dict[str, Any], known: set[str], axes: set[str]) -> Iterator[str]:
    row["pair"] = str(row.get("pair", "")).strip()
    for name in ("pair", *LANGUAGES):
        if not isinstance(row.get(name), str) or not row[name].strip():
            yield f"'{name}' is {row.get(name)!r}; text was expected"
    says = row.get("says")
    if not isinstance(says, list) or not all(isinstance(code, str) for code in says):
        yield f"'says' is {says!r}; a list such as [customer.state] was expected, empty for none"
        return
    for code in says:
        if code not in known and code.partition(".")[0] in axes:
            yield f"{code!r} is no indicator of the codebook.{did_you_mean(code, sorted(known))}"


@dataclass(frozen=True, slots=True)
class IndicatorParity:
    """One indicator over the pairs."""

    question: str
    pairs: int
    same: Estimate
    """Share of pairs with the same yes/no in both languages."""
    yes: dict[str, float]
    """Language → share of yes."""
    difference: Estimate
    """Share of yes in zh minus in en, paired."""
    p: float | None
    """Two-sided bootstrap p of no difference."""
    f1: dict[str, Estimate]
    """Language → F1 of yes against ``says``."""

    def to_json(self) -> dict[str, Any]:
        """Plain dict of finite numbers, None and text."""
        return asdict(self) | {
            "same": self.same.to_json(),
            "difference": self.difference.to_json(),
            "f1": {language: one.to_json() for language, one in self.f1.items()},
        }


def language_parity(
    labels: pd.DataFrame, pairs: Pairs, codebook: Codebook, *, rng: np.random.Generator, draws: int = 2000
) -> tuple[IndicatorParity, ...]:
    """The mean over indicators (question ``mean``; no F1), then each: ``labels`` are those of ``pairs.companies``.

    A value of a single choice is judged where the pair's ``says`` names one of the axis. Pairs are resampled.
    """
    n = len(pairs.names)
    weights = resample(pairs.names, draws, rng)
    found: list[IndicatorParity] = []
    everything: list[tuple[np.ndarray, np.ndarray]] = []
    for axis in codebook.axes:
        for one in axis.indicators:
            question = f"{axis.id}.{one.id}"
            answers = codebook.says(labels, axis.id, one.id).astype(np.float64)
            zh, en = answers[:n], answers[n:]
            coded = np.array([question in said for said in pairs.says], dtype=np.float64)
            judged = np.ones(n, bool)
            if axis.kind == "single":
                judged = np.array([any(code.startswith(f"{axis.id}.") for code in said) for said in pairs.says])
            f1 = {
                language: estimate(
                    yes_no_scores(coded[judged], said[judged], weights[:, judged])["f1"], UNDEFINED["f1"]
                )
                for language, said in (("zh", zh), ("en", en))
            }
            # Wilson's: a bootstrap of pairs that are all the same would be certain of it.
            low, high = wilson(np.array([(zh == en).sum()]), np.array([n]))
            same = Estimate(float((zh == en).mean()), float(low[0]), float(high[0]))
            found.append(_parity(question, same, zh, en, weights, f1))
            everything.append((zh, en))
    zh, en = (np.stack(side, axis=1) for side in zip(*everything, strict=True))
    same = estimate(weights @ (zh == en).mean(axis=1) / weights.sum(axis=1))
    mean = _parity(MEAN, same, zh.mean(axis=1), en.mean(axis=1), weights, {})
    return (mean, *found)


def _parity(
    question: str, same: Estimate, zh: np.ndarray, en: np.ndarray, weights: np.ndarray, f1: dict[str, Estimate]
) -> IndicatorParity:
    difference = weights @ (zh - en) / weights.sum(axis=1)
    return IndicatorParity(
        question,
        len(zh),
        same,
        {"zh": float(zh.mean()), "en": float(en.mean())},
        estimate(difference),
        p_value(difference),
        f1,
    )
