"""Commands that do one stage on one company table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from chainbert.cli.bars import progress
from chainbert.cli.columns import mapping
from chainbert.cli.studies import Quiet

Companies = Annotated[Path, typer.Argument(help="Company table: csv, tsv, xlsx, json, jsonl or parquet.")]
Columns = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=COLUMN", help="Where a column is not recognised, as in text=简介; observed==2018 is a constant."
    ),
]
EncoderName = Annotated[str, typer.Option("--encoder", help="See `chainbert models`.")]
DEFAULT_ENCODER = "bundled:multilingual-e5-small"
# As in LabellingConfig, which takes too long to import for --help; a test holds them together.
DEFAULT_LABELLER = "company-axes"


def label(
    companies: Companies,
    out: Annotated[Path, typer.Option(help="csv, jsonl or parquet, by its ending.")],
    codebook: Annotated[str, typer.Option(help="A codebook file, or the name of a shipped one.")] = "company-axes",
    labeller: Annotated[str, typer.Option(help="See `chainbert models`.")] = DEFAULT_LABELLER,
    encoder: EncoderName = DEFAULT_ENCODER,
    columns: Columns = None,
    quiet: Quiet = False,
) -> None:
    """Label companies by a codebook, with probabilities and the evidence sentence for each label."""
    from chainbert.companies import read_companies
    from chainbert.embedding import EmbeddingStore, default_store_folder, load_encoder
    from chainbert.labelling import Codebook, Labeller, check_labels_path, write_labels

    check_labels_path(out)
    book = Codebook.load(codebook)
    table = read_companies(companies, mapping(columns))
    chosen = Labeller.load(labeller, encoder=load_encoder(encoder))
    with progress(quiet=quiet) as report:
        labels = chosen.label(table, book, store=EmbeddingStore(default_store_folder()), progress=report)
    write_labels(labels, out)
    if not quiet:
        for note in labels.notes:
            typer.echo(note, err=True)
        typer.echo(f"{out}: {len(labels.table):,} rows, {len(table.usable):,} of them usable", err=True)


def embed(
    companies: Companies,
    out: Annotated[Path, typer.Option(help="A parquet file: id, observed, vector, and what `compare` needs.")],
    encoder: EncoderName = DEFAULT_ENCODER,
    columns: Columns = None,
    keep_cities: Annotated[bool, typer.Option("--keep-cities", help="Leave city names in the texts.")] = False,
    quiet: Quiet = False,
) -> None:
    """Embed companies: one unit vector a company and year, the mean of its sentences."""
    from chainbert.companies import read_companies
    from chainbert.embedding import load_encoder
    from chainbert.study import check_vectors_path, embed_companies, write_vectors

    check_vectors_path(out)
    table = read_companies(companies, mapping(columns))
    with progress(quiet=quiet) as report:
        found = embed_companies(table, encoder, mask_cities=not keep_cities, progress=report)
    write_vectors(table, found, out, encoder=load_encoder(encoder), masked=not keep_cities)
    if not quiet:
        typer.echo(f"{out}: {len(found.keys):,} vectors, {found.truncated:,} sentences were cut", err=True)


def cluster(
    companies: Companies,
    out: Annotated[Path, typer.Option(help="A folder for members.csv, clusters.csv and terms.csv.")],
    encoder: EncoderName = DEFAULT_ENCODER,
    columns: Columns = None,
    min_cluster_size: Annotated[int | None, typer.Option(min=2, help="Fewest companies that make a cluster.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of UMAP.")] = 20180,
    quiet: Quiet = False,
) -> None:
    """Group companies by what their texts say: UMAP and HDBSCAN, with terms and typical companies of each group."""
    from chainbert.clustering import ClusteringConfig
    from chainbert.companies import read_companies
    from chainbert.files import check_writable
    from chainbert.study import cluster_companies, embed_companies

    check_writable(out / "members.csv")
    config = ClusteringConfig(min_cluster_size=min_cluster_size) if min_cluster_size else ClusteringConfig()
    table = read_companies(companies, mapping(columns))
    with progress(quiet=quiet) as report:
        found = embed_companies(table, encoder, mask_cities=True, progress=report)
    count, noise_share = cluster_companies(table, found, config, seed, out)
    if not quiet:
        typer.echo(f"{out}: {count} clusters, {noise_share:.0%} of the companies in none", err=True)
