"""Settings of ``chainbert evaluate``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field

from chainbert.companies import demo_companies
from chainbert.embedding import DEFAULT_ENCODER
from chainbert.errors import ConfigError, Fault
from chainbert.files import shipped
from chainbert.labelling.codebook import Codebook
from chainbert.labelling.labeller import available_labellers
from chainbert.yamlfile import Loaded, Section, did_you_mean, given_or_shipped, load

DEMO = "demo:"
BaselineKind = Literal["vectors", "vectors-and-cues"]


class EvaluationConfig(Section):
    """Labellers and what they are judged by. Relative paths start at the file's folder."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")
    """Short name; the results go to ``runs/evaluations/NAME`` unless another folder is given."""
    title: str = "How good the labels are"
    """One line for the page's head."""
    note: str = ""
    """A sentence shown wherever results are shown, such as that the companies are invented."""
    gold: str | None = None
    """The file of hand codes (see ``read_gold``); ``demo:`` means those that come with chainbert."""
    companies: str | None = None
    """The table with the texts of the coded companies; nothing: the gold file itself."""
    codebook: str = "company-axes"
    """A codebook file, or a shipped codebook by name."""
    labellers: tuple[str, ...] = ("zero-shot", "cues")
    """Names as of ``chainbert models``, or folders that ``chainbert train`` wrote. The first is compared with all
    others."""
    baselines: tuple[BaselineKind, ...] = ()
    """Logistic regressions on the hand codes, cross-validated: on frozen company vectors, or on these and the
    codebook's cues."""
    folds: int = Field(default=5, ge=2, le=50)
    """Parts of the coded companies for the baselines; linked companies are never parted."""
    encoder: str = DEFAULT_ENCODER
    """Of the baselines and of labellers that bring none."""
    draws: int = Field(default=2000, ge=1, le=100_000)
    """Bootstrap resamples of companies behind each interval."""
    seed: int = Field(default=20180, ge=0)
    wordings: str | None = None
    """Paraphrases of the codebook's descriptions (see ``read_wordings``); nothing: no wording stress."""
    parity: str | None = None
    """JSON Lines of sentences in both languages (see ``read_pairs``); nothing: no parity."""
    training: str | None = None
    """A training file of ``chainbert train``, for ``leave_one_axis_out``."""
    leave_one_axis_out: bool | tuple[str, ...] = False
    """Train a labeller without each axis (true), or without each of those named, and judge it on that axis: how it
    does on axes it has never seen. Takes one training an axis."""


@dataclass(frozen=True, slots=True)
class EvaluationPlan:
    """A checked file with its paths resolved."""

    config: EvaluationConfig
    source: Path
    gold: Path
    companies: Path
    codebook: Codebook
    labellers: tuple[str, ...]
    wordings: Path | None
    parity: Path | None
    training: Path | None
    left_out: tuple[str, ...]
    """Axes to be left out of training, one at a time."""


def evaluation_path(name: str | Path) -> Path:
    """The evaluation file of that path, or the shipped one of that name (``demo``, ``company-axes``)."""
    return given_or_shipped(name, shipped("configs", "evaluate"), "an evaluation file nor a shipped one")


def load_evaluation(name: str | Path, overrides: Iterable[str] = ()) -> EvaluationPlan:
    """Read and check an evaluation file; raises ConfigError listing every fault of it and of the overrides."""
    path = evaluation_path(name)
    loaded = load(EvaluationConfig, path, overrides)
    config = loaded.value
    codebook = Codebook.load(
        loaded.beside(config.codebook, "codebook", path) if _is_file(config.codebook) else config.codebook
    )
    if faults := list(_faults(loaded, codebook, path)):
        raise ConfigError.of(faults)
    assert config.gold is not None  # else it would be among the faults
    gold = _table(config.gold, "gold", loaded, path)
    companies = gold if config.companies is None else _table(config.companies, "companies", loaded, path)
    if config.companies is None and config.gold == DEMO:
        companies = demo_companies()
    optional = {
        key: None if given is None else loaded.beside(given, key, path)
        for key, given in (("wordings", config.wordings), ("parity", config.parity), ("training", config.training))
    }
    asked = config.leave_one_axis_out
    left_out = tuple(axis.id for axis in codebook.axes) if asked is True else tuple(asked or ())
    return EvaluationPlan(
        config,
        path,
        gold,
        companies,
        codebook,
        tuple(_labeller(config, number, loaded, path) for number in range(len(config.labellers))),
        optional["wordings"],
        optional["parity"],
        optional["training"],
        left_out,
    )


def _faults(loaded: Loaded[EvaluationConfig], codebook: Codebook, path: Path) -> Iterator[Fault]:
    """What no field can see alone."""
    config, top = loaded.value, f"{path}:1:1"

    def at(key: str) -> str:
        return loaded.origins.get(key, top)

    if config.gold is None:
        yield Fault(top, "'gold' is not given; name the file of hand codes here or with --set gold=FILE")
    if not config.labellers and not config.baselines:
        yield Fault(at("labellers"), "labellers: is empty, and there are no baselines; name one labeller at least")
    for number, name in enumerate(config.labellers):
        if name in config.labellers[:number]:
            yield Fault(_place(loaded, "labellers", number, top), f"labellers: {name!r} is named twice; once is enough")
    axes = {axis.id for axis in codebook.axes}
    asked = config.leave_one_axis_out
    for name in asked if isinstance(asked, tuple) else ():
        if name not in axes:
            hint = did_you_mean(name, sorted(axes))
            yield Fault(at("leave_one_axis_out"), f"{name!r} is no axis of codebook {codebook.id}.{hint}")
    if asked and config.training is None:
        yield Fault(
            at("leave_one_axis_out"),
            "leave_one_axis_out: needs 'training', the training file of the labeller that is to learn without an axis",
        )


def _place(loaded: Loaded[EvaluationConfig], key: str, number: int, top: str) -> str:
    return loaded.origins.get(f"{key}.{number}", loaded.origins.get(key, top))


def _is_file(name: str) -> bool:
    return name.endswith((".yaml", ".yml"))


def _labeller(config: EvaluationConfig, number: int, loaded: Loaded[EvaluationConfig], path: Path) -> str:
    """A known name as it is; else the folder of that name beside the file, where there is one."""
    name = config.labellers[number]
    if name in {known for known, _ in available_labellers()} or name.startswith("nli:"):
        return name
    folder = path.parent / name
    given = _place(loaded, "labellers", number, "")
    return str(folder) if not given.startswith("--set") and folder.is_dir() else name


def _table(given: str, key: str, loaded: Loaded[EvaluationConfig], path: Path) -> Path:
    if given != DEMO:
        return loaded.beside(given, key, path)
    return demo_companies() if key == "companies" else demo_companies().with_name("gold.jsonl")
