"""Guards against leaks: no company on both sides of a split, no label inside a text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from chainbert.errors import ConfigError, DataError
from chainbert.files import content_hash
from chainbert.labelling.codebook import Codebook
from chainbert.labelling.likeness import (
    folded_id,
    folded_name,
    folded_text,
    near_duplicates,
    registered_domain,
)

LEAK_COLUMNS = ("kind", "train_row", "test_row", "what")
SAME_ID, SAME_CODE, SAME_NAME = "same id", "same register code", "same name"
SAME_DOMAIN, SAME_TEXT, NEAR_TEXT = "same website", "same text", "near-duplicate text"
NEAR_VECTOR, LABEL_IN_TEXT, OTHER_YEAR = "near-duplicate vector", "label in the text", ", another year"
COSINE = 0.97
"""Two vectors closer than this are taken for the same text; of e5 vectors of sentences or company means."""
_SHORTEST_TEXT = 6
_CODE_COLUMNS = (
    "unified_social_credit_code", "unified social credit code", "social_credit_code", "credit_code", "uscc",
    "统一社会信用代码", "统一信用代码",
)  # fmt: skip
_HEADER_WORDS = (
    "labels?|gold|gold label|true label|hand[- ]?code|coded as|annotation|标签|标注|人工编码|编码结果|编码|类别标签"
)
_SHOWN = 3
_BLOCK = 2000


def find_leaks(
    train: pd.DataFrame,
    test: pd.DataFrame,
    vectors: tuple[np.ndarray, np.ndarray] | None = None,
    codebook: Codebook | None = None,
) -> pd.DataFrame:
    """Everything that lets a row of ``test`` be known from ``train``: one row a leak.

    Both tables have any of the columns id, observed, name, website, text and a unified social credit code; what a
    table lacks is not compared. ``vectors`` are their unit rows (n, d), (m, d). Columns: ``kind`` (same id, same
    register code, same name, same website, each also ", another year" where the years differ; same text,
    near-duplicate text, near-duplicate vector; label in the text), ``train_row`` and ``test_row`` (positions from 0;
    -1 where only one side is concerned), ``what`` in words. A test row is told once a kind, with the first train row.
    Labels in texts are header lines such as ``标签:国家`` or ``label: state``; with a codebook also its axes' names.
    """
    leaks = [*_key_leaks(train, test), *_text_leaks(train, test)]
    if vectors is not None:
        leaks += _vector_leaks(*vectors, len(train), len(test))
    leaks += [(LABEL_IN_TEXT, row, -1, what) for row, what in _labels_in_texts(train, codebook)]
    leaks += [(LABEL_IN_TEXT, -1, row, what) for row, what in _labels_in_texts(test, codebook)]
    told: dict[tuple[str, int, int], tuple[str, int, int, str]] = {}
    for leak in leaks:
        kind, row, other, _ = leak
        told.setdefault((kind.removesuffix(OTHER_YEAR), other, row if other < 0 else -1), leak)
    ordered = sorted(told.values(), key=lambda leak: (leak[2], leak[1]))
    table = pd.DataFrame(ordered, columns=list(LEAK_COLUMNS))
    return table.astype({"kind": "str", "train_row": "int64", "test_row": "int64", "what": "str"})


def refuse_leaks(
    train: pd.DataFrame,
    test: pd.DataFrame,
    vectors: tuple[np.ndarray, np.ndarray] | None = None,
    codebook: Codebook | None = None,
) -> None:
    """Raise DataError where ``find_leaks`` finds any, with counts by kind and examples."""
    leaks = find_leaks(train, test, vectors, codebook)
    if leaks.empty:
        return
    lines = []
    for kind, found in leaks.groupby("kind", sort=False):
        shown = "; ".join(found["what"].head(_SHOWN))
        lines.append(f"  {kind}: {len(found):,} ({shown}{'; …' if len(found) > _SHOWN else ''})")
    tests = int(leaks["test_row"].loc[leaks["test_row"] >= 0].nunique())
    raise DataError(
        f"{tests:,} of {len(test):,} test rows are known from the training side, or tell their label:\n"
        + "\n".join(lines)
        + "\nTake these companies out of one side, or split with grouped folds"
    )


def linked_companies(companies: pd.DataFrame, vectors: np.ndarray | None = None) -> np.ndarray:
    """The group of each row, (n,) int from 0: rows that ``find_leaks`` would connect, over any chain, share one."""
    edges = [(row, other) for values in _keys(companies).values() for row, other in _equal(values)]
    texts = _folded_texts(companies)
    edges += [(row, other) for row, other in _equal(_long_enough(texts))]
    edges += [(row, other) for row, other, _, _ in near_duplicates(texts, texts) if row < other]
    if vectors is not None:
        edges += [(row, other) for row, other, _ in _close(vectors, vectors) if row < other]
    rows, others = zip(*edges, strict=True) if edges else ((), ())
    links = sparse.coo_array((np.ones(len(edges)), (rows, others)), shape=(len(companies), len(companies)))
    return np.asarray(connected_components(links, directed=False)[1], dtype=np.int64)


def grouped_folds(
    companies: pd.DataFrame, k: int, rng: np.random.Generator, vectors: np.ndarray | None = None
) -> np.ndarray:
    """A fold in [0, k) for each row, (n,) int, never splitting linked companies, of sizes as equal as these allow.

    The same companies get the same folds in any row order. Raises ConfigError for k < 2, DataError for fewer groups
    than folds.
    """
    if k < 2:
        raise ConfigError(f"k = {k} found; at least 2 folds were expected")
    groups = linked_companies(companies, vectors)
    count = int(groups.max()) + 1 if len(groups) else 0
    if count < k:
        raise DataError(f"{len(groups):,} rows are {count:,} companies that have nothing in common; {k} folds need {k}")
    names = np.full(count, "", dtype=object)
    shown = [name for name in ("id", "observed", "name", "text") if name in companies]
    hashes = [content_hash(*map(str, row)) for row in companies[shown].astype(str).itertuples(index=False)]
    for group, one in zip(groups.tolist(), hashes, strict=True):
        names[group] = min(names[group] or one, one)
    sizes = np.bincount(groups, minlength=count)
    # By hash first, so that row order does not matter; then the largest groups first, into the smallest fold.
    order = np.argsort(names.astype(str), kind="stable")[rng.permutation(count)]
    order = order[np.argsort(-sizes[order], kind="stable")]
    fold_of, filled = np.zeros(count, dtype=np.int64), np.zeros(k, dtype=np.int64)
    for group in order:
        fold_of[group] = filled.argmin()
        filled[fold_of[group]] += sizes[group]
    return np.asarray(fold_of[groups])


def _keys(table: pd.DataFrame) -> dict[str, list[str]]:
    """What identifies a company, folded: kind → one key a row ("" for none)."""
    spelled = {str(name).strip().casefold(): name for name in table}
    folds: list[tuple[str, Sequence[str], Callable[[str], str]]] = [
        (SAME_ID, ("id",), folded_id),
        (SAME_CODE, _CODE_COLUMNS, folded_id),
        (SAME_NAME, ("name",), folded_name),
        (SAME_DOMAIN, ("website", "homepage_url"), registered_domain),
    ]
    keys = {}
    for kind, names, fold in folds:
        column = next((spelled[name] for name in names if name in spelled), None)
        if column is not None:
            keys[kind] = [fold("" if cell is None or cell != cell else str(cell)) for cell in _cells(table, column)]
    return keys


def _cells(table: pd.DataFrame, column: object) -> list[object]:
    cells: pd.Series = table[column]
    return cells.astype(object).where(cells.notna(), None).tolist()


def _key_leaks(train: pd.DataFrame, test: pd.DataFrame) -> Iterator[tuple[str, int, int, str]]:
    ours, theirs = _keys(train), _keys(test)
    years = [_cells(table, "observed") if "observed" in table else [None] * len(table) for table in (train, test)]
    for kind in ours.keys() & theirs.keys():
        places: dict[str, list[int]] = {}
        for row, key in enumerate(ours[kind]):
            places.setdefault(key, []).append(row)
        for other, key in enumerate(theirs[kind]):
            if not key or key not in places:
                continue
            same = [row for row in places[key] if years[0][row] == years[1][other]]
            row = (same or places[key])[0]
            apart = not same and years[0][row] is not None and years[1][other] is not None
            when = f", {years[0][row]} and {years[1][other]}" if apart else ""
            yield kind + (OTHER_YEAR if apart else ""), row, other, f"{kind}: {key}{when} (rows {row}, {other})"


def _folded_texts(table: pd.DataFrame) -> list[str]:
    if "text" not in table:
        return [""] * len(table)
    return [folded_text("" if cell is None else str(cell)) for cell in _cells(table, "text")]


def _long_enough(texts: Sequence[str]) -> list[str]:
    return [text if len(text) >= _SHORTEST_TEXT else "" for text in texts]


def _text_leaks(train: pd.DataFrame, test: pd.DataFrame) -> Iterator[tuple[str, int, int, str]]:
    ours, theirs = _folded_texts(train), _folded_texts(test)
    first: dict[str, int] = {}
    for row, text in enumerate(_long_enough(ours)):
        first.setdefault(text, row)
    same = set()
    for other, text in enumerate(theirs):
        if text and (row := first.get(text, -1)) >= 0:
            same.add(other)
            yield SAME_TEXT, row, other, f"{text[:20]}… (rows {row}, {other})"
    for row, other, jaccard, contained in near_duplicates(ours, theirs):
        if other not in same:
            shared = f"{jaccard:.0%} of all 5-grams, {contained:.0%} of the shorter's"
            yield NEAR_TEXT, row, other, f"{theirs[other][:20]}…: {shared} (rows {row}, {other})"


def _vector_leaks(first: np.ndarray, second: np.ndarray, train: int, test: int) -> Iterator[tuple[str, int, int, str]]:
    if len(first) != train or len(second) != test:
        raise DataError(
            f"{len(first)} and {len(second)} vectors found for {train} and {test} rows; one each was expected"
        )
    for row, other, cosine in _close(first, second):
        yield NEAR_VECTOR, row, other, f"cosine {cosine:.3f} (rows {row}, {other})"


def _close(first: np.ndarray, second: np.ndarray) -> Iterator[tuple[int, int, float]]:
    for start in range(0, len(first), _BLOCK):
        cosines = first[start : start + _BLOCK] @ second.T
        for row, other in np.argwhere(cosines > COSINE).tolist():
            yield row + start, other, float(cosines[row, other])


def _equal(keys: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Each row with the first that has its key: enough to connect them all."""
    first: dict[str, int] = {}
    for row, key in enumerate(keys):
        if key and first.setdefault(key, row) != row:
            yield first[key], row


