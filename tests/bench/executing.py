"""`exec POD -- true` through the computing cluster and a proxier, beside the same asked of the worker itself.

Real API servers on both sides, and the same simulated node runs the command. kubectl spends most of its time on its own start, which makes the two look
alike; so what lies in between is measured too, from the connection to the answer that opens the stream.
"""

import asyncio
import subprocess
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from oceanctl.sandbox.programs import find
from oceanctl.sandbox.proxiers import SandboxProxier
from oceanctl.sandbox.sandbox import COMPUTING, Sandbox, Shape
from reconciler import names
from reconciler.kube.access import Access
from reconciler.kube.client import connect
from reconciler.kube.kubeconfig import from_file
from reconciler.kube.resources import NODES, PODS
from tests.bench.figures import CannotRunError, Figure, Pair
from tests.bench.real import sandbox_with_reconciler
from tests.integration.lending.conftest import ReconcilerProcess
from tests.integration.lending.hands import MOUNT, Hands, binding, eventually, policy, sleeper

ROUNDS: Final = 15
BOUND: Final = 2.0
MILLI: Final = 1000
WORKER: Final = "worker-1"
VNODE: Final = f"vnode-{WORKER}-{WORKER}-node-1"
POD: Final = "target"
UPGRADE: Final = "Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: v4.channel.k8s.io\r\n"

Exec = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Way:
    """A cluster, and what the pod is called there."""

    kubeconfig: Path
    namespace: str
    pod: str


def figures() -> Sequence[Figure]:
    with sandbox_with_reconciler(Shape(workers=1, nodes=1)) as (sandbox, process):
        process.start()
        proxier = SandboxProxier(sandbox, WORKER)
        proxier.start()
        try:
            return asyncio.run(_figures(sandbox, process, proxier.address))
        finally:
            proxier.stop()


async def _figures(sandbox: Sandbox, process: ReconcilerProcess, address: str) -> Sequence[Figure]:
    access = [await from_file(sandbox.kubeconfig(cluster)) for cluster in (COMPUTING, WORKER)]
    async with await connect(access[0]) as computing, await connect(access[1]) as worker:
        hands = Hands(sandbox, process, computing, {WORKER: worker}, MOUNT)
        await hands.apply(binding(WORKER))
        await hands.apply(policy("always", WORKER))
        await hands.vnodes_ready(1)
        await hands.own_namespace("executing")
        await eventually(lambda: _is_served(hands, address), "the vnode points at the proxier")
        await hands.create(PODS, sleeper(POD, node=VNODE))
        await hands.running(POD)
        ours = Way(sandbox.kubeconfig(COMPUTING), hands.namespace, POD)
        direct = Way(sandbox.kubeconfig(WORKER), MOUNT, names.mirrored_name(hands.namespace, POD))
        openings = _opening(access[0], ours), _opening(access[1], direct)
        return [
            Figure.of("kubectl exec POD -- true", "ms", await _pairs(_kubectl(ours), _kubectl(direct)), bound=BOUND),
            Figure.of("the same until the stream is open", "ms", await _pairs(*openings)),
        ]


async def _is_served(hands: Hands, address: str) -> bool:
    vnode = await hands.computing.get(NODES, VNODE)
    return any(each["address"] == address for each in vnode["status"].get("addresses", []))


async def _pairs(ours: Exec, direct: Exec) -> Sequence[Pair]:
    await ours()
    await direct()
    return [Pair(await _milliseconds(ours), await _milliseconds(direct)) for _ in range(ROUNDS)]


async def _milliseconds(work: Exec) -> float:
    begun = time.perf_counter()
    await work()
    return (time.perf_counter() - begun) * MILLI


def _kubectl(way: Way) -> Exec:
    program = str(find().path("kubectl"))
    command = [program, f"--kubeconfig={way.kubeconfig}", "-n", way.namespace, "exec", way.pod, "--", "true"]

    async def run() -> None:
        await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True, timeout=60)

    return run


def _opening(access: Access, way: Way) -> Exec:
    url = urlsplit(f"{access.server}{PODS.path(way.pod, way.namespace, 'exec')}?command=true&stdout=true&stderr=true")
    head = f"POST {url.path}?{url.query} HTTP/1.1\r\nHost: {url.netloc}\r\nContent-Length: 0\r\n{UPGRADE}\r\n"

    async def run() -> None:
        reader, writer = await asyncio.open_connection(url.hostname, url.port, ssl=access.tls)
        try:
            writer.write(head.encode())
            came = await reader.readuntil(b"\r\n\r\n")
        finally:
            writer.transport.abort()
        if not came.startswith(b"HTTP/1.1 101 "):
            raise CannotRunError(f"the stream was not opened: {came!r}")

    return run
