"""What a worker pod will lack of its computing pod, to be told to the user when it is created; names only, never contents."""

from collections.abc import Iterator
from dataclasses import dataclass

from reconciler import names
from reconciler.decision import Manifest
from reconciler.topdown.container_forge import variable_is_credential, variables_are_credential
from reconciler.topdown.credentials import is_api_access
from reconciler.topdown.renaming import Renaming
from reconciler.topdown.volume_forge import projection_is_credential


@dataclass(frozen=True, slots=True)
class Shortfall:
    """One kind of thing that is missing, as an Event says it."""

    reason: str
    message: str


def shortfalls_of(spec: Manifest, renaming: Renaming) -> tuple[Shortfall, ...]:
    """At most one of each kind."""
    found = (
        (
            names.EVENT_CREDENTIAL_LEFT_OUT,
            "started without a service-account token: {} empty or missing in the worker cluster",
            _credentials(spec, renaming),
        ),
        (
            names.EVENT_VOLUME_LEFT_OUT,
            "cannot start: persistent volume claims are not mirrored to worker clusters: {}",
            (
                it["persistentVolumeClaim"].get("claimName", "")
                for it in _volumes(spec)
                if "persistentVolumeClaim" in it
            ),
        ),
        (
            names.EVENT_CLAIM_LEFT_OUT,
            "started without its devices: resource claims are not mirrored to worker clusters: {}",
            (it.get("name", "") for it in spec.get("resourceClaims") or ()),
        ),
    )
    told = ((reason, message, ", ".join(sorted(set(things)))) for reason, message, things in found)
    return tuple(Shortfall(reason, message.format(things)) for reason, message, things in told if things)


def _credentials(spec: Manifest, renaming: Renaming) -> Iterator[str]:
    for volume in _volumes(spec):
        if _holds_credential(volume, renaming):
            yield f"volume {volume['name']}"
    for container in (*(spec.get("containers") or ()), *(spec.get("initContainers") or ())):
        for variable in container.get("env") or ():
            if variable_is_credential(variable, renaming):
                yield f"variable {variable['name']}"
        for variables in container.get("envFrom") or ():
            if variables_are_credential(variables, renaming):
                yield f"variables of container {container['name']}"


def _holds_credential(volume: Manifest, renaming: Renaming) -> bool:
    if is_api_access(volume) or volume.get("secret", {}).get("secretName") in renaming.tokens:
        return True
    return any(projection_is_credential(it, renaming) for it in volume.get("projected", {}).get("sources") or ())


def _volumes(spec: Manifest) -> tuple[Manifest, ...]:
    return tuple(spec.get("volumes") or ())
