"""Watch events from the wire into a cache: `reconciler.kube`'s pipeline beside `readline`, `orjson.loads` and a dict."""

import asyncio
from collections.abc import Sequence
from time import process_time
from typing import Any, Final

import aiohttp
import orjson

from reconciler.kube.access import Access
from reconciler.kube.cache import Cache, Change
from reconciler.kube.client import connect
from reconciler.kube.kubeconfig import from_secret
from reconciler.kube.resources import PODS
from tests.bench import caches
from tests.bench.api_server import Served, serving
from tests.bench.figures import Figure, interleaved
from tests.bench.samples import Side

ROUNDS: Final = 5
EVENTS: Final = 3000
PODS_WATCHED: Final = 1000
NODES: Final = 50
LONGEST_LINE: Final = 2 * 1024 * 1024
MICRO: Final = 1e6


def figures() -> Sequence[Figure]:
    return [
        _figure("pods as projections, with an index and a subscriber", Side.FOREIGN, caches.projections),
        _figure("a worker's own pods, summed up by node", Side.FOREIGN, caches.worker_pods),
        _figure("our pods of a worker, with their bytes", Side.MIRRORED, caches.worker_pods),
        _figure("pods of the computing cluster, with their bytes and indexes", Side.COMPUTING, caches.computing_pods),
    ]


def _figure(what: str, side: Side, make: caches.Make) -> Figure:
    with serving(Served(side, nodes=NODES, events=EVENTS, watched=PODS_WATCHED)) as kubeconfig:
        access = from_secret(kubeconfig)
        pairs = interleaved(ROUNDS, lambda: asyncio.run(_ours(access, make)), lambda: asyncio.run(_reference(access)))
    return Figure.of(f"CPU per watch event: {what}", "µs", pairs)


async def _ours(access: Access, make: caches.Make) -> float:
    async with await connect(access) as client:
        begun = process_time()
        cache = make(client)
        has_all = _after(EVENTS, cache)
        async with caches.running(cache):
            await has_all.wait()
            return (process_time() - begun) / EVENTS * MICRO


async def _reference(access: Access) -> float:
    """The plainest thing that works: it keeps what it is sent, and neither resumes nor indexes."""
    connector = aiohttp.TCPConnector(ssl=access.tls)
    pods: dict[str, dict[str, Any]] = {}
    begun = process_time()
    async with (
        aiohttp.ClientSession(connector=connector, read_bufsize=LONGEST_LINE) as session,
        session.get(f"{access.server}{PODS.path()}", params={"watch": "true"}) as response,
    ):
        for _ in range(EVENTS):
            found = orjson.loads(await response.content.readline())["object"]
            pods[f"{found['metadata']['namespace']}/{found['metadata']['name']}"] = found
        return (process_time() - begun) / EVENTS * MICRO


def _after(changes: int, cache: Cache[Any]) -> asyncio.Event:
    """Set when the cache has changed so often."""
    left = changes
    reached = asyncio.Event()

    def count(_change: Change[Any]) -> None:
        nonlocal left
        left -= 1
        if not left:
            reached.set()

    cache.subscribe(count)
    return reached
