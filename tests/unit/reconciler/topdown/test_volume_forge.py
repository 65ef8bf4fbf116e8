"""Volumes of worker pods."""

from typing import Any

import pytest

from reconciler import names
from reconciler.kube.resources import SECRETS
from reconciler.topdown.renaming import Renaming
from reconciler.topdown.volume_forge import volume_for

RENAMING = Renaming("shop", {(SECRETS, "taken"): "second-choice"}, frozenset({"token-x"}), "default")
X = names.mirrored_name("shop", "x")


def volume(**source: Any) -> dict[str, Any]:
    return {"name": "v", **source}


def projected(*sources: dict[str, Any]) -> dict[str, Any]:
    return volume(projected={"sources": list(sources), "defaultMode": 420})


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        pytest.param(
            volume(configMap={"name": "x", "defaultMode": 420}),
            volume(configMap={"name": X, "defaultMode": 420}),
            id="configmap",
        ),
        pytest.param(
            volume(secret={"secretName": "x", "items": []}), volume(secret={"secretName": X, "items": []}), id="secret"
        ),
        pytest.param(
            volume(secret={"secretName": "taken"}), volume(secret={"secretName": "second-choice"}), id="taken"
        ),
        pytest.param(volume(azureFile={"secretName": "x"}), volume(azureFile={"secretName": X}), id="azure-file"),
        pytest.param(
            volume(csi={"driver": "d", "nodePublishSecretRef": {"name": "x"}}),
            volume(csi={"driver": "d", "nodePublishSecretRef": {"name": X}}),
            id="csi",
        ),
        pytest.param(
            volume(rbd={"image": "i", "secretRef": {"name": "x"}}),
            volume(rbd={"image": "i", "secretRef": {"name": X}}),
            id="rbd",
        ),
        pytest.param(volume(iscsi={"lun": 1}), volume(iscsi={"lun": 1}), id="plugin-without-a-secret"),
        pytest.param(
            volume(persistentVolumeClaim={"claimName": "x", "readOnly": True}),
            volume(persistentVolumeClaim={"claimName": X, "readOnly": True}),
            id="claim",
        ),
        pytest.param(
            projected({"configMap": {"name": "x"}}, {"secret": {"name": "x"}}, {"clusterTrustBundle": {"path": "p"}}),
            projected({"configMap": {"name": X}}, {"secret": {"name": X}}, {"clusterTrustBundle": {"path": "p"}}),
            id="projected",
        ),
        pytest.param(volume(emptyDir={"medium": "Memory"}), volume(emptyDir={"medium": "Memory"}), id="untouched"),
        pytest.param(volume(fromTheFuture={"a": 1}), volume(fromTheFuture={"a": 1}), id="unknown"),
        pytest.param(volume(configMap={"optional": True}), volume(configMap={"optional": True}), id="nameless"),
    ],
)
def test_references_point_at_copies_and_the_rest_stays(before: dict[str, Any], expected: dict[str, Any]) -> None:
    assert volume_for(before, RENAMING) == expected


@pytest.mark.parametrize(
    "before",
    [
        pytest.param(volume(secret={"secretName": "token-x"}), id="token-secret-of-1.20"),
        pytest.param(projected({"serviceAccountToken": {"path": "t"}}), id="only-a-token"),
        pytest.param(projected({"podCertificate": {"signerName": "s"}}), id="only-a-certificate-of-the-worker"),
        pytest.param(projected({"secret": {"name": "token-x"}}), id="only-a-token-secret"),
        pytest.param(volume(projected={"sources": None}), id="no-sources"),
    ],
)
def test_a_volume_of_nothing_but_credentials_becomes_an_empty_folder(before: dict[str, Any]) -> None:
    assert volume_for(before, RENAMING) == {"name": "v", "emptyDir": {}}


def test_the_admissions_own_volume_becomes_an_empty_folder_as_a_whole() -> None:
    sources = [{"serviceAccountToken": {"path": "t"}}, {"configMap": {"name": "kube-root-ca.crt"}}]
    before = {"name": "kube-api-access-abcde", "projected": {"sources": sources}}
    assert volume_for(before, RENAMING) == {"name": "kube-api-access-abcde", "emptyDir": {}}


def test_a_users_projection_loses_its_token_and_keeps_the_rest() -> None:
    before = projected({"serviceAccountToken": {"path": "t"}}, {"configMap": {"name": "x"}})
    assert volume_for(before, RENAMING) == projected({"configMap": {"name": X}})


@pytest.mark.parametrize("wrap", [lambda it: volume(downwardAPI=it), lambda it: projected({"downwardAPI": it})])
def test_files_about_the_pod_tell_of_the_computing_pod(wrap: Any) -> None:
    paths = ["metadata.name", "metadata.namespace", "metadata.uid", "metadata.labels"]
    files = [{"path": path, "fieldRef": {"fieldPath": path}} for path in paths]
    limits = {"path": "cpu", "resourceFieldRef": {"resource": "limits.cpu"}}
    expected = [
        "metadata.annotations['kubeocean.io/virtual-pod-name']",
        "metadata.annotations['kubeocean.io/virtual-pod-namespace']",
        "metadata.annotations['kubeocean.io/virtual-pod-uid']",
        "metadata.labels",
    ]
    wanted = [{"path": path, "fieldRef": {"fieldPath": it}} for path, it in zip(paths, expected, strict=True)]
    assert volume_for(wrap({"items": [*files, limits]}), RENAMING) == wrap({"items": [*wanted, limits]})
