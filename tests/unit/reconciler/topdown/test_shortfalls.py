"""What a worker pod lacks, as its user is told."""

from typing import Any

from reconciler.topdown.renaming import Renaming
from reconciler.topdown.shortfalls import shortfalls_of

RENAMING = Renaming("shop", {}, frozenset({"token-x"}), "default")


def messages(**spec: Any) -> dict[str, str]:
    return {it.reason: it.message for it in shortfalls_of({"containers": [], **spec}, RENAMING)}


def test_an_ordinary_pod_lacks_nothing() -> None:
    volumes = [{"name": "v", "configMap": {"name": "x"}}, {"name": "p", "projected": {"sources": [{"configMap": {}}]}}]
    container = {"name": "c", "env": [{"name": "A", "value": "1"}], "envFrom": [{"secretRef": {"name": "x"}}]}
    assert messages(volumes=volumes, containers=[container]) == {}


def test_every_emptied_mount_and_missing_variable_is_named_once() -> None:
    volumes = [
        {"name": "kube-api-access-x", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}},
        {"name": "mine", "projected": {"sources": [{"serviceAccountToken": {}}, {"configMap": {"name": "x"}}]}},
        {"name": "old", "secret": {"secretName": "token-x"}},
    ]
    container = {
        "name": "c",
        "env": [{"name": "T", "valueFrom": {"secretKeyRef": {"name": "token-x", "key": "token"}}}],
        "envFrom": [{"secretRef": {"name": "token-x"}}],
    }
    told = messages(volumes=volumes, initContainers=[container, container])["TokenNotMirrored"]
    for thing in ("volume kube-api-access-x", "volume mine", "volume old", "variable T", "variables of container c"):
        assert told.count(thing) == 1


def test_claims_are_named() -> None:
    volumes = [{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}]
    assert "data" in messages(volumes=volumes)["VolumeNotMirrored"]


def test_claims_of_devices_are_named() -> None:
    assert "gpu" in messages(resourceClaims=[{"name": "gpu"}])["ResourceClaimNotMirrored"]
