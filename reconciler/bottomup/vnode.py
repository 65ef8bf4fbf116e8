"""What a vnode should be: the worker node in the computing cluster's clothes, as large as its lease.

Annotations of the worker node are not copied: they are addressed to agents of the worker (network, storage, autoscaler), and many change all the time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec

from inventory.model import Limit, Policy
from inventory.quantity import canonical
from inventory.standing import Outcome
from reconciler import names
from reconciler.bottomup.capacity import PODS, lease_of, sum_of
from reconciler.bottomup.owned import Owned, owned_of, taint_key
from reconciler.bottomup.view import NodeView
from reconciler.decision import Reclaim
from reconciler.kube.projections import Condition, Node, NodeAddress, NodeSpec, ObjectMeta, Taint
from reconciler.marks import unmirrored_pods
from reconciler.promise import annotations_for, promise_of, yields_to

UNREACHABLE_AFTER = timedelta(seconds=40)  # what the node controller grants a kubelet
NO_SCHEDULE = "NoSchedule"
READY = "Ready"

# Taints that the cluster's own controllers set and remove; the computing cluster's would fight over copies.
_LIFECYCLE_PREFIXES = (names.NODE_LIFECYCLE_PREFIX, "node.cloudprovider.kubernetes.io/")
_UNFIT = frozenset(
    {
        names.NODE_UNSCHEDULABLE,
        "node.cloudprovider.kubernetes.io/uninitialized",
        "node.cloudprovider.kubernetes.io/shutdown",
    }
)

# What a kubelet declares is about its own machine; streams go to that machine, and only these are what a vnode passes on untouched.
_PASSED_ON = frozenset({names.FEATURE_WEBSOCKETS})


@dataclass(frozen=True, slots=True)
class Vnode:
    """Everything that we set of a vnode. `kubelet_port` is 0 where nobody answers for its kubelet."""

    name: str
    provider_id: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    taints: tuple[Taint, ...]
    capacity: Mapping[str, str]
    allocatable: Mapping[str, str]
    conditions: tuple[Condition, ...]
    addresses: tuple[NodeAddress, ...]
    kubelet_port: int
    node_info: Mapping[str, Any]
    declared_features: tuple[str, ...] = ()

    @property
    def owned(self) -> Owned:
        """The keys of it."""
        return Owned(
            frozenset(self.labels),
            frozenset(self.annotations),
            frozenset(map(taint_key, self.taints)),
            frozenset(each.type for each in self.conditions),
        )


def vnode_for(view: NodeView, machine: Node, reclaim: Reclaim, now: datetime) -> Vnode:
    """The vnode of a worker node; `machine` is that node, or what was last seen of it."""
    return Vnode(
        name=view.vnode_name,
        provider_id=names.provider_id(view.state.identity.cluster_id, machine.metadata.name),
        labels=_labels(view, machine, reclaim),
        annotations=_annotations(view, reclaim),
        taints=_taints(view, machine, reclaim),
        capacity=machine.status.capacity,
        allocatable=_allocatable(view, machine, reclaim),
        conditions=_conditions(view, machine, now),
        addresses=_addresses(view),
        kubelet_port=view.endpoint.port if view.endpoint else 0,
        node_info=machine.status.node_info,
        declared_features=tuple(each for each in machine.status.declared_features if each in _PASSED_ON),
    )


def machine_behind(vnode: Node, cluster_id: str) -> Node:
    """What a vnode shows of a worker node that is out of sight: that which we once copied."""
    owned = owned_of(vnode)
    labels = {key: value for key, value in vnode.metadata.labels.items() if key in owned.labels}
    taints = tuple(taint for taint in vnode.spec.taints if taint_key(taint) in owned.taints)
    conditions = tuple(each for each in vnode.status.conditions if each.type in owned.conditions)
    return Node(
        ObjectMeta(
            vnode.spec.provider_id.removeprefix(names.provider_id(cluster_id, "")),
            uid=vnode.metadata.labels.get(names.PHYSICAL_NODE_UID, ""),
            labels=labels,
        ),
        NodeSpec(unschedulable=any(taint.key == names.TAINT_UNSCHEDULABLE for taint in taints), taints=taints),
        msgspec.structs.replace(vnode.status, conditions=conditions),
    )


def is_lending(view: NodeView, reclaim: Reclaim) -> bool:
    """Whether the lease is known to be open and so follows the node and the limits; otherwise it stays as it is."""
    is_lent = view.standing is not None and view.standing.outcome is Outcome.LENT
    return is_lent and view.worker_node is not None and reclaim.closed_at is None


def _labels(view: NodeView, machine: Node, reclaim: Reclaim) -> dict[str, str]:
    identity = view.state.identity
    lenders = _lenders(view, reclaim)
    own = {
        names.NODE_TYPE: names.NODE_TYPE_VALUE,
        names.HOSTNAME: view.vnode_name,
        names.EXCLUDE_FROM_LOAD_BALANCERS: "true",
        names.MANAGED_BY: names.MANAGED_BY_VALUE,
        names.CLUSTER_BINDING: names.label_value(identity.binding_name),
        names.PHYSICAL_CLUSTER_ID: identity.cluster_id,
        names.PHYSICAL_NODE_NAME: names.label_value(machine.metadata.name),
        names.PHYSICAL_NODE_UID: machine.metadata.uid,
        names.PROXIER_PORT: str(view.endpoint.port) if view.endpoint else None,
        names.POLICY_APPLIED: names.label_value(lenders[0]) if lenders else None,
        **dict.fromkeys(names.INSTANCE_TYPES, names.INSTANCE_TYPE_VALUE),
    }
    copied = {key: value for key, value in machine.metadata.labels.items() if not key.startswith(names.PREFIX)}
    return _spared(copied, view.vnode) | {key: value for key, value in own.items() if value is not None}


def _spared(copied: Mapping[str, str], vnode: Node | None) -> dict[str, str]:
    """Without the labels that somebody has set on the vnode to another value."""
    if vnode is None:
        return dict(copied)
    present, ours = vnode.metadata.labels, owned_of(vnode).labels
    return {key: value for key, value in copied.items() if key in ours or present.get(key, value) == value}


def _annotations(view: NodeView, reclaim: Reclaim) -> dict[str, str]:
    lenders = _lenders(view, reclaim)
    applied = {
        names.POLICIES_APPLIED: ",".join(lenders),
        names.POLICY_DETAILS: _details(view, reclaim),
        names.YIELDS_TO: ",".join(_yields_to(view, reclaim)),
    }
    return annotations_for(reclaim) | {key: text for key, text in applied.items() if text}


def _yields_to(view: NodeView, reclaim: Reclaim) -> tuple[str, ...]:
    """While the worker is silent or its policies are unknown, what is recorded stays; a lease that is over gives way as a whole."""
    if view.unreachable_since is not None or (view.standing is None and reclaim.closed_at is None):
        return yields_to(view.vnode)
    return view.yields_to if is_lending(view, reclaim) else ()


def _details(view: NodeView, reclaim: Reclaim) -> str:
    """The limits of the policies that lend the node, or did so last, like `nights(cpu=4/50%,memory=/80%)`; what a limit does not set is left empty."""
    if view.standing is not None and is_lending(view, reclaim):
        return ",".join(f"{policy.name}({','.join(map(_detail, policy.limits))})" for policy in view.standing.lenders)
    return view.vnode.metadata.annotations.get(names.POLICY_DETAILS, "") if view.vnode else ""


def _detail(limit: Limit) -> str:
    quantity = "" if limit.quantity is None else canonical(limit.resource, limit.quantity)
    return f"{limit.resource}={quantity}/{'' if limit.percent is None else f'{limit.percent}%'}"


def _lenders(view: NodeView, reclaim: Reclaim) -> tuple[str, ...]:
    """Names of the policies that lend the node, or did so last."""
    if view.standing is not None and is_lending(view, reclaim):
        return tuple(policy.name for policy in view.standing.lenders)
    return promise_of(view.vnode).lenders


def _taints(view: NodeView, machine: Node, reclaim: Reclaim) -> tuple[Taint, ...]:
    """The worker node's taints in order, then ours; ours never have the effect NoExecute, which would cut every grace short."""
    copied = [taint for taint in machine.spec.taints if _is_copied(taint) and not _is_users(taint, view.vnode)]
    own = {
        Taint(names.TAINT_UNSCHEDULABLE, NO_SCHEDULE): _is_unfit(machine),
        Taint(names.TAINT_VNODE, NO_SCHEDULE): not view.binding.disable_node_default_taint,
        Taint(names.TAINT_CLOSED, NO_SCHEDULE, "true"): not reclaim.takes_pods,
        Taint(names.TAINT_DELETING, NO_SCHEDULE, "true"): _is_leaving(view, reclaim),
    }
    mirrored = [Taint(taint.key, taint.effect, taint.value) for taint in copied]
    return (*mirrored, *(taint for taint, is_set in own.items() if is_set))


