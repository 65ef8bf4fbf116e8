"""What can be wrong with an inventory, and where.

OceanError                 every error this project raises on purpose
├── InvalidInventoryError  carries all Problems found, never only the first
└── InvalidValueError      one value cannot be read as what it should be: a time, a day, a zone, a quantity
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a Problem matters: errors stop a plan, warnings do not (unless --strict)."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in a file of the inventory; line and column count from 1."""

    file: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend.

    `code` is stable (OE1xxx: reading, OE2xxx: schema, OE3xxx: across files). `span` is how many characters the caret underlines, 0 for unknown.
    `related` are further places that belong to the same problem, as in a duplicate.
    """

    code: str
    message: str
    at: Position
    severity: Severity = Severity.ERROR
    hint: str | None = None
    span: int = 0
    source_line: str | None = None
    related: tuple[Position, ...] = ()


class OceanError(Exception):
    """Base of every error raised on purpose; its text is fit for a person to read."""


class InvalidInventoryError(OceanError):
    """The inventory cannot be used as it is."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(f"{len(self.problems)} problem(s) in the inventory")


class InvalidValueError(OceanError, ValueError):
    """One value cannot be read.

    `message` shows the value (escaped and cut, for it may be anything) and the complaint; `hint` says what to write instead.
    """

    def __init__(self, value: object, complaint: str, hint: str) -> None:
        self.message = f"{_shown(value)} {complaint}"
        self.hint = hint
        super().__init__(f"{self.message}: {hint}")


def _shown(value: object, longest: int = 80) -> str:
    text = repr(value)
    return text if len(text) <= longest else f"{text[:longest]}…"
