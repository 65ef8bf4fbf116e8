"""What the observers of one Bridge stand on: both sides, the binding as it is now, and whether the worker answers."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from inventory.model import Binding
from reconciler import names
from reconciler.bridge.computing import Computing, cluster_uid
from reconciler.bridge.worker import Heartbeat, Worker
from reconciler.kube.errors import NotFoundError, TransientError
from reconciler.kube.projections import Copied, Pod
from reconciler.kube.resources import Resource
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

    @property
    def identity(self) -> Identity:
        """Who we are towards the worker; it never changes while a Bridge lives."""
        return self.bound().state.identity

    @property
    def unreachable_since(self) -> datetime | None:
        """Since when the worker has not answered."""
        return self.heartbeat.unreachable_since

    @property
    def may_conclude(self) -> bool:
        """Whether what the worker's caches lack means anything: they have listed once, or the worker is known to be silent."""
        return self.worker.is_synced or self.unreachable_since is not None

    def owns_vnode(self, vnode_name: str) -> bool:
        """Whether a vnode of this name is, or would be, ours: one that was deleted by hand does not disown its pods."""
        identity = self.identity
        vnode = self.computing.nodes.get(vnode_name)
        if vnode is not None:
            return identity.owns_vnode(vnode)
        return any(
            vnode_name == names.vnode_name(identity.cluster_id, node.metadata.name)
            for node in self.worker.nodes.values()
        )

    def owns_pod(self, pod: Copied[Pod]) -> bool:
        """Whether a computing pod is ours to mirror, or is mirrored already."""
        return self.owns_vnode(pod.seen.spec.node_name) or bool(self.worker.pods_for(pod.metadata.key))

    async def confirm_gone(self, resource: Resource, name: str, namespace: str = "") -> None:
        """Return if a live read of the worker, and it is the right one, answers 404.

        Raises:
            TransientError: The object is there after all, or another cluster answers.

        """
        try:
            await self.worker.client.get(resource, name, namespace)
        except NotFoundError:
            await self.confirm_worker()
        else:
            raise TransientError(f"{resource.plural} {name} is there, though the cache lacks it")

    async def confirm_worker(self) -> None:
        """Return if the worker is the cluster that it was.

        Raises:
            TransientError: Another cluster answers under its address.

        """
        if await cluster_uid(self.worker.client) != self.worker_uid:
            raise TransientError("another cluster answers under the worker's address")
