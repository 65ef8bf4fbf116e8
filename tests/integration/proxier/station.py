"""Proxiers as they are run, of one vnode with one pod, between a real API server that says who may do what and a worker that stands in."""

import base64
import json
import signal
import ssl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from oceanctl.sandbox import install, kubeconfig, ports
from oceanctl.sandbox.components import LOOPBACK
from oceanctl.sandbox.controlplane import ControlPlane
from oceanctl.sandbox.pki import Authority, Identity, KeyPair, Usage
from oceanctl.sandbox.process import Program
from reconciler import names
from reconciler.kube.resources import NAMESPACES, NODES, PODS, SECRETS
from tests.integration.kubectl import eventually
from tests.integration.proxier.standin import Worker, standing_in

Json = dict[str, Any]
BINDING: Final = "stood-in"
CLUSTER_ID: Final = "stood-in"
MOUNT: Final = "mount"
NAMESPACE: Final = "app"
POD: Final = "web"
NODE: Final = "n1"
VNODE: Final = names.vnode_name(CLUSTER_ID, NODE)
REPLICAS: Final = 2
CONTAINER: Final = f"/{NAMESPACE}/{POD}/main"  # as paths of a kubelet name it


class Station:
    """The cluster's objects, and up to two proxiers, each on an address of its own."""

    def __init__(self, cluster: ControlPlane, folder: Path, worker: Worker) -> None:
        self.worker = worker
        self.folder = folder
        self._cluster = cluster
        self._authority = Authority(cluster.folder / "pki")
        self.serving = serving_pair(cluster)
        (self.port,) = ports.reserve(folder, 1)

    @property
    def tls(self) -> ssl.SSLContext:
        """How the cluster's API server speaks to kubelets."""
        pair = self._cluster.credentials.kubelet_client
        context = ssl.create_default_context(cafile=self._authority.pair.certificate)
        context.load_cert_chain(pair.certificate, pair.key)
        return context

    @property
    def authority(self) -> Path:
        """Whom everybody here trusts."""
        return self._authority.pair.certificate

    def address(self, replica: int) -> str:
        """Where a replica serves the vnode, besides the port."""
        return ADDRESSES[replica]

    def program(self, replica: int) -> Program:
        """A replica's process."""
        return Program(self.folder, f"proxier-{replica}")

    def pid(self, replica: int) -> int:
        """The process' number; it must run."""
        process = self.program(replica).process
        assert process is not None
        return process.pid

    def start(self, replica: int) -> None:
        """Start a replica, unless it runs, and wait until it serves the vnode."""
        program = self.program(replica)
        listens = program.log.read_text().count('"listening"') if program.log.exists() else 0
        if program.process is None:
            flags = [f"--{name.replace('_', '-')}={value}" for name, value in self._settings(replica).items()]
            program.start([sys.executable, "-P", "-m", "proxier", *flags])
            program.wait_until(lambda: self._why_not_open(program, listens), 30)

    def stop(self) -> None:
        """Stop all of it."""
        for replica in range(REPLICAS):
            self.program(replica).stop(signal.SIGKILL)
        ports.release(self.folder)

    def furnish(self) -> None:
        """Write what a reconciler would have written on both sides."""
        install.install_computing(self._cluster, self.folder / "reconciler.yaml")
        api = self._cluster.api
        api.apply(NAMESPACES, _object("v1", "Namespace", {"name": NAMESPACE}))
        api.apply(SECRETS, self._secret())
        api.apply(names.BINDINGS, _binding())
        api.post(NODES.path(), _vnode(self.port))
        spec = {"containers": [{"name": "main", "image": "busybox"}], "nodeName": VNODE}
        metadata = {"name": POD, "namespace": NAMESPACE}
        pod = api.post(PODS.path(namespace=NAMESPACE), {**_object("v1", "Pod", metadata), "spec": spec})
        self.worker.pods = (self._worker_pod(pod),)

    def _why_not_open(self, program: Program, before: int) -> str | None:
        return None if program.log.read_text().count('"listening"') > before else "it does not listen yet"

    def _secret(self) -> Json:
        server = f"https://{LOOPBACK}:{self.worker.port}"
        content = kubeconfig.with_token("worker", server, self.authority, "no-one-asks")
        encoded = base64.b64encode(json.dumps(content).encode()).decode()
        metadata = {"name": "stood-in-kubeconfig", "namespace": names.SYSTEM_NAMESPACE}
        return {**_object("v1", "Secret", metadata), "data": {names.PROXIER_KUBECONFIG_KEY: encoded}}

    def _worker_pod(self, computing_pod: Json) -> Json:
        annotations = {
            names.COMPUTING_CLUSTER_UID: self._uid(NAMESPACES.path("kube-system")),
            names.BINDING_UID: self._uid(names.BINDINGS.path(BINDING)),
            names.VIRTUAL_POD_NAMESPACE: NAMESPACE,
            names.VIRTUAL_POD_NAME: POD,
            names.VIRTUAL_POD_UID: computing_pod["metadata"]["uid"],
            names.VIRTUAL_NODE_NAME: VNODE,
        }
        metadata = {
            "name": names.mirrored_name(NAMESPACE, POD),
            "namespace": MOUNT,
            "uid": "1",
            "resourceVersion": "1",
            "labels": {names.MANAGED_BY: names.MANAGED_BY_VALUE},
            "annotations": annotations,
        }
        return {**_object("v1", "Pod", metadata), "spec": computing_pod["spec"], "status": {"phase": "Running"}}

    def _uid(self, path: str) -> str:
        return str(eventually(lambda: self._cluster.api.get(path))["metadata"]["uid"])

    def _settings(self, replica: int) -> Json:
        return {
            "binding": BINDING,
            "kubeconfig": self.folder / "proxier.yaml",
            "address": ADDRESSES[replica],
            "first_port": self.port,
            "last_port": self.port,
            "tls_cert_file": self.serving.certificate,
            "tls_key_file": self.serving.key,
            "metrics_port": 0,
            "health_port": 0,
        }


