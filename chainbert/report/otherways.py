"""The same question asked in other ways: topic by topic, and of all cities at once as economists ask it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from chainbert.report.convergencetables import between, decimal, made, measure_name, p_value, text, whole, word
from chainbert.report.language import counted, joined, message, say, told
from chainbert.report.parts import Part, Section, section
from chainbert.report.runfiles import RunFiles, records
from chainbert.report.tables import NOT_ESTIMABLE, equals, interval, number, percent

Record = Mapping[str, Any]
LEVEL = 0.05
FALSE_DISCOVERIES = 0.1
NOISE = "-1"
SIGMA_NAMES = {
    "between share": message("sigma: share of the variance that is between cities"),
    "between": message("sigma: variance between cities"),
}


def other_ways(files: RunFiles) -> Section | None:
    """Topics with their trends, and sigma- and beta-convergence."""
    lead = say(
        "The verdict is of each city and of all that its texts say. Here the same is asked of each topic, and of all "
        "cities at once. Nothing here had to survive a control, so nothing here changes the verdict."
    )
    return section("other-ways", say("Other ways to ask"), lead, [_topics(files), _economics(files)])


def _topics(files: RunFiles) -> Part | None:
    found = files.found("topic_slopes")
    if not found:
        return None
    names = {f"{row['cluster']:.0f}": str(row["name"]) for row in records(files.cluster_sizes.dropna())}
    rows = sorted(
        (row | {"name": _topic_name(str(row.get("topic")), names), "marked": _marked(row)} for row in found),
        key=lambda row: (bool(row.get("status")), *(_last(row.get(name)) for name in ("q", "p"))),
    )
    known = {str(row["topic"]) for row in rows if row.get("q") is not None}
    moving = [row for row in rows if row["marked"]]
    words = _topic_words(files, moving, len(known))
    table = made(
        rows,
        5,
        (say("Topic"), text("name")),
        (say("City"), text("city")),
        (f"q < {number(FALSE_DISCOVERIES, 2)}", lambda row: say("yes") if row["marked"] else "–"),
        (say("Verdict"), word("verdict")),
        (say("Who moved"), word("mover")),
        (say("First difference"), _points("first")),
        (say("Change a year"), _points("slope")),
        (say("95 % interval"), lambda row: interval(_hundred(row.get("low")), _hundred(row.get("high")), 1)),
        (say("p"), p_value("p")),
        (say("q"), p_value("q")),
    )
    lead = say(
        "A topic is one of the clusters below; its share of a city's companies is held against {reference}'s, in "
        "percentage points. {words}",
        reference=files.reference,
        words=words,
    )
    return Part(table, say("Trend of each topic's share against the reference"), words, say("Topic by topic"), lead)


def _topic_words(files: RunFiles, moving: Sequence[Record], known: int) -> str:
    """How many topics move, and which."""
    found = {"reference": files.reference, "level": number(FALSE_DISCOVERIES, 2)}
    if not moving:
        return counted(
            known,
            "After false-discovery control, none of {n:,} topic come nearer or move apart between a city and "
            "{reference} (q < {level}).",
            "After false-discovery control, none of {n:,} topics come nearer or move apart between a city and "
            "{reference} (q < {level}).",
            **found,
        )
    named = (
        say("{topic} in {city}, {way}, {q}", topic=row["name"], city=row["city"], way=_way(row), q=_q(row))
        for row in moving
    )
    return counted(
        known,
        "After false-discovery control, {moving} of {n:,} topic come nearer or move apart between a city and "
        "{reference} (q < {level}): {topics}.",
        "After false-discovery control, {moving} of {n:,} topics come nearer or move apart between a city and "
        "{reference} (q < {level}): {topics}.",
        moving=len({row["topic"] for row in moving}),
        topics=joined("; ", named),
        **found,
    )


def _q(row: Record) -> str:
    return f"q\u00a0{equals(row['q'])}"


def _last(p: float | None) -> float:
    return 2.0 if p is None else p


def _topic_name(topic: str, names: Mapping[str, str]) -> str:
    if topic == NOISE:
        return say("in no cluster")
    return say("{topic}: {terms}", topic=topic, terms=names[topic]) if names.get(topic) else topic


def _marked(row: Record) -> bool:
    return row.get("q") is not None and bool(row["q"] < FALSE_DISCOVERIES) and not row.get("status")


def _way(row: Record) -> str:
    """The verdict rests on a stricter level than the mark does."""
    verdict = str(row.get("verdict") or "")
    if verdict in {"converging", "diverging"}:
        mover = told(str(row["mover"])) if row.get("mover") else say("mover not known")
        return say("{verdict}, {mover}", verdict=told(verdict), mover=mover)
    return told(verdict) if verdict else say("no verdict")


def _hundred(value: float | None) -> float | None:
    return None if value is None else 100 * value


def _points(name: str) -> Callable[[Record], str]:
    """The cell of a share in percentage points."""
    return lambda row: number(_hundred(row.get(name)), 1)


def _economics(files: RunFiles) -> Part | None:
    sigma, beta = files.found("sigma_trends"), files.found("beta")
    label_sigma, label_beta = files.found("label_sigma_trends"), files.found("label_beta")
    rows = [_sigma_row(row) for row in (*sigma, *label_sigma)] + [_beta_row(row) for row in (*beta, *label_beta)]
    if not rows:
        return None
    said = [_sigma_words(row, files) for row in sigma if row.get("measure") == "between share"]
    said += [_beta_words(row) for row in beta]
    if label_sigma or label_beta:
        said.append(_label_words(label_sigma, label_beta))
    words = joined(" ", said) or say("Neither could be measured.")
    table = made(
        rows,
        2,
        (say("Of"), text("of")),
        (say("Measure"), text("what")),
        (say("A year"), decimal("value")),
        (say("95 % interval"), between()),
        (say("p"), p_value("p")),
        (say("Periods"), whole("periods")),
    )
    below = any(one["value"] < 0 for one in files.found("sigma") if one.get("value") is not None)
    question = say(
        "Sigma asks whether the variance between the cities falls, beta whether the cities farthest from the mean of "
        "all come nearer to it the most."
    )
    noisy = [say("A share below 0 is noise around 0.")] if below else []
    lead = joined(" ", (question, *noisy, words))
    return Part(table, say("Sigma- and beta-convergence"), words, say("All cities at once"), lead)


def _of(row: Record) -> str:
    return measure_name(f"{row['axis']}.{row['indicator']}") if row.get("indicator") else say("the texts")


def _sigma_row(row: Record) -> dict[str, Any]:
    measure = str(row.get("measure") or "")
    if measure == "within":
        what = say("variance within {city}", city=row.get("city"))
    else:
        what = say(SIGMA_NAMES[measure]) if measure in SIGMA_NAMES else told(measure)
    return {**row, "of": _of(row), "what": what, "value": row.get("slope")}


def _beta_row(row: Record) -> dict[str, Any]:
    return {**row, "of": _of(row), "what": say("beta: change by first distance"), "value": row.get("beta")}


def _sigma_words(row: Record, files: RunFiles) -> str:
    if row.get("slope") is None:
        return say("Sigma-convergence is {reason}.", reason=_reason(row))
    known = (one for one in files.found("sigma") if one.get("value") is not None)
    path = [one for one in known if one.get("measure") == row["measure"]]
    numbers = say(
        "{slope} a year ({interval}), {p}",
        slope=number(row["slope"]),
        interval=interval(row.get("low"), row.get("high")),
        p=_p(row),
    )
    if path:
        numbers = say(
            "{change}, from {first} in {first_period} to {last} in {last_period}",
            change=numbers,
            first=number(path[0]["value"]),
            first_period=path[0]["year"],
            last=number(path[-1]["value"]),
            last_period=path[-1]["year"],
        )
    if not _found(row):
        return say(
            "Sigma-convergence is not shown: the share of the variance that is between cities changes by {change}.",
            change=numbers,
        )
    if row["slope"] < 0:
        return say(
            "Sigma-convergence is seen: the share of the variance that is between cities falls: {change}.",
            change=numbers,
        )
    return say(
        "Sigma-convergence is not seen but its opposite: the share of the variance that is between cities grows: "
        "{change}.",
        change=numbers,
    )


def _beta_words(row: Record) -> str:
    if row.get("beta") is None:
        return say("Beta-convergence is {reason}.", reason=_reason(row))
    numbers = say(
        "β\u00a0=\u00a0{beta} a year ({interval}), {p}",
        beta=number(row["beta"]),
        interval=interval(row.get("low"), row.get("high")),
        p=_p(row),
    )
    if not _found(row):
        return say("Beta-convergence is not shown: {change}.", change=numbers)
    if row["beta"] >= 0:
        return say(
            "Beta-convergence is not seen but its opposite: cities far off move farther, {change}.", change=numbers
        )
    if row.get("closed") is None:
        return say("Beta-convergence is seen: {change}.", change=numbers)
    return say(
        "Beta-convergence is seen: {change}; {closed} of the first distances are closed.",
        change=numbers,
        closed=percent(row["closed"]),
    )


def _label_words(sigma: Sequence[Record], beta: Sequence[Record]) -> str:
    """How many labels converge in either way, and how many could be asked."""
    falling = [_of(row) for row in sigma if _found(row) and row["slope"] < 0]
    nearing = [_of(row) for row in beta if _found(row) and row["beta"] < 0]
    known = [sum(row.get(name) is not None for row in rows) for rows, name in ((sigma, "slope"), (beta, "beta"))]
    return say(
        "By labels: sigma-convergence in {falling}, beta-convergence in {nearing} that could be estimated "
        "(p < {level} each, not adjusted for their number).",
        falling=_some(falling, known[0]),
        nearing=_some(nearing, known[1]),
        level=number(LEVEL, 2),
    )


def _some(named: Sequence[str], known: int) -> str:
    if not named:
        return say("none of {known}", known=known)
    return say("{n} of {known} ({labels})", n=len(named), known=known, labels=joined(", ", named))


def _found(row: Record) -> bool:
    return row.get("p") is not None and bool(row["p"] < LEVEL)


def _p(row: Record) -> str:
    return f"p {equals(row.get('p'))}".replace(" ", "\u00a0")


def _reason(row: Record) -> str:
    return told(str(row.get("status") or NOT_ESTIMABLE))
