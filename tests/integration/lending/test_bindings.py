"""Bindings that are wrong, become wrong, and are mended; and their end (issue case 10)."""

import base64
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from oceanctl.sandbox import pki
from reconciler import names
from reconciler.kube.resources import NODES, PODS, SECRETS, Resource
from tests.integration.lending.hands import MOUNT, Hands, Json, binding, found, policy, removed, sleeper

SYSTEM = names.SYSTEM_NAMESPACE
ROLES = Resource("rbac.authorization.k8s.io", "v1", "roles", "Role")


async def kubeconfig_of(fleet: Hands, worker: str) -> Json:
    secret = await fleet.find(SECRETS, f"{worker}-kubeconfig", SYSTEM)
    assert secret is not None
    content: Json = json.loads(base64.b64decode(secret["data"]["kubeconfig"]))
    return content


async def store(fleet: Hands, name: str, kubeconfig: Json) -> None:
    encoded = base64.b64encode(json.dumps(kubeconfig).encode()).decode()
    manifest = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": SYSTEM},
        "data": {"kubeconfig": encoded},
    }
    await fleet.computing.apply(SECRETS, name, manifest, SYSTEM, field_manager="tests")


async def ready_says(fleet: Hands, name: str, reason: str) -> Json:
    async def probe() -> Json | None:
        condition = await fleet.condition(names.BINDINGS, name, "Ready")
        return condition if condition and condition["reason"] == reason else None

    return await fleet.until(probe, f"binding {name} to be {reason}")


async def phase_of(fleet: Hands, name: str) -> str:
    item = await fleet.find(names.BINDINGS, name)
    return str(item["status"]["phase"]) if item else ""


@pytest.fixture
async def spare(fleet: Hands) -> AsyncIterator[str]:
    """The name of a binding of the test's own; it and its Secret are removed afterwards."""
    name = "spare"
    yield name
    item = await found(fleet.computing, names.BINDINGS, name)
    if item is not None:
        await fleet.computing.patch(names.BINDINGS, name, {"metadata": {"annotations": {names.ABANDON_WORKER: "true"}}})
        await removed(fleet.computing, names.BINDINGS, name)

    async def is_gone() -> bool:
        return await found(fleet.computing, names.BINDINGS, name) is None

    await fleet.until(is_gone, "the spare binding to go")
    await removed(fleet.computing, SECRETS, "spare-kubeconfig", SYSTEM)


BAD: list[tuple[str, dict[str, Any], str]] = [
    ("exec", {"exec": {"command": "sh"}, "token": None}, "exec"),
    ("token file", {"tokenFile": "/etc/passwd", "token": None}, "tokenFile"),
    ("nothing", {"token": None}, "no credential"),
]


@pytest.mark.parametrize(("change", "said"), [(row[1], row[2]) for row in BAD], ids=[row[0] for row in BAD])
async def test_a_kubeconfig_that_cannot_be_trusted_is_refused_by_its_field(
    fleet: Hands, spare: str, change: dict[str, Any], said: str
) -> None:
    kubeconfig = await kubeconfig_of(fleet, "worker-1")
    user = kubeconfig["users"][0]["user"]
    kubeconfig["users"][0]["user"] = {key: value for key, value in {**user, **change}.items() if value is not None}
    await store(fleet, "spare-kubeconfig", kubeconfig)
    await fleet.apply(binding(spare, mountNamespace="spare"))
    condition = await ready_says(fleet, spare, "KubeconfigInvalid")
    assert said in condition["message"]
    assert await phase_of(fleet, spare) == "Failed"


async def test_a_binding_without_its_secret_recovers_when_it_comes(fleet: Hands, spare: str) -> None:
    await fleet.apply(binding(spare, mountNamespace="spare"))
    condition = await ready_says(fleet, spare, "KubeconfigInvalid")
    assert "spare-kubeconfig is not there" in condition["message"]
    await store(fleet, "spare-kubeconfig", await kubeconfig_of(fleet, "worker-1"))
    condition = await ready_says(fleet, spare, "PermissionsMissing")
    assert "create pods in spare" in condition["message"]


async def test_a_wrong_token_is_named_and_mended_without_a_restart(fleet: Hands, spare: str) -> None:
    kubeconfig = await kubeconfig_of(fleet, "worker-1")
    good = kubeconfig["users"][0]["user"]
    kubeconfig["users"][0]["user"] = {**good, "token": "not-a-token"}
    await store(fleet, "spare-kubeconfig", kubeconfig)
    await fleet.apply(binding(spare, mountNamespace="spare"))
    condition = await ready_says(fleet, spare, "Unauthorized")
    assert "not-a-token" not in condition["message"]
    kubeconfig["users"][0]["user"] = good
    await store(fleet, "spare-kubeconfig", kubeconfig)
    await ready_says(fleet, spare, "PermissionsMissing")


async def test_two_bindings_of_one_cluster_id_leave_the_younger_failed(fleet: Hands, spare: str) -> None:
    await fleet.apply(binding(spare, clusterID="worker-1", mountNamespace="spare"))
    condition = await ready_says(fleet, spare, "DuplicateClusterID")
    assert "worker-1" in condition["message"]
    assert await phase_of(fleet, "worker-1") == "Ready"


async def test_two_bindings_of_one_worker_and_namespace_leave_the_younger_failed(fleet: Hands, spare: str) -> None:
    await store(fleet, "spare-kubeconfig", await kubeconfig_of(fleet, "worker-1"))
    await fleet.apply(binding(spare))
    condition = await ready_says(fleet, spare, "DuplicateWorker")
    assert "worker-1" in condition["message"]


