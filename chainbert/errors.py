"""What can go wrong, by name; each error knows the exit code of the command line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong in a file or on the command line."""

    where: str
    """``file:line:column``, ``--set:2`` or ``file: row 7``."""
    message: str
    """What was found, what was expected, what to do."""

    def __str__(self) -> str:
        return f"{self.where}: {self.message}"


class ChainbertError(Exception):
    """An error that a user can act on: its message says what was found, where, and what to do."""

    exit_code: ClassVar[int] = 1


class ConfigError(ChainbertError):
    """The command line, a study file or a codebook is wrong. Exit code 2."""

    exit_code = 2

    def __init__(self, message: str, faults: tuple[Fault, ...] = ()) -> None:
        super().__init__(message)
        self.faults = faults

    @classmethod
    def of(cls, faults: list[Fault]) -> ConfigError:
        """All faults of a file in one error, one a line."""
        return cls("\n".join(str(fault) for fault in faults), tuple(faults))


class DataError(ChainbertError):
    """The input data cannot be used. Exit code 3."""

    exit_code = 3


class EncoderError(ChainbertError):
    """An encoder cannot be had: unknown name, no network, damaged weights. Exit code 2."""

    exit_code = 2


class StoreError(ChainbertError):
    """A stored file is damaged or was written by something else. Exit code 3."""

    exit_code = 3
