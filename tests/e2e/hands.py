"""Hands on the computing cluster: kubectls of several versions, files, terminals and patience."""

import fcntl
import hashlib
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.kubectls import Client

MEGABYTE = 1_000_000
TIMEOUT_SECONDS = 90.0
_CHUNK_BYTES = 65_536
_SIZE_QUESTIONS = 60
_SIZE_ANSWER_SECONDS = 0.5


@dataclass(frozen=True)
class Hand:
    """One kubectl for one namespace of the computing cluster."""

    client: Client
    kubeconfig: Path
    namespace: str

    def command(self, *arguments: str) -> list[str]:
        return [
            str(self.client.program),
            f"--kubeconfig={self.kubeconfig}",
            f"--namespace={self.namespace}",
            *arguments,
        ]

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, **self.client.environment}

    def try_run(self, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """What it answers, success or not."""
        return subprocess.run(
            self.command(*arguments),
            input=stdin,
            capture_output=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
            env=self.environment,
        )

    def run(self, *arguments: str, stdin: bytes = b"") -> bytes:
        """What it prints; the test fails if it fails."""
        answer = self.try_run(*arguments, stdin=stdin)
        assert answer.returncode == 0, f"kubectl {' '.join(arguments)}: {answer.stderr.decode(errors='replace')}"
        return answer.stdout

    def lines(self, *arguments: str) -> list[str]:
        """The lines it prints."""
        return self.run(*arguments).decode().splitlines()

    @contextmanager
    def running(self, *arguments: str) -> Iterator["subprocess.Popen[bytes]"]:
        """It runs meanwhile, with both ends in pipes; killed at the end."""
        process = subprocess.Popen(
            self.command(*arguments),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=self.environment,
        )
        try:
            yield process
        finally:
            process.kill()
            process.communicate()

    def terminal(self, *arguments: str) -> "Terminal":
        """It runs in a terminal meanwhile."""
        return Terminal(self.command(*arguments), self.environment)


class Terminal:
    """A program in a pseudo-terminal of its own, as a person at a screen has it."""

    def __init__(self, command: list[str], environment: dict[str, str], rows: int = 24, columns: int = 80) -> None:
        self._master, inner = pty.openpty()
        self.resize(rows, columns)
        leads = ["setsid", "--ctty", "--wait", *command]  # of its own session: the kernel tells it of a new size
        self._process = subprocess.Popen(leads, stdin=inner, stdout=inner, stderr=inner, env=environment)
        os.close(inner)
        self.seen = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._master)  # hangs up
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def size_becomes(self, rows: int, columns: int) -> bool:
        """Whether a shell in it says so before long, after the screen was resized."""
        self.resize(rows, columns)
        for _ in range(_SIZE_QUESTIONS):
            self.type("stty size\n")
            if self.reads(f"\r\n{rows} {columns}\r\n", _SIZE_ANSWER_SECONDS):
                return True
        return False

    def reads(self, text: str, seconds: float = TIMEOUT_SECONDS) -> bool:
        """Whether the text appears on the screen in time, after what was read before; what is read is not read again."""
        give_up_at = time.monotonic() + seconds
        while text.encode() not in self.seen:
            left = give_up_at - time.monotonic()
            if left < 0 or not self._read(left):
                return False
        self.seen = self.seen.partition(text.encode())[2]
        return True

    def ends_with(self, seconds: float = TIMEOUT_SECONDS) -> int:
        """The exit code, once the program has ended."""
        give_up_at = time.monotonic() + seconds
        while self._read(max(0.0, give_up_at - time.monotonic())):
            pass
        return self._process.wait(max(0.1, give_up_at - time.monotonic()))

    def _read(self, seconds: float) -> bool:
        readable, _, _ = select.select([self._master], [], [], seconds)
        if not readable:
            return False
        try:
            chunk = os.read(self._master, _CHUNK_BYTES)
        except OSError:  # the other end is closed
            return False
        self.seen += chunk
        return bool(chunk)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def noise(size: int) -> bytes:
    """Bytes of every value, the same each time."""
    return hashlib.shake_256(b"noise").digest(size)
