"""An evaluation's numbers as tables of text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from chainbert.report.tables import Table, interval, number, percent, probability

Json = dict[str, Any]
ALL, MEAN, GAP = "all", "mean", "zh minus en"
NOTHING: Json = {"n": 0, "value": None, "low": None, "high": None}


def at(evaluation: Json, question: str, metric: str, group: str = ALL) -> Json:
    """One number of an evaluation; one without a value where there is none."""
    found: Json = evaluation["numbers"].get(question, {}).get(group, {}).get(metric, NOTHING)
    return found


def cell(found: Json, digits: int = 2) -> str:
    """``.91 (.87 to .94)`` with its zeros; "–" where there is no value."""
    value = number(found["value"], digits)
    if found.get("low") is None or found.get("high") is None:
        return value
    return f"{value} ({interval(found['low'], found['high'], digits)})"


def ceiling_name(ceiling: Json) -> str:
    """Who was judged by whom."""
    return f"{ceiling['name']} against {ceiling['against']}"


def questions_of(found: Json) -> list[tuple[str, str]]:
    """Heading and question of every macro-F1: indicators, their mean, single choices."""
    axes = found["codebook"]["axes"]
    asked = [f"{axis['id']}.{one}" for axis in axes if axis["kind"] == "indicators" for one in axis["indicators"]]
    pairs = [(question.replace(".", ": "), question) for question in asked]
    if asked:
        pairs.append(("mean of these", MEAN))
    return pairs + [(axis["id"], axis["id"]) for axis in axes if axis["kind"] == "single"]


def indicators_of(found: Json) -> list[str]:
    """``customer.state`` of every indicator."""
    return [f"{axis['id']}.{one}" for axis in found["codebook"]["axes"] for one in axis["indicators"]]


def main_question(found: Json) -> str:
    """What labellers are compared by."""
    questions = [question for _, question in questions_of(found)]
    return MEAN if MEAN in questions else questions[0]


def evaluations_of(found: Json) -> list[tuple[str, Json]]:
    """Name and evaluation of every labeller, then of the coders."""
    named = [(one["name"], one["evaluation"]) for one in found["labellers"]]
    return named + ([(ceiling_name(found["ceiling"]), found["ceiling"])] if found["ceiling"] else [])


def score_table(found: Json) -> Table:
    """Every labeller's macro-F1, accuracies, calibration and abstentions; the coders last."""
    asked, axes = questions_of(found), [axis["id"] for axis in found["codebook"]["axes"]]
    rows: list[tuple[str, ...]] = []
    for name, one in evaluations_of(found):
        scores = [cell(at(one, question, "macro_f1")) for _, question in asked]
        right = [cell(at(one, axis, "accuracy")) for axis in axes]
        coders = found["ceiling"] is one
        abstained = "–" if coders else percent(_mean(at(one, axis, "abstained_share") for axis in axes))
        rows.append((name, *scores, *right, abstained))
    heads = (*(f"F1 {title}" for title, _ in asked), *(f"Accuracy {axis}" for axis in axes), "Abstained")
    return Table(("Labels", *heads), rows, 1)


def language_table(found: Json) -> Table:
    """Macro-F1 in each language and the gap, for each labeller and question."""
    rows: list[tuple[str, ...]] = []
    for name, one in evaluations_of(found):
        for title, question in questions_of(found):
            groups = [at(one, question, "macro_f1", group) for group in ("zh", "en", GAP)]
            if any(group["value"] is not None for group in groups):
                rows.append((name, title, *(cell(group) for group in groups), p_of(groups[-1])))
    return Table(("Labels", "Question", "Chinese", "English", "Chinese minus English", "p"), rows, 2)


def difference_table(found: Json) -> Table | None:
    """The first labeller minus each other, question by question; None where there is one only."""
    rows: list[tuple[str, ...]] = [
        (f"{one['first']} minus {one['second']}", title, cell(pair, 3), p_of(pair), number(pair["n"], 0))
        for one in found["differences"]
        for title, question in questions_of(found)
        if (pair := at(one, question, "macro_f1"))["value"] is not None
    ]
    return Table(("Labels", "Question", "Difference of macro-F1", "p", "Companies"), rows, 2) if rows else None


def metric_table(found: Json) -> Table:
    """Precision, recall, F1, AUC, Brier and calibration error with its floor, for each labeller and indicator."""
    metrics = ("precision", "recall", "f1", "auc", "brier", "calibration_error")
    rows: list[tuple[str, ...]] = []
    for name, one in evaluations_of(found):
        for question in indicators_of(found):
            numbers = [cell(at(one, question, metric)) for metric in metrics]
            floor = number(at(one, question, "calibration_error_floor")["value"], 3)
            rows.append((name, question.replace(".", ": "), *numbers, floor))
    heads = ("Precision", "Recall", "F1 of yes", "AUC", "Brier", "Calibration error", "Its floor")
    return Table(("Labels", "Indicator", *heads), rows, 2)