def _is_copied(taint: Taint) -> bool:
    return not taint.key.startswith((names.PREFIX, *_LIFECYCLE_PREFIXES))


def _is_users(taint: Taint, vnode: Node | None) -> bool:
    """Whether somebody has set this taint on the vnode to another value."""
    if vnode is None or taint_key(taint) in owned_of(vnode).taints:
        return False
    return any(taint_key(other) == taint_key(taint) and other.value != taint.value for other in vnode.spec.taints)


def _is_unfit(machine: Node) -> bool:
    """Whether the worker itself would place no new pods there; those that run are not concerned."""
    is_marked = any(taint.key in _UNFIT for taint in machine.spec.taints)
    return machine.spec.unschedulable or machine.metadata.is_deleting or is_marked


def _is_leaving(view: NodeView, reclaim: Reclaim) -> bool:
    """Whether the vnode goes as soon as it is empty."""
    if reclaim.closed_at is None:
        return False
    is_matched = view.standing is None or view.standing.outcome is not Outcome.NOT_LENT
    return view.state.is_deleting or not is_matched or (view.vnode is not None and view.vnode.metadata.is_deleting)


def _allocatable(view: NodeView, machine: Node, reclaim: Reclaim) -> dict[str, str]:
    standing = view.standing
    if standing is not None and (is_lending(view, reclaim) or view.vnode is None):
        lease = _lease(view, machine, standing.lenders or standing.closed[:1])
    else:
        lease = dict(view.vnode.status.allocatable) if view.vnode else {}
    return lease if reclaim.takes_pods else {**lease, PODS: "0"}


