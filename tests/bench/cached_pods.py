"""What a cached pod costs: memory per pod and a full garbage collection, of our caches beside dicts, at 50,000 pods."""

import asyncio
import gc
import statistics
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from resource import getpagesize
from typing import Any, Final

import aiohttp
import orjson

from reconciler.kube.access import Access
from reconciler.kube.calls import PAGE
from reconciler.kube.client import connect
from reconciler.kube.kubeconfig import from_secret
from reconciler.kube.resources import PODS
from tests.bench import caches
from tests.bench.api_server import Served, serving
from tests.bench.figures import CannotRunError, Figure, Pair, cpu_seconds
from tests.bench.machine import memory
from tests.bench.processes import in_child
from tests.bench.samples import Side

PODS_CACHED: Final = 50_000
NODES: Final = 1000
COLLECTIONS: Final = 3
NEEDED_BYTES: Final = PODS_CACHED * 100 * 1024  # what the dicts take, and some room
KIB: Final = 1024
MILLI: Final = 1000


@dataclass(frozen=True, slots=True)
class Weight:
    """What all pods together weigh in a process that holds nothing else."""

    resident_bytes: int
    collection_seconds: float


def figures() -> Sequence[Figure]:
    """One process each: one that does the same again weighs the same, within a hundredth."""
    if memory("MemAvailable") < NEEDED_BYTES:
        raise CannotRunError(f"{PODS_CACHED} pods as dicts need {NEEDED_BYTES / 2**30:.1f} GiB of free memory")
    dicts = _weighed(Side.FOREIGN, _weigh_dicts)
    return [
        *_figures("a worker's own pods, as requests", _weighed(Side.FOREIGN, _weigh_worker_pods), dicts),
        *_figures("our pods of a worker, with their bytes", _weighed(Side.MIRRORED, _weigh_worker_pods), dicts),
        *_figures(
            "pods of the computing cluster, with their bytes and indexes",
            _weighed(Side.COMPUTING, _weigh_computing_pods),
            dicts,
        ),
    ]


def _weighed(side: Side, weigh: Callable[[bytes], Weight]) -> Weight:
    with serving(Served(side, listed=PODS_CACHED, nodes=NODES)) as kubeconfig:
        return in_child(weigh, kubeconfig)


def _figures(what: str, ours: Weight, dicts: Weight) -> Sequence[Figure]:
    per_pod = Pair(*(each.resident_bytes / PODS_CACHED / KIB for each in (ours, dicts)))
    collection = Pair(*(each.collection_seconds * MILLI for each in (ours, dicts)))
    return [
        Figure.of(f"memory per pod, {PODS_CACHED} cached: {what}", "KiB", [per_pod]),
        Figure.of(f"full garbage collection, {PODS_CACHED} cached: {what}", "ms", [collection]),
    ]


def _weigh_worker_pods(kubeconfig: bytes) -> Weight:
    return asyncio.run(_cache_weight(from_secret(kubeconfig), caches.worker_pods))


def _weigh_computing_pods(kubeconfig: bytes) -> Weight:
    return asyncio.run(_cache_weight(from_secret(kubeconfig), caches.computing_pods))


async def _cache_weight(access: Access, make: caches.Make) -> Weight:
    async with await connect(access) as client:
        before = _resident_bytes()
        cache = make(client)
        async with caches.running(cache):
            await cache.wait_synced()
        return _weight(before, len(cache))


def _weigh_dicts(kubeconfig: bytes) -> Weight:
    return asyncio.run(_dicts_weight(from_secret(kubeconfig)))


async def _dicts_weight(access: Access) -> Weight:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=access.tls)) as session:
        before = _resident_bytes()
        pods: dict[str, dict[str, Any]] = {}
        async with aclosing(_pages(session, f"{access.server}{PODS.path()}")) as pages:
            async for page in pages:
                pods.update({f"{pod['metadata']['namespace']}/{pod['metadata']['name']}": pod for pod in page})
        return _weight(before, len(pods))


async def _pages(session: aiohttp.ClientSession, url: str) -> AsyncGenerator[list[dict[str, Any]], None]:
    rest: str | None = ""
    while rest is not None:
        async with session.get(url, params={"limit": str(PAGE), "continue": rest}) as response:
            page = orjson.loads(await response.read())
        yield page["items"]
        rest = page["metadata"].get("continue")


def _weight(before: int, pods: int) -> Weight:
    """Called while the pods are held."""
    if pods != PODS_CACHED:
        raise CannotRunError(f"{pods} pods are cached instead of {PODS_CACHED}")
    collections = [cpu_seconds(gc.collect) for _ in range(COLLECTIONS)]
    return Weight(_resident_bytes() - before, statistics.median(collections))


def _resident_bytes() -> int:
    gc.collect()
    gc.disable()  # only the full collections at the end count here, and dicts are filled in half the time without
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * getpagesize()
