"""How the demo talks: numbered steps with elapsed times, what each is for, and the commands one could type instead."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, TypeVar

from oceanctl.demo.errors import DemoError
from oceanctl.output import Screen

OUTPUT_MARGIN: Final = 10  # columns before what a command printed
_POLL_SECONDS: Final = 0.25
T = TypeVar("T")


@dataclass(slots=True)
class Narrator:
    """Tells the story on stdout."""

    screen: Screen
    steps: int
    started: float = field(default_factory=time.monotonic)
    told: list[tuple[str, float]] = field(default_factory=list)

    @property
    def elapsed_seconds(self) -> float:
        """Since the story began."""
        return time.monotonic() - self.started

    @contextmanager
    def step(self, title: str, explanation: str) -> Iterator[None]:
        """One step of the story; `told` keeps its title and how long it took."""
        begun = time.monotonic()
        self.screen.result()
        self.screen.result(self._clock(), (f"{len(self.told) + 1}/{self.steps} {title}", "bold"))
        self.tell(explanation)
        yield
        took = time.monotonic() - begun
        self.told.append((title, took))
        self.screen.result(self._clock(), (f"done in {took:.1f} s", "green"))

    def tell(self, text: str) -> None:
        """A line of explanation."""
        self.screen.result(self._clock(), text)

    def command(self, line: str, output: str = "") -> None:
        """A command as it could be typed, and what it printed."""
        self.screen.result(" " * (OUTPUT_MARGIN - 2), (f"$ {line}", "cyan"))
        for printed in output.rstrip().splitlines():
            self.screen.result(" " * OUTPUT_MARGIN, printed)

    def wait(self, what: str, seen: Callable[[], T | None], deadline_seconds: float) -> T:
        """Look until `seen` sees something; DemoError when it does not in time."""
        if (at_once := seen()) is not None:
            return at_once
        self.tell(f"Waiting for {what}…")
        give_up_at = time.monotonic() + deadline_seconds
        with self.screen.awaiting(what):
            while (found := seen()) is None:
                if time.monotonic() > give_up_at:
                    raise DemoError(f"waited {deadline_seconds:g} s in vain for {what}")
                time.sleep(_POLL_SECONDS)
        return found

    def _clock(self) -> str:
        return f"{self.elapsed_seconds:5.1f} s "
