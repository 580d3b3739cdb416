"""What an evaluation of several labellers found; as JSON and as one long table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from chainbert.labelling.codebook import Codebook
from chainbert.labelling.evaluation.bootstrap import Estimate
from chainbert.labelling.evaluation.coded import Coded
from chainbert.labelling.evaluation.config import EvaluationConfig
from chainbert.labelling.evaluation.evidence import EvidenceOverlap
from chainbert.labelling.evaluation.judged import Judged
from chainbert.labelling.evaluation.parity import IndicatorParity
from chainbert.labelling.evaluation.results import Difference, Evaluation
from chainbert.labelling.evaluation.unseen import UnseenAxis
from chainbert.labelling.evaluation.wordings import WordingStress
from chainbert.labelling.tables import Labels

SCHEMA = 1
COLUMNS = (
    "part", "labeller", "against", "question", "group", "metric", "n", "value", "low", "high", "p", "reason",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Assessed:
    """One labeller, or baseline, with everything that was asked of it."""

    name: str
    kind: str
    """``labeller`` or ``baseline``."""
    labels: Labels
    seconds: float
    """What labelling the coded companies took when it was done, embedding included."""
    unseen: tuple[str, ...]
    """Axes it was not trained on: what it says of them it learnt from the codebook's words. None of a baseline's."""
    judged: Judged
    evaluation: Evaluation
    evidence: tuple[EvidenceOverlap, ...]
    wordings: WordingStress | None = None
    parity: tuple[IndicatorParity, ...] | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain dict; the labels themselves are a file of their own."""
        return {
            "name": self.name,
            "kind": self.kind,
            "fingerprint": self.labels.encoder_fingerprint,
            "seconds": self.seconds,
            "unseen_axes": list(self.unseen),
            "notes": list(self.labels.notes),
            "evaluation": self.evaluation.to_json(),
            "evidence": [one.to_json() for one in self.evidence],
            "wordings": self.wordings and self.wordings.to_json(),
            "parity": self.parity and [one.to_json() for one in self.parity],
        }


@dataclass(frozen=True, slots=True)
class EvaluationRun:
    """Everything that ``chainbert evaluate`` found."""

    config: EvaluationConfig
    codebook: Codebook
    coded: Coded
    labellers: tuple[Assessed, ...]
    differences: tuple[Difference, ...]
    """The first labeller against each other, paired."""
    ceiling: Evaluation | None
    """The gold file's first coder against its second; None where it has one coding."""
    agreement: pd.DataFrame | None
    """As of ``agreement_of``, by language; None where the file has one coding."""
    unseen: tuple[UnseenAxis, ...]
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain dict of finite numbers, None and text: ``evaluation.json``."""
        gold = self.coded.gold
        return {
            "schema": SCHEMA,
            "config": self.config.model_dump(mode="json"),
            "gold": {
                "path": gold.path,
                "sha256": gold.sha256,
                "coded": len(gold.table),
                "coders": list(gold.coders),
                "missing": list(self.coded.missing),
            },
            "companies": {"path": self.coded.companies.source, "sha256": self.coded.companies.sha256},
            "codebook": {
                "id": self.codebook.id,
                "version": self.codebook.version,
                "axes": [
                    {"id": axis.id, "kind": axis.kind, "indicators": [one.id for one in axis.indicators]}
                    for axis in self.codebook.axes
                ],
            },
            "labellers": [one.to_json() for one in self.labellers],
            "differences": [one.to_json() for one in self.differences],
            "ceiling": self.ceiling and self.ceiling.to_json(),
            "agreement": _records(self.agreement),
            "unseen": [one.to_json() for one in self.unseen],
            "notes": list(self.notes),
        }

    def table(self) -> pd.DataFrame:
        """One row a number, of every part: ``evaluation.csv``."""
        parts = []
        for one in self.labellers:
            parts.append(_part("labeller", one.name, one.evaluation.against, one.evaluation.table()))
            parts.append(_part("evidence", one.name, "the coders' quotes", _evidence_rows(one.evidence)))
            if one.wordings is not None:
                parts.append(_part("wordings", one.name, "the codebook as it is", _flip_rows(one.wordings)))
            if one.parity is not None:
                parts.append(_part("parity", one.name, "the translation", _parity_rows(one.parity)))
        parts += [_part("difference", one.first, one.second, one.table()) for one in self.differences]
        if self.ceiling is not None:
            parts.append(_part("ceiling", self.ceiling.name, self.ceiling.against, self.ceiling.table()))
        parts += [
            _part("unseen axis", one.evaluation.name, one.evaluation.against, one.evaluation.table())
            for one in self.unseen
        ]
        if self.agreement is not None:
            parts += [
                _part("agreement", str(first), str(second), _agreement_rows(rows))
                for (first, second), rows in self.agreement.groupby(["first", "second"], sort=False)
            ]
        return pd.concat(parts, ignore_index=True)


def _part(part: str, labeller: str, against: str, rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(part=part, labeller=labeller, against=against).reindex(columns=list(COLUMNS))


def _row(question: str, group: str, metric: str, n: int, found: Estimate, p: float | None = None) -> dict[str, Any]:
    return {"question": question, "group": group, "metric": metric, "n": n, "p": p, "reason": ""} | found.to_json()


def _evidence_rows(evidence: tuple[EvidenceOverlap, ...]) -> pd.DataFrame:
    return pd.DataFrame(
        _row(one.question, "all", "overlap", one.companies, Estimate(one.share, one.low, one.high, one.reason))
        for one in evidence
    )


def _flip_rows(stress: WordingStress) -> pd.DataFrame:
    return pd.DataFrame(
        _row(
            one.question,
            f"{one.language} {one.paraphrase}" if one.paraphrase else "all",
            "flip_rate",
            one.answers,
            one.share,
        )
        for one in stress.flips
    )


def _parity_rows(parity: tuple[IndicatorParity, ...]) -> pd.DataFrame:
    rows = []
    for one in parity:
        rows.append(_row(one.question, "all", "same_share", one.pairs, one.same))
        rows.append(_row(one.question, "zh minus en", "said_yes_share", one.pairs, one.difference, one.p))
        for language, share in one.yes.items():
            rows.append(_row(one.question, language, "said_yes_share", one.pairs, Estimate(share)))
        for language, found in one.f1.items():
            rows.append(_row(one.question, language, "f1", one.pairs, found))
    return pd.DataFrame(rows)


def _agreement_rows(rows: pd.DataFrame) -> pd.DataFrame:
    question = rows["axis"].where(rows["indicator"] == "", rows["axis"] + "." + rows["indicator"])
    return rows.assign(question=question, metric=rows["measure"], n=rows["units"])


def _records(table: pd.DataFrame | None) -> list[dict[str, Any]] | None:
    if table is None:
        return None
    plain = table.astype(object).where(table.notna(), None).to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in plain]
