"""The cells of a file of hand codes: which row is which company, which column is which code, and what is wrong."""

from __future__ import annotations

import datetime
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from chainbert.companies.fields import cell_text, is_nothing, storable, year_of
from chainbert.companies.rows import RawRows
from chainbert.companies.shapes import PLAIN, SHAPES
from chainbert.errors import DataError, Fault
from chainbert.labelling.codebook import MIXED, UNCLEAR, Axis, Codebook
from chainbert.yamlfile import did_you_mean

Unit = tuple[str, int | None]
Codes = dict[str, list[str]]
ROW_COLUMN = "company_row"
"""A coding sheet's own name of the row, ``k:id|year``: spreadsheets turn ids into numbers, this they leave alone."""
_UNCODED = frozenset(["na", "n/a", "#n/a", "nan", "<na>", "null", "-", "--"])
_YES = frozenset(["yes", "y", "1", "true", "是", "有"])
_NO = frozenset(["no", "n", "0", "false", "否", "无", "無"])
_FINAL_WORDS = frozenset({"", "final"})
_SHOWN_FAULTS = 50


class Faults:
    """Collects what is wrong in a file, to be told at once."""

    def __init__(self, path: Path, raw: RawRows) -> None:
        self._path, self._raw = path, raw
        self._found: list[Fault] = []

    def place(self, row: int) -> str:
        """The row as the file counts it: ``line 7``."""
        return f"{self._raw.unit} {self._raw.places[row]}"

    def add(self, row: int, message: str) -> None:
        """One more fault, at a row."""
        number = self._raw.places[row]
        where = f"{self._path}:{number}" if self._raw.unit == "line" else f"{self._path}: {self._raw.unit} {number}"
        self._found.append(Fault(where, message))

    def check(self) -> None:
        """Raise DataError where anything was wrong."""
        if not self._found:
            return
        lines = [str(fault) for fault in self._found[:_SHOWN_FAULTS]]
        if (more := len(self._found) - len(lines)) > 0:
            lines.append(f"{self._path}: and {more:,} more faults")
        raise DataError("\n".join(lines))


@dataclass(frozen=True, slots=True)
class Rows:
    """The company, year and coder of each row of the file."""

    units: list[Unit]
    coder: list[str]
    """"" for final codes and for files without a column ``coder``."""
    rest: dict[str, list[str]]
    """Every column that is neither identity nor code."""


def identify_rows(raw: RawRows, codebook: Codebook, faults: Faults) -> Rows:
    """Find id, year and coder of each row by the column names that company tables have."""
    spelled = {name.strip().casefold(): name for name in reversed(raw.columns)}

    def cells(target: str) -> tuple[str | None, list[str]]:
        # Our own names go before those of the databases' exports.
        known = [name for shape in (PLAIN, *SHAPES) for name in shape.sources.get(target, ())]
        name = next((spelled[one] for one in known if one in spelled), None)
        return name, [_text(cell) for cell in raw.columns[name]] if name else [""] * len(raw.places)

    (id_column, ids), (_, names), (year_column, years) = cells("id"), cells("name"), cells("observed")
    sheet = spelled.get(ROW_COLUMN)
    coder_column = spelled.get("coder")
    latest = datetime.datetime.now(tz=datetime.UTC).year + 1
    units: list[Unit] = []
    for row, (company, name, written) in enumerate(zip(ids, names, years, strict=True)):
        year = year_of(written, latest)
        if year is None and not is_nothing(written):
            faults.add(
                row, f"{year_column} is {written!r}; a year from 1800 to {latest}, or an empty cell, was expected"
            )
        own = _sheet_unit(_text(raw.columns[sheet][row])) if sheet else None
        unit = own or (company or _name_key(name), year)
        if not unit[0]:
            found = f"'{id_column}' is empty" if id_column else "there is no column 'id' and no name"
            faults.add(row, f"{found}; the id of the company, as in the company table, was expected")
        units.append(unit)
    coder = [_text(cell) for cell in raw.columns[coder_column]] if coder_column else [""] * len(units)
    coder = ["" if name.casefold() in _FINAL_WORDS else name for name in coder]
    codes = {axis.id for axis in codebook.axes} | {f"{a.id}.{one.id}" for a in codebook.axes for one in a.indicators}
    used = {id_column, year_column, "id", "observed"}
    rest = {
        name: [_text(cell) for cell in column]
        for name, column in raw.columns.items()
        if name not in used and not _nested(name, column) and _coder_and_code(name)[1] not in codes
    }
    return Rows(units, coder, rest)


def _text(cell: object) -> str:
    return storable(cell_text(cell))


def _name_key(name: str) -> str:
    """The id that ``read_companies`` gives a company without one."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def _sheet_unit(cell: str) -> Unit | None:
    company, bar, year = cell.removeprefix("k:").rpartition("|")
    if not cell.startswith("k:") or not bar or not (year == "" or year.isdecimal()):
        return None
    return company, int(year) if year else None


def _nested(name: str, column: Sequence[object]) -> bool:
    return name.strip().casefold().startswith("coder") and any(isinstance(cell, dict) for cell in column)


def _coder_and_code(name: str) -> tuple[str, str]:
    """A column's coder ("" where it names none) and code: ``customer.coder_a`` and ``coder_a.customer`` alike."""
    plain = name.strip()
    head, _, tail = plain.rpartition(".")
    if head and tail.casefold().startswith("coder"):
        return tail, head.casefold()
    if head and plain.casefold().startswith("coder"):
        coder, _, code = plain.partition(".")
        return coder, code.casefold()
    return "", plain.casefold()