async def test_a_missing_permission_is_named_and_its_return_noticed(fleet: Hands) -> None:
    worker = fleet.workers["worker-1"]
    role_name = "kubeocean-syncer-kubeocean-worker"
    role = await worker.get(ROLES, role_name, MOUNT)
    pods = {**role["rules"][0], "resources": ["pods"], "verbs": ["get", "list", "watch", "delete"]}
    narrowed = [pods, *(rule for rule in role["rules"] if rule["resources"] != ["pods"])]
    await worker.patch(ROLES, role_name, {"rules": narrowed}, MOUNT)
    try:
        await fleet.patch(names.BINDINGS, "worker-1", {"metadata": {"annotations": {"touch": "1"}}})
        condition = await ready_says(fleet, "worker-1", "PermissionsMissing")
        assert "create pods in kubeocean-worker" in condition["message"]
        assert "patch pods in kubeocean-worker" in condition["message"]
        assert len(await fleet.vnodes("worker-1")) == 3
    finally:
        await worker.patch(ROLES, role_name, {"rules": role["rules"]}, MOUNT)
        await fleet.patch(names.BINDINGS, "worker-1", {"metadata": {"annotations": {"touch": None}}})
    await ready_says(fleet, "worker-1", "ValidationPassed")


async def test_a_kubeconfig_that_leads_to_another_cluster_changes_nothing(fleet: Hands) -> None:
    node = "vnode-worker-1-worker-1-node-1"
    await fleet.create(PODS, sleeper("steady", node=node))
    before = await fleet.running("steady")
    right, wrong = await kubeconfig_of(fleet, "worker-1"), await kubeconfig_of(fleet, "worker-2")
    await store(fleet, "worker-1-kubeconfig", wrong)
    try:
        condition = await ready_says(fleet, "worker-1", "WrongCluster")
        assert condition["status"] == "False"
        pod = await fleet.pod("steady")
        assert pod is not None
        assert (pod["metadata"]["uid"], pod["status"]["phase"]) == (before["metadata"]["uid"], "Running")
        assert await fleet.worker_pods("worker-2", "steady") == []
    finally:
        await store(fleet, "worker-1-kubeconfig", right)
    await ready_says(fleet, "worker-1", "ValidationPassed")
    await fleet.vnodes_ready(3, "worker-1")
    await fleet.create(PODS, sleeper("later", node=node))
    await fleet.running("later")


async def test_a_rotated_kubeconfig_is_taken_up_without_a_restart(fleet: Hands) -> None:
    fresh = fleet.sandbox.cluster("worker-1").kubeconfig_for_service_account(MOUNT, "kubeocean-syncer")
    await store(fleet, "worker-1-kubeconfig", fresh)
    await fleet.create(PODS, sleeper("rotated", node="vnode-worker-1-worker-1-node-1"))
    await fleet.running("rotated")


async def test_an_expired_certificate_is_named(fleet: Hands, spare: str) -> None:
    worker = fleet.sandbox.cluster("worker-1")
    kubeconfig = await kubeconfig_of(fleet, "worker-1")
    kubeconfig["users"][0]["user"] = expired_user(worker.folder / "pki")
    await store(fleet, "spare-kubeconfig", kubeconfig)
    await fleet.apply(binding(spare, mountNamespace="spare"))

    async def is_named() -> Json | None:
        condition = await fleet.condition(names.BINDINGS, spare, "Ready")
        return condition if condition and "expired" in condition["message"] else None

    await fleet.until(is_named, "the expiry to be named")
    assert await phase_of(fleet, spare) == "Failed"


async def test_a_deleted_binding_gives_everything_back(fleet: Hands) -> None:
    node = "vnode-worker-2-worker-2-node-1"
    await fleet.create(PODS, sleeper("tenant", node=node))
    await fleet.running("tenant")
    await fleet.delete(names.BINDINGS, "worker-2")
    try:

        async def is_gone() -> bool:
            return await fleet.find(names.BINDINGS, "worker-2") is None

        await fleet.until(is_gone, "the binding to go", 90)
        assert await fleet.vnodes("worker-2") == []
        for resource in (PODS, SECRETS, Resource("", "v1", "configmaps", "ConfigMap")):
            left = await fleet.workers["worker-2"].list(
                resource, MOUNT, label_selector=f"{names.MANAGED_BY}={names.MANAGED_BY_VALUE}"
            )
            assert left == []
        assert await fleet.find(NODES, "vnode-worker-1-worker-1-node-1") is not None
    finally:
        await fleet.apply(binding("worker-2"))
        await fleet.apply(policy("worker-2-always", "worker-2"))
    await fleet.vnodes_ready(3, "worker-2")


def expired_user(folder: Path) -> Json:
    """The kubeconfig user of a certificate of this authority that ended yesterday."""
    key = ec.generate_private_key(ec.SECP256R1())
    authority = x509.load_pem_x509_certificate((folder / "ca.crt").read_bytes())
    yesterday = datetime.now(UTC) - timedelta(days=1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "late")]))
        .issuer_name(authority.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(yesterday - timedelta(days=1))
        .not_valid_after(yesterday)
        .sign(pki.load_key(folder / "ca.key"), hashes.SHA256())
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return {
        "client-certificate-data": base64.b64encode(certificate.public_bytes(serialization.Encoding.PEM)).decode(),
        "client-key-data": base64.b64encode(pem).decode(),
    }
