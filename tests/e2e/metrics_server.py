"""The part of metrics-server that `kubectl top` needs: it reads `/metrics/resource` of every node as metrics-server does, and answers `metrics.k8s.io`.

It knows nodes from the API server alone, asks each at the address and port that its Node object names, shows the token of its own
ServiceAccount and takes only certificates of the cluster's authority. Rates are between the last two samples.
"""

import base64
import json
import ssl
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

from prometheus_client.parser import text_string_to_metric_families

from oceanctl.sandbox.controlplane import ControlPlane
from oceanctl.sandbox.pki import Authority, Identity, Usage
from reconciler.kube.resources import NODES, SERVICEACCOUNTS, Resource

GROUP = "metrics.k8s.io"
VERSION = f"{GROUP}/v1beta1"
NAME = "metrics-server"
NAMESPACE = "kube-system"
SCRAPE_SECONDS = 1.0
TIMEOUT_SECONDS = 10.0
NODE_CPU, NODE_MEMORY = "node_cpu_usage_seconds_total", "node_memory_working_set_bytes"
POD_CPU, POD_MEMORY = "container_cpu_usage_seconds_total", "container_memory_working_set_bytes"
_RBAC = "rbac.authorization.k8s.io"
_ROLES = Resource(_RBAC, "v1", "clusterroles", "ClusterRole", namespaced=False)
_ROLE_BINDINGS = Resource(_RBAC, "v1", "clusterrolebindings", "ClusterRoleBinding", namespaced=False)
_SERVICES = Resource("", "v1", "services", "Service")
_API_SERVICES = Resource("apiregistration.k8s.io", "v1", "apiservices", "APIService", namespaced=False)
Json = dict[str, Any]


class Key(NamedTuple):
    """What a figure is about: a node, or a container of a pod."""

    node: str
    namespace: str = ""
    pod: str = ""
    container: str = ""


class Sample(NamedTuple):
    """A figure, and when it was so by the node's clock."""

    at: float
    value: float


@dataclass
class Figures:
    """The last samples of every node."""

    processor: dict[Key, tuple[Sample, Sample]] = field(default_factory=dict)
    memory: dict[Key, float] = field(default_factory=dict)

    def take(self, node: str, text: str) -> None:
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                labels = sample.labels
                key = Key(node, labels.get("namespace", ""), labels.get("pod", ""), labels.get("container", ""))
                if sample.name in (NODE_CPU, POD_CPU):
                    self._take_processor(key, Sample(float(sample.timestamp or 0), sample.value))
                if sample.name in (NODE_MEMORY, POD_MEMORY):
                    self.memory[key] = sample.value

    def usage(self, key: Key) -> Json | None:
        """As the API has it; None until there are two samples."""
        before, after = self.processor.get(key, (None, None))
        if before is None or after is None or before.at == after.at or key not in self.memory:
            return None
        rate = (after.value - before.value) / (after.at - before.at)
        return {"cpu": f"{int(rate * 1e9)}n", "memory": f"{int(self.memory[key] / 1024)}Ki"}

    def _take_processor(self, key: Key, sample: Sample) -> None:
        before = self.processor.get(key, (sample, sample))
        if sample.at != before[1].at:
            self.processor[key] = (before[1], sample)
        else:
            self.processor.setdefault(key, before)


@dataclass
class Scraper:
    """Asks every node, again and again."""

    cluster: ControlPlane
    token: str
    figures: Figures = field(default_factory=Figures)
    stopped: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        while not self.stopped.wait(SCRAPE_SECONDS):
            for node in self.cluster.api.get(NODES.path())["items"]:
                with suppress(OSError):  # asked again; the tests say what has to be there in the end
                    self.figures.take(node["metadata"]["name"], self._ask(node))

    def _ask(self, node: Json) -> str:
        address = next(it["address"] for it in node["status"]["addresses"] if it["type"] == "InternalIP")
        port = node["status"]["daemonEndpoints"]["kubeletEndpoint"]["Port"]
        url, headers = f"https://{address}:{port}/metrics/resource", {"Authorization": f"Bearer {self.token}"}
        trusted = ssl.create_default_context(cafile=str(self.cluster.credentials.authority.certificate))
        request = urllib.request.Request(url, headers=headers)
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS, context=trusted) as answer:
            text: str = answer.read().decode()
        return text

    def answer(self, path: str) -> Json | None:
        """What the API answers to a GET."""
        match path.partition("?")[0].strip("/").split("/")[3:]:
            case []:
                return _api_resources()
            case ["nodes", *names]:
                return _one_or_list("NodeMetrics", self._nodes(), names)
            case ["namespaces", namespace, "pods", *names]:
                return _one_or_list("PodMetrics", self._pods(lambda key: key.namespace == namespace), names)
            case ["pods"]:
                return _one_or_list("PodMetrics", self._pods(lambda _: True), [])
            case _:
                return None

    def _nodes(self) -> list[Json]:
        keys = [key for key in list(self.figures.memory) if not key.pod]
        return [_metrics({"name": key.node}, usage=usage) for key in keys if (usage := self.figures.usage(key))]

    def _pods(self, is_wanted: Callable[[Key], bool]) -> list[Json]:
        pods: dict[tuple[str, str], list[Json]] = {}
        for key in list(self.figures.memory):
            if key.pod and is_wanted(key) and (usage := self.figures.usage(key)):
                pods.setdefault((key.namespace, key.pod), []).append({"name": key.container, "usage": usage})
        return [_metrics({"namespace": where, "name": name}, containers=each) for (where, name), each in pods.items()]


