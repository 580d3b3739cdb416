"""Dictionary files: categories of words and phrases, read from YAML and checked."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field

from chainbert.errors import ConfigError, Fault
from chainbert.files import content_hash, shipped
from chainbert.wording.folding import folded
from chainbert.wording.phrases import phrase
from chainbert.yamlfile import Section, given_or_shipped, load

Language = Literal["zh", "en"]
SPOKEN: tuple[Language, ...] = ("zh", "en")


def _one_line(value: object) -> object:
    return " ".join(value.split()) if isinstance(value, str) else value


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _as_row(value: object) -> object:
    return {"both": [value]} if isinstance(value, str) else value


def _compiles(written: str) -> str:
    phrase(written)
    return written


Line = Annotated[str, BeforeValidator(_one_line), Field(min_length=1)]
Written = Annotated[str, BeforeValidator(_one_line), Field(min_length=1), AfterValidator(_compiles)]
Several = Annotated[tuple[Written, ...], BeforeValidator(_as_list)]
Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$")]
Places: TypeAlias = Callable[[str], str]


class Entry(Section):
    """One thing and what it is called; plain text in the file is an entry that has ``both`` only."""

    zh: Several = ()
    """Chinese words or phrases, and others that mean this in a Chinese text too (BaaS)."""
    en: Several = ()
    """English ones."""
    both: Several = ()
    """Those that are the same in both languages."""

    @property
    def phrases(self) -> tuple[str, ...]:
        """All of them; each is looked for in texts of either language."""
        return (*self.zh, *self.en, *self.both)

    @property
    def label(self) -> str:
        """The first of each language, as ``云计算 / cloud computing``."""
        return " / ".join(words[0] for words in (self.zh, self.en, self.both) if words)


Entries = tuple[Annotated[Entry, BeforeValidator(_as_row)], ...]


class CategorySection(Section):
    """A category, with categories inside it where there are levels."""

    id: Identifier
    names: dict[Language, Line] = Field(default_factory=dict)
    """What it is called in the report; without one, its id."""
    description: dict[Language, Line] = Field(default_factory=dict)
    """What it means, one line a language."""
    entries: Entries = ()
    exclude: Entries = ()
    """Stretches of text within which nothing counts (token ring), for this category and those inside and around it."""
    categories: tuple[CategorySection, ...] = ()


class DictionaryFile(Section):
    """A dictionary as its file gives it."""

    id: Identifier
    title: dict[Language, Line] = Field(default_factory=dict)
    categories: Annotated[tuple[CategorySection, ...], Field(min_length=1)]

    @cached_property
    def version(self) -> str:
        """12 hex digits over what the dictionary says: comments and layout do not change it."""
        meaning = self.model_dump(mode="json", exclude_defaults=True)
        return content_hash(json.dumps(meaning, ensure_ascii=False, sort_keys=True))[:12]


def read_dictionary(name_or_path: str | Path) -> DictionaryFile:
    """Read a dictionary file, or a shipped one by its name (``themes``).

    Raises ConfigError listing every fault as ``file:line:column``.
    """
    path = dictionary_path(name_or_path)
    loaded = load(DictionaryFile, path)

    def at(key: str) -> str:
        while key and key not in loaded.origins:
            key = key.rpartition(".")[0]
        return loaded.origins.get(key, f"{path}:1:1")

    faults = list(_category_faults(loaded.value.categories, "categories", at))
    if faults:
        raise ConfigError.of(faults)
    return loaded.value


def dictionary_path(name_or_path: str | Path) -> Path:
    """The file itself, or the shipped dictionary of that name; raises ConfigError where it is neither."""
    return given_or_shipped(
        name_or_path, shipped("configs", "dictionaries"), "a dictionary file nor a shipped dictionary"
    )


def _category_faults(categories: tuple[CategorySection, ...], key: str, at: Places) -> Iterator[Fault]:
    first: dict[str, str] = {}
    for number, category in enumerate(categories):
        place = f"{key}.{number}"
        where = at(f"{place}.id")
        if first.setdefault(category.id, where) != where:
            yield Fault(where, f"category '{category.id}' was already given at {first[category.id]}")
        if not category.entries and not category.categories:
            yield Fault(
                where, f"category '{category.id}' has neither entries nor categories; at least one was expected"
            )
        yield from _entry_faults(category, place, at)
        yield from _category_faults(category.categories, f"{place}.categories", at)


def _entry_faults(category: CategorySection, place: str, at: Places) -> Iterator[Fault]:
    """Entries that say nothing, and phrases a category has twice: as two entries, or counted and excluded."""
    first: dict[str, tuple[str, str]] = {}
    for field, entries in (("entries", category.entries), ("exclude", category.exclude)):
        for number, entry in enumerate(entries):
            row = f"{place}.{field}.{number}"
            if not entry.phrases:
                yield Fault(at(row), "an entry without a word; zh, en or both was expected, or plain text")
            for language in (*SPOKEN, "both"):
                for index, written in enumerate(getattr(entry, language)):
                    where = at(f"{row}.{language}.{index}")
                    known, earlier = first.setdefault(folded(written), (row, where))
                    # Within an entry it may stand twice: BaaS is what both languages say.
                    if known != row:
                        yield Fault(where, f"{written!r} was already given at {earlier}; keep one")
