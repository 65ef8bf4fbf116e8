"""A window that closes over 1,000 vnodes, on real API servers: how late the first decision comes, and the whole beside a bare loop of the same PATCHes."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from time import perf_counter
from typing import Any, Final

import aiohttp
from prometheus_client import CollectorRegistry

import crds
from inventory.manifests import binding_from
from oceanctl.sandbox import controlplane
from oceanctl.sandbox.controlplane import ControlPlane, Wants
from oceanctl.sandbox.programs import find
from reconciler import names
from reconciler.bridge.bridge import Bridge, Surroundings
from reconciler.bridge.computing import Computing, cluster_uid
from reconciler.bridge.ground import Bound
from reconciler.decision import Action, Patch, Side
from reconciler.events import EventRecorder
from reconciler.kube.calls import MERGE_PATCH
from reconciler.kube.client import Client, connect
from reconciler.kube.errors import KubeError
from reconciler.kube.kubeconfig import from_file
from reconciler.kube.resources import CRDS, NAMESPACES, NODES
from reconciler.marks import BindingState, Identity
from reconciler.metrics import ControllerMetrics, EventMetrics
from reconciler.perform import Performer, Written
from reconciler.settings import Settings
from reconciler.wakeups import Wakeups
from tests.bench.figures import Figure, Pair
from tests.bench.real import state_folder

NODE_COUNT: Final = 1000
OTHER_POLICIES: Final = 999
AT_ONCE: Final = 16
LEAD: Final = timedelta(
    seconds=60
)  # the clock is set this long before the window ends, and everything about that is over by then
QUIET_SECONDS: Final = 3.0
PATIENCE_SECONDS: Final = 300.0
CLOSE: Final = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)  # Monday noon
MOUNT: Final = "kubeocean-worker"
SPEC: Final[dict[str, Any]] = {
    "clusterID": "c1",
    "secretRef": {"name": "s", "namespace": "kubeocean-system"},
    "mountNamespace": MOUNT,
}
DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
POLICY: Final[dict[str, Any]] = {"cluster": "eu", "timeWindows": [{"start": "08:00", "end": "11:59"}]}


def figures() -> Sequence[Figure]:
    with _two_api_servers() as (computing, worker):
        late_seconds, ours_seconds, bare_seconds = asyncio.run(_measured(computing, worker))
    return [
        Figure.of(
            f"first write after the instant of an edge among {OTHER_POLICIES + 1} policies",
            "s",
            [Pair(late_seconds, 1.0)],
            bound=1.0,
        ),
        Figure.of(
            f"closing {NODE_COUNT} vnodes, from the edge to the last write",
            "s",
            [Pair(ours_seconds, bare_seconds)],
            bound=1.5,
        ),
    ]


class ShiftedClock:
    """The machine's clock, moved so that it is `start` now."""

    def __init__(self, start: datetime) -> None:
        self._offset = start - datetime.now(UTC)

    def now(self) -> datetime:
        return datetime.now(UTC) + self._offset

    def move_to(self, instant: datetime) -> None:
        self._offset = instant - datetime.now(UTC)


