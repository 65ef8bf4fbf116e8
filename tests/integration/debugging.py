"""`kubectl debug` for tests: the API of ephemeral containers changed in 1.22, and neither side's kubectl speaks the other's."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from oceanctl.sandbox.programs import KUBECTL, Programs
from oceanctl.sandbox.progress import to_stderr
from tests import kubectls

SINCE_POD = (1, 22)


def kubectl_for(programs: Programs) -> Path:
    """One whose `debug` the API servers understand; Debian's where the machine's own is too new for them: 1.20.2, as the servers that are built from Debian's sources."""
    if _version(programs) >= SINCE_POD:
        return programs.path(KUBECTL)
    return kubectls.PROGRAMS[kubectls.DEBIAN](to_stderr())


def ephemeral_patch(programs: Programs, pod: Mapping[str, Any], *containers: Mapping[str, Any]) -> dict[str, Any]:
    """A merge patch that adds ephemeral containers to a pod: what `kubectl debug` does, with more than its flags can say."""
    added = {"ephemeralContainers": [*pod["spec"].get("ephemeralContainers", ()), *containers]}
    return {"spec": added} if _version(programs) >= SINCE_POD else added


def _version(programs: Programs) -> tuple[int, ...]:
    return tuple(int(part) for part in programs.version.split(".")[:2])
