"""The wide table of companies: everything a run knows of a company and year in one row."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from chainbert.convergence import latest_rows
from chainbert.labelling import Codebook
from chainbert.labelling.investornames import ORIGINS
from chainbert.report.companyrows import Axis, axes_of
from chainbert.report.exports.cells import Notes, Type, typed
from chainbert.report.exports.datadictionary import Meaning, Table, declared_types, described, meaning
from chainbert.report.language import say

Read = Callable[[str], "pd.DataFrame | None"]
FIRST = ("key", "id", "observed", "name", "city", "founded", "period", "status", "language", "website", "industry")
LAST = ("investors", "text")
_PERIOD = re.compile(r"(-?\d+)(?:–(-?\d+))?")


def company_table(
    read: Read,
    convergence: Mapping[str, Any],
    periods: Mapping[str, str] | None,
    codebook: Codebook | None,
    notes: Notes,
) -> Table:
    """One row a company and year, in the order of companies.parquet.

    What the study's own table had beyond our columns is kept; a name of ours keeps its meaning, and theirs is
    ``NAME (given)``.
    """
    companies = read("companies.parquet")
    assert companies is not None  # run_tables has seen the file
    keys = companies["key"].astype(str)
    parts = [
        _labels(read("labels.parquet"), codebook, notes),
        _clusters(read("clusters.parquet"), read("tables/clusters.csv")),
        _origins(read("investors.parquet")),
        _hits(read("dictionary_firms.parquet"), read("dictionary.csv"), keys[companies["status"].fillna("") == ""]),
    ]
    given = companies.reindex(columns=[*FIRST, *LAST])
    where = {key: period for key, period in (periods or _periods(companies, convergence)).items() if period}
    given["period"] = keys.map(where)
    results, meanings = {}, dict[str, Meaning]()
    for frame, means in parts:
        meanings |= means
        for column in frame:
            results[str(column)] = frame[column].reindex(keys).reset_index(drop=True)
    own, own_means = _own(companies, set(results))
    columns = {**given[list(FIRST)], **results, "investors": given["investors"], **own, "text": given["text"]}
    wide = pd.DataFrame({name: column.reset_index(drop=True) for name, column in columns.items()})
    types: dict[str, Type] = {name: kind for name, kind in declared_types("companies").items() if name not in own}
    return described("companies", typed(wide, types, "companies", notes), meanings | own_means)


def _own(companies: pd.DataFrame, taken: set[str]) -> tuple[dict[str, pd.Series[Any]], dict[str, Meaning]]:
    """Columns of the study's own table, which no stage read."""
    found, means = {}, {}
    for place, given in enumerate(map(str, companies.columns)):
        if given in (*FIRST, *LAST) and given != "period":
            continue
        name = f"{given} (given)" if given in taken or given == "period" else given
        found[name] = companies.iloc[:, place]
        means[name] = meaning("Column of the study's company table, as it was given")
    return found, means


def _periods(companies: pd.DataFrame, convergence: Mapping[str, Any]) -> dict[str, str]:
    """Key → period, by the rule of the comparison: with founding years a firm counts once, by its latest row."""
    time = str(convergence.get("time") or "founded")
    spans = [_PERIOD.fullmatch(str(one)) for one in convergence.get("periods") or ()]
    rows = companies[(companies["status"].fillna("") == "") & (companies["city"].fillna("") != "")]
    if time not in rows or not all(spans):
        return {}
    rows = rows[rows[time].notna()]
    if time == "founded" and len(rows):
        rows = rows[latest_rows(rows["id"], rows["observed"].fillna(0))]
    found: dict[str, str] = {}
    for span in spans:
        if span:
            first, last = int(span[1]), int(span[2] or span[1])
            inside = rows.loc[rows[time].between(first, last), "key"]
            found |= dict.fromkeys(inside.astype(str), span[0])
    return found


def _labels(
    labels: pd.DataFrame | None, codebook: Codebook | None, notes: Notes
) -> tuple[pd.DataFrame, dict[str, Meaning]]:
    """Values, statuses, probabilities and evidence by axis; where the evidence stands is in the table ``evidence``."""
    if labels is None:
        notes.add(say("not in this run"), "labels.parquet", say("the table of companies has no labels"))
        return pd.DataFrame(), {}
    names = _Names(codebook)
    chosen, means = [], dict[str, Meaning]()
    for axis in axes_of(labels):
        told = names.axis(axis.id)
        means[axis.id] = names.value_meaning(axis, labels[axis.id])
        means[f"{axis.id}.status"] = meaning(
            "{axis}: whether the label holds: labelled, abstained, not transferable, unusable", axis=told
        )
        for one in axis.indicators:
            column = f"{axis.id}.{one}"
            what = names.indicator(axis.id, one)
            means[column] = meaning(
                "{axis}, {indicator}: probability of yes", "probability", "0 to 1", axis=told, indicator=what
            )
            means[f"{column}.evidence"] = meaning(
                "{axis}, {indicator}: sentence that speaks most for it; empty: not yes", axis=told, indicator=what
            )
        chosen += [name for name in means if name.split(".")[0] == axis.id]
    chosen += [name for name in ("codebook", "training") if name in labels]
    return labels.set_index(labels["key"].astype(str))[chosen], means


