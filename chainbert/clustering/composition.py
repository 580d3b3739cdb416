"""Which clusters a city's firms are in, with noise as a class: shares, noise tested, difference from the reference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import special, stats

from chainbert.clustering.clusters import NOISE
from chainbert.clustering.describe import ALL_PERIODS
from chainbert.clustering.mixing import (
    ALL_CITIES,
    SMALLEST_CELL,
    TIE,
    Exchange,
    Floats,
    Ints,
    Panel,
    check_panel,
    exchange,
    holm,
    records,
)
from chainbert.errors import ConfigError, DataError
from chainbert.yamlfile import did_you_mean

LEVEL = 0.05
SHARE_COLUMNS = ("cluster", "city", "year", "n", "total", "share", "low", "high")
NOISE_COLUMNS = ("year", "city", "n", "total", "share", "share_elsewhere", "low", "high", "p", "p_holm", "warning")
ENTROPY_COLUMNS = ("year", "city", "total", "clusters", "plugin", "entropy", "low", "high", "status")
DISTANCE_COLUMNS = ("year", "city", "divergence", "expected", "adjusted", "low", "high", "p", "p_holm", "status")
DIFFERENCE_COLUMNS = (
    *("cluster", "city", "year", "share", "share_reference", "difference", "low", "high", "p", "p_holm", "status"),
)


@dataclass(frozen=True, slots=True, eq=False)
class Composition:
    """Cluster shares by city and period. Noise is cluster −1 everywhere; the year "all" holds every row."""

    reference: str
    shares: pd.DataFrame
    """cluster, city, year, n, total, share with its own 95 % interval low, high (Wilson 1927; a firm with m rows of the
    m in "all" counts once: effective number of firms, Kish 1965)."""
    noise: pd.DataFrame
    """year, city, n (noise), total, share, share_elsewhere, low, high, p (permutation, two-sided), p_holm over the
    year's cities, warning: where p_holm ≤ .05, or p ≤ .05 and the city is at least twice as noisy as the others; ""
    elsewhere. City "all": whether the cities differ at all."""
    entropies: pd.DataFrame
    """year, city, total, clusters (seen), plugin and corrected entropy in nats (Miller 1955), low, high (firm
    jackknife), status."""
    distances: pd.DataFrame
    """year, city, divergence from the reference (Jensen–Shannon, in [0, 1] bits), expected (its mean where cities are
    exchanged), adjusted = (divergence − expected) / (1 − expected): 0 in expectation where cities do not differ for any
    sizes, 1 where they share no cluster; low, high (firm jackknife; near 0 only p tells), p, p_holm, status."""
    differences: pd.DataFrame
    """cluster, city, year, share, share_reference, difference with its simultaneous 95 % interval low, high (Newcombe
    1998, Bonferroni over the year's cities and clusters), p (permutation), p_holm over the same, status."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader must know before the shares."""
        return tuple(text for text in self.noise["warning"] if text)

    def to_json(self) -> dict[str, Any]:
        """Plain records."""
        names = ("shares", "noise", "entropies", "distances", "differences")
        return {"reference": self.reference, **{f"cluster_{name}": records(getattr(self, name)) for name in names}}


@dataclass(frozen=True, slots=True, eq=False)
class _Window:
    """The rows of one period, or all."""

    year: str
    cluster: Ints
    """(n,) index into the clusters, noise last."""
    city: Ints
    firm: Ints
    trade: Exchange

    def counts(self, city: Ints, cities: int, clusters: int) -> Floats:
        """Rows by city and cluster; city (b, n) → (b, cities, clusters)."""
        cells = np.arange(len(city))[:, None] * cities + city
        flat = np.bincount((cells * clusters + self.cluster).ravel(), minlength=len(city) * cities * clusters)
        return flat.reshape(len(city), cities, clusters).astype(np.float64)

    def drawn(self, cities: int, clusters: int, draws: int, rng: np.random.Generator) -> Floats:
        """The counts under exchange, (draws, cities, clusters)."""
        return np.concatenate(
            [self.counts(permuted, cities, clusters) for permuted in self.trade.draw(self.city, draws, rng)]
        )


def measure_composition(
    labels: ArrayLike,
    city: ArrayLike,
    period: ArrayLike | None = None,
    *,
    reference: str,
    firm: ArrayLike | None = None,
    strata: ArrayLike | None = None,
    draws: int = 999,
    rng: np.random.Generator,
) -> Composition:
    """Shares of clusters by city and period, and whether a city's differ from the reference's beyond chance.

    labels (n,) whole numbers, noise −1, of one clustering of all rows; city; period (names, blank: in "all" only); firm
    (n,), one row a firm and period; strata (n,) or (n, m). The clusters must have been found without the cities; then
    exchanging cities is a valid test. H0 of every p: cities are exchangeable among firms of the same periods and
    strata; a firm trades with all its rows; (1 + #) / (1 + draws), Phipson & Smyth 2010. Distances and differences
    exchange the city and the reference only, so that a third city cannot make the finding. A city with fewer than 5
    rows, or 5 in a stratum that the reference is in too, is not estimable there. The divergence sees changes that leave
    mean and spread of the vectors alike, which energy distance does not.
    Raises DataError for other labels, columns of another length, rows without city, a firm twice in a period;
    ConfigError for a reference that is not in the data.
    """
    numbers = whole_labels(labels)
    panel = check_panel([str(one) for one in numbers], city, period, firm, strata)
    if reference not in panel.cities:
        known = did_you_mean(reference, panel.cities)
        raise ConfigError(f"the reference city '{reference}' is not in the data.{known}")
    one_row_a_period(panel)
    names = sorted({int(one) for one in numbers} | {NOISE}, key=lambda one: (one == NOISE, one))
    code = np.array([names.index(int(one)) for one in numbers[panel.order]], dtype=np.int64)
    parts: dict[str, list[dict[str, Any]]] = {"shares": [], "noise": [], "entropies": [], "distances": []}
    parts["differences"] = []
    for year, rows in panel.windows():
        window = _Window(year, code[rows], panel.city[rows], panel.firm[rows], exchange(panel, rows))
        parts["shares"] += _shares(window, panel.cities, names)
        parts["entropies"] += _entropies(window, panel.cities, len(names))
        parts["noise"] += _noise(window, panel.cities, len(names), draws, rng)
        distances, differences = _against(window, panel, rows, reference, names, draws, rng)
        parts["distances"] += distances
        parts["differences"] += differences
    columns = (SHARE_COLUMNS, NOISE_COLUMNS, ENTROPY_COLUMNS, DISTANCE_COLUMNS, DIFFERENCE_COLUMNS)
    tables = [
        pd.DataFrame(part, columns=list(own)).round(12) for part, own in zip(parts.values(), columns, strict=True)
    ]
    return Composition(reference, *tables)


def whole_labels(labels: ArrayLike) -> Ints:
    """Cluster labels as whole numbers (n,). Raises DataError for others."""
    given = pd.to_numeric(pd.Series(np.asarray(labels, dtype=object)), errors="coerce").to_numpy(dtype=np.float64)
    wrong = np.flatnonzero(~(given >= NOISE) | (given != np.round(given)))
    if len(wrong):
        raise DataError(
            f"row {wrong[0]} of the cluster labels is {np.asarray(labels, dtype=object)[wrong[0]]!r} "
            f"({len(wrong):,} such rows); whole numbers from 0 on, or {NOISE} for noise, are expected"
        )
    return given.astype(np.int64)


def one_row_a_period(panel: Panel) -> None:
    """Raise DataError where a firm has two rows in one period."""
    table = pd.DataFrame({"firm": panel.firm, "period": panel.period})
    twice = np.flatnonzero(table.duplicated(keep=False) & (table["period"] >= 0 if panel.periods else True))
    if len(twice):
        first = twice[0]
        name = panel.periods[panel.period[first]] if panel.periods else "the only period"
        rows = sorted(panel.order[twice[(table.iloc[twice] == table.iloc[first]).all(axis=1)]].tolist())
        raise DataError(
            f"one firm has {len(rows)} rows in {name} (rows {rows[:4]}); {len(twice):,} such rows. One row a firm and "
            "period is expected: keep the latest"
        )


def wilson(share: Floats, n: Floats, level: float = LEVEL) -> tuple[Floats, Floats]:
    """Interval of shares in [0, 1] of n > 0 firms, elementwise (Wilson 1927)."""
    z = float(stats.norm.isf(level / 2))
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return np.where(share <= 0, 0.0, middle - half), np.where(share >= 1, 1.0, middle + half)


def _effective(firm: Ints) -> float:
    """Firms that n rows are worth where a firm's rows say the same (Kish 1965)."""
    rows = np.unique(firm, return_counts=True)[1]
    return float(rows.sum() ** 2 / (rows**2).sum())


def _shares(window: _Window, cities: tuple[str, ...], names: list[int]) -> list[dict[str, Any]]:
    counts = window.counts(window.city[None, :], len(cities), len(names))[0]
    table = []
    for place in np.unique(window.city):
        total = counts[place].sum()
        share = counts[place] / total
        low, high = wilson(share, np.full(len(names), _effective(window.firm[window.city == place])))
        for index, name in enumerate(names):
            found = {"share": float(share[index]), "low": float(low[index]), "high": float(high[index])}
            whole = {"cluster": name, "city": cities[place], "year": window.year, "n": int(counts[place, index])}
            table.append({**whole, "total": int(total), **found})
    return table


def _noise(
    window: _Window, cities: tuple[str, ...], clusters: int, draws: int, rng: np.random.Generator
) -> list[dict[str, Any]]:
    """Each city's noise against that of exchanged cities, and all together."""
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


def _noise_share(window: _Window, n: float, total: float, firm: Ints) -> dict[str, Any]:
    low, high = wilson(np.array([n / total]), np.array([_effective(firm)]))
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


def _entropies(window: _Window, cities: tuple[str, ...], clusters: int) -> list[dict[str, Any]]:
    counts = window.counts(window.city[None, :], len(cities), clusters)[0]
    table: list[dict[str, Any]] = []
    for place in np.unique(window.city):
        own = counts[place]
        record = {"year": window.year, "city": cities[place], "total": int(own.sum()), "clusters": int((own > 0).sum())}
        record |= {"plugin": float(special.entr(own / own.sum()).sum()), "status": ""}
        firms = np.unique(window.firm[window.city == place], return_inverse=True)[1]
        if firms.max() + 1 < SMALLEST_CELL:
            found = (np.nan,) * 3
            record["status"] = f"not estimable: {firms.max() + 1} firms, {SMALLEST_CELL} are needed"
        else:
            rows = np.zeros((firms.max() + 1, clusters))
            np.add.at(rows, (firms, window.cluster[window.city == place]), 1.0)
            value = float(entropy(own[None, :])[0])
            half = _half(entropy(own - rows), np.zeros(len(rows), dtype=np.int64))
            found = (value, max(0.0, value - half), value + half)
        table.append(record | dict(zip(("entropy", "low", "high"), found, strict=True)))
    return table


def entropy(counts: Floats) -> Floats:
    """Entropy in nats of each row of counts (b, k) > 0 in all, with what few firms miss added (Miller 1955, Madow).

    The plug-in falls short by about (k − 1) / 2n, so that small cities seem to be in fewer clusters.
    """
    n = counts.sum(axis=1)
    return np.asarray(special.entr(counts / n[:, None]).sum(axis=1) + ((counts > 0).sum(axis=1) - 1) / (2 * n))


def _half(without: Floats, group: Ints) -> float:
    """Half width of the 95 % interval from leave-one-firm-out values (b,); each group is a sample of its own."""
    variance, freedom = 0.0, np.inf
    for one in np.unique(group):
        own = without[group == one]
        variance += (len(own) - 1) / len(own) * float(((own - own.mean()) ** 2).sum())
        freedom = min(freedom, len(own) - 1)
    return float(stats.t.ppf(0.975, max(freedom, 1)) * np.sqrt(variance))


def jensen_shannon(first: Floats, second: Floats) -> Floats:
    """Divergence in bits, in [0, 1], of two compositions along the last axis (Lin 1991)."""
    middle = special.entr((first + second) / 2).sum(axis=-1)
    within = (special.entr(first).sum(axis=-1) + special.entr(second).sum(axis=-1)) / 2
    return np.asarray(np.clip((middle - within) / np.log(2), 0.0, 1.0))


def _against(
    window: _Window,
    panel: Panel,
    rows: Ints,
    reference: str,
    names: list[int],
    draws: int,
    rng: np.random.Generator,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Each city against the reference, by the whole composition and by cluster."""
    other = panel.cities.index(reference)
    here = [int(one) for one in np.unique(window.city) if one != other]
    distances: list[dict[str, Any]] = []
    differences: list[dict[str, Any]] = []
    for one in here:
        pair = np.flatnonzero((window.city == one) | (window.city == other))
        part = _Window(
            window.year,
            window.cluster[pair],
            (window.city[pair] == other).astype(np.int64),
            window.firm[pair],
            exchange(panel, rows[pair]),
        )
        place = {"year": window.year, "city": panel.cities[one]}
        status = _why(part)
        whole, single = _unknown(len(names)) if status else _pair(part, len(names), len(here), draws, rng)
        distances.append({**place, **whole, "status": status})
        differences += [
            {"cluster": name, **place, **found, "status": status} for name, found in zip(names, single, strict=True)
        ]
    for table in (distances, differences):
        adjusted = holm(np.array([record["p"] for record in table], dtype=np.float64))
        for record, p in zip(table, adjusted, strict=True):
            record["p_holm"] = float(p)
    return distances, differences


def _why(part: _Window) -> str:
    """Why the two cities cannot be compared; "" where they can."""
    movable = part.trade.movable(part.city)
    for side, whose in ((0, ""), (1, " of the reference")):
        firms = len(np.unique(part.firm[part.city == side]))
        free = len(np.unique(part.firm[(part.city == side) & movable]))
        if firms < SMALLEST_CELL:
            return f"not estimable: {firms} firms{whose}, {SMALLEST_CELL} are needed"
        if free < SMALLEST_CELL:
            return f"not estimable: {free} firms{whose} share a stratum with the other city, {SMALLEST_CELL} are needed"
    return ""


def _unknown(clusters: int) -> tuple[dict[str, float], list[dict[str, float]]]:
    whole = dict.fromkeys(DISTANCE_COLUMNS[2:8], np.nan)
    return whole, [dict.fromkeys(DIFFERENCE_COLUMNS[3:10], np.nan) for _ in range(clusters)]


def _pair(
    part: _Window, clusters: int, cities: int, draws: int, rng: np.random.Generator
) -> tuple[dict[str, float], list[dict[str, float]]]:
    observed = part.counts(part.city[None, :], 2, clusters)
    sizes = observed.sum(axis=2, keepdims=True)
    shares = np.concatenate([observed, part.drawn(2, clusters, draws, rng)]) / sizes
    divergence = jensen_shannon(shares[:, 0], shares[:, 1])
    expected = float(divergence.mean())
    adjusted = (float(divergence[0]) - expected) / (1 - expected)
    half = _divergence_half(part, observed[0]) / (1 - expected)
    whole = {"divergence": float(divergence[0]), "expected": expected, "adjusted": adjusted}
    whole |= {"low": adjusted - half, "high": min(1.0, adjusted + half)}
    whole["p"] = float((divergence >= divergence[0] - TIE).mean())
    gaps = shares[:, 0] - shares[:, 1]
    beyond = np.abs(gaps - gaps.mean(axis=0))
    p = (beyond >= beyond[0] - TIE).mean(axis=0)
    bounds = [
        wilson(shares[0, side], np.full(clusters, _effective(part.firm[part.city == side])), LEVEL / clusters / cities)
        for side in (0, 1)
    ]
    (low, high), (low_other, high_other) = bounds
    below = np.hypot(shares[0, 0] - low, high_other - shares[0, 1])
    above = np.hypot(high - shares[0, 0], shares[0, 1] - low_other)
    columns = np.stack([shares[0, 0], shares[0, 1], gaps[0], gaps[0] - below, gaps[0] + above, p], axis=1)
    return whole, [dict(zip(DIFFERENCE_COLUMNS[3:9], map(float, row), strict=True)) for row in columns]


def _divergence_half(part: _Window, counts: Floats) -> float:
    firms = np.unique(part.firm, return_inverse=True)[1]
    rows = np.zeros((firms.max() + 1, *counts.shape))
    np.add.at(rows, (firms, part.city, part.cluster), 1.0)
    left = counts - rows
    shares = left / np.maximum(left.sum(axis=2, keepdims=True), 1)
    home = np.empty(len(rows), dtype=np.int64)
    home[firms[::-1]] = part.city[::-1]
    return _half(jensen_shannon(shares[:, 0], shares[:, 1]), home)
