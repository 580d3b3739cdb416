"""Hand codes of companies as read from a file: the final codes, and each coder's where there are several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from chainbert.companies.formats import read_rows
from chainbert.files import file_hash
from chainbert.labelling.codebook import MIXED, Axis, Codebook
from chainbert.labelling.goldcells import Faults, check_axes, decode_codings, identify_rows

FINAL = ""
"""The coding that counts: adjudicated, or the only one."""


@dataclass(frozen=True, slots=True)
class Gold:
    """Hand codes of n companies and years."""

    table: pd.DataFrame
    """(n, …) numbered from 0: id (str), observed (Int64, NA where the file has no year), one str column an axis of
    the codebook (a value of it, "" where not coded), ``customer.state`` (yes, no or "") where the file codes
    indicators one by one, and the file's other columns as text."""
    coders: dict[str, pd.DataFrame]
    """Coder → (n, …) id, observed and codes in the rows of ``table``; empty where the file has one coding only."""
    path: str
    sha256: str
    """Of the file's bytes."""

    def says(self, axis: Axis, indicator: str) -> np.ndarray:
        """Whether the final codes say an indicator, (n,) float64: 1 yes, 0 no, nan not coded."""
        return codes_say(self.table, axis, indicator)


def demo_codes() -> Path:
    """Hand codes of a random sample of the invented companies, as ``chainbert sample`` drew it."""
    return Path(__file__).parent.parent / "demo" / "codes.csv"


def codes_say(codes: pd.DataFrame, axis: Axis, indicator: str) -> np.ndarray:
    """Whether rows of codes (``Gold.table``, or one coder's) say an indicator, (n,) float64: 1, 0, nan not coded.

    An indicator's own column decides where the file has it; else the axis's value, of which ``mixed`` says every
    indicator of the axis.
    """
    values = codes[axis.id].fillna("").to_numpy(dtype=object)
    both = (values == MIXED) & (axis.kind == "indicators")
    said = np.where(values == "", np.nan, ((values == indicator) | both).astype(np.float64))
    own = codes.get(f"{axis.id}.{indicator}")
    if own is None:
        return said
    return np.where((own == "yes").to_numpy(), 1.0, np.where((own == "no").to_numpy(), 0.0, said))


def read_gold(path: Path, codebook: Codebook) -> Gold:
    """Read hand codes from jsonl, json, csv, tsv, xlsx or parquet, a filled coding sheet included.

    A row is a company and year: ``id`` (or another name of it that ``read_companies`` knows; else ``name``) and
    ``observed``. A code is a value in the axis's column (``customer``) or yes / no in an indicator's
    (``customer.state``); an empty cell is not coded. Several codings stand in nested objects (``coder_a: {customer:
    …}``), in columns ``customer.coder_a``, or in a long table with a column ``coder``, whose adjudicated rows have
    none or ``final``. Final codes are the adjudicated ones; where there is none, those that all coders agree on.
    Columns that the codebook does not know are kept and not read as codes.

    Raises DataError listing every fault with its line: unknown value, missing id, a company and year coded twice in
    different ways, an indicator against its axis; and where no code is found at all.
    """
    path = Path(path)
    raw = read_rows(path)
    faults = Faults(path, raw)
    rows = identify_rows(raw, codebook, faults)
    codings = decode_codings(raw, rows.coder, codebook, faults)
    if codings:
        faults.check()
    check_axes(raw, codings, codebook, path)
    units = {unit: place for place, unit in enumerate(dict.fromkeys(rows.units))}
    merged = _merged([units[unit] for unit in rows.units], codings, faults)
    faults.check()
    names = [name for name in merged if name != FINAL]
    index = pd.RangeIndex(len(units))
    identity = pd.DataFrame(
        {
            "id": pd.Series([unit[0] for unit in units], dtype="str"),
            "observed": pd.Series([unit[1] for unit in units], dtype="Int64"),
        }
    )
    columns = [axis.id for axis in codebook.axes]
    columns += dict.fromkeys(column for codes in merged.values() for column in codes if column not in columns)
    frames = {name: _frame(codes, columns, index) for name, codes in merged.items()}
    final = frames.get(FINAL, _frame({}, columns, index))
    if names:
        final = final.where(final != "", _unanimous([frames[name] for name in names]))
    kept = _first_rows(rows.units, rows.coder)
    rest = {name: pd.Series([cells[row] for row in kept], dtype="str") for name, cells in rows.rest.items()}
    table = pd.concat([identity, final, pd.DataFrame(rest, index=index)], axis=1)
    # One name alone is the one coding, whoever made it.
    several = len(merged) > 1
    coders = {name: pd.concat([identity, frames[name]], axis=1) for name in names} if several else {}
    return Gold(table, coders, str(path), file_hash(path))


def _merged(
    places: Sequence[int], codings: Sequence[tuple[Sequence[str], Mapping[str, Sequence[str]]]], faults: Faults
) -> dict[str, dict[str, dict[int, str]]]:
    """Coder → column → unit → code; a company, year and coder that comes twice must say the same."""
    merged: dict[str, dict[str, dict[int, str]]] = {}
    seen: dict[tuple[str, str, int], int] = {}
    for coders, codes in codings:
        for column, cells in codes.items():
            for row, (unit, coder, code) in enumerate(zip(places, coders, cells, strict=True)):
                known = merged.setdefault(coder, {}).setdefault(column, {})
                if not code:
                    continue
                first = seen.setdefault((coder, column, unit), row)
                if known.setdefault(unit, code) != code:
                    whose = f" by {coder}" if coder else ""
                    faults.add(
                        row,
                        f"the same company and year{whose} as in {faults.place(first)}, with another code: {column} is "
                        f"{code!r} here and {known[unit]!r} there; keep one, or name the coders in a column 'coder'",
                    )
    return merged


def _frame(codes: Mapping[str, Mapping[int, str]], columns: Sequence[str], index: pd.RangeIndex) -> pd.DataFrame:
    cells = {name: [codes.get(name, {}).get(place, "") for place in index] for name in columns}
    return pd.DataFrame(cells, index=index, columns=pd.Index(columns), dtype="str")


def _unanimous(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The code of all coders who gave one; "" where they differ or none did."""
    agreed = frames[0].copy()
    clash = pd.DataFrame(False, index=agreed.index, columns=agreed.columns)
    for other in frames[1:]:
        clash |= (agreed != "") & (other != "") & (agreed != other)
        agreed = agreed.where(agreed != "", other)
    return agreed.mask(clash, "")


def _first_rows(units: Sequence[tuple[str, int | None]], coders: Sequence[str]) -> list[int]:
    """The row whose other columns a company and year keeps: its adjudicated one, else its first."""
    kept: dict[tuple[str, int | None], int] = {}
    for row, (unit, coder) in enumerate(zip(units, coders, strict=True)):
        first = kept.setdefault(unit, row)
        if coder == FINAL and coders[first] != FINAL:
            kept[unit] = row
    return list(kept.values())
