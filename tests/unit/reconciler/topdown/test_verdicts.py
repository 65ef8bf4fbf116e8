"""Our own last word on a pod."""

from typing import Any

import pytest

from reconciler import names
from reconciler.topdown.verdicts import Verdict, failed, failed_status_for
from tests.mirroring import NOW, Json, a_pod, copied, patch_of, running, told

LOST = Verdict(names.REASON_NODE_LOST, "the node is gone")


def status_after(status: Json, verdict: Verdict = LOST) -> Json:
    return dict(failed_status_for({**a_pod(), "status": status}, verdict, NOW))


def conditions_after(status: Json, verdict: Verdict = LOST) -> dict[str, Json]:
    return {it["type"]: it for it in status_after(status, verdict)["conditions"]}


def container(**more: Any) -> Json:
    return {**running()["containerStatuses"][0], **more}


def test_a_failed_pod_says_why() -> None:
    after = status_after(running())
    assert (after["phase"], after["reason"], after["message"]) == ("Failed", "NodeLost", "the node is gone")


@pytest.mark.parametrize("field", ["containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"])
def test_no_container_of_a_failed_pod_runs(field: str) -> None:
    (after,) = status_after({field: [container()]})[field]
    assert (after["ready"], after["started"]) == (False, False)
    assert after["state"] == {
        "terminated": {
            "exitCode": 137,
            "reason": "NodeLost",
            "message": "the node is gone",
            "startedAt": "2026-03-02T11:59:30Z",
            "containerID": "containerd://1",
        }
    }


def test_a_container_that_never_started_ends_too() -> None:
    waiting = {"name": "c", "ready": False, "state": {"waiting": {"reason": "ContainerCreating"}}}
    (after,) = status_after({"containerStatuses": [waiting]})["containerStatuses"]
    ended = {"exitCode": 137, "reason": "NodeLost", "message": "the node is gone"}
    assert after == {"name": "c", "ready": False, "state": {"terminated": ended}}


def test_how_a_container_had_ended_stays_known() -> None:
    ended = container(ready=False, state={"terminated": {"exitCode": 3}})
    assert status_after({"containerStatuses": [ended]})["containerStatuses"] == [ended]


def test_a_pod_that_never_started_gets_no_containers() -> None:
    assert set(status_after({"phase": "Pending"})) == {"phase", "reason", "message", "conditions"}


def test_a_failed_pod_is_not_ready() -> None:
    after = conditions_after(running())
    assert {after[it]["status"] for it in ("Ready", "ContainersReady")} == {"False"}
    assert after["Ready"]["lastTransitionTime"] == "2026-03-02T12:00:00Z"


def test_other_conditions_stay() -> None:
    assert conditions_after(running())["PodScheduled"] == running()["conditions"][3]


def test_what_was_done_to_a_pod_is_a_disruption() -> None:
    disrupted = conditions_after(running())[names.CONDITION_DISRUPTION]
    assert (disrupted["status"], disrupted["reason"]) == ("True", "NodeLost")


def test_a_disruption_that_was_recorded_before_keeps_its_reason() -> None:
    evicted = {"type": names.CONDITION_DISRUPTION, "status": "True", "reason": "EvictionByEvictionAPI"}
    assert conditions_after({"conditions": [evicted]})[names.CONDITION_DISRUPTION] == evicted


def test_a_disruption_that_was_called_off_is_recorded_anew() -> None:
    off = {
        "type": names.CONDITION_DISRUPTION,
        "status": "False",
        "reason": "x",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    assert conditions_after({"conditions": [off]})[names.CONDITION_DISRUPTION]["reason"] == "NodeLost"


def test_the_end_of_a_pod_that_its_user_deleted_is_no_disruption() -> None:
    after = conditions_after(running(), Verdict(names.REASON_DELETED, "deleted"))
    assert names.CONDITION_DISRUPTION not in after


def test_the_user_is_told_once_and_the_write_holds_on_to_what_was_seen() -> None:
    decision = failed(copied(a_pod()), LOST, NOW)
    assert told(decision) == ["patch computing status", "emit NodeLost"]
    assert decision.because == "NodeLost: the node is gone"
    assert patch_of(decision)["phase"] == "Failed"
