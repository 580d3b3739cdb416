"""The same firm in company sets of different years: pairs with their evidence, and one code a firm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import pandas as pd

from chainbert.companies.matchevidence import ACCEPT, Candidate, candidates
from chainbert.companies.matchfirms import Firm, firms_of, shared_domains
from chainbert.errors import ConfigError, DataError

PAIR_COLUMNS = (
    *("set_a", "id_a", "name_a", "set_b", "id_b", "name_b", "rule", "score", "accepted"),
    *("why", "city_a", "city_b", "website_a", "website_b"),
)
_CLOSE = 0.02

Pair = tuple[str, str, str, str]
"""set_a, id_a, set_b, id_b, in the order of the sets."""


@dataclass(frozen=True, slots=True)
class Matches:
    """Who is who across the sets."""

    pairs: pd.DataFrame
    """One row a pair of firms of two sets: set_a, id_a, name_a, set_b, id_b, name_b; rule (id, domain, name, or
    reviewed); score in [0, 1]; accepted; why (the evidence in words); city and website of both. Pairs that are not
    accepted are those a reader should decide on."""
    firms: tuple[dict[str, str], ...]
    """For each set: id → the firm's code, one for all sets."""
    notes: tuple[str, ...]
    """What was passed over, with its numbers."""

    @property
    def accepted(self) -> pd.DataFrame:
        """The pairs taken for one firm."""
        return self.pairs[self.pairs["accepted"]].reset_index(drop=True)

    @property
    def review(self) -> pd.DataFrame:
        """The pairs left to a reader."""
        return self.pairs[~self.pairs["accepted"]].reset_index(drop=True)

    def codes(self, place: int, ids: pd.Series) -> list[str]:
        """The firm codes of a column of ids of the set at ``place``."""
        return [self.firms[place][company] for company in ids]

    def shared(self, *places: int) -> set[str]:
        """Codes of the firms that are in all of these sets."""
        return set.intersection(*(set(self.firms[place].values()) for place in places))


def match_firms(
    sets: Sequence[pd.DataFrame], labels: Sequence[str], decisions: dict[Pair, bool] | None = None
) -> Matches:
    """Match the firms of two or more sets, each firm to at most one of every other set.

    sets: usable rows of company sets (``id, name, city, founded, observed, website`` and their kept columns, of which
    other names of the firm are used); labels: their names, all different. decisions: what a reader said of a pair.
    Pairs are taken by the number of kinds of evidence that agree (id, domain, name), then by score, from ``ACCEPT``
    on; a pair with an equally good rival, and one that would make two firms of one set the same, is left to a reader.
    The result does not depend on the order of rows. Raises ConfigError for labels that repeat, DataError for decisions
    about firms that are not there and decisions that give a firm two partners in one set.
    """
    if len(set(labels)) != len(labels) or len(labels) != len(sets):
        raise ConfigError(
            f"sets are called {', '.join(labels)}; one name of its own for each of {len(sets)} was expected"
        )
    firms = [firms_of(rows) for rows in sets]
    work = _Matching(list(labels), firms)
    said = {work.places(pair): same for pair, same in (decisions or {}).items()}
    work.decide([key for key, same in sorted(said.items()) if same])
    for a, b in combinations(range(len(sets)), 2):
        found, notes = candidates(firms[a], firms[b], (labels[a], labels[b]))
        work.notes += notes
        work.open += [_Open(a, b, one) for one in found if (a, one.a, b, one.b) not in said]
    work.take()
    notes = [*work.notes, *_notes(firms, labels)]
    pairs = sorted(
        work.records,
        key=lambda row: (not row["accepted"], row["set_a"], row["set_b"], -row["score"], row["id_a"], row["id_b"]),
    )
    return Matches(pd.DataFrame(pairs, columns=list(PAIR_COLUMNS)), work.codes(), tuple(notes))


@dataclass(frozen=True, slots=True)
class _Open:
    first: int
    second: int
    found: Candidate

    @property
    def ends(self) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
        """Each firm towards the other's set: (set, firm, other set)."""
        return (self.first, self.found.a, self.second), (self.second, self.found.b, self.first)

    @property
    def rank(self) -> tuple[float, ...]:
        return -self.found.strength, -self.found.score, self.first, self.second, self.found.a, self.found.b


