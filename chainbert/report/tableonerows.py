"""The rows of Table 1; a row whose file the run lacks says so."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from chainbert.report.companyrows import Axis
from chainbert.report.tableonecells import (
    Answers,
    Entry,
    Row,
    Text,
    count_cells,
    dummies,
    every,
    in_both,
    leading,
)
from chainbert.report.tableonesources import INVESTORS, MENTIONS, ORIGINS, UNPLACED, Sources, crossed
from chainbert.wording import class_terms, tokens

FIRMS, YEARS = "firms", "company-years"
# An axis has no space in its name, so these are nobody else's.
NUMBER, THEMES, CLUSTERS = "number of firms", "business focus: themes", "business focus: clusters"
FEATURES, BUSINESS, PORTRAIT = "product features", "business type", "investor portrait"
TOP = 3
VALUES_SHOWN = 4
THEMES_EACH = 2
TERMS_EACH = 3
NOISE = "noise"
LANGUAGES_READ = ("zh", "en")


@dataclass(frozen=True, slots=True)
class Measured:
    """A row, and the answers that its test goes by; None where nothing is compared."""

    row: Row
    answers: Answers | None = None


def number_row(at: Sources) -> Measured:
    """How many firms each city has, and company-years where they are more."""
    cells = {}
    for column, keys in at.firms.keys.items():
        years = at.firms.years[column]
        counted = {FIRMS: keys} | ({YEARS: years} if len(years) > len(keys) else {})
        cells[column] = tuple(
            Entry(name, len(one), len(one), None, None, None, tuple(one)) for name, one in counted.items()
        )
    names = {name: in_both(name) for name in (FIRMS, YEARS)}
    return Measured(Row(NUMBER, in_both("Number of firms"), (), cells, names, in_both("no firm")))


def axis_row(at: Sources, axis: Axis) -> Measured:
    """All values of an axis of indicators, the leading ones of a single choice."""
    answers, single = at.values(axis), at.single(axis)
    notes = []
    if single and answers.said.shape[1] > VALUES_SHOWN:
        notes.append(in_both("The {most} most frequent values of each city.", most=VALUES_SHOWN))
    counted = {key for keys in at.firms.keys.values() for key in keys} & set(answers.said.index)
    status = at.files.labels.loc[at.files.labels["key"].isin(counted), f"{axis.id}.status"]
    if doubtful := int(status.isin(["abstained", "not transferable"]).sum()):
        notes.append(in_both("{doubtful} of {n} texts are doubtful.", doubtful=f"{doubtful:,}", n=f"{len(counted):,}"))
    cells = count_cells(answers, at.firms, leading(VALUES_SHOWN) if single else every)
    row = Row(
        axis.id, at.axis_name(axis), tuple(notes), cells, at.value_names(axis, answers), in_both("no firm was labelled")
    )
    return Measured(row, answers)


def theme_row(at: Sources) -> Measured:
    """The dictionary's themes that most of a city's firms use."""
    title = in_both("Business focus (themes)")
    themes = at.themes()
    if themes is None:
        return _absent(at, THEMES, title, MENTIONS)
    words = "The {top} most used in each city; a firm may use several."
    cells = count_cells(themes, at.firms, leading(TOP))
    note, empty = in_both(words, top=TOP), in_both("no firm uses a theme")
    return Measured(Row(THEMES, title, (note,), cells, at.theme_names(themes), empty), themes)


def cluster_row(at: Sources) -> Measured:
    """A city's largest clusters, with their terms."""
    title = in_both("Business focus (clusters)")
    clusters, terms = at.clusters(), at.cluster_terms()
    numbers = {f"cluster {number}": number for number in sorted(set(clusters.values())) if number >= 0}
    if not numbers:
        return _unfilled(at, CLUSTERS, title, in_both("The run found no clusters."))
    labels = {number: label for label, number in numbers.items()}
    answers = dummies({key: labels.get(number, NOISE) for key, number in clusters.items()}, list(numbers))
    shown = {label: terms.get(number, [])[:TERMS_EACH] for label, number in numbers.items()}
    names = {
        label: dict.fromkeys(("en", "zh"), " · ".join(words))
        if words
        else in_both("cluster {number}", number=numbers[label])
        for label, words in shown.items()
    }
    found = count_cells(answers, at.firms, leading(TOP, besides=(NOISE,)))
    cells = {city: tuple(replace(one, terms=tuple(shown[one.label])) for one in cell) for city, cell in found.items()}
    words = "The {top} largest in each city, named by their terms; other firms are in smaller ones or in none."
    note, empty = in_both(words, top=TOP), in_both("no firm is in a cluster")
    return Measured(Row(CLUSTERS, title, (note,), cells, names, empty), answers)


