"""Colours and marks: each city keeps its own in every figure, in daylight and in the dark."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from chainbert.report.language import message

# The paper's black, purple and blue; their lightness (0, 33, 58) differs enough to be told apart without hue.
PAPER_CITIES = {
    "Beijing": ("#000000", "#f4f4f4"),
    "Shanghai": ("#7a2e8f", "#b277cb"),
    "Shenzhen": ("#3b8fd9", "#6bb8f5"),
}
# Okabe & Ito (2008) without the blue and black taken above; the pale ones darkened to 3:1 on the light paper.
FURTHER = (
    ("#009e73", "#1fb88c"),
    ("#d55e00", "#ee7d2b"),
    ("#c46a9c", "#dc93bb"),
    ("#b98300", "#e6a91f"),
    ("#8d8400", "#f0e442"),
)
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-right", "triangle-left")
# The same marks as text.
GLYPHS = "●■▲◆✚▼▶◀"
OTHERS = message("other cities")
CHARTED = len(SHAPES)

# Each hex stands in the figures and is exchanged for its CSS variable in the page, so that the dark is only CSS.
INK = ("#1d1d1b", "#e9e7e2")
MUTED = ("#66645f", "#a3a098")
RULE = ("#dedbd4", "#3a3a38")
OTHER = ("#8f8f8c", "#8a8a87")
# The sign of a change; blue and orange stay apart for colour-blind readers, and the place on the axis says it again.
CLOSES = ("#1f6fb2", "#6db3ee")
OPENS = ("#b4500b", "#f2944a")


@dataclass(frozen=True, slots=True)
class Cities:
    """The cities in their order, the reference first, then by number of firms."""

    names: tuple[str, ...]
    light: dict[str, str]
    dark: dict[str, str]

    @property
    def charted(self) -> tuple[str, ...]:
        """The cities that charts can tell apart; tables show all."""
        return self.names[:CHARTED]

    @property
    def beyond(self) -> tuple[str, ...]:
        """Cities that stand in the tables only."""
        return self.names[CHARTED:]

    def order(self, city: str) -> int:
        """Place of a city; unknown ones come last."""
        return self.names.index(city) if city in self.names else len(self.names)


def choose_colours(names: Iterable[str]) -> Cities:
    """Give the first eight cities a colour each; ``names`` in the order in which they are to be shown."""
    cities = tuple(dict.fromkeys(names))
    spare = iter(FURTHER + tuple(pair for city, pair in PAPER_CITIES.items() if city not in cities[:CHARTED]))
    pairs = {city: PAPER_CITIES.get(city) or next(spare) for city in cities[:CHARTED]}
    return Cities(
        cities,
        {city: light for city, (light, _) in pairs.items()},
        {city: dark for city, (_, dark) in pairs.items()},
    )


def css_variables(cities: Cities) -> dict[str, tuple[str, str, str]]:
    """Hex of the figures → (name of its CSS variable, value in the light, value in the dark)."""
    chrome = {"ink": INK, "muted": MUTED, "rule": RULE, "other": OTHER, "closes": CLOSES, "opens": OPENS}
    variables = {light: (f"--{name}", light, dark) for name, (light, dark) in chrome.items()}
    for place, city in enumerate(cities.charted):
        light = cities.light[city]
        variables[light] = (f"--city-{place}", light, cities.dark[city])
    return variables
