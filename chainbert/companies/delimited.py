"""csv and tsv: the separator is found, a quote left open is named by its line."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from chainbert.companies.rows import RawRows, by_column, header_names, text_of
from chainbert.errors import DataError

DELIMITERS = (",", "\t", ";", "|")
_NAMES = {",": "comma", "\t": "tab", ";": "semicolon", "|": "bar"}
_SNIFFED_CHARACTERS = 200_000
_SNIFFED_RECORDS = 50
# A line of its own after the last one: it comes back whole unless a quote was left open.
_END = "\x1eend\x1e"


def read_delimited(path: Path) -> RawRows:
    """Rows of a text table. Raises DataError for an open quote or a row with too many cells, with its line."""
    text = text_of(path)
    delimiter = _delimiter(text, path)
    if not text.endswith(("\n", "\r")):
        text += "\n"
    header: list[str] = []
    records: list[list[str]] = []
    places: list[int] = []
    notes: dict[str, int] = {}
    for place, record in _records(text + _END + "\n", delimiter, path):
        if record == [_END]:
            return RawRows(by_column(header, records), places, "line", notes)
        if not header:
            header = header_names(record, notes)
        elif record:
            records.append(_squared(record, header, f"{path}:{place}", delimiter, notes))
            places.append(place)
    last = places[-1] if places else 1
    raise DataError(
        f"{path}:{last}: a quotation mark opens here and is never closed, so the rest of the file became one cell; "
        'close it, or write a quotation mark inside a cell twice ("")'
    )


def _records(text: str, delimiter: str, path: Path) -> Iterator[tuple[int, list[str]]]:
    """Each record with the line it begins on; blank lines come as empty records."""
    before = csv.field_size_limit(len(text) + 1)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    place = 1
    try:
        for record in reader:
            yield place, record
            place = reader.line_num + 1
    except csv.Error as error:
        raise DataError(f"{path}:{place}: not a readable table: {error}") from error
    finally:
        csv.field_size_limit(before)


def _delimiter(text: str, path: Path) -> str:
    """The separator that cuts the first records into equally many cells, most cells first.

    One column is a table too (its records are then lines of text); whether it is the right one is for the
    shapes to say, which know what columns are needed.
    """
    sample = text[:_SNIFFED_CHARACTERS]
    best = (0.0, 0, "\t" if path.suffix.lower() == ".tsv" else ",")
    for delimiter in DELIMITERS:
        lengths = []
        for _, record in _records(sample, delimiter, path):
            if record:
                lengths.append(len(record))
            if len(lengths) > _SNIFFED_RECORDS:
                break
        width, following = lengths[0], lengths[1:-1] or lengths[1:]
        if width > 1:
            alike = sum(length == width for length in following) / len(following) if following else 1.0
            best = max(best, (round(alike, 1), width, delimiter))
    return best[2]


def _squared(record: list[str], header: list[str], where: str, delimiter: str, notes: dict[str, int]) -> list[str]:
    if len(record) < len(header):
        reason = "rows with fewer cells than the header; the missing ones are read as empty"
        notes[reason] = notes.get(reason, 0) + 1
        return record + [""] * (len(header) - len(record))
    if any(cell.strip() for cell in record[len(header) :]):
        raise DataError(
            f"{where}: {len(record)} cells found, {len(header)} columns in the header; "
            f'a cell that has a {_NAMES[delimiter]} in it must stand in quotation marks ("…")'
        )
    return record[: len(header)]
