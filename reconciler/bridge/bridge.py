"""One Bridge: the controllers that keep one binding's two sides equal."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from typing import TypeVar

from inventory.errors import InvalidInventoryError
from reconciler import names
from reconciler.bottomup.load import LoadBook
from reconciler.bottomup.reports import PolicyView, decide_policy
from reconciler.bottomup.view import NodeView
from reconciler.bridge.binding import BindingObserver, BindingView, decide_binding
from reconciler.bridge.computing import Computing
from reconciler.bridge.dependents import DependentObserver
from reconciler.bridge.ground import Bound, Ground
from reconciler.bridge.nodes import NodeObserver, decide_node
from reconciler.bridge.pods import PodObserver
from reconciler.bridge.policies import PolicyBook, parsed_binding
from reconciler.bridge.policy_reports import PolicyObserver
from reconciler.bridge.proxiers import ProxierLease, Proxiers, follow_proxiers, with_endpoints
from reconciler.bridge.wiring import Queues, Wiring
from reconciler.bridge.worker import Heartbeat, Worker, WorkerPodEntry
from reconciler.bridge.yields import Yields
from reconciler.clock import Clock
from reconciler.controller import Controller, Reconciler, Shell
from reconciler.decision import Side
from reconciler.kube.cache import Cache, Change
from reconciler.kube.client import Client
from reconciler.kube.errors import KubeError
from reconciler.kube.projections import Copied, CustomObject, Node, PartialObject, Pod
from reconciler.kube.resources import Resource
from reconciler.leases.renewer import Renewer
from reconciler.metrics import ControllerMetrics
from reconciler.perform import Performer, Written
from reconciler.settings import Settings
from reconciler.topdown.decide_pod import decide_pod, refused_pod
from reconciler.topdown.view import DependentView, PodView
from reconciler.wakeups import Wakeups

log = logging.getLogger(__name__)

REDISCOVERY_SECONDS = 30.0  # how long an owner's first policy may go unnoticed

V = TypeVar("V")
AnyCache = (
    Cache[CustomObject]
    | Cache[Node]
    | Cache[Copied[Pod]]
    | Cache[WorkerPodEntry]
    | Cache[PartialObject]
    | Cache[ProxierLease]
)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every Bridge of a process shares."""

    computing: Computing
    settings: Settings
    clock: Clock
    metrics: ControllerMetrics
    performer: Callable[[Client | None], Performer]
    wakeups: Wakeups


@dataclass(frozen=True, slots=True)
class Controllers:
    """The controllers of one Bridge."""

    nodes: Controller[NodeView]
    pods: Controller[PodView]
    dependents: Controller[DependentView]
    policies: Controller[PolicyView]
    binding: Controller[BindingView]

    def run(self, tasks: asyncio.TaskGroup, workers: int) -> None:
        """Start all of them in a task group."""
        for controller in (self.nodes, self.pods, self.dependents, self.policies, self.binding):
            tasks.create_task(controller.run(workers), name=controller.name)

    @property
    def queues(self) -> Queues:
        """Their queues."""
        return Queues(self.nodes.queue, self.pods.queue, self.dependents.queue, self.policies.queue, self.binding.queue)


