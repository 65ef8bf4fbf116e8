"""Which ConfigMaps and Secrets a pod names."""

import json
from typing import Any

import pytest

from reconciler.kube.resources import CONFIGMAPS, SECRETS, Resource
from reconciler.topdown.references import references_of
from reconciler.topdown.view import Reference


def found(**spec: Any) -> list[tuple[str, str, bool]]:
    references = references_of(json.dumps({"metadata": {"name": "p"}, "spec": spec}).encode())
    return [(it.resource.plural, it.name, it.optional) for it in references]


def in_env(**value_from: Any) -> dict[str, Any]:
    return {"name": "c", "env": [{"name": "A", "valueFrom": value_from}]}


@pytest.mark.parametrize(
    ("spec", "resource", "optional"),
    [
        pytest.param(
            {"volumes": [{"name": "v", "configMap": {"name": "x"}}]}, CONFIGMAPS, False, id="volume-configmap"
        ),
        pytest.param({"volumes": [{"name": "v", "secret": {"secretName": "x"}}]}, SECRETS, False, id="volume-secret"),
        pytest.param(
            {"volumes": [{"name": "v", "secret": {"secretName": "x", "optional": True}}]}, SECRETS, True, id="optional"
        ),
        pytest.param(
            {"volumes": [{"name": "v", "projected": {"sources": [{"configMap": {"name": "x"}}]}}]},
            CONFIGMAPS,
            False,
            id="projected-configmap",
        ),
        pytest.param(
            {"volumes": [{"name": "v", "projected": {"sources": [{"secret": {"name": "x", "optional": True}}]}}]},
            SECRETS,
            True,
            id="projected-secret",
        ),
        pytest.param({"volumes": [{"name": "v", "azureFile": {"secretName": "x"}}]}, SECRETS, False, id="azure-file"),
        pytest.param(
            {"volumes": [{"name": "v", "csi": {"driver": "d", "nodePublishSecretRef": {"name": "x"}}}]},
            SECRETS,
            False,
            id="csi",
        ),
        *(
            pytest.param({"volumes": [{"name": "v", plugin: {"secretRef": {"name": "x"}}}]}, SECRETS, False, id=plugin)
            for plugin in ("cephfs", "cinder", "flexVolume", "iscsi", "rbd", "scaleIO", "storageos")
        ),
        pytest.param({"containers": [in_env(configMapKeyRef={"name": "x", "key": "k"})]}, CONFIGMAPS, False, id="env"),
        pytest.param(
            {"initContainers": [in_env(secretKeyRef={"name": "x", "key": "k", "optional": True})]},
            SECRETS,
            True,
            id="init-env",
        ),
        pytest.param(
            {"ephemeralContainers": [{"name": "c", "envFrom": [{"secretRef": {"name": "x"}}]}]},
            SECRETS,
            False,
            id="ephemeral-env-from",
        ),
        pytest.param(
            {"containers": [{"name": "c", "envFrom": [{"configMapRef": {"name": "x"}}]}]},
            CONFIGMAPS,
            False,
            id="env-from",
        ),
        pytest.param({"imagePullSecrets": [{"name": "x"}]}, SECRETS, True, id="a-missing-pull-secret-does-not-block"),
    ],
)
def test_every_place_that_names_one_is_found(spec: dict[str, Any], resource: Resource, *, optional: bool) -> None:
    assert found(**spec) == [(resource.plural, "x", optional)]


def test_a_reference_is_optional_only_if_every_mention_is() -> None:
    mentions = [in_env(configMapKeyRef={"name": "x", "key": "k", "optional": it}) for it in (True, False, True)]
    assert found(containers=mentions) == [("configmaps", "x", False)]


def test_two_kinds_of_one_name_are_two_references() -> None:
    both = [{"configMapRef": {"name": "x"}}, {"secretRef": {"name": "x"}}]
    assert found(containers=[{"name": "c", "envFrom": both}]) == [("configmaps", "x", False), ("secrets", "x", False)]


def test_the_order_does_not_depend_on_the_pods() -> None:
    names = [{"name": "v", "configMap": {"name": name}} for name in ("b", "a", "c")]
    assert found(volumes=names) == found(volumes=names[::-1])


def test_an_api_access_volume_needs_nothing_because_it_becomes_empty() -> None:
    sources = [{"serviceAccountToken": {"path": "token"}}, {"configMap": {"name": "kube-root-ca.crt"}}]
    assert found(volumes=[{"name": "kube-api-access-x2x4z", "projected": {"sources": sources}}]) == []


def test_a_users_own_token_projection_keeps_its_other_sources() -> None:
    sources = [{"serviceAccountToken": {"path": "token"}}, {"configMap": {"name": "x"}}]
    assert found(volumes=[{"name": "mine", "projected": {"sources": sources}}]) == [("configmaps", "x", False)]


def test_a_volume_merely_called_like_an_api_access_one_is_read() -> None:
    sources = [{"configMap": {"name": "x"}}]
    volume = {"name": "kube-api-access-mine", "projected": {"sources": sources}}
    assert found(volumes=[volume]) == [("configmaps", "x", False)]


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"volumes": None, "containers": None}, id="nulls"),
        pytest.param({"volumes": [{"name": "v", "projected": {"sources": None}}]}, id="null-sources"),
        pytest.param(
            {"volumes": [{"name": "v", "emptyDir": {}}, {"name": "h", "hostPath": {"path": "/"}}]}, id="other"
        ),
        pytest.param({"imagePullSecrets": [{}]}, id="nameless"),
        pytest.param({"containers": [in_env(fieldRef={"fieldPath": "metadata.name"}), {"name": "d"}]}, id="field"),
        pytest.param({"containers": [{"name": "c", "env": [{"name": "A", "value": "1"}]}]}, id="literal"),
        pytest.param({"volumes": [{"name": "v", "csi": {"driver": "d"}}]}, id="csi-without-a-secret"),
    ],
)
def test_a_pod_that_names_none_has_none(spec: dict[str, Any]) -> None:
    assert found(**spec) == []


def test_a_reference_says_whether_it_is_required() -> None:
    raw = b'{"spec": {"imagePullSecrets": [{"name": "x"}]}}'
    assert references_of(raw) == (Reference(SECRETS, "x", optional=True),)
