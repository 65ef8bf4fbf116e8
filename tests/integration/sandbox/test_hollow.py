import hashlib
import http.client
import itertools
import signal
import ssl
import subprocess
import threading
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from oceanctl.sandbox.controlplane import ControlPlane
from oceanctl.sandbox.hollow.config import NodeConfig, load
from oceanctl.sandbox.hollow.podspec import EXIT_CODE, IGNORE_TERM, RUN_SECONDS
from oceanctl.sandbox.hollownodes import HollowNodes, NodeSpec
from oceanctl.sandbox.pki import KeyPair
from oceanctl.sandbox.programs import Programs
from reconciler.kube.resources import PODS
from tests.integration.conftest import StartCluster, StartNodes
from tests.integration.debugging import ephemeral_patch
from tests.integration.kubectl import Kubectl, eventually

_numbers = itertools.count(1)
Make = Callable[..., str]


@pytest.fixture(scope="module")
def worker(start_cluster: StartCluster) -> ControlPlane:
    return start_cluster(ephemeral_containers=True)


@pytest.fixture(scope="module")
def nodes(worker: ControlPlane, start_nodes: StartNodes) -> HollowNodes:
    specs = [NodeSpec("plain"), NodeSpec("gpu", {"example.com/gpu": "yes"}, {"nvidia.com/gpu": "2", "cpu": "4"})]
    return start_nodes(worker, specs, restart_backoff_seconds=1)


@pytest.fixture(scope="module")
def kubectl(worker: ControlPlane, nodes: HollowNodes, programs: Programs) -> Kubectl:
    assert nodes.program.process is not None
    return Kubectl(programs.path("kubectl"), worker.kubeconfig)