SERVING_NAME: Final = "localhost"  # nginx verifies names, not addresses
ADDRESSES: Final = tuple(f"127.0.0.{1 + replica}" for replica in range(REPLICAS))


def serving_pair(cluster: ControlPlane) -> KeyPair:
    """A certificate for every server here that is not the API server."""
    identity = Identity("stood-in", hosts=(*ADDRESSES, SERVING_NAME), usage=Usage.SERVER)
    return Authority(cluster.folder / "pki").issue("stood-in", identity)


@contextmanager
def stationed(cluster: ControlPlane, folder: Path) -> Iterator[Station]:
    """A station in an existing folder, furnished; its proxiers are yet to be started."""
    with standing_in(serving_pair(cluster)) as worker:
        station = Station(cluster, folder, worker)
        try:
            station.furnish()
            yield station
        finally:
            station.stop()


def _object(api_version: str, kind: str, metadata: Json) -> Json:
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata}


def _binding() -> Json:
    secret = {"name": "stood-in-kubeconfig", "namespace": names.SYSTEM_NAMESPACE}
    spec = {"clusterID": CLUSTER_ID, "secretRef": secret, "mountNamespace": MOUNT}
    return {**_object(names.BINDINGS.api_version, names.BINDINGS.kind, {"name": BINDING}), "spec": spec}


def _vnode(port: int) -> Json:
    labels = {
        names.MANAGED_BY: names.MANAGED_BY_VALUE,
        names.CLUSTER_BINDING: BINDING,
        names.PROXIER_PORT: str(port),
    }
    spec = {"providerID": names.provider_id(CLUSTER_ID, NODE)}
    return {**_object("v1", "Node", {"name": VNODE, "labels": labels}), "spec": spec}
