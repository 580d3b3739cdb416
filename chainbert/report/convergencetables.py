"""The numbers of the convergence verdict as tables of text; each takes rows of the run's json files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from chainbert.report.language import joined, say, told
from chainbert.report.tables import Table, interval, number, part_of, percent, plain, probability, share_interval

VECTORS = "vectors"
Records = Sequence[Mapping[str, Any]]
# A head, and what stands under it for one row.
Column = tuple[str, Callable[[Mapping[str, Any]], str]]


def text(name: str) -> Callable[[Mapping[str, Any]], str]:
    """The cell of a name, as the run has it."""
    return lambda row: _said(row.get(name))


def word(name: str) -> Callable[[Mapping[str, Any]], str]:
    """The cell of a word of the run, in the reader's language."""
    return lambda row: told(_said(row.get(name)))


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
    return Table((*heads[:words], say("Remark"), *heads[words:]), joined, words + 1)


def _remark(row: Mapping[str, Any]) -> str:
    return joined("; ", (told(str(row[name])) for name in ("status", "note", "warning") if row.get(name)))


def _said(value: object) -> str:
    if value is None or value == "":
        return "–"
    return say("yes") if value is True else say("no") if value is False else str(value)


def separability_table(rows: Records) -> Table:
    """The gap's other faces: AUC, the gap on centred rows, MMD, location and dispersion."""
    return made(
        rows,
        2,
        (say("City"), text("city")),
        (say("Period"), word("year")),
        (say("AUC"), decimal("auc")),
        (say("95 % interval"), between("auc_low", "auc_high")),
        (say("Gap, centred"), decimal("gap_centred")),
        (say("MMD"), decimal("mmd")),
        (say("p"), p_value("mmd_p")),
        (say("Location"), decimal("location")),
        (say("p"), p_value("location_p")),
        (say("Dispersion"), decimal("dispersion")),
        (say("p"), p_value("dispersion_p")),
    )


def decomposition_table(rows: Records) -> Table:
    """Each part's change of the gap, for all pairs of periods."""
    return made(
        rows,
        4,
        (say("City"), text("city")),
        (say("From"), text("from")),
        (say("To"), text("to")),
        (say("Part"), word("part")),
        (say("Change"), decimal("change")),
        (say("95 % interval"), between()),
        (say("Companies"), whole("n")),
    )


def firm_count_table(rows: Records) -> Table:
    """Firms of each city and period."""
    return made(
        rows,
        2,
        (say("City"), text("city")),
        (say("Period"), word("year")),
        (say("Companies"), lambda row: part_of(row.get("n"), row.get("of"))),
        (say("Share"), share("share")),
        (say("95 % interval"), shares_between()),
    )


def turnover_table(rows: Records) -> Table:
    """What became of each city's firms."""
    return made(
        rows,
        4,
        (say("City"), text("city")),
        (say("From"), text("from")),
        (say("To"), text("to")),
        (say("Flow"), word("flow")),
        (say("Companies"), lambda row: part_of(row.get("n"), row.get("of"))),
        (say("Share"), share("share")),
        (say("95 % interval"), shares_between()),
    )


def side_by_side_table(rows: Records) -> Table:
    """Vectors and labels, a verdict a row."""
    return made(
        rows,
        5,
        (say("City"), text("city")),
        (say("Measure"), lambda row: measure_name(str(row.get("measure", "")))),
        (say("Verdict"), word("verdict")),
        (say("Who moved"), word("mover")),
        (say("Against the vectors"), word("agreement")),
        (say("Closed"), share("closed")),
        (say("95 % interval"), shares_between()),
        (say("p (Holm)"), p_value("p_holm")),
        (say("p of no change"), p_value("p_equivalent")),
    )


def measure_name(measure: str) -> str:
    """``customer.state`` as words."""
    if measure == VECTORS:
        return say("vectors")
    axis, _, label = measure.partition(".")
    return say("{axis}: {label}", axis=plain(axis), label=measure_name(label)) if label else plain(axis)


