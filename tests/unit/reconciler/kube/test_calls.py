"""How verbs become requests."""

import json
from types import MappingProxyType
from urllib.parse import parse_qs

import pytest

from reconciler.kube import calls
from reconciler.kube.calls import Selection
from reconciler.kube.errors import RejectedError
from reconciler.kube.resources import NODES, PODS, SECRETS, Resource
from reconciler.kube.transport import Call

ROLES = Resource("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", namespaced=False)


def query_of(call: Call) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(call.query).items()}


@pytest.mark.parametrize(
    ("call", "line"),
    [
        pytest.param(calls.on_object("get", PODS, "p", "shop"), "GET /api/v1/namespaces/shop/pods/p", id="get"),
        pytest.param(
            calls.on_object("patch", PODS, "p", "shop", subresource="status"),
            "PATCH /api/v1/namespaces/shop/pods/p/status",
            id="patch-status",
        ),
        pytest.param(
            calls.on_object("evict", PODS, "p", "shop", subresource="eviction"),
            "POST /api/v1/namespaces/shop/pods/p/eviction",
            id="evict",
        ),
        pytest.param(calls.on_object("delete", NODES, "n", ""), "DELETE /api/v1/nodes/n", id="cluster-scoped"),
        pytest.param(
            calls.on_object("get", ROLES, "system:node", ""),
            "GET /apis/rbac.authorization.k8s.io/v1/clusterroles/system:node",
            id="colon",
        ),
        pytest.param(
            calls.on_object("get", ROLES, "my role?#", ""),
            "GET /apis/rbac.authorization.k8s.io/v1/clusterroles/my%20role%3F%23",
            id="quoted",
        ),
        pytest.param(calls.create(PODS, {}, "shop"), "POST /api/v1/namespaces/shop/pods", id="create"),
        pytest.param(calls.page(Selection(PODS), ""), "GET /api/v1/pods", id="list-everywhere"),
    ],
)
def test_a_verb_on_a_resource_is_a_method_on_a_path(call: Call, line: str) -> None:
    assert str(call) == line


@pytest.mark.parametrize("name", ["a/../../secrets/s", "..", ".", "a%2Fb"])
@pytest.mark.parametrize("place", ["name", "namespace"])
def test_no_name_reaches_another_path(name: str, place: str) -> None:
    with pytest.raises(RejectedError, match="cannot be the name"):
        calls.on_object("get", SECRETS, **{"name": "s", "namespace": "shop", place: name})


@pytest.mark.parametrize("verb", ["get", "patch", "apply", "delete", "evict"])
def test_a_verb_on_one_object_needs_its_name(verb: str) -> None:
    with pytest.raises(RejectedError, match="without a name"):
        calls.on_object(verb, PODS, "", "shop")


def test_nothing_is_deleted_without_a_uid() -> None:
    with pytest.raises(RejectedError, match="without a UID"):
        calls.delete_options("")


def test_a_deletion_is_of_exactly_one_object() -> None:
    assert calls.delete_options("u1", 0, "7") == {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "preconditions": {"uid": "u1", "resourceVersion": "7"},
        "gracePeriodSeconds": 0,
    }


def test_a_deletion_leaves_the_pods_own_grace_unless_told() -> None:
    assert "gracePeriodSeconds" not in calls.delete_options("u1")


def test_a_list_comes_in_pages_of_what_is_selected() -> None:
    selection = Selection(PODS, "shop", "a=b,c!=d", "spec.nodeName!=")
    assert query_of(calls.page(selection, "rest==")) == {
        "labelSelector": "a=b,c!=d",
        "fieldSelector": "spec.nodeName!=",
        "limit": "500",
        "continue": "rest==",
    }


def test_the_first_page_of_a_list_is_the_newest_state() -> None:
    assert query_of(calls.page(Selection(PODS), "")) == {"limit": "500"}


def test_a_watch_goes_on_where_it_was_with_bookmarks() -> None:
    assert query_of(calls.watch(Selection(PODS, label_selector="a"), "42", 300)) == {
        "labelSelector": "a",
        "watch": "true",
        "allowWatchBookmarks": "true",
        "resourceVersion": "42",
        "timeoutSeconds": "300",
    }


def test_metadata_alone_is_asked_for_in_the_shape_of_the_request() -> None:
    selection = Selection(SECRETS, metadata_only=True)
    tail = ";g=meta.k8s.io;v=v1,application/json"
    assert calls.page(selection, "").accept == f"application/json;as=PartialObjectMetadataList{tail}"
    assert calls.watch(selection, "1", 300).accept == f"application/json;as=PartialObjectMetadata{tail}"


@pytest.mark.parametrize(
    ("path", "resource"),
    [
        pytest.param("/api/v1/namespaces/shop/pods/p", "pods", id="core"),
        pytest.param("/api/v1/nodes/n", "nodes", id="cluster-scoped"),
        pytest.param("/api/v1/namespaces/shop", "namespaces", id="a-namespace"),
        pytest.param("/apis/apps/v1/namespaces/shop/deployments", "deployments", id="group"),
        pytest.param("/apis/cloud.tencent.com/v1beta1/clusterbindings/b/status", "clusterbindings", id="crd"),
        pytest.param("/healthz", "", id="not-a-resource"),
    ],
)
def test_a_request_by_path_is_counted_under_its_resource(path: str, resource: str) -> None:
    assert calls.on_path("GET", path, {}).resource == resource


def test_read_only_mappings_are_json_too() -> None:
    body = calls.with_body(
        calls.on_object("patch", PODS, "p", "shop"), MappingProxyType({"a": MappingProxyType({})})
    ).body
    assert json.loads(body or b"") == {"a": {}}
