"""git and kubectl, run with nothing of the user's own configuration."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from oceanctl.demo.errors import DemoError

_TIMEOUT_SECONDS: Final = 60.0
_GIT_ENVIRONMENT: Final = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_AUTHOR_NAME": "Kubeocean demo",
    "GIT_AUTHOR_EMAIL": "demo@kubeocean.invalid",
    "GIT_COMMITTER_NAME": "Kubeocean demo",
    "GIT_COMMITTER_EMAIL": "demo@kubeocean.invalid",
}


@dataclass(frozen=True, slots=True)
class Kubectl:
    """kubectl for one cluster."""

    program: Path
    kubeconfig: Path

    def run(self, *arguments: str) -> str:
        """What it prints."""
        return run([str(self.program), "--kubeconfig", str(self.kubeconfig), *arguments], {})

    def apply(self, manifests: str) -> str:
        """`kubectl apply -f -`."""
        return run([str(self.program), "--kubeconfig", str(self.kubeconfig), "apply", "-f", "-"], {}, manifests)


@dataclass(frozen=True, slots=True)
class Checkout:
    """A working copy whose `origin` is a bare repository beside it."""

    folder: Path

    @classmethod
    def make(cls, content: Path, folder: Path, remote: Path) -> "Checkout":
        """A new remote and a checkout of it, both holding `content` as their first commit."""
        checkout = cls(folder)
        run(["git", "init", "--quiet", "--bare", "--initial-branch=main", str(remote)], _GIT_ENVIRONMENT)
        shutil.copytree(content, folder)
        checkout._git("init", "--quiet", "--initial-branch=main")
        checkout._git("remote", "add", "origin", str(remote))
        checkout.push("Lend two clusters")
        return checkout

    def push(self, message: str) -> str:
        """Commit everything and push it; returns the commit."""
        self._git("add", "--all")
        self._git("commit", "--quiet", "-m", message)
        self._git("push", "--quiet", "origin", "main")
        return self._git("rev-parse", "HEAD").strip()

    def diff(self) -> str:
        """What is not committed yet."""
        return self._git("diff", "--unified=1")

    def _git(self, *arguments: str) -> str:
        return run(["git", "-C", str(self.folder), *arguments], _GIT_ENVIRONMENT)


def run(command: Sequence[str], environment: Mapping[str, str], given: str | None = None) -> str:
    """Run a program to its end; what it says on stderr becomes the error."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            command,
            input=given,
            env={**inherited, **environment},
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
    except FileNotFoundError as error:
        raise DemoError(f"{command[0]} is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise DemoError(f"{' '.join(command[:4])}… took more than {_TIMEOUT_SECONDS:g} s") from error
    if done.returncode:
        raise DemoError(f"{' '.join(command)}: {done.stderr.strip() or f'exit code {done.returncode}'}")
    return done.stdout
