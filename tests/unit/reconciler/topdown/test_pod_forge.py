"""Worker pods."""

import json
from dataclasses import replace
from typing import Any

import pytest

from reconciler import names
from reconciler.kube.projections import ObjectMeta
from reconciler.kube.resources import CONFIGMAPS
from reconciler.topdown.pod_forge import hostname_for, tolerations_for, worker_pod_for
from reconciler.topdown.view import Dependent, Reference, Workload
from tests.mirroring import BINDING, MOUNT, NODE, UID, VNODE, WORKER_NAME, Json, a_pod, a_view, copied


def forged(pod: Json | None = None, **view: Any) -> Json:
    computing = pod or a_pod()
    return dict(worker_pod_for(a_view(computing, **view), copied(computing), NODE))


def spec_of(**spec: Any) -> Json:
    return dict(forged(a_pod(spec=spec))["spec"])


def test_it_lives_in_the_mount_namespace_under_a_name_of_its_own() -> None:
    made = forged()
    assert (made["apiVersion"], made["kind"]) == ("v1", "Pod")
    assert (made["metadata"]["namespace"], made["metadata"]["name"]) == (MOUNT, WORKER_NAME)


def test_pods_of_one_name_in_two_namespaces_get_two_names() -> None:
    made = {forged(a_pod(meta={"namespace": it}))["metadata"]["name"] for it in ("a", "b")}
    assert len(made) == 2


def test_a_taken_name_makes_way_for_the_second_choice() -> None:
    assert forged(name_is_taken=True)["metadata"]["name"] == names.mirrored_name_if_taken(
        "shop", "web-1", "computing-uid"
    )


def test_it_carries_our_marks_and_they_win_over_the_users() -> None:
    pod = a_pod(meta={"labels": {"app": "web", names.MANAGED_BY: "me"}, "annotations": {names.BINDING_UID: "mine"}})
    metadata = forged(pod, workload=Workload("deployment", "web"))["metadata"]
    assert metadata["labels"] == {
        "app": "web",
        names.MANAGED_BY: "kubeocean",
        names.VIRTUAL_NAMESPACE_LABEL: "shop",
        names.WORKLOAD_TYPE: "deployment",
        names.WORKLOAD_NAME: "web",
    }
    owned = json.loads(metadata["annotations"].pop(names.OWNED_KEYS))
    assert owned["labels"] == sorted(metadata["labels"])
    assert metadata["annotations"] == {
        names.VIRTUAL_POD_NAMESPACE: "shop",
        names.VIRTUAL_POD_NAME: "web-1",
        names.VIRTUAL_POD_UID: UID,
        names.VIRTUAL_NODE_NAME: VNODE,
        names.COMPUTING_CLUSTER_UID: "computing-uid",
        names.BINDING_UID: "binding-uid",
    }


def test_a_pod_of_nobody_has_no_workload_name() -> None:
    assert names.WORKLOAD_NAME not in forged()["metadata"]["labels"]


def test_nothing_of_its_life_in_the_computing_cluster_comes_along() -> None:
    meta = {"ownerReferences": [{"kind": "Job", "name": "j", "uid": "u"}], "finalizers": ["f"], "generateName": "web-"}
    made = forged(a_pod(meta=meta))
    assert sorted(made["metadata"]) == ["annotations", "labels", "name", "namespace"]
    assert "status" not in made


@pytest.mark.parametrize(
    "field",
    [
        pytest.param({"nodeSelector": {"a": "b"}}, id="nodeSelector"),
        pytest.param({"topologySpreadConstraints": [{"maxSkew": 1}]}, id="topologySpreadConstraints"),
        pytest.param({"schedulerName": "mine"}, id="schedulerName"),
        pytest.param({"schedulingGates": [{"name": "g"}]}, id="schedulingGates"),
        pytest.param({"priority": 5}, id="priority"),
        pytest.param({"preemptionPolicy": "Never"}, id="preemptionPolicy"),
        pytest.param({"overhead": {"cpu": "1"}}, id="overhead"),
        pytest.param({"serviceAccountName": "builder"}, id="serviceAccountName"),
        pytest.param({"serviceAccount": "builder"}, id="serviceAccount"),
        pytest.param({"readinessGates": [{"conditionType": "a/b"}]}, id="readinessGates"),
        pytest.param({"ephemeralContainers": [{"name": "debug"}]}, id="ephemeralContainers"),
        pytest.param({"resourceClaims": [{"name": "gpu"}]}, id="resourceClaims"),
        pytest.param({"nodeName": VNODE}, id="nodeName"),
    ],
)
def test_what_means_nothing_in_the_worker_stays_behind(field: Json) -> None:
    assert not set(field) & set(spec_of(**field))


