"""What a worker cluster has to lend: its machines, and what their owner's pods leave of them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from inventory.model import Binding
from inventory.standing import Candidate
from reconciler import names
from reconciler.bottomup.load import LoadBook
from reconciler.kube.projections import Node

_READY = "Ready"
_CORDONS = frozenset({names.NODE_UNSCHEDULABLE, names.TAINT_UNSCHEDULABLE})


@dataclass(frozen=True, slots=True)
class Machine:
    """A node of a worker; `load` is what the owner's pods request, in milli-units."""

    name: str
    labels: Mapping[str, str]
    allocatable: Mapping[str, str]
    load: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Supply:
    """The machines of one binding.

    `left_out` are nodes that take no pods now, so that nobody knows when they will; `worker` are the worker's own policies, None if they cannot be listed.
    """

    binding: Binding
    machines: tuple[Machine, ...] = ()
    left_out: tuple[str, ...] = ()
    worker: tuple[Candidate, ...] | None = ()


def supply_of(
    binding: Binding, nodes: Iterable[Node], load: LoadBook, worker: tuple[Candidate, ...] | None = ()
) -> Supply:
    """The machines of a worker as its nodes and the load on them show them."""
    nodes = tuple(nodes)
    fit = (node for node in nodes if takes_pods(node))
    return Supply(
        binding,
        tuple(_machine(node, load) for node in fit),
        tuple(node.metadata.name for node in nodes if not takes_pods(node)),
        worker,
    )


def takes_pods(node: Node) -> bool:
    """Whether a node is neither cordoned, nor leaving, nor known to be unwell."""
    is_marked = any(taint.key in _CORDONS for taint in node.spec.taints)
    is_unwell = any(each.type == _READY and each.status != "True" for each in node.status.conditions)
    return not (node.spec.unschedulable or node.metadata.is_deleting or is_marked or is_unwell)


def _machine(node: Node, load: LoadBook) -> Machine:
    name = node.metadata.name
    return Machine(name, node.metadata.labels, node.status.allocatable, load.load_of(name))
