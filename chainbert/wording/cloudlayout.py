"""How large the words of a cloud are, and where they stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from chainbert.wording.glyphs import Extent, Glyph, extent
from chainbert.wording.packing import Floats, Integers, Sectors, pack

# The largest letters are so many times as high as the smallest: at least, and where there is room for it.
LEAST_RATIO, MOST_RATIO = 2.4, 6.0
# The largest letters as a share of the picture's height.
_LARGEST = 0.2
# Share of the ellipse that boxes fill when they are packed; an estimate that the last scaling mends.
_FILLED = 0.75
# Widest word as a share of the picture's width.
_WIDEST = 0.5
_MARGIN = 6.0
# Free space around a word in em of its own: more to the sides, where words would read as one.
_BESIDE, _ABOVE = 0.16, 0.04
# Letters are laid out a little larger than they must be, as the last scaling may shrink them.
_SPARE = 1.04


@dataclass(frozen=True, slots=True)
class Word:
    """A word in its place: x, y the top left corner of its box, ``start_x``, ``start_y`` its baseline's beginning."""

    term: str
    group: str
    weight: float
    size: float
    """Em of its letters in px."""
    x: float
    y: float
    width: float
    height: float
    start_x: float
    start_y: float
    length: float
    """Sum of the characters' advances in px."""
    rotated: bool


def arrange(
    rows: pd.DataFrame,
    groups: Sequence[str],
    glyphs: Mapping[str, Glyph],
    size: tuple[float, float],
    legible: float,
    turned: float,
    rng: np.random.Generator,
) -> tuple[Word, ...]:
    """Words of the ``rows`` (term, group, weight > 0; the greatest weight first) in a picture of ``size`` px.

    Where not all have room in letters of ``legible`` px, the lightest of each group are left out.
    """
    if not len(rows):
        return ()
    extents = [extent(term, glyphs) for term in rows["term"]]
    upright = rng.random(len(rows)) < turned
    ems = np.array([_box(one, bool(turn)) for one, turn in zip(extents, upright, strict=True)])
    seed = int(rng.integers(2**63))
    weights = rows["weight"].to_numpy(float)
    rank: npt.NDArray[np.int64] = np.asarray(rows.groupby("group", sort=False).cumcount(), dtype=np.int64)
    kept: npt.NDArray[np.int64] = np.arange(len(rows), dtype=np.int64)
    target, room = _SPARE * legible, _FILLED * np.pi / 4 * size[0] * size[1]
    while True:
        while (crowded := _crowded(weights[kept], ems[kept], size[0], room, target)) > 1 and rank[kept].any():
            kept = _fewer(kept, rank, 1 / crowded)
        letters = _letters(weights[kept], ems[kept], size[0], room, target)
        corners, scale = _placed(rows.iloc[kept], groups, ems[kept] * letters[:, None], letters, size, seed)
        smallest = float(letters.min()) * scale
        if smallest >= legible or not rank[kept].any():
            break
        room *= min((smallest / target) ** 2, 0.97)
    drawn = zip(rows.iloc[kept].itertuples(index=False), kept, letters * scale, corners, strict=True)
    return tuple(_word(row, extents[n], float(letter), corner, bool(upright[n])) for row, n, letter, corner in drawn)


def _fewer(kept: Integers, rank: Integers, share: float) -> Integers:
    """At most that share of the rows, the heaviest of each group and as many of each; at least one of each."""
    most = int(rank[kept].max())
    while most > 1 and (rank[kept] < most).sum() > share * len(kept):
        most -= 1
    return kept[rank[kept] < most]


