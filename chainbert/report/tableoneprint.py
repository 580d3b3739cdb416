"""Table 1 as HTML for a notebook and as LaTeX for a paper."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from chainbert.report.language import say, spoken
from chainbert.report.latextext import CHINESE, escaped, has_chinese
from chainbert.report.tableonewords import Line, column_title

_STUB = 0.14


def html(lines: Sequence[Line], columns: Sequence[str], note: str) -> str:
    """A plain table; every text is escaped, and nothing is loaded."""
    with_p = any(line.p for line in lines)
    heads = [say("Characteristic"), *map(column_title, columns), *(["p"] if with_p else [])]
    head = "".join(f'<th scope="col">{escape(one)}</th>' for one in heads)
    body = []
    for line in lines:
        cells = ["<br>".join(map(escape, line.texts(column))) for column in columns]
        body.append(
            _html_row(line.title, line.note, [*cells, *([escape(line.p).replace(" ", "&nbsp;")] if with_p else [])])
        )
        if line.published_title:
            theirs = [escape(line.published.get(column, "–")) for column in columns]
            title = say("As published: {title}", title=line.published_title)
            body.append(_html_row(title, line.published_note, [*theirs, *([""] if with_p else [])]))
    caption = escape(say("Table 1. Firms by city"))
    text = (
        f'<table lang="{spoken()}"><caption>{caption}</caption><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table><p><small>{escape(note)}</small></p>"
    )
    # A lone surrogate from a broken export cannot be sent to a browser.
    return text.encode("utf-8", "replace").decode("utf-8")


def _html_row(title: str, note: str, cells: Sequence[str]) -> str:
    said = f"<br><small>{escape(note)}</small>" if note else ""
    return f'<tr><th scope="row">{escape(title)}{said}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'


def latex(lines: Sequence[Line], columns: Sequence[str], note: str, *, standalone: bool) -> str:
    """A booktabs table; the notes of its rows stand below it."""
    with_p = any(line.p for line in lines)
    width = (0.94 - _STUB - (0.06 if with_p else 0)) / max(len(columns), 1)
    ragged = r">{\raggedright\arraybackslash}p"
    layout = f"{ragged}{{{_STUB}\\linewidth}}" + f"{ragged}{{{width:.3f}\\linewidth}}" * len(columns)
    heads = ["", *(escaped(column_title(column)) for column in columns), *(["$p$"] if with_p else [])]
    body, notes = [], [escaped(note)]
    for line in lines:
        cells = [r" \newline ".join(map(escaped, line.texts(column))) for column in columns]
        body.append([escaped(line.title), *cells, *([escaped(line.p)] if with_p else [])])
        notes += [rf"\textit{{{escaped(line.title)}}}: {escaped(line.note)}"] if line.note else []
        if any(column in line.published for column in columns):
            title = say("As published: {title}", title=line.published_title)
            theirs = [escaped(line.published.get(column, "–")) for column in columns]
            body.append([rf"\textit{{{escaped(title)}}}", *theirs, *([""] if with_p else [])])
    head = [r"\toprule", " & ".join(heads) + r" \\", r"\midrule"]
    table = [
        # Many cities' rows are higher than a page.
        r"{\footnotesize",
        r"\setlength{\tabcolsep}{3pt}",
        rf"\begin{{longtable}}{{@{{}}{layout}{'r' if with_p else ''}@{{}}}}",
        rf"\caption{{{escaped(say('Firms by city'))}}}\\",
        *(*head, r"\endfirsthead", *head, r"\endhead", r"\bottomrule", r"\endfoot"),
        "\n\\addlinespace\n".join(" & ".join(row) + r" \\" for row in body),
        r"\end{longtable}",
        r"\noindent",
        " ".join(notes),
        r"\par}",
        "",
    ]
    text = "\n".join(table)
    return _document(text) if standalone else _header(text, "% ") + text


def _header(table: str, prefix: str) -> str:
    """The packages that the table needs; as comments in a file to be included."""
    packages = [r"\usepackage{array, booktabs, longtable}", *(CHINESE if has_chinese(table) else ())]
    return "\n".join(["% !TEX program = xelatex", *(prefix + line for line in packages)]) + "\n"


def _document(table: str) -> str:
    head, _, packages = _header(table, "").partition("\n")
    return "\n".join(
        [
            head,
            r"\documentclass[10pt]{article}",
            r"\usepackage[a4paper, landscape, margin=15mm]{geometry}",
            packages.rstrip("\n"),
            r"\begin{document}",
            table.rstrip("\n"),
            r"\end{document}",
            "",
        ]
    )
