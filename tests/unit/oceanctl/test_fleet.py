from datetime import UTC, datetime
from typing import Any

import pytest

from oceanctl.fleet import Vnode, fleet_document, fleet_of, vnodes_of
from reconciler import names
from reconciler.gitops.state import State
from reconciler.kube.projections import (
    Condition,
    CustomObject,
    Node,
    NodeSpec,
    NodeStatus,
    ObjectMeta,
    Pod,
    PodSpec,
    PodStatus,
    Taint,
)

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
CLOSES = "2026-03-02T18:00:00Z"
TAINTED = (Taint(names.TAINT_CLOSED, "NoSchedule"),)
CLOSED = {names.WINDOW_CLOSED_AT: "2026-03-02T11:00:00Z"}


def vnode(*, annotations: dict[str, str] | None = None, taints: tuple[Taint, ...] = (), **more: Any) -> Node:
    labels = {names.CLUSTER_BINDING: "east", names.POLICY_APPLIED: "half"}
    metadata = ObjectMeta(name="vnode-east-a", labels=labels, annotations=annotations or {}, **more)
    return Node(metadata, NodeSpec(taints=taints), NodeStatus(allocatable={"cpu": "4"}))


def ending(instant: str) -> Node:
    """Closed, with a minute of drain before the end."""
    terms = {names.RECLAIM_TERMS: "grace=3600,drain=60,force=true"}
    return vnode(annotations={**CLOSED, **terms, names.LEASE_ENDS_AT: instant})


def policy(direction: str = "Close") -> CustomObject:
    transition = {"at": CLOSES, "direction": direction}
    return CustomObject(
        ObjectMeta(name="half"),
        {"cluster": "east"},
        {"phase": "Active", "nodes": {"matched": 2, "leased": 1}, "nextTransition": transition},
    )


def pod(phase: str = "Running", node: str = "vnode-east-a") -> Pod:
    return Pod(ObjectMeta(name="p"), PodSpec(node_name=node), PodStatus(phase=phase))


def seen(node: Node, *pods: Pod, policies: tuple[CustomObject, ...] = ()) -> Vnode:
    (found,) = vnodes_of([node], policies, pods, NOW)
    return found


@pytest.mark.parametrize(
    ("node", "pods", "state"),
    [
        pytest.param(vnode(), 0, "Lent", id="open"),
        pytest.param(vnode(taints=TAINTED), 1, "Paused", id="tainted for the time being"),
        pytest.param(
            vnode(taints=TAINTED, annotations={names.LEASE_ENDS_AT: CLOSES}), 1, "Notice", id="before the close"
        ),
        pytest.param(vnode(annotations=CLOSED), 1, "Closed", id="closed, and nothing is forced"),
        pytest.param(vnode(annotations=CLOSED), 0, "Empty", id="closed without pods"),
        pytest.param(ending("2026-03-02T12:01:01Z"), 1, "Closed", id="before the drain"),
        pytest.param(ending("2026-03-02T12:01:00Z"), 1, "Draining", id="the drain begins"),
        pytest.param(ending("2026-03-02T12:00:01Z"), 1, "Draining", id="before the end"),
        pytest.param(ending("2026-03-02T12:00:00Z"), 1, "Evicting", id="the end"),
        pytest.param(vnode(deletion_timestamp=NOW), 0, "Leaving", id="deleting"),
    ],
)
def test_the_state_of_a_vnode(node: Node, pods: int, state: str) -> None:
    assert seen(node, *[pod()] * pods).state == state


def test_a_vnode_whose_worker_is_silent_is_unreachable() -> None:
    silent = Node(
        ObjectMeta(name="v"), status=NodeStatus(conditions=(Condition("Ready", "Unknown", "WorkerUnreachable"),))
    )
    assert seen(silent).state == "Unreachable"


def test_only_unfinished_pods_on_the_vnode_are_counted() -> None:
    pods = [pod(), pod("Pending"), pod("Succeeded"), pod("Failed"), pod(node="elsewhere")]
    assert seen(vnode(), *pods).pods == 2


def test_an_open_vnode_ends_when_its_policy_closes() -> None:
    assert seen(vnode(), policies=(policy(),)).ends_at == datetime(2026, 3, 2, 18, tzinfo=UTC)


def test_an_opening_is_no_end() -> None:
    assert seen(vnode(), policies=(policy("Open"),)).ends_at is None


def test_a_closed_vnode_ends_at_its_own_instant() -> None:
    closed = vnode(annotations={**CLOSED, names.LEASE_ENDS_AT: "2026-03-02T12:05:00Z"})
    assert seen(closed, policies=(policy(),)).ends_at == datetime(2026, 3, 2, 12, 5, tzinfo=UTC)


def test_an_instant_that_somebody_broke_by_hand_is_unknown() -> None:
    assert seen(vnode(annotations={names.LEASE_ENDS_AT: "soon"})).ends_at is None


def test_the_fleet_as_a_document() -> None:
    binding = CustomObject(
        ObjectMeta(name="east"),
        {"clusterID": "e"},
        {
            "phase": "Failed",
            "nodes": {"matched": 3, "leased": 1},
            "leased": {"cpu": "4"},
            "conditions": [
                {"type": "Ready", "status": "False", "reason": "Unreachable", "message": "no answer"},
                {"type": "Connected", "status": "False"},
            ],
        },
    )
    fleet = fleet_of([State("quick", revision="abc")], [binding], [policy()], [seen(vnode(), policies=(policy(),))])
    assert fleet_document(fleet) == {
        "inventories": [{"id": "quick", "revision": "abc", "conditions": [], "heldPrune": None}],
        "bindings": [
            {
                "name": "east",
                "clusterID": "e",
                "phase": "Failed",
                "connected": "False",
                "suspended": False,
                "nodes": {"matched": 3, "leased": 1},
                "leased": {"cpu": "4"},
                "message": "Unreachable: no answer",
            }
        ],
        "policies": [
            {
                "name": "half",
                "cluster": "east",
                "phase": "Active",
                "nodes": {"matched": 2, "leased": 1},
                "nextTransition": {"at": CLOSES, "direction": "Close"},
                "message": "",
            }
        ],
        "vnodes": [
            {
                "name": "vnode-east-a",
                "binding": "east",
                "state": "Lent",
                "policy": "half",
                "leased": {"cpu": "4"},
                "pods": 0,
                "endsAt": CLOSES,
            }
        ],
    }


def test_a_binding_that_nobody_looked_at_yet_is_pending() -> None:
    (found,) = fleet_of([], [CustomObject(ObjectMeta(name="new"))], [], []).bindings
    assert (found.phase, found.connected, found.complaint) == ("Pending", "Unknown", "")
