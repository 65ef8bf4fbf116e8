from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from inventory.errors import InvalidInventoryError
from inventory.manifests import (
    binding_from,
    binding_of,
    declared_manifest,
    manifest_for,
    policy_from,
    policy_of,
    selector_of,
)
from inventory.model import Binding, Limit, NodeSelector, Policy, Requirement, SecretRef, SelectorTerm, Window

SPEC = {"clusterID": "w1", "secretRef": {"name": "s", "namespace": "n"}, "mountNamespace": "m"}
SELECTOR = {"nodeSelectorTerms": [{"matchExpressions": [{"key": "gpu", "operator": "Exists"}]}]}
GPU_NODES = NodeSelector((SelectorTerm((Requirement("gpu", "Exists"),)),))


def live(spec: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {"metadata": {"name": "x", **metadata}, "spec": spec}


def test_a_binding_takes_the_defaults_of_the_model() -> None:
    assert binding_from(live(SPEC)) == Binding("x", "w1", SecretRef("s", "n"), "m")


def test_every_field_of_a_binding_is_read() -> None:
    spec = SPEC | {
        "nodeSelector": SELECTOR,
        "serviceNamespaces": ["a", "b"],
        "disableNodeDefaultTaint": True,
        "podPriorityClassName": "low",
        "runningDaemonsetByDefault": True,
        "directScheduling": True,
        "suspend": True,
        "clusterDomain": "c.d",
        "unplacedTimeoutSeconds": 5,
    }

    assert binding_of("x", spec) == Binding(
        name="x",
        cluster_id="w1",
        secret_ref=SecretRef("s", "n"),
        mount_namespace="m",
        node_selector=GPU_NODES,
        service_namespaces=("a", "b"),
        disable_node_default_taint=True,
        pod_priority_class_name="low",
        running_daemonset_by_default=True,
        direct_scheduling=True,
        suspend=True,
        cluster_domain="c.d",
        unplaced_timeout=timedelta(seconds=5),
    )


def test_every_field_of_a_policy_is_read() -> None:
    spec = {
        "cluster": "w",
        "nodeSelector": SELECTOR,
        "timeWindows": [
            {"start": "22:00", "end": "24:00", "days": ["friday", "Monday"]},
            {"start": "00:00", "end": "00:30"},
        ],
        "timeZone": "Europe/Berlin",
        "resourceLimits": [
            {"resource": "cpu", "quantity": "1500m", "percent": 50},
            {"resource": "pods", "quantity": 5},
        ],
        "forceReclaim": True,
        "gracefulReclaimPeriodSeconds": 1,
        "noticeSeconds": 2,
        "drainSeconds": 3,
        "priority": 4,
        "expiresAt": "2026-12-31T18:00:00+02:00",
        "suspend": True,
        "yieldToOwner": True,
    }

    assert policy_from(live(spec, creationTimestamp="2026-01-05T12:00:00Z")) == Policy(
        name="x",
        cluster="w",
        node_selector=GPU_NODES,
        windows=(Window(1320, 1439, frozenset({0, 4})), Window(0, 30)),
        time_zone="Europe/Berlin",
        limits=(Limit("cpu", 1500, 50), Limit("pods", 5000)),
        force_reclaim=True,
        grace=timedelta(seconds=1),
        notice=timedelta(seconds=2),
        drain=timedelta(seconds=3),
        priority=4,
        expires_at=datetime(2026, 12, 31, 16, tzinfo=UTC),
        suspend=True,
        yield_to_owner=True,
        created_at=datetime(2026, 1, 5, 12, tzinfo=UTC),
    )


def test_a_policy_without_a_creation_has_none() -> None:
    assert policy_of("x", {"cluster": "w"}) == Policy("x", "w")


def test_a_faulty_live_object_names_every_faulty_field() -> None:
    spec = {"cluster": "w", "timeWindows": [{"start": "08:00", "end": "25:00"}], "timeZone": "Mars/Olympus"}

    with pytest.raises(InvalidInventoryError) as caught:
        policy_from(live(spec))

    texts = [problem.message for problem in caught.value.problems]
    assert texts == [
        "spec.timeWindows[0].end: '25:00' is not a time of day",
        "spec.timeZone: 'Mars/Olympus' is not a known time zone",
    ]
    assert {str(problem.at) for problem in caught.value.problems} == {"ResourceLeasingPolicy/x:1:1"}


@pytest.mark.parametrize("spec", [{}, None], ids=["empty", "none"])
def test_a_live_object_without_a_spec_is_faulty(spec: Any) -> None:
    with pytest.raises(InvalidInventoryError) as caught:
        policy_from({"metadata": {"name": "x"}, "spec": spec})

    assert [problem.message for problem in caught.value.problems] == ["spec: 'cluster' is missing"]


def test_warnings_do_not_make_a_live_object_faulty() -> None:
    assert policy_of("x", {"cluster": "w", "resourceLimits": [{"resource": "cpu"}]}).limits == (Limit("cpu"),)


def test_fields_of_a_newer_version_are_passed_over() -> None:
    assert policy_of("x", {"cluster": "w", "novelty": {"a": 1}}) == Policy("x", "w")


@pytest.mark.parametrize(
    ("spec", "selector"),
    [
        ({"cluster": "W!", "nodeSelector": SELECTOR, "timeZone": "Mars/Olympus"}, GPU_NODES),
        ({"nodeSelector": {"nodeSelectorTerms": "all"}}, None),
        ({"nodeSelector": None}, None),
        ({}, None),
    ],
    ids=["readable", "unreadable", "null", "absent"],
)
def test_the_selector_of_a_faulty_policy_is_still_known(spec: dict[str, Any], selector: NodeSelector | None) -> None:
    assert selector_of(spec) == selector


def test_a_manifest_says_no_more_than_the_object() -> None:
    policy = Policy(
        "p", "w", windows=(Window(1320, 1439, frozenset({4, 0})),), limits=(Limit("cpu", 1500),), priority=3
    )

    assert manifest_for(policy) == {
        "apiVersion": "cloud.tencent.com/v1beta1",
        "kind": "ResourceLeasingPolicy",
        "metadata": {"name": "p"},
        "spec": {
            "cluster": "w",
            "timeWindows": [{"start": "22:00", "end": "23:59", "days": ["Monday", "Friday"]}],
            "resourceLimits": [{"resource": "cpu", "quantity": "1500m"}],
            "priority": 3,
        },
    }


def test_what_is_applied_is_what_is_written_without_what_has_no_effect() -> None:
    written = {
        "apiVersion": "cloud.tencent.com/v1beta1",
        "kind": "ClusterBinding",
        "metadata": {"name": "w", "labels": {"a": "b"}, "namespace": "default", "uid": "1", "resourceVersion": "2"},
        "spec": SPEC | {"suspend": False},
        "status": {"phase": "Ready"},
    }

    assert declared_manifest(written) == {
        "apiVersion": "cloud.tencent.com/v1beta1",
        "kind": "ClusterBinding",
        "metadata": {"name": "w", "labels": {"a": "b"}},
        "spec": SPEC | {"suspend": False},
    }
