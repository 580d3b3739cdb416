"""``--columns name=column``."""

from __future__ import annotations

from collections.abc import Iterable

from chainbert.errors import ConfigError


def mapping(given: Iterable[str] | None) -> dict[str, str] | None:
    """``["name=Firm", "observed==2018"]`` → ``{"name": "Firm", "observed": "=2018"}``; None where none is given."""
    pairs: dict[str, str] = {}
    for number, one in enumerate(given or (), start=1):
        name, equals, column = one.partition("=")
        if not equals or not name.strip() or not column.strip():
            raise ConfigError(f"--columns:{number}: {one!r} found, name=column expected, as in --columns text=简介")
        pairs[name.strip()] = column.strip()
    return pairs or None