def _metrics(metadata: Json, **fields: Any) -> Json:
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return {"metadata": metadata, "timestamp": now, "window": "10s", **fields}


def _one_or_list(kind: str, items: list[Json], names: list[str]) -> Json | None:
    head = {"apiVersion": VERSION}
    if names:
        return next((head | {"kind": kind} | it for it in items if it["metadata"]["name"] == names[0]), None)
    return {**head, "kind": f"{kind}List", "metadata": {}, "items": items}


def _api_resources() -> Json:
    resources = [
        {"name": "nodes", "singularName": "", "namespaced": False, "kind": "NodeMetrics", "verbs": ["get", "list"]},
        {"name": "pods", "singularName": "", "namespaced": True, "kind": "PodMetrics", "verbs": ["get", "list"]},
    ]
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": VERSION, "resources": resources}


@contextmanager
def metrics_server(cluster: ControlPlane) -> Iterator[Scraper]:
    """It runs meanwhile, and `kubectl top` of the cluster asks it."""
    scraper = Scraper(cluster, _token(cluster))
    authority = Authority(cluster.folder / "pki")
    issued = authority.issue(NAME, Identity(NAME, hosts=(f"{NAME}.{NAMESPACE}.svc",), usage=Usage.SERVER))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issued.certificate, issued.key)
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(scraper)) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threads = [threading.Thread(target=server.serve_forever), threading.Thread(target=scraper.run)]
        for thread in threads:
            thread.start()
        try:
            _register(cluster, server.server_address[1], authority.pair.certificate)
            yield scraper
        finally:
            scraper.stopped.set()
            server.shutdown()
            for thread in threads:
                thread.join()


def _handler(scraper: Scraper) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = scraper.answer(self.path)
            content = json.dumps(found or {"kind": "Status", "apiVersion": "v1", "code": 404}).encode()
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    return Handler


def _token(cluster: ControlPlane) -> str:
    """Of a ServiceAccount with the one right that metrics-server has on nodes."""
    subject = {"kind": "ServiceAccount", "name": NAME, "namespace": NAMESPACE}
    role = {"apiGroup": _RBAC, "kind": "ClusterRole", "name": NAME}
    rules = [{"apiGroups": [""], "resources": ["nodes/metrics"], "verbs": ["get"]}]
    _put(cluster, SERVICEACCOUNTS, {"metadata": {"name": NAME, "namespace": NAMESPACE}})
    _put(cluster, _ROLES, {"metadata": {"name": NAME}, "rules": rules})
    _put(cluster, _ROLE_BINDINGS, {"metadata": {"name": NAME}, "roleRef": role, "subjects": [subject]})
    kubeconfig = cluster.kubeconfig_for_service_account(NAMESPACE, NAME)
    return str(kubeconfig["users"][0]["user"]["token"])


def _register(cluster: ControlPlane, port: int, authority: Path) -> None:
    metadata = {"name": NAME, "namespace": NAMESPACE}
    spec = {"type": "ExternalName", "externalName": "localhost", "ports": [{"port": port, "protocol": "TCP"}]}
    _put(cluster, _SERVICES, {"metadata": metadata, "spec": spec})
    described = {
        "group": GROUP,
        "version": "v1beta1",
        "service": {**metadata, "port": port},
        "caBundle": base64.b64encode(authority.read_bytes()).decode(),
        "groupPriorityMinimum": 100,
        "versionPriority": 100,
    }
    _put(cluster, _API_SERVICES, {"metadata": {"name": f"v1beta1.{GROUP}"}, "spec": described})


def _put(cluster: ControlPlane, resource: Resource, manifest: Json) -> None:
    cluster.api.put(resource, {"apiVersion": resource.api_version, "kind": resource.kind, **manifest})
