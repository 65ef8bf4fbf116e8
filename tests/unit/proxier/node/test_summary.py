import json
from typing import Any

import msgspec
import pytest

from proxier.node.summary import summary_for
from tests.unit.proxier.node.people import TENANTS, WEB


def pod(namespace: str, name: str, uid: str, **more: Any) -> dict[str, Any]:
    return {"podRef": {"name": name, "namespace": namespace, "uid": uid}, "startTime": "2026-03-01T12:00:00Z", **more}


OURS = pod("mount", "web-0123", WEB.worker.uid, cpu={"usageNanoCores": 0, "usageCoreNanoSeconds": 2**63 + 1})
NODE = {"nodeName": "n1", "memory": {"workingSetBytes": 0}, "systemContainers": [{"name": "kubelet"}]}


def told(*pods: dict[str, Any]) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(
        summary_for(json.dumps({"node": NODE, "pods": pods, "odd": 1}).encode(), TENANTS)
    )
    return content


def test_tenants_have_their_own_names_and_every_figure() -> None:
    assert told(OURS) == {
        "node": {**NODE, "nodeName": "vnode-c1-n1"},
        "pods": [{**OURS, "podRef": {"name": "web", "namespace": "app", "uid": WEB.computing.uid}}],
    }


@pytest.mark.parametrize(
    "stranger",
    [
        pod("kube-system", "etcd", "u"),
        pod("mount", "web-0123", "of-an-earlier-pod"),
        pod("mount", "somebody-elses", WEB.worker.uid),
        {"cpu": {}},
        {"podRef": {}},
    ],
    ids=["owner's", "earlier", "other name", "no reference", "empty reference"],
)
def test_others_are_left_out(stranger: dict[str, Any]) -> None:
    assert told(stranger)["pods"] == []


def test_claims_of_the_worker_are_not_named() -> None:
    claim = {"name": "data", "pvcRef": {"name": "c", "namespace": "mount"}, "usedBytes": 0}
    assert told({**OURS, "volume": [claim]})["pods"][0]["volume"] == [{"name": "data", "usedBytes": 0}]
    assert told({**OURS, "volume": None})["pods"][0]["volume"] == []


@pytest.mark.parametrize("content", [b"", b"[]", b"<html>", b'{"pods": 3}'])
def test_what_is_no_summary_is_said_to_be_none(content: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        summary_for(content, TENANTS)
