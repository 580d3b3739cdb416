"""Commands for hand codes of a random sample: drawing it, and correcting shares by it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from chainbert.cli.columns import mapping
from chainbert.cli.single import Columns, Companies
from chainbert.cli.studies import Quiet

CodebookName = Annotated[
    str, typer.Option("--codebook", help="The codebook of the labels: a file, or a shipped one by name.")
]


def sample(
    companies: Companies,
    labels: Annotated[Path, typer.Option(help="What `chainbert label` wrote for these companies.")],
    out: Annotated[Path, typer.Option(help="The sheet to code in: xlsx (with drop-downs) or csv.")],
    n: Annotated[int, typer.Option("--n", min=1, help="Companies to code.")] = 200,
    by: Annotated[str, typer.Option(help="Columns to stratify by, before the labels; year, or empty for none.")] = (
        "city,language"
    ),
    codebook: CodebookName = "company-axes",
    seed: Annotated[int, typer.Option(min=0, help="The same seed draws the same companies.")] = 20180,
    show_labels: Annotated[
        bool, typer.Option("--show-labels", help="Show the coder the labels (coders then tend to agree with them).")
    ] = False,
    columns: Columns = None,
    quiet: Quiet = False,
) -> None:
    """Draw companies to code by hand: a stratified random sample, with the chance each had to be drawn."""
    from chainbert.companies import read_companies
    from chainbert.files import file_hash
    from chainbert.labelling import Codebook
    from chainbert.labelling.audit import check_sheet_path, codes_needed, draw_sample, read_labels, write_sheet

    check_sheet_path(out)
    book = Codebook.load(codebook)
    said = read_labels(labels)
    drawn = draw_sample(
        said,
        read_companies(companies, mapping(columns)),
        n,
        by=_names(by),
        codebook=book,
        seed=seed,
        labels_sha256=file_hash(labels),
    )
    write_sheet(drawn, out, show_labels=show_labels)
    if not quiet:
        design = drawn.design
        typer.echo(
            f"{out}: {design.drawn:,} of {design.frame:,} companies and years in {len(design.strata)} strata", err=True
        )
        for points in (5, 3):
            alone, helped = (codes_needed(points / 100, design.frame, rho=rho) for rho in (0.0, 0.75))
            typer.echo(
                f"± {points} points on a share near a half: {alone} codes alone, {helped} with labels that correlate "
                "with them at .75",
                err=True,
            )


def shares(
    labels: Annotated[Path, typer.Argument(help="What `chainbert label` wrote.")],
    gold: Annotated[Path, typer.Option(help="The filled sheet of `chainbert sample`, or another file of hand codes.")],
    companies: Annotated[
        Path | None, typer.Option(help="The company table that was labelled: for city and language.")
    ] = None,
    by: Annotated[str, typer.Option(help="Groups, as in city,year,language; overall shares when empty.")] = "",
    codebook: CodebookName = "company-axes",
    target: Annotated[
        str, typer.Option(help="set: the share in this very set; population: in what it was drawn from.")
    ] = "set",
    points: Annotated[float, typer.Option(help="Half width in points that n_needed is for.")] = 5.0,
    out: Annotated[Path | None, typer.Option(help="csv, json or parquet, by its ending; csv on stdout else.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON on stdout.")] = False,
    columns: Columns = None,
    quiet: Quiet = False,
) -> None:
    """Estimate shares by hand codes and labels together: intervals that cover, unlike counts of labels."""
    import json

    from chainbert.companies import read_companies
    from chainbert.errors import ConfigError
    from chainbert.files import file_hash
    from chainbert.labelling import Codebook
    from chainbert.labelling.audit import check_shares_path, estimate_shares, read_labels, write_shares

    if out:
        check_shares_path(out)
    if target not in {"set", "population"}:
        raise ConfigError(f"--target {target}: set or population was expected")
    book = Codebook.load(codebook)
    found = estimate_shares(
        read_labels(labels),
        gold,
        _names(by),
        companies=read_companies(companies, mapping(columns)) if companies else None,
        codebook=book,
        target="population" if target == "population" else "set",
        margin=points / 100,
    )
    if out:
        write_shares(found, out)
    if as_json:
        typer.echo(json.dumps(found.to_json(), ensure_ascii=False, indent=1))
    elif not out:
        typer.echo(found.table.to_csv(index=False, float_format="%.6f", lineterminator="\n"), nl=False)
    if not quiet:
        stated = found.labels_sha256
        if stated and not file_hash(labels).startswith(stated):
            typer.echo("note: the sheet was drawn by other labels of these companies; it stays valid", err=True)
        for note in found.notes:
            typer.echo(f"note: {note}", err=True)
        typer.echo(found.methods, err=True)


def _names(given: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in given.split(",") if name.strip())
