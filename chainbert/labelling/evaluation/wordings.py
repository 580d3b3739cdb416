"""Wording stress: how many labels change when the codebook says the same in other words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import Field

from chainbert.errors import ConfigError, Fault
from chainbert.labelling.codebook import Codebook, Language, Phrase
from chainbert.labelling.evaluation.bootstrap import Estimate, estimate, resample
from chainbert.labelling.evaluation.results import MEAN
from chainbert.labelling.tables import UNUSABLE
from chainbert.yamlfile import Loaded, Section, did_you_mean, load

LANGUAGES: tuple[Language, ...] = ("zh", "en")


class IndicatorWordings(Section):
    """Paraphrases of one description, the same number in every list of a language."""

    zh: tuple[Phrase, ...] = ()
    en: tuple[Phrase, ...] = ()


class AxisWordings(IndicatorWordings):
    """Paraphrases of an axis's own description (none: it stays), and of its indicators'."""

    indicators: dict[str, IndicatorWordings] = Field(default_factory=dict)


class Wordings(Section):
    """Other ways to say what a codebook's axes and indicators mean."""

    codebook: str
    """Id of the codebook that is reworded."""
    axes: dict[str, AxisWordings]

    def count(self, language: Language) -> int:
        """How many paraphrases each list of a language has; 0 where there is none."""
        return max((len(getattr(one, language)) for one in self.lists()), default=0)

    def lists(self) -> Iterator[IndicatorWordings]:
        """The paraphrases of every axis and indicator."""
        for axis in self.axes.values():
            yield axis
            yield from axis.indicators.values()


def read_wordings(path: Path, codebook: Codebook) -> Wordings:
    """Read paraphrases of a codebook's descriptions.

    Raises ConfigError listing every fault: another codebook, unknown axes and indicators, lists of a language that
    are not equally long, no paraphrase at all.
    """
    loaded = load(Wordings, path)
    if faults := list(_faults(loaded, codebook, f"{path}:1:1")):
        raise ConfigError.of(faults)
    return loaded.value


def _faults(loaded: Loaded[Wordings], codebook: Codebook, top: str) -> Iterator[Fault]:
    wordings = loaded.value

    def at(key: str) -> str:
        return loaded.origins.get(key, top)

    if wordings.codebook != codebook.id:
        yield Fault(at("codebook"), f"rewords codebook {wordings.codebook!r}; {codebook.id!r} is evaluated")
    known = {axis.id: {one.id for one in axis.indicators} for axis in codebook.axes}
    for name, axis in wordings.axes.items():
        if name not in known:
            yield Fault(
                at(f"axes.{name}"), f"{name!r} is no axis of codebook {codebook.id}.{did_you_mean(name, known)}"
            )
        for one in set(axis.indicators) - known.get(name, set(axis.indicators)):
            where = at(f"axes.{name}.indicators.{one}")
            yield Fault(where, f"{one!r} is no indicator of {name}.{did_you_mean(one, sorted(known[name]))}")
    for language in LANGUAGES:
        sizes = {len(getattr(one, language)) for one in wordings.lists()} - {0}
        if len(sizes) > 1:
            found = ", ".join(map(str, sorted(sizes)))
            yield Fault(at("axes"), f"lists of {found} paraphrases in {language}; equally long ones were expected")
    if not any(wordings.count(language) for language in LANGUAGES):
        yield Fault(at("axes"), "holds no paraphrase; lists under zh and en were expected")


def reworded(codebook: Codebook, wordings: Wordings) -> Iterator[tuple[Language, int, Codebook]]:
    """The codebook with each language's descriptions replaced by its paraphrase 1, 2, …; the other language stays."""
    for language in LANGUAGES:
        for number in range(wordings.count(language)):
            plain = codebook.model_dump(mode="json", exclude_defaults=True)
            for axis in plain["axes"]:
                said = wordings.axes.get(axis["id"], AxisWordings())
                _replace(axis, said, language, number)
                for one in axis["indicators"]:
                    _replace(one, said.indicators.get(one["id"], IndicatorWordings()), language, number)
            yield language, number + 1, Codebook.model_validate(plain)


