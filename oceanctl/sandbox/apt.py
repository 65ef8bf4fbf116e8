"""Debian packages without installing them: apt with its own sources file, lists and cache, so the system's stay as they are and root is not needed."""

import os
import shutil
import subprocess
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from oceanctl.sandbox.errors import MissingProgramsError
from oceanctl.sandbox.steps import Steps

RELEASE: Final = "bookworm"
KEYRING: Final = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
ARCHIVE: Final = "http://deb.debian.org/debian"  # where the system names no mirror of its own; apt checks signatures
_TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Apt:
    """Packages of one Debian release, whatever release the machine has."""

    steps: Steps
    folder: Path

    @classmethod
    def prepare(cls, steps: Steps, folder: Path) -> "Apt":
        """Read the release's package lists; MissingProgramsError where there is no apt or no Debian keyring."""
        missing = [name for name in ("apt-get", "dpkg") if shutil.which(name) is None]
        if not KEYRING.exists():
            missing.append("the package debian-archive-keyring")
        if missing:
            raise MissingProgramsError(f"a build from Debian's sources needs {' and '.join(missing)}")
        for part in ("lists/partial", "cache/archives/partial", "packages"):
            (folder / part).mkdir(parents=True)
        sources = f"[signed-by={KEYRING}] {_mirror()} {RELEASE} main"
        (folder / "sources.list").write_text(f"deb {sources}\ndeb-src {sources}\n")
        apt = cls(steps, folder)
        steps.run(f"reading the package lists of Debian {RELEASE}", apt._command("update", "-q"))
        return apt

    @property
    def packages(self) -> Path:
        """Where the package files end up."""
        return self.folder / "packages"

    def download_source(self, package: str) -> None:
        """Put the files of a source package into `packages`."""
        command = self._command("source", "-q", "--download-only", package)
        self.steps.run(f"downloading the source of {package}", command, self.packages)

    def unpack(self, packages: Collection[str], target: Path) -> None:
        """Unpack binary packages into `target`, as if it were the root of the file system."""
        names = ", ".join(packages)
        self.steps.run(f"downloading {names}", self._command("download", "-q", *packages), self.packages)
        for file in sorted(self.packages.glob("*.deb")):
            self.steps.run(f"unpacking {file.name}", ["dpkg", "-x", file, target])

    def _command(self, *arguments: str) -> list[str]:
        options = {
            "Dir::Etc::SourceList": self.folder / "sources.list",
            "Dir::Etc::SourceParts": "-",
            "Dir::State::Lists": self.folder / "lists",
            "Dir::Cache": self.folder / "cache",
            "APT::Sandbox::User": _user(),  # apt's own user may not look into this folder
            "APT::Get::List-Cleanup": "false",
            "Debug::NoLocking": "true",
        }
        return ["apt-get", *(part for name, value in options.items() for part in ("-o", f"{name}={value}")), *arguments]


def _user() -> str:
    return "root" if os.geteuid() == 0 else ""


def _mirror() -> str:
    """Where this machine has the same release from, if it has; mirrors differ, and some networks know only their own."""
    command = ["apt-get", "indextargets", "--format", "$(REPO_URI) $(CODENAME) $(COMPONENT)", "Created-By: Packages"]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS, check=False)
    for line in answer.stdout.splitlines():
        uri, _, what = line.partition(" ")
        if what == f"{RELEASE} main":
            return uri.rstrip("/")
    return ARCHIVE
