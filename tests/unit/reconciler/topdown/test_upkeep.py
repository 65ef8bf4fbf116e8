"""A computing pod and its worker pod, both there."""

from dataclasses import replace
from datetime import timedelta

import pytest

from reconciler import names
from reconciler.decision import Patch, Side
from reconciler.kube.projections import Node, ObjectMeta
from reconciler.topdown.decide_pod import decide_pod
from reconciler.topdown.mapping import mapping_for
from reconciler.topdown.view import Disruption
from tests.mirroring import (
    CLOSED_AT,
    CLOSED_VNODE,
    MOUNT,
    NOW,
    WORKER_NAME,
    Json,
    a_pod,
    a_view,
    a_worker_pod,
    changed,
    copied,
    finished,
    leaving_pod,
    mapped,
    patch_of,
    running,
    settled,
    unpacked,
)

ENDS_AT = "2026-03-02T12:10:00Z"


def live(status: Json | None = None) -> Json:
    return {**mapped(a_pod()), "status": status or running()}


def test_status_goes_up_before_the_record_which_moves_the_version() -> None:
    actions = decide_pod(a_view(a_pod(), a_worker_pod(status=running())), NOW).actions
    patches = [it for it in actions if isinstance(it, Patch)]
    assert [it.target.resource_version for it in patches] == ["7", None]
    assert {it.target.uid for it in patches} == {"uid-1"}


def test_the_record_is_written_whole() -> None:
    worker = a_worker_pod()
    metadata = patch_of(decide_pod(a_view(a_pod(), worker), NOW), part="metadata")
    assert metadata == {"annotations": mapping_for(copied(worker), copied(a_pod()))}


def test_a_worker_pod_made_again_goes_on_record_with_its_new_uid_only() -> None:
    metadata = patch_of(decide_pod(a_view(mapped(a_pod(), uid="before"), a_worker_pod()), NOW), part="metadata")
    assert metadata == {"annotations": {names.PHYSICAL_POD_UID: "worker-uid"}}


def test_a_worker_pod_on_its_way_out_is_not_relabelled() -> None:
    going = {"deletionTimestamp": ENDS_AT, "deletionGracePeriodSeconds": 30}
    pod = changed(live(), {"metadata": {"labels": {"a": "b"}}})
    worker = changed(a_worker_pod(status=running()), {"metadata": going})
    assert decide_pod(a_view(pod, worker), NOW).actions == ()


def test_a_closing_vnode_is_shown_on_its_pods_and_taken_back_when_it_opens() -> None:
    worker = a_worker_pod(status=running())
    ends = {names.WINDOW_CLOSED_AT: CLOSED_AT, names.LEASE_ENDS_AT: ENDS_AT}
    closed = unpacked(settled(a_view(live(), worker, vnode=Node(ObjectMeta("v", annotations=ends)))).computing_pod)
    assert closed["status"]["conditions"][-1]["type"] == names.CONDITION_LEASE_ENDING
    assert {key: closed["metadata"]["annotations"][key] for key in ends} == ends
    opened = unpacked(settled(a_view(closed, worker)).computing_pod)
    assert [it["type"] for it in opened["status"]["conditions"]] == [it["type"] for it in running()["conditions"]]
    assert not set(ends) & set(opened["metadata"]["annotations"])


def test_a_finished_pod_is_not_told_of_its_capacity() -> None:
    done = a_view(live(finished()), a_worker_pod(status=finished()), vnode=CLOSED_VNODE)
    assert decide_pod(done, NOW).actions == ()


def test_a_pod_that_cannot_be_placed_says_what_the_workers_scheduler_said() -> None:
    said = {"type": "PodScheduled", "status": "False", "message": "0/3 nodes are available"}
    worker = changed(a_worker_pod(), {"spec": {"nodeName": None}, "status": {"conditions": [said]}})
    status = patch_of(decide_pod(a_view(live(), worker), NOW + timedelta(seconds=300)))
    assert status["reason"] == "Unplaced"
    assert "within 300 s: 0/3 nodes are available" in status["message"]


def test_until_then_an_operator_reads_how_long_it_may_take() -> None:
    worker = changed(a_worker_pod(), {"spec": {"nodeName": None}})
    assert "240 s left" in decide_pod(a_view(live(), worker), NOW + timedelta(seconds=60)).because


