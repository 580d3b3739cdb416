"""Which column of a file is which of ours: known export shapes as data, anything else by a mapping."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from chainbert.errors import ConfigError, DataError
from chainbert.yamlfile import did_you_mean

OWN = ("id", "name", "city", "founded", "observed", "text", "language", "website", "investors", "industry")
TARGETS = (*OWN, "province")
CONSTANT = "="


@dataclass(frozen=True, slots=True)
class Shape:
    """An export of a known database, recognised by its columns."""

    name: str
    signature: frozenset[str]
    """The columns that only this export has together."""
    sources: Mapping[str, tuple[str, ...]]
    """Our column → theirs. The first of several that has a value wins; for ``text`` see ``joined``."""
    joined: bool = False
    """Whether the text columns are joined (short before long, no repetition) instead of the first one taken."""
    also_kept: frozenset[str] = frozenset()
    """Columns of which only a part goes into ours, so they are kept as they are too."""


SHAPES = (
    Shape(
        "crunchbase",
        frozenset({"uuid", "name", "short_description"}),
        {
            "id": ("uuid",),
            "name": ("name",),
            "city": ("city",),
            "province": ("region",),
            "founded": ("founded_on", "founded"),
            "observed": ("observed",),
            "text": ("short_description", "description"),
            "language": ("language", "lang"),
            "website": ("homepage_url", "website"),
            "investors": ("investors",),
            "industry": ("category_list", "category_groups_list", "industry"),
        },
        joined=True,
        also_kept=frozenset({"category_list", "category_groups_list"}),
    ),
    Shape(
        "itjuzi-2017",
        frozenset({"com_id", "com_name", "com_des"}),
        {
            "id": ("com_id",),
            "name": ("com_name",),
            "city": ("com_city",),
            "province": ("com_prov",),
            "founded": ("com_born_year",),
            "observed": ("observed",),
            "text": ("com_des",),
            "website": ("com_url",),
            "investors": ("invst_firms",),
            "industry": ("scope",),
        },
    ),
    Shape(
        "itjuzi-2018",
        frozenset({"公司名称", "公司简介"}),
        {
            "id": ("id",),
            "name": ("公司名称",),
            "city": ("地点",),
            "founded": ("成立时间",),
            "observed": ("observed",),
            "text": ("公司简介",),
            "website": ("公司网址",),
            "investors": ("rounds",),
            "industry": ("行业",),
        },
        also_kept=frozenset({"rounds"}),
    ),
    Shape(
        "itjuzi-2023",
        frozenset({"项目名称", "项目简介"}),
        {
            "id": ("id",),
            "name": ("项目名称",),
            "city": ("创业者城市",),
            "founded": ("成立时间",),
            "observed": ("observed",),
            "text": ("项目简介",),
            "website": ("公司官网",),
            "investors": ("投资机构",),
            "industry": ("赛道关键词",),
        },
        also_kept=frozenset({"赛道关键词"}),
    ),
    Shape(
        "financedatabase",
        frozenset({"symbol", "name", "summary"}),
        {
            "id": ("symbol",),
            "name": ("name",),
            "city": ("city",),
            "province": ("state",),
            "founded": ("founded",),
            "observed": ("observed",),
            "text": ("summary",),
            "website": ("website",),
            "investors": ("investors",),
            "industry": ("industry",),
        },
    ),
)
PLAIN = Shape(
    "chainbert",
    frozenset(),
    {
        "id": ("id", "uuid"),
        "name": ("name",),
        "city": ("city",),
        "province": ("province",),
        "founded": ("founded", "founded_on"),
        "observed": ("observed",),
        "text": ("text", "description", "summary", "short_description"),
        "language": ("language", "lang"),
        "website": ("website", "homepage_url"),
        "investors": ("investors",),
        "industry": ("industry",),
    },
)


@dataclass(frozen=True, slots=True)
class Plan:
    """How one file's columns become ours."""

    shape: str
    sources: dict[str, tuple[str, ...]]
    """Our column → the file's columns that exist, by precedence."""
    joined: bool
    constants: dict[str, str] = field(default_factory=dict)
    """Our column → the value of every row."""
    listed_industry: bool = False
    """Whether the industry column holds several, of which the first is taken."""
    rest: tuple[str, ...] = ()
    """The file's columns that are kept under their own names."""


def plan_columns(columns: Sequence[str], mapping: Mapping[str, str] | None, where: str) -> Plan:
    """Recognise the shape of a file by its columns and lay ``mapping`` (our column → theirs) over it.

    A mapping value that begins with ``=`` is a constant: ``{"observed": "=2018"}``. Column names are compared
    without regard to case and outer blanks. Raises ConfigError for a mapping to a column that is not there, and
    DataError where no text, or neither id nor name, can be found.
    """
    given = dict(mapping or {})
    _check(given, columns, where)
    spelled = {_plain(column): column for column in reversed(columns)}
    present = frozenset(spelled)
    fitting = [shape for shape in SHAPES if shape.signature <= present]
    shape = max(fitting, key=lambda one: len(one.signature), default=PLAIN)
    sources = {target: _present(theirs, spelled) for target, theirs in shape.sources.items()}
    constants = {target: value[1:].strip() for target, value in given.items() if value.startswith(CONSTANT)}
    sources |= dict.fromkeys(constants, ())
    mapped = {target: (spelled[_plain(value)],) for target, value in given.items() if target not in constants}
    sources |= mapped
    _check_enough(sources, constants, columns, where)
    joined = shape.joined and "text" not in mapped
    # Of several columns the first with a value is taken, so the later ones are kept; joined texts go in whole.
    used = {name for names in sources.values() for name in names[:1]} | (set(sources["text"]) if joined else set())
    partly = {spelled.get(kept) for kept in shape.also_kept}
    used -= partly
    listed = not partly.isdisjoint(sources["industry"])
    name = shape.name if shape is not PLAIN or not mapped else "mapped"
    rest = tuple(column for column in columns if column not in used)
    return Plan(name, sources, joined, constants, listed, rest)


def _plain(column: str) -> str:
    return column.strip().casefold()


def _present(theirs: Sequence[str], spelled: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(spelled[name] for name in theirs if name in spelled)


def _check(given: Mapping[str, str], columns: Sequence[str], where: str) -> None:
    known = {_plain(column) for column in columns}
    for target, column in given.items():
        if target not in TARGETS:
            raise ConfigError(f"columns: '{target}' is not a column of chainbert.{did_you_mean(target, TARGETS)}")
        if not column.startswith(CONSTANT) and _plain(column) not in known:
            raise ConfigError(
                f"columns: {target}: {where} has no column '{column}'.{did_you_mean(column, columns)} "
                f"(A value for all rows is written with an equals sign: {target}: '=VALUE'.)"
            )


def _check_enough(
    sources: Mapping[str, tuple[str, ...]], constants: Mapping[str, str], columns: Sequence[str], where: str
) -> None:
    missing = []
    if not sources["text"]:
        missing.append("'text' (also called description, summary or short_description)")
    if not sources["id"] and not sources["name"] and "id" not in constants:
        missing.append("'id' or 'name'")
    if not missing:
        return
    found = ", ".join(columns)
    one = "; only one column was found: is the separator one of comma, tab, semicolon, bar?"
    alone = one if len(columns) == 1 else "."
    raise DataError(
        f"{where}: no column for {' and none for '.join(missing)}. Found: {found[:600]}{alone} "
        "Name the columns in the study file (companies: columns: {text: COLUMN, name: COLUMN}) "
        "or on the command line (--columns text=COLUMN --columns name=COLUMN)"
    )
