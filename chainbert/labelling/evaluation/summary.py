"""The numbers of an evaluation that decide, a line a labeller: for the terminal, the page and benchmarks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chainbert.labelling.codebook import Codebook
from chainbert.labelling.evaluation.bootstrap import Estimate
from chainbert.labelling.evaluation.outcome import EvaluationRun
from chainbert.labelling.evaluation.results import ALL, GAP, MEAN, Evaluation, Number

NONE = Estimate(None)
NAME_WIDTH, CELL_WIDTH = 30, 21


@dataclass(frozen=True, slots=True)
class Line:
    """One labeller, or the coders, in a few numbers; each is an Estimate whose value is None where there is none."""

    name: str
    kind: str
    """``labeller``, ``baseline`` or ``coders``."""
    n: int
    cells: dict[str, Estimate] = field(default_factory=dict)
    """Heading → number, in the order of ``headings``."""

    def to_json(self) -> dict[str, Any]:
        """Plain dict."""
        cells = {name: one.to_json() for name, one in self.cells.items()}
        return {"name": self.name, "kind": self.kind, "n": self.n, "cells": cells}


def summary_lines(run: EvaluationRun) -> list[Line]:
    """A line a labeller and baseline, then the coders' where there are two."""
    lines = [line_of(one.name, one.kind, one.evaluation, run.codebook) for one in run.labellers]
    if run.ceiling is not None:
        name = f"{run.ceiling.name} against {run.ceiling.against}"
        lines.append(line_of(name, "coders", run.ceiling, run.codebook))
    return lines


def text_table(lines: list[Line]) -> Iterator[str]:
    """The lines as columns of text, one row a number: ``.91 [.87, .94]``."""
    yield "".join([" " * NAME_WIDTH, *(f"{_cut(line.name):>{CELL_WIDTH}}" for line in lines)])
    for heading in lines[0].cells:
        yield f"{heading:<{NAME_WIDTH}}" + "".join(f"{shown(line.cells[heading]):>{CELL_WIDTH}}" for line in lines)


def difference_lines(run: EvaluationRun) -> Iterator[str]:
    """The first labeller against each other, paired, a line each."""
    for one in run.differences:
        number = one.find(main_question(run.codebook), "macro_f1")
        yield (
            f"{one.first} minus {one.second}: macro-F1 {shown(number.estimate, sign=True)}, {p_text(number)}, "
            f"n = {number.n:,}"
        )


def stress_lines(run: EvaluationRun) -> Iterator[str]:
    """Other wordings, translations, axes left out: a line each where they were asked for."""
    for one in run.labellers:
        if one.wordings is not None:
            worst = one.wordings.worst
            yield (
                f"{one.name}: {shown(one.wordings.find())} of the answers change under {one.wordings.paraphrases} "
                f"other wordings, at worst {shown(worst.share)} ({worst.language} {worst.paraphrase})"
            )
        for parity in (one.parity or ())[:1]:
            yield f"{one.name}: {shown(parity.same)} of the answers are the same in {parity.pairs} translated pairs"
    for left in run.unseen:
        axis = run.codebook.axis(left.axis)
        question = MEAN if axis.kind == "indicators" else axis.id
        score = left.evaluation.find(question, "macro_f1")
        yield f"{left.evaluation.name}: macro-F1 {shown(score)} on {left.axis}, from the codebook's words alone"


def p_text(number: Number) -> str:
    """``p = .03``; ``p < .001``."""
    if number.p is None:
        return "p –"
    return "p < .001" if number.p < 0.001 else f"p = {_plain(number.p, 3)}"


def shown(found: Estimate, *, sign: bool = False) -> str:
    """``.91 [.87, .94]`` to two digits (rates to three where they are small); ``–`` where there is none."""
    if found.value is None:
        return "–"
    value = _plain(found.value, 3, sign=sign)
    if found.low is None or found.high is None:
        return value
    return f"{value} [{_plain(found.low, 2, sign=sign)}, {_plain(found.high, 2, sign=sign)}]"


def summary_json(run: EvaluationRun, folder: Path) -> dict[str, Any]:
    """The main numbers as plain data; ``evaluation.json`` has all."""
    main = main_question(run.codebook)
    return {
        "folder": str(folder),
        "note": run.config.note,
        "companies": len(run.coded.gold.table),
        "missing": list(run.coded.missing),
        "labellers": [line.to_json() for line in summary_lines(run)],
        "differences": [
            {"first": one.first, "second": one.second, "macro_f1": one.find(main, "macro_f1").to_json()}
            for one in run.differences
        ],
        "stresses": list(stress_lines(run)),
        "notes": list(run.notes),
    }


def main_question(codebook: Codebook) -> str:
    """What labellers are compared by: the mean over indicators, else the first single choice."""
    return MEAN if any(axis.kind == "indicators" for axis in codebook.axes) else codebook.axes[0].id


def _plain(value: float, digits: int, *, sign: bool = False) -> str:
    text = f"{value:+.{digits}f}" if sign else f"{value:.{digits}f}"
    return text.replace("0.", ".", 1).replace("-", "−") if abs(value) < 1 else text.replace("-", "−")


def _cut(name: str) -> str:
    return name if len(name) < CELL_WIDTH else f"{name[: CELL_WIDTH - 2]}…"


def line_of(name: str, kind: str, found: Evaluation, codebook: Codebook) -> Line:
    """The deciding numbers of one evaluation; ``kind`` as in ``Line``."""

    def number(question: str, metric: str, group: str = ALL) -> Estimate:
        try:
            return found.find(question, metric, group)
        except KeyError:
            return NONE

    asked = [f"{axis.id}.{one.id}" for axis in codebook.axes if axis.kind == "indicators" for one in axis.indicators]
    single = [axis.id for axis in codebook.axes if axis.kind == "single"]
    every = [f"{axis.id}.{one.id}" for axis in codebook.axes for one in axis.indicators]
    axes = [axis.id for axis in codebook.axes]
    cells = {f"macro-F1 {question}": number(question, "macro_f1") for question in asked}
    if asked:
        cells["macro-F1 mean"] = number(MEAN, "macro_f1")
        cells["  zh"] = number(MEAN, "macro_f1", "zh")
        cells["  en"] = number(MEAN, "macro_f1", "en")
        cells["  zh minus en"] = number(MEAN, "macro_f1", GAP)
    cells |= {f"macro-F1 {axis}": number(axis, "macro_f1") for axis in single}
    cells |= {f"accuracy {axis}": number(axis, "accuracy") for axis in axes}
    cells["calibration error"] = _mean([number(question, "calibration_error") for question in every])
    cells["  its floor"] = _mean([number(question, "calibration_error_floor") for question in every])
    if kind != "coders":
        cells["abstained"] = _mean([number(axis, "abstained_share") for axis in axes])
    else:
        cells["abstained"] = NONE
    return Line(name, kind, found.companies.get(ALL, 0), cells)


def _mean(found: list[Estimate]) -> Estimate:
    """Of those that are defined, without an interval."""
    values = [one.value for one in found if one.value is not None]
    return Estimate(sum(values) / len(values)) if values else NONE
