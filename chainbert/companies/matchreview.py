"""The review file: pairs of firms that a reader decides on, written as csv and read back."""

from __future__ import annotations

from pathlib import Path

from chainbert.companies.fields import cell_text
from chainbert.companies.formats import read_rows
from chainbert.companies.matching import Matches, Pair
from chainbert.errors import DataError, Fault
from chainbert.files import atomic_path

ANSWER = "same_firm"
"""The column to write yes or no into."""
ENDS = ("set_a", "id_a", "set_b", "id_b")
_ANSWERS = {"yes": True, "no": False, "是": True, "否": False}
_FORMULA = ("=", "+", "-", "@")
_SHOWN = 20


def write_review(matches: Matches, path: Path) -> None:
    """Write the pairs left to a reader, as csv with an empty column ``same_firm``; spreadsheets open it as UTF-8.

    Cells that a spreadsheet would take for a formula get an apostrophe before them, which reading takes off again.
    """
    table = matches.review.drop(columns="accepted")
    table.insert(0, ANSWER, "")
    text = table.select_dtypes(exclude="number").columns
    table[text] = table[text].map(lambda cell: f"'{cell}" if str(cell).startswith(_FORMULA) else cell)
    with atomic_path(path) as temporary:
        table.to_csv(temporary, index=False, encoding="utf-8-sig", lineterminator="\n")


def read_decisions(path: Path) -> dict[Pair, bool]:
    """What a reader wrote: (set_a, id_a, set_b, id_b) → the same firm or not; rows without an answer are left open.

    Any pair may be added as a row of its own, with those five columns. csv, xlsx and the other formats of tables.
    Raises DataError, naming every fault with its line, for missing columns, words other than yes and no (是, 否),
    a row without an id, and a pair with both answers.
    """
    raw = read_rows(path)
    columns = {str(name).strip().casefold(): cells for name, cells in raw.columns.items()}
    if missing := [name for name in (ANSWER, *ENDS) if name not in columns]:
        hint = (
            " (matches.csv says what was accepted; review.csv is the file to fill in)" if "accepted" in columns else ""
        )
        raise DataError(
            f"{path}: no column {', '.join(missing)}{hint}; found {', '.join(raw.columns)}. "
            f"A review file as `chainbert compare --out` writes it was expected, with yes or no in '{ANSWER}'"
        )
    found: dict[Pair, bool] = {}
    faults = []
    for row, place in enumerate(raw.places):
        where = f"{path}: {raw.unit} {place}"
        answer, *ends = (_cell(columns[name][row]) for name in (ANSWER, *ENDS))
        if not answer:
            continue
        one, company, other, partner = ends
        pair = min((one, company, other, partner), (other, partner, one, company))
        same = _ANSWERS.get(answer.casefold())
        if same is None:
            faults.append(
                Fault(where, f"'{answer}' in '{ANSWER}'; yes or no was expected, or nothing to leave it open")
            )
        elif not all(ends):
            faults.append(Fault(where, f"{', '.join(ENDS)} are needed to know which firms are meant"))
        elif found.setdefault(pair, same) != same:
            faults.append(Fault(where, f"both yes and no for '{company}' of {one} and '{partner}' of {other}"))
    if faults:
        more = f"\n… and {len(faults) - _SHOWN:,} more" if len(faults) > _SHOWN else ""
        raise DataError("\n".join(map(str, faults[:_SHOWN])) + more)
    return found


def _cell(value: object) -> str:
    text = cell_text(value)
    return text[1:] if text.startswith(tuple(f"'{sign}" for sign in _FORMULA)) else text
