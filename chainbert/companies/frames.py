"""Sampling frames: in what company sets differ before any finding, so that this is not taken for one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from chainbert.companies.stages import round_column, stage_of

FRAME_COLUMNS = ("set", "measure", "value", "share", "number", "n")
DIFFERENCE_COLUMNS = ("measure", "set_a", "set_b", "kind", "value", "by_chance", "threshold", "warned")

DISTANCE = 0.20
"""Total variation distance of two sets' shares from which it is said."""
MEDIANS = 1.25
"""Ratio of two medians from which it is said."""
SIZES = 2.0
"""Ratio of two sets' numbers of firms from which it is said."""
POINTS = 0.20
"""Difference of two shares from which it is said."""
_DEVIATIONS = 3.0
_LEVEL = 0.01
_FEWEST = 5
_NEARLY_ALL = 0.95
_AGES = ((2, "0–2 years"), (5, "3–5 years"), (10, "6–10 years"), (20, "11–20 years"), (10_000, "over 20 years"))


@dataclass(frozen=True, slots=True)
class Frames:
    """What the sets are samples of, side by side."""

    table: pd.DataFrame
    """One row a set, measure and value: share in [0, 1] or number (medians, counts), and the n firms behind it."""
    differences: pd.DataFrame
    """One row a measure and pair of sets: kind (total variation, ratio, difference), value, by_chance (what two samples
    of one frame hardly exceed: three standard deviations above the mean; NaN for ratios), threshold, warned."""
    warnings: tuple[str, ...]
    """One sentence a measure in which sets differ, with the number of every set."""


@dataclass(frozen=True, slots=True)
class _Set:
    label: str
    rows: pd.DataFrame
    """The last row of each firm."""


@dataclass
class _Found:
    sets: list[_Set]
    facts: list[dict[str, Any]] = field(default_factory=list)
    differences: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def fact(self, label: str, measure: str, value: str, n: int, **numbers: float) -> None:
        self.facts.append({"set": label, "measure": measure, "value": value, "n": n} | numbers)

    def differ(
        self,
        measure: str,
        pair: tuple[str, str],
        kind: str,
        value: float,
        threshold: float,
        *,
        chance: float,
        real: bool,
    ) -> bool:
        """Note a difference; True where it is one to warn of. real: more than chance explains."""
        warned = bool(real and value >= threshold)
        names = {"measure": measure, "set_a": pair[0], "set_b": pair[1], "kind": kind}
        self.differences.append(names | {"value": value, "by_chance": chance, "threshold": threshold, "warned": warned})
        return warned


def compare_frames(sets: Sequence[pd.DataFrame], labels: Sequence[str]) -> Frames:
    """Describe two or more sets and warn where they are not samples of one frame.

    sets: usable rows of company sets; a text may be given by its length alone, as ``characters``. Of a firm with
    several rows in a set the last counts. Shares (city, language, industry, funding stage, age when observed) are
    compared by total variation distance, said from ``DISTANCE`` on where chance does not explain it; median text
    lengths, within a language, by their ratio, said from ``MEDIANS`` on where a rank test finds them different at 1 %;
    the shares of firms with a website or investor by their difference, from ``POINTS`` on; the numbers of firms from
    ``SIZES`` on.
    """
    found = _Found([_Set(label, _last_rows(rows)) for label, rows in zip(labels, sets, strict=True)])
    _sizes(found)
    for measure, title, kinds in (
        ("city", "cities", lambda rows: rows["city"]),
        ("language", "languages", lambda rows: rows["language"]),
        ("industry", "industries", lambda rows: rows["industry"].str.casefold()),
        ("stage", "funding stages", _stages),
        ("age", "ages when observed", _ages),
    ):
        _kinds(found, measure, title, kinds)
    _lengths(found)
    _founding(found)
    _having(found, "website", "a website", lambda rows: rows["website"] != "")
    _having(found, "investors", "a known investor", lambda rows: rows["investors"].map(len) > 0)
    table = pd.DataFrame(found.facts, columns=list(FRAME_COLUMNS))
    return Frames(table, pd.DataFrame(found.differences, columns=list(DIFFERENCE_COLUMNS)), tuple(found.warnings))


def _last_rows(rows: pd.DataFrame) -> pd.DataFrame:
    last = rows.sort_values(["id", "observed"], kind="stable").drop_duplicates("id", keep="last")
    return last.reset_index(drop=True)


def _sizes(found: _Found) -> None:
    counts = {one.label: len(one.rows) for one in found.sets}
    for label, count in counts.items():
        found.fact(label, "firms", "", count, number=count)
    warned = [
        found.differ("firms", (a, b), "ratio", _ratio(counts[a], counts[b]), SIZES, chance=np.nan, real=True)
        for a, b in combinations(counts, 2)
    ]
    if any(warned):
        listed = ", ".join(f"{count:,} in {label}" for label, count in counts.items())
        found.warnings.append(f"numbers of firms differ: {listed}")


def _kinds(found: _Found, measure: str, title: str, kinds: Callable[[pd.DataFrame], pd.Series]) -> None:
    """Shares of kinds; "" is not known and does not count."""
    shares: dict[str, pd.Series] = {}
    sizes: dict[str, int] = {}
    for one in found.sets:
        known = kinds(one.rows)
        known = known[known != ""]
        sizes[one.label] = len(known)
        if len(known) >= _FEWEST:
            counted = known.value_counts().sort_index().sort_values(ascending=False, kind="stable")
            shares[one.label] = counted / len(known)
            for value, share in shares[one.label].items():
                found.fact(one.label, measure, str(value), len(known), share=float(share))
    worst: tuple[float, str, str] | None = None
    for a, b in combinations(shares, 2):
        distance, chance = _distance(shares[a], shares[b], sizes[a], sizes[b])
        if found.differ(measure, (a, b), "total variation", distance, DISTANCE, chance=chance, real=distance > chance):
            worst = max(worst or (0.0, a, b), (distance, a, b), key=lambda one: one[0])
    if worst:
        found.warnings.append(_kinds_warning(title, shares, worst))


