"""Gaps and trends of very many firms: exact against estimated, seconds and peak memory; each run a process of its own.

.venv/bin/python scripts/benchmarks/convergence_scale.py [--largest 1000000] [--threads 1]

A firm's vector (384 values, float32) is one of 8 themes, standard normal over √d, plus 1.5 times such noise, divided by
its length. Each city mixes an even share of all themes with its own (Beijing three, Shanghai two, Shenzhen three);
``contrast`` is the weight of its own. In the trend studies the share of Shenzhen's firms that draw from Beijing's
mixture grows evenly from 0 to .3 in the last period; a firm is in one period only. Cities and periods are of equal
size. Seconds are those of the measurement, checks and sorting included, without making the vectors; the peak is the
whole process's, vectors included.
"""

# ruff: noqa: T201 - what it prints is its result

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
from typing import Any

import numpy as np

from chainbert.convergence.large import EXACT_UP_TO, large_gap
from chainbert.convergence.largerows import large_rows
from chainbert.convergence.largetrend import large_trends

DIMENSION = 384
CHUNK = 10_000
OWN_THEMES = {"Beijing": (0, 1, 2), "Shanghai": (3, 4), "Shenzhen": (5, 6, 7)}
COLUMNS = (
    *("firms", "cities x periods", "contrast", "method", "seconds", "cpu s", "peak MB", "gap", "its s.e."),
    *("error to exact", "in s.e.", "own error", "own in s.e.", "slope", "its s.e."),
)


def shares(city: str, contrast: float, adopted: float) -> np.ndarray:
    """(8,) theme shares of a city of whose firms a share has adopted Beijing's."""

    def own(name: str) -> np.ndarray:
        part = np.zeros(8)
        part[list(OWN_THEMES[name])] = 1 / len(OWN_THEMES[name])
        return (1 - contrast) / 8 + contrast * part

    return (1 - adopted) * own(city) + adopted * own("Beijing")


def draw(firms: int, cities: int, periods: int, contrast: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vectors (n, 384) float32, city and year."""
    rng = np.random.default_rng(20)
    width = np.float32(1 / np.sqrt(DIMENSION))
    themes = rng.standard_normal((8, DIMENSION), dtype=np.float32) * width
    names = np.array(["Beijing", "Shenzhen", "Shanghai"][:cities])
    place = np.arange(firms)
    city, year = names[place % cities], place // cities % periods
    vectors = np.empty((firms, DIMENSION), dtype=np.float32)
    for start in range(0, firms, CHUNK):
        part = slice(start, min(start + CHUNK, firms))
        theme = np.empty(part.stop - start, dtype=np.int64)
        for one in names:
            for period in range(periods):
                chosen = (city[part] == one) & (year[part] == period)
                adopted = 0.3 * period / max(1, periods - 1) if one == "Shenzhen" else 0.0
                theme[chosen] = rng.choice(8, size=int(chosen.sum()), p=shares(str(one), contrast, adopted))
        rows = themes[theme] + 1.5 * width * rng.standard_normal((len(theme), DIMENSION), dtype=np.float32)
        vectors[part] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return vectors, city, year + 2013


def child(case: dict[str, Any]) -> dict[str, Any]:
    """Measure one case in this process."""
    vectors, city, year = draw(case["firms"], case["cities"], case["periods"], case["contrast"])
    limit = 10**9 if case["method"] == "exact" else 0
    started, cpu = time.perf_counter(), time.process_time()
    rng = np.random.default_rng(1)
    result: dict[str, Any]
    if case["periods"] == 1:
        found = large_gap(vectors[city == "Shenzhen"], vectors[city == "Beijing"], rng=rng, exact_up_to=limit)
        result = {"gaps": [found.value], "errors": [found.error], "own": [found.own_error]}
    else:
        rows = large_rows(vectors, city, year, reference="Beijing")
        records, lines = [], []
        for one in large_trends(rows, rng=rng, exact_up_to=limit).values():
            records += one.gaps
            if one.trend is not None:
                lines.append(one.trend.slope)
        result = {"gaps": [one["gap"] for one in records], "errors": [one["error"] for one in records]}
        result |= {"own": [one["gap_error"] for one in records]}
        # The last city by name, Shenzhen, is the one that moves.
        result |= {"slope": lines[-1].value, "slope_error": lines[-1].error}
    result |= {"seconds": time.perf_counter() - started, "cpu": time.process_time() - cpu}
    return result | {"peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def line(case: dict[str, Any], found: dict[str, Any], exact: dict[str, Any] | None) -> list[str]:
    """One row of the table: of many gaps the first, and the largest of the errors."""
    gaps, errors, own = (np.array(found[name]) for name in ("gaps", "errors", "own"))
    row = [f"{case['firms']:,}", f"{case['cities']} x {case['periods']}", f"{case['contrast']:g}", case["method"]]
    row += [f"{found['seconds']:.1f}", f"{found['cpu']:.1f}", f"{found['peak']:,.0f}"]
    row += [f"{gaps[0]:.6f}", f"{errors[0]:.6f}"]
    if exact is None or case["method"] == "exact":
        row += ["", ""]
    else:
        off = np.abs(gaps - np.array(exact["gaps"]))
        row += [f"{off.max():.1e}", f"{(off / errors).max():.4f}"]
    row += [f"{own.max():.1e}", f"{(own / errors).max():.4f}"]
    if "slope" in found:
        row += [f"{found['slope']:.6f}", f"{found['slope_error']:.6f}"]
    return row + [""] * (len(COLUMNS) - len(row))


def run(case: dict[str, Any], threads: int) -> dict[str, Any]:
    """Measure one case in a new process."""
    environment = os.environ | {"OMP_NUM_THREADS": str(threads), "OPENBLAS_NUM_THREADS": str(threads)}
    command = [sys.executable, __file__, "--case", json.dumps(case)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Run all cases and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--largest", type=int, default=1_000_000)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--case", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.case:
        print(json.dumps(child(json.loads(arguments.case))))
        return
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, {arguments.threads} threads, Python {platform.python_version()}"
    )
    print(" | ".join(COLUMNS), flush=True)
    shapes = [(firms, 2, 1, contrast) for firms in (5_000, EXACT_UP_TO) for contrast in (0.5, 0.0)]
    shapes += [(EXACT_UP_TO, 3, 3, 0.5)]
    shapes += [(firms, 3, 6, 0.5) for firms in (250_000, 1_000_000) if firms <= arguments.largest]
    for firms, cities, periods, contrast in shapes:
        exact = None
        for method in ("exact", "estimated") if firms <= EXACT_UP_TO else ("estimated",):
            case = {"firms": firms, "cities": cities, "periods": periods, "contrast": contrast, "method": method}
            found = run(case, arguments.threads)
            exact = found if method == "exact" else exact
            print(" | ".join(line(case, found, exact)), flush=True)


if __name__ == "__main__":
    main()
