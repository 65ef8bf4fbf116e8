"""Views of computing pods and their worker pods; what is missing from a cache is confirmed by a live read before it counts."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from reconciler import names
from reconciler.bridge.endings import ended_uid, ending_told
from reconciler.bridge.ground import Ground
from reconciler.bridge.nodes import node_name_of
from reconciler.bridge.worker import Worker
from reconciler.kube.client import Client
from reconciler.kube.errors import NotFoundError
from reconciler.kube.projections import Copied, HasMetadata, Node, ObjectMeta, OwnerReference, Pod
from reconciler.kube.resources import PODS, Resource
from reconciler.marks import Identity
from reconciler.permissions import REPLICASETS
from reconciler.topdown.ephemeral import EPHEMERAL_CONTAINERS, lacking
from reconciler.topdown.references import references_of
from reconciler.topdown.view import Dependent, Disruption, EphemeralApi, PodView, Reference, Workload


class PodObserver:
    """Builds PodViews; keys are `namespace/name` of computing pods."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._workloads = Workloads(ground.computing.client)

    async def observe(self, key: str, _now: datetime) -> PodView | None:
        """The view of one computing pod; None when it is not for this binding and nothing of ours stands for it."""
        if not self._ground.may_conclude:
            return None
        bound = self._ground.bound()
        identity = bound.state.identity
        computing_pod = self._ground.computing.pods.get(key)
        worker_pod = self._worker_pod(key, computing_pod)
        if worker_pod is None and (computing_pod is None or not self._ground.owns_pod(computing_pod)):
            return None
        vnode = self._ground.computing.nodes.get(computing_pod.seen.spec.node_name) if computing_pod else None
        return PodView(
            binding=bound.binding,
            state=bound.state,
            key=key,
            computing_pod=computing_pod,
            worker_pod=worker_pod,
            computing_pod_is_gone=worker_pod is not None
            and await self._computing_pod_is_gone(key, computing_pod, worker_pod),
            worker_pod_is_gone=worker_pod is None
            and computing_pod is not None
            and await self._worker_pod_is_gone(key, computing_pod, identity),
            ended_by=await self._ended_by(computing_pod, worker_pod, identity),
            name_is_taken=self._name_is_taken(key, identity),
            vnode=vnode,
            worker_node=self._worker_node(vnode, worker_pod),
            unreachable_since=self._ground.unreachable_since,
            dependents=self._dependents(computing_pod, identity) if computing_pod else (),
            workload=await self._workloads.of(computing_pod.metadata) if computing_pod else Workload("pod"),
            ephemeral_api=await self._ephemeral_api(computing_pod, worker_pod),
        )

    def _worker_pod(self, key: str, computing_pod: Copied[Pod] | None) -> Copied[Pod] | None:
        standing_in = self._ground.worker.pods_for(key)
        uid = computing_pod.metadata.uid if computing_pod else ""
        same = [pod for pod in standing_in if pod.metadata.annotations.get(names.VIRTUAL_POD_UID) == uid]
        return next(iter(same or standing_in), None)

    def _worker_node(self, vnode: Node | None, worker_pod: Copied[Pod] | None) -> Node | None:
        name = (node_name_of(vnode) if vnode else None) or (worker_pod.seen.spec.node_name if worker_pod else "")
        return self._ground.worker.nodes.get(name) if name else None

    async def _computing_pod_is_gone(
        self, key: str, computing_pod: Copied[Pod] | None, worker_pod: Copied[Pod]
    ) -> bool:
        stands_for = worker_pod.metadata.annotations.get(names.VIRTUAL_POD_UID)
        if computing_pod is not None and computing_pod.metadata.uid == stands_for:
            return False
        live = await _live_metadata(self._ground.computing.client, key)
        return live is None or live.get("uid") != stands_for

    async def _worker_pod_is_gone(self, key: str, computing_pod: Copied[Pod], identity: Identity) -> bool:
        """Only asked when it matters: the pod was mapped once or is on its way out, and the worker answers."""
        was_mapped = names.PHYSICAL_POD_UID in computing_pod.metadata.annotations
        if self._ground.unreachable_since is not None or not (was_mapped or computing_pod.metadata.is_deleting):
            return False
        for name in _possible_names(key, identity):
            live = await _live_metadata(self._ground.worker.client, f"{identity.mount_namespace}/{name}")
            if (
                live is not None
                and live.get("annotations", {}).get(names.VIRTUAL_POD_UID) == computing_pod.metadata.uid
            ):
                return False
        await self._ground.confirm_worker()
        return True

    async def _ended_by(
        self, computing_pod: Copied[Pod] | None, worker_pod: Copied[Pod] | None, identity: Identity
    ) -> Disruption | None:
        """Only asked about a pod that was ended in the worker and does not tell by what."""
        if computing_pod is None or self._ground.unreachable_since is not None:
            return None
        uid = ended_uid(computing_pod, worker_pod)
        return await ending_told(self._ground.worker.client, identity.mount_namespace, uid) if uid else None

    async def _ephemeral_api(
        self, computing_pod: Copied[Pod] | None, worker_pod: Copied[Pod] | None
    ) -> EphemeralApi | None:
        if computing_pod is None or worker_pod is None or self._ground.unreachable_since is not None:
            return None
        return await ephemeral_api_of(self._ground.worker.client, computing_pod, worker_pod)

    def _name_is_taken(self, key: str, identity: Identity) -> bool:
        first = _possible_names(key, identity)[0]
        there = self._ground.worker.pods.get(f"{identity.mount_namespace}/{first}")
        return there is not None and not isinstance(there, Copied)

    def _dependents(self, pod: Copied[Pod], identity: Identity) -> tuple[Dependent, ...]:
        return tuple(self._dependent(ref, pod.metadata.namespace, identity) for ref in references_of(pod.raw))

    def _dependent(self, reference: Reference, namespace: str, identity: Identity) -> Dependent:
        origin = self._ground.computing.dependents(reference.resource).get(f"{namespace}/{reference.name}")
        name, copy = copy_of(self._ground.worker, reference.resource, namespace, reference.name, identity)
        return Dependent(reference, origin.metadata if origin else None, copy, name)


