"""``evaluation.html``: what an evaluation found, in one file that needs nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from chainbert.errors import DataError
from chainbert.files import write_text
from chainbert.report import evaluationfigures as figures
from chainbert.report import evaluationtables as tables
from chainbert.report.evaluationfindings import findings, methods
from chainbert.report.evaluationtables import ALL, Json, at, cell
from chainbert.report.exhibits import Figure, Panel
from chainbert.report.figures import FONT
from chainbert.report.page import _scripts, _template
from chainbert.report.palette import GLYPHS, Cities, choose_colours, css_variables
from chainbert.report.tables import Table, percent

SCHEMA = 1


def write_evaluation(folder: Path) -> Path:
    """Write ``evaluation.html`` beside the ``evaluation.json`` of a folder, whole or not at all; return its path.

    The page makes no request of any kind. Raises DataError where the file is missing or of another version.
    """
    found = _read(folder / "evaluation.json")
    series = choose_colours(name for name, _ in tables.evaluations_of(found))
    languages = choose_colours(figures.LANGUAGES.values())
    variables = css_variables(series) | css_variables(languages)
    environment = _template().environment
    html = environment.get_template("evaluation.html.jinja").render(
        title=found["config"]["title"],
        note=found["config"]["note"],
        font=Markup(FONT),
        variables=variables,
        colours={light: f"var({name})" for light, (name, _, _) in variables.items()},
        findings=list(findings(found)),
        first=found["labellers"][0]["name"],
        coders=found["ceiling"] and tables.ceiling_name(found["ceiling"]),
        series=series.charted,
        glyphs=GLYPHS,
        language_names=languages.names,
        scores=score_figure(found, series),
        languages=language_figure(found, languages),
        differences=tables.difference_table(found),
        confusions=list(confusion_panels(found)),
        other_confusions=list(other_confusions(found)),
        reliability=list(reliability_panels(found)),
        metrics=tables.metric_table(found),
        wordings=tables.wording_table(found),
        parity=tables.parity_table(found),
        unseen=tables.unseen_table(found),
        never_trained=[
            one["name"] for one in found["labellers"] if len(one["unseen_axes"]) == len(found["codebook"]["axes"])
        ],
        evidence=tables.evidence_table(found),
        agreement=tables.agreement_table(found),
        notes=found["notes"],
        methods=list(methods(found)),
        **_scripts(),
    )
    target = folder / "evaluation.html"
    write_text(target, html.encode("utf-8", "replace").decode("utf-8"))
    return target


def _read(path: Path) -> Json:
    try:
        found: Json = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({error}); a folder of `chainbert evaluate` was expected") from error
    if not isinstance(found, dict) or found.get("schema") != SCHEMA:
        raise DataError(f"{path}: is of another version; evaluate again with this one")
    return found


def score_figure(found: Json, series: Cities) -> Figure:
    """Macro-F1 of every labeller on every question, with the coders'."""
    rows = [
        _score_row(name, title, at(one, question, "macro_f1"))
        for name, one in tables.evaluations_of(found)
        for title, question in tables.questions_of(found)
        if at(one, question, "macro_f1")["value"] is not None
    ]
    words = "Macro-F1. " + " ".join(
        f"{name}: " + ", ".join(f"{row['question']} {row['said']}" for row in rows if row["series"] == name) + "."
        for name in series.names
    )
    chart = figures.scores_by_question(rows, [title for title, _ in tables.questions_of(found)], series)
    beyond = f"{len(series.beyond)} more in the table only." if series.beyond else ""
    return Figure((Panel("scores", "", words, chart),), words, tables.score_table(found), beyond)


def language_figure(found: Json, languages: Cities) -> Figure | None:
    """The first labeller's macro-F1 in each language beside one coder against the other; None of one language."""
    asked = tables.questions_of(found)
    judged = [("labels", found["labellers"][0]["name"], found["labellers"][0]["evaluation"])]
    if found["ceiling"]:
        judged.append(("coders", tables.ceiling_name(found["ceiling"]), found["ceiling"]))
    rows = [
        _score_row(f"{name}, {word}", title, score) | {"language": word, "who": who}
        for who, name, one in judged
        for title, question in asked
        for code, word in figures.LANGUAGES.items()
        if (score := at(one, question, "macro_f1", code))["value"] is not None
    ]
    if len({row["language"] for row in rows}) < len(figures.LANGUAGES):
        return None
    words = "Macro-F1 by language. " + " ".join(
        f"{name}: " + ", ".join(f"{row['question']} {row['said']}" for row in rows if row["series"] == name) + "."
        for name in dict.fromkeys(row["series"] for row in rows)
    )
    chart = figures.scores_by_language(rows, [title for title, _ in asked], languages)
    return Figure((Panel("languages", "", words, chart),), words, tables.language_table(found))


def _score_row(name: str, title: str, score: Json) -> dict[str, Any]:
    known = {end: score[end] for end in ("value", "low", "high")}
    return {"series": name, "question": title, **known, "said": cell(score), "n": score["n"]}


def confusion_panels(found: Json) -> Iterator[tuple[Panel, Table]]:
    """The first labeller's values against the codes, one an axis."""
    axes = {axis["id"] for axis in found["codebook"]["axes"]}
    for one in found["labellers"][0]["evaluation"]["confusions"]:
        if one["question"] in axes and one["group"] == ALL:
            cells = [
                {
                    "code": code,
                    "label": label,
                    "n": n,
                    "share": n / max(sum(line), 1),
                    "said": f"{n} of {sum(line)} ({percent(n / max(sum(line), 1))})",
                }
                for code, line in zip(one["values"], one["counts"], strict=True)
                for label, n in zip(one["values"], line, strict=True)
            ]
            right = sum(line[place] for place, line in enumerate(one["counts"]))
            words = f"{one['question']}: {right} of {sum(map(sum, one['counts']))} labels are the code."
            chart = figures.confusion_of(cells, one["values"])
            panel = Panel(f"confusion-{one['question']}", one["question"].capitalize(), words, chart)
            yield panel, tables.confusion_table(one["counts"], one["values"])


@dataclass(frozen=True, slots=True)
class Confused:
    """A confusion that stands as a table only."""

    heading: str
    table: Table


def other_confusions(found: Json) -> Iterator[Confused]:
    """The same of all other labellers, and of the coders."""
    axes = {axis["id"] for axis in found["codebook"]["axes"]}
    for name, evaluation in tables.evaluations_of(found)[1:]:
        for one in evaluation["confusions"]:
            if one["question"] in axes and one["group"] == ALL:
                yield Confused(f"{name}: {one['question']}", tables.confusion_table(one["counts"], one["values"]))


def reliability_panels(found: Json) -> Iterator[Panel]:
    """Of the first labeller, one an indicator."""
    evaluation = found["labellers"][0]["evaluation"]
    for place, (question, bins) in enumerate(evaluation["reliability"].items()):
        rows = [
            {
                "probability": round(one["mean_probability"], 3),
                "share": one["share_yes"],
                "low": one["share_low"],
                "high": one["share_high"],
                "n": one["n"],
                "said": cell({"value": one["share_yes"], "low": one["share_low"], "high": one["share_high"]}),
            }
            for one in bins
            if one["n"]
        ]
        title = question.replace(".", ": ")
        error = at(evaluation, question, "calibration_error")
        floor = at(evaluation, question, "calibration_error_floor")
        words = f"{title}: calibration error {cell(error)}, of which {cell(floor)} would be chance."
        yield Panel(f"reliability-{place}", title, words, figures.reliability_of(rows))
