"""Runs git commands with fixed arguments, in an environment of our making, and ends all of their processes in time."""

import fcntl
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

_MAX_OUTPUT: Final = 64 * 1024  # bytes; the commands here answer with a line or two
_MAX_COMPLAINT: Final = 500  # characters of what git says of an error
_LOOK_AGAIN_SECONDS: Final = 0.1  # while another process has the lock


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command ended.

    `code` is its exit status, None if its time was over; `complaint` is the end of what it said on stderr, fit for a person.
    """

    code: int | None
    output: str
    complaint: str


@dataclass(frozen=True, slots=True)
class Turn:
    """The right to run git in a folder until `deadline`, an instant of time.monotonic().

    The commands inherit the lock: it lasts as long as any of them lives, even if this process does not.
    """

    folder: Path
    options: tuple[str, ...]
    environment: Mapping[str, str]
    deadline: float
    lock: IO[bytes]

    def run(self, *arguments: str) -> Outcome:
        """Run `git` as the leader of a process group of its own, which is killed when it ends or its time is over."""
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
            process = subprocess.Popen(
                ["git", *self.options, *arguments],
                cwd=self.folder,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                pass_fds=(self.lock.fileno(),),
                start_new_session=True,
            )
            code = _wait(process, self.deadline)
            return Outcome(code, _end_of(output), _legible(_end_of(errors)))


@contextmanager
def locked(path: Path, deadline: float) -> Iterator[IO[bytes]]:
    """The file at a path, locked against other processes and threads. Raises TimeoutError if it is not free in time."""
    with path.open("ab") as file:
        while not _is_taken(file):
            if time.monotonic() >= deadline:
                raise TimeoutError
            time.sleep(_LOOK_AGAIN_SECONDS)
        yield file


def _is_taken(file: IO[bytes]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _wait(process: subprocess.Popen[bytes], deadline: float) -> int | None:
    try:
        return process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        return None
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _end_of(file: IO[bytes]) -> str:
    end = file.seek(0, os.SEEK_END)
    file.seek(max(0, end - _MAX_OUTPUT))
    return file.read().decode("utf-8", "replace")


def _legible(text: str) -> str:
    """One line without control characters: a server chooses part of this text."""
    words = "".join(character if character.isprintable() else " " for character in text).split()
    return " ".join(words)[-_MAX_COMPLAINT:]
