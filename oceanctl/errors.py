"""How a command can end: exit codes, and the errors that choose them.

OceanError
├── InvalidFilesError  a file that was given cannot be used: 3
├── UsageMistakeError  the command line does not make sense here: 64
├── RefusedError       a guard says no: 4
├── StaleError         the world moved on since the plan: 5
├── PartialError       some of it was applied: 6
└── UnhealthyError     applied, but not healthy in time: 7
"""

from collections.abc import Sequence
from enum import IntEnum

from inventory.errors import InvalidInventoryError, OceanError, Problem
from reconciler.kube.errors import ConflictError, GoneError, TransientError


class ExitCode(IntEnum):
    """What the shell sees; scripts rely on these numbers."""

    OK = 0
    FAILED = 1
    CHANGES = 2  # only with --detailed-exitcode
    INVALID = 3
    REFUSED = 4
    STALE = 5
    PARTIAL = 6
    UNHEALTHY = 7
    USAGE = 64
    INTERNAL = 70
    TEMPORARY = 75
    INTERRUPTED = 130  # as a shell reports SIGINT
    BROKEN_PIPE = 141  # as a shell reports SIGPIPE


class InvalidFilesError(OceanError):
    """Files that are no inventory, such as lists of nodes and pods, cannot be used as they are."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(f"{problem.at}: {problem.message}" for problem in self.problems))


class UsageMistakeError(OceanError):
    """What was typed cannot be meant."""


class RefusedError(OceanError):
    """A guard protects something; the text says how to go on."""


class StaleError(OceanError):
    """What the plan was made from is not there any more."""


class PartialError(OceanError):
    """Some changes were applied, some were not."""


class UnhealthyError(OceanError):
    """Everything was applied, but it did not become healthy in time."""


_CODES: tuple[tuple[tuple[type[Exception], ...], ExitCode], ...] = (
    ((InvalidInventoryError, InvalidFilesError), ExitCode.INVALID),
    ((UsageMistakeError,), ExitCode.USAGE),
    ((RefusedError,), ExitCode.REFUSED),
    ((StaleError,), ExitCode.STALE),
    ((PartialError,), ExitCode.PARTIAL),
    ((UnhealthyError,), ExitCode.UNHEALTHY),
    ((TransientError, ConflictError, GoneError), ExitCode.TEMPORARY),
    ((OceanError, OSError), ExitCode.FAILED),
)


def exit_code_for(error: Exception) -> ExitCode:
    """The first row that fits; whatever nobody raised on purpose is internal."""
    return next((code for kinds, code in _CODES if isinstance(error, kinds)), ExitCode.INTERNAL)


def cause_of(error: Exception) -> Exception:
    """The error that a person can act on: task groups wrap what happened inside them."""
    while isinstance(error, ExceptionGroup):
        meant = error.subgroup(OceanError)
        error = (meant or error).exceptions[0]
    return error
