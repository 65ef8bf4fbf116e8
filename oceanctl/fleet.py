"""The fleet as the computing cluster shows it: inventories, bindings, policies, vnodes and how many pods each holds."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

import msgspec

from reconciler import names
from reconciler.conditions import rfc3339
from reconciler.decision import LeaseState
from reconciler.gitops.state import State, record_from
from reconciler.kube.calls import Selection
from reconciler.kube.client import Client
from reconciler.kube.projections import CustomObject, Node, Pod
from reconciler.kube.resources import CONFIGMAPS, NODES, PODS, Resource
from reconciler.promise import Promise, instant_from, promise_of

OURS: Final = f"{names.MANAGED_BY}={names.MANAGED_BY_VALUE}"  # selects vnodes
ProjectionT = TypeVar("ProjectionT", CustomObject, Node, Pod)


@dataclass(frozen=True, slots=True)
class Vnode:
    """One lent node; `ends_at` is the next instant at which capacity goes home.

    `state` is one of LeaseState, or Paused (takes no new pods for the time being), Unreachable or Leaving.
    """

    name: str
    binding: str
    state: str
    policy: str
    capacity: Mapping[str, str]
    pods: int
    ends_at: datetime | None


@dataclass(frozen=True, slots=True)
class Binding:
    """One worker cluster, with what its condition Ready complains about, if it does."""

    name: str
    cluster_id: str
    phase: str
    connected: str
    matched: int
    leased: int
    totals: Mapping[str, str]
    is_suspended: bool
    complaint: str


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy and its next transition."""

    name: str
    binding: str
    phase: str
    matched: int
    leased: int
    next_at: datetime | None
    next_direction: str
    complaint: str


@dataclass(frozen=True, slots=True)
class Fleet:
    """Everything `oceanctl status` shows."""

    inventories: tuple[State, ...]
    bindings: tuple[Binding, ...]
    policies: tuple[Policy, ...]
    vnodes: tuple[Vnode, ...]


async def observe(client: Client, now: datetime) -> Fleet:
    """Read the fleet; five lists at once."""
    async with asyncio.TaskGroup() as tasks:
        maps = tasks.create_task(
            client.list(CONFIGMAPS, names.SYSTEM_NAMESPACE, label_selector=names.INVENTORY_ID), name="inventories"
        )
        bindings = tasks.create_task(listed(client, names.BINDINGS, CustomObject), name="bindings")
        policies = tasks.create_task(listed(client, names.POLICIES, CustomObject), name="policies")
        nodes = tasks.create_task(listed(client, NODES, Node, OURS), name="vnodes")
        pods = tasks.create_task(listed(client, PODS, Pod), name="pods")
    return fleet_of(
        [record_from(found).state for found in maps.result()],
        bindings.result(),
        policies.result(),
        vnodes_of(nodes.result(), policies.result(), pods.result(), now),
    )


def fleet_of(
    inventories: Iterable[State],
    bindings: Iterable[CustomObject],
    policies: Iterable[CustomObject],
    vnodes: Iterable[Vnode],
) -> Fleet:
    """Sorted by name."""
    return Fleet(
        tuple(sorted(inventories, key=lambda state: state.inventory_id)),
        tuple(sorted(map(_binding, bindings), key=lambda binding: binding.name)),
        tuple(sorted(map(_policy, policies), key=lambda policy: policy.name)),
        tuple(sorted(vnodes, key=lambda vnode: (vnode.binding, vnode.name))),
    )


def vnodes_of(
    nodes: Iterable[Node], policies: Iterable[CustomObject], pods: Iterable[Pod], now: datetime
) -> list[Vnode]:
    """Vnodes with what they hold; finished pods hold nothing."""
    closings = {policy.name: policy.next_at for policy in map(_policy, policies) if policy.next_direction == "Close"}
    load = Counter(pod.spec.node_name for pod in pods if not pod.status.is_terminal)
    return [_vnode(node, closings, load[node.metadata.name], now) for node in nodes]


def fleet_document(fleet: Fleet) -> dict[str, Any]:
    """The fleet as JSON; instants are RFC 3339 in UTC, absent ones null."""
    return {
        "inventories": [_inventory_document(state) for state in fleet.inventories],
        "bindings": [
            {
                "name": binding.name,
                "clusterID": binding.cluster_id,
                "phase": binding.phase,
                "connected": binding.connected,
                "suspended": binding.is_suspended,
                "nodes": {"matched": binding.matched, "leased": binding.leased},
                "leased": dict(binding.totals),
                "message": binding.complaint,
            }
            for binding in fleet.bindings
        ],
        "policies": [
            {
                "name": policy.name,
                "cluster": policy.binding,
                "phase": policy.phase,
                "nodes": {"matched": policy.matched, "leased": policy.leased},
                "nextTransition": _instant(policy.next_at)
                and {"at": _instant(policy.next_at), "direction": policy.next_direction},
                "message": policy.complaint,
            }
            for policy in fleet.policies
        ],
        "vnodes": [
            {
                "name": vnode.name,
                "binding": vnode.binding,
                "state": vnode.state,
                "policy": vnode.policy,
                "leased": dict(vnode.capacity),
                "pods": vnode.pods,
                "endsAt": _instant(vnode.ends_at),
            }
            for vnode in fleet.vnodes
        ],
    }


