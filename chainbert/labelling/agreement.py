"""Agreement of coders beyond chance: Krippendorff's alpha, Cohen's kappa, Gwet's AC1, with bootstrap intervals."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from chainbert.errors import DataError
from chainbert.labelling.codebook import Axis, Codebook
from chainbert.labelling.evaluation.bootstrap import estimate, leave_one_out, resample
from chainbert.labelling.gold import Gold, codes_say

ALL_CODERS = "all coders"
# Beyond this many companies the acceleration is next to nothing, and its matrix large.
_MOST_LEFT_OUT = 2000
_SINGLE = "all codes are one category, so agreement by chance alone would be complete"
_NO_PAIRS = "no unit has two codes"


@dataclass(frozen=True, slots=True)
class Agreement:
    """One coefficient of one table of codes."""

    measure: str
    """alpha, kappa, ac1 or percent."""
    value: float | None
    """At most 1; 0 is what chance alone gives (percent: in [0, 1]). None where not defined, see ``reason``."""
    low: float | None
    high: float | None
    """95 % bootstrap interval over units (BCa)."""
    units: int
    """Units with at least two codes."""
    coders: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class _Counts:
    """A table of codes as numbers."""

    by_unit: np.ndarray
    """(n, q): how many coders put the unit into the category."""
    by_coder: np.ndarray
    """(m, n, q) 0/1."""


def krippendorff_alpha(
    codes: np.ndarray, *, draws: int = 2000, rng: np.random.Generator, units: Sequence[str] | None = None
) -> Agreement:
    """Krippendorff's alpha for nominal codes, any number of coders, missing codes allowed.

    ``codes`` (n, m): a row a unit, a column a coder; "" or None is missing. Units with fewer than two codes do not
    count. ``units`` (n,) names what is resampled where several rows belong together. With a single category alpha is
    not defined: value None. (Krippendorff 2018, Content Analysis, 4th ed., chapter 12.)
    """
    return _agreement("alpha", codes, None, draws, rng, units)


def cohen_kappa(
    codes: np.ndarray, *, draws: int = 2000, rng: np.random.Generator, units: Sequence[str] | None = None
) -> Agreement:
    """Cohen's kappa of two coders over the units that both coded; ``codes`` (n, 2) as in ``krippendorff_alpha``.

    Raises DataError for another number of coders. Not defined where both use one and the same category only.
    (Cohen 1960.)
    """
    if np.ndim(codes) != 2 or np.shape(codes)[1] != 2:
        raise DataError(
            f"Cohen's kappa is for two coders; codes of shape {np.shape(codes)} found, (n, 2) was expected. "
            "For more coders use krippendorff_alpha or gwet_ac1"
        )
    return _agreement("kappa", codes, None, draws, rng, units)


def gwet_ac1(
    codes: np.ndarray,
    *,
    categories: Sequence[str] | None = None,
    draws: int = 2000,
    rng: np.random.Generator,
    units: Sequence[str] | None = None,
) -> Agreement:
    """Gwet's AC1, any number of coders, missing codes allowed; ``codes`` (n, m) as in ``krippendorff_alpha``.

    ``categories`` are those that coders could choose from; without them, those that occur, and with a single one AC1
    is not defined. Units with one code count for the expected agreement only. (Gwet 2008; 2014, chapter 5.)
    """
    return _agreement("ac1", codes, categories, draws, rng, units)


def percent_agreement(
    codes: np.ndarray, *, draws: int = 2000, rng: np.random.Generator, units: Sequence[str] | None = None
) -> Agreement:
    """Mean over units of the share of coder pairs that agree, in [0, 1]; ``codes`` as in ``krippendorff_alpha``."""
    return _agreement("percent", codes, None, draws, rng, units)


def agreement_of(
    gold: Gold,
    codebook: Codebook,
    *,
    draws: int = 2000,
    rng: np.random.Generator,
    groups: Sequence[str] | np.ndarray | None = None,
) -> pd.DataFrame:
    """Agreement of each two coders, and of all where there are more, on every axis and indicator.

    The final codes are no coder: they follow from the coders. ``groups`` (n,) str, such as each row's language, gives
    the same table within each group. One row a group, question, pair and measure: ``group`` ("all" or its name),
    ``axis``, ``indicator`` (yes or no; "" for the axis's values), ``first``, ``second`` (coders; for all of them
    ``all coders`` and ""), ``measure`` (alpha, kappa, ac1, percent), ``value, low, high`` (nan where not defined),
    ``units``, ``coders``, ``reason``. Companies are resampled, all questions from the same resamples.
    Raises DataError where the file has fewer than two coders.
    """
    if len(gold.coders) < 2:
        found = f"only {', '.join(gold.coders)}" if gold.coders else "one coding"
        raise DataError(
            f"{gold.path}: {found} found; agreement needs two coders or more: a column 'coder', columns such as "
            "'customer.coder_a', or objects coder_a and coder_b"
        )
    weights, without = _resamples(gold.table["id"].tolist(), draws, rng)
    group = np.asarray(["all"] * len(gold.table) if groups is None else groups, dtype=object)
    names = ["all"] if groups is None else ["all", *sorted(set(group.tolist()))]
    records = []
    for name in names:
        rows = np.ones(len(group), dtype=bool) if name == "all" else group == name
        for axis, indicator, table in _questions(gold, codebook):
            categories = ("yes", "no") if indicator else axis.values
            head = {"group": name, "axis": axis.id, "indicator": indicator}
            for chosen in _teams(list(gold.coders)):
                pair = chosen if len(chosen) == 2 else (ALL_CODERS, "")
                team = [list(gold.coders).index(coder) for coder in chosen]
                counts = _counted(table[rows][:, team], categories)
                for measure in _measures(len(chosen)):
                    one = _measured(measure, counts, weights[:, rows], without[:, rows])
                    records.append({**head, "first": pair[0], "second": pair[1], **_record(one)})
    return pd.DataFrame(records)


def _questions(gold: Gold, codebook: Codebook) -> Iterator[tuple[Axis, str, np.ndarray]]:
    """Axis, indicator ("" for the values), and the coders' answers (n, m) str."""
    for axis in codebook.axes:
        values = [codes[axis.id].fillna("").to_numpy(dtype=object) for codes in gold.coders.values()]
        yield axis, "", np.column_stack(values)
        for one in axis.indicators:
            said = [codes_say(codes, axis, one.id) for codes in gold.coders.values()]
            yield axis, one.id, np.column_stack([_yes_no(answer) for answer in said])


