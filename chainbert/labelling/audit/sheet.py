"""Coding sheets: an audit sample as a workbook with drop-downs, or as csv, that a spreadsheet cannot spoil."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pandas as pd
from openpyxl.cell import Cell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from chainbert.errors import ConfigError
from chainbert.files import atomic_path, check_writable
from chainbert.labelling.audit.sampling import AuditSample, Design
from chainbert.labelling.audit.weighting import ROW
from chainbert.labelling.codebook import MIXED, UNCLEAR, Axis, Codebook

FORMATS = (".xlsx", ".csv")
CELL_LIMIT = 32_767
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
DESIGN_COLUMNS = ("stratum", "stratum_size", "inclusion_probability", "design", ROW)
_WIDTHS = {"order": 7, "id": 16, "observed": 10, "name": 24, "text": 90, "coder": 12, "comment": 30}
_CODEBOOK_COLUMNS = ("axis", "value", "language", "name", "description", "counts", "does not count", "examples")
_DERIVED = {
    MIXED: {"en": ("several", "More than one of the values above applies."), "zh": ("多项", "以上多项同时适用。")},
    UNCLEAR: {"en": ("none", "The text says none of the values above."), "zh": ("不明", "文字没有说明以上任何一项。")},
}


def check_sheet_path(path: Path) -> None:
    """Raise ConfigError for an ending that sheets are not written as, DataError where the file cannot be written."""
    if path.suffix.lower() not in FORMATS:
        raise ConfigError(f"{path}: sheets are written as {', '.join(FORMATS)}, by the ending; found {path.suffix!r}")
    check_writable(path)


def write_sheet(sample: AuditSample, path: Path, *, show_labels: bool = False) -> None:
    """Write a sheet to code in: one row a company and year, in random order.

    xlsx: the sheet ``codes`` (drop-downs of each axis's values; the columns of the design are hidden), ``codebook``,
    and hidden ``design`` and ``values``. csv: the same columns, and the codebook beside it as ``NAME-codebook.csv``.
    The labeller's labels are left out unless asked for, since coders who see them agree with them. No cell can turn
    into a formula: csv cells that begin with = + - @ get an apostrophe before them.
    """
    check_sheet_path(path)
    table = sheet_table(sample, show_labels=show_labels)
    rules = codebook_table(sample.codebook)
    if path.suffix.lower() == ".csv":
        for target, content in ((path, table), (path.with_name(f"{path.stem}-codebook.csv"), rules)):
            plain = content.map(lambda value: _unformula(value) if isinstance(value, str) else value)
            with atomic_path(target) as temporary:
                # The byte order mark tells Excel that Chinese is UTF-8.
                plain.to_csv(temporary, index=False, encoding="utf-8-sig", lineterminator="\n")
        return
    book = openpyxl.Workbook()
    codes = book.active
    codes.title = "codes"
    _fill(codes, table)
    _fill(book.create_sheet("codebook"), rules)
    _fill_values(book.create_sheet("values"), codes, sample.codebook, [*map(str, table)], len(table))
    _fill(book.create_sheet("design"), design_table(sample.design))
    for name in ("values", "design"):
        book[name].sheet_state = "hidden"
    _arrange(codes, [*map(str, table)])
    _arrange(book["codebook"], [*map(str, rules)])
    with atomic_path(path) as temporary:
        book.save(temporary)


def sheet_table(sample: AuditSample, *, show_labels: bool = False) -> pd.DataFrame:
    """The rows of the sheet: order, id, observed, name, text, one empty column an axis, coder, comment, the design."""
    rows, design = sample.table, sample.design
    columns: dict[str, object] = {"order": rows["order"], "id": rows["id"], "observed": rows["observed"]}
    columns |= {name: rows[name].fillna("") if name in rows else "" for name in ("name", "text")}
    columns |= {axis.id: "" for axis in sample.codebook.axes}
    if show_labels:
        columns |= {f"label of {axis.id}": rows[axis.id] for axis in sample.codebook.axes}
    columns |= {"coder": "", "comment": ""}
    columns |= {name: rows[name] for name in ("stratum", "stratum_size", "inclusion_probability")}
    columns["design"] = design_line(design)
    columns[ROW] = "k:" + rows["row"]
    return pd.DataFrame(columns)


def design_line(design: Design) -> str:
    """The design in one cell, carried by every row, so that it survives any spreadsheet."""
    labels = f"; labels {design.labels_sha256[:16]}" if design.labels_sha256 else ""
    return (
        f"audit sample; seed {design.seed}; frame {design.frame}; drawn {design.drawn}; "
        f"codebook {design.codebook} {design.codebook_version}{labels}"
    )


def design_table(design: Design) -> pd.DataFrame:
    """The whole design, as rows of the sheet ``design``."""
    facts = [
        ("seed", str(design.seed)),
        ("strata", ", ".join(design.by)),
        ("frame", f"{design.frame} companies and years"),
        ("drawn", str(design.drawn)),
        ("left out, no usable text", str(design.unusable)),
        ("left out, trained the labeller", str(design.trained)),
        ("codebook", f"{design.codebook} {design.codebook_version}"),
        ("labels sha256", design.labels_sha256),
    ]
    for row in design.strata.itertuples():
        told = f"{row.meaning}: {row.drawn} of {row.size}, probability {row.inclusion_probability:.6f}"
        facts.append((str(row.stratum), told))
    return pd.DataFrame(facts, columns=["what", "value"])


def codebook_table(codebook: Codebook) -> pd.DataFrame:
    """What coders go by: one row a value and language, with what counts, what does not, and examples."""
    rows = [row for axis in codebook.axes for row in _rules(axis, codebook)]
    return pd.DataFrame(rows, columns=list(_CODEBOOK_COLUMNS))


def _rules(axis: Axis, codebook: Codebook) -> Iterator[tuple[str, ...]]:
    for language in codebook.languages:
        yield axis.id, "", language, axis.names.get(language, ""), axis.description.get(language, ""), "", "", ""
    for one in axis.indicators:
        for language in codebook.languages:
            lists = ["\n".join(part.get(language, ())) for part in (one.include, one.exclude)]
            examples = "\n".join(one.examples.get(language, ())[:3])
            yield (
                axis.id, one.id, language, one.names.get(language, ""), one.description.get(language, ""),
                *lists, examples,
            )  # fmt: skip
    for value in axis.values:
        if value in _DERIVED and axis.kind == "indicators":
            for language in codebook.languages:
                yield axis.id, value, language, *_DERIVED[value][language], "", "", ""


def _unformula(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def _fill(sheet: Worksheet, table: pd.DataFrame) -> None:
    for place, name in enumerate(table, start=1):
        cell = sheet.cell(1, place, str(name))
        cell.font, cell.fill = Font(bold=True), PatternFill("solid", start_color="FFE8EDF2")
    for number, record in enumerate(table.itertuples(index=False), start=2):
        for place, value in enumerate(record, start=1):
            if not (value is pd.NA or value == ""):
                _put(sheet.cell(number, place), value)


def _put(cell: Cell, value: object) -> None:
    if not isinstance(value, str):
        cell.value = float(value) if isinstance(value, float) else int(value)  # type: ignore[call-overload]
        return
    text = ILLEGAL_CHARACTERS_RE.sub("", value)
    cell.value = text if len(text) <= CELL_LIMIT else text[: CELL_LIMIT - 1] + "…"
    # A text that looks like a formula, a number or a date stays the text it is, also after an edit.
    cell.data_type = "s"
    cell.number_format = "@"
    cell.quotePrefix = text.startswith(FORMULA_STARTS)
    cell.alignment = Alignment(wrap_text=True, vertical="top")


def _fill_values(sheet: Worksheet, codes: Worksheet, codebook: Codebook, columns: list[str], rows: int) -> None:
    """Each axis's values in a column, and drop-downs that point to it (a list within a cell ends at 255 letters)."""
    for place, axis in enumerate(codebook.axes, start=1):
        sheet.cell(1, place, axis.id)
        for number, value in enumerate(axis.values, start=2):
            sheet.cell(number, place, value)
        letter, target = get_column_letter(place), get_column_letter(columns.index(axis.id) + 1)
        choice = DataValidation(
            type="list", formula1=f"values!${letter}$2:${letter}${1 + len(axis.values)}", allow_blank=True
        )
        choice.showErrorMessage = True
        choice.errorTitle, choice.error = axis.id, "One of: " + ", ".join(axis.values)[:200]
        choice.add(f"{target}2:{target}{rows + 1}")
        codes.add_data_validation(choice)


def _arrange(sheet: Worksheet, columns: list[str]) -> None:
    sheet.freeze_panes = "D2" if "text" in columns else "C2"
    for place, name in enumerate(columns, start=1):
        shape = sheet.column_dimensions[get_column_letter(place)]
        shape.width = _WIDTHS.get(name, 40 if name in _CODEBOOK_COLUMNS[4:] else 14)
        shape.hidden = name in DESIGN_COLUMNS
