"""Clusters through time: which are born, die, grow or shrink from one period to a later one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from chainbert.clustering.consensus import NOISE
from chainbert.clustering.firmcounts import FirmCounts, firm_bootstraps
from chainbert.clustering.panel import (
    SMALLEST_CELL,
    Floats,
    Panel,
    check_panel,
    one_row_a_period,
    records,
    whole_labels,
)
from chainbert.errors import ConfigError, DataError

FLOOR = 0.02
SUPPORT = 0.75
NOT_SUPPORTED = "not supported"
EVENT_COLUMNS = (
    *("cluster", "year_from", "year_to", "event", "into", "support", "n_from", "n_to", "share_from", "share_to"),
    "status",
)


@dataclass(frozen=True, slots=True, eq=False)
class Events:
    """What happened to the clusters between periods."""

    table: pd.DataFrame
    """cluster, year_from, year_to (periods' names), event (birth, death, merge, split, survival, growth, shrinkage),
    into (the other cluster of a merge, split or survival, else missing), support in [0, 1] (share of firm bootstraps
    with the same event), n_from, n_to (firms), share_from, share_to (of the period's firms, noise included), status: ""
    from ``support`` on, "not supported" below, or "not estimable: reason"."""

    def to_json(self) -> dict[str, Any]:
        """Plain records."""
        return {"cluster_events": records(self.table)}


def track_clusters(
    labels: ArrayLike,
    period: ArrayLike,
    *,
    firm: ArrayLike | None = None,
    floor: float = FLOOR,
    support: float = SUPPORT,
    draws: int = 999,
    rng: np.random.Generator,
) -> Events:
    """Events of clusters that were found once on the rows of all periods: what their shares of each period do.

    labels (n,) whole numbers, noise −1; period (n,) names, blank: left out; firm (n,), one row a firm and period. From
    each period to the next, and from the first to the last: birth = a share from below ``floor`` to it or above, death
    the reverse, growth and shrinkage = any other change, survival = no change, at or above the floor in both. A change
    counts where it is larger than 95 % of the largest errors over all clusters and pairs of periods (studentised
    bootstrap over firms, each with all its rows); ``support`` is the share of bootstraps in which it counts again, so
    that where nothing changes fewer than 5 % of studies have a supported change at all. Shares are of all firms given:
    where cities grow unequally, give one city at a time.
    Raises DataError for other labels, columns of another length, a firm twice in a period, fewer than two periods;
    ConfigError for a floor or support outside (0, 1).
    """
    check_thresholds(floor=floor, support=support)
    numbers = whole_labels(labels)
    panel = panel_of_periods([str(one) for one in numbers], period, firm)
    label = numbers[panel.order]
    names = np.unique(label[label != NOISE])
    dated = panel.period >= 0
    code = np.where(label == NOISE, len(names), np.searchsorted(names, label))
    shape = (len(panel.periods), len(names) + 1)
    counts = FirmCounts.of(panel.firm[dated], (panel.period[dated], code[dated]), shape)
    whole = counts.drawn(np.ones((1, counts.firms)))
    drawn = np.concatenate([counts.drawn(weights) for weights in firm_bootstraps(counts.firms, draws, rng)])
    totals = whole[0].sum(axis=1)
    shares, again = (part[:, :, :-1] / np.maximum(part.sum(axis=2, keepdims=True), 1) for part in (whole, drawn))
    pairs = [(place, place + 1) for place in range(len(totals) - 1)]
    pairs += [(0, len(totals) - 1)] if len(totals) > 2 else []
    usable = [pair for pair in pairs if min(totals[list(pair)]) >= SMALLEST_CELL]
    critical = _critical(whole[0][:, :-1], totals, shares[0], again, usable)
    table = []
    for first, last in pairs:
        place = {"year_from": panel.periods[first], "year_to": panel.periods[last]}
        if (first, last) not in usable:
            small = first if totals[first] < SMALLEST_CELL else last
            status = f"not estimable: {totals[small]:g} firms in {panel.periods[small]}, {SMALLEST_CELL} needed"
            table += [{"cluster": int(name), **place, "event": "", "status": status} for name in names]
            continue
        limit = critical[usable.index((first, last))]
        before, after, drawn_before, drawn_after = shares[0, first], shares[0, last], again[:, first], again[:, last]
        kind = _kind(before, after, limit, floor)
        same = _support(kind, drawn_before, drawn_after, limit, floor)
        for index, name in enumerate(names):
            if kind[index]:
                found = sizes_of(whole[0, first, index], whole[0, last, index], totals[first], totals[last])
                event = {"cluster": int(name), **place, "event": str(kind[index]), "support": float(same[index])}
                table.append({**event, **found, "status": "" if same[index] >= support else NOT_SUPPORTED})
    return Events(event_table(table))


def check_thresholds(**given: float) -> None:
    """Raise ConfigError where a named threshold is outside (0, 1)."""
    for name, value in given.items():
        if not 0 < value < 1:
            raise ConfigError(f"{name} is {value:g}; a share between 0 and 1 is expected")


def panel_of_periods(contents: list[str], period: ArrayLike, firm: ArrayLike | None) -> Panel:
    """Checked rows of two periods or more, one a firm and period; errors as in track_clusters."""
    panel = check_panel(contents, np.full(len(contents), "all"), period, firm, None)
    one_row_a_period(panel)
    if len(panel.periods) < 2:
        raise DataError(f"{len(panel.periods)} period(s) found; events lie between two periods at least")
    return panel


def _critical(counts: Floats, totals: Floats, shares: Floats, again: Floats, pairs: list[tuple[int, int]]) -> Floats:
    """(pairs, clusters) change of share that 95 % of studies without any change stay below in all places at once."""
    if not pairs or not counts.shape[1]:
        return np.zeros((len(pairs), counts.shape[1]))
    n = np.maximum(totals, 1)[:, None]
    smooth = (counts + 1) / (n + 2)
    # A share near 0 has next to no error by itself (Agresti & Coull 1998).
    missing = np.maximum(0.0, smooth * (1 - smooth) / (n + 2) - shares * (1 - shares) / n)
    first, last = np.array(pairs).T
    errors = (again[:, last] - again[:, first]) - (shares[last] - shares[first])
    error = np.sqrt((errors**2).mean(axis=0) + missing[first] + missing[last])
    largest = np.abs(errors / error).max(axis=(1, 2))
    return np.asarray(np.quantile(largest, 0.95) * error)


def _kind(before: Floats, after: Floats, limit: Floats, floor: float) -> NDArray[np.str_]:
    """The event of each cluster; "" where it is below the floor in both periods without a change."""
    change = after - before
    return np.select(
        [
            (before < floor) & (after >= floor),
            (before >= floor) & (after < floor),
            change > limit,
            change < -limit,
            before >= floor,
        ],
        ["birth", "death", "growth", "shrinkage", "survival"],
        "",
    )


def _support(kind: NDArray[np.str_], before: Floats, after: Floats, limit: Floats, floor: float) -> Floats:
    """(clusters,) share of bootstraps (b, clusters) with the same event, its change beyond the limit."""
    up, down = after - before > limit, before - after > limit
    old, new = before >= floor, after >= floor
    kinds = {"birth": up & ~old & new, "death": down & old & ~new, "growth": up, "shrinkage": down}
    same = np.select([kind == name for name in kinds], list(kinds.values()), old & new)
    return np.asarray(same.mean(axis=0))


def sizes_of(n_from: float, n_to: float, total_from: float, total_to: float) -> dict[str, Any]:
    """Firms of a cluster in both periods, and their shares of all firms there."""
    shares = {"share_from": float(n_from / total_from), "share_to": float(n_to / total_to)}
    return {"n_from": int(n_from), "n_to": int(n_to), **shares}


def event_table(found: list[dict[str, Any]]) -> pd.DataFrame:
    """Records as a table with EVENT_COLUMNS and their types, 12 decimals."""
    table = pd.DataFrame(found, columns=list(EVENT_COLUMNS))
    whole = dict.fromkeys(("cluster", "into", "n_from", "n_to"), "Int64")
    return table.astype({**whole, "support": float, "share_from": float, "share_to": float}).round(12)
