"""Codebooks: axes, their indicators, and the words that say what each one means."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import AfterValidator, BeforeValidator, Field

from chainbert.errors import ConfigError, Fault
from chainbert.files import content_hash, shipped
from chainbert.yamlfile import Section, did_you_mean, given_or_shipped, load

Language = Literal["zh", "en"]
MIXED, UNCLEAR = "mixed", "unclear"
# These would collide with columns of the label table, with derived values, or with a labeller's own numbers.
COLUMNS = {"id", "key", "observed", "codebook", "training", "status", "evidence", "start", "end"}
RESERVED = {*COLUMNS, MIXED, UNCLEAR, "gate", "reference", "projection"}


Item = TypeVar("Item")


def _one_line(value: object) -> object:
    return " ".join(value.split()) if isinstance(value, str) else value


def _compiles(pattern: str) -> str:
    try:
        pc.match_substring_regex(pa.array([""]), pattern)
    except pa.ArrowInvalid as error:
        reason = str(error).split(":", 1)[-1].strip()
        raise ValueError(f"{pattern!r} is no regular expression of the RE2 kind: {reason}") from error
    return pattern


def _not_empty(value: tuple[Item, ...]) -> tuple[Item, ...]:
    if not value:
        raise ValueError("is empty; at least one entry was expected")
    return value


Phrase = Annotated[str, BeforeValidator(_one_line), Field(min_length=1)]
Pattern = Annotated[Phrase, AfterValidator(_compiles)]
Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$")]
Names = dict[Language, Phrase]
Phrases = dict[Language, tuple[Phrase, ...]]
Places = Callable[[str], str]


class Cues(Section):
    """What a dictionary would look for in one language; RE2 patterns, letter case does not count."""

    match: Annotated[tuple[Pattern, ...], AfterValidator(_not_empty)]
    """A sentence with any of these has the cue."""
    unless: tuple[Pattern, ...] = ()
    """Stretches that one of these covers are blanked before ``match`` is searched."""


class Indicator(Section):
    """One thing a text can say on an axis."""

    id: Identifier
    names: Names
    description: Names
    """What the indicator means, one sentence a language."""
    include: Phrases = Field(default_factory=dict)
    """Rules in words: what counts."""
    exclude: Phrases = Field(default_factory=dict)
    """Rules in words: what does not count."""
    examples: Phrases
    """Sentences that speak for this indicator and, on an axis of indicators, for no other of the axis."""
    counter_examples: Phrases = Field(default_factory=dict)
    """Sentences that look like it and do not speak for it."""
    cues: dict[Language, Cues] = Field(default_factory=dict)


class Axis(Section):
    """A question put to every company: independent yes/no indicators, or one choice among them."""

    id: Identifier
    kind: Literal["indicators", "single"]
    names: Names
    description: Names
    indicators: Annotated[tuple[Indicator, ...], AfterValidator(_not_empty)]
    mixed: Phrases = Field(default_factory=dict)
    """Sentences that speak for every indicator of the axis; none on a single-choice axis."""
    neutral: Phrases = Field(default_factory=dict)
    """Sentences that speak for no indicator of the axis; none on a single-choice axis."""

    @property
    def values(self) -> tuple[str, ...]:
        """Every value the axis can take, in codebook order."""
        own = tuple(indicator.id for indicator in self.indicators)
        return own if self.kind == "single" else (*own, MIXED, UNCLEAR)

    def derive(self, probabilities: np.ndarray, thresholds: np.ndarray | float = 0.5) -> np.ndarray:
        """The axis's value of each company, (n,) str, from the indicators' probabilities (n, k) in [0, 1].

        Indicators: the one that is yes (probability ≥ its threshold, a number or (n, k)), ``mixed`` where several
        are, ``unclear`` where none is.
        Single choice: the most probable; the first in codebook order where two are equal.
        """
        own = np.array([indicator.id for indicator in self.indicators], dtype=object)
        if self.kind == "single":
            return np.asarray(own[probabilities.argmax(axis=1)])
        yes = probabilities >= thresholds
        several = np.where(yes.sum(axis=1) > 1, MIXED, UNCLEAR).astype(object)
        return np.asarray(np.where(yes.sum(axis=1) == 1, own[yes.argmax(axis=1)], several))


class Codebook(Section):
    """Axes and indicators in words: what hand coders, the labeller, the evaluation and the report go by."""

    id: Identifier
    title: Names
    languages: Annotated[tuple[Language, ...], AfterValidator(_not_empty)] = ("zh", "en")
    """The languages every name, description and list of examples must be given in."""
    axes: Annotated[tuple[Axis, ...], AfterValidator(_not_empty)]

    @classmethod
    def load(cls, path_or_name: str | Path) -> Codebook:
        """Read a codebook file, or a shipped codebook by its name (``company-axes``).

        Raises ConfigError listing every fault as ``file:line:column``.
        """
        path = codebook_path(path_or_name)
        loaded = load(cls, path)
        faults = list(_faults(loaded.value, loaded.origins, f"{path}:1:1"))
        if faults:
            raise ConfigError.of(faults)
        return loaded.value

    @cached_property
    def version(self) -> str:
        """12 hex digits over what the codebook says: comments, layout and line breaks do not change it."""
        meaning = self.model_dump(mode="json", exclude_defaults=True)
        return content_hash(json.dumps(meaning, ensure_ascii=False, sort_keys=True))[:12]

    def axis(self, name: str) -> Axis:
        """The axis of that id; raises ConfigError with the known ones."""
        known = {axis.id: axis for axis in self.axes}
        if name not in known:
            raise ConfigError(f"{name!r} is no axis of codebook {self.id}.{did_you_mean(name, known)}")
        return known[name]

    def says(self, labels: pd.DataFrame, axis: str, indicator: str) -> np.ndarray:
        """Whether rows of a label table say an indicator, (n,) bool: it is the value, or part of a ``mixed`` one.

        Thresholds are the labeller's own, so the value decides and not the probability; which indicators make up
        ``mixed`` is told by their evidence (in a table without it by probabilities ≥ .5).
        """
        chosen = (labels[axis] == indicator).to_numpy(dtype=bool)
        found = self.axis(axis)
        if found.kind == "single":
            return chosen
        mixed = (labels[axis] == MIXED).to_numpy(dtype=bool)
        if len(found.indicators) == 2:
            return chosen | mixed
        evidence = labels.get(f"{axis}.{indicator}.evidence")
        if evidence is None:
            return chosen | (mixed & (labels[f"{axis}.{indicator}"] >= 0.5).to_numpy(dtype=bool))
        return chosen | (mixed & (evidence.fillna("") != "").to_numpy(dtype=bool))


def codebook_path(path_or_name: str | Path) -> Path:
    """The file itself, or the shipped codebook of that name; raises ConfigError where it is neither."""
    return given_or_shipped(path_or_name, shipped("configs", "codebooks"), "a codebook file nor a shipped codebook")


def _faults(codebook: Codebook, origins: dict[str, str], top: str) -> Iterator[Fault]:
    """What the model cannot say field by field: ids that meet, languages that are missing or not announced."""

    def at(key: str) -> str:
        while key and key not in origins:
            key = key.rpartition(".")[0]
        return origins.get(key, top)

    yield from _id_faults([axis.id for axis in codebook.axes], "axes", "axis", at)
    yield from _language_faults(codebook.title, "title", codebook, at)
    for index, axis in enumerate(codebook.axes):
        yield from _axis_faults(axis, f"axes.{index}", codebook, at)


def _axis_faults(axis: Axis, place: str, codebook: Codebook, at: Places) -> Iterator[Fault]:
    yield from _id_faults([one.id for one in axis.indicators], f"{place}.indicators", "indicator", at)
    for field in ("names", "description"):
        yield from _language_faults(getattr(axis, field), f"{place}.{field}", codebook, at)
    if axis.kind == "single":
        if len(axis.indicators) < 2:
            yield Fault(at(f"{place}.indicators"), "a single choice has one value only; at least two were expected")
        for field in ("mixed", "neutral"):
            if getattr(axis, field):
                yield Fault(at(f"{place}.{field}"), f"'{field}' has no meaning on a single-choice axis; remove it")
    for number, indicator in enumerate(axis.indicators):
        for field in ("names", "description", "examples"):
            words = getattr(indicator, field)
            yield from _language_faults(words, f"{place}.indicators.{number}.{field}", codebook, at)
    yield from _contradictions(axis, place, at)


def _id_faults(ids: list[str], place: str, what: str, at: Places) -> Iterator[Fault]:
    for index, one in enumerate(ids):
        where = at(f"{place}.{index}.id")
        if one in ids[:index]:
            first = at(f"{place}.{ids.index(one)}.id")
            yield Fault(where, f"{what} '{one}' was already given at {first}; every id must be its own")
        if one in RESERVED:
            yield Fault(where, f"'{one}' cannot be the id of an {what}: the label table uses it itself")


def _language_faults(words: Mapping[Language, object], key: str, codebook: Codebook, at: Places) -> Iterator[Fault]:
    for language in codebook.languages:
        if not words.get(language):
            yield Fault(at(key), f"'{key}' has nothing in '{language}', a language of this codebook")
    for language in words:
        if language not in codebook.languages:
            named = ", ".join(codebook.languages)
            yield Fault(at(f"{key}.{language}"), f"'{language}' is not among the languages of this codebook ({named})")


def _contradictions(axis: Axis, place: str, at: Places) -> Iterator[Fault]:
    """Sentences that the codebook answers in two ways."""
    told: dict[str, str] = {}
    for number, indicator in enumerate(axis.indicators):
        for language, examples in indicator.examples.items():
            for index, text in enumerate(examples):
                where = at(f"{place}.indicators.{number}.examples.{language}.{index}")
                if text in indicator.counter_examples.get(language, ()):
                    yield Fault(where, f"{text!r} is an example and a counter-example of '{indicator.id}'; keep one")
                if told.setdefault(text, indicator.id) != indicator.id:
                    advice = "; what speaks for all belongs under 'mixed'" if axis.kind == "indicators" else ""
                    yield Fault(where, f"{text!r} is an example of both '{told[text]}' and '{indicator.id}'{advice}")
