"""The files of a run folder that the report shows."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from chainbert.errors import DataError

NO_CITY = "no city"
LEVEL = 0.05
_NUMBERS = {
    "shares.csv": ("n", "yes", "share", "low", "high"),
    "terms.csv": ("cluster", "rank", "weight", "firms"),
    "tables/clusters.csv": ("cluster", "size"),
    "tables/cluster_shares.csv": ("cluster", "n", "total", "share"),
}
_WORDS = {
    "shares.csv": ("axis", "indicator", "kind", "city", "period"),
    "terms.csv": ("term",),
    "tables/clusters.csv": ("name", "medoids"),
    "tables/cluster_shares.csv": ("city", "period"),
}
_PLACED = ("key", "cluster", "strength", "x", "y", "medoid")


@dataclass(frozen=True, slots=True)
class RunFiles:
    """What a run left behind; a table may have no rows, never a missing column."""

    companies: pd.DataFrame
    labels: pd.DataFrame
    shares: pd.DataFrame
    clusters: pd.DataFrame
    terms: pd.DataFrame
    cluster_sizes: pd.DataFrame
    cluster_shares: pd.DataFrame
    convergence: dict[str, Any]
    specifications: dict[str, Any]
    grouping: dict[str, Any]
    hand_codes: dict[str, Any]

    @property
    def usable(self) -> pd.DataFrame:
        """The companies that were labelled; the others have their reason in ``status``."""
        return self.companies[self.companies["status"] == ""]

    @property
    def reference(self) -> str:
        """The city the others are compared with; "" where the run compared none."""
        return str(self.convergence.get("reference") or "")

    def found(self, part: str) -> list[dict[str, Any]]:
        """Rows of one list of the run's json files (``gaps``, ``specifications`` …); [] where the run found none."""
        for source in (self.convergence, self.specifications, self.grouping):
            if rows := source.get(part):
                return [row for row in rows if isinstance(row, dict)]
        return []

    def significant(self, city: str) -> bool:
        """Whether the city's slope is a finding that the controls are asked about."""
        p = next((row.get("p_holm") for row in self.found("trends") if row.get("city") == city), None)
        return p is not None and float(p) < LEVEL


def read_run(folder: Path) -> RunFiles:
    """Read a run folder. Raises DataError naming the file that is missing or damaged."""
    companies = _parquet(folder / "companies.parquet")
    companies["city"] = companies["city"].fillna("").replace("", NO_CITY)
    clusters = _parquet(folder / "clusters.parquet")
    return RunFiles(
        companies=companies,
        labels=_parquet(folder / "labels.parquet"),
        shares=_csv(folder, "shares.csv"),
        clusters=clusters.reindex(columns=[*clusters.columns, *(one for one in _PLACED if one not in clusters)]),
        terms=_csv(folder, "terms.csv"),
        cluster_sizes=_csv(folder, "tables/clusters.csv"),
        cluster_shares=_csv(folder, "tables/cluster_shares.csv"),
        convergence=_json(folder / "convergence.json"),
        specifications=_json(folder / "specifications.json", needed=False),
        grouping=_json(folder / "clusters.json", needed=False),
        hand_codes=_json(folder / "hand_codes.json", needed=False),
    )


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of a table as dicts by column name."""
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]


def _parquet(path: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(path)
    except FileNotFoundError as error:
        raise _missing(path) from error
    except (OSError, pa.ArrowInvalid) as error:
        raise _damaged(path, error) from error


def _csv(folder: Path, name: str) -> pd.DataFrame:
    path = folder / name
    try:
        # A term or a company may be called "NA" or "null".
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except FileNotFoundError as error:
        raise _missing(path) from error
    except pd.errors.EmptyDataError:
        table = pd.DataFrame()
    except (pd.errors.ParserError, UnicodeDecodeError) as error:
        raise _damaged(path, error) from error
    table = table.reindex(columns=[*_WORDS[name], *_NUMBERS[name]])
    for column in _NUMBERS[name]:
        table[column] = pd.to_numeric(table[column], errors="coerce")
    if "city" in table:
        table["city"] = table["city"].replace("", NO_CITY)
    return table


def _json(path: Path, *, needed: bool = True) -> dict[str, Any]:
    """A run that was not asked for a file has none: it is empty then, unless it is ``needed``."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        if not needed:
            return {}
        raise _missing(path) from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise _damaged(path, error) from error
    if not isinstance(content, dict):
        raise _damaged(path, f"found a {type(content).__name__}, expected an object")
    return content


def _missing(path: Path) -> DataError:
    return DataError(f"{path}: is missing; a run folder written by `chainbert run` was expected. Run the study again.")


def _damaged(path: Path, reason: object) -> DataError:
    return DataError(f"{path}: cannot be read ({reason}). Delete it and run the study again.")
