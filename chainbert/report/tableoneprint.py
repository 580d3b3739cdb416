"""Table 1 as HTML for a notebook and as LaTeX for a paper."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

from chainbert.report.language import say, spoken
from chainbert.report.tableonewords import Line, column_title

_CHINESE = re.compile("[\u2e80-\u303f\u3400-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U000323af]")
# What no font prints and XeLaTeX refuses: controls, line separators, directions, halves of characters.
_UNPRINTED = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]+")
_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "`": r"\textasciigrave{}",
    '"': r"\textquotedbl{}",
    "<": "$<$",
    ">": "$>$",
    "|": r"\textbar{}",
    # A bracket or star after the end of a row would be its argument.
    "[": "{[}",
    "]": "{]}",
    "*": "{*}",
    # Not in the letters of Latin Modern, XeLaTeX's own font.
    "χ": r"$\chi$",
    "−": "$-$",
    "×": r"$\times$",
    **{special: f"\\{special}" for special in "&%$#_{}"},
}
_SPECIAL = re.compile("[" + re.escape("".join(_LATEX)) + "]|-(?=-)")
_CHINESE_FONT = (
    "% The fonts of TeX Live for Chinese; any other font of the machine can stand here by its name.",
    r"\usepackage{xeCJK}",
    r"\setCJKmainfont[BoldFont=FandolSong-Bold.otf, ItalicFont=FandolKai-Regular.otf]{FandolSong-Regular.otf}",
)
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
    table = [
        r"\begin{table}[p]",
        r"\footnotesize",
        r"\setlength{\tabcolsep}{3pt}",
        rf"\caption{{{escaped(say('Firms by city'))}}}",
        rf"\begin{{tabular}}{{@{{}}{layout}{'r' if with_p else ''}@{{}}}}",
        r"\toprule",
        " & ".join(heads) + r" \\",
        r"\midrule",
        "\n\\addlinespace\n".join(" & ".join(row) + r" \\" for row in body),
        r"\bottomrule",
        r"\end{tabular}",
        "",
        r"\medskip",
        " ".join(notes),
        r"\end{table}",
        "",
    ]
    text = "\n".join(table)
    return _document(text) if standalone else _header(text, "% ") + text


def escaped(text: str) -> str:
    """Text that XeLaTeX prints as it is: no character of it is a command."""
    printed = " ".join(_UNPRINTED.sub(" ", text).split())
    return _SPECIAL.sub(lambda found: _LATEX.get(found.group(), "-{}"), printed).replace(r" \%", r"~\%")


def _header(table: str, prefix: str) -> str:
    """The packages that the table needs; as comments in a file to be included."""
    packages = [r"\usepackage{array, booktabs}", *(_CHINESE_FONT if _CHINESE.search(table) else ())]
    lines = ["% !TEX program = xelatex", *(line if line.startswith("%") else prefix + line for line in packages)]
    return "\n".join(lines) + "\n"


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
