"""Everything that decides about one worker node and its vnode, from both clusters, frozen."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from inventory.model import Binding
from inventory.standing import Standing
from reconciler.bottomup.capacity import lease_of, requests_of
from reconciler.kube.projections import Node, Pod
from reconciler.marks import BindingState


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the kubelet of a vnode answers: a proxier's address."""

    address: str
    port: int


@dataclass(frozen=True, slots=True)
class NodeView:
    """One worker node and its vnode.

    Attributes:
        binding: The spec of the binding.
        state: Identity and life cycle of the binding.
        vnode_name: The vnode's name, also when there is none yet.
        worker_node: The node in the worker; None when a synced and fresh cache does not have it.
        standing: What the policies of both sides say of the node now; None when they cannot be listed or the worker is not known well enough to say
            (then leases stay as they are and take no new pods).
        foreign_load: Milli-units requested on the node by live pods that are not ours, `pods` among them; also by those in `yields_to`, as if they ran there.
        vnode: The node in the computing cluster, if it is there.
        computing_pods: Pods bound to the vnode (of any phase).
        unreachable_since: Since when the worker has not answered; None while it does.
        endpoint: The proxier to point at, if one is ready.
        yields_to: UIDs of pods of the owner that wait for a place and are to get it here.

    """

    binding: Binding
    state: BindingState
    vnode_name: str
    worker_node: Node | None
    standing: Standing | None
    foreign_load: Mapping[str, int]
    vnode: Node | None
    computing_pods: tuple[Pod, ...] = ()
    unreachable_since: datetime | None = None
    endpoint: Endpoint | None = None
    yields_to: tuple[str, ...] = ()

    @property
    def lease(self) -> Mapping[str, int]:
        """What the lenders allow of what is left on the node, in milli-units; nothing where nobody lends it."""
        if self.worker_node is None or self.standing is None:
            return {}
        return lease_of(self.worker_node.status.allocatable, self.foreign_load, self.standing.lenders)

    def requests_of(self, computing_pod: Pod) -> Mapping[str, int]:
        """What a pod takes of the lease, in milli-units, `pods` among them."""
        return requests_of(computing_pod)
