"""One worker cluster as its Bridge sees it: client, caches and heartbeat."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime

from reconciler import names
from reconciler.bottomup.load import ForeignPod, foreign_pod_for
from reconciler.bridge.computing import (
    cluster_uid,
    decode_custom,
    decode_node,
    decode_partial,
    decode_pod,
    dependent_key,
)
from reconciler.clock import Clock
from reconciler.kube.cache import Cache, Change
from reconciler.kube.client import Client
from reconciler.kube.errors import KubeError
from reconciler.kube.projections import Copied, CustomObject, Node, PartialObject, Pod
from reconciler.kube.resources import CONFIGMAPS, NODES, PODS, SECRETS, Resource
from reconciler.kube.watch import WatchSpec
from reconciler.marks import Identity, virtual_pod_key
from reconciler.settings import Settings

log = logging.getLogger(__name__)

STANDS_FOR = "virtual"
COPY_OF = "origin"

WorkerPodEntry = Copied[Pod] | ForeignPod


class Heartbeat:
    """Whether the worker answers, and whether it is still the same cluster.

    `unreachable_since` is the first failure of an unbroken series; `is_wrong_cluster` once another cluster answered under this address.
    """

    def __init__(self, client: Client, expected_uid: str, clock: Clock, on_change: Callable[[], None]) -> None:
        self.unreachable_since: datetime | None = None
        self.last_error = ""
        self.is_wrong_cluster = False
        self._client = client
        self._expected_uid = expected_uid
        self._clock = clock
        self._on_change = on_change

    async def run(self, every_seconds: float) -> None:
        """Ask again and again until cancelled."""
        while True:
            await self.beat(every_seconds)
            await asyncio.sleep(every_seconds)

    async def beat(self, limit_seconds: float) -> bool:
        """Ask once; true when the right cluster answered."""
        before = (self.unreachable_since, self.is_wrong_cluster)
        try:
            async with asyncio.timeout(limit_seconds):
                uid = await cluster_uid(self._client)
        except (KubeError, TimeoutError) as error:
            self.last_error = str(error) or "timed out"
            self.unreachable_since = self.unreachable_since or self._clock.now()
        else:
            self.is_wrong_cluster = uid != self._expected_uid
            self.unreachable_since = self._clock.now() if self.is_wrong_cluster else None
        if (self.unreachable_since, self.is_wrong_cluster) != before:
            log.warning(
                "worker reachability changed",
                extra={
                    "since": self.unreachable_since,
                    "wrong_cluster": self.is_wrong_cluster,
                    "error": self.last_error,
                },
            )
            self._on_change()
        return self.unreachable_since is None


class Worker:
    """Client and caches of one worker cluster, seen with the eyes of one binding."""

    def __init__(self, client: Client, identity: Identity, settings: Settings) -> None:
        mount, idle_seconds = identity.mount_namespace, settings.watch_idle_seconds

        def decode_worker_pod(raw: bytes | memoryview) -> WorkerPodEntry | None:
            pod = decode_pod(raw)
            if pod.metadata.namespace == mount and identity.owns(pod.metadata):
                return Copied(pod, bytes(raw))
            return foreign_pod_for(pod, raw)

        self.client = client
        self.identity = identity
        self.nodes: Cache[Node] = Cache(
            client, WatchSpec(resource=NODES, decode=decode_node, idle_seconds=idle_seconds)
        )
        self.pods: Cache[WorkerPodEntry] = Cache(
            client,
            WatchSpec(resource=PODS, decode=decode_worker_pod, idle_seconds=idle_seconds),
            indexes={STANDS_FOR: _stands_for},
        )
        self.configmaps = self._copies(CONFIGMAPS, idle_seconds)
        self.secrets = self._copies(SECRETS, idle_seconds)
        self._policies_spec = WatchSpec(resource=names.POLICIES, decode=decode_custom, idle_seconds=idle_seconds)
        self.policies: Cache[CustomObject] | None = None
        self._is_discovered = False
        self._had_policies = False  # from the first
        self.labels_revision = 0  # counts changes of the nodes and their labels, which selectors look at
        self.nodes.subscribe(self._on_node)

    def _copies(self, resource: Resource, idle_seconds: float) -> Cache[PartialObject]:
        def origin(copy: PartialObject) -> tuple[str, ...]:
            annotations = copy.metadata.annotations
            if not self.identity.owns(copy.metadata):
                return ()
            return (
                dependent_key(
                    resource, annotations.get(names.VIRTUAL_NAMESPACE, ""), annotations.get(names.VIRTUAL_NAME, "")
                ),
            )

        mount = self.identity.mount_namespace
        spec = WatchSpec(
            resource=resource, decode=decode_partial, namespace=mount, metadata_only=True, idle_seconds=idle_seconds
        )
        return Cache(self.client, spec, indexes={COPY_OF: origin})

    def _on_node(self, change: Change[Node]) -> None:
        before, after = change.before, change.after
        if before is None or after is None or before.metadata.labels != after.metadata.labels:
            self.labels_revision += 1

    def copies(self, resource: Resource) -> Cache[PartialObject]:
        """The cache of ConfigMaps or Secrets in the mount namespace."""
        return self.configmaps if resource is CONFIGMAPS else self.secrets

    def pods_for(self, key: str) -> tuple[Copied[Pod], ...]:
        """Our pods that stand for a computing pod (of any UID)."""
        return tuple(pod for pod in self.pods.by_index(STANDS_FOR, key) if isinstance(pod, Copied))

    @property
    def caches(self) -> tuple[Cache[Node] | Cache[WorkerPodEntry] | Cache[PartialObject] | Cache[CustomObject], ...]:
        """Every cache; policies only where the CRD is installed."""
        return self._always if self.policies is None else (*self._always, self.policies)

    @property
    def _always(self) -> tuple[Cache[Node] | Cache[WorkerPodEntry] | Cache[PartialObject] | Cache[CustomObject], ...]:
        return self.nodes, self.pods, self.configmaps, self.secrets

    async def discover(self) -> None:
        """Find out whether the worker has policies of its own, which its owner may install at any time."""
        if self.policies is None and await self.client.has(names.POLICIES):
            self.policies = Cache(self.client, self._policies_spec)
            self._had_policies = not self._is_discovered
        self._is_discovered = True

    async def run(self) -> None:
        """Keep all caches up to date until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for cache in self.caches:
                tasks.create_task(cache.run(), name=f"{self.identity.binding_name}-{cache.resource.plural}")

    @property
    def is_synced(self) -> bool:
        """Whether every cache has listed once; policies that came later are only unknown until then, and hold nothing else up."""
        needed = self.caches if self._had_policies else self._always
        return self._is_discovered and all(cache.is_synced for cache in needed)

    async def wait_synced(self) -> None:
        """Return when every cache has listed once."""
        for cache in self.caches:
            await cache.wait_synced()

    def reconnect(self) -> None:
        """Open all watches anew, without waiting for their backoff."""
        for cache in self.caches:
            cache.reconnect()


def _stands_for(pod: WorkerPodEntry) -> tuple[str, ...]:
    key = virtual_pod_key(pod.metadata) if isinstance(pod, Copied) else None
    return (key,) if key else ()
