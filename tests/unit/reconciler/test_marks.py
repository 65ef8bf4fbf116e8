"""Whose an object is."""

from typing import Any

import pytest

from reconciler import names
from reconciler.kube.projections import Node, NodeSpec, ObjectMeta
from reconciler.marks import Identity, is_mirrored, live_pods, unmirrored_pods
from tests.leasing import BINDING, DAEMON_SET, pod

IDENTITY = Identity("computing-uid", "eu", "binding-uid", "eu-1", "kubeocean-worker")


@pytest.mark.parametrize(
    ("provider_id", "labels", "is_ours"),
    [
        ("kubeocean://eu-1/n", {names.CLUSTER_BINDING: "eu"}, True),
        ("kubeocean://eu-1/n", {}, True),
        ("kubeocean://eu-1/n", {names.CLUSTER_BINDING: "twin"}, False),
        ("kubeocean://eu-12/n", {names.CLUSTER_BINDING: "eu"}, False),
        ("aws:///eu-1/n", {names.CLUSTER_BINDING: "eu"}, False),
        ("", {names.CLUSTER_BINDING: "eu", names.MANAGED_BY: names.MANAGED_BY_VALUE}, False),
    ],
    ids=[
        "ours",
        "label taken off",
        "another binding of that clusterID",
        "a longer clusterID",
        "a real node",
        "forged labels",
    ],
)
def test_a_vnode_is_known_by_its_provider_id(provider_id: str, labels: dict[str, str], *, is_ours: bool) -> None:
    node = Node(ObjectMeta("vnode-eu-1-n", labels=labels), NodeSpec(provider_id=provider_id))
    assert IDENTITY.owns_vnode(node) is is_ours


def test_an_object_of_the_worker_is_ours_by_label_and_both_uids() -> None:
    ours = ObjectMeta("x", labels=dict(IDENTITY.labels), annotations=dict(IDENTITY.annotations))
    assert IDENTITY.owns(ours)
    for key in IDENTITY.annotations:
        assert not IDENTITY.owns(
            ObjectMeta("x", labels=dict(IDENTITY.labels), annotations={**IDENTITY.annotations, key: "other"})
        )
    assert not IDENTITY.owns(ObjectMeta("x", annotations=dict(IDENTITY.annotations)))


@pytest.mark.parametrize(
    ("metadata", "mirrored"),
    [
        pytest.param({}, True, id="any"),
        pytest.param({"namespace": "kube-system"}, False, id="system"),
        pytest.param({"owner_references": DAEMON_SET}, False, id="daemon-set"),
        pytest.param(
            {"owner_references": DAEMON_SET, "annotations": {names.RUNNING_DAEMONSET: "true"}}, True, id="asked-for"
        ),
        pytest.param({"annotations": {names.KUBELETS_OWN: "hash"}}, False, id="static"),
    ],
)
def test_a_pod_is_mirrored_or_only_counted(metadata: dict[str, Any], *, mirrored: bool) -> None:
    one = pod(**metadata)
    assert is_mirrored(one.metadata, BINDING) is mirrored
    assert (live_pods([one], BINDING), unmirrored_pods([one], BINDING)) == (((one,), ()) if mirrored else ((), (one,)))


def test_a_finished_pod_is_neither() -> None:
    one = pod(phase="Failed")
    assert live_pods([one], BINDING) == unmirrored_pods([one], BINDING) == ()
