"""A small run folder in the documented formats: 30 invented companies, both languages, three cities."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from chainbert.report.runfiles import read_run
from chainbert.report.tableone import table_one
from chainbert.wording.cloud import comparison_cloud

AXES = {
    "customer": ("state", "private"),
    "market": ("domestic", "global"),
    "application": ("infrastructure", "finance", "crypto", "industry"),
}
PERIODS = {"2013–2016": (2013, 2016), "2017–2019": (2017, 2019), "2020–2022": (2020, 2022)}
# Sentence → what it says, invented.
SAYINGS = {
    "zh": {
        "为三个区的政务大厅做电子证照存证。": ("customer.state", "market.domestic", "application.industry"),
        "省内两家城商行用它核对仓单。": ("customer.private", "market.domestic", "application.finance"),
        "面向开发者提供联盟链底层框架。": ("customer.private", "application.infrastructure"),
        "海外用户可以在钱包里直接兑换代币。": ("customer.private", "market.global", "application.crypto"),
        "去年把冷链温度记录接进了药监局的平台。": ("customer.state", "market.domestic", "application.industry"),
        "团队二十来人，一半是从测绘院出来的。": (),
    },
    "en": {
        "Two municipal archives file their land records with us.": ("customer.state", "application.industry"),
        "Factories in Suzhou and Wuxi pay per shipment traced.": ("customer.private", "market.domestic"),
        "Our wallet serves traders in 40 countries.": ("customer.private", "market.global", "application.crypto"),
        "Banks use the ledger to settle invoices overnight.": ("customer.private", "application.finance"),
        "An open protocol with a reference node in Rust.": ("application.infrastructure",),
        "We started in a borrowed kitchen.": (),
    },
}
FACTS: dict[str, Any] = {
    "title": "Three cities, thirty firms",
    "note": "The companies of this study are invented.",
    "exclusions": {"no text": 1},
    "duplicates": 4,
    "encoder": {"name": "bundled:multilingual-e5-small", "fingerprint": "e5s1-1571fc98-q4-mean-query"},
    "codebook": {"id": "company-axes", "version": "9f2c4e71"},
    "labeller": "zero-shot",
    "seed": 20180,
    "inputs": [{"path": "companies.jsonl", "sha256": "ab" * 32, "rows": 31}],
    "truncated": 0,
    "packages": {"numpy": "2.4.6", "torch": "2.13.0"},
}


def invented_companies(rng: np.random.Generator, n: int = 30) -> pd.DataFrame:
    """``n`` usable companies and one without a text, in the columns of companies.parquet."""
    rows = []
    for place in range(n):
        language = "zh" if place % 5 < 3 else "en"
        sayings = rng.choice(list(SAYINGS[language]), size=3, replace=False)
        rows.append(
            {
                "key": f"{place:032x}",
                "id": f"inv-{place:03d}",
                "name": f"砚{'山川云木石'[place % 5]}链 {place}" if language == "zh" else f"Inkstone {place} Labs",
                "city": ("Beijing", "Beijing", "Shanghai", "Shenzhen")[place % 4],
                "founded": 2013 + place % 10,
                "observed": 2022,
                "text": ("" if language == "zh" else " ").join(sayings),
                "language": language,
                "status": "",
            }
        )
    rows.append(rows[0] | {"key": "f" * 32, "id": "inv-999", "name": "Silent Works", "text": "", "status": "no text"})
    table = pd.DataFrame(rows).astype({"founded": "Int64", "observed": "Int64"})
    table["website"], table["industry"], table["investors"] = "", "", [[] for _ in rows]
    return table


def many_companies(rng: np.random.Generator, n: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """``n`` usable companies and their labels, whose texts hold as much as real ones do: no sentence comes twice.

    Words are drawn with Zipf's frequencies, eight sentences a text; each axis has one for its value.
    """
    companies = invented_companies(rng, n)
    share = 1 / np.arange(1, 4001)
    share /= share.sum()
    words = {
        "zh": ["".join(chr(0x4E00 + int(one)) for one in rng.integers(0, 3500, size=2)) for _ in share],
        "en": ["".join(chr(97 + int(one)) for one in rng.integers(0, 26, size=rng.integers(3, 9))) for _ in share],
    }
    drawn = rng.choice(4000, size=(n, 8, 12), p=share)
    labels = []
    for place in range(n):
        zh = companies.at[place, "language"] == "zh"
        known, joint, stop = words["zh" if zh else "en"], "" if zh else " ", "。" if zh else ". "
        sentences = [joint.join(known[one] for one in row) + stop for row in drawn[place]]
        companies.at[place, "text"] = "".join(sentences)
        companies.at[place, "id"] = f"inv-{place:05d}"
        companies.at[place, "name"] = joint.join(known[one] for one in rng.integers(0, 4000, size=2))
        labels.append(_drawn_labels(companies.loc[place], sentences, rng))
    silent = labels_of(companies.tail(1)).iloc[0].to_dict()
    return companies, pd.DataFrame([*labels, silent])


def _drawn_labels(company: pd.Series[Any], sentences: list[str], rng: np.random.Generator) -> dict[str, Any]:
    row: dict[str, Any] = {"key": company["key"], "id": company["id"], "observed": company["observed"]}
    for axis, indicators in AXES.items():
        value = str(rng.choice(indicators))
        row[axis] = value
        for one in indicators:
            sentence = sentences[rng.integers(len(sentences))] if one == value else ""
            start = company["text"].find(sentence) if sentence else -1
            row[f"{axis}.{one}"] = 0.9 if sentence else 0.1
            row[f"{axis}.{one}.evidence"] = sentence
            row[f"{axis}.{one}.start"], row[f"{axis}.{one}.end"] = start, start + len(sentence) if sentence else -1
        row[f"{axis}.status"] = "labelled"
    return row | {"codebook": "9f2c4e71"}


def labels_of(companies: pd.DataFrame) -> pd.DataFrame:
    """What the sayings in a text say, in the columns of labels.parquet."""
    said = {sentence: labels for sayings in SAYINGS.values() for sentence, labels in sayings.items()}
    rows = []
    for company in companies.itertuples():
        row: dict[str, Any] = {"key": company.key, "id": company.id, "observed": company.observed}
        found = {label: sentence for sentence, labels in said.items() if sentence in company.text for label in labels}
        for axis, indicators in AXES.items():
            yes = [one for one in indicators if f"{axis}.{one}" in found]
            single = axis == "application"
            row[axis] = (
                yes[0] if len(yes) == 1 or (single and yes) else "industry" if single else "mixed" if yes else "unclear"
            )
            for one in indicators:
                sentence = found.get(f"{axis}.{one}", "")
                start = company.text.find(sentence) if sentence else -1
                row[f"{axis}.{one}"] = 0.9 if sentence else 0.1
                row[f"{axis}.{one}.evidence"] = sentence
                row[f"{axis}.{one}.start"], row[f"{axis}.{one}.end"] = start, start + len(sentence) if sentence else -1
            row[f"{axis}.status"] = "unusable" if company.status else "labelled"
        rows.append(row | {"codebook": "9f2c4e71"})
    return pd.DataFrame(rows)


def shares_of(companies: pd.DataFrame, labels: pd.DataFrame) -> pd.DataFrame:
    """Counts with Wilson intervals, in the columns of shares.csv."""
    joined = companies.merge(labels, on="key", suffixes=("", "_label"))
    joined = joined[joined["status"] == ""]
    rows = []
    spans = {"all": (0, 9999), **PERIODS}
    for axis, indicators in AXES.items():
        values = sorted(set(indicators) | ({"mixed", "unclear"} if axis != "application" else set()))
        asked = [("indicator", one) for one in indicators if axis != "application"] + [("value", one) for one in values]
        for kind, name in asked:
            for period, (first, last) in spans.items():
                for city in sorted(set(joined["city"])):
                    here = joined[
                        (joined["city"] == city) & (period == "all" or joined["founded"].between(first, last))
                    ]
                    yes = int(
                        (here[f"{axis}.{name}"] >= 0.5).sum() if kind == "indicator" else (here[axis] == name).sum()
                    )
                    share, low, high = wilson(yes, len(here))
                    rows.append((axis, name, kind, city, period, len(here), yes, share, low, high))
    columns = ["axis", "indicator", "kind", "city", "period", "n", "yes", "share", "low", "high"]
    return pd.DataFrame(rows, columns=columns)


def wilson(yes: int, n: int) -> tuple[float, float, float]:
    if n == 0:
        return np.nan, np.nan, np.nan
    z, share = 1.959964, yes / n
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return share, max(middle - half, 0.0), min(middle + half, 1.0)


def convergence_of(companies: pd.DataFrame, shares: pd.DataFrame, rng: np.random.Generator) -> dict[str, Any]:
    """Plausible numbers in the shape of convergence.json; Shenzhen's first period is not estimable."""
    usable = companies[companies["status"] == ""]
    gaps = []
    for city, path in {"Shanghai": (0.31, 0.29, 0.33), "Shenzhen": (0.44, 0.28, 0.05)}.items():
        for (period, (first, last)), gap in zip(PERIODS.items(), path, strict=True):
            inside = usable[usable["founded"].between(first, last)]
            n, m = int((inside["city"] == city).sum()), int((inside["city"] == "Beijing").sum())
            row = {"city": city, "year": period, "midpoint": (first + last) / 2, "n": n, "n_reference": m}
            half = 0.5 / np.sqrt(n + 1)
            if city == "Shenzhen" and first == 2013 and n < 5:
                row |= {
                    "n": 1,
                    "gap": None,
                    "low": None,
                    "high": None,
                    "p": None,
                    "status": "not estimable: fewer than 2 firms",
                }
            else:
                row |= {"gap": gap, "low": gap - half, "high": gap + half, "p": 0.04, "left_out": 0, "status": ""}
            gaps.append(row)
    trends = [
        {"city": "Shanghai", "slope": 0.003, "low": -0.021, "high": 0.027, "p": 0.81, "p_holm": 0.81,
         "p_equivalent": 0.03, "margin": 0.036, "minimum_detectable": 0.03},
        {"city": "Shenzhen", "slope": -0.058, "low": -0.092, "high": -0.024, "p": 0.002, "p_holm": 0.004,
         "p_equivalent": 0.9, "margin": 0.036, "minimum_detectable": 0.041},
    ]  # fmt: skip
    seen = shares[(shares["kind"] == "indicator") & (shares["period"] != "all")]
    reference = seen[seen["city"] == "Beijing"].set_index(["axis", "indicator", "period"])["share"]
    label_trends = []
    for row in seen[seen["city"] != "Beijing"].itertuples():
        there = reference.get((row.axis, row.indicator, row.period), np.nan)
        known = not (np.isnan(row.share) or np.isnan(there))
        difference = row.share - there if known else None
        label_trends.append(
            {"axis": row.axis, "indicator": row.indicator, "city": row.city, "year": row.period,
             "midpoint": sum(PERIODS[row.period]) / 2, "share": row.share if known else None,
             "share_reference": there if known else None, "difference": difference,
             "low": difference - 0.3 if known else None, "high": difference + 0.3 if known else None, "n": row.n}
        )  # fmt: skip
    slopes = []
    for (axis, one), _ in seen.groupby(["axis", "indicator"]):
        for city in ("Shanghai", "Shenzhen"):
            slope = {"slope": float(rng.normal(0, 0.02)), "low": -0.05, "high": 0.05, "p": 0.4}
            slopes.append({"axis": axis, "indicator": one, "city": city} | slope)
    return {
        "reference": "Beijing", "time": "founded", "draws": 999, "seed": 20180,
        "rows": len(usable), "firms": len(usable),
        "gaps": gaps, "trends": trends, "direction": [
            {"city": "Shenzhen", "mover": "home moved", "home": 0.8, "home_low": 0.4, "home_high": 1.2, "home_p": 0.001,
             "reference": 0.05, "reference_low": -0.2, "reference_high": 0.3, "reference_p": 0.6, "status": ""}
        ],
        "verdict": {"Shanghai": "no change", "Shenzhen": "converging"},
        "sentences": {
            "Shanghai": "Shanghai neither moved toward Beijing nor away from it: its gap changed by 0.003 a year "
            "(95 % interval −0.021 to 0.027), less than the margin of 0.036 (p for equivalence 0.03).",
            "Shenzhen": "Shenzhen moved toward Beijing: its gap fell by 0.058 a year "
            "(95 % interval 0.024 to 0.092, p 0.004 after Holm), from 0.44 to 0.05.",
        },
        "label_trends": label_trends, "label_slopes": slopes, "left_out": {"no founded year": 2},
    }  # fmt: skip


