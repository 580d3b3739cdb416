"""Finished runs with known answers, for the tests of Table 1; every company is invented."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from chainbert.report.runfiles import RunFiles

AXES = {
    "customer": ("state", "private"),
    "market": ("domestic", "global"),
    "application": ("infrastructure", "finance", "crypto", "industry"),
}
Firm = dict[str, Any]


def firm(number: int, city: str, said: dict[str, str], **more: Any) -> Firm:
    """One company and year: ``said`` is the value on each axis."""
    told = {"observed": 2022, "text": "It keeps a ledger.", "language": "en", "cluster": -1, "status": "labelled"}
    return {"id": f"inv-{number:04d}", "city": city, "said": said} | told | more


def run_of(firms: list[Firm], *, reference: str = "Beijing", axes: dict[str, tuple[str, ...]] = AXES) -> RunFiles:
    """The files of a run that has these companies, with the terms of cluster 0 and 1."""
    rows = [
        {"key": f"k{one['id']}@{one['observed']}", "name": one["id"], "founded": 2016, "industry": "", "website": ""}
        | {name: one[name] for name in ("id", "city", "observed", "text", "language")}
        | {"status": ""}
        for one in firms
    ]
    companies = pd.DataFrame(rows).astype({"observed": "Int64", "founded": "Int64"})
    labels = companies[["key", "id", "observed"]].copy()
    for axis, indicators in axes.items():
        labels[axis] = [one["said"].get(axis, "") for one in firms]
        for indicator in indicators:
            labels[f"{axis}.{indicator}"] = (labels[axis] == indicator).astype(float)
            labels[f"{axis}.{indicator}.evidence"] = ""
        labels[f"{axis}.status"] = [one["status"] for one in firms]
    labels["codebook"] = "none that is shipped"
    clusters = companies[["key", "id", "observed"]].assign(cluster=[one["cluster"] for one in firms])
    terms = pd.DataFrame(
        [(0, 1, "ledger", 0.3, 4), (0, 2, "节点", 0.2, 3), (1, 1, "wallet", 0.4, 5)],
        columns=["cluster", "rank", "term", "weight", "firms"],
    )
    known = {
        "companies": companies,
        "labels": labels,
        "clusters": clusters,
        "terms": terms,
        "convergence": {"reference": reference},
    }
    # Files that Table 1 does not read.
    others = {one.name: {} if "dict" in str(one.type) else pd.DataFrame() for one in fields(RunFiles)}
    return RunFiles(**(others | known))


def simple_firms(counts: dict[str, dict[str, int]]) -> list[Firm]:
    """City → customer value → number of firms; market and application are the same for all."""
    firms: list[Firm] = []
    for city, values in counts.items():
        for value, n in values.items():
            said = {"customer": value, "market": "domestic", "application": "finance"}
            firms += [firm(len(firms) + place, city, said) for place in range(n)]
    return firms


def random_firms(
    rng: np.random.Generator, n: int = 60, cities: tuple[str, ...] = ("Beijing", "Shanghai")
) -> list[Firm]:
    """Firms whose labels, clusters and texts have nothing to do with their city; a third is seen in two years."""
    values = {
        "customer": ("state", "private", "mixed", "unclear"),
        "market": ("domestic", "global", "mixed", "unclear"),
        "application": AXES["application"],
    }
    words = ("ledger", "wallet", "invoice", "archive", "sensor", "token")
    firms = []
    for place in range(n):
        city = str(rng.choice(cities))
        for year in (2018, 2022) if place % 3 == 0 else (2022,):
            said = {axis: str(rng.choice(one)) for axis, one in values.items()}
            text = f"Our {' '.join(rng.choice(words, 3))} works."
            firms.append(firm(place, city, said, observed=year, text=text, cluster=int(rng.integers(-1, 2))))
    return firms


def write_dictionary(folder: Path, used: dict[str, list[str]], names: dict[str, tuple[str, str]]) -> None:
    """Category → the keys that use it; category → its Chinese and English name."""
    rows = [(key, theme, 2, "entry", 0, 5) for theme, keys in used.items() for key in keys]
    columns = ["key", "category", "hits", "entry", "start", "end"]
    pd.DataFrame(rows, columns=columns).to_parquet(folder / "dictionary_firms.parquet")
    table = [
        (theme, chinese, english, "Beijing", "all", 1, 1, 1, 0, 1, 1) for theme, (chinese, english) in names.items()
    ]
    columns = ["category", "name_zh", "name_en", "city", "period", "n", "yes", "share", "low", "high", "mentions"]
    pd.DataFrame(table, columns=columns).to_csv(folder / "dictionary.csv", index=False)


def write_investors(folder: Path, rows: list[tuple[str, str, str]]) -> None:
    """(key, investor, origin)."""
    table = pd.DataFrame(rows, columns=["key", "investor", "origin"]).assign(rule="")
    table.to_parquet(folder / "investors.parquet")
