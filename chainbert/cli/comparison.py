"""The command that compares company sets of several years, and what it says on the terminal."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from chainbert.cli.bars import progress
from chainbert.cli.columns import mapping
from chainbert.cli.single import DEFAULT_ENCODER, EncoderName
from chainbert.cli.studies import Quiet
from chainbert.errors import ConfigError

_MOST_NAMED = 12


def compare(
    companies: Annotated[
        list[Path], typer.Argument(help="Company tables of different years, or what `chainbert embed` wrote.")
    ],
    reference: Annotated[str, typer.Option(help="The city the others are measured against.")] = "Beijing",
    city: Annotated[
        list[str] | None, typer.Option(help="A city to compare; without, those with five firms in every set.")
    ] = None,
    observed: Annotated[
        list[int] | None,
        typer.Option(help="The year of each table, in the same order, where they do not say it."),
    ] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[TABLE:]NAME=COLUMN", help="Where columns are not recognised; 2:text=简介 is for the second table."
        ),
    ] = None,
    matches: Annotated[
        Path | None, typer.Option(help="review.csv of an earlier comparison, with yes or no in the column same_firm.")
    ] = None,
    encoder: EncoderName = DEFAULT_ENCODER,
    seed: Annotated[int, typer.Option(min=0, help="Of the permutation tests.")] = 20180,
    draws: Annotated[int, typer.Option(min=99, help="Permutations behind each p-value of a gap.")] = 999,
    out: Annotated[
        Path | None, typer.Option(help="A folder for comparison.json, matches.csv, review.csv and frames.csv.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON on stdout.")] = False,
    quiet: Quiet = False,
) -> None:
    """Compare company sets of several years: sampling frames, the same firms, then the cities' gaps and trends."""
    from chainbert.study import (
        CompareSettings,
        check_comparison_folder,
        compare_sets,
        write_comparison,
    )

    if out:
        check_comparison_folder(out)
    settings = CompareSettings(reference, tuple(city or ()), encoder, seed, draws)
    with progress(quiet=quiet) as report:
        found = compare_sets(
            companies,
            _mappings(columns or (), len(companies)),
            observed or (),
            settings,
            matches=matches,
            progress=report,
        )
    facts = found.to_json()
    text = json.dumps(facts, ensure_ascii=False, indent=1, allow_nan=False)
    if out:
        write_comparison(found, text, out)
    if as_json:
        typer.echo(text)
    elif not quiet:
        for line in comparison_lines(facts):
            typer.echo(line)
        if out:
            typer.echo(f"{out}: comparison.json, matches.csv, review.csv, frames.csv", err=True)


def _mappings(given: Iterable[str], tables: int) -> list[dict[str, str] | None]:
    """One mapping a table: ``text=简介`` is for all, ``2:text=简介`` for the second."""
    parts: list[list[str]] = [[] for _ in range(tables)]
    for one in given:
        number, colon, rest = one.partition("=")[0].partition(":")
        if not colon:
            for part in parts:
                part.append(one)
        elif number.strip().isdigit() and 1 <= int(number) <= tables:
            parts[int(number) - 1].append(one.partition(":")[2])
        else:
            raise ConfigError(
                f"--columns {one}: '{number}:{rest}' found; a table from 1 to {tables} was expected before ':'"
            )
    return [mapping(part) for part in parts]


def comparison_lines(facts: dict[str, Any]) -> list[str]:
    """The comparison for people: sets and their frames, matches, panel, findings."""
    return [*_set_lines(facts), *_match_lines(facts), *_finding_lines(facts)]


def _set_lines(facts: dict[str, Any]) -> list[str]:
    lines = ["Sets"]
    for one in facts["sets"]:
        left_out = "".join(f", left out {count:,} × {reason}" for reason, count in one["left_out"].items())
        lines.append(f"  {one['label']}: {one['firms']:,} firms, {one['rows']:,} rows ({one['path']}){left_out}")
    lines.append("Sampling frames: before any finding")
    lines += [f"  warning: {warning}" for warning in facts["warnings"]]
    if facts["warnings"]:
        lines.append("  what follows compares these samples; a change between them can be one of who was sampled")
    else:
        lines.append("  no difference above the thresholds")
    return lines


