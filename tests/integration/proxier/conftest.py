"""A proxier between a real API server and a simulated node, without a reconciler: the tests write both sides' objects themselves.

One control plane is computing cluster and worker at once, which neither the API server nor the proxier can tell.
"""

import base64
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from oceanctl.sandbox import install, ports
from oceanctl.sandbox.components import CONTROLLER_MANAGER, LOOPBACK
from oceanctl.sandbox.controlplane import ControlPlane
from oceanctl.sandbox.hollownodes import NodeSpec
from oceanctl.sandbox.pki import Authority, Identity, KeyPair, Usage
from oceanctl.sandbox.process import Program
from oceanctl.sandbox.programs import Programs
from reconciler import names, permissions
from reconciler.kube.resources import CONFIGMAPS, NAMESPACES, NODES, PODS, SECRETS, SERVICEACCOUNTS
from tests.integration.conftest import StartCluster, StartNodes
from tests.integration.kubectl import Kubectl, eventually

Json = dict[str, Any]
MOUNT = "kubeocean-worker"
NAMESPACE = "app"
BINDING = "b1"
CLUSTER_ID = "c1"
NODE = "n1"
BACKDATES_SHORT_TERMS_NO_MORE = 22  # minor version
VNODE = names.vnode_name(CLUSTER_ID, NODE)


