"""Ephemeral containers that a user adds to a running pod."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from reconciler import names
from reconciler.decision import Decision, Emit, Patch, Side
from reconciler.kube.projections import ObjectMeta
from reconciler.kube.resources import CONFIGMAPS, SECRETS, Resource
from reconciler.topdown.decide_pod import decide_pod, refused_pod
from reconciler.topdown.view import Dependent, EphemeralApi, PodView, Reference
from tests.mirroring import (
    NOW,
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

ADDS = ["patch worker ephemeralcontainers"]
KEY = {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "key", "key": "k"}}}


def debug(name: str = "debugger-1", **more: Any) -> Json:
    return {"name": name, "image": "busybox", "targetContainerName": "main", **more}


def a_debugged_view(
    *wanted: Json, there: tuple[Json, ...] = (), api: EphemeralApi | None = EphemeralApi.POD, **more: Any
) -> PodView:
    """A running pod, in step but for its ephemeral containers."""
    spec = more.pop("spec", {})
    pod = a_pod(spec={**spec, "ephemeralContainers": list(wanted)})
    worker = changed(a_worker_pod(pod, running()), {"spec": {"ephemeralContainers": list(there)}})
    return a_view(mapped({**pod, "status": running()}), worker, ephemeral_api=api, **more)


def a_dependent(resource: Resource, name: str, *, is_copied: bool, **annotations: str) -> Dependent:
    copy_name = names.mirrored_name("shop", name)
    copy = ObjectMeta(copy_name, annotations={names.VIRTUAL_UID: "o"}) if is_copied else None
    origin = ObjectMeta(name, "shop", uid="o", annotations=annotations)
    return Dependent(Reference(resource, name, optional=False), origin, copy, copy_name)


def added(decision: Decision) -> Json:
    """The container that a decision adds, as the last of the list."""
    (patch,) = (it for it in decision.actions if isinstance(it, Patch))
    assert (patch.target.side, patch.subresource) == (Side.WORKER, "ephemeralcontainers")
    return dict(patch.patch["spec"]["ephemeralContainers"][-1])


def names_there(view: PodView) -> list[str]:
    return [it["name"] for it in unpacked(view.worker_pod)["spec"].get("ephemeralContainers", [])]


def condition(view: PodView) -> Json | None:
    found = unpacked(view.computing_pod)["status"].get("conditions", [])
    return next((it for it in found if it["type"] == names.CONDITION_EPHEMERAL), None)


@pytest.mark.parametrize(
    ("api", "expected"),
    [
        pytest.param(EphemeralApi.POD, {"spec": {"ephemeralContainers": [debug()]}}, id="since-1.22"),
        pytest.param(EphemeralApi.LIST, {"ephemeralContainers": [debug()]}, id="before"),
    ],
)
def test_one_that_is_lacking_is_added_as_the_server_takes_it(api: EphemeralApi, expected: Json) -> None:
    view = a_debugged_view(debug(), api=api)
    decision = decide_pod(view, NOW)
    (patch,) = decision.actions
    assert isinstance(patch, Patch)
    assert (patch.patch, patch.target.resource_version) == (expected, "1")
    assert decision.because == f"adding ephemeral container debugger-1 to {patch.target.namespace}/{patch.target.name}"
    assert names_there(settled(view)) == ["debugger-1"]


def test_several_are_added_one_after_the_other_in_their_order() -> None:
    assert names_there(settled(a_debugged_view(debug("b"), debug("a")), passes=2)) == ["b", "a"]


def test_one_that_is_there_is_left_as_the_worker_has_it() -> None:
    theirs = debug(image="registry.example/busybox", terminationMessagePath="/dev/termination-log")
    view = a_debugged_view(debug(), there=(theirs,))
    assert decide_pod(view, NOW).actions == ()


def test_one_of_the_owner_s_stays() -> None:
    view = settled(a_debugged_view(debug(), there=(debug("of-the-owner"),)))
    assert names_there(view) == ["of-the-owner", "debugger-1"]


def test_metadata_goes_first_for_it_moves_the_version() -> None:
    view = a_debugged_view(debug())
    labelled = changed(unpacked(view.computing_pod), {"metadata": {"labels": {"a": "b"}}})
    view = a_view(labelled, unpacked(view.worker_pod), ephemeral_api=EphemeralApi.POD)
    assert told(decide_pod(view, NOW)) == ["patch worker metadata"]
    assert told(decide_pod(after(view, decide_pod(view, NOW)), NOW)) == ADDS


@pytest.mark.parametrize(
    ("computing", "worker"),
    [
        pytest.param(finished(), finished(), id="finished"),
        pytest.param(running(), finished(), id="finished-there"),
    ],
)
def test_a_finished_pod_gets_none(computing: Json, worker: Json) -> None:
    view = a_debugged_view(debug())
    pod = {**unpacked(view.computing_pod), "status": computing}
    theirs = {**unpacked(view.worker_pod), "status": worker}
    assert names_there(settled(a_view(pod, theirs, ephemeral_api=EphemeralApi.POD))) == []


def test_a_worker_pod_on_its_way_out_gets_none() -> None:
    view = a_debugged_view(debug())
    theirs = leaving_pod(unpacked(view.worker_pod))
    assert decide_pod(a_view(unpacked(view.computing_pod), theirs, ephemeral_api=EphemeralApi.POD), NOW).actions == ()


def test_a_pod_that_is_placed_late_is_still_given_up_in_time() -> None:
    view = a_debugged_view(debug())
    theirs = changed(unpacked(view.worker_pod), {"spec": {"nodeName": None}})
    decision = decide_pod(a_view(unpacked(view.computing_pod), theirs, ephemeral_api=EphemeralApi.POD), NOW)
    assert decision.wake_at == NOW + timedelta(seconds=300)


def test_what_it_reads_variables_from_is_copied_first() -> None:
    missing = a_dependent(SECRETS, "key", is_copied=False)
    view = a_debugged_view(debug(env=[KEY]), dependents=(missing,))
    decision = decide_pod(view, NOW)
    assert decision.actions == ()
    assert decision.because == "ephemeral container debugger-1 waits for Secret key to be copied to the worker"
    copied = replace(view, dependents=(a_dependent(SECRETS, "key", is_copied=True),))
    reference = added(decide_pod(copied, NOW))["env"][0]["valueFrom"]["secretKeyRef"]
    assert reference == {"name": names.mirrored_name("shop", "key"), "key": "k"}


def test_one_that_waits_for_a_copy_holds_no_other_back() -> None:
    missing = a_dependent(SECRETS, "key", is_copied=False)
    view = a_debugged_view(debug("waits", env=[KEY]), debug("ready"), dependents=(missing,))
    assert added(decide_pod(view, NOW))["name"] == "ready"


def test_copies_for_the_rest_of_the_pod_are_not_waited_for() -> None:
    settings = a_dependent(CONFIGMAPS, "settings", is_copied=False)
    assert told(decide_pod(a_debugged_view(debug(), dependents=(settings,)), NOW)) == ADDS


def test_no_credential_reaches_it_and_the_user_is_told() -> None:
    token = a_dependent(SECRETS, "key", is_copied=False, **{names.SERVICE_ACCOUNT_NAME: "builder"})
    decision = decide_pod(a_debugged_view(debug(env=[KEY, {"name": "B", "value": "b"}]), dependents=(token,)), NOW)
    assert added(decision)["env"] == [{"name": "B", "value": "b"}]
    assert told(decision) == [*ADDS, f"emit {names.EVENT_CREDENTIAL_LEFT_OUT}"]


def test_it_mounts_emptied_folders_but_nothing_that_the_worker_s_webhooks_minted() -> None:
    api_access = {"name": "kube-api-access-x", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}}
    mounts = [{"name": name, "mountPath": f"/{name}"} for name in ("kube-api-access-x", "data")]
    view = a_debugged_view(debug(volumeMounts=mounts), spec={"volumes": [api_access, {"name": "data", "emptyDir": {}}]})
    assert added(decide_pod(view, NOW))["volumeMounts"] == mounts
    minted = [{"name": "data", "projected": api_access["projected"]}, {"name": "kube-api-access-x", "emptyDir": {}}]
    theirs = changed(unpacked(view.worker_pod), {"spec": {"volumes": minted}})
    view = a_view(unpacked(view.computing_pod), theirs, ephemeral_api=EphemeralApi.POD)
    assert added(decide_pod(view, NOW))["volumeMounts"] == mounts[:1]


def test_a_worker_that_does_not_offer_them_is_told_of_once() -> None:
    view = a_debugged_view(debug(), api=None)
    decision = decide_pod(view, NOW)
    assert told(decision) == ["patch computing status", f"emit {names.EVENT_EPHEMERAL_NOT_OFFERED}"]
    view = settled(view)
    told_then = condition(view)
    assert told_then is not None
    assert (told_then["status"], told_then["reason"]) == ("False", names.EVENT_EPHEMERAL_NOT_OFFERED)
    assert decide_pod(view, NOW + timedelta(hours=1)).actions == ()


def test_once_the_worker_offers_them_it_is_added_and_the_condition_goes() -> None:
    view = replace(settled(a_debugged_view(debug(), api=None)), ephemeral_api=EphemeralApi.POD)
    view = settled(view, passes=2)
    assert (names_there(view), condition(view)) == (["debugger-1"], None)


def test_a_refusal_is_told_and_not_tried_again() -> None:
    view = a_debugged_view(debug())
    refusal = refused_pod(view, "forbidden: privileged", NOW)
    assert told(refusal) == [
        "patch computing status",
        "patch computing metadata",
        f"emit {names.EVENT_EPHEMERAL_REFUSED}",
    ]
    assert isinstance(refusal.actions[-1], Emit)
    assert refusal.actions[-1].message == "debugger-1: forbidden: privileged"
    view = settled(after(view, refusal), passes=0)
    shown = condition(view)
    assert shown is not None
    assert (shown["reason"], shown["message"]) == (names.EVENT_EPHEMERAL_REFUSED, "debugger-1: forbidden: privileged")


def test_a_refused_one_holds_no_other_back() -> None:
    view = a_debugged_view(debug("privileged"), debug("plain"))
    view = settled(after(view, refused_pod(view, "forbidden", NOW)))
    assert names_there(view) == ["plain"]
    shown = condition(view)
    assert shown is not None
    assert shown["message"] == "privileged: forbidden"


def test_two_refusals_are_both_remembered() -> None:
    view = a_debugged_view(debug("a"), debug("b"), api=EphemeralApi.LIST)
    for _ in range(2):
        view = after(view, refused_pod(view, "forbidden", NOW))
    annotations = unpacked(view.computing_pod)["metadata"]["annotations"]
    assert annotations[names.EPHEMERAL_REFUSED] == "a,b"
    assert settled(view, passes=0) == view


def test_a_refused_status_of_the_same_pod_is_not_taken_for_a_refused_container() -> None:
    view = a_debugged_view(debug())
    restarted = {**running(), "podIP": "10.0.0.9"}
    theirs = changed(unpacked(view.worker_pod), {"status": restarted})
    view = a_view(unpacked(view.computing_pod), theirs, ephemeral_api=EphemeralApi.POD)
    assert refused_pod(view, "forbidden", NOW).actions == ()


def test_its_status_comes_up() -> None:
    state = {"name": "debugger-1", "state": {"running": {"startedAt": "2026-03-02T12:00:00Z"}}}
    view = settled(a_debugged_view(debug()))
    theirs = changed(unpacked(view.worker_pod), {"status": {"ephemeralContainerStatuses": [state]}})
    status = patch_of(decide_pod(a_view(unpacked(view.computing_pod), theirs), NOW))
    assert status == {"ephemeralContainerStatuses": [state]}
