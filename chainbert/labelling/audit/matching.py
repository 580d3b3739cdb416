"""Which company and year each hand code speaks of, and which codes must not correct these labels."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from chainbert.errors import DataError
from chainbert.labelling.audit.frame import SHOWN, Frame, row_names
from chainbert.labelling.audit.weighting import ROW, Drawn
from chainbert.labelling.codebook import Codebook
from chainbert.labelling.gold import Gold


@dataclass(frozen=True, slots=True)
class Matched:
    """Coded rows and the companies they speak of."""

    frame: Frame
    gold: Gold
    """The rows that are in the frame, in its table and its codings."""
    places: np.ndarray
    """(n,) row of the frame."""
    notes: tuple[str, ...]


def match_codes(frame: Frame, gold: Gold) -> Matched:
    """Find each coded row among the labels."""
    notes = []
    names = _names(gold.table)
    if frame.table["observed"].notna().any() and all(name.endswith("|") for name in names):
        several = len(frame.table)
        frame = frame.latest()
        years = frame.table["observed"].astype("Int64").astype(str)
        years = years.where(frame.table["observed"].notna(), "")
        rows = {str(one): f"{one}|{year}" for one, year in zip(frame.table["id"], years, strict=True)}
        names = [rows.get(name[:-1], name) for name in names]
        if several > len(frame.table):
            notes.append(
                f"The codes name no year: each company's last year is taken, {len(frame.table):,} of {several:,} rows"
            )
    at = pd.Series(frame.table.index, index=frame.table["row"])
    _refuse_trained(frame, gold, names)
    usable = np.array([name not in frame.unusable for name in names], dtype=bool)
    if not usable.all():
        notes.append(f"Coded companies without usable text in the labels, not counted: {int((~usable).sum()):,}")
        gold = replace(gold, table=gold.table[usable].reset_index(drop=True), coders={})
        names = [name for name, kept in zip(names, usable, strict=True) if kept]
    known = np.array([name in at.index for name in names], dtype=bool)
    if not known.all():
        lost = [name for name, found in zip(names, known, strict=True) if not found]
        shown = ", ".join(one.rstrip("|").replace("|", " of ") for one in lost[:SHOWN])
        raise DataError(
            f"{gold.path}: {len(lost):,} of {len(names):,} coded companies have no usable row in the labels: {shown}"
            f"{', …' if len(lost) > SHOWN else ''}. Give the labels of the set that the codes belong to; ids and years "
            "must be written alike"
        )
    places = at.loc[names].to_numpy(dtype=np.int64) if names else np.zeros(0, dtype=np.int64)
    if len(set(places)) < len(places):
        raise DataError(f"{gold.path}: a company and year is coded more than once; one row each was expected")
    values = gold.table[[axis.id for axis in frame.codebook.axes if axis.id in gold.table]]
    own = [gold.says(axis, one.id) for axis in frame.codebook.axes for one in axis.indicators]
    if not (values.fillna("") != "").to_numpy().any() and all(np.isnan(one).all() for one in own):
        named = ", ".join(axis.id for axis in frame.codebook.axes)
        raise DataError(f"{gold.path}: not a single code is filled in; values in the columns {named} were expected")
    return Matched(frame, gold, places, tuple(notes))


def _names(table: pd.DataFrame) -> list[str]:
    """``id|year`` of each coded row; the sheet's own name of the row goes before what a spreadsheet made of its id."""
    names = row_names(table["id"], table["observed"])
    if ROW not in table:
        return names
    given = table[ROW].fillna("").astype(str)
    return [one[2:] if one.startswith("k:") else name for one, name in zip(given, names, strict=True)]


def _refuse_trained(frame: Frame, gold: Gold, names: list[str]) -> None:
    ids = {one.rpartition("|")[0] for one in frame.trained}
    inside = [n for n in names if n in frame.trained or (n.endswith("|") and n[:-1] in ids)]
    if inside:
        shown = ", ".join(one.rstrip("|").replace("|", " of ") for one in inside[:SHOWN])
        raise DataError(
            f"{gold.path}: {len(inside):,} of {len(names):,} coded companies trained this labeller: {shown}"
            f"{', …' if len(inside) > SHOWN else ''}. On them it errs less than elsewhere, so that the correction "
            "would be too small and the interval would not cover. Code companies that trained nothing "
            "(chainbert sample), or train with cross-fitting: each label then comes from a fold that had not seen it"
        )


def check_version(drawn: Drawn, book: Codebook) -> None:
    """Raise DataError where the sheet says that its codes follow another codebook version than the labels."""
    stated = drawn.stated.get("codebook")
    if stated and stated != book.version:
        raise DataError(
            f"the sheet was coded by codebook version {stated}, the labels by {book.version} of {book.id}: codes and "
            "labels would not mean the same. Label again with the codebook of the sheet, or code anew"
        )
