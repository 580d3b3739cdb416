"""Is a city's share of firms in no cluster another than that of the other cities."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainbert.clustering.describe import ALL_PERIODS
from chainbert.clustering.panel import ALL_CITIES, TIE, Ints, holm
from chainbert.clustering.window import LEVEL, Window, effective_firms, wilson

NOISE_COLUMNS = ("year", "city", "n", "total", "share", "share_elsewhere", "low", "high", "p", "p_holm", "warning")


def noise_records(
    window: Window, cities: tuple[str, ...], clusters: int, draws: int, rng: np.random.Generator
) -> list[dict[str, Any]]:
    """Each city's noise against that of exchanged cities, after all of them together: NOISE_COLUMNS."""
    here = np.unique(window.city)
    observed = window.counts(window.city[None, :], len(cities), clusters)[:, here]
    drawn = np.concatenate([observed, window.drawn(len(cities), clusters, draws, rng)[:, here]])
    total, noise = observed[0].sum(axis=1), drawn[:, :, -1]
    beyond = noise - noise.mean(axis=0)
    p = (np.abs(beyond) >= np.abs(beyond[0]) - TIE).mean(axis=0)
    spread = (beyond**2 / total).sum(axis=1)
    table: list[dict[str, Any]] = []
    overall = {"p": float((spread >= spread[0] - TIE).mean()), "p_holm": np.nan, "warning": ""}
    table.append({**_noise_share(window, noise[0].sum(), total.sum(), window.firm), "city": ALL_CITIES, **overall})
    adjusted = holm(p)
    for place, one in enumerate(here):
        own = window.firm[window.city == one]
        record = _noise_share(window, noise[0, place], total[place], own) | {"city": cities[one]}
        rest = total.sum() - total[place]
        record["share_elsewhere"] = float((noise[0].sum() - noise[0, place]) / rest) if rest else np.nan
        record |= {"p": float(p[place]), "p_holm": float(adjusted[place]), "warning": ""}
        twice = record["share"] >= 2 * record["share_elsewhere"]
        if record["p_holm"] <= LEVEL or (twice and record["p"] <= LEVEL):
            record["warning"] = _warning(record)
        table.append(record)
    return table


def _noise_share(window: Window, n: float, total: float, firm: Ints) -> dict[str, Any]:
    low, high = wilson(np.array([n / total]), np.array([effective_firms(firm)]))
    found = {"share": float(n / total), "share_elsewhere": np.nan, "low": float(low[0]), "high": float(high[0])}
    return {"year": window.year, "n": int(n), "total": int(total), **found}


def _warning(record: dict[str, Any]) -> str:
    when = "" if record["year"] == ALL_PERIODS else f" in {record['year']}"
    more = "more" if record["share"] > record["share_elsewhere"] else "less"
    return (
        f"{record['city']}{when}: {record['share']:.0%} of the rows are in no cluster, "
        f"{record['share_elsewhere']:.0%} elsewhere (p = {record['p']:.3g}, Holm {record['p_holm']:.3g}); "
        f"what is said of clusters leaves out {more} of this city than of the others, so its composition is biased"
    )