def _match_lines(facts: dict[str, Any]) -> list[str]:
    panel, review = facts["panel"], facts["review"]
    lines = ["The same firms", *(_shared_line(pair, facts["matches"]) for pair in panel["shared"])]
    if len(facts["sets"]) > 2:
        lines.append(f"  in all {len(facts['sets'])} sets: {_count(panel['in_all'])}")
    renamed = [one for one in facts["matches"] if one["name_a"].casefold() != one["name_b"].casefold()]
    lines += [f"    {_both(one, 'is')}: {one['why']}" for one in renamed[:_MOST_NAMED]]
    lines += [f"  unsure: {_both(one, 'and')}, score {one['score']:.2f}: {one['why']}" for one in review[:_MOST_NAMED]]
    if review:
        lines.append(
            f"  unsure pairs, {len(review):,} in all, count as different firms; decide in review.csv (--out FOLDER) "
            "with yes or no in the column same_firm and give it back with --matches"
        )
    lines += [f"  note: {note}" for note in facts["match_notes"]]
    lines += [
        f"  moved: {one['name']}, {one['city_a']} in {one['set_a']}, {one['city_b']} in {one['set_b']}"
        for one in panel["moved"][:_MOST_NAMED]
    ]
    return lines


def _both(pair: dict[str, Any], word: str) -> str:
    return f"{pair['name_a']} ({pair['set_a']}) {word} {pair['name_b']} ({pair['set_b']})"


def _shared_line(pair: dict[str, Any], matches: list[dict[str, Any]]) -> str:
    where, found = f"{pair['set_a']} and {pair['set_b']}", _rules(matches, pair)
    return f"  {where}: {_count(pair['firms'])} in both, {pair['same_name']} by the same name{found}"


def _rules(matches: list[dict[str, Any]], pair: dict[str, Any]) -> str:
    rules = [one["rule"] for one in matches if (one["set_a"], one["set_b"]) == (pair["set_a"], pair["set_b"])]
    counted = [f"{rules.count(rule)} by {rule}" for rule in ("id", "domain", "name", "reviewed") if rule in rules]
    return f" (found {', '.join(counted)})" if counted else ""


def _finding_lines(facts: dict[str, Any]) -> list[str]:
    panel = facts["panel"]
    lines = ["Panel", f"  {panel['status'] or _panel_line(panel, facts['reference'])}"]
    if panel["convergence"]:
        lines += [f"  {sentence}" for sentence in panel["convergence"]["sentences"].values()]
    lines.append(f"Findings, all firms of each set against {facts['reference']}")
    for done in facts["alignments"]:
        lines += _alignment_lines(done)
    lines += [f"  not compared: {count:,} rows, {reason}" for reason, count in facts["left_out"].items()]
    found = facts["convergence"]
    lines += [_gap_line(gap) for gap in found["gaps"]]
    lines += [f"  {sentence}" for sentence in found["sentences"].values()]
    if not found["gaps"]:
        lines.append(f"  no gap: {facts['reference']} is the only city that can be compared")
    return lines


def _panel_line(panel: dict[str, Any], reference: str) -> str:
    held = {one["city"]: one["firms"] for one in panel["cities"]}
    listed = ", ".join(f"{held[city]:,} of {city}" for city in panel["estimable"])
    return f"a panel of the firms in every set: {listed}, against {held[reference]:,} of {reference}"


def _alignment_lines(done: dict[str, Any]) -> list[str]:
    return [
        f"  aligned: {done['sets']} was embedded by another encoder than {done['onto']}; it was rotated onto it by "
        f"{done['firms']:,} shared firms (orthogonal Procrustes)",
        f"  held-out error {done['error']:.3f} (cosine distance of a firm to itself, {done['folds']} folds; unrelated "
        f"firms {done['baseline']:.3f}); {done['nearest']:.0%} of held-out firms are nearest to themselves",
        "  a rotation keeps every distance within a set: each gap is still that of its own encoder, so a trend across "
        "them is also one of encoders",
    ]


def _gap_line(gap: dict[str, Any]) -> str:
    where = f"  gap {gap['city']} {gap['year']}: "
    if gap["gap"] is None:
        return f"{where}{gap['status']}"
    return where + f"{gap['gap']:.3f} [{gap['low']:.3f}, {gap['high']:.3f}], n = {gap['n']} and {gap['n_reference']}"


def _count(firms: int) -> str:
    return "1 firm" if firms == 1 else f"{firms or 'no'} firms"
