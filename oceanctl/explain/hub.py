"""What the computing cluster shows: bindings, policies and vnodes, and the Territory of each binding that is asked for."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from inventory.errors import InvalidInventoryError
from inventory.manifests import policy_from, selector_of
from inventory.model import Binding
from inventory.standing import Candidate, Sides
from oceanctl.access import cluster_uid
from oceanctl.explain.names import unknown
from oceanctl.explain.territory import Place, Territory, by_node
from oceanctl.explain.worker import look
from oceanctl.fleet import OURS, listed
from reconciler import names
from reconciler.bridge.policies import manifest_of, parsed_binding
from reconciler.decision import Side
from reconciler.kube.client import Client
from reconciler.kube.projections import CustomObject, Node, Pod
from reconciler.kube.resources import NODES, PODS
from reconciler.marks import BindingState, Identity


@dataclass(frozen=True, slots=True)
class Hub:
    """The computing cluster, listed once."""

    client: Client
    uid: str
    bindings: Mapping[str, CustomObject]
    policies: Mapping[str, CustomObject]
    vnodes: Mapping[str, Node]

    def bound(self, name: str) -> tuple[Binding, BindingState]:
        """A binding by name.

        Raises UnknownNameError, or InvalidInventoryError when its spec is invalid.
        """
        seen = self.bindings.get(name)
        if seen is None:
            raise unknown("binding", name, self.bindings)
        binding, metadata = parsed_binding(seen), seen.metadata
        identity = Identity(self.uid, name, metadata.uid, binding.cluster_id, binding.mount_namespace)
        abandons = metadata.annotations.get(names.ABANDON_WORKER) == "true"
        return binding, BindingState(identity, metadata.is_deleting, abandons)

    def vnodes_of(self, identity: Identity) -> dict[str, Node]:
        """Its vnodes by name."""
        return {name: node for name, node in self.vnodes.items() if identity.owns_vnode(node)}

    def valid_bindings(self) -> list[str]:
        """Bindings that can be used; what is wrong with the others is their status's to tell."""
        return [name for name in sorted(self.bindings) if self._is_valid(name)]

    def _is_valid(self, name: str) -> bool:
        try:
            self.bound(name)
        except InvalidInventoryError:
            return False
        return True

    def pinned_uid(self, binding: str) -> str | None:
        """Which cluster its worker is known to be."""
        return self.bindings[binding].status.get("workerClusterUID")


async def hub_of(client: Client) -> Hub:
    """List what concerns every binding."""
    async with asyncio.TaskGroup() as tasks:
        uid = tasks.create_task(cluster_uid(client), name="uid")
        bindings = tasks.create_task(listed(client, names.BINDINGS, CustomObject), name="bindings")
        policies = tasks.create_task(listed(client, names.POLICIES, CustomObject), name="policies")
        vnodes = tasks.create_task(listed(client, NODES, Node, OURS), name="vnodes")
    return Hub(
        client,
        uid.result(),
        {each.metadata.name: each for each in bindings.result()},
        {each.metadata.name: each for each in policies.result()},
        {each.metadata.name: each for each in vnodes.result()},
    )


async def territory_of(hub: Hub, name: str, node_name: str | None = None) -> Territory:
    """A binding with its whole worker, or with one node of it."""
    binding, state = hub.bound(name)
    sight, pods = await asyncio.gather(
        look(hub.client, binding, hub.pinned_uid(name), node_name), _computing_pods(hub.client, binding, node_name)
    )
    computing, flaws = _candidates(Side.COMPUTING, hub.policies.values(), name)
    worker, more = _candidates(Side.WORKER, sight.policies or (), name)
    return Territory(
        binding=binding,
        state=state,
        sides=Sides(computing, None if sight.policies is None else worker),
        nodes={node.metadata.name: node for node in sight.nodes},
        foreign_pods=by_node(pod for pod in sight.pods if not _is_ours(pod, state.identity)),
        waiting={pod.uid: pod for pod in sight.waiting},
        problems={**flaws, **more},
        vnodes=hub.vnodes_of(state.identity),
        computing_pods=_grouped(pods),
        trouble=sight.trouble,
    )


def _is_ours(pod: Pod, identity: Identity) -> bool:
    return pod.metadata.namespace == identity.mount_namespace and identity.owns(pod.metadata)


def _candidates(
    side: Side, seen: Iterable[CustomObject], binding: str
) -> tuple[tuple[Candidate, ...], dict[Place, str]]:
    """The policies of one cluster for a binding, and what is wrong with those that are invalid."""
    found: list[Candidate] = []
    flaws: dict[Place, str] = {}
    for each in seen:
        if each.spec.get("cluster") != binding:
            continue
        metadata = each.metadata
        try:
            policy = replace(policy_from(manifest_of(each)), created_at=metadata.creation_timestamp)
            found.append(Candidate(metadata.name, policy, metadata.is_deleting))
        except InvalidInventoryError as error:
            found.append(Candidate(metadata.name, None, metadata.is_deleting, selector_of(each.spec)))
            flaws[side, metadata.name] = "; ".join(problem.message for problem in error.problems)
    return tuple(found), flaws


async def _computing_pods(client: Client, binding: Binding, node_name: str | None) -> Sequence[Pod]:
    on = f"={names.vnode_name(binding.cluster_id, node_name)}" if node_name else "!="
    return await listed(client, PODS, Pod, field_selector=f"spec.nodeName{on}")


def _grouped(pods: Iterable[Pod]) -> dict[str, list[Pod]]:
    found: dict[str, list[Pod]] = {}
    for pod in pods:
        found.setdefault(pod.spec.node_name, []).append(pod)
    return found