def feature_row(at: Sources) -> Measured:
    """The themes that firms of each leading value of the single-choice axis (application) use."""
    title = in_both("Product features")
    singles = [axis for axis in at.axes if at.single(axis)]
    if not singles:
        return _unfilled(
            at, FEATURES, title, in_both("The codebook has no single-choice axis to cross with the themes.")
        )
    themes = at.themes()
    if themes is None:
        return _absent(at, FEATURES, title, MENTIONS)
    axis = singles[0]
    values = at.values(axis)
    uses = {value: _of_value(values, value, themes) for value in values.said.columns}
    shares = {value: count_cells(answers, at.firms, leading(THEMES_EACH)) for value, answers in uses.items()}
    led = count_cells(values, at.firms, leading(TOP))
    cells = {city: tuple(one for value in cell for one in shares[value.label][city]) for city, cell in led.items()}
    joint = pd.concat([one.said for one in uses.values()], axis=1).reindex(values.said.index).fillna(value=False)
    words = "{axis} × theme: the {each} most used themes among the firms of each of the {top} leading values."
    note = in_both(words, axis=at.axis_name(axis), top=TOP, each=THEMES_EACH)
    names = crossed("{first}: {second}", at.value_names(axis, values), at.theme_names(themes))
    row = Row(FEATURES, title, (note,), cells, names, in_both("no firm uses a theme"))
    return Measured(row, Answers(joint.astype(bool), exclusive=False))


def _of_value(values: Answers, value: str, themes: Answers) -> Answers:
    """The themes of the rows with one value, each labelled ``value: theme``."""
    keys = values.said.index[values.said[value]].intersection(themes.said.index)
    return Answers(themes.said.loc[keys].rename(columns=lambda theme: f"{value}: {theme}"), exclusive=False)


def business_row(at: Sources) -> Measured:
    """The most common combinations of customer base and market, with the terms of their texts."""
    title = in_both("Business type")
    axes = {axis.id: axis for axis in at.axes}
    chosen = [axes[one] for one in ("customer", "market") if one in axes]
    first, second = (chosen if len(chosen) == 2 else [*axes.values(), None, None])[:2]
    if first is None or second is None:
        return _unfilled(at, BUSINESS, title, in_both("The codebook has fewer than two axes to cross."))
    these, those = at.values(first), at.values(second)
    one, other = (dict(answers.said.idxmax(axis=1)) for answers in (these, those))
    keys = [key for key in one if key in other]
    labels = crossed("{first} × {second}", at.value_names(first, these), at.value_names(second, those))
    answers = dummies({key: f"{one[key]} × {other[key]}" for key in keys}, list(labels))
    cells = count_cells(answers, at.firms, leading(TOP))
    terms = _terms(at, answers)
    words = (
        "{first} × {second}: the {top} most common combinations, with terms that set their texts apart from all others "
        "(class-based TF-IDF, two firms or more)."
    )
    note = in_both(words, first=at.axis_name(first), second=at.axis_name(second), top=TOP)
    with_terms = {
        city: tuple(replace(entry, terms=terms.get((city, entry.label), ())) for entry in cell)
        for city, cell in cells.items()
    }
    row = Row(BUSINESS, title, (note,), with_terms, labels, in_both("no firm was labelled"))
    return Measured(row, answers)


def _terms(at: Sources, answers: Answers) -> dict[tuple[str, str], tuple[str, ...]]:
    """(column, combination) → the terms of its firms' latest texts, against the other combinations of all cities."""
    texts = at.files.usable.set_index("key")[["text", "language"]]
    of_key = {key: str(label) for key, label in answers.said.idxmax(axis=1).items()}
    counted = sorted({key for keys in at.firms.keys.values() for key in keys if key in of_key})
    said = {
        key: tokens(str(text), language if language in LANGUAGES_READ else "other")
        for key, text, language in texts.loc[counted].itertuples()
    }
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for columns in (at.firms.cities, [column for column in at.firms.keys if column not in at.firms.cities]):
        rows = [(column, of_key[key], key) for column in columns for key in at.firms.keys[column] if key in said]
        classes = sorted({(column, label) for column, label, _ in rows})
        place = {one: code for code, one in enumerate(classes)}
        codes = np.array([place[column, label] for column, label, _ in rows], dtype=int)
        best = class_terms([said[key] for _, _, key in rows], codes, TERMS_EACH)
        found |= {classes[code]: tuple(group["term"]) for code, group in best.groupby(best["cluster"].astype(int))}
    return found


def investor_row(at: Sources) -> Measured:
    """Where the investors of a city's firms come from, by their names."""
    title = in_both("Investor portrait")
    origins = at.origins()
    if origins is None:
        return _absent(at, PORTRAIT, title, INVESTORS)
    note = in_both(
        "Of the firms that name investors, those with one of that origin or more, told by names: a Chinese name that "
        "shows neither the state nor a place abroad counts as domestic. Unplaced: no name tells."
    )
    names = {label: in_both(words) for label, words in ORIGINS.items()} | {UNPLACED: in_both(UNPLACED)}
    cells = count_cells(origins, at.firms, every)
    return Measured(Row(PORTRAIT, title, (note,), cells, names, in_both("no firm names an investor")), origins)


def _absent(at: Sources, row: str, title: Text, file: str) -> Measured:
    return _unfilled(
        at, row, title, in_both("Not computed: the run folder has no {file}; run the study again.", file=file)
    )


def _unfilled(at: Sources, row: str, title: Text, reason: Text) -> Measured:
    cells: dict[str, tuple[Entry, ...]] = dict.fromkeys(at.firms.keys, ())
    return Measured(Row(row, title, (), cells, {}, in_both("not computed"), reason))
