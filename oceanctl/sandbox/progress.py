"""Lines about what is being done, each with the time since the start."""

import sys
import time
from collections.abc import Callable

Say = Callable[[str], None]
"""Takes a line about what is being done."""


def to_stderr() -> Say:
    """Writes lines to stderr, with the seconds since this call."""
    started = time.monotonic()

    def say(line: str) -> None:
        sys.stderr.write(f"[{time.monotonic() - started:6.1f} s] {line}\n")
        sys.stderr.flush()

    return say


def nothing(_line: str) -> None:
    """Keeps quiet."""