class _Names:
    """Names of axes, indicators and values in both languages; ids where there is no codebook."""

    def __init__(self, codebook: Codebook | None) -> None:
        self._axes = {axis.id: axis for axis in codebook.axes} if codebook else {}

    def axis(self, axis: str) -> tuple[str, str]:
        return _pair(self._axes[axis].names, axis) if axis in self._axes else (axis, axis)

    def indicator(self, axis: str, indicator: str) -> tuple[str, str]:
        known = {one.id: one.names for one in self._axes[axis].indicators} if axis in self._axes else {}
        return _pair(known[indicator], indicator) if indicator in known else (indicator, indicator)

    def value_meaning(self, axis: Axis, values: pd.Series[Any]) -> Meaning:
        means = meaning("{axis}: the label; empty: unusable", axis=self.axis(axis.id))
        seen = {str(one) for one in values.dropna()} - {""}
        known = self._axes[axis.id].values if axis.id in self._axes else axis.indicators
        order = [*(one for one in known if one in seen or axis.id in self._axes), *sorted(seen - set(known))]
        said = meaning("mixed"), meaning("unclear")
        derived = {one.en: one.zh for one in said}
        pairs = ((one, derived.get(one) or self.indicator(axis.id, one)[1]) for one in order)
        return Meaning(means.en, means.zh, values=tuple(pairs))


def _pair(names: Mapping[Any, str], identifier: str) -> tuple[str, str]:
    return names.get("en", identifier), names.get("zh", names.get("en", identifier))


def _clusters(clusters: pd.DataFrame | None, sizes: pd.DataFrame | None) -> tuple[pd.DataFrame, dict[str, Meaning]]:
    if clusters is None:
        return pd.DataFrame(), {}
    placed = clusters.set_index(clusters["key"].astype(str))
    found = pd.DataFrame({"cluster": placed["cluster"].astype("Int64")})
    if sizes is not None and {"cluster", "name"} <= set(sizes):
        names = dict(zip(sizes["cluster"].astype(str), sizes["name"], strict=True))
        found["cluster_name"] = found["cluster"].astype(str).map(names)
    for column in ("strength", "x", "y", "medoid"):
        if column in placed:
            found[f"cluster_{column}"] = placed[column]
    return found, {}


def _origins(investors: pd.DataFrame | None) -> tuple[pd.DataFrame, dict[str, Meaning]]:
    """Which origins are among a company's investors; a company none of whose investors' origins is told has no row."""
    if investors is None:
        return pd.DataFrame(), {}
    told = investors[investors["origin"].isin(ORIGINS)]
    keys, origin = told["key"].astype(str), told["origin"].astype(str)
    named = {f"investors_{one}": (origin == one).groupby(keys).any() for one in ORIGINS}
    return pd.DataFrame(named).astype("boolean"), {}


def _hits(
    firms: pd.DataFrame | None, categories: pd.DataFrame | None, usable: pd.Series[str]
) -> tuple[pd.DataFrame, dict[str, Meaning]]:
    """Hits of each category in each usable company's text, 0 where there is none."""
    if firms is None:
        return pd.DataFrame(), {}
    keys, category = firms["key"].astype(str), firms["category"].astype(str)
    names: dict[str, tuple[str, str]] = {}
    if categories is not None and {"category", "name_en", "name_zh"} <= set(categories):
        found = categories[["category", "name_en", "name_zh"]].drop_duplicates("category")
        names = {str(one): (str(en), str(zh)) for one, en, zh in found.itertuples(index=False)}
    order = [*names, *sorted(set(category) - set(names))]
    counted = firms["hits"].groupby([keys, category]).sum().unstack(fill_value=0)
    table = counted.reindex(index=list(usable), columns=order, fill_value=0).fillna(0).astype("Int64")
    means = {
        f"dictionary.{one}": meaning(
            "Hits of the dictionary's category {category} in the text",
            "mentions",
            "0 or more",
            category=names.get(one, one),
        )
        for one in order
    }
    return table.rename(columns=lambda one: f"dictionary.{one}"), means


def evidence_table(labels: pd.DataFrame, notes: Notes) -> Table:
    """The labels in long form: one row a company, year and indicator."""
    parts = []
    for axis in axes_of(labels):
        for one in axis.indicators:
            column = f"{axis.id}.{one}"
            part = labels.reindex(columns=["key", "id", "observed", column, *(f"{column}.{end}" for end in _ENDS)])
            part.columns = pd.Index(["key", "id", "observed", "probability", *_ENDS])
            part.insert(3, "axis", axis.id)
            part.insert(4, "indicator", one)
            parts.append(part)
    columns = ["key", "id", "observed", "axis", "indicator", "probability", *_ENDS]
    whole = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)
    return described("evidence", typed(whole, declared_types("evidence"), "evidence", notes))


_ENDS = ("evidence", "start", "end")


def exclusions(companies: pd.DataFrame, convergence: Mapping[str, Any]) -> pd.DataFrame:
    """Rows left out by stage and reason: companies that cannot be used, and rows without a place in the comparison."""
    unusable = companies["status"].fillna("")
    rows = [("companies", reason, int(n)) for reason, n in unusable[unusable != ""].value_counts().sort_index().items()]
    left_out = convergence.get("left_out") or {}
    rows += [("convergence", str(reason), int(n)) for reason, n in left_out.items()]
    return pd.DataFrame(rows, columns=["stage", "reason", "n"])
