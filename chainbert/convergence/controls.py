"""What a slope must survive before it is a finding, and whether this set could have shown one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from chainbert.convergence.balance import balance_table
from chainbert.convergence.cities import city_trend
from chainbert.convergence.confounders import held_fixed
from chainbert.convergence.hidden import hidden_confounder
from chainbert.convergence.placebos import Placebos, run_placebos
from chainbert.convergence.power import PowerCurve, simulate_power
from chainbert.convergence.rows import Rows
from chainbert.convergence.tables import to_records
from chainbert.convergence.trend import LEVEL
from chainbert.convergence.verdict import Control
from chainbert.progress import Progress, silent

# With fewer of its firms left, a slope that is no longer significant says more of their number than of the covariate.
FEWEST_LEFT = 2 / 3


@dataclass(frozen=True, slots=True, eq=False)
class Controls:
    """What to check a finding with."""

    covariates: pd.DataFrame = field(default_factory=pd.DataFrame)
    """(n,) rows as the vectors: language, length and so on; numbers are cut at quantiles. Empty: none is checked."""
    strata: tuple[str, ...] = ()
    """Columns of the covariates that the study itself holds fixed; they make up its strata."""
    variants: Mapping[str, ArrayLike] = field(default_factory=dict)
    """Name → (n, d) unit rows of the same firms, such as vectors with the language removed. Shown, not judged by."""
    placebos: int = 199
    """Placebo slopes of each kind; 0: none."""
    pair: tuple[str, str] | None = None
    """Two cities that should not move; None: random halves of the reference."""
    studies: int = 200
    """Simulated studies behind each power; 0: power at the margin is that of the slope's own error."""


@dataclass(frozen=True, slots=True)
class Checked:
    """Everything that was checked."""

    balance: pd.DataFrame
    held_fixed: pd.DataFrame
    hidden: pd.DataFrame
    placebos: dict[str, Placebos]
    power: dict[str, PowerCurve]
    controls: dict[str, tuple[Control, ...]]
    """By city."""

    def to_json(self) -> dict[str, Any]:
        """Plain data for convergence.json."""
        return {
            "balance": to_records(self.balance),
            "held_fixed": to_records(self.held_fixed),
            "hidden_confounders": to_records(self.hidden),
            "placebos": [record for one in self.placebos.values() for record in one.to_json()["placebos"]],
            "placebo_draws": [record for one in self.placebos.values() for record in one.to_json()["draws"]],
            "power": [one.to_json() for one in self.power.values()],
            "controls": [
                {"city": one.city, "control": one.control, "passed": one.passed, "said": one.said}
                for own in self.controls.values()
                for one in own
            ],
        }


def check_controls(
    settings: Controls,
    rows: Rows,
    vectors: ArrayLike,
    city: ArrayLike,
    year: ArrayLike,
    firm: ArrayLike | None,
    *,
    periods: Sequence[tuple[int, int]] | None,
    margin: float,
    smallest_cell: int,
    draws: int,
    rng: np.random.Generator,
    progress: Progress = silent,
) -> Checked:
    """Run all controls of every city of ``rows``, which are the checked form of the arrays.

    Raises what held_fixed and run_placebos raise.
    """
    reference = rows.cities[rows.reference]
    shared: dict[str, Any] = {"reference": reference, "firm": firm, "periods": periods, "smallest_cell": smallest_cell}
    balance = held = hidden = pd.DataFrame()
    if len(settings.covariates.columns):
        known = settings.covariates
        balance = balance_table(city, year, known, **shared, draws=draws, rng=rng)
        held = held_fixed(
            vectors, city, year, known, **shared, strata=settings.strata, margin=margin, variants=settings.variants
        )
        hidden = hidden_confounder(vectors, city, year, known, **shared)
    seed = int(rng.integers(2**63))
    placebos, power, controls = {}, {}, {}
    for code, name in enumerate(rows.cities):
        if code == rows.reference:
            continue
        # Each city has streams of its own, so that one more city leaves the others' numbers alone.
        first, second = (np.random.default_rng([seed, place, *name.encode()]) for place in (0, 1))
        line = city_trend(rows, code, smallest_cell=smallest_cell, margin=margin)
        options: dict[str, Any] = {"smallest_cell": smallest_cell, "margin": margin, "progress": progress}
        if settings.placebos and line is not None:
            placebos[name] = run_placebos(rows, code, draws=settings.placebos, pair=settings.pair, rng=first, **options)
        if settings.studies and line is not None:
            power[name] = simulate_power(rows, code, studies=settings.studies, rng=second, **options)
        slope = line.slope.value if line else float("nan")
        controls[name] = (
            *_strata_controls(name, slope, held, settings),
            *(_placebo_controls(placebos[name]) if name in placebos else ()),
        )
    return Checked(balance, held, hidden, placebos, power, controls)


def _strata_controls(city: str, slope: float, held: pd.DataFrame, settings: Controls) -> list[Control]:
    """Each covariate held fixed beside the study's strata: the slope keeps its sign with a one-sided p < .05.

    Half the two-sided p, as the direction is given by the finding that is checked.
    """
    controls: list[Control] = []
    others = [str(one) for one in settings.covariates.columns if one not in settings.strata]
    if not others:
        return controls
    own: dict[Any, dict[Any, Any]] = held[held["city"] == city].set_index("held_fixed").to_dict("index")
    firms = own[" + ".join(settings.strata) or "nothing"]["n_used"]
    for covariate in others:
        row, name = own[" + ".join([*settings.strata, covariate])], f"{covariate} held fixed"
        if row["status"] or not np.isfinite(row["slope_p"]):
            why = str(row["status"] or row["note"] or "no error of the slope")
            controls.append(Control(city, name, None, why))
            continue
        if row["n_used"] < FEWEST_LEFT * firms:
            controls.append(Control(city, name, None, f"only {row['n_used']} of {firms} firms have a partner"))
            continue
        passed = bool(row["slope"] * slope > 0 and row["slope_p"] / 2 < LEVEL)
        controls.append(Control(city, name, passed, f"slope {row['slope']:+.4f}, p {_p(row['slope_p'])}"))
    return controls


def _placebo_controls(placebos: Placebos) -> list[Control]:
    controls = []
    for _, row in placebos.table.iterrows():
        if row["status"]:
            controls.append(Control(placebos.city, str(row["placebo"]), None, str(row["status"])))
            continue
        share = row["share_significant"]
        said = f"p {_p(row['p'])}" if np.isfinite(row["p"]) else f"{share:.0%} of placebo slopes significant"
        controls.append(Control(placebos.city, str(row["placebo"]), bool(row["passes"]), said))
    return controls


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"= {value:.3f}"
