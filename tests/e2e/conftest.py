"""The whole system with real nodes: a computing and a worker control plane, two nodes with containerd and a kubelet, the reconciler and a proxier.

Fixtures (all of the session)
    system     the sandbox: bound and lent, its vnodes Ready and served by the proxier
    hand       each kubectl that can be had, in each way it speaks; a test that takes it runs once for each
    reader     each kubectl once, for what is no stream in both directions
    admin      the machine's kubectl alone
    start_pod  `start_pod("name", "echo hello; sleep 9999", **fields of the spec)`: a pod that was put on a vnode by the scheduler and runs
    workbench  a pod that runs all the time, for tests that leave nothing in it but files
"""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from oceanctl.sandbox.errors import SandboxError
from oceanctl.sandbox.pki import Authority, Identity, Usage
from oceanctl.sandbox.programs import KUBECTL, Programs
from oceanctl.sandbox.progress import to_stderr
from oceanctl.sandbox.proxiers import SandboxProxier
from oceanctl.sandbox.realnodes.images import BUSYBOX_IMAGE
from oceanctl.sandbox.realnodes.network import bridge_of
from oceanctl.sandbox.sandbox import COMPUTING, Sandbox, Shape
from reconciler import names
from tests import kubectls
from tests.e2e.hands import Hand
from tests.integration.conftest import programs, pytest_sessionstart, state_folder
from tests.integration.kubectl import Kubectl, eventually
from tests.integration.lending.conftest import ReconcilerProcess
from tests.integration.lending.hands import binding, is_open, policy

__all__ = ["programs", "pytest_sessionstart", "state_folder"]  # as in tests/integration

Json = dict[str, Any]
StartPod = Callable[..., Json]
WORKER = "worker-1"
NODES = 2
NAMESPACE = "e2e"
KEEPS_RUNNING = "trap exit TERM; while :; do sleep 3600 & wait; done"


@pytest.fixture(scope="session")
def system(state_folder: Path, programs: Programs) -> Iterator[Sandbox]:
    whole = Sandbox(state_folder / "e2e")
    try:
        whole.up(Shape(workers=1, nodes=0, real_nodes=NODES), to_stderr())
        _lend(whole, Kubectl(programs.path(KUBECTL), whole.kubeconfig(COMPUTING)))
        yield whole
    finally:
        whole.down()


@pytest.fixture(scope="session")
def admin(system: Sandbox, programs: Programs) -> Hand:
    program = programs.path(KUBECTL)
    return Hand(kubectls.Client(program, kubectls.minor_of(program)), system.kubeconfig(COMPUTING), NAMESPACE)


@pytest.fixture(scope="session", params=kubectls.CASES)
def hand(system: Sandbox, request: pytest.FixtureRequest) -> Hand:
    return _hand(system, request.param)


@pytest.fixture(scope="session", params=["debian", "machine", "newest-spdy"])
def reader(system: Sandbox, request: pytest.FixtureRequest) -> Hand:
    return _hand(system, request.param)


@pytest.fixture(scope="session")
def start_pod(system: Sandbox, programs: Programs) -> StartPod:
    kubectl = Kubectl(programs.path(KUBECTL), system.kubeconfig(COMPUTING))

    def start(name: str, script: str = KEEPS_RUNNING, **spec: Any) -> Json:
        kubectl.apply(pod(name, script, **spec))
        return eventually(lambda: _started(kubectl.get("pod", name, f"--namespace={NAMESPACE}")))

    return start


@pytest.fixture(scope="session")
def workbench(start_pod: StartPod) -> str:
    start_pod("workbench")
    return "workbench"


def pod(name: str, script: str, **spec: Any) -> Json:
    """A pod whose container `main` runs a script, and which tolerates vnodes."""
    base = {
        "tolerations": [{"key": names.TAINT_VNODE, "operator": "Exists"}],
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 1,
        "restartPolicy": "Never",
        "containers": [container("main", script)],
    }
    metadata = {"name": name, "namespace": NAMESPACE, "labels": {"app": name}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {**base, **spec}}


def container(name: str, script: str, **fields: Any) -> Json:
    """A container that runs a script."""
    return {"name": name, "image": BUSYBOX_IMAGE, "command": ["sh", "-c", script], **fields}


def unique(prefix: str) -> str:
    """A name that no other test has."""
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


def _hand(system: Sandbox, case: str) -> Hand:
    try:
        client = kubectls.client_for(case)
    except SandboxError as error:
        pytest.skip(str(error))
    return Hand(client, system.kubeconfig(COMPUTING), NAMESPACE)


def _started(found: Json) -> Json | None:
    """The pod, once every container of it has begun or ended."""
    statuses = found.get("status", {}).get("containerStatuses", [])
    begun = [status for status in statuses if {"running", "terminated"} & status["state"].keys()]
    return found if len(begun) == len(found["spec"]["containers"]) else None


def _lend(whole: Sandbox, kubectl: Kubectl) -> None:
    ReconcilerProcess(whole.folder, whole).start()
    address = bridge_of(whole.cluster(WORKER).folder).address  # newer API servers refuse loopback addresses of nodes
    _start_proxier(whole, address)
    kubectl.apply(binding(WORKER), policy("always", WORKER))
    kubectl.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    eventually(lambda: kubectl.get("serviceaccount", "default", f"--namespace={NAMESPACE}"))
    eventually(lambda: _served(kubectl, address) == NODES, 90)


def _start_proxier(whole: Sandbox, address: str) -> None:
    pki = Path(whole.cluster(COMPUTING).folder, "pki")
    identity = Identity("kubeocean-proxier", hosts=(address,), usage=Usage.SERVER)
    issued = Authority(pki).issue("proxier-on-bridge", identity)
    SandboxProxier(whole, WORKER).start(
        address=address, advertise_address=address, tls_cert_file=issued.certificate, tls_key_file=issued.key
    )


def _served(kubectl: Kubectl, address: str) -> int:
    """How many vnodes take pods and have the proxier for their kubelet."""
    vnodes = kubectl.get("nodes", f"--selector={names.MANAGED_BY}={names.MANAGED_BY_VALUE}").get("items", [])
    return sum(
        is_open(each) and {"type": "InternalIP", "address": address} in each["status"].get("addresses", [])
        for each in vnodes
    )
