"""Size, coverage and power of the convergence room on simulated studies, beside a plain baseline.

    .venv/bin/python scripts/benchmarks/convergence.py [--studies 1000] [--workers 2] [--cells static drift …]

The generator (tests/simulated_cities.py): a firm's vector in 384 dimensions is theme + noise, divided by its length. 8
themes, standard normal over √384; noise 1.5 times as long as a theme. Beijing mixes an even share of all themes with
three of its own, Shanghai two, Shenzhen the other three; ``contrast`` is the weight of a city's own themes, .7 here
where not said otherwise. Firms a year: Beijing 110, Shenzhen 34 (Shanghai's 53 are left out to save time), 6 years.

Nulls, in which nothing converges:
  static           nothing changes
  no gap           contrast 0: both cities are one population
  drift            all firms take up a common direction, 1.5 themes long by the last year
  growth           20 firms a city in the first year, 120 in the last
  language mix     90 % Chinese in Beijing, 50 % in Shenzhen, a language being a direction 1.5 themes long
  language shift   Shenzhen's share of Chinese falls from 90 to 40 %, and English texts have twice the noise
  length           filler sentences beside two of the firm's own, none in the first year, 2 on average in the last
  dispersion       Shenzhen's noise is 1.5 times Beijing's; all rows share a direction 3 themes long, as those of real
                   encoders do (without one, unit rows are all as far from their mean)
  persistence      80 % of the firms stay from year to year with nearly the same text
  survivorship     20 % of Shenzhen's firms leave each year, the farther from Beijing the likelier; others come
Languages are held fixed as strata; so is the number of sentences under ``length``, where it differs.
Planted: the share of Shenzhen's firms that draw from Beijing's mixture grows evenly from 0 to 15, 30 or 50 % in the
last year; with Beijing as the mover its firms draw from Shenzhen's.

Columns: trend (share of studies with p < .05 of the slope), down (of these, slope < 0), baseline (U-statistic gap over
within-city distance, least squares on the years, plain firm jackknife), oracle (what no test of texts can reach: every
firm's theme and both mixtures known), and what a cell is about: named and right (a mover is named, the right one),
stayers (their own change found, after decomposition), location and dispersion (tests of the first year), coverage of
95 % intervals. ± is the Monte-Carlo standard error. Finished studies are kept in --out and not run again.
"""

# ruff: noqa: T201 - what it prints is its result

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

from simulated_cities import Setting, Study, mixture, simulate

from chainbert.convergence.cells import cells_of
from chainbert.convergence.cities import city_trend
from chainbert.convergence.decomposition import decompose
from chainbert.convergence.direction import direction
from chainbert.convergence.gap import block_sums, stratified_gap
from chainbert.convergence.jackknife import Interval, deviations, firm_covariance, interval, leave_one_out
from chainbert.convergence.permutation import permutation_test
from chainbert.convergence.rows import Rows, check_rows
from chainbert.convergence.trend import line_weights
from chainbert.convergence.twosample import two_sample_records

