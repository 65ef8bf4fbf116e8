"""Control groups of nodes, in version 1 (a hierarchy per controller) and version 2 (one for all).

A group is named by its path from the root, `/kubeocean-…`. Every process of a node is in its group or below, so whoever clears the group has ended the node.
"""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from oceanctl.sandbox.errors import NotReadyError

ROOT: Final = Path("/sys/fs/cgroup")
_INHERITED: Final = ("cpuset.cpus", "cpuset.mems")  # version 1 makes them empty, and no process may enter then
_END_SECONDS: Final = 20.0
_POLL_SECONDS: Final = 0.05


def enter(group: str) -> None:
    """Make the group in every hierarchy and move the calling process there."""
    for hierarchy in hierarchies():
        folder = hierarchy
        for part in Path(group).parts[1:]:
            _hand_down(folder)
            folder /= part
            folder.mkdir(exist_ok=True)
            _take_over(folder)
        (folder / "cgroup.procs").write_text(str(os.getpid()))


def groups(prefix: str) -> set[str]:
    """The top groups whose names begin with `prefix`."""
    return {f"/{folder.name}" for hierarchy in hierarchies() for folder in hierarchy.glob(f"{prefix}*")}


def clear(group: str) -> None:
    """Kill what is in the group and remove it; NotReadyError when processes do not end."""
    give_up_at = time.monotonic() + _END_SECONDS
    while left := [folder for hierarchy in hierarchies() for folder in _tree(hierarchy / group.lstrip("/"))]:
        for folder in left:
            _end(folder)
        if time.monotonic() > give_up_at:
            raise NotReadyError(f"the control group {group} is not empty after {_END_SECONDS:g} s")
        time.sleep(_POLL_SECONDS)


def hierarchies() -> list[Path]:
    """Where groups are made: version 2 alone, else every controller of version 1 once (two names may lead to one)."""
    if (ROOT / "cgroup.procs").exists():
        return [ROOT]
    mounted = {folder.stat().st_dev: folder for folder in ROOT.iterdir() if (folder / "cgroup.procs").exists()}
    return sorted(mounted.values())


def _hand_down(folder: Path) -> None:
    """Version 2: let children have the controllers that the parent has."""
    available = folder / "cgroup.controllers"
    if available.exists() and (names := available.read_text().split()):
        (folder / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in names))


def _take_over(folder: Path) -> None:
    for name in _INHERITED:
        file = folder / name
        if (folder / "cgroup.clone_children").exists() and file.exists() and not file.read_text().strip():
            file.write_text((folder.parent / name).read_text())


def _tree(top: Path) -> Iterator[Path]:
    """The innermost first: a group with children cannot be removed."""
    for folder, _, _ in os.walk(top, topdown=False):
        yield Path(folder)


def _end(folder: Path) -> None:
    with suppress(FileNotFoundError):
        for pid in (folder / "cgroup.procs").read_text().split():
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
    with suppress(OSError):  # busy until the last of them is buried
        folder.rmdir()
