"""Pods of a worker that does not answer."""

from dataclasses import replace
from datetime import timedelta

import pytest

from reconciler.topdown.decide_pod import decide_pod
from reconciler.topdown.view import PodView
from tests.mirroring import (
    NOW,
    Json,
    a_pod,
    a_view,
    a_worker_pod,
    finished,
    mapped,
    patch_of,
    running,
    settled,
    unpacked,
)


def silent(status: Json, seconds: int = 40) -> PodView:
    pod = {**mapped(a_pod()), "status": status}
    return a_view(pod, a_worker_pod(status=running()), unreachable_since=NOW - timedelta(seconds=seconds))


def with_ready(**condition: str | None) -> Json:
    ready = {"type": "Ready", "status": "False", **condition}
    return {**running(), "conditions": [ready]}


def test_a_short_silence_is_waited_out() -> None:
    decision = decide_pod(silent(running(), seconds=39), NOW)
    assert (decision.actions, decision.wake_at) == ((), NOW + timedelta(seconds=1))


def test_after_40_seconds_a_pod_is_not_ready_and_everything_else_stays() -> None:
    patch = patch_of(decide_pod(silent(running()), NOW))
    assert set(patch) == {"conditions"}
    before, after = (
        {it["type"]: it for it in conditions} for conditions in (running()["conditions"], patch["conditions"])
    )
    ready = after.pop("Ready")
    assert (ready["status"], ready["reason"], ready["lastTransitionTime"]) == (
        "False",
        "WorkerUnreachable",
        "2026-03-02T12:00:00Z",
    )
    assert after == {kind: it for kind, it in before.items() if kind != "Ready"}


def test_what_the_node_controller_wrote_without_a_reason_gets_one_and_keeps_its_time() -> None:
    status = with_ready(lastTransitionTime="2026-03-02T11:59:59Z")
    (ready,) = patch_of(decide_pod(silent(status), NOW))["conditions"]
    assert (ready["reason"], ready["lastTransitionTime"]) == ("WorkerUnreachable", "2026-03-02T11:59:59Z")


@pytest.mark.parametrize(
    "status",
    [
        pytest.param(with_ready(reason="ContainersNotReady"), id="not-ready-for-a-reason"),
        pytest.param({"phase": "Pending"}, id="never-ready"),
        pytest.param({**running(), "phase": "Succeeded"}, id="finished"),
    ],
)
def test_a_pod_that_claims_nothing_is_left_alone(status: Json) -> None:
    assert decide_pod(silent(status), NOW).actions == ()


def test_when_the_worker_answers_again_its_word_holds() -> None:
    cut_off = settled(silent(running()))
    back = settled(replace(cut_off, unreachable_since=None))
    assert unpacked(cut_off.computing_pod)["status"]["conditions"] != running()["conditions"]
    assert unpacked(back.computing_pod)["status"]["conditions"] == running()["conditions"]


def test_a_finished_pod_stays_finished_through_silence() -> None:
    assert decide_pod(silent(finished()), NOW).actions == ()
