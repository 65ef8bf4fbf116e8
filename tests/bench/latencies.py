"""How long it takes until the other cluster shows a change: the real reconciler in a sandbox, against what is promised.

A figure's reference is the promise. The answer to a write starts the clock, and the other side is asked every 5 ms.
"""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Sequence
from time import perf_counter
from typing import Any, Final

from inventory.quantity import parse
from oceanctl.sandbox.components import API_SERVER
from oceanctl.sandbox.sandbox import COMPUTING, Sandbox, Shape
from reconciler.kube.client import connect
from reconciler.kube.kubeconfig import from_file
from reconciler.kube.resources import CONFIGMAPS, NODES, PODS
from tests.bench.figures import CannotRunError, Figure, Pair
from tests.bench.real import sandbox_with_reconciler
from tests.integration.lending.conftest import ReconcilerProcess
from tests.integration.lending.hands import MOUNT, Hands, Json, binding, policy, removed, sleeper

ROUNDS: Final = 15
PROMISED_SECONDS: Final = 2.0
SILENCE_SECONDS: Final = 40.0  # after which a worker counts as unreachable
PATIENCE_SECONDS: Final = 60.0
POLL_SECONDS: Final = 0.005
WORKER: Final = "worker-1"
NODE: Final = "worker-1-node-1"
VNODE: Final = f"vnode-{WORKER}-{NODE}"
SETTINGS: Final = {
    "resync_seconds": "300",
    "heartbeat_seconds": "5",
}  # as by default: a resync must not hide a lost event


def figures() -> Sequence[Figure]:
    with sandbox_with_reconciler(Shape(workers=1, nodes=1)) as (sandbox, process):
        process.start(**SETTINGS)
        return asyncio.run(_figures(sandbox, process))


async def _figures(sandbox: Sandbox, process: ReconcilerProcess) -> Sequence[Figure]:
    access = [await from_file(sandbox.kubeconfig(cluster)) for cluster in (COMPUTING, WORKER)]
    async with await connect(access[0]) as computing, await connect(access[1]) as worker:
        hands = Hands(sandbox, process, computing, {WORKER: worker}, MOUNT)
        await hands.apply(binding(WORKER))
        await hands.apply(policy("always", WORKER))
        await hands.vnodes_ready(1)
        await hands.own_namespace("latencies")
        return [
            _figure("ConfigMap changed until its copy has", await _copying(hands)),
            *await _load_figures(hands),
            _figure("worker stopped until its vnode says so", [await _outage(hands)], SILENCE_SECONDS, None),
        ]


def _figure(
    what: str, seconds: Sequence[float], promised: float = PROMISED_SECONDS, bound: float | None = 1.0
) -> Figure:
    return Figure.of(what, "s", [Pair(each, promised) for each in seconds], bound=bound)


async def _copying(hands: Hands) -> Sequence[float]:
    await hands.create(CONFIGMAPS, {"metadata": {"name": "settings"}, "data": {"turn": "-1"}})
    await hands.create(PODS, _reader())
    await hands.running("reader")
    return [await _copy_of(hands, str(turn)) for turn in range(ROUNDS)]


async def _copy_of(hands: Hands, turn: str) -> float:
    (copy,) = await hands.copies(WORKER, CONFIGMAPS, "settings")

    async def has_come() -> bool:
        found = await hands.workers[WORKER].get(CONFIGMAPS, copy["metadata"]["name"], MOUNT)
        return bool(found["data"]["turn"] == turn)

    await hands.patch(CONFIGMAPS, "settings", {"data": {"turn": turn}})
    return await _seconds_until(has_come)


async def _load_figures(hands: Hands) -> Sequence[Figure]:
    turns = [await _owners_turn(hands) for _ in range(ROUNDS)]
    return [
        _figure("owner's pod started until its vnode is smaller", [shrunk for shrunk, _ in turns]),
        _figure("owner's pod gone until its vnode is larger", [grown for _, grown in turns]),
    ]


async def _owners_turn(hands: Hands) -> tuple[float, float]:
    """How long the vnode took to shrink, and to grow again."""
    worker = hands.workers[WORKER]
    whole = await _cpu(hands)

    async def has_shrunk() -> bool:
        return await _cpu(hands) < whole

    async def has_grown() -> bool:
        return await _cpu(hands) == whole

    await worker.create(PODS, _owners_pod(), "default")
    shrunk = await _seconds_until(has_shrunk)
    await removed(worker, PODS, "owner", "default", grace_seconds=0)
    return shrunk, await _seconds_until(has_grown)


async def _outage(hands: Hands) -> float:
    async def is_told() -> bool:
        conditions: list[Json] = (await hands.computing.get(NODES, VNODE))["status"]["conditions"]
        return any(each["type"] == "Ready" and each["reason"] == "WorkerUnreachable" for each in conditions)

    hands.sandbox.cluster(WORKER).stop_component(API_SERVER, signal.SIGKILL)
    return await _seconds_until(is_told)


async def _cpu(hands: Hands) -> int:
    return parse((await hands.computing.get(NODES, VNODE))["status"]["allocatable"]["cpu"])


async def _seconds_until(holds: Callable[[], Awaitable[bool]]) -> float:
    begun = perf_counter()
    while not await holds():
        if perf_counter() - begun > PATIENCE_SECONDS:
            raise CannotRunError(f"not within {PATIENCE_SECONDS:g} s: {holds.__qualname__}")
        await asyncio.sleep(POLL_SECONDS)
    return perf_counter() - begun


def _reader() -> dict[str, Any]:
    pod = sleeper("reader", node=VNODE)
    pod["spec"]["containers"][0]["envFrom"] = [{"configMapRef": {"name": "settings"}}]
    return pod


def _owners_pod() -> dict[str, Any]:
    return sleeper("owner", cpu="1500m", nodeName=NODE, tolerations=[])
