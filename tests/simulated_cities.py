"""Studies with a known truth: cities as mixtures of themes on the unit sphere, with and without the usual troubles.

A firm's vector is theme + noise (+ what the trouble adds), divided by its length. There are 8 themes, standard normal
over √d; each city mixes an even share of all themes with a city's own (Beijing three, Shanghai two, Shenzhen the other
three); ``contrast`` is the weight of its own. Firms that ``adopt`` draw from Beijing's mixture; the share of adopters
grows evenly from 0 in the first year.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chainbert.convergence import measure_convergence

OWN_THEMES = {"Beijing": (0, 1, 2), "Shanghai": (3, 4), "Shenzhen": (5, 6, 7)}
THEMES = 8
PAPER_SIZES = {"Beijing": 110, "Shanghai": 53, "Shenzhen": 34}


@dataclass(frozen=True)
class Setting:
    """One kind of study. Sizes are firms a year; shares are in [0, 1]."""

    sizes: dict[str, int] | None = None
    years: int = 6
    dimension: int = 384
    contrast: float = 0.5
    noise: float = 1.5
    adopt: float = 0.0
    """Share of the mover's firms that follow the other city's mixture in the last year."""
    mover: str = "Shenzhen"
    common: float = 0.0
    """Length of a direction that all firms share at all times: the rows of real encoders lie in a narrow cone."""
    drift: float = 0.0
    """Length of the direction that all firms take up by the last year."""
    growth: tuple[int, int] | None = None
    """Firms a city in the first and last year, instead of sizes."""
    chinese: dict[str, tuple[float, float]] | None = None
    """Share of Chinese texts by city in the first and last year."""
    language_noise: float = 0.0
    """Extra noise of English texts, so that the gap differs by language."""
    persistence: float = 0.0
    """Share of firms that stay from one year to the next; all texts have a little noise of the year on top."""
    exits: float = 0.0
    """Share of Shenzhen's firms that leave each year, the farther from Beijing the likelier; new ones come for them.
    All other firms stay, and no text changes but for a little noise of the year."""
    filler: tuple[float, float] = (0.0, 0.0)
    """Mean number of filler sentences beside two sentences of the firm's own, in the first and last year."""
    spread: dict[str, float] | None = None
    """Factor of a city's noise; the themes' mean is then 0, so that unequal noise moves no city's mean."""


@dataclass(frozen=True)
class Study:
    """Arrays as measure_convergence takes them."""

    vectors: np.ndarray
    city: np.ndarray
    year: np.ndarray
    firm: np.ndarray
    language: np.ndarray
    sentences: np.ndarray
    """Number of sentences of each text."""
    theme: np.ndarray
    """The theme that each firm drew."""


def simulate(setting: Setting, rng: np.random.Generator, *, themes: np.random.Generator | None = None) -> Study:
    """Draw one study; ``themes`` draws the themes alone, so that several studies can share them."""
    width = 1 / np.sqrt(setting.dimension)
    themes = (themes or rng).standard_normal((THEMES, setting.dimension)) * width
    if setting.spread:
        themes -= themes.mean(axis=0)
    beijing = mixture(setting, "Beijing", 0.0) @ themes
    tongues = 1.5 * rng.standard_normal((2, setting.dimension)) * width
    wording = rng.standard_normal(setting.dimension) * width
    stayed: dict[str, tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]] = {}
    parts, count = [], 0
    for year in range(setting.years):
        done = year / max(1, setting.years - 1)
        for city in OWN_THEMES:
            size = _size(setting, city, done)
            theme = rng.choice(THEMES, size=size, p=mixture(setting, city, done))
            first, last = (setting.chinese or {}).get(city, (1.0, 1.0))
            english = (rng.random(size) > first + (last - first) * done).astype(int)
            spread = (setting.noise + setting.language_noise * english) * (setting.spread or {}).get(city, 1.0)
            raw = themes[theme] + spread[:, None] * rng.standard_normal((size, setting.dimension)) * width
            firm = np.arange(count, count + size)
            count += size
            if (setting.persistence or setting.exits) and city in stayed:
                old, old_firm, old_english, old_theme = stayed[city]
                keep = np.flatnonzero(rng.random(len(old)) < _staying(setting, city, old @ beijing))[:size]
                raw[: len(keep)] = old[keep]
                firm[: len(keep)], english[: len(keep)] = old_firm[keep], old_english[keep]
                theme[: len(keep)] = old_theme[keep]
            stayed[city] = (raw, firm, english, theme)
            filler = _filler(setting, size, done, rng)
            yearly = 0.3 * rng.standard_normal(raw.shape) * width if setting.persistence or setting.exits else 0.0
            vectors = _filled(raw + yearly, filler, wording, rng)
            vectors = (
                vectors
                + (setting.common + setting.drift * done) * wording
                + (tongues[english] if setting.chinese else 0)
            )
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
            parts.append((vectors, np.full(size, city), np.full(size, 2013 + year), firm, english, 2 + filler, theme))
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    vectors, city_names, years, firms, languages, sentences, drawn = columns
    return Study(vectors, city_names, years, firms.astype(str), np.where(languages == 1, "en", "zh"), sentences, drawn)


def mixture(setting: Setting, city: str, done: float) -> np.ndarray:
    """(8,) theme shares of a city when ``done`` of the window has passed."""
    own = _own(setting, city)
    if city != setting.mover:
        return own
    other = _own(setting, "Shenzhen" if city == "Beijing" else "Beijing")
    return (1 - setting.adopt * done) * own + setting.adopt * done * other


def _staying(setting: Setting, city: str, nearness: np.ndarray) -> np.ndarray:
    """(n,) chance of each firm to stay, by how near it is to Beijing's mean."""
    if not setting.exits:
        return np.full(len(nearness), setting.persistence)
    if city != "Shenzhen":
        return np.ones(len(nearness))
    farness = np.argsort(np.argsort(-nearness)) / max(1, len(nearness) - 1)
    return 1 - 2 * setting.exits * farness


def _filler(setting: Setting, size: int, done: float, rng: np.random.Generator) -> np.ndarray:
    """(n,) number of filler sentences."""
    first, last = setting.filler
    return rng.poisson(first + (last - first) * done, size=size) if last else np.zeros(size, dtype=int)


def _filled(raw: np.ndarray, filler: np.ndarray, wording: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Texts with filler sentences: everybody's own wording of one thing, some more of it and some less."""
    if not filler.any():
        return raw
    count = filler[:, None]
    noise = rng.standard_normal(raw.shape) / np.sqrt(raw.shape[1] * np.maximum(count, 1))
    return (2 * raw + count * (wording + 0.5 * noise)) / (2 + count)


def _own(setting: Setting, city: str) -> np.ndarray:
    themes = np.zeros(THEMES)
    themes[list(OWN_THEMES[city])] = 1 / len(OWN_THEMES[city])
    return (1 - setting.contrast) / THEMES + setting.contrast * themes


def _size(setting: Setting, city: str, done: float) -> int:
    if setting.growth:
        return round(setting.growth[0] + (setting.growth[1] - setting.growth[0]) * done)
    return (setting.sizes or PAPER_SIZES)[city]


def measure_pair(study, seed):
    """Shenzhen against Beijing, within languages; Shanghai is left out to save time."""
    chosen = study.city != "Shanghai"
    return measure_convergence(
        study.vectors[chosen],
        study.city[chosen],
        study.year[chosen],
        reference="Beijing",
        firm=study.firm[chosen],
        strata=study.language[chosen],
        draws=99,
        rng=np.random.default_rng(seed),
        two_sample=False,
    )