@pytest.fixture
def make_pod(kubectl: Kubectl) -> Make:
    """Create a pod of one container `c` and return its name."""

    def make(command: str = "", annotations: dict[str, str] | None = None, **more: Any) -> str:
        name = f"p{next(_numbers)}"
        container = {"name": "c", "image": "busybox", **more.pop("container", {})}
        if command:
            container["command"] = ["sh", "-c", command]
        metadata = {"name": name, "annotations": annotations or {}}
        spec = {"containers": [container], "terminationGracePeriodSeconds": 30, **more}
        kubectl.apply({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
        return name

    return make


def _phase(kubectl: Kubectl, name: str) -> str:
    return str(kubectl.get("pod", name).get("status", {}).get("phase"))


def _await_phase(kubectl: Kubectl, name: str, phase: str) -> dict[str, Any]:
    eventually(lambda: _phase(kubectl, name) == phase)
    return kubectl.get("pod", name)


def _waiting(kubectl: Kubectl, name: str) -> dict[str, str]:
    statuses = kubectl.get("pod", name).get("status", {}).get("containerStatuses") or [{}]
    found: dict[str, str] = statuses[0].get("state", {}).get("waiting", {})
    return found


def _digest(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _seconds_between(first: str, second: str) -> float:
    return (datetime.fromisoformat(second) - datetime.fromisoformat(first)).total_seconds()


def test_nodes_register_with_their_size_and_labels(kubectl: Kubectl) -> None:
    node = kubectl.get("node", "gpu")
    allocatable = node["status"]["allocatable"]
    assert (allocatable["cpu"], allocatable["nvidia.com/gpu"], allocatable["pods"]) == ("4", "2", "110")
    assert node["metadata"]["labels"]["example.com/gpu"] == "yes"


def test_nodes_renew_their_leases(kubectl: Kubectl) -> None:
    def renewed() -> str:
        return str(kubectl.get("lease", "plain", "-n", "kube-node-lease")["spec"]["renewTime"])

    eventually(lambda: kubectl.get("lease", "plain", "-n", "kube-node-lease"))
    before = renewed()
    eventually(lambda: renewed() > before, 30)


def test_the_scheduler_places_a_job_and_its_pods_run_as_long_as_they_sleep(kubectl: Kubectl) -> None:
    container = {"name": "c", "image": "busybox", "command": ["sleep", "2"]}
    template = {"spec": {"restartPolicy": "Never", "containers": [container]}}
    spec = {"completions": 4, "parallelism": 4, "template": template}
    kubectl.apply({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j"}, "spec": spec})
    eventually(lambda: kubectl.get("job", "j")["status"].get("succeeded") == 4)
    pods = kubectl.get("pods", "-l", "job-name=j")["items"]
    ended = [pod["status"]["containerStatuses"][0]["state"]["terminated"] for pod in pods]
    assert all(2 <= _seconds_between(each["startedAt"], each["finishedAt"]) <= 3 for each in ended)
    assert len({pod["status"]["podIP"] for pod in pods}) == 4


def test_a_running_pod_is_ready_on_its_host(kubectl: Kubectl, make_pod: Make) -> None:
    pod = _await_phase(kubectl, make_pod(), "Running")
    conditions = {condition["type"]: condition["status"] for condition in pod["status"]["conditions"]}
    assert conditions == {"Initialized": "True", "Ready": "True", "ContainersReady": "True", "PodScheduled": "True"}
    assert (pod["status"]["hostIP"], pod["status"]["containerStatuses"][0]["restartCount"]) == ("127.0.0.1", 0)


def test_a_pod_waits_for_every_required_key_and_logs_what_it_read(kubectl: Kubectl, make_pod: Make) -> None:
    mount = {"name": "v", "mountPath": "/v"}
    variable = {"name": "P", "valueFrom": {"secretKeyRef": {"name": "late-secret", "key": "pw"}}}
    volume = {"name": "v", "projected": {"sources": [{"configMap": {"name": "late-map"}}]}}
    container = {"env": [variable], "volumeMounts": [mount]}
    name = make_pod(container=container, volumes=[volume], automountServiceAccountToken=False)
    eventually(lambda: 'configmap "late-map" not found' in _waiting(kubectl, name).get("message", ""))
    kubectl.run("create", "configmap", "late-map", "--from-literal=a=one")
    eventually(lambda: _waiting(kubectl, name).get("reason") == "CreateContainerConfigError")
    kubectl.run("create", "secret", "generic", "late-secret", "--from-literal=other=x")
    eventually(lambda: "find key pw" in _waiting(kubectl, name).get("message", ""))
    kubectl.run("patch", "secret", "late-secret", "-p", '{"stringData": {"pw": "hunter2"}}')
    _await_phase(kubectl, name, "Running")
    assert kubectl.run("logs", name).splitlines()[1:] == [
        f"Secret late-secret/pw {_digest('hunter2')}",
        f"ConfigMap late-map/a {_digest('one')}",
    ]


def test_a_pod_does_not_wait_for_what_is_optional(kubectl: Kubectl, make_pod: Make) -> None:
    name = make_pod(container={"envFrom": [{"secretRef": {"name": "never", "optional": True}}]})
    _await_phase(kubectl, name, "Running")


def test_init_containers_run_first_and_in_order(kubectl: Kubectl, make_pod: Make) -> None:
    init = [{"name": name, "image": "busybox", "command": ["sleep", "1"]} for name in ("i", "k")]
    status = _await_phase(kubectl, make_pod(initContainers=init), "Running")["status"]
    first, second = (each["state"]["terminated"] for each in status["initContainerStatuses"])
    started = status["containerStatuses"][0]["state"]["running"]["startedAt"]
    assert first["startedAt"] < first["finishedAt"] <= second["startedAt"] < second["finishedAt"] <= started


def test_a_pod_fails_when_its_annotation_asks_for_it(kubectl: Kubectl, make_pod: Make) -> None:
    name = make_pod("sleep 60", {EXIT_CODE: "7", RUN_SECONDS: "1"}, restartPolicy="Never")
    status = _await_phase(kubectl, name, "Failed")["status"]
    assert status["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 7


def test_a_failing_container_is_restarted_with_its_old_log_kept(kubectl: Kubectl, make_pod: Make) -> None:
    name = make_pod("sleep 1; exit 3", restartPolicy="OnFailure", automountServiceAccountToken=False)
    eventually(lambda: kubectl.get("pod", name)["status"]["containerStatuses"][0]["restartCount"] >= 2)
    assert kubectl.run("logs", "--previous", name).splitlines() == [
        "started c of busybox: sh -c sleep 1; exit 3",
        "ended with exit code 3",
    ]


def test_a_deleted_pod_goes_at_once_when_its_container_listens(kubectl: Kubectl, make_pod: Make) -> None:
    name = make_pod("sleep 600")
    _await_phase(kubectl, name, "Running")
    began = time.monotonic()
    kubectl.run("delete", "pod", name)
    assert time.monotonic() - began < 15


def test_a_deleted_pod_stays_for_its_grace_when_its_container_does_not_listen(kubectl: Kubectl, make_pod: Make) -> None:
    name = make_pod("sleep 600", {IGNORE_TERM: "true"})
    _await_phase(kubectl, name, "Running")
    began = time.monotonic()
    kubectl.run("delete", "pod", name, "--grace-period=3")
    assert 3 <= time.monotonic() - began < 20


def test_a_deleted_pod_ends_in_a_terminal_phase_before_it_goes(kubectl: Kubectl, make_pod: Make) -> None:
    name = make_pod("sleep 600")
    _await_phase(kubectl, name, "Running")
    kubectl.run("patch", "pod", name, "-p", '{"metadata": {"finalizers": ["example.com/hold"]}}')
    kubectl.run("delete", "pod", name, "--wait=false")
    status = _await_phase(kubectl, name, "Failed")["status"]
    assert status["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 143
    kubectl.run("patch", "pod", name, "--type=merge", "-p", '{"metadata": {"finalizers": null}}')
    eventually(lambda: not kubectl.get("pod", name))


def test_a_pod_that_never_started_can_be_deleted(kubectl: Kubectl, make_pod: Make) -> None:
    name = make_pod(container={"envFrom": [{"secretRef": {"name": "never"}}]})
    eventually(lambda: _waiting(kubectl, name))
    kubectl.run("delete", "pod", name, "--timeout=20s")


def test_a_new_pod_under_an_old_name_starts_afresh(kubectl: Kubectl, make_pod: Make) -> None:
    name = make_pod("sleep 600")
    _await_phase(kubectl, name, "Running")
    kubectl.run("delete", "pod", name, "--force", "--grace-period=0")
    container = {"name": "c", "image": "busybox", "command": ["sleep", "1"]}
    spec = {"containers": [container], "restartPolicy": "Never"}
    kubectl.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec})
    _await_phase(kubectl, name, "Succeeded")


def test_a_pod_bound_by_hand_to_a_node_without_room_is_refused(kubectl: Kubectl, make_pod: Make) -> None:
    name = make_pod(nodeName="gpu", container={"resources": {"requests": {"cpu": "5"}}})
    assert _await_phase(kubectl, name, "Failed")["status"]["reason"] == "OutOfcpu"


def test_an_annotation_that_makes_no_sense_is_refused(kubectl: Kubectl, make_pod: Make) -> None:
    status = _await_phase(kubectl, make_pod("sleep 1", {RUN_SECONDS: "soon"}), "Failed")["status"]
    assert (status["reason"], RUN_SECONDS in status["message"]) == ("UnexpectedAdmissionError", True)


def test_a_killed_kubelet_takes_its_pods_up_again(kubectl: Kubectl, make_pod: Make, nodes: HollowNodes) -> None:
    lasting, batch = make_pod("sleep 600"), make_pod("sleep 5", restartPolicy="Never")
    before = _await_phase(kubectl, lasting, "Running")
    _await_phase(kubectl, batch, "Running")
    log = kubectl.run("logs", lasting)
    nodes.stop(signal.SIGKILL)
    nodes.start()
    _await_phase(kubectl, batch, "Succeeded")
    after = kubectl.get("pod", lasting)
    assert after["status"] == before["status"]
    assert eventually(lambda: kubectl.try_run("logs", lasting).stdout) == log
    kubectl.run("delete", "pod", lasting)


def test_a_deletion_missed_by_a_stopped_kubelet_is_made_up_for(
    kubectl: Kubectl, make_pod: Make, nodes: HollowNodes
) -> None:
    name = make_pod("sleep 600")
    _await_phase(kubectl, name, "Running")
    nodes.stop()
    kubectl.run("delete", "pod", name, "--wait=false")
    nodes.start()
    eventually(lambda: not kubectl.get("pod", name))


def test_a_followed_log_ends_with_its_container(kubectl: Kubectl, make_pod: Make) -> None:
    name = make_pod("sleep 3", restartPolicy="Never", automountServiceAccountToken=False)
    _await_phase(kubectl, name, "Running")
    lines = kubectl.run("logs", "--follow", "--timestamps", name).splitlines()
    assert [line.partition("Z ")[2] for line in lines] == [
        "started c of busybox: sh -c sleep 3",
        "ended with exit code 0",
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(("--previous",), "previous terminated container"), (("-c", "other"), "other")],
    ids=["no earlier start", "no such container"],
)
def test_a_log_that_does_not_exist_is_explained(
    kubectl: Kubectl, make_pod: Make, arguments: tuple[str, ...], message: str
) -> None:
    name = make_pod()
    _await_phase(kubectl, name, "Running")
    answer = kubectl.try_run("logs", name, *arguments)
    assert (answer.returncode, message in answer.stderr) == (1, True)


def _own_config(nodes: HollowNodes, name: str) -> NodeConfig:
    return next(node for node in load(nodes.config).nodes if node.name == name)


def _healthz(worker: ControlPlane, port: int, client: KeyPair | None) -> int:
    tls = ssl.create_default_context(cafile=worker.credentials.authority.certificate)
    if client is not None:
        tls.load_cert_chain(client.certificate, client.key)
    connection = http.client.HTTPSConnection("127.0.0.1", port, context=tls, timeout=10)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status
    finally:
        connection.close()


def test_only_the_api_server_may_use_the_kubelet_api(worker: ControlPlane, nodes: HollowNodes) -> None:
    port = _own_config(nodes, "plain").port
    held = worker.credentials
    assert [_healthz(worker, port, client) for client in (held.kubelet_client, held.admin, None)] == [200, 403, 403]


def test_a_node_reads_only_what_its_own_pods_reference(kubectl: Kubectl, nodes: HollowNodes, make_pod: Make) -> None:
    kubectl.run("create", "secret", "generic", "guarded", "--from-literal=pw=x")
    name = make_pod(nodeName="plain", container={"envFrom": [{"secretRef": {"name": "guarded"}}]})
    _await_phase(kubectl, name, "Running")
    answers = {
        node: Kubectl(kubectl.program, _own_config(nodes, node).kubeconfig)
        .try_run("get", "secret", "guarded")
        .returncode
        for node in ("plain", "gpu")
    }
    assert answers == {"plain": 0, "gpu": 1}


def test_a_deleted_node_comes_back_only_with_its_kubelet(kubectl: Kubectl, nodes: HollowNodes) -> None:
    before = kubectl.get("node", "gpu")["metadata"]["uid"]
    kubectl.run("delete", "node", "gpu")
    eventually(lambda: "the node was deleted" in nodes.program.log.read_text(), 30)
    assert not kubectl.get("node", "gpu")
    nodes.stop()
    nodes.start()
    assert kubectl.get("node", "gpu")["metadata"]["uid"] != before


def test_nodes_survive_an_outage_of_their_api_server(
    kubectl: Kubectl, worker: ControlPlane, nodes: HollowNodes, make_pod: Make
) -> None:
    name = make_pod("sleep 5", restartPolicy="Never")
    _await_phase(kubectl, name, "Running")
    process = nodes.program.process
    worker.stop_component("kube-apiserver", signal.SIGKILL)
    worker.start()
    _await_phase(kubectl, name, "Succeeded")
    assert nodes.program.process == process


def test_a_slow_reader_of_a_log_does_not_hold_up_the_node(kubectl: Kubectl, make_pod: Make, nodes: HollowNodes) -> None:
    name = make_pod("sleep 600", nodeName="plain")
    _await_phase(kubectl, name, "Running")
    command = [str(kubectl.program), f"--kubeconfig={kubectl.kubeconfig}", "logs", "-f", name]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as follower:
        assert follower.stdout is not None
        follower.stdout.readline()
        stopper = threading.Thread(target=nodes.stop)
        stopper.start()
        stopper.join(30)
        follower.kill()
    assert nodes.program.process is None
    nodes.start()


def _add_ephemeral(worker: ControlPlane, pod: dict[str, Any], container: dict[str, Any]) -> None:
    path = PODS.path(pod["metadata"]["name"], "default", "ephemeralcontainers")
    worker.api.patch(path, ephemeral_patch(worker.programs, pod, container))


def _ephemeral(kubectl: Kubectl, name: str) -> dict[str, Any]:
    """What is reported of the first ephemeral container of a pod."""
    statuses = kubectl.get("pod", name).get("status", {}).get("ephemeralContainerStatuses") or [{}]
    found: dict[str, Any] = statuses[0].get("state", {})
    return found


def test_a_pod_can_be_debugged(kubectl: Kubectl, make_pod: Make, debug_kubectl: Path) -> None:
    name = make_pod("sleep 600")
    _await_phase(kubectl, name, "Running")
    debugging = Kubectl(debug_kubectl, kubectl.kubeconfig)
    debugging.run("debug", name, "--image=busybox", "--container=d", "--target=c", "--", "sh", "-c", "sleep 600")
    eventually(lambda: "running" in _ephemeral(kubectl, name))
    assert kubectl.run("logs", name, "-c", "d").startswith("started d")
    assert kubectl.run("exec", name, "-c", "d", "--", "echo", "here") == "here\n"
    assert _phase(kubectl, name) == "Running"


def test_an_ephemeral_container_reads_what_it_names(kubectl: Kubectl, make_pod: Make, worker: ControlPlane) -> None:
    """What the pod has named from the start: until 1.33 the Node authorizer does not see what an ephemeral container adds to that."""
    kubectl.run("create", "secret", "generic", "for-debug", "--from-literal=pw=x")
    variables = [{"secretRef": {"name": "for-debug"}}]
    name = make_pod("sleep 600", container={"envFrom": variables})
    pod = _await_phase(kubectl, name, "Running")
    container = {"name": "d", "image": "busybox", "stdin": True, "envFrom": variables}
    _add_ephemeral(worker, pod, container)
    eventually(lambda: "running" in _ephemeral(kubectl, name))
    assert _digest("x") in kubectl.run("logs", name, "-c", "d")


def test_an_ephemeral_container_outlives_a_crash_of_its_kubelet(
    kubectl: Kubectl, make_pod: Make, nodes: HollowNodes, worker: ControlPlane
) -> None:
    name = make_pod("sleep 600")
    pod = _await_phase(kubectl, name, "Running")
    _add_ephemeral(worker, pod, {"name": "d", "image": "busybox", "stdin": True})
    eventually(lambda: "running" in _ephemeral(kubectl, name))
    before = _ephemeral(kubectl, name)
    nodes.stop(signal.SIGKILL)
    nodes.start()
    eventually(lambda: kubectl.try_run("exec", name, "-c", "d", "--", "true").returncode == 0)
    assert _ephemeral(kubectl, name) == before
