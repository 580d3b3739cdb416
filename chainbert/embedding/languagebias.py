"""What vectors say of the language they were written in, learnt once from stored texts and taken out of any set."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chainbert.embedding.encoders import Encoder
from chainbert.embedding.pooling import pool_rows
from chainbert.embedding.store import EmbeddingStore, embed_texts
from chainbert.errors import ConfigError, DataError
from chainbert.files import content_hash, shipped
from chainbert.progress import Progress, silent

Floats = NDArray[np.float64]
Method = Literal["mean", "lir", "leace"]
METHODS: tuple[Method, ...] = get_args(Method)

LANGUAGES = ("en", "zh")
COMPANIES_A_CELL = 10
# Below this a row is nothing but language: no direction is left to bring to unit length.
NOTHING_LEFT = 1e-6


class ReferenceText(NamedTuple):
    """A sentence of the stored reference."""

    text: str
    language: str
    company: str


@dataclass(frozen=True, slots=True)
class LanguageBias:
    """An affine map for each language of the reference: row → row @ map + shift."""

    method: Method
    languages: tuple[str, ...]
    maps: Floats
    """(languages, d, d)."""
    shifts: Floats
    """(languages, d)."""

    @classmethod
    def fit(cls, vectors: ArrayLike, language: ArrayLike, method: Method, components: int = 1) -> LanguageBias:
        """Learn the languages' part of the vectors from a reference, never from the set that is studied.

        vectors (n, d) unit rows, language (n,) names, at least two languages with two rows each; all languages count
        alike, whatever their numbers of rows. A set's own means would take its cities' true difference away wherever
        city and language go together.

        - ``mean``: each language's mean is replaced by the mean of all languages. That common mean stays, so that
          distances within one language, and with them the gap's scale, are those of the raw vectors.
        - ``lir``: the first ``components`` right singular vectors of each language's rows are projected out of that
          language (Yang et al. 2021). The first is nearly the language's mean direction, so nothing common stays.
        - ``leace``: least-squares concept erasure (Belrose et al. 2023, theorem 4.2): of all affine maps after which
          no linear classifier can read the language, the one that moves the rows least. One map for all languages.
          The covariance is shrunk (Ledoit & Wolf 2004), since a few hundred rows do not give one of 384 dimensions;
          that costs nothing of the erasure, which holds for any metric.

        Raises ConfigError for an unknown method or components outside 1 … d − 1, DataError for fewer than two
        languages, fewer than two rows of one, or lengths that differ.
        """
        rows, names = _checked(vectors, language)
        known, code = np.unique(names, return_inverse=True)
        counts = np.bincount(code)
        if len(known) < 2 or counts.min() < 2:
            found = ", ".join(f"{name}: {count}" for name, count in zip(known, counts, strict=True))
            raise DataError(f"the reference has the rows {found}; two languages with two rows each were expected")
        if method not in METHODS:
            raise ConfigError(f"unknown method '{method}'; one of {', '.join(METHODS)} was expected")
        if not 1 <= components < rows.shape[1]:
            raise ConfigError(f"components is {components}; 1 to {rows.shape[1] - 1} was expected")
        means = np.stack([rows[code == one].mean(axis=0) for one in range(len(known))])
        if method == "mean":
            maps, shifts = _no_map(means), means.mean(axis=0) - means
        elif method == "lir":
            maps = np.stack([_without_first(rows[code == one], components) for one in range(len(known))])
            shifts = np.zeros_like(means)
        else:
            maps, shifts = _leace(rows, code, means)
        return cls(method, tuple(str(name) for name in known), maps, shifts)

    def erase(self, vectors: ArrayLike, language: ArrayLike) -> Floats:
        """(n, d) rows without their language, not of unit length: what each method promises holds for these exactly.

        Raises DataError for a language that is not in the reference, naming those that are.
        """
        rows, names = _checked(vectors, language)
        if rows.shape[1] != self.shifts.shape[1]:
            raise DataError(f"vectors of {rows.shape[1]} dimensions found; the reference has {self.shifts.shape[1]}")
        unknown = sorted(set(names) - set(self.languages))
        if unknown:
            which = ", ".join(f"'{name}'" for name in unknown)
            raise DataError(
                f"{int(np.isin(names, unknown).sum())} rows are in {which}; the reference "
                f"knows {', '.join(self.languages)}: leave these rows out, or fit on texts of that language"
            )
        result = np.empty_like(rows)
        for one, name in enumerate(self.languages):
            result[names == name] = rows[names == name] @ self.maps[one] + self.shifts[one]
        return result

    def remove(self, vectors: ArrayLike, language: ArrayLike) -> Floats:
        """(n, d) float64 unit rows without their language; vectors (n, d) unit rows, language (n,) names.

        Each row depends on its own vector and language only. Raises DataError as ``erase``, and for a row of which
        nothing is left.
        """
        rows = self.erase(vectors, language)
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        empty = np.flatnonzero(lengths[:, 0] < NOTHING_LEFT)
        if len(empty):
            raise DataError(f"nothing is left of row {empty[0]} without its language ({len(empty)} such rows)")
        return np.asarray(rows / lengths)


def reference_texts() -> list[ReferenceText]:
    """Sentences of the stored reference: chainbert's own training companies, equally many in Chinese and in English.

    Both languages have the same number of companies of each style (listed, website, database) and field (industry,
    infrastructure, finance, crypto), at most 10, chosen by a hash of their names: the languages' means then differ by
    language and not by what the companies do. The parallel pairs of ``parity.jsonl`` are not among them; what a method
    leaves of the language is measured on those. Raises DataError where the shipped texts are missing or damaged.
    """
    path = shipped("models", "company-axes", "texts", "train.jsonl")
    cells: dict[tuple[str, str], dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    texts = []
    try:
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            if row["part"] == "text":
                cells[row["style"], row["application"]][row["language"]].add(row["company"])
                texts.append(ReferenceText(row["text"], row["language"], row["company"]))
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{path}: the reference texts cannot be read ({error!r}); install chainbert anew") from error
    chosen: set[str] = set()
    for cell in cells.values():
        size = min(COMPANIES_A_CELL, *(len(cell[language]) for language in LANGUAGES))
        chosen.update(one for language in LANGUAGES for one in sorted(cell[language], key=content_hash)[:size])
    return [text for text in texts if text.company in chosen]


def fit_language_bias(
    encoder: Encoder,
    store: EmbeddingStore | None = None,
    method: Method = "mean",
    components: int = 1,
    progress: Progress = silent,
) -> LanguageBias:
    """The language bias of an encoder, from the stored reference texts; their vectors are kept in the store.

    A row of the reference is a company, the mean of its sentences, as in the sets that are studied: means of several
    sentences lie nearer to their language's mean than single sentences do.
    Raises DataError as ``reference_texts`` and ConfigError as ``LanguageBias.fit``.
    """
    texts = reference_texts()
    embedded = embed_texts(encoder, [one.text for one in texts], store, progress=progress)
    companies, owner = np.unique([one.company for one in texts], return_inverse=True)
    language = {one.company: one.language for one in texts}
    vectors = pool_rows(embedded.vectors, owner, len(companies))
    return LanguageBias.fit(vectors, [language[str(one)] for one in companies], method, components)


def _checked(vectors: ArrayLike, language: ArrayLike) -> tuple[Floats, NDArray[np.str_]]:
    rows, names = (
        np.asarray(vectors, dtype=np.float64),
        np.array([str(one) for one in np.asarray(language, dtype=object).ravel()], dtype=str),
    )
    if rows.ndim != 2 or names.shape != (len(rows),):
        raise DataError(f"vectors {rows.shape} and languages {names.shape} found; (n, d) and (n,) were expected")
    if not np.isfinite(rows).all():
        raise DataError(f"row {int(np.argmin(np.isfinite(rows).all(axis=1)))} has a value that is not a number")
    return rows, names


def _no_map(means: Floats) -> Floats:
    return np.broadcast_to(np.eye(means.shape[1]), (len(means), means.shape[1], means.shape[1]))


def _without_first(rows: Floats, components: int) -> Floats:
    """(d, d) projection onto what is orthogonal to the first right singular vectors of rows (n, d)."""
    first = np.linalg.svd(rows, full_matrices=False)[2][:components]
    return np.asarray(np.eye(rows.shape[1]) - first.T @ first)


def _leace(rows: Floats, code: NDArray[np.int64], means: Floats) -> tuple[Floats, Floats]:
    """Maps (languages, d, d) and shifts (languages, d), the same for each language: x − A(x − centre)."""
    # scikit-learn takes a second to import, and most who import this room fit nothing.
    from sklearn.covariance import ledoit_wolf  # noqa: PLC0415 - as above

    centre = means.mean(axis=0)
    offsets = means - centre
    # Every language has the same weight: rows of one that has more of them count less.
    weights = np.sqrt(len(rows) / (len(means) * np.bincount(code)))[code]
    within = ledoit_wolf((rows - means[code]) * weights[:, None], assume_centered=True)[0]
    covariance = within + offsets.T @ offsets / len(means)
    values, axes = np.linalg.eigh(covariance)
    values = np.maximum(values, values[-1] * np.finfo(float).eps * len(values))
    root, whitening = (axes * np.sqrt(values)) @ axes.T, (axes / np.sqrt(values)) @ axes.T
    left, size, _ = np.linalg.svd(whitening @ offsets.T, full_matrices=False)
    basis = left[:, size > size[0] * 1e-10]
    # Rows are on the left here, so this is the transpose of the paper's W⁺ P W.
    removed = whitening @ basis @ basis.T @ root
    maps = np.broadcast_to(np.eye(len(removed)) - removed, (len(means), *removed.shape))
    return maps, np.broadcast_to(centre @ removed, means.shape)
