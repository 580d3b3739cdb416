"""The stretch of a company's text that a reader needs: its evidence, marked, and a little around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

GAP = " … "
_CONTROLS = dict.fromkeys((*range(9), 11, 12, *range(14, 32), 127), "�")


@dataclass(frozen=True, slots=True)
class Span:
    """Evidence in a text: characters [start, end) and the labels it speaks for."""

    start: int
    end: int
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of an excerpt; without labels it is context."""

    text: str
    labels: tuple[str, ...] = ()


def excerpt(text: str, spans: Sequence[Span], limit: int) -> list[Piece]:
    """About ``limit`` characters of ``text`` with every span in it; " … " stands for what is left out.

    Overlapping spans become one with the labels of both. Spans outside the text are not shown. A span that is
    longer than its part of the limit is cut.
    """
    spans = _merge([span for span in spans if 0 <= span.start < span.end <= len(text)])
    if len(text) <= limit:
        return _pieces(text, spans, [(0, len(text))])
    if not spans:
        return [Piece(_clean(text[:limit]) + " …")]
    share = max(limit // len(spans), 1)
    shown = [replace(span, end=min(span.end, span.start + share)) for span in spans]
    around = max(limit - sum(span.end - span.start for span in shown), 0) // (2 * len(shown))
    windows: list[tuple[int, int]] = []
    for span in shown:
        start, end = max(span.start - around, 0), min(span.end + around, len(text))
        if windows and start <= windows[-1][1]:
            windows[-1] = (windows[-1][0], max(end, windows[-1][1]))
        else:
            windows.append((start, end))
    return _pieces(text, shown, windows)


def evidence_only(text: str, spans: Sequence[Span], limit: int) -> list[Piece]:
    """The spans alone, in the text's order, ``limit`` characters of it shared among them; " … " stands between two."""
    spans = _merge([span for span in spans if 0 <= span.start < span.end <= len(text)])
    share = max(limit // max(len(spans), 1), 1)
    pieces: list[Piece] = []
    for span in spans:
        words = text[span.start : span.end].strip()
        shown = words if len(words) <= share else f"{words[:share]}…"
        pieces += [*([Piece(GAP)] if pieces else []), Piece(_clean(shown), span.labels)]
    return pieces


def _merge(spans: Sequence[Span]) -> list[Span]:
    merged: list[Span] = []
    for span in sorted(spans, key=lambda one: (one.start, one.end)):
        if merged and span.start < merged[-1].end:
            before = merged[-1]
            labels = tuple(dict.fromkeys((*before.labels, *span.labels)))
            merged[-1] = Span(before.start, max(before.end, span.end), labels)
        else:
            merged.append(span)
    return merged


def _pieces(text: str, spans: Sequence[Span], windows: Sequence[tuple[int, int]]) -> list[Piece]:
    pieces: list[Piece] = []
    for start, end in windows:
        pieces.append(Piece(GAP if start > 0 else ""))
        place = start
        for span in spans:
            if start <= span.start and span.end <= end:
                pieces.append(Piece(_clean(text[place : span.start])))
                pieces.append(Piece(_clean(text[span.start : span.end]), span.labels))
                place = span.end
        pieces.append(Piece(_clean(text[place:end])))
    if windows and windows[-1][1] < len(text):
        pieces.append(Piece(GAP.rstrip()))
    return [piece for piece in pieces if piece.text]


def _clean(text: str) -> str:
    # A NUL or a lone surrogate has no place in an HTML page.
    return text.translate(_CONTROLS).encode("utf-8", "replace").decode("utf-8")
