"""Programs that outlive their starter: started detached, found again and stopped by pid and start time, never by name.

A program lives in a folder: `pids/NAME` says which process it is, `logs/NAME.log` holds its output.
"""

import os
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from oceanctl.sandbox.errors import NotReadyError, ProgramDiedError

STOP_PATIENCE_SECONDS = 8.0  # etcd and the hollow kubelet end within one; what is left is killed
_POLL_SECONDS = 0.05
_TAIL_BYTES = 16_384
_STATE, _START_TIME = 0, 19  # fields of /proc/PID/stat after the command's closing parenthesis
_INHERITED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE)  # a shell or Python may ignore them


@dataclass(frozen=True, slots=True)
class Identity:
    """One process for ever: pids come round again, start times (in ticks since that boot) do not."""

    pid: int
    started: str
    boot: str

    @classmethod
    def of(cls, pid: int) -> "Identity | None":
        """Who `pid` is now; None when there is no such process, or only its zombie."""
        fields = _stat(pid)
        if fields is None or (fields[_STATE] in "ZX" and not _has_threads(pid)):
            return None
        return cls(pid, fields[_START_TIME], Path("/proc/sys/kernel/random/boot_id").read_text().strip())

    @classmethod
    def parse(cls, text: str) -> "Identity | None":
        """The inverse of `str`; None for anything else, such as a file cut short by a crash."""
        match text.split():
            case [pid, started, boot] if pid.isdigit():
                return cls(int(pid), started, boot)
            case _:
                return None

    def __str__(self) -> str:
        return f"{self.pid} {self.started} {self.boot}"

    @property
    def is_running(self) -> bool:
        """Whether this very process still runs."""
        if Identity.of(self.pid) == self:
            return True
        _reap(self.pid)
        return False

    def kill(self, signum: signal.Signals) -> None:
        """Send a signal, if it still runs."""
        if self.is_running:
            os.kill(self.pid, signum)


@dataclass(frozen=True, slots=True)
class Program:
    """A named program of a folder, running or not."""

    folder: Path
    name: str

    @property
    def log(self) -> Path:
        """Its output, of all its starts."""
        return self.folder / "logs" / f"{self.name}.log"

    @property
    def _pid_file(self) -> Path:
        return self.folder / "pids" / self.name

    @property
    def process(self) -> Identity | None:
        """The process it runs as, or None."""
        try:
            found = Identity.parse(self._pid_file.read_text())
        except FileNotFoundError:
            return None
        return found if found is not None and found.is_running else None

    def start(self, argv: list[str], environment: Mapping[str, str] | None = None) -> None:
        """Start it in a session of its own, unless it runs already; `wait_until` tells how it fares."""
        if self.process is not None:
            return
        for parent in (self._pid_file.parent, self.log.parent):
            parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        pid = _spawn(argv, self.log, {**os.environ, **(environment or {})})
        try:
            self._pid_file.write_text(str(Identity.of(pid) or "ended at once"))
        except BaseException:
            os.kill(pid, signal.SIGKILL)  # still our child and not yet reaped, so the pid is its own
            os.waitpid(pid, 0)
            raise

    def stop(self, signum: signal.Signals = signal.SIGTERM, patience_seconds: float = STOP_PATIENCE_SECONDS) -> None:
        """Signal it, wait for its end, kill it when patience is over; nothing happens when it does not run."""
        if (running := self.process) is not None:
            running.kill(signum)
            if not _ends_within(running, patience_seconds):
                running.kill(signal.SIGKILL)
                _ends_within(running, STOP_PATIENCE_SECONDS)
        self._pid_file.unlink(missing_ok=True)

    def log_tail(self, lines: int = 25) -> str:
        """The end of its log, for error messages."""
        try:
            with self.log.open("rb") as log:
                log.seek(max(0, self.log.stat().st_size - _TAIL_BYTES))
                text = log.read().decode(errors="replace")
        except FileNotFoundError:
            return "(no log)"
        return "\n".join(text.splitlines()[-lines:])

    def wait_until(self, is_ready: Callable[[], str | None], deadline_seconds: float) -> None:
        """Poll `is_ready` until it returns None; what it returns otherwise is the reason why not yet.

        Raises ProgramDiedError at once when the program ends, NotReadyError when the deadline passes.
        """
        give_up_at = time.monotonic() + deadline_seconds
        while (reason := is_ready()) is not None:
            if self.process is None:
                raise ProgramDiedError(f"{self.name} ended; its log {self.log} closes with:\n{self.log_tail()}")
            if time.monotonic() > give_up_at:
                raise NotReadyError(
                    f"{self.name} is not ready after {deadline_seconds:g} s: {reason}\n{self.log_tail()}"
                )
            time.sleep(_POLL_SECONDS)


def programs_of(folder: Path) -> list[Program]:
    """Every program that was started in `folder` and not stopped since, running or dead."""
    pids = folder / "pids"
    return [Program(folder, file.name) for file in sorted(pids.iterdir())] if pids.is_dir() else []


def _spawn(argv: list[str], log: Path, environment: Mapping[str, str]) -> int:
    """Posix_spawn leaves no object behind that would want to wait for the child."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    return os.posix_spawn(
        argv[0],
        argv,
        environment,
        setsid=True,
        setsigmask=(),
        setsigdef=_INHERITED,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), flags, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
    )


def _ends_within(process: Identity, seconds: float) -> bool:
    give_up_at = time.monotonic() + seconds
    while process.is_running:
        if time.monotonic() > give_up_at:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def _stat(pid: int) -> list[str] | None:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def _has_threads(pid: int) -> bool:
    """Whether threads outlive the first one: a killed program holds its ports until the last of them is gone."""
    try:
        return len(list(Path(f"/proc/{pid}/task").iterdir())) > 1
    except (FileNotFoundError, ProcessLookupError):
        return False


def _reap(pid: int) -> None:
    """Bury our own child if it is dead; other people's children have parents of their own."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return
