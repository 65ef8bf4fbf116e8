"""Inventories and live objects for tests of the git loop, made from real manifests."""

from collections.abc import Mapping, Sequence
from typing import Any

from inventory import names as inventory_names
from inventory.errors import Position
from inventory.manifests import binding_from, policy_from
from inventory.model import Guards, Inventory, Located
from reconciler.gitops.state import Record, Source, State, config_map_for, record_from

API = inventory_names.API_VERSION
SOURCE = Source("https://git.example/fleet.git", "main")
HUB = "uid-of-hub"
FIRST, SECOND = "1" * 40, "2" * 40

Manifest = dict[str, Any]


def binding(name: str = "east") -> Manifest:
    spec = {"clusterID": name, "secretRef": {"name": name, "namespace": "kubeocean-system"}, "mountNamespace": "lent"}
    return {"apiVersion": API, "kind": inventory_names.BINDING_KIND, "metadata": {"name": name}, "spec": spec}


def policy(name: str = "night", cluster: str = "east", **spec: Any) -> Manifest:
    metadata = {"name": name}
    return {
        "apiVersion": API,
        "kind": inventory_names.POLICY_KIND,
        "metadata": metadata,
        "spec": {"cluster": cluster, **spec},
    }


def inventory(*manifests: Manifest, guards: Guards | None = None, inventory_id: str | None = "quick") -> Inventory:
    at = Position("fleet.yaml")
    bindings = [
        Located(binding_from(each), each, at) for each in manifests if each["kind"] == inventory_names.BINDING_KIND
    ]
    policies = [
        Located(policy_from(each), each, at) for each in manifests if each["kind"] == inventory_names.POLICY_KIND
    ]
    return Inventory(inventory_id, tuple(bindings), tuple(policies), guards or Guards())


def live(
    manifest: Manifest, *, owner: str | None = "quick", uid: str = "", annotations: Mapping[str, str] | None = None
) -> Manifest:
    """As the API server has it after an apply."""
    labels = {inventory_names.INVENTORY_ID: owner} if owner else {}
    fields = {
        "f:spec": {f"f:{key}": {} for key in manifest["spec"]},
        "f:metadata": {"f:labels": {f"f:{inventory_names.INVENTORY_ID}": {}}},
    }
    managed = {"manager": inventory_names.GIT_FIELD_MANAGER, "operation": "Apply", "fieldsV1": fields}
    metadata = {
        **manifest["metadata"],
        "uid": uid or f"uid-{manifest['metadata']['name']}",
        "generation": 1,
        "labels": labels,
        "annotations": dict(annotations or {}),
        "managedFields": [managed],
    }
    return {**manifest, "metadata": metadata}


def record(
    *,
    revision: str | None = FIRST,
    source: str | None = SOURCE.fingerprint,
    cluster: str | None = HUB,
    approvals: Sequence[str] = (),
) -> Record:
    state = State("quick", revision=revision, source=source, cluster_uid=cluster)
    found = config_map_for(state, SOURCE)
    annotations = {"kubeocean.io/approve": ",".join(approvals)} if approvals else {}
    metadata = {**found["metadata"], "uid": "u", "resourceVersion": "1", "annotations": annotations}
    return record_from({**found, "metadata": metadata})
