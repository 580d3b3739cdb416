"""A city's results as the rows of the published tables, and as the evidence behind its verdict."""

from __future__ import annotations

from typing import Any

from chainbert.convergence.cities import NAN, CityResult
from chainbert.convergence.controls import Checked
from chainbert.convergence.verdict import Evidence

MEASURES = (
    *("auc", "auc_low", "auc_high", "mmd", "mmd_p"),
    *("location", "location_p", "dispersion", "dispersion_p"),
)
GAP_COLUMNS = (
    *("city", "year", "midpoint", "gap", "low", "high", "p", "gap_centred", *MEASURES),
    *("n", "n_reference", "left_out", "gap_error", "status"),
)
TREND_COLUMNS = (
    *("city", "slope", "low", "high", "p", "p_holm", "p_equivalent", "margin"),
    *("minimum_detectable", "power", "periods", "status"),
)
DIRECTION_COLUMNS = (
    *("city", "mover", "home", "home_low", "home_high", "home_p"),
    *("reference", "reference_low", "reference_high", "reference_p"),
    *("closing", "closing_low", "closing_high", "closing_p", "status"),
)


def trend_record(city: str, result: CityResult, p_holm: float) -> dict[str, Any]:
    """The city's row of the table of trends; TREND_COLUMNS."""
    if result.trend is None:
        found = f"{len(result.periods) or 'no'} period{'' if len(result.periods) == 1 else 's'}"
        numbers = dict.fromkeys(TREND_COLUMNS[1:-2], NAN)
        status = f"not estimable: {found} with a gap, a trend needs two"
        return {"city": city, **numbers, "periods": len(result.periods), "status": status}
    line = result.trend
    return {
        "city": city,
        "slope": line.slope.value,
        "low": line.slope.low,
        "high": line.slope.high,
        "p": line.slope.p,
        "p_holm": p_holm,
        "p_equivalent": line.p_equivalent,
        "margin": line.margin,
        "minimum_detectable": line.minimum_detectable,
        "power": line.power,
        "periods": len(result.periods),
        "status": "",
    }


def direction_record(city: str, result: CityResult) -> dict[str, Any]:
    """The city's row of the table of directions; DIRECTION_COLUMNS."""
    record: dict[str, Any] = {"city": city, "mover": "neither shown", **dict.fromkeys(DIRECTION_COLUMNS[2:-1], NAN)}
    if result.direction is None:
        few = (
            "fewer than two periods with a gap" if result.trend is None else "no gap in the first period to move along"
        )
        return record | {"status": f"not estimable: {few}"}
    record["mover"] = result.direction.mover
    for name in ("home", "reference", "closing"):
        part = getattr(result.direction, name)
        record |= {name: part.value, f"{name}_low": part.low, f"{name}_high": part.high, f"{name}_p": part.p}
    return record | {"status": ""}


def evidence_of(
    city: str, reference: str, result: CityResult, line: dict[str, Any], mover: str, checked: Checked | None
) -> Evidence:
    """What the verdict on a city rests on. line: its trend_record, with the power that counts; mover: who moved."""
    known = [record for record in result.gaps if not record["status"]]
    ends = [(str(known[place]["year"]), float(known[place]["gap"])) if known else ("", NAN) for place in (0, -1)]
    return Evidence(
        city=city,
        reference=reference,
        first=ends[0],
        last=ends[1],
        mover=mover,
        controls=checked.controls[city] if checked else (),
        **{name: line[name] for name in ("slope", "low", "high", "p_holm", "p_equivalent", "margin")},
        **{name: line[name] for name in ("power", "minimum_detectable", "status")},
    )
