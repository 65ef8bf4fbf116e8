"""What Kubeocean needs in its clusters: definitions, permissions and credentials, in the sandbox exactly as anywhere else."""

import base64
import json
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import crds
from oceanctl.sandbox import kubeconfig
from oceanctl.sandbox.controlplane import ControlPlane
from oceanctl.sandbox.errors import NotReadyError
from reconciler import permissions
from reconciler.kube.resources import CONFIGMAPS, CRDS, NAMESPACES, SECRETS, SERVICEACCOUNTS, Resource
from reconciler.names import KUBECONFIG_KEY, PROXIER_KUBECONFIG_KEY, SYSTEM_NAMESPACE

MOUNT_NAMESPACE: Final = "kubeocean-worker"
_ESTABLISHED_SECONDS: Final = 30.0
_POLL_SECONDS: Final = 0.1
_RBAC: Final = "rbac.authorization.k8s.io"
_RESOURCES: Final = {
    resource.kind: resource
    for resource in (
        NAMESPACES,
        SERVICEACCOUNTS,
        SECRETS,
        CONFIGMAPS,
        Resource(_RBAC, "v1", "roles", "Role"),
        Resource(_RBAC, "v1", "rolebindings", "RoleBinding"),
        Resource(_RBAC, "v1", "clusterroles", "ClusterRole", namespaced=False),
        Resource(_RBAC, "v1", "clusterrolebindings", "ClusterRoleBinding", namespaced=False),
    )
}


def install_computing(cluster: ControlPlane, reconciler_kubeconfig: Path) -> None:
    """Definitions, namespace and permissions, and kubeconfigs of the ServiceAccounts as files: the reconciler's, and `proxier.yaml` beside it."""
    definitions = crds.load()
    for definition in definitions:
        cluster.api.put(CRDS, definition)
    _apply(cluster, (*permissions.computing_manifests(), *permissions.proxier_computing_manifests()))
    for definition in definitions:
        _await_established(cluster, definition["metadata"]["name"])
    of_proxier = reconciler_kubeconfig.with_name("proxier.yaml")
    for file, account in ((reconciler_kubeconfig, permissions.ACCOUNT), (of_proxier, permissions.PROXIER_ACCOUNT)):
        if not file.exists():
            kubeconfig.write(file, cluster.kubeconfig_for_service_account(SYSTEM_NAMESPACE, account))


def install_worker(cluster: ControlPlane) -> None:
    """Namespace, ServiceAccounts and RBAC: all that a worker ever gets."""
    of_proxier = permissions.proxier_worker_manifests(MOUNT_NAMESPACE)
    _apply(cluster, (*permissions.worker_manifests(MOUNT_NAMESPACE), *of_proxier))


def introduce(worker: ControlPlane, computing: ControlPlane) -> None:
    """Store the kubeconfigs of the worker's ServiceAccounts as the Secret that bindings refer to; those that are there stay."""
    name = f"{worker.name}-kubeconfig"
    accounts = {KUBECONFIG_KEY: permissions.WORKER_ACCOUNT, PROXIER_KUBECONFIG_KEY: permissions.PROXIER_ACCOUNT}
    there = (computing.api.get(SECRETS.path(name, SYSTEM_NAMESPACE)) or {}).get("data", {})
    if accounts.keys() <= there.keys():
        return
    made = {
        key: base64.b64encode(json.dumps(worker.kubeconfig_for_service_account(MOUNT_NAMESPACE, account)).encode())
        for key, account in accounts.items()
        if key not in there
    }
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": SYSTEM_NAMESPACE},
        "data": there | {key: encoded.decode() for key, encoded in made.items()},
    }
    computing.api.apply(SECRETS, secret)


def _apply(cluster: ControlPlane, manifests: Iterable[Mapping[str, Any]]) -> None:
    for manifest in manifests:
        cluster.api.apply(_RESOURCES[manifest["kind"]], manifest)


def _await_established(cluster: ControlPlane, name: str) -> None:
    give_up_at = time.monotonic() + _ESTABLISHED_SECONDS
    while not _is_established(cluster.api.get(CRDS.path(name))):
        if time.monotonic() > give_up_at:
            raise NotReadyError(f"the definition {name} is not established after {_ESTABLISHED_SECONDS:g} s")
        time.sleep(_POLL_SECONDS)


def _is_established(definition: Mapping[str, Any]) -> bool:
    conditions = definition.get("status", {}).get("conditions", ())
    return any(condition["type"] == "Established" and condition["status"] == "True" for condition in conditions)
