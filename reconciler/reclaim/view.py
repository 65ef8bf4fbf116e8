"""What reclaim has to know of a vnode; bottom-up's NodeView is one of these."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from inventory.model import Binding
from inventory.standing import Standing
from reconciler.kube.projections import Node, Pod
from reconciler.marks import BindingState


class LeaseView(Protocol):
    """One lease, frozen; the fields mean what they mean in `bottomup.view.NodeView`."""

    @property
    def binding(self) -> Binding:
        """The spec of the binding."""
        ...

    @property
    def state(self) -> BindingState:
        """Whether the binding is going."""
        ...

    @property
    def worker_node(self) -> Node | None:
        """The machine; None when it is certainly gone."""
        ...

    @property
    def standing(self) -> Standing | None:
        """What the policies say; None when nobody knows."""
        ...

    @property
    def vnode(self) -> Node | None:
        """The node in the computing cluster, which remembers its lease."""
        ...

    @property
    def computing_pods(self) -> tuple[Pod, ...]:
        """Pods bound to the vnode, of any phase."""
        ...

    @property
    def lease(self) -> Mapping[str, int]:
        """How much is lent now of each resource, in milli-units."""
        ...

    def requests_of(self, computing_pod: Pod) -> Mapping[str, int]:
        """What a pod takes of it."""
        ...

    @property
    def unreachable_since(self) -> datetime | None:
        """Since when the worker has not answered."""
        ...
