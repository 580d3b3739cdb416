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
    """Rows that were equal to an earlier one in every column."""


def merge_rows(
    identity: Sequence[tuple[str, int | None]],
    texts: Sequence[str],
    contents: Sequence[Hashable],
    status: Sequence[str],
    places: Sequence[str],
) -> Merged:
    """Merge rows by ``identity`` = (id, observed).

    Rows equal in ``contents`` too become one. Of usable rows (empty ``status``) with one identity the first is used;
    the others stay with a reason that names it by its place (``line 7``). A row's key is the hash of its identity;
    rows that are not used but share it are told apart by a number, so keys are unique.
    """
    owners: dict[tuple[str, int | None], int] = {}
    seen: set[Hashable] = set()
    kept: list[int] = []
    reasons: list[str] = []
    for row, (whose, content, reason) in enumerate(zip(identity, contents, status, strict=True)):
        whole = (whose, content)
        if whole in seen:
            continue
        seen.add(whole)
        kept.append(row)
        owner = row if reason else owners.setdefault(whose, row)
        reasons.append(reason if owner == row else _conflict(texts[owner] == texts[row], places[owner]))
    return Merged(kept, _keys(identity, kept, owners), reasons, len(identity) - len(kept))


def _conflict(same_text: bool, place: str) -> str:
    if same_text:
        return f"same company, year and text as {place}, other columns differ"
    return f"another text for the same company and year as {place}"


def _keys(
    identity: Sequence[tuple[str, int | None]], kept: Sequence[int], owners: dict[tuple[str, int | None], int]
) -> list[str]:
    counts: dict[tuple[str, int | None], int] = {}
    keys = []
    for row in kept:
        whose = identity[row]
        number = 0
        if owners.setdefault(whose, row) != row:
            number = counts[whose] = counts.get(whose, 0) + 1
        company, observed = whose
        parts = (company, "" if observed is None else str(observed))
        keys.append(content_hash(*parts, str(number)) if number else content_hash(*parts))
    return keys


def reason_kind(status: str) -> str:
    """A row's reason without the place it names, so that equal reasons can be counted."""
    return _REFERENCE.sub(" as an earlier one", status)
