"""The numbers of the convergence verdict as tables of text; each takes rows of the run's json files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from chainbert.report.tables import Table, interval, number, percent, plain, probability, share_interval

Records = Sequence[Mapping[str, Any]]
# A head, and what stands under it for one row.
Column = tuple[str, Callable[[Mapping[str, Any]], str]]


def text(name: str) -> Callable[[Mapping[str, Any]], str]:
    """The cell of a word."""
    return lambda row: _said(row.get(name))


def whole(name: str) -> Callable[[Mapping[str, Any]], str]:
    """The cell of a count."""
    return lambda row: number(row.get(name), 0)


def decimal(name: str) -> Callable[[Mapping[str, Any]], str]:
    """The cell of a number with three decimals."""
    return lambda row: number(row.get(name))


def share(name: str) -> Callable[[Mapping[str, Any]], str]:
    """The cell of a share in per cent."""
    return lambda row: percent(row.get(name))


def p_value(name: str) -> Callable[[Mapping[str, Any]], str]:
    """The cell of a p-value."""
    return lambda row: probability(row.get(name))


def between(low: str = "low", high: str = "high") -> Callable[[Mapping[str, Any]], str]:
    """The cell of an interval."""
    return lambda row: interval(row.get(low), row.get(high))


def shares_between(low: str = "low", high: str = "high") -> Callable[[Mapping[str, Any]], str]:
    """The cell of an interval of shares."""
    return lambda row: share_interval(row.get(low), row.get(high))


def made(rows: Records, words: int, *columns: Column) -> Table:
    """A table of these columns, the first ``words`` of them words; a last one where a row has a status or note."""
    cells = [tuple(cell(row) for _, cell in columns) for row in rows]
    heads = tuple(head for head, _ in columns)
    remarks = [_remark(row) for row in rows]
    if not any(remarks):
        return Table(heads, cells, words)
    # Words stand left: the remark goes before the numbers.
    joined = [(*line[:words], remark or "–", *line[words:]) for line, remark in zip(cells, remarks, strict=True)]
    return Table((*heads[:words], "Remark", *heads[words:]), joined, words + 1)


def _remark(row: Mapping[str, Any]) -> str:
    return "; ".join(str(row[name]) for name in ("status", "note", "warning") if row.get(name))


def _said(value: object) -> str:
    if value is None or value == "":
        return "–"
    return "yes" if value is True else "no" if value is False else str(value)


def separability_table(rows: Records) -> Table:
    """The gap's other faces: AUC, the gap on centred rows, MMD, location and dispersion."""
    return made(
        rows,
        2,
        ("City", text("city")),
        ("Period", text("year")),
        ("AUC", decimal("auc")),
        ("95 % interval", between("auc_low", "auc_high")),
        ("Gap, centred", decimal("gap_centred")),
        ("MMD", decimal("mmd")),
        ("p", p_value("mmd_p")),
        ("Location", decimal("location")),
        ("p", p_value("location_p")),
        ("Dispersion", decimal("dispersion")),
        ("p", p_value("dispersion_p")),
    )


def decomposition_table(rows: Records) -> Table:
    """Each part's change of the gap, for all pairs of periods."""
    return made(
        rows,
        4,
        ("City", text("city")),
        ("From", text("from")),
        ("To", text("to")),
        ("Part", text("part")),
        ("Change", decimal("change")),
        ("95 % interval", between()),
        ("Companies", whole("n")),
    )


def firm_count_table(rows: Records) -> Table:
    """Firms of each city and period."""
    return made(
        rows,
        2,
        ("City", text("city")),
        ("Period", text("year")),
        ("Companies", lambda row: f"{number(row.get('n'), 0)} of {number(row.get('of'), 0)}"),
        ("Share", share("share")),
        ("95 % interval", shares_between()),
    )


def turnover_table(rows: Records) -> Table:
    """What became of each city's firms."""
    return made(
        rows,
        4,
        ("City", text("city")),
        ("From", text("from")),
        ("To", text("to")),
        ("Flow", text("flow")),
        ("Companies", lambda row: f"{number(row.get('n'), 0)} of {number(row.get('of'), 0)}"),
        ("Share", share("share")),
        ("95 % interval", shares_between()),
    )


