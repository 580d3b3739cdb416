"""The same question asked in other ways: topic by topic, and of all cities at once as economists ask it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from chainbert.report.convergencetables import between, decimal, made, measure_name, p_value, text, whole
from chainbert.report.parts import Part, Section, section
from chainbert.report.runfiles import RunFiles, records
from chainbert.report.tables import count, equals, interval, number, percent

Record = Mapping[str, Any]
LEVEL = 0.05
FALSE_DISCOVERIES = 0.1
NOISE = "-1"
TEXTS = "the texts"


def other_ways(files: RunFiles) -> Section | None:
    """Topics with their trends, and sigma- and beta-convergence."""
    lead = (
        "The verdict is of each city and of all that its texts say. Here the same is asked of each topic, and of all "
        "cities at once. Nothing here had to survive a control, so nothing here changes the verdict."
    )
    return section("other-ways", "Other ways to ask", lead, [_topics(files), _economics(files)])


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
    words = (
        f"After false-discovery control, {len({row['topic'] for row in moving}) or 'none'} of "
        f"{count(len(known), 'topic', 'topics')} come nearer or move apart between a city and {files.reference} "
        f"(q < {number(FALSE_DISCOVERIES, 2)})"
    )
    named = "; ".join(f"{row['name']} in {row['city']}, {_way(row)}, q\u00a0{equals(row['q'])}" for row in moving)
    words += f": {named}." if named else "."
    table = made(
        rows,
        5,
        ("Topic", text("name")),
        ("City", text("city")),
        (f"q < {number(FALSE_DISCOVERIES, 2)}", lambda row: "yes" if row["marked"] else "–"),
        ("Verdict", text("verdict")),
        ("Who moved", text("mover")),
        ("First difference", _points("first")),
        ("Change a year", _points("slope")),
        ("95 % interval", lambda row: interval(_hundred(row.get("low")), _hundred(row.get("high")), 1)),
        ("p", p_value("p")),
        ("q", p_value("q")),
    )
    lead = (
        "A topic is one of the clusters below; its share of a city's companies is held against "
        f"{files.reference}'s, in percentage points. {words}"
    )
    return Part(table, "Trend of each topic's share against the reference", words, "Topic by topic", lead)


def _last(p: float | None) -> float:
    return 2.0 if p is None else p


def _topic_name(topic: str, names: Mapping[str, str]) -> str:
    if topic == NOISE:
        return "in no cluster"
    return f"{topic}: {names[topic]}" if names.get(topic) else topic


def _marked(row: Record) -> bool:
    return row.get("q") is not None and bool(row["q"] < FALSE_DISCOVERIES) and not row.get("status")


def _way(row: Record) -> str:
    """The verdict rests on a stricter level than the mark does."""
    verdict = str(row.get("verdict") or "")
    if verdict in {"converging", "diverging"}:
        return f"{verdict}, {row.get('mover') or 'mover not known'}"
    return verdict or "no verdict"


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
    words = " ".join(said) or "Neither could be measured."
    table = made(
        rows,
        2,
        ("Of", text("of")),
        ("Measure", text("what")),
        ("A year", decimal("value")),
        ("95 % interval", between()),
        ("p", p_value("p")),
        ("Periods", whole("periods")),
    )
    below = any(one["value"] < 0 for one in files.found("sigma") if one.get("value") is not None)
    noisy = " A share below 0 is noise around 0." if below else ""
    lead = (
        "Sigma asks whether the variance between the cities falls, beta whether the cities farthest from the mean of "
        f"all come nearer to it the most.{noisy} {words}"
    )
    return Part(table, "Sigma- and beta-convergence", words, "All cities at once", lead)


def _of(row: Record) -> str:
    return measure_name(f"{row['axis']}.{row['indicator']}") if row.get("indicator") else TEXTS


def _sigma_row(row: Record) -> dict[str, Any]:
    measure = str(row.get("measure") or "")
    names = {
        "between share": "sigma: share of the variance that is between cities",
        "between": "sigma: variance between cities",
        "within": f"variance within {row.get('city')}",
    }
    return {**row, "of": _of(row), "what": names.get(measure, measure), "value": row.get("slope")}


def _beta_row(row: Record) -> dict[str, Any]:
    return {**row, "of": _of(row), "what": "beta: change by first distance", "value": row.get("beta")}


def _sigma_words(row: Record, files: RunFiles) -> str:
    if row.get("slope") is None:
        return f"Sigma-convergence is {_reason(row)}."
    path = [
        one for one in files.found("sigma") if one.get("measure") == row["measure"] and one.get("value") is not None
    ]
    way = f", from {number(path[0]['value'])} in {path[0]['year']} to {number(path[-1]['value'])} in {path[-1]['year']}"
    numbers = f"{number(row['slope'])} a year ({interval(row.get('low'), row.get('high'))}), p\u00a0{_p(row)}"
    what = "the share of the variance that is between cities"
    if not _found(row):
        return f"Sigma-convergence is not shown: {what} changes by {numbers}{way if path else ''}."
    if row["slope"] < 0:
        return f"Sigma-convergence is seen: {what} falls: {numbers}{way if path else ''}."
    return f"Sigma-convergence is not seen but its opposite: {what} grows: {numbers}{way if path else ''}."


def _beta_words(row: Record) -> str:
    if row.get("beta") is None:
        return f"Beta-convergence is {_reason(row)}."
    numbers = (
        f"β\u00a0=\u00a0{number(row['beta'])} a year ({interval(row.get('low'), row.get('high'))}), p\u00a0{_p(row)}"
    )
    if not _found(row):
        return f"Beta-convergence is not shown: {numbers}."
    if row["beta"] < 0:
        closed = "" if row.get("closed") is None else f"; {percent(row['closed'])} of the first distances are closed"
        return f"Beta-convergence is seen: {numbers}{closed}."
    return f"Beta-convergence is not seen but its opposite: cities far off move farther, {numbers}."


def _label_words(sigma: Sequence[Record], beta: Sequence[Record]) -> str:
    """How many labels converge in either way, and how many could be asked."""
    falling = [_of(row) for row in sigma if _found(row) and row["slope"] < 0]
    nearing = [_of(row) for row in beta if _found(row) and row["beta"] < 0]
    known = [sum(row.get(name) is not None for row in rows) for rows, name in ((sigma, "slope"), (beta, "beta"))]
    return (
        f"By labels: sigma-convergence in {_some(falling, known[0])}, beta-convergence in {_some(nearing, known[1])} "
        f"that could be estimated (p < {number(LEVEL, 2)} each, not adjusted for their number)."
    )


def _some(named: Sequence[str], known: int) -> str:
    return f"{len(named) or 'none'} of {known}" + (f" ({', '.join(named)})" if named else "")


def _found(row: Record) -> bool:
    return row.get("p") is not None and bool(row["p"] < LEVEL)


def _p(row: Record) -> str:
    return equals(row.get("p")).replace(" ", "\u00a0")


def _reason(row: Record) -> str:
    return str(row.get("status") or "not estimable")
