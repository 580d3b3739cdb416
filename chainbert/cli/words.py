"""Commands on the words of companies' texts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chainbert.cli.columns import mapping
from chainbert.cli.single import Columns, Companies
from chainbert.cli.studies import Quiet

if TYPE_CHECKING:
    from chainbert.companies import CompanySet
    from chainbert.study import Terms

LEVEL = 0.05


def terms(
    companies: Companies,
    out: Annotated[
        Path | None,
        typer.Option(help="A folder for the tables (csv) and the cloud; with --find, for concordance.csv."),
    ] = None,
    by: Annotated[str, typer.Option(help="The column whose values are compared, each with all others.")] = "city",
    find: Annotated[
        str, typer.Option(help="Show every place of a word or phrase instead, and what stands around it: 'cloud*'.")
    ] = "",
    dictionary: Annotated[str, typer.Option(help="A dictionary file, or a shipped one by name.")] = "themes",
    english: Annotated[str, typer.Option(help="What stands for an English word: words, stems or lemmas.")] = "words",
    words: Annotated[Path | None, typer.Option(help="A file of words that are not to be cut in two.")] = None,
    ngrams: Annotated[int, typer.Option(min=1, max=3, help="Longest run of words that counts as a term.")] = 1,
    top: Annotated[int, typer.Option(min=1, help="Terms of each group that are shown.")] = 12,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same p-values and cloud.")] = 20180,
    columns: Columns = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what is shown as JSON on stdout.")] = False,
    quiet: Quiet = False,
) -> None:
    """Compare the words of companies' texts: what each city says more than the others, and how sure that is."""
    import numpy as np

    from chainbert.companies import read_companies
    from chainbert.errors import ConfigError
    from chainbert.files import check_writable
    from chainbert.study import compare_terms
    from chainbert.wording import WordingConfig

    if english not in ("words", "stems", "lemmas"):
        raise ConfigError(f"--english {english}: words, stems or lemmas was expected")
    if out:
        check_writable(out / ("concordance.csv" if find else "keyness.csv"))
    table = read_companies(companies, mapping(columns))
    if find:
        _find(table, find, out, as_json=as_json, quiet=quiet)
        return
    config = WordingConfig(words=str(words) if words else (), english=english, ngrams=ngrams, dictionary=dictionary)
    found = compare_terms(table, config, by=by, words=words, rng=np.random.default_rng(seed))
    if out:
        found.write(out, config.terms)
    _show(found, top, as_json=as_json, quiet=quiet)


def _find(table: CompanySet, pattern: str, out: Path | None, *, as_json: bool, quiet: bool) -> None:
    """The concordance of one pattern, each line with its company."""
    from chainbert.study import find_places

    found, lines = find_places(table, pattern, out)
    if as_json:
        typer.echo(lines.to_json(orient="records", force_ascii=False))
    elif len(lines):
        typer.echo(found.to_text(names=table.usable["id"].tolist()))
    if not quiet:
        places = "1 place" if len(lines) == 1 else f"{len(lines):,} places"
        typer.echo(f"{places} in {found.texts:,} of {found.n:,} texts", err=True)


def _show(found: Terms, top: int, *, as_json: bool, quiet: bool) -> None:
    """The top terms of each group, and its themes."""
    import json

    shown = found.top(top)
    if as_json:
        tables = {"terms": shown, "dictionary": found.themes}
        said: dict[str, object] = {name: json.loads(one.to_json(orient="records")) for name, one in tables.items()}
        said |= {"left_out": found.left_out, "notes": list(found.words.notes)}
        typer.echo(json.dumps(said, ensure_ascii=False, indent=1))
        return
    for group, rows in shown.groupby("group", sort=True):
        typer.echo(f"{group}: terms that are its own, by z")
        for row in rows.to_dict("records"):
            mark = "*" if row["q"] < LEVEL else " "
            firms = f"{row['firms']:,} firms, elsewhere {row['firms_reference']:,}"
            p = "–" if row["p"] != row["p"] else f"{row['p']:.3f}"
            typer.echo(f" {mark} {row['term']}\tz {row['z']:.1f}\tp {p}\t{firms}")
    for theme, rows in found.themes.groupby("name_en", sort=False):
        shares = ", ".join(f"{row['group']} {row['yes']:,} of {row['n']:,}" for row in rows.to_dict("records"))
        typer.echo(f"{theme}\t{shares}")
    if not quiet:
        typer.echo("* holds at a false discovery rate of 5 % when firms are permuted within languages", err=True)
        for note in found.words.notes:
            typer.echo(f"note: {note}", err=True)
        if found.left_out:
            typer.echo(f"left out: {found.left_out:,} × no {found.by}", err=True)
