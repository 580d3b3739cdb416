"""Sets embedded by different encoders, brought into one space by the firms they share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from chainbert.embedding.alignment import align, firms_needed
from chainbert.errors import ConfigError, DataError
from chainbert.study.embedded import EmbeddedSet


@dataclass(frozen=True, slots=True)
class OneSpace:
    """Vectors that can be compared, and how they came to be."""

    vectors: np.ndarray
    """(n, D) unit rows, sets one after the other."""
    alignments: list[dict[str, Any]]
    """One an encoder that was mapped: sets, onto, firms, folds, error, baseline, nearest. Empty for one encoder."""


def one_space(
    sets: Sequence[EmbeddedSet], labels: Sequence[str], firms: Sequence[Sequence[str]], rng: np.random.Generator
) -> OneSpace:
    """Stack the sets' vectors, those of other encoders mapped onto that of the most dimensions (of equals, most rows).

    firms: for each set the firm codes of its rows. Raises ConfigError where city names were masked in some sets only
    or vectors of one encoder have several lengths, DataError where too few firms are shared or the map fails on firms
    it has not seen.
    """
    if len({one.masked for one in sets}) > 1:
        listed = ", ".join(
            f"{'masked' if one.masked else 'kept'} in {label}" for one, label in zip(sets, labels, strict=True)
        )
        raise ConfigError(f"city names in the texts were treated differently ({listed}); embed all sets in one way")
    groups: dict[str, list[int]] = {}
    for place, one in enumerate(sets):
        groups.setdefault(one.encoder, []).append(place)
    for encoder, places in groups.items():
        if len({sets[place].vectors.shape[1] for place in places}) > 1:
            raise ConfigError(f"vectors of several lengths are said to come from one encoder ({encoder}); embed again")
    target = min(groups, key=lambda name: (-_width(sets, groups[name]), -_rows(sets, groups[name]), name))
    vectors: list[np.ndarray] = [one.vectors for one in sets]
    found = []
    for encoder in sorted(groups):
        if encoder == target:
            continue
        ours, theirs = (_by_firm(sets, firms, groups[name]) for name in (encoder, target))
        shared = sorted(ours.keys() & theirs.keys())
        names = [", ".join(labels[place] for place in groups[name]) for name in (encoder, target)]
        widths = [_width(sets, groups[name]) for name in (encoder, target)]
        if len(shared) < firms_needed(*widths):
            raise DataError(
                f"{names[0]} and {names[1]} were embedded by different encoders ({encoder}; {target}) and share "
                f"{len(shared):,} firms; {firms_needed(*widths):,} are needed to align vectors of {widths[0]} and "
                f"{widths[1]} dimensions. Embed all sets with one encoder"
            )
        done = align(np.stack([ours[firm] for firm in shared]), np.stack([theirs[firm] for firm in shared]), rng)
        for place in groups[encoder]:
            vectors[place] = done.apply(sets[place].vectors)
        numbers = {name: getattr(done, name) for name in ("firms", "folds", "error", "baseline", "nearest")}
        found.append({"sets": names[0], "onto": names[1], "encoder": encoder, "onto_encoder": target} | numbers)
    return OneSpace(np.concatenate(vectors), found)


def _width(sets: Sequence[EmbeddedSet], places: Sequence[int]) -> int:
    return int(sets[places[0]].vectors.shape[1])


def _rows(sets: Sequence[EmbeddedSet], places: Sequence[int]) -> int:
    return sum(len(sets[place].rows) for place in places)


def _by_firm(
    sets: Sequence[EmbeddedSet], firms: Sequence[Sequence[str]], places: Sequence[int]
) -> dict[str, np.ndarray]:
    """Each firm's latest vector in these sets."""
    rows = pd.concat(
        [
            pd.DataFrame(
                {"firm": list(firms[place]), "year": sets[place].rows["observed"].to_numpy(dtype=int), "set": place}
            ).assign(row=range(len(sets[place].rows)))
            for place in places
        ]
    )
    last = rows.sort_values("year", kind="stable").drop_duplicates("firm", keep="last")
    places_of = zip(last["firm"].tolist(), last["set"].tolist(), last["row"].tolist(), strict=True)
    return {firm: sets[place].vectors[row] for firm, place, row in places_of}
