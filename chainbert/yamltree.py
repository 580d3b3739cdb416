"""YAML text as plain data that remembers where each key and value stood."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from chainbert.errors import ConfigError, Fault

Keys = tuple[str | int, ...]
LARGEST_BYTES = 1_000_000
# An alias bomb of a few lines unfolds to billions of values; no honest file has this many.
MOST_VALUES = 100_000


@dataclass
class Tree:
    """Plain data of a YAML file, the position of every key and value, and what was wrong."""

    data: Any = None
    positions: dict[Keys, str] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    values: int = 0


def read_text(path: Path) -> str:
    """A file's text, UTF-8 with or without a byte order mark; raises ConfigError saying why it cannot be read."""
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


def parse(text: str, name: str) -> Tree:
    """Plain data of YAML 1.2 text; what is wrong with it is in ``faults``, placed as ``name:line:column``."""
    tree = Tree()
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


def _build(node: Node, keys: Keys, tree: Tree, yaml: YAML, name: str) -> object:
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
