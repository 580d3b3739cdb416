"""Are the cities converging: gap, trend, direction and verdict for every city against the reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from chainbert.convergence.cells import centred_rows
from chainbert.convergence.cities import NAN, CityResult, measure_city
from chainbert.convergence.controls import Checked, Controls, check_controls
from chainbert.convergence.decomposition import DECOMPOSITION_COLUMNS, decompose
from chainbert.convergence.largerows import large_rows
from chainbert.convergence.largetrend import large_trends
from chainbert.convergence.records import (
    DIRECTION_COLUMNS,
    GAP_COLUMNS,
    MEASURES,
    TREND_COLUMNS,
    direction_record,
    evidence_of,
    trend_record,
)
from chainbert.convergence.rows import Rows, sized
from chainbert.convergence.sampled import MOST_WHOLE, firm_sample, largest_cell
from chainbert.convergence.tables import DECIMALS, rounded, to_records
from chainbert.convergence.trend import holm
from chainbert.convergence.twosample import two_sample_records
from chainbert.convergence.verdict import decide, sentence
from chainbert.errors import ConfigError
from chainbert.notebook import shown
from chainbert.progress import Progress, silent

SMALLEST_P = 10.0**-DECIMALS


@dataclass(frozen=True, slots=True)
class Convergence:
    """What is known about each city's distance to the reference, and what it rests on."""

    reference: str
    gaps: pd.DataFrame
    """One row a city and period: city, year (the period's name), midpoint, gap, low, high, p, gap_centred, auc (chance
    that a reader who was shown other firms of both tells one of the city from one of the reference; .5 is guessing)
    with auc_low, auc_high, mmd, location (distance of the means) and dispersion (ratio of spreads) with their p's, n,
    n_reference, left_out (firms in strata that cannot be compared), gap_error (standard error of the gap as an estimate
    of that of all pairs; 0 where all were measured), status (empty, or ``not estimable: …`` with NaN numbers).
    gap_centred is the gap of the rows centred in each period with equal city weights; where it tells
    another story than gap, look at the wording all cities share."""
    trends: pd.DataFrame
    """One row a city: city, slope (a year), low, high, p, p_holm, p_equivalent, margin, minimum_detectable, power,
    periods (estimable ones), status."""
    direction: pd.DataFrame
    """One row a city: city, mover, and for home, reference and closing (both together) the share of the first gap that
    was closed over the window, with _low, _high, _p; status."""
    decomposition: pd.DataFrame
    """One row a city, pair of periods and part: city, from, to, part, change, low, high, n, status, note. The parts by
    firms (stayers, entrants, leavers, moved) and those by clusters each sum to total, the change of the gap."""
    minimum_detectable: dict[str, float]
    """Smallest slope a year found with 80 % power."""
    verdict: dict[str, str]
    """converging | diverging | no change | underpowered | not shown."""
    sentences: dict[str, str]
    """The verdict in words, with its numbers."""
    draws: int
    rows: int
    """Rows measured: one a firm and period."""
    firms: int
    outside: int
    """Rows in no period, not measured."""
    replaced: int
    """Rows not measured because the firm has a later one in the same period."""
    periods: tuple[str, ...] = ()
    """Names of the periods, in time order."""
    checked: Checked | None = None
    """Placebos, confounders and simulated power behind the verdict; None where none was asked for."""

    def _repr_html_(self) -> str:
        gaps = self.gaps[["city", "year", "gap", "low", "high", "p", "n", "n_reference", "status"]]
        trends = self.trends[["city", "slope", "low", "high", "p_holm", "p_equivalent", "power", "status"]]
        facts = {"rows": self.rows, "firms": self.firms, **self.verdict}
        tables = [(f"Gap to {self.reference}", gaps), ("Trend, a year", trends)]
        return shown(f"Convergence on {self.reference}", facts, tables, self.sentences.values())

    sampled: int = 0
    """Rows of the sample on which AUC and the like, direction and controls were measured; 0: all rows."""

    def to_json(self) -> dict[str, Any]:
        """Plain data for convergence.json: tables as lists of records, NaN as None."""
        return {
            "reference": self.reference,
            "draws": self.draws,
            "rows": self.rows,
            "firms": self.firms,
            "outside": self.outside,
            "replaced": self.replaced,
            "sampled": self.sampled,
            "gaps": to_records(self.gaps),
            "trends": to_records(self.trends),
            "direction": to_records(self.direction),
            "decomposition": to_records(self.decomposition),
            "periods": list(self.periods),
            "verdict": dict(self.verdict),
            "sentences": dict(self.sentences),
            **(self.checked.to_json() if self.checked else {}),
        }