def _inventory_document(state: State) -> dict[str, Any]:
    held = state.held and {"token": state.held.token, "reason": state.held.reason, "objects": list(state.held.objects)}
    return {
        "id": state.inventory_id,
        "revision": state.revision,
        "conditions": [dict(condition) for condition in state.conditions],
        "heldPrune": held,
    }


async def listed(
    client: Client, resource: Resource, kind: type[ProjectionT], label_selector: str = "", field_selector: str = ""
) -> list[ProjectionT]:
    """All objects as projections, page by page: a fleet's pods as dicts would fill a laptop."""
    selection = Selection(resource, label_selector=label_selector, field_selector=field_selector)
    found: list[ProjectionT] = []
    rest = ""
    while True:
        page = await client.page(selection, rest)
        found += [msgspec.json.decode(item, type=kind) for item in page.items or ()]
        rest = page.metadata.continue_
        if not rest:
            return found


def _binding(seen: CustomObject) -> Binding:
    nodes, ready = seen.status.get("nodes", {}), _condition(seen, "Ready")
    return Binding(
        name=seen.metadata.name,
        cluster_id=seen.spec.get("clusterID", ""),
        phase="Deleting" if seen.metadata.is_deleting else seen.status.get("phase", "Pending"),
        connected=_condition(seen, "Connected").get("status", "Unknown"),
        matched=nodes.get("matched", 0),
        leased=nodes.get("leased", 0),
        totals=seen.status.get("leased", {}),
        is_suspended=bool(seen.spec.get("suspend")),
        complaint=_complaint(ready),
    )


def _policy(seen: CustomObject) -> Policy:
    transition, nodes = seen.status.get("nextTransition") or {}, seen.status.get("nodes", {})
    return Policy(
        name=seen.metadata.name,
        binding=seen.spec.get("cluster", ""),
        phase=seen.status.get("phase", "Pending"),
        matched=nodes.get("matched", 0),
        leased=nodes.get("leased", 0),
        next_at=instant_from(transition.get("at", "")),
        next_direction=transition.get("direction", ""),
        complaint=_complaint(_condition(seen, "Valid")),
    )


def _vnode(node: Node, closings: Mapping[str, datetime | None], pods: int, now: datetime) -> Vnode:
    metadata = node.metadata
    policy = metadata.labels.get(names.POLICY_APPLIED, "")
    ends_at = instant_from(metadata.annotations.get(names.LEASE_ENDS_AT, ""))
    return Vnode(
        name=metadata.name,
        binding=metadata.labels.get(names.CLUSTER_BINDING, ""),
        state=_state(node, pods, ends_at, now),
        policy=policy,
        capacity=node.status.allocatable,
        pods=pods,
        ends_at=ends_at or closings.get(policy),
    )


def _state(node: Node, pods: int, ends_at: datetime | None, now: datetime) -> str:
    if node.metadata.is_deleting:
        return "Leaving"
    if any(condition.type == "Ready" and condition.status == "Unknown" for condition in node.status.conditions):
        return "Unreachable"
    promise = promise_of(node)
    if promise.closed_at is not None:
        return _closed_state(promise, pods, ends_at, now)
    if not any(taint.key == names.TAINT_CLOSED for taint in node.spec.taints):
        return LeaseState.LENT
    return LeaseState.NOTICE if ends_at is not None else "Paused"


def _closed_state(promise: Promise, pods: int, ends_at: datetime | None, now: datetime) -> LeaseState:
    """As reclaim has it, from what it wrote down."""
    if not pods:
        return LeaseState.EMPTY
    drain = promise.terms.drain if promise.terms is not None else timedelta()
    if ends_at is None or now < ends_at - drain:
        return LeaseState.CLOSED
    return LeaseState.DRAINING if now < ends_at else LeaseState.EVICTING


def _condition(seen: CustomObject, kind: str) -> Mapping[str, Any]:
    conditions: Sequence[Mapping[str, Any]] = seen.status.get("conditions") or ()
    return next((condition for condition in conditions if condition.get("type") == kind), {})


def _complaint(condition: Mapping[str, Any]) -> str:
    if condition.get("status") in (None, "True"):
        return ""
    return ": ".join(filter(None, (condition.get("reason", ""), condition.get("message", ""))))


def _instant(instant: datetime | None) -> str | None:
    return rfc3339(instant) if instant else None