def wording_table(found: Json) -> Table | None:
    """Share of answers that change with the wording; None where it was not asked."""
    rows: list[tuple[str, ...]] = []
    for one in found["labellers"]:
        if one["wordings"] is None:
            continue
        flips = one["wordings"]["flips"]
        for question in [MEAN, *indicators_of(found)]:
            mine = [flip for flip in flips if flip["question"] == question]
            whole = next(flip for flip in mine if not flip["paraphrase"])
            each = [flip for flip in mine if flip["paraphrase"]]
            worst = max(each, key=lambda flip: flip["share"]["value"])
            which = f"{percent(worst['share']['value'])} ({worst['language']} {worst['paraphrase']})"
            title = "mean of all" if question == MEAN else question.replace(".", ": ")
            rows.append((one["name"], title, _percents(whole["share"]), which, number(whole["answers"], 0)))
    heads = ("Labels", "Indicator", "Answers that change", "At worst (wording)", "Answers")
    return Table(heads, rows, 2) if rows else None


def parity_table(found: Json) -> Table | None:
    """Translated pairs with the same answer; None where it was not asked."""
    rows: list[tuple[str, ...]] = []
    for labeller in found["labellers"]:
        for one in labeller["parity"] or ():
            title = "mean of all" if one["question"] == MEAN else one["question"].replace(".", ": ")
            f1 = [cell(one["f1"].get(language, NOTHING)) for language in ("zh", "en")]
            yes = [percent(one["yes"][language]) for language in ("zh", "en")]
            same = _percents(one["same"])
            difference = cell(one["difference"])
            rows.append((labeller["name"], title, same, *yes, difference, probability(one["p"]), *f1))
    heads = ("Same answer", "Yes in Chinese", "Yes in English", "Difference", "p", "F1 Chinese", "F1 English")
    return Table(("Labels", "Indicator", *heads), rows, 2) if rows else None


def unseen_table(found: Json) -> Table | None:
    """Axes judged by a labeller that was trained without them; None where it was not asked."""
    kinds = {axis["id"]: axis for axis in found["codebook"]["axes"]}
    rows: list[tuple[str, ...]] = []
    for one in found["unseen"]:
        axis = kinds[one["axis"]]
        asked = [f"{axis['id']}.{name}" for name in axis["indicators"]] if axis["kind"] == "indicators" else []
        for question in [*asked, axis["id"]]:
            found_here = at(one["evaluation"], question, "macro_f1")
            right = at(one["evaluation"], question, "accuracy")
            rows.append((one["axis"], question.replace(".", ": "), cell(found_here), cell(right)))
    return Table(("Axis left out", "Question", "Macro-F1", "Accuracy"), rows, 2) if rows else None


def evidence_table(found: Json) -> Table | None:
    """How often the evidence is where the coders looked; None where the file has no quotes."""
    rows: list[tuple[str, ...]] = [
        (
            labeller["name"],
            one["question"].replace(".", ": "),
            _percents({"value": one["share"], **one}),
            str(one["companies"]),
        )
        for labeller in found["labellers"]
        for one in labeller["evidence"]
        if one["share"] is not None
    ]
    return Table(("Labels", "Indicator", "Overlaps the quote", "Coded yes, with a quote"), rows, 2) if rows else None


def agreement_table(found: Json) -> Table | None:
    """Agreement of the coders over all companies; None where the file has one coding."""
    if not found["agreement"]:
        return None
    lines: dict[tuple[str, str], dict[str, Json]] = {}
    for row in found["agreement"]:
        if row["group"] == ALL:
            question = f"{row['axis']}: {row['indicator']}" if row["indicator"] else f"{row['axis']}, all values"
            pair = " and ".join(name for name in (row["first"], row["second"]) if name)
            lines.setdefault((question, pair), {})[row["measure"]] = row
    measures = ("alpha", "kappa", "ac1", "percent")
    rows: list[tuple[str, ...]] = [
        (*head, *(cell(measured.get(name, NOTHING)) for name in measures), str(next(iter(measured.values()))["units"]))
        for head, measured in lines.items()
    ]
    heads = ("Krippendorff's alpha", "Cohen's kappa", "Gwet's AC1", "Agreement", "Companies")
    return Table(("Question", "Coders", *heads), rows, 2)


def confusion_table(counts: Sequence[Sequence[int]], values: Sequence[str]) -> Table:
    """Codes down, labels across."""
    rows: list[tuple[str, ...]] = [(value, *(str(n) for n in line)) for value, line in zip(values, counts, strict=True)]
    return Table(("Code", *values), rows, 1)


def _percents(found: Json) -> str:
    if found.get("low") is None:
        return percent(found["value"])
    return f"{percent(found['value'])} ({percent(found['low'])} to {percent(found['high'])})"


def p_of(found: Json) -> str:
    """The p of a difference or gap."""
    return probability(found.get("p"))


def _mean(found: Iterable[Json]) -> float | None:
    values = [one["value"] for one in found if one["value"] is not None]
    return sum(values) / len(values) if values else None
