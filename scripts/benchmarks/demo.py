"""The demo study from empty stores, and again unchanged; each run is a process of its own.

.venv/bin/python scripts/benchmarks/demo.py [--runs 3] [--study demo]
"""

# ruff: noqa: T201 - what it prints is its result

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CHILD = """
import resource, sys
from chainbert.study import run
run(sys.argv[1], out=__import__("pathlib").Path(sys.argv[2]))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def timed(study: str, out: Path, cache: Path) -> tuple[float, float]:
    """Seconds and peak memory (MB) of one run in a new process."""
    started = time.perf_counter()
    environment = os.environ | {"CHAINBERT_CACHE": str(cache)}
    command = [sys.executable, "-c", CHILD, study, str(out)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    return time.perf_counter() - started, int(done.stdout.split()[-1]) / 1024


def main() -> None:
    """Run and print medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--study", default="demo")
    arguments = parser.parse_args()
    cold, warm = [], []
    stages: dict[str, list[float]] = {}
    for number in range(arguments.runs):
        with tempfile.TemporaryDirectory() as folder:
            out, cache = Path(folder) / "run", Path(folder) / "cache"
            cold.append(timed(arguments.study, out, cache))
            for stage in json.loads((out / "manifest.json").read_text())["stages"]:
                stages.setdefault(stage["name"], []).append(stage["seconds"])
            warm.append(timed(arguments.study, out, cache))
        print(f"run {number + 1}: {cold[-1][0]:.1f} s cold, {warm[-1][0]:.1f} s unchanged", flush=True)
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, medians of {arguments.runs}"
    )
    for name, runs in (("from empty stores", cold), ("unchanged", warm)):
        seconds, memory = (statistics.median(values) for values in zip(*runs, strict=True))
        print(f"{arguments.study} {name}: {seconds:.1f} s, peak {memory:,.0f} MB")
    print("by stage: " + ", ".join(f"{name} {statistics.median(values):.1f} s" for name, values in stages.items()))


if __name__ == "__main__":
    main()