def _lease(view: NodeView, machine: Node, lenders: Sequence[Policy]) -> dict[str, str]:
    """What is lent, and on top of it what pods request that take nothing of it, because nothing of them is in the worker."""
    lease = lease_of(machine.status.allocatable, view.foreign_load, lenders)
    shown = sum_of(view.requests_of(pod) for pod in unmirrored_pods(view.computing_pods, view.binding))
    return {name: canonical(name, milli + shown.get(name, 0)) for name, milli in lease.items()}


def _conditions(view: NodeView, machine: Node, now: datetime) -> tuple[Condition, ...]:
    """The worker node's, unless we know better than what was last seen."""
    verdict = _verdict(view, now)
    if verdict is None:
        return machine.status.conditions
    return (*(each for each in machine.status.conditions if each.type != READY), verdict)


def _verdict(view: NodeView, now: datetime) -> Condition | None:
    if view.unreachable_since is not None:
        is_long = now - view.unreachable_since >= UNREACHABLE_AFTER
        message = "the worker cluster does not answer"
        return Condition(READY, "Unknown", "WorkerUnreachable", message, now) if is_long else None
    if view.worker_node is None:
        return Condition(READY, "False", "NodeLost", "the worker cluster has no such node any more", now)
    return None


def _addresses(view: NodeView) -> tuple[NodeAddress, ...]:
    hostname = NodeAddress("Hostname", view.vnode_name)
    return (NodeAddress("InternalIP", view.endpoint.address), hostname) if view.endpoint else (hostname,)
