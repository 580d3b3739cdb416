"""How many codes an interval of a wanted width takes, and the sentences that say what was done."""

from __future__ import annotations

import math

from chainbert.errors import ConfigError
from chainbert.labelling.audit.ppi import FEWEST_CODES, NAN
from chainbert.wilson import Z

METHODS = (
    "Angelopoulos, Bates, Fannjiang, Jordan & Zrnic 2023, Science 382: 669; Angelopoulos, Duchi & Zrnic 2023, "
    "arXiv:2311.01453; design weights as Egami, Hinck, Stewart & Wei 2023, arXiv:2306.04746"
)


def codes_needed(
    margin: float, companies: int, *, share: float = 0.5, rho: float = 0.0, population: bool = False
) -> int | None:
    """Codes that give a 95 % interval of about ± ``margin``, by simple random sampling from N ``companies``.

    ``rho`` is the correlation of the labeller's probabilities with the codes, in [0, 1); 0 is hand codes alone. None
    where even all N do not suffice, which only a wider ``population`` makes possible.
    """
    if not 0 < margin < 1:
        raise ConfigError(f"margin = {margin} found; a share above 0 and below 1 was expected, as .05 for ± 5 points")
    return codes_for_variance(margin, companies, share * (1 - share) * (1 - rho**2), share, population=population)


def codes_for_variance(margin: float, companies: int, unit: float, share: float, *, population: bool) -> int | None:
    """The same from what one code leaves, ``Corrected.unit_variance``."""
    if math.isnan(unit):
        return None
    allowed = (margin / Z) ** 2
    if population:
        allowed -= share * (1 - share) / companies
    below = allowed + unit / companies
    if below <= 0 or unit / below > companies:
        return None
    return min(companies, max(FEWEST_CODES, math.ceil(unit / below)))


def sentence(record: dict[str, object], by: tuple[str, ...]) -> str:
    """What a row of the shares table may be quoted as."""
    group = ", ".join(str(record[name]) for name in by if record[name] != "all")
    what = f"{record['axis']} = {record['indicator']}" + (f" ({group})" if group else "")
    share, low, high = (_number(record[name]) for name in ("share", "low", "high"))
    if record["status"] == "census":
        return f"{what}: {share:.1%}, counted: all {record['N']:,} companies were coded."
    source = f"{record['n']:,} hand codes"
    if math.isnan(share):
        share, low, high = (_number(record[name]) for name in ("hand", "hand_low", "hand_high"))
        if math.isnan(share):
            return f"{what}: no estimate, {source}."
        return f"{what}: {share:.1%} (95 % CI {low:.1%}–{high:.1%}), from {source} alone; too few to correct labels by."
    tuned = _number(record["lambda"])
    if tuned == 0:
        how = "labels did not help (λ = 0)"
    else:
        ratio = _number(record["width_ratio"])
        how = f"PPI++ with λ = {tuned:.2f}; the interval is {ratio:.0%} as wide as that of the codes alone"
    return (
        f"{what}: {share:.1%} (95 % CI {low:.1%}–{high:.1%}), labels of {record['N']:,} companies corrected "
        f"by {source} ({how})."
    )


def methods_text(kind: str, frame: int, drawn: int, target: str, labeller: str) -> str:
    """Two or three sentences for a methods section."""
    chosen = {
        "simple": "taken as a simple random sample",
        "weighted": "drawn with known inclusion probabilities and weighted by their inverse",
        "stratified": "drawn at random within strata and weighted by the inverse of their inclusion probabilities",
    }[kind]
    of = "in this set of" if target == "set" else "in the population behind this set of"
    return (
        f"Shares are those {of} {frame:,} companies and years. Labels of all of them{labeller} were corrected by hand "
        f"codes of {drawn:,}, {chosen}, with power-tuned prediction-powered inference ({METHODS}). Predictions are the "
        "labeller's probabilities. 95 % intervals are Wilson score intervals at the effective number of codes, with "
        "leave-one-out residuals and t quantiles"
        + (" and a finite-population correction." if target == "set" else ".")
        + " No code that corrected a share trained the labeller, unless the labels were cross-fitted."
    )


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else NAN
