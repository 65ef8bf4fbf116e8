"""What the observers of one Bridge stand on: both sides, the binding as it is now, and whether the worker answers."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from inventory.model import Binding
from reconciler import names
from reconciler.bridge.computing import Computing
from reconciler.bridge.worker import Heartbeat, Worker
from reconciler.clock import Clock
from reconciler.kube.projections import Copied, Pod
from reconciler.marks import BindingState, Identity


@dataclass(frozen=True, slots=True)
class Bound:
    """A binding as its Bridge knows it at this moment."""

    binding: Binding
    state: BindingState


@dataclass(frozen=True, slots=True)
class Ground:
    """Both sides of one Bridge. `bound` gives the binding of this moment, `worker_uid` the cluster that the worker must be."""

    computing: Computing
    worker: Worker
    bound: Callable[[], Bound]
    heartbeat: Heartbeat
    worker_uid: str
    clock: Clock

    @property
    def identity(self) -> Identity:
        """Who we are towards the worker; it never changes while a Bridge lives."""
        return self.bound().state.identity

    @property
    def unreachable_since(self) -> datetime | None:
        """Since when the worker has not answered."""
        return self.heartbeat.unreachable_since

    def owns_vnode(self, vnode_name: str) -> bool:
        """Whether a vnode of this name is, or would be, ours: one that was deleted by hand does not disown its pods."""
        identity = self.identity
        vnode = self.computing.nodes.get(vnode_name)
        if vnode is not None:
            return identity.owns_vnode(vnode.metadata)
        return any(
            vnode_name == names.vnode_name(identity.cluster_id, node.metadata.name)
            for node in self.worker.nodes.values()
        )

    def owns_pod(self, pod: Copied[Pod]) -> bool:
        """Whether a computing pod is ours to mirror, or is mirrored already."""
        return self.owns_vnode(pod.seen.spec.node_name) or bool(self.worker.pods_for(pod.metadata.key))
