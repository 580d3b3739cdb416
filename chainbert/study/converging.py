"""The stages that ask whether the cities converge, and how else the question could have been put."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pandas as pd

from chainbert.companies import city_name
from chainbert.convergence import (
    Controls,
    Convergence,
    check_rows,
    firm_counts,
    measure_convergence,
    measure_economics,
    measure_label_economics,
    measure_share_trends,
    measure_topic_trends,
    side_by_side,
    specification_curve,
    turnover,
)
from chainbert.convergence.config import Names
from chainbert.convergence.specifications import ALL_FIRMS
from chainbert.convergence.tables import to_records
from chainbert.embedding import load_encoder
from chainbert.study.covariates import covariates_of, strata_of, without_language
from chainbert.study.vectors import company_vectors

if TYPE_CHECKING:
    from chainbert.convergence import ShareTrends
    from chainbert.study.work import Work

Choice = TypeVar("Choice")


def converge(work: Work) -> dict[str, Any]:
    """Everything of convergence.json."""
    config, rows = work.study.convergence, work.members
    names = tuple(dict.fromkeys([*config.strata, *config.held_fixed]))
    covariates = covariates_of(rows, work.sentences, names, str(work.source))
    clusters = pd.read_parquet(work.folder / "clusters.parquet").set_index("key")["cluster"]
    pair = config.placebo_pair
    controls = Controls(
        covariates=covariates,
        strata=config.strata,
        placebos=config.placebos,
        pair=(city_name(pair[0]), city_name(pair[1])) if pair else None,
        studies=config.power_studies,
    )
    result = measure_convergence(
        work.vectors.of(rows["key"]),
        rows["city"].to_numpy(dtype=str),
        work.placed.year,
        reference=work.reference,
        firm=rows["id"].to_numpy(dtype=str),
        strata=strata_of(covariates, config.strata),
        draws=config.draws,
        rng=work.rng("convergence"),
        periods=config.periods,
        margin=config.margin,
        smallest_cell=config.smallest_cell,
        time=config.time,
        clusters=clusters.loc[rows["key"]].to_numpy(),
        controls=controls,
        progress=work.progress,
    )
    found = result.to_json() | {"time": config.time, "seed": work.study.seed, "left_out": work.placed.left_out}
    found["events"] = [event.model_dump() for event in config.events]
    found |= _firms(work, rows) | _labels(work, rows, result) | _economics(work, rows, covariates)
    topics = measure_topic_trends(
        clusters.loc[rows["key"]].to_numpy(),
        rows["city"].to_numpy(dtype=str),
        work.placed.year,
        reference=work.reference,
        firm=rows["id"].to_numpy(dtype=str),
        periods=config.periods,
        margin=config.margin,
    )
    return found | topics.to_json()


def _economics(work: Work, rows: pd.DataFrame, covariates: pd.DataFrame) -> dict[str, Any]:
    """Sigma- and beta-convergence of the vectors."""
    config = work.study.convergence
    checked = check_rows(
        work.vectors.of(rows["key"]),
        rows["city"].to_numpy(dtype=str),
        work.placed.year,
        reference=work.reference,
        firm=rows["id"].to_numpy(dtype=str),
        strata=strata_of(covariates, config.strata),
        periods=config.periods,
    )
    return measure_economics(checked, smallest_cell=config.smallest_cell).to_json()


def _firms(work: Work, rows: pd.DataFrame) -> dict[str, Any]:
    """How many firms there are, and where they stay, come from and go."""
    config = work.study.convergence
    places = (rows["city"].to_numpy(dtype=str), work.placed.year, rows["id"].to_numpy(dtype=str))
    cities = tuple(sorted(rows["city"].unique()))
    counts = firm_counts(*places, cities=cities, periods=config.periods, time=config.time)
    found = {"firm_counts": to_records(counts), "turnover": []}
    if config.time == "observed":
        usable = work.usable[work.usable["observed"].notna()]
        flows = turnover(
            usable["city"].to_numpy(dtype=str),
            usable["observed"].to_numpy(dtype=float),
            usable["id"].to_numpy(dtype=str),
            cities=cities,
            periods=config.periods,
        )
        found["turnover"] = to_records(flows)
    return found


def _labels(work: Work, rows: pd.DataFrame, result: Convergence) -> dict[str, Any]:
    """The state share of each city by period, and so on for every indicator, and whether it agrees with the vectors."""
    config = work.study.convergence
    labels = pd.read_parquet(work.folder / "labels.parquet").set_index("key").loc[rows["key"]]
    found: dict[str, Any] = {"label_trends": [], "label_slopes": []}
    measured: dict[str, ShareTrends] = {}
    places = (rows["city"].to_numpy(dtype=str), work.placed.year)
    shared: dict[str, Any] = {
        "reference": work.reference,
        "firm": rows["id"].to_numpy(dtype=str),
        "periods": config.periods,
    }
    for axis in work.codebook.axes:
        for indicator in axis.indicators:
            says = work.codebook.says(labels, axis.id, indicator.id)
            trends = measure_share_trends(says, *places, margin=config.margin, **shared)
            measured[f"{axis.id}.{indicator.id}"] = trends
            sigma = measure_label_economics(says, *places, smallest_cell=config.smallest_cell, **shared).to_json()
            own = {"axis": axis.id, "indicator": indicator.id}
            for name, records in [
                *trends.to_json().items(),
                *((f"label_{name}", part) for name, part in sigma.items()),
            ]:
                found.setdefault(name, []).extend([own | record for record in records])
    both = side_by_side(result, measured, margin=config.margin)
    return found | {"side_by_side": both.to_json()["side_by_side"], "agreement": both.sentences}


def specifications(work: Work) -> dict[str, Any]:
    """Everything of specifications.json; empty where the study asks for no curve."""
    config, rows = work.study.convergence, work.members
    choices = config.specifications
    if choices is None:
        return {}
    own: Names = "masked" if work.study.companies.mask_cities else "kept"
    # What the study itself does is one of the choices, whatever the others are: the curve is read against it.
    languages, treatments = _with(choices.language, "raw"), _with(choices.names, own)
    held, seeds = _with(choices.strata, config.strata), _with(choices.seeds, ALL_FIRMS)
    encoders = [work.encoder, *(load_encoder(name) for name in choices.encoders)]
    variants: dict[str, dict[tuple[str, str], np.ndarray]] = {}
    for encoder in encoders:
        for names in treatments:
            found = company_vectors(
                work.sentences, encoder, work.store, masked=names == "masked", progress=work.progress
            )
            for language in languages:
                vectors = without_language(found, rows, language, encoder, work.store, work.progress)
                variants.setdefault(encoder.name, {})[language, names] = vectors
    used = tuple(dict.fromkeys(name for names in held for name in names))
    covariates = covariates_of(rows, work.sentences, used, str(work.source))
    strata = {" + ".join(names) or "none": strata_of(covariates, names) for names in held}
    main = (work.encoder.name, "raw", own, " + ".join(config.strata) or "none", ALL_FIRMS, config.smallest_cell)
    curve = specification_curve(
        variants,
        rows["city"].to_numpy(dtype=str),
        work.placed.year,
        reference=work.reference,
        firm=rows["id"].to_numpy(dtype=str),
        strata=strata,
        seeds=seeds,
        smallest_cells=(config.smallest_cell,),
        main=main,
        periods=config.periods,
        margin=config.margin,
        progress=work.progress,
    )
    return curve.to_json()


def _with(choices: tuple[Choice, ...], own: Choice) -> tuple[Choice, ...]:
    """The choices, each once, the study's own among them."""
    return tuple(dict.fromkeys([*choices, own]))
