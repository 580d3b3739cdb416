"""From numbers to a word: the rule table, and the sentence that says the numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from chainbert.convergence.trend import LEVEL, POWER


@dataclass(frozen=True, slots=True)
class Control:
    """Something that a finding must survive."""

    city: str
    control: str
    """Such as ``permuted years`` or ``length held fixed``."""
    passed: bool | None
    """None where it could not be estimated on this set: then it speaks neither way."""
    said: str
    """Its numbers, or why there are none."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the verdict on one city is made from."""

    city: str
    reference: str
    first: tuple[str, float]
    """Name and gap of the first estimable period."""
    last: tuple[str, float]
    slope: float
    low: float
    high: float
    p_holm: float
    """NaN where there is no trend: fewer than two estimable periods."""
    p_equivalent: float
    margin: float
    power: float
    """Power of the slope's test at the margin."""
    minimum_detectable: float
    status: str
    """Empty, or why there is no trend."""
    mover: str
    controls: tuple[Control, ...] = ()
    """Empty where nothing was checked."""

    @property
    def failed(self) -> tuple[Control, ...]:
        """Controls that the slope does not survive."""
        return tuple(one for one in self.controls if one.passed is False)

    @property
    def found(self) -> bool:
        """Whether the slope is significant after Holm and survives every control."""
        return self.p_holm < LEVEL and not self.failed


@dataclass(frozen=True, slots=True)
class Rule:
    """The word that holds when the condition does and none before it did."""

    verdict: str
    condition: Callable[[Evidence], bool]
    reason: str


# Comparisons with NaN are False, so what cannot be computed never makes a finding.
RULES = (
    Rule("not shown", lambda e: bool(e.status), "too few cells could be estimated"),
    Rule("converging", lambda e: e.found and e.slope < 0, "the gap falls"),
    Rule("diverging", lambda e: e.found and e.slope > 0, "the gap grows"),
    Rule("no change", lambda e: e.p_equivalent < LEVEL, "a change as large as the margin is ruled out"),
    Rule("underpowered", lambda e: not e.power >= POWER, "a change as large as the margin would often be missed"),
    Rule("not shown", lambda e: True, "neither a change nor its absence is shown"),  # noqa: ARG005 - the last rule always holds
)
"""In this order; the first that holds gives the verdict."""

MOVERS = {
    "home moved": "{city} moved towards {reference}",
    "reference moved": "{reference} moved towards {city}",
    "both": "both moved towards each other",
    "both away": "both moved apart",
    "home moved away": "{city} moved away from {reference}",
    "reference moved away": "{reference} moved away from {city}",
    "neither shown": "who moved is not shown",
}


def decide(evidence: Evidence) -> Rule:
    """The first rule of the table that holds."""
    return next(rule for rule in RULES if rule.condition(evidence))


def sentence(evidence: Evidence, rule: Rule) -> str:
    """One plain sentence with the numbers that led to the verdict."""
    head = f"{evidence.city} and {evidence.reference}: {rule.verdict}, because {rule.reason}"
    if evidence.status:
        return f"{head} ({evidence.status})."
    text = (
        f"{head}; the gap was {evidence.first[1]:.3f} in {evidence.first[0]} and {evidence.last[1]:.3f} in "
        f"{evidence.last[0]}, a slope of {evidence.slope:+.4f} a year (95 % {evidence.low:+.4f} to "
        f"{evidence.high:+.4f}, p {_p(evidence.p_holm)} after Holm)"
    )
    if rule.verdict == "no change":
        text += f"; a slope of ±{evidence.margin:.4f} is ruled out (p {_p(evidence.p_equivalent)})"
    elif rule.verdict == "underpowered" and evidence.margin > 0:
        text += (
            f"; the power to find a slope of {evidence.margin:.4f} is {evidence.power:.0%}, "
            f"the smallest slope that would be found is {evidence.minimum_detectable:.4f}"
        )
    elif rule.verdict == "underpowered":
        text += "; no gap is seen in the first period, so there is nothing that could close"
    elif rule.verdict in {"converging", "diverging"} and evidence.mover in MOVERS:
        text += "; " + MOVERS[evidence.mover].format(city=evidence.city, reference=evidence.reference)
    return f"{text}{_survived(evidence)}."


def _survived(evidence: Evidence) -> str:
    """What a significant slope survived and what not."""
    if not evidence.p_holm < LEVEL:
        return ""
    if not evidence.controls:
        return "; not checked against placebos and confounders"
    if evidence.failed:
        return "; the slope does not survive: " + ", ".join(f"{one.control} ({one.said})" for one in evidence.failed)
    passed = [one.control for one in evidence.controls if one.passed]
    unknown = [one.control for one in evidence.controls if one.passed is None]
    text = f"; it survives {', '.join(passed)}" if passed else ""
    return text + (f"; could not be checked: {', '.join(unknown)}" if unknown else "")


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"= {value:.3f}"
