"""How pods end."""

import pytest

from reconciler import names
from reconciler.decision import Delete, Side
from reconciler.topdown.decide_pod import decide_pod
from reconciler.topdown.view import Disruption
from tests.mirroring import (
    MOUNT,
    NOW,
    WORKER_NAME,
    Json,
    a_pod,
    a_view,
    a_worker_pod,
    leaving_pod,
    mapped,
    patch_of,
    running,
)

EVICTED: Json = {"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI", "message": "drain"}


def test_a_worker_pod_is_stopped_by_its_own_uid() -> None:
    (delete,) = decide_pod(a_view(leaving_pod(mapped(a_pod()), 5), a_worker_pod()), NOW).actions
    assert isinstance(delete, Delete)
    target = delete.target
    assert (target.side, target.namespace, target.name, target.uid) == (Side.WORKER, MOUNT, WORKER_NAME, "worker-uid")


def test_a_computing_pod_is_let_go_by_its_own_uid() -> None:
    (delete,) = decide_pod(a_view(leaving_pod(mapped(a_pod())), worker_pod_is_gone=True), NOW).actions
    assert isinstance(delete, Delete)
    assert (delete.target.side, delete.target.uid, delete.grace_seconds) == (Side.COMPUTING, "uid-1", 0)


def test_a_pod_that_finalizers_hold_back_fails_first_and_says_who_holds_it() -> None:
    pod = mapped(a_pod(meta={"finalizers": ["batch.kubernetes.io/job-tracking"]}, status=running()))
    decision = decide_pod(a_view(leaving_pod(pod), worker_pod_is_gone=True), NOW)
    assert (patch_of(decision)["phase"], patch_of(decision)["reason"]) == ("Failed", "Deleted")
    assert "batch.kubernetes.io/job-tracking" in decision.because


def test_status_still_comes_up_while_a_pod_stops() -> None:
    going = {"deletionTimestamp": "2026-03-02T12:00:30Z", "deletionGracePeriodSeconds": 30}
    worker = a_worker_pod(status=running(), meta=going)
    assert patch_of(decide_pod(a_view(leaving_pod(mapped(a_pod())), worker), NOW))["phase"] == "Running"


def test_a_pod_that_stops_keeps_what_it_was_told_of_its_capacity() -> None:
    """It was evicted, and the window has opened again since."""
    ending = {"type": names.CONDITION_LEASE_ENDING, "status": "True", "reason": "WindowClosed"}
    told = running()
    told = {**told, "conditions": [*told["conditions"], ending]}
    pod = leaving_pod({**mapped(a_pod()), "status": told})
    view = a_view(pod, leaving_pod(a_worker_pod(status=running())))
    assert decide_pod(view, NOW).actions == ()


def test_a_lost_pod_is_named() -> None:
    decision = decide_pod(a_view(mapped(a_pod()), worker_pod_is_gone=True), NOW)
    assert f"{MOUNT}/{WORKER_NAME}" in decision.because


@pytest.mark.parametrize(
    ("status", "ended_by", "reason"),
    [
        pytest.param({}, None, "PhysicalPodLost", id="nobody-tells"),
        pytest.param({}, Disruption("Preempted", "by shop/db"), "Preempted", id="an-event-tells"),
        pytest.param({"conditions": [EVICTED]}, None, "Evicted", id="its-condition-had-come-up"),
        pytest.param(
            {"conditions": [EVICTED]}, Disruption("Preempted", ""), "Evicted", id="a-condition-before-an-event"
        ),
        pytest.param({"conditions": [{**EVICTED, "status": "False"}]}, None, "PhysicalPodLost", id="called-off"),
    ],
)
def test_a_lost_pod_says_what_was_done_to_it(status: Json, ended_by: Disruption | None, reason: str) -> None:
    view = a_view(mapped(a_pod(status=status)), worker_pod_is_gone=True, ended_by=ended_by)
    shown = patch_of(decide_pod(view, NOW))
    assert (shown["phase"], shown["reason"]) == ("Failed", reason)


def test_with_its_node_gone_a_lost_pod_says_so_first() -> None:
    view = a_view(mapped(a_pod()), worker_pod_is_gone=True, worker_node=None, ended_by=Disruption("Preempted", ""))
    assert patch_of(decide_pod(view, NOW))["reason"] == "NodeLost"
