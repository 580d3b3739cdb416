"""YAML files checked against a model: all faults at once, each as ``file:line:column``, with "did you mean"."""

from __future__ import annotations

import difflib
import re
import types
import typing
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from chainbert.errors import ConfigError, Fault

Keys = tuple[str | int, ...]
LARGEST_BYTES = 1_000_000
# An alias bomb of a few lines unfolds to billions of values; no honest file has this many.
MOST_VALUES = 100_000
# pydantic speaks of tuples and models; who writes a file knows lists and sections.
EXPECTED = {
    **dict.fromkeys(("tuple_type", "list_type"), "a list was expected, as in [a, b]"),
    **dict.fromkeys(("dict_type", "model_type"), "a section was expected, lines of `key: value`"),
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), "a whole number was expected"),
    **dict.fromkeys(("float_type", "float_parsing"), "a number was expected"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "true or false was expected"),
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


@dataclass
class _Tree:
    """Plain data of a YAML file, the position of every key and value, and what was wrong."""

    data: Any = None
    positions: dict[Keys, str] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    values: int = 0


def load(model: type[Model], path: Path, overrides: Iterable[str] = ()) -> Loaded[Model]:
    """Read a YAML file and check it against ``model``; ``overrides`` are ``a.b=value`` and win over the file.

    Raises ConfigError that lists every fault of the file and the overrides.
    """
    text = _read(path)
    tree = _parse(text, str(path))
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


def _read(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except IsADirectoryError as error:
        raise ConfigError(f"{path}: is a folder; a YAML file was expected") from error
    except FileNotFoundError as error:
        near = sorted(other.name for other in path.parent.glob("*.y*ml"))[:8] if path.parent.is_dir() else []
        hint = f"; the folder has {', '.join(near)}" if near else ""
        raise ConfigError(f"{path}: no such file{hint}") from error
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror or error}); a YAML file was expected") from error
    if len(raw) > LARGEST_BYTES:
        raise ConfigError(f"{path}: {len(raw):,} bytes; a configuration file has at most {LARGEST_BYTES:,}")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        column = error.start - (raw.rfind(b"\n", 0, error.start) + 1) + 1
        raise ConfigError.of([Fault(f"{path}:{line}:{column}", _encoding_message(raw))]) from error


def _encoding_message(raw: bytes) -> str:
    for encoding in ("utf-16", "gb18030", "big5"):
        if encoding == "utf-16" and raw[:2] not in (b"\xff\xfe", b"\xfe\xff"):
            continue
        try:
            raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        return f"the file is not UTF-8 (its bytes read as {encoding.upper()}); save it again as UTF-8"
    return "the file is not UTF-8; save it again as UTF-8"


def _parse(text: str, name: str) -> _Tree:
    tree = _Tree()
    tree.faults.extend(_typing_faults(text, name))
    yaml = YAML(typ="safe", pure=True)
    try:
        node = yaml.compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else f"{name}:1:1"
        if not tree.faults:
            problem = " ".join(part for part in (error.problem, error.context) if part)
            tree.faults.append(Fault(where, f"not valid YAML: {problem}"))
        return tree
    except YAMLError as error:
        tree.faults.append(Fault(f"{name}:1:1", f"not valid YAML: {str(error).splitlines()[0]}"))
        return tree
    if node is not None:
        tree.data = _build(node, (), tree, yaml, name)
    return tree


def _typing_faults(text: str, name: str) -> list[Fault]:
    """Tabs and full-width colons: YAML's own messages for them mislead."""
    faults = []
    for number, line in enumerate(text.splitlines(), start=1):
        indent = re.match(r"[ \t]*", line)
        tab = indent.group().find("\t") if indent else -1
        if tab >= 0 and line.strip():
            faults.append(Fault(f"{name}:{number}:{tab + 1}", "a tab in the indentation; YAML wants spaces"))
        if match := re.match(r"\s*(?:- )?[A-Za-z_][\w.]*(：)", line):
            column = match.start(1) + 1
            faults.append(Fault(f"{name}:{number}:{column}", "a full-width colon ： was found; write `: ` instead"))
    return faults


def _build(node: Node, keys: Keys, tree: _Tree, yaml: YAML, name: str) -> object:
    """Plain data of a node; notes the position of each key, and duplicate keys as faults."""
    tree.values += 1
    where = _where(node, name)
    if tree.values > MOST_VALUES:
        if tree.values == MOST_VALUES + 1:
            tree.faults.append(Fault(where, f"more than {MOST_VALUES:,} values (aliases unfolded) in one file"))
        return None
    tree.positions.setdefault(keys, where)
    if isinstance(node, MappingNode):
        result: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            key = yaml.constructor.construct_object(key_node, deep=True) if isinstance(key_node, ScalarNode) else None
            place = _where(key_node, name)
            if not isinstance(key, str):
                tree.faults.append(Fault(place, f"a key must be text, found {key_node.value!r}; put it in quotes"))
            elif key in result:
                first = tree.positions[(*keys, key)]
                tree.faults.append(Fault(place, f"key {key!r} was already given at {first}"))
            else:
                tree.positions[(*keys, key)] = place
                result[key] = _build(value_node, (*keys, key), tree, yaml, name)
        return result
    if isinstance(node, SequenceNode):
        return [_build(item, (*keys, index), tree, yaml, name) for index, item in enumerate(node.value)]
    return yaml.constructor.construct_object(node, deep=True)


def _where(node: Node, name: str) -> str:
    return f"{name}:{node.start_mark.line + 1}:{node.start_mark.column + 1}"


def _override(tree: _Tree, override: str, where: str) -> None:
    """Put ``a.b=value`` into the tree; the value is read as YAML."""
    key, equals, raw = override.partition("=")
    keys: Keys = tuple(int(part) if part.isdigit() else part for part in key.strip().split("."))
    if not equals or not all(str(part) for part in keys):
        tree.faults.append(Fault(where, f"{override!r} found, section.key=value expected"))
        return
    parsed = _parse(raw, where)
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


def did_you_mean(found: str, known: Iterable[str]) -> str:
    """`` Did you mean 'x'?`` for a near name, else the list of known names; empty where there are none."""
    names = list(known)
    if near := difflib.get_close_matches(found, names, n=1, cutoff=0.6):
        return f" Did you mean '{near[0]}'?"
    return f" Known: {', '.join(names)}" if names else ""
