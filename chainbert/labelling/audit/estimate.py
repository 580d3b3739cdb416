"""Shares with intervals that cover: labels of all companies, corrected by hand codes of some."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from chainbert.companies import CompanySet
from chainbert.errors import ConfigError
from chainbert.files import atomic_path, check_writable
from chainbert.labelling.audit.frame import Frame
from chainbert.labelling.audit.matching import check_version, match_codes
from chainbert.labelling.audit.planning import codes_for_variance, methods_text, sentence
from chainbert.labelling.audit.ppi import FEWEST_CODES, Codes, Corrected, correct_share
from chainbert.labelling.audit.sampling import level_of
from chainbert.labelling.audit.weighting import Drawn
from chainbert.labelling.codebook import Axis, Codebook
from chainbert.labelling.gold import Gold, read_gold
from chainbert.labelling.tables import Labels
from chainbert.notebook import shown
from chainbert.wilson import wilson

ALL = "all"
UNKNOWN = "unknown"
Target = Literal["set", "population"]
FORMATS = (".csv", ".json", ".parquet")


@dataclass(frozen=True, slots=True)
class Shares:
    """Corrected shares, and how they came about."""

    table: pd.DataFrame
    """One row an axis, indicator or value, and group: axis, indicator, kind (``indicator`` or ``value``), the columns
    of ``by`` (``all`` where not split), n codes, N companies; shares in [0, 1], each with its 95 % interval: ``naive``
    (counted labels; its interval covers nothing), ``hand``, ``ppi``, and ``share`` (PPI++: the one to publish), as
    ``naive_low`` and so on, for ``share`` low and high; ``lambda``, ``width_ratio`` (width of ``share`` ÷ width of
    ``hand``), ``n_needed`` and ``n_needed_hand`` (codes for ± ``margin``; NA where unknown), ``status``
    (empty, ``census``, or why there is no ``share``), ``sentence``."""
    by: tuple[str, ...]
    target: Target
    margin: float
    design: str
    """stratified, weighted or simple."""
    n: int
    """Companies and years with a code."""
    N: int
    codebook_version: str
    labels_sha256: str
    """Beginning of the hash of the labels that the sample was drawn by; "" where the codes do not say."""
    methods: str
    """For a methods section."""
    notes: tuple[str, ...]
    """What a user must know, a sentence each."""

    def _repr_html_(self) -> str:
        columns = ["axis", "indicator", "kind", *self.by, "n", "N", "naive", "share", "low", "high", "status"]
        facts = {"codes": self.n, "companies": self.N, "design": self.design}
        return shown("Corrected shares", facts, [("95 % intervals", self.table[columns])], [self.methods, *self.notes])

    def to_json(self) -> dict[str, Any]:
        """Everything, with the table as records."""
        records = json.loads(self.table.to_json(orient="records", double_precision=6))
        named = ("by", "target", "margin", "design", "n", "N", "codebook_version", "methods", "notes")
        return {name: getattr(self, name) for name in named} | {"shares": records}


def estimate_shares(
    labels: Labels | pd.DataFrame,
    gold: Gold | Path | str,
    by: tuple[str, ...] | list[str] = (),
    *,
    companies: CompanySet | pd.DataFrame | None = None,
    codebook: Codebook | None = None,
    target: Target = "set",
    margin: float = 0.05,
    fewest: int = FEWEST_CODES,
) -> Shares:
    """Estimate the share of each indicator and value by prediction-powered inference, overall and by group.

    ``gold`` holds the codes of an audit sample (the filled sheet of ``draw_sample``: its inclusion probabilities
    are used) or of companies taken as a simple random sample, which is then noted. Groups are the levels of each
    column of ``by`` and their combinations; ``year`` is the label table's, city and language come from ``companies``.
    ``target`` ``set`` asks for the share among these N companies, ``population`` among those they stand for. Rows
    without usable text and rows that trained the labeller are no part of the set. Codes without a year, in labels of
    several years, are taken to speak of each company's last year, and only these are counted.
    Raises DataError for codes that trained the labeller, companies that the labels lack, no code at all, labels of
    another codebook version, a sample chosen on purpose without inclusion probabilities; ConfigError for unknown
    columns.
    """
    by = tuple(by)
    if not 0 < margin < 1:
        raise ConfigError(f"margin = {margin} found; a share above 0 and below 1 was expected, as .05 for ± 5 points")
    if isinstance(labels, Labels):
        codebook = codebook or labels.codebook
    frame = Frame.of(labels, codebook, companies)
    codes = gold if isinstance(gold, Gold) else read_gold(Path(gold), frame.codebook)
    matched = match_codes(frame, codes)
    frame, places = matched.frame, matched.places
    drawn = Drawn.of(matched.gold.table, len(frame.table))
    check_version(drawn, frame.codebook)
    groups = list(_groups(frame.table, by))
    records, merged, coded_rows = [], 0, np.zeros(len(places), dtype=bool)
    for axis, kind, name, said, probability in frame.questions():
        yes = _answers(matched.gold, axis, kind, name)
        coded = ~np.isnan(yes)
        coded_rows |= coded
        if not coded.any():
            continue
        weight, stratum, thin = drawn.weights(coded)
        merged = max(merged, thin)
        sample = Codes(yes[coded], probability[places[coded]], weight, stratum)
        for labelled, member in groups:
            found = correct_share(
                sample,
                member[places[coded]],
                probability[member],
                population=target == "population",
                fewest=fewest,
            )
            head = {"axis": axis.id, "indicator": name, "kind": kind, **labelled}
            n, size = int(member[places[coded]].sum()), int(member.sum())
            records.append(_record(head, by, found, said[member], (n, size, fewest), margin, target))
    notes = [*drawn.notes, *matched.notes]
    if merged:
        notes.append(f"Strata with one code or none, counted with their neighbours: {merged}")
    if missing := int((~coded_rows).sum()):
        notes.append(f"Rows of the coded file without any code, taken to be missing at random: {missing:,}")
    text = methods_text(drawn.kind, len(frame.table), int(coded_rows.sum()), target, _named(labels))
    return Shares(
        table=pd.DataFrame(records).astype({"n_needed": "Int64", "n_needed_hand": "Int64"}),
        by=by,
        target=target,
        margin=margin,
        design=drawn.kind,
        n=int(coded_rows.sum()),
        N=len(frame.table),
        codebook_version=frame.codebook.version,
        labels_sha256=drawn.stated.get("labels", ""),
        methods=text,
        notes=tuple(notes),
    )


def write_shares(shares: Shares, path: Path) -> None:
    """Write the table as csv or parquet, or everything as json (by the ending), whole or not at all."""
    check_shares_path(path)
    with atomic_path(path) as temporary:
        if path.suffix.lower() == ".csv":
            shares.table.to_csv(temporary, index=False, float_format="%.6f", lineterminator="\n")
        elif path.suffix.lower() == ".parquet":
            shares.table.to_parquet(temporary, index=False)
        else:
            temporary.write_text(json.dumps(shares.to_json(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def check_shares_path(path: Path) -> None:
    """Raise ConfigError for an ending that shares are not written as, DataError where the file cannot be written."""
    if path.suffix.lower() not in FORMATS:
        raise ConfigError(
            f"{path}: shares are written as {', '.join(FORMATS)}, by the file's ending; found {path.suffix!r}"
        )
    check_writable(path)


def _groups(table: pd.DataFrame, by: tuple[str, ...]) -> Iterator[tuple[dict[str, str], np.ndarray]]:
    """All companies, each level of each column, and where there are several columns each combination of all."""
    levels = {name: np.where(level_of(table, name) == "", UNKNOWN, level_of(table, name)) for name in by}
    everything = dict.fromkeys(by, ALL)
    yield everything, np.ones(len(table), dtype=bool)
    splits = [(name,) for name in by] + ([by] if len(by) > 1 else [])
    for columns in splits:
        for values in itertools.product(*(sorted(set(levels[name])) for name in columns)):
            member = np.logical_and.reduce([levels[name] == v for name, v in zip(columns, values, strict=True)])
            if member.any():
                yield everything | dict(zip(columns, values, strict=True)), member


def _answers(gold: Gold, axis: Axis, kind: str, name: str) -> np.ndarray:
    if kind == "indicator":
        return np.asarray(gold.says(axis, name), dtype=np.float64)
    if axis.id not in gold.table:
        return np.full(len(gold.table), np.nan)
    values = gold.table[axis.id].fillna("").to_numpy(dtype=str)
    return np.where(values == "", np.nan, (values == name).astype(np.float64))


def _record(
    head: dict[str, str],
    by: tuple[str, ...],
    found: Corrected,
    said: np.ndarray,
    counts: tuple[int, int, int],
    margin: float,
    target: Target,
) -> dict[str, Any]:
    n, size, fewest = counts
    low, high = wilson(np.array([said.sum()]), np.array([size]))
    record: dict[str, Any] = {**head, "n": n, "N": size}
    record |= {"naive": float(said.mean()), "naive_low": float(low[0]), "naive_high": float(high[0])}
    for name, one in (("hand", found.hand), ("ppi", found.ppi)):
        record |= {name: one.share, f"{name}_low": one.low, f"{name}_high": one.high}
    tuned = found.tuned
    record |= {"share": tuned.share, "low": tuned.low, "high": tuned.high, "lambda": found.tuning}
    record["width_ratio"] = tuned.width / found.hand.width if found.hand.width > 0 else float("nan")
    population = target == "population"
    for name, unit, share in (
        ("n_needed", found.unit_variance, tuned.share),
        ("n_needed_hand", found.hand_unit_variance, found.hand.share),
    ):
        needed = codes_for_variance(margin, size, unit, share, population=population)
        record[name] = pd.NA if needed is None else needed
    record["status"] = ""
    if n == size:
        record["status"] = "census"
    elif n < fewest:
        record["status"] = f"{n or 'no'} code{'' if n == 1 else 's'}, {fewest} are needed"
    record["sentence"] = sentence(record, by)
    return record


def _named(labels: Labels | pd.DataFrame) -> str:
    return f" ({labels.labeller})" if isinstance(labels, Labels) else ""