def measure_convergence(
    vectors: ArrayLike,
    city: ArrayLike,
    year: ArrayLike,
    *,
    reference: str,
    firm: ArrayLike | None = None,
    strata: ArrayLike | None = None,
    draws: int = 999,
    rng: np.random.Generator,
    periods: Sequence[tuple[int, int]] | None = None,
    margin: float = 0.25,
    smallest_cell: int = 5,
    time: Literal["observed", "founded"] = "observed",
    two_sample: bool = True,
    clusters: ArrayLike | None = None,
    controls: Controls | None = None,
    progress: Progress = silent,
) -> Convergence:
    """Measure how far each city is from the reference in each period, and whether that changes.

    vectors (n, d) unit rows, one a firm and year; city (n,) names; year (n,) numbers; firm (n,) ids, None: each row
    is a firm; strata (n,) or (n, k) labels such as the language: only firms that agree in all are compared.
    periods are (first, last) years, both inclusive; a firm with several years in one period counts with the last.
    draws ≥ 99. margin in (0, 1): the share of the first gap whose closing counts as a change. smallest_cell ≥ 3 firms.
    time says what the years are: with ``founded`` the firms are today's survivors, and the decomposition says so.
    two_sample: whether each cell's AUC, MMD, location and dispersion are measured, the slow part of many small studies.
    clusters (n,) labels, −1 for noise: the change of the gap is also split by them. controls: what a finding must
    survive (see Controls); without them a significant slope is a finding, and its sentence says that it was not
    checked. The same rows in any order give the same numbers exactly.

    With more than 6,000 firms in a city and period, gaps and slopes still rest on every firm (all pairs up to 20,000,
    then an estimate whose ``gap_error`` is told; float32 above 100,000 rows), p-values on the permutations' moments;
    what needs whole matrices, on a sample of the firms; the decomposition is left out.

    H0 of a gap's p: within strata both cities have one distribution. H0 of a slope's p: the gap does not change.
    The interval of a gap is the firm-clustered jackknife's; where 0 is not ruled out, the statistic is degenerate and
    the interval inverts the permutation test instead.
    A cell or city that cannot be estimated has NaN and its reason in ``status``; its verdict is "not shown".
    Raises DataError for vectors that are not unit rows, columns of another length, rows without city, firm or year,
    a firm twice in a year, more than 20 cities; ConfigError for a reference that is not in the data, periods that
    overlap, and numbers outside their range.
    """
    _check_numbers(draws, margin, smallest_cell)
    rows = large_rows(vectors, city, year, reference=reference, firm=firm, strata=strata, periods=periods)
    seed = int(rng.integers(2**63))
    large = largest_cell(rows) > MOST_WHOLE
    some = firm_sample(rows) if large else rows
    results = _measure_cities(some, seed, draws, margin, smallest_cell, two_sample)
    parts: list[list[dict[str, Any]]] = []
    if large:
        results = _with_all_firms(rows, results, seed, margin, smallest_cell)
    else:
        given = None if clusters is None else sized(clusters, len(np.asarray(city, dtype=object)), "clusters")
        labels = None if given is None else given[rows.source]
        others = (code for code in range(len(rows.cities)) if code != rows.reference)
        parts = [decompose(rows, code, clusters=labels, smallest_cell=smallest_cell, time=time) for code in others]
    checked = None
    if controls is not None:
        options: dict[str, Any] = {"periods": periods, "draws": draws, "margin": margin, "progress": progress}
        options |= {"smallest_cell": smallest_cell, "rng": np.random.default_rng([seed, 1])}
        checked = check_controls(
            *_chosen(controls, some if large else None, rows, vectors, city, year, firm), **options
        )
    found = _assemble(rows, results, draws, rounded(list(chain(*parts)), DECOMPOSITION_COLUMNS), checked)
    return replace(found, sampled=len(some.city) if large else 0)