class Bridge:
    """Runs one binding until cancelled; `heartbeat` and `is_ready` tell its supervisor how it fares."""

    def __init__(self, surroundings: Surroundings, client: Client, bound: Bound, worker_uid: str) -> None:
        self._around = surroundings
        self._bound = bound
        self._parsed_from: CustomObject | None = None  # every pass asks for the binding
        self._worker_uid = worker_uid
        identity = bound.state.identity
        self._worker = Worker(client, identity, surroundings.settings)
        self.heartbeat = Heartbeat(client, worker_uid, surroundings.clock, self._on_heartbeat)
        self.is_ready = False
        self.on_state: Callable[[], None] = lambda: None
        self._wiring: Wiring | None = None
        self._book = PolicyBook(surroundings.computing.policies, identity.binding_name)
        self._proxiers = Proxiers(
            identity.binding_name, surroundings.computing.vnodes_on_port, lambda: asyncio.get_running_loop().time()
        )

    def bound(self) -> Bound:
        """The binding as it is now; while its spec is invalid, the last good one holds."""
        identity = self._bound.state.identity
        seen = self._around.computing.bindings.get(identity.binding_name)
        if seen is not None and seen is not self._parsed_from and seen.metadata.uid == identity.binding_uid:
            self._parsed_from, self._bound = seen, _bound_now(seen, self._bound)
        return self._bound

    async def run(self) -> None:
        """Keep the binding's two sides equal until cancelled.

        Node Leases are renewed and silence is shown from the first moment on, also when the worker cannot be reached; the rest waits for its caches.
        """
        settings = self._around.settings
        load = LoadBook()
        ground = Ground(self._around.computing, self._worker, self.bound, self.heartbeat, self._worker_uid)
        nodes = NodeObserver(ground, self._book, load)
        controllers = self._controllers(ground, nodes)
        wiring = self._wiring = Wiring(ground, load, controllers.queues, nodes.yields)
        renewer = Renewer(self._around.computing.client, self._around.clock)
        wiring.on_vnode(lambda change: _keep_lease(renewer, change))
        await self._around.computing.wait_synced()
        with ExitStack() as subscriptions:
            for end in wiring.connect():
                subscriptions.callback(end)
            subscriptions.callback(self._around.computing.proxiers.subscribe(self._proxiers.take))
            subscriptions.callback(self._plan_wakeups(wiring))
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.heartbeat.run(settings.heartbeat_seconds), name="heartbeat")
                tasks.create_task(renewer.run(), name="node-leases")
                tasks.create_task(follow_proxiers(self._proxiers, self._on_proxiers), name="proxiers")
                tasks.create_task(self._join_worker(wiring, nodes.yields), name="worker")
                controllers.run(tasks, settings.workers)

    def _plan_wakeups(self, wiring: Wiring) -> Callable[[], None]:
        """Resync, now and then and when the clock was set; the answer ends it."""
        around, job = self._around, f"resync-{self._bound.binding.name}"
        around.wakeups.every(job, around.settings.resync_seconds, wiring.wake_all)
        around.wakeups.on_step(job, wiring.wake_all)
        return lambda: around.wakeups.forget(job)

    async def _join_worker(self, wiring: Wiring, yields: Yields) -> None:
        await self._discover()
        wiring.connect_worker_policies()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._worker.run(), name="worker-caches")
            await self._worker.wait_synced()
            tasks.create_task(yields.run(self._around.clock), name="yields")
            self.is_ready = True
            wiring.wake_all()
            self.on_state()
            log.info("bridge is running", extra={"binding": self._bound.binding.name})
            if self._worker.policies is None:
                tasks.create_task(self._await_policies(wiring), name="worker-policies")

    async def _await_policies(self, wiring: Wiring) -> None:
        """Follow the worker's own policies from when their owner installs them."""
        while self._worker.policies is None:
            await asyncio.sleep(min(REDISCOVERY_SECONDS, self._around.settings.resync_seconds))
            with suppress(KubeError):  # a worker that does not answer is the heartbeat's to tell
                await self._worker.discover()
        log.info("the worker has policies of its own", extra={"binding": self._bound.binding.name})
        wiring.connect_worker_policies()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._worker.policies.run(), name="worker-policies-cache")
            await self._worker.policies.wait_synced()
            wiring.wake_nodes()

    async def _discover(self) -> None:
        while True:
            try:
                return await self._worker.discover()
            except KubeError as error:
                log.warning("waiting for the worker", extra={"binding": self._bound.binding.name, "error": str(error)})
                await asyncio.sleep(self._around.settings.heartbeat_seconds)

    def _controllers(self, ground: Ground, nodes: NodeObserver) -> Controllers:
        book = self._book
        dependents = DependentObserver(ground)
        return Controllers(
            self._controller("nodes", Reconciler(with_endpoints(nodes.observe, self._proxiers), decide_node)),
            self._controller("pods", Reconciler(PodObserver(ground).observe, decide_pod, refused_pod)),
            self._controller("dependents", Reconciler(dependents.observe, dependents.decide)),
            self._controller("policies", Reconciler(PolicyObserver(ground, book).observe, decide_policy)),
            self._controller("binding", Reconciler(BindingObserver(ground).observe, decide_binding)),
        )

    def _controller(self, name: str, reconciler: Reconciler[V]) -> Controller[V]:
        around = self._around
        performer = around.performer(self._worker.client)
        shell = Shell(performer, self._seen, around.clock, around.metrics, around.wakeups)
        return Controller(f"{self._bound.binding.name}/{name}", reconciler, shell)

    @property
    def has_proxier(self) -> bool:
        """Whether somebody answers for the vnodes' kubelets."""
        return self._proxiers.are_there

    def _on_proxiers(self) -> None:
        if self._wiring is not None:
            self._wiring.wake_nodes()
        self.on_state()

    def _on_heartbeat(self) -> None:
        if self.heartbeat.unreachable_since is None:
            self._worker.reconnect()
        if self._wiring is not None:
            self._wiring.wake_all()
        self.on_state()

    async def _seen(self, written: Written, timeout_seconds: float) -> None:
        cache = self._cache(written.target.side, written.target.resource)
        if cache is not None:
            target = written.target
            key = f"{target.namespace}/{target.name}" if target.namespace else target.name
            if not written.resource_version:
                return  # going objects leave when their owner lets them: deletes are idempotent
            await cache.wait_seen(key, written.resource_version, timeout_seconds)

    def _cache(self, side: Side, resource: Resource) -> AnyCache | None:
        caches = self._around.computing.caches if side is Side.COMPUTING else self._worker.caches
        return next((cache for cache in caches if cache.resource == resource), None)


def _keep_lease(renewer: Renewer, change: Change[Node]) -> None:
    if change.after is not None:
        renewer.add(change.after)
    elif change.before is not None:
        renewer.remove(change.before.metadata.name)


def _bound_now(seen: CustomObject, last: Bound) -> Bound:
    metadata = seen.metadata
    state = replace(
        last.state,
        is_deleting=metadata.is_deleting,
        abandons_worker=metadata.annotations.get(names.ABANDON_WORKER) == "true",
    )
    try:
        return Bound(parsed_binding(seen), state)
    except InvalidInventoryError:
        return Bound(last.binding, state)  # the manager reports it; what was promised last holds
