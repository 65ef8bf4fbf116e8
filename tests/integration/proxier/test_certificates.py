"""Serving certificates from every source, on a real API server and a real signer."""

import base64
import json
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any

import pytest
from cryptography import x509

from oceanctl.sandbox.components import LOOPBACK
from oceanctl.sandbox.pki import Identity, KeyPair, Usage
from oceanctl.sandbox.process import Program
from proxier.serving import forge
from reconciler import names, permissions
from reconciler.kube.resources import CONFIGMAPS, LEASES, NODES, SECRETS, SIGNING_REQUESTS
from tests.integration.kubectl import Kubectl, eventually
from tests.integration.proxier.conftest import NAMESPACE, VNODE, Json, Scene

USAGES = list(names.SERVING_USAGES)


@pytest.fixture(scope="module")
def pod(scene: Scene) -> str:
    scene.run_pod("served", "sleep 3600")
    return "served"


@pytest.fixture
def reconciler(scene: Scene) -> Iterator[Callable[[], None]]:
    """Starts `python -m reconciler`, which approves."""
    folder = scene.proxier.folder
    program = Program(folder, "reconciler")
    settings = {
        "kubeconfig": folder / "reconciler.yaml",
        "state-dir": folder / "state",
        "metrics-port": 0,
        "health-port": 0,
    }
    flags = [f"--{name}={value}" for name, value in settings.items()]
    yield lambda: program.start([sys.executable, "-m", "reconciler", *flags], dict(os.environ))
    program.stop()


@contextmanager
def replica(scene: Scene, address: str, source: str, **settings: Any) -> Iterator[Program]:
    """One more proxier, with a certificate of that source."""
    wanted = {
        **scene.settings,
        "tls_cert_file": "",
        "tls_key_file": "",
        "address": address,
        "advertise_address": address,
        "name": f"{source}-{address}",
        "serving_certificate": source,
        "drain_seconds": 0,
        **settings,
    }
    program = Program(scene.proxier.folder, f"proxier-{source}-{address}")
    program.start([sys.executable, "-m", "proxier", *(f"--{k.replace('_', '-')}={v}" for k, v in wanted.items())])
    try:
        yield program
    finally:
        program.stop()


@contextmanager
def kubelet_at(scene: Scene, address: str) -> Iterator[None]:
    """The API server finds the vnode's kubelet there."""

    def point_to(place: str) -> None:
        status = {"status": {"addresses": [{"type": "InternalIP", "address": place}]}}
        path = NODES.path(VNODE, subresource="status")
        scene.cluster.api._json("PATCH", path, status, "application/merge-patch+json")

    point_to(address)
    try:
        yield
    finally:
        point_to(LOOPBACK)


@contextmanager
def echo(scene: Scene, pod: str) -> Iterator[Callable[[str], str]]:
    """A command that runs on and says back what it is told."""
    command = ["exec", "-i", "-n", NAMESPACE, pod, "--", "cat"]
    line = [str(scene.kubectl.program), f"--kubeconfig={scene.kubectl.kubeconfig}", *command]
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def say(text: str, stdin: IO[str] = process.stdin, stdout: IO[str] = process.stdout) -> str:
            stdin.write(f"{text}\n")
            return stdout.readline().rstrip()

        try:
            yield say
        finally:
            process.kill()


def serial_at(scene: Scene, address: str, authority: str) -> int:
    """The number of the certificate that is served there, which must be valid for the address under that authority; 0 while nobody listens."""
    context = ssl.create_default_context(cadata=authority)
    try:
        plain = socket.create_connection((address, scene.port), timeout=10)
        with plain, context.wrap_socket(plain, server_hostname=address) as secured:
            shown = secured.getpeercert(binary_form=True)
    except ConnectionRefusedError:
        return 0
    assert shown is not None
    return x509.load_der_x509_certificate(shown).serial_number


def cluster_authority(scene: Scene) -> str:
    return scene.authority.pair.certificate.read_text()


def lease_holder(scene: Scene, name: str) -> str | None:
    found = scene.cluster.api.get(LEASES.path(f"kubeocean-proxier-{name}", names.SYSTEM_NAMESPACE))
    return None if found is None else str(found["spec"].get("holderIdentity", ""))


def tls_secret(pair: KeyPair) -> Json:
    files = {"tls.crt": pair.certificate, "tls.key": pair.key}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/tls",
        "metadata": {"name": "serving", "namespace": names.SYSTEM_NAMESPACE},
        "data": {key: base64.b64encode(file.read_bytes()).decode() for key, file in files.items()},
    }


def issued(scene: Scene, name: str, address: str) -> KeyPair:
    return scene.authority.issue(name, Identity("kubeocean-proxier", hosts=(address,), usage=Usage.SERVER))


def test_files_are_taken_up_when_they_change(scene: Scene, pod: str, tmp_path: Path) -> None:
    address, authority = "127.0.0.2", cluster_authority(scene)
    pair = KeyPair(tmp_path / "tls.crt", tmp_path / "tls.key")

    def put(name: str) -> None:
        made = issued(scene, name, address)
        pair.key.write_bytes(made.key.read_bytes())
        pair.certificate.write_bytes(made.certificate.read_bytes())

    with replica(scene, address, "files", tls_cert_file=pair.certificate, tls_key_file=pair.key) as program:
        eventually(lambda: "No such file" in program.log_tail(100))
        assert serial_at(scene, address, authority) == 0
        put("first-file")
        assert_a_rotation_disturbs_nobody(scene, address, pod, partial(put, "second-file"))