def _chosen(
    controls: Controls, sample: Rows | None, rows: Rows, *columns: ArrayLike | None
) -> tuple[Controls, Rows, ArrayLike, ArrayLike, ArrayLike, ArrayLike | None]:
    """The controls, the rows and the arrays they came from, or of these what is in the sample."""
    if sample is None:
        vectors, city, year, firm = columns
        return controls, rows, vectors, city, year, firm  # type: ignore[return-value]  # only firm may be None
    kept = sample.source
    vectors, city, year, firm = (None if one is None else np.asanyarray(one)[kept] for one in columns)
    covariates = controls.covariates.iloc[kept] if len(controls.covariates.columns) else controls.covariates
    variants = {name: np.asanyarray(one)[kept] for name, one in controls.variants.items()}
    chosen = replace(controls, covariates=covariates.reset_index(drop=True), variants=variants)
    return chosen, sample, vectors, city, year, firm  # type: ignore[return-value]  # as above


def _with_all_firms(
    rows: Rows, sampled: dict[str, CityResult], seed: int, margin: float, smallest_cell: int
) -> dict[str, CityResult]:
    """Gaps and trends of all firms in place of the sample's."""
    whole = large_trends(rows, rng=np.random.default_rng([seed, 2]), margin=margin, smallest_cell=smallest_cell)
    results = {}
    for name, own in sampled.items():
        found = whole[name]
        gaps = [
            # A fitted tail may end at 0, where a p-value never does; NaN stays.
            {measure: of_sample[measure] for measure in MEASURES if measure in of_sample}
            | (record | {"p": float(np.maximum(record["p"], SMALLEST_P))})
            for of_sample, record in zip(own.gaps, found.gaps, strict=True)
        ]
        results[name] = CityResult(gaps, found.trend, own.direction, found.periods)
    return results


def _measure_cities(
    rows: Rows, seed: int, draws: int, margin: float, smallest_cell: int, two_sample: bool
) -> dict[str, CityResult]:
    """Each city's result by its name; a stream a city, so that one more city leaves the others' p-values alone."""
    centre = centred_rows(rows)
    results = {}
    for code, name in enumerate(rows.cities):
        if code == rows.reference:
            continue
        stream = np.random.default_rng([seed, *name.encode()])
        result = measure_city(rows, code, centre, draws, stream, margin, smallest_cell)
        if two_sample:
            measured = two_sample_records(rows, code, smallest_cell, draws, stream)
            for record, more in zip(result.gaps, measured, strict=True):
                record |= {measure: more[measure] for measure in MEASURES}
        results[name] = result
    return results


def _check_numbers(draws: int, margin: float, smallest_cell: int) -> None:
    for name, value, good, wanted in (
        ("draws", draws, draws >= 99, "at least 99"),
        ("margin", margin, 0 < margin < 1, "a share between 0 and 1"),
        ("smallest_cell", smallest_cell, smallest_cell >= 3, "at least 3 firms"),
    ):
        if not good:
            raise ConfigError(f"{name} is {value}; {wanted} was expected")


def _assemble(
    rows: Rows, results: dict[str, CityResult], draws: int, decomposition: pd.DataFrame, checked: Checked | None
) -> Convergence:
    reference = rows.cities[rows.reference]
    adjusted = holm(np.array([one.trend.slope.p if one.trend else NAN for one in results.values()]))
    trends, directions, verdicts, sentences = [], [], {}, {}
    for (city, result), p_holm in zip(results.items(), adjusted, strict=True):
        trends.append(trend_record(city, result, float(p_holm)))
        directions.append(direction_record(city, result))
        if checked and city in checked.power and not checked.power[city].status:
            trends[-1]["power"] = checked.power[city].power_at_margin
        evidence = evidence_of(city, reference, result, trends[-1], directions[-1]["mover"], checked)
        rule = decide(evidence)
        verdicts[city], sentences[city] = rule.verdict, sentence(evidence, rule)
    return Convergence(
        reference=reference,
        gaps=rounded([record for one in results.values() for record in one.gaps], GAP_COLUMNS),
        trends=rounded(trends, TREND_COLUMNS),
        direction=rounded(directions, DIRECTION_COLUMNS),
        minimum_detectable={one["city"]: round(float(one["minimum_detectable"]), DECIMALS) for one in trends},
        verdict=verdicts,
        sentences=sentences,
        draws=draws,
        rows=len(rows.city),
        firms=rows.firms,
        outside=rows.outside,
        replaced=rows.replaced,
        decomposition=decomposition,
        periods=rows.labels,
        checked=checked,
    )
