"""Labelled companies with a known truth, for the tests of audit samples and shares; every one is invented."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from labelling_sets import SMALL

from chainbert.labelling import Codebook
from chainbert.labelling.gold import Gold

CITIES = ("Beijing", "Shanghai", "Shenzhen")


@dataclass(frozen=True)
class Audited:
    """A label table, its company table, and what coders would say."""

    labels: pd.DataFrame
    companies: pd.DataFrame
    truth: pd.DataFrame
    codebook: Codebook


def small_codebook(folder):
    path = folder / "small.yaml"
    path.write_text(SMALL, encoding="utf-8")
    return Codebook.load(path)


def audited(codebook, size, rng, *, share=0.3, strength=1.6):
    """Companies whose truth is drawn and whose labels err: of independent normal scores, calibrated at one half."""
    ids = [f"{place:04d}" for place in range(size)]
    observed = pd.array(rng.choice([2018, 2022], size), dtype="Int64")
    labels = pd.DataFrame({"id": ids, "observed": observed})
    truth = labels.copy()
    yes, said = {}, {}
    for name in ("state", "private", "steel"):
        yes[name] = rng.random(size) < share
        score = rng.normal(size=size) + np.where(yes[name], strength, -strength)
        said[name] = 1 / (1 + np.exp(-2 * strength * score))
    truth["customer"] = _customer(yes["state"], yes["private"])
    truth["goods"] = np.where(yes["steel"], "steel", "software")
    labels["customer"] = _customer(said["state"] >= 0.5, said["private"] >= 0.5)
    labels["customer.state"], labels["customer.private"] = said["state"], said["private"]
    labels["customer.status"] = labels["goods.status"] = "labelled"
    labels["goods"] = np.where(said["steel"] >= 0.5, "steel", "software")
    labels["goods.steel"], labels["goods.software"] = said["steel"], 1 - said["steel"]
    labels["codebook"], labels["training"] = codebook.version, ""
    city = rng.choice(CITIES, size, p=(0.5, 0.3, 0.2))
    companies = labels[["id", "observed"]].assign(
        name="Firm " + labels["id"],
        city=city,
        language=rng.choice(["zh", "en"], size),
        text="It serves customers.",
        status="",
    )
    return Audited(labels, companies, truth, codebook)


def gold_of(table, codebook):
    """A Gold as read from a file of these rows."""
    plain = table.reset_index(drop=True)
    for axis in codebook.axes:
        plain[axis.id] = plain[axis.id].fillna("").astype(str) if axis.id in plain else ""
    return Gold(plain, {}, "codes.csv", "0" * 64)


def _customer(state, private):
    return np.select([state & private, state, private], ["mixed", "state", "private"], "unclear")
