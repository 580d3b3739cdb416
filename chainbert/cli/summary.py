"""What a finished run says on the terminal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

LEVEL = 0.05
OUTCOMES = {True: "survived", False: "failed", None: "could not be checked"}


def run_summary(folder: Path, manifest: dict[str, Any]) -> dict[str, Any]:
    """The run's main numbers as plain data."""
    found = json.loads((folder / "convergence.json").read_text(encoding="utf-8"))
    facts = {stage["name"]: stage["facts"] for stage in manifest["stages"]}
    resolved = manifest["config"]["resolved"]
    return {
        "folder": str(folder),
        "note": manifest["note"],
        "rows": manifest["rows"],
        "usable": manifest["usable"],
        "firms": manifest["firms"],
        "exclusions": manifest["exclusions"],
        "duplicates": manifest["duplicates"],
        "notes": manifest["notes"],
        "labeller": manifest["labeller"],
        "labelling_notes": manifest["labelling_notes"],
        "reference": found["reference"],
        "not_compared": manifest["left_out"],
        "clusters": facts["clustering"]["clusters"],
        "noise_share": facts["clustering"]["noise_share"],
        "gaps": found["gaps"],
        "verdict": found["verdict"],
        "sentences": found["sentences"],
        "controls": found.get("controls") or [],
        "significant": [one["city"] for one in found["trends"] if one["p_holm"] is not None and one["p_holm"] < LEVEL],
        "specifications": _specifications(folder),
        "own_terms": facts["wording"]["own"],
        "word_notes": manifest["word_notes"],
        "hand_codes": facts["hand codes"]["codes"],
        "hand_code_notes": facts["hand codes"].get("notes", []),
        "folders": _folders(manifest["outputs"], ("figures", resolved["exports"]["folder"])),
        "seconds": round(sum(stage["seconds"] for stage in manifest["stages"] if not stage["reused"]), 1),
        "peak_mb": max(stage["peak_mb"] for stage in manifest["stages"]),
        "unchanged": all(stage["reused"] for stage in manifest["stages"]),
        "reused": [stage["name"] for stage in manifest["stages"] if stage["reused"]],
    }


def summary_lines(summary: dict[str, Any]) -> list[str]:
    """The same for people."""
    lines = [summary["note"]] if summary["note"] else []
    firms = "1 firm" if summary["firms"] == 1 else f"{summary['firms']:,} firms"
    lines.append(f"{summary['usable']:,} of {summary['rows']:,} rows used, {firms}")
    lines += [f"  left out: {count:,} × {reason}" for reason, count in summary["exclusions"].items()]
    if summary["duplicates"]:
        lines.append(f"  merged: {summary['duplicates']:,} × the same row again")
    lines += [f"  noted: {count:,} × {note}" for note, count in summary["notes"].items()]
    lines += [f"  labels: {note}" for note in summary["labelling_notes"]]
    clusters = "1 cluster" if summary["clusters"] == 1 else f"{summary['clusters']} clusters"
    lines.append(f"{clusters}, {summary['noise_share']:.0%} of the rows in none")
    lines += [f"  not compared: {count:,} × {reason}" for reason, count in summary["not_compared"].items()]
    lines += [_gap_line(gap) for gap in summary["gaps"]]
    if not summary["gaps"]:
        lines.append(f"no gap: {summary['reference']} is the only city of the companies that can be compared")
    for city, sentence in summary["sentences"].items():
        lines += [sentence, *_checks(city, summary)]
    lines += _words(summary)
    if summary["unchanged"]:
        lines.append("nothing has changed since the last run: no stage was run again")
    else:
        lines.append(f"{summary['seconds']} s, at most {summary['peak_mb']:,.0f} MB")
    lines.append(f"report: {summary['folder']}/report.html")
    for name, files in summary["folders"].items():
        lines.append(f"{name}: {'1 file' if files == 1 else f'{files:,} files'} in {summary['folder']}/{name}/")
    return lines


def _folders(outputs: dict[str, Any], names: tuple[str, ...]) -> dict[str, int]:
    """Folder → its files, of those that have any."""
    counts = {name: sum(one.startswith(f"{name}/") for one in outputs) for name in names}
    return {name: count for name, count in counts.items() if count}


def _words(summary: dict[str, Any]) -> list[str]:
    """The cities' own terms, what could not be shown of them, and the hand codes."""
    own = ", ".join(f"{city} {terms:,}" for city, terms in summary["own_terms"].items())
    lines = [f"terms of a city's own (q < {LEVEL}): {own}"] if own else []
    lines += [f"  WORDS: {note}" for note in summary["word_notes"]]
    if summary["hand_codes"]:
        lines.append(f"shares corrected by {summary['hand_codes']:,} hand codes")
    return lines + [f"  hand codes: {note}" for note in summary["hand_code_notes"]]


def _specifications(folder: Path) -> list[dict[str, Any]]:
    """The summaries of the specification curve; [] where the study asked for none."""
    try:
        found = json.loads((folder / "specifications.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    return list(found.get("summary") or [])


def _checks(city: str, summary: dict[str, Any]) -> list[str]:
    """What a significant slope had to survive, a line; and how many other specifications agree, another."""
    kinds: dict[str, list[str]] = {}
    for one in summary["controls"]:
        if one["city"] == city and city in summary["significant"]:
            kinds.setdefault(OUTCOMES[one["passed"]], []).append(one["control"])
    checked = "; ".join(f"{', '.join(names)} {outcome}" for outcome, names in kinds.items())
    lines = [f"  checked: {checked}"] if checked else []
    pair = (city, summary["reference"])
    curves = [one for one in summary["specifications"] if (one["city"], one["reference"]) == pair]
    return lines + [_curve_line(one) for one in curves if one.get("agree") is not None]


def _curve_line(curve: dict[str, Any]) -> str:
    return (
        f"  specifications: {curve['agree']:.0%} of {curve['estimable']} have the sign of the main one, "
        f"{curve['significant']:.0%} with p < 0.05; {curve['significant_other']:.0%} the other sign with p < 0.05"
    )


def _gap_line(gap: dict[str, Any]) -> str:
    where = f"  gap {gap['city']} {gap['year']}: "
    if gap["gap"] is None:
        return f"{where}{gap['status']}"
    return where + f"{gap['gap']:.3f} [{gap['low']:.3f}, {gap['high']:.3f}], n = {gap['n']} and {gap['n_reference']}"