MIXED = {"Beijing": (0.9, 0.9), "Shanghai": (0.7, 0.7), "Shenzhen": (0.5, 0.5)}
SHIFTED = {"Beijing": (0.9, 0.9), "Shanghai": (0.7, 0.7), "Shenzhen": (0.9, 0.4)}
TEN_TIMES = {"Beijing": 1100, "Shanghai": 0, "Shenzhen": 340}
THOUSAND = {"Beijing": 1000, "Shanghai": 0, "Shenzhen": 1000}
USUAL = {"contrast": 0.7}
NULLS: dict[str, dict[str, Any]] = {
    "static": USUAL,
    "no gap": {"contrast": 0.0},
    "drift": USUAL | {"drift": 1.5},
    "growth": USUAL | {"growth": (20, 120)},
    "language mix": USUAL | {"chinese": MIXED},
    "language shift": USUAL | {"chinese": SHIFTED, "language_noise": 1.5},
    "length": USUAL | {"filler": (0.0, 2.0)},
    "dispersion": USUAL | {"spread": {"Shenzhen": 1.5}, "common": 3.0},
    "persistence": USUAL | {"persistence": 0.8},
    "survivorship": USUAL | {"exits": 0.2},
}
LOCATION_NULLS: dict[str, dict[str, Any]] = {
    "location: static": {"contrast": 0.0, "years": 1},
    "location: language mix": {"contrast": 0.0, "years": 1, "chinese": MIXED},
    "location: length": {"contrast": 0.0, "years": 1, "filler": (2.0, 2.0)},
    "location: dispersion": {"contrast": 0.0, "years": 1, "spread": {"Shenzhen": 1.5}, "common": 3.0},
}
PLANTED: dict[str, dict[str, Any]] = {
    "adopt 15 %": USUAL | {"adopt": 0.15},
    "adopt 30 %": USUAL | {"adopt": 0.30},
    "adopt 50 %": USUAL | {"adopt": 0.50},
    "adopt 30 %, Beijing": USUAL | {"adopt": 0.30, "mover": "Beijing"},
    "adopt 15 %, weak": {"contrast": 0.5, "adopt": 0.15},
    "adopt 30 %, weak": {"contrast": 0.5, "adopt": 0.30},
    "adopt 50 %, weak": {"contrast": 0.5, "adopt": 0.50},
    "adopt 15 %, strong": {"contrast": 0.8, "adopt": 0.15},
    "adopt 30 %, strong": {"contrast": 0.8, "adopt": 0.30},
    "adopt 50 %, strong": {"contrast": 0.8, "adopt": 0.50},
}
LARGE: dict[str, dict[str, Any]] = {
    "adopt 15 %, ten times": USUAL | {"adopt": 0.15, "sizes": TEN_TIMES},
    "no change, 1,000 each": USUAL | {"sizes": THOUSAND},
}
# One drawing of the themes for all studies, so that there is one true gap to cover.
COVERED: dict[str, dict[str, Any]] = {
    "coverage: static": USUAL | {"themes": 1},
    "coverage: adopt 30 %": USUAL | {"themes": 1, "adopt": 0.30},
    "coverage: no gap": {"contrast": 0.0, "themes": 1},
}
CELLS = {**NULLS, **LOCATION_NULLS, **PLANTED, **LARGE, **COVERED}


def rows_of(study: Study, name: str) -> Rows:
    """Shenzhen and Beijing; languages held fixed, and the number of sentences where it differs."""
    chosen = study.city != "Shanghai"
    strata = [study.language[chosen]]
    if "length" in name:
        sentences = study.sentences[chosen]
        strata.append(np.searchsorted(np.quantile(sentences, [1 / 3, 2 / 3]), sentences).astype(str))
    return check_rows(
        study.vectors[chosen],
        study.city[chosen],
        study.year[chosen],
        reference="Beijing",
        firm=study.firm[chosen],
        strata=np.column_stack(strata),
    )


def baseline_p(rows: Rows) -> float:
    """What a careful analyst would write: ratio of U-statistics, least squares, firm jackknife; no strata."""
    cells = cells_of(replace(rows, stratum=np.zeros_like(rows.stratum)), 1, 5, rows.vectors)
    gaps = np.array([float(stratified_gap(block_sums(cell.blocks))) for cell in cells])
    line = line_weights(rows.midpoints, np.ones(len(gaps)))
    firms = np.zeros(int(rows.firm.max()) + 1)
    for weight, cell in zip(line, cells, strict=True):
        influence = leave_one_out(cell.blocks)
        np.add.at(firms, rows.firm[influence.firms], weight * deviations(influence))
    return interval(float(line @ gaps), float(np.sqrt((firms**2).sum())), math.inf).p


