"""Builders for tests of leasing: a world with one worker node, its policies and its vnode."""

from datetime import UTC, datetime, timedelta
from typing import Any

from inventory.model import Binding, Policy, SecretRef, Window
from inventory.standing import Candidate, Sides, Standing, standing_of
from reconciler import names
from reconciler.bottomup.view import NodeView
from reconciler.kube.projections import (
    Condition,
    Container,
    Node,
    NodeAddress,
    NodeSpec,
    NodeStatus,
    ObjectMeta,
    OwnerReference,
    Pod,
    PodSpec,
    PodStatus,
    ResourceRequirements,
)
from reconciler.marks import BindingState, Identity

MONDAY_NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
MORNING = (Window(8 * 60, 9 * 60 - 1),)  # 08:00 to 09:00
AROUND_NOON = (Window(11 * 60, 13 * 60 - 1),)  # 11:00 to 13:00
AFTER_NOON = (Window(13 * 60, 14 * 60 - 1),)  # 13:00 to 14:00, in touch with the one before

BINDING = Binding("tokyo", "c1", SecretRef("tokyo", "kubeocean-system"), "kubeocean-worker")
IDENTITY = Identity("computing-uid", "tokyo", "binding-uid", "c1", "kubeocean-worker")
STATE = BindingState(IDENTITY)
VNODE_NAME = names.vnode_name("c1", "n1")
DAEMON_SET = (OwnerReference("DaemonSet", "agent", "daemon-set-uid", controller=True),)


def at(hour: int, minute: int = 0, second: int = 0) -> datetime:
    """A time of the Monday that the tests live in."""
    return MONDAY_NOON.replace(hour=hour, minute=minute, second=second)


def policy(name: str = "nights", **spec: Any) -> Policy:
    """A policy of the binding; durations are given in seconds."""
    fields: dict[str, Any] = {**spec}
    for duration in ("grace", "notice", "drain"):
        if duration in fields:
            fields[duration] = timedelta(seconds=fields[duration])
    return Policy(name, BINDING.name, **fields)


def standing_by(*policies: Policy, worker: tuple[Policy, ...] = (), now: datetime = MONDAY_NOON) -> Standing:
    """What these policies say of the node at an instant."""
    ours, theirs = (tuple(Candidate(each.name, each) for each in side) for side in (policies, worker))
    found = standing_of({}, "n1", BINDING, Sides(ours, theirs), now)
    assert found is not None
    return found


def pod(
    name: str = "web",
    phase: str = "Running",
    *,
    namespace: str = "shop",
    requests: dict[str, str] | None = None,
    priority: int = 0,
    **metadata: Any,
) -> Pod:
    """A computing pod on the vnode."""
    meta = ObjectMeta(name, namespace, f"uid-{name}", "1", **metadata)
    container = Container("main", resources=ResourceRequirements(requests or {}))
    spec = PodSpec(node_name=VNODE_NAME, containers=(container,), priority=priority)
    return Pod(meta, spec, PodStatus(phase=phase))


def worker_node(labels: dict[str, str] | None = None, spec: NodeSpec | None = None, **status: Any) -> Node:
    """The machine: 8 cores, 32 GiB, 110 pods, ready."""
    seen: dict[str, Any] = {
        "capacity": {"cpu": "8", "memory": "32Gi", "pods": "110"},
        "allocatable": {"cpu": "7900m", "memory": "31Gi", "pods": "110"},
        "conditions": (Condition("Ready", "True", "KubeletReady", "kubelet is posting ready status", at(6)),),
        "addresses": (NodeAddress("InternalIP", "10.0.0.7"), NodeAddress("Hostname", "n1")),
        "node_info": {"architecture": "amd64", "kubeletVersion": "v1.30.1"},
        **status,
    }
    meta = ObjectMeta("n1", uid="node-uid", resource_version="5", labels=labels or {})
    return Node(meta, spec or NodeSpec(), NodeStatus(**seen))


def bare_vnode(annotations: dict[str, str] | None = None, **metadata: Any) -> Node:
    """A vnode of ours of which only the annotations matter."""
    labels = {
        names.MANAGED_BY: names.MANAGED_BY_VALUE,
        names.CLUSTER_BINDING: BINDING.name,
        names.PHYSICAL_CLUSTER_ID: BINDING.cluster_id,
    }
    meta = ObjectMeta(
        VNODE_NAME, uid="vnode-uid", resource_version="9", labels=labels, annotations=annotations or {}, **metadata
    )
    return Node(meta, NodeSpec(provider_id=names.provider_id("c1", "n1")))


def node_view(**fields: Any) -> NodeView:
    """A view of a reachable worker whose node is there, with no vnode yet and no policy."""
    given: dict[str, Any] = {
        "binding": BINDING,
        "state": STATE,
        "vnode_name": VNODE_NAME,
        "worker_node": worker_node(),
        "standing": standing_by(),
        "foreign_load": {},
        "vnode": None,
        **fields,
    }
    return NodeView(**given)
