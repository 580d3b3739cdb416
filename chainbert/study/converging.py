"""The stages that ask whether the cities converge, and how else the question could have been put."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from chainbert.companies import city_name
from chainbert.convergence import (
    Controls,
    Convergence,
    firm_counts,
    measure_convergence,
    measure_share_trends,
    side_by_side,
    specification_curve,
    turnover,
)
from chainbert.convergence.tables import to_records
from chainbert.embedding import load_encoder
from chainbert.study.covariates import covariates_of, strata_of, without_language
from chainbert.study.vectors import company_vectors

if TYPE_CHECKING:
    from chainbert.convergence import ShareTrends
    from chainbert.study.work import Work


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
    return found | _firms(work, rows) | _labels(work, rows, result)


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
    for axis in work.codebook.axes:
        for indicator in axis.indicators:
            trends = measure_share_trends(
                work.codebook.says(labels, axis.id, indicator.id),
                rows["city"].to_numpy(dtype=str),
                work.placed.year,
                reference=work.reference,
                firm=rows["id"].to_numpy(dtype=str),
                periods=config.periods,
                margin=config.margin,
            )
            measured[f"{axis.id}.{indicator.id}"] = trends
            for name, records in trends.to_json().items():
                own = {"axis": axis.id, "indicator": indicator.id}
                found.setdefault(name, []).extend([own | record for record in records])
    both = side_by_side(result, measured, margin=config.margin)
    return found | {"side_by_side": both.to_json()["side_by_side"], "agreement": both.sentences}


def specifications(work: Work) -> dict[str, Any]:
    """Everything of specifications.json; empty where the study asks for no curve."""
    config, rows = work.study.convergence, work.members
    choices = config.specifications
    if choices is None:
        return {}
    encoders = [work.encoder, *(load_encoder(name) for name in choices.encoders)]
    variants: dict[str, dict[tuple[str, str], np.ndarray]] = {}
    for encoder in encoders:
        for names in choices.names:
            found = company_vectors(
                work.sentences, encoder, work.store, masked=names == "masked", progress=work.progress
            )
            for language in choices.language:
                vectors = without_language(found, rows, language, encoder, work.store, work.progress)
                variants.setdefault(encoder.name, {})[language, names] = vectors
    used = tuple(dict.fromkeys([*config.strata, *(name for strata in choices.strata for name in strata)]))
    covariates = covariates_of(rows, work.sentences, used, str(work.source))
    strata = {" + ".join(names) or "none": strata_of(covariates, names) for names in choices.strata}
    first = next(iter(product(choices.language, choices.names)))
    own = (
        "raw" if "raw" in choices.language else first[0],
        "masked" if work.study.companies.mask_cities and "masked" in choices.names else first[1],
    )
    name = " + ".join(config.strata) or "none"
    main = (
        work.encoder.name,
        *own,
        name if name in strata else next(iter(strata)),
        choices.seeds[0],
        config.smallest_cell,
    )
    curve = specification_curve(
        variants,
        rows["city"].to_numpy(dtype=str),
        work.placed.year,
        reference=work.reference,
        firm=rows["id"].to_numpy(dtype=str),
        strata=strata,
        seeds=choices.seeds,
        smallest_cells=(config.smallest_cell,),
        main=main,
        periods=config.periods,
        margin=config.margin,
        progress=work.progress,
    )
    return curve.to_json()
