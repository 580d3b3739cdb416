"""How a coded file was drawn, and how many companies each of its codes stands for."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

from chainbert.errors import DataError

FEWEST_CODED = 2
ROW = "company_row"
"""Column of the sheet that names the row whatever a spreadsheet does to ids: ``k:id|year``."""
_CHOSEN = re.compile(r"\b(active|uncertainty|training|purposive|convenience)\b", re.IGNORECASE)
_STATED = {
    "frame": re.compile(r"\bframe (\d+)"),
    "codebook": re.compile(r"\bcodebook \S+ ([0-9a-f]+)"),
    "labels": re.compile(r"\blabels ([0-9a-f]{8,64})"),
}


@dataclass(frozen=True, slots=True)
class Drawn:
    """The design of the rows of a coded file; arrays (n,)."""

    kind: str
    """stratified, weighted or simple."""
    stratum: np.ndarray
    """int, in the sheet's order, so that neighbours are alike."""
    probability: np.ndarray
    """Inclusion probability in (0, 1]."""
    sizes: np.ndarray
    """(h,) companies of the set in each stratum."""
    names: tuple[str, ...]
    stated: dict[str, str]
    """What the sheet says of itself: frame, codebook (version), labels (sha256)."""
    notes: tuple[str, ...]

    @classmethod
    def of(cls, gold: pd.DataFrame, frame: int) -> Drawn:
        """Read the columns inclusion_probability, stratum, stratum_size and design of a coded file.

        Without them a simple random sample of the ``frame`` companies is assumed, and said. Raises DataError where
        the file says that its companies were chosen otherwise, for impossible probabilities, and for a frame of
        another size than the labels have.
        """
        stated, text = _stated(gold)
        if "inclusion_probability" not in gold or _blank(gold["inclusion_probability"]).all():
            _refuse_chosen(text)
            note = (
                "The coded file does not say how its companies were chosen; a simple random sample of the set is "
                "assumed. Were they chosen otherwise, the shares are biased: draw a sample with chainbert sample"
            )
            zeros = np.zeros(len(gold), dtype=np.int64)
            chance = np.full(len(gold), len(gold) / frame)
            return cls("simple", zeros, chance, np.array([float(frame)]), ("",), stated, (note,))
        probability = _probabilities(gold)
        _check_frame(stated, frame)
        if "stratum" not in gold or _blank(gold["stratum"]).any():
            zeros = np.zeros(len(gold), dtype=np.int64)
            return cls("weighted", zeros, probability, np.array([float(frame)]), ("",), stated, ())
        names, stratum = np.unique(gold["stratum"].astype(str).to_numpy(dtype=str), return_inverse=True)
        sizes = _sizes(gold, stratum, probability, len(names))
        if abs(sizes.sum() - frame) > 0.5:
            raise DataError(
                f"the strata of the coded file hold {sizes.sum():,.0f} companies, the labels have {frame:,} usable "
                "rows: the sheet was drawn from another set. Give the labels of the companies it was drawn from"
            )
        return cls("stratified", stratum, probability, sizes, tuple(names), stated, ())

    def weights(self, coded: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
        """Weights (m,), strata (m,) of the coded rows ``coded`` (n,) bool, and how many strata had to be merged.

        A row that was drawn and not coded is taken to be missing at random within its stratum. A stratum with one
        code, or none, is counted with its neighbour.
        """
        host = np.arange(len(self.sizes))
        counts = np.bincount(self.stratum[coded], minlength=len(self.sizes))
        sizes, counts = self.sizes.copy(), counts.astype(float)
        alive = list(range(len(sizes)))
        merged = 0
        while len(alive) > 1:
            thin = [one for one in alive if counts[one] < min(FEWEST_CODED, sizes[one])]
            if not thin:
                break
            place = alive.index(thin[0])
            other = alive[place - 1] if place else alive[1]
            host[host == thin[0]] = other
            sizes[other] += sizes[thin[0]]
            counts[other] += counts[thin[0]]
            alive.remove(thin[0])
            merged += 1
        here = host[self.stratum[coded]]
        base = 1 / self.probability[coded]
        weight = base * (sizes / np.maximum(np.bincount(here, base, minlength=len(sizes)), 1e-12))[here]
        return np.maximum(weight, 1.0), np.unique(here, return_inverse=True)[1], merged


def _stated(gold: pd.DataFrame) -> tuple[dict[str, str], str]:
    columns = [name for name in ("design", "sampling") if name in gold]
    texts = sorted({str(one) for name in columns for one in gold[name][~_blank(gold[name])]})
    text = " ".join(texts)
    found = {name: sorted(set(pattern.findall(text))) for name, pattern in _STATED.items()}
    if several := [name for name, values in found.items() if len(values) > 1]:
        raise DataError(
            f"the coded file holds rows of several samples ({several[0]}: {', '.join(found[several[0]])}); "
            "estimate from one sample at a time"
        )
    return {name: values[0] for name, values in found.items() if values}, text


def _refuse_chosen(text: str) -> None:
    if chosen := _CHOSEN.search(text):
        raise DataError(
            f"the coded file says that its companies were chosen on purpose ({chosen[0]!r}) and gives no "
            "inclusion_probability: no share of the set follows from them. Use them for training, draw an audit "
            "sample with chainbert sample and code it"
        )


def _probabilities(gold: pd.DataFrame) -> np.ndarray:
    values = pd.to_numeric(gold["inclusion_probability"], errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    wrong = np.flatnonzero(~((values > 0) & (values <= 1 + 1e-9)))
    if len(wrong):
        row = gold.iloc[wrong[0]]
        raise DataError(
            f"inclusion_probability of {row['id']} is {row['inclusion_probability']!r} ({len(wrong)} rows in all); "
            "a number above 0, at most 1, was expected in every row: take the column from the sheet as it was drawn"
        )
    return values.clip(max=1.0)


def _check_frame(stated: dict[str, str], frame: int) -> None:
    if "frame" in stated and int(stated["frame"]) != frame:
        raise DataError(
            f"the sheet was drawn from {int(stated['frame']):,} companies and years, the labels have {frame:,} that "
            "are usable and trained nothing: give the labels of the set it was drawn from"
        )


def _sizes(gold: pd.DataFrame, stratum: np.ndarray, probability: np.ndarray, count: int) -> np.ndarray:
    if "stratum_size" not in gold or _blank(gold["stratum_size"]).any():
        found: np.ndarray = np.bincount(stratum, 1 / probability, minlength=count)
        return found
    given = pd.to_numeric(gold["stratum_size"], errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    sizes = np.array([given[stratum == one][0] for one in range(count)])
    if not np.array_equal(sizes[stratum], given):
        raise DataError(
            "stratum_size is not one number in each stratum: take the column from the sheet as it was drawn"
        )
    return sizes


def _blank(column: pd.Series) -> pd.Series:
    return column.isna() | (column.astype(str).str.strip() == "")
