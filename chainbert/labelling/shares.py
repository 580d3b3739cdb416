"""Shares of each label by city and period, as counts of predicted labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from chainbert.labelling.codebook import Axis, Codebook
from chainbert.labelling.tables import UNUSABLE
from chainbert.wilson import wilson

ALL_PERIODS = "all"
COLUMNS = ["axis", "indicator", "kind", "city", "period", "n", "yes", "share", "low", "high"]


def count_shares(
    labels: pd.DataFrame, companies: pd.DataFrame, periods: Sequence[str] | np.ndarray, codebook: Codebook
) -> pd.DataFrame:
    """Naive shares: companies counted as if every predicted label were right.

    They are for looking, not for a claim. A count of predicted labels carries the labeller's errors as bias,
    and its interval (Wilson 1927, 95 %) covers sampling only, so that it does not cover the true share.
    Corrected shares need an audit sample (prediction-powered inference).

    ``labels`` is ``Labels.table``. ``companies`` holds the rows to count (columns key, city), any part of the
    company table; ``periods`` (n,) str names the period of each, such as "2013–2016", or is empty for a row
    that counts in the period ``all`` only. Abstained rows count with their best value; unusable ones do not.
    One row an axis, indicator or value, city and period that has companies: kind ``indicator`` (probability
    ≥ .5; several can be yes) or ``value`` (shares of an axis sum to 1); n ≥ 1 companies, yes in [0, n],
    share, low and high in [0, 1].
    """
    usable = labels[labels[f"{codebook.axes[0].id}.status"] != UNUSABLE].set_index("key")
    place = companies[["key", "city"]].assign(period=np.asarray(periods, dtype=object))
    place = place[place["key"].isin(usable.index)]
    places = pd.concat([place.assign(period=ALL_PERIODS), place[place["period"] != ""]])
    rows = []
    for (city, period), group in places.groupby(["city", "period"], sort=True):
        said = usable.loc[group["key"]]
        for axis in codebook.axes:
            for kind, name, yes in _answers(codebook, axis, said):
                rows.append((axis.id, name, kind, city, period, len(yes), int(yes.sum())))
    table = pd.DataFrame(rows, columns=COLUMNS[:7]).astype({"n": int, "yes": int})
    low, high = wilson(table["yes"].to_numpy(), table["n"].to_numpy())
    return table.assign(share=table["yes"] / table["n"], low=low, high=high)


def _answers(codebook: Codebook, axis: Axis, labels: pd.DataFrame) -> Iterator[tuple[str, str, np.ndarray]]:
    if axis.kind == "indicators":
        for indicator in axis.indicators:
            yield "indicator", indicator.id, codebook.says(labels, axis.id, indicator.id)
    for value in axis.values:
        yield "value", value, (labels[axis.id] == value).to_numpy(dtype=bool)
