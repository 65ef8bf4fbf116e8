"""A Bridge's books without its wires: real caches, load, queues and observers of both sides, fed by hand."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import msgspec
from kubernetes.aio.client.configuration import Configuration

from reconciler.bottomup.load import LoadBook
from reconciler.bridge.computing import Computing, decode_node
from reconciler.bridge.ground import Bound, Ground
from reconciler.bridge.nodes import NodeObserver, decide_node
from reconciler.bridge.policies import PolicyBook
from reconciler.bridge.wiring import Queues, Wiring
from reconciler.bridge.worker import Heartbeat, Worker, WorkerPodEntry
from reconciler.clock import SystemClock
from reconciler.decision import Create, Decision
from reconciler.kube.access import Access
from reconciler.kube.client import Client, connect
from reconciler.kube.lines import LineSplitter
from reconciler.kube.projections import CustomObject, Decode, Node, ObjectMeta
from reconciler.kube.resources import PODS
from reconciler.kube.watch_decoding import event_of
from reconciler.kube.watch_events import Added, Occurrence, Synced
from reconciler.kube.workqueue import WorkQueue
from reconciler.marks import BindingState
from reconciler.settings import Settings
from tests.bench.samples import IDENTITY, Side
from tests.leasing import BINDING, worker_node

NODE: Final = f"{Side.FOREIGN.value}0000000"
POLICIES: Final = 100
_IDLE_SECONDS: Final = 60.0
_NOWHERE: Final = "https://127.0.0.1:1"


class Books:
    """One worker node with its vnode and 100 policies, of which one lends it; pods come by `take`."""

    def __init__(self, client: Client) -> None:
        settings, clock = Settings(), SystemClock()
        self._computing = Computing(client, IDENTITY.computing_cluster_uid, _IDLE_SECONDS)
        self._worker = Worker(client, IDENTITY, settings)
        bound = Bound(BINDING, BindingState(IDENTITY))
        heartbeat = Heartbeat(client, "worker-uid", clock, lambda: None)
        ground = Ground(self._computing, self._worker, lambda: bound, heartbeat, "worker-uid")
        load = LoadBook()
        self._nodes: WorkQueue[str] = WorkQueue()
        self._observer = NodeObserver(ground, PolicyBook(self._computing.policies, BINDING.name), load)
        queues = Queues(self._nodes, WorkQueue(), WorkQueue(), WorkQueue(), WorkQueue())
        Wiring(ground, load, queues, self._observer.yields).connect()
        self._clock = clock
        self._lines = LineSplitter()
        self._decode: Decode[WorkerPodEntry] = self._worker.pods._spec.decode

    async def open(self) -> None:
        """Show the node and the policies, and make the vnode that follows from them."""
        self._worker._is_discovered = True
        for cache in self._worker.caches:
            cache._take(Synced("4"))
        metadata = ObjectMeta(NODE, uid="node-uid", resource_version="5", labels={"example.com/pool": "pool-0"})
        self._worker.nodes._take(Added(msgspec.structs.replace(worker_node(), metadata=metadata)))
        for number in range(POLICIES):
            self._computing.policies._take(Added(_policy(number)))
        decision = await self._pass_over(NODE)
        self._computing.nodes._take(Added(_made_by(decision)))
        await self.look()

    def take(self, chunk: bytes) -> None:
        """What has come from the watch of the worker's pods."""
        for line in self._lines.feed(chunk):
            event: Occurrence[WorkerPodEntry] | None = event_of(line, self._decode, PODS.plural)
            assert event is not None
            self._worker.pods._take(event)

    async def skip(self) -> None:
        """Take the keys that are due, and put them back without a look."""
        while len(self._nodes):
            self._nodes.done(await self._nodes.get())

    async def look(self) -> None:
        """Take the keys that are due, observe and decide, as a controller does; nothing is performed."""
        while len(self._nodes):
            name = await self._nodes.get()
            await self._pass_over(name)
            self._nodes.done(name)

    async def _pass_over(self, name: str) -> Decision:
        now = self._clock.now()
        view = await self._observer.observe(name, now)
        assert view is not None
        return decide_node(view, now)


@asynccontextmanager
async def opened() -> AsyncIterator[Books]:
    """Books with a node; their clients send nothing."""
    access = Access(Configuration(host=_NOWHERE), ssl.create_default_context())
    async with await connect(access) as client:
        books = Books(client)
        await books.open()
        yield books


def _policy(number: int) -> CustomObject:
    pool = {"key": "example.com/pool", "operator": "In", "values": [f"pool-{number}"]}
    spec = {
        "cluster": BINDING.name,
        "nodeSelector": {"nodeSelectorTerms": [{"matchExpressions": [pool]}]},
        "timeWindows": [{"start": "00:00", "end": "24:00"}],
        "resourceLimits": [{"resource": "cpu", "percent": 50}],
    }
    return CustomObject(ObjectMeta(f"policy-{number}", uid=f"policy-{number}", resource_version="1"), spec)


def _made_by(decision: Decision) -> Node:
    """The node that the computing cluster would show."""
    create = next(action for action in decision.actions if isinstance(action, Create))
    metadata = {**create.manifest["metadata"], "uid": "vnode-uid", "resourceVersion": "1"}
    return decode_node(msgspec.json.encode({**create.manifest, "metadata": metadata}))
