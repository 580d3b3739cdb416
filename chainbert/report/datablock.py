"""The companies of the page, carried once: a compressed block of columns that table, map and firm lists share."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from chainbert.report.companyrows import CompanyRow
from chainbert.report.excerpts import Piece
from chainbert.report.palette import Cities

Place = tuple[float, float]
NOISE = -1


def packed(text: str) -> Markup:
    """UTF-8, gzip, base64: what a script element of the page carries and its script inflates."""
    content = text.encode("utf-8", "replace")
    return Markup(base64.b64encode(gzip.compress(content, 9, mtime=0)).decode("ascii"))


def company_block(
    rows: Sequence[CompanyRow],
    cities: Cities,
    places: Mapping[str, Place],
    firms: Mapping[str, Collection[str]],
) -> str:
    """JSON of the company table, a list a column.

    ``places`` is key → where the map has it, ``firms`` is list name → keys of the companies in it (the firms behind a
    cell of a table). What few rows say differently stands as a number into a list of what there is: ``city`` into
    ``cities``, an axis's ``value`` into ``values`` and ``status`` into ``statuses``; -1 is none. A piece of a text is
    a string, or where it is marked a list [string, numbers into ``marks`` …]. A firm list has its rows' numbers in
    ascending order, each as the distance to the one before.
    """
    names = list(cities.names)
    axes = list(dict.fromkeys(axis for row in rows for axis, _, _ in row.labels))
    statuses, marks = _Numbered(), _Numbered()
    number = {row.key: row.number for row in rows}
    block = {
        "cities": names,
        "city": [names.index(row.city) if row.city in names else -1 for row in rows],
        "name": [row.plain_name for row in rows],
        "zh": [int(row.name_language == "zh") for row in rows],
        "named": {row.number: [marks(one) for one in row.name[0].labels] for row in rows if row.name[0].labels},
        "founded": [int(row.founded or 0) for row in rows],
        "observed": [int(row.observed or 0) for row in rows],
        "axes": [_axis(axis, rows, statuses) for axis in axes],
        "statuses": statuses.known,
        "cluster": [_cluster(row) for row in rows],
        "language": [row.language for row in rows],
        "text": [[_piece(piece, marks) for piece in row.text] for row in rows],
        "marks": marks.known,
        "x": [places[row.key][0] if row.key in places else None for row in rows],
        "y": [places[row.key][1] if row.key in places else None for row in rows],
        "firms": {
            name: _steps(sorted(number[key] for key in set(keys) & number.keys())) for name, keys in firms.items()
        },
    }
    return json.dumps(block, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


class _Numbered:
    """What was seen, in order, and the place of each."""

    def __init__(self) -> None:
        self.known: list[str] = []
        self._place: dict[str, int] = {}

    def __call__(self, name: str) -> int:
        if name not in self._place:
            self._place[name] = len(self.known)
            self.known.append(name)
        return self._place[name]


def _axis(axis: str, rows: Sequence[CompanyRow], statuses: _Numbered) -> dict[str, Any]:
    values = _Numbered()
    said = [{name: (value, status) for name, value, status in row.labels}.get(axis) for row in rows]
    return {
        "name": axis,
        "value": [-1 if one is None else values(one[0]) for one in said],
        "status": [-1 if one is None or not one[1] else statuses(one[1]) for one in said],
        "values": values.known,
    }


def _cluster(row: CompanyRow) -> int | None:
    if not row.cluster:
        return None
    return NOISE if row.cluster == "noise" else int(row.cluster)


def _piece(piece: Piece, marks: _Numbered) -> str | list[str | int]:
    return [piece.text, *(marks(one) for one in piece.labels)] if piece.labels else piece.text


def _steps(numbers: Sequence[int]) -> list[int]:
    return [after - before for before, after in zip([0, *numbers], numbers, strict=False)]
