"""The line through a city's share minus the reference's: slope, equivalence, power, who moved, and the word for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from chainbert.convergence.gap import Floats, Ints
from chainbert.convergence.jackknife import Interval, interval
from chainbert.convergence.trend import LEVEL, POWER, line_weights, power_at
from chainbert.convergence.verdict import Evidence, decide

NAN = float("nan")
PARTS = ("middle", "home", "reference")
NUMBERS = (
    *("slope", "low", "high", "p", "p_equivalent", "margin", "minimum_detectable", "power", "first"),
    *(f"{part}{end}" for part in PARTS for end in ("", "_low", "_high", "_p")),
)
PASSED = "the difference changes, but on which side of 0 it is in the middle of the window is not clear"


@dataclass(frozen=True, slots=True)
class ShareCell:
    """Labels of one city in one period."""

    firms: Ints
    """(n,) codes from 0, each once."""
    yes: Floats
    """(n,) 1 or 0."""

    @property
    def share(self) -> float:
        """Share of yes; NaN without firms."""
        return float(self.yes.mean()) if len(self.yes) else NAN

    def deviations(self) -> Floats:
        """(n,) squares sum to the variance of the share."""
        n = len(self.yes)
        return np.asarray((self.yes - self.yes.mean()) / np.sqrt(n * (n - 1)))

    def missing_variance(self) -> float:
        """What a share near 0 or 1 lacks: with no yes at all there seems to be no error (Agresti & Coull 1998)."""
        smooth = (self.yes.sum() + 1) / (len(self.yes) + 2)
        return max(0.0, float(smooth * (1 - smooth) / (len(self.yes) + 2) - (self.deviations() ** 2).sum()))

    def least_variance(self) -> float:
        """The same for no change at all: what a cell has when not one of its firms differs."""
        n = len(self.yes)
        return (n + 1) / (n + 2) ** 3


@dataclass(frozen=True, slots=True)
class _Side:
    """One city's shares in T periods."""

    shares: Floats
    """(T,)."""
    parts: Floats
    """(F, T) each firm's deviation; a firm in several periods is one row."""
    missing: Floats
    least: Floats
    freedom: int


def share_line(pairs: Sequence[tuple[ShareCell, ShareCell]], times: Floats, margin: float) -> dict[str, Any]:
    """Everything about one city's difference to the reference but what needs the other cities' p-values.

    pairs: cells of the city and of the reference in T periods, two firms each or more; times (T,) ascending, in years.
    margin in (0, 1): the equivalence test asks whether the slope is less than what closes (or opens) this share of
    the first period's difference over the window; both are estimated, so it is run on slope ± margin·first/window with
    the errors of these contrasts (Fieller 1954; two one-sided tests, Schuirmann 1987). home and reference are the
    slopes of the two cities' own shares; slope = home − reference exactly. middle is the fitted difference half-way
    through the window. With fewer than two periods all numbers are NaN and ``status`` says why.
    """
    if len(pairs) < 2:
        found = f"{len(pairs) or 'no'} period{'' if len(pairs) == 1 else 's'}"
        status = f"not estimable: {found} with a difference, a slope needs two"
        return {**dict.fromkeys(NUMBERS, NAN), "periods": len(pairs), "status": status}
    counts = [(len(home.yes), len(other.yes)) for home, other in pairs]
    sizes = np.array([n * m / (n + m) for n, m in counts])
    line, none = line_weights(times, sizes), np.zeros(len(times))
    first = none.copy()
    first[0] = margin / (times[-1] - times[0])
    middle = sizes / sizes.sum() + line * ((times[0] + times[-1]) / 2 - np.average(times, weights=sizes))
    last = 1 + max(int(cell.firms.max()) for pair in pairs for cell in pair)
    sides = _side([pair[0] for pair in pairs], last), _side([pair[1] for pair in pairs], last)
    freedom = min(side.freedom for side in sides)
    slope = _contrast(sides, line, line, freedom)
    difference = float(sides[0].shares[0] - sides[1].shares[0])
    bound = abs(difference) * float(first[0])
    record = {
        **_named(slope, "slope"),
        "p_equivalent": _equivalent(sides, line, np.sign(difference) * first, freedom),
        "margin": bound if bound > 0 else NAN,
        "minimum_detectable": float((stats.t.ppf(1 - LEVEL / 2, freedom) + stats.t.ppf(POWER, freedom)) * slope.error),
        "power": power_at(bound, slope.error, freedom) if bound > 0 else NAN,
        "first": difference,
        **_named(_contrast(sides, middle, middle, freedom), "middle"),
        **_named(_contrast(sides, line, none, sides[0].freedom), "home"),
        **_named(_contrast(sides, none, -line, sides[1].freedom), "reference"),
    }
    return {**record, "periods": len(pairs), "status": ""}


