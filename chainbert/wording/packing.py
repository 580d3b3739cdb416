"""Free places for boxes: each as near to the middle, in its group's sector, as there is room."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

# How much a place outside of the group's sector counts against the distance from the middle.
_PULL = 4.0
# How much of a word's half width and height counts as its distance: 1 keeps all corners inside of the ellipse.
_CORNERS = 0.4
_FIRST_SECTOR = np.pi
# Side of a cell of the grid as a share of the smallest word's height.
_CELL = 0.12
_FIELD = 1.7


@dataclass(frozen=True, slots=True)
class Sectors:
    """A slice of the ellipse for each group, as wide as the group's words need."""

    middle: Floats
    """(groups,) angle of the bisector, radians, clockwise from the right."""
    half: Floats
    """(groups,) half of the slice's angle."""

    @classmethod
    def of(cls, areas: Sequence[float]) -> Sectors:
        """Slices with angles as the areas, the first around the left end, the others clockwise."""
        angles = 2 * np.pi * np.asarray(areas, dtype=float) / sum(areas)
        starts = _FIRST_SECTOR - angles[0] / 2 + np.concatenate([[0.0], np.cumsum(angles)[:-1]])
        return cls(starts + angles / 2, angles / 2)


def pack(boxes: Floats, group: Integers, sectors: Sectors, aspect: float, rng: np.random.Generator) -> Floats:
    """Top left corners (n, 2) of the ``boxes``, in their unit and order, with no overlap.

    boxes (n, 2) widths and heights > 0, the most important first; group (n,) the place of each one's sector;
    ``aspect`` width over height of the ellipse that they fill. Every word takes the free place nearest to the middle,
    where places outside of its sector count as further off (after the comparison cloud of R's wordcloud, Fellows
    2018, which draws words at the first free place of a spiral).
    """
    if not len(boxes):
        return np.zeros((0, 2))
    cell = max(_CELL * boxes[:, 1].min(), boxes.max() / 600)
    cells = np.ceil(boxes / cell).astype(np.int64)
    for grow in (1.0, 1.5, 2.5, 4.0):
        places = _on_grid(cells, group, sectors, aspect, grow, rng)
        if places is not None:
            corners: Floats = (places + (cells - boxes / cell) / 2) * cell
            return corners
    raise AssertionError("a field of 20 times the words' area has room for them")


def _on_grid(
    cells: Integers, group: Integers, sectors: Sectors, aspect: float, grow: float, rng: np.random.Generator
) -> Floats | None:
    """Top left cells of all words; None where the field is too small."""
    height = int(grow * _FIELD * np.sqrt(cells.prod(axis=1).sum() / aspect)) + int(cells[:, 1].max())
    width = max(int(height * aspect), int(1.2 * cells[:, 0].max()))
    field = _Field(width, height, aspect, sectors, rng)
    places = np.zeros(cells.shape)
    for row, (size, owner) in enumerate(zip(cells, group, strict=True)):
        place = field.place(int(size[0]), int(size[1]), int(owner))
        if place is None:
            return None
        places[row] = place
    return places


class _Field:
    """The cells that are taken, and how far each lies from the middle."""

    def __init__(self, width: int, height: int, aspect: float, sectors: Sectors, rng: np.random.Generator) -> None:
        self._taken = np.zeros((height, width), dtype=bool)
        self._used = (width // 2, height // 2, width // 2, height // 2)
        self._radius = height / 2
        self._aspect = aspect
        x: Floats = (np.arange(width + 1, dtype=float) - width / 2) / (self._radius * aspect)
        y: Floats = (np.arange(height + 1, dtype=float) - height / 2) / self._radius
        self._x, self._y = np.abs(x), np.abs(y)
        # Symmetric places are equally good: chance chooses, or all ties would fall to one side.
        chance = 1e-3 * rng.random((height + 1, width + 1))
        self._outside = [
            _PULL * _beyond(x[None, :], y[:, None], middle, half) + chance
            for middle, half in zip(sectors.middle, sectors.half, strict=True)
        ]

    def place(self, width: int, height: int, owner: int) -> tuple[int, int] | None:
        """Take the best free place for a word; its left and top cell, or None where there is none."""
        # Around the words that stand there all is free, and what is nearer to them is better: no need to look beyond.
        left, top = max(self._used[0] - width - 1, 0), max(self._used[1] - height - 1, 0)
        taken = self._taken[top : self._used[3] + height + 1, left : self._used[2] + width + 1]
        if taken.shape[0] < height or taken.shape[1] < width:
            return None
        free = _free(taken, width, height)
        if not free.any():
            return None
        rows = slice(top + height // 2, top + height // 2 + free.shape[0])
        columns = slice(left + width // 2, left + width // 2 + free.shape[1])
        x = self._x[columns] + _CORNERS * width / 2 / (self._radius * self._aspect)
        y = self._y[rows] + _CORNERS * height / 2 / self._radius
        cost = np.sqrt(x[None, :] ** 2 + y[:, None] ** 2) + self._outside[owner][rows, columns]
        row, column = np.unravel_index(int(np.argmin(np.where(free, cost, np.inf))), cost.shape)
        left, top = left + int(column), top + int(row)
        self._taken[top : top + height, left : left + width] = True
        low, high = np.minimum(self._used[:2], (left, top)), np.maximum(self._used[2:], (left + width, top + height))
        self._used = (int(low[0]), int(low[1]), int(high[0]), int(high[1]))
        return left, top


def _free(taken: npt.NDArray[np.bool_], width: int, height: int) -> npt.NDArray[np.bool_]:
    """Whether a word of that size fits at each top left cell."""
    sums = np.zeros((taken.shape[0] + 1, taken.shape[1] + 1), dtype=np.int32)
    np.cumsum(np.cumsum(taken, axis=0, dtype=np.int32), axis=1, out=sums[1:, 1:])
    inside = sums[height:, width:] - sums[:-height, width:] - sums[height:, :-width] + sums[:-height, :-width]
    free: npt.NDArray[np.bool_] = inside == 0
    return free


def _beyond(x: Floats, y: Floats, middle: float, half: float) -> Floats:
    """Distance of each point to a slice; 0 inside of it, and everywhere where the slice is the whole."""
    if half >= np.pi - 1e-9:
        return np.zeros(np.broadcast_shapes(x.shape, y.shape))
    along = x * np.cos(middle) + y * np.sin(middle)
    across = np.abs(-x * np.sin(middle) + y * np.cos(middle))
    # Distance to the nearer edge, a ray from the middle; before its start the middle is the nearest point.
    outward = across * np.cos(half) - along * np.sin(half)
    ahead = along * np.cos(half) + across * np.sin(half)
    radius = np.hypot(x, y)
    off: Floats = np.where(np.arctan2(across, along) <= half, 0.0, np.where(ahead > 0, np.abs(outward), radius))
    return off