def write_run(
    folder: Path, companies: pd.DataFrame | None = None, labels: pd.DataFrame | None = None, n_clusters: int = 3
) -> dict[str, Any]:
    """Write a run folder as the study leaves it before its report; gives the report's facts."""
    rng = np.random.default_rng(7)
    companies = invented_companies(rng) if companies is None else companies
    labels = labels_of(companies) if labels is None else labels
    usable = companies[companies["status"] == ""]
    shares = shares_of(companies, labels)
    (folder / "tables").mkdir(parents=True, exist_ok=True)
    companies.to_parquet(folder / "companies.parquet")
    labels.to_parquet(folder / "labels.parquet")
    usable[["key", "id", "observed", "text", "language"]].to_parquet(folder / "sentences.parquet")
    shares.to_csv(folder / "shares.csv", index=False)
    cluster = rng.integers(-1, n_clusters, size=len(usable)) if n_clusters else np.full(len(usable), -1)
    centres = rng.normal(0, 4, size=(n_clusters + 1, 2))
    place = centres[cluster] + rng.normal(0, 0.8, size=(len(usable), 2))
    members = usable[["key", "id", "observed"]].assign(
        cluster=cluster, strength=rng.random(len(usable)), x=place[:, 0], y=place[:, 1], medoid=False
    )
    members.to_parquet(folder / "clusters.parquet")
    words = ("存证", "ledger", "冷链", "wallet", "仓单", "archive", "政务", "invoice")
    terms = [(c, r + 1, words[(c + r) % 8], 1 / (r + 1), 5 - r) for c in range(n_clusters) for r in range(4)]
    pd.DataFrame(terms, columns=["cluster", "rank", "term", "weight", "firms"]).to_csv(
        folder / "terms.csv", index=False
    )
    sizes, parts = [], []
    for one in sorted(set(cluster)):
        inside = usable[cluster == one]
        name = " · ".join(term for c, _, term, _, _ in terms if c == one)
        sizes.append((one, name, len(inside), " · ".join(inside["name"].head(3)) if one >= 0 else ""))
        for city, all_of_city in usable.groupby("city"):
            n = int((inside["city"] == city).sum())
            parts.append((one, city, "all", n, len(all_of_city), n / len(all_of_city)))
    pd.DataFrame(sizes, columns=["cluster", "name", "size", "medoids"]).to_csv(
        folder / "tables/clusters.csv", index=False
    )
    columns = ["cluster", "city", "period", "n", "total", "share"]
    pd.DataFrame(parts, columns=columns).to_csv(folder / "tables/cluster_shares.csv", index=False)
    found = convergence_of(companies, shares, rng)
    (folder / "convergence.json").write_text(json.dumps(found, ensure_ascii=False, default=float), encoding="utf-8")
    return dict(FACTS)


