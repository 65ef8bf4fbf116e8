"""TCP ports that stay an owner's own while its components stop and start.

A reservation is a file `ports/PORT` in the cache folder which names the owner's folder; it ends with that folder.
"""

import random
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from oceanctl.sandbox.errors import SandboxError
from oceanctl.sandbox.folders import cache_folder, locked

PORTS = range(20000, 32000)  # below the kernel's ephemeral range: outgoing connections cannot take them


def reserve(owner: Path, count: int) -> tuple[int, ...]:
    """`count` free ports, the caller's until `release(owner)` or until the folder `owner` (which must exist) is gone."""
    with _reservations() as folder:
        _sweep(folder)
        free = _free_ports(taken={int(file.name) for file in folder.iterdir()})
        chosen = tuple(port for port, _ in zip(free, range(count), strict=False))
        if len(chosen) < count:
            raise SandboxError(f"no {count} free ports between {PORTS.start} and {PORTS.stop}")
        for port in chosen:
            (folder / str(port)).write_text(str(owner.resolve()))
        return chosen


def release(owner: Path) -> None:
    """Give back every port of `owner`."""
    with _reservations() as folder:
        for file in folder.iterdir():
            if file.read_text() == str(owner.resolve()):
                file.unlink()


@contextmanager
def _reservations() -> Iterator[Path]:
    cache = cache_folder()
    cache.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder = cache / "ports"
    with locked(cache):
        folder.mkdir(exist_ok=True)
        yield folder
        if not any(folder.iterdir()):
            folder.rmdir()


def _sweep(folder: Path) -> None:
    for file in folder.iterdir():
        if not Path(file.read_text()).is_dir():
            file.unlink()


def _free_ports(taken: set[int]) -> Iterator[int]:
    # Not for security: random so that a port just given back is not taken again while clients still call it.
    for port in random.sample(PORTS, len(PORTS)):
        if port not in taken and _can_bind(port):
            yield port


def _can_bind(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
