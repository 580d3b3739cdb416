"""What speaks for two rows of different company sets being one firm, and how strongly."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from rapidfuzz import fuzz, process

from chainbert.companies.matchfirms import SHARED, Firm, shared_domains
from chainbert.companies.matchnames import PART, likeness, same_digits

ACCEPT = 0.90
"""From this score on a pair is taken for one firm."""
REVIEW = 0.75
"""From this score on a pair is shown to a reader."""

_SUPPORTED = 0.60  # likeness of names that an equal domain or id goes with
_LEAST_ALIKE = 80
_CHUNK = 2_000
_ALONE = 0.80
_WITH_NAME = 1.0
_AGREES = 0.05
_DIFFERS = 0.06
_OTHER_DOMAIN = 0.08
_MOST_STRAY_IDS = 20


@dataclass(frozen=True, slots=True)
class Candidate:
    """Two firms that may be one; positions in their sets."""

    a: int
    b: int
    rule: str
    """id | domain | name."""
    score: float
    """In [0, 1]."""
    strength: int
    """How many of id, domain and name agree."""
    why: str


def candidates(
    first: Sequence[Firm], second: Sequence[Firm], labels: tuple[str, str]
) -> tuple[list[Candidate], list[str]]:
    """Pairs of firms with a score of at least ``REVIEW``, or with one domain, and what was passed over.

    Scores: one domain or id and a name that supports it 1.00, one domain or id alone .80; a name as
    ``matchnames`` weighs its spellings, .90 × the share of matching letters where spellings are only alike.
    Then +.05 for one city, −.06 for two; +.05 for founding years at most 1 apart, −.06 for more than 2; −.08 where
    both have a domain of their own and it is another. Time grows with the product of the sets' sizes.
    """
    shared = shared_domains(first).keys() | shared_domains(second).keys()
    names = _by_names(first, second)
    domains = _pairs([{one.domain} - shared - {""} for one in first], [{one.domain} - shared - {""} for one in second])
    ids, notes = _by_ids(first, second, domains, labels)
    found = []
    for a, b in sorted(names.keys() | domains | ids):
        same_id, same_domain, alike = (a, b) in ids, (a, b) in domains, names.get((a, b), 0.0)
        named = alike > 0 or likeness(first[a].keys, second[b].keys) >= _SUPPORTED
        candidate = _judged((a, b), (first[a], second[b]), _Evidence(same_id, same_domain, named, alike), shared)
        if candidate.score >= REVIEW:
            found.append(candidate)
    return found, notes


@dataclass(frozen=True, slots=True)
class _Evidence:
    same_id: bool
    same_domain: bool
    named: bool
    """Whether the names do not contradict an equal id or domain."""
    alike: float
    """Score of the names alone; 0 for none."""


def _judged(places: tuple[int, int], firms: tuple[Firm, Firm], evidence: _Evidence, shared: Iterable[str]) -> Candidate:
    equal = [what for what, holds in (("id", evidence.same_id), ("domain", evidence.same_domain)) if holds]
    change, remarks = _context(*firms, shared, named=not equal)
    if equal:
        supported = evidence.named or len(equal) == 2 or (evidence.same_id and _cannot_coincide(firms[0].id))
        remarks = [f"one {' and one '.join(equal)}", "names agree" if evidence.named else "names differ", *remarks]
        # One domain or id is always worth a look.
        score = max(REVIEW, (_WITH_NAME if supported else _ALONE) + change)
        if equal == ["id"] and not supported:
            score = min(score, ACCEPT - 0.01)  # a city and a year in common come about by chance
    else:
        remarks = [f"names {evidence.alike:.2f}", *remarks]
        score = evidence.alike + change
    rule = equal[0] if equal else "name"
    strength = len(equal) + int(evidence.named)
    return Candidate(*places, rule, round(min(1.0, score), 4), strength, "; ".join(remarks))


def _context(one: Firm, other: Firm, shared: Iterable[str], *, named: bool) -> tuple[float, list[str]]:
    change, remarks = 0.0, []
    if one.city and other.city:
        change += _AGREES if one.city == other.city else -_DIFFERS
        remarks.append("one city" if one.city == other.city else "two cities")
    if one.founded and other.founded:
        apart = abs(one.founded - other.founded)
        change += _AGREES if apart <= 1 else -_DIFFERS if apart > 2 else 0.0
        remarks.append(f"founded {apart} years apart" if apart > 1 else "founded alike")
    own = [firm.domain for firm in (one, other) if firm.domain and firm.domain not in shared]
    if named and len(own) == 2 and own[0].partition(".")[0] != own[1].partition(".")[0]:
        change -= _OTHER_DOMAIN
        remarks.append("two domains")
    return change, remarks


def _cannot_coincide(company: str) -> bool:
    """Whether two databases would hardly give this id to two firms: a UUID or hash, not a running number."""
    return len(company) >= 16 and any(map(str.isdigit, company))


def _by_ids(
    first: Sequence[Firm], second: Sequence[Firm], domains: set[tuple[int, int]], labels: tuple[str, str]
) -> tuple[set[tuple[int, int]], list[str]]:
    """Pairs with one id; none where ids are mostly of firms with other names: two databases' running numbers."""
    place = {firm.id: position for position, firm in enumerate(second)}
    equal = {(a, place[firm.id]) for a, firm in enumerate(first) if firm.id in place}
    equal = {(a, b) for a, b in equal if not (first[a].named_id and second[b].named_id)}
    backed = {
        (a, b)
        for a, b in equal
        if (a, b) in domains or _cannot_coincide(first[a].id) or likeness(first[a].keys, second[b].keys) >= _SUPPORTED
    }
    if len(equal - backed) <= max(_MOST_STRAY_IDS, len(backed)):
        return equal, []
    return backed, [
        f"{labels[0]} and {labels[1]}: {len(equal):,} ids are in both, {len(backed):,} of them with a name or domain "
        "that agrees; the ids come from different counts, so they only count with a name or domain"
    ]