def movers(rows: Rows, setting: Setting) -> dict[str, float]:
    """Whether a mover is named, and the right one."""
    moved = direction(rows, 1, list(range(len(rows.labels))))
    mover = moved.mover if moved else "neither shown"
    wanted = "reference moved" if setting.mover == "Beijing" else "home moved"
    return {"named": mover != "neither shown", "right": mover == wanted}


def oracle_p(study: Study, setting: Setting) -> float:
    """What nobody can have: the slope of the difference in themes, each firm's theme and both mixtures known."""
    home, other = (mixture(setting, city, 0.0) for city in ("Shenzhen", "Beijing"))
    score = ((other - home) / (other + home))[study.theme]
    years = np.unique(study.year)
    cells = [[score[(study.city == city) & (study.year == year)] for city in ("Shenzhen", "Beijing")] for year in years]
    sizes = np.array([len(one) * len(two) / (len(one) + len(two)) for one, two in cells])
    line = line_weights(years.astype(float), sizes)
    slope = line @ np.array([two.mean() - one.mean() for one, two in cells])
    variance = line**2 @ np.array([one.var(ddof=1) / len(one) + two.var(ddof=1) / len(two) for one, two in cells])
    return interval(float(slope), float(np.sqrt(variance)), math.inf).p


def measure(name: str, seed: int) -> dict[str, float]:
    """Everything a cell asks of one study."""
    changes = dict(CELLS[name])
    themes = changes.pop("themes", None)
    setting = Setting(**changes)
    rng = np.random.default_rng([2026, seed])
    study = simulate(setting, rng, themes=None if themes is None else np.random.default_rng(themes))
    rows = rows_of(study, name)
    if name in LOCATION_NULLS:
        record = two_sample_records(rows, 1, 5, 199, rng)[0]
        return {"location": record["location_p"] < 0.05, "dispersion": record["dispersion_p"] < 0.05}
    line = city_trend(rows, 1)
    found: dict[str, float] = {
        "trend": line.slope.p < 0.05,
        "down": line.slope.p < 0.05 and line.slope.value < 0,
        "equivalent": line.p_equivalent < 0.05,
        "slope": line.slope.value,
        "error": line.slope.error,
    }
    if name in LARGE:
        if "adopt" in name:
            found |= movers(rows, setting)
        return found
    found["baseline"] = baseline_p(rows) < 0.05
    if name in PLANTED:
        found["oracle"] = oracle_p(study, setting) < 0.05
    if name in NULLS or name in PLANTED:
        found |= movers(rows, setting)
    if name == "survivorship":
        parts = decompose(rows, 1)
        whole = {one["part"]: one for one in parts if (one["from"], one["to"]) == (rows.labels[0], rows.labels[-1])}
        found["stayers"] = whole["stayers"]["low"] > 0 or whole["stayers"]["high"] < 0
        found["closing by leavers"] = whole["leavers"]["change"]
        found["closing in all"] = whole["total"]["change"]
    if name in COVERED:
        found |= coverage(rows, line.slope, truth(name), rng)
    return found


TRUTHS: dict[str, np.ndarray] = {}


def truth(name: str) -> np.ndarray:
    """(years,) true gaps of a cell with fixed themes, from 6 samples of 2,000 firms a city and year."""
    if name not in TRUTHS:
        changes = dict(CELLS[name])
        themes = changes.pop("themes")
        large = Setting(**changes | {"sizes": {"Beijing": 2000, "Shanghai": 0, "Shenzhen": 2000}})
        gaps = []
        for seed in range(6):
            study = simulate(large, np.random.default_rng([7, seed]), themes=np.random.default_rng(themes))
            cells = cells_of(rows_of(study, name), 1, 5, rows_of(study, name).vectors)
            gaps.append([float(stratified_gap(block_sums(cell.blocks))) for cell in cells])
        TRUTHS[name] = np.mean(gaps, axis=0)
    return TRUTHS[name]


