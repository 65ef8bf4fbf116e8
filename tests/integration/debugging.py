"""`kubectl debug` for tests: the API of ephemeral containers changed in 1.22, and neither side's kubectl speaks the other's."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from oceanctl.sandbox.apt import Apt
from oceanctl.sandbox.folders import cache_folder, locked
from oceanctl.sandbox.programs import KUBECTL, Programs
from oceanctl.sandbox.progress import to_stderr
from oceanctl.sandbox.steps import Steps

SINCE_POD = (1, 22)
DEBIAN_PACKAGE = "kubernetes-client"  # 1.20.2, as the sources that the servers are built from


def kubectl_for(programs: Programs) -> Path:
    """One whose `debug` the API servers understand; downloaded once where the machine's own is too new for them."""
    if _version(programs) >= SINCE_POD:
        return programs.path(KUBECTL)
    folder = cache_folder() / "kubectls"
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / "debian" / KUBECTL
    with locked(folder), tempfile.TemporaryDirectory(dir=folder) as work:
        if not kept.exists():
            kept.parent.mkdir(exist_ok=True)
            _unpacked(Path(work)).replace(kept)
    return kept


def ephemeral_patch(programs: Programs, pod: Mapping[str, Any], *containers: Mapping[str, Any]) -> dict[str, Any]:
    """A merge patch that adds ephemeral containers to a pod: what `kubectl debug` does, with more than its flags can say."""
    added = {"ephemeralContainers": [*pod["spec"].get("ephemeralContainers", ()), *containers]}
    return {"spec": added} if _version(programs) >= SINCE_POD else added


def _version(programs: Programs) -> tuple[int, ...]:
    return tuple(int(part) for part in programs.version.split(".")[:2])


def _unpacked(work: Path) -> Path:
    apt = Apt.prepare(Steps(work, to_stderr()), work / "apt")
    apt.unpack([DEBIAN_PACKAGE], work / "root")
    return work / "root" / "usr" / "bin" / KUBECTL
