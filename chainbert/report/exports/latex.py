r"""Tables for a paper: booktabs, every special character escaped, each file ready for ``\input``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chainbert.report.latextext import CHINESE, escaped

LONGEST_PAGE = 30
"""Rows of a table that still stands on one page, a landscape one too; a longer one is a longtable."""


@dataclass(frozen=True, slots=True)
class LatexTable:
    """A table before it is written; all its texts are plain, not yet escaped."""

    name: str
    """File name without its ending, and the label ``tab:NAME``."""
    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: int = 1
    """How many of the first columns are words and stand left; the others stand right."""
    note: str = ""
    rules: frozenset[int] = frozenset()
    """Rows with a rule before them, counted from 0."""


def latex(table: LatexTable, *, run_hash: str) -> str:
    r"""The file's text: a comment with the run's hash and what the paper needs, then the table.

    Raises ValueError where a row has not as many cells as there are heads.
    """
    for place, row in enumerate(table.rows):
        if len(row) != len(table.heads):
            raise ValueError(f"row {place} of {table.name} has {len(row)} cells; {len(table.heads)} were expected")
    long = len(table.rows) > LONGEST_PAGE
    head = [
        "% !TEX program = xelatex",
        f"% chainbert run {run_hash}",
        r"% Needs \usepackage{booktabs}" + (r" and \usepackage{longtable}" if long else "") + ".",
        r"% Chinese needs \usepackage{xeCJK} and \setCJKmainfont{NAME OF A CHINESE FONT}; tables.tex is an example.",
    ]
    return "\n".join([*head, *(_long(table) if long else _short(table))]) + "\n"


def _alignment(table: LatexTable) -> str:
    return "@{}" + "l" * table.words + "r" * (len(table.heads) - table.words) + "@{}"


def _short(table: LatexTable) -> list[str]:
    return [
        r"\begin{table}[tbp]",
        r"\centering\small",
        rf"\caption{{{escaped(table.caption)}}}\label{{tab:{table.name}}}",
        rf"\begin{{tabular}}{{{_alignment(table)}}}",
        r"\toprule",
        _row(table.heads),
        r"\midrule",
        *_body(table),
        r"\bottomrule",
        r"\end{tabular}",
        *_note(table),
        r"\end{table}",
    ]


def _long(table: LatexTable) -> list[str]:
    head = [r"\toprule", _row(table.heads), r"\midrule"]
    return [
        r"{\small",
        rf"\begin{{longtable}}{{{_alignment(table)}}}",
        rf"\caption{{{escaped(table.caption)}}}\label{{tab:{table.name}}}\\",
        *head,
        r"\endfirsthead",
        *head,
        r"\endhead",
        r"\bottomrule",
        r"\endfoot",
        *_body(table),
        r"\end{longtable}",
        *_note(table),
        "}",
    ]


def _body(table: LatexTable) -> list[str]:
    lines = []
    for place, row in enumerate(table.rows):
        if place in table.rules and place:
            lines.append(r"\midrule")
        lines.append(_row(row))
    return lines


def _row(cells: Sequence[str]) -> str:
    return " & ".join(escaped(cell) for cell in cells) + r" \\"


def _note(table: LatexTable) -> list[str]:
    return [r"\par\smallskip\footnotesize " + escaped(table.note)] if table.note else []


def example(names: Sequence[str], *, run_hash: str) -> str:
    """A paper that has every table, to be set by xelatex as it is; it takes a Chinese font that the machine has."""
    return "\n".join(
        [
            "% !TEX program = xelatex",
            f"% chainbert run {run_hash}",
            r"\documentclass{article}",
            r"\usepackage[a4paper,margin=20mm,landscape]{geometry}",
            r"\usepackage{array,booktabs,longtable}",
            *CHINESE,
            r"\begin{document}",
            *(rf"\input{{{name}}}" for name in names),
            r"\end{document}",
            "",
        ]
    )
