"""ConfigMaps and Secrets and their copies."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from reconciler import names
from reconciler.decision import Create, Decision, Delete, Patch
from reconciler.kube.resources import CONFIGMAPS, SECRETS, Resource
from reconciler.topdown.decide_dependent import decide_dependent
from reconciler.topdown.view import DependentView
from tests.mirroring import BINDING, MOUNT, NOW, STATE, Json, changed, merged

COPY_NAME = names.mirrored_name("shop", "settings")
PASSWORD = "aHVudGVyMg=="


def origin(resource: Resource = CONFIGMAPS, **fields: Any) -> Json:
    metadata = {"name": "settings", "namespace": "shop", "uid": "origin-uid", "resourceVersion": "5"}
    contents = {"data": {"a": "1", "b": "2"}} if resource == CONFIGMAPS else {"data": {"p": PASSWORD}, "type": "Opaque"}
    return changed({"kind": resource.kind, "metadata": metadata, **contents}, fields)


def view(the_origin: Json | None, copy: Json | None, **more: Any) -> DependentView:
    fields = {"resource": CONFIGMAPS, "is_referenced": True, **more}
    return DependentView(BINDING, STATE, namespace="shop", name="settings", origin=the_origin, copy=copy, **fields)


def as_created(decision: Decision) -> Json:
    (create,) = decision.actions
    assert isinstance(create, Create)
    assert create.target.name == create.manifest["metadata"]["name"]
    return changed(dict(create.manifest), {"metadata": {"uid": "copy-uid", "resourceVersion": "1"}})


def a_copy(resource: Resource = CONFIGMAPS, of: Json | None = None) -> Json:
    return as_created(decide_dependent(view(of or origin(resource), None, resource=resource), NOW))


def patched(the_view: DependentView) -> Json:
    (patch,) = decide_dependent(the_view, NOW).actions
    assert isinstance(patch, Patch)
    assert (patch.target.name, patch.target.uid, patch.subresource) == (COPY_NAME, "copy-uid", "")
    assert the_view.copy is not None
    mended = merged(the_view.copy, patch.patch)
    assert decide_dependent(view(dict(the_view.origin or {}), mended, resource=the_view.resource), NOW).actions == ()
    return dict(patch.patch)


def test_a_copy_has_the_origins_contents_and_our_marks() -> None:
    made = a_copy(
        of=origin(binaryData={"x": "AA=="}, metadata={"labels": {"app": "web"}, "annotations": {"note": "n"}})
    )
    assert (made["kind"], made["apiVersion"]) == ("ConfigMap", "v1")
    assert (made["data"], made["binaryData"]) == ({"a": "1", "b": "2"}, {"x": "AA=="})
    assert (made["metadata"]["namespace"], made["metadata"]["name"]) == (MOUNT, COPY_NAME)
    assert made["metadata"]["labels"] == {"app": "web", names.MANAGED_BY: "kubeocean"}
    annotations = made["metadata"]["annotations"]
    owned = json.loads(annotations.pop(names.OWNED_KEYS))
    assert owned == {"labels": sorted(made["metadata"]["labels"]), "annotations": sorted(annotations)}
    assert annotations == {
        "note": "n",
        names.VIRTUAL_NAMESPACE: "shop",
        names.VIRTUAL_NAME: "settings",
        names.VIRTUAL_UID: "origin-uid",
        names.COMPUTING_CLUSTER_UID: "computing-uid",
        names.BINDING_UID: "binding-uid",
    }


def test_a_secret_keeps_its_type() -> None:
    made = a_copy(SECRETS, origin(SECRETS, type="kubernetes.io/tls"))
    assert (made["type"], made["data"]) == ("kubernetes.io/tls", {"p": PASSWORD})


def test_kubectls_copy_of_the_contents_does_not_come_along() -> None:
    made = a_copy(of=origin(metadata={"annotations": {names.LAST_APPLIED: "{}"}}))
    assert names.LAST_APPLIED not in made["metadata"]["annotations"]


def test_an_immutable_origin_has_an_immutable_copy() -> None:
    assert a_copy(of=origin(immutable=True))["immutable"] is True


def test_an_empty_origin_has_an_empty_copy() -> None:
    assert not {"data", "binaryData", "immutable", "type"} & set(a_copy(of=origin(data=None)))


def test_a_taken_name_makes_way_for_the_second_choice() -> None:
    made = as_created(decide_dependent(view(origin(), None, name_is_taken=True), NOW))
    assert made["metadata"]["name"] == names.mirrored_name_if_taken("shop", "settings", "computing-uid")


def test_a_create_that_meets_its_own_copy_counts_as_done() -> None:
    (create,) = decide_dependent(view(origin(), None), NOW).actions
    assert isinstance(create, Create)
    assert set(create.owned_by) == {names.VIRTUAL_UID, names.BINDING_UID, names.COMPUTING_CLUSTER_UID}


@pytest.mark.parametrize("resource", [CONFIGMAPS, SECRETS])
def test_an_equal_copy_is_left_alone(resource: Resource) -> None:
    assert decide_dependent(view(origin(resource), a_copy(resource), resource=resource), NOW).actions == ()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param({"data": {"a": "9"}}, {"data": {"a": "9"}}, id="changed-key"),
        pytest.param({"data": {"c": "3"}}, {"data": {"c": "3"}}, id="new-key"),
        pytest.param({"data": {"a": None}}, {"data": {"a": None}}, id="removed-key"),
        pytest.param({"data": None}, {"data": {"a": None, "b": None}}, id="all-keys"),
        pytest.param({"binaryData": {"x": "AA=="}}, {"binaryData": {"x": "AA=="}}, id="binary"),
        pytest.param({"immutable": True}, {"immutable": True}, id="made-immutable"),
        pytest.param(
            {"metadata": {"uid": "again"}}, {"metadata": {"annotations": {names.VIRTUAL_UID: "again"}}}, id="made-anew"
        ),
    ],
)
def test_a_change_of_the_origin_goes_down_alone(change: Json, expected: Json) -> None:
    assert patched(view(changed(origin(), change), a_copy())) == expected


def test_a_change_of_labels_goes_down() -> None:
    labelled = origin(metadata={"labels": {"app": "web"}})
    assert patched(view(labelled, a_copy()))["metadata"]["labels"] == {"app": "web"}
    assert patched(view(origin(), a_copy(of=labelled)))["metadata"]["labels"] == {"app": None}


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        pytest.param({"data": {"a": "edited"}}, {"data": {"a": "1"}}, id="edited-key"),
        pytest.param({"data": {"added": "x"}}, {"data": {"added": None}}, id="added-key"),
        pytest.param({"data": {"a": None}}, {"data": {"a": "1"}}, id="removed-key"),
        pytest.param(
            {"metadata": {"annotations": {names.VIRTUAL_NAME: "x"}}},
            {"metadata": {"annotations": {names.VIRTUAL_NAME: "settings"}}},
            id="mark",
        ),
    ],
)
def test_an_edit_by_hand_is_mended(edit: Json, expected: Json) -> None:
    assert patched(view(origin(), changed(a_copy(), edit))) == expected


def test_what_others_put_on_a_copy_stays() -> None:
    theirs = changed(a_copy(), {"metadata": {"labels": {"backup": "yes"}, "annotations": {"backup": "yes"}}})
    assert decide_dependent(view(origin(), theirs), NOW).actions == ()


@pytest.mark.parametrize(
    ("the_origin", "more"),
    [
        pytest.param(lambda: None, {}, id="origin-gone"),
        pytest.param(origin, {"is_referenced": False}, id="unreferenced"),
        pytest.param(lambda: origin(type=names.SERVICE_ACCOUNT_CREDENTIAL), {}, id="token"),
        pytest.param(
            lambda: origin(metadata={"annotations": {names.SERVICE_ACCOUNT_NAME: "default"}}), {}, id="token-by-mark"
        ),
    ],
)
def test_a_needless_copy_goes_and_is_not_made(the_origin: Callable[[], Json | None], more: Json) -> None:
    (delete,) = decide_dependent(view(the_origin(), a_copy(), **more), NOW).actions
    assert isinstance(delete, Delete)
    assert (delete.target.name, delete.target.uid, delete.grace_seconds) == (COPY_NAME, "copy-uid", None)
    assert decide_dependent(view(the_origin(), None, **more), NOW).actions == ()


@pytest.mark.parametrize(
    ("resource", "before", "after"),
    [
        pytest.param(CONFIGMAPS, {"immutable": True}, {"immutable": True, "data": {"a": "9"}}, id="immutable-contents"),
        pytest.param(CONFIGMAPS, {"immutable": True}, {}, id="no-longer-immutable"),
        pytest.param(SECRETS, {"type": "a/b"}, {"type": "c/d"}, id="type"),
    ],
)
def test_what_cannot_be_changed_in_place_is_made_anew(resource: Resource, before: Json, after: Json) -> None:
    copy = a_copy(resource, origin(resource, **before))
    (delete,) = decide_dependent(view(origin(resource, **after), copy, resource=resource), NOW).actions
    assert isinstance(delete, Delete)
    assert delete.target.uid == "copy-uid"


def test_labels_of_an_immutable_copy_are_changed_in_place() -> None:
    labelled = origin(immutable=True, metadata={"labels": {"app": "web"}})
    assert set(patched(view(labelled, a_copy(of=origin(immutable=True))))) == {"metadata"}


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param({"labels": {names.MANAGED_BY: None}}, id="label"),
        pytest.param({"annotations": {names.BINDING_UID: "other"}}, id="another-binding"),
        pytest.param({"annotations": {names.COMPUTING_CLUSTER_UID: None}}, id="another-cluster"),
    ],
)
@pytest.mark.parametrize("the_origin", [origin(), origin(data={"a": "9"}), None])
def test_somebody_elses_object_is_never_touched(spoil: Json, the_origin: Json | None) -> None:
    foreign = changed(a_copy(), {"metadata": spoil})
    assert decide_dependent(view(the_origin, foreign), NOW).actions == ()


def test_a_copy_on_its_way_out_is_waited_for() -> None:
    going = changed(a_copy(), {"metadata": {"deletionTimestamp": "2026-03-02T12:00:00Z"}, "data": {"a": "9"}})
    assert decide_dependent(view(origin(), going), NOW).actions == ()


@pytest.mark.parametrize("copy", [None, {"data": {"p": "b2xk"}}, {"data": {"q": "bmV3"}}, {"type": "a/b"}])
def test_no_reason_ever_tells_a_secrets_contents(copy: Json | None) -> None:
    seen = None if copy is None else changed(a_copy(SECRETS), copy)
    because = decide_dependent(view(origin(SECRETS), seen, resource=SECRETS), NOW).because
    assert not any(content in because for content in (PASSWORD, "b2xk", "bmV3"))
