"""What a vnode tells of itself when a real kubelet stands behind it: through the API server, as monitoring reads it."""

import json
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from oceanctl.sandbox.sandbox import COMPUTING, Sandbox
from tests.e2e.conftest import NAMESPACE, WORKER, StartPod
from tests.e2e.hands import Hand
from tests.integration.kubectl import eventually

Json = dict[str, Any]


@pytest.fixture(scope="module")
def tenant(start_pod: StartPod) -> Json:
    return start_pod("tenant", "while :; do i=$((i+1)); done & sleep 36000")


@pytest.fixture(scope="module")
def foreigner(system: Sandbox, tenant: Json) -> str:
    """A pod of the worker's owner beside the tenant."""
    node = tenant["spec"]["nodeName"].removeprefix(f"vnode-{WORKER}-")
    spec = {**tenant["spec"], "nodeName": node, "tolerations": [{"operator": "Exists"}]}
    for field in ("volumes", "serviceAccount", "serviceAccountName", "priority", "preemptionPolicy"):
        spec.pop(field, None)
    manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "foreigner"}, "spec": spec}
    api = system.cluster(WORKER).api
    api.post("/api/v1/namespaces/default/pods", manifest)
    eventually(lambda: api.get("/api/v1/namespaces/default/pods/foreigner")["status"]["phase"] == "Running")
    return "foreigner"


def told(admin: Hand, tenant: Json, path: str) -> str:
    return admin.run("get", "--raw", f"/api/v1/nodes/{tenant['spec']['nodeName']}/proxy/{path}").decode()


def series(admin: Hand, tenant: Json, path: str, name: str) -> list[dict[str, str]]:
    """The labels of a metric's series that are about a pod."""
    families = list(text_string_to_metric_families(told(admin, tenant, path)))
    return [it.labels for family in families for it in family.samples if it.name == name and it.labels.get("pod")]


@pytest.mark.parametrize("path", ["metrics/resource", "metrics/cadvisor"])
def test_metrics_are_about_the_vnode_s_pods_only(admin: Hand, tenant: Json, foreigner: str, path: str) -> None:
    def labels() -> list[dict[str, str]]:
        return series(admin, tenant, path, "container_cpu_usage_seconds_total")

    eventually(lambda: any(it["pod"] == "tenant" for it in labels()), 60)
    assert {it["namespace"] for it in labels()} == {NAMESPACE}
    assert foreigner not in told(admin, tenant, path)
    assert "kubeocean-worker" not in told(admin, tenant, path)


def test_cadvisor_shows_the_uid_that_the_computing_cluster_knows(admin: Hand, tenant: Json) -> None:
    def groups() -> list[str]:
        found = series(admin, tenant, "metrics/cadvisor", "container_memory_working_set_bytes")
        return [it["id"] for it in found if it["pod"] == "tenant"]

    shown = eventually(groups, 60)
    assert all(tenant["metadata"]["uid"] in group for group in shown)


def test_the_summary_is_about_the_vnode_s_pods_only(admin: Hand, tenant: Json, foreigner: str) -> None:
    def pods() -> dict[str, Json]:
        return {it["podRef"]["name"]: it for it in json.loads(told(admin, tenant, "stats/summary"))["pods"]}

    eventually(lambda: "tenant" in pods() and pods()["tenant"]["containers"], 60)
    assert foreigner not in pods()
    assert pods()["tenant"]["podRef"] == {"name": "tenant", "namespace": NAMESPACE, "uid": tenant["metadata"]["uid"]}
    assert {it["podRef"]["namespace"] for it in pods().values()} == {NAMESPACE}


def test_what_runs_is_what_the_computing_cluster_put_there(admin: Hand, tenant: Json, foreigner: str) -> None:
    for path in ("pods", "runningpods/"):
        found = {it["metadata"]["name"] for it in json.loads(told(admin, tenant, path))["items"]}
        assert "tenant" in found
        assert foreigner not in found


def test_a_command_by_post_answers_with_its_output(system: Sandbox, tenant: Json) -> None:
    """Not by `kubectl create --raw`, which sends a body in chunks: proxiers take none."""
    path = f"/api/v1/nodes/{tenant['spec']['nodeName']}/proxy/run/{NAMESPACE}/tenant/main?cmd=echo+here"
    assert system.cluster(COMPUTING).api._exchange("POST", path, None, {}) == (200, b"here\n")
