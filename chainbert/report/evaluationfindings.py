"""What an evaluation comes to, in sentences, and what made its numbers."""

from __future__ import annotations

from collections.abc import Iterator

from chainbert.report.evaluationtables import ALL, GAP, MEAN, Json, at, ceiling_name, cell, main_question, p_of
from chainbert.report.tables import count, number

SIGNIFICANT = 0.05


def findings(found: Json) -> Iterator[str]:
    """What an evaluation comes to, a sentence each."""
    question, first = main_question(found), found["labellers"][0]
    score = at(first["evaluation"], question, "macro_f1")
    over = "over all indicators" if question == MEAN else f"on {question}"
    yield (
        f"On {count(first['evaluation']['companies'][ALL], 'coded company', 'coded companies')}, {first['name']} has a "
        f"macro-F1 of {cell(score)} {over}."
    )
    if found["ceiling"]:
        reached = at(found["ceiling"], question, "macro_f1")
        yield f"One coder against the other ({ceiling_name(found['ceiling'])}) has {cell(reached)}."
    gap = at(first["evaluation"], question, "macro_f1", GAP)
    if gap["value"] is not None:
        behind = "Chinese" if gap["value"] < 0 else "English"
        yield (
            f"{behind} texts lie {number(100 * abs(gap['value']), 1)} points behind (zh minus en: {cell(gap)}, "
            f"p {p_of(gap)})."
        )
    yield from _comparison(found, question)


def _comparison(found: Json, question: str) -> Iterator[str]:
    """Which labellers the first is better than, worse than, or cannot be told apart from."""
    verdicts: dict[str, list[str]] = {}
    for one in found["differences"]:
        pair = at(one, question, "macro_f1")
        if pair["value"] is None:
            continue
        apart = pair.get("p") is not None and pair["p"] < SIGNIFICANT
        word = ("better than" if pair["value"] > 0 else "worse than") if apart else "not told apart from"
        verdicts.setdefault(word, []).append(one["second"])
    if verdicts:
        said = "; ".join(f"{word} {', '.join(names)}" for word, names in verdicts.items())
        yield f"On the same companies, {found['labellers'][0]['name']} is {said} (paired bootstrap, p < {SIGNIFICANT})."


def methods(found: Json) -> Iterator[tuple[str, str]]:
    """What made the numbers."""
    gold, codebook, config = found["gold"], found["codebook"], found["config"]
    yield "Hand codes", f"{gold['path']} (sha256 {gold['sha256'][:12]}…), {count(gold['coded'], 'row', 'rows')} used"
    yield "Companies", f"{found['companies']['path']} (sha256 {found['companies']['sha256'][:12]}…)"
    yield "Codebook", f"{codebook['id']}, version {codebook['version']}"
    for one in found["labellers"]:
        yield one["name"], f"{one['fingerprint']}; {number(one['seconds'], 1)} s to label"
    yield "Intervals", f"95 %, {config['draws']:,} bootstrap resamples of companies, seed {config['seed']}"
    yield (
        "Macro-F1",
        "Of an indicator: mean of the F1 of yes and of no. Of a single choice: mean of its values' F1. The mean runs "
        "over all indicators of axes that have them.",
    )
    yield (
        "Calibration floor",
        "The calibration error that a labeller with these probabilities would have at this n if all were true.",
    )