@dataclass
class _Matching:
    """The state while pairs are taken."""

    labels: list[str]
    firms: list[list[Firm]]
    open: list[_Open] = field(default_factory=list)
    records: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    taken: set[tuple[int, int, int]] = field(default_factory=set)
    groups: dict[tuple[int, int], set[tuple[int, int]]] = field(default_factory=dict)

    def places(self, pair: Pair) -> tuple[int, int, int, int]:
        """Positions of a decided pair's sets and firms, the earlier set first."""
        ends = []
        for label, company in (pair[:2], pair[2:]):
            if label not in self.labels:
                raise DataError(f"'{label}' is none of the sets {', '.join(self.labels)} (found with id '{company}')")
            place = self.labels.index(label)
            known = {firm.id: position for position, firm in enumerate(self.firms[place])}
            if company not in known:
                raise DataError(f"set {label} has no usable firm with the id '{company}'")
            ends.append((place, known[company]))
        (a, one), (b, other) = sorted(ends)
        if a == b:
            raise DataError(f"both firms are of set {self.labels[a]}; a pair of two sets was expected")
        return a, one, b, other

    def decide(self, pairs: Sequence[tuple[int, int, int, int]]) -> None:
        """Take what a reader said yes to."""
        for a, one, b, other in pairs:
            pair = _Open(a, b, Candidate(one, other, "reviewed", 1.0, 9, "a reader's decision"))
            clash = self._clash(pair)
            if clash or any(end in self.taken for end in pair.ends):
                first, second = self.firms[a][one], self.firms[b][other]
                raise DataError(
                    f"yes to '{first.id}' of {self.labels[a]} and '{second.id}' of {self.labels[b]} makes two firms of "
                    f"one set the same{clash and f' ({clash})'}; a firm has one partner in each set: say no to one"
                )
            self._accept(pair)

    def take(self) -> None:
        """Accept what is clear, from the best on; keep the rest for a reader."""
        self.open.sort(key=lambda one: one.rank)
        by_end: dict[tuple[int, int, int], list[_Open]] = {}
        for pair in self.open:
            for end in pair.ends:
                by_end.setdefault(end, []).append(pair)
        left = []
        for pair in self.open:
            if any(end in self.taken for end in pair.ends):
                continue
            if pair.found.score < ACCEPT:
                left.append((pair, ""))
            elif rivals := self._rivals(pair, by_end):
                left.append((pair, f"{rivals + 1} firms fit equally well"))
            elif clash := self._clash(pair):
                left.append((pair, f"would make two firms of one set the same ({clash})"))
            else:
                self._accept(pair)
        for pair, why in left:
            if not any(end in self.taken for end in pair.ends):
                self._record(pair, accepted=False, why=why)

    def _rivals(self, pair: _Open, by_end: dict[tuple[int, int, int], list[_Open]]) -> int:
        return sum(
            other is not pair
            and other.found.strength == pair.found.strength
            and abs(other.found.score - pair.found.score) <= _CLOSE
            and not any(one in self.taken for one in other.ends)
            for end in pair.ends
            for other in by_end[end]
        )

    def _clash(self, pair: _Open) -> str:
        """The firms of one set that the pair would make one; "" where none."""
        one, other = (self._group((end[0], end[1])) for end in pair.ends)
        if one is other:
            return ""
        for place, position in sorted(one):
            for same, rival in sorted(other):
                if place == same:
                    names = [f"'{self.firms[place][at].id}'" for at in (position, rival)]
                    return f"{' and '.join(names)} of {self.labels[place]}"
        return ""

    def _group(self, firm: tuple[int, int]) -> set[tuple[int, int]]:
        return self.groups.setdefault(firm, {firm})

    def _accept(self, pair: _Open) -> None:
        one, other = (self._group((end[0], end[1])) for end in pair.ends)
        if one is not other:
            one |= other
            for member in other:
                self.groups[member] = one
        self.taken.update(pair.ends)
        self._record(pair, accepted=True)

    def _record(self, pair: _Open, *, accepted: bool, why: str = "") -> None:
        one, other = self.firms[pair.first][pair.found.a], self.firms[pair.second][pair.found.b]
        values = (
            *(self.labels[pair.first], one.id, one.name, self.labels[pair.second], other.id, other.name),
            *(pair.found.rule, pair.found.score, accepted, "; ".join(filter(None, (pair.found.why, why)))),
            *(one.city, other.city, one.website, other.website),
        )
        self.records.append(dict(zip(PAIR_COLUMNS, values, strict=True)))

    def codes(self) -> tuple[dict[str, str], ...]:
        """A firm's code names the earliest set it is in, and its id there."""
        found = []
        for place, firms in enumerate(self.firms):
            code = {}
            for position, firm in enumerate(firms):
                first, at = min(self.groups.get((place, position), {(place, position)}))
                code[firm.id] = f"{self.labels[first]}:{self.firms[first][at].id}"
            found.append(code)
        return tuple(found)


def _notes(firms: Sequence[Sequence[Firm]], labels: Sequence[str]) -> list[str]:
    notes = []
    for label, known in zip(labels, firms, strict=True):
        if shared := shared_domains(known):
            listed = ", ".join(f"{domain} ({count} firms)" for domain, count in list(shared.items())[:5])
            more = f" and {len(shared) - 5} more" if len(shared) > 5 else ""
            notes.append(f"{label}: a domain of three or more firms is no match: {listed}{more}")
        if not any(firm.website for firm in known):
            notes.append(f"{label}: no website is known, so nothing is matched by domain")
        names = pd.Series([firm.name.casefold() for firm in known if firm.name])
        if twice := int(names.duplicated().sum()):
            notes.append(f"{label}: {twice:,} firms have the name of another of the same set")
    return notes