CHECKED_CITIES = ("Shanghai", "Shenzhen")


def checks_of(periods: tuple[str, ...] = tuple(PERIODS)) -> dict[str, Any]:
    """What convergence.json says beside gaps, trends and verdict: invented numbers, each city's its own."""
    first, last = periods[0], periods[-1]
    survivors = "survivors only: cohorts of firms that exist today"
    none = {"low": None, "high": None}
    parts: list[dict[str, Any]] = []
    for city, change in (("Shanghai", -0.011), ("Shenzhen", -0.392)):
        own = {"city": city, "from": first, "to": last, "note": survivors}
        status = "not estimable: no firm is in two periods"
        parts.append(own | none | {"part": "stayers", "change": None, "n": 0, "status": status})
        for part, share in (("total", 1.0), ("shift between clusters", 0.7), ("change within clusters", 0.3)):
            value = share * change
            ends = {"low": value - 0.02, "high": value + 0.02}
            parts.append(own | ends | {"part": part, "change": value, "n": 21, "status": ""})
    return {
        "periods": list(periods),
        "decomposition": parts,
        "balance": [
            {"city": "Shanghai", "year": first, "covariate": "length", "difference": 0.317, "by_chance": 0.195,
             "p": 0.012, "smd": 0.444, "level": "40–87", "share": 0.167, "share_reference": 0.333, "n": 7,
             "n_reference": 15, "note": "", "status": ""}
        ],
        "held_fixed": [
            {"city": city, "held_fixed": held, "gap": 0.213, "gap_low": 0.108, "gap_high": 0.318, "gap_raw": 0.287,
             "gap_same_firms": 0.276, "share_gone": 0.23, "share_low": 0.05, "share_high": 0.41, "slope": -0.031,
             "slope_low": -0.052, "slope_high": -0.01, "slope_p": 0.004, "n_used": 19, "left_out": 2, "note": "",
             "status": ""}
            for city in CHECKED_CITIES
            for held in ("nothing", "language")
        ],
        "hidden_confounders": [
            {"city": "Shenzhen", "covariate": "length", "level": "40–87", "gap": 0.287, "effect": 0.482,
             "imbalance": 0.051, "explained": 0.018, "imbalance_needed": 0.772, "n": 7, "n_reference": 15,
             "status": ""}
        ],
        "placebos": [
            {"city": city, "placebo": "permuted years", "statistic": -1.7, "draws": 40, "p": p, "error": 0.02,
             "share_significant": 0.05, "chance": 0.09, "passes": p <= 0.05, "status": ""}
            for city, p in zip(CHECKED_CITIES, (0.317, 0.0004), strict=True)
        ],
        "placebo_draws": [
            {"city": city, "placebo": "permuted years", "draw": draw, "slope": 0.0, "p": 0.5,
             "statistic": draw / 10 - 2}
            for city in CHECKED_CITIES
            for draw in range(40)
        ],
        "power": [
            {"city": city, "reference": "Beijing", "studies": 200, "margin": 0.25, "minimum_share": share,
             "minimum_closing": closing, "minimum": words, "margin_share": 0.134, "power_at_margin": at,
             "power_at_margin_error": 0.02, "status": "",
             "curve": [{"city": city, "share": one, "planted": one, "closing": one, "power": at * one, "error": 0.02,
                        "studies": 200} for one in (0.0, 0.5, 1.0)]}
            for city, share, closing, words, at in (
                ("Shanghai", None, None, "> 1: not even full adoption", 0.06),
                ("Shenzhen", 0.62, 0.81, "0.62", 0.88),
            )
        ],
        "controls": [
            {"city": "Shanghai", "control": "permuted years", "passed": False, "said": "p = 0.317"},
            {"city": "Shanghai", "control": "length held fixed", "passed": None, "said": "only 3 of 14 firms"},
            {"city": "Shenzhen", "control": "permuted years", "passed": True, "said": "slope -0.058"},
        ],
        "events": [
            {"year": 2017.7, "name": "first rule"},
            {"year": 2018.1, "name": "second rule"},
            {"year": 2031, "name": "long after"},
        ],
        "firm_counts": [
            {"city": city, "year": period, "n": 5, "of": 17, "share": 0.294, "low": 0.13, "high": 0.53, "status": "",
             "note": survivors}
            for city in ("Beijing", *CHECKED_CITIES)
            for period in periods
        ],
        "turnover": [
            {"city": "Shanghai", "from": first, "to": last, "flow": "goes abroad", "n": 3, "of": 14, "share": 0.214,
             "low": 0.07, "high": 0.47, "status": ""}
        ],
        "side_by_side": [
            {"city": city, "measure": measure, "closed": closed, "low": closed - 0.3, "high": closed + 5,
             "p_holm": 0.03, "p_equivalent": 0.7, "verdict": "converging", "mover": "home moved",
             "agreement": agreement, "status": ""}
            for city in CHECKED_CITIES
            for measure, closed, agreement in (("vectors", 0.87, ""), ("customer.state", 0.43, "agrees"))
        ],
        "agreement": {"Shenzhen": "Shenzhen: the vectors and the customer.state share say converging."},
    }  # fmt: skip


