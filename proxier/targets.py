"""Which pod of the worker a request is about: pure over what both clusters show.

The computing cluster's pod says on which vnode it is and which UID it has now; the worker's pod says, in annotations that only the binding's own syncer
writes, for which pod it stands. Annotations of the computing pod prove nothing: its owner can write them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from proxier.errors import RouteError
from proxier.node.tenants import Name, Tenant, Tenants
from proxier.routes import Target
from reconciler import names
from reconciler.kube.projections import ObjectMeta, Pod
from reconciler.marks import Identity


class Pods(Protocol):
    """What is known of both sides."""

    def computing_pod(self, key: str) -> Pod | None:
        """The pod `namespace/name` of the computing cluster, if it is on a vnode."""
        ...

    def computing_pods_on(self, vnode: str) -> Iterable[Pod]:
        """Every pod of the computing cluster on a vnode."""
        ...

    def worker_pods_for(self, key: str) -> Iterable[Pod]:
        """Pods of the worker's mount namespace that claim to stand for it."""
        ...


@dataclass(frozen=True, slots=True)
class WorkerAddress:
    """A pod of the worker."""

    namespace: str
    pod: str


def worker_address_for(target: Target, vnode: str, pods: Pods, identity: Identity) -> WorkerAddress:
    """Where the worker runs the pod that a request on this vnode names.

    Raises:
        RouteError: 404 when there is no such pod on this vnode, or its worker pod belongs to another pod of that name or to somebody else.

    """
    computing_pod = pods.computing_pod(f"{target.namespace}/{target.pod}")
    if computing_pod is None or computing_pod.spec.node_name != vnode:
        raise _unknown(target)
    if target.uid is not None and target.uid != computing_pod.metadata.uid:
        raise _unknown(target)
    found = _worker_pod_of(computing_pod, pods, identity)
    if found is None:
        raise _unknown(target)
    return WorkerAddress(found.namespace, found.name)


def tenants_of(vnode: str, node: str, pods: Pods, identity: Identity) -> Tenants:
    """The pods of a vnode for which the worker runs something."""
    pairs = ((each.metadata, _worker_pod_of(each, pods, identity)) for each in pods.computing_pods_on(vnode))
    return Tenants.of(vnode, node, (Tenant(_name(ours), _name(theirs)) for ours, theirs in pairs if theirs is not None))


def _worker_pod_of(computing_pod: Pod, pods: Pods, identity: Identity) -> ObjectMeta | None:
    uid, vnode = computing_pod.metadata.uid, computing_pod.spec.node_name
    claiming = pods.worker_pods_for(computing_pod.metadata.key)
    return next((each.metadata for each in claiming if _stands_for(each, uid, vnode, identity)), None)


def _name(metadata: ObjectMeta) -> Name:
    return Name(metadata.namespace, metadata.name, metadata.uid)


def _stands_for(worker_pod: Pod, uid: str, vnode: str, identity: Identity) -> bool:
    metadata = worker_pod.metadata
    return (
        identity.owns(metadata)
        and metadata.namespace == identity.mount_namespace
        and metadata.annotations.get(names.VIRTUAL_POD_UID) == uid
        and metadata.annotations.get(names.VIRTUAL_NODE_NAME) == vnode
    )


def _unknown(target: Target) -> RouteError:
    return RouteError(404, f'pod "{target.namespace}/{target.pod}" not found')
