"""A worker pod's status as its computing pod shows it."""

from typing import Any

import pytest

from reconciler import names
from reconciler.topdown.pod_status import computing_status_for, shows, status_changes
from tests.mirroring import Json, a_pod, finished, running


def changes(worker_status: Json, computing: Json) -> Json:
    return dict(status_changes(computing_status_for({"status": worker_status}, computing), computing))


def with_status(status: Json, **spec: Any) -> Json:
    return {**a_pod(spec=spec), "status": status}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        pytest.param("phase", "Running", id="phase"),
        pytest.param("message", "m", id="message"),
        pytest.param("reason", "Evicted", id="reason"),
        pytest.param("startTime", "2026-03-02T11:59:30Z", id="startTime"),
        pytest.param("hostIP", "192.0.2.1", id="hostIP"),
        pytest.param("podIP", "10.0.0.1", id="podIP"),
        pytest.param("podIPs", [{"ip": "10.0.0.1"}], id="podIPs"),
        pytest.param("containerStatuses", [{"name": "c", "ready": True}], id="containers"),
        pytest.param("initContainerStatuses", [{"name": "c", "ready": True}], id="init"),
    ],
)
def test_a_field_of_the_status_comes_up_alone(field: str, value: Any) -> None:
    assert changes({"phase": "Pending", field: value}, with_status({"phase": "Pending"})) == {field: value}


def test_of_ephemeral_containers_only_its_own_come_up() -> None:
    worker = {"phase": "Pending", "ephemeralContainerStatuses": [{"name": "mine"}, {"name": "of-the-owner"}]}
    seen = with_status({"phase": "Pending"}, ephemeralContainers=[{"name": "mine"}])
    assert changes(worker, seen) == {"ephemeralContainerStatuses": [{"name": "mine"}]}
    assert changes(worker, with_status({"phase": "Pending"})) == {}


@pytest.mark.parametrize("field", ["qosClass", "nominatedNodeName", "observedGeneration", "resize"])
def test_what_belongs_to_one_cluster_stays_there(field: str) -> None:
    assert changes({"phase": "Pending", field: "x"}, with_status({"phase": "Pending"})) == {}


def test_a_field_that_the_worker_no_longer_has_is_removed() -> None:
    assert changes({"phase": "Pending"}, with_status({"phase": "Pending", "podIP": "10.0.0.1"})) == {"podIP": None}


def test_a_worker_that_has_no_phase_yet_takes_none_away() -> None:
    assert changes({}, with_status({"phase": "Pending"})) == {}


def test_an_equal_status_changes_nothing() -> None:
    assert changes(running(), with_status(running())) == {}


def test_the_service_class_of_the_computing_cluster_is_left_alone() -> None:
    assert changes(running(), with_status({**running(), "qosClass": "BestEffort"})) == {}


@pytest.mark.parametrize(
    ("before", "after"),
    [("Succeeded", "Running"), ("Succeeded", "Failed"), ("Failed", "Running"), ("Failed", "Succeeded")],
)
def test_a_final_phase_is_final(before: str, after: str) -> None:
    assert changes({**running(), "phase": after}, with_status(finished(before))) == {}


def test_details_of_the_same_final_phase_still_come_up() -> None:
    assert changes({**finished(), "message": "done"}, with_status(finished())) == {"message": "done"}


@pytest.mark.parametrize("reason", sorted(names.VERDICTS))
def test_our_own_verdict_is_never_overwritten(reason: str) -> None:
    computing = with_status({**finished("Failed"), "reason": reason})
    assert changes({**finished("Failed"), "reason": "Error"}, computing) == {}


def test_conditions_come_up_with_the_status() -> None:
    condition = {"type": "Ready", "status": "False"}
    assert changes({"phase": "Pending", "conditions": [condition]}, with_status({"phase": "Pending"})) == {
        "conditions": [condition]
    }


def test_readiness_gates_of_the_pod_are_heeded() -> None:
    computing = with_status({"phase": "Running"}, readinessGates=[{"conditionType": "a/gate"}])
    ready = changes(running(), computing)["conditions"]
    assert {it["type"]: it["status"] for it in ready}["Ready"] == "False"


def test_a_young_field_comes_up_with_an_old_one() -> None:
    worker = {"phase": "Running", "hostIP": "192.0.2.1", "hostIPs": [{"ip": "192.0.2.1"}]}
    assert changes(worker, with_status({"phase": "Running"})) == {
        "hostIP": "192.0.2.1",
        "hostIPs": [{"ip": "192.0.2.1"}],
    }


def test_a_young_field_that_the_computing_cluster_dropped_is_not_written_again() -> None:
    worker = {"phase": "Running", "hostIP": "192.0.2.1", "hostIPs": [{"ip": "192.0.2.1"}]}
    assert changes(worker, with_status({"phase": "Running", "hostIP": "192.0.2.1"})) == {}


def test_a_young_field_that_the_computing_cluster_shows_is_kept_right() -> None:
    ips = {it: {"hostIP": "192.0.2.1", "hostIPs": [{"ip": it}]} for it in ("192.0.2.1", "192.0.2.2")}
    assert changes({"phase": "Running", **ips["192.0.2.1"]}, with_status({"phase": "Running", **ips["192.0.2.2"]})) == {
        "hostIPs": [{"ip": "192.0.2.1"}]
    }


@pytest.mark.parametrize(
    ("seen", "wanted", "expected"),
    [
        pytest.param(None, {}, True, id="empty-is-null"),
        pytest.param([], None, True, id="null-is-empty"),
        pytest.param({"reason": ""}, {}, True, id="empty-text-is-absent"),
        pytest.param({"lastProbeTime": None}, {}, True, id="null-is-absent"),
        pytest.param({"ready": False}, {}, False, id="false-is-not-absent"),
        pytest.param({}, {"restartCount": 0}, False, id="zero-is-not-absent"),
        pytest.param({}, {"volumeMounts": [1]}, True, id="a-young-field-may-be-dropped"),
        pytest.param({"volumeMounts": [1]}, {}, False, id="a-young-field-that-is-there-counts"),
        pytest.param({"volumeMounts": [1]}, {"volumeMounts": [2]}, False, id="and-must-be-right"),
        pytest.param([{"name": "a"}], [{"name": "a"}, {"name": "b"}], False, id="longer-list"),
        pytest.param([{"name": "a"}], [{"name": "b"}], False, id="other-list"),
        pytest.param("ab", "ab", True, id="text"),
        pytest.param("ab", ["ab"], False, id="text-is-no-list"),
    ],
)
def test_what_a_server_can_show_for_what_it_was_given(seen: Any, wanted: Any, *, expected: bool) -> None:
    assert shows(seen, wanted) is expected
