"""Containers of worker pods."""

from typing import Any

import pytest

from reconciler import names
from reconciler.topdown.container_forge import container_for, ephemeral_container_for
from reconciler.topdown.renaming import Renaming

RENAMING = Renaming("shop", {}, frozenset({"token-x"}), "builder")
X = names.mirrored_name("shop", "x")


def forged(**container: Any) -> dict[str, Any]:
    return dict(container_for({"name": "c", **container}, RENAMING))


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        pytest.param(
            {"configMapKeyRef": {"name": "x", "key": "k"}}, {"configMapKeyRef": {"name": X, "key": "k"}}, id="cm"
        ),
        pytest.param(
            {"secretKeyRef": {"name": "x", "key": "k"}}, {"secretKeyRef": {"name": X, "key": "k"}}, id="secret"
        ),
        pytest.param(
            {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}},
            {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.annotations['kubeocean.io/virtual-pod-name']"}},
            id="name",
        ),
        pytest.param(
            {"fieldRef": {"fieldPath": "metadata.namespace"}},
            {"fieldRef": {"fieldPath": "metadata.annotations['kubeocean.io/virtual-pod-namespace']"}},
            id="namespace",
        ),
        pytest.param(
            {"fieldRef": {"fieldPath": "metadata.uid"}},
            {"fieldRef": {"fieldPath": "metadata.annotations['kubeocean.io/virtual-pod-uid']"}},
            id="uid",
        ),
        pytest.param(
            {"fieldRef": {"fieldPath": "spec.nodeName"}},
            {"fieldRef": {"fieldPath": "metadata.annotations['kubeocean.io/virtual-node-name']"}},
            id="node",
        ),
        pytest.param({"fieldRef": {"fieldPath": "status.podIP"}}, {"fieldRef": {"fieldPath": "status.podIP"}}, id="ip"),
        pytest.param(
            {"resourceFieldRef": {"resource": "limits.cpu"}},
            {"resourceFieldRef": {"resource": "limits.cpu"}},
            id="limit",
        ),
    ],
)
def test_a_variables_source_is_renamed(before: dict[str, Any], expected: dict[str, Any]) -> None:
    env = forged(env=[{"name": "A", "valueFrom": before}])["env"]
    assert env == [{"name": "A", "valueFrom": expected}]


def test_the_service_account_is_told_as_a_literal() -> None:
    source = {"fieldRef": {"fieldPath": "spec.serviceAccountName"}}
    assert forged(env=[{"name": "A", "valueFrom": source}])["env"] == [{"name": "A", "value": "builder"}]


def test_literals_stay() -> None:
    assert forged(env=[{"name": "A", "value": "1"}, {"name": "B"}])["env"] == [
        {"name": "A", "value": "1"},
        {"name": "B"},
    ]


def test_sets_of_variables_are_renamed() -> None:
    before = [
        {"prefix": "P_", "configMapRef": {"name": "x", "optional": True}},
        {"secretRef": {"name": "x"}},
        {"fromTheFuture": {}},
    ]
    expected = [
        {"prefix": "P_", "configMapRef": {"name": X, "optional": True}},
        {"secretRef": {"name": X}},
        {"fromTheFuture": {}},
    ]
    assert forged(envFrom=before)["envFrom"] == expected


def test_variables_from_a_token_are_left_out() -> None:
    of_token = {"name": "T", "valueFrom": {"secretKeyRef": {"name": "token-x", "key": "token"}}}
    made = forged(env=[of_token, {"name": "A", "value": "1"}], envFrom=[{"secretRef": {"name": "token-x"}}])
    assert (made["env"], made["envFrom"]) == ([{"name": "A", "value": "1"}], [])


def test_claims_of_devices_go_and_other_resources_stay() -> None:
    made = forged(resources={"limits": {"cpu": "1"}, "claims": [{"name": "gpu"}]})
    assert made["resources"] == {"limits": {"cpu": "1"}}


def test_everything_else_is_untouched() -> None:
    container = {"name": "c", "image": "i", "ports": [{"hostPort": 80}], "resources": {}, "fromTheFuture": {"a": [1]}}
    assert container_for(container, RENAMING) == container


def test_the_original_is_never_changed() -> None:
    container = {"name": "c", "env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "x", "key": "k"}}}]}
    container_for(container, RENAMING)
    assert container["env"] == [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "x", "key": "k"}}}]


def test_an_ephemeral_container_mounts_what_the_worker_pod_has() -> None:
    container = {
        "name": "c",
        "env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "x", "key": "k"}}}],
        "volumeMounts": [{"name": "data", "mountPath": "/d"}, {"name": "gone", "mountPath": "/g"}],
        "volumeDevices": [{"name": "gone", "devicePath": "/dev/g"}],
    }
    assert ephemeral_container_for(container, RENAMING, {"data"}) == {
        "name": "c",
        "env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": X, "key": "k"}}}],
        "volumeMounts": [{"name": "data", "mountPath": "/d"}],
        "volumeDevices": [],
    }


def test_an_ephemeral_container_without_mounts_gets_none() -> None:
    assert ephemeral_container_for({"name": "c"}, RENAMING, {"data"}) == {"name": "c"}
