"""What a person or a pipe sees: results on stdout, everything else on stderr, never a control character of somebody else's."""

import json
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TextIO

from rich.console import Console
from rich.text import Text

FORMAT_VERSION: Final = "1.0"  # of every JSON document printed; a new key raises the minor number
HEARTBEAT_SECONDS: Final = 30.0
_HIDDEN = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\t\n"}


class Color(StrEnum):
    """When to colour; the variable NO_COLOR wins over all of them."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


class Volume(StrEnum):
    """How much is said on stderr."""

    QUIET = "quiet"
    NORMAL = "normal"
    VERBOSE = "verbose"


Part = str | tuple[str, str]
"""Text, or text with one of rich's styles ("bold red"); style is lost where there is no colour, so it never carries meaning alone."""

Line = tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Screen:
    """The two streams of a command and how to write on each.

    Lines are never wrapped: a terminal wraps by itself, a pipe must not be given line breaks that nobody wrote. `margin` moves them to the right.
    """

    out: TextIO
    err: TextIO
    color: Color = Color.AUTO
    volume: Volume = Volume.NORMAL
    margin: int = 0

    @property
    def is_interactive(self) -> bool:
        """Whether somebody sits at both ends."""
        return sys.stdin is not None and sys.stdin.isatty() and self.err.isatty()

    @property
    def width(self) -> int | None:
        """Columns of the terminal that results go to; None for a pipe, which has no edge."""
        return Console(file=self.out).width if self.out.isatty() else None

    def result(self, *line: Part) -> None:
        """One line of what was asked for."""
        self._write(self.out, line)

    def document(self, content: Mapping[str, Any]) -> None:
        """What was asked for, as JSON."""
        self.out.write(json.dumps({"formatVersion": FORMAT_VERSION, **content}, indent=2) + "\n")
        self.out.flush()

    def documents(self, contents: Sequence[Mapping[str, Any]]) -> None:
        """What was asked for, as a JSON list of its own."""
        self.raw(json.dumps(contents, indent=2) + "\n")

    def raw(self, text: str) -> None:
        """What was asked for, to the letter, for a program to read."""
        self.out.write(text)
        self.out.flush()

    def say(self, *line: Part) -> None:
        """Progress; silent with --quiet."""
        if self.volume is not Volume.QUIET:
            self._write(self.err, line)

    def detail(self, *line: Part) -> None:
        """What only --verbose shows."""
        if self.volume is Volume.VERBOSE:
            self._write(self.err, line)

    def note(self, *line: Part) -> None:
        """What must be read although it is not the result; --quiet does not hide it."""
        self._write(self.err, line)

    def warn(self, message: str) -> None:
        """Something to look at; --quiet does not hide it."""
        self._write(self.err, (("warning: ", "yellow"), message))

    def error(self, message: str) -> None:
        """Why the command fails."""
        self._write(self.err, (("error: ", "bold red"), message))

    def is_told_yes(self, question: str) -> bool:
        """Ask whoever sits at the terminal; anything but yes is no."""
        self.err.write(f"{harmless(question)} [y/N]: ")
        self.err.flush()
        return sys.stdin.readline().strip().lower() in ("y", "yes")

    @contextmanager
    def awaiting(self, what: str) -> Iterator[None]:
        """Say on stderr every 30 s that `what` is still awaited, so that a silent log is not taken for a dead program."""
        done = threading.Event()
        started = time.monotonic()

        def beat() -> None:
            while not done.wait(HEARTBEAT_SECONDS):
                self.say(f"still waiting for {what} ({time.monotonic() - started:.0f} s)")

        thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def _write(self, stream: TextIO, line: Line) -> None:
        text = Text.assemble(" " * self.margin if line else "", *(_harmless_part(part) for part in line))
        if self._is_colored(stream):
            # A console per line is cheap and keeps no state; soft_wrap leaves wrapping to the terminal.
            console = Console(file=stream, force_terminal=True, color_system="standard", highlight=False)
            console.print(text, soft_wrap=True)
        else:
            stream.write(text.plain + "\n")
        stream.flush()

    def _is_colored(self, stream: TextIO) -> bool:
        return self.color is Color.ALWAYS or (self.color is Color.AUTO and stream.isatty())


def harmless(text: str) -> str:
    """`text` with control characters spelled out: a file name of a pull request must not drive a reviewer's terminal."""
    return text.translate(_HIDDEN)


def plain(line: Line) -> str:
    """A line without its styles."""
    return "".join(part if isinstance(part, str) else part[0] for part in line)


def _harmless_part(part: Part) -> Part:
    return harmless(part) if isinstance(part, str) else (harmless(part[0]), part[1])
