"""A computing pod's container as the worker pod needs it: variables renamed, credentials left out, everything unknown untouched."""

from collections.abc import Collection
from typing import Any

from reconciler.decision import Manifest
from reconciler.topdown.renaming import Renaming, field_ref_for


def container_for(container: Manifest, renaming: Renaming) -> Manifest:
    """The container of the worker pod."""
    forged: dict[str, Any] = dict(container)
    if "env" in container:
        kept = [it for it in container["env"] or () if not variable_is_credential(it, renaming)]
        forged["env"] = [_variable(it, renaming) for it in kept]
    if "envFrom" in container:
        kept = [it for it in container["envFrom"] or () if not variables_are_credential(it, renaming)]
        forged["envFrom"] = [_variables(it, renaming) for it in kept]
    if "claims" in container.get("resources", {}):
        forged["resources"] = {field: it for field, it in container["resources"].items() if field != "claims"}
    return forged


def ephemeral_container_for(container: Manifest, renaming: Renaming, mountable: Collection[str]) -> Manifest:
    """The ephemeral container of a worker pod that is there already; it sees what is `mountable` of that pod's volumes."""
    forged = container_for(container, renaming)
    mounts = {
        field: [it for it in container[field] or () if it.get("name") in mountable]
        for field in ("volumeMounts", "volumeDevices")
        if field in container
    }
    return {**forged, **mounts}


def variable_is_credential(variable: Manifest, renaming: Renaming) -> bool:
    """Whether a variable takes its value from a service-account token."""
    return variable.get("valueFrom", {}).get("secretKeyRef", {}).get("name") in renaming.tokens


def variables_are_credential(variables: Manifest, renaming: Renaming) -> bool:
    """Whether a set of variables is a service-account token."""
    return variables.get("secretRef", {}).get("name") in renaming.tokens


def _variable(variable: Manifest, renaming: Renaming) -> Manifest:
    value_from = variable.get("valueFrom", {})
    if value_from.get("fieldRef", {}).get("fieldPath") == "spec.serviceAccountName":
        return {"name": variable["name"], "value": renaming.service_account}
    if not value_from:
        return variable
    return {**variable, "valueFrom": _value_from(value_from, renaming)}


def _value_from(value_from: Manifest, renaming: Renaming) -> Manifest:
    if "configMapKeyRef" in value_from:
        return {**value_from, "configMapKeyRef": renaming.config_map(value_from["configMapKeyRef"])}
    if "secretKeyRef" in value_from:
        return {**value_from, "secretKeyRef": renaming.secret(value_from["secretKeyRef"])}
    if "fieldRef" in value_from:
        return {**value_from, "fieldRef": field_ref_for(value_from["fieldRef"])}
    return value_from


def _variables(variables: Manifest, renaming: Renaming) -> Manifest:
    if "configMapRef" in variables:
        return {**variables, "configMapRef": renaming.config_map(variables["configMapRef"])}
    if "secretRef" in variables:
        return {**variables, "secretRef": renaming.secret(variables["secretRef"])}
    return variables
