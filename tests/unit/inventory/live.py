"""Live custom resources as an API server shows them, for tests of plans."""

import copy
from collections.abc import Mapping
from typing import Any

from inventory.names import GIT_FIELD_MANAGER, INVENTORY_ID

DEFAULTS: Mapping[str, Mapping[str, object]] = {
    "ResourceLeasingPolicy": {"timeZone": "UTC", "priority": 0, "drainSeconds": 60, "suspend": False},
    "ClusterBinding": {"podPriorityClassName": "kubeocean-default", "suspend": False},
}


def applied(manifest: Mapping[str, Any], inventory_id: str = "prod", uid: str = "u1") -> dict[str, Any]:
    """What the server holds after this manifest was applied from Git: defaulted, with its managers."""
    written = copy.deepcopy(dict(manifest))
    labels = {**written["metadata"].get("labels", {}), INVENTORY_ID: inventory_id}
    written["metadata"] = {**written["metadata"], "labels": labels}
    marks = {"f:labels": fields(labels), "f:annotations": fields(written["metadata"].get("annotations", {}))}
    owned = {"f:metadata": marks, "f:spec": fields(written["spec"])}
    entry = {"manager": GIT_FIELD_MANAGER, "operation": "Apply", "fieldsV1": owned}
    spec = {**DEFAULTS[written["kind"]], **written["spec"]}
    metadata = {**written["metadata"], "uid": uid, "generation": 1, "managedFields": [entry]}
    return {**written, "metadata": metadata, "spec": spec}


def fields(tree: Mapping[str, Any]) -> dict[str, Any]:
    """A field set that owns everything of a tree."""
    owned = {f"f:{key}": fields(value) if isinstance(value, Mapping) else {} for key, value in tree.items()}
    return {".": {}, **owned}


def edited(live: Mapping[str, Any], manager: str = "kubectl-edit", **spec: Any) -> dict[str, Any]:
    """What the server holds after somebody set these fields of the spec."""
    changed = copy.deepcopy(dict(live))
    changed["spec"] |= spec
    for entry in changed["metadata"]["managedFields"]:
        for key in spec:
            entry["fieldsV1"]["f:spec"].pop(f"f:{key}", None)
    entry = {"manager": manager, "operation": "Update", "fieldsV1": {"f:spec": fields(spec)}}
    changed["metadata"]["managedFields"].append(entry)
    return changed
