"""The wordings of an indicator: the descriptions that texts are pulled towards."""

from __future__ import annotations

from chainbert.labelling.codebook import Axis, Indicator, Language


def wordings(axis: Axis, indicator: Indicator) -> dict[Language, tuple[str, ...]]:
    """Several ways of saying what an indicator means, by language: its description first, name, rules, one an item.

    Examples are not among them: a text is to be near what the indicator means, not near a chosen text.
    """
    found: dict[Language, tuple[str, ...]] = {}
    for language, description in indicator.description.items():
        colon = "：" if language == "zh" else ": "
        name = f"{axis.names[language]}{colon}{indicator.names[language]}"
        found[language] = (description, name, f"{name}. {description}", *indicator.include.get(language, ()))
    return found
