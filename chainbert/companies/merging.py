"""One row a company and year: exact duplicates merged, contradicting rows kept with their reason."""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from chainbert.files import content_hash

_REFERENCE = re.compile(r" as (?:line|row|item) \d+")


@dataclass(frozen=True, slots=True)
class Merged:
    """Which rows stay, with their keys and reasons; all three are equally long."""

    kept: list[int]
    """Indices of the rows that stay, in file order."""
    keys: list[str]
    """Key of each kept row; no two are equal."""
    status: list[str]
    """Why a kept row cannot be used; "" where it can."""
    duplicates: int
    """Rows that were equal to another in every column."""


def merge_rows(
    identity: Sequence[tuple[str, int | None]],
    texts: Sequence[str],
    contents: Sequence[Hashable],
    status: Sequence[str],
    places: Sequence[str],
) -> Merged:
    """Merge rows by ``identity`` = (id, observed).

    Rows equal in ``contents`` too become one. Of usable rows (empty ``status``) with one identity the one that says
    most is used, whatever the order of rows; the others stay with a reason that names it by its place (``line 7``).
    A row's key is the hash of its identity; rows that are not used but share it have their content in the hash too,
    so keys are unique.
    """
    seen: set[Hashable] = set()
    kept: list[int] = []
    for row, whole in enumerate(zip(identity, contents, strict=True)):
        if whole not in seen:
            seen.add(whole)
            kept.append(row)
    owners: dict[tuple[str, int | None], int] = {}
    for row in sorted(kept, key=lambda row: (bool(status[row]), *_says_most(texts[row], repr(contents[row])))):
        owners.setdefault(identity[row], row)
    reasons, keys = [], []
    for row in kept:
        owner = owners[identity[row]]
        company, observed = identity[row]
        parts = (company, "" if observed is None else str(observed))
        reasons.append(status[row] or ("" if row == owner else _conflict(texts[owner] == texts[row], places[owner])))
        keys.append(content_hash(*parts) if row == owner else content_hash(*parts, repr(contents[row])))
    return Merged(kept, keys, reasons, len(identity) - len(kept))


def _says_most(text: str, content: str) -> tuple[int, int, str]:
    """The longest text first, then the fullest row; of equals always the same one."""
    return -len(text), -len(content), content_hash(content)


def _conflict(same_text: bool, place: str) -> str:
    if same_text:
        return f"same company, year and text as {place}, other columns differ"
    return f"another text for the same company and year as {place}"


def reason_kind(status: str) -> str:
    """A row's reason without the place it names, so that equal reasons can be counted."""
    return _REFERENCE.sub(" as another row", status)
