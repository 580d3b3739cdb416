"""YAML files checked against a model: all faults at once, each as ``file:line:column``, with "did you mean"."""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from chainbert.errors import ConfigError, Fault
from chainbert.yamltree import Keys, Tree, parse, read_text

# pydantic speaks of tuples and models; who writes a file knows lists and sections.
EXPECTED = {
    **dict.fromkeys(("tuple_type", "list_type"), "a list was expected, as in [a, b]"),
    **dict.fromkeys(("dict_type", "model_type"), "a section was expected, lines of `key: value`"),
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), "a whole number was expected"),
    **dict.fromkeys(("float_type", "float_parsing"), "a number was expected"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "true or false was expected"),
    "string_pattern_mismatch": "lower-case letters, digits and hyphens were expected, such as my-study",
    "string_type": "text was expected; a number or a date as text stands in quotes",
}


class Section(BaseModel):
    """A part of a configuration file: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


Model = TypeVar("Model", bound=Section)


@dataclass(frozen=True, slots=True)
class Loaded(Generic[Model]):
    """A checked file: its value, and where each given key came from."""

    value: Model
    origins: dict[str, str]
    """Dotted key → ``file:line:column`` or ``--set:N``; a key that is absent here has its default."""
    text: str
    """The file as it was given."""

    def origin(self, key: str) -> str:
        """Where the value of a dotted key was given, or ``default``."""
        return self.origins.get(key, "default")

    def beside(self, given: str, key: str, file: Path) -> Path:
        """The path ``given`` under a dotted key: from the folder of ``file``, or, given by --set, from the working one.

        An entry of a list is ``key.0``; ``~`` is the user's folder.
        """
        path = Path(given).expanduser()
        while key not in self.origins and "." in key:
            key = key.rpartition(".")[0]
        from_command_line = self.origins.get(key, "").startswith("--set")
        return path if from_command_line or path.is_absolute() else file.parent / path


def load(model: type[Model], path: Path, overrides: Iterable[str] = ()) -> Loaded[Model]:
    """Read a YAML file and check it against ``model``; ``overrides`` are ``a.b=value`` and win over the file.

    Raises ConfigError that lists every fault of the file and the overrides.
    """
    text = read_text(path)
    tree = parse(text, str(path))
    if tree.faults:
        raise ConfigError.of(tree.faults)
    if tree.data is None:
        raise ConfigError.of([Fault(f"{path}:1:1", "the file is empty; a mapping `key: value` was expected")])
    if not isinstance(tree.data, dict):
        found = type(tree.data).__name__
        raise ConfigError.of([Fault(f"{path}:1:1", f"a mapping `key: value` was expected at the top, found a {found}")])
    for number, override in enumerate(overrides, start=1):
        _override(tree, override, f"--set:{number}")
    try:
        value = model.model_validate(tree.data)
    except ValidationError as error:
        tree.faults.extend(_fault(model, problem, tree.positions, str(path)) for problem in error.errors())
    if tree.faults:
        raise ConfigError.of(sorted(tree.faults, key=_reading_order))
    return Loaded(value, {".".join(map(str, keys)): where for keys, where in tree.positions.items() if keys}, text)


def _reading_order(fault: Fault) -> tuple[bool, list[int]]:
    """Faults of the file by line and column, then those of the command line."""
    return fault.where.startswith("--set"), [int(part) for part in fault.where.split(":")[1:] if part.isdigit()]


def _override(tree: Tree, override: str, where: str) -> None:
    """Put ``a.b=value`` into the tree; the value is read as YAML."""
    key, equals, raw = override.partition("=")
    keys: Keys = tuple(int(part) if part.isdigit() else part for part in key.strip().split("."))
    if not equals or not all(str(part) for part in keys):
        tree.faults.append(Fault(where, f"{override!r} found, section.key=value expected"))
        return
    parsed = parse(raw, where)
    if parsed.faults:
        tree.faults.append(Fault(where, f"the value of {key} is not valid YAML: {raw!r}"))
        return
    place = tree.data
    for part in keys[:-1]:
        if isinstance(place, list) and isinstance(part, int) and part < len(place):
            place = place[part]
        elif isinstance(place, dict):
            if place.get(str(part)) is None:
                place[str(part)] = {}
            place = place[str(part)]
        else:
            tree.faults.append(Fault(where, f"{key}: {part!r} cannot be set inside a single value"))
            return
    last = keys[-1]
    if isinstance(place, list) and isinstance(last, int) and last < len(place):
        place[last] = parsed.data
    elif isinstance(place, dict):
        place[str(last)] = parsed.data
    else:
        tree.faults.append(Fault(where, f"{key}: nothing to set there"))
        return
    for known in [known for known in tree.positions if known[: len(keys)] == keys]:
        del tree.positions[known]
    tree.positions[keys] = where


def _fault(model: type[BaseModel], problem: ErrorDetails, positions: dict[Keys, str], name: str) -> Fault:
    loc: Keys = tuple(part for part in problem["loc"] if isinstance(part, int) or not _is_tag(part))
    dotted = ".".join(map(str, loc)) or "the file"
    if problem["type"] == "extra_forbidden":
        known = _known_keys(model, loc[:-1])
        return Fault(_nearest(positions, loc, name), f"unknown key '{dotted}'.{did_you_mean(str(loc[-1]), known)}")
    if problem["type"] == "missing":
        return Fault(_nearest(positions, loc[:-1], name), f"'{dotted}' is missing; it must be given")
    message = EXPECTED.get(problem["type"]) or problem["msg"].removeprefix("Value error, ")
    found = problem["input"]
    shown = f"{found!r}"
    if problem["type"] == "value_error":
        return Fault(_nearest(positions, loc, name), f"{dotted}: {message}" if loc else message)
    if len(shown) > 60:
        shown = shown[:57] + "…"
    return Fault(_nearest(positions, loc, name), f"{dotted} = {shown}: {message[0].lower()}{message[1:]}")


def _is_tag(part: str) -> bool:
    # pydantic adds the name of the tried type to the location of a union's errors
    return part in {"str", "int", "float", "bool"} or "[" in part or part.startswith("function-")


def _nearest(positions: dict[Keys, str], keys: Keys, name: str) -> str:
    while keys and keys not in positions:
        keys = keys[:-1]
    return positions.get(keys, f"{name}:1:1")


def _known_keys(model: type[BaseModel], keys: Keys) -> list[str]:
    """The field names a mapping at ``keys`` may have."""
    kind: object = model
    for part in keys:
        kind = _inside(kind, part)
        if kind is None:
            return []
    return [name for one in _models(kind) for name in one.model_fields]


def _models(kind: object) -> list[type[BaseModel]]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return [kind]
    if typing.get_origin(kind) in (typing.Union, types.UnionType, typing.Annotated):
        return [model for option in typing.get_args(kind) for model in _models(option)]
    return []


def _inside(kind: object, part: str | int) -> object:
    for model in _models(kind):
        if isinstance(part, str) and part in model.model_fields:
            return model.model_fields[part].annotation
    arguments = [one for one in typing.get_args(kind) if one is not type(None) and one is not Ellipsis]
    return arguments[-1] if arguments else None


def given_or_shipped(name: str | Path, folder: Path, neither: str) -> Path:
    """The YAML file itself, or the one of that name in ``folder``, where chainbert's own lie.

    ``neither`` words the ConfigError where it is none, as in "a codebook file nor a shipped codebook".
    """
    path = Path(name)
    if path.suffix in {".yaml", ".yml"} or path.is_file():
        return path
    known = sorted(file.stem for file in folder.glob("*.yaml"))
    if str(name) in known:
        return folder / f"{name}.yaml"
    raise ConfigError(f"{name}: neither {neither}.{did_you_mean(str(name), known)}")


def did_you_mean(found: str, known: Iterable[str]) -> str:
    """`` Did you mean 'x'?`` for a near name, else the list of known names; empty where there are none."""
    names = list(known)
    if near := difflib.get_close_matches(found, names, n=1, cutoff=0.6):
        return f" Did you mean '{near[0]}'?"
    return f" Known: {', '.join(names)}" if names else ""
