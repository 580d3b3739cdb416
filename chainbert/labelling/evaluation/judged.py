"""Labels, or one coder's codes, laid beside the codes that they are judged by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from chainbert.companies import detect_language
from chainbert.companies.languages import language_code
from chainbert.errors import DataError
from chainbert.labelling.codebook import Axis, Codebook
from chainbert.labelling.gold import Gold, codes_say
from chainbert.labelling.tables import LABELLED, UNUSABLE

TRAINED = "trained"
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class YesNo:
    """One indicator, or one value of a single choice against the rest."""

    axis: str
    indicator: str
    single: bool
    coded: np.ndarray
    """(n,) float64: 1 yes, 0 no, nan not coded."""
    said: np.ndarray
    """(n,) float64: the same of what is judged; nan where it says nothing."""
    probability: np.ndarray | None
    """(n,) in [0, 1]; None where what is judged has none."""

    @property
    def rows(self) -> np.ndarray:
        """(n,) bool: both sides are there."""
        return np.asarray(~np.isnan(self.coded) & ~np.isnan(self.said))


@dataclass(frozen=True, slots=True)
class Choice:
    """One axis and its values."""

    axis: str
    values: tuple[str, ...]
    coded: np.ndarray
    """(n,) str, "" not coded."""
    said: np.ndarray
    status: np.ndarray
    """(n,) str as in the label table; codes count as labelled."""

    @property
    def rows(self) -> np.ndarray:
        """(n,) bool: both sides are there."""
        return np.asarray((self.coded != "") & (self.said != ""))


@dataclass(frozen=True, slots=True)
class Judged:
    """Everything that is compared, row by row of the gold table."""

    name: str
    against: str
    gold: Gold
    codebook_version: str
    language: np.ndarray
    """(n,) str: zh, en, other; "" where nothing tells."""
    questions: tuple[YesNo, ...]
    choices: tuple[Choice, ...]
    left_out: dict[str, int]
    """Why coded companies do not count → how many."""

    def only_where(self, other: Judged) -> Judged:
        """The same with nothing said where ``other`` says nothing, so that both are judged on the same rows."""
        questions = tuple(
            replace(one, said=np.where(its.rows, one.said, np.nan))
            for one, its in zip(self.questions, other.questions, strict=True)
        )
        choices = tuple(
            replace(one, said=np.where(its.rows, one.said, ""))
            for one, its in zip(self.choices, other.choices, strict=True)
        )
        return replace(self, questions=questions, choices=choices)


def judge_labels(
    labels: pd.DataFrame,
    gold: Gold,
    codebook: Codebook,
    name: str,
    languages: Sequence[str] | None = None,
    *,
    leave_out_trained: bool = False,
) -> Judged:
    """Find the label row of each coded company and lay both beside each other.

    ``labels`` is a label table. A row is found by id and year; codes without a year speak of the company's last one.
    ``languages`` (n,) are the rows' languages; without them the gold file's own column, else its texts tell.
    Raises DataError for a label table of another codebook, coded companies that it lacks, a company and year that it
    has twice, and, unless they are left out, for coded companies that trained the labeller: their metrics would
    measure its memory.
    """
    rows, found = label_rows(labels, gold, codebook)
    trained = found & (rows["training"] == TRAINED).to_numpy(dtype=bool) if "training" in rows else found & False
    if trained.any() and not leave_out_trained:
        shown = ", ".join(gold.table["id"][trained].astype(str)[:_SHOWN])
        raise DataError(
            f"{gold.path}: {int(trained.sum()):,} of {len(found):,} coded companies trained {name}: {shown}"
            f"{', …' if trained.sum() > _SHOWN else ''}. On them it would be judged by its memory; evaluate on "
            "companies that trained nothing, take labels from cross-fitting, or leave them out"
        )
    counts = found & ~trained
    questions, choices = [], []
    for axis in codebook.axes:
        values = np.where(counts, rows[axis.id].to_numpy(dtype=object), "")
        status = rows[f"{axis.id}.status"].to_numpy(dtype=object)
        choices.append(Choice(axis.id, axis.values, _codes(gold.table, axis), values, status))
        for one in axis.indicators:
            said = np.where(counts, codebook.says(rows, axis.id, one.id), np.nan)
            probability = rows[f"{axis.id}.{one.id}"].to_numpy(dtype=np.float64)
            coded = gold.says(axis, one.id)
            questions.append(YesNo(axis.id, one.id, axis.kind == "single", coded, said, probability))
    left_out = {"no usable text in the labels": int((~found).sum()), "trained the labeller": int(trained.sum())}
    language = _languages(gold.table, languages)
    told = {reason: count for reason, count in left_out.items() if count}
    return Judged(name, "the final codes", gold, codebook.version, language, tuple(questions), tuple(choices), told)


def label_rows(labels: pd.DataFrame, gold: Gold, codebook: Codebook) -> tuple[pd.DataFrame, np.ndarray]:
    """The label row of each coded company (n, …), and (n,) bool where there is a usable one; errors as above."""
    _check_columns(labels, codebook)
    usable = labels[(labels[f"{codebook.axes[0].id}.status"] != UNUSABLE).to_numpy(dtype=bool)]
    if usable.empty:
        raise DataError("the labels have no usable row; there is nothing to judge")
    places = _places(usable, labels, gold)
    return usable.iloc[np.maximum(places, 0)].reset_index(drop=True), places >= 0


def judge_coder(
    gold: Gold, codebook: Codebook, coder: str, against: str, languages: Sequence[str] | None = None
) -> Judged:
    """One coder's codes beside another's. Raises DataError for coders that the file does not have."""
    for one in (coder, against):
        if one not in gold.coders:
            known = ", ".join(gold.coders) or "one coding only"
            raise DataError(f"{gold.path}: no coder '{one}'; the file has {known}")
    ours, theirs = gold.coders[coder], gold.coders[against]
    status = np.full(len(ours), LABELLED, dtype=object)
    choices = tuple(
        Choice(axis.id, axis.values, _codes(theirs, axis), _codes(ours, axis), status) for axis in codebook.axes
    )
    questions = tuple(
        YesNo(
            axis.id,
            one.id,
            axis.kind == "single",
            codes_say(theirs, axis, one.id),
            codes_say(ours, axis, one.id),
            None,
        )
        for axis in codebook.axes
        for one in axis.indicators
    )
    language = _languages(gold.table, languages)
    return Judged(coder, against, gold, codebook.version, language, questions, choices, {})


def _codes(table: pd.DataFrame, axis: Axis) -> np.ndarray:
    return table[axis.id].fillna("").to_numpy(dtype=object)


def _check_columns(labels: pd.DataFrame, codebook: Codebook) -> None:
    wanted = ["id", "observed"]
    wanted += [name for axis in codebook.axes for name in (axis.id, f"{axis.id}.status")]
    wanted += [f"{axis.id}.{one.id}" for axis in codebook.axes for one in axis.indicators]
    if missing := [name for name in wanted if name not in labels]:
        raise DataError(
            f"the labels have no column {', '.join(missing[:_SHOWN])} of codebook {codebook.id}; label again with it"
        )
    found = {str(one) for one in labels["codebook"].unique()} if "codebook" in labels else set()
    if found - {codebook.version}:
        raise DataError(
            f"the labels were made with codebook version {', '.join(sorted(found))}, the codebook given "
            f"({codebook.id}) is version {codebook.version}: labels and codes would not mean the same; label again"
        )


def _places(usable: pd.DataFrame, labels: pd.DataFrame, gold: Gold) -> np.ndarray:
    """The row of ``usable`` that each coded row speaks of, (n,) int; -1 where its labels are unusable."""
    exact: dict[tuple[str, int], int] = {}
    last: dict[str, tuple[int, int]] = {}
    for place, (company, year) in enumerate(_identity(usable)):
        if exact.setdefault((company, year), place) != place:
            when = f" in {year}" if year else ""
            raise DataError(f"the labels have {company}{when} more than once; one row a company and year was expected")
        last[company] = max(last.get(company, (-1, -1)), (year, place))
    known = {company for company, _ in _identity(labels)}
    places, lost = [], []
    for company, year in _identity(gold.table):
        place = exact.get((company, year), -1)
        # A side without years speaks of the other's last one.
        if place < 0 and company in last and (year == 0 or last[company][0] == 0):
            place = last[company][1]
        places.append(place)
        if company not in known or (place < 0 and company in last):
            lost.append(f"{company} of {year}" if year else company)
    if lost:
        raise DataError(
            f"{gold.path}: {len(lost):,} of {len(places):,} coded companies are not in the labels: "
            f"{', '.join(lost[:_SHOWN])}{', …' if len(lost) > _SHOWN else ''}. Give the labels of the companies that "
            "were coded; ids and years must be written alike"
        )
    return np.asarray(places, dtype=np.int64)


def _identity(table: pd.DataFrame) -> list[tuple[str, int]]:
    """Id and year of each row; 0 is no year."""
    years = table["observed"].astype("Int64").fillna(0).astype(int)
    return list(zip(table["id"].astype(str), years, strict=True))


def _languages(table: pd.DataFrame, given: Sequence[str] | None) -> np.ndarray:
    if given is not None:
        return np.asarray([language_code(str(one)) or str(one) for one in given], dtype=object)
    spelled = {str(name).strip().casefold(): name for name in table}
    column = next((spelled[name] for name in ("language", "lang") if name in spelled), None)
    written = table[column].fillna("").astype(str) if column is not None else [""] * len(table)
    texts = table["text"].fillna("").astype(str) if "text" in table else [""] * len(table)
    told = [
        language_code(code) or (detect_language(text) if text else "")
        for code, text in zip(written, texts, strict=True)
    ]
    return np.asarray(told, dtype=object)