def balance_table(rows: Records) -> Table:
    """What else the cities differ in."""
    return made(
        rows,
        4,
        (say("City"), text("city")),
        (say("Period"), word("year")),
        (say("What"), word("covariate")),
        (say("Differs most at"), text("level")),
        (say("Distance"), decimal("difference")),
        (say("By chance"), decimal("by_chance")),
        (say("p"), p_value("p")),
        (say("Std. difference"), decimal("smd")),
        (say("Share there"), share("share")),
        (say("In the reference"), share("share_reference")),
        (say("Companies"), whole("n")),
        (say("In the reference"), whole("n_reference")),
    )


def held_fixed_table(rows: Records) -> Table:
    """The gap and its slope with things held fixed."""
    return made(
        rows,
        2,
        (say("City"), text("city")),
        (say("Held fixed"), word("held_fixed")),
        (say("Gap left"), decimal("gap")),
        (say("95 % interval"), between("gap_low", "gap_high")),
        (say("Same firms, nothing held"), decimal("gap_same_firms")),
        (say("All firms, nothing held"), decimal("gap_raw")),
        (say("Share gone"), share("share_gone")),
        (say("95 % interval"), shares_between("share_low", "share_high")),
        (say("Change a year"), decimal("slope")),
        (say("95 % interval"), between("slope_low", "slope_high")),
        (say("p"), p_value("slope_p")),
        (say("Companies"), whole("n_used")),
        (say("Without a partner"), whole("left_out")),
    )


def hidden_table(rows: Records) -> Table:
    """How unequal a trait that nobody measured would have to be to stand behind the whole gap."""
    return made(
        rows,
        3,
        (say("City"), text("city")),
        (say("A trait like"), word("covariate")),
        (say("Level"), text("level")),
        (say("Gap"), decimal("gap")),
        (say("Distance of its kinds"), decimal("effect")),
        (say("Imbalance seen"), decimal("imbalance")),
        (say("Imbalance needed"), decimal("imbalance_needed")),
        (say("Share of the gap it matches"), decimal("explained")),
    )


def placebo_table(rows: Records) -> Table:
    """The city's own statistic beside those of its placebos."""
    return made(
        rows,
        3,
        (say("City"), text("city")),
        (say("Placebo"), word("placebo")),
        (say("Passes"), text("passes")),
        (say("Own statistic"), decimal("statistic")),
        (say("Placebos"), whole("draws")),
        (say("p"), p_value("p")),
        (say("Error of p"), decimal("error")),
        (say("Placebos with p < 0.05"), share("share_significant")),
        (say("Chance stays under"), share("chance")),
    )


def _pair(row: Mapping[str, Any]) -> str:
    pair = say("{city}, {reference}", city=row.get("city"), reference=row.get("reference"))
    return say("{pair} (main)", pair=pair) if row.get("main") else pair


def specification_table(rows: Records) -> Table:
    """Every specification in the order of the curve."""
    return made(
        rows,
        6,
        (say("Pair"), _pair),
        (say("Encoder"), text("encoder")),
        (say("Language"), word("language")),
        (say("Names"), word("names")),
        (say("Strata"), word("strata")),
        (say("Seed"), text("seed")),
        (say("Smallest cell"), whole("smallest_cell")),
        (say("Change a year"), decimal("slope")),
        (say("95 % interval"), between()),
        (say("Of the first gap"), share("relative")),
        (say("p"), p_value("p")),
    )


def power_table(points: Records, records: Records) -> Table:
    """Power at each adoption, and at the margin."""
    at_margin = [
        {
            "city": row.get("city"),
            "what": say("at the margin"),
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
        [*at_margin, *({"what": say("simulated"), **row} for row in points)],
        2,
        (say("City"), text("city")),
        (say("What"), text("what")),
        (say("Adoption"), share("share")),
        (say("Share of the gap closed"), share("closing")),
        (say("Power"), share("power")),
        (say("Its error"), decimal("error")),
        (say("Simulated sets"), whole("studies")),
    )
