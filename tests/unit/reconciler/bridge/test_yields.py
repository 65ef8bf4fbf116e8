"""Nodes that give way, as pods of the owner come and go."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from reconciler import names
from reconciler.bottomup.load import LoadBook, foreign_pod_for
from reconciler.bridge.computing import Computing
from reconciler.bridge.ground import Bound, Ground
from reconciler.bridge.nodes import NodeObserver, decide_node
from reconciler.bridge.policies import PolicyBook
from reconciler.bridge.wiring import Queues, Wiring
from reconciler.bridge.worker import Heartbeat, Worker
from reconciler.clock import SystemClock
from reconciler.decision import Patch
from reconciler.kube.cache import Cache
from reconciler.kube.client import Client
from reconciler.kube.errors import TransientError
from reconciler.kube.projections import (
    Container,
    Copied,
    CustomObject,
    Node,
    NodeStatus,
    ObjectMeta,
    Pod,
    PodSpec,
    ResourceRequirements,
)
from reconciler.kube.watch_events import Added, Deleted, Modified, Synced
from reconciler.kube.workqueue import WorkQueue
from reconciler.settings import Settings
from tests.leasing import BINDING, IDENTITY, STATE, VNODE_NAME, bare_vnode, pod, worker_node

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
UNPLACED = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
LENT = bare_vnode({names.POLICIES_APPLIED: "days"})
GIVING = bare_vnode({names.POLICIES_APPLIED: "days", names.YIELDS_TO: "u1", names.SHRUNK_AT: "2026-01-05T11:59:00Z"})


class Fleet:
    """A node of 7.9 cores that a pod of 6 fills; nothing is sent to either side."""

    def __init__(self, client: Client, vnode: Node = LENT, **spec: Any) -> None:
        self.computing = Computing(client, IDENTITY.computing_cluster_uid, 60)
        self.worker = Worker(client, IDENTITY, Settings())
        self.worker._is_discovered = True
        for cache in self.worker.caches:
            cache._take(Synced("1"))
        heartbeat = Heartbeat(client, "worker-uid", SystemClock(), lambda: None)
        ground = Ground(self.computing, self.worker, lambda: Bound(BINDING, STATE), heartbeat, "worker-uid")
        load = LoadBook()
        self.nodes: WorkQueue[str] = WorkQueue()
        self.observer = NodeObserver(ground, PolicyBook(self.computing.policies, BINDING.name), load)
        queues = Queues(self.nodes, WorkQueue(), WorkQueue(), WorkQueue(), WorkQueue())
        Wiring(ground, load, queues, self.observer.yields).connect()
        wanted = {"cluster": BINDING.name, "forceReclaim": True, "yieldToOwner": True, **spec}
        self.computing.policies._take(Added(CustomObject(ObjectMeta("days", uid="p", resource_version="1"), wanted)))
        self.computing.nodes._take(Added(vnode))
        lodger = pod("lodger", requests={"cpu": "6"})
        self.computing.pods._take(Added(Copied(lodger, msgspec.json.encode(lodger))))
        self.worker.nodes._take(Added(worker_node()))

    def waits(self, cpu: str = "4", version: str = "1", **spec: Any) -> None:
        """A pod of the owner waits, or changes."""
        entry = self.worker.pods._spec.decode(
            msgspec.json.encode(
                {
                    "metadata": {"name": "owner", "namespace": "default", "uid": "u1", "resourceVersion": version},
                    "spec": {"containers": [{"name": "c", "resources": {"requests": {"cpu": cpu}}}], **spec},
                    "status": {"phase": "Pending", "conditions": [] if "nodeName" in spec else [UNPLACED]},
                }
            )
        )
        assert entry is not None
        self.worker.pods._take(Modified(entry))

    def runs(self, name: str, cpu: str) -> None:
        """Another pod of the owner runs on the node."""
        container = Container("c", resources=ResourceRequirements({"cpu": cpu}))
        running = Pod(ObjectMeta(name, "default", uid=name), PodSpec("n1", containers=(container,)))
        self.worker.pods._take(Added(foreign_pod_for(running)))

    async def yields_to(self) -> tuple[str, ...]:
        view = await self.observer.observe("n1", NOW)
        assert view is not None
        return view.yields_to


@pytest.fixture
async def looking(client: Client) -> AsyncIterator[Fleet]:
    """A fleet that has looked once and goes on looking."""
    fleet = Fleet(client)
    assert await fleet.yields_to() == ()
    task = asyncio.create_task(fleet.observer.yields.run(SystemClock()))
    yield fleet
    task.cancel()


async def woken(fleet: Fleet) -> str:
    """The next node that is woken by a look."""
    async with asyncio.timeout(5):
        name = await fleet.nodes.get()
        fleet.nodes.done(name)
        return name


async def quiet(fleet: Fleet) -> None:
    while len(fleet.nodes):
        fleet.nodes.done(await fleet.nodes.get())


async def test_a_pod_that_waits_wakes_the_node_that_gives_way(looking: Fleet) -> None:
    await quiet(looking)
    looking.waits()
    assert await woken(looking) == "n1"
    view = await looking.observer.observe("n1", NOW)
    assert view is not None
    assert (view.yields_to, view.foreign_load) == (("u1",), {"cpu": 4000, "pods": 1000})


async def test_a_pod_that_is_placed_counts_once(looking: Fleet) -> None:
    await quiet(looking)
    looking.waits()
    await woken(looking)
    looking.waits(version="2", nodeName="n1")
    view = await looking.observer.observe("n1", NOW)
    assert view is not None
    assert (view.yields_to, view.foreign_load) == ((), {"cpu": 4000, "pods": 1000})


async def test_a_pod_that_is_gone_is_forgotten(looking: Fleet) -> None:
    await quiet(looking)
    looking.waits()
    await woken(looking)
    looking.worker.pods._take(Deleted("default/owner", "3"))
    assert await looking.yields_to() == ()
    assert await woken(looking) == "n1"


async def test_a_node_that_has_become_too_small_gives_way_no_longer(looking: Fleet) -> None:
    await quiet(looking)
    looking.waits()
    await woken(looking)
    small = worker_node(allocatable={"cpu": "3", "pods": "110"})
    metadata = msgspec.structs.replace(small.metadata, resource_version="6")
    looking.worker.nodes._take(Modified(msgspec.structs.replace(small, metadata=metadata)))
    await woken(looking)  # by the change itself
    await woken(looking)  # by the look that follows
    assert await looking.yields_to() == ()


async def test_a_node_that_the_owner_fills_meanwhile_gives_way_no_longer(looking: Fleet) -> None:
    await quiet(looking)
    looking.waits()
    await woken(looking)
    looking.runs("batch", cpu="5")
    await woken(looking)  # by the change itself
    await woken(looking)  # by the look that follows
    assert await looking.yields_to() == ()


@pytest.mark.parametrize(
    ("spec", "vnode"),
    [
        pytest.param({"yieldToOwner": False}, LENT, id="the-policy-does-not-yield"),
        pytest.param({"expiresAt": "2026-01-05T12:00:00Z"}, LENT, id="the-policy-has-expired"),
        pytest.param({}, bare_vnode({names.WINDOW_CLOSED_AT: "2026-01-05T11:00:00Z"}), id="the-lease-is-closed"),
        pytest.param({}, Node(ObjectMeta(VNODE_NAME), status=NodeStatus()), id="somebody-else-s-vnode"),
    ],
)
async def test_a_node_that_has_no_say_gives_way_to_nobody(client: Client, spec: dict[str, Any], vnode: Node) -> None:
    fleet = Fleet(client, vnode, **spec)
    fleet.waits()
    assert await fleet.yields_to() == ()


async def test_what_is_given_stays_given_while_policies_are_unknown(looking: Fleet) -> None:
    await quiet(looking)
    looking.waits()
    await woken(looking)
    policies = looking.worker.policies = Cache(looking.computing.client, looking.worker._policies_spec)
    policies._take(Synced("1"))
    policies.last_error = TransientError("the connection broke", status=0)
    looking.observer.yields._look(NOW)
    assert await looking.yields_to() == ("u1",)
    policies.last_error = None
    looking.observer.yields._look(NOW)
    assert await looking.yields_to() == ("u1",)


async def test_a_restart_goes_on_where_the_record_is(client: Client) -> None:
    fleet = Fleet(client, GIVING, gracefulReclaimPeriodSeconds=300)
    fleet.waits()
    view = await fleet.observer.observe("n1", NOW)
    assert view is not None
    assert view.yields_to == ("u1",)
    patches = [each.patch for each in decide_node(view, NOW).actions if isinstance(each, Patch)]
    changed: dict[str, Any] = patches[0]["metadata"]["annotations"]
    assert names.SHRUNK_AT not in changed
    assert names.YIELDS_TO not in changed