class Recorder:
    """What a Performer did, and when; `events` are written behind it, as in the product."""

    def __init__(self, clock: ShiftedClock) -> None:
        self.writes: list[tuple[float, Action]] = []
        self.events = EventRecorder(clock, EventMetrics(CollectorRegistry()))

    def performer(self, computing: Client, worker: Client | None, clock: ShiftedClock) -> Performer:
        recorder = self

        class Recording(Performer):
            async def perform(self, action: Action, because: str) -> Written | None:
                written = await super().perform(action, because)
                recorder.writes.append((perf_counter(), action))
                return written

        clients = {Side.COMPUTING: computing} | ({Side.WORKER: worker} if worker else {})
        return Recording(clients, clock, lambda _line: None, self.events.record)

    async def quiet(self) -> None:
        """Wait until nothing has been written for a while, and no Event is left to be."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            count = -1
            while count != len(self.writes) or self.events.waiting:
                count = len(self.writes)
                await asyncio.sleep(QUIET_SECONDS)


async def _measured(computing: ControlPlane, worker: ControlPlane) -> tuple[float, float, float]:
    clock = ShiftedClock(CLOSE - timedelta(hours=1))
    recorder = Recorder(clock)
    async with _client(computing) as hub, _client(worker) as lender:
        await _prepare(hub, lender)
        async with _bridge(hub, lender, recorder, clock):
            await recorder.quiet()
            clock.move_to(CLOSE - LEAD)
            await recorder.quiet()
            recorder.writes.clear()
            edge = perf_counter() + (CLOSE - clock.now()).total_seconds()
            await asyncio.sleep((CLOSE - clock.now()).total_seconds())
            await recorder.quiet()
            closing = list(recorder.writes)
            clock.move_to(CLOSE + timedelta(hours=22))
            await recorder.quiet()
        patches = [action for _, action in closing if isinstance(action, Patch) and action.target.resource == NODES]
        assert len({patch.target.name for patch in patches}) == NODE_COUNT
        bare_seconds = await _replayed(computing, patches)
    of_vnodes = [at for at, action in closing if isinstance(action, Patch) and action.target.resource == NODES]
    return of_vnodes[0] - edge, of_vnodes[-1] - edge, bare_seconds


@asynccontextmanager
async def _bridge(hub: Client, lender: Client, recorder: Recorder, clock: ShiftedClock) -> AsyncIterator[None]:
    uid, worker_uid = await cluster_uid(hub), await cluster_uid(lender)
    cache = Computing(hub, uid, 90)
    wakeups = Wakeups(clock)
    metrics = ControllerMetrics(CollectorRegistry())
    settings = Settings(workers=AT_ONCE)
    around = Surroundings(
        cache, settings, clock, metrics, lambda worker: recorder.performer(hub, worker, clock), wakeups
    )
    seen = await hub.get(names.BINDINGS, "eu")
    identity = Identity(uid, "eu", seen["metadata"]["uid"], "c1", MOUNT)
    bridge = Bridge(around, lender, Bound(binding_from(seen), BindingState(identity)), worker_uid)
    wakeups.start()
    tasks = [asyncio.create_task(each) for each in (cache.run(), bridge.run(), recorder.events.run())]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        wakeups.stop()


async def _prepare(hub: Client, lender: Client) -> None:
    for definition in crds.load():
        await hub.create(CRDS, definition)
    await _retried(lambda: hub.create(names.BINDINGS, _resource(names.BINDINGS.kind, "eu", SPEC)))
    await _retried(lambda: hub.create(names.POLICIES, _resource(names.POLICIES.kind, "mornings", POLICY)))
    await _each(range(OTHER_POLICIES), lambda number: hub.create(names.POLICIES, _other_policy(number)))
    for namespace in (MOUNT, "kubeocean-system"):
        await lender.create(NAMESPACES, {"metadata": {"name": namespace}})
    await _each(range(NODE_COUNT), lambda number: lender.create(NODES, _node(f"n{number:04}")))


async def _replayed(computing: ControlPlane, patches: Sequence[Patch]) -> float:
    """Seconds that a bare session takes for the same PATCHes, without their preconditions."""
    access = await from_file(computing.kubeconfig)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=access.tls)) as session:

        async def send(patch: Patch) -> None:
            url = computing.server + NODES.path(patch.target.name, subresource=patch.subresource)
            async with session.patch(
                url, data=json.dumps(patch.patch), headers={"Content-Type": MERGE_PATCH}
            ) as answer:
                await answer.read()
                assert answer.status == 200, await answer.text()

        begun = perf_counter()
        await _each(patches, send)
        return perf_counter() - begun


async def _each(items: Sequence[Any] | range, work: Callable[[Any], Awaitable[object]]) -> None:
    waiting: Iterator[Any] = iter(items)

    async def go_on() -> None:
        for item in waiting:
            await work(item)

    await asyncio.gather(*(go_on() for _ in range(AT_ONCE)))


async def _retried(work: Callable[[], Awaitable[object]]) -> None:
    """A definition is served a moment after it was made."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            try:
                await work()
            except KubeError:
                await asyncio.sleep(0.2)
            else:
                return


@asynccontextmanager
async def _client(cluster: ControlPlane) -> AsyncIterator[Client]:
    async with await connect(await from_file(cluster.kubeconfig)) as client:
        yield client


@contextmanager
def _two_api_servers() -> Iterator[tuple[ControlPlane, ControlPlane]]:
    with state_folder() as state:
        folders = (state / "hub", state / "lender")
        wants = Wants(controller_manager=False, scheduler=False)
        for folder in folders:
            controlplane.remove(folder)
        try:
            hub, lender = (ControlPlane.prepare(folder, find(), wants) for folder in folders)
            controlplane.start_all([hub, lender])
            yield hub, lender
        finally:
            for folder in folders:
                controlplane.remove(folder)


def _resource(kind: str, name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    return {"apiVersion": names.BINDINGS.api_version, "kind": kind, "metadata": {"name": name}, "spec": spec}


def _other_policy(number: int) -> dict[str, Any]:
    """A policy for nodes that are not there, with edges of its own at every hour of the week."""
    elsewhere = {
        "nodeSelectorTerms": [{"matchExpressions": [{"key": "zone", "operator": "In", "values": [f"z{number}"]}]}]
    }
    window = {
        "start": f"{number % 24:02}:{number % 60:02}",
        "end": f"{(number + 7) % 24:02}:00",
        "days": [DAYS[number % 7]],
    }
    spec = {"cluster": "eu", "nodeSelector": elsewhere, "timeWindows": [window]}
    return _resource(names.POLICIES.kind, f"other-{number}", spec)


def _node(name: str) -> dict[str, Any]:
    quantities = {"cpu": "8", "memory": "32Gi", "pods": "110"}
    ready = {
        "type": "Ready",
        "status": "True",
        "reason": "Paper",
        "message": "",
        "lastTransitionTime": None,
        "lastHeartbeatTime": None,
    }
    status = {"capacity": quantities, "allocatable": quantities, "conditions": [ready]}
    return {"metadata": {"name": name, "labels": {"zone": "a"}}, "status": status}