def coverage(rows: Rows, slope: Interval, true: np.ndarray, rng: np.random.Generator) -> dict[str, float]:
    """Whether the intervals of the first year's gap and of the slope hold the truth."""
    cells = cells_of(rows, 1, 5, rows.vectors)
    first = cells[0]
    value = float(stratified_gap(block_sums(first.blocks)))
    n, m = first.used()
    own = interval(value, firm_covariance([leave_one_out(first.blocks)], rows.firm).error(np.ones(1)), min(n, m) - 1)
    chance = permutation_test(first.blocks, 499, rng)
    low, high = (chance.low, chance.high) if chance.near_zero else (own.low, own.high)
    sizes = np.array([math.prod(cell.used()) / sum(cell.used()) for cell in cells])
    line = float(line_weights(rows.midpoints, sizes) @ true)
    return {"gap covered": low <= true[0] <= high, "slope covered": slope.low <= line <= slope.high}


def run(job: tuple[str, int, int]) -> list[dict[str, Any]]:
    """A stretch of studies of one cell, in one process with one thread."""
    name, start, stop = job
    with threadpool_limits(limits=1):
        return [{"cell": name, "seed": seed, **measure(name, seed)} for seed in range(start, stop)]


def table(records: list[dict[str, Any]]) -> None:
    """Print one line a cell."""
    for name in CELLS:
        own = [one for one in records if one["cell"] == name]
        if not own:
            continue
        said = []
        for key in own[0]:
            if key in {"cell", "seed", "slope", "error"} or key.startswith("closing"):
                continue
            share = float(np.mean([one[key] for one in own]))
            said.append(f"{key} {share:.3f} ± {math.sqrt(share * (1 - share) / len(own)):.3f}")
        if "closing in all" in own[0]:
            parts = [float(np.mean([one[key] for one in own])) for key in ("closing by leavers", "closing in all")]
            said.append(f"leavers' part of the closing {parts[0] / parts[1]:.2f}")
        if "right" in own[0] and name not in NULLS:
            named = max(1, sum(one["named"] for one in own))
            said.append(f"right of those named {sum(one['right'] for one in own) / named:.3f}")
        if "slope" in own[0]:
            ratio = np.mean([one["error"] for one in own]) / np.std([one["slope"] for one in own])
            said.append(f"error / true error {ratio:.2f}")
        print(f"{name:24} n {len(own):5,}  {'  '.join(said)}", flush=True)


def kept(path: Path) -> list[dict[str, Any]]:
    """Records of an earlier run; a last line that was cut off is left out."""
    records = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        try:
            records.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return records


def main() -> None:
    """Run what is missing, then print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=1000)
    parser.add_argument("--large", type=int, default=100, help="studies of the cells with ten times the firms")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--cells", nargs="*", default=list(CELLS), choices=list(CELLS), metavar="CELL")
    parser.add_argument("--out", type=Path, default=Path("runs/benchmarks/convergence.jsonl"))
    arguments = parser.parse_args()
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    records = kept(arguments.out)
    done = {(one["cell"], one["seed"]) for one in records}
    jobs = []
    for name in arguments.cells:
        wanted = arguments.large if name in LARGE else arguments.studies
        step = 5 if name in LARGE else 25
        for start in range(0, wanted, step):
            missing = [seed for seed in range(start, min(start + step, wanted)) if (name, seed) not in done]
            if missing:
                jobs.append((name, missing[0], missing[-1] + 1))
    started = time.perf_counter()
    with ProcessPoolExecutor(arguments.workers) as pool, arguments.out.open("a", encoding="utf-8") as file:
        for number, found in enumerate(pool.map(run, jobs), start=1):
            fresh = [one for one in found if (one["cell"], one["seed"]) not in done]
            file.writelines(json.dumps(one, default=float) + "\n" for one in fresh)
            file.flush()
            records += fresh
            seconds = time.perf_counter() - started
            print(f"\r{number} of {len(jobs)} stretches, {seconds:.0f} s", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    table([one for one in records if one["cell"] in arguments.cells])


if __name__ == "__main__":
    main()
