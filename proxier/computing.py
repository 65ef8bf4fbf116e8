"""The computing cluster as a proxier sees it: vnodes of its binding, pods on them, and the authority of clients."""

import asyncio
from typing import Final

import msgspec

from reconciler import names
from reconciler.bridge.computing import decode_node, decode_pod
from reconciler.kube.cache import Cache
from reconciler.kube.client import Client
from reconciler.kube.projections import Node, ObjectMeta, Pod, Projection
from reconciler.kube.resources import CONFIGMAPS, NODES, PODS
from reconciler.kube.watch import WatchSpec
from reconciler.permissions import AUTHENTICATION

ON_NODE: Final = "node"
AUTHENTICATION_NAMESPACE: Final = "kube-system"

CLIENT_AUTHORITY: Final = "client-ca-file"


class Texts(Projection, frozen=True):
    """A ConfigMap."""

    metadata: ObjectMeta
    data: dict[str, str] = msgspec.field(default_factory=dict)


_decode_texts = msgspec.json.Decoder(Texts).decode


def _decode_pod_on_vnode(raw: bytes | memoryview) -> Pod | None:
    pod = decode_pod(raw)
    return pod if pod.spec.node_name.startswith(names.VNODE_PREFIX) else None


class Computing:
    """Caches of the computing cluster."""

    def __init__(self, client: Client, binding: str, idle_seconds: float) -> None:
        mark = f"{names.CLUSTER_BINDING}={names.label_value(binding)}"
        self.vnodes: Cache[Node] = Cache(
            client, WatchSpec(resource=NODES, decode=decode_node, label_selector=mark, idle_seconds=idle_seconds)
        )
        self.pods: Cache[Pod] = Cache(
            client,
            WatchSpec(
                resource=PODS, decode=_decode_pod_on_vnode, field_selector="spec.nodeName!=", idle_seconds=idle_seconds
            ),
            indexes={ON_NODE: lambda pod: (pod.spec.node_name,)},
        )
        self.authentication: Cache[Texts] = Cache(
            client,
            WatchSpec(
                resource=CONFIGMAPS,
                decode=_decode_texts,
                namespace=AUTHENTICATION_NAMESPACE,
                field_selector=f"metadata.name={AUTHENTICATION}",
                idle_seconds=idle_seconds,
            ),
        )

    @property
    def is_synced(self) -> bool:
        """Whether everything has been listed once."""
        return self.vnodes.is_synced and self.pods.is_synced and self.authentication.is_synced

    @property
    def client_authorities(self) -> str:
        """PEM of the authorities whose client certificates the cluster takes; empty where it publishes none."""
        found = self.authentication.get(f"{AUTHENTICATION_NAMESPACE}/{AUTHENTICATION}")
        return found.data.get(CLIENT_AUTHORITY, "") if found is not None else ""

    def pods_on(self, vnode: str) -> tuple[Pod, ...]:
        """The pods on a vnode."""
        return self.pods.by_index(ON_NODE, vnode)

    async def run(self) -> None:
        """Keep the caches up to date until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for cache in (self.vnodes, self.pods, self.authentication):
                tasks.create_task(cache.run(), name=f"computing-{cache.resource.plural}")

    async def wait_synced(self) -> None:
        """Return when everything has been listed once."""
        for cache in (self.vnodes, self.pods, self.authentication):
            await cache.wait_synced()