def _placed(
    rows: pd.DataFrame,
    groups: Sequence[str],
    boxes: Floats,
    letters: Floats,
    size: tuple[float, float],
    seed: int,
) -> tuple[Floats, float]:
    """Top left corners in the picture, and the factor that made the packed boxes fill it."""
    order = np.argsort(-letters, kind="stable")
    present = [group for group in groups if group in set(rows["group"])]
    owner: Integers = rows["group"].map(present.index).to_numpy(np.int64)
    areas = [float(boxes[owner == place].prod(axis=1).sum()) for place in range(len(present))]
    corners = np.zeros_like(boxes)
    rng = np.random.default_rng(seed)
    corners[order] = pack(boxes[order], owner[order], Sectors.of(areas), size[0] / size[1], rng)
    scale, shift = _fit(corners, boxes, float(letters.max()), size)
    return corners * scale + shift, scale


def _box(one: Extent, turned: bool) -> tuple[float, float]:
    """Width and height in em with the free space around."""
    width, height = one.right - one.left + 2 * _BESIDE, one.top - one.bottom + 2 * _ABOVE
    return (height, width) if turned else (width, height)


def _crowded(weights: Floats, ems: Floats, wide: float, room: float, legible: float) -> float:
    """How many times the ``room`` (px²) the words need with the smallest letters and the least contrast."""
    letters = _grown(weights, ems, wide, LEAST_RATIO, legible)
    return float((ems.prod(axis=1) * letters**2).sum()) / room


def _letters(weights: Floats, ems: Floats, wide: float, room: float, legible: float) -> Floats:
    """Height of the letters of each word in px: linear in the weight, and together as large as the ``room`` allows."""
    area = ems.prod(axis=1)
    for ratio in np.linspace(MOST_RATIO, LEAST_RATIO, 35):
        letters = _grown(weights, ems, wide, float(ratio), legible)
        if (need := float((area * letters**2).sum())) <= room:
            break
    # Where even the greatest contrast leaves room, all words grow together.
    larger = legible * max(float(np.sqrt(room / need)), 1.0)
    return _grown(weights, ems, wide, MOST_RATIO, larger) if ratio == MOST_RATIO else letters


def _grown(weights: Floats, ems: Floats, wide: float, ratio: float, smallest: float) -> Floats:
    """From ``smallest`` for the least weight to ``ratio`` times of it; a word too wide for the picture is smaller."""
    span = weights.max() - weights.min()
    relative = (weights - weights.min()) / span if span else np.full(len(weights), 0.5)
    widest: Floats = np.maximum(_WIDEST * wide / ems[:, 0], smallest)
    return np.minimum(smallest * (1 + (ratio - 1) * relative), widest)


def _fit(corners: Floats, boxes: Floats, largest: float, size: tuple[float, float]) -> tuple[float, Floats]:
    """The factor and the shift that put the packed words into the middle of the picture, as large as it allows."""
    low, high = corners.min(axis=0), (corners + boxes).max(axis=0)
    room = np.array(size) - 2 * _MARGIN
    scale = float(min(*(room / (high - low)), _LARGEST * size[1] / largest))
    return scale, np.array(size) / 2 - scale * (low + high) / 2


def _word(row: object, one: Extent, size: float, corner: npt.NDArray[np.float64], turned: bool) -> Word:
    """The word without the free space around it."""
    beside, above = (_ABOVE, _BESIDE) if turned else (_BESIDE, _ABOVE)
    x, y = float(corner[0]) + beside * size, float(corner[1]) + above * size
    wide, tall = (one.right - one.left) * size, (one.top - one.bottom) * size
    if turned:
        start = (x + one.top * size, y + wide + one.left * size)
        wide, tall = tall, wide
    else:
        start = (x - one.left * size, y + one.top * size)
    term, group, weight = row.term, row.group, row.weight  # type: ignore[attr-defined]
    return Word(
        term=str(term),
        group=str(group),
        weight=float(weight),
        size=round(size, 3),
        x=round(x, 3),
        y=round(y, 3),
        width=round(wide, 3),
        height=round(tall, 3),
        start_x=round(start[0], 3),
        start_y=round(start[1], 3),
        length=round(one.advance * size, 3),
        rotated=turned,
    )