def worded(record: dict[str, Any], p_adjusted: float, city: str, reference: str) -> dict[str, Any]:
    """Mover, verdict and reason of one line, by the rule table of verdict.py; p_adjusted takes the place of p.

    A signed difference comes nearer to 0 exactly where its slope and its middle have opposite signs: the last squared
    difference less the first is 2·window·slope·middle. So converging and diverging each need both to be told from
    0, and the sign is never taken from an estimate that could as well be on the other side. Both tests are at the
    same level (intersection-union test, Berger 1982): where the slope is 0, a finding is at most as frequent as the
    level, whatever the middle is. Where the slope is found and the middle is not, the verdict is "not shown".
    """
    clear = record["middle_p"] < LEVEL
    sign = float(np.sign(record["middle"])) if clear else NAN
    ends = (record["low"] * sign, record["high"] * sign)
    evidence = Evidence(
        city=city,
        reference=reference,
        first=("", record["first"]),
        last=("", NAN),
        slope=record["slope"] * sign,
        low=min(ends),
        high=max(ends),
        p_holm=p_adjusted if clear else NAN,
        mover=_mover(record, sign, p_adjusted),
        **{name: record[name] for name in ("p_equivalent", "margin", "power", "minimum_detectable", "status")},
    )
    rule = decide(evidence)
    verdict, reason = rule.verdict, rule.reason
    if p_adjusted < LEVEL and not clear:
        verdict, reason = "not shown", PASSED
    return {**record, "mover": evidence.mover, "verdict": verdict, "reason": reason}


def _mover(record: dict[str, Any], sign: float, p_adjusted: float) -> str:
    """In the words of direction.py; only where the difference is seen to change and its side of 0 is clear."""
    nearer = -sign * np.sign(record["slope"])
    if not p_adjusted < LEVEL or np.isnan(nearer):
        return "neither shown"
    towards = (("home moved", "home", -sign), ("reference moved", "reference", sign))
    moved = [
        word
        for word, part, direction in towards
        if record[f"{part}_p"] < LEVEL and np.sign(record[part]) == direction * nearer
    ]
    if not moved:
        return "neither shown"
    return ("both" if len(moved) == 2 else moved[0]) + ("" if nearer > 0 else " away")


def _side(cells: list[ShareCell], firms: int) -> _Side:
    parts = np.zeros((firms, len(cells)))
    for column, cell in enumerate(cells):
        parts[cell.firms, column] = cell.deviations()
    everyone = np.concatenate([cell.firms for cell in cells])
    return _Side(
        shares=np.array([cell.share for cell in cells]),
        parts=parts,
        missing=np.array([cell.missing_variance() for cell in cells]),
        least=np.array([cell.least_variance() for cell in cells]),
        freedom=max(1, min(len(np.unique(everyone)) - 1, len(everyone) - len(cells))),
    )


def _contrast(sides: tuple[_Side, _Side], home: Floats, reference: Floats, freedom: int) -> Interval:
    """Home · shares of the city − reference · shares of the reference, with its firm-clustered error."""
    ours, theirs = sides
    variance = float(((ours.parts @ home - theirs.parts @ reference) ** 2).sum())
    variance += float(home**2 @ ours.missing + reference**2 @ theirs.missing)
    least = float(home**2 @ ours.least + reference**2 @ theirs.least)
    value = float(home @ ours.shares - reference @ theirs.shares)
    return interval(value, float(np.sqrt(max(variance, least))), freedom)


def _equivalent(sides: tuple[_Side, _Side], line: Floats, bound: Floats, freedom: int) -> float:
    """P against H0: the slope is at least the bound in size, the larger of the two one-sided tests."""
    if not bound.any():
        return NAN
    contrasts = [bound + sign * line for sign in (1, -1)]
    found = [_contrast(sides, one, one, freedom) for one in contrasts]
    return float(np.max([stats.t.sf(one.value / one.error, freedom) if one.error > 0 else NAN for one in found]))


def _named(one: Interval, name: str) -> dict[str, float]:
    prefix = "" if name == "slope" else f"{name}_"
    return {name: one.value, f"{prefix}low": one.low, f"{prefix}high": one.high, f"{prefix}p": one.p}
