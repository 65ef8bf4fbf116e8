"""Pods of DaemonSets that are not mirrored look as if they ran."""

from dataclasses import replace
from typing import Any

from reconciler import names
from reconciler.topdown.decide_pod import decide_pod
from tests.mirroring import BINDING, NOW, OPEN_VNODE, a_pod, a_view, after, changed, mapped, running, settled, unpacked
from tests.unit.reconciler.topdown.test_decide_pod import DAEMON, LATER, SILENT

Json = dict[str, Any]
SPEC: Json = {
    "containers": [{"name": "agent", "image": "cni:1"}, {"name": "log", "image": "log:2"}],
    "initContainers": [
        {"name": "install", "image": "cni:1"},
        {"name": "sidecar", "image": "side:3", "restartPolicy": "Always"},
    ],
}


def shown(pod: Json) -> Json:
    return dict(unpacked(settled(a_view(pod)).computing_pod)["status"])


def conditions(status: Json) -> dict[str, str]:
    return {it["type"]: it["status"] for it in status["conditions"]}


def test_it_is_running_and_ready_and_says_that_it_is_not_mirrored() -> None:
    status = shown(a_pod(meta=DAEMON, spec=SPEC))
    assert (status["phase"], status["startTime"]) == ("Running", "2026-03-02T12:00:00Z")
    true = ("PodScheduled", "Initialized", "Ready", "ContainersReady", names.CONDITION_NOT_MIRRORED)
    assert conditions(status) == dict.fromkeys(true, "True")


def test_its_containers_run_and_its_init_containers_are_done_but_for_sidecars() -> None:
    status = shown(a_pod(meta=DAEMON, spec=SPEC))
    states = {
        it["name"]: (next(iter(it["state"])), it["ready"], it["started"])
        for it in (*status["containerStatuses"], *status["initContainerStatuses"])
    }
    assert states == {
        "agent": ("running", True, True),
        "log": ("running", True, True),
        "install": ("terminated", True, False),
        "sidecar": ("running", True, True),
    }


def test_a_second_look_much_later_writes_nothing() -> None:
    settled_view = settled(a_view(a_pod(meta=DAEMON, spec=SPEC)))
    assert decide_pod(settled_view, LATER).actions == ()


def test_what_the_silence_of_the_worker_took_from_it_comes_back_without_another_event() -> None:
    view = settled(a_view(a_pod(meta=DAEMON)))
    silent = settled(replace(view, unreachable_since=SILENT))
    assert conditions(unpacked(silent.computing_pod)["status"])["Ready"] == "False"
    back = decide_pod(replace(silent, unreachable_since=None), NOW)
    assert len(back.actions) == 1
    again = after(replace(silent, unreachable_since=None), back)
    assert conditions(unpacked(again.computing_pod)["status"])["Ready"] == "True"


def test_a_worker_pod_that_comes_after_all_takes_the_claim_away() -> None:
    view = settled(a_view(a_pod(meta=DAEMON)))
    mirrored = settled(replace(view, binding=replace(BINDING, running_daemonset_by_default=True)), passes=2)
    assert names.CONDITION_NOT_MIRRORED not in conditions(unpacked(mirrored.computing_pod)["status"])


def test_the_one_of_a_system_namespace_is_shown_too() -> None:
    assert shown(a_pod(meta={**DAEMON, "namespace": "kube-system"}))["phase"] == "Running"


def test_a_finished_one_stays_finished() -> None:
    view = a_view(a_pod(meta=DAEMON, status={"phase": "Failed"}))
    assert decide_pod(view, NOW).actions == ()


def test_a_mirrored_one_is_as_any_pod() -> None:
    pod = changed(mapped(a_pod(meta=DAEMON)), {"status": running()})
    assert decide_pod(a_view(pod, vnode=OPEN_VNODE, worker_pod_is_gone=True), NOW).because.startswith("PhysicalPodLost")
