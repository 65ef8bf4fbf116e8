"""An admission webhook of a cluster's owner, on loopback."""

import base64
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from oceanctl.sandbox.components import LOOPBACK
from oceanctl.sandbox.controlplane import ControlPlane
from oceanctl.sandbox.pki import Authority, Identity, KeyPair, Usage
from reconciler.kube.resources import Resource

WEBHOOKS = Resource(
    "admissionregistration.k8s.io",
    "v1",
    "validatingwebhookconfigurations",
    "ValidatingWebhookConfiguration",
    namespaced=False,
)


@contextmanager
def denying(cluster: ControlPlane, resource: str, word: str) -> Iterator[None]:
    """Updates of a core resource whose object says `word` are refused, until the context ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["request"]
            is_allowed = word not in json.dumps(request["object"])
            response = {
                "uid": request["uid"],
                "allowed": is_allowed,
                "status": {"message": f"{word} is against the rules"},
            }
            review = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}
            body = json.dumps(review).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    name = f"{cluster.name}-webhook"
    serving = Identity(name, hosts=(LOOPBACK,), usage=Usage.SERVER)
    with _serving(Handler, Authority(cluster.folder / "pki").issue(name, serving)) as port:
        cluster.api.put(WEBHOOKS, _configuration(cluster, resource, port))
        try:
            yield
        finally:
            cluster.api.delete(WEBHOOKS.path("rules"))


def _configuration(cluster: ControlPlane, resource: str, port: int) -> dict[str, object]:
    authority = base64.b64encode(cluster.credentials.authority.certificate.read_bytes()).decode()
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["UPDATE"], "resources": [resource]}
    webhook = {
        "name": "rules.example.com",
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "failurePolicy": "Fail",
        "clientConfig": {"url": f"https://{LOOPBACK}:{port}/", "caBundle": authority},
        "rules": [rule],
    }
    head = {"apiVersion": WEBHOOKS.api_version, "kind": WEBHOOKS.kind, "metadata": {"name": "rules"}}
    return {**head, "webhooks": [webhook]}


@contextmanager
def _serving(handler: type[BaseHTTPRequestHandler], pair: KeyPair) -> Iterator[int]:
    server = ThreadingHTTPServer((LOOPBACK, 0), handler)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(pair.certificate, pair.key)
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, name="webhook")
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
