"""Training texts: sentences of companies with the indicators each one speaks for."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from chainbert.errors import DataError
from chainbert.files import content_hash, file_hash
from chainbert.labelling.codebook import Axis
from chainbert.labelling.training.config import require
from chainbert.yamlfile import did_you_mean

COLUMNS = {"company": str, "language": str, "text": str, "says": list}
RARE = 0.05
SHOWN_FAULTS = 20


@dataclass(frozen=True, slots=True)
class TrainingTexts:
    """m sentences, sorted by content so that the order of the files changes nothing."""

    table: pd.DataFrame
    """company, language (zh or en), text, says (tuple of ``axis.indicator``), application and other columns kept."""
    sha256: dict[str, str]
    """Of each file read."""
    notes: tuple[str, ...]
    """What is unusual about them, a sentence each."""

    def answers(self, axis: Axis) -> np.ndarray:
        """(m, k) float64: 1 the sentence speaks for the indicator, 0 not, nan where a single choice is silent."""
        said = [set(codes) for codes in self.table["says"]]
        names = [f"{axis.id}.{indicator.id}" for indicator in axis.indicators]
        found = np.array([[name in codes for name in names] for codes in said], dtype=float).reshape(-1, len(names))
        if axis.kind == "single":
            found[found.sum(axis=1) == 0] = np.nan
        return found


def read_training_texts(paths: Sequence[Path], axes: Sequence[Axis]) -> TrainingTexts:
    """Read JSON Lines with one sentence a line, through Hugging Face ``datasets``.

    Each has ``company`` (the sentences of one company are never parted), ``language`` (zh, en), ``text``, and
    ``says``: a list of ``axis.indicator``, empty where it speaks for none. Codes of axes that are not in ``axes``
    are left out. Raises DataError listing every fault as ``file:line``: a missing column, an empty text, an unknown
    code or language, one text coded in two ways, an indicator that no text speaks for.
    """
    tables, faults = [], []
    for path in paths:
        broken = list(_broken_lines(path))
        faults += broken
        if not broken:
            tables.append(_read(path))
            faults += list(_faults(tables[-1], axes))
    if not faults:
        joined = pd.concat(tables, ignore_index=True)
        faults += list(_contradictions(joined))
        faults += list(_silent(joined, axes))
    if faults:
        shown = "\n".join(faults[:SHOWN_FAULTS])
        more = f"\n… and {len(faults) - SHOWN_FAULTS} more" if len(faults) > SHOWN_FAULTS else ""
        raise DataError(f"{len(faults)} fault(s) in the training texts:\n{shown}{more}")
    order = joined[["company", "text"]].apply(lambda row: content_hash(*row), axis=1).argsort(kind="stable")
    joined = joined.iloc[order].drop_duplicates(["company", "text"]).reset_index(drop=True)
    return TrainingTexts(joined, {str(path): file_hash(path) for path in paths}, tuple(_notes(joined, axes)))


def _read(path: Path) -> pd.DataFrame:
    """One row a line, with its place."""
    require("datasets", "reading training texts")
    from datasets import Dataset, disable_progress_bars, enable_progress_bars  # noqa: PLC0415 - seconds to import
    from datasets.exceptions import DatasetGenerationError  # noqa: PLC0415 - as above

    disable_progress_bars()
    # Its cache would keep a copy of every version of the texts.
    with tempfile.TemporaryDirectory(prefix="chainbert-texts-") as cache:
        try:
            table: pd.DataFrame = Dataset.from_json(str(path), cache_dir=cache, keep_in_memory=True).to_pandas()
        except DatasetGenerationError as error:
            raise DataError(f"{path}: cannot be read as JSON Lines ({error.__cause__ or error})") from error
        finally:
            enable_progress_bars()
    return table.assign(place=[f"{path}:{number}" for number, _ in _lines(path)])


def _lines(path: Path) -> list[tuple[int, str]]:
    """The lines that are not blank, with their numbers from 1."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file of training texts") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: is not UTF-8 ({error}); save it as UTF-8") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error
    return [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]


def _broken_lines(path: Path) -> Iterator[str]:
    """Which lines are no JSON objects with the columns; datasets says only that one of them is not."""
    lines = _lines(path)
    if not lines:
        yield f"{path}: holds no texts"
    for number, line in lines:
        try:
            found = json.loads(line)
        except ValueError as error:
            yield f"{path}:{number}: no JSON ({error}); one object a line was expected"
            continue
        if not isinstance(found, dict):
            yield f"{path}:{number}: a JSON object was expected, found {type(found).__name__}"
            continue
        for column, kind in COLUMNS.items():
            if not isinstance(found.get(column), kind):
                what = "missing" if column not in found else f"{found[column]!r}"
                yield f"{path}:{number}: '{column}' is {what}; {kind.__name__} was expected"


def _faults(table: pd.DataFrame, axes: Sequence[Axis]) -> Iterator[str]:
    known = {f"{axis.id}.{indicator.id}" for axis in axes for indicator in axis.indicators}
    ids = {axis.id for axis in axes}
    for row in table.to_dict("records"):
        if not str(row["text"]).strip():
            yield f"{row['place']}: the text is empty"
        if row["language"] not in ("zh", "en"):
            yield f"{row['place']}: language {row['language']!r}; zh or en was expected"
        for code in row["says"]:
            if code not in known and str(code).partition(".")[0] in ids:
                yield f"{row['place']}: {code!r} is no indicator of the codebooks.{did_you_mean(str(code), known)}"
        for axis in axes:
            if axis.kind == "single" and sum(str(code).startswith(f"{axis.id}.") for code in row["says"]) > 1:
                yield f"{row['place']}: several values of the single choice '{axis.id}'; one at most was expected"


def _contradictions(table: pd.DataFrame) -> Iterator[str]:
    codes = table["says"].map(lambda says: tuple(sorted(says)))
    for text, rows in table.assign(codes=codes).groupby("text", sort=False):
        if rows["codes"].nunique() > 1:
            places = ", ".join(rows["place"].head(3))
            yield f"{places}: one text coded in several ways: {str(text)[:60]!r}; keep one coding"


def _silent(table: pd.DataFrame, axes: Sequence[Axis]) -> Iterator[str]:
    said = {code for says in table["says"] for code in says}
    for axis in axes:
        for indicator in axis.indicators:
            if f"{axis.id}.{indicator.id}" not in said:
                yield (
                    f"no text speaks for '{axis.id}.{indicator.id}'; give examples of it, or leave the axis out "
                    f"(leave_out: [{axis.id}])"
                )


def _notes(table: pd.DataFrame, axes: Sequence[Axis]) -> Iterator[str]:
    languages = sorted(table["language"].unique())
    if len(languages) == 1:
        yield f"All texts are in '{languages[0]}': what the labeller does in the other language was not trained."
    known = {axis.id for axis in axes}
    left = Counter(str(code).partition(".")[0] for says in table["says"] for code in says)
    if unknown := [f"{name} ({count:,} codes)" for name, count in sorted(left.items()) if name not in known]:
        yield f"Codes of axes that are not trained were left out: {', '.join(unknown)}."
    for axis in axes:
        for indicator in axis.indicators:
            share = np.mean([f"{axis.id}.{indicator.id}" in says for says in table["says"]])
            if share < RARE:
                yield (
                    f"Only {share:.1%} of the texts speak for '{axis.id}.{indicator.id}': both answers weigh the same "
                    "in training, but few examples carry the one."
                )
