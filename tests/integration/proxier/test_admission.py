"""Who gets in and to what, with a real API server that says who may, and what SIGTERM means for those who are in."""

import signal
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPResponse, HTTPSConnection

import pytest

from oceanctl.sandbox.components import LOOPBACK
from oceanctl.sandbox.pki import KeyPair
from reconciler import names
from reconciler.kube.resources import NODES, PODS
from tests.integration.kubectl import eventually
from tests.integration.proxier.conftest import BINDING, NAMESPACE, NODE, VNODE, Json, Scene, _spec

ANOTHER_VNODE = names.vnode_name("c9", "n9")
LOGS = f"/containerLogs/{NAMESPACE}/guarded/c1"


@pytest.fixture(scope="module")
def pod(scene: Scene) -> str:
    scene.run_pod("guarded", "sleep 3600")
    return "guarded"


def asked(scene: Scene, path: str, pair: KeyPair | None = None, token: str = "") -> HTTPResponse:
    """The vnode's answer, without an API server in between."""
    context = ssl.create_default_context(cafile=str(scene.authority.pair.certificate))
    if pair is not None:
        context.load_cert_chain(pair.certificate, pair.key)
    connection = HTTPSConnection(LOOPBACK, scene.port, context=context, timeout=20)
    connection.request("GET", path, headers={"Authorization": f"Bearer {token}"} if token else {})
    return connection.getresponse()


@pytest.mark.usefixtures("pod")
def test_nobody_is_anonymous(scene: Scene) -> None:
    assert asked(scene, LOGS).status == 401
    assert asked(scene, LOGS, token="no token of this cluster").status == 401


@pytest.mark.usefixtures("pod")
def test_a_user_of_the_cluster_without_rights_is_forbidden(scene: Scene) -> None:
    answer = asked(scene, LOGS, scene.client("somebody"))
    assert answer.status == 403
    assert b"user=somebody, verb=get, resource=nodes, subresource=proxy" in answer.read()


@pytest.mark.usefixtures("pod")
def test_a_user_with_a_kubelet_s_rights_gets_in(scene: Scene) -> None:
    assert asked(scene, LOGS, scene.client("admin", "system:masters")).status == 200


@pytest.mark.usefixtures("pod")
def test_a_service_account_s_token_says_who_it_is(scene: Scene) -> None:
    api = scene.cluster.api
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "reader", "namespace": NAMESPACE}}
    api.post(f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts", account)
    config = scene.cluster.kubeconfig_for_service_account(NAMESPACE, "reader")
    token = config["users"][0]["user"]["token"]
    assert asked(scene, LOGS, token=token).status == 403
    scene.kubectl.run("create", "clusterrole", "vnode-reader", "--verb=get", "--resource=nodes/proxy")
    scene.kubectl.run(
        "create",
        "clusterrolebinding",
        "vnode-reader",
        "--clusterrole=vnode-reader",
        f"--serviceaccount={NAMESPACE}:reader",
    )
    eventually(lambda: asked(scene, LOGS, token=token).status == 200, 20)  # a verdict is remembered for 10 s


def test_a_worker_pod_of_another_binding_is_not_found(scene: Scene) -> None:
    made = scene.make_pod("foreign", "sleep 3600")
    _run_for(scene, made, {names.BINDING_UID: "00000000-0000-4000-8000-000000000000"})
    assert_not_found(scene, "foreign")


def test_a_node_that_claims_a_vnode_s_port_gets_nothing_of_it(scene: Scene, forged: str) -> None:
    metadata = {"name": "stray", "namespace": NAMESPACE}
    spec = {**_spec("sleep 3600", 1), "nodeName": forged}
    manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
    made = scene.cluster.api.post(PODS.path(namespace=NAMESPACE), manifest)
    _run_for(scene, made, {names.VIRTUAL_NODE_NAME: forged})
    assert_not_found(scene, "stray")


def test_a_node_that_claims_a_vnode_s_port_does_not_take_it(scene: Scene, pod: str, forged: str) -> None:
    assert forged in scene.kubectl.run("get", "nodes", "-o", "name")
    assert "started c1" in scene.kubectl.run("logs", "-n", NAMESPACE, pod)


@pytest.fixture
def forged(scene: Scene) -> Iterator[str]:
    """A node with the address, the port and the marks of our vnode, but for another worker."""
    real = scene.cluster.api.get(NODES.path(VNODE))
    labels = {**real["metadata"]["labels"], names.CLUSTER_BINDING: BINDING}
    manifest = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": ANOTHER_VNODE, "labels": labels},
        "spec": {"providerID": names.provider_id("c9", "n9")},
        "status": {name: real["status"][name] for name in ("addresses", "daemonEndpoints")},
    }
    scene.cluster.api.post(NODES.path(), manifest)
    yield ANOTHER_VNODE
    scene.kubectl.run("delete", "node", ANOTHER_VNODE, "--wait=false")