def decode_codings(
    raw: RawRows, coder: Sequence[str], codebook: Codebook, faults: Faults
) -> list[tuple[list[str], Codes]]:
    """Each coding of the file: the coder of each row, and column (axis or axis.indicator) → codes ("" not coded)."""
    size = len(raw.places)
    found: dict[str, Codes] = {"": {}}
    for name, column in raw.columns.items():
        if _nested(name, column):
            objects = [cell if isinstance(cell, dict) else {} for cell in column]
            for key in dict.fromkeys(key for one in objects for key in one):
                codes = found.setdefault(name.strip(), {})
                codes[key.strip().casefold()] = [_text(one.get(key)) for one in objects]
        else:
            who, what = _coder_and_code(name)
            found.setdefault(who, {}).setdefault(what, [_text(cell) for cell in column])
    decoded = [
        ([name] * size if name else list(coder), _decoded(cells, codebook, faults)) for name, cells in found.items()
    ]
    return [(names, codes) for names, codes in decoded if codes]


def _decoded(cells: Codes, codebook: Codebook, faults: Faults) -> Codes:
    codes: Codes = {}
    for axis in codebook.axes:
        told = {
            one.id: [_answer(cell, row, f"{axis.id}.{one.id}", faults) for row, cell in enumerate(own)]
            for one in axis.indicators
            if (own := cells.get(f"{axis.id}.{one.id}")) is not None
        }
        given = cells.get(axis.id)
        if given is None and not told:
            continue
        size = len(given if given is not None else next(iter(told.values())))
        values = [_value(cell, row, axis, faults) for row, cell in enumerate(given or [""] * size)]
        for row in range(size):
            answers = {name: own[row] for name, own in told.items() if own[row]}
            values[row] = _agreeing(values[row], answers, row, axis, faults)
        codes[axis.id] = values
        codes |= {f"{axis.id}.{name}": own for name, own in told.items()}
    return codes


def _value(cell: str, row: int, axis: Axis, faults: Faults) -> str:
    plain = unicodedata.normalize("NFKC", cell).strip().casefold()
    if plain in axis.values:
        return plain
    if plain and plain not in _UNCODED:
        named = {name.casefold(): one.id for one in axis.indicators for name in one.names.values()}
        hint = f" Write '{named[plain]}'." if plain in named else did_you_mean(plain, axis.values)
        faults.add(row, f"{axis.id} is {cell!r}, which is no value of this axis.{hint}")
    return ""


def _answer(cell: str, row: int, column: str, faults: Faults) -> str:
    plain = unicodedata.normalize("NFKC", cell).strip().casefold()
    if plain in _YES:
        return "yes"
    if plain in _NO:
        return "no"
    if plain and plain not in _UNCODED:
        label = " (a probability is a label, not a hand code)" if plain.replace(".", "", 1).isdecimal() else ""
        faults.add(row, f"{column} is {cell!r}; yes, no or an empty cell was expected{label}")
    return ""


def _agreeing(value: str, answers: dict[str, str], row: int, axis: Axis, faults: Faults) -> str:
    """The axis's value; what its indicators' answers make of it where only they are given."""
    if not answers:
        return value
    yes = [name for name, answer in answers.items() if answer == "yes"]
    told = ", ".join(f"{axis.id}.{name} is {answer}" for name, answer in answers.items())
    if axis.kind == "single":
        none = not yes and len(answers) == len(axis.indicators)
        if len(yes) > 1 or none or (value and ((yes and yes != [value]) or answers.get(value) == "no")):
            which = f" and {axis.id} is {value!r}" if value else ""
            faults.add(row, f"{told}{which}; {axis.id} is a single choice: exactly one yes was expected")
            return ""
        return value or (yes[0] if yes else "")
    if len(yes) > 1:
        derived = MIXED
    elif len(answers) < len(axis.indicators):
        # One yes and the rest not coded can still be mixed, so only what contradicts is said.
        derived = ""
    else:
        derived = yes[0] if yes else UNCLEAR
    possible = {derived} if derived else {*yes, MIXED} if yes else set(axis.values) - {MIXED} - set(answers)
    if not derived and not yes and len(axis.indicators) - len(answers) > 1:
        possible.add(MIXED)
    if value and value not in possible:
        faults.add(row, f"{axis.id} is {value!r}, but {told}; the two must say the same, or one cell be left empty")
    return value or derived


def check_axes(raw: RawRows, codings: Sequence[tuple[list[str], Codes]], codebook: Codebook, path: Path) -> None:
    """Raise DataError where the file has no column of an axis, or not a single code in them."""
    wanted = ", ".join(f"'{axis.id}'" for axis in codebook.axes)
    if not codings:
        raise DataError(
            f"{path}: no column of codebook {codebook.id} found: {wanted} (a value), or "
            f"'{codebook.axes[0].id}.{codebook.axes[0].indicators[0].id}' (yes or no), was expected. "
            f"Found: {', '.join(raw.columns)[:600]}. Is this the codebook that was coded with?"
        )
    if not any(cell for _, codes in codings for cells in codes.values() for cell in cells):
        raise DataError(
            f"{path}: not a single code is filled in; values in the columns {wanted} were expected "
            f"(such as {', '.join(codebook.axes[0].values)})"
        )
