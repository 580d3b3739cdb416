"""Firms that are in several sets: whether they make a panel, and who moved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import pandas as pd

NUMBERS = ("no", "one", "two", "three", "four", "five", "six")


@dataclass(frozen=True, slots=True)
class Panel:
    """The firms that are in every set."""

    status: str
    """Empty, or ``a panel is not estimable: …``."""
    shared: pd.DataFrame
    """set_a, set_b, firms (in both), same_name (of these, by their brand name to the letter)."""
    in_all: int
    """Firms in every set."""
    cities: pd.DataFrame
    """city, firms: those in every set and always in that city."""
    estimable: tuple[str, ...]
    """Of the compared cities those that have a panel."""
    moved: pd.DataFrame
    """Firms whose city is another in a later set: firm, name, set_a, city_a, set_b, city_b. Places that are no city
    (a country, a province) do not count."""
    stayed: frozenset[str]
    """Codes of the firms in every set and always in one city."""


def find_panel(
    rows: pd.DataFrame, labels: Sequence[str], reference: str, cities: Sequence[str], smallest_cell: int
) -> Panel:
    """What the matched firms allow, for each of the cities against the reference.

    rows: firm (its code), set, name, city, observed, one row a firm and year.
    """
    last = rows.sort_values(["observed", "firm"], kind="stable").drop_duplicates(["firm", "set"], keep="last")
    held = {label: last[last["set"] == label].set_index("firm") for label in labels}
    shared = []
    for a, b in combinations(labels, 2):
        both = held[a].index.intersection(held[b].index)
        names = (_plain(held[a].loc[both, "name"]) == _plain(held[b].loc[both, "name"])).sum()
        shared.append({"set_a": a, "set_b": b, "firms": len(both), "same_name": int(names)})
    everywhere = set.intersection(*(set(one.index) for one in held.values()))
    moved = _moved(last[(last["city"] != "") & ~last["city"].str.contains(" · ", regex=False)])
    one_city = rows[rows["firm"].isin(everywhere)].groupby("firm")["city"].agg(["nunique", "first"])
    stayed = one_city[(one_city["nunique"] == 1) & (one_city["first"] != "")]
    held_in = stayed["first"].value_counts().sort_index().sort_values(ascending=False, kind="stable")
    enough = held_in[held_in >= smallest_cell].index
    estimable = tuple(city for city in cities if city in enough) if reference in enough else ()
    pairs = pd.DataFrame(shared)
    return Panel(
        status="" if estimable else _status(pairs, len(everywhere), len(labels), reference, smallest_cell),
        shared=pairs,
        in_all=len(everywhere),
        cities=pd.DataFrame({"city": held_in.index, "firms": held_in.to_numpy()}),
        estimable=estimable,
        moved=moved,
        stayed=frozenset(stayed.index),
    )


def _status(shared: pd.DataFrame, in_all: int, sets: int, reference: str, smallest_cell: int) -> str:
    counts = shared["firms"].tolist()
    needed = f"{smallest_cell} firms of a city and {smallest_cell} of {reference} in every set were needed"
    if sets == 2:
        found = f"{_firms(counts[0])} in both sets"
    else:
        # Many pairs would be a long list of numbers.
        each = _listed(counts) if len(counts) <= 6 else f"{min(counts)} to {max(counts)}"
        every = NUMBERS[sets] if sets < len(NUMBERS) else str(sets)
        found = f"{each} firms are in two sets, {in_all or 'none'} in all {every}"
    return f"a panel is not estimable: {found}; {needed}"


def _moved(rows: pd.DataFrame) -> pd.DataFrame:
    found = []
    for firm, known in rows.groupby("firm", sort=True):
        for before, after in zip(known.to_dict("records"), known.to_dict("records")[1:], strict=False):
            if before["city"] != after["city"]:
                ends = {
                    "set_a": before["set"],
                    "city_a": before["city"],
                    "set_b": after["set"],
                    "city_b": after["city"],
                }
                found.append({"firm": firm, "name": after["name"], **ends})
    return pd.DataFrame(found, columns=["firm", "name", "set_a", "city_a", "set_b", "city_b"])


def _plain(names: pd.Series) -> pd.Series:
    return names.str.casefold().str.strip()


def _firms(count: int) -> str:
    return "1 firm is" if count == 1 else f"{count or 'no'} firms are"


def _listed(numbers: Sequence[int]) -> str:
    words = [str(number) for number in numbers]
    return f"{', '.join(words[:-1])} and {words[-1]}"