def test_a_secret_is_taken_up_when_it_is_there_and_when_it_changes(scene: Scene, pod: str) -> None:
    address = "127.0.0.3"
    with replica(scene, address, "secret", tls_secret=f"{names.SYSTEM_NAMESPACE}/serving") as program:
        eventually(lambda: "serving is not there" in program.log_tail(100))
        assert serial_at(scene, address, cluster_authority(scene)) == 0
        assert not lease_holder(scene, f"secret-{address}")
        scene.cluster.api.apply(SECRETS, tls_secret(issued(scene, "first", address)))
        renew = partial(scene.cluster.api.apply, SECRETS, tls_secret(issued(scene, "second", address)))
        assert_a_rotation_disturbs_nobody(scene, address, pod, renew)
        assert lease_holder(scene, f"secret-{address}") == f"kubeocean-proxier-secret-{address}"


def test_a_request_is_approved_by_us_signed_and_renewed(scene: Scene, pod: str, reconciler: Callable[[], None]) -> None:
    address = "127.0.0.4"
    with replica(scene, address, "csr") as program:
        eventually(lambda: "is not approved yet" in program.log_tail(100))
        assert serial_at(scene, address, cluster_authority(scene)) == 0
        assert lease_holder(scene, f"csr-{address}") == ""
        reconciler()
        assert_a_rotation_disturbs_nobody(scene, address, pod, lambda: None)
        assert "PRIVATE KEY" not in program.log.read_text()
    asked = [
        each for each in scene.cluster.api.get(SIGNING_REQUESTS.path())["items"] if address in each["metadata"]["name"]
    ]
    assert len(asked) >= 2
    assert {each["spec"]["username"] for each in asked} == {permissions.PROXIER_USER}


def assert_a_rotation_disturbs_nobody(scene: Scene, address: str, pod: str, rotate: Callable[[], object]) -> None:
    """A command that runs goes on, and who comes anew gets the new certificate; all through the API server, which verifies it."""
    authority = cluster_authority(scene)
    first = eventually(lambda: serial_at(scene, address, authority), 30)
    with kubelet_at(scene, address), echo(scene, pod) as say:
        assert say("before") == "before"
        rotate()
        eventually(lambda: serial_at(scene, address, authority) != first, 90)
        assert say("after") == "after"
        assert scene.kubectl.run("logs", "-n", NAMESPACE, pod, "--tail=1").startswith("started c1 ")


def bundle(scene: Scene) -> str:
    found = scene.cluster.api.get(CONFIGMAPS.path(names.PROXIER_AUTHORITY, names.SYSTEM_NAMESPACE))
    return str((found.get("data") or {}).get(names.AUTHORITY_BUNDLE, ""))


def test_replicas_share_an_authority_of_their_own(scene: Scene) -> None:
    addresses = ("127.0.0.5", "127.0.0.6", "127.0.0.7")
    first, second, third = (replica(scene, each, "own-ca") for each in addresses)
    with first, second, third:
        authority = eventually(lambda: bundle(scene))
        assert authority.count("BEGIN CERTIFICATE") == 1
        for each in addresses:
            eventually(partial(serial_at, scene, each, authority), 30)
        scene.empty_authority()
        another = eventually(lambda: bundle(scene) if bundle(scene) != authority else "", 30)
        for each in addresses:
            eventually(partial(is_trusted_at, scene, each, another), 30)
        assert bundle(scene) == another


def is_trusted_at(scene: Scene, address: str, authority: str) -> bool:
    try:
        return serial_at(scene, address, authority) > 0
    except ssl.SSLCertVerificationError:
        return False


def request_as(kubectl: Kubectl, name: str, pem: bytes, **spec: Any) -> None:
    wanted = {"signerName": names.SERVING_SIGNER, "usages": USAGES, "request": base64.b64encode(pem).decode(), **spec}
    manifest = {
        "apiVersion": SIGNING_REQUESTS.api_version,
        "kind": SIGNING_REQUESTS.kind,
        "metadata": {"name": name},
        "spec": wanted,
    }
    kubectl.run("create", "--validate=false", "-f", "-", stdin=json.dumps(manifest))


def pem_for(common_name: str, address: str) -> bytes:
    return forge.request_for(forge.new_key(), common_name, address)


def test_forged_requests_are_denied_and_foreign_ones_left_alone(scene: Scene, reconciler: Callable[[], None]) -> None:
    reconciler()
    administrator = scene.kubectl
    proxier = Kubectl(administrator.program, scene.proxier.folder / "proxier.yaml")
    in_its_name = pem_for("system:node:kubeocean-proxier-nobody", "127.0.0.9")
    request_as(administrator, "by-another", in_its_name)
    request_as(proxier, "of-nobody", in_its_name)
    request_as(proxier, "two-usages", in_its_name, usages=USAGES[::2])
    request_as(administrator, "of-a-kubelet", pem_for("system:node:n7", "127.0.0.9"))
    expected = {
        "by-another": "asked for by sandbox-admin",
        "of-nobody": "no living proxier is named system:node:kubeocean-proxier-nobody",
        "two-usages": "usages are not exactly",
    }
    for name, why in expected.items():
        (condition,) = eventually(partial(conditions_of, scene, name), 30)
        assert (condition["type"], condition["reason"]) == ("Denied", "KubeoceanProxier")
        assert condition["message"].startswith(why)
    assert conditions_of(scene, "of-a-kubelet") == []


def conditions_of(scene: Scene, name: str) -> list[Json]:
    found = scene.cluster.api.get(SIGNING_REQUESTS.path(name))
    return list(found["status"].get("conditions", []))
