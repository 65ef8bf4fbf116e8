"""A program on a terminal, and a person who types and reads."""

import os
import pty
import select
import subprocess
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Screen:
    """A person at a terminal."""

    def __init__(self, descriptor: int, process: subprocess.Popen[bytes]) -> None:
        self._descriptor = descriptor
        self._process = process
        self._seen = b""

    def type(self, keys: bytes) -> None:
        os.write(self._descriptor, keys)

    def until(self, text: bytes) -> None:
        """Wait until it shows the text."""
        give_up_at = time.monotonic() + 20
        while text not in self._seen:
            assert time.monotonic() < give_up_at, self._seen
            if select.select([self._descriptor], [], [], 0.5)[0]:
                self._seen += os.read(self._descriptor, 65536)

    def until_taken(self) -> None:
        """Wait until the program reads keys as they are: before, the terminal would make an end of input of Ctrl-D."""
        give_up_at = time.monotonic() + 20
        while termios.tcgetattr(self._descriptor)[3] & termios.ICANON:
            assert time.monotonic() < give_up_at, self._seen
            time.sleep(0.02)

    def exit_code(self) -> int:
        return self._process.wait(20)


@contextmanager
def terminal(arguments: list[str], *, rows: int, columns: int) -> Iterator[Screen]:
    """A program on a terminal of that size."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (rows, columns))
    process = subprocess.Popen(arguments, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    try:
        yield Screen(ours, process)
    finally:
        process.kill()
        process.wait()
        os.close(ours)
