"""A firm as one company set knows it, over all its rows there."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from chainbert.companies.domains import own_domain
from chainbert.companies.matchnames import NameKeys, name_keys, other_names

SHARED = 3
"""A domain or spelling that so many firms of one set have tells nobody apart."""


@dataclass(frozen=True, slots=True)
class Firm:
    """What a set says of one firm."""

    id: str
    name: str
    """Of its last row."""
    keys: NameKeys
    domain: str
    """Its own registrable domain, or ""."""
    website: str
    city: str
    """Of its last row."""
    founded: int | None
    named_id: bool
    """Whether the id is only the name once more, as where an export has no ids."""


def firms_of(rows: pd.DataFrame) -> list[Firm]:
    """The firms of a set, one an id, sorted by id. rows: usable rows of a ``CompanySet``."""
    others = other_names(map(str, rows.columns))
    columns = ["id", "observed", "name", "city", "founded", "website", *others]
    ordered = rows.sort_values(["id", "observed"], kind="stable")
    held: dict[str, list[tuple[Any, ...]]] = {}
    for row in zip(*(ordered[column].tolist() for column in columns), strict=True):
        held.setdefault(str(row[0]), []).append(row)
    return [_firm(company, known) for company, known in held.items()]


def _firm(company: str, rows: Sequence[tuple[Any, ...]]) -> Firm:
    _, _, name, city, _, website, *_ = rows[-1]
    names = [name for row in rows for name in (row[2], *row[6:]) if name]
    domains = [domain for row in rows if (domain := own_domain(row[5]))]
    founded = [row[4] for row in rows if not pd.isna(row[4])]
    return Firm(
        id=company,
        name=name,
        keys=name_keys(list(dict.fromkeys(names))),
        domain=domains[-1] if domains else "",
        website=website,
        city=city,
        founded=int(founded[-1]) if founded else None,
        named_id=company == " ".join(unicodedata.normalize("NFKC", name).casefold().split()),
    )


def shared_domains(firms: Iterable[Firm]) -> dict[str, int]:
    """Domains that three or more firms of a set have → how many do."""
    counted = Counter(firm.domain for firm in firms if firm.domain)
    return {domain: count for domain, count in sorted(counted.items()) if count >= SHARED}
