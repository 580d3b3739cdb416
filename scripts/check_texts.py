"""Report how varied training texts are: sentences by language and code, industries, near-repeats, texts kept unseen.

Usage: scripts/check_texts.py TRAIN.jsonl [TEST.jsonl], as models/company-axes/texts/train.jsonl and test.jsonl.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

from chainbert.labelling.training import variety_of

MOST_ALIKE = 0.02


def main() -> int:
    """Print the report; 1 where a class has more near-repeats than 2 % of its pairs."""
    paths = [Path(name) for name in sys.argv[1:]]
    if not paths:
        sys.stdout.write(f"{__doc__}\n")
        return 2
    tables = {str(path): pd.read_json(path, lines=True) for path in paths}
    for name, table in tables.items():
        found = variety_of(table)
        total = sum(found.sentences.values())
        by_language = ", ".join(f"{language} {count:,}" for language, count in found.sentences.items())
        sys.stdout.write(f"{name}: {total:,} sentences and names ({by_language})\n")
        sys.stdout.write(f"  {found.companies:,} companies, {found.industries:,} industries or products\n")
    found = variety_of(pd.concat(tables.values(), ignore_index=True))
    for code, count in found.says.items():
        alike = f"{found.alike[code]:.4%} of its pairs are near-repeats" if code in found.alike else ""
        sys.stdout.write(f"  {code:24} {count:>6,}  {alike}\n")
    worst = max(found.alike.values())
    sys.stdout.write(f"near-repeats: at most {worst:.4%} of the pairs of a class ({MOST_ALIKE:.0%} allowed)\n")
    return int(worst > MOST_ALIKE)


if __name__ == "__main__":
    sys.exit(main())