async def ephemeral_api_of(worker: Client, computing_pod: Copied[Pod], worker_pod: Copied[Pod]) -> EphemeralApi | None:
    """How the worker takes ephemeral containers; only asked when there is something to add."""
    if not lacking(computing_pod, worker_pod):
        return None
    kind = await worker.kind_of(PODS, EPHEMERAL_CONTAINERS)
    return next((api for api in EphemeralApi if api.value == kind), None)


def copy_of(
    worker: Worker, resource: Resource, namespace: str, name: str, identity: Identity
) -> tuple[str, ObjectMeta | None]:
    """The name that the copy of a ConfigMap or Secret has or must get, and its metadata if it is there."""
    return copy_among(worker.copies(resource).get, namespace, name, identity)


def copy_among(
    there: Callable[[str], HasMetadata | None], namespace: str, name: str, identity: Identity
) -> tuple[str, ObjectMeta | None]:
    """As `copy_of`, where `there` gives what has a key."""
    first, second = copy_names(namespace, name, identity)
    found = there(f"{identity.mount_namespace}/{first}")
    if found is None or identity.owns(found.metadata):
        return first, found.metadata if found else None
    found = there(f"{identity.mount_namespace}/{second}")
    return second, found.metadata if found and identity.owns(found.metadata) else None


def copy_names(namespace: str, name: str, identity: Identity) -> tuple[str, str]:
    """The name of a mirrored object, and the one it gets when that belongs to somebody else."""
    second = names.mirrored_name_if_taken(namespace, name, identity.computing_cluster_uid)
    return names.mirrored_name(namespace, name), second


class Workloads:
    """Names the workload of a pod; a ReplicaSet's Deployment is read once per ReplicaSet (owners do not change)."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._by_replicaset: dict[str, Workload] = {}

    async def of(self, pod: ObjectMeta) -> Workload:
        """Deployment through its ReplicaSet, any other controller as it is, or `pod`."""
        owner = next((owner for owner in pod.owner_references if owner.controller), None)
        if owner is None:
            return Workload("pod")
        if owner.kind != "ReplicaSet":
            return Workload(owner.kind.lower(), owner.name)
        if owner.uid not in self._by_replicaset:
            self._by_replicaset[owner.uid] = await self._deployment_of(owner, pod.namespace)
        return self._by_replicaset[owner.uid]

    async def _deployment_of(self, replicaset: OwnerReference, namespace: str) -> Workload:
        try:
            found = await self._client.get(REPLICASETS, replicaset.name, namespace)
        except NotFoundError:
            return Workload("replicaset", replicaset.name)
        owners = found["metadata"].get("ownerReferences", ())
        deployment = next((owner["name"] for owner in owners if owner["kind"] == "Deployment"), None)
        return Workload("deployment", deployment) if deployment else Workload("replicaset", replicaset.name)


def _possible_names(key: str, identity: Identity) -> tuple[str, str]:
    namespace, _, name = key.partition("/")
    return copy_names(namespace, name, identity)


async def _live_metadata(client: Client, key: str) -> dict[str, Any] | None:
    namespace, _, name = key.partition("/")
    try:
        found = await client.get(PODS, name, namespace)
    except NotFoundError:
        return None
    metadata: dict[str, Any] = found["metadata"]
    return metadata