def _by_names(first: Sequence[Firm], second: Sequence[Firm]) -> dict[tuple[int, int], float]:
    """Pairs of firms by what their names say, the best of all their spellings."""
    found: dict[tuple[int, int], float] = {}
    written = [[firm.keys.written for firm in firms] for firms in (first, second)]
    spoken = [[firm.keys.pinyin for firm in firms] for firms in (first, second)]
    latin = [[{key: keys[key] for key in keys if key.isascii()} for keys in side] for side in written]
    cores = [{core for firm in firms for core in firm.keys.cores} for firms in (first, second)]
    said = [{core for firm in firms for core in firm.keys.spoken} for firms in (first, second)]
    spelled = [set(filter(str.isascii, side)) for side in cores]
    for left, right, near in (
        (written[0], written[1], (cores[0], cores[1])),
        (spoken[0], latin[1], (said[0], spelled[1])),
        (latin[0], spoken[1], (spelled[0], said[1])),
    ):
        owners, others = _owners(left), _owners(right)
        for key in owners.keys() & others.keys():
            _note(found, owners[key], others[key], 1.0)
        for key, other, ratio in _near(near[0] & owners.keys(), near[1] & others.keys()):
            _note(found, owners[key], others[other], 0.9 * ratio)
    return found


def _owners(spellings: Sequence[Mapping[str, float]]) -> dict[str, list[tuple[int, float]]]:
    """Spelling → the firms that have it, for those that tell firms apart."""
    owners: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for position, keys in enumerate(spellings):
        for key, weight in keys.items():
            owners[key].append((position, weight))
    return {key: held for key, held in owners.items() if len(held) < SHARED}


def _note(
    found: dict[tuple[int, int], float],
    left: Sequence[tuple[int, float]],
    right: Sequence[tuple[int, float]],
    ratio: float,
) -> None:
    for a, weight in left:
        for b, other in right:
            # What is only alike never says more than an equal part.
            score = min(weight, other) if ratio == 1 else min(weight, other, PART, ratio)
            found[a, b] = max(score, found.get((a, b), 0.0))


def _near(left: Iterable[str], right: Iterable[str]) -> Iterable[tuple[str, str, float]]:
    """Spellings that are alike without being equal; short ones differ by too little to tell."""
    one, other = ([key for key in sorted(keys) if len(key) >= (6 if key.isascii() else 4)] for keys in (left, right))
    for start in range(0, len(one) if other else 0, _CHUNK):
        part = one[start : start + _CHUNK]
        ratios = process.cdist(part, other, scorer=fuzz.ratio, score_cutoff=_LEAST_ALIKE, dtype=np.uint8)
        for row, column in np.argwhere(ratios):
            key, near = part[row], other[column]
            if key != near and same_digits(key, near):
                yield key, near, float(ratios[row, column]) / 100


def _pairs(left: Sequence[set[str]], right: Sequence[set[str]]) -> set[tuple[int, int]]:
    owners: dict[str, list[int]] = defaultdict(list)
    for position, values in enumerate(right):
        for value in values:
            owners[value].append(position)
    return {(a, b) for a, values in enumerate(left) for value in values for b in owners[value]}