def test_a_worker_pod_of_unknown_age_is_not_given_up() -> None:
    worker = changed(a_worker_pod(), {"spec": {"nodeName": None}, "metadata": {"creationTimestamp": None}})
    decision = decide_pod(a_view(live({"phase": "Pending"}), worker), NOW + timedelta(days=1))
    assert (decision.actions, decision.wake_at) == ((), None)


def test_only_what_changed_is_written() -> None:
    restarted = {**running(), "containerStatuses": [{**running()["containerStatuses"][0], "restartCount": 1}]}
    decision = decide_pod(a_view(live(), a_worker_pod(status=restarted)), NOW)
    assert patch_of(decision, Side.COMPUTING) == {"containerStatuses": restarted["containerStatuses"]}


def test_a_pod_that_was_ended_in_the_worker_says_why() -> None:
    """Somebody deleted the worker pod, and its kubelet had the time to stop it."""
    view = a_view(live(), leaving_pod(a_worker_pod(status=finished("Failed"))))
    status = patch_of(decide_pod(view, NOW))
    assert (status["phase"], status["reason"]) == ("Failed", names.REASON_POD_LOST)
    assert "was deleted in the worker" in status["message"]
    assert {it["type"]: it["status"] for it in status["conditions"]}[names.CONDITION_DISRUPTION] == "True"
    assert decide_pod(settled(view), NOW + timedelta(minutes=1)).actions == ()


def test_a_kubelet_s_own_reason_goes_before_ours() -> None:
    evicted = {**finished("Failed"), "reason": "Evicted", "message": "low on memory"}
    status = patch_of(decide_pod(a_view(live(), leaving_pod(a_worker_pod(status=evicted))), NOW))
    assert (status["reason"], status["message"]) == ("Evicted", "low on memory")


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        pytest.param("PreemptionByScheduler", "Preempted", id="preempted"),
        pytest.param("PreemptionByKubeScheduler", "Preempted", id="preempted-by-1.25"),
        pytest.param("EvictionByEvictionAPI", "Evicted", id="drained"),
        pytest.param("DeletionByTaintManager", "Evicted", id="tainted"),
        pytest.param("DeletionByPodGC", "PhysicalPodLost", id="collected"),
    ],
)
def test_a_disruption_that_the_worker_tells_of_keeps_its_reason_and_gives_the_pod_one(told: str, reason: str) -> None:
    condition = {"type": names.CONDITION_DISRUPTION, "status": "True", "reason": told, "message": "for shop/db"}
    view = a_view(live(), leaving_pod(a_worker_pod(status={**finished("Failed"), "conditions": [condition]})))
    status = patch_of(decide_pod(view, NOW))
    assert [it["reason"] for it in status["conditions"] if it["type"] == names.CONDITION_DISRUPTION] == [told]
    assert status["reason"] == reason
    assert ("for shop/db" in status["message"]) == (reason != "PhysicalPodLost")
    assert decide_pod(settled(view), NOW).actions == ()


def test_what_only_an_event_told_is_still_said_when_the_event_is_gone() -> None:
    stopped = leaving_pod(a_worker_pod(status=finished("Failed")))
    view = a_view(live(), stopped, ended_by=Disruption("Preempted", "by shop/db"))
    status = patch_of(decide_pod(view, NOW))
    assert (status["reason"], status["message"]) == (
        "Preempted",
        f"{MOUNT}/{WORKER_NAME} was preempted in the worker: by shop/db",
    )
    assert {it["type"]: it["status"] for it in status["conditions"]}[names.CONDITION_DISRUPTION] == "True"
    assert decide_pod(replace(settled(view), ended_by=None), NOW).actions == ()


def test_a_pod_that_fails_by_itself_is_no_disruption() -> None:
    status = patch_of(decide_pod(a_view(live(), a_worker_pod(status=finished("Failed"))), NOW))
    assert status.get("reason") is None
    assert names.CONDITION_DISRUPTION not in {it["type"] for it in status["conditions"]}


def test_a_pod_that_its_user_deleted_is_no_disruption() -> None:
    view = a_view(leaving_pod(live()), leaving_pod(a_worker_pod(status=finished("Failed"))))
    status = patch_of(decide_pod(view, NOW))
    assert names.CONDITION_DISRUPTION not in {it["type"] for it in status["conditions"]}