@dataclass(frozen=True)
class Scene:
    """One cluster in both roles, with a proxier that serves one vnode."""

    cluster: ControlPlane
    kubectl: Kubectl
    proxier: Program
    port: int
    settings: Json

    def start(self, **settings: Any) -> None:
        """Start the proxier, unless it runs, and wait until its port is open."""
        flags = [f"--{name.replace('_', '-')}={value}" for name, value in {**self.settings, **settings}.items()]
        self.proxier.start([sys.executable, "-m", "proxier", *flags])
        self.proxier.wait_until(self._why_not_open, 30)

    def _why_not_open(self) -> str | None:
        return None if f'"port": {self.port}' in self.proxier.log_tail(200) else "it does not listen yet"

    def served(self, endpoint: str) -> int:
        """How many requests to an endpoint the access log shows."""
        return self.proxier.log.read_text().count(f'"endpoint": "{endpoint}"')

    def client(self, user: str, *groups: str) -> KeyPair:
        """A client certificate of the cluster."""
        file_name = "client-" + user.replace(":", "-")
        return self.authority.issue(file_name, Identity(user, groups))

    @property
    def authority(self) -> Authority:
        """The cluster's own."""
        return Authority(self.cluster.folder / "pki")

    def run_pod(self, name: str, command: str, *, containers: int = 1) -> None:
        """A pod on the vnode, and the worker's pod that runs for it, as a syncer would have made them."""
        made = self.make_pod(name, command, containers=containers)
        spec = {**_spec(command, containers), "nodeName": NODE}
        self.cluster.api.post(PODS.path(namespace=MOUNT), self._worker_pod(made, spec))
        eventually(lambda: self.worker_pod(name)["status"]["phase"] in ("Running", "Succeeded"))
        path, running = PODS.path(name, NAMESPACE, "status"), {"status": {"phase": "Running"}}
        self.cluster.api.patch(path, running)

    def make_pod(self, name: str, command: str, *, containers: int = 1) -> Json:
        """A pod on the vnode, for which nothing runs yet."""
        metadata = {"name": name, "namespace": NAMESPACE}
        spec = {**_spec(command, containers), "nodeName": VNODE}
        made: Json = self.cluster.api.post(
            PODS.path(namespace=NAMESPACE), {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
        )
        return made

    def worker_pod(self, name: str) -> Json:
        """The worker's pod for a pod of ours."""
        found: Json = self.cluster.api.get(PODS.path(names.mirrored_name(NAMESPACE, name), MOUNT))
        return found

    def empty_authority(self) -> None:
        """As an administrator does whose authority is compromised."""
        self.fill_authority(None)

    def fill_authority(self, data: Json | None) -> None:
        """Take away what is in the Secret of the proxiers' authority, and put `data` there."""
        path = SECRETS.path(names.PROXIER_AUTHORITY, names.SYSTEM_NAMESPACE)
        for each in (None, data):
            self.cluster.api._json("PATCH", path, {"data": each}, "application/merge-patch+json")

    def _worker_pod(self, computing_pod: Json, spec: Json) -> Json:
        name = computing_pod["metadata"]["name"]
        annotations = {
            names.COMPUTING_CLUSTER_UID: _uid(self.cluster, NAMESPACES.path("kube-system")),
            names.BINDING_UID: _uid(self.cluster, names.BINDINGS.path(BINDING)),
            names.VIRTUAL_POD_NAMESPACE: NAMESPACE,
            names.VIRTUAL_POD_NAME: name,
            names.VIRTUAL_POD_UID: computing_pod["metadata"]["uid"],
            names.VIRTUAL_NODE_NAME: VNODE,
        }
        metadata = {
            "name": names.mirrored_name(NAMESPACE, name),
            "namespace": MOUNT,
            "labels": {names.MANAGED_BY: names.MANAGED_BY_VALUE},
            "annotations": annotations,
        }
        return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def _spec(command: str, containers: int) -> Json:
    specs = [
        {
            "name": f"c{number}",
            "image": "busybox",
            "command": ["sh", "-c", command],
            "stdin": True,
            "tty": True,
            "resources": {"requests": {"cpu": "200m", "memory": "64Mi"}},
        }
        for number in range(1, containers + 1)
    ]
    return {"containers": specs, "automountServiceAccountToken": False, "restartPolicy": "Never"}


@pytest.fixture(scope="session")
def scene(
    start_cluster: StartCluster, start_nodes: StartNodes, programs: Programs, state_folder: Path
) -> Iterator[Scene]:
    cluster = start_cluster(extra={CONTROLLER_MANAGER: [f"--cluster-signing-duration={_signed_for(programs)}"]})
    folder = state_folder / "proxier"
    folder.mkdir()
    start_nodes(cluster, [NodeSpec(NODE)])
    _install(cluster, folder)
    (port,) = ports.reserve(folder, 1)
    _make_vnode(cluster, port)
    serving = Authority(cluster.folder / "pki").issue(
        "proxier", Identity("kubeocean-proxier", hosts=(LOOPBACK,), usage=Usage.SERVER)
    )
    settings = {
        "binding": BINDING,
        "kubeconfig": folder / "proxier.yaml",
        "address": LOOPBACK,
        "first_port": ports.PORTS.start,
        "last_port": ports.PORTS.stop - 1,
        "tls_cert_file": serving.certificate,
        "tls_key_file": serving.key,
        "metrics_port": 0,
        "health_port": 0,
        "log_level": "debug",
    }
    proxier = Program(folder, "proxier")
    scene = Scene(cluster, Kubectl(programs.path("kubectl"), cluster.kubeconfig), proxier, port, settings)
    scene.start()
    yield scene
    proxier.stop()
    ports.release(folder)


def _signed_for(programs: Programs) -> str:
    """A minute, so that a test sees a renewal, and the last of it leaves time for one; of what signers before 1.22 grant, five minutes are past when they sign."""
    minor = int(programs.version.split(".")[1])
    return "360s" if minor < BACKDATES_SHORT_TERMS_NO_MORE else "60s"


def _install(cluster: ControlPlane, folder: Path) -> None:
    install.install_computing(cluster, folder / "reconciler.yaml")
    install.install_worker(cluster)
    of_worker = cluster.kubeconfig_for_service_account(MOUNT, permissions.PROXIER_ACCOUNT)
    encoded = base64.b64encode(json.dumps(of_worker).encode()).decode()
    metadata = {"name": "worker-kubeconfig", "namespace": names.SYSTEM_NAMESPACE}
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata,
        "data": {names.PROXIER_KUBECONFIG_KEY: encoded},
    }
    cluster.api.apply(SECRETS, secret)
    spec = {"clusterID": CLUSTER_ID, "secretRef": metadata, "mountNamespace": MOUNT}
    binding = {
        "apiVersion": names.BINDINGS.api_version,
        "kind": names.BINDINGS.kind,
        "metadata": {"name": BINDING},
        "spec": spec,
    }
    cluster.api.apply(names.BINDINGS, binding)
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    cluster.api.apply(NAMESPACES, namespace)
    for each in (NAMESPACE, MOUNT):
        eventually(partial(cluster.api.get, SERVICEACCOUNTS.path("default", each)))
    eventually(lambda: cluster.api.get(CONFIGMAPS.path("extension-apiserver-authentication", "kube-system")))


def _make_vnode(cluster: ControlPlane, port: int) -> None:
    labels = {
        names.MANAGED_BY: names.MANAGED_BY_VALUE,
        names.CLUSTER_BINDING: BINDING,
        names.PROXIER_PORT: str(port),
    }
    status = {
        "addresses": [{"type": "InternalIP", "address": LOOPBACK}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
    }
    vnode = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": VNODE, "labels": labels},
        "spec": {"providerID": names.provider_id(CLUSTER_ID, NODE)},
        "status": status,
    }
    cluster.api.post(NODES.path(), vnode)


def _uid(cluster: ControlPlane, path: str) -> str:
    return str(cluster.api.get(path)["metadata"]["uid"])
