"""Messages in the language that is spoken."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, lru_cache
from pathlib import Path
from string import Formatter
from typing import NamedTuple

from babel.messages.catalog import Message
from babel.messages.pofile import PoFileError, read_po

from chainbert.errors import DataError

LANGUAGES = ("en", "zh")

_FOLDER = Path(__file__).parent
_SPOKEN: ContextVar[str] = ContextVar("spoken", default="en")
_SEPARATORS = {"zh": {", ": "、", "; ": "；", " ": "", " and ": "和"}}
# Where a Han character meets one of these, Chinese sets a space; what stands there in English is no guide.
_HAN = r"[\u3400-\u9fff]"
_LATIN = r"[A-Za-z0-9%±+−<>=≤≥β†]"
_MEET = re.compile(rf"(?<={_HAN}) ?(?=[A-Za-z0-9])|(?<=[A-Za-z0-9%]) ?(?={_HAN})")
_BESIDE = re.compile(rf"{_HAN}{_LATIN}|{_LATIN}{_HAN}")
# A later catalogue overrules an earlier one.
_RANK = {"told": 0, "common": 2}
# babel passes over what it cannot read within a line.
_LINE = re.compile(r'(?:#.*|(?:msg(?:id|id_plural|ctxt|str(?:\[\d\])?) +)?"(?:[^"\\]|\\.)*")?\s*')
# What a place of a told sentence may stand for, and how it is found.
_KINDS = {
    "": r"(?:(?!: |; ).)+?",
    "count": r"\d[\d,]*",
    "number": r"[-+−±]?(?:\d+(?:[.,]\d+)*(?:e[-+]?\d+)? ?%?|nan)",
    "p": r"[<=] [\d.]*\d",
    "word": r"[^,;:]+?",
    "name": r"\w[^\s,;:]*(?: [^\s,;:]+){0,5}?",
    "tail": r"(?:; .+)?\.",
    "list": r".+?",
    "clauses": r".+?",
    "rest": r".+",
}


class _Known(NamedTuple):
    """What the catalogues of a language have."""

    messages: dict[str, str]
    told: dict[str, str]
    """Sentences and words of a run's files; their places stand for parts of a sentence."""


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Speak ``language``, "en" or "zh", inside the block. Raises ValueError for another."""
    if language not in LANGUAGES:
        raise ValueError(f"language {language!r} found; expected one of {', '.join(LANGUAGES)}")
    token = _SPOKEN.set(language)
    try:
        yield
    finally:
        _SPOKEN.reset(token)


def spoken() -> str:
    """The language that is spoken: "en" unless inside ``speaking``."""
    return _SPOKEN.get()


def message(text: str) -> str:
    """``text`` itself: marks a message that stands in a constant and is said later."""
    return text


def say(text: str, /, **values: object) -> str:
    """The message ``text`` in the language that is spoken, its {named} places filled with ``values``.

    A message without values is said as it stands. Raises KeyError where a place has no value, DataError for a
    damaged catalogue.
    """
    if spoken() == "en":
        return text.format_map(values) if values else text
    found = catalogue(spoken()).get(text, text)
    return _filled(found, values) if values else found


def counted(n: int, one: str, many: str, /, **values: object) -> str:
    """``one`` for a single thing, else ``many``, with ``n`` in its place {n}: "{n:,} text", "{n:,} texts".

    Chinese has one form for both; a catalogue has the pair as msgid and msgid_plural.
    """
    return say(one if n == 1 else many, n=n, **values)


def joined(separator: str, parts: Iterable[str]) -> str:
    """``parts`` with what stands for the English ``separator``: ", ", "; ", " and ", or " " between sentences."""
    if spoken() == "en":
        return separator.join(parts)
    between = _SEPARATORS[spoken()].get(separator, separator)
    whole = ""
    for place, part in enumerate(parts):
        whole = _beside(_beside(whole, between), part) if place else part
    return whole


def told(text: str) -> str:
    """A finished English sentence of a run's files in the language that is spoken.

    The rooms below the report write English reasons ("not estimable: 3 firms of Lu"). The catalogue told.po has their
    patterns, as have messages of others that are marked with the comment ``#. told``. A place may say what it stands
    for: {n:count}, {low:number}, {p:p}, {part:word}, {who:name}, {names:list} (told one by one), {rest:rest}, and
    {tail:tail}, the end of a sentence. Places are told in their turn. A sentence that no pattern fits is told clause
    by clause; what is not known stays English.
    """
    return text if spoken() == "en" or not text else _told(text, spoken())


def catalogue(language: str) -> dict[str, str]:
    """English message → message of ``language``, of all its catalogues; common.po decides where they differ.

    Raises DataError naming file and line where one is damaged.
    """
    return _known(language).messages


@lru_cache(maxsize=1 << 16)
def _told(text: str, language: str) -> str:
    known = _known(language)
    if text in known.told or text in known.messages:
        return known.told.get(text) or known.messages[text]
    for pattern, kinds, found in _patterns(language):
        if match := pattern.fullmatch(text):
            values = {name: _part(value, kinds[name], language) for name, value in match.groupdict().items()}
            return _filled(found, values)
    clauses = text.split("; ")
    return "；".join(_told(one, language) for one in clauses) if len(clauses) > 1 else text


def _part(value: str, kind: str, language: str) -> str:
    if kind == "list":
        return "、".join(_told(one, language) for one in _listed(value))
    if kind == "clauses":
        # A clause begins with an article or a number, so that commas within a list do not end it.
        return "，".join(_told(one, language) for one in re.split(r", (?=the |\d)", value))
    return value if kind in ("count", "number", "p") else _told(value, language)


def _listed(text: str) -> list[str]:
    """Parts between commas and "and", those inside brackets left alone."""
    parts, depth, start = [], 0, 0
    for found in re.finditer(r"[(]|[)]|, | and ", text):
        depth += {"(": 1, ")": -1}.get(found.group(), 0)
        if depth == 0 and found.group() not in "()":
            parts.append(text[start : found.start()])
            start = found.end()
    return [*parts, text[start:]]


@cache
def _patterns(language: str) -> tuple[tuple[re.Pattern[str], dict[str, str], str], ...]:
    """(pattern, kind of each place, message), the longest first: the more a pattern says, the surer it is."""
    told_of = {one: found for one, found in _known(language).told.items() if "{" in one}
    length = {one: sum(len(literal) for literal, _, _ in _pieces(one)) for one in told_of}
    return tuple(_pattern(one, told_of[one]) for one in sorted(told_of, key=lambda one: (-length[one], one)))


def _pattern(text: str, found: str) -> tuple[re.Pattern[str], dict[str, str], str]:
    pattern = ""
    kinds: dict[str, str] = {}
    for literal, name, kind in _pieces(text):
        pattern += re.escape(literal)
        if name:
            pattern += f"(?P={name})" if name in kinds else f"(?P<{name}>{_KINDS[kind]})"
            kinds.setdefault(name, kind)
    return re.compile(pattern, re.DOTALL), kinds, found


def _filled(text: str, values: Mapping[str, object]) -> str:
    """``text`` with its places filled, a space where Han meets Latin on either side of a place."""
    whole = ""
    for literal, name, how in _pieces(text):
        whole = _beside(whole, literal)
        if name:
            whole = _beside(whole, format(values[name], how))
    return whole


def _beside(left: str, right: str) -> str:
    """``left`` and ``right``, a space between them where Han meets Latin."""
    return f"{left} {right}" if _BESIDE.fullmatch(left[-1:] + right[:1]) else left + right


@cache
def _pieces(text: str) -> tuple[tuple[str, str, str], ...]:
    """(literal, name of the place after it or "", how it is written)."""
    return tuple((literal, name or "", how or "") for literal, name, how, _ in Formatter().parse(text))


@cache
def _known(language: str) -> _Known:
    known = _Known({}, {})
    paths = (_FOLDER / language).glob("*.po")
    for path in sorted(paths, key=lambda path: (_RANK.get(path.stem, 1), path.stem)):
        for one in _read(path, language):
            ids, text = _texts(one.id), _texts(one.string)[0]
            if not ids[0] or not text or one.fuzzy:
                continue
            _check(path, one, ids, text)
            found = dict.fromkeys(ids, _spaced(text))
            known.messages.update(found)
            if path.stem == "told" or "told" in one.auto_comments:
                known.told.update(found)
    return known


def _read(path: Path, language: str) -> list[Message]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        for number, line in enumerate(lines, 1):
            if not _LINE.fullmatch(line):
                raise DataError(
                    f"{path}:{number}: found {line[:60]!r}, expected msgid, msgstr or a quoted text. Mend it."
                )
        return list(read_po(lines, locale=language, abort_invalid=True))
    except PoFileError as error:
        raise DataError(f"{path}:{error.lineno + 1}: is no gettext catalogue ({error}). Mend the line.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({error}). Install chainbert again.") from error


def _texts(given: object) -> tuple[str, ...]:
    """One text, or one a plural form."""
    return tuple(map(str, given)) if isinstance(given, list | tuple) else (str(given or ""),)


def _check(path: Path, one: Message, ids: tuple[str, ...], text: str) -> None:
    """Raise DataError where a message has a place that its English does not have."""
    where = f"{path}:{one.lineno}: {ids[0]!r}"
    try:
        known = {name for each in ids for _, name, _ in _pieces(each)} | {""}
        unknown = {name for _, name, _ in _pieces(text)} - known
    except ValueError as error:
        raise DataError(f"{where}: has a brace without its partner ({error}). Mend the message.") from error
    if unknown:
        raise DataError(f"{where}: found the place {{{min(unknown)}}}, which the English does not have. Mend it.")


def _spaced(text: str) -> str:
    """A space where Han meets Latin, none where it meets a place: what fills it decides."""
    text = re.sub(rf"(?<={_HAN}) (?=\{{)|(?<=\}}) (?={_HAN})", "", text)
    return _MEET.sub(" ", text)
