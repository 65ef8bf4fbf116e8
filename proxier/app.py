"""Puts a proxier process together: the only place where things are constructed."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Iterable
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from proxier.announcement import Announcement, Replica
from proxier.auth import REMEMBER_SECONDS, Gate
from proxier.certs import ServingTls
from proxier.computing import Computing
from proxier.conversation import IDLE_SECONDS, Services
from proxier.errors import RouteError
from proxier.limits import Limits
from proxier.metrics import ProxyMetrics
from proxier.node.answers import NodeAnswers, Sources
from proxier.node.describing import configuration_for
from proxier.node.kubelets import Way
from proxier.node.tenants import Tenants
from proxier.ports import ports_of
from proxier.routes import Target
from proxier.server import Place, Server
from proxier.serving.choice import source_for
from proxier.serving.keeper import Keeper
from proxier.settings import Settings
from proxier.targets import WorkerAddress, tenants_of, worker_address_for
from proxier.upstream import Upstream
from proxier.worker import Credential, Manners, Worker, credential_of
from reconciler import health, names
from reconciler.bridge.computing import cluster_uid, decode_custom
from reconciler.bridge.nodes import node_name_of
from reconciler.bridge.policies import parsed_binding
from reconciler.clock import SystemClock
from reconciler.kube import kubeconfig
from reconciler.kube.client import Client, connect
from reconciler.kube.errors import KubeError
from reconciler.kube.projections import Pod
from reconciler.marks import Identity

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0  # how late a new certificate is served
SETTLE_SECONDS = 0.1  # how late a new vnode is; many come together
START_RETRY_SECONDS = 2.0


class ReplacedBindingError(Exception):
    """What we know of the binding is of its predecessor: starting afresh is all that is left."""


async def run(settings: Settings, stopping: asyncio.Event) -> None:
    """Serve the vnodes of one binding until `stopping` is set, then drain."""
    access = (
        await kubeconfig.from_file(settings.kubeconfig, settings.context or None)
        if settings.kubeconfig
        else kubeconfig.in_cluster()
    )
    registry = CollectorRegistry()
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(
            await connect(access, timeout_seconds=settings.request_timeout_seconds)
        )
        identity = await _introduced(client, settings.binding, stopping)
        if identity is None:
            return
        process = Process(settings, client, identity, registry)
        for application, port in (
            (health.metrics(registry), settings.metrics_port),
            (health.probes({"loop": lambda: True}, process.readiness), settings.health_port),
        ):
            await stack.enter_async_context(health.served(application, settings.listen_address, port))
        await process.run(stopping)


class Process:
    """One proxier of one binding."""

    def __init__(self, settings: Settings, client: Client, identity: Identity, registry: CollectorRegistry) -> None:
        self._settings = settings
        self._client = client
        self._identity = identity
        self._ports = range(settings.first_port, settings.last_port + 1)
        self._computing = Computing(client, identity.binding_name, settings.watch_idle_seconds)
        manners = Manners(settings.watch_idle_seconds, settings.request_timeout_seconds, Way(settings.worker_kubelets))
        self._worker = Worker(identity, self._credential, manners)
        self._clock = SystemClock()
        self._lease = f"{names.PROXIER_PREFIX}{settings.name or socket.gethostname()}"
        self._source = source_for(settings, client, self._clock, self._lease)
        authority = Path(settings.client_ca_file) if settings.client_ca_file else None
        self._tls = ServingTls(self._source, authority)
        metrics = ProxyMetrics(registry)
        self._keeper = Keeper(self._tls, self._clock, metrics)
        limits = Limits(settings.streams_per_vnode, settings.streams_per_user)
        sources = Sources(client, self._tenants, self._running, lambda: self._worker.kubelets, self._configuration)
        gate = Gate(client, metrics.decided, self._clock)
        services = Services(gate, self._resolve, limits, metrics, NodeAnswers(sources))
        place = Place(settings.address, settings.connections, settings.strangers, settings.strangers_per_source)
        self._server = Server(place, self._tls, services)

    @property
    def readiness(self) -> dict[str, health.Check]:
        """What must hold before vnodes are pointed here; a worker that is away is no reason to be moved."""
        return {"caches": lambda: self._computing.is_synced, "tls": lambda: self._keeper.is_good}

    def computing_pod(self, key: str) -> Pod | None:
        """The pod `namespace/name` of the computing cluster, if it is on a vnode."""
        return self._computing.pods.get(key)

    def computing_pods_on(self, vnode: str) -> tuple[Pod, ...]:
        """The pods of the computing cluster on a vnode."""
        return self._computing.pods_on(vnode)

    def worker_pods_for(self, key: str) -> tuple[Pod, ...]:
        """Pods of the worker's mount namespace that claim to stand for it."""
        return self._worker.pods_for(key)

    async def run(self, stopping: asyncio.Event) -> None:
        """Serve until `stopping` is set, then drain."""
        async with asyncio.TaskGroup() as tasks:
            watching = [
                tasks.create_task(self._computing.run(), name="computing"),
                tasks.create_task(self._worker.run(), name="worker"),
                tasks.create_task(self._source.run(), name="certificate"),
            ]
            inviting = [
                tasks.create_task(self._keep_serving(), name="ports"),
                tasks.create_task(self._announce(), name="announcement"),
            ]
            await stopping.wait()
            log.info("draining", extra={"seconds": self._settings.drain_seconds})
            await _ended(inviting)
            await self._server.drain(self._settings.drain_seconds)
            await _ended(watching)

    async def _announce(self) -> None:
        """Tell syncers that vnodes are served here; in the end that they are not any more."""
        settings = self._settings
        if not settings.advertise_address:
            return
        replica = Replica(self._lease, self._identity.binding_name, settings.advertise_address, self._ports)
        announcement = Announcement(self._client, self._clock, replica, self._is_ready)
        try:
            await announcement.run()
        finally:
            await announcement.give_back()

    async def _keep_serving(self) -> None:
        await self._computing.wait_synced()
        news = asyncio.Event()
        self._computing.vnodes.subscribe(lambda _change: news.set())
        while True:
            news.clear()
            self._keeper.look(self._computing.client_authorities)
            is_open = self._tls.context is not None
            vnodes = self._computing.vnodes.values() if is_open else ()
            await self._server.serve(ports_of(vnodes, self._identity, self._ports))
            await asyncio.sleep(SETTLE_SECONDS)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(news.wait(), LOOK_SECONDS)

    def _resolve(self, target: Target, vnode: str) -> tuple[WorkerAddress, Upstream]:
        upstream = self._worker.upstream
        return worker_address_for(target, vnode, self, self._identity), upstream

    def _tenants(self, vnode: str) -> Tenants:
        seen = self._computing.vnodes.get(vnode)
        node = node_name_of(seen) if seen is not None and self._identity.owns_vnode(seen) else None
        if node is None:
            raise RouteError(404, f'vnode "{vnode}" is not there any more')
        return tenants_of(vnode, node, self, self._identity)

    def _running(self, vnode: str) -> tuple[Pod, ...]:
        """The pods for which the worker runs something."""
        every = (self.computing_pod(f"{each.namespace}/{each.name}") for each in self._tenants(vnode).computing)
        return tuple(pod for pod in every if pod is not None)

    def _configuration(self, vnode: str) -> dict[str, Any]:
        port = next((port for port, name in self._server.ports.items() if name == vnode), 0)
        return configuration_for(port, timedelta(seconds=IDLE_SECONDS), timedelta(seconds=REMEMBER_SECONDS))

    def _is_ready(self) -> bool:
        return all(check() for check in self.readiness.values())

    async def _credential(self) -> Credential:
        seen = decode_custom(await self._client.get_raw(names.BINDINGS, self._identity.binding_name))
        if seen.metadata.uid != self._identity.binding_uid:
            raise ReplacedBindingError(f'binding "{self._identity.binding_name}" was deleted and made anew')
        return await credential_of(self._client, parsed_binding(seen).secret_ref)


async def _ended(tasks: Iterable[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _introduced(client: Client, name: str, stopping: asyncio.Event) -> Identity | None:
    """Who we are because of the binding, as soon as the computing cluster tells; None when we are to stop before."""
    while not stopping.is_set():
        try:
            return await _introduction(client, name)
        except KubeError as error:
            log.warning("waiting for the binding", extra={"binding": name, "error": str(error)})
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), START_RETRY_SECONDS)
    return None


async def _introduction(client: Client, name: str) -> Identity:
    seen = decode_custom(await client.get_raw(names.BINDINGS, name))
    binding = parsed_binding(seen)
    computing_uid = await cluster_uid(client)
    return Identity(computing_uid, name, seen.metadata.uid, binding.cluster_id, binding.mount_namespace)