def side_by_side_table(rows: Records) -> Table:
    """Vectors and labels, a verdict a row."""
    return made(
        rows,
        5,
        ("City", text("city")),
        ("Measure", lambda row: measure_name(str(row.get("measure", "")))),
        ("Verdict", text("verdict")),
        ("Who moved", text("mover")),
        ("Against the vectors", text("agreement")),
        ("Closed", share("closed")),
        ("95 % interval", shares_between()),
        ("p (Holm)", p_value("p_holm")),
        ("p of no change", p_value("p_equivalent")),
    )


def measure_name(measure: str) -> str:
    """``customer.state`` as words."""
    return ": ".join(plain(one) for one in measure.split("."))


def balance_table(rows: Records) -> Table:
    """What else the cities differ in."""
    return made(
        rows,
        4,
        ("City", text("city")),
        ("Period", text("year")),
        ("What", text("covariate")),
        ("Differs most at", text("level")),
        ("Distance", decimal("difference")),
        ("By chance", decimal("by_chance")),
        ("p", p_value("p")),
        ("Std. difference", decimal("smd")),
        ("Share there", share("share")),
        ("In the reference", share("share_reference")),
        ("Companies", whole("n")),
        ("In the reference", whole("n_reference")),
    )


def held_fixed_table(rows: Records) -> Table:
    """The gap and its slope with things held fixed."""
    return made(
        rows,
        2,
        ("City", text("city")),
        ("Held fixed", text("held_fixed")),
        ("Gap left", decimal("gap")),
        ("95 % interval", between("gap_low", "gap_high")),
        ("Same firms, nothing held", decimal("gap_same_firms")),
        ("All firms, nothing held", decimal("gap_raw")),
        ("Share gone", share("share_gone")),
        ("95 % interval", shares_between("share_low", "share_high")),
        ("Change a year", decimal("slope")),
        ("95 % interval", between("slope_low", "slope_high")),
        ("p", p_value("slope_p")),
        ("Companies", whole("n_used")),
        ("Without a partner", whole("left_out")),
    )


def hidden_table(rows: Records) -> Table:
    """How unequal a trait that nobody measured would have to be to stand behind the whole gap."""
    return made(
        rows,
        3,
        ("City", text("city")),
        ("A trait like", text("covariate")),
        ("Level", text("level")),
        ("Gap", decimal("gap")),
        ("Distance of its kinds", decimal("effect")),
        ("Imbalance seen", decimal("imbalance")),
        ("Imbalance needed", decimal("imbalance_needed")),
        ("Share of the gap it matches", decimal("explained")),
    )


def placebo_table(rows: Records) -> Table:
    """The city's own statistic beside those of its placebos."""
    return made(
        rows,
        3,
        ("City", text("city")),
        ("Placebo", text("placebo")),
        ("Passes", text("passes")),
        ("Own statistic", decimal("statistic")),
        ("Placebos", whole("draws")),
        ("p", p_value("p")),
        ("Error of p", decimal("error")),
        ("Placebos with p < 0.05", share("share_significant")),
        ("Chance stays under", share("chance")),
    )


def specification_table(rows: Records) -> Table:
    """Every specification in the order of the curve."""
    return made(
        rows,
        6,
        ("Pair", lambda row: f"{row.get('city')}, {row.get('reference')}" + (" (main)" if row.get("main") else "")),
        ("Encoder", text("encoder")),
        ("Language", text("language")),
        ("Names", text("names")),
        ("Strata", text("strata")),
        ("Seed", text("seed")),
        ("Smallest cell", whole("smallest_cell")),
        ("Change a year", decimal("slope")),
        ("95 % interval", between()),
        ("Of the first gap", share("relative")),
        ("p", p_value("p")),
    )


def power_table(points: Records, records: Records) -> Table:
    """Power at each adoption, and at the margin."""
    at_margin = [
        {
            "city": row.get("city"),
            "what": "at the margin",
            "share": row.get("margin_share"),
            "closing": row.get("margin"),
            "power": row.get("power_at_margin"),
            "error": row.get("power_at_margin_error"),
            "studies": row.get("studies"),
            "status": row.get("status"),
        }
        for row in records
    ]
    return made(
        [*at_margin, *({"what": "simulated", **row} for row in points)],
        2,
        ("City", text("city")),
        ("What", text("what")),
        ("Adoption", share("share")),
        ("Share of the gap closed", share("closing")),
        ("Power", share("power")),
        ("Its error", decimal("error")),
        ("Simulated sets", whole("studies")),
    )
