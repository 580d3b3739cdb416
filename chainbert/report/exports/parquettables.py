"""Tables as parquet: every type kept, and what each column means in the file itself."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from chainbert.files import atomic_path
from chainbert.report.exports.cells import Type, type_of
from chainbert.report.exports.datadictionary import Table

_TYPES: dict[Type, pa.DataType] = {
    "text": pa.large_string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "flag": pa.bool_(),
    "date": pa.timestamp("us"),
}


def write_parquet(table: Table, path: Path, *, run_hash: str) -> None:
    """Write a table, zstd-compressed, whole or not at all.

    The schema's metadata has ``chainbert.run`` (the run's hash) and the title; each field's has its meaning in English
    (``en``) and Chinese (``zh``) and its unit.
    """
    fields, arrays = [], []
    for name in map(str, table.frame.columns):
        column, means = table.frame[name], table.meanings[name]
        kind = _TYPES[type_of(column)]
        about = {"en": means.en, "zh": means.zh, "unit": means.unit}
        fields.append(pa.field(name, kind, metadata={key: said for key, said in about.items() if said}))
        arrays.append(pa.array(column, type=kind, from_pandas=True))
    schema = pa.schema(fields, metadata={"chainbert.run": run_hash, "title": table.title})
    with atomic_path(path) as temporary:
        pq.write_table(pa.Table.from_arrays(arrays, schema=schema), temporary, compression="zstd")
