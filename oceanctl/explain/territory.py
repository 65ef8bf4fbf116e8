"""What can be seen of one binding, from clusters or from files, in the shape that the reconciler's rules take."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from msgspec.structs import replace as replace_fields

from inventory.model import Binding
from inventory.standing import Sides, Standing, standing_of
from reconciler import names
from reconciler.bottomup.load import ForeignPod, LoadBook, foreign_pod_for
from reconciler.bottomup.view import NodeView
from reconciler.bottomup.vnode import machine_behind
from reconciler.decision import Side
from reconciler.kube.projections import Node, Pod
from reconciler.marks import BindingState
from reconciler.promise import yields_to

Place = tuple[Side, str]
"""A policy: which cluster holds it, and its name."""


@dataclass(frozen=True, slots=True)
class Territory:
    """One binding with all that was asked for of its worker.

    Attributes:
        waiting: By UID, the owner's pods that no node has room for, to which a vnode may have on record that it gives way; empty offline.
        problems: What is wrong with policies that are invalid.
        foreign_pods: By node, the pods of the worker's own that count.
        vnodes: Ours, by name; empty offline.
        computing_pods: By vnode; empty offline.
        trouble: Why the worker could not be read, if it could not.

    """

    binding: Binding
    state: BindingState
    sides: Sides
    nodes: Mapping[str, Node]
    foreign_pods: Mapping[str, Sequence[ForeignPod]] = field(default_factory=lambda: MappingProxyType({}))
    waiting: Mapping[str, ForeignPod] = field(default_factory=lambda: MappingProxyType({}))
    problems: Mapping[Place, str] = field(default_factory=lambda: MappingProxyType({}))
    vnodes: Mapping[str, Node] = field(default_factory=lambda: MappingProxyType({}))
    computing_pods: Mapping[str, Sequence[Pod]] = field(default_factory=lambda: MappingProxyType({}))
    trouble: str = ""

    def vnode_name(self, node_name: str) -> str:
        """The name that a node of it has in the computing cluster."""
        return names.vnode_name(self.binding.cluster_id, node_name)

    def standing_of(self, machine: Node, now: datetime) -> Standing | None:
        """What the policies say of a node at any instant; None while the worker's cannot be listed."""
        return standing_of(machine.metadata.labels, machine.metadata.name, self.binding, self.sides, now)


@dataclass(frozen=True, slots=True)
class NodeCase:
    """One node of a territory, as the reconciler would see it; `machine` is what was last seen of a node that is out of sight.

    `foreign_pods` are the pods of the worker's own that count, those that wait and get their room here among them.
    """

    territory: Territory
    view: NodeView
    machine: Node
    foreign_pods: Sequence[ForeignPod]


def case_of(territory: Territory, node_name: str, now: datetime) -> NodeCase | None:
    """The case of a node; None when neither the node nor a vnode of it is there."""
    vnode_name = territory.vnode_name(node_name)
    node, vnode = territory.nodes.get(node_name), territory.vnodes.get(vnode_name)
    if node is None and vnode is None:
        return None
    machine = node or machine_behind(_there(vnode), territory.binding.cluster_id)
    owed = tuple(_owed(territory, vnode, node_name))
    foreign = (*territory.foreign_pods.get(node_name, ()), *owed)
    view = NodeView(
        binding=territory.binding,
        state=territory.state,
        vnode_name=vnode_name,
        worker_node=node,
        standing=territory.standing_of(machine, now),
        foreign_load=load_of(foreign, node_name),
        vnode=vnode,
        computing_pods=tuple(territory.computing_pods.get(vnode_name, ())),
        unreachable_since=now if territory.trouble else None,
        yields_to=tuple(sorted(pod.uid for pod in owed)),
    )
    return NodeCase(territory, view, machine, foreign)


def _owed(territory: Territory, vnode: Node | None, node_name: str) -> Iterator[ForeignPod]:
    """The pods that the vnode gives way to by its record, as far as they still wait, as if they ran there."""
    for uid in yields_to(vnode):
        pod = territory.waiting.get(uid)
        if pod is not None and pod.waiting is not None:
            yield replace_fields(pod, node_name=node_name, requests=pod.waiting.requests)


def load_of(foreign: Iterable[ForeignPod], node_name: str) -> Mapping[str, int]:
    """What pods request on a node, as the reconciler sums it up."""
    book = LoadBook()
    for pod in foreign:
        book.apply(None, pod)
    return book.load_of(node_name)


def by_node(foreign: Iterable[Pod]) -> dict[str, list[ForeignPod]]:
    """Pods of the worker's own that are bound and not finished, in the order of their names."""
    counted: dict[str, list[ForeignPod]] = {}
    for pod in sorted(map(foreign_pod_for, foreign), key=lambda each: (each.namespace, each.name)):
        if pod.requests:
            counted.setdefault(pod.node_name, []).append(pod)
    return counted


def _there(vnode: Node | None) -> Node:
    if vnode is None:
        raise ValueError("neither a node nor a vnode")
    return vnode
