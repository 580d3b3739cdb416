"""Company sets of several years side by side: frames first, then who is who, then what the cities did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from chainbert.companies import city_name
from chainbert.companies.frames import Frames, compare_frames
from chainbert.companies.matching import Matches, match_firms
from chainbert.companies.matchreview import read_decisions, write_review
from chainbert.convergence import Convergence, measure_convergence
from chainbert.convergence.tables import to_records
from chainbert.files import check_writable, write_text
from chainbert.progress import Progress, silent
from chainbert.study.comparedsets import SMALLEST_CELL, choose_cities, read_sets
from chainbert.study.onespace import OneSpace, one_space
from chainbert.study.panel import Panel, find_panel
from chainbert.study.tables import write_csv

FILES = ("comparison.json", "matches.csv", "review.csv", "frames.csv", "frame_differences.csv")


@dataclass(frozen=True, slots=True)
class CompareSettings:
    """How sets are compared."""

    reference: str = "Beijing"
    cities: tuple[str, ...] = ()
    """Compared with the reference; empty: as ``choose_cities`` finds them."""
    encoder: str = "bundled:multilingual-e5-small"
    """For the sets that are not embedded yet."""
    seed: int = 20180
    draws: int = 999
    """Permutations behind a gap's p-value, at least 99."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is known of the sets together."""

    sets: list[dict[str, Any]]
    """path, label (its years), rows, firms, shape, left_out and notes of each set, in the order of time."""
    frames: Frames
    matches: Matches
    space: OneSpace
    panel: Panel
    cities: tuple[str, ...]
    """Compared with the reference."""
    left_out: dict[str, int]
    """Why rows are not in the comparison of cities → how many."""
    convergence: Convergence
    """Over all firms of each set, a matched firm's rows counted as one firm's."""
    panel_convergence: Convergence | None
    """Over the firms in every set; None where a panel is not estimable."""
    settings: CompareSettings

    def to_json(self) -> dict[str, Any]:
        """Plain data for comparison.json."""
        panel = self.panel
        return {
            "sets": self.sets,
            "reference": self.convergence.reference,
            "cities": list(self.cities),
            "seed": self.settings.seed,
            "warnings": list(self.frames.warnings),
            "frames": to_records(self.frames.table),
            "frame_differences": to_records(self.frames.differences),
            "matches": to_records(self.matches.accepted),
            "review": to_records(self.matches.review),
            "match_notes": list(self.matches.notes),
            "alignments": self.space.alignments,
            "panel": {
                "status": panel.status,
                "shared": to_records(panel.shared),
                "in_all": panel.in_all,
                "cities": to_records(panel.cities),
                "estimable": list(panel.estimable),
                "moved": to_records(panel.moved),
                "convergence": self.panel_convergence.to_json() if self.panel_convergence else None,
            },
            "left_out": self.left_out,
            "convergence": self.convergence.to_json(),
        }


def compare_sets(
    paths: Sequence[Path],
    columns: Sequence[Mapping[str, str] | None],
    observed: Sequence[int],
    settings: CompareSettings,
    *,
    matches: Path | None = None,
    progress: Progress = silent,
) -> Comparison:
    """Compare two or more company sets of different years.

    paths: company tables of any shape, or files that ``chainbert embed`` wrote; columns: for each its mapping or None;
    observed: the year of each, or empty where the tables say it; matches: a review file with a reader's decisions.
    Everything is read, checked and matched before the first text is embedded. Raises as ``read_sets``,
    ``choose_cities``, ``read_decisions``, ``match_firms`` and ``one_space`` do.
    """
    sets = read_sets(paths, columns, observed, settings.encoder)
    labels, rows = [one.label for one in sets], [one.rows for one in sets]
    reference = city_name(settings.reference)
    cities = choose_cities(sets, reference, [city_name(city) for city in settings.cities])
    matched = match_firms(rows, labels, read_decisions(matches) if matches else None)
    frames = compare_frames(rows, labels)
    firms = [matched.codes(place, one["id"]) for place, one in enumerate(rows)]
    table = pd.concat([
        one[["id", "name", "city", "observed", "language"]].assign(set=label, firm=codes)
        for label, one, codes in zip(labels, rows, firms, strict=True)
    ], ignore_index=True)  # fmt: skip
    panel = find_panel(table, labels, reference, cities, SMALLEST_CELL)
    embedded = [one.embedded(settings.encoder, progress) for one in sets]
    space = one_space(embedded, labels, firms, np.random.default_rng([settings.seed, 1]))
    chosen = table["city"].isin((reference, *cities))
    stayed = table["firm"].isin(panel.stayed) & table["city"].isin((reference, *panel.estimable))
    return Comparison(
        sets=[one.facts() for one in sets],
        frames=frames,
        matches=matched,
        space=space,
        panel=panel,
        cities=cities,
        left_out={
            reason: int(count)
            for reason, count in (
                ("no city", (table["city"] == "").sum()),
                ("a city that is not compared", (~chosen & (table["city"] != "")).sum()),
            )
            if count
        },
        convergence=_measured(table[chosen], space, reference, settings),
        panel_convergence=_measured(table[stayed], space, reference, settings) if panel.estimable else None,
        settings=settings,
    )


def _measured(rows: pd.DataFrame, space: OneSpace, reference: str, settings: CompareSettings) -> Convergence:
    return measure_convergence(
        space.vectors[rows.index],
        rows["city"].to_numpy(dtype=str),
        rows["observed"].to_numpy(dtype=float),
        reference=reference,
        firm=rows["firm"].to_numpy(dtype=str),
        strata=rows["language"].to_numpy(dtype=str),
        draws=settings.draws,
        rng=np.random.default_rng(settings.seed),
        smallest_cell=SMALLEST_CELL,
    )


def check_comparison_folder(folder: Path) -> None:
    """Raise DataError where the files of a comparison cannot be written."""
    for name in FILES:
        check_writable(folder / name)


def write_comparison(found: Comparison, text: str, folder: Path) -> None:
    """Write comparison.json (the text given), matches.csv, review.csv, frames.csv and frame_differences.csv."""
    write_csv(found.matches.pairs, folder / "matches.csv")
    write_review(found.matches, folder / "review.csv")
    write_csv(found.frames.table, folder / "frames.csv")
    write_csv(found.frames.differences, folder / "frame_differences.csv")
    write_text(folder / "comparison.json", text + "\n")
