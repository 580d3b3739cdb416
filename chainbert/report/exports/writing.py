"""Every format of a run's tables, written under the run folder."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from chainbert.errors import ConfigError
from chainbert.files import write_text
from chainbert.labelling import Codebook
from chainbert.progress import Progress, silent
from chainbert.report.exports.cells import Notes
from chainbert.report.exports.config import FORMATS
from chainbert.report.exports.datadictionary import DICTIONARY, Table, described, dictionary_frame
from chainbert.report.exports.delimited import write_csv
from chainbert.report.exports.excel import NOTES, write_workbook
from chainbert.report.exports.latex import example, latex
from chainbert.report.exports.latextables import paper_tables
from chainbert.report.exports.parquettables import write_parquet
from chainbert.report.exports.readscripts import write_scripts
from chainbert.report.exports.runtables import made_by, read_table_one, run_tables
from chainbert.report.exports.stata import write_dta
from chainbert.report.exports.statanames import stata_names
from chainbert.report.language import say
from chainbert.report.tableone import TableOne
from chainbert.yamlfile import did_you_mean

WORKBOOK = "tables.xlsx"
_HASH = re.compile(r"[0-9A-Za-z:._-]{1,64}")


@dataclass(frozen=True, slots=True)
class _Run:
    """What every writer needs to know."""

    folder: Path
    tables: list[Table]
    notes: Notes
    hash: str
    title: str
    codebook: Codebook | None
    stata: Mapping[str, Mapping[str, str]]
    table_one: TableOne | None


def export_run(
    run_folder: Path,
    /,
    formats: Sequence[str] = FORMATS,
    *,
    run_hash: str,
    periods: Mapping[str, str] | None = None,
    codebook: Codebook | None = None,
    folder: str = "exports",
    progress: Progress = silent,
) -> list[Path]:
    """Write a run's tables under ``run_folder/folder`` in each format, and return the files, sorted.

    run_hash: a hash of the run's outputs, carried by every file. periods: key of a company and year → the period it
    is counted in; None takes them from convergence.json. codebook: names of axes and labels; None takes the shipped
    one that made them, if any. Texts for readers are in the language that is spoken; the data dictionary (codebook.csv,
    codebook.json) is in both. Files of a run folder that are missing are named in notes.csv. The same run gives the
    same bytes; files of an earlier export that this one does not write are removed. Nothing is written where
    ``formats`` is empty.

    Raises ConfigError for an unknown format or a hash that is none, DataError for a damaged run folder or a folder
    that cannot be written.
    """
    _check(formats, run_hash)
    target = run_folder / folder
    if not formats:
        return []
    notes = Notes()
    notes.add(say("run"), "", say("Every file is of the run with the hash {run}.", run=run_hash))
    notes.add(
        say("columns"), f"{DICTIONARY}.csv", say("What every column of every file means, in English and Chinese.")
    )
    codebook = codebook or made_by(run_folder)
    tables = run_tables(run_folder, notes, periods=periods, codebook=codebook)
    table_one = read_table_one(run_folder)
    stata = {table.name: stata_names(list(map(str, table.frame.columns))) for table in tables}
    run = _Run(target, tables, notes, run_hash, run_folder.resolve().name, codebook, stata, table_one)
    before = _listed(target)
    chosen = [one for one in FORMATS if one in formats]
    written: list[Path] = []
    for place, name in enumerate(chosen):
        progress(say("exports: {format}", format=name), place, len(chosen))
        written += _WRITERS[name](run)
    written += write_scripts(target, formats, run_hash=run_hash)
    written += _write_dictionary(run)
    written += _write_list(target, written, run_hash)
    for old in before - set(written):
        old.unlink(missing_ok=True)
    progress(say("exports"), len(chosen), len(chosen))
    return sorted(written)


def _check(formats: Sequence[str], run_hash: str) -> None:
    for name in formats:
        if name not in FORMATS:
            known = ", ".join(FORMATS)
            raise ConfigError(f"'{name}' is no format of the exports ({known}).{did_you_mean(name, FORMATS)}")
    if not _HASH.fullmatch(run_hash):
        raise ConfigError(f"{run_hash[:80]!r} is no hash of a run; up to 64 letters, digits, and : . _ - were expected")


def _write_csv_excel(run: _Run) -> list[Path]:
    return _each(run, "csv-excel", ".csv", lambda table, path: write_csv(table.frame, path, "excel", run.notes))


def _write_csv_r(run: _Run) -> list[Path]:
    return _each(run, "csv-r", ".csv", lambda table, path: write_csv(table.frame, path, "r", run.notes))


def _write_parquet(run: _Run) -> list[Path]:
    return _each(run, "parquet", ".parquet", lambda table, path: write_parquet(table, path, run_hash=run.hash))


def _write_stata(run: _Run) -> list[Path]:
    def write(table: Table, path: Path) -> None:
        write_dta(table, path, run.stata[table.name], run_hash=run.hash, notes=run.notes)

    return _each(run, "stata", ".dta", write)


def _each(run: _Run, format_: str, ending: str, write: Callable[[Table, Path], None]) -> list[Path]:
    written = []
    for table in run.tables:
        if table.frame.shape[1]:
            written.append(run.folder / format_ / f"{table.name}{ending}")
            write(table, written[-1])
    return written


def _write_latex(run: _Run) -> list[Path]:
    tables = paper_tables(run.tables, run.codebook)
    texts = {one.name: latex(one, run_hash=run.hash) for one in tables}
    if run.table_one:
        texts["table1"] = f"% chainbert run {run.hash}\n{run.table_one.to_latex(standalone=False)}"
    texts["tables"] = example(list(texts), run_hash=run.hash)
    written = []
    for name, text in texts.items():
        written.append(run.folder / "latex" / f"{name}.tex")
        write_text(written[-1], text)
    return written


def _write_workbook(run: _Run) -> list[Path]:
    sheets = [table for table in run.tables if table.sheet and table.frame.shape[1]]
    path = run.folder / WORKBOOK
    write_workbook([*sheets, _dictionary(run)], path, title=run.title, run_hash=run.hash, notes=run.notes)
    return [path]


_WRITERS: dict[str, Callable[[_Run], list[Path]]] = {
    "csv-excel": _write_csv_excel,
    "csv-r": _write_csv_r,
    "parquet": _write_parquet,
    "stata": _write_stata,
    "latex": _write_latex,
    "xlsx": _write_workbook,
}


def _dictionary(run: _Run) -> Table:
    """The data dictionary: of the tables, of itself and of the notes."""
    notes = described(NOTES, run.notes.table())
    own = described(DICTIONARY, dictionary_frame([], {}, run.hash, rows={}))
    tables = [*run.tables, own, notes]
    count = sum(table.frame.shape[1] for table in tables)
    frame = dictionary_frame(tables, run.stata, run.hash, rows={DICTIONARY: count})
    return described(DICTIONARY, frame.astype({"described": "boolean", "n": "Int64", "n_missing": "Int64"}))


def _write_dictionary(run: _Run) -> list[Path]:
    """codebook.csv, codebook.json and notes.csv, as Excel and everything else opens them."""
    frame = _dictionary(run).frame.astype({"described": "boolean"})
    paths = [run.folder / f"{DICTIONARY}.csv", run.folder / f"{DICTIONARY}.json", run.folder / f"{NOTES}.csv"]
    write_csv(frame, paths[0], "r", Notes())
    columns = [{name: _plain(value) for name, value in row.items()} for row in frame.to_dict("records")]
    tables = [{"file": one.name, "title": one.here, "rows": len(one.frame)} for one in run.tables]
    write_text(
        paths[1], json.dumps({"run": run.hash, "tables": tables, "columns": columns}, ensure_ascii=False, indent=1)
    )
    write_csv(run.notes.table(), paths[2], "r", Notes())
    return paths


def _plain(value: object) -> object:
    return None if value is pd.NA else value


_LIST = "files.json"


def _write_list(target: Path, written: Sequence[Path], run_hash: str) -> list[Path]:
    path = target / _LIST
    names = sorted(one.relative_to(target).as_posix() for one in written)
    write_text(path, json.dumps({"run": run_hash, "files": names}, indent=1))
    return [path]


def _listed(target: Path) -> set[Path]:
    """The files that the last export into the folder wrote; nothing else is ever removed."""
    try:
        names = json.loads((target / _LIST).read_text(encoding="utf-8"))["files"]
        inside = [target / name for name in names if isinstance(name, str) and ".." not in Path(name).parts]
    except (OSError, ValueError, KeyError, TypeError):
        return set()
    return {one for one in inside if one.is_relative_to(target) and one.is_file()}