@pytest.mark.parametrize(
    ("drain_seconds", "ends_by_itself"), [(30, True), (1, False)], ids=["that ends by itself", "that runs on"]
)
def test_sigterm_grants_a_stream_its_time(scene: Scene, pod: str, drain_seconds: int, *, ends_by_itself: bool) -> None:
    scene.proxier.stop()
    scene.start(drain_seconds=drain_seconds)
    eventually(lambda: is_open(scene), 20)
    try:
        with talking(scene, pod) as stream:
            running = scene.proxier.process
            assert running is not None
            running.kill(signal.SIGTERM)
            eventually(lambda: not is_open(scene), 10)
            assert said_back(stream, b"still here\n") == b"still here\n"
            if ends_by_itself:
                assert stream.stdin is not None
                stream.stdin.close()
            stream.wait(20)  # long before its 30 s are over, or because its second is
            eventually(lambda: not running.is_running, 10)
    finally:
        scene.proxier.stop()
        scene.start()
        eventually(lambda: is_open(scene), 20)


@contextmanager
def talking(scene: Scene, pod: str) -> Iterator[subprocess.Popen[bytes]]:
    """A command that says what it is told."""
    command = [str(scene.kubectl.program), f"--kubeconfig={scene.kubectl.kubeconfig}", "exec", "-i", "-n", NAMESPACE]
    with subprocess.Popen(
        [*command, pod, "--", "cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
    ) as stream:
        try:
            assert said_back(stream, b"hello\n") == b"hello\n"
            yield stream
        finally:
            stream.kill()


def said_back(stream: subprocess.Popen[bytes], line: bytes) -> bytes:
    assert stream.stdin is not None
    assert stream.stdout is not None
    stream.stdin.write(line)
    return stream.stdout.readline()


def is_open(scene: Scene) -> bool:
    with socket.socket() as connection:
        return connection.connect_ex((LOOPBACK, scene.port)) == 0


def assert_not_found(scene: Scene, name: str) -> None:
    """The API server finds the vnode's kubelet, and that has no such pod."""
    answer = scene.kubectl.try_run("logs", "-n", NAMESPACE, name)
    assert answer.returncode == 1
    assert "(NotFound)" in answer.stderr
    served = f'"pod": "{NAMESPACE}/{name}", "status": 404'
    eventually(lambda: served in scene.proxier.log.read_text(), 10)


def _run_for(scene: Scene, computing_pod: Json, annotations: Json) -> None:
    """A worker pod for a pod, with marks of another."""
    manifest = scene._worker_pod(computing_pod, {**_spec("sleep 3600", 1), "nodeName": NODE})
    manifest["metadata"]["annotations"] |= annotations
    made = scene.cluster.api.post(PODS.path(namespace=manifest["metadata"]["namespace"]), manifest)
    path = PODS.path(made["metadata"]["name"], made["metadata"]["namespace"])
    eventually(lambda: scene.cluster.api.get(path)["status"]["phase"] == "Running")
