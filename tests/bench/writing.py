"""Writes to a real API server: `Client.patch` beside a bare aiohttp session that sends the same PATCHes."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median
from time import perf_counter, process_time
from typing import Any, Final

import aiohttp

from oceanctl.sandbox.controlplane import ControlPlane
from reconciler.kube.access import Access
from reconciler.kube.calls import MERGE_PATCH
from reconciler.kube.client import Client, connect
from reconciler.kube.kubeconfig import from_file
from reconciler.kube.resources import LEASES
from tests.bench.figures import Figure, Pair
from tests.bench.real import api_server

ROUNDS: Final = 7
WRITES: Final = 50
WORKERS: Final = 16  # of a controller, as Settings has it
NAMESPACE: Final = "default"
NAMES: Final = tuple(f"bench-{number}" for number in range(WORKERS))
MILLI: Final = 1000
MICRO: Final = 1e6

Write = Callable[[str, dict[str, Any]], Awaitable[None]]
"""Sends a patch to the Lease of a name."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one write: how long its caller waits when it is alone, and what it takes of our CPU when a controller is busy."""

    wait_seconds: float
    cpu_seconds: float


def figures() -> Sequence[Figure]:
    with api_server() as cluster:
        rounds = asyncio.run(_rounds(cluster))
    waiting = [Pair(ours.wait_seconds * MILLI, bare.wait_seconds * MILLI) for ours, bare in rounds]
    working = [Pair(ours.cpu_seconds * MICRO, bare.cpu_seconds * MICRO) for ours, bare in rounds]
    return [
        Figure.of("time per PATCH of a Lease, one after the other", "ms", waiting),
        Figure.of(f"CPU per PATCH of a Lease, {WORKERS} at once", "µs", working),
    ]


async def _rounds(cluster: ControlPlane) -> Sequence[tuple[Cost, Cost]]:
    access = await from_file(cluster.kubeconfig)
    connector = aiohttp.TCPConnector(ssl=access.tls)
    async with await connect(access) as client, aiohttp.ClientSession(connector=connector) as session:
        for name in NAMES:
            await client.create(LEASES, {"metadata": {"name": name}, "spec": {}}, NAMESPACE)
        ours, bare = _with_client(client), _with_session(session, access)
        await _cost(ours), await _cost(bare)  # connections are made, and the server gets warm
        return [(await _cost(ours), await _cost(bare)) for _ in range(ROUNDS)]


async def _cost(write: Write) -> Cost:
    alone = await _waits(write, NAMES[0])
    begun = process_time()
    await asyncio.gather(*(_waits(write, name) for name in NAMES))
    return Cost(median(alone), (process_time() - begun) / (WRITES * WORKERS))


async def _waits(write: Write, name: str) -> Sequence[float]:
    """How long each of many writes took, one after the other."""
    waits: list[float] = []
    for _ in range(WRITES):
        begun = perf_counter()
        await write(name, {"spec": {"renewTime": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"}})
        waits.append(perf_counter() - begun)
    return waits


def _with_client(client: Client) -> Write:
    async def write(name: str, patch: dict[str, Any]) -> None:
        await client.patch(LEASES, name, patch, NAMESPACE)

    return write


def _with_session(session: aiohttp.ClientSession, access: Access) -> Write:
    """What one writes without a client library: the answer is read and not looked at."""
    urls = {name: f"{access.server}{LEASES.path(name, NAMESPACE)}" for name in NAMES}

    async def write(name: str, patch: dict[str, Any]) -> None:
        headers = {"Content-Type": MERGE_PATCH}
        async with session.patch(
            urls[name], data=json.dumps(patch), headers=headers, raise_for_status=True
        ) as response:
            await response.read()

    return write
