"""Territories from files: an inventory, and nodes and pods as kubectl prints them. No cluster is asked.

What files cannot tell: UIDs, so our marks alone make a pod ours; the age of policies, which therefore does not rank them; policies of the worker itself.
"""

from collections.abc import Sequence
from pathlib import Path

from inventory.model import Binding, Inventory
from inventory.standing import Candidate, Sides
from oceanctl.explain.names import unknown
from oceanctl.explain.territory import Territory, by_node
from oceanctl.offline import is_ours, nodes_from, pods_from
from reconciler.kube.projections import Node, Pod
from reconciler.marks import BindingState, Identity


def territories_from(
    inventory: Inventory, nodes_file: Path, pods_file: Path | None, cluster: str | None
) -> tuple[Territory, ...]:
    """One for each binding of the inventory, or for the one that is named. Without pods nothing counts as foreign load."""
    nodes = nodes_from(nodes_file)
    pods = pods_from(pods_file) if pods_file else ()
    bindings = [located.value for located in inventory.bindings]
    if cluster is not None and cluster not in {binding.name for binding in bindings}:
        raise unknown("binding", cluster, [binding.name for binding in bindings])
    chosen = [binding for binding in bindings if cluster in (None, binding.name)]
    return tuple(_territory(inventory, binding, nodes, pods) for binding in chosen)


def _territory(inventory: Inventory, binding: Binding, nodes: Sequence[Node], pods: Sequence[Pod]) -> Territory:
    policies = (located.value for located in inventory.policies if located.value.cluster == binding.name)
    identity = Identity("", binding.name, "", binding.cluster_id, binding.mount_namespace)
    return Territory(
        binding=binding,
        state=BindingState(identity),
        sides=Sides(tuple(Candidate(policy.name, policy) for policy in policies)),
        nodes={node.metadata.name: node for node in nodes},
        foreign_pods=by_node(pod for pod in pods if not is_ours(pod, binding)),
    )