def _distance(one: pd.Series, other: pd.Series, n: int, m: int) -> tuple[float, float]:
    """Total variation distance of two shares, and what it hardly exceeds for two samples of one frame.

    Half the sum of |p − q|, each of which is half-normal to approximation: mean √(2/π) σ and variance (1 − 2/π) σ² with
    σ² = s(1 − s)(1/n + 1/m) of a kind with share s.
    """
    both = pd.DataFrame({"one": one, "other": other}).fillna(0.0).sort_index()
    pooled = (n * both["one"] + m * both["other"]) / (n + m)
    variance = pooled * (1 - pooled) * (1 / n + 1 / m)
    mean = np.sqrt(2 / np.pi * variance).sum() / 2
    deviation = np.sqrt((1 - 2 / np.pi) * variance.sum()) / 2
    return float((both["one"] - both["other"]).abs().sum() / 2), float(mean + _DEVIATIONS * deviation)


def _kinds_warning(title: str, shares: dict[str, pd.Series], worst: tuple[float, str, str]) -> str:
    distance, a, b = worst
    table = pd.DataFrame(shares).fillna(0.0)
    common = [float(table.loc[(table[a] > 0) & (table[b] > 0), label].sum()) for label in (a, b)]
    change = (table[a] - table[b]).abs().sort_values(ascending=False, kind="stable")
    listed = "; ".join(
        f"{kind} " + ", ".join(f"{share:.0%} in {label}" for label, share in table.loc[kind].items())
        for kind in change.index[:3]
    )
    text = f"{title} differ (total variation {distance:.2f} between {a} and {b}): {listed}"
    if min(common) < 0.5:
        text += (
            f"; they may not be named by one scheme: {common[0]:.0%} and {common[1]:.0%} of the firms have a shared one"
        )
    return text


def _lengths(found: _Found) -> None:
    lengths = {
        one.label: one.rows["characters"] if "characters" in one.rows else one.rows["text"].str.len()
        for one in found.sets
    }
    for language in sorted({str(code) for one in found.sets for code in one.rows["language"]}):
        known = {one.label: lengths[one.label][one.rows["language"] == language] for one in found.sets}
        known = {label: values for label, values in known.items() if len(values) >= _FEWEST}
        medians = {label: float(values.median()) for label, values in known.items()}
        for label, median in medians.items():
            found.fact(label, "text length", language, len(known[label]), number=median)
        worst = 0.0
        for a, b in combinations(known, 2):
            ratio = _ratio(medians[a], medians[b])
            real = stats.mannwhitneyu(known[a], known[b]).pvalue < _LEVEL
            if found.differ(f"text length, {language}", (a, b), "ratio", ratio, MEDIANS, chance=np.nan, real=real):
                worst = max(worst, ratio)
        if worst:
            listed = ", ".join(f"{median:.0f} in {label}" for label, median in medians.items())
            found.warnings.append(
                f"texts differ in length (language {language}, medians, up to {worst:.2f} times): {listed} characters"
            )


def _founding(found: _Found) -> None:
    for one in found.sets:
        founded = one.rows["founded"].dropna()
        if len(founded):
            found.fact(one.label, "founded", "median", len(founded), number=float(founded.median()))


def _having(found: _Found, measure: str, title: str, has: Callable[[pd.DataFrame], pd.Series]) -> None:
    counts = {one.label: (int(has(one.rows).sum()), len(one.rows)) for one in found.sets}
    shares = {label: count / n for label, (count, n) in counts.items() if n}
    for label, share in shares.items():
        found.fact(label, measure, "known", counts[label][1], share=share)
    # A column that is empty throughout says how the export is made, not who is in it.
    silent = [label for label, share in shares.items() if not share]
    known = {label: share for label, share in shares.items() if share}
    warned = False
    for a, b in combinations(known, 2):
        (c, n), (d, m) = counts[a], counts[b]
        pooled = (c + d) / (n + m)
        chance = _DEVIATIONS * float(np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m)))
        change = abs(shares[a] - shares[b])
        warned |= found.differ(measure, (a, b), "difference", change, POINTS, chance=chance, real=change > chance)
    listed = ", ".join(f"{share:.0%} in {label}" for label, share in known.items())
    if warned:
        only = [label for label, share in known.items() if share >= _NEARLY_ALL]
        nearly = f" ({', '.join(only)} holds nearly only such firms)" if len(only) == 1 else ""
        found.warnings.append(f"shares of firms with {title} differ: {listed}{nearly}")
    if silent and known:
        found.warnings.append(f"no firm of {', '.join(silent)} has {title}; elsewhere {listed}")


def _ratio(one: float, other: float) -> float:
    low, high = sorted((one, other))
    return high / low if low else float("inf")


def _stages(rows: pd.DataFrame) -> pd.Series:
    column = round_column(map(str, rows.columns))
    return rows[column].map(stage_of) if column else pd.Series("", index=rows.index)


def _ages(rows: pd.DataFrame) -> pd.Series:
    ages = (rows["observed"] - rows["founded"]).astype("Float64")
    return ages.map(lambda age: "" if pd.isna(age) or age < 0 else next(name for top, name in _AGES if age <= top))
