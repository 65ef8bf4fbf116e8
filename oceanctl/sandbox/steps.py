"""Long commands one after the other: a line at the start of each, a sign of life every 30 s, and the end of the output when one fails."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from oceanctl.sandbox.errors import SandboxError
from oceanctl.sandbox.progress import Say

HEARTBEAT_SECONDS: Final = 30.0
STEP_SECONDS: Final = 3600.0  # the longest takes four minutes on two cores
_POLL_SECONDS = 0.2
_SHOWN_LINES = 25


class StepError(SandboxError):
    """A command failed; the text closes with the end of its output."""


@dataclass(frozen=True, slots=True)
class Steps:
    """Commands that share a folder, an environment and a log."""

    folder: Path
    say: Say
    environment: Mapping[str, str] = field(default_factory=dict)

    def run(self, what: str, argv: Sequence[str | Path], cwd: Path | None = None) -> None:
        """Run one command, which `what` describes; StepError when it fails."""
        self.say(what)
        log = self.folder / "step.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                argv,
                cwd=cwd or self.folder,
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # so that all of it can be ended, compilers included
            )
            code = self._awaited(what, process)
        if code:
            tail = "\n".join(log.read_text(errors="replace").splitlines()[-_SHOWN_LINES:])
            raise StepError(f"{what}: exit code {code}\n{tail}")

    def _awaited(self, what: str, process: subprocess.Popen[bytes]) -> int:
        started = beat = time.monotonic()
        try:
            while process.poll() is None:
                now = time.monotonic()
                if now - started > STEP_SECONDS:
                    raise StepError(f"{what}: not done after {STEP_SECONDS:g} s")
                if now - beat > HEARTBEAT_SECONDS:
                    beat = now
                    self.say(f"{what}: for {now - started:.0f} s")
                time.sleep(_POLL_SECONDS)
            return process.returncode
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
