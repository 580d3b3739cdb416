"""Audit samples: stratified random samples of labelled companies whose inclusion probabilities are known."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pandas as pd

from chainbert.companies import CompanySet
from chainbert.errors import ConfigError
from chainbert.files import content_hash
from chainbert.labelling.audit.frame import Frame
from chainbert.labelling.codebook import Codebook
from chainbert.labelling.tables import Labels
from chainbert.yamlfile import did_you_mean

FEWEST_EXPECTED = 4
"""Strata that would get fewer codes than this are merged with their neighbours."""
LEAST_DRAWN = 2
REST = "other"


@dataclass(frozen=True, slots=True)
class Design:
    """How an audit sample was drawn: all that is needed to weight it, and to draw it again."""

    seed: int
    by: tuple[str, ...]
    """Columns and, after them, axes whose predicted value made the strata."""
    frame: int
    """How many companies and years the sample stands for."""
    drawn: int
    unusable: int
    trained: int
    """Rows left out: without usable text; whose codes trained the labeller."""
    codebook: str
    codebook_version: str
    labels_sha256: str
    """Of the labels file, "" where there was none."""
    strata: pd.DataFrame
    """stratum (a code that does not tell the label), meaning, size N, drawn n, inclusion_probability."""


@dataclass(frozen=True, slots=True)
class AuditSample:
    """Companies to code, in the order to code them."""

    table: pd.DataFrame
    """One row a company and year: order, the frame's columns, stratum, stratum_size, inclusion_probability."""
    design: Design
    codebook: Codebook


def draw_sample(
    labels: Labels | pd.DataFrame,
    companies: CompanySet | pd.DataFrame,
    n: int = 200,
    *,
    by: tuple[str, ...] = ("city", "language"),
    codebook: Codebook | None = None,
    seed: int = 20180,
    labels_sha256: str = "",
) -> AuditSample:
    """Draw n companies and years at random within strata of ``by`` and the predicted value of every axis.

    Strata in which fewer than 4 codes are expected are merged, the last axis first, with what they share a city,
    language and the earlier axes with; every company has a positive inclusion probability. Draws are in proportion to
    a stratum's size, at least 2 each, so that all companies weigh about the same whatever is asked of the codes: more
    draws where the labeller doubts one indicator cost the others, and unequal weights cost coverage of rare values.
    n ≥ N draws all. The same seed draws the same companies in any row order.
    Raises ConfigError for n < 1 or an unknown column; DataError as ``Frame.of``.
    """
    if n < 1:
        raise ConfigError(f"n = {n} found; at least 1 company to code was expected")
    frame = Frame.of(labels, codebook, companies)
    # The file's order must not decide who is drawn.
    table = frame.table.iloc[np.argsort([content_hash(row) for row in frame.table["row"]])].reset_index(drop=True)
    levels = [level_of(table, name) for name in by]
    levels += [table[axis.id].to_numpy(dtype=str) for axis in frame.codebook.axes]
    strata = merge_small([tuple(map(str, key)) for key in zip(*levels, strict=True)], n)
    named = sorted(set(strata))
    code = np.array([named.index(one) for one in strata])
    sizes = np.bincount(code, minlength=len(named))
    counts = allocate(sizes, min(n, len(table)))
    rng = np.random.default_rng(seed)
    chosen = np.concatenate([rng.permutation(np.flatnonzero(code == one))[:m] for one, m in enumerate(counts)])
    chosen = rng.permutation(chosen)
    names = np.array([f"s{place:02d}" for place in range(1, len(named) + 1)], dtype=object)
    drawn = table.iloc[chosen].reset_index(drop=True)
    drawn = drawn.assign(
        order=np.arange(1, len(chosen) + 1),
        stratum=names[code[chosen]],
        stratum_size=sizes[code[chosen]],
        inclusion_probability=(counts / sizes)[code[chosen]],
    )
    meanings = [" · ".join(part or "none" for part in one) for one in named]
    listed = pd.DataFrame({"stratum": names, "meaning": meanings, "size": sizes, "drawn": counts})
    listed["inclusion_probability"] = counts / sizes
    axes = tuple(f"label:{axis.id}" for axis in frame.codebook.axes)
    design = Design(
        seed=seed,
        by=(*by, *axes),
        frame=len(table),
        drawn=len(chosen),
        unusable=len(frame.unusable),
        trained=len(frame.trained),
        codebook=frame.codebook.id,
        codebook_version=frame.codebook.version,
        labels_sha256=labels_sha256,
        strata=listed,
    )
    return AuditSample(drawn, design, frame.codebook)


def level_of(table: pd.DataFrame, name: str) -> np.ndarray:
    """A column to group by, (n,) str, ``year`` being the year observed; "" where it is missing."""
    column = "observed" if name == "year" else name
    if column not in table or name == "row":
        known = ["year", *(str(one) for one in table if one in {"city", "language", "founded", "industry"})]
        hint = "" if "city" in table else "; city and language come from the company table, give it"
        raise ConfigError(f"no column {name!r} to group by{hint}.{did_you_mean(name, known)}")
    values = table[column]
    return np.where(values.isna(), "", values.astype(str)).astype(object)


def merge_small(keys: list[tuple[str, ...]], n: int) -> list[tuple[str, ...]]:
    """Replace the last parts of a key by ``other`` until n draws leave at least 4 codes to expect in each stratum."""
    found = list(keys)
    depth = max(map(len, keys))

    def small() -> set[tuple[str, ...]]:
        return {key for key, count in Counter(found).items() if count * n < FEWEST_EXPECTED * len(keys)}

    for level in range(depth - 1, -1, -1):
        few = small()
        found = [(*key[:level], REST) if key in few and len(key) > level else key for key in found]
    while len(few := small()) and len(sizes := Counter(found)) > 1:
        least = min(few, key=lambda key: (sizes[key], key))
        host = min((key for key in sizes if key != least), key=lambda key: (sizes[key], key))
        found = [host if key == least else key for key in found]
    return found


def allocate(sizes: np.ndarray, n: int) -> np.ndarray:
    """How many to draw of each stratum: (h,) int summing to n, in proportion to sizes, within [2, size]."""
    if len(sizes) == 1:
        return np.array([min(n, int(sizes[0]))])
    ideal = n * sizes / sizes.sum()
    floor = np.minimum(sizes, LEAST_DRAWN)
    counts = np.clip(np.floor(ideal).astype(int), floor, sizes)
    while counts.sum() < n:
        counts[np.where(counts < sizes, ideal - counts, -np.inf).argmax()] += 1
    while counts.sum() > n:
        counts[np.where(counts > floor, counts - ideal, -np.inf).argmax()] -= 1
    return np.asarray(counts)
