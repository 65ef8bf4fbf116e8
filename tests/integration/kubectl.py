"""kubectl and patience, for tests that look at real clusters from outside."""

import json
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Kubectl:
    """kubectl for one kubeconfig."""

    program: Path
    kubeconfig: Path

    def try_run(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """What it answers, success or not."""
        command = [str(self.program), f"--kubeconfig={self.kubeconfig}", *arguments]
        return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60, check=False)

    def run(self, *arguments: str, stdin: str = "") -> str:
        """What it prints; the test fails if it fails."""
        answer = self.try_run(*arguments, stdin=stdin)
        assert answer.returncode == 0, f"kubectl {' '.join(arguments)}: {answer.stderr}"
        return answer.stdout

    def apply(self, *manifests: Mapping[str, Any]) -> None:
        self.run("apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": manifests}))

    def get(self, *arguments: str) -> dict[str, Any]:
        """The object, `{}` when there is none."""
        text = self.run("get", *arguments, "--ignore-not-found", "-o", "json")
        found: dict[str, Any] = json.loads(text) if text else {}
        return found


def eventually(probe: Callable[[], T | None], seconds: float = 60) -> T:
    """The first answer of `probe` that is true; the test fails when there is none in time."""
    give_up_at = time.monotonic() + seconds
    while not (answer := probe()):
        assert time.monotonic() < give_up_at, f"still {answer!r} after {seconds:g} s"
        time.sleep(0.1)
    return answer