def test_the_workers_scheduler_may_only_choose_the_node_behind_the_vnode() -> None:
    terms = spec_of(affinity={"podAffinity": {}})["affinity"]
    requirement = {"key": "metadata.name", "operator": "In", "values": [NODE]}
    required = {"nodeSelectorTerms": [{"matchFields": [requirement]}]}
    assert terms == {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}


def test_direct_scheduling_names_the_node_and_leaves_affinity_out() -> None:
    spec = forged(a_pod(spec={"affinity": {"podAffinity": {}}}), binding=replace(BINDING, direct_scheduling=True))[
        "spec"
    ]
    assert spec["nodeName"] == NODE
    assert "affinity" not in spec


def test_no_credential_and_no_service_of_the_worker_gets_in() -> None:
    spec = spec_of(automountServiceAccountToken=True, enableServiceLinks=True)
    assert (spec["automountServiceAccountToken"], spec["enableServiceLinks"]) == (False, False)


def test_the_bindings_priority_class_decides() -> None:
    binding = replace(BINDING, pod_priority_class_name="lent")
    assert forged(a_pod(spec={"priorityClassName": "mine"}), binding=binding)["spec"]["priorityClassName"] == "lent"


def test_fields_that_nobody_here_knows_survive() -> None:
    kept = {
        "dnsPolicy": "Default",
        "hostNetwork": True,
        "securityContext": {"runAsUser": 1},
        "fromTheFuture": {"a": [1]},
    }
    spec = spec_of(**kept)
    assert {field: spec[field] for field in kept} == kept


def test_containers_volumes_and_pull_secrets_are_renamed() -> None:
    spec = spec_of(
        containers=[{"name": "c", "envFrom": [{"configMapRef": {"name": "x"}}]}],
        initContainers=[{"name": "i", "envFrom": [{"secretRef": {"name": "x"}}]}],
        volumes=[{"name": "v", "configMap": {"name": "x"}}],
        imagePullSecrets=[{"name": "x"}],
    )
    x = names.mirrored_name("shop", "x")
    assert spec["containers"][0]["envFrom"] == [{"configMapRef": {"name": x}}]
    assert spec["initContainers"][0]["envFrom"] == [{"secretRef": {"name": x}}]
    assert spec["volumes"] == [{"name": "v", "configMap": {"name": x}}]
    assert spec["imagePullSecrets"] == [{"name": x}]


def test_a_copy_under_its_second_name_is_found() -> None:
    metadata = ObjectMeta("x", "shop", uid="o")
    dependent = Dependent(Reference(CONFIGMAPS, "x", optional=False), metadata, metadata, "second-choice")
    pod = a_pod(spec={"volumes": [{"name": "v", "configMap": {"name": "x"}}]})
    assert forged(pod, dependents=(dependent,))["spec"]["volumes"][0]["configMap"]["name"] == "second-choice"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("web-1", "web-1", id="as-it-is"),
        pytest.param("web.1.example", "web-1-example", id="dots"),
        pytest.param("a" * 80, "a" * 63, id="long"),
        pytest.param("a" * 62 + ".b", "a" * 62, id="cut-at-a-dot"),
    ],
)
def test_a_host_name_is_the_pods_name_as_a_dns_label(name: str, expected: str) -> None:
    assert hostname_for(name) == expected


def test_a_host_name_of_the_users_stays() -> None:
    assert spec_of(hostname="db")["hostname"] == "db"


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        pytest.param(
            {"key": names.TAINT_UNSCHEDULABLE, "operator": "Exists"},
            [{"key": names.NODE_UNSCHEDULABLE, "operator": "Exists"}],
            id="cordoned",
        ),
        pytest.param({"key": names.TAINT_VNODE, "operator": "Exists"}, [], id="vnode"),
        pytest.param({"key": names.TAINT_CLOSED, "operator": "Exists"}, [], id="closed"),
        pytest.param({"key": names.TAINT_DELETING, "operator": "Exists"}, [], id="deleting"),
        pytest.param({"operator": "Exists"}, [{"operator": "Exists"}], id="everything"),
        pytest.param({"key": "gpu", "value": "a"}, [{"key": "gpu", "value": "a"}], id="users"),
    ],
)
def test_tolerations_are_told_in_the_workers_terms(before: Json, expected: list[Json]) -> None:
    assert tolerations_for([before]) == expected


def test_a_translated_toleration_is_not_said_twice() -> None:
    both = [{"key": key, "operator": "Exists"} for key in (names.NODE_UNSCHEDULABLE, names.TAINT_UNSCHEDULABLE)]
    assert spec_of(tolerations=both)["tolerations"] == both[:1]
