"""What a running command works with: its screen, what it was told globally, and whether somebody wants it to stop."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Final

from oceanctl.errors import UsageMistakeError
from oceanctl.output import Screen

MARKERS: Final = ("inventory.yaml", "ocean.yaml")
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """First Ctrl-C or SIGTERM: finish the current object; the second one stops at once."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self.is_wanted = False

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Within this block the first signal only sets `is_wanted`; the block looks at it between two objects."""
        before = {number: signal.signal(number, self._on_signal) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        if self.is_wanted:
            raise KeyboardInterrupt
        self.is_wanted = True
        self._screen.note("stopping after the current object; once more to stop now")


@dataclass(frozen=True, slots=True)
class Shell:
    """Handed to every command."""

    screen: Screen
    interrupts: Interrupts
    inventory: Path | None = None
    kubeconfig: Path | None = None
    context: str | None = None
    may_ask: bool = True
    here: Path = field(default_factory=Path.cwd)

    def inventory_folder(self) -> Path:
        """The folder named by --inventory, or the nearest one upwards that looks like an inventory."""
        if self.inventory is not None:
            return self._existing(self.inventory)
        for folder in (self.here, *self.here.parents):
            if any((folder / marker).is_file() for marker in MARKERS):
                return folder
        raise UsageMistakeError(
            f"no inventory here: neither {self.here} nor a folder above it has {' or '.join(MARKERS)}; name one with --inventory DIR"
        )

    @staticmethod
    def _existing(folder: Path) -> Path:
        if not folder.is_dir():
            raise UsageMistakeError(f"--inventory {folder}: no such folder")
        return folder
