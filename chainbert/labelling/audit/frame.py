"""The companies that shares are about: usable label rows that trained nothing, with what the company table says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from chainbert.companies import CompanySet
from chainbert.errors import ConfigError, DataError
from chainbert.labelling.codebook import MIXED, UNCLEAR, Axis, Codebook
from chainbert.labelling.tables import FORMATS, UNUSABLE, Labels

TRAINED = "trained"
SHOWN = 5


@dataclass(frozen=True, slots=True)
class Frame:
    """The set of N companies and years whose shares are wanted."""

    table: pd.DataFrame
    """(N, …) numbered from 0: the label table's columns, those of the company table, ``row`` (see ``row_names``)."""
    codebook: Codebook
    unusable: frozenset[str]
    """``row`` of those without usable text; like the trained ones they are no part of the set."""
    trained: frozenset[str]
    """``row`` of those whose codes trained the labeller."""

    @classmethod
    def of(
        cls, labels: Labels | pd.DataFrame, codebook: Codebook | None, companies: CompanySet | pd.DataFrame | None
    ) -> Frame:
        """Check labels against the codebook and join the company table.

        Raises ConfigError where a bare table comes without a codebook; DataError for labels of another codebook
        version, missing columns, no usable row, a row given twice, label rows that the company table lacks.
        """
        table = labels.table if isinstance(labels, Labels) else labels
        book = codebook or (labels.codebook if isinstance(labels, Labels) else None)
        if book is None:
            raise ConfigError("a label table does not carry its codebook; give codebook=Codebook.load(…)")
        _check_codebook(table, book)
        table = table.assign(row=row_names(table["id"], table["observed"]))
        usable = table[table[f"{book.axes[0].id}.status"] != UNUSABLE]
        training = usable["training"] if "training" in usable else pd.Series("", index=usable.index)
        trained = (training == TRAINED).to_numpy(dtype=bool)
        kept = usable[~trained].reset_index(drop=True)
        twice = kept["row"][kept["row"].duplicated()]
        if len(twice):
            raise DataError(f"the labels have {_first(twice)} more than once; one row a company and year was expected")
        if kept.empty:
            raise DataError("the labels have no usable row that did not train the labeller; there is nothing to count")
        if companies is not None:
            kept = _joined(kept, companies.table if isinstance(companies, CompanySet) else companies)
        unusable = frozenset(table["row"]) - frozenset(usable["row"])
        return cls(kept, book, unusable, frozenset(usable["row"][trained]))

    def latest(self) -> Frame:
        """The last year of each company only."""
        order = self.table["observed"].fillna(0).to_numpy(dtype=np.int64).argsort(kind="stable")
        last = self.table.iloc[order].drop_duplicates("id", keep="last").sort_index().reset_index(drop=True)
        return Frame(last, self.codebook, self.unusable, self.trained)

    def questions(self) -> Iterator[tuple[Axis, str, str, np.ndarray, np.ndarray]]:
        """Axis, kind (``indicator`` or ``value``), its name, whether the label says so (N,) bool, its probability (N,).

        The probability of a value of independent indicators is the product of theirs (``mixed``: of several).
        """
        for axis in self.codebook.axes:
            said = self.table[[f"{axis.id}.{one.id}" for one in axis.indicators]].to_numpy(dtype=np.float64)
            if axis.kind == "indicators":
                for place, one in enumerate(axis.indicators):
                    yield axis, "indicator", one.id, self.codebook.says(self.table, axis.id, one.id), said[:, place]
            for value, probability in _values(axis, said):
                yield axis, "value", value, (self.table[axis.id] == value).to_numpy(dtype=bool), probability


def _values(axis: Axis, said: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    if axis.kind == "single":
        yield from zip(axis.values, said.T, strict=True)
        return
    none = np.prod(1 - said, axis=1)
    alone = [
        said[:, place] * np.prod(1 - np.delete(said, place, axis=1), axis=1) for place in range(len(axis.indicators))
    ]
    found = {one.id: probability for one, probability in zip(axis.indicators, alone, strict=True)}
    found |= {MIXED: np.clip(1 - none - np.sum(alone, axis=0), 0, 1), UNCLEAR: none}
    for value in axis.values:
        yield value, found[value]


def read_labels(path: Path) -> pd.DataFrame:
    """A label table as ``chainbert label`` wrote it: id as str, observed as Int64. Raises DataError, ConfigError."""
    ending = path.suffix.lower()
    if ending not in FORMATS:
        raise ConfigError(f"{path}: labels are read from {', '.join(FORMATS)}, by the file's ending; found {ending!r}")
    try:
        if ending == ".csv":
            table = pd.read_csv(path, dtype={"id": str, "codebook": str, "training": str}, keep_default_na=True)
        elif ending == ".parquet":
            table = pd.read_parquet(path)
        else:
            table = pd.read_json(path, lines=True, dtype={"id": str, "codebook": str})
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: labels cannot be read ({error}); write them again with chainbert label") from error
    if missing := [name for name in ("id", "observed", "codebook") if name not in table]:
        raise DataError(f"{path}: no label table: column {', '.join(missing)} is missing; chainbert label writes one")
    return table.assign(
        observed=pd.to_numeric(table["observed"]).astype("Int64"),
        training=table["training"].fillna("") if "training" in table else "",
    )


def row_names(ids: pd.Series, observed: pd.Series) -> list[str]:
    """``id|year``, or ``id|`` without a year: one name a company and year, whatever a spreadsheet does to numbers."""
    years = observed.astype("Int64").astype(object)
    return [f"{one}|{'' if year is pd.NA else year}" for one, year in zip(ids, years, strict=True)]


def _check_codebook(table: pd.DataFrame, book: Codebook) -> None:
    wanted = [column for axis in book.axes for column in (axis.id, f"{axis.id}.status")]
    wanted += [f"{axis.id}.{one.id}" for axis in book.axes for one in axis.indicators]
    if missing := [name for name in wanted if name not in table]:
        shown = ", ".join(missing[:SHOWN])
        raise DataError(f"the labels have no column {shown} of codebook {book.id}; label again with this codebook")
    found = sorted({str(one) for one in table["codebook"].unique()}) if "codebook" in table else []
    if found and found != [book.version]:
        raise DataError(
            f"the labels were made with codebook version {', '.join(found)}, the codebook given ({book.id}) is version "
            f"{book.version}: labels and codes would not mean the same. Give the codebook that was used, or label again"
        )


def _joined(kept: pd.DataFrame, companies: pd.DataFrame) -> pd.DataFrame:
    known = companies[companies["status"] == ""] if "status" in companies else companies
    if "observed" not in known:
        known = known.assign(observed=pd.array([pd.NA] * len(known), dtype="Int64"))
    known = known.assign(row=row_names(known["id"], known["observed"])).drop_duplicates("row").set_index("row")
    missing = kept["row"][~kept["row"].isin(known.index)]
    if len(missing):
        raise DataError(
            f"{len(missing):,} label rows are not in the company table: {_first(missing)}. "
            "Give the company table that was labelled"
        )
    new = [name for name in known if name not in kept]
    return pd.concat([kept, known.loc[kept["row"], new].reset_index(drop=True)], axis=1)


def _first(rows: pd.Series) -> str:
    names = [str(one).rstrip("|").replace("|", " of ") for one in rows.iloc[:SHOWN]]
    return ", ".join(names) + (", …" if len(rows) > SHOWN else "")