def _labels_in_texts(table: pd.DataFrame, codebook: Codebook | None) -> Iterator[tuple[int, str]]:
    """Rows whose text begins or ends with a line that names its label."""
    pattern = _header_pattern(codebook)
    for row, cell in enumerate(_cells(table, "text") if "text" in table else []):
        text = unicodedata.normalize("NFKC", "" if cell is None else str(cell))
        if found := pattern.search(text):
            yield row, f"{found[0].strip()[:40]!r} (row {row})"


def _header_pattern(codebook: Codebook | None) -> re.Pattern[str]:
    """``label: x`` at the beginning of a line; with a codebook also ``customer: state``, if it is a value's name."""
    sign = r"\s*[:=]\s*"
    general = rf"^[\s\[({{#*\"'【]*(?:{_HEADER_WORDS}){sign}\S[^\n]{{0,30}}"
    if codebook is None:
        return re.compile(general, re.IGNORECASE | re.MULTILINE)
    parts = [general]
    for axis in codebook.axes:
        names = "|".join(re.escape(name) for name in [axis.id, *axis.names.values()])
        words = [*axis.values, *(name for one in axis.indicators for name in one.names.values())]
        values = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
        parts.append(
            rf"^[\s\[({{#*\"'【]*(?:{names}){sign}[\"']?(?:{values})[\"']?(?=\s*(?:$|[,;.。、|\])}}】]|\w+{sign}))"
        )
    return re.compile("|".join(parts), re.IGNORECASE | re.MULTILINE)