def specifications_of() -> dict[str, Any]:
    """A curve of eight specifications of each city, in the shape of specifications.json."""
    rows, summaries = [], []
    for city in CHECKED_CITIES:
        for place in range(8):
            slope = -0.01 * (place - 1)
            known = place != 6
            rows.append(
                {"city": city, "reference": "Beijing", "encoder": "bundled:multilingual-e5-small",
                 "language": ("raw", "mean")[place % 2], "names": ("masked", "kept")[place // 4], "strata": "language",
                 "seed": 0, "smallest_cell": 5, "slope": slope if known else None,
                 "relative": 9 * slope if known else None, "low": slope - 0.01, "high": slope + 0.01,
                 "p": 0.5 if place < 5 else 0.01, "statistic": -1.0, "sign": -1, "main": place == 2,
                 "status": "" if known else "not estimable: two periods are needed"}
            )  # fmt: skip
        worst = "bundled:multilingual-e5-small, names kept: slope +0.0100 (p = 0.500), against -0.0100"
        summaries.append(
            {"city": city, "reference": "Beijing", "specifications": 8, "estimable": 7, "agree": 0.857,
             "significant": 0.286, "significant_other": 0.0, "median": -0.02, "median_relative": -0.18,
             "worst": worst, "status": ""}
        )  # fmt: skip
    return {"specifications": rows, "summary": summaries}


def grouping_of() -> dict[str, Any]:
    """What clusters.json says of the three clusters."""
    score = {"n": 30, "firms": 30, "neighbours": 5, "observed": 0.41, "expected": 0.52, "score": 0.788, "low": 0.6}
    share = {"share": 0.5, "share_reference": 0.125, "difference": 0.375, "low": 0.11, "high": 0.6}
    tested = {"p": 0.001, "p_holm": 0.009, "status": ""}
    return {
        "cluster_stability": [
            {"cluster": 0, "stability": 0.91, "stable": True},
            {"cluster": 1, "stability": 0.43, "stable": False},
        ],
        "mixing": [
            {"year": "all", "city": city, **score, "high": 0.98, "p": 0.02, "status": ""}
            for city in ("all", "Beijing", *CHECKED_CITIES)
        ],
        "cluster_noise": [
            {"year": "all", "city": "Shenzhen", "n": 4, "total": 7, "share": 0.57, "share_elsewhere": 0.2, "low": 0.25,
             "high": 0.84, "p": 0.01, "p_holm": 0.03, "warning": "Shenzhen is noisier"}
        ],
        "cluster_differences": [{"cluster": 1, "city": "Shenzhen", "year": "all", **share, **tested}],
        "warnings": ["4 of 7 companies of Shenzhen are in no cluster"],
        "cluster_events": [
            {"cluster": 1, "year_from": "2013–2016", "year_to": "2017–2019", "event": "birth", "into": None,
             "support": 0.93, "n_from": 0, "n_to": 6, "share_from": 0.0, "share_to": 0.31, "status": ""},
            {"cluster": 2, "year_from": "2013–2016", "year_to": "2017–2019", "event": "death", "into": None,
             "support": 0.41, "n_from": 3, "n_to": 0, "share_from": 0.14, "share_to": 0.0, "status": "not supported"},
        ],
        "sweep": [
            {"min_cluster_size": 5, "n_neighbors": 15, "seed": 0, "clusters": 3, "noise_share": 0.2,
             "largest_share": 0.4, "ari": 1.0, "chosen": True, "cliff": False}
        ],
    }  # fmt: skip


def write_checked_run(folder: Path, **changed: object) -> dict[str, Any]:
    """A run folder with the whole verdict; ``changed`` replaces parts of convergence.json. Gives the report's facts."""
    facts = write_run(folder)
    path = folder / "convergence.json"
    found = json.loads(path.read_text(encoding="utf-8")) | checks_of()
    for row in found["gaps"]:
        if row["gap"] is not None:
            row |= {"auc": 0.731, "auc_low": 0.55, "auc_high": 0.86, "gap_centred": 0.219, "mmd": 0.012, "mmd_p": 0.03}
    path.write_text(json.dumps(found | changed, ensure_ascii=False, default=float), encoding="utf-8")
    for name, part in (("specifications.json", specifications_of()), ("clusters.json", grouping_of())):
        (folder / name).write_text(json.dumps(part, ensure_ascii=False), encoding="utf-8")
    return facts


def write_words(folder: Path) -> None:
    """Table 1, keyness, word cloud and themes of a run folder, as the study's later stages leave them."""
    files = read_run(folder)
    firms = files.usable
    terms = [
        ("Beijing", "政务", 4.1),
        ("Beijing", "archive", 2.2),
        ("Shanghai", "仓单", 3.4),
        ("Shenzhen", "wallet", 2.9),
    ]
    keyness = [
        {"city": city, "term": term, "status": "", "n_target": 9, "n_reference": 4, "firms": 6, "firms_reference": 3,
         "log_odds": z / 2, "z": z, "q": 0.01 if z > 3 else 0.4}
        for city, term, z in (*terms, ("Beijing", "冷链", -2.4), ("Shenzhen", "invoice", -3.2))
    ]  # fmt: skip
    pd.DataFrame(keyness).to_csv(folder / "keyness.csv", index=False)
    weights = pd.DataFrame([(term, city, z) for city, term, z in terms], columns=["term", "group", "weight"])
    colours = {"Beijing": "#000000", "Shanghai": "#7a2e8f", "Shenzhen": "#3b8fd9"}
    cloud = comparison_cloud(weights, colours=colours, rng=np.random.default_rng(1))
    (folder / "cloud.json").write_text(cloud.to_json(), encoding="utf-8")
    shares, behind = [], []
    for category, chinese, english in (("policy", "政策", "Policy"), ("hardware", "硬件", "Hardware")):
        for place, (city, own) in enumerate(firms.groupby("city")):
            keys = own["key"].iloc[: place + 2]
            share, low, high = wilson(len(keys), len(own))
            shares.append((category, chinese, english, city, "all", len(own), len(keys), share, low, high, 9))
            behind += [(key, category, 1, "entry", 0, 2) for key in keys]
    columns = ["category", "name_zh", "name_en", "city", "period", "n", "yes", "share", "low", "high", "mentions"]
    pd.DataFrame(shares, columns=columns).to_csv(folder / "dictionary.csv", index=False)
    pd.DataFrame(behind, columns=["key", "category", "hits", "entry", "start", "end"]).to_parquet(
        folder / "dictionary_firms.parquet"
    )
    table_one(read_run(folder), folder).save(folder / "tables")
