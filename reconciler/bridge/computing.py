"""The computing cluster as every Bridge of a process sees it: one client and one cache per kind, shared read-only."""

import asyncio

import msgspec

from reconciler import names
from reconciler.bridge.proxiers import ProxierLease, decode_lease
from reconciler.kube.cache import Cache
from reconciler.kube.client import Client
from reconciler.kube.projections import Copied, CustomObject, Node, PartialObject, Pod
from reconciler.kube.resources import CONFIGMAPS, LEASES, NAMESPACES, NODES, PODS, SECRETS, Resource
from reconciler.kube.watch import WatchSpec
from reconciler.topdown.references import references_of

ON_NODE = "node"
ON_PORT = "port"
NAMES_DEPENDENT = "dependent"

decode_custom = msgspec.json.Decoder(CustomObject).decode
decode_node = msgspec.json.Decoder(Node).decode
decode_partial = msgspec.json.Decoder(PartialObject).decode
decode_pod = msgspec.json.Decoder(Pod).decode


def decode_computing_pod(raw: bytes | memoryview) -> Copied[Pod] | None:
    """Keep pods on vnodes, with their bytes; everything else of the cluster is none of our business."""
    pod = decode_pod(raw)
    return Copied(pod, bytes(raw)) if pod.spec.node_name.startswith(names.VNODE_PREFIX) else None


def dependent_key(resource: Resource, namespace: str, name: str) -> str:
    """The key of a ConfigMap or Secret of the computing cluster: `Kind/namespace/name`."""
    return f"{resource.kind}/{namespace}/{name}"


def dependent_keys(pod: Copied[Pod]) -> tuple[str, ...]:
    """Keys of everything a pod references."""
    namespace = pod.metadata.namespace
    return tuple(dependent_key(ref.resource, namespace, ref.name) for ref in references_of(pod.raw))


AnyComputingCache = Cache[CustomObject] | Cache[Node] | Cache[Copied[Pod]] | Cache[PartialObject] | Cache[ProxierLease]


class Computing:
    """Client and caches of the computing cluster."""

    def __init__(self, client: Client, uid: str, idle_seconds: float) -> None:
        self.client = client
        self.uid = uid
        self.bindings: Cache[CustomObject] = Cache(
            client, WatchSpec(resource=names.BINDINGS, decode=decode_custom, idle_seconds=idle_seconds)
        )
        self.policies: Cache[CustomObject] = Cache(
            client, WatchSpec(resource=names.POLICIES, decode=decode_custom, idle_seconds=idle_seconds)
        )
        mark = f"{names.MANAGED_BY}={names.MANAGED_BY_VALUE}"
        self.nodes: Cache[Node] = Cache(
            client,
            WatchSpec(resource=NODES, decode=decode_node, label_selector=mark, idle_seconds=idle_seconds),
            indexes={ON_PORT: lambda node: (node.metadata.labels.get(names.PROXIER_PORT, ""),)},
        )
        self.pods: Cache[Copied[Pod]] = Cache(
            client,
            WatchSpec(
                resource=PODS, decode=decode_computing_pod, field_selector="spec.nodeName!=", idle_seconds=idle_seconds
            ),
            indexes={ON_NODE: lambda pod: (pod.seen.spec.node_name,), NAMES_DEPENDENT: dependent_keys},
        )
        self.proxiers: Cache[ProxierLease] = Cache(
            client,
            WatchSpec(
                resource=LEASES,
                decode=decode_lease,
                namespace=names.SYSTEM_NAMESPACE,
                label_selector=names.PROXIER,
                idle_seconds=idle_seconds,
            ),
        )
        self.configmaps: Cache[PartialObject] = Cache(
            client, WatchSpec(resource=CONFIGMAPS, decode=decode_partial, metadata_only=True, idle_seconds=idle_seconds)
        )
        self.secrets: Cache[PartialObject] = Cache(
            client, WatchSpec(resource=SECRETS, decode=decode_partial, metadata_only=True, idle_seconds=idle_seconds)
        )

    @property
    def caches(self) -> tuple[AnyComputingCache, ...]:
        """Every cache, by no particular order."""
        return (
            self.bindings,
            self.policies,
            self.nodes,
            self.pods,
            self.proxiers,
            self.configmaps,
            self.secrets,
        )

    def vnodes_on_port(self, port: int) -> tuple[str, ...]:
        """Names of the vnodes, of any binding, whose label has the port."""
        return tuple(node.metadata.name for node in self.nodes.by_index(ON_PORT, str(port)))

    def dependents(self, resource: Resource) -> Cache[PartialObject]:
        """The cache of ConfigMaps or Secrets."""
        return self.configmaps if resource is CONFIGMAPS else self.secrets

    async def run(self) -> None:
        """Keep all caches up to date until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for cache in self.caches:
                tasks.create_task(cache.run(), name=f"computing-{cache.resource.plural}")

    async def wait_synced(self) -> None:
        """Return when every cache has listed once."""
        for cache in self.caches:
            await cache.wait_synced()


async def cluster_uid(client: Client) -> str:
    """The UID of a cluster: that of its `kube-system` namespace, which lives as long as the cluster does."""
    found = await client.get(NAMESPACES, "kube-system")
    return str(found["metadata"]["uid"])