def _yes_no(said: np.ndarray) -> np.ndarray:
    return np.where(np.isnan(said), "", np.where(said == 1, "yes", "no")).astype(object)


def _teams(coders: Sequence[str]) -> list[tuple[str, ...]]:
    pairs: list[tuple[str, ...]] = list(itertools.combinations(coders, 2))
    return [*pairs, tuple(coders)] if len(coders) > 2 else pairs


def _measures(coders: int) -> tuple[str, ...]:
    return ("alpha", "kappa", "ac1", "percent") if coders == 2 else ("alpha", "ac1", "percent")


def _record(found: Agreement) -> dict[str, object]:
    numbers = {name: np.nan if (one := getattr(found, name)) is None else one for name in ("value", "low", "high")}
    return {"measure": found.measure, **numbers, **{n: getattr(found, n) for n in ("units", "coders", "reason")}}


def _agreement(
    measure: str,
    codes: np.ndarray,
    categories: Sequence[str] | None,
    draws: int,
    rng: np.random.Generator,
    units: Sequence[str] | None,
) -> Agreement:
    table = np.asarray(codes, dtype=object)
    if table.ndim != 2:
        raise DataError(f"codes of shape {table.shape} found; (units, coders) was expected")
    weights = _resamples([str(row) for row in range(len(table))] if units is None else units, draws, rng)
    return _measured(measure, _counted(table, categories), *weights)


