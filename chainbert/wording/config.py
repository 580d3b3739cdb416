"""The ``wording`` section of a study file."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationInfo, field_validator

from chainbert.errors import DataError
from chainbert.wording.tokenizer import Tokenizer
from chainbert.wording.vocabulary import read_as_texts, read_words
from chainbert.yamlfile import Section


class WordingConfig(Section):
    """What counts as a word, and which words are shown. Draws use the study's seed."""

    words: str | tuple[str, ...] = ()
    """Words that are kept whole besides the project's lexicon: a list, or a UTF-8 file of them (# begins a remark)."""
    stop_words: tuple[str, ...] = ()
    """Words that are left out besides the project's function words and company boilerplate."""
    english: Literal["words", "stems", "lemmas"] = "words"
    """What stands for an English word: itself, its stem (provid) or its lemma (provide)."""
    ngrams: int = Field(default=1, ge=1, le=3)
    """Longest run of words that counts as a term; 2 also compares pairs."""
    fewest_firms: int = Field(default=2, ge=1)
    """Firms that must use a term for it to be shown; what one firm alone says is mostly its own name."""
    terms: int = Field(default=200, ge=1)
    """Terms kept a city, by the size of their z."""
    draws: int = Field(default=999, ge=99)
    """Permutations of firms behind each p-value; none can be smaller than 1 / (draws + 1)."""
    dictionary: str = "themes"
    """Name of a shipped dictionary, or a YAML file."""
    cloud_words: int = Field(default=200, ge=1, le=1000)
    """Words in the comparison cloud, of all cities together."""

    @field_validator("words", "stop_words")
    @classmethod
    def _can_be_cut(cls, given: str | tuple[str, ...], info: ValidationInfo) -> str | tuple[str, ...]:
        if not isinstance(given, str):
            try:
                if info.field_name == "words":
                    read_as_texts(given, "words", shortest=2)
                else:
                    read_as_texts(given, "stop words", shortest=1)
            except DataError as error:
                raise ValueError(str(error)) from error
        return given

    def tokenizer(self, file: Path | None = None) -> Tokenizer:
        """The tokenizer of this section; ``file`` is where ``words`` is found, if it names a file.

        Raises ConfigError where the file cannot be read, and DataError for words in it that no text can be cut into.
        """
        words = read_words(file or Path(self.words)) if isinstance(self.words, str) else self.words
        return Tokenizer(words, self.stop_words, self.english)
