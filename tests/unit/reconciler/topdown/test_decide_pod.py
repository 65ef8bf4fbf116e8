"""The table of situations: one row each, with what is done and that nothing is left to do afterwards."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from reconciler import names
from reconciler.decision import Create
from reconciler.kube.projections import Condition, Node, NodeStatus, ObjectMeta
from reconciler.kube.resources import CONFIGMAPS
from reconciler.marks import BindingState
from reconciler.topdown.decide_pod import decide_pod, refused_pod
from reconciler.topdown.view import Dependent, PodView, Reference
from tests.mirroring import (
    BINDING,
    CLOSED_VNODE,
    IDENTITY,
    NOW,
    STATE,
    Json,
    a_pod,
    a_view,
    a_worker_pod,
    after,
    changed,
    finished,
    leaving_pod,
    mapped,
    patch_of,
    running,
    settled,
    told,
    unpacked,
)

SILENT = NOW - timedelta(seconds=41)
DELETING = BindingState(IDENTITY, is_deleting=True)
ABANDONED = BindingState(IDENTITY, is_deleting=True, abandons_worker=True)
UNREADY = NodeStatus(conditions=(Condition("Ready", "False"),))
STATIC: Json = {"annotations": {names.KUBELETS_OWN: "hash"}, "ownerReferences": [{"kind": "Node", "name": "n"}]}
DAEMON: Json = {"ownerReferences": [{"kind": "DaemonSet", "name": "agent", "uid": "d", "controller": True}]}
OTHERS_UID = {"uid": "uid-2"}
LATER = NOW + timedelta(minutes=6)


def vpod(status: Json | None = None, **meta: Any) -> Json:
    """A computing pod with its worker pod on record."""
    pod = mapped(a_pod(meta=meta))
    return {**pod, "status": {**pod["status"], **(status or {})}}


def ppod(status: Json | None = None, **meta: Any) -> Json:
    return a_worker_pod(status=status, meta=meta)


def going(grace: int) -> Json:
    return {"deletionTimestamp": "2026-03-02T12:00:30Z", "deletionGracePeriodSeconds": grace}


def unplaced() -> Json:
    return changed(ppod(), {"spec": {"nodeName": None}})


def needs_copy() -> tuple[Dependent, ...]:
    origin = ObjectMeta("x", "shop", uid="origin")
    return (Dependent(Reference(CONFIGMAPS, "x", optional=False), origin, None, "copy"),)


FAILED = ["patch computing status", "emit {}"]
STOP, STOP_IN_5 = ["delete worker grace None"], ["delete worker grace 5"]
LET_GO = ["delete computing grace 0"]
BOTH_WAYS = ["patch computing status", "patch computing metadata"]


@dataclass(frozen=True)
class Row:
    """A situation, what one pass does, and how many passes it takes until nothing is left to do."""

    view: Callable[[], PodView]
    does: list[str]
    passes: int = 1
    now: Any = NOW


ROWS = {
    # the computing pod is gone
    "neither-side-has-it": Row(lambda: a_view(None), []),
    "orphan": Row(lambda: a_view(None, ppod(), computing_pod_is_gone=True), STOP),
    "orphan-for-all-a-cache-knows": Row(lambda: a_view(None, ppod()), []),
    "orphan-stopping": Row(lambda: a_view(None, ppod(**going(30)), computing_pod_is_gone=True), []),
    "orphan-of-a-silent-worker": Row(
        lambda: a_view(None, ppod(), computing_pod_is_gone=True, unreachable_since=SILENT), []
    ),
    # the computing pod is being deleted
    "deleted": Row(lambda: a_view(leaving_pod(vpod(), 5), ppod(running())), STOP_IN_5, passes=2),
    "deleted-without-a-grace": Row(lambda: a_view(leaving_pod(vpod(), None), ppod()), STOP),
    "deleted-with-no-grace-and-a-finalizer": Row(
        lambda: a_view(leaving_pod(vpod(finalizers=["f"]), 0), ppod()), ["delete worker grace 1"]
    ),
    "deleted-again-with-less-grace": Row(lambda: a_view(leaving_pod(vpod(), 5), ppod(**going(30))), STOP_IN_5),
    "deleted-again-with-more-grace": Row(lambda: a_view(leaving_pod(vpod(), 30), ppod(**going(5))), []),
    "stopping": Row(lambda: a_view(leaving_pod(vpod(), 30), ppod(running(), **going(30))), ["patch computing status"]),
    "stopped": Row(lambda: a_view(leaving_pod(vpod()), worker_pod_is_gone=True), LET_GO),
    "stopped-for-all-a-cache-knows": Row(lambda: a_view(leaving_pod(vpod())), []),
    "stopped-but-held-back": Row(
        lambda: a_view(leaving_pod(vpod(finalizers=["f"])), worker_pod_is_gone=True),
        ["patch computing status", *LET_GO],
    ),
    "stopped-finished-and-held-back": Row(
        lambda: a_view(leaving_pod(vpod(finished(), finalizers=["f"])), worker_pod_is_gone=True), LET_GO
    ),
    "held-back-by-others-only": Row(
        lambda: a_view(leaving_pod(vpod(finished(), finalizers=["f"]), 0), worker_pod_is_gone=True), []
    ),
    "deleted-before-it-started": Row(lambda: a_view(leaving_pod(a_pod()), worker_pod_is_gone=True), LET_GO),
    "deleted-while-it-may-be-starting": Row(lambda: a_view(leaving_pod(a_pod())), []),
    "deleted-and-never-mirrored": Row(lambda: a_view(leaving_pod(a_pod(meta=DAEMON))), LET_GO),
    "deleted-and-never-mirrored-by-a-silent-worker": Row(
        lambda: a_view(leaving_pod(a_pod(meta=DAEMON)), unreachable_since=SILENT), LET_GO
    ),
    "deleted-in-a-system-namespace": Row(lambda: a_view(leaving_pod(a_pod(meta={"namespace": "kube-system"}))), LET_GO),
    "deleted-daemon-that-was-mirrored-once": Row(lambda: a_view(leaving_pod(vpod(**DAEMON))), []),
    "deleted-under-a-silent-worker": Row(lambda: a_view(leaving_pod(vpod()), ppod(), unreachable_since=SILENT), []),
    "stopped-under-a-silent-worker": Row(lambda: a_view(leaving_pod(vpod()), unreachable_since=SILENT), []),
    "deleted-with-its-binding-abandoned": Row(
        lambda: a_view(leaving_pod(vpod()), ppod(), state=ABANDONED, unreachable_since=SILENT), LET_GO
    ),
    "deleted-while-an-older-one-stops": Row(
        lambda: a_view(leaving_pod(a_pod(meta=OTHERS_UID)), ppod(), computing_pod_is_gone=True), STOP
    ),
    # the worker is silent
    "silent-for-a-moment": Row(lambda: a_view(vpod(running()), ppod(), unreachable_since=NOW), []),
    "silent": Row(lambda: a_view(vpod(running()), ppod(), unreachable_since=SILENT), ["patch computing status"]),
    "silent-before-it-was-created": Row(lambda: a_view(a_pod(), unreachable_since=SILENT), []),
    "silent-and-not-there": Row(
        lambda: a_view(vpod(), worker_pod_is_gone=True, unreachable_since=SILENT, worker_node=None), []
    ),
    "silent-with-an-older-one-there": Row(
        lambda: a_view(a_pod(meta=OTHERS_UID), ppod(), computing_pod_is_gone=True, unreachable_since=SILENT), []
    ),
    # the worker pod stands for another incarnation
    "older-incarnation": Row(lambda: a_view(a_pod(meta=OTHERS_UID), ppod(), computing_pod_is_gone=True), STOP),
    "older-for-all-a-cache-knows": Row(lambda: a_view(a_pod(meta=OTHERS_UID), ppod()), []),
    "older-incarnation-stopping": Row(
        lambda: a_view(a_pod(meta=OTHERS_UID), ppod(**going(30)), computing_pod_is_gone=True), []
    ),
    # the computing pod has finished
    "succeeded-and-collected": Row(lambda: a_view(vpod(finished()), worker_pod_is_gone=True), []),
    "succeeded": Row(lambda: a_view(vpod(finished()), ppod(finished())), []),
    "failed-by-us": Row(lambda: a_view(vpod(finished("Failed")), ppod(running())), STOP),
    "failed-by-us-and-stopping": Row(lambda: a_view(vpod(finished("Failed")), ppod(running(), **going(30))), []),
    # both are there
    "just-created": Row(lambda: a_view(a_pod(), ppod()), ["patch computing metadata"]),
    "started-before-it-was-on-record": Row(lambda: a_view(a_pod(), ppod(running())), BOTH_WAYS),
    "running": Row(lambda: a_view(vpod(running()), ppod(running())), []),
    "started": Row(lambda: a_view(vpod(), ppod(running())), ["patch computing status"]),
    "finished": Row(lambda: a_view(vpod(running()), ppod(finished())), ["patch computing status"]),
    "deleted-by-hand-in-the-worker": Row(lambda: a_view(vpod(running()), ppod(running(), **going(30))), []),
    "relabelled": Row(lambda: a_view(vpod(running(), labels={"a": "b"}), ppod(running())), ["patch worker metadata"]),
    "relabelled-and-started": Row(
        lambda: a_view(vpod(labels={"a": "b"}), ppod(running())), ["patch computing status", "patch worker metadata"]
    ),
    "closing": Row(
        lambda: a_view(vpod(running()), ppod(running()), vnode=CLOSED_VNODE),
        ["patch computing status", "emit LeaseEnding", "patch computing metadata"],
    ),
    "running-without-its-vnode": Row(lambda: a_view(vpod(running()), ppod(running()), vnode=None), []),
    "mirrored-although-it-no-longer-would-be": Row(
        lambda: a_view(vpod(**DAEMON), ppod(running())), ["patch computing status"]
    ),
    "back-after-silence": Row(
        lambda: after(v := a_view(vpod(running()), ppod(running()), unreachable_since=SILENT), decide_pod(v, NOW)),
        [],
    ),
    "unplaced": Row(lambda: a_view(vpod(), unplaced()), []),
    "unplaced-for-too-long": Row(
        lambda: a_view(vpod(), unplaced()), ["patch computing status", "emit Unplaced"], passes=2, now=LATER
    ),
    "placed-late": Row(lambda: a_view(vpod(), ppod()), [], now=LATER),
    "stopping-unplaced": Row(lambda: a_view(vpod(), changed(unplaced(), {"metadata": going(0)})), [], now=LATER),
    "refused-by-the-workers-kubelet": Row(
        lambda: a_view(vpod(), changed(unplaced(), {"status": {"phase": "Failed"}})),
        ["patch computing status"],
        now=LATER,
    ),
    # the worker pod was there once
    "lost": Row(
        lambda: a_view(vpod(running()), worker_pod_is_gone=True), ["patch computing status", "emit PhysicalPodLost"]
    ),
    "lost-with-its-node": Row(
        lambda: a_view(vpod(running()), worker_pod_is_gone=True, worker_node=None),
        ["patch computing status", "emit NodeLost"],
    ),
    "lost-for-all-a-cache-knows": Row(lambda: a_view(vpod(running()), worker_node=None), []),
    # it was never there
    "new": Row(lambda: a_view(a_pod()), ["create worker"], passes=2),
    "made-from-the-yaml-of-an-old-one": Row(
        lambda: a_view(mapped(a_pod(), of="uid-of-the-old-one"), worker_pod_is_gone=True), ["create worker"], passes=2
    ),
    "daemon": Row(lambda: a_view(a_pod(meta=DAEMON)), ["patch computing status", "emit NotMirrored"]),
    "daemon-on-a-closed-vnode": Row(
        lambda: a_view(a_pod(meta=DAEMON), vnode=CLOSED_VNODE), ["patch computing status", "emit NotMirrored"]
    ),
    "daemon-on-a-vnode-that-is-not-ready": Row(
        lambda: a_view(a_pod(meta=DAEMON), vnode=Node(ObjectMeta("v"), status=UNREADY)), []
    ),
    "shows-what-a-kubelet-started": Row(lambda: a_view(a_pod(meta=STATIC), vnode=CLOSED_VNODE), []),
    "daemon-that-asks-for-it": Row(
        lambda: a_view(a_pod(meta={**DAEMON, "annotations": {names.RUNNING_DAEMONSET: "true"}})),
        ["create worker"],
        passes=2,
    ),
    "system": Row(lambda: a_view(a_pod(meta={"namespace": "kube-system"}), vnode=CLOSED_VNODE), []),
    "too-late": Row(lambda: a_view(a_pod(), vnode=CLOSED_VNODE), ["patch computing status", "emit OutsideWindows"]),
    "too-late-for-a-binding-that-goes": Row(
        lambda: a_view(a_pod(), vnode=CLOSED_VNODE, state=DELETING, worker_node=None),
        ["patch computing status", "emit OutsideWindows"],
    ),
    "vnode-deleted-by-hand": Row(lambda: a_view(a_pod(), vnode=None), []),
    "vnode-being-deleted-by-hand": Row(
        lambda: a_view(a_pod(), vnode=Node(ObjectMeta("v", deletion_timestamp=NOW))), []
    ),
    "no-worker-node": Row(lambda: a_view(a_pod(), worker_node=None), []),
    "binding-being-deleted": Row(lambda: a_view(a_pod(), state=DELETING), []),
    "binding-abandoned": Row(lambda: a_view(a_pod(), state=replace(ABANDONED, is_deleting=False)), []),
    "binding-suspended": Row(lambda: a_view(a_pod(), binding=replace(BINDING, suspend=True)), []),
    "copies-to-come": Row(lambda: a_view(a_pod(), dependents=needs_copy()), []),
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS.keys())
def test_a_situation_is_answered_as_the_table_says(row: Row) -> None:
    assert told(decide_pod(row.view(), row.now)) == row.does


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS.keys())
def test_afterwards_nothing_is_left_to_do(row: Row) -> None:
    settled(row.view(), row.passes, row.now)


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS.keys())
def test_every_decision_has_a_reason(row: Row) -> None:
    assert len(decide_pod(row.view(), row.now).because) > len("because")


def test_a_pod_lives_from_creation_to_success() -> None:
    view = settled(a_view(a_pod()), passes=2)
    for status in (running(), finished()):
        worker = changed(unpacked(view.worker_pod), {"status": status, "spec": {"nodeName": "node-a"}})
        view = settled(replace(view, worker_pod=a_view(None, worker).worker_pod))
    assert unpacked(view.computing_pod)["status"]["phase"] == "Succeeded"
    collected = replace(view, worker_pod=None, worker_pod_is_gone=True)
    assert unpacked(settled(collected).computing_pod)["status"]["phase"] == "Succeeded"


def test_a_replaced_pod_starts_once_its_predecessor_has_stopped() -> None:
    view = settled(a_view(a_pod(meta=OTHERS_UID), ppod(), computing_pod_is_gone=True))
    assert told(decide_pod(replace(view, worker_pod=None), NOW)) == ["create worker"]


def test_an_unplaced_pod_is_looked_at_again_in_time() -> None:
    assert decide_pod(a_view(vpod(), unplaced()), NOW).wake_at == NOW + timedelta(seconds=300)


def test_a_placed_pod_needs_no_waking() -> None:
    assert decide_pod(a_view(vpod(), ppod()), NOW).wake_at is None


QUOTA = "pods is forbidden: exceeded quota"


def test_a_refusal_is_shown_on_the_pod() -> None:
    decision = refused_pod(a_view(a_pod()), QUOTA, NOW)
    assert told(decision) == ["patch computing status", "emit FailedCreatePod"]
    shown = {it["type"]: it for it in patch_of(decision)["conditions"]}[names.CONDITION_MIRRORED]
    assert (shown["status"], shown["reason"], shown["message"]) == ("False", "FailedCreatePod", QUOTA)
    assert shown["lastTransitionTime"] == "2026-03-02T12:00:00Z"


def test_the_same_refusal_is_shown_once() -> None:
    view = after(a_view(a_pod()), refused_pod(a_view(a_pod()), QUOTA, NOW))
    assert refused_pod(view, QUOTA, LATER).actions == ()


def test_another_refusal_is_shown_without_a_new_transition() -> None:
    view = after(a_view(a_pod()), refused_pod(a_view(a_pod()), QUOTA, NOW))
    conditions = patch_of(refused_pod(view, "invalid", LATER))["conditions"]
    assert (conditions[-1]["message"], conditions[-1]["lastTransitionTime"]) == ("invalid", "2026-03-02T12:00:00Z")


def test_a_refusal_is_cut_to_what_an_event_can_hold() -> None:
    conditions = patch_of(refused_pod(a_view(a_pod()), "x" * 5000, NOW))["conditions"]
    assert len(conditions[-1]["message"]) == 1024


def test_a_refusal_is_forgotten_once_the_pod_is_there() -> None:
    view = after(a_view(a_pod()), refused_pod(a_view(a_pod()), QUOTA, NOW))
    made = settled(view, passes=2)
    conditions = unpacked(made.computing_pod)["status"]["conditions"]
    assert [it["type"] for it in conditions] == ["PodScheduled"]


@pytest.mark.parametrize(
    "view",
    [
        pytest.param(lambda: a_view(None, ppod(), computing_pod_is_gone=True), id="no-computing-pod"),
        pytest.param(lambda: a_view(vpod(), ppod(running())), id="worker-pod-is-there"),
    ],
)
def test_a_refusal_of_something_else_says_nothing_of_the_pod(view: Callable[[], PodView]) -> None:
    assert refused_pod(view(), "forbidden", NOW).actions == ()


def test_a_create_that_meets_its_own_pod_counts_as_done() -> None:
    create = decide_pod(a_view(a_pod()), NOW).actions[0]
    assert isinstance(create, Create)
    marks = create.manifest["metadata"]["annotations"]
    assert {key: marks[key] for key in create.owned_by} == {
        names.VIRTUAL_POD_UID: "uid-1",
        names.BINDING_UID: STATE.identity.binding_uid,
        names.COMPUTING_CLUSTER_UID: STATE.identity.computing_cluster_uid,
    }
