"""The proxier beside nginx, in front of the same worker: what a gibibyte and a line of a followed log cost of the proxying process' CPU.

The proxier is the program itself with a real API server behind its decisions. nginx decides nothing, which costs the proxier a request per connection, and
connections are few here. Both use OpenSSL with the same cipher on both sides.
"""

import hashlib
import socket
import ssl
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final

from oceanctl.sandbox import ports
from oceanctl.sandbox.components import LOOPBACK
from tests.bench import nginx
from tests.bench.figures import CannotRunError, Figure, interleaved
from tests.bench.real import api_server
from tests.integration.proxier.standin import BLOCK, LINE, head_of, noise
from tests.integration.proxier.station import CONTAINER, Station, stationed

ROUNDS: Final = 7
BULK_BYTES: Final = 512 * 1024 * 1024
LINES: Final = 4000
SEED: Final = 4
GIB: Final = 1024**3
MICRO: Final = 1e6
BUFFER_SIZE: Final = (
    "16k"  # with its default of 4k nginx takes twice as long; larger ones than a TLS record bring nothing
)
BULK_BOUND: Final = 1.1
LINE_BOUND: Final = 1.0
_UPGRADE: Final = "Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: v4.channel.k8s.io\r\n"


@dataclass(frozen=True, slots=True)
class Proxy:
    """A process that passes bytes on."""

    port: int
    pid: int
    tls: ssl.SSLContext

    def cpu_seconds(self) -> float:
        """CPU time of all its threads so far, to the nanosecond: the clock of another process, see clock_getcpuclockid(3)."""
        return time.clock_gettime((~self.pid << 3) | 2)

    @contextmanager
    def asked(self, path: str, headers: str = "") -> Iterator[ssl.SSLSocket]:
        """A connection on which the head of the answer has just come."""
        with (
            socket.create_connection((LOOPBACK, self.port), timeout=60) as connection,
            self.tls.wrap_socket(connection, server_hostname=LOOPBACK) as stream,
        ):
            stream.sendall(f"GET {path} HTTP/1.1\r\nHost: vnode\r\n{headers}\r\n".encode())
            yield stream


def figures() -> Sequence[Figure]:
    nginx.found()
    with api_server() as cluster:
        folder = cluster.folder / "station"
        folder.mkdir(exist_ok=True)
        with stationed(cluster, folder) as station, _proxies(station) as proxies:
            return list(_measured(*proxies))


def _measured(ours: Proxy, reference: Proxy) -> Iterator[Figure]:
    for what, unit, measure, bound in (
        ("CPU per GiB from the worker", "s", _down, BULK_BOUND),
        ("CPU per GiB to the worker", "s", _up, BULK_BOUND),
        ("CPU per line of a followed log", "µs", _follow, LINE_BOUND),
    ):
        measure(ours), measure(reference)  # buffers are made
        yield Figure.of(
            what, unit, interleaved(ROUNDS, partial(measure, ours), partial(measure, reference)), bound=bound
        )


@contextmanager
def _proxies(station: Station) -> Iterator[tuple[Proxy, Proxy]]:
    station.start(0)
    (port,) = ports.reserve(station.folder, 1)
    way = nginx.Way(port, station.worker.port, station.serving, station.authority, BUFFER_SIZE)
    with nginx.running(station.folder / "nginx", way) as beside:
        yield Proxy(station.port, station.pid(0), station.tls), Proxy(port, beside.worker, station.tls)


def _down(proxy: Proxy) -> float:
    """Seconds per GiB."""
    begun = proxy.cpu_seconds()
    with proxy.asked(_exec("down", SEED, BULK_BYTES, 0), _UPGRADE) as stream:
        left = BULK_BYTES - len(_switched(stream))
        room = bytearray(BLOCK)
        while left and (came := stream.recv_into(room)):
            left -= came
    if left:
        raise CannotRunError(f"{left} bytes did not come")
    return (proxy.cpu_seconds() - begun) * GIB / BULK_BYTES


def _up(proxy: Proxy) -> float:
    """Seconds per GiB."""
    begun = proxy.cpu_seconds()
    with proxy.asked(_exec("up", BULK_BYTES, 0), _UPGRADE) as stream:
        _switched(stream)
        digest = hashlib.sha256()
        for block in noise(SEED, BULK_BYTES):
            stream.sendall(block)
            digest.update(block)
        _check(stream.recv(BLOCK), digest.digest())
    return (proxy.cpu_seconds() - begun) * GIB / BULK_BYTES


def _follow(proxy: Proxy) -> float:
    """Microseconds per line."""
    begun = proxy.cpu_seconds()
    with proxy.asked(f"/containerLogs{CONTAINER}?follow=true&tailLines={LINES}") as stream:
        head, glued = head_of(stream)
        _check(head, b"HTTP/1.1 200 ")
        came = bytearray(glued)
        while not came.endswith(b"\r\n0\r\n\r\n") and (chunk := stream.recv(BLOCK)):
            came += chunk
    if came.count(LINE) != LINES:
        raise CannotRunError(f"{came.count(LINE)} of {LINES} lines came")
    return (proxy.cpu_seconds() - begun) * MICRO / LINES


def _switched(stream: ssl.SSLSocket) -> bytes:
    """What came with the answer's head."""
    head, glued = head_of(stream)
    _check(head, b"HTTP/1.1 101 ")
    return glued


def _exec(*command: object) -> str:
    return f"/exec{CONTAINER}?output=1&" + "&".join(f"command={word}" for word in command)


def _check(came: bytes, expected: bytes) -> None:
    if not came.startswith(expected):
        raise CannotRunError(f"{came[:200]!r} came instead of {expected!r}")
