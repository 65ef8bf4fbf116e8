"""The worker's own policies: who is looked at when they become unreadable, readable, or turn up at all."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from inventory.standing import Outcome
from reconciler import names
from reconciler.bottomup.load import LoadBook
from reconciler.bridge.computing import Computing
from reconciler.bridge.ground import Bound, Ground
from reconciler.bridge.nodes import NodeObserver
from reconciler.bridge.policies import PolicyBook
from reconciler.bridge.wiring import Queues, Wiring
from reconciler.bridge.worker import Heartbeat, Worker
from reconciler.clock import SystemClock
from reconciler.kube.client import Client
from reconciler.kube.errors import ForbiddenError, KubeError, NotFoundError, TransientError
from reconciler.kube.projections import CustomObject, ObjectMeta
from reconciler.kube.watch_events import Added, Cause, Deleted, Following, Interrupted, Modified, Synced
from reconciler.kube.workqueue import WorkQueue
from reconciler.settings import Settings
from tests.leasing import BINDING, IDENTITY, STATE, bare_vnode, worker_node

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
FORBIDDEN = ForbiddenError("no", status=403)


def policy(name: str, version: str = "1", status: int = 0, **spec: Any) -> CustomObject:
    metadata = ObjectMeta(name, uid=name, resource_version=version)
    return CustomObject(metadata, {"cluster": BINDING.name, **spec}, {"nodes": status})


class Fleet:
    """One node that a policy of the computing cluster lends; the worker gets the CRD when a test says so."""

    def __init__(self, client: Client) -> None:
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
        self.wiring = Wiring(
            ground,
            load,
            Queues(self.nodes, WorkQueue(), WorkQueue(), WorkQueue(), WorkQueue()),
            self.observer.yields,
        )
        self.wiring.connect()
        self.computing.policies._take(Added(policy("days")))
        self.computing.nodes._take(Added(bare_vnode({names.POLICIES_APPLIED: "days"})))
        self.worker.nodes._take(Added(worker_node()))

    async def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The owner installs the CRD, and it is found."""

        async def has(_resource: object) -> bool:
            return True

        monkeypatch.setattr(self.worker.client, "has", has)
        await self.worker.discover()
        self.wiring.connect_worker_policies()

    def told(self, *events: Any) -> None:
        assert self.worker.policies is not None
        for event in events:
            self.worker.policies._take(event)

    async def outcome(self) -> Outcome | None:
        """What is said of the node; None when nobody can say."""
        view = await self.observer.observe("n1", NOW)
        assert view is not None, "nothing may be concluded"
        return view.standing.outcome if view.standing else None

    async def is_woken(self, within: timedelta = timedelta(seconds=0.05)) -> bool:
        try:
            async with asyncio.timeout(within.total_seconds()):
                self.nodes.done(await self.nodes.get())
        except TimeoutError:
            return False
        return True

    async def quiet(self) -> None:
        while len(self.nodes):
            self.nodes.done(await self.nodes.get())


@pytest.fixture
async def fleet(client: Client, monkeypatch: pytest.MonkeyPatch) -> Fleet:
    """The CRD is there, without any policy."""
    found = Fleet(client)
    await found.install(monkeypatch)
    found.told(Synced("1"), Following())
    await found.quiet()
    return found


def interrupted(error: KubeError | None, cause: Cause = Cause.REFUSED) -> Interrupted:
    return Interrupted(cause, error, 0.0)


async def test_policies_that_are_installed_later_have_their_say(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Fleet(client)
    assert await found.outcome() is Outcome.LENT
    await found.install(monkeypatch)
    assert await found.outcome() is None  # not listed yet; the rest of the Bridge goes on
    found.told(Synced("1"), Following(), Added(policy("veto", expiresAt="2020-01-01T00:00:00Z")))
    assert await found.outcome() is Outcome.OUTSIDE_WINDOWS


async def test_nodes_are_looked_at_when_policies_can_be_listed_again(fleet: Fleet) -> None:
    fleet.told(interrupted(FORBIDDEN))
    assert await fleet.outcome() is None
    fleet.told(interrupted(None, Cause.ASKED))
    assert await fleet.outcome() is None  # asked to go on, but not yet there again
    await fleet.quiet()
    fleet.told(Following())
    assert await fleet.is_woken()
    assert await fleet.outcome() is Outcome.LENT


async def test_nodes_are_looked_at_when_policies_cannot_be_listed_for_a_while(fleet: Fleet) -> None:
    fleet.told(interrupted(FORBIDDEN), interrupted(FORBIDDEN))
    assert not await fleet.is_woken()  # a connection that breaks is there again in no time
    assert fleet.nodes.scheduled == 1


async def test_an_uninstalled_crd_has_taken_its_policies_with_it(fleet: Fleet) -> None:
    fleet.told(Added(policy("veto", expiresAt="2020-01-01T00:00:00Z")), Deleted("veto", "3"))
    fleet.told(interrupted(NotFoundError("no such resource", status=404)))
    assert await fleet.outcome() is Outcome.LENT


async def test_a_resource_that_is_not_found_while_policies_are_known_tells_nothing(fleet: Fleet) -> None:
    fleet.told(Added(policy("open")))
    fleet.told(interrupted(NotFoundError("no such resource", status=404)))
    assert await fleet.outcome() is None


async def test_nothing_is_concluded_before_everything_is_listed(client: Client) -> None:
    found = Fleet(client)
    found.worker._is_discovered = False
    assert await found.observer.observe("n1", NOW) is None


async def test_a_node_is_gone_only_by_a_live_answer(fleet: Fleet) -> None:
    fleet.worker.nodes._take(Deleted("n1", "7"))
    with pytest.raises(TransientError):  # nobody answers in these tests
        await fleet.observer.observe("n1", NOW)


async def test_a_policy_of_the_computing_cluster_wakes_nodes_by_what_it_says(fleet: Fleet) -> None:
    fleet.computing.policies._take(Modified(policy("days", "2", status=1)))
    assert not await fleet.is_woken()
    fleet.computing.policies._take(Modified(policy("days", "3", suspend=True)))
    assert await fleet.is_woken()


async def test_the_owner_s_policy_alone_makes_a_node_give_way(fleet: Fleet) -> None:
    fleet.told(Added(policy("own", yieldToOwner=True)))
    assert fleet.observer.yields._may_yield(worker_node(), bare_vnode(), NOW)


async def test_a_status_of_a_policy_wakes_nobody(fleet: Fleet) -> None:
    fleet.told(Added(policy("open")))
    assert await fleet.is_woken()
    await fleet.quiet()
    fleet.told(Modified(policy("open", "2", status=1)))
    assert not await fleet.is_woken()
    fleet.told(Modified(policy("open", "3", suspend=True)))
    assert await fleet.is_woken()
