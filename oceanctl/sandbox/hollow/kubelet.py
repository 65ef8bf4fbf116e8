"""One hollow node: it lives, it follows the pods that are bound to it, and it answers its API server."""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

import msgspec

from oceanctl.sandbox.hollow.access import Door
from oceanctl.sandbox.hollow.addresses import Addresses
from oceanctl.sandbox.hollow.admission import Refusal, why_refused
from oceanctl.sandbox.hollow.config import HollowConfig, NodeConfig
from oceanctl.sandbox.hollow.heartbeat import Heartbeat
from oceanctl.sandbox.hollow.lifecycle import PodRun
from oceanctl.sandbox.hollow.podspec import Pod
from oceanctl.sandbox.hollow.recovery import run_for
from oceanctl.sandbox.hollow.script import AnnotationError, scripts_for
from oceanctl.sandbox.hollow.server import serving
from oceanctl.sandbox.hollow.usage import Load
from oceanctl.sandbox.hollow.worker import Node, PodWorker
from reconciler.bottomup.capacity import requests_of
from reconciler.clock import SystemClock
from reconciler.kube import projections
from reconciler.kube.backoff import Backoff
from reconciler.kube.client import connect
from reconciler.kube.kubeconfig import from_file
from reconciler.kube.projections import ObjectMeta
from reconciler.kube.resources import PODS
from reconciler.kube.watch import WatchSpec, watch
from reconciler.kube.watch_events import Added, Deleted, Listing, Modified, Page, Synced

log = logging.getLogger(__name__)

_RETRY: Final = Backoff(base_seconds=0.2, cap_seconds=5)  # so that a node is back soon after its API server


class BoundPod(msgspec.Struct, frozen=True):
    """A pod bound to the node, with what it requests in milli-units."""

    pod: Pod
    requests: dict[str, int]

    @property
    def metadata(self) -> ObjectMeta:
        """Of the pod."""
        return self.pod.metadata


def decode(content: bytes | memoryview) -> BoundPod:
    """A pod from its JSON."""
    pod = msgspec.json.decode(content, type=Pod)
    return BoundPod(pod, requests_of(msgspec.json.decode(content, type=projections.Pod)))


@dataclass(frozen=True, slots=True)
class Tenant:
    """A pod on the node and what it takes."""

    worker: PodWorker
    requests: Mapping[str, int]


class Kubelet:
    """The node's pods by `namespace/name`."""

    def __init__(self, config: HollowConfig, own: NodeConfig, node: Node, tasks: asyncio.TaskGroup) -> None:
        self._config = config
        self._own = own
        self._node = node
        self._tasks = tasks
        self.name = own.name
        self.started_at = node.clock.now()
        self.door = Door(node.client, own.name)
        self._tenants: dict[str, Tenant] = {}
        self._listed: set[str] = set()

    def find(self, namespace: str, name: str) -> PodWorker | None:
        """The pod of that name that is there now."""
        tenant = self._tenants.get(f"{namespace}/{name}")
        return tenant.worker if tenant is not None else None

    def loads(self) -> list[Load]:
        """What running containers use: half of what their pod requests, in equal parts."""
        return [load for tenant in self._tenants.values() for load in _loads_of(tenant)]

    async def follow(self) -> None:
        """Take up every pod that is bound to the node, for ever."""
        selector = f"spec.nodeName={self._own.name}"
        spec: WatchSpec[BoundPod] = WatchSpec(resource=PODS, decode=decode, field_selector=selector, retry=_RETRY)
        async with aclosing(watch(self._node.client, spec)) as events:
            async for event in events:
                match event:
                    case Listing():
                        self._listed = set()
                    case Page(objects=objects, unreadable=unreadable):
                        self._listed |= {bound.metadata.key for bound in objects} | set(unreadable)
                        for bound in objects:
                            self._see(bound)
                    case Synced():
                        self._forget_unlisted()
                    case Added(object=bound) | Modified(object=bound):
                        self._see(bound)
                    case Deleted(key=key):
                        self._forget(key)
                    case _:
                        pass

    def _forget_unlisted(self) -> None:
        for key in self._tenants.keys() - self._listed:
            self._forget(key)

    def _see(self, bound: BoundPod) -> None:
        key, pod = bound.metadata.key, bound.pod
        known = self._tenants.get(key)
        if known is not None and known.worker.pod.metadata.uid == pod.metadata.uid:
            known.worker.update(pod)
            return
        if known is not None:
            self._forget(key)
        worker = PodWorker(self._node, pod, self._life_for(bound))
        self._tenants[key] = Tenant(worker, bound.requests)
        self._tasks.create_task(worker.run(), name=f"pod {key}")
        log.info("pod taken up", extra={"pod": key, "node": self._own.name})

    def _forget(self, key: str) -> None:
        if (tenant := self._tenants.pop(key, None)) is not None:
            tenant.worker.remove()

    def _life_for(self, bound: BoundPod) -> PodRun | Refusal | None:
        """What the node makes of a pod that is new to it; one that was admitted by an earlier kubelet stays admitted."""
        pod = bound.pod
        if pod.status.is_terminal:
            return None
        if pod.status.start_time is None:
            others = [tenant.requests for tenant in self._tenants.values() if tenant.worker.is_alive]
            if (refusal := why_refused(bound.requests, others, self._own.capacity)) is not None:
                return refusal
        try:
            scripts = scripts_for(pod)
        except AnnotationError as error:
            return Refusal("UnexpectedAdmissionError", str(error))
        return run_for(pod, scripts, self._node.clock.now(), self._config.restart_backoff)


def _loads_of(tenant: Tenant) -> list[Load]:
    metadata, running = tenant.worker.pod.metadata, tenant.worker.running()
    used = {resource: milli / 2000 / len(running) for resource, milli in tenant.requests.items()} if running else {}
    cores, memory = used.get("cpu", 0.0), int(used.get("memory", 0))
    return [
        Load(metadata.namespace, metadata.name, metadata.uid, name, since, cores, memory)
        for name, since in running.items()
    ]


async def play(config: HollowConfig, own: NodeConfig) -> None:
    """Be one node until cancelled; its pods stay as they are then, for the next one to take up."""
    clock = SystemClock()
    async with await connect(await from_file(own.kubeconfig)) as client, asyncio.TaskGroup() as tasks:
        node = Node(own.name, client, clock, Addresses(own.pod_range), config.folder)
        kubelet = Kubelet(config, own, node, tasks)
        heartbeat = Heartbeat(own, config.version, client, clock)
        async with serving(kubelet, own, config.client_authority):
            await heartbeat.register()
            async with asyncio.TaskGroup() as duties:
                duties.create_task(heartbeat.keep(), name=f"heartbeat of {own.name}")
                duties.create_task(kubelet.follow(), name=f"pods of {own.name}")
