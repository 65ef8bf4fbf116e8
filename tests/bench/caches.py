"""The product's own caches, with the subscribers that they have in a Bridge, for benches to fill."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

from reconciler.bottomup.load import LoadBook
from reconciler.bridge.computing import ON_NODE, Computing, decode_pod
from reconciler.bridge.worker import Worker, WorkerPodEntry
from reconciler.kube.cache import Cache, Change
from reconciler.kube.client import Client
from reconciler.kube.projections import Pod
from reconciler.kube.resources import PODS
from reconciler.kube.watch import WatchSpec
from reconciler.settings import Settings
from tests.bench.samples import IDENTITY

Make = Callable[[Client], Cache[Any]]

_IDLE_SECONDS: Final = 60.0


def projections(client: Client) -> Cache[Any]:
    """`reconciler.kube` alone: pods as projections, found by their node."""
    return Cache(client, WatchSpec(resource=PODS, decode=decode_pod), indexes={ON_NODE: _node_of})


def worker_pods(client: Client) -> Cache[Any]:
    """The pods of a worker: ours with their bytes, of the others the requests, summed up by node."""
    pods = Worker(client, IDENTITY, Settings()).pods
    load = LoadBook()

    def take_over(change: Change[WorkerPodEntry]) -> None:
        load.apply(change.before, change.after)

    pods.subscribe(take_over)
    return pods


def computing_pods(client: Client) -> Cache[Any]:
    """The pods on vnodes, with their bytes, found by their vnode and by what they reference."""
    return Computing(client, IDENTITY.computing_cluster_uid, _IDLE_SECONDS).pods


@asynccontextmanager
async def running(cache: Cache[Any]) -> AsyncIterator[None]:
    """The cache follows its server within the context."""
    task = asyncio.create_task(cache.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def _node_of(pod: Pod) -> tuple[str, ...]:
    return (pod.spec.node_name,)
