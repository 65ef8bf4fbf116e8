"""Puts a reconciler process together: the only place where things are constructed."""

import asyncio
import gc
import logging
from contextlib import AsyncExitStack
from pathlib import Path

from prometheus_client import CollectorRegistry

from reconciler import health, names
from reconciler.approval.approver import Approver
from reconciler.bridge.bridge import Surroundings
from reconciler.bridge.computing import Computing, cluster_uid
from reconciler.clock import Clock, SystemClock
from reconciler.decision import Side
from reconciler.election import Election, identity_from
from reconciler.events import EventRecorder
from reconciler.fleet import FleetCollector
from reconciler.gitops.loop import GitLoop
from reconciler.kube import kubeconfig
from reconciler.kube.client import Client, connect
from reconciler.kube.errors import TransientError
from reconciler.manager.manager import Manager
from reconciler.metrics import ApiMetrics, ControllerMetrics, EventMetrics, WriteMetrics
from reconciler.perform import AuditLine, Performer
from reconciler.settings import Settings
from reconciler.wakeups import Wakeups

log = logging.getLogger(__name__)
audit_log = logging.getLogger("reconciler.audit")

START_RETRY_SECONDS = 2.0


async def run(settings: Settings) -> None:
    """Run until cancelled."""
    registry = CollectorRegistry()
    api = ApiMetrics(registry)
    access = (
        await kubeconfig.from_file(settings.kubeconfig, settings.context or None)
        if settings.kubeconfig
        else kubeconfig.in_cluster()
    )
    async with AsyncExitStack() as stack:
        hook = api.hook(Side.COMPUTING)
        client = await stack.enter_async_context(
            await connect(access, timeout_seconds=settings.request_timeout_seconds, on_request=hook)
        )
        process = Process(settings, client, SystemClock(), registry, api)
        live, ready = process.checks
        await stack.enter_async_context(
            health.served(health.metrics(registry), settings.listen_address, settings.metrics_port)
        )
        await stack.enter_async_context(
            health.served(health.probes(live, ready), settings.listen_address, settings.health_port)
        )
        await process.run()


class Process:
    """One reconciler process of role `all`: git, manager and every Bridge."""

    def __init__(
        self, settings: Settings, client: Client, clock: Clock, registry: CollectorRegistry, api: ApiMetrics
    ) -> None:
        self._settings = settings
        self._client = client
        self._clock = clock
        self._metrics = ControllerMetrics(registry)
        self._api = api
        self._recorder = EventRecorder(clock, EventMetrics(registry))
        self._election = self._new_election()
        self._computing: Computing | None = None
        self._writes = WriteMetrics(registry)
        registry.register(FleetCollector(lambda: self._computing))

    @property
    def checks(self) -> tuple[dict[str, health.Check], dict[str, health.Check]]:
        """Liveness and readiness, each check named; a replica that waits for leadership is ready."""
        return {"loop": lambda: True}, {"caches": self._is_synced}

    async def run(self) -> None:
        """Run, as leader if so configured, until cancelled."""
        if self._settings.leader_elect:
            await self._election.run(self._work)
        else:
            await self._work()

    async def _work(self) -> None:
        computing = self._computing = Computing(
            self._client, await self._cluster_uid(), self._settings.watch_idle_seconds
        )
        wakeups = Wakeups(self._clock)
        wakeups.start()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(computing.run(), name="computing-caches")
                tasks.create_task(self._recorder.run(), name="events")
                await computing.wait_synced()
                gc.collect()
                gc.freeze()  # what was listed stays: the collector need not walk it again
                log.info(
                    "computing cluster read", extra={"bindings": len(computing.bindings), "pods": len(computing.pods)}
                )
                if self._settings.git_url:
                    git = GitLoop(self._settings, self._client, self._performer(), computing.uid, self._clock)
                    tasks.create_task(git.run(), name="gitops")
                around = Surroundings(computing, self._settings, self._clock, self._metrics, self._performer, wakeups)
                if self._settings.approve_serving_certificates:
                    tasks.create_task(Approver(around).run(), name="approver")
                await Manager(around, self._api.hook(Side.WORKER)).run()
        finally:
            wakeups.stop()

    async def _cluster_uid(self) -> str:
        while True:
            try:
                return await cluster_uid(self._client)
            except TransientError as error:
                log.warning("waiting for the computing cluster", extra={"error": str(error)})
                await asyncio.sleep(START_RETRY_SECONDS)

    def _performer(self, worker: Client | None = None) -> Performer:
        clients = {Side.COMPUTING: self._client} | ({Side.WORKER: worker} if worker else {})
        return Performer(clients, self._clock, self._audit, self._recorder.record)

    def _is_synced(self) -> bool:
        if self._computing is None:
            return self._settings.leader_elect
        return all(cache.is_synced for cache in self._computing.caches)

    def _new_election(self) -> Election:
        identity = identity_from(Path(self._settings.state_dir))
        return Election(self._client, self._clock, identity, names.ELECTION_LEASE, names.SYSTEM_NAMESPACE)

    def _audit(self, line: AuditLine) -> None:
        self._writes.wrote(line.side, line.verb, line.resource)
        audit_log.info("wrote", extra={slot: str(getattr(line, slot)) for slot in line.__slots__})
