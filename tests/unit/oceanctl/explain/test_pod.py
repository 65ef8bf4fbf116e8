"""Why a pod waits, runs or has ended, in one sentence and step by step."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from inventory.standing import Candidate, Sides
from oceanctl.explain.pod import Placement, PodExplanation, explain_pod
from oceanctl.explain.pods import is_tolerant, takes_pods
from oceanctl.explain.render import render_pod
from oceanctl.explain.territory import NodeCase, Territory, case_of
from oceanctl.output import plain
from reconciler import names
from reconciler.decision import Side
from reconciler.kube.projections import Node, NodeSpec, NodeStatus, ObjectMeta, Taint
from reconciler.kube.resources import CONFIGMAPS
from reconciler.topdown.decide_pod import decide_pod
from reconciler.topdown.silence import PATIENCE
from reconciler.topdown.view import Dependent, PodView, Reference
from tests.leasing import MORNING, policy
from tests.mirroring import (
    BINDING,
    CLOSED_VNODE,
    NODE,
    NOW,
    STATE,
    VNODE,
    WORKER_NAME,
    a_pod,
    a_view,
    a_worker_pod,
    copied,
    finished,
    mapped,
    running,
)

UNPLACED = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes are available"}
CONFIG = Reference(CONFIGMAPS, "settings", optional=False)


def explained(view: PodView, node: NodeCase | None = None, trouble: str = "") -> PodExplanation:
    assert view.computing_pod is not None
    return explain_pod(Placement(view.computing_pod, {}, is_tolerant=True, view=view, node=node, trouble=trouble), NOW)


def unplaced(condition: Mapping[str, Any] | None, *, is_tolerant_: bool = True) -> PodExplanation:
    pod = copied(a_pod(spec={"nodeName": ""}, status={"conditions": [condition] if condition else []}))
    return explain_pod(Placement(pod, {"open": 2, "closed": 1}, is_tolerant_), NOW)


def outcomes(found: PodExplanation, rule: str) -> list[str]:
    return [step.outcome for step in found.steps if step.rule == rule]


def test_a_pod_without_a_place_tells_what_the_scheduler_says() -> None:
    found = unplaced(UNPLACED, is_tolerant_=False)
    assert found.because == "no node fits yet: Unschedulable: 0/3 nodes are available"
    assert outcomes(found, "vnodes") == ["3 vnodes: 1 closed, 2 open"]
    assert outcomes(found, "toleration")[0].startswith("it does not tolerate the taint kubeocean.io/vnode")


def test_a_pod_that_nobody_has_looked_at_says_so() -> None:
    assert unplaced(None).because == "the scheduler has not looked at it yet"


def test_a_pod_on_an_ordinary_node_is_none_of_our_business() -> None:
    found = explain_pod(Placement(copied(a_pod(spec={"nodeName": "n9"})), {}, is_tolerant=True), NOW)
    assert found.because == "on n9, which is no vnode of any binding: an ordinary kubelet runs it"
    assert [step.rule for step in found.steps] == ["scheduled"]


CASES = [
    pytest.param(a_view(a_pod()), "starting kubeocean-worker/", id="about to start"),
    pytest.param(a_view(a_pod(), vnode=CLOSED_VNODE), "OutsideWindows: ", id="closed before it started"),
    pytest.param(a_view(a_pod(), worker_node=None), "waiting for the worker node to be there", id="no worker node"),
    pytest.param(a_view(a_pod(), binding=replace(BINDING, suspend=True)), "nothing new starts: ", id="suspended"),
    pytest.param(a_view(mapped(a_pod()), worker_pod_is_gone=True), "PhysicalPodLost: ", id="lost"),
    pytest.param(
        a_view(a_pod(), dependents=(Dependent(CONFIG, ObjectMeta("settings", uid="u"), None, "settings-x"),)),
        "waiting for ConfigMap settings to be copied to the worker",
        id="dependents",
    ),
    pytest.param(a_view(a_pod(), unreachable_since=NOW - PATIENCE), "the worker does not answer; ", id="worker silent"),
    pytest.param(
        a_view(mapped(a_pod(status=running())), a_worker_pod(status=running())), "in step with ", id="running"
    ),
    pytest.param(
        a_view(a_pod(status={"phase": "Failed", "reason": "Unplaced", "message": "no room in the worker"})),
        "Unplaced: no room in the worker",
        id="failed",
    ),
    pytest.param(a_view(a_pod(status=finished())), "it has finished: Succeeded", id="succeeded"),
]


@pytest.mark.parametrize(("view", "beginning"), CASES)
def test_the_answer_is_what_stands_in_the_way(view: PodView, beginning: str) -> None:
    assert explained(view).because.startswith(beginning)


@pytest.mark.parametrize("view", [case.values[0] for case in CASES[:7]], ids=[str(case.id) for case in CASES[:7]])
def test_the_decision_is_the_reconciler_s_own(view: PodView) -> None:
    assert outcomes(explained(view), "decision") == [decide_pod(view, NOW).because]


def test_what_containers_wait_for_comes_first() -> None:
    waiting = {"name": "main", "state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}}
    worker = a_worker_pod(status={"containerStatuses": [waiting]})
    found = explained(a_view(mapped(a_pod()), worker))
    assert found.because == "container main waits: ImagePullBackOff: no such image"
    assert outcomes(found, "worker-pod") == [f"kubeocean-worker/{WORKER_NAME} Pending on node-a; {found.because}"]


def test_a_refusal_of_the_worker_is_the_answer() -> None:
    refused = {"type": names.CONDITION_MIRRORED, "status": "False", "reason": "FailedCreatePod", "message": "quota"}
    found = explained(a_view(a_pod(status={"conditions": [refused]})))
    assert found.because == "the worker refuses it: quota"
    assert outcomes(found, "condition") == ["False: FailedCreatePod: quota"]


@pytest.mark.parametrize(
    ("dependent", "expected"),
    [
        pytest.param(Dependent(CONFIG, None, None, "x"), "is not there: create it", id="missing"),
        pytest.param(Dependent(CONFIG, ObjectMeta("settings"), None, "x"), "is not in the worker yet", id="on its way"),
        pytest.param(Dependent(CONFIG, ObjectMeta("settings"), ObjectMeta("x"), "x"), "is in the worker", id="there"),
    ],
)
def test_each_dependent_tells_where_it_is(dependent: Dependent, expected: str) -> None:
    assert outcomes(explained(a_view(a_pod(), dependents=(dependent,))), "dependent") == [expected]


def test_the_end_of_the_lease_is_told_with_its_instants() -> None:
    closed = Node(
        ObjectMeta(
            VNODE,
            uid="v",
            annotations={
                names.WINDOW_CLOSED_AT: "2026-03-02T11:59:00Z",
                names.RECLAIM_TERMS: "grace=300,drain=60,force=true",
                names.POLICIES_APPLIED: "nights",
            },
        ),
        NodeSpec(provider_id=names.provider_id("c1", NODE)),
    )
    sides = Sides(
        (Candidate("nights", replace(policy(windows=MORNING, force_reclaim=True, grace=300), cluster=BINDING.name)),)
    )
    pods = [copied(a_pod(status=running())).seen]
    territory = Territory(
        BINDING, STATE, sides, {NODE: Node(ObjectMeta(NODE))}, vnodes={VNODE: closed}, computing_pods={VNODE: pods}
    )
    found = explained(
        a_view(mapped(a_pod(status=running())), a_worker_pod(status=running())), case_of(territory, NODE, NOW)
    )
    lease = found.document()["lease"]
    assert lease == {
        "state": "Closed",
        "takesPods": False,
        "closedAt": "2026-03-02T11:59:00Z",
        "evictsFrom": "2026-03-02T12:03:00Z",
        "endsAt": "2026-03-02T12:04:00Z",
    }
    assert outcomes(found, "lease")[0].endswith("evictions from 2026-03-02T12:03:00Z, deleted at 2026-03-02T12:04:00Z")


def test_a_worker_that_cannot_be_read_is_told_apart_from_one_without_the_pod() -> None:
    found = explained(a_view(a_pod(), unreachable_since=NOW - PATIENCE), trouble="timed out")
    assert outcomes(found, "worker") == ["cannot be read: timed out"]
    assert outcomes(found, "worker-pod") == []


@pytest.mark.parametrize(
    ("toleration", "expected"),
    [
        pytest.param({"operator": "Exists"}, True, id="everything"),
        pytest.param({"key": names.TAINT_VNODE, "operator": "Exists"}, True, id="the key"),
        pytest.param({"key": names.TAINT_VNODE, "value": "", "effect": "NoSchedule"}, True, id="equal"),
        pytest.param({"key": names.TAINT_VNODE, "operator": "Exists", "effect": "NoExecute"}, False, id="effect"),
        pytest.param({"key": "other", "operator": "Exists"}, False, id="another key"),
        pytest.param({"key": names.TAINT_VNODE, "value": "x"}, False, id="another value"),
    ],
)
def test_a_toleration_lets_a_pod_onto_vnodes_as_the_scheduler_has_it(
    toleration: dict[str, str], *, expected: bool
) -> None:
    assert is_tolerant(msgspec.json.encode(a_pod(spec={"tolerations": [toleration]}))) is expected


@pytest.mark.parametrize(
    ("spec", "pods", "expected"),
    [
        pytest.param(NodeSpec(), "10", True, id="open"),
        pytest.param(NodeSpec(), "0", False, id="no room"),
        pytest.param(NodeSpec(taints=(Taint(names.TAINT_CLOSED, "NoSchedule"),)), "10", False, id="closed"),
        pytest.param(NodeSpec(unschedulable=True), "10", False, id="cordoned"),
    ],
)
def test_a_vnode_takes_pods_unless_something_forbids_it(spec: NodeSpec, pods: str, *, expected: bool) -> None:
    assert takes_pods(Node(ObjectMeta(VNODE), spec, NodeStatus(allocatable={"pods": pods}))) is expected


def test_actions_are_named_with_their_side() -> None:
    found = explained(a_view(a_pod()))
    (step,) = (step for step in found.steps if step.rule == "decision")
    assert step.inputs["actions"] == [f"Create pods kubeocean-worker/{WORKER_NAME} in the {Side.WORKER} cluster"]


def test_the_text_starts_with_the_answer() -> None:
    lines = [plain(line) for line in render_pod(unplaced(UNPLACED))]
    assert lines[:2] == [
        "pod shop/web-1 at 2026-03-02T12:00:00Z",
        "Pending: no node fits yet: Unschedulable: 0/3 nodes are available",
    ]
