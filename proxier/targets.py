"""Which pod of the worker a request is about: pure over what both clusters show.

The computing cluster's pod says on which vnode it is and which UID it has now; the worker's pod says, in annotations that only the binding's own syncer
writes, for which pod it stands. Annotations of the computing pod prove nothing: its owner can write them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from proxier.errors import RouteError
from proxier.routes import Target
from reconciler import names
from reconciler.kube.projections import Pod
from reconciler.marks import Identity


class Pods(Protocol):
    """What is known of both sides."""

    def computing_pod(self, key: str) -> Pod | None:
        """The pod `namespace/name` of the computing cluster, if it is on a vnode."""
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
    uid = computing_pod.metadata.uid
    if target.uid is not None and target.uid != uid:
        raise _unknown(target)
    for worker_pod in pods.worker_pods_for(computing_pod.metadata.key):
        if _stands_for(worker_pod, uid, vnode, identity):
            return WorkerAddress(worker_pod.metadata.namespace, worker_pod.metadata.name)
    raise _unknown(target)


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