def _replace(part: dict[str, Any], said: IndicatorWordings, language: Language, number: int) -> None:
    paraphrases = getattr(said, language)
    if paraphrases and language in part["description"]:
        part["description"][language] = paraphrases[number]


@dataclass(frozen=True, slots=True)
class Flips:
    """Yes/no answers that change with the wording."""

    question: str
    """``customer.state``, or ``mean``: over all indicators."""
    language: str
    """Whose descriptions were replaced; "" over all paraphrases."""
    paraphrase: int
    """Its number from 1; 0 over all."""
    answers: int
    """Answers compared: companies × indicators × paraphrases."""
    share: Estimate
    """In [0, 1]; over all paraphrases with its interval (companies resampled)."""


@dataclass(frozen=True, slots=True)
class WordingStress:
    """How one labeller's answers hang on the wording of the codebook."""

    paraphrases: int
    companies: int
    flips: tuple[Flips, ...]
    moved: bool
    """Whether any probability moved; where none did, the labeller goes by other things than descriptions."""

    def find(self, question: str = MEAN, language: str = "", paraphrase: int = 0) -> Estimate:
        """One flip rate; KeyError where there is none."""
        for one in self.flips:
            if (one.question, one.language, one.paraphrase) == (question, language, paraphrase):
                return one.share
        raise KeyError((question, language, paraphrase))

    @property
    def worst(self) -> Flips:
        """The paraphrase under which most answers change."""
        each = [one for one in self.flips if one.question == MEAN and one.paraphrase]
        return max(each, key=lambda one: one.share.value or 0.0)

    def to_json(self) -> dict[str, Any]:
        """Plain dict of finite numbers, None and text."""
        flips = [asdict(one) | {"share": one.share.to_json()} for one in self.flips]
        plain = {name: getattr(self, name) for name in ("paraphrases", "companies", "moved")}
        return plain | {"flips": flips}


def wording_stress(
    codebook: Codebook,
    base: pd.DataFrame,
    others: Sequence[tuple[str, int, pd.DataFrame]],
    *,
    rng: np.random.Generator,
    draws: int = 2000,
) -> WordingStress:
    """Compare the answers of the label table ``base`` with those under each paraphrase (language, number, table).

    The tables hold the same companies in the same rows.
    """
    questions = [(axis.id, one.id) for axis in codebook.axes for one in axis.indicators]
    usable = (base[f"{codebook.axes[0].id}.status"] != UNUSABLE).to_numpy()
    said = _answers(codebook, base, questions)[usable]
    # (paraphrases, n, k)
    changed = np.stack([_answers(codebook, table, questions)[usable] != said for _, _, table in others])
    weights = resample(base["id"][usable].astype(str).tolist(), draws, rng)
    companies = int(usable.sum())
    flips = []
    for question, columns in [
        (MEAN, list(range(len(questions)))),
        *((".".join(q), [i]) for i, q in enumerate(questions)),
    ]:
        part = changed[:, :, columns]
        drawn = weights @ part.mean(axis=(0, 2)) / weights.sum(axis=1)
        flips.append(Flips(question, "", 0, part.size, estimate(drawn)))
        for (language, number, _), one in zip(others, part, strict=True):
            flips.append(Flips(question, language, number, one.size, Estimate(float(one.mean()))))
    probabilities = [".".join(question) for question in questions]
    moved = any(
        not np.allclose(table[probabilities], base[probabilities], rtol=0, atol=1e-9, equal_nan=True)
        for _, _, table in others
    )
    return WordingStress(len(others), companies, tuple(flips), moved)


def _answers(codebook: Codebook, table: pd.DataFrame, questions: Sequence[tuple[str, str]]) -> np.ndarray:
    """(n, k) bool."""
    return np.stack([codebook.says(table, *question) for question in questions], axis=1)