def _resamples(units: Sequence[str], draws: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    without = leave_one_out(units) if len(set(units)) <= _MOST_LEFT_OUT else np.zeros((0, len(units)))
    return resample(units, draws, rng), without


def _counted(table: np.ndarray, categories: Sequence[str] | None) -> _Counts:
    missing = np.array([[cell is None or cell == "" or cell != cell for cell in row] for row in table], dtype=bool)
    text = np.where(missing.reshape(table.shape), "", table.astype(str)).astype(object)
    found = sorted({str(one) for one in text[text != ""]})
    known = found if categories is None else [*categories, *(one for one in found if one not in set(categories))]
    by_coder = np.stack([text == one for one in known], axis=-1) if known else np.zeros((*text.shape, 0))
    by_coder = by_coder.astype(np.float64).transpose(1, 0, 2)
    return _Counts(by_coder.sum(axis=0), by_coder)


def _measured(measure: str, counts: _Counts, weights: np.ndarray, without: np.ndarray) -> Agreement:
    coders, paired = counts.by_coder.shape[0], counts.by_unit.sum(axis=1) >= 2
    compute, undefined = _MEASURES[measure]
    if not paired.any():
        return Agreement(measure, None, None, None, 0, coders, _NO_PAIRS)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = estimate(compute(counts, weights), undefined, compute(counts, without))
    return Agreement(measure, found.value, found.low, found.high, int(paired.sum()), coders, found.reason)


def _alpha(counts: _Counts, weights: np.ndarray) -> np.ndarray:
    per_unit = counts.by_unit.sum(axis=1)
    pairable = per_unit >= 2
    by_unit = counts.by_unit * pairable[:, None]
    together = (by_unit * (by_unit - 1)).sum(axis=1) / np.maximum(per_unit - 1, 1)
    of_category = weights @ by_unit
    total = of_category.sum(axis=1)
    observed = total - weights @ together
    expected = total**2 - (of_category**2).sum(axis=1)
    return np.where(expected > 0, 1 - (total - 1) * observed / expected, np.nan)


def _kappa(counts: _Counts, weights: np.ndarray) -> np.ndarray:
    both = counts.by_unit.sum(axis=1) == 2
    first, second = counts.by_coder * both[:, None]
    total = weights @ both
    agreed = weights @ (first * second).sum(axis=1) / total
    by_chance = ((weights @ first) * (weights @ second)).sum(axis=1) / total**2
    return np.where(1 - by_chance > 1e-12, (agreed - by_chance) / (1 - by_chance), np.nan)


def _percent(counts: _Counts, weights: np.ndarray) -> np.ndarray:
    per_unit = counts.by_unit.sum(axis=1)
    together = (counts.by_unit * (counts.by_unit - 1)).sum(axis=1) / np.maximum(per_unit * (per_unit - 1), 1)
    return np.asarray((weights @ together) / (weights @ (per_unit >= 2)))


def _ac1(counts: _Counts, weights: np.ndarray) -> np.ndarray:
    per_unit = counts.by_unit.sum(axis=1)
    categories = counts.by_unit.shape[1]
    if categories < 2:
        return np.full(len(weights), np.nan)
    of_category = (weights @ (counts.by_unit / np.maximum(per_unit, 1)[:, None])) / (weights @ (per_unit >= 1))[:, None]
    by_chance = (of_category * (1 - of_category)).sum(axis=1) / (categories - 1)
    return np.asarray((_percent(counts, weights) - by_chance) / (1 - by_chance))


_MEASURES: dict[str, tuple[Callable[[_Counts, np.ndarray], np.ndarray], str]] = {
    "alpha": (_alpha, _SINGLE),
    "kappa": (_kappa, _SINGLE),
    "ac1": (_ac1, _SINGLE),
    "percent": (_percent, _NO_PAIRS),
}
