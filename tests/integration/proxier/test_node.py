"""What a vnode tells of itself, through a real API server and a simulated kubelet that asks who wants to know."""

import json
import ssl
import urllib.error
import urllib.request
from typing import Any

import pytest

from reconciler.kube.resources import PODS, Resource
from tests.integration.kubectl import eventually
from tests.integration.proxier.conftest import MOUNT, NAMESPACE, NODE, VNODE, Json, Scene

CPU = "container_cpu_usage_seconds_total"
MEMORY = "container_memory_working_set_bytes"
HALF_OF_64_MIB = 32 * 1024 * 1024
CLUSTER_ROLES = Resource("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", namespaced=False)
ROLE_BINDINGS = Resource(
    "rbac.authorization.k8s.io", "v1", "clusterrolebindings", "ClusterRoleBinding", namespaced=False
)
SCRAPER = "scraper"


def of_vnode(scene: Scene, path: str) -> str:
    return scene.kubectl.run("get", "--raw", f"/api/v1/nodes/{VNODE}/proxy/{path}")


def samples(text: str) -> dict[str, float]:
    """Values by name and labels."""
    lines = (line.rpartition(" ") for line in text.splitlines() if line and not line.startswith("#"))
    return {series: float(value) for series, _, value in lines}


@pytest.fixture(scope="module")
def tenant(scene: Scene) -> str:
    scene.run_pod("tenant", "sleep 3600", containers=2)
    return "tenant"


@pytest.fixture(scope="module")
def owners(scene: Scene) -> str:
    """A pod of the worker's owner on the same node, in the mount namespace even."""
    container = {"name": "c1", "image": "busybox", "command": ["sh", "-c", "sleep 3600"]}
    metadata = {"name": "owners", "namespace": MOUNT}
    spec = {"containers": [container], "nodeName": NODE, "automountServiceAccountToken": False}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
    scene.cluster.api.post(PODS.path(namespace=MOUNT), pod)
    eventually(lambda: scene.cluster.api.get(PODS.path("owners", MOUNT))["status"].get("phase") == "Running")
    return "owners"


@pytest.mark.parametrize("path", ["metrics/resource", "metrics/cadvisor", "stats/summary", "metrics", "metrics/probes"])
def test_nobody_else_is_shown(scene: Scene, tenant: str, owners: str, path: str) -> None:
    told = of_vnode(scene, path)
    for secret in (
        owners,
        f'"{MOUNT}"',
        scene.worker_pod(tenant)["metadata"]["name"],
        "system.slice",
        "\nkubelet_running_pods",
    ):
        assert secret not in told


def test_resource_metrics_are_what_metrics_server_wants(scene: Scene, tenant: str) -> None:
    first = samples(of_vnode(scene, "metrics/resource"))
    for container in ("c1", "c2"):
        labels = f'{{container="{container}",namespace="{NAMESPACE}",pod="{tenant}"}}'
        assert first[f"{MEMORY}{labels}"] == HALF_OF_64_MIB
    assert {"node_cpu_usage_seconds_total", "node_memory_working_set_bytes"} <= set(first)
    assert first["scrape_error"] == 0
    series = f'{CPU}{{container="c1",namespace="{NAMESPACE}",pod="{tenant}"}}'
    eventually(lambda: samples(of_vnode(scene, "metrics/resource"))[series] > first[series])


def test_cadvisor_s_control_groups_carry_the_pod_s_own_uid(scene: Scene, tenant: str) -> None:
    uid = scene.cluster.api.get(PODS.path(tenant, NAMESPACE))["metadata"]["uid"]
    series = [line for line in samples(of_vnode(scene, "metrics/cadvisor")) if f'pod="{tenant}"' in line]
    assert len(series) == 4
    assert all(f'id="/kubepods/pod{uid}/' in line for line in series)


def test_the_summary_is_about_the_vnode(scene: Scene, tenant: str) -> None:
    told = json.loads(of_vnode(scene, "stats/summary?only_cpu_and_memory=true"))
    assert told["node"]["nodeName"] == VNODE
    (pod,) = [each for each in told["pods"] if each["podRef"]["name"] == tenant]
    made = scene.cluster.api.get(PODS.path(tenant, NAMESPACE))["metadata"]
    assert pod["podRef"] == {"name": tenant, "namespace": NAMESPACE, "uid": made["uid"]}
    assert [each["memory"]["workingSetBytes"] for each in pod["containers"]] == [HALF_OF_64_MIB] * 2


def test_its_pods_are_those_of_the_computing_cluster(scene: Scene, tenant: str) -> None:
    scene.make_pod("waits", "sleep 1")
    listed: Json = json.loads(of_vnode(scene, "pods"))
    assert {each["spec"]["nodeName"] for each in listed["items"]} == {VNODE}
    assert {tenant, "waits"} <= {each["metadata"]["name"] for each in listed["items"]}
    running = json.loads(of_vnode(scene, "runningpods/"))
    names = {each["metadata"]["name"] for each in running["items"]}
    assert tenant in names
    assert "waits" not in names


def test_its_configuration_and_health_are_told(scene: Scene) -> None:
    found: Json = json.loads(of_vnode(scene, "configz"))["kubeletconfig"]
    assert found["port"] == scene.port
    assert of_vnode(scene, "healthz") == "ok"


@pytest.fixture(scope="module")
def scraper_token(scene: Scene) -> str:
    """What metrics-server has: `nodes/metrics`, nothing else."""
    api = scene.cluster.api
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": SCRAPER, "namespace": NAMESPACE}}
    api.post(f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts", account)
    rules = [{"apiGroups": [""], "resources": ["nodes/metrics"], "verbs": ["get"]}]
    role = {
        "apiVersion": CLUSTER_ROLES.api_version,
        "kind": "ClusterRole",
        "metadata": {"name": SCRAPER},
        "rules": rules,
    }
    api.apply(CLUSTER_ROLES, role)
    reference = {"apiGroup": CLUSTER_ROLES.group, "kind": "ClusterRole", "name": SCRAPER}
    subject = {"kind": "ServiceAccount", "name": SCRAPER, "namespace": NAMESPACE}
    binding = {"apiVersion": ROLE_BINDINGS.api_version, "kind": "ClusterRoleBinding", "metadata": {"name": SCRAPER}}
    api.apply(ROLE_BINDINGS, {**binding, "roleRef": reference, "subjects": [subject]})
    config: dict[str, Any] = scene.cluster.kubeconfig_for_service_account(NAMESPACE, SCRAPER)
    return str(config["users"][0]["user"]["token"])


@pytest.mark.parametrize(
    ("path", "status"), [("metrics/resource", 200), ("metrics/cadvisor", 200), ("stats/summary", 403), ("pods", 403)]
)
def test_a_scraper_gets_metrics_with_its_token_and_nothing_else(
    scene: Scene, scraper_token: str, path: str, status: int
) -> None:
    context = ssl.create_default_context(cafile=str(scene.authority.pair.certificate))
    request = urllib.request.Request(f"https://127.0.0.1:{scene.port}/{path}")
    request.add_header("Authorization", f"Bearer {scraper_token}")
    try:
        with urllib.request.urlopen(request, context=context, timeout=20) as answer:
            found = answer.status
    except urllib.error.HTTPError as error:
        found = error.code
        error.close()
    assert found == status
