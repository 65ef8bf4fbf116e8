"""Whose a pod condition is."""

from typing import Any

import pytest

from reconciler import names
from reconciler.topdown.pod_conditions import condition_for, conditions_for
from tests.mirroring import NOW, Json

ENDS_AT = "2026-03-02T12:10:00Z"


def condition(kind: str, status: str = "True", since: str = "2026-03-02T11:00:00Z", **more: Any) -> Json:
    return {"type": kind, "status": status, "lastTransitionTime": since, **more}


def merged(worker: list[Json], computing: list[Json], *gates: str) -> list[Json]:
    return [dict(it) for it in conditions_for(worker, computing, gates)]


@pytest.mark.parametrize("kind", ["Ready", "ContainersReady", "Initialized", "PodReadyToStartContainers"])
def test_a_kubelets_condition_is_the_workers(kind: str) -> None:
    assert merged([condition(kind, "False")], [condition(kind)]) == [condition(kind, "False")]


def test_a_kubelets_condition_that_the_worker_no_longer_has_goes() -> None:
    assert merged([], [condition("Ready")]) == []


@pytest.mark.parametrize(
    "kind", ["PodScheduled", names.CONDITION_DISRUPTION, names.CONDITION_LEASE_ENDING, "example.com/gate"]
)
def test_the_computing_sides_own_condition_stays(kind: str) -> None:
    assert merged([condition(kind, "False")], [condition(kind)], "example.com/gate") == [condition(kind)]


def test_a_pod_bound_by_hand_is_scheduled_once_the_worker_says_so() -> None:
    assert merged([condition("PodScheduled")], []) == [condition("PodScheduled")]


def test_the_workers_search_for_a_place_is_not_the_computing_clusters() -> None:
    assert merged([condition("PodScheduled", "False")], []) == []


def test_a_disruption_in_the_worker_comes_up() -> None:
    assert merged([condition(names.CONDITION_DISRUPTION)], []) == [condition(names.CONDITION_DISRUPTION)]


@pytest.mark.parametrize("kind", [names.CONDITION_LEASE_ENDING, "example.com/gate"])
def test_what_is_not_the_workers_to_say_does_not_come_up(kind: str) -> None:
    assert merged([condition(kind)], [], "example.com/gate") == []


def test_a_condition_of_a_controller_of_the_computing_cluster_stays() -> None:
    assert merged([], [condition("example.com/mine")]) == [condition("example.com/mine")]


def test_a_condition_of_a_controller_of_the_worker_comes_up() -> None:
    assert merged([condition("example.com/theirs")], []) == [condition("example.com/theirs")]


def test_a_refusal_is_forgotten_once_there_is_a_worker_pod() -> None:
    assert merged([], [condition(names.CONDITION_MIRRORED, "False")]) == []


def test_the_generation_of_another_object_does_not_come_up() -> None:
    assert merged([condition("Ready", observedGeneration=4)], []) == [condition("Ready")]


def test_conditions_keep_their_places_and_new_ones_follow() -> None:
    computing = [condition("PodScheduled"), condition("Ready", "False"), condition("example.com/mine")]
    worker = [condition("Initialized"), condition("Ready")]
    kinds = [it["type"] for it in merged(worker, computing)]
    assert kinds == ["PodScheduled", "Ready", "example.com/mine", "Initialized"]


EARLY, LATE = "2026-03-02T11:00:00Z", "2026-03-02T11:30:00Z"


@pytest.mark.parametrize(
    ("own", "status", "since"),
    [
        pytest.param([], "False", EARLY, id="missing"),
        pytest.param([condition("a/gate", "False", LATE)], "False", LATE, id="closed"),
        pytest.param([condition("a/gate", "True", LATE)], "True", LATE, id="opened-last"),
        pytest.param([condition("a/gate", "True", "2026-03-02T10:00:00Z")], "True", EARLY, id="opened-first"),
    ],
)
def test_readiness_gates_hold_ready_back_as_a_kubelet_would(own: list[Json], status: str, since: str) -> None:
    ready = next(it for it in merged([condition("Ready", "True", EARLY)], own, "a/gate") if it["type"] == "Ready")
    assert (ready["status"], ready["lastTransitionTime"]) == (status, since)
    assert ("a/gate" in ready.get("message", "")) == (status == "False")


def test_a_pod_that_is_not_ready_says_why_and_not_that_a_gate_is_closed() -> None:
    not_ready = condition("Ready", "False", reason="ContainersNotReady")
    assert merged([not_ready], [], "a/gate") == [not_ready]


def test_a_transition_is_stamped_once() -> None:
    first = condition_for("A", "True", "R", "m", None, NOW)
    again = condition_for("A", "True", "R", "m", {**first, "lastTransitionTime": EARLY}, NOW)
    assert (first["lastTransitionTime"], again["lastTransitionTime"]) == ("2026-03-02T12:00:00Z", EARLY)


def test_a_change_of_status_is_a_transition() -> None:
    assert (
        condition_for("A", "True", "R", "m", condition("A", "False"), NOW)["lastTransitionTime"]
        == "2026-03-02T12:00:00Z"
    )
