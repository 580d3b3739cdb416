"""Whether the labeller's evidence is what the coders quoted."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from chainbert.labelling.codebook import Codebook
from chainbert.labelling.evaluation.judged import label_rows
from chainbert.labelling.gold import Gold
from chainbert.wilson import wilson

_BREAKS = re.compile(r"[.。!！?？;；…\n]+(?:\s|$)|[。！？；…\n]|\.{3}")


@dataclass(frozen=True, slots=True)
class EvidenceOverlap:
    """How often the evidence of one indicator is where the coder looked."""

    question: str
    companies: int
    """Companies whose code is yes, that have a quote and a label."""
    overlapping: int
    share: float | None
    """In [0, 1]; a company whose label is not yes has no evidence and counts as none."""
    low: float | None
    high: float | None
    """95 % Wilson interval."""
    reason: str = ""

    def to_json(self) -> dict[str, str | int | float | None]:
        """Plain dict of finite numbers, None and text."""
        return asdict(self)


def evidence_overlap(labels: pd.DataFrame, gold: Gold, codebook: Codebook) -> tuple[EvidenceOverlap, ...]:
    """Per indicator: the share of yes-coded companies whose evidence sentence overlaps the coder's quote.

    The quote stands in the gold column ``evidence_customer`` (one an axis), or ``evidence_customer.state``. Both are
    compared with widths, letter case and blanks folded; they overlap where one, or a sentence of the quote, is part
    of the other. Errors as in ``judge_labels``.
    """
    rows, found = label_rows(labels, gold, codebook)
    results = []
    for axis in codebook.axes:
        for one in axis.indicators:
            question = f"{axis.id}.{one.id}"
            columns = [name for name in (f"evidence_{question}", f"evidence_{axis.id}") if name in gold.table]
            evidence = rows.get(f"{question}.evidence")
            if not columns or evidence is None:
                lacking = f"the gold file has no column evidence_{axis.id}" if not columns else "no evidence column"
                results.append(EvidenceOverlap(question, 0, 0, None, None, None, lacking))
                continue
            quotes = gold.table[columns[0]].fillna("").astype(str).tolist()
            counts = found & (gold.says(axis, one.id) == 1) & np.array([bool(_folded(one)) for one in quotes])
            pairs = zip(evidence.fillna("").astype(str), quotes, strict=True)
            hits = np.array([overlaps(sentence, quote) for sentence, quote in pairs], dtype=bool) & counts
            results.append(_counted(question, int(counts.sum()), int(hits.sum())))
    return tuple(results)


def overlaps(sentence: str, quote: str) -> bool:
    """Whether a sentence and a quote, or a sentence within the quote, are parts of each other."""
    whole = _folded(sentence)
    pieces = [quote, *_BREAKS.split(quote)]
    return bool(whole) and any(part in whole or whole in part for piece in pieces if (part := _folded(piece)))


def _folded(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def _counted(question: str, companies: int, hits: int) -> EvidenceOverlap:
    if not companies:
        return EvidenceOverlap(question, 0, 0, None, None, None, "no yes-coded company has a quote")
    low, high = wilson(np.array([hits]), np.array([companies]))
    return EvidenceOverlap(question, companies, hits, hits / companies, float(low[0]), float(high[0]))
