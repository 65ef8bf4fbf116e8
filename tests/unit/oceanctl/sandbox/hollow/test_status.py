from dataclasses import replace
from typing import Any

import pytest

from oceanctl.sandbox.hollow.lifecycle import PodRun, Stop, Waiting, advance
from oceanctl.sandbox.hollow.podspec import Pod
from oceanctl.sandbox.hollow.status import rejected_status, status_for, timestamp, transitions_of
from tests.unit.oceanctl.sandbox.hollow.pods import T0, at, container, pod, run_of


def _status(made: Pod, run: PodRun | None = None, seconds: float = 0) -> dict[str, Any]:
    return status_for(made, run or advance(run_of(made), at(seconds)), {}, at(seconds))


def _conditions(status: dict[str, Any]) -> dict[str, str]:
    return {condition["type"]: condition["status"] for condition in status["conditions"]}


def test_a_running_pod_is_ready_and_has_an_address() -> None:
    made = pod(container("c"))
    status = _status(made, replace(advance(run_of(made), T0), address="10.244.0.2"))
    assert (status["phase"], status["podIP"], status["podIPs"]) == ("Running", "10.244.0.2", [{"ip": "10.244.0.2"}])
    assert _conditions(status) == {
        "Initialized": "True",
        "Ready": "True",
        "ContainersReady": "True",
        "PodScheduled": "True",
    }


def test_a_waiting_pod_has_no_address_yet() -> None:
    assert "podIP" not in _status(pod(container("c")), run_of(pod(container("c"))))


def test_a_pod_that_initializes_says_what_is_unfinished() -> None:
    made = pod(container("c"), initContainers=[container("i", "sleep 5")])
    status = _status(made)
    initialized = next(c for c in status["conditions"] if c["type"] == "Initialized")
    assert (initialized["status"], initialized["message"]) == ("False", "containers with incomplete status: [i]")
    assert status["containerStatuses"][0]["state"] == {"waiting": {"reason": "PodInitializing", "message": None}}


def test_a_succeeded_pod_is_not_ready_because_it_is_done() -> None:
    made = pod(container("c", "sleep 1"), restartPolicy="Never")
    status = _status(made, advance(advance(run_of(made), T0), at(1)), 1)
    ready = next(c for c in status["conditions"] if c["type"] == "Ready")
    assert (status["phase"], ready["status"], ready["reason"]) == ("Succeeded", "False", "PodCompleted")


def test_a_terminated_container_tells_how_and_when() -> None:
    made = pod(container("c", "sleep 1; exit 4"), restartPolicy="Never")
    ended = _status(made, advance(advance(run_of(made), T0), at(1)), 1)["containerStatuses"][0]["state"]["terminated"]
    assert (ended["exitCode"], ended["reason"], ended["startedAt"], ended["finishedAt"]) == (
        4,
        "Error",
        "2026-03-01T12:00:00Z",
        "2026-03-01T12:00:01Z",
    )


def test_a_restarted_container_remembers_its_last_end_and_has_another_id() -> None:
    made = pod(container("c", "sleep 1; exit 4"))
    first = advance(run_of(made), T0)
    before = _status(made, first)["containerStatuses"][0]
    after = _status(made, advance(first, at(1)), 1)["containerStatuses"][0]
    assert (after["restartCount"], after["lastState"]["terminated"]["exitCode"]) == (1, 4)
    assert after["lastState"]["terminated"]["containerID"] == before["containerID"] != after["containerID"]


def test_a_container_that_never_started_has_no_id() -> None:
    made = pod(container("c"))
    status = _status(made, run_of(made))["containerStatuses"][0]
    assert (status["containerID"], status["ready"], status["state"]) == (
        "",
        False,
        {"waiting": {"reason": "ContainerCreating", "message": None}},
    )


def test_what_a_container_waits_for_is_in_its_status() -> None:
    made = pod(container("c"))
    missing = Waiting("CreateContainerConfigError", 'secret "s" not found')
    status = _status(made, advance(replace(run_of(made), blocked={"c": missing}), T0))
    assert status["containerStatuses"][0]["state"] == {
        "waiting": {"reason": "CreateContainerConfigError", "message": 'secret "s" not found'}
    }


@pytest.mark.parametrize(("gate", "ready"), [("True", "True"), ("False", "False"), (None, "False")], ids=str)
def test_readiness_waits_for_the_gates_of_others(gate: str | None, ready: str) -> None:
    conditions = [{"type": "example.com/up", "status": gate}] if gate else []
    made = pod(container("c"), readinessGates=[{"conditionType": "example.com/up"}], status={"conditions": conditions})
    status = status_for(made, advance(run_of(made), T0), {}, T0)
    assert (_conditions(status)["Ready"], _conditions(status)["ContainersReady"]) == (ready, "True")


def test_a_condition_keeps_its_time_until_it_changes() -> None:
    made = pod(container("c", "sleep 5"), restartPolicy="Never")
    run = advance(run_of(made), T0)
    first = status_for(made, run, {}, T0)
    later = status_for(made, advance(run, at(5)), transitions_of(first), at(5))
    since = {condition["type"]: condition["lastTransitionTime"] for condition in later["conditions"]}
    assert (since["PodScheduled"], since["Ready"]) == (timestamp(T0), timestamp(at(5)))


def test_the_same_pod_has_the_same_status_at_any_time() -> None:
    made = pod(container("c"))
    run = advance(run_of(made), T0)
    first = status_for(made, run, {}, T0)
    assert status_for(made, run, transitions_of(first), at(100)) == first


def test_a_pod_past_its_deadline_says_so() -> None:
    made = pod(container("c"))
    stop = Stop(T0, T0, "DeadlineExceeded", "too long")
    status = _status(made, advance(replace(run_of(made), stop=stop), T0))
    assert (status["phase"], status["reason"], status["message"]) == ("Failed", "DeadlineExceeded", "too long")


def test_a_refused_pod_is_failed_with_the_reason() -> None:
    assert rejected_status("OutOfcpu", "too big", T0) == {
        "phase": "Failed",
        "reason": "OutOfcpu",
        "message": "too big",
        "startTime": "2026-03-01T12:00:00Z",
    }
