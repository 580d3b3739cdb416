"""What the hand codes say of the labeller: where it is wrong, and whether its probabilities are true."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from chainbert.report import evaluationfigures as figures
from chainbert.report.exhibits import Panel
from chainbert.report.language import counted, joined, say, told
from chainbert.report.parts import Part
from chainbert.report.runfiles import RunFiles
from chainbert.report.tables import Table, label_name, number, percent, plain, share_interval, with_interval

ALL = "all"


def hand_codes(files: RunFiles) -> list[Part]:
    """Corrected shares, confusions and calibration; [] where the study has no hand codes."""
    found = files.hand_codes
    if not found:
        return []
    return [part for part in (_shares(found), _confusions(found), _calibration(found)) if part]


def _shares(found: Mapping[str, Any]) -> Part | None:
    rows = [row for row in found.get("shares", []) if row.get("share") is not None]
    if not rows:
        return None
    table = Table(
        (
            say("Axis"),
            say("Label"),
            say("City"),
            say("Counted labels"),
            say("Corrected share"),
            say("95 % interval"),
            say("Hand codes"),
            say("Companies"),
        ),
        [
            (
                plain(row["axis"]),
                label_name(row["indicator"]),
                say("all cities") if row["city"] == ALL else str(row["city"]),
                percent(row["naive"]),
                percent(row["share"]),
                share_interval(row["low"], row["high"]),
                number(row["n"], 0),
                number(row["N"], 0),
            )
            for row in rows
        ],
        3,
    )
    words = say(
        "Shares corrected by {n} hand codes (prediction-powered inference): their intervals carry the labeller's "
        "errors, those of counted labels do not.",
        n=number(found.get("n"), 0),
    )
    said = [told(str(one)) for one in (found.get("methods"), *(found.get("notes") or [])) if one]
    if few := len(found["shares"]) - len(rows):
        one, many = (
            "{n} share has too few hand codes and is left out.",
            "{n} shares have too few hand codes and are left out.",
        )
        said.append(counted(few, one, many))
    remark = joined(" ", said)
    return Part(
        table=table,
        caption=words,
        words=words,
        heading=say("Shares corrected by hand codes"),
        lead=words,
        remark=remark,
    )


def _confusions(found: Mapping[str, Any]) -> Part | None:
    panels: list[Panel] = []
    rows: list[tuple[str, ...]] = []
    for one in found.get("confusions", []):
        if one["group"] != ALL or "." in one["question"] or not any(map(sum, one["counts"])):
            continue
        cells = list(_cells(one))
        right = sum(line[place] for place, line in enumerate(one["counts"]))
        title = plain(one["question"])
        words = say(
            "{axis}: {right} of {n} labels are the hand code.", axis=title, right=right, n=sum(map(sum, one["counts"]))
        )
        chart = figures.confusion_of(cells, list(map(label_name, one["values"])))
        panels.append(Panel(f"confusion-{one['question']}", title, words, chart))
        rows += [
            (title, str(cell["code"]), str(cell["label"]), str(cell["n"]), percent(cell["share"])) for cell in cells
        ]
    if not panels:
        return None
    heads = (say("Axis"), say("Hand code"), say("Label"), say("Companies"), say("Share of the code"))
    return Part(
        table=Table(heads, rows, 3),
        caption=say("Labels beside hand codes"),
        words=joined(" ", (panel.words for panel in panels)),
        heading=say("Where the labeller is wrong"),
        lead=say("Rows are the hand codes, columns the labels; a right label stands on the diagonal."),
        panels=tuple(panels),
        small=True,
    )


def _cells(one: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for code, line in zip(one["values"], one["counts"], strict=True):
        for label, n in zip(one["values"], line, strict=True):
            share = n / max(sum(line), 1)
            said = say("{n} of {total} ({share})", n=n, total=sum(line), share=percent(share))
            yield {"code": label_name(code), "label": label_name(label), "n": n, "share": share, "said": said}


def _calibration(found: Mapping[str, Any]) -> Part | None:
    panels: list[Panel] = []
    rows: list[tuple[str, ...]] = []
    for place, (question, bins) in enumerate(found.get("reliability", {}).items()):
        points = [
            {
                "probability": round(one["mean_probability"], 3),
                "share": one["share_yes"],
                "low": one["share_low"],
                "high": one["share_high"],
                "n": one["n"],
                "said": with_interval(percent(one["share_yes"]), share_interval(one["share_low"], one["share_high"])),
            }
            for one in bins
            if one["n"]
        ]
        if not points:
            continue
        title = plain(question.replace(".", ": "))
        words = say("{label}: how often the hand code says yes where the labeller gives it a probability.", label=title)
        panels.append(Panel(f"calibration-{place}", title, words, figures.reliability_of(points)))
        rows += [
            (title, number(point["probability"], 2), str(point["said"]), number(point["n"], 0)) for point in points
        ]
    if not panels:
        return None
    heads = (say("Label"), say("Mean probability"), say("Coded yes (95 %)"), say("Companies"))
    lead = say("On the diagonal the labeller's probabilities are true; below it they are too high.")
    return Part(
        table=Table(heads, rows, 1),
        caption=say("Calibration of the labeller on the hand codes"),
        words=lead,
        heading=say("Whether its probabilities are true"),
        lead=lead,
        panels=tuple(panels),
        small=True,
    )
